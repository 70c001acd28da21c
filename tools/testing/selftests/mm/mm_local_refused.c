// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that cannot keep mm-local memory secret must say so: one whose CPU has
 * Meltdown and whose kernel was booted with pti=off, or an arm64 kernel that emulates
 * PAN or whose KVM has a hypervisor without VHE.  The other tests have nothing to test
 * there.
 *
 * Needs CONFIG_MM_LOCAL_TEST.
 */
#define _GNU_SOURCE
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "mm_local_util.h"

static bool has_meltdown(void)
{
	return slurp("/sys/devices/system/cpu/vulnerabilities/meltdown", text, sizeof(text)) &&
	       !strncmp(text, "Vulnerable", strlen("Vulnerable"));
}

static bool logged(const char *what)
{
	int len = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	return strstr(text, what);
}

FIXTURE(refused)
{
	int fd;
};

FIXTURE_SETUP(refused)
{
	if (no_device())
		SKIP(exit(KSFT_SKIP), "no " DEVICE);
	if (!has_meltdown() && !logged("emulated: Privileged Access Never") &&
	    !logged("Hyp nVHE mode initialized"))
		SKIP(exit(KSFT_SKIP), "this machine can have mm-local memory");
	self->fd = device();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(refused)
{
	close(self->fd);
}

TEST_F(refused, alloc)
{
	unsigned long addr;

	EXPECT_EQ(-EOPNOTSUPP, dev_alloc(self->fd, ps(), &addr));
	EXPECT_EQ(-EOPNOTSUPP, dev_alloc(self->fd, NPAGES * ps(), &addr));
	EXPECT_EQ(-EOPNOTSUPP, dev_kzalloc(self->fd, 200, &addr));
}

TEST_F(refused, nothing_is_left)
{
	unsigned long addr;

	EXPECT_EQ(-EOPNOTSUPP, dev_alloc(self->fd, ps(), &addr));
	EXPECT_EQ(-ENOENT, dev_addr(self->fd, &addr));
	EXPECT_EQ(-ENOENT, dev_free(self->fd));
}

/* Those at user addresses are no secret, and do not need what is missing. */
TEST_F(refused, kernel_owned_vmas_are_there)
{
	unsigned long addr;

	ASSERT_EQ(0, dev_map(self->fd, MM_LOCAL_TEST_MAP, ps(), PROT_READ, &addr));
	EXPECT_EQ(-EPERM, result(munmap((void *)addr, ps())));
	EXPECT_EQ(0, dev_ioctl(self->fd, MM_LOCAL_TEST_MUNMAP, addr, ps()));
}

TEST_HARNESS_MAIN
