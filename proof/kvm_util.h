/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small VM: one vCPU in 64-bit mode, without interrupts, that begins at CODE_AT with
 * memory mapped one to one.
 */
#ifndef _KVM_UTIL_H
#define _KVM_UTIL_H

#include "secret_values.h"

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

/* Of keeper_begin: the registers' values, and how often it looks at them. */
#define GPRS_AT		0x9000
#define VECTORS_AT	0x9100
#define SAVED_AT	0xa000
#define TURN_AT		0xb000
#define ROUNDS_AT	0xb008
#define SPINS		100000

#ifndef __ASSEMBLER__
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>

extern const char guest_begin[], guest_end[], keeper_begin[], keeper_end[];

struct test_vm {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	char *mem;
};

/* Each prints what failed and ends the process, with FAILED. */
#define FAILED	99
/* The guest's memory is .mem, or if that is NULL private memory of its own. */
void make_vm(struct test_vm *t, const char *begin, const char *end, bool irqchip);
/* Another one of the VM, instead of the one that is there. */
void add_vcpu(struct test_vm *t, unsigned long id);
char *guest_memory(int flags);
void run_to(struct test_vm *t, unsigned int reason);
/* A VM that runs keeper_begin, its registers' values random. */
void make_keeper_in(struct test_vm *t);
/* What it says after so many rounds, 0 if all was well; or 9 if it said nothing. */
int keep(struct test_vm *t, unsigned int rounds);
void do_ioctl(int fd, unsigned long nr, void *arg, const char *name);

#endif
#endif
