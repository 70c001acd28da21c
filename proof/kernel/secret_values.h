/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest of scripts/secrets has in its registers, as a function of a seed: in
 * place, by instructions that take a register and a constant, so that the guest computes
 * it without another register or memory.
 */
#ifndef _SECRET_VALUES_H
#define _SECRET_VALUES_H

#ifdef __x86_64__
/* General registers 0 to 15, and the 128-bit halves of 16 vector registers, two each. */
#define NR_GPRS			16
#define NR_HALVES		32

#define MUL_1(i)	(0x2545f491 + 2 * (i) * 0x10001)
#define MUL_2(i)	(0x1b873593 + 2 * (i) * 0x101)
#define MUL_3(i)	(0x19d699a5 + 4 * (i))
#else
/*
 * General registers 0 to 30, the five keys of pointer authentication, two words each, and
 * the 128-bit halves of 32 SVE registers of 256 bits.  FP registers have the first ones.
 */
#define FIRST_KEY		31
#define NR_GPRS			41
#define NR_HALVES		64

#define ADD(i)		(24 * (i) + 7)
#define LEFT_1		23
#define RIGHT_1		29
#define LEFT_2		11
#define RIGHT_2		31
#define LEFT_3		37
#endif

#define FIRST_WORD(half)	(NR_GPRS + 2 * (half))
#define NR_VALUES		FIRST_WORD(NR_HALVES)

#ifndef __ASSEMBLER__
static inline unsigned long long secret_value(unsigned long long v, int i)
{
#ifdef __x86_64__
	v *= MUL_1(i);
	v = __builtin_bswap64(v) * MUL_2(i);
	v = __builtin_bswap64(v) * MUL_3(i);
#else
	v += ADD(i);
	v += v << LEFT_1;
	v ^= v >> RIGHT_1;
	v += v << LEFT_2;
	v ^= v >> RIGHT_2;
	v += v << LEFT_3;
#endif
	return v;
}
#endif

/*
 * Debugfs file of the host: writing a seed searches its memory; then the first line is how
 * many pages have been searched and how many not, the others are copies and their owners.
 */
#define SECRET_SCAN	"/sys/kernel/debug/secret_scan"
/*
 * Writing 1 there interrupts the CPU; what is read is how many copies of what was last
 * looked for were on the stack of a vCPU's task then.  Of arm64 only.
 */
#define SECRET_SCAN_INTERRUPTS	"/sys/kernel/debug/secret_scan_interrupts"
/* Writing N there uses NEON N times, and is scheduled out meanwhile.  Of arm64 only. */
#define SECRET_SCAN_NEON	"/sys/kernel/debug/secret_scan_neon"

#endif
