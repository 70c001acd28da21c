// SPDX-License-Identifier: GPL-2.0
/*
 * mm-local memory of a 32-bit process: the window is far above all that it can name,
 * but what it can read about itself must not tell, either.
 *
 * Built for the 32-bit instruction set of the architecture; mm_local_calls_32 does
 * the same and more on x86.  Needs CONFIG_MM_LOCAL_TEST.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "mm_local_util.h"
#include "vm_util.h"

static unsigned char data[NPAGES * 65536], got[sizeof(data)];

FIXTURE(compat)
{
	int fd;
	__u64 addr, empty, size;
};

FIXTURE_SETUP(compat)
{
	struct mm_local_test_range win = {}, range = { .size = NPAGES * ps() };
	struct mm_local_test_data write = { .size = range.size,
					    .buffer = (unsigned long)data };

	if (no_device())
		SKIP(exit(KSFT_SKIP), "no " DEVICE);
	self->fd = device();
	ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_WINDOW, &win));
	ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_ALLOC, &range));
	self->addr = range.addr;
	self->size = range.size;
	self->empty = win.addr + (range.addr - win.addr + win.size / 2) % win.size;
	make_pattern(data, range.size, 0x5a);
	ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_WRITE, &write));
}

FIXTURE_TEARDOWN(compat)
{
	struct mm_local_test_data read = { .size = self->size,
					   .buffer = (unsigned long)got };

	EXPECT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_READ, &read));
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
	static const char *const fields[] = { "VmPTE", "VmSize", "VmLck", "VmPin", "VmRSS" };
	long before[ARRAY_SIZE(fields)];
	struct mm_local_test_range range = { .size = self->size };
	int fd = ioctl(self->fd, MM_LOCAL_TEST_OPEN);
	unsigned int i, lines;
	char line[64];

	ASSERT_LE(0, fd);
	count_lines("/proc/self/maps");
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		status_field(fields[i]);
	/* The first has been there since the fixture: take it away, and bring another. */
	ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_FREE));
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		before[i] = status_field(fields[i]);
	lines = count_lines("/proc/self/maps");

	ASSERT_EQ(0, ioctl(fd, MM_LOCAL_TEST_ALLOC, &range));
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		EXPECT_EQ(before[i], status_field(fields[i]))
			TH_LOG("%s", fields[i]);
	EXPECT_EQ(lines, count_lines("/proc/self/maps"));
	snprintf(line, sizeof(line), "\n%llx-", (unsigned long long)range.addr);
	slurp("/proc/self/maps", text, sizeof(text));
	EXPECT_TRUE(!strstr(text, line));
	EXPECT_TRUE(strstr(text, "[stack]"));

	/* For the teardown. */
	ASSERT_EQ(0, close(self->fd));
	self->fd = fd;
	struct mm_local_test_data write = { .size = self->size,
					    .buffer = (unsigned long)data };
	ASSERT_EQ(0, ioctl(fd, MM_LOCAL_TEST_WRITE, &write));
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
	for (off = 0; off < self->size; off += ps()) {
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
	EXPECT_EQ(at(fd, false, self->empty / ps() * 8), at(fd, false, self->addr / ps() * 8));
	if (pread64(fd, &entry, 8, self->addr / ps() * 8) == 8)
		EXPECT_EQ(0, entry);
	EXPECT_EQ(8, pread64(fd, &entry, 8, (unsigned long)data / ps() * 8));
}

static sigjmp_buf jump;

static void on_fault(int sig, siginfo_t *info, void *context __maybe_unused)
{
	siglongjmp(jump, sig << 8 | info->si_code);
}

static int load(unsigned long addr)
{
	int ret = sigsetjmp(jump, 1);

	if (!ret)
		FORCE_READ(*(char *)addr);
	return ret;
}

/* What a pointer can hold of its address is an ordinary address, and not it. */
TEST_F(compat, half_of_the_address)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct mm_local_test_data write_data = { .size = self->size,
						 .buffer = (unsigned long)data };
	struct mm_local_test_range range = { .size = self->size };
	unsigned long low = self->addr;
	int pipe_fd[2], was, tries;
	char *mem;

	/* One where nothing of the program is. */
	for (tries = 0; tries < 100; tries++) {
		if (low > 0x100000 && low < 0xb0000000 &&
		    mmap((void *)low, ps(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_FIXED_NOREPLACE, -1, 0) == (void *)low)
			break;
		ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_FREE));
		ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_ALLOC, &range));
		ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_WRITE, &write_data));
		low = range.addr;
	}
	ASSERT_LT(tries, 100);
	munmap((void *)low, ps());
	sigaction(SIGSEGV, &act, NULL);
	ASSERT_EQ(0, pipe(pipe_fd));
	was = load(low);
	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, was);
	EXPECT_EQ(-1, write(pipe_fd[1], (void *)low, 8));
	EXPECT_EQ(EFAULT, errno);
	mem = mmap((void *)low, ps(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		   MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_TRUE((void *)low == mem);
	EXPECT_EQ(0, load(low));
	EXPECT_EQ(8, write(pipe_fd[1], mem, 8));
	memset(mem, 'x', ps());
}

TEST_F(compat, fork_does_not_copy)
{
	struct mm_local_test_range range;
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(ioctl(self->fd, MM_LOCAL_TEST_ADDR, &range) ? errno : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	EXPECT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_ADDR, &range));
	EXPECT_EQ(self->addr, range.addr);
}

TEST_F(compat, no_mapping_but_this)
{
	struct mm_local_test_scan scan = {};

	if (geteuid())
		SKIP(return, "needs root: the scan");
	ASSERT_EQ(0, ioctl(self->fd, MM_LOCAL_TEST_SCAN, &scan));
	EXPECT_EQ(NPAGES, scan.owner);
	EXPECT_EQ(0, scan.alias);
}

TEST_HARNESS_MAIN
