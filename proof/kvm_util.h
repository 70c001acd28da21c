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

/* Of arm64: bits of what the guest has. */
#define HAS_AT		0xb010
#define HAS_SVE		0
#define HAS_KEYS	1

#ifndef __ASSEMBLER__
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char guest_begin[], guest_end[], sleeper_begin[], sleeper_end[];
extern const char keeper_begin[], keeper_end[];

struct test_vm {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	char *mem;
};

/* Each prints what failed and ends the process, with FAILED. */
#define FAILED	99
/*
 * The guest's memory is .mem, or if that is NULL private memory of its own.  With @irqchip, a
 * vCPU of x86 that waits for interrupts does so in the kernel, as those of arm64 do.
 */
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

/* Of each architecture, in kvm_ARCH.c. */

/* Kinds of vCPUs, which have their registers in different places; no name ends them. */
struct vcpu_kind {
	const char *prefix;		/* of what is said of it */
	bool (*there_is)(int kvm);	/* or NULL */
};
extern const struct vcpu_kind vcpu_kinds[];
extern unsigned int vcpu_kind;		/* of vCPUs that are made from now on */

/* The exits of guest_begin, in their order, and what they are called. */
#define NR_EXITS	3
struct guest_exit {
	unsigned int reason;
	const char *name;
};
extern const struct guest_exit guest_exits[NR_EXITS];
extern const char *const read_registers_name;

/* How many allocations there is no vCPU without, wherever its registers are. */
extern const unsigned int vcpu_allocations;
/* How many bytes keeper_begin has of each. */
extern const unsigned int keeper_gprs, keeper_vectors;

/* Its memory is there, and has the program. */
void set_up_vm(struct test_vm *t, bool irqchip);
void set_up_vcpu(struct test_vm *t);
/* What the keeper has written, or 9. */
int said(const struct test_vm *t);
/* Read them all, and forget them: what a VMM sees is its own memory. */
void read_registers(struct test_vm *t);
/* The @n-th way to read or to set some, as ioctl(); @n begins with 0. */
#define NR_REGISTER_IOCTLS	3
int register_ioctl(int vcpu, unsigned int n);
/* Set them all to random values: do they come back?  What does not, or NULL. */
const char *set_and_get_registers(struct test_vm *t, uint64_t *state);

#endif
#endif
