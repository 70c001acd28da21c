/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest of secrets.c runs, in 64-bit mode, without a stack.  Each value comes
 * about where it stays; only the seed is in memory.
 */
#include "secret_values.h"

.macro value reg, i
	movq	SEED_AT, \reg
	imulq	$MUL_1(\i), \reg, \reg
	bswapq	\reg
	imulq	$MUL_2(\i), \reg, \reg
	bswapq	\reg
	imulq	$MUL_3(\i), \reg, \reg
.endm

/* Both halves of a vector register, the upper one first. */
.macro vector k
	value	%rax, (16+2*(2*\k+1))
	vmovq	%rax, %xmm\k
	value	%rax, (17+2*(2*\k+1))
	vpinsrq	$1, %rax, %xmm\k, %xmm\k
	vinserti128 $1, %xmm\k, %ymm\k, %ymm\k
	value	%rax, (16+2*(2*\k))
	pinsrq	$0, %rax, %xmm\k
	value	%rax, (17+2*(2*\k))
	pinsrq	$1, %rax, %xmm\k
.endm

	.section .rodata
	.globl	guest_begin, guest_end
guest_begin:
	.irp	k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	\k
	.endr
	value	%rcx, 1
	value	%rdx, 2
	value	%rbx, 3
	value	%rsp, 4
	value	%rbp, 5
	value	%rsi, 6
	value	%rdi, 7
	value	%r8, 8
	value	%r9, 9
	value	%r10, 10
	value	%r11, 11
	value	%r12, 12
	value	%r13, 13
	value	%r14, 14
	value	%r15, 15
	value	%rax, 0
	hlt
	outb	%al, $PORT
	movq	%rbx, MMIO_AT
	jmp	.
guest_end:
	.section .note.GNU-stack,"",@progbits
