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

/* Where the guest has what, and what is left to userspace. */
#define GUEST_SIZE	0x10000
#define PGD_AT		0x1000
#define PUD_AT		0x2000
#define PMD_AT		0x3000
#define MMIO_PMD_AT	0x4000
#define CODE_AT		0x5000
#define SEED_AT		0x8000
#define MMIO_AT		0x40000000
#define PORT		0x10

/* Debugfs file of the host: writing a seed searches its memory, reading tells what of. */
#define SECRET_SCAN	"/sys/kernel/debug/secret_scan"

#endif
