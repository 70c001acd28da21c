/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest of scripts/secrets has in its registers, as a function of a seed: in
 * place, by instructions that take a register and a constant, so that the guest computes
 * it without another register or memory.
 */
#ifndef _SECRET_VALUES_H
#define _SECRET_VALUES_H

/* General registers 0 to 15, and the 128-bit halves of 16 vector registers, two each. */
#define NR_GPRS			16
#define NR_HALVES		32
#define FIRST_WORD(half)	(NR_GPRS + 2 * (half))
#define NR_VALUES		FIRST_WORD(NR_HALVES)

#define MUL_1(i)	(0x2545f491 + 2 * (i) * 0x10001)
#define MUL_2(i)	(0x1b873593 + 2 * (i) * 0x101)
#define MUL_3(i)	(0x19d699a5 + 4 * (i))

/*
 * Debugfs file of the host: writing a seed searches its memory; then the first line is how
 * many pages have been searched and how many not, the others are copies and their owners.
 */
#define SECRET_SCAN	"/sys/kernel/debug/secret_scan"

#endif
