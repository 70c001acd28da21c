// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm_util.h"
#include "proof_util.h"

void do_ioctl(int fd, unsigned long nr, void *arg, const char *name)
{
	if (ioctl(fd, nr, arg) < 0)
		err(FAILED, "%s", name);
}

char *guest_memory(int flags)
{
	char *mem = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS,
			 -1, 0);

	if (mem == MAP_FAILED)
		err(FAILED, "mmap");
	return mem;
}

/* Four pages of tables: memory below 2 MiB, and MMIO at MMIO_AT. */
static void make_tables(char *mem)
{
	*(uint64_t *)(mem + PGD_AT) = PUD_AT | 3;
	((uint64_t *)(mem + PUD_AT))[0] = PMD_AT | 3;
	((uint64_t *)(mem + PUD_AT))[MMIO_AT >> 30] = MMIO_PMD_AT | 3;
	*(uint64_t *)(mem + PMD_AT) = 0x83;
	*(uint64_t *)(mem + MMIO_PMD_AT) = MMIO_AT | 0x83;
}

static void set_up_vcpu(struct test_vm *t)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 7 } };
	struct kvm_regs regs = { .rip = CODE_AT, .rflags = 2 };
	struct kvm_sregs sregs;

	cpuid.head.nent = 256;
	do_ioctl(t->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid, "KVM_GET_SUPPORTED_CPUID");
	do_ioctl(t->vcpu, KVM_SET_CPUID2, &cpuid, "KVM_SET_CPUID2");
	do_ioctl(t->vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
	sregs.cr3 = PGD_AT;
	sregs.cr4 = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 18;	/* PAE, OSFXSR, OSXSAVE */
	sregs.cr0 = 1U << 31 | 1 | 1 << 1 | 1 << 5;		/* PG, PE, MP, NE */
	sregs.efer = 1 << 8 | 1 << 10;				/* LME, LMA */
	sregs.cs = (struct kvm_segment){
		.limit = ~0U, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
	};
	sregs.ss = (struct kvm_segment){
		.limit = ~0U, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
	};
	sregs.ds = sregs.ss;
	sregs.es = sregs.ss;
	do_ioctl(t->vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
	do_ioctl(t->vcpu, KVM_SET_XCRS, &xcrs, "KVM_SET_XCRS");
	do_ioctl(t->vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

void add_vcpu(struct test_vm *t, unsigned long id)
{
	int size = ioctl(t->kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);

	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, id);
	if (t->vcpu < 0)
		err(FAILED, "KVM_CREATE_VCPU");
	t->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	if (t->run == MAP_FAILED)
		err(FAILED, "mmap");
	set_up_vcpu(t);
}

void make_vm(struct test_vm *t, const char *begin, const char *end, bool irqchip)
{
	struct kvm_userspace_memory_region mem = { .memory_size = GUEST_SIZE };

	t->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (t->kvm < 0)
		err(FAILED, "/dev/kvm");
	t->vm = ioctl(t->kvm, KVM_CREATE_VM, 0UL);
	if (t->vm < 0)
		err(FAILED, "KVM_CREATE_VM");
	if (irqchip)
		do_ioctl(t->vm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");
	if (!t->mem)
		t->mem = guest_memory(MAP_PRIVATE);
	memcpy(t->mem + CODE_AT, begin, end - begin);
	make_tables(t->mem);
	mem.userspace_addr = (uintptr_t)t->mem;
	do_ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &mem, "KVM_SET_USER_MEMORY_REGION");
	add_vcpu(t, 0);
}

void run_to(struct test_vm *t, unsigned int reason)
{
	do_ioctl(t->vcpu, KVM_RUN, NULL, "KVM_RUN");
	if (t->run->exit_reason != reason)
		errx(FAILED, "KVM_RUN: exit reason %u, not %u", t->run->exit_reason, reason);
}

void make_keeper_in(struct test_vm *t)
{
	uint64_t state = 0x853c49e6748fea9bULL + getpid();
	uint64_t *gprs, *vectors;
	unsigned int i;

	make_vm(t, keeper_begin, keeper_end, false);
	gprs = (uint64_t *)(t->mem + GPRS_AT);
	vectors = (uint64_t *)(t->mem + VECTORS_AT);
	for (i = 0; i < 16; i++)
		gprs[i] = rnd(&state);
	for (i = 0; i < 16 * 32 / sizeof(*vectors); i++)
		vectors[i] = rnd(&state);
}

int keep(struct test_vm *t, unsigned int rounds)
{
	int err;

	*(uint32_t *)(t->mem + ROUNDS_AT) = rounds;
	do	/* a task is woken to be frozen */
		err = ioctl(t->vcpu, KVM_RUN, 0);
	while (err && errno == EINTR);
	if (err || t->run->exit_reason != KVM_EXIT_IO)
		return 9;
	return *((uint8_t *)t->run + t->run->io.data_offset);
}
