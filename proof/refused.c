// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that cannot keep secret memory secret must say so: one whose CPU has
 * Meltdown and whose kernel was booted with pti=off, or an arm64 kernel that emulates
 * PAN or whose KVM has a hypervisor without VHE.  The other tests have nothing to test
 * there.
 *
 * Needs CONFIG_MM_SECRET_TEST.
 */
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "proof_util.h"

FIXTURE(refused)
{
	int fd;
};

FIXTURE_SETUP(refused)
{
	unsigned long addr;
	long ret;

	self->fd = open_mm_secret();
	if (self->fd < 0)
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	/* This is for machines that must not have it: configs/boots. */
	ret = dev_alloc(self->fd, page_size(), &addr);
	ASSERT_EQ(-EOPNOTSUPP, ret)
		TH_LOG("%s", ret_text(ret));
}

FIXTURE_TEARDOWN(refused)
{
	close(self->fd);
}

TEST_F(refused, alloc)
{
	unsigned long addr;

	EXPECT_EQ(-EOPNOTSUPP, dev_alloc(self->fd, page_size(), &addr));
	EXPECT_EQ(-EOPNOTSUPP, dev_alloc(self->fd, NPAGES * page_size(), &addr));
	EXPECT_EQ(-EOPNOTSUPP, dev_kzalloc(self->fd, 200, &addr));
}

TEST_F(refused, nothing_is_left)
{
	unsigned long addr;

	EXPECT_EQ(-EOPNOTSUPP, dev_alloc(self->fd, page_size(), &addr));
	EXPECT_EQ(-ENOENT, dev_addr(self->fd, &addr));
	EXPECT_EQ(-ENOENT, dev_free(self->fd));
}

/* Those at user addresses are no secret, and do not need what is missing. */
TEST_F(refused, kernel_owned_vmas_are_there)
{
	int fd = open_kernel_owned();
	unsigned long addr;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, page_size(), PROT_READ, &addr));
	EXPECT_EQ(-EPERM, ret_or_errno(munmap((void *)addr, page_size())));
	EXPECT_EQ(0, owned_range(fd, KERNEL_OWNED_TEST_MUNMAP, addr, page_size()));
	close(fd);
}

TEST_HARNESS_MAIN
