/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guests run at EL1, without a stack and without page tables, so that SP can be the
 * address of something else.
 */
#include "kvm_util.h"

	.arch	armv8.3-a+sve
#define ZCR_EL1		S3_0_C1_C2_0
#define IN_MEMORY(at)	99b + (at) - CODE_AT

.macro value reg, i
	ldr	\reg, IN_MEMORY(SEED_AT)
	add	\reg, \reg, #ADD(\i)
	add	\reg, \reg, \reg, lsl #LEFT_1
	eor	\reg, \reg, \reg, lsr #RIGHT_1
	add	\reg, \reg, \reg, lsl #LEFT_2
	eor	\reg, \reg, \reg, lsr #RIGHT_2
	add	\reg, \reg, \reg, lsl #LEFT_3
.endm

.macro key i, lo, hi
	value	x0, (FIRST_KEY+2*\i)
	msr	\lo, x0
	value	x0, (FIRST_KEY+2*\i+1)
	msr	\hi, x0
.endm

.macro all_vectors macro
	.irp	k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\macro	\k
	.endr
	.irp	k, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\k
	.endr
.endm

/* All general registers but the 31st. */
.macro general macro
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
	\macro	\n
	.endr
	.irp	n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
	\macro	\n
	.endr
.endm

/* The FPU and SVE on, with registers of 256 bits; w1: what this guest has. */
.macro switch_on
	mov	x0, #(3 << 20 | 3 << 16)
	msr	cpacr_el1, x0
	isb
	ldr	w1, IN_MEMORY(HAS_AT)
	tbz	w1, #HAS_SVE, 1f
	mov	x0, #1
	msr	ZCR_EL1, x0
	isb
1:
.endm

.macro fp_vector k
	value	x0, (FIRST_WORD(2*\k))
	mov	v\k\().d[0], x0
	value	x0, (FIRST_WORD(2*\k)+1)
	mov	v\k\().d[1], x0
.endm

.macro sve_vector k
	value	x0, (FIRST_WORD(2*\k)+3)
	insr	z\k\().d, x0
	value	x0, (FIRST_WORD(2*\k)+2)
	insr	z\k\().d, x0
	value	x0, (FIRST_WORD(2*\k)+1)
	insr	z\k\().d, x0
	value	x0, (FIRST_WORD(2*\k))
	insr	z\k\().d, x0
.endm

.macro general_value n
	value	x\n, \n
.endm

.macro compute
	switch_on
	mov	x0, #MMIO_AT
	mov	sp, x0
	tbz	w1, #HAS_KEYS, 1f
	key	0, S3_0_C2_C1_0, S3_0_C2_C1_1
	key	1, S3_0_C2_C1_2, S3_0_C2_C1_3
	key	2, S3_0_C2_C2_0, S3_0_C2_C2_1
	key	3, S3_0_C2_C2_2, S3_0_C2_C2_3
	key	4, S3_0_C2_C3_0, S3_0_C2_C3_1
	isb
1:	tbnz	w1, #HAS_SVE, 1f
	all_vectors fp_vector
	b	2f
1:	all_vectors sve_vector
2:	general	general_value
	general_value 30
.endm

	.section .rodata
	.balign	16
/* For secrets.c: each value comes about where it stays; only the seed is in memory. */
	.globl	guest_begin, guest_end
guest_begin:
99:	compute
	ldrb	wzr, [sp]
	strb	w0, [sp]
	str	x3, [sp]
1:	fcmp	d0, d0		/* keep the FP registers in use, as they are */
	b	1b
guest_end:

	.balign	16
	.globl	sleeper_begin, sleeper_end
sleeper_begin:
99:	compute
1:	wfi
	b	1b
sleeper_end:

/*
 * For kvm.c: do the registers keep what the host has put into memory?  To MMIO: 0 if
 * they did, for as many rounds as ROUNDS_AT has and 2^17 turns each, 1 if a general
 * register did not, 2 if a vector register.  Two vCPUs can do it at once.
 *
 * x30 counts and is not compared.
 */
#define AT(address)	[sp, #(address) - GPRS_AT]
.macro load n
	ldr	x\n, AT(GPRS_AT + 8 * \n)
.endm
.macro check n
	ldr	x30, AT(GPRS_AT + 8 * \n)
	cmp	x30, x\n
	b.ne	7f
.endm
.macro load_fp k
	ldr	q\k, AT(VECTORS_AT + 16 * \k)
.endm
.macro store_fp k
	str	q\k, AT(SAVED_AT + 16 * \k)
.endm
.macro load_sve k
	ldr	z\k, [x0, #\k, mul vl]
.endm
.macro store_sve k
	str	z\k, [x0, #\k, mul vl]
.endm

	.balign	16
	.globl	keeper_begin, keeper_end
keeper_begin:
99:	switch_on
	mov	x0, #GPRS_AT
	mov	sp, x0
3:	ldr	w1, AT(HAS_AT)
	tbnz	w1, #HAS_SVE, 1f
	all_vectors load_fp
	b	4f
1:	mov	x0, #VECTORS_AT
	all_vectors load_sve
4:	general	load
	mov	x30, #0
5:	add	w30, w30, #1
	str	w30, AT(TURN_AT)
	tbz	w30, #17, 5b
	general	check
	ldr	w1, AT(HAS_AT)
	mov	x0, #SAVED_AT
	tbnz	w1, #HAS_SVE, 1f
	all_vectors store_fp
	mov	x2, #(32 * 16 / 8)
	b	2f
1:	all_vectors store_sve
	mov	x2, #(32 * 32 / 8)
2:	mov	x1, #VECTORS_AT
1:	ldr	x3, [x0], #8
	ldr	x4, [x1], #8
	cmp	x3, x4
	b.ne	8f
	subs	x2, x2, #1
	b.ne	1b
	mov	x0, #ROUNDS_AT
	mov	w1, #-1
	ldaddal	w1, w2, [x0]
	cmp	w2, #1
	b.gt	4b
	mov	w0, #0
	b	9f
7:	mov	w0, #1
	b	9f
8:	mov	w0, #2
9:	mov	x1, #MMIO_AT
	strb	w0, [x1]
	b	3b
keeper_end:
	.section .note.GNU-stack,"",@progbits
