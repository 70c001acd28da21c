// SPDX-License-Identifier: GPL-2.0
/* VMs of x86, see kvm_util.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm_util.h"
#include "proof_util.h"

const struct vcpu_kind vcpu_kinds[] = { { "" }, {} };

const struct guest_exit guest_exits[NR_EXITS] = {
	{ KVM_EXIT_HLT, "HLT" }, { KVM_EXIT_IO, "port I/O" }, { KVM_EXIT_MMIO, "MMIO" },
};
const char *const read_registers_name = "KVM_GET_REGS and _FPU";

const unsigned int vcpu_allocations = 5;
const unsigned int keeper_gprs = 16 * 8, keeper_vectors = 16 * 32;

/* Four pages of tables: memory below 2 MiB, and MMIO at MMIO_AT. */
void set_up_vm(struct test_vm *t, bool irqchip)
{
	char *mem = t->mem;

	*(uint64_t *)(mem + PGD_AT) = PUD_AT | 3;
	((uint64_t *)(mem + PUD_AT))[0] = PMD_AT | 3;
	((uint64_t *)(mem + PUD_AT))[MMIO_AT >> 30] = MMIO_PMD_AT | 3;
	*(uint64_t *)(mem + PMD_AT) = 0x83;
	*(uint64_t *)(mem + MMIO_PMD_AT) = MMIO_AT | 0x83;
	if (irqchip)
		do_ioctl(t->vm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");
}

void set_up_vcpu(struct test_vm *t)
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

int said(const struct test_vm *t)
{
	if (t->run->exit_reason != KVM_EXIT_IO)
		return 9;
	return *((uint8_t *)t->run + t->run->io.data_offset);
}

void read_registers(struct test_vm *t)
{
	static struct kvm_regs regs;
	static struct kvm_fpu fpu;

	do_ioctl(t->vcpu, KVM_GET_REGS, &regs, "KVM_GET_REGS");
	do_ioctl(t->vcpu, KVM_GET_FPU, &fpu, "KVM_GET_FPU");
	explicit_bzero(&regs, sizeof(regs));
	explicit_bzero(&fpu, sizeof(fpu));
}

int register_ioctl(int vcpu, unsigned int n)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_fpu fpu;

	switch (n) {
	case 0:
		return ioctl(vcpu, KVM_GET_REGS, &regs);
	case 1:
		return ioctl(vcpu, KVM_SET_REGS, &regs);
	default:
		return ioctl(vcpu, KVM_GET_FPU, &fpu);
	}
}

const char *set_and_get_registers(struct test_vm *t, uint64_t *state)
{
	static struct kvm_xsave xsave, xsave_back;
	struct kvm_regs regs, regs_back;
	struct kvm_fpu fpu, fpu_back;
	unsigned int i;

	for (i = 0; i < sizeof(regs) / 8; i++)
		((uint64_t *)&regs)[i] = rnd(state);
	regs.rflags = 2;
	do_ioctl(t->vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
	do_ioctl(t->vcpu, KVM_GET_REGS, &regs_back, "KVM_GET_REGS");
	if (memcmp(&regs, &regs_back, sizeof(regs)))
		return "general registers";

	do_ioctl(t->vcpu, KVM_GET_FPU, &fpu, "KVM_GET_FPU");
	for (i = 0; i < sizeof(fpu.xmm); i++)
		((uint8_t *)fpu.xmm)[i] = rnd(state);
	do_ioctl(t->vcpu, KVM_SET_FPU, &fpu, "KVM_SET_FPU");
	do_ioctl(t->vcpu, KVM_GET_FPU, &fpu_back, "KVM_GET_FPU");
	if (memcmp(fpu.xmm, fpu_back.xmm, sizeof(fpu.xmm)))
		return "XMM registers";

	do_ioctl(t->vcpu, KVM_GET_XSAVE, &xsave, "KVM_GET_XSAVE");
	if (memcmp((char *)&xsave + 160, fpu.xmm, 256))
		return "lower halves";
	for (i = 0; i < 256; i++)	/* the upper halves */
		((uint8_t *)&xsave)[576 + i] = rnd(state);
	do_ioctl(t->vcpu, KVM_SET_XSAVE, &xsave, "KVM_SET_XSAVE");
	do_ioctl(t->vcpu, KVM_GET_XSAVE, &xsave_back, "KVM_GET_XSAVE");
	return memcmp(&xsave, &xsave_back, sizeof(xsave)) ? "upper halves" : NULL;
}
