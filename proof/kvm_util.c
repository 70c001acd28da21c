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

unsigned int vcpu_kind;

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
	if (!t->mem)
		t->mem = guest_memory(MAP_PRIVATE);
	memcpy(t->mem + CODE_AT, begin, end - begin);
	set_up_vm(t, irqchip);
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
	for (i = 0; i < keeper_gprs / sizeof(*gprs); i++)
		gprs[i] = rnd(&state);
	for (i = 0; i < keeper_vectors / sizeof(*vectors); i++)
		vectors[i] = rnd(&state);
}

int keep(struct test_vm *t, unsigned int rounds)
{
	int err;

	*(uint32_t *)(t->mem + ROUNDS_AT) = rounds;
	do	/* a task is woken to be frozen */
		err = ioctl(t->vcpu, KVM_RUN, 0);
	while (err && errno == EINTR);
	return err ? 9 : said(t);
}
