// SPDX-License-Identifier: GPL-2.0
/*
 * Where KVM's hypervisor has page tables of its own, a guest's registers cannot be in
 * secret memory, although there is some: protected KVM of arm64.
 */
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm_util.h"
#include "proof_util.h"

#define PARAMETER	"/sys/module/kvm/parameters/secret_registers"

static int create_vcpu(const char *registers)
{
	int kvm, vm, vcpu, error;

	if (!write_text(PARAMETER, registers))
		return -ENOENT;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	if (vm < 0)
		return -ENODEV;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	error = vcpu < 0 ? -errno : 0;
	close(vcpu);
	close(vm);
	close(kvm);
	return error;
}

TEST(kvm_refused_if_required)
{
	EXPECT_EQ(-EOPNOTSUPP, create_vcpu("required"));
}

TEST(kvm_created_otherwise)
{
	EXPECT_EQ(0, create_vcpu("off"));
	EXPECT_EQ(0, create_vcpu("auto"));
	EXPECT_TRUE(log_has("registers of guests are not in secret memory: error -95"));
}

/* What is refused is not for want of it. */
TEST(kvm_there_is_secret_memory)
{
	unsigned long addr;
	int fd = open_mm_secret();

	ASSERT_LE(0, fd);
	EXPECT_LE(0, dev_alloc(fd, page_size(), &addr));
	close(fd);
}

TEST_HARNESS_MAIN
