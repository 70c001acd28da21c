/* SPDX-License-Identifier: GPL-2.0 */
/* What guests run, in 64-bit mode, without a stack. */
#include "kvm_util.h"

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
/* For secrets.c: each value comes about where it stays; only the seed is in memory. */
	.globl	guest_begin, guest_end, sleeper_begin, sleeper_end
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
	/* HLT waits in the kernel if that has the interrupts. */
	.set	sleeper_begin, guest_begin
	.set	sleeper_end, guest_end

/*
 * For kvm.c: do the registers keep what the host has put into memory?  To the port: 0 if
 * they did, for as many rounds as ROUNDS_AT has and SPINS turns each, 1 if a general
 * register did not, 2 if a vector register.  Two vCPUs can do it at once.
 */
.macro general macro
	\macro	%rax, 0
	\macro	%rcx, 1
	\macro	%rdx, 2
	\macro	%rbx, 3
	\macro	%rsp, 4
	\macro	%rbp, 5
	\macro	%rsi, 6
	\macro	%rdi, 7
	\macro	%r8, 8
	\macro	%r9, 9
	\macro	%r10, 10
	\macro	%r11, 11
	\macro	%r12, 12
	\macro	%r13, 13
	\macro	%r14, 14
	\macro	%r15, 15
.endm
.macro load reg, i
	movq	GPRS_AT+8*\i, \reg
.endm
.macro check reg, i
	cmpq	GPRS_AT+8*\i, \reg
	jne	7f
.endm

	.globl	keeper_begin, keeper_end
keeper_begin:
	.irp	k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqu	VECTORS_AT+32*\k, %ymm\k
	.endr
	general	load
1:	movl	$0, TURN_AT
2:	incl	TURN_AT
	cmpl	$SPINS, TURN_AT
	jb	2b
	general	check
	.irp	k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqu	%ymm\k, SAVED_AT+32*\k
	.endr
	movl	$16*32/8, %ecx
	movl	$SAVED_AT, %esi
	movl	$VECTORS_AT, %edi
	cld
	repe cmpsq
	jne	8f
	general	load
	lock decl ROUNDS_AT
	jg	1b
	movl	$0, %eax
	jmp	9f
7:	movl	$1, %eax
	jmp	9f
8:	movl	$2, %eax
9:	outb	%al, $PORT
	jmp	keeper_begin
keeper_end:
	.section .note.GNU-stack,"",@progbits
