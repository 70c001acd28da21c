// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel-owned VMAs and of secret memory when allocations fail.
 *
 * /proc/thread-self/fail-nth lets the Nth allocation of a task fail.  Each test
 * does something with N = 1, 2, ... until N is more than there are: so every
 * allocation on the way has failed once, alone.  The call must then either fail
 * with -ENOMEM and leave all as it was, or work all the same, and the next one,
 * without a fault, must work.  To free an area must ask for no memory at all.
 *
 * That a fault was injected is known from fail-nth, which is 0 afterwards; and
 * what is checked after a fault is checked after a call without one, too.
 *
 * Needs CONFIG_MM_SECRET_TEST, CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC,
 * CONFIG_FAULT_INJECTION_DEBUG_FS and root.
 */
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_owned_calls.h"
#include "proof_util.h"
#include "vm_util.h"

#define DEBUG		"/sys/kernel/debug/"
#define CGROUP		"/sys/fs/cgroup/proof_faults"
#define MAX_PAGES	((64UL << 20) / page_size())
#define NEVER		100000	/* more than any call allocates */
#define AFTER_EXEC	"MM_SECRET_FAULTS_AFTER_EXEC"
#define EXEC_WORKED	42

/* A program that execs itself to see whether that works ends here. */
__attribute__((constructor)) static void after_exec(void)
{
	if (getenv(AFTER_EXEC))
		_exit(EXEC_WORKED);
}

/* The faults */
/*
 * A munmap tries twice to get a node for the maple tree, and with one fault it
 * works.  So let all these allocations fail, of any task.
 */
#define NODE_FAILSLAB	"/sys/kernel/slab/maple_node/failslab"
#define NODE_FAULTS	1000

static bool fail_nodes(void)
{
	return write_text(NODE_FAILSLAB, "1") &&
	       write_text(DEBUG "failslab/cache-filter", "Y") &&
	       write_text(DEBUG "failslab/times", "1000") &&
	       write_text(DEBUG "failslab/probability", "100");
}

static bool fail_nodes_used(void)
{
	char times[16];

	write_text(DEBUG "failslab/probability", "0");
	write_text(DEBUG "failslab/cache-filter", "N");
	write_text(NODE_FAILSLAB, "0");
	read_text(DEBUG "failslab/times", times, sizeof(times));
	return atoi(times) < NODE_FAULTS;
}

/*
 * What the process can see of its memory: no more and no less than before.
 */
struct view {
	char maps[16384];
	long fields[8];
	long next;	/* VMA above the last one */
};

static const char *const view_fields[] = {
	"\nVmSize", "\nVmLck", "\nVmPin", "\nVmData", "\nVmStk", "\nVmExe", "\nVmLib", "\nVmPTE",
};

static long next_vma(unsigned long addr)
{
#ifdef PROCMAP_QUERY
	struct procmap_query query = {
		.size = sizeof(query),
		.query_flags = PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
		.query_addr = addr,
	};
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	long ret = ret_or_errno(ioctl(fd, PROCMAP_QUERY, &query));

	close(fd);
	return ret;
#else
	return -ENOENT;
#endif
}

static void view_take(struct view *view, unsigned long window)
{
	unsigned int i;
	char *line;

	read_text("/proc/self/status", text, sizeof(text));
	for (i = 0; i < ARRAY_SIZE(view_fields); i++) {
		line = strstr(text, view_fields[i]);
		view->fields[i] = line ? atol(line + strlen(view_fields[i]) + 1) : -1;
	}
	read_text("/proc/self/maps", view->maps, sizeof(view->maps));
	view->next = next_vma(window);
}

static struct view view_now;

static const char *view_changed(const struct view *view, unsigned long window)
{
	unsigned int i;

	view_take(&view_now, window);
	for (i = 0; i < ARRAY_SIZE(view_fields); i++) {
		if (view->fields[i] != view_now.fields[i])
			return view_fields[i] + 1;
	}
	if (view_now.next != -ENOENT)
		return "PROCMAP_QUERY finds a VMA";
	return strcmp(view->maps, view_now.maps) ? "maps" : NULL;
}

/* What an address answers where there is nothing, and so where there was an area. */
static int null_fd = -1;

static long q_getrandom(unsigned long addr, unsigned long len)
{
	/* Directly from the driver: a pipe or a file would need pages for it. */
	return ret_or_errno(syscall(SYS_getrandom, addr, 8, 0));
}

static long q_next_vma(unsigned long addr, unsigned long len)
{
	return next_vma(addr);
}

static long q_nofault(unsigned long addr, unsigned long len)
{
	return dev_nofault(null_fd, addr);
}

static const struct {
	const char *name;
	range_call *ask;
} questions[] = {
	{ "mincore", c_mincore }, { "madvise", c_madvise }, { "mprotect", c_mprotect_read },
	{ "munmap", c_munmap }, { "mlock", c_mlock }, { "msync", c_msync_sync },
	{ "getrandom", q_getrandom }, { "mmap", c_mmap_noreplace },
	{ "PROCMAP_QUERY", q_next_vma }, { "nofault read", q_nofault },
};

/* The first question that @addr answers otherwise than @empty, or NULL. */
static const char *differs(unsigned long addr, unsigned long empty)
{
	unsigned int i;

	advice_now = MADV_DONTNEED;
	for (i = 0; i < ARRAY_SIZE(questions); i++) {
		if (questions[i].ask(addr, page_size()) != questions[i].ask(empty, page_size()))
			return questions[i].name;
	}
	return NULL;
}

/* Contents of areas of any size */
static bool area_holds(int fd, unsigned long size, unsigned char seed)
{
	unsigned long off, n;

	for (off = 0; off < size; off += n) {
		n = size - off < sizeof(buffer) ? size - off : sizeof(buffer);
		memset(buffer, 0xff, n);
		if (dev_read(fd, off, buffer, n) || !is_pattern(buffer, n, seed))
			return false;
	}
	return true;
}

static bool area_fill(int fd, unsigned long size, unsigned char seed)
{
	unsigned long off, n;
	long ret = 0;

	for (off = 0; off < size && !ret; off += n) {
		n = size - off < sizeof(buffer) ? size - off : sizeof(buffer);
		make_pattern(buffer, n, seed);
		ret = dev_write(fd, off, buffer, n);
	}
	memset(buffer, 0, sizeof(buffer));
	return !ret;
}

/*
 * Fill the area, with a secret at its start that nothing else holds when this
 * returns, so that a scan for it finds what was forgotten.
 */
static bool area_hide(int fd, unsigned long size)
{
	unsigned char *page = buffer;
	bool ok;

	if (!area_fill(fd, size, 0x77) ||
	    syscall(SYS_getrandom, page, page_size(), 0) != (long)page_size())
		return false;
	ok = !dev_write(fd, 0, page, page_size());
	memset(buffer, 0, sizeof(buffer));
	return ok;
}

/* Pages that hold the secret last written. */
static long scan_pattern(int fd)
{
	struct mm_secret_test_scan scan;
	long ret = dev_scan(fd, &scan);

	return ret ?: (long)scan.pattern;
}

/* What the test has charged to its cgroup, in pages. */
static long charged(void)
{
	long bytes = read_number(CGROUP "/memory.current");

	return bytes < 0 ? -1 : bytes / (long)page_size();
}

/*
 * CPUs keep a charge of some pages in stock.  So much must be lost that it could
 * not be that: tests go on until they have had so many failures, each of which
 * could have lost a page.
 */
static unsigned int charge_slack(void)
{
	return 128 * sysconf(_SC_NPROCESSORS_ONLN) + 64;
}

/* The charge once what is freed later is freed. */
static long charge_over(long before)
{
	long over = 0;
	int tries;

	for (tries = 0; tries < 50; tries++) {
		over = charged() - before;
		if (over <= (long)charge_slack())
			break;
		usleep(100 * 1000);
	}
	return over;
}

/* The mm can have all that it may, that is, nothing freed is still counted. */
static const char *cap_is_free(unsigned long in_use)
{
	/* Among what failed frees have left, there is no room for one large area. */
	const unsigned long piece = MAX_PAGES / 16;
	unsigned long addr, left = MAX_PAGES - in_use;
	const char *what = NULL;
	int fd[17], n;

	for (n = 0; left && !what; n++) {
		unsigned long nr = left < piece ? left : piece;

		fd[n] = open_mm_secret();
		if (dev_alloc(fd[n], nr * page_size(), &addr))
			what = "the mm cannot have all that it may";
		left -= nr;
	}
	fd[n] = open_mm_secret();
	if (!what && dev_alloc(fd[n], page_size(), &addr) != -ENOSPC)
		what = "the mm can have more than it may";
	for (; n >= 0; n--)
		close(fd[n]);
	return what;
}

static struct view view_before;

struct state {
	struct place p;		/* lives through it all, if there is one */
	int fd;			/* for what comes and goes */
	unsigned int enough;	/* failures to show a leak */
	unsigned int failed;	/* calls that failed */
	unsigned int passed;	/* calls that worked with a fault injected */
	long charged;
	bool controller;	/* switched on by us */
};

static void state_setup(struct __test_metadata *_metadata, struct state *self, bool with_area)
{
	const char *what;

	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	if (geteuid())
		SKIP(exit(KSFT_SKIP), "needs root: sets up fault injection");
	if (!inject_setup())
		SKIP(exit(KSFT_SKIP), "no fault injection in this kernel");
	what = cgroup_enter(CGROUP, &self->controller);
	ASSERT_EQ(NULL, what)
		TH_LOG("cgroup: %s: %s", what, strerror(errno));
	ASSERT_LE(0, charged());
	self->fd = open_mm_secret();
	null_fd = self->fd;
	ASSERT_LE(0, self->fd);
	self->enough = charge_slack() + 1;
	if (with_area)
		SETUP_PLACE(&self->p, true, 0);
	else
		self->p.empty = empty_address(self->fd, 0);
	ASSERT_NE(0, self->p.empty);
}

static void state_end(const struct state *self)
{
	fail_nth(0);
	fail_nodes_used();
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
	cgroup_remove(CGROUP);
	if (self->controller)
		cgroup_switch_off();
}

/* What is as it was before the call, with a fault or without. */
#define EXPECT_AS_BEFORE(_n) do {					\
	const char *_seen = view_changed(&view_before, self->p.empty);	\
									\
	ASSERT_EQ(NULL, _seen)						\
		TH_LOG("N = %u: %s", _n, _seen);			\
	if (self->p.size) {						\
		_seen = either_changed(&self->p);			\
		ASSERT_EQ(NULL, _seen)					\
			TH_LOG("N = %u: %s", _n, _seen);		\
	}								\
} while (0)

#define START_OF_SWEEPS() do {						\
	self->charged = charged();					\
	view_take(&view_before, self->p.empty);				\
	ASSERT_EQ(-ENOENT, view_before.next);				\
	ASSERT_NE(0, view_before.maps[0]);				\
	ASSERT_LT(0, view_before.fields[0]);				\
	ASSERT_LT(0, view_before.fields[ARRAY_SIZE(view_fields) - 1]);	\
} while (0)

#define END_OF_SWEEPS() do {						\
	const char *_what = cap_is_free(self->p.size / page_size());		\
	long _over = charge_over(self->charged);			\
									\
	EXPECT_EQ(NULL, _what)						\
		TH_LOG("%s", _what);					\
	EXPECT_GE(charge_slack(), _over);				\
} while (0)

static void report(const char *what, unsigned int allocations, struct state *self)
{
	ksft_print_msg("%s: %u allocations; with one failing, %u calls failed and %u worked\n",
		       what, allocations, self->failed, self->passed);
}

/* An mm with an area. */
FIXTURE(faults)
{
	struct state s;
};

FIXTURE_SETUP(faults)
{
	state_setup(_metadata, &self->s, true);
}

FIXTURE_TEARDOWN(faults)
{
	state_end(&self->s);
}

/* An mm that has none yet, and whose window has no page tables. */
FIXTURE(first_area)
{
	struct state s;
};

FIXTURE_SETUP(first_area)
{
	state_setup(_metadata, &self->s, false);
}

FIXTURE_TEARDOWN(first_area)
{
	state_end(&self->s);
}

typedef long (*alloc_fn)(int fd, unsigned long size, unsigned long *addr);

/* Which allocation is to fail, for those that do something before. */
static unsigned int nth_of_alloc = NEVER;

static void alloc_sweeps(struct __test_metadata *_metadata, struct state *self,
			 alloc_fn alloc, unsigned long size)
{
	/* All of a large one takes long. */
	const unsigned long checked = size < 16 * page_size() ? size : 16 * page_size();
	unsigned long addr;
	unsigned int n;
	char name[64];
	bool used;
	long ret;

	/* Once without faults, so that what stays is there. */
	ASSERT_EQ(0, alloc(self->fd, size, &addr));
	ASSERT_TRUE(area_holds(self->fd, size, 0));
	ASSERT_EQ(0, dev_free(self->fd));
	START_OF_SWEEPS();
	do {
		for (n = 1; n < NEVER; n++) {
			nth_of_alloc = n;
			fail_nth(n);
			ret = alloc(self->fd, size, &addr);
			used = fail_nth_used();
			if (ret) {
				ASSERT_EQ(-ENOMEM, ret)
					TH_LOG("N = %u: %s", n, ret_text(ret));
				ASSERT_TRUE(used);
				self->failed++;
			} else {
				self->passed += used;
				ASSERT_TRUE(area_holds(self->fd, checked, 0));
				ASSERT_TRUE(area_fill(self->fd, checked, 0x11));
				ASSERT_TRUE(area_holds(self->fd, checked, 0x11));
				ASSERT_EQ(0, dev_free(self->fd));
			}
			ASSERT_EQ(-ENOENT, dev_addr(self->fd, &addr));
			EXPECT_AS_BEFORE(n);
			if (!used)
				break;
		}
		ASSERT_EQ(0, ret);
		ASSERT_LT(1, n);
	} while (self->failed < self->enough);
	snprintf(name, sizeof(name), "ALLOC of %lu bytes", size);
	report(name, n - 1, self);
	END_OF_SWEEPS();
}

TEST_F_TIMEOUT(first_area, alloc_1_page, 300)
{
	alloc_sweeps(_metadata, &self->s, dev_alloc, page_size());
}

TEST_F_TIMEOUT(faults, alloc_1_page, 300)
{
	alloc_sweeps(_metadata, &self->s, dev_alloc, page_size());
}

TEST_F_TIMEOUT(faults, alloc_4_pages, 300)
{
	alloc_sweeps(_metadata, &self->s, dev_alloc, 4 * page_size());
}

TEST_F_TIMEOUT(faults, alloc_600_pages, 900)
{
	alloc_sweeps(_metadata, &self->s, dev_alloc, 600 * page_size());
}

/* With all that the first small object of an mm needs. */
TEST_F_TIMEOUT(first_area, alloc_object, 300)
{
	alloc_sweeps(_metadata, &self->s, dev_kzalloc, 200);
}

/*
 * An area that fills a page table has one to itself, which is unmapped, when it is
 * empty, by the next allocation: if that fails, the allocation does not.
 */
static long alloc_beside_empty(int fd, unsigned long size, unsigned long *addr)
{
	static int large[3];
	unsigned int i;

	fail_nth(0);
	for (i = 0; i < 3; i++) {
		if (!large[i])
			large[i] = open_mm_secret();
		if (dev_alloc(large[i], page_size() / 8 * page_size(), addr))
			return -EIO;
	}
	for (i = 0; i < 3; i++)
		dev_free(large[i]);
	fail_nth(nth_of_alloc);
	return dev_alloc(fd, size, addr);
}

TEST_F_TIMEOUT(faults, alloc_beside_empty_page_tables, 300)
{
	alloc_sweeps(_metadata, &self->s, alloc_beside_empty, page_size());
}

/* Frees.  They ask for no memory, so that the first allocation that fails is none. */
typedef long (*free_fn)(int fd, unsigned int n, bool *used);

static long free_by_owner(int fd, unsigned int n, bool *used)
{
	long ret;

	fail_nth(n);
	ret = dev_free(fd);
	*used = fail_nth_used();
	return ret;
}

/* Its child says what it got, and in bit 0 whether there was a fault. */
static long free_in_child(const struct remote *r)
{
	bool used = false;
	long ret;

	if (!fail_nth_open())
		return -EIO;
	ret = free_by_owner(r->addr, r->len, &used);
	return ret << 1 | used;
}

static long free_by_other(int fd, unsigned int n, bool *used)
{
	const struct remote r = { .addr = fd, .len = n };
	long ret = in_child(free_in_child, &r);

	*used = ret & 1;
	return ret >> 1;
}

/* An area so large that fewer frees than failures show a leak of its pages. */
#define FREE_PAGES	16

static void free_checked(struct __test_metadata *_metadata, struct state *self, free_fn do_free,
			 bool scan)
{
	const unsigned long size = FREE_PAGES * page_size();
	unsigned long addr, none;
	const char *what;
	bool used;

	ASSERT_EQ(0, dev_alloc(self->fd, size, &addr));
	ASSERT_TRUE(area_hide(self->fd, size));
	ASSERT_EQ(0, do_free(self->fd, 1, &used));
	ASSERT_FALSE(used)
		TH_LOG("an allocation");
	ASSERT_EQ(-ENOENT, dev_addr(self->fd, &none));
	what = differs(addr, self->p.empty);
	ASSERT_EQ(NULL, what)
		TH_LOG("%s tells", what);
	EXPECT_AS_BEFORE(1);
	if (scan)
		ASSERT_EQ(0, scan_pattern(self->fd));
}

static void free_sweeps(struct __test_metadata *_metadata, struct state *self, free_fn do_free)
{
	unsigned int frees;
	unsigned long addr;
	bool used;

	ASSERT_EQ(0, dev_alloc(self->fd, FREE_PAGES * page_size(), &addr));
	ASSERT_EQ(0, do_free(self->fd, NEVER, &used));
	START_OF_SWEEPS();
	for (frees = 0; frees < self->enough / 4 || frees < 20; frees++)
		free_checked(_metadata, self, do_free, frees < 3);
	END_OF_SWEEPS();
	/* What fails here does so elsewhere. */
	fail_nth(1);
	EXPECT_EQ(-ENOMEM, dev_alloc(self->fd, FREE_PAGES * page_size(), &addr));
	EXPECT_TRUE(fail_nth_used());
}

TEST_F_TIMEOUT(faults, free_by_owner, 300)
{
	free_sweeps(_metadata, &self->s, free_by_owner);
}

TEST_F_TIMEOUT(faults, free_by_another_process, 600)
{
	free_sweeps(_metadata, &self->s, free_by_other);
}

TEST_F_TIMEOUT(first_area, free_by_owner, 300)
{
	free_sweeps(_metadata, &self->s, free_by_owner);
}

/* The control of the scans above. */
static void scan_finds_what_is_there_test(struct __test_metadata *_metadata, struct state *self)
{
	const unsigned long size = NPAGES * page_size();
	unsigned char *copy = (unsigned char *)map_ordinary(size);
	unsigned long addr;
	bool used;

	ASSERT_EQ(0, dev_alloc(self->fd, size, &addr));
	ASSERT_TRUE(area_hide(self->fd, size));
	ASSERT_EQ(0, dev_read(self->fd, 0, copy, page_size()));
	as_stored(copy, page_size());
	ASSERT_EQ(0, free_by_owner(self->fd, NEVER, &used));
	EXPECT_LT(0, scan_pattern(self->fd));
	memset(copy, 0, size);
	EXPECT_EQ(0, scan_pattern(self->fd));
}

TEST_F_TIMEOUT(faults, scan_finds_what_is_there, 300)
{
	scan_finds_what_is_there_test(_metadata, &self->s);
}

/*
 * A CPU that uses the mm lazily: it can read the area until it is freed.
 */
static void lazy_rule(struct __test_metadata *_metadata, struct state *self, free_fn do_free)
{
	unsigned long addr;
	bool used = false;
	int round;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	run_on(0);
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, dev_alloc(self->fd, NPAGES * page_size(), &addr));
		ASSERT_TRUE(area_fill(self->fd, NPAGES * page_size(), 0x33));
		ASSERT_EQ(0, ret_or_errno(ioctl(self->fd, MM_SECRET_TEST_LAZY_BEGIN, 1)))
			TH_LOG("%s", strerror(errno));
		if (do_free)
			ASSERT_EQ(0, do_free(self->fd, NEVER, &used));
		ASSERT_EQ(!do_free, ret_or_errno(ioctl(self->fd, MM_SECRET_TEST_LAZY_END)));
		if (!do_free)
			ASSERT_EQ(0, dev_free(self->fd));
	}
}

TEST_F(faults, lazy_cpu_reads_an_area)
{
	lazy_rule(_metadata, &self->s, NULL);
}

TEST_F(faults, lazy_cpu_after_a_free)
{
	lazy_rule(_metadata, &self->s, free_by_owner);
}

TEST_F(faults, lazy_cpu_after_a_free_by_another)
{
	lazy_rule(_metadata, &self->s, free_by_other);
}

/* At the owner's end, its page tables are freed, too. */
TEST_F(faults, lazy_cpu_after_an_exit)
{
	struct state *s = &self->s;
	const unsigned long size = NPAGES * page_size();
	int round, status = -1;
	unsigned long addr;
	pid_t pid;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	run_on(0);
	for (round = 0; round < 5; round++) {
		pid = fork();
		if (!pid)
			_exit(dev_alloc(s->fd, size, &addr) || !area_fill(s->fd, size, 0x33) ||
			      ioctl(s->fd, MM_SECRET_TEST_LAZY_BEGIN, 1));
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);
		ASSERT_EQ(0, ret_or_errno(ioctl(s->fd, MM_SECRET_TEST_LAZY_END)));
		ASSERT_EQ(0, dev_free(s->fd));
	}
}

static long nothing(const struct remote *r __maybe_unused)
{
	return 0;
}

/*
 * Kernel-owned VMAs at user addresses.  A munmap that fails may leave the VMA
 * split, as it always has; so look at what is in a range, VMA by VMA.
 */
enum { GONE, OWNED, PLAIN, MIXED };

static int range_state(unsigned long start, unsigned long end)
{
	unsigned long at = start, vma_start, vma_end;
	char *line = text, *flags, *nl;
	int state = -1, now;

	read_text("/proc/self/smaps", text, sizeof(text));
	for (; *line && at < end; line = nl + 1) {
		nl = strchr(line, '\n');
		if (!nl)
			break;
		if (sscanf(line, "%lx-%lx ", &vma_start, &vma_end) != 2 || vma_end <= at)
			continue;
		if (vma_start >= end)
			break;
		if (vma_start > at)
			return MIXED;
		flags = strstr(nl, "VmFlags:");
		nl = flags ? strchr(flags, '\n') : NULL;
		if (!nl)
			return MIXED;
		*nl = '\0';
		now = strstr(flags, " ko ") && strstr(flags, " sl ") ? OWNED : PLAIN;
		if (now == PLAIN && (strstr(flags, " ko ") || strstr(flags, " sl ")))
			return MIXED;
		if (state >= 0 && now != state)
			return MIXED;
		state = now;
		at = vma_end;
	}
	if (state < 0)
		return GONE;
	return at < end ? MIXED : state;
}

static void user_map_sweeps(struct __test_metadata *_metadata, struct state *self,
			    unsigned long pages)
{
	const unsigned long size = pages * page_size();
	unsigned long addr;
	unsigned char *end;
	unsigned int n;
	char name[64];
	bool used;
	int fd;
	long ret;

	fd = open_kernel_owned();
	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ | PROT_WRITE, &addr));
	close(fd);
	START_OF_SWEEPS();
	for (n = 1; n < NEVER; n++) {
		fd = open_kernel_owned();
		ASSERT_LE(0, fd);
		fail_nth(n);
		ret = owned_map(fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ | PROT_WRITE, &addr);
		used = fail_nth_used();
		if (ret) {
			ASSERT_EQ(-ENOMEM, ret)
				TH_LOG("N = %u: %s", n, ret_text(ret));
			ASSERT_TRUE(used);
			self->failed++;
			/* The next one works; and then as before, too. */
			EXPECT_AS_BEFORE(n);
			ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, size,
					     PROT_READ | PROT_WRITE, &addr));
		} else {
			self->passed += used;
		}
		ASSERT_EQ(OWNED, range_state(addr, addr + size));
		end = (unsigned char *)addr + size - 4 * page_size();
		ASSERT_TRUE(is_zero((unsigned char *)addr, 4 * page_size()));
		make_pattern(end, 4 * page_size(), 0x44);
		ASSERT_TRUE(is_pattern(end, 4 * page_size(), 0x44));
		close(fd);
		EXPECT_AS_BEFORE(n);
		if (!used)
			break;
	}
	/* The VMA, the pages and their page tables. */
	ASSERT_LE(3, n);
	snprintf(name, sizeof(name), "MAP of %lu pages", pages);
	report(name, n - 1, self);
	END_OF_SWEEPS();
}

TEST_F_TIMEOUT(faults, map_4_pages, 120)
{
	user_map_sweeps(_metadata, &self->s, 4);
}

TEST_F_TIMEOUT(faults, map_600_pages, 300)
{
	user_map_sweeps(_metadata, &self->s, 600);
}

/* Instead of N: no node can be had. */
#define NODES	0

static bool fault_begin(unsigned int n)
{
	if (n == NODES)
		return fail_nodes();
	fail_nth(n);
	return true;
}

static bool fault_used(unsigned int n)
{
	return n == NODES ? fail_nodes_used() : fail_nth_used();
}

/* Unmap part of a kernel-owned VMA of five pages: [first, last). */
static void user_munmap_sweeps(struct __test_metadata *_metadata, struct state *self,
			       int first, int last)
{
	const unsigned long size = 5 * page_size();
	unsigned long addr, at, len = (last - first) * page_size();
	unsigned int n;
	char name[64];
	bool used;
	int fd;
	long ret;

	for (n = access(NODE_FAILSLAB, W_OK) ? 1 : NODES; n < NEVER; n++) {
		fd = open_kernel_owned();
		ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ | PROT_WRITE, &addr));
		make_pattern((unsigned char *)addr, size, 0x55);
		at = addr + first * page_size();
		ASSERT_TRUE(fault_begin(n));
		ret = owned_range(fd, KERNEL_OWNED_TEST_MUNMAP, at, len);
		used = fault_used(n);
		if (n == NODES)
			ASSERT_EQ(used ? -ENOMEM : 0, ret);
		if (ret) {
			ASSERT_EQ(-ENOMEM, ret)
				TH_LOG("N = %u: %s", n, ret_text(ret));
			ASSERT_TRUE(used);
			self->failed++;
			/* All there, all sealed, all that was in it. */
			ASSERT_EQ(OWNED, range_state(addr, addr + size))
				TH_LOG("N = %u", n);
			ASSERT_TRUE(is_pattern((unsigned char *)addr, size, 0x55));
			ASSERT_EQ(-1, munmap((void *)addr, size));
			ASSERT_EQ(0, owned_range(fd, KERNEL_OWNED_TEST_MUNMAP, at, len));
		} else {
			self->passed += used;
		}
		ASSERT_EQ(GONE, range_state(at, at + len));
		if (first)
			ASSERT_EQ(OWNED, range_state(addr, at));
		if (last < 5)
			ASSERT_EQ(OWNED, range_state(at + len, addr + size));
		close(fd);
		ASSERT_EQ(GONE, range_state(addr, addr + size));
		if (self->p.size)
			EXPECT_UNTOUCHED(&self->p, "the munmap");
		/* No node is needed perhaps, but other memory is. */
		if (!used && n != NODES)
			break;
	}
	ASSERT_LT(1, n);
	snprintf(name, sizeof(name), "MUNMAP of pages %d to %d of 5", first, last - 1);
	report(name, n - 1, self);
}

TEST_F(faults, munmap_whole)
{
	user_munmap_sweeps(_metadata, &self->s, 0, 5);
}

TEST_F(faults, munmap_start)
{
	user_munmap_sweeps(_metadata, &self->s, 0, 2);
}

TEST_F(faults, munmap_end)
{
	user_munmap_sweeps(_metadata, &self->s, 3, 5);
}

TEST_F(faults, munmap_middle)
{
	user_munmap_sweeps(_metadata, &self->s, 2, 3);
	/* One that splits takes memory. */
	EXPECT_LT(0, self->s.failed);
}

/*
 * Seal and unseal, over two VMAs: all or nothing.  If they need no memory, then
 * they cannot fail for want of it.
 */
TEST_F(faults, seal_and_unseal)
{
	const unsigned long size = 4 * page_size();
	unsigned int n, allocations[2];
	unsigned long addr;
	int unseal, fd;
	bool used;
	long ret;

	for (unseal = 0; unseal < 2; unseal++) {
		for (n = 1; n < NEVER; n++) {
			fd = open_kernel_owned();
			ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP_PLAIN, size, PROT_READ, &addr));
			/* Two of them, which do not merge again. */
			ASSERT_EQ(0, mprotect((void *)(addr + page_size()), page_size(), PROT_NONE));
			ASSERT_EQ(0, mprotect((void *)(addr + page_size()), page_size(), PROT_READ));
			if (unseal)
				ASSERT_EQ(0, owned_range(fd, KERNEL_OWNED_TEST_SEAL, addr, size));
			fail_nth(n);
			ret = owned_range(fd, unseal ? KERNEL_OWNED_TEST_UNSEAL : KERNEL_OWNED_TEST_SEAL,
					addr, size);
			used = fail_nth_used();
			ASSERT_EQ(used ? -ENOMEM : 0, ret);
			ASSERT_EQ(unseal == !ret ? PLAIN : OWNED, range_state(addr, addr + size))
				TH_LOG("N = %u", n);
			close(fd);
			ASSERT_EQ(GONE, range_state(addr, addr + size));
			if (!used)
				break;
		}
		allocations[unseal] = n - 1;
	}
	ksft_print_msg("SEAL: %u allocations, UNSEAL: %u\n", allocations[0], allocations[1]);
}

/*
 * Processes: fork, exec and exit of who has areas.
 */
#define BIG		64	/* pages, for a leak to show */

/* In the child of a fork, and with system calls only: nothing of it is there. */
static int child_is_right(struct state *self, unsigned long w, unsigned long u)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	unsigned long addr;
	char byte;

	sigaction(SIGSEGV, &dfl, NULL);
	if (dev_addr(self->fd, &addr) != -EPERM)
		return 2;
	if (dev_read(self->fd, 0, &byte, 1) != -EPERM)
		return 3;
	if (differs(w, self->p.empty))
		return 4;
	if (c_msync_sync(u, page_size()) != -ENOMEM)
		return 5;
	if (c_mincore((unsigned long)buffer & -page_size(), page_size()))
		return 6;
	return 1;
}

static void fork_test(struct __test_metadata *_metadata, struct state *self)
{
	unsigned long w, u;
	unsigned int n;
	int status, fd;
	bool used;
	pid_t pid;

	fd = open_kernel_owned();
	ASSERT_EQ(0, dev_alloc(self->fd, BIG * page_size(), &w));
	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, 4 * page_size(), PROT_READ | PROT_WRITE, &u));
	make_pattern((unsigned char *)u, 4 * page_size(), 0x66);
	ASSERT_TRUE(area_fill(self->fd, BIG * page_size(), 0x66));
	ASSERT_EQ(0, in_child(nothing, NULL));
	START_OF_SWEEPS();
	for (n = 1; n < NEVER; n++) {
		fail_nth(n);
		pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (!pid)
			_exit(child_is_right(self, w, u));
		used = fail_nth_used();
		if (pid < 0) {
			ASSERT_TRUE(errno == ENOMEM || errno == EAGAIN)
				TH_LOG("N = %u: %s", n, strerror(errno));
			ASSERT_TRUE(used);
			self->failed++;
			ASSERT_EQ(-1, waitpid(-1, NULL, 0));
			ASSERT_EQ(ECHILD, errno);
		} else {
			self->passed += used;
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			ASSERT_EQ(1 << 8, status)
				TH_LOG("N = %u: see child_is_right()", n);
		}
		EXPECT_AS_BEFORE(n);
		ASSERT_TRUE(area_holds(self->fd, BIG * page_size(), 0x66));
		ASSERT_TRUE(is_pattern((unsigned char *)u, 4 * page_size(), 0x66));
		if (!used)
			break;
	}
	ASSERT_LT(20, n);
	report("fork", n - 1, self);
	ASSERT_EQ(0, dev_free(self->fd));
	END_OF_SWEEPS();
}

TEST_F_TIMEOUT(faults, fork, 300)
{
	fork_test(_metadata, &self->s);
}

/* What a child did before it came to its end. */
struct trace {
	unsigned long addr;
	bool used, wrong;
	long ret;
};

static void with_areas(struct state *self, struct trace *t)
{
	unsigned long u;
	int fd = open_kernel_owned();

	t->wrong = dev_alloc(self->fd, BIG * page_size(), &t->addr) ||
		   !area_fill(self->fd, BIG * page_size(), 0x77) ||
		   owned_map(fd, KERNEL_OWNED_TEST_MAP, 4 * page_size(), PROT_READ | PROT_WRITE, &u) ||
		   !fail_nth_open();
}

static void exec_test(struct __test_metadata *_metadata, struct state *self)
{
	struct trace *t = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	char *const argv[] = { "faults", NULL };
	char *const envp[] = { AFTER_EXEC "=1", NULL };
	int status, exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned int n, died = 0;
	unsigned long addr;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)t);
	START_OF_SWEEPS();
	for (n = 1; n < NEVER; n++) {
		memset(t, 0, sizeof(*t));
		pid = fork();
		if (!pid) {
			with_areas(self, t);
			fail_nth(n);
			t->ret = ret_or_errno(syscall(SYS_execveat, exe, "", argv, envp,
						AT_EMPTY_PATH));
			t->used = fail_nth_used();
			t->wrong |= !area_holds(self->fd, BIG * page_size(), 0x77);
			_exit(0);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_FALSE(t->wrong);
		if (WIFSIGNALED(status)) {
			/* Too late to return: that is how exec tells. */
			ASSERT_TRUE(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSEGV);
			died++;
		} else if (!WEXITSTATUS(status)) {
			/* The others for a page of the arguments and for the loader. */
			ASSERT_TRUE(t->ret == -ENOMEM || t->ret == -E2BIG || t->ret == -ENOEXEC)
				TH_LOG("N = %u: %s", n, ret_text(t->ret));
			ASSERT_TRUE(t->used);
			self->failed++;
		} else {
			ASSERT_EQ(EXEC_WORKED, WEXITSTATUS(status));
		}
		ASSERT_EQ(-EPERM, dev_addr(self->fd, &addr));
		ASSERT_EQ(0, dev_free(self->fd));
		EXPECT_AS_BEFORE(n);
		/* Enough in a row that worked, and there are no more to fail. */
		if (WIFEXITED(status) && WEXITSTATUS(status))
			self->passed++;
		else
			self->passed = 0;
		if (self->passed == 20)
			break;
	}
	n -= self->passed;
	self->passed = 0;
	ASSERT_LT(20, n);
	EXPECT_EQ(0, scan_pattern(self->fd));
	ksft_print_msg("exec: %u calls failed, in %u the process died\n", self->failed, died);
	END_OF_SWEEPS();
}

TEST_F_TIMEOUT(faults, exec, 600)
{
	exec_test(_metadata, &self->s);
}

/* Here N may be too much, and it would not show: exit takes fewer than these. */
#define EXIT_MAX	40

static void exit_test(struct __test_metadata *_metadata, struct state *self)
{
	struct trace *t = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	unsigned int n;
	unsigned long addr;
	int status;
	pid_t pid;
	bool used;

	ASSERT_NE(MAP_FAILED, (void *)t);
	START_OF_SWEEPS();
	for (n = 1; n < EXIT_MAX; n++) {
		pid = fork();
		if (!pid) {
			with_areas(self, t);
			t->wrong |= !area_hide(self->fd, BIG * page_size());
			fail_nth(n);
			_exit(0);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_FALSE(t->wrong);
		ASSERT_EQ(0, status);
		ASSERT_EQ(-EPERM, dev_addr(self->fd, &addr));
		if (n < 5)
			ASSERT_EQ(0, scan_pattern(self->fd));
		/* Nothing is left to be done but to forget it. */
		ASSERT_EQ(0, free_by_owner(self->fd, 1, &used));
		ASSERT_FALSE(used);
		ASSERT_EQ(-ENOENT, dev_addr(self->fd, &addr));
		EXPECT_AS_BEFORE(n);
	}
	END_OF_SWEEPS();
}

TEST_F_TIMEOUT(faults, exit, 300)
{
	exit_test(_metadata, &self->s);
}

TEST_HARNESS_MAIN
