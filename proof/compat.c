// SPDX-License-Identifier: GPL-2.0
/*
 * secret memory of a 32-bit process: the window is far above all that it can name,
 * but what it can read about itself must not tell, either.
 *
 * Built for the 32-bit instruction set of the architecture; calls_32 does the same and
 * more on x86.  Needs CONFIG_MM_SECRET_TEST.
 */
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "proof_util.h"
#include "vm_util.h"

static unsigned char data[NPAGES * 65536], got[sizeof(data)];

FIXTURE(compat)
{
	int fd;
	__u64 addr, empty, size;
};

/* The area, by an address that a pointer cannot hold. */
static bool area_make(FIXTURE_DATA(compat) *self)
{
	struct mm_secret_test_range range = { .size = self->size };

	if (ioctl(self->fd, MM_SECRET_TEST_ALLOC, &range))
		return false;
	self->addr = range.addr;
	make_pattern(data, self->size, 0x5a);
	return !dev_write(self->fd, 0, data, self->size);
}

FIXTURE_SETUP(compat)
{
	struct mm_secret_test_range win = {};

	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	self->fd = open_mm_secret();
	ASSERT_EQ(0, ioctl(self->fd, MM_SECRET_TEST_WINDOW, &win));
	self->size = NPAGES * page_size();
	ASSERT_TRUE(area_make(self));
	self->empty = win.addr + (self->addr - win.addr + win.size / 2) % win.size;
}

FIXTURE_TEARDOWN(compat)
{
	EXPECT_EQ(0, dev_read(self->fd, 0, got, self->size));
	EXPECT_TRUE(is_pattern(got, self->size, 0x5a));
	close(self->fd);
}

TEST_F(compat, is_beyond_all_pointers)
{
	EXPECT_EQ(4, sizeof(void *));
	EXPECT_LT(UINT32_MAX, self->addr);
	EXPECT_LT(UINT32_MAX, self->empty);
}

/* A process with one and what it was before look alike. */
TEST_F(compat, nothing_tells_of_it)
{
	static const char fields[][8] = { "VmPTE", "VmSize", "VmLck", "VmPin", "VmRSS" };
	long before[ARRAY_SIZE(fields)];
	int fd = open_mm_secret();
	unsigned int i, lines;
	char line[64];

	ASSERT_LE(0, fd);
	count_lines("/proc/self/maps");
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		status_field(fields[i]);
	/* The first has been there since the fixture: take it away, and bring another. */
	ASSERT_EQ(0, dev_free(self->fd));
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		before[i] = status_field(fields[i]);
	lines = count_lines("/proc/self/maps");

	/* It stays for the teardown. */
	close(self->fd);
	self->fd = fd;
	ASSERT_TRUE(area_make(self));
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		EXPECT_EQ(before[i], status_field(fields[i]))
			TH_LOG("%s", fields[i]);
	EXPECT_EQ(lines, count_lines("/proc/self/maps"));
	snprintf(line, sizeof(line), "\n%llx-", (unsigned long long)self->addr);
	read_text("/proc/self/maps", text, sizeof(text));
	EXPECT_TRUE(!strstr(text, line));
	EXPECT_FALSE(!strstr(text, "[stack]"));
}

static long at(int fd, bool write, __u64 pos)
{
	ssize_t ret = write ? pwrite64(fd, data, 8, pos) : pread64(fd, got, 8, pos);

	return ret < 0 ? -errno : ret;
}

/* Files have 64-bit positions. */
TEST_F(compat, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR);
	unsigned int off;

	ASSERT_LE(0, fd);
	for (off = 0; off < self->size; off += page_size()) {
		EXPECT_EQ(at(fd, false, self->empty + off), at(fd, false, self->addr + off));
		EXPECT_EQ(at(fd, true, self->empty + off), at(fd, true, self->addr + off));
		EXPECT_GT(0, at(fd, false, self->addr + off));
	}
	EXPECT_EQ(8, at(fd, false, (unsigned long)data));
}

TEST_F(compat, pagemap)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	__u64 entry = 0;

	ASSERT_LE(0, fd);
	/* Beyond its end, or nothing. */
	EXPECT_EQ(at(fd, false, self->empty / page_size() * 8),
		  at(fd, false, self->addr / page_size() * 8));
	if (pread64(fd, &entry, 8, self->addr / page_size() * 8) == 8)
		EXPECT_EQ(0, entry);
	EXPECT_EQ(8, pread64(fd, &entry, 8, (unsigned long)data / page_size() * 8));
}

static void load(unsigned long addr)
{
	FORCE_READ(*(char *)addr);
}

/* What a pointer can hold of its address is an ordinary address, and not it. */
TEST_F(compat, half_of_the_address)
{
	unsigned long low = self->addr;
	struct seen_fault seen;
	int pipe_fd[2], tries;
	char *mem;

	/* One where nothing of the program is. */
	for (tries = 0; tries < 100; tries++) {
		if (low > 0x100000 && low < 0xb0000000 &&
		    mmap((void *)low, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_FIXED_NOREPLACE, -1, 0) == (void *)low)
			break;
		ASSERT_EQ(0, dev_free(self->fd));
		ASSERT_EQ(0, ioctl(self->fd, MM_SECRET_TEST_ELSEWHERE));
		ASSERT_TRUE(area_make(self));
		low = self->addr;
	}
	ASSERT_LT(tries, 100);
	munmap((void *)low, page_size());
	ASSERT_EQ(0, pipe(pipe_fd));
	seen = see_fault(load, low);
	EXPECT_EQ(SIGSEGV, seen.sig);
	EXPECT_EQ(SEGV_MAPERR, seen.code);
	EXPECT_EQ(-1, write(pipe_fd[1], (void *)low, 8));
	EXPECT_EQ(EFAULT, errno);
	mem = mmap((void *)low, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		   MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_TRUE((void *)low == mem);
	EXPECT_EQ(0, see_fault(load, low).sig);
	EXPECT_EQ(8, write(pipe_fd[1], mem, 8));
	memset(mem, 'x', page_size());
}

TEST_F(compat, fork_does_not_copy)
{
	struct mm_secret_test_range range;
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(ioctl(self->fd, MM_SECRET_TEST_ADDR, &range) ? errno : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	EXPECT_EQ(0, ioctl(self->fd, MM_SECRET_TEST_ADDR, &range));
	EXPECT_EQ(self->addr, range.addr);
}

TEST_F(compat, no_mapping_but_this)
{
	struct mm_secret_test_scan scan;

	NEEDS_ROOT("the scan");
	ASSERT_EQ(0, dev_scan(self->fd, &scan));
	EXPECT_EQ(NPAGES, scan.owner);
	EXPECT_EQ(0, scan.alias);
}

TEST_HARNESS_MAIN
