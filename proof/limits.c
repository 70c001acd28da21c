// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that secret memory keeps to the limits that other memory has: what a cgroup is
 * charged, the nodes that a task may use, what is bad, what the OOM killer can hope for,
 * whose lock a free waits for.
 *
 * Needs root, a cgroup2 with the memory controller, two NUMA nodes and CPUs.
 */
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proof_util.h"

#define CGROUP		"/sys/fs/cgroup/proof_limits"
#define CURRENT		CGROUP "/memory.current"
#define MIB		(1UL << 20)
#define BLOCK		(2 * MIB)	/* what leaves the direct map together */
#define FEW		(512UL << 10)	/* what may be idle in an mm */

FIXTURE(limits)
{
	bool controller;
	pid_t children[16];
	unsigned int nr_children;
	int go[2];		/* to the children */
};

FIXTURE_SETUP(limits)
{
	const struct rlimit files = { 8192, 8192 };
	const char *what;

	memset(self, 0, sizeof(*self));
	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	if (geteuid())
		SKIP(exit(KSFT_SKIP), "needs root: makes cgroups");
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	what = cgroup_enter(CGROUP, &self->controller);
	ASSERT_EQ(NULL, what) TH_LOG("cgroup: %s: %s", what, strerror(errno));
	write_text(CGROUP "/memory.max", "max");
	ASSERT_EQ(0, pipe(self->go));
}

FIXTURE_TEARDOWN(limits)
{
	while (self->nr_children)
		kill(self->children[--self->nr_children], SIGKILL);
	while (wait(NULL) > 0)
		;
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
	cgroup_remove(CGROUP);
	if (self->controller)
		cgroup_switch_off();
}

typedef FIXTURE_DATA(limits) limits;

/* What is out of the direct map and not idle. */
static long secret_kib(void)
{
	write_text("/proc/sys/vm/drop_caches", "2");
	return count_of("/proc/vmstat", "nr_mm_secret") * (long)(page_size() >> 10);
}

static long node_count(int nid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/vmstat", nid);
	return count_of(path, name) * (long)(page_size() >> 10);
}

static long node_kib(int nid)
{
	return node_count(nid, "nr_mm_secret");
}

/* With what CPUs have on lists of their own. */
static long free_kib_now(void)
{
	const char *at;
	long pages = 0;

	write_text("/proc/sys/vm/drop_caches", "3");
	read_text("/proc/zoneinfo", text, sizeof(text));
	for (at = text; (at = strstr(at, " count: ")); at++)
		pages += atol(at + 8);
	return count_of("/proc/meminfo", "MemFree:") + pages * (long)(page_size() >> 10);
}

/* Once it does not rise any more: what earlier programs had may take a while. */
static long free_kib(void)
{
	long most = free_kib_now(), now;
	int i, same = 0;

	for (i = 0; i < 100 && same < 10; i++) {
		usleep(100 * 1000);
		now = free_kib_now();
		same = now > most + 512 ? 0 : same + 1;
		if (now > most)
			most = now;
	}
	return now;
}

static long pfn_of(int fd)
{
	struct mm_secret_test_scan scan;

	return dev_scan(fd, &scan) ? -1 : (long)scan.pfn;
}

static bool has_node_1(void)
{
	return node_kib(1) >= 0;
}

static long bind_to(int nid)
{
	unsigned long nodes = 1UL << nid;

	return syscall(__NR_set_mempolicy, nid < 0 ? MPOL_DEFAULT : MPOL_BIND,
		       nid < 0 ? NULL : &nodes, nid < 0 ? 0 : 8 * sizeof(nodes));
}

/* A child that does @fn, says what came of it and waits; the result. */
static long start(limits *self, long (*fn)(unsigned long arg), unsigned long arg)
{
	long ret = -EIO;
	int done[2];
	pid_t pid;
	char c;

	if (pipe(done))
		return -errno;
	pid = fork();
	if (!pid) {
		/* Rather it than the test. */
		write_text("/proc/self/oom_score_adj", "1000");
		ret = fn(arg);
		if (write(done[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		_exit(read(self->go[0], &c, 1) != 1);
	}
	self->children[self->nr_children++] = pid;
	close(done[1]);
	if (read(done[0], &ret, sizeof(ret)) != sizeof(ret))
		ret = -EIO;
	close(done[0]);
	return ret;
}

static void end_all(limits *self)
{
	while (self->nr_children) {
		kill(self->children[--self->nr_children], SIGKILL);
		waitpid(self->children[self->nr_children], NULL, 0);
	}
}

/* Areas of a MiB; how many MiB could be had. */
static long take_mib(unsigned long nr)
{
	unsigned long i, addr;

	for (i = 0; i < nr; i++) {
		if (dev_alloc(open_mm_secret(), MIB, &addr))
			break;
	}
	return i;
}

/* Blocks, all but a page of each given back; how many. */
static long take_and_leave_a_page(unsigned long nr)
{
	unsigned long i, addr;
	int fd[64];

	/* The first blocks are small ones. */
	if (dev_alloc(open_mm_secret(), FEW, &addr))
		return -1;
	for (i = 0; i < nr; i++) {
		fd[i] = open_mm_secret();
		if (dev_alloc(fd[i], BLOCK - page_size(), &addr) ||
		    dev_alloc(open_mm_secret(), page_size(), &addr))
			break;
	}
	nr = i;
	while (i--)
		dev_free(fd[i]);
	return nr;
}

/* A cgroup keeps no more from others than it is charged. */
TEST_F_TIMEOUT(limits, charged_is_what_is_kept, 180)
{
	long free, kept, charged, nid, i;

	if (!has_node_1())
		SKIP(return, "one node");
	ASSERT_TRUE(write_text(CGROUP "/memory.max", "220200960"));
	charged = read_number(CURRENT) >> 10;
	free = free_kib();
	for (nid = 0; nid < 2; nid++) {
		ASSERT_EQ(0, bind_to(nid));
		for (i = 0; i < 3; i++)
			start(self, take_and_leave_a_page, 30);
	}
	bind_to(-1);
	kept = free - free_kib();
	charged = (read_number(CURRENT) >> 10) - charged;
	ksft_print_msg("%ld KiB are kept, %ld KiB charged\n", kept, charged);
	/* All of it is more than the cgroup may have. */
	EXPECT_LT(100 * 1024, charged);
	EXPECT_GE(210 * 1024, charged);
	EXPECT_GE(charged + charged / 10, kept);
	EXPECT_LE(charged - charged / 10, kept);
	end_all(self);
	charged = read_number(CURRENT) >> 10;
	EXPECT_GT(10 * 1024, charged);
}

/* When wait() returns, the memory of who exited is anybody's. */
TEST_F_TIMEOUT(limits, given_back_by_exit, 180)
{
	const long before = read_number(CURRENT), outside = secret_kib();
	long with;
	int i;

	for (i = 0; i < 6; i++)
		ASSERT_EQ(60, start(self, take_mib, 60));
	with = read_number(CURRENT) - before;
	EXPECT_LT(360 * (long)MIB, with);
	end_all(self);
	ksft_print_msg("%ld of %ld KiB are charged after the exit\n",
		       (read_number(CURRENT) - before) >> 10, with >> 10);
	EXPECT_GE(with / 20, read_number(CURRENT) - before);
	EXPECT_GE(outside + 1024, secret_kib());
}

static long one_object_of_many(unsigned long nr)
{
	unsigned long i, addr;
	int fd[4800];

	for (i = 0; i < nr; i++) {
		fd[i] = open_mm_secret();
		if (dev_kzalloc(fd[i], 2048, &addr))
			return -1;
	}
	/* One of the last ones stays, and all that the driver has of the others goes. */
	for (i = 0; i < nr; i++) {
		if (i == nr - 10)
			continue;
		if (dev_free(fd[i]))
			return -2;
		close(fd[i]);
	}
	return 0;
}

/* An object keeps the page that it is in, and the few that left the direct map with it. */
TEST_F_TIMEOUT(limits, one_small_object, 180)
{
	const long outside = secret_kib();
	unsigned long addr;
	long kept;

	ASSERT_EQ(0, one_object_of_many(4736));
	kept = secret_kib() - outside;
	ksft_print_msg("%ld of 9472 KiB stay\n", kept);
	EXPECT_LE(1, kept);
	EXPECT_GE(64 * (page_size() > 65536 ? 2 : 1), kept);
	/* And the mm may have the rest. */
	ASSERT_EQ(0, dev_alloc(open_mm_secret(), 63 * MIB, &addr));
}

/* Is it in none of the chunks?  They cover what one page table maps. */
static bool is_in_new_chunk(const unsigned long *chunks, unsigned int nr, unsigned long addr)
{
	const unsigned long size = page_size() / sizeof(long) * page_size();

	while (nr--) {
		if (chunks[nr] / size == addr / size)
			return false;
	}
	return true;
}

/* Who frees and allocates in full chunks gets no page table for each further page. */
TEST_F_TIMEOUT(limits, chunks_do_not_add_up, 180)
{
	unsigned long chunks[128], addr;
	unsigned int nr = 0, nr_chunks = 0, i, round;
	int fd, full[5];

	if (page_size() > 4096)
		SKIP(return, "an mm may not fill four chunks");
	for (; nr_chunks < 5; nr++) {
		ASSERT_GT(2048, nr);
		fd = open_mm_secret();
		ASSERT_EQ(0, dev_alloc(fd, page_size(), &addr));
		if (is_in_new_chunk(chunks, nr_chunks, addr)) {
			full[nr_chunks] = fd;
			chunks[nr_chunks++] = addr;
		}
	}
	for (round = 0; round < 100; round++, nr++) {
		/* So these are tried first. */
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(0, dev_free(full[i]));
			ASSERT_EQ(0, dev_alloc(full[i], page_size(), &addr));
			ASSERT_FALSE(is_in_new_chunk(chunks + i, 1, addr));
		}
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), page_size(), &addr));
		if (is_in_new_chunk(chunks, nr_chunks, addr))
			chunks[nr_chunks++] = addr;
	}
	ksft_print_msg("%u chunks have %u pages\n", nr_chunks, nr);
	EXPECT_LT(5, nr_chunks);
	EXPECT_GE(nr / 64 + 1, nr_chunks);
}

/* Nodes are those of GFP_KERNEL: by policy ... */
TEST_F_TIMEOUT(limits, bound_to_a_node, 120)
{
	unsigned long addr;
	long before[2];
	int nid;

	if (!has_node_1())
		SKIP(return, "one node");
	for (nid = 0; nid < 2; nid++) {
		ASSERT_EQ(0, bind_to(nid));
		before[0] = node_kib(0);
		before[1] = node_kib(1);
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), 8 * MIB, &addr));
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), page_size(), &addr));
		EXPECT_LE(8192, node_kib(nid) - before[nid]);
		EXPECT_GE(8192 + 4096, node_kib(nid) - before[nid]);
		EXPECT_EQ(before[!nid], node_kib(!nid));
	}
	/* A page of a block that the policy does not allow, is not taken. */
	ASSERT_EQ(0, bind_to(0));
	before[1] = node_kib(1);
	ASSERT_EQ(0, dev_alloc(open_mm_secret(), 4 * MIB, &addr));
	EXPECT_EQ(before[1], node_kib(1));
	bind_to(-1);
}

/* ... and by cpuset, as fast and with as few splits as elsewhere. */
TEST_F_TIMEOUT(limits, cpuset_without_the_local_node, 120)
{
	const long splits = count_of("/proc/vmstat", "direct_map_level2_splits");
	int local = open_mm_secret(), other = open_mm_secret();
	unsigned long addr;
	long before[2];

	if (!has_node_1())
		SKIP(return, "one node");
	if (!write_text("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset"))
		SKIP(return, "no cpusets");
	run_on(0);
	ASSERT_EQ(0, dev_alloc(local, page_size(), &addr));
	ASSERT_TRUE(write_text(CGROUP "/cpuset.mems", "1"));
	before[0] = node_kib(0);
	before[1] = node_kib(1);
	ASSERT_EQ(0, dev_alloc(open_mm_secret(), 48 * MIB, &addr));
	EXPECT_LE(49152, node_kib(1) - before[1]);
	EXPECT_EQ(before[0], node_kib(0));
	/* There is room on the node that is not allowed any more. */
	ASSERT_EQ(0, dev_alloc(other, page_size(), &addr));
	EXPECT_NE(pfn_of(local) / (65536 / page_size()), pfn_of(other) / (65536 / page_size()));
	/* The small blocks that come first. */
	EXPECT_GE(splits + 9, count_of("/proc/vmstat", "direct_map_level2_splits"));
	write_text(CGROUP "/cpuset.mems", "");
}

/* In a child, so that its blocks go back. */
static long bad_page(unsigned long unused)
{
	unsigned int i, nr = 65536 / page_size();
	unsigned long addr;
	char number[32];
	long pfn, bad;
	int fd = open_mm_secret();

	if (dev_alloc(fd, page_size(), &addr))
		return -1;
	/* The first of its block.  The next one nobody uses yet. */
	pfn = pfn_of(fd);
	bad = pfn + 1;
	snprintf(number, sizeof(number), "%ld", bad);
	/* The kernel says that it ignores it, and has marked it. */
	write_text("/sys/kernel/debug/hwpoison/corrupt-pfn", number);
	for (i = 0; i < nr; i++) {
		fd = open_mm_secret();
		if (dev_alloc(fd, page_size(), &addr))
			return -2;
		if (pfn_of(fd) == bad)
			return -3;
	}
	return 0;
}

/* A page that is bad is never used, and its block never mapped again. */
TEST_F_TIMEOUT(limits, bad_page_of_a_block, 120)
{
	const long before = secret_kib();

	if (page_size() == 65536)
		SKIP(return, "a small block is one page");
	if (access("/sys/kernel/debug/hwpoison/corrupt-pfn", W_OK))
		SKIP(return, "no hwpoison injection");
	EXPECT_EQ(0, start(self, bad_page, 0));
	end_all(self);
	/* It is counted as what is out of the direct map. */
	EXPECT_EQ(before + 64, secret_kib());
}

/* What is idle is said to be, and goes when memory is short. */
TEST_F_TIMEOUT(limits, idle_is_reclaimable, 120)
{
	unsigned long addr;
	long idle, misc;
	int fd = open_mm_secret();

	write_text("/proc/sys/vm/drop_caches", "2");
	idle = count_of("/proc/vmstat", "nr_mm_secret_idle");
	misc = count_of("/proc/vmstat", "nr_kernel_misc_reclaimable");
	ASSERT_LE(0, idle);
	ASSERT_EQ(0, dev_alloc(fd, page_size(), &addr));
	EXPECT_EQ(idle, count_of("/proc/vmstat", "nr_mm_secret_idle"));
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_LT(idle, count_of("/proc/vmstat", "nr_mm_secret_idle"));
	EXPECT_LT(misc, count_of("/proc/vmstat", "nr_kernel_misc_reclaimable"));
	write_text("/proc/sys/vm/drop_caches", "2");
	EXPECT_EQ(idle, count_of("/proc/vmstat", "nr_mm_secret_idle"));
	EXPECT_EQ(misc, count_of("/proc/vmstat", "nr_kernel_misc_reclaimable"));
}

/* A quarter of what stays in use. */
static long leave_idle(unsigned long unused)
{
	unsigned long addr;
	int i, fd[6];

	for (i = 0; i < 6; i++) {
		fd[i] = open_mm_secret();
		if (dev_alloc(fd[i], BLOCK, &addr))
			return -1;
	}
	return dev_free(fd[2]) ?: dev_free(fd[3]);
}

/* What is reclaimed for a cgroup is that cgroup's. */
TEST_F_TIMEOUT(limits, idle_goes_with_its_cgroup, 120)
{
	long before, others, all;

	write_text("/proc/sys/vm/drop_caches", "2");
	before = count_of("/proc/vmstat", "nr_mm_secret_idle");
	ASSERT_TRUE(write_text("/sys/fs/cgroup/cgroup.procs", "0"));
	ASSERT_EQ(0, start(self, leave_idle, 0));
	others = count_of("/proc/vmstat", "nr_mm_secret_idle");
	EXPECT_LT(before, others);
	ASSERT_TRUE(write_text(CGROUP "/cgroup.procs", "0"));
	ASSERT_EQ(0, start(self, leave_idle, 0));
	all = count_of("/proc/vmstat", "nr_mm_secret_idle");
	EXPECT_LT(others, all);
	/* More than there is. */
	write_text(CGROUP "/memory.reclaim", "64M");
	EXPECT_EQ(others, count_of("/proc/vmstat", "nr_mm_secret_idle"));
}

/* Memory of so many MiB, which is written to. */
static long anonymous_mib(unsigned long nr)
{
	char *mem = mmap(NULL, nr * MIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned long at;

	if (mem == MAP_FAILED)
		return -1;
	for (at = 0; at < nr * MIB; at += page_size())
		mem[at] = 1;
	return 0;
}

/* Until idle blocks have gone from the node, and no further. */
static long fill_node(unsigned long nid)
{
	const long idle = node_count(nid, "nr_mm_secret_idle");
	int i;

	for (i = 0; i < 16384 && node_count(nid, "nr_mm_secret_idle") == idle; i++) {
		if (anonymous_mib(1))
			return -1;
	}
	return 0;
}

/* Where memory is short on a node, it is that node's that goes. */
TEST_F_TIMEOUT(limits, idle_goes_with_its_node, 180)
{
	long before[2], idle[2];
	int nid;

	if (!has_node_1())
		SKIP(return, "one node");
	write_text("/proc/sys/vm/drop_caches", "2");
	for (nid = 0; nid < 2; nid++) {
		before[nid] = node_count(nid, "nr_mm_secret_idle");
		ASSERT_EQ(0, bind_to(nid));
		ASSERT_EQ(0, start(self, leave_idle, 0));
		idle[nid] = node_count(nid, "nr_mm_secret_idle");
		EXPECT_LT(before[nid], idle[nid]);
	}
	/* It may be killed while another CPU is about to give the block back. */
	start(self, fill_node, 1);
	bind_to(-1);
	EXPECT_EQ(before[1], node_count(1, "nr_mm_secret_idle"));
	EXPECT_EQ(idle[0], node_count(0, "nr_mm_secret_idle"));
}

static bool can_hibernate(void)
{
	char states[128] = "";

	read_text("/sys/power/state", states, sizeof(states));
	return strstr(states, "disk");
}

/* Userspace does not try what would be refused. */
TEST_F(limits, no_disk_among_the_states)
{
	unsigned long addr;
	int fd = open_mm_secret();

	if (!can_hibernate())
		SKIP(return, "no hibernation");
	ASSERT_EQ(0, dev_alloc(fd, page_size(), &addr));
	EXPECT_FALSE(can_hibernate());
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_TRUE(can_hibernate());
}

/* The owner's thread holds its mmap lock, and another process frees. */
TEST_F_TIMEOUT(limits, free_does_not_wait, 120)
{
	volatile bool *holds = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open_mm_secret(), lock = open_mm_secret(), other = open_mm_secret();
	unsigned long addr;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)holds);
	pid = fork();
	if (!pid) {
		if (dev_alloc(fd, 4 * page_size(), &addr))
			_exit(1);
		*holds = true;
		/* The whole time that the parent could be kept waiting. */
		ioctl(lock, MM_SECRET_TEST_HOLD, 8000);
		*holds = false;
		_exit(0);
	}
	while (!*holds)
		usleep(1000);
	usleep(500 * 1000);
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_TRUE(*holds);
	EXPECT_EQ(-ENOENT, dev_free(fd));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, dev_alloc(other, page_size(), &addr));
}

/* All that there is, and 20 MiB more. */
static long hog(void)
{
	const long kills = count_of("/proc/vmstat", "oom_kill");
	long i;

	/* Most of it at once. */
	i = free_kib() / 1024 - 64;
	if (i > 0 && anonymous_mib(i))
		return -1;
	for (i = 0; i < 16384 && count_of("/proc/vmstat", "oom_kill") == kills; i++) {
		if (anonymous_mib(1))
			return -1;
	}
	return anonymous_mib(20);
}

static long owner(unsigned long anonymous)
{
	return anonymous ? anonymous_mib(48) : take_mib(48) - 48;
}

/* How many of ten owners the OOM killer takes for one that needs 20 MiB too much. */
static int victims(limits *self, bool anonymous)
{
	int i, status, killed = 0;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		if (start(self, owner, anonymous))
			return -1;
	}
	pid = fork();
	if (!pid)
		_exit(!!hog());
	waitpid(pid, &status, 0);
	/* It is not for it to die. */
	if (status)
		killed += 100;
	usleep(300 * 1000);
	for (i = 0; i < 10; i++)
		killed += waitpid(self->children[i], NULL, WNOHANG) > 0;
	for (i = 0; i < 10; i++)
		kill(self->children[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	self->nr_children = 0;
	return killed;
}

/* They go one by one, as those with anonymous memory do. */
TEST_F_TIMEOUT(limits, oom_victims, 900)
{
	int anonymous, secret;

	write_text("/proc/sys/vm/panic_on_oom", "0");
	anonymous = victims(self, true);
	ASSERT_LE(0, anonymous);
	secret = victims(self, false);
	ASSERT_LE(0, secret);
	ksft_print_msg("%d of 10 owners of secret memory were killed, %d of anonymous memory\n",
		       secret, anonymous);
	EXPECT_LE(1, secret);
	EXPECT_LE(secret, anonymous + 1);
	/* The report says how much there is. */
	EXPECT_TRUE(log_has(" mm_secret:"));
}

TEST_HARNESS_MAIN
