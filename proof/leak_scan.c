// SPDX-License-Identifier: GPL-2.0
/*
 * Further tests of ways to the pages of secret memory: the large mappings of the
 * direct map, the kernel image, page table isolation, the TLBs of other
 * CPUs, bad pages.  See mm_secret_leak.c in the tree for the rest.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proof_util.h"
#include "vm_util.h"

FIXTURE(leak_scan)
{
	struct place p;		/* in the window, with contents */
};

FIXTURE_SETUP(leak_scan)
{
	SETUP_AREA(&self->p);
}

FIXTURE_TEARDOWN(leak_scan)
{
	close(self->p.fd);
}

/* The boot that lets larger allocations fail does it like that. */
static bool has_blocks(void)
{
	char text[64] = "";

	read_text("/sys/kernel/debug/fail_page_alloc/probability", text, sizeof(text));
	return atoi(text) == 0;
}

static long system_count(const char *name)
{
	const char *at;

	read_text("/proc/vmstat", text, sizeof(text));
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

/* However many areas there are, once there are more than a few. */
TEST_F_TIMEOUT(leak_scan, no_large_mapping_is_split, 180)
{
	long before = system_count("direct_map_level2_splits "), few;
	unsigned long addr;
	int i;

	if (before < 0)
		SKIP(return, "not here: nothing counts them");
	if (!has_blocks())
		SKIP(return, "not here: pages come one by one");
	/* 64 KiB at a time, and 512 KiB of them. */
	for (i = 0; i < 150; i++)
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), page_size(), &addr));
	few = system_count("direct_map_level2_splits ");
	EXPECT_LE(few, before + 9);
	for (; i < 600; i++)
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), page_size(), &addr));
	EXPECT_EQ(few, system_count("direct_map_level2_splits "));
}

/* What was freed, is ready for the next one, until memory is short. */
TEST_F_TIMEOUT(leak_scan, pages_go_back_to_the_system, 180)
{
	unsigned long addr;
	int fd = open_mm_secret(), i, outside;

	NEEDS_ROOT("drop_caches");
	EXPECT_EQ(NPAGES, ioctl(self->p.fd, MM_SECRET_TEST_OUTSIDE));
	ASSERT_EQ(0, dev_alloc(fd, page_size(), &addr));
	EXPECT_EQ(0, dev_free(self->p.fd));
	EXPECT_EQ(NPAGES, ioctl(self->p.fd, MM_SECRET_TEST_OUTSIDE));
	EXPECT_EQ(0, dev_free(fd));
	ASSERT_TRUE(write_text("/proc/sys/vm/drop_caches", "2"));
	for (i = 0; i < 50; i++) {
		outside = ioctl(self->p.fd, MM_SECRET_TEST_OUTSIDE);
		if (!outside)
			break;
		usleep(100 * 1000);
	}
	EXPECT_EQ(0, outside);
}

/* Freed parts of the kernel image, whose pages may end up in an area. */
TEST_F_TIMEOUT(leak_scan, kernel_image_maps_only_itself, 180)
{
	struct mm_secret_test_scan scan = {};
	long ret = ret_or_errno(ioctl(self->p.fd, MM_SECRET_TEST_SCAN_IMAGE, &scan));

	if (ret == -EOPNOTSUPP)
		SKIP(return, "not here: a kernel image that has two mappings");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, scan.alias)
		TH_LOG("%llu freed pages are mapped, one at %llx", scan.alias, scan.alias_addr);
	/* The walk goes where it should. */
	EXPECT_EQ(1, scan.owner);
	EXPECT_LT(256, scan.checked);
}

/* What is loaded while the process runs in user mode. */
TEST_F(leak_scan, user_half_has_no_window)
{
	unsigned long addr = self->p.addr;
	long ret = dev_range(self->p.fd, MM_SECRET_TEST_USER_TABLE, &addr, 0);

	if (ret == -EOPNOTSUPP) {
		/* Then there is one half only. */
		read_text("/proc/cpuinfo", text, sizeof(text));
		EXPECT_EQ(NULL, strstr(text, " pti "));
		return;
	}
	EXPECT_EQ(0, ret);
	addr = (unsigned long)buffer;
	EXPECT_EQ(1, dev_range(self->p.fd, MM_SECRET_TEST_USER_TABLE, &addr, 0));
	EXPECT_UNCHANGED(&self->p);
}

/*
 * What CPU 1 has read before, it must not find in its TLB.  The first time may split
 * a large mapping, which flushes the TLB for other reasons.
 */
static void expect_flushed(struct __test_metadata *_metadata, int fd, unsigned long request)
{
	int tries, seen = 0;
	cpu_set_t set;
	long ret;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	for (tries = 0; tries < 200 && seen < 5; tries++) {
		ret = ret_or_errno(ioctl(fd, request, has_blocks() ? 1 | MM_SECRET_TEST_BLOCK : 1));
		if (ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, ret) TH_LOG("try %d: %s", tries, ret_text(ret));
		seen++;
	}
	EXPECT_EQ(5, seen) TH_LOG("the page went elsewhere");
}

TEST_F(leak_scan, no_cpu_reads_by_the_direct_map)
{
	expect_flushed(_metadata, self->p.fd, MM_SECRET_TEST_STALE);
}

/* Nor by the address of a vmap() that is gone, which vunmap() flushes later. */
TEST_F(leak_scan, no_cpu_reads_by_a_former_vmap)
{
	expect_flushed(_metadata, self->p.fd, MM_SECRET_TEST_STALE_VMAP);
}

/* What /proc/kpagecgroup (an inode, or 0) or /proc/kpageflags says of a page. */
static uint64_t of_page(const char *path, unsigned long pfn)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t val;

	if (pread(fd, &val, sizeof(val), pfn * sizeof(val)) != sizeof(val))
		val = -1ULL;
	close(fd);
	return val;
}

/* Bad, although it cannot be offlined. */
static bool make_bad(unsigned long pfn)
{
	char number[32];

	snprintf(number, sizeof(number), "0x%lx", pfn * page_size());
	write_text("/sys/devices/system/memory/hard_offline_page", number);
	return of_page("/proc/kpageflags", pfn) & KPF_HWPOISON;
}

/* Root may call a page bad, but not have it given to somebody else. */
TEST_F_TIMEOUT(leak_scan, unpoison_does_not_free, 180)
{
	struct mm_secret_test_scan scan;
	char number[32];

	NEEDS_ROOT("hwpoison");
	if (access("/sys/kernel/debug/hwpoison/unpoison-pfn", F_OK))
		SKIP(return, "no hwpoison injection");

	ASSERT_EQ(0, dev_scan(self->p.fd, &scan));
	ASSERT_TRUE(make_bad(scan.pfn));
	snprintf(number, sizeof(number), "0x%llx", scan.pfn);
	EXPECT_FALSE(write_text("/sys/kernel/debug/hwpoison/unpoison-pfn", number));
	EXPECT_UNCHANGED(&self->p);
	ASSERT_EQ(0, dev_scan(self->p.fd, &scan));
	EXPECT_EQ(0, scan.alias);
	EXPECT_EQ(NPAGES, scan.owner);
}

#define CGROUP	"/sys/fs/cgroup/mm_secret"

/* Freed by its owner, it is not given to anybody, nor is what left with it. */
TEST_F_TIMEOUT(leak_scan, bad_page_stays_outside, 180)
{
	/* The first blocks are of 64 KiB, and a bad page keeps all of its block outside. */
	const int outside = page_size() < 65536 ? NPAGES : 1;
	struct mm_secret_test_scan scan;
	int i;

	NEEDS_ROOT("hwpoison");
	if (access("/sys/devices/system/memory/hard_offline_page", F_OK))
		SKIP(return, "no hwpoison injection");
	if (!has_blocks())
		SKIP(return, "not here: pages come one by one");
	ASSERT_EQ(0, dev_scan(self->p.fd, &scan));
	ASSERT_TRUE(make_bad(scan.pfn));
	EXPECT_EQ(0, dev_free(self->p.fd));
	ASSERT_TRUE(write_text("/proc/sys/vm/drop_caches", "2"));
	for (i = 0; i < 30; i++) {
		usleep(100 * 1000);
		ASSERT_EQ(outside, ioctl(self->p.fd, MM_SECRET_TEST_OUTSIDE));
	}
}

/* Exits with an area that has a bad page; returns its number. */
static long bad_page_in_cgroup(const struct remote *r)
{
	struct mm_secret_test_scan scan;
	struct stat cgroup;
	unsigned long addr;
	int fd;

	if (!write_text(CGROUP "/cgroup.procs", "0") || stat(CGROUP, &cgroup))
		return -errno;
	fd = open_mm_secret();
	if (dev_alloc(fd, page_size(), &addr) || dev_scan(fd, &scan))
		return -ENOMEM;
	if (of_page("/proc/kpagecgroup", scan.pfn) != cgroup.st_ino)
		return -ESTALE;
	if (!make_bad(scan.pfn))
		return -EIO;
	return scan.pfn;
}

/* Whoever had it does not pay for it for ever. */
TEST_F_TIMEOUT(leak_scan, bad_page_is_uncharged, 180)
{
	const struct remote r = {};
	long pfn = -EACCES;
	int tries = 0;

	NEEDS_ROOT("hwpoison");
	if (access("/sys/devices/system/memory/hard_offline_page", F_OK) ||
	    access("/proc/kpagecgroup", F_OK))
		SKIP(return, "no hwpoison injection, or no /proc/kpagecgroup");

	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (!mkdir(CGROUP, 0700)) {
		pfn = in_child(bad_page_in_cgroup, &r);
		while (pfn > 0 && of_page("/proc/kpagecgroup", pfn) && tries++ < 100)
			usleep(100 * 1000);
		rmdir(CGROUP);
	}
	ASSERT_LT(0, pfn) TH_LOG("%s", ret_text(pfn));
	EXPECT_GE(100, tries);
}

TEST_HARNESS_MAIN
