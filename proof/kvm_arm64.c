// SPDX-License-Identifier: GPL-2.0
/* VMs of arm64, see kvm_util.h. */
#include <err.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kselftest.h"
#include "kvm_util.h"
#include "proof_util.h"

#define CORE(what)	(KVM_REG_ARM64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(what))
#define X(n)		((CORE(regs.regs[0]) + 2 * (n)) | KVM_REG_SIZE_U64)
#define V(n)		((CORE(fp_regs.vregs[0]) + 4 * (n)) | KVM_REG_SIZE_U128)
#define Z(n)		KVM_REG_ARM64_SVE_ZREG(n, 0)

enum { FP, SVE };

static bool there_is_sve(int kvm)
{
	return ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) > 0;
}

const struct vcpu_kind vcpu_kinds[] = { [FP] = { "" }, [SVE] = { "SVE, ", there_is_sve }, {} };

const struct guest_exit guest_exits[NR_EXITS] = {
	{ KVM_EXIT_MMIO, "MMIO read" }, { KVM_EXIT_MMIO, "MMIO of a byte" },
	{ KVM_EXIT_MMIO, "MMIO" },
};
const char *const read_registers_name = "KVM_GET_ONE_REG";

const unsigned int vcpu_allocations = 4;
const unsigned int keeper_gprs = 30 * 8, keeper_vectors = 32 * 32;

/* The keys of pointer authentication, LO and HI each. */
static const uint64_t keys[] = {
	ARM64_SYS_REG(3, 0, 2, 1, 0), ARM64_SYS_REG(3, 0, 2, 1, 1),
	ARM64_SYS_REG(3, 0, 2, 1, 2), ARM64_SYS_REG(3, 0, 2, 1, 3),
	ARM64_SYS_REG(3, 0, 2, 2, 0), ARM64_SYS_REG(3, 0, 2, 2, 1),
	ARM64_SYS_REG(3, 0, 2, 2, 2), ARM64_SYS_REG(3, 0, 2, 2, 3),
	ARM64_SYS_REG(3, 0, 2, 3, 0), ARM64_SYS_REG(3, 0, 2, 3, 1),
};

static uint32_t *has(const struct test_vm *t)
{
	return (uint32_t *)(t->mem + HAS_AT);
}

/* There are no page tables. */
void set_up_vm(struct test_vm *t, bool irqchip)
{
	*has(t) = (vcpu_kind == SVE) << HAS_SVE |
		(ioctl(t->kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
		 ioctl(t->kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0) << HAS_KEYS;
}

static int one_reg(int vcpu, unsigned long nr, uint64_t id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return ioctl(vcpu, nr, &reg);
}

static void set(struct test_vm *t, uint64_t id, const void *value)
{
	if (one_reg(t->vcpu, KVM_SET_ONE_REG, id, (void *)value))
		err(FAILED, "KVM_SET_ONE_REG %#llx", (unsigned long long)id);
}

static void get(struct test_vm *t, uint64_t id, void *value)
{
	if (one_reg(t->vcpu, KVM_GET_ONE_REG, id, value))
		err(FAILED, "KVM_GET_ONE_REG %#llx", (unsigned long long)id);
}

void set_up_vcpu(struct test_vm *t)
{
	const uint64_t lengths[KVM_ARM64_SVE_VLS_WORDS] = { 3 };	/* up to 256 bits */
	int feature = KVM_ARM_VCPU_SVE;
	struct kvm_vcpu_init init;
	uint64_t pc = CODE_AT;

	do_ioctl(t->vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	if (*has(t) & 1 << HAS_SVE)
		init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
	if (*has(t) & 1 << HAS_KEYS)
		init.features[0] |= 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS |
				    1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	do_ioctl(t->vcpu, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
	if (*has(t) & 1 << HAS_SVE) {
		set(t, KVM_REG_ARM64_SVE_VLS, lengths);
		do_ioctl(t->vcpu, KVM_ARM_VCPU_FINALIZE, &feature, "KVM_ARM_VCPU_FINALIZE");
	}
	set(t, CORE(regs.pc) | KVM_REG_SIZE_U64, &pc);
}

int said(const struct test_vm *t)
{
	return t->run->exit_reason == KVM_EXIT_MMIO ? t->run->mmio.data[0] : 9;
}

static uint64_t vector_id(const struct test_vm *t, unsigned int n)
{
	return (*has(t) & 1 << HAS_SVE) ? Z(n) : V(n);
}

void read_registers(struct test_vm *t)
{
	static uint64_t value[256];
	unsigned int i;

	for (i = 0; i < 31; i++)
		get(t, X(i), value);
	for (i = 0; i < 32; i++)
		get(t, vector_id(t, i), value);
	for (i = 0; (*has(t) & 1 << HAS_KEYS) && i < ARRAY_SIZE(keys); i++)
		get(t, keys[i], value);
	explicit_bzero(value, sizeof(value));
}

int register_ioctl(int vcpu, unsigned int n)
{
	uint64_t value[256] = {};

	switch (n) {
	case 0:
		return one_reg(vcpu, KVM_GET_ONE_REG, X(1), value);
	case 1:
		return one_reg(vcpu, KVM_SET_ONE_REG, X(1), value);
	default:
		return one_reg(vcpu, KVM_GET_ONE_REG, vcpu_kind == SVE ? Z(1) : V(1), value);
	}
}

/* All are set before the first one is read. */
const char *set_and_get_registers(struct test_vm *t, uint64_t *state)
{
	static uint64_t x[31], k[ARRAY_SIZE(keys)], vectors[32][32], back[32];
	const unsigned int words = (*has(t) & 1 << HAS_SVE) ? 4 : 2;
	unsigned int i, j;

	for (i = 0; i < 31; i++) {
		x[i] = rnd(state);
		set(t, X(i), &x[i]);
	}
	for (i = 0; i < 32; i++) {
		for (j = 0; j < words; j++)
			vectors[i][j] = rnd(state);
		set(t, vector_id(t, i), vectors[i]);
	}
	for (i = 0; (*has(t) & 1 << HAS_KEYS) && i < ARRAY_SIZE(keys); i++) {
		k[i] = rnd(state);
		set(t, keys[i], &k[i]);
	}

	for (i = 0; i < 31; i++) {
		get(t, X(i), back);
		if (*back != x[i])
			return "general registers";
	}
	for (i = 0; i < 32; i++) {
		get(t, vector_id(t, i), back);
		if (memcmp(back, vectors[i], words * 8))
			return "vector registers";
	}
	for (i = 0; (*has(t) & 1 << HAS_KEYS) && i < ARRAY_SIZE(keys); i++) {
		get(t, keys[i], back);
		if (*back != k[i])
			return "keys";
	}
	return NULL;
}
