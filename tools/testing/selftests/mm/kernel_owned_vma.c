// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel-owned VMAs: what the kernel maps at an address of a process
 * and unmaps again, and what the process can do to it meanwhile.
 *
 * "shared" is anonymous memory for the process to use, like a shadow stack.
 * "private" is for the kernel's own code alone, as far as its protection goes.
 *
 * What is refused is tried on ordinary memory, too, where it works.
 *
 * Needs CONFIG_KERNEL_OWNED_VMA_TEST, debugfs and root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mm/kernel_owned_test.h>

#define DRIVER	"/sys/kernel/debug/kernel_owned_test"
#define NPAGES	6
#define RW	(PROT_READ | PROT_WRITE)

static size_t page;

static long drive(int fd, unsigned long cmd, unsigned long addr, size_t size)
{
	struct kernel_owned_test_range range = {
		.addr = addr, .size = size, .prot = RW,
	};
	long ret = ioctl(fd, cmd, &range);

	if (ret)
		return -errno;
	return cmd == KERNEL_OWNED_TEST_MAP || cmd == KERNEL_OWNED_TEST_MAP_SHARED ||
	       cmd == KERNEL_OWNED_TEST_MAP_PLAIN ? (long)range.addr : 0;
}

static unsigned long map_ordinary(unsigned long addr, size_t size)
{
	return (unsigned long)mmap((void *)addr, size, RW, MAP_PRIVATE | MAP_ANONYMOUS |
				   (addr ? MAP_FIXED_NOREPLACE : 0), -1, 0);
}

/* How many mappings the range has, all with the flag in smaps if not NULL. */
static unsigned int mappings(unsigned long start, unsigned long end, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	unsigned int nr = 0;
	bool in = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			in = from < end && to > start;
		else if (in && !strncmp(line, "VmFlags:", 8))
			nr += !flag || strstr(line, flag);
	}
	if (f)
		fclose(f);
	return nr;
}

FIXTURE(kernel_owned)
{
	int fd;
	unsigned long addr, end;
	size_t size;
};

FIXTURE_VARIANT(kernel_owned)
{
	unsigned long map;
	bool private;
};

FIXTURE_VARIANT_ADD(kernel_owned, shared)
{
	.map = KERNEL_OWNED_TEST_MAP_SHARED,
};

FIXTURE_VARIANT_ADD(kernel_owned, private)
{
	.map = KERNEL_OWNED_TEST_MAP,
	.private = true,
};

FIXTURE_SETUP(kernel_owned)
{
	long addr;

	page = sysconf(_SC_PAGESIZE);
	self->fd = open(DRIVER, O_RDWR);
	if (self->fd < 0)
		SKIP(exit(KSFT_SKIP), DRIVER ": %s", strerror(errno));
	self->size = NPAGES * page;
	/* With room on either side. */
	addr = map_ordinary(0, self->size + 2 * page);
	munmap((void *)addr, self->size + 2 * page);
	addr = drive(self->fd, variant->map, addr + page, self->size);
	ASSERT_LT(0, addr);
	self->addr = addr;
	self->end = addr + self->size;
	memset((void *)addr, 7, self->size);
}

FIXTURE_TEARDOWN(kernel_owned)
{
	close(self->fd);
}

static bool unchanged(unsigned long addr, size_t size)
{
	const volatile char *p = (char *)addr;
	unsigned int nr;
	size_t i;

	for (i = 0; i < size && p[i] == 7; i++)
		;
	/* Some calls split it before they fail. */
	nr = mappings(addr, addr + size, NULL);
	return i == size && nr && mappings(addr, addr + size, " ko") == nr &&
	       mappings(addr, addr + size, " sl") == nr;
}

typedef long (*call_fn)(unsigned long addr, size_t len);

#define CALL(_name, _call)						\
static long c_##_name(unsigned long addr, size_t len)			\
{									\
	return (long)(_call) == -1 ? -errno : 0;			\
}
#define ADVICE(_name)	CALL(_name, madvise((void *)addr, len, MADV_##_name))

static long uffd_register(unsigned long addr, size_t len)
{
	struct uffdio_register reg = {
		.range = { addr, len }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	long ret = ioctl(fd, UFFDIO_API, &api) ?: ioctl(fd, UFFDIO_REGISTER, &reg);

	close(fd);
	return ret;
}

static unsigned long node_0 = 1;

CALL(munmap, munmap((void *)addr, len))
CALL(mmap, mmap((void *)addr, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0))
CALL(mremap, mremap((void *)addr, len, 2 * len, MREMAP_MAYMOVE))
CALL(mprotect, mprotect((void *)addr, len, PROT_NONE))
CALL(mlock, mlock((void *)addr, len) ?: munlock((void *)addr, len))
CALL(mbind, syscall(SYS_mbind, addr, len, MPOL_BIND, &node_0, 8, 0))
CALL(name, prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr, len, "name"))
CALL(uffd, uffd_register(addr, len))
ADVICE(DONTNEED)
ADVICE(FREE)
ADVICE(DONTFORK)
ADVICE(GUARD_INSTALL)
ADVICE(NORMAL)
ADVICE(PAGEOUT)
ADVICE(POPULATE_READ)

/* What they answer for memory that is shared and for such that is private. */
static const struct {
	const char *name;
	call_fn fn;
	long shared, private;
} calls[] = {
	{ "munmap", c_munmap, -EPERM, -EPERM },
	{ "mmap", c_mmap, -EPERM, -EPERM },
	{ "mremap", c_mremap, -EPERM, -EPERM },
	{ "mprotect", c_mprotect, -EPERM, -EPERM },
	{ "MADV_DONTNEED", c_DONTNEED, -EPERM, -EPERM },
	{ "MADV_FREE", c_FREE, -EPERM, -EPERM },
	{ "MADV_DONTFORK", c_DONTFORK, -EPERM, -EPERM },
	{ "MADV_GUARD_INSTALL", c_GUARD_INSTALL, -EPERM, -EPERM },
	/* No error, and no effect on the one that is private. */
	{ "mlock", c_mlock, 0, 0 },
	{ "mbind", c_mbind, 0, -EPERM },
	{ "PR_SET_VMA", c_name, 0, -EPERM },
	{ "userfaultfd", c_uffd, 0, -EINVAL },
	{ "MADV_NORMAL", c_NORMAL, 0, -EPERM },
	{ "MADV_PAGEOUT", c_PAGEOUT, 0, -EPERM },
	{ "MADV_POPULATE_READ", c_POPULATE_READ, 0, -EPERM },
};

TEST_F(kernel_owned, calls)
{
	unsigned int i, part;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		const long want = variant->private ? calls[i].private : calls[i].shared;
		const long works = calls[i].fn(map_ordinary(0, page), page);

		if (works == -ENOSYS || (works == -EINVAL && calls[i].fn == c_name))
			continue;
		EXPECT_EQ(0, works) TH_LOG("%s of ordinary memory", calls[i].name);
		for (part = 0; part < 3; part++) {
			EXPECT_EQ(want, calls[i].fn(part == 1 ? self->end - page : self->addr,
						    part == 2 ? self->size : page))
				TH_LOG("%s, part %u", calls[i].name, part);
			EXPECT_TRUE(unchanged(self->addr, self->size))
				TH_LOG("after %s", calls[i].name);
		}
	}
}

TEST_F(kernel_owned, kernel_unmaps)
{
	unsigned int i;

	EXPECT_EQ(-EPERM, drive(self->fd, KERNEL_OWNED_TEST_MUNMAP_PLAIN, self->addr,
				self->size));
	EXPECT_TRUE(unchanged(self->addr, self->size));
	/* mseal() places no seal of the user's. */
	EXPECT_EQ(0, syscall(__NR_mseal, self->addr, page, 0));
	/* Nor does it matter in how many pieces it is. */
	for (i = 1; i < NPAGES; i += 2)
		EXPECT_EQ(0, mlock((void *)self->addr + i * page, page));
	EXPECT_EQ(variant->private ? 1 : NPAGES, mappings(self->addr, self->end, " ko"));
	EXPECT_EQ(0, drive(self->fd, KERNEL_OWNED_TEST_MUNMAP, self->addr, self->size));
	EXPECT_EQ(0, mappings(self->addr, self->end, NULL));
}

TEST_F(kernel_owned, does_not_merge)
{
	ASSERT_EQ(self->end, map_ordinary(self->end, page));
	ASSERT_EQ(self->addr - page, map_ordinary(self->addr - page, page));
	EXPECT_EQ(3, mappings(self->addr - page, self->end + page, NULL));
	EXPECT_EQ(1, mappings(self->addr - page, self->end + page, " ko"));
	/* Sealed as it is, and as it otherwise may be. */
	EXPECT_EQ(0, syscall(__NR_mseal, self->end, page, 0));
	EXPECT_EQ(1, mappings(self->addr - page, self->end + page, " ko"));
	/* That seal is the user's and stops the kernel before anything goes. */
	EXPECT_EQ(-EPERM, drive(self->fd, KERNEL_OWNED_TEST_MUNMAP, self->addr - page,
				self->size + 2 * page));
	EXPECT_EQ(3, mappings(self->addr - page, self->end + page, NULL));
	/* What is not sealed goes with what is the kernel's. */
	EXPECT_EQ(0, drive(self->fd, KERNEL_OWNED_TEST_MUNMAP, self->addr - page,
			   self->size + page));
	EXPECT_EQ(0, mappings(self->addr - page, self->end, NULL));
	EXPECT_EQ(1, mappings(self->end, self->end + page, " sl"));
}

TEST_F(kernel_owned, fork)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (variant->private)
			_exit(mappings(self->addr, self->end, NULL));
		/* As much the kernel's as the parent's. */
		_exit(!unchanged(self->addr, self->size) ||
		      c_munmap(self->addr, page) != -EPERM ||
		      c_DONTNEED(self->addr, page) != -EPERM ||
		      drive(self->fd, KERNEL_OWNED_TEST_MUNMAP, self->addr, self->size));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(unchanged(self->addr, self->size));
}

/* The kernel takes over what is in the tree, unless userspace sealed it. */
TEST_F(kernel_owned, seal)
{
	int fd = open(DRIVER, O_RDWR);
	long addr = variant->private ? drive(fd, KERNEL_OWNED_TEST_MAP_PLAIN, 0, 2 * page) :
		    (long)mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_LT(0, addr);
	/* Whole mappings, and nothing but them. */
	EXPECT_EQ(-EINVAL, drive(fd, KERNEL_OWNED_TEST_SEAL, addr, page));
	EXPECT_EQ(0, drive(fd, KERNEL_OWNED_TEST_SEAL, addr, 2 * page));
	EXPECT_EQ(1, mappings(addr, addr + 2 * page, " ko"));
	EXPECT_EQ(1, mappings(addr, addr + 2 * page, " sl"));
	EXPECT_EQ(-EPERM, c_munmap(addr, page));
	EXPECT_EQ(-EPERM, drive(fd, KERNEL_OWNED_TEST_SEAL, addr, 2 * page));
	EXPECT_EQ(0, drive(fd, KERNEL_OWNED_TEST_MUNMAP, addr, 2 * page));
	EXPECT_EQ(-ENOMEM, drive(fd, KERNEL_OWNED_TEST_SEAL, addr, 2 * page));

	addr = map_ordinary(0, page);
	EXPECT_EQ(0, syscall(__NR_mseal, addr, page, 0));
	EXPECT_EQ(-EPERM, drive(fd, KERNEL_OWNED_TEST_SEAL, addr, page));
	close(fd);
}

/* The kernel lifts its own seal, and no other. */
TEST_F(kernel_owned, unseal)
{
	const unsigned long mem = map_ordinary(0, page);

	EXPECT_EQ(-EINVAL, drive(self->fd, KERNEL_OWNED_TEST_UNSEAL, self->addr, page));
	EXPECT_TRUE(unchanged(self->addr, self->size));
	EXPECT_EQ(0, syscall(__NR_mseal, self->addr, page, 0));
	EXPECT_EQ(0, drive(self->fd, KERNEL_OWNED_TEST_UNSEAL, self->addr, self->size));
	EXPECT_EQ(1, mappings(self->addr, self->end, NULL));
	EXPECT_EQ(0, mappings(self->addr, self->end, " ko"));
	EXPECT_EQ(0, mappings(self->addr, self->end, " sl"));
	EXPECT_EQ(-EPERM, drive(self->fd, KERNEL_OWNED_TEST_UNSEAL, self->addr, self->size));
	EXPECT_EQ(0, c_munmap(self->addr, self->size));
	EXPECT_EQ(-ENOMEM, drive(self->fd, KERNEL_OWNED_TEST_UNSEAL, self->addr, self->size));

	EXPECT_EQ(0, syscall(__NR_mseal, mem, page, 0));
	EXPECT_EQ(-EPERM, drive(self->fd, KERNEL_OWNED_TEST_UNSEAL, mem, page));
	EXPECT_EQ(-EPERM, c_munmap(mem, page));
}

TEST_HARNESS_MAIN
