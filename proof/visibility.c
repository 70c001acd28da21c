// SPDX-License-Identifier: GPL-2.0
/*
 * What userspace can see of kernel-owned VMAs and of secret memory.
 *
 * "user" is a VMA at a user address, and is shown as what it is.  "window" is an area
 * in the window: whatever is asked, the answer is as if it were not there.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_owned_calls.h"
#include "proof_util.h"
#include "vm_util.h"

#define LEN	64

/*
 * How many faults the process has had.
 */
FIXTURE(direct_access)
{
	struct place p;
};

FIXTURE_VARIANT(direct_access)
{
	bool window;
};

FIXTURE_VARIANT_ADD(direct_access, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(direct_access, window)
{
	.window = true,
};

FIXTURE_SETUP(direct_access)
{
	SETUP_PLACE(&self->p, variant->window, PROT_READ);
}

FIXTURE_TEARDOWN(direct_access)
{
	close(self->p.fd);
}

static void faults_of(enum access how, unsigned long addr, long *minor, long *major)
{
	struct rusage before, after;

	try_access(how, addr);	/* so that the stack and the like are there */
	getrusage(RUSAGE_SELF, &before);
	try_access(how, addr);
	getrusage(RUSAGE_SELF, &after);
	*minor = after.ru_minflt - before.ru_minflt;
	*major = after.ru_majflt - before.ru_majflt;
}

/* How many faults the process had does not tell either. */
TEST_F(direct_access, fault_counters)
{
	const struct place *p = &self->p;
	long minor, major, e_minor, e_major;
	struct rusage before, after;
	char *mem;

	faults_of(LOAD, p->addr, &minor, &major);
	/* What can be read was mapped from the start: no fault, either. */
	faults_of(LOAD, p->window ? p->empty : map_ordinary(page_size()), &e_minor, &e_major);
	EXPECT_EQ(e_minor, minor);
	EXPECT_EQ(e_major, major);

	faults_of(STORE, p->addr, &minor, &major);
	faults_of(STORE, p->empty, &e_minor, &e_major);
	if (p->window)
		EXPECT_EQ(e_minor, minor);
	EXPECT_EQ(e_major, major);

	/* They do count. */
	mem = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	getrusage(RUSAGE_SELF, &before);
	__atomic_store_n(mem, 1, __ATOMIC_RELAXED);
	getrusage(RUSAGE_SELF, &after);
	EXPECT_LT(before.ru_minflt, after.ru_minflt);
	EXPECT_UNTOUCHED(p, "the accesses");
}

/*
 * What can be seen.
 */
static char text2[sizeof(text)];

FIXTURE(visibility)
{
	struct place p;
};

FIXTURE_VARIANT(visibility)
{
	bool window;
};

FIXTURE_VARIANT_ADD(visibility, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(visibility, window)
{
	.window = true,
};

FIXTURE_SETUP(visibility)
{
	unsigned long start;

	SETUP_PLACE(&self->p, variant->window, PROT_READ | PROT_WRITE);
	/*
	 * All there already, from the program's headers, the first mapping, to its
	 * data: what is compared counts pages, and nothing may be faulted in
	 * between two looks.
	 */
	read_text("/proc/self/maps", text, sizeof(text));
	start = strtoul(text, NULL, 16);
	madvise((void *)start, (unsigned long)text - start, MADV_POPULATE_READ);
	memset(text, 1, sizeof(text));
	memset(text2, 1, sizeof(text2));
}

FIXTURE_TEARDOWN(visibility)
{
	close(self->p.fd);
}

static long another(int fd, bool window)
{
	return map_either(fd, window, 3 * page_size(), PROT_READ | PROT_WRITE);
}

/* Where two texts differ, for a message. */
static const char *difference(const char *a, const char *b)
{
	static char what[256];
	const char *line_a = a, *line_b = b;

	while (*a && *a == *b) {
		if (*a == '\n') {
			line_a = a + 1;
			line_b = b + 1;
		}
		a++;
		b++;
	}
	snprintf(what, sizeof(what), "'%.*s' and '%.*s'",
		 (int)strcspn(line_a, "\n"), line_a, (int)strcspn(line_b, "\n"), line_b);
	return what;
}

/*
 * A second area does not show in a file in /proc/self at all, not in one byte.
 * A second VMA does, if @shown; an ordinary mapping does.
 */
static void file_rule(struct __test_metadata *_metadata, const struct place *p,
		      const char *path, bool shown)
{
	int fd = open_either(p->window);

	ASSERT_LE(0, fd);
	read_text(path, text, sizeof(text));
	ASSERT_LT(0, read_text(path, text, sizeof(text)))
		TH_LOG("%s: %s", path, strerror(errno));
	ASSERT_EQ(0, another(fd, p->window));
	read_text(path, text2, sizeof(text2));
	if (p->window)
		EXPECT_EQ(0, strcmp(text, text2))
			TH_LOG("%s: %s", path, difference(text, text2));
	if (!p->window && shown)
		EXPECT_NE(0, strcmp(text, text2))
			TH_LOG("%s does not show it", path);
	close(fd);
	if (p->window) {
		read_text(path, text2, sizeof(text2));
		EXPECT_EQ(0, strcmp(text, text2))
			TH_LOG("%s, after it: %s", path, difference(text, text2));
	}
	ASSERT_NE(0, map_ordinary(64 * page_size()));
	read_text(path, text2, sizeof(text2));
	EXPECT_NE(0, strcmp(text, text2))
		TH_LOG("%s does not show an ordinary mapping", path);
	EXPECT_UNTOUCHED(p, path);
}

TEST_F(visibility, maps)
{
	file_rule(_metadata, &self->p, "/proc/self/maps", true);
}

TEST_F(visibility, smaps)
{
	file_rule(_metadata, &self->p, "/proc/self/smaps", true);
}

TEST_F(visibility, smaps_rollup)
{
	file_rule(_metadata, &self->p, "/proc/self/smaps_rollup", false);
}

TEST_F(visibility, numa_maps)
{
	if (access("/proc/self/numa_maps", F_OK))
		SKIP(return, "no NUMA");
	file_rule(_metadata, &self->p, "/proc/self/numa_maps", true);
}

TEST_F(visibility, statm)
{
	file_rule(_metadata, &self->p, "/proc/self/statm", true);
}

TEST_F(visibility, status)
{
	const char *const fields[] = { "VmSize", "VmPeak", "VmPTE", "VmLck", "VmPin", "VmData" };
	long before[ARRAY_SIZE(fields)], after;
	const struct place *p = &self->p;
	int fd = open_either(p->window);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		before[i] = status_field(fields[i]);
	ASSERT_EQ(0, another(fd, p->window));
	for (i = 0; i < ARRAY_SIZE(fields) && p->window; i++) {
		EXPECT_EQ(before[i], status_field(fields[i]))
			TH_LOG("%s", fields[i]);
	}
	after = status_field("VmSize");
	if (!p->window)
		EXPECT_EQ(before[0] + 3 * (long)page_size() / 1024, after);
	close(fd);
	EXPECT_EQ(before[0], status_field("VmSize"));
	EXPECT_UNTOUCHED(p, "/proc/self/status");
	ASSERT_NE(0, map_ordinary(page_size()));
	EXPECT_EQ(before[0] + (long)page_size() / 1024, status_field("VmSize"));
}

struct watch {
	const char *field;
	int again, stop;
	long min, max;
	unsigned int reads;
};

static void *watch_field(void *arg)
{
	struct watch *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		long now = status_field(w->field);

		if (__atomic_load_n(&w->again, __ATOMIC_ACQUIRE)) {
			w->min = now;
			w->max = now;
			__atomic_store_n(&w->reads, 0, __ATOMIC_RELEASE);
			__atomic_store_n(&w->again, 0, __ATOMIC_RELEASE);
		}
		w->min = now < w->min ? now : w->min;
		w->max = now > w->max ? now : w->max;
		__atomic_add_fetch(&w->reads, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* A thread that looks all the time does not see areas come and go, either. */
TEST_F(visibility, counted_at_no_moment)
{
	const struct place *p = &self->p;
	struct watch w = { .field = p->window ? "VmPTE" : "VmSize" };
	const unsigned long table = page_size() / 8 * page_size();
	unsigned long addr;
	unsigned int i;
	pthread_t thread;

	/* With one there, the others would need no page tables. */
	if (p->window)
		ASSERT_EQ(0, dev_free(p->fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, watch_field, &w));
	/* It needs memory of its own first. */
	while (__atomic_load_n(&w.reads, __ATOMIC_ACQUIRE) < 3)
		sched_yield();
	__atomic_store_n(&w.again, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&w.again, __ATOMIC_ACQUIRE))
		sched_yield();
	for (i = 0; i < 5000 && __atomic_load_n(&w.reads, __ATOMIC_ACQUIRE) < 300; i++) {
		int fd = open_either(p->window), more[2];

		ASSERT_EQ(0, another(fd, p->window));
		/* So large that page tables come, and go with the next one. */
		if (p->window && table < 64UL << 20) {
			more[0] = open_mm_secret();
			more[1] = open_mm_secret();
			ASSERT_EQ(0, dev_alloc(more[0], table, &addr));
			ASSERT_EQ(0, dev_alloc(more[1], page_size(), &addr));
			close(more[0]);
			close(more[1]);
		}
		close(fd);
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_LE(20, w.reads);
	EXPECT_EQ(p->window, w.min == w.max);
}

/* How far the watermarks rise while areas come and go, in KiB. */
static long watermarks_rise(const struct remote *r)
{
	/* One less than makes a CPU tell the others. */
	const unsigned long size = 31 * page_size();
	const unsigned long table = page_size() / 8 * page_size();
	struct rusage before, after;
	long hwm, peak;
	char *mem;
	int i;

	/* What else there is to count is a rise as well. */
	if (!settle())
		return -1;
	/*
	 * CPUs count by themselves; what they have not told yet is an error of the sum.
	 * Both have seen pages of shmem go, and one of them anonymous pages come: how
	 * many of these it has told is for the caller to try.
	 */
	run_on(0);
	mem = mmap(NULL, 64 * page_size(), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	munmap(mem, size);
	run_on(1);
	munmap(mem + size, size);
	run_on(0);
	mmap(NULL, 128 * page_size() + r->addr * page_size(), PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	/* Once without any, so that what else the process needs is there. */
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < 50; i++) {
		int fd = open_either(r->len);

		if (map_either(fd, r->len, 0, PROT_READ) != -EINVAL)
			return -1;
		close(fd);
	}
	status_field("VmPeak");
	hwm = status_field("VmHWM");
	peak = status_field("VmPeak");
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < 5; i++) {
		const unsigned long large = r->len && table < 32UL << 20 ? table : page_size();
		int fd = open_either(r->len), more[2] = { open_either(r->len), open_either(r->len) };

		/* Page tables come for each of the large ones.  Those of one may stay. */
		if (another(fd, r->len) || map_either(more[0], r->len, large, PROT_READ) ||
		    map_either(more[1], r->len, large, PROT_READ))
			return -1;
		close(more[0]);
		close(more[1]);
		close(fd);
	}
	getrusage(RUSAGE_SELF, &after);
	hwm = status_field("VmHWM") - hwm + after.ru_maxrss - before.ru_maxrss;
	return hwm + (r->len ? status_field("VmPeak") - peak : 0);
}

/* Nor by what was the most. */
TEST_F_TIMEOUT(visibility, watermarks, 120)
{
	const struct place *p = &self->p;
	struct remote r = { .len = p->window };
	long rise = 0;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	for (i = 0; i < 16; i++) {
		long ret;

		r.addr = 2 * i;
		ret = in_child(watermarks_rise, &r);
		ASSERT_LE(0, ret);
		rise += ret;
	}
	/* A munmap() at a user address latches the error. */
	ksft_print_msg("watermarks rose by %ld KiB\n", rise);
	EXPECT_EQ(p->window, rise == 0);
	EXPECT_UNTOUCHED(p, "the watermarks");
}

static void *hold_lock(void *arg)
{
	ioctl(*(int *)arg, MM_SECRET_TEST_HOLD, 1500);
	return NULL;
}

static volatile int waiter;

static void *wait_for_lock(void *arg)
{
	unsigned long addr;

	waiter = syscall(__NR_gettid);
	while (waiter > 0)
		sched_yield();
	/* So large that it needs page tables of its own. */
	return (void *)dev_alloc(*(int *)arg, page_size() / 8 * page_size(), &addr);
}

/* What a thread waits for in the kernel is not told to be secret memory. */
TEST_F_TIMEOUT(visibility, wchan, 120)
{
	char path[64], name[128];
	pthread_t holder, thread;
	int fd, lock, seen = 0, i;
	void *ret;

	if (!self->p.window || page_size() / 8 * page_size() >= 64UL << 20)
		SKIP(return, "not here: nothing waits");
	fd = open_mm_secret();
	lock = open_mm_secret();
	waiter = 0;
	/* A thread needs the lock to come into being. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_lock, &fd));
	ASSERT_EQ(0, pthread_create(&holder, NULL, hold_lock, &lock));
	while (!waiter)
		sched_yield();
	usleep(300 * 1000);
	snprintf(path, sizeof(path), "/proc/self/task/%d/wchan", waiter);
	waiter = -1;
	for (i = 0; i < 100; i++) {
		memset(name, 0, sizeof(name));
		read_text(path, name, sizeof(name));
		seen += name[0] && name[0] != '0';
		/* The test driver is who called. */
		EXPECT_TRUE((strncmp(name, "mm_secret", 9) ||
			     !strncmp(name, "mm_secret_test", 14)) &&
			    strcmp(name, "mm_secret_add_chunk") &&
			    strcmp(name, "mm_secret_add_slab"))
			TH_LOG("%s", name);
		usleep(5000);
	}
	pthread_join(thread, &ret);
	pthread_join(holder, NULL);
	EXPECT_EQ(NULL, ret);
	EXPECT_LT(20, seen);
	EXPECT_UNTOUCHED(&self->p, "wchan");
}

/* One at a user address is shown as what it is. */
TEST_F(visibility, vm_flags)
{
	const struct place *p = &self->p;
	const char *const flags[] = { "ko", "sl", "pf", "io", "de", "dc", "dd" };
	unsigned long plain;
	unsigned int i;
	int fd = open_kernel_owned();

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(!p->window, vma_has_flag(p->addr, p->addr + p->size, flags[i]))
			TH_LOG("%s", flags[i]);
	}
	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP_PLAIN, page_size(), PROT_READ, &plain));
	EXPECT_TRUE(vma_has_flag(plain, plain + page_size(), "pf"));
	EXPECT_FALSE(vma_has_flag(plain, plain + page_size(), "ko"));
	EXPECT_FALSE(vma_has_flag(plain, plain + page_size(), "sl"));
	close(fd);
}

/* map_files has an entry for each mapping of a file, none for these. */
TEST_F(visibility, map_files)
{
	const struct place *p = &self->p;
	char path[80];
	int fd = memfd_create("mm_secret", 0);
	void *mem;

	NEEDS_ROOT("/proc/PID/map_files");
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", p->addr,
		 p->addr + p->size);
	EXPECT_NE(0, access(path, F_OK));
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);

	ASSERT_EQ(0, ftruncate(fd, page_size()));
	mem = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)mem,
		 (unsigned long)mem + page_size());
	EXPECT_LE(0, open(path, O_RDWR)) TH_LOG("%s: %s", path, strerror(errno));
	EXPECT_UNTOUCHED(p, "map_files");
}

static long pagemap_read(unsigned long addr, __u64 *ent)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long ret;

	*ent = 0;
	ret = ret_or_errno(pread(fd, ent, sizeof(*ent), addr / page_size() * sizeof(*ent)));
	close(fd);
	return ret;
}

static long pagemap_scan(unsigned long addr, unsigned long len)
{
	struct page_region regions[8];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = addr,
		.end = addr + len,
		.vec = (unsigned long)regions,
		.vec_len = ARRAY_SIZE(regions),
		.return_mask = PAGE_IS_PRESENT,
		.category_mask = PAGE_IS_PRESENT,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long ret = ret_or_errno(ioctl(fd, PAGEMAP_SCAN, &arg));

	close(fd);
	return ret;
}

TEST_F(visibility, pagemap)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(page_size());
	__u64 ent, e_ent;
	long ret, e_ret;

	ret = pagemap_read(p->addr, &ent);
	e_ret = pagemap_read(p->empty, &e_ent);
	if (p->window) {
		EXPECT_EQ(e_ret, ret);
		EXPECT_EQ(e_ent, ent);
		EXPECT_FALSE(PAGEMAP_PRESENT(ent));
		EXPECT_EQ(pagemap_scan(p->empty, p->size), pagemap_scan(p->addr, p->size));
	} else {
		/* Nor of the pages of any VM_PFNMAP VMA. */
		EXPECT_FALSE(PAGEMAP_PRESENT(ent));
		EXPECT_EQ(0, pagemap_scan(p->addr, p->size));
	}
	EXPECT_EQ(8, pagemap_read(mem, &ent));
	EXPECT_TRUE(PAGEMAP_PRESENT(ent));
	EXPECT_EQ(1, pagemap_scan(mem, page_size()));
	EXPECT_UNTOUCHED(p, "pagemap");
}

/* Nothing to be written there either, nor guarded or waited for. */
TEST_F(visibility, pagemap_write_protect)
{
	const struct place *p = &self->p;
	unsigned long addrs[2] = { p->addr, p->empty };
	long ret[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct pm_scan_arg arg = {
			.size = sizeof(arg),
			.flags = PM_SCAN_WP_MATCHING,
			.start = addrs[i],
			.end = addrs[i] + p->size,
			.category_mask = PAGE_IS_PRESENT,
			.return_mask = PAGE_IS_PRESENT,
		};
		int fd = open("/proc/self/pagemap", O_RDONLY);

		ret[i] = ret_or_errno(ioctl(fd, PAGEMAP_SCAN, &arg));
		close(fd);
	}
	if (p->window)
		EXPECT_EQ(ret[1], ret[0]);
	EXPECT_UNTOUCHED(p, "PM_SCAN_WP_MATCHING");
	/* It can be written to as before, without a fault that has to be resolved. */
	if (!p->window)
		EXPECT_EQ(0, try_access(STORE, p->addr + 1).sig);
	EXPECT_EQ(1, pagemap_scan(map_ordinary(page_size()), page_size()));
}

static long procmap(unsigned long addr, __u64 flags, struct procmap_query *q)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	long ret;

	memset(q, 0, sizeof(*q));
	q->size = sizeof(*q);
	q->query_addr = addr;
	q->query_flags = flags;
	ret = ret_or_errno(ioctl(fd, PROCMAP_QUERY, q));
	close(fd);
	return ret;
}

/* The search for the next VMA ends where the user addresses do. */
TEST_F(visibility, procmap_query)
{
	const __u64 next = PROCMAP_QUERY_COVERING_OR_NEXT_VMA;
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(page_size());
	struct procmap_query q, e;
	unsigned long at = 0;

	if (p->window) {
		EXPECT_EQ(-ENOENT, procmap(p->addr, 0, &q));
		EXPECT_EQ(-ENOENT, procmap(p->addr, next, &q));
		EXPECT_EQ(procmap(p->empty, next, &e), procmap(p->addr - page_size(), next, &q));
	} else {
		EXPECT_EQ(0, procmap(p->addr, 0, &q));
		EXPECT_EQ(p->addr, q.vma_start);
		EXPECT_EQ(p->addr + p->size, q.vma_end);
	}
	while (!procmap(at, next, &q)) {
		EXPECT_GT(1UL << 63, q.vma_start) TH_LOG("%llx", q.vma_start);
		at = q.vma_end;
	}
	EXPECT_EQ(0, procmap(mem, 0, &q));
	EXPECT_UNTOUCHED(p, "PROCMAP_QUERY");
}

static long referenced(unsigned long addr)
{
	char *line = vma_lines("/proc/self/smaps", addr, addr + page_size());

	line = line ? strstr(line, "Referenced:") : NULL;
	return line ? atol(line + strlen("Referenced:")) : -1;
}

/* Referenced, soft-dirty and the like belong to pages that are not theirs. */
TEST_F(visibility, clear_refs)
{
	const struct place *p = &self->p;
	const bool softdirty = !p->window && vma_has_flag(p->addr, p->addr + p->size, "sd");
	unsigned long mem;
	char value[4];
	int i;

	for (i = 1; i <= 5; i++) {
		snprintf(value, sizeof(value), "%d", i);
		EXPECT_TRUE(write_text("/proc/self/clear_refs", value));
		EXPECT_UNTOUCHED(p, "clear_refs");
		/* The driver sets it if the kernel has it. */
		if (softdirty)
			EXPECT_TRUE(vma_has_flag(p->addr, p->addr + p->size, "sd"));
		/* Not write-protected, either: nothing would lift that. */
		if (p->window)
			continue;
		EXPECT_EQ(0, try_access(STORE, p->addr + 1).sig);
		make_pattern((unsigned char *)p->addr, 2, p->seed);
	}

	/* It does something. */
	mem = (unsigned long)mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*(char *)mem = 1;
	EXPECT_LT(0, referenced(mem));
	EXPECT_TRUE(write_text("/proc/self/clear_refs", "1"));
	EXPECT_EQ(0, referenced(mem));
}

/*
 * Core dumps
 */
#define CORE	"/tmp/mm_secret_core"

struct crash {
	unsigned long addr, size;
	unsigned int lines;		/* of maps */
	bool made;
	unsigned int loads;		/* PT_LOAD headers in the dump */
	bool header, contents, other;	/* of the area; of ordinary memory */
};

static void crash_now(struct crash *c, bool make, bool window)
{
	const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned long mem = map_ordinary(page_size());
	struct place p;

	setrlimit(RLIMIT_CORE, &any);
	prctl(PR_SET_DUMPABLE, 1);
	make_pattern((unsigned char *)mem, page_size(), 0x77);
	if (make) {
		if (place_make(&p, window, PROT_READ | PROT_WRITE))
			_exit(1);
		c->addr = p.addr;
		c->size = p.size;
	}
	c->lines = count_lines("/proc/self/maps");
	c->made = true;
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void read_core(struct crash *c, unsigned char seed)
{
	unsigned char want[LEN];
	struct stat st;
	int fd = open(CORE, O_RDONLY), i;
	struct elf64_hdr *eh;
	struct elf64_phdr *ph;
	void *core;

	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		return;
	core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (core == MAP_FAILED)
		return;
	eh = core;
	ph = core + eh->e_phoff;
	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		c->loads++;
		if (ph[i].p_vaddr < c->addr + c->size &&
		    ph[i].p_vaddr + ph[i].p_memsz > c->addr)
			c->header = true;
	}
	make_pattern(want, sizeof(want), seed);
	c->contents = memmem(core, st.st_size, want, sizeof(want));
	as_stored(want, sizeof(want));
	c->contents |= !!memmem(core, st.st_size, want, sizeof(want));
	make_pattern(want, sizeof(want), 0x77);
	c->other = memmem(core, st.st_size, want, sizeof(want));
	munmap(core, st.st_size);
}

static bool crash(struct crash *c, bool make, bool window, unsigned char seed)
{
	struct crash *shared = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	unlink(CORE);
	pid = fork();
	if (!pid)
		crash_now(shared, make, window);
	waitpid(pid, &status, 0);
	*c = *shared;
	munmap(shared, page_size());
	if (!c->made || !WIFSIGNALED(status) || !WCOREDUMP(status))
		return false;
	read_core(c, seed);
	unlink(CORE);
	return true;
}

TEST_F(visibility, core_dump)
{
	const struct place *p = &self->p;
	struct crash with = {}, without = {};
	char pattern[256], uses_pid[16];
	bool ok;

	NEEDS_ROOT("/proc/sys/kernel/core_pattern");
	read_text("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	read_text("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof(uses_pid));
	if (!write_text("/proc/sys/kernel/core_pattern", CORE))
		SKIP(return, "no core dumps");
	write_text("/proc/sys/kernel/core_uses_pid", "0");
	ok = crash(&with, true, p->window, p->seed);
	ok = crash(&without, false, p->window, p->seed) && ok;
	write_text("/proc/sys/kernel/core_pattern", pattern);
	write_text("/proc/sys/kernel/core_uses_pid", uses_pid);

	ASSERT_TRUE(ok) TH_LOG("no core was dumped");
	EXPECT_FALSE(with.contents);
	EXPECT_TRUE(with.other);
	EXPECT_TRUE(without.other);
	/* One header a line; one at a user address has one without contents. */
	EXPECT_EQ(without.lines, without.loads);
	EXPECT_EQ(with.lines, with.loads);
	EXPECT_EQ(!p->window, with.header);
	if (p->window)
		EXPECT_EQ(without.loads, with.loads);
	EXPECT_UNTOUCHED(p, "another's core dump");
}

/*
 * First difference: whatever is done to an address in or around an area, the
 * answer is that of an address where nothing is.
 */
#define ADDRESS_CALL(_name, _result)					\
static long _name(unsigned long addr, unsigned long len __maybe_unused)	\
{									\
	return ret_or_errno(_result);					\
}

static int new_pipe(int fds[2], size_t len)
{
	return pipe2(fds, O_NONBLOCK) ?: len ? write(fds[1], buffer, len) != (long)len : 0;
}

static long pipe_done(int fds[2], long ret)
{
	ret = ret_or_errno(ret);
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static long c_read(unsigned long addr, unsigned long len __maybe_unused)
{
	int fds[2];

	return new_pipe(fds, LEN) ?: pipe_done(fds, syscall(SYS_read, fds[0], addr, LEN));
}

static long c_write(unsigned long addr, unsigned long len)
{
	int fds[2];

	return new_pipe(fds, 0) ?: pipe_done(fds, syscall(SYS_write, fds[1], addr, len));
}

static long splice_pages(unsigned long addr, unsigned long len, int flags)
{
	struct iovec iov = { (void *)addr, len };
	int fds[2];
	long ret;

	ret = new_pipe(fds, 0) ?:
	      pipe_done(fds, vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK | flags));
	return ret < 0 ? ret : 0;
}

ADDRESS_CALL(c_vmsplice, splice_pages(addr, page_size(), 0))
ADDRESS_CALL(c_vmsplice_gift, splice_pages(addr, len, SPLICE_F_GIFT))

static long register_pages(unsigned long addr, unsigned long len)
{
	struct iovec iov = { (void *)addr, len };
	struct io_uring_params params = {};
	int fd = syscall(SYS_io_uring_setup, 2, &params);
	long ret = ret_or_errno(syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS,
					&iov, 1));

	close(fd);
	return ret;
}

/* The ring itself there. */
static long ring_there(unsigned long addr, unsigned long len)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_NO_MMAP,
		.cq_off.user_addr = addr,
		.sq_off.user_addr = addr + (len > page_size() ? page_size() : 0),
	};
	int fd = syscall(SYS_io_uring_setup, 2, &params);

	return fd < 0 ? fd : close(fd);
}

static long copy_remote(unsigned long addr, long nr)
{
	struct iovec local = { buffer, LEN }, there = { (void *)addr, LEN };

	return syscall(nr, getpid(), &local, 1, &there, 1, 0);
}

static long mem_file(unsigned long addr, bool store)
{
	int fd = open("/proc/self/mem", O_RDWR);
	long ret;

	/* pread() does not take such an offset. */
	lseek(fd, addr, SEEK_SET);
	ret = ret_or_errno(store ? write(fd, buffer, LEN) : read(fd, buffer, LEN));
	close(fd);
	return ret;
}

static long what_fault(enum access how, unsigned long addr)
{
	struct fault f = try_access(how, addr);

	return (long)f.sig << 56 | (long)f.code << 48 | f.err;
}

static long c_pagemap(unsigned long addr, unsigned long len __maybe_unused)
{
	__u64 ent;
	long ret = pagemap_read(addr, &ent);

	return ret + (ent != 0);
}

static long find_vma(unsigned long addr, __u64 flags)
{
	struct procmap_query q;

	return procmap(addr, flags, &q);
}

static long c_nofault(unsigned long addr, unsigned long len __maybe_unused)
{
	int fd = open_mm_secret();
	long ret = dev_nofault(fd, addr);

	close(fd);
	return ret;
}

ADDRESS_CALL(c_io_uring_buffers, register_pages(addr, len))
ADDRESS_CALL(c_io_uring_rings, ring_there(addr, len))
ADDRESS_CALL(c_futex_wake, syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
ADDRESS_CALL(c_futex_shared, syscall(SYS_futex, addr, FUTEX_WAKE, 1, NULL, NULL, 0))
ADDRESS_CALL(c_futex_pi, syscall(SYS_futex, addr, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0))
ADDRESS_CALL(c_getrandom, syscall(SYS_getrandom, addr, len > 256 ? 256 : len, 0))
ADDRESS_CALL(c_path, syscall(SYS_openat, AT_FDCWD, addr, O_RDONLY, 0))
ADDRESS_CALL(c_process_vm, copy_remote(addr, SYS_process_vm_readv))
ADDRESS_CALL(c_process_vm_write, copy_remote(addr, SYS_process_vm_writev))
ADDRESS_CALL(c_mem_read, mem_file(addr, false))
ADDRESS_CALL(c_mem_write, mem_file(addr, true))
ADDRESS_CALL(c_pagemap_scan, pagemap_scan(addr, len))
ADDRESS_CALL(c_procmap, find_vma(addr, 0))
ADDRESS_CALL(c_procmap_next, find_vma(addr, PROCMAP_QUERY_COVERING_OR_NEXT_VMA))
ADDRESS_CALL(c_load, what_fault(LOAD, addr))
ADDRESS_CALL(c_store, what_fault(STORE, addr))
ADDRESS_CALL(c_set_mm, prctl(PR_SET_MM, PR_SET_MM_ARG_START, addr, 0, 0))

#define CALL(_name) { .name = #_name, .call = c_##_name }

static const struct {
	const char *name;
	call_fn call;
} all_calls[] = {
	CALL(munmap), CALL(mmap_fixed), CALL(mmap_noreplace), CALL(mmap_hint),
	CALL(mremap_move), CALL(mremap_grow), CALL(mremap_shrink), CALL(mremap_target),
	CALL(mremap_dontunmap), CALL(mremap_from_nothing), CALL(mprotect_none),
	CALL(mprotect_read), CALL(mprotect_all), CALL(pkey_mprotect), CALL(mlock),
	CALL(mlock_onfault), CALL(munlock), CALL(mseal), CALL(mbind), CALL(mbind_default),
	CALL(mbind_move), CALL(home_node), CALL(get_mempolicy), CALL(move_pages),
	CALL(where_are_pages), CALL(remap_file_pages), CALL(msync_sync),
	CALL(msync_invalidate), CALL(mincore), CALL(uffd_register), CALL(uffd_register_wp),
	CALL(uffd_unregister), CALL(uffd_copy), CALL(uffd_zeropage), CALL(uffd_writeprotect),
	CALL(uffd_poison), CALL(uffd_move_from), CALL(uffd_move_to), CALL(anon_name),
	CALL(shmat), CALL(process_madvise), CALL(read), CALL(write), CALL(futex_wake),
	CALL(futex_shared), CALL(futex_pi), CALL(getrandom), CALL(path), CALL(process_vm),
	CALL(process_vm_write), CALL(mem_read), CALL(mem_write), CALL(pagemap),
	CALL(procmap), CALL(procmap_next), CALL(load), CALL(store), CALL(nofault),
	CALL(set_mm),
	CALL(pagemap_scan), CALL(vmsplice), CALL(vmsplice_gift), CALL(io_uring_buffers),
	CALL(io_uring_rings),
};

static void same_answer(struct __test_metadata *_metadata, const struct place *p,
			const char *name, call_fn call, const char *where,
			unsigned long addr, unsigned long empty, unsigned long len)
{
	long ret = call(addr, len), want = call(empty, len);

	EXPECT_EQ(want, ret)
		TH_LOG("%s, %s: %ld instead of %ld", name, where, ret, want);
	EXPECT_UNTOUCHED(p, name);
}

TEST_F_TIMEOUT(visibility, addresses_answer_alike, 120)
{
	const struct place *p = &self->p;
	unsigned int i, differ = 0;

	for (i = 0; i < ARRAY_SIZE(all_calls); i++) {
		const char *name = all_calls[i].name;
		call_fn call = all_calls[i].call;
		const struct {
			const char *name;
			long from, to;
		} ranges[] = {
			{ "all of it", 0, p->size },
			{ "its first page", 0, page_size() },
			{ "its last page", p->size - page_size(), p->size },
			{ "the page before", -page_size(), 0 },
			{ "the page after", p->size, p->size + page_size() },
			{ "across its start", -page_size(), page_size() },
			{ "across its end", p->size - page_size(), p->size + page_size() },
			{ "with what is around", -2 * page_size(), p->size + 2 * page_size() },
			{ "not aligned", 8, page_size() + 8 },
			{ "nothing of it", 0, 0 },
		};
		unsigned int j;

		for (j = 0; j < ARRAY_SIZE(ranges) && p->window; j++)
			same_answer(_metadata, p, name, call, ranges[j].name,
				    p->addr + ranges[j].from, p->empty + ranges[j].from,
				    ranges[j].to - ranges[j].from);

		/* The test can see something: most calls tell memory apart. */
		if (call(map_ordinary(p->size), p->size) != call(p->empty, p->size))
			differ++;
		if (p->window)
			continue;
		/* And one at a user address comes through it all. */
		if (call != c_store && call != c_read && call != c_getrandom &&
		    call != c_futex_pi) {
			call(p->addr, p->size);
			EXPECT_UNTOUCHED(p, name);
		}
	}
	EXPECT_LT(ARRAY_SIZE(all_calls) * 2 / 3, differ)
		TH_LOG("only %u of %zu calls tell memory from nothing", differ,
		       ARRAY_SIZE(all_calls));
}

/* The same for every advice. */
TEST_F_TIMEOUT(visibility, advice_answers_alike, 120)
{
	const struct place *p = &self->p;
	unsigned int differ = 0;
	int advice;

	for (advice = -1; advice <= 110; advice++) {
		advice_now = advice;
		if (p->window) {
			same_answer(_metadata, p, "madvise", c_madvise, "all of it",
				    p->addr, p->empty, p->size);
			same_answer(_metadata, p, "madvise", c_madvise, "around it",
				    p->addr - page_size(), p->empty - page_size(), p->size + 2 * page_size());
			same_answer(_metadata, p, "madvise", c_madvise, "the page after",
				    p->addr + p->size, p->empty + p->size, page_size());
		} else {
			c_madvise(p->addr, p->size);
			EXPECT_UNTOUCHED(p, "madvise");
		}
		if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		if (c_madvise(map_ordinary(page_size()), page_size()) != c_madvise(p->empty, page_size()))
			differ++;
	}
	EXPECT_LT(15, differ);
}

/* A range that starts in the user range and ends in the area. */
TEST_F_TIMEOUT(visibility, ranges_into_it_answer_alike, 120)
{
	const struct place *p = &self->p;
	unsigned long from = map_last_user_page();
	struct mm_secret_test_range window;
	unsigned int i, j, differ = 0;
	long ret, want = 0;

	ASSERT_NE(0, from);
	ASSERT_EQ(0, ioctl(open_mm_secret(), MM_SECRET_TEST_WINDOW, &window));
	for (i = 0; i < ARRAY_SIZE(all_calls); i++) {
		/* Ahead of every area, behind them all, and in one. */
		const unsigned long ends[] = { window.addr + 128 * page_size(),
					       window.addr + window.size, p->addr + page_size() };
		call_fn call = all_calls[i].call;

		/* Where the window is far away, the target is as long, and not empty. */
		if ((long)window.addr > 0 && window.addr - from > 1UL << 30 &&
		    !strcmp(all_calls[i].name, "mremap_move"))
			continue;
		for (j = 0; j < (p->window ? ARRAY_SIZE(ends) : 1); j++) {
			/* One that is there at the start of each call. */
			mmap((void *)from, page_size(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			*(char *)from = 1;
			ret = call(from, ends[j] - from);
			if (!j)
				want = ret;
			EXPECT_EQ(want, ret)
				TH_LOG("%s: %ld instead of %ld", all_calls[i].name,
				       ret, want);
			EXPECT_UNTOUCHED(p, all_calls[i].name);
		}
		mmap((void *)from, page_size(), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		*(char *)from = 1;
		if (call(from, page_size()) != want)
			differ++;
		/* A seal is for good: go on with the page before. */
		if (call == c_mseal)
			from -= page_size();
	}
	EXPECT_LT(ARRAY_SIZE(all_calls) / 3, differ)
		TH_LOG("only %u of %zu calls tell the ranges apart", differ,
		       ARRAY_SIZE(all_calls));
}

/*
 * Second difference: a process with areas, and its twin without.
 */
#define TWIN_AREAS	20
#define TWIN_PAGES	3
#define TWIN_TEXT	(64 * 1024)

enum twin { NOTHING, AREAS, ORDINARY };

struct twin_limits {
	unsigned long as;	/* bytes */
	unsigned long memlock;
};

static void add_file(char *out, const char *path)
{
	size_t len = strlen(out);

	read_text(path, out + len, TWIN_TEXT - len);
}

static void add_number(char *out, const char *name, long value)
{
	size_t len = strlen(out);

	snprintf(out + len, TWIN_TEXT - len, "%s %ld\n", name, value);
}

static void add_status(char *out)
{
	char *line, *end;

	read_text("/proc/self/status", text, sizeof(text));
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		if (strncmp(line, "Vm", 2) && strncmp(line, "Rss", 3) &&
		    strncmp(line, "Huge", 4))
			continue;
		strncat(out, line, end + 1 - line);
	}
}

/* One-page mappings, none of which merges with the next, until there is one too many. */
static long count_mmaps(unsigned int max)
{
	static void *maps[1024];
	unsigned int n, i;

	for (n = 0; n < max; n++) {
		maps[n] = mmap(NULL, page_size(), n & 1 ? PROT_READ : PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[n] == MAP_FAILED)
			break;
	}
	for (i = 0; i < n; i++)
		munmap(maps[i], page_size());
	return n;
}

static void whole_mm(char *out, const struct twin_limits *limits)
{
	struct rlimit as, limit;
	struct procmap_query q;
	unsigned long at = 0;
	long n = 0;

	add_status(out);
	add_file(out, "/proc/self/statm");
	add_file(out, "/proc/self/smaps_rollup");
	add_file(out, "/proc/self/oom_score");
	add_number(out, "lines of maps", count_lines("/proc/self/maps"));
	add_number(out, "lines of smaps", count_lines("/proc/self/smaps"));
	add_number(out, "lines of numa_maps", count_lines("/proc/self/numa_maps"));
	while (!procmap(at, PROCMAP_QUERY_COVERING_OR_NEXT_VMA, &q)) {
		at = q.vma_end;
		n++;
	}
	add_number(out, "VMAs found", n);
	add_number(out, "the last one's end", at);
	add_number(out, "mmaps to max_map_count", count_mmaps(1024));

	getrlimit(RLIMIT_AS, &as);
	limit = as;
	limit.rlim_cur = limits->as;
	setrlimit(RLIMIT_AS, &limit);
	add_number(out, "mmaps to RLIMIT_AS", count_mmaps(1024));
	setrlimit(RLIMIT_AS, &as);

	add_number(out, "mlockall", ret_or_errno(mlockall(MCL_CURRENT)));
	add_status(out);
	add_number(out, "munlockall", munlockall());

	limit.rlim_cur = limits->memlock;
	limit.rlim_max = limits->memlock;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (setresuid(65534, 65534, 65534))
		add_number(out, "setresuid", errno);
	add_number(out, "mlockall of an ordinary user", ret_or_errno(mlockall(MCL_CURRENT)));
	add_status(out);
}

/* Into @shared, which is the same for all, and then @out. */
static bool twin(char *out, char *shared, enum twin what, bool window,
		 const struct twin_limits *limits)
{
	int status = -1, i;
	pid_t pid;

	memset(shared, 0, TWIN_TEXT);
	pid = fork();
	if (!pid) {
		/* The one without areas asks for some of no size. */
		unsigned long size = what == AREAS ? TWIN_PAGES * page_size() : 0;
		long want = what == AREAS ? 0 : -EINVAL;

		/*
		 * All of the program is there from now on, or its own pages would
		 * tell which way it went.
		 */
		mlockall(MCL_CURRENT);
		munlockall();
		for (i = 0; i < TWIN_AREAS; i++) {
			if (map_either(open_either(window), window, size, PROT_READ) != want)
				_exit(1);
		}
		if (what == ORDINARY)
			mmap(NULL, TWIN_AREAS * TWIN_PAGES * page_size(), PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		whole_mm(shared, limits);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	memcpy(out, shared, TWIN_TEXT);
	return status == 0;
}

TEST_F_TIMEOUT(visibility, twins_answer_alike, 120)
{
	static char a[TWIN_TEXT], b[TWIN_TEXT], c[TWIN_TEXT];
	char *shared, max_map_count[32], lower[32], unlike[256] = "";
	const struct place *p = &self->p;
	struct twin_limits limits;
	unsigned int alike = 0;
	bool ok = true;
	long pages;
	int i;

	/* Counters of memory are kept by CPU, and summed up now and then. */
	run_on(0);

	shared = mmap(NULL, TWIN_TEXT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)shared);
	memset(a, 1, sizeof(a));
	memset(b, 1, sizeof(b));
	memset(c, 1, sizeof(c));
	read_text("/proc/self/statm", text, sizeof(text));
	pages = atol(text);
	/* Less to spare than the areas have. */
	limits.as = (pages + TWIN_AREAS * TWIN_PAGES / 2) * page_size();
	limits.memlock = limits.as;

	read_text("/proc/sys/vm/max_map_count", max_map_count, sizeof(max_map_count));
	snprintf(lower, sizeof(lower), "%u", count_lines("/proc/self/maps") + 100);
	ASSERT_TRUE(write_text("/proc/sys/vm/max_map_count", lower) || geteuid());
	/* What is not the area's doing happens to one of three pairs of twins at most. */
	for (i = 0; i < 3 && ok; i++) {
		ok = twin(b, shared, AREAS, p->window, &limits) &&
			twin(a, shared, NOTHING, p->window, &limits) &&
			twin(c, shared, ORDINARY, p->window, &limits);
		if (ok && !strcmp(a, b))
			alike++;
		else
			snprintf(unlike, sizeof(unlike), "%s", difference(a, b));
	}
	write_text("/proc/sys/vm/max_map_count", max_map_count);

	ASSERT_TRUE(ok) TH_LOG("a twin has failed");
	if (p->window) {
		EXPECT_LE(2, alike) TH_LOG("without and with: %s", unlike);
	} else {
		EXPECT_EQ(0, alike);
	}
	/* These questions tell an ordinary mapping. */
	EXPECT_NE(0, strcmp(a, c));
	EXPECT_EQ(NULL, strstr(a, "mmaps to max_map_count 0\n"));
	EXPECT_EQ(NULL, strstr(a, "mmaps to RLIMIT_AS 0\n"));
	EXPECT_NE(NULL, strstr(a, "mlockall of an ordinary user 0\n"));
	EXPECT_NE(NULL, strstr(c, "mlockall of an ordinary user -12\n"));
	EXPECT_UNTOUCHED(p, "the twins");
}

#define RING_PAGES	16

static sigjmp_buf jump_end;
static unsigned int jumps_left;

/* Returns to the address that faults. */
static void jump_again(int sig __maybe_unused)
{
	if (!jumps_left--)
		siglongjmp(jump_end, 1);
}

/*
 * What perf says is the size of the page at @addr, or -errno.  Jump there, up to
 * @max thousand times, until a timer's interrupt is taken before the fetch faults.
 */
static long perf_page_size(unsigned long addr, int max)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 20000,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CODE_PAGE_SIZE,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.disabled = 1,
	};
	struct sigaction act = { .sa_handler = jump_again };
	struct perf_event_mmap_page *ring;
	volatile long ret = -ENOENT;
	volatile int tries = max;
	__u64 at;
	int fd;

	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		return -errno;
	ring = mmap(NULL, (1 + RING_PAGES) * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}

	for (; tries && ret == -ENOENT; tries--) {
		sigaction(SIGSEGV, &act, NULL);
		jumps_left = 1000;
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
		if (!sigsetjmp(jump_end, 1))
			((void (*)(void))addr)();
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
		signal(SIGSEGV, SIG_DFL);

		for (at = ring->data_tail; at < ring->data_head;) {
			char *data = (char *)ring + page_size();
			struct {
				struct perf_event_header h;
				__u64 ip, size;
			} rec;
			unsigned int i;

			for (i = 0; i < sizeof(rec); i++)
				((char *)&rec)[i] = data[(at + i) % (RING_PAGES * page_size())];
			if (rec.h.type == PERF_RECORD_SAMPLE && rec.ip == addr)
				ret = rec.size;
			at += rec.h.size;
		}
		ring->data_tail = at;
	}
	munmap(ring, (1 + RING_PAGES) * page_size());
	close(fd);
	return ret;
}

static long perf_code_page_size(unsigned long addr)
{
	return perf_page_size(addr, 100);
}

TEST_F_TIMEOUT(visibility, perf_code_page_size, 120)
{
	/* Bits that are no index of a page table, on some CPU. */
	static const int others[] = { 48, 53 };
	const struct place *p = &self->p;
	long it = perf_code_page_size(p->addr);
	unsigned int i;

	EXPECT_EQ(p->window ? 0 : (long)page_size(), it) TH_LOG("%s", ret_text(it));
	EXPECT_EQ(0, perf_code_page_size(p->empty));
	if (p->window)
		EXPECT_EQ(0, perf_code_page_size(p->addr - page_size()));
	/* An address that the CPU does not take at all is in no sample. */
	for (i = 0; p->window && i < ARRAY_SIZE(others); i++) {
		it = perf_page_size(p->addr ^ 1UL << others[i], 10);
		EXPECT_TRUE(!it || it == -ENOENT) TH_LOG("bit %d: %ld", others[i], it);
	}
	EXPECT_EQ((long)page_size(), perf_code_page_size(map_ordinary(p->size)));
	EXPECT_UNTOUCHED(p, "the samples");
}


TEST_HARNESS_MAIN
