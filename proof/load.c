// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel-owned VMAs and of secret memory under load.
 *
 * "load": while all that takes pages away from processes does so to the ordinary
 * memory of a process, what it has of the kernel's stays as it is.  Threads have
 * the kernel write and check all the time, so that a page that is missing for a
 * moment is an oops.  Each mechanism shows on ordinary memory of the same process
 * that it has run.
 *
 * "victim" and "races": owners that are killed, exit, fork and exec at bad times.
 * "give_back": whatever way memory goes back, nothing of its contents is left,
 * and nothing of it stays charged.
 *
 * Loops end after so many rounds, never after so much time.  Random numbers come
 * from a seed, which is printed, and taken from MM_SECRET_SEED if that is set.
 *
 * Needs CONFIG_MM_SECRET_TEST and debugfs; most of "load" needs root.
 */
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proof_util.h"
#include "vm_util.h"

#define CGROUP		"/sys/fs/cgroup/proof_load"
#define HOG_CGROUP	"/sys/fs/cgroup/mm_secret_hog"
#define THP		"/sys/kernel/mm/transparent_hugepage"
#define KSM		"/sys/kernel/mm/ksm"
#define KDAMONDS	"/sys/kernel/mm/damon/admin/kdamonds"
#define NUMA		"/sys/kernel/debug/sched/numa_balancing"
#define LRU_GEN		"/sys/kernel/debug/lru_gen"
#define BLOCKS		"/sys/devices/system/memory"
#define CPU1		"/sys/devices/system/cpu/cpu1/online"
#define IDLE_BITMAP	"/sys/kernel/mm/page_idle/bitmap"

#define MIB		(1024 * 1024UL)
#define CAP		(64 * MIB)	/* what an mm may have */
#define SLACK		(6 * MIB)	/* of a cgroup's charge, far less than what may leak */
#define NR_SWAPS	8
#define NR_NODES	2	/* that are looked at, if there are more */

/*
 * What is changed of the system.  It is in memory that the harness shares with the
 * parent, which puts everything back, also if the test has crashed.
 */
struct host {
	struct {
		char path[112];
		char was[64];
	} knobs[96];
	unsigned int nr_knobs;
	unsigned int nr_swaps;
	bool cgroup;
	bool controller;	/* switched on by us */
	long charged;		/* to the cgroup, at the start */
};

static struct host *host;

static bool is_root(void)
{
	return !geteuid();
}

/* The number after @key at the start of a line. */
static long number_in(const char *path, const char *key)
{
	char line[256];
	long ret = -1;
	FILE *f = fopen(path, "re");

	while (f && ret < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) && strchr(" \t:", line[strlen(key)]))
			ret = atol(line + strlen(key) + 1);
	}
	if (f)
		fclose(f);
	return ret;
}

static long counter(const char *key)
{
	return number_in("/proc/vmstat", key);
}

/* Remember a setting, then change it. */
static bool knob(const char *path, const char *value)
{
	char was[64], *word = was, *end;
	unsigned int i;

	for (i = 0; i < host->nr_knobs; i++) {
		if (!strcmp(host->knobs[i].path, path))
			return write_text(path, value);
	}
	if (!read_text(path, was, sizeof(was)) || i == ARRAY_SIZE(host->knobs))
		return false;
	if (strchr(was, '['))
		word = strchr(was, '[') + 1;
	end = strpbrk(word, "]\n");
	if (end)
		*end = '\0';
	snprintf(host->knobs[i].path, sizeof(host->knobs[i].path), "%s", path);
	snprintf(host->knobs[i].was, sizeof(host->knobs[i].was), "%s", word);
	host->nr_knobs++;
	return write_text(path, value);
}

static void host_setup(struct host *h)
{
	host = h;
	h->cgroup = is_root() && !cgroup_enter(CGROUP, &h->controller);
	if (h->cgroup)
		h->charged = read_number(CGROUP "/memory.current");
}

static void host_restore(struct host *h)
{
	char path[32];

	while (h->nr_knobs--)
		write_text(h->knobs[h->nr_knobs].path, h->knobs[h->nr_knobs].was);
	cgroup_remove(HOG_CGROUP);
	if (h->cgroup)
		cgroup_remove(CGROUP);
	if (h->controller)
		cgroup_switch_off();
	while (h->nr_swaps--) {
		snprintf(path, sizeof(path), "/dev/ram%u", h->nr_swaps);
		swapoff(path);
	}
}

/* What mkswap writes, for pages of this size. */
struct swap_header {
	char boot[1024];
	uint32_t version;
	uint32_t last_page;
	uint32_t nr_badpages;
};

static bool swap_on(void)
{
	const unsigned int signature = 10;	/* characters, at the end of a page */
	struct swap_header *header;
	char *page = calloc(1, page_size()), path[64];
	int fd;

	while (page && host->nr_swaps < NR_SWAPS) {
		snprintf(path, sizeof(path), "/sys/block/ram%u/size", host->nr_swaps);
		header = (struct swap_header *)page;
		header->version = 1;
		header->last_page = read_number(path) * 512 / page_size() - 1;
		memcpy(page + page_size() - signature, "SWAPSPACE2", signature);
		snprintf(path, sizeof(path), "/dev/ram%u", host->nr_swaps);
		/* Left by a test that was stopped. */
		swapoff(path);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, page, page_size()) != (ssize_t)page_size() || fsync(fd)) {
			close(fd);
			break;
		}
		close(fd);
		if (swapon(path, 0))
			break;
		host->nr_swaps++;
	}
	free(page);
	return host->nr_swaps;
}

/* The page table entry of an address, as /proc/self/pagemap shows it. */
static uint64_t entry_of(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd >= 0) {
		entry = pagemap_get_entry(fd, (char *)addr);
		close(fd);
	}
	return entry;
}

#define PFN(_entry)	((_entry) & ((1ULL << 55) - 1))

static bool swapped(const unsigned char *mem, size_t size)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (unsigned long)mem / page_size() * sizeof(uint64_t);
	size_t i, nr = size / page_size();
	uint64_t entries[512];
	bool ret = false;

	if (nr > ARRAY_SIZE(entries))
		nr = ARRAY_SIZE(entries);
	if (fd < 0 || pread(fd, entries, nr * sizeof(*entries), at) < 0)
		nr = 0;
	for (i = 0; i < nr; i++)
		ret |= entries[i] & PM_SWAP;
	close(fd);
	return ret;
}

static long smaps_number(const void *addr, const char *key)
{
	const unsigned long at = (unsigned long)addr;
	unsigned long start, end;
	bool here = false;
	char line[256];
	long ret = -1;
	FILE *f = fopen("/proc/self/smaps", "re");

	while (f && ret < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = at >= start && at < end;
		else if (here && !strncmp(line, key, strlen(key)))
			ret = atol(line + strlen(key) + 1);
	}
	if (f)
		fclose(f);
	return ret;
}

static uint64_t new_seed(void)
{
	const char *wish = getenv("MM_SECRET_SEED");
	uint64_t seed = 0;

	if (wish)
		seed = strtoull(wish, NULL, 0);
	else
		syscall(SYS_getrandom, &seed, sizeof(seed), 0);
	return seed | 1;
}

static long dev_churn(int fd, unsigned long offset, unsigned long size,
		      unsigned long rounds, unsigned long seed)
{
	struct mm_secret_test_churn churn = {
		.offset = offset,
		.size = size,
		.rounds = rounds,
		.seed = seed,
	};

	return ret_or_errno(ioctl(fd, MM_SECRET_TEST_CHURN, &churn));
}

/*
 * Threads that write to kernel-owned memory and check it: through the driver in
 * the window, by themselves at a user address.
 */
#define NR_CHURNED	2	/* areas */
#define NR_CHURNERS	3	/* two of them in one area, each in its half */
#define CHURN_PAGES	16

struct churner {
	pthread_t thread;
	int fd;
	unsigned long *words;	/* at a user address, or NULL */
	unsigned long offset;
	unsigned long size;
	unsigned long rounds;
	long err;
};

static bool churn_stop;

static long churn_user(const struct churner *c, unsigned long seed)
{
	const unsigned long n = c->size / sizeof(long);
	unsigned long i;

	for (i = 0; i < n; i++)
		__atomic_store_n(&c->words[i], (seed + i) * 0x9e3779b97f4a7c15UL,
				 __ATOMIC_RELAXED);
	sched_yield();
	for (i = 0; i < n; i++) {
		if (FORCE_READ(c->words[i]) != (seed + i) * 0x9e3779b97f4a7c15UL)
			return -EIO;
	}
	return 0;
}

static void *churn_fn(void *arg)
{
	struct churner *c = arg;
	unsigned long seed = c->offset;

	/* So that ksmd and khugepaged get a share of two CPUs. */
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), 19);
	while (!__atomic_load_n(&churn_stop, __ATOMIC_RELAXED) && !c->err) {
		c->err = c->words ? churn_user(c, seed++) :
				    dev_churn(c->fd, c->offset, c->size, 4, seed++);
		if (c->err == -EINTR)
			c->err = 0;
		__atomic_add_fetch(&c->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * One way in which the kernel takes memory away, or looks at it.  It has ordinary
 * memory of its own to show that it works.
 */
struct load;

struct mechanism {
	const char *name;
	unsigned long size;	/* of the ordinary memory */
	/* Set it going: what stands in the way, or NULL. */
	const char *(*begin)(struct load *l, const struct mechanism *m);
	/* A bit of it: whether it was seen to do what it does. */
	bool (*step)(struct load *l, const struct mechanism *m);
	unsigned int min, max;	/* steps */
};

/* What a mechanism remembers from step to step. */
struct load {
	struct place *p;
	unsigned char *mem;
	unsigned int steps, hits;
	long before[2];
	bool armed;
	/*
	 * The others are at it, too: the memory is swapped out, merged and moved in
	 * between, so that the system's counters have to do as a proof.
	 */
	bool crowded;
};

static unsigned char *new_memory(unsigned long size)
{
	const unsigned long huge = 2 * MIB;
	unsigned long addr;

	addr = (unsigned long)mmap(NULL, size + huge, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == (unsigned long)MAP_FAILED)
		return NULL;
	addr = (addr + huge - 1) & ~(huge - 1);
	madvise((void *)addr, size, MADV_NOHUGEPAGE);
	make_pattern((unsigned char *)addr, size, 0x33);
	return (unsigned char *)addr;
}

static const char *need_swap(void)
{
	if (!is_root())
		return "needs root: swapon";
	return host->nr_swaps || swap_on() ? NULL : "no swap on /dev/ram0";
}

/* Whether pages of it are in swap; afterwards none is. */
static bool was_swapped(struct load *l, const struct mechanism *m)
{
	const bool hit = swapped(l->mem, m->size);

	return is_pattern(l->mem, m->size, 0x33) && hit;
}

static const char *pageout_begin(struct load *l, const struct mechanism *m)
{
	return need_swap();
}

static bool pageout_step(struct load *l, const struct mechanism *m)
{
	madvise(l->mem, m->size, MADV_PAGEOUT);
	/* Refused; but it must not do half of it. */
	madvise((void *)l->p->addr, l->p->size, MADV_PAGEOUT);
	return was_swapped(l, m);
}

static const char *reclaim_begin(struct load *l, const struct mechanism *m)
{
	const char *why = need_swap();

	return why ?: host->cgroup ? NULL : "no memory cgroup";
}

static bool reclaim_step(struct load *l, const struct mechanism *m)
{
	write_text(CGROUP "/memory.reclaim", "4M");
	return was_swapped(l, m);
}

/* Until the OOM killer comes, which is soon if there is no swap for it. */
static void hog(unsigned long size)
{
	char *mem;
	unsigned long i;

	mlockall(MCL_FUTURE);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		_exit(2);
	for (i = 0; i < size; i += page_size())
		mem[i] = i >> 12 | 1;
	_exit(3);
}

static void limit_to(const char *cgroup, long more)
{
	char path[128], value[24];

	snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	snprintf(value, sizeof(value), "%ld", read_number(path) + more);
	snprintf(path, sizeof(path), "%s/memory.max", cgroup);
	write_text(path, value);
}

static const char *oom_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: memory cgroup";
	if (l->crowded)
		mkdir(HOG_CGROUP, 0755);
	return host->cgroup ? NULL : "no memory cgroup";
}

/*
 * In the same cgroup, so that the owner is in what the killer looks at; but not
 * with other threads at work, that would get no memory either.
 */
static bool oom_step(struct load *l, const struct mechanism *m)
{
	const char *group = l->crowded ? HOG_CGROUP : CGROUP;
	char path[64];
	int status = 0;
	long before;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/memory.events", group);
	before = number_in(path, "oom_kill");
	pid = fork();
	if (!pid) {
		/* It is the one to be killed, and there before the limit is. */
		write_text("/proc/self/oom_score_adj", "1000");
		snprintf(path, sizeof(path), "%s/cgroup.procs", group);
		write_text(path, "0");
		limit_to(group, 24 * MIB);
		hog(256 * MIB);
	}
	waitpid(pid, &status, 0);
	snprintf(path, sizeof(path), "%s/memory.max", group);
	write_text(path, "max");
	snprintf(path, sizeof(path), "%s/memory.events", group);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
		number_in(path, "oom_kill") > before;
}

static const char *compaction_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: compact_memory";
	return access("/proc/sys/vm/compact_memory", W_OK) ? "no compaction" : NULL;
}

static bool compaction_step(struct load *l, const struct mechanism *m)
{
	const long before = counter("compact_isolated");
	uint64_t pfn[512];
	bool moved = false;
	unsigned int i;
	unsigned long at;

	/* More of it: what has been moved once is where it is to be. */
	l->mem = new_memory(m->size);
	if (!l->mem)
		return false;
	for (at = 0; at < m->size; at += 2 * page_size())
		madvise(l->mem + at, page_size(), MADV_DONTNEED);
	for (i = 0; i < ARRAY_SIZE(pfn); i++)
		pfn[i] = PFN(entry_of(l->mem + (2 * i + 1) * page_size()));
	write_text("/proc/sys/vm/compact_memory", "1");
	for (i = 0; i < ARRAY_SIZE(pfn); i++)
		moved |= pfn[i] != PFN(entry_of(l->mem + (2 * i + 1) * page_size()));
	return moved && counter("compact_isolated") > before;
}

static const char *ksm_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: ksm";
	knob(KSM "/smart_scan", "0");
	knob(KSM "/use_zero_pages", "1");
	knob(KSM "/merge_across_nodes", "1");
	knob(KSM "/pages_to_scan", "2000");
	knob(KSM "/sleep_millisecs", "1");
	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) || !knob(KSM "/run", "1"))
		return "no KSM";
	return NULL;
}

static bool ksm_step(struct load *l, const struct mechanism *m)
{
	unsigned long at;

	if (!l->armed) {
		/* The same as in the area, page by page, and often. */
		for (at = 0; at < m->size; at += l->p->size) {
			make_pattern(l->mem + at, l->p->size, l->p->seed);
			if (l->p->window)
				as_stored(l->mem + at, l->p->size);
		}
		l->before[0] = read_number(KSM "/full_scans");
		l->armed = true;
	}
	usleep(20000);
	if (read_number(KSM "/full_scans") < l->before[0] + 2 ||
	    read_number("/proc/self/ksm_merging_pages") <= 0 || read_number(KSM "/pages_sharing") <= 0)
		return false;
	l->armed = false;
	return true;
}

static const char *khugepaged_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: khugepaged";
	if (!knob(THP "/enabled", "always"))
		return "no transparent huge pages";
	knob(THP "/khugepaged/defrag", "1");
	knob(THP "/khugepaged/max_ptes_none", "511");
	knob(THP "/khugepaged/max_ptes_swap", "511");
	knob(THP "/khugepaged/max_ptes_shared", "511");
	knob(THP "/khugepaged/pages_to_scan", "8192");
	knob(THP "/khugepaged/alloc_sleep_millisecs", "10");
	knob(THP "/khugepaged/scan_sleep_millisecs", "1");
	return NULL;
}

static bool khugepaged_step(struct load *l, const struct mechanism *m)
{
	if (!l->armed) {
		madvise(l->mem, m->size, MADV_NOHUGEPAGE);
		madvise(l->mem, m->size, MADV_DONTNEED);
		make_pattern(l->mem, m->size, 0x33);
		l->before[0] = read_number(THP "/khugepaged/pages_collapsed");
		l->before[1] = read_number(THP "/khugepaged/full_scans");
		l->armed = !smaps_number(l->mem, "AnonHugePages:");
		madvise(l->mem, m->size, MADV_HUGEPAGE);
	}
	usleep(20000);
	if (l->crowded)
		return read_number(THP "/khugepaged/full_scans") > l->before[1];
	if (smaps_number(l->mem, "AnonHugePages:") <= 0 ||
	    read_number(THP "/khugepaged/pages_collapsed") == l->before[0] ||
	    !is_pattern(l->mem, m->size, 0x33))
		return false;
	l->armed = false;
	return true;
}

static const char *two_nodes(void)
{
	return access("/sys/devices/system/node/node1", F_OK) ? "only one node" : NULL;
}

static const char *numa_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: numa_balancing";
	if (two_nodes())
		return two_nodes();
	if (!knob("/proc/sys/kernel/numa_balancing", "1"))
		return "no NUMA balancing";
	knob(NUMA "/scan_size_mb", "256");
	knob(NUMA "/scan_delay_ms", "1");
	knob(NUMA "/scan_period_min_ms", "50");
	knob(NUMA "/scan_period_max_ms", "100");
	l->before[0] = counter("numa_pte_updates");
	l->before[1] = counter("numa_hint_faults");
	return NULL;
}

/* Scans come with ticks that hit the process, so keep it busy, on both nodes. */
static bool numa_step(struct load *l, const struct mechanism *m)
{
	unsigned int i;
	cpu_set_t cpu;
	bool hit;

	CPU_ZERO(&cpu);
	CPU_SET(l->steps / 4 % 2, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	for (i = 0; i < 2; i++)
		memset(l->mem, i, m->size);
	CPU_SET(!CPU_ISSET(0, &cpu) ? 0 : 1, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	hit = counter("numa_pte_updates") > l->before[0] + 10 &&
		counter("numa_hint_faults") > l->before[1] + 10;
	if (hit) {
		l->before[0] = counter("numa_pte_updates");
		l->before[1] = counter("numa_hint_faults");
	}
	return hit;
}

static const char *migration_begin(struct load *l, const struct mechanism *m)
{
	return two_nodes();
}

static bool migration_step(struct load *l, const struct mechanism *m)
{
	unsigned long from = 1UL << !(l->steps % 2), to = 3 - from, i;
	const unsigned long nr = m->size / page_size();
	void **pages = calloc(nr, sizeof(*pages));
	int *nodes = calloc(nr, sizeof(*nodes));
	int *status = calloc(nr, sizeof(*status));
	const long before = counter("pgmigrate_success");
	bool there, back;

	/* Everything that the process has, one way. */
	syscall(SYS_migrate_pages, 0, 8, &from, &to);
	for (i = 0; i < nr; i++)
		pages[i] = l->mem + i * page_size();
	syscall(SYS_move_pages, 0, nr, pages, NULL, status, 0);
	there = status[0] == (to == 2);
	/* Some of it, back. */
	for (i = 0; i < nr; i++)
		nodes[i] = from == 2;
	syscall(SYS_move_pages, 0, nr, pages, nodes, status, MPOL_MF_MOVE);
	syscall(SYS_move_pages, 0, nr, pages, NULL, status, 0);
	back = status[0] == (from == 2);
	free(pages);
	free(nodes);
	free(status);
	if (l->crowded)
		there = back = counter("pgmigrate_success") > before;
	return there && back && is_pattern(l->mem, m->size, 0x33);
}

static const char *clear_refs_begin(struct load *l, const struct mechanism *m)
{
	return softdirty_supported() ? NULL : "not here: soft-dirty bits";
}

static bool clear_refs_step(struct load *l, const struct mechanism *m)
{
	const char *file = "/proc/self/clear_refs";
	bool was_dirty, clean, was_used, unused;
	long peak;
	char *mem;

	/* Values 2 and 3 do for some VMAs what 1 does for all. */
	write_text(file, "2");
	write_text(file, "3");
	memset(l->mem, l->steps, m->size);
	was_dirty = entry_of(l->mem) & PM_SOFT_DIRTY;
	was_used = smaps_number(l->mem, "Referenced:") > 0;
	write_text(file, "1");
	unused = !smaps_number(l->mem, "Referenced:");
	write_text(file, "4");
	clean = !(entry_of(l->mem) & PM_SOFT_DIRTY);
	mem = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	munmap(mem, 8 * MIB);
	peak = number_in("/proc/self/status", "VmHWM");
	write_text(file, "5");
	return was_dirty && clean && was_used && unused &&
		number_in("/proc/self/status", "VmHWM") < peak;
}

static const char *lru_gen_begin(struct load *l, const struct mechanism *m)
{
	const char *why = need_swap();

	if (why)
		return why;
	if (access(LRU_GEN, R_OK))
		return "no multi-gen LRU";
	return host->cgroup ? NULL : "no memory cgroup";
}

/* The oldest and the youngest generation of our cgroup on a node, and its id. */
static bool generations(unsigned int node, unsigned long *id, unsigned long *oldest,
			unsigned long *youngest)
{
	bool ours = false, here = false;
	unsigned long val;
	char line[256], path[128];
	unsigned int n;
	FILE *f = fopen(LRU_GEN, "re");

	*youngest = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " memcg %lu %127s", &val, path) == 2) {
			ours = !strcmp(path, strrchr(CGROUP, '/'));
			here = false;
			if (ours)
				*id = val;
		} else if (sscanf(line, " node %u", &n) == 1) {
			here = ours && n == node;
		} else if (here && sscanf(line, " %lu", &val) == 1) {
			if (!*youngest)
				*oldest = val;
			*youngest = val;
		}
	}
	if (f)
		fclose(f);
	return *youngest;
}

static bool lru_gen_step(struct load *l, const struct mechanism *m)
{
	unsigned long id, oldest, youngest, was;
	bool aged = false;
	unsigned int node;
	char cmd[128];
	int i;

	for (node = 0; node < NR_NODES; node++) {
		for (i = 0; i < 4 && generations(node, &id, &oldest, &youngest); i++) {
			was = youngest;
			snprintf(cmd, sizeof(cmd), "+ %lu %u %lu 200 1", id, node, youngest);
			write_text(LRU_GEN, cmd);
			aged |= generations(node, &id, &oldest, &youngest) && youngest > was;
		}
		if (!generations(node, &id, &oldest, &youngest))
			continue;
		snprintf(cmd, sizeof(cmd), "- %lu %u %lu 200 1024", id, node, youngest - 2);
		write_text(LRU_GEN, cmd);
	}
	return was_swapped(l, m) && aged;
}

/* Where the last of the system's RAM ends; not all machines begin at 0. */
static unsigned long end_of_ram(void)
{
	unsigned long last, end = 0;
	char line[256];
	FILE *f = fopen("/proc/iomem", "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "System RAM") && sscanf(line, "%*x-%lx", &last) == 1)
			end = last + 1;
	}
	fclose(f);
	return end;
}

/* One daemon for the addresses of the process, one for physical ones. */
static const char *damon(const struct load *l, int which, const char *ops)
{
	const struct {
		const char *file, *value;
	} set[] = {
		{ "contexts/nr_contexts", "1" },
		{ "contexts/0/operations", ops },
		{ "contexts/0/monitoring_attrs/intervals/sample_us", "5000" },
		{ "contexts/0/monitoring_attrs/intervals/aggr_us", "20000" },
		{ "contexts/0/monitoring_attrs/intervals/update_us", "100000" },
		{ "contexts/0/monitoring_attrs/nr_regions/max", "400" },
		{ "contexts/0/monitoring_attrs/nr_regions/min", "100" },
		{ "contexts/0/targets/nr_targets", "1" },
		{ "contexts/0/schemes/nr_schemes", "1" },
		{ "contexts/0/schemes/0/action", "pageout" },
		/* Else the others get no page to work with.  0 is no limit. */
		{ "contexts/0/schemes/0/quotas/bytes", l->crowded ? "1048576" : "0" },
		{ "contexts/0/schemes/0/quotas/reset_interval_ms", "500" },
		{ "contexts/0/schemes/0/access_pattern/sz/max", "18446744073709551615" },
		{ "contexts/0/schemes/0/access_pattern/age/max", "4294967295" },
	};
	const char *why = need_swap();
	char path[128], value[32];
	unsigned int i;

	if (why)
		return why;
	if (access(KDAMONDS, F_OK))
		return "no DAMON";
	if (read_number(KDAMONDS "/nr_kdamonds") != 2 && !knob(KDAMONDS "/nr_kdamonds", "2"))
		return "DAMON is in use";
	for (i = 0; i < ARRAY_SIZE(set); i++) {
		snprintf(path, sizeof(path), KDAMONDS "/%d/%s", which, set[i].file);
		if (!write_text(path, set[i].value))
			return "DAMON refuses a setting";
	}
	if (which) {
		snprintf(path, sizeof(path), KDAMONDS "/%d/contexts/0/targets/0/regions/", which);
		i = strlen(path);
		strcpy(path + i, "nr_regions");
		write_text(path, "1");
		strcpy(path + i, "0/start");
		write_text(path, "0");
		strcpy(path + i, "0/end");
		snprintf(value, sizeof(value), "%lu", end_of_ram());
		write_text(path, value);
	} else {
		snprintf(value, sizeof(value), "%d", getpid());
		write_text(KDAMONDS "/0/contexts/0/targets/0/pid_target", value);
	}
	snprintf(path, sizeof(path), KDAMONDS "/%d/state", which);
	return knob(path, "on") ? NULL : "DAMON does not start";
}

static const char *damon_vaddr_begin(struct load *l, const struct mechanism *m)
{
	return damon(l, 0, "vaddr");
}

static const char *damon_paddr_begin(struct load *l, const struct mechanism *m)
{
	return damon(l, 1, "paddr");
}

static bool damon_step(struct load *l, const struct mechanism *m, int which)
{
	char path[128];
	long applied;

	usleep(50000);
	snprintf(path, sizeof(path), KDAMONDS "/%d/state", which);
	write_text(path, "update_schemes_stats");
	/* With a quota it may be tried on what cannot be paged out, time and again. */
	snprintf(path, sizeof(path), KDAMONDS "/%d/contexts/0/schemes/0/stats/sz_%s", which,
		 l->crowded ? "tried" : "applied");
	applied = read_number(path);
	if (applied <= l->before[0] || !(l->crowded || swapped(l->mem, m->size)))
		return false;
	l->before[0] = applied;
	return is_pattern(l->mem, m->size, 0x33);
}

static bool damon_vaddr_step(struct load *l, const struct mechanism *m)
{
	return damon_step(l, m, 0);
}

static bool damon_paddr_step(struct load *l, const struct mechanism *m)
{
	return damon_step(l, m, 1);
}

static const char *page_idle_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: page_idle";
	return access(IDLE_BITMAP, R_OK) ? "no page idle tracking" : NULL;
}

static int is_idle(int fd, uint64_t pfn)
{
	uint64_t bits;

	if (pread(fd, &bits, sizeof(bits), pfn / 64 * 8) != sizeof(bits))
		return -1;
	return bits >> pfn % 64 & 1;
}

static bool page_idle_step(struct load *l, const struct mechanism *m)
{
	int fd = open(IDLE_BITMAP, O_RDWR | O_CLOEXEC), was, is;
	uint64_t pfn, ones[512];
	cpu_set_t all;
	off_t at = 0;
	ssize_t n;
	int i;

	sched_getaffinity(0, sizeof(all), &all);
	/* Contents that no other page has, or KSM would merge them. */
	make_pattern(l->mem, m->size, l->steps + 1);
	pfn = PFN(entry_of(l->mem));
	/*
	 * The page comes to an LRU list, from whatever CPU has it still to add, and the
	 * CPU forgets that it was accessed.
	 */
	for (i = 0; i < 2; i++) {
		run_on(i);
		madvise(l->mem, m->size, MADV_COLD);
	}
	sched_setaffinity(0, sizeof(all), &all);
	memset(ones, 0xff, sizeof(ones));
	while ((n = pwrite(fd, ones, sizeof(ones), at)) > 0)
		at += n;
	was = is_idle(fd, pfn);
	mprotect(l->mem, m->size, PROT_READ);
	mprotect(l->mem, m->size, PROT_READ | PROT_WRITE);
	l->mem[0]++;
	is = is_idle(fd, pfn);
	close(fd);
	return was == 1 && (l->crowded || (!is && pfn == PFN(entry_of(l->mem))));
}

static const char *cpu_hotplug_begin(struct load *l, const struct mechanism *m)
{
	if (!is_root())
		return "needs root: CPU hotplug";
	return knob(CPU1, "1") ? NULL : "no CPU to take away";
}

static bool cpu_hotplug_step(struct load *l, const struct mechanism *m)
{
	bool off;

	write_text(CPU1, "0");
	off = !read_number(CPU1);
	usleep(5000);
	write_text(CPU1, "1");
	return off && read_number(CPU1) == 1;
}

static const char *memory_offline_begin(struct load *l, const struct mechanism *m)
{
	char path[128];
	unsigned int i;

	if (!is_root())
		return "needs root: memory hotplug";
#ifdef __aarch64__
	return "not here: memory of the boot that can go offline";
#endif
	if (access(BLOCKS "/memory1/state", W_OK))
		return "no memory hotplug";
	/* As they are; to be put back. */
	for (i = 0; i < m->max; i++) {
		snprintf(path, sizeof(path), BLOCKS "/memory%u/state", i);
		knob(path, "online");
	}
	return NULL;
}

/* Some blocks can go.  That of the area cannot, whichever it is. */
static bool memory_offline_step(struct load *l, const struct mechanism *m)
{
	char path[128], state[16];
	bool off = false;
	int tries;
	pid_t pid;

	snprintf(path, sizeof(path), BLOCKS "/memory%u/state", l->steps % m->max);
	if (!read_text(path, state, sizeof(state)) || strcmp(state, "online\n"))
		return false;
	/* What does not move is tried again for ever, or until there is a signal. */
	pid = fork();
	if (!pid) {
		write_text(path, "offline");
		_exit(0);
	}
	for (tries = 0; !waitpid(pid, NULL, WNOHANG); tries++) {
		if (tries == 200)
			kill(pid, SIGKILL);
		usleep(10000);
	}
	off = read_text(path, state, sizeof(state)) && !strcmp(state, "offline\n");
	write_text(path, "online");
	return off;
}

static const char *drop_caches_begin(struct load *l, const struct mechanism *m)
{
	return is_root() ? NULL : "needs root: drop_caches";
}

static bool drop_caches_step(struct load *l, const struct mechanism *m)
{
	const long pages = counter("drop_pagecache"), slab = counter("drop_slab");

	write_text("/proc/sys/vm/drop_caches", "3");
	return counter("drop_pagecache") > pages && counter("drop_slab") > slab;
}

static const struct mechanism mechanisms[] = {
#define MECHANISM(_name, _size, _min, _max)				\
	{ #_name, _size, _name##_begin, _name##_step, _min, _max }
	MECHANISM(pageout, MIB, 5, 40),
	MECHANISM(reclaim, MIB, 5, 60),
	MECHANISM(oom, 0, 2, 5),
	MECHANISM(compaction, 4 * MIB, 2, 20),
	MECHANISM(ksm, MIB, 20, 400),
	MECHANISM(khugepaged, 4 * MIB, 5, 400),
	MECHANISM(numa, 2 * MIB, 50, 3000),
	MECHANISM(migration, MIB, 5, 30),
	MECHANISM(clear_refs, MIB, 5, 20),
	MECHANISM(lru_gen, MIB, 3, 30),
	MECHANISM(damon_vaddr, MIB, 5, 300),
	MECHANISM(damon_paddr, MIB, 5, 300),
	MECHANISM(page_idle, 64 * 1024, 3, 20),
	MECHANISM(cpu_hotplug, 0, 3, 6),
	MECHANISM(memory_offline, 0, 16, 16),
	MECHANISM(drop_caches, 0, 5, 5),
};

static const struct mechanism *mechanism(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mechanisms); i++) {
		if (!strcmp(mechanisms[i].name, name))
			return &mechanisms[i];
	}
	return NULL;
}

FIXTURE(load)
{
	struct host host;
	struct place p;		/* with contents that stay */
	struct churner churners[NR_CHURNERS];
	unsigned long rounds[NR_CHURNERS];
};

FIXTURE_VARIANT(load)
{
	bool window;
};

FIXTURE_VARIANT_ADD(load, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(load, window)
{
	.window = true,
};

FIXTURE_SETUP(load)
{
	unsigned long addr = 0, size = CHURN_PAGES * page_size();
	unsigned int i;
	int fd = -1;

	host_setup(&self->host);
	SETUP_PLACE(&self->p, variant->window, PROT_READ | PROT_WRITE);

	for (i = 0; i < NR_CHURNERS; i++) {
		struct churner *c = &self->churners[i];

		if (i < NR_CHURNED && variant->window) {
			fd = open_mm_secret();
			ASSERT_EQ(0, dev_alloc(fd, size, &addr));
		} else if (i < NR_CHURNED) {
			fd = open_kernel_owned();
			ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, size,
					       PROT_READ | PROT_WRITE, &addr));
		}
		c->fd = fd;
		c->size = size / 2;
		c->offset = i < NR_CHURNED ? 0 : size / 2;
		c->words = variant->window ? NULL : (unsigned long *)(addr + c->offset);
		ASSERT_EQ(0, pthread_create(&c->thread, NULL, churn_fn, c));
	}
}

FIXTURE_TEARDOWN_PARENT(load)
{
	host_restore(&self->host);
}

static void expect_still_there(struct __test_metadata *_metadata, FIXTURE_DATA(load) *self,
			       const char *after)
{
	struct mm_secret_test_scan scan;
	unsigned long addr;
	unsigned int i;

	__atomic_store_n(&churn_stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < NR_CHURNERS; i++) {
		struct churner *c = &self->churners[i];

		pthread_join(c->thread, NULL);
		EXPECT_EQ(0, c->err) TH_LOG("%s: churner %u: %s", after, i, ret_text(c->err));
		EXPECT_LT(self->rounds[i], c->rounds) TH_LOG("%s: churner %u slept", after, i);
	}
	/* Nobody has used it, so that a bit that was cleared would still be. */
	if (self->p.window) {
		ASSERT_EQ(0, dev_scan(self->p.fd, &scan));
		EXPECT_EQ(self->p.size / page_size(), scan.owner);
	}
	EXPECT_UNTOUCHED(&self->p, after);
	for (i = 0; i < NR_CHURNED; i++) {
		struct churner *c = &self->churners[i];

		if (self->p.window) {
			/* All entries present, and none but these. */
			EXPECT_EQ(0, dev_addr(c->fd, &addr));
			ASSERT_EQ(0, dev_scan(c->fd, &scan));
			EXPECT_EQ(CHURN_PAGES, scan.owner);
			EXPECT_EQ(0, scan.alias) TH_LOG("%s: at %llx", after, scan.alias_addr);
		} else {
			addr = (unsigned long)c->words;
			EXPECT_TRUE(vma_has_flag(addr, addr + CHURN_PAGES * page_size(), "ko"));
		}
	}
}

static const char *load_begin(struct load *l, const struct mechanism *m, struct place *p,
			      bool crowded)
{
	memset(l, 0, sizeof(*l));
	l->p = p;
	l->crowded = crowded;
	if (m->size) {
		l->mem = new_memory(m->size);
		if (!l->mem)
			return "no memory";
	}
	return m->begin(l, m);
}

static void load_step(struct load *l, const struct mechanism *m)
{
	l->hits += m->step(l, m);
	l->steps++;
}

static bool load_done(const struct load *l, const struct mechanism *m)
{
	return l->steps >= m->max || (l->steps >= m->min && l->hits);
}

static void remember_rounds(FIXTURE_DATA(load) *self)
{
	unsigned int i;

	for (i = 0; i < NR_CHURNERS; i++)
		self->rounds[i] = __atomic_load_n(&self->churners[i].rounds, __ATOMIC_RELAXED);
}

static void under(struct __test_metadata *_metadata, FIXTURE_DATA(load) *self,
		  const char *name)
{
	const struct mechanism *m = mechanism(name);
	const char *obstacle;
	struct load l;

	ASSERT_NE(NULL, m);
	obstacle = load_begin(&l, m, &self->p, false);
	if (obstacle)
		SKIP(return, "%s", obstacle);
	remember_rounds(self);
	while (!load_done(&l, m))
		load_step(&l, m);
	TH_LOG("%s: seen %u times in %u steps", name, l.hits, l.steps);
	EXPECT_LT(0, l.hits) TH_LOG("%s has not run", name);
	expect_still_there(_metadata, self, name);
}

#define UNDER(_name)							\
	TEST_F_TIMEOUT(load, _name, 300)				\
	{								\
		under(_metadata, self, #_name);				\
	}

UNDER(pageout)
UNDER(reclaim)
UNDER(oom)
UNDER(compaction)
UNDER(ksm)
UNDER(khugepaged)
UNDER(numa)
UNDER(migration)
UNDER(clear_refs)
UNDER(lru_gen)
UNDER(damon_vaddr)
UNDER(damon_paddr)
UNDER(page_idle)
UNDER(cpu_hotplug)
UNDER(memory_offline)
UNDER(drop_caches)

/*
 * The daemons run by themselves, from begin to end; three threads do the rest, each
 * its share of the mechanisms in turn, until all have been seen to do something.
 */
#define EVERYTHING_THREADS	3
#define EVERYTHING_MAX		1500	/* rounds, of those that have not been seen yet */

static struct load everything[ARRAY_SIZE(mechanisms)];
static bool takes_part[ARRAY_SIZE(mechanisms)];

static void *everything_fn(void *arg)
{
	unsigned int i, round;
	bool all = false;

	for (round = 0; round < EVERYTHING_MAX && !all; round++) {
		all = true;
		for (i = (unsigned long)arg; i < ARRAY_SIZE(mechanisms); i += EVERYTHING_THREADS) {
			if (!takes_part[i] || everything[i].hits)
				continue;
			load_step(&everything[i], &mechanisms[i]);
			all = false;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(load, everything_at_once, 300)
{
	pthread_t threads[EVERYTHING_THREADS];
	unsigned int i, nr = 0;
	const char *obstacle;

	for (i = 0; i < ARRAY_SIZE(mechanisms); i++) {
		obstacle = load_begin(&everything[i], &mechanisms[i], &self->p, true);
		takes_part[i] = !obstacle;
		nr += !obstacle;
	}
	if (nr < 3)
		SKIP(return, "needs root: only %u mechanisms without", nr);

	remember_rounds(self);
	for (i = 0; i < EVERYTHING_THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, everything_fn,
					    (void *)(unsigned long)i));
	for (i = 0; i < EVERYTHING_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < ARRAY_SIZE(mechanisms); i++) {
		if (!takes_part[i])
			continue;
		TH_LOG("%s: seen %u times in %u steps", mechanisms[i].name, everything[i].hits,
		       everything[i].steps);
		EXPECT_LT(0, everything[i].hits);
	}
	expect_still_there(_metadata, self, "everything");
}

/*
 * Contents that are looked for in all of memory.  One page holds, on purpose, what
 * a page of the area would, and the scan must find that one and no other.
 */
struct secret {
	unsigned char *plain;	/* as it is given to the driver */
	unsigned char *leak;	/* as the area has it */
	unsigned long size;
};

static bool make_secret(struct secret *s, unsigned long size)
{
	unsigned long i;

	s->size = size;
	s->plain = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->leak = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->plain == MAP_FAILED || s->leak == MAP_FAILED ||
	    syscall(SYS_getrandom, s->plain, 8, 0) != 8)
		return false;
	/* Every word of it, in every page. */
	for (i = 8; i < size; i++)
		s->plain[i] = s->plain[i - 8];
	/* Byte by byte: a whole word would be found where registers are saved, too. */
	for (i = 0; i < 8; i++)
		__atomic_store_n(&s->leak[i], s->plain[i] << 4 | s->plain[i] >> 4,
				 __ATOMIC_RELAXED);
	return true;
}

static long keep_secret(int fd, const struct secret *s)
{
	return dev_write(fd, 0, s->plain, s->size);
}

#define EXPECT_NOT_LEAKED(_fd) do {						\
	struct mm_secret_test_scan _scan;					\
										\
	EXPECT_EQ(0, dev_scan(_fd, &_scan));					\
	EXPECT_LT(0, _scan.pattern) TH_LOG("the scan is blind");		\
	EXPECT_GE(1, _scan.pattern) TH_LOG("in %llu pages", _scan.pattern - 1);	\
	EXPECT_EQ(0, _scan.alias) TH_LOG("at %llx", _scan.alias_addr);		\
} while (0)

/* A process that shares the memory, but neither files nor signals. */
static pid_t vm_clone(int (*fn)(void *), void *arg, int flags)
{
	static char stack[2][65536];
	static unsigned int nr;

	return clone(fn, stack[nr++ % 2] + sizeof(stack[0]), CLONE_VM | SIGCHLD | flags, arg);
}

static int wait_for(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void exec_nothing(void)
{
	execl("/proc/self/exe", "load", "--nothing", NULL);
	_exit(127);
}

/* The mm has as much as at the start: all that it may have can be allocated. */
static const char *miscounted(void)
{
	unsigned long addr;
	int fd = open_mm_secret(), other = open_mm_secret();
	const char *what = NULL;

	if (dev_alloc(fd, CAP, &addr))
		what = "less than 64 MiB can be allocated";
	else if (dev_alloc(other, page_size(), &addr) != -ENOSPC)
		what = "more than 64 MiB can be allocated";
	close(fd);
	close(other);
	return what;
}

/* Charges are given back in batches, and some only after a grace period. */
static bool uncharged(const char *file, long start)
{
	int tries;

	for (tries = 0; tries < 200 && read_number(file) > start + (long)SLACK; tries++)
		usleep(20000);
	return read_number(file) <= start + (long)SLACK;
}

#define EXPECT_ALL_BACK() do {							\
	const char *_what = miscounted();					\
										\
	EXPECT_EQ(NULL, _what) TH_LOG("%s", _what);				\
	if (host->cgroup)							\
		EXPECT_TRUE(uncharged(CGROUP "/memory.current", host->charged))	\
			TH_LOG("charged %ld, at the start %ld",			\
			       read_number(CGROUP "/memory.current"), host->charged);\
} while (0)

/*
 * Owners that are killed, and reaped while they are still there: a thread of theirs
 * sleeps in the driver for longer than the OOM reaper waits, two seconds.
 */
#define SLEEP_MS	8000
#define VICTIM_SIZE	(16 * MIB)	/* of ordinary memory */
#define VICTIM_PAGES	16		/* of secret memory */

FIXTURE(victim)
{
	struct host host;
	int fd;			/* with the victim's area */
	pid_t pid;
	int pidfd;
	int tid;		/* of the victim's thread that sleeps */
};

static int sleep_fd;

static void *sleeper_fn(void *tid)
{
	__atomic_store_n((int *)tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	ioctl(sleep_fd, MM_SECRET_TEST_SLEEP, SLEEP_MS);
	return NULL;
}

static void victim(int fd, int *tid)
{
	unsigned char *mem;
	unsigned long addr;
	pthread_t thread;

	sleep_fd = open_mm_secret();
	mem = mmap(NULL, VICTIM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mem == MAP_FAILED || dev_alloc(fd, VICTIM_PAGES * page_size(), &addr) ||
	    dev_churn(fd, 0, VICTIM_PAGES * page_size(), 1, 1) ||
	    pthread_create(&thread, NULL, sleeper_fn, tid))
		_exit(1);
	for (;;)
		pause();
}

FIXTURE_SETUP(victim)
{
	int tries;
	pid_t pid;

	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	host_setup(&self->host);
	self->fd = open_mm_secret();
	pid = fork();
	if (!pid)
		victim(self->fd, &self->tid);
	ASSERT_LT(0, pid);
	self->pid = pid;	/* not in the child: it is shared */
	self->pidfd = syscall(SYS_pidfd_open, self->pid, 0);
	ASSERT_LE(0, self->pidfd);
	for (tries = 0; tries < 1000 && !__atomic_load_n(&self->tid, __ATOMIC_ACQUIRE); tries++)
		usleep(10000);
	ASSERT_LT(0, self->tid);
	/* Now it is about to sleep. */
	usleep(100000);
}

FIXTURE_TEARDOWN_PARENT(victim)
{
	if (self->pid > 0)
		kill(self->pid, SIGKILL);
	host_restore(&self->host);
}

/* Pages in use as long as the thread has the mm; else 0. */
static long victim_pages(FIXTURE_DATA(victim) *self)
{
	char path[64], line[128], *second;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/statm", self->pid, self->tid);
	if (!read_text(path, line, sizeof(line)))
		return 0;
	second = strchr(line, ' ');
	return second ? atol(second) : 0;
}

/* Its ordinary memory is gone; what is the kernel's, in the same mm, is there. */
static void expect_reaped(struct __test_metadata *_metadata, FIXTURE_DATA(victim) *self,
			  long before)
{
	struct mm_secret_test_scan scan;
	long pages = victim_pages(self);

	EXPECT_LE((long)(VICTIM_SIZE / page_size()), before);
	EXPECT_GT((long)(VICTIM_SIZE / page_size() / 2), pages);
	ASSERT_EQ(0, dev_scan(self->fd, &scan));
	/* And it is still there, so that this is what the scan has looked at. */
	ASSERT_EQ(0, waitpid(self->pid, NULL, WNOHANG));
	EXPECT_EQ(VICTIM_PAGES, scan.owner);
	EXPECT_EQ(0, scan.alias) TH_LOG("at %llx", scan.alias_addr);
	TH_LOG("%ld pages of it, then %ld", before, pages);

	EXPECT_TRUE(killed(wait_for(self->pid)));
	/* And now it is gone with the mm. */
	EXPECT_EQ(0, dev_scan(self->fd, &scan));
	EXPECT_EQ(0, scan.owner);
	EXPECT_EQ(0, scan.alias);
	EXPECT_EQ(0, dev_free(self->fd));
}

TEST_F_TIMEOUT(victim, process_mrelease, 120)
{
	const long before = victim_pages(self);
	long ret = -EAGAIN;
	int tries;

	/* Not of a process that lives. */
	EXPECT_EQ(-EINVAL, ret_or_errno(syscall(SYS_process_mrelease, self->pidfd, 0)));
	EXPECT_EQ(before, victim_pages(self));
	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	for (tries = 0; tries < 100 && ret == -EAGAIN; tries++)
		ret = ret_or_errno(syscall(SYS_process_mrelease, self->pidfd, 0));
	EXPECT_EQ(0, ret) TH_LOG("%s", ret_text(ret));
	expect_reaped(_metadata, self, before);
}

TEST_F_TIMEOUT(victim, oom_reaper, 120)
{
	const long before = victim_pages(self);
	char path[64];
	int tries;
	pid_t pid;

	NEEDS_ROOT("memory cgroup");
	ASSERT_TRUE(self->host.cgroup);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", self->pid);
	ASSERT_TRUE(write_text(path, "1000"));
	/* The process that lowers the limit stays until there is less. */
	ASSERT_TRUE(write_text("/sys/fs/cgroup/cgroup.procs", "0"));
	pid = fork();
	if (!pid) {
		write_text(CGROUP "/memory.max", "1M");
		_exit(0);
	}
	/* Two seconds later. */
	for (tries = 0; tries < 1000; tries++) {
		if (victim_pages(self) < (long)(VICTIM_SIZE / page_size() / 2))
			break;
		usleep(10000);
	}
	EXPECT_LT(0, number_in(CGROUP "/memory.events", "oom_kill"));
	expect_reaped(_metadata, self, before);
	kill(pid, SIGKILL);
	wait_for(pid);
}

/*
 * Allocation and free against fork, exec, exit, kill and each other.
 */
FIXTURE(races)
{
	struct host host;
	struct secret s;
	uint64_t seed;
};

FIXTURE_SETUP(races)
{
	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	host_setup(&self->host);
	ASSERT_TRUE(make_secret(&self->s, 2 * page_size()));
	self->seed = new_seed();
	TH_LOG("MM_SECRET_SEED=%#lx", self->seed);
}

FIXTURE_TEARDOWN_PARENT(races)
{
	host_restore(&self->host);
}

struct worker {
	pthread_t thread;
	const struct secret *s;
	uint64_t seed;
	unsigned int rounds;	/* 0: until it is killed */
	unsigned int pages;	/* at most */
	int fd;			/* to use, or -1 for its own */
	unsigned int done;
	long err;
};

/* Allocate, write the secret, check, and free in some way. */
static void *worker_fn(void *arg)
{
	struct worker *w = arg;
	unsigned long addr, size;
	int fd = w->fd >= 0 ? w->fd : open_mm_secret();
	unsigned int i;

	for (i = 0; (!w->rounds || i < w->rounds) && !w->err; i++) {
		size = (2 + rnd_below(&w->seed, w->pages)) * page_size();
		w->err = dev_alloc(fd, size, &addr) ?: keep_secret(fd, w->s) ?:
			dev_churn(fd, w->s->size, size - w->s->size, 1, i);
		if (w->err == -EINTR)
			w->err = 0;
		if (w->err)
			break;
		switch (rnd_below(&w->seed, w->fd >= 0 ? 2 : 3)) {
		case 0:
			w->err = dev_free(fd);
			break;
		case 1:
			w->err = ret_or_errno(ioctl(fd, MM_SECRET_TEST_FREE_KTHREAD));
			break;
		default:
			close(fd);
			fd = open_mm_secret();
		}
		w->done++;
	}
	return NULL;
}

/* Keep the mmap lock busy. */
static void *mapper_fn(void *arg)
{
	for (;;)
		munmap(mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0), 65536);
	return arg;
}

TEST_F_TIMEOUT(races, threads_with_fork_vfork_and_exec, 120)
{
	struct worker w[3] = {};
	unsigned int i;
	int fd = open_mm_secret();
	unsigned long addr;
	pid_t pid;

	ASSERT_EQ(0, dev_alloc(fd, 2 * page_size(), &addr));
	ASSERT_EQ(0, keep_secret(fd, &self->s));
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].s = &self->s;
		w[i].seed = self->seed + i;
		w[i].rounds = 100;
		w[i].pages = 16;
		w[i].fd = -1;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, worker_fn, &w[i]));
	}
	for (i = 0; i < 40; i++) {
		pid = i % 4 == 1 ? vfork() : fork();
		if (!pid) {
			if (i % 4 == 2)
				exec_nothing();
			_exit(0);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(0, wait_for(pid));
	}
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].err) TH_LOG("%s", ret_text(w[i].err));
		EXPECT_EQ(w[i].rounds, w[i].done);
	}
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_ALL_BACK();
	EXPECT_NOT_LEAKED(fd);
}

/*
 * The parent keeps the handles, which have an area or not, whole or not.  With the
 * mmap lock contended, the signal is pending when the allocation comes to it.
 */
static void kill_in_mid_allocation(struct __test_metadata *_metadata,
				   FIXTURE_DATA(races) *self, unsigned int pages)
{
	unsigned int i, round, held = 0;
	unsigned long addr;
	struct worker w[2];
	pthread_t thread;
	long ret;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		memset(&w[i], 0, sizeof(w[i]));
		w[i].s = &self->s;
		w[i].pages = pages;
		w[i].fd = open_mm_secret();
	}
	for (round = 0; round < 25; round++) {
		for (i = 0; i < 2; i++)
			w[i].seed = self->seed + 2 * round + i;
		pid = fork();
		if (!pid) {
			for (i = 0; i < 2; i++) {
				pthread_create(&thread, NULL, worker_fn, &w[i]);
				pthread_create(&thread, NULL, mapper_fn, NULL);
			}
			for (;;)
				pause();
		}
		usleep(rnd_below(&self->seed, 40000));
		kill(pid, SIGKILL);
		EXPECT_TRUE(killed(wait_for(pid)));
		for (i = 0; i < 2; i++) {
			ret = dev_free(w[i].fd);
			held += !ret;
			EXPECT_TRUE(!ret || ret == -ENOENT) TH_LOG("%s", ret_text(ret));
		}
	}
	/* Some were hit with an area, some without. */
	EXPECT_LT(0, held);
	EXPECT_GT(2 * round, held);
	EXPECT_ALL_BACK();
	/* So that the driver knows again what to look for. */
	ASSERT_EQ(0, dev_alloc(w[0].fd, self->s.size, &addr));
	ASSERT_EQ(0, keep_secret(w[0].fd, &self->s));
	ASSERT_EQ(0, dev_free(w[0].fd));
	EXPECT_NOT_LEAKED(w[0].fd);
}

TEST_F_TIMEOUT(races, kill_in_mid_large_allocation, 120)
{
	kill_in_mid_allocation(_metadata, self, 4 * MIB / page_size());
}

TEST_F_TIMEOUT(races, kill_in_mid_allocation_of_small_areas, 120)
{
	kill_in_mid_allocation(_metadata, self, 8);
}

/* exit_group() and exec() by one thread while others are in calls. */
TEST_F_TIMEOUT(races, exit_and_exec_in_mid_call, 120)
{
	struct worker w[3];
	unsigned int i, round;
	int fds[ARRAY_SIZE(w)];
	unsigned long addr;
	long ret;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(w); i++)
		fds[i] = open_mm_secret();
	for (round = 0; round < 20; round++) {
		const unsigned int when = rnd_below(&self->seed, 20000);

		pid = fork();
		if (!pid) {
			for (i = 0; i < ARRAY_SIZE(w); i++) {
				memset(&w[i], 0, sizeof(w[i]));
				w[i].s = &self->s;
				w[i].seed = self->seed + i;
				w[i].pages = 64;
				w[i].fd = fds[i];
				pthread_create(&w[i].thread, NULL, worker_fn, &w[i]);
			}
			usleep(when);
			if (round % 2)
				exec_nothing();
			_exit(0);
		}
		EXPECT_EQ(0, wait_for(pid));
		for (i = 0; i < ARRAY_SIZE(w); i++) {
			ret = dev_free(fds[i]);
			EXPECT_TRUE(!ret || ret == -ENOENT) TH_LOG("%s", ret_text(ret));
		}
	}
	/* The handles are as good as new, and the driver knows what to look for. */
	ASSERT_EQ(0, dev_alloc(fds[0], self->s.size, &addr));
	ASSERT_EQ(0, keep_secret(fds[0], &self->s));
	ASSERT_EQ(0, dev_free(fds[0]));
	EXPECT_ALL_BACK();
	EXPECT_NOT_LEAKED(fds[0]);
}

/*
 * Areas of one mm freed by other processes, threads and kernel threads, while the
 * owner allocates and frees others, and is gone at some point.
 */
#define NR_HANDLES	12

struct freer {
	pthread_t thread;
	int *fds;
	unsigned int first;
	unsigned int freed;
	unsigned int other;	/* answers than "done" and "nothing there" */
};

static void *freer_fn(void *arg)
{
	struct freer *f = arg;
	unsigned int i;
	long ret;

	for (i = 0; i < NR_HANDLES; i++) {
		const int fd = f->fds[(f->first + i) % NR_HANDLES];

		ret = f->first % 2 ? dev_free(fd) : ret_or_errno(ioctl(fd, MM_SECRET_TEST_FREE_KTHREAD));
		f->freed += !ret;
		f->other += ret && ret != -ENOENT;
	}
	return NULL;
}

TEST_F_TIMEOUT(races, frees_while_the_owner_goes, 120)
{
	int fds[NR_HANDLES], ready[2], status;
	unsigned int i, round, ended = 0;
	char c;

	for (i = 0; i < NR_HANDLES; i++)
		fds[i] = open_mm_secret();
	for (round = 0; round < 20; round++) {
		struct freer f[3] = {}, mine = { .fds = fds, .first = 7 };
		struct worker w = { .s = &self->s, .seed = self->seed, .pages = 8, .fd = -1 };
		pid_t owner, sibling;
		const unsigned int when = rnd_below(&self->seed, 3000);
		pthread_t thread;
		unsigned long addr;

		ASSERT_EQ(0, pipe(ready));
		owner = fork();
		if (!owner) {
			for (i = 0; i < NR_HANDLES; i++) {
				if (dev_alloc(fds[i], self->s.size, &addr) ||
				    keep_secret(fds[i], &self->s))
					_exit(1);
			}
			pthread_create(&thread, NULL, worker_fn, &w);
			pthread_create(&thread, NULL, mapper_fn, NULL);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			if (round % 2) {
				usleep(when);
				_exit(0);
			}
			for (;;)
				pause();
		}
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		sibling = fork();
		if (!sibling) {
			freer_fn(&mine);
			_exit(mine.other ? 255 : mine.freed);
		}
		mine.freed = 0;
		for (i = 0; i < ARRAY_SIZE(f); i++) {
			f[i].fds = fds;
			f[i].first = i * 3;
			pthread_create(&f[i].thread, NULL, freer_fn, &f[i]);
		}
		usleep(when);
		if (!(round % 2))
			kill(owner, SIGKILL);
		for (i = 0; i < ARRAY_SIZE(f); i++) {
			pthread_join(f[i].thread, NULL);
			mine.freed += f[i].freed;
			EXPECT_EQ(0, f[i].other);
		}
		status = wait_for(sibling);
		ASSERT_TRUE(WIFEXITED(status));
		/* Each of them once, by any of them. */
		EXPECT_EQ(NR_HANDLES, mine.freed + WEXITSTATUS(status));
		ended += killed(wait_for(owner));
	}
	EXPECT_EQ(round / 2, ended);
	EXPECT_ALL_BACK();
	EXPECT_NOT_LEAKED(fds[0]);
}

/*
 * A process that shares the mm, not the files, has the only descriptor: when it
 * goes, the area goes, with no mm current, and the mm lives on.
 */
struct sharer {
	const struct secret *s;
	int how;
	int ready;		/* a pipe of the parent's */
	unsigned long size;
};

static int sharer_fn(void *arg)
{
	struct sharer *sh = arg;
	unsigned long addr;
	int fd = open_mm_secret();

	if (fd < 0 || dev_alloc(fd, sh->size, &addr) || keep_secret(fd, sh->s))
		_exit(1);
	if (sh->how == 1)
		exec_nothing();
	if (sh->how == 2) {
		if (write(sh->ready, "", 1) != 1)
			_exit(2);
		for (;;)
			pause();
	}
	_exit(0);
}

static const char * const hows[] = { "exit", "exec", "SIGKILL" };

static void last_file_goes(struct __test_metadata *_metadata, FIXTURE_DATA(races) *self, int how)
{
	struct sharer sh = { .s = &self->s, .how = how, .size = 8 * MIB };
	int ready[2], i, status, fd = open_mm_secret();
	unsigned long addr;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	sh.ready = ready[1];
	/* To scan with, later. */
	ASSERT_EQ(0, dev_alloc(fd, self->s.size, &addr));
	ASSERT_EQ(0, keep_secret(fd, &self->s));
	/* More than the mm may have, if it did not come back. */
	for (i = 0; i < 10; i++) {
		pid = vm_clone(sharer_fn, &sh, 0);
		ASSERT_LT(0, pid);
		if (how == 2) {
			ASSERT_EQ(1, read(ready[0], &c, 1));
			kill(pid, SIGKILL);
		}
		status = wait_for(pid);
		ASSERT_EQ(how == 2 ? SIGKILL : 0, status) TH_LOG("%s, round %d", hows[how], i);
	}
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_ALL_BACK();
	if (how == 0)
		EXPECT_NOT_LEAKED(fd);
}

TEST_F_TIMEOUT(races, last_file_closed_by_exit_of_a_sharer, 120)
{
	last_file_goes(_metadata, self, 0);
}

TEST_F_TIMEOUT(races, last_file_closed_by_exec_of_a_sharer, 120)
{
	last_file_goes(_metadata, self, 1);
}

TEST_F_TIMEOUT(races, last_file_closed_by_sigkill_of_a_sharer, 120)
{
	last_file_goes(_metadata, self, 2);
}

static bool send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1;
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/*
 * Handles in messages, some received and freed, some never, with their owner
 * killed meanwhile, or alive.
 */
TEST_F_TIMEOUT(races, handles_in_flight, 120)
{
	unsigned int round, i, wanted, received = 0, lost = 0;
	unsigned long addr;
	int sv[2], fd, scan_fd = -1;
	pid_t pid;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
		pid = fork();
		if (!pid) {
			close(sv[1]);
			for (;;) {
				fd = open_mm_secret();
				if (dev_alloc(fd, self->s.size, &addr) ||
				    keep_secret(fd, &self->s) || !send_fd(sv[0], fd))
					_exit(1);
				close(fd);
			}
		}
		close(sv[0]);
		wanted = 1 + rnd_below(&self->seed, 10);
		for (i = 0; i < wanted; i++) {
			fd = receive_fd(sv[1]);
			if (fd < 0)
				continue;
			received++;
			EXPECT_EQ(-EPERM, dev_addr(fd, &addr));
			if (i % 2)
				EXPECT_EQ(0, dev_free(fd));
			if (scan_fd < 0)
				scan_fd = dup(fd);
			close(fd);
		}
		if (round % 2)
			kill(pid, SIGKILL);
		/* What is left in it goes unread, and with it the last of the file. */
		close(sv[1]);
		kill(pid, SIGKILL);
		lost += killed(wait_for(pid));
	}
	EXPECT_LT(round, received);
	EXPECT_LT(0, lost);
	ASSERT_LE(0, scan_fd);
	dev_free(scan_fd);
	EXPECT_ALL_BACK();
	EXPECT_NOT_LEAKED(scan_fd);
}

/* A foreign mm gets an error, whatever the owner is doing. */
static long foreign_calls(const struct remote *r)
{
	unsigned long addr;
	char data[8] = "foreign";
	int i;

	for (i = 0; i < 100; i++) {
		if (dev_addr(r->len, &addr) != -EPERM)
			return 1;
		if (dev_read(r->len, 0, data, 8) != -EPERM)
			return 2;
		if (dev_churn(r->len, 0, 8, 1, 1) != -EPERM)
			return 3;
		if (dev_alloc(r->len, page_size(), &addr) != -EBUSY)
			return 4;
	}
	return dev_write(r->len, 0, data, 8) == -EPERM ? 0 : 5;
}

TEST_F(races, foreign_calls_are_refused)
{
	struct remote r = { .len = open_mm_secret() };
	struct churner c = { .fd = r.len, .offset = 8, .size = page_size() - 8 };
	unsigned long addr;
	char data[8];

	ASSERT_EQ(0, dev_alloc(r.len, page_size(), &addr));
	ASSERT_EQ(0, dev_write(r.len, 0, "contents", 8));
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, churn_fn, &c));
	EXPECT_EQ(0, in_child(foreign_calls, &r));
	__atomic_store_n(&churn_stop, true, __ATOMIC_RELAXED);
	pthread_join(c.thread, NULL);
	/* None of which is the owner. */
	EXPECT_EQ(0, c.err);
	EXPECT_LT(0, c.rounds);
	EXPECT_EQ(0, dev_addr(r.len, &addr));
	EXPECT_EQ(0, dev_read(r.len, 0, data, 8));
	EXPECT_EQ(0, memcmp(data, "contents", 8));
	EXPECT_EQ(0, dev_churn(r.len, 0, 8, 1, 1));
}

/* What the dead have left is zero and uncharged when wait() returns, however busy CPUs are. */
TEST_F_TIMEOUT(races, charge_of_the_dead, 120)
{
	pid_t pid, hogs[4];
	unsigned long addr;
	int i, fd, ret = 0;

	NEEDS_ROOT("memory cgroup");
	ASSERT_TRUE(self->host.cgroup);
	/* So that whatever is left to others gets little of the CPUs. */
	for (i = 0; i < 4; i++) {
		hogs[i] = fork();
		while (!hogs[i])
			setpriority(PRIO_PROCESS, 0, -10);
		ASSERT_LT(0, hogs[i]);
	}
	ASSERT_TRUE(write_text(CGROUP "/memory.max", "20M"));
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, -10));
	for (i = 0; i < 4 && !ret; i++) {
		pid = fork();
		if (!pid) {
			fd = open_mm_secret();
			_exit(fd < 0 || dev_alloc(fd, 8 * MIB, &addr));
		}
		ASSERT_LT(0, pid);
		ret = wait_for(pid);
	}
	EXPECT_EQ(0, ret) TH_LOG("round %d", i);
	EXPECT_EQ(0, number_in(CGROUP "/memory.events", "oom_kill"));
	for (i = 0; i < 4; i++) {
		kill(hogs[i], SIGKILL);
		wait_for(hogs[i]);
	}
}

/*
 * Ways of giving memory back that are not among the above, and whom it is charged
 * to.  See also leak_scan.c.
 */
FIXTURE(give_back)
{
	struct host host;
	struct secret s;
	int fd;
};

FIXTURE_SETUP(give_back)
{
	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	host_setup(&self->host);
	ASSERT_TRUE(make_secret(&self->s, 16 * page_size()));
	self->fd = open_mm_secret();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(give_back)
{
	cgroup_remove(CGROUP "/a");
	cgroup_remove(CGROUP "/b");
	host_restore(&self->host);
}

/* A group below the test's, with no other member yet. */
static bool new_group(const char *path)
{
	/* Members are in leaves only. */
	return host->cgroup && write_text("/sys/fs/cgroup/cgroup.procs", "0") &&
		write_text(CGROUP "/cgroup.subtree_control", "+memory") && !mkdir(path, 0755);
}

static long free_in_child(const struct remote *r)
{
	return dev_free(r->len);
}

TEST_F_TIMEOUT(give_back, free_by_another_process, 120)
{
	struct remote r = { .len = self->fd };
	unsigned long addr;

	ASSERT_EQ(0, dev_alloc(self->fd, self->s.size, &addr));
	ASSERT_EQ(0, keep_secret(self->fd, &self->s));
	EXPECT_EQ(0, in_child(free_in_child, &r));
	EXPECT_NOT_LEAKED(self->fd);
	EXPECT_ALL_BACK();
}

TEST_F_TIMEOUT(give_back, exec, 120)
{
	unsigned long addr;
	pid_t pid = fork();

	if (!pid) {
		if (dev_alloc(self->fd, self->s.size, &addr) || keep_secret(self->fd, &self->s))
			_exit(1);
		exec_nothing();
	}
	ASSERT_EQ(0, wait_for(pid));
	EXPECT_NOT_LEAKED(self->fd);
	EXPECT_EQ(0, dev_free(self->fd));
	EXPECT_ALL_BACK();
}

static void *writer_fn(void *arg)
{
	FIXTURE_DATA(give_back) *self = arg;

	for (;;)
		keep_secret(self->fd, &self->s);
	return NULL;
}

TEST_F_TIMEOUT(give_back, sigkill_while_it_is_written, 120)
{
	uint64_t seed = new_seed();
	unsigned long addr;
	pthread_t thread;
	int i, written = 0;
	pid_t pid;

	TH_LOG("MM_SECRET_SEED=%#lx", seed);
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid) {
			if (dev_alloc(self->fd, self->s.size, &addr))
				_exit(1);
			pthread_create(&thread, NULL, writer_fn, self);
			writer_fn(self);
		}
		usleep(rnd_below(&seed, 30000));
		kill(pid, SIGKILL);
		EXPECT_TRUE(killed(wait_for(pid)));
		written += !dev_free(self->fd);
	}
	EXPECT_LT(0, written);
	ASSERT_EQ(0, dev_alloc(self->fd, self->s.size, &addr));
	ASSERT_EQ(0, keep_secret(self->fd, &self->s));
	ASSERT_EQ(0, dev_free(self->fd));
	EXPECT_NOT_LEAKED(self->fd);
	EXPECT_ALL_BACK();
}

/* The child owns an area and eats memory until it is killed. */
static pid_t greedy(FIXTURE_DATA(give_back) *self, int (*fn)(void *))
{
	unsigned long addr;
	pid_t pid = fork();

	if (pid)
		return pid;
	write_text("/proc/self/oom_score_adj", "1000");
	if (!write_text(CGROUP "/a/cgroup.procs", "0") ||
	    dev_alloc(self->fd, self->s.size, &addr) || keep_secret(self->fd, &self->s))
		_exit(1);
	if (fn && vm_clone(fn, self, 0) < 0)
		_exit(4);
	limit_to(CGROUP "/a", 16 * MIB);
	hog(256 * MIB);
	_exit(5);
}

TEST_F_TIMEOUT(give_back, oom_kill, 120)
{
	unsigned long addr;

	NEEDS_ROOT("memory cgroup");
	ASSERT_TRUE(new_group(CGROUP "/a"));
	EXPECT_TRUE(killed(wait_for(greedy(self, NULL))));
	EXPECT_LT(0, number_in(CGROUP "/a/memory.events", "oom_kill"));
	EXPECT_EQ(-EPERM, dev_addr(self->fd, &addr));
	EXPECT_NOT_LEAKED(self->fd);
	EXPECT_EQ(0, dev_free(self->fd));
	EXPECT_TRUE(uncharged(CGROUP "/a/memory.current", 0));
}

/* Who shares the mm is killed, too; else the area would stay. */
static int bystander(void *arg)
{
	FIXTURE_DATA(give_back) *self = arg;

	for (;;)
		dev_read(self->fd, 0, buffer, page_size());
	return 0;
}

TEST_F_TIMEOUT(give_back, oom_kill_of_a_shared_mm, 120)
{
	struct mm_secret_test_scan scan;
	int tries;

	NEEDS_ROOT("memory cgroup");
	ASSERT_TRUE(new_group(CGROUP "/a"));
	EXPECT_TRUE(killed(wait_for(greedy(self, bystander))));
	/* The other one is not our child. */
	for (tries = 0; tries < 500; tries++) {
		if (number_in(CGROUP "/a/cgroup.events", "populated") == 0)
			break;
		usleep(10000);
	}
	EXPECT_EQ(0, number_in(CGROUP "/a/cgroup.events", "populated"));
	EXPECT_NOT_LEAKED(self->fd);
	ASSERT_EQ(0, dev_scan(self->fd, &scan));
	EXPECT_EQ(0, scan.owner);
	EXPECT_EQ(0, dev_free(self->fd));
	EXPECT_TRUE(uncharged(CGROUP "/a/memory.current", 0));
}

/*
 * A limit that the allocation runs into.  The OOM killer, which finds no process that
 * it may kill, does not help.
 */
static int limited(FIXTURE_DATA(give_back) *self)
{
	const char *current = CGROUP "/a/memory.current";
	int other = open_mm_secret(), i;
	unsigned long addr;
	long start, ret;

	write_text("/proc/self/oom_score_adj", "-1000");
	if (!write_text(CGROUP "/a/cgroup.procs", "0"))
		return 1;
	if (dev_alloc(self->fd, self->s.size, &addr) || keep_secret(self->fd, &self->s))
		return 2;
	/* Without a limit it works. */
	if (dev_alloc(other, 32 * MIB, &addr) || dev_free(other))
		return 3;
	start = read_number(current);
	limit_to(CGROUP "/a", 4 * MIB);
	for (i = 0; i < 8; i++) {
		ret = dev_alloc(other, 32 * MIB, &addr);
		if (ret != -ENOMEM)
			return 4;
		if (dev_addr(other, &addr) != -ENOENT)
			return 5;
	}
	if (!uncharged(current, start))
		return 6;
	/* What there was is as it was. */
	if (dev_read(self->fd, 0, buffer, self->s.size) ||
	    memcmp(buffer, self->s.plain, self->s.size))
		return 7;
	memset(buffer, 0, self->s.size);
	write_text(CGROUP "/a/memory.max", "max");
	if (dev_free(self->fd))
		return 8;
	/* Failures have left nothing behind, neither pages nor counts. */
	return miscounted() ? 9 : 0;
}

TEST_F_TIMEOUT(give_back, allocation_over_the_limit, 120)
{
	pid_t pid;
	int status;

	NEEDS_ROOT("memory cgroup");
	ASSERT_TRUE(new_group(CGROUP "/a"));
	pid = fork();
	if (!pid)
		_exit(limited(self));
	status = wait_for(pid);
	EXPECT_EQ(0, status) TH_LOG("exit status %d, see limited()", status >> 8);
	EXPECT_LT(0, number_in(CGROUP "/a/memory.events", "max"));
	EXPECT_TRUE(uncharged(CGROUP "/a/memory.current", 0));
	EXPECT_NOT_LEAKED(self->fd);
}

/*
 * Another process that shares the mm, in another cgroup, allocates and frees: what
 * counts is where the owner of the mm is.
 */
struct borrower {
	int fd;
	long start[2], held[2];
};

static int borrower_fn(void *arg)
{
	struct borrower *b = arg;
	unsigned long addr;

	if (!write_text(CGROUP "/b/cgroup.procs", "0"))
		_exit(1);
	b->start[0] = read_number(CGROUP "/a/memory.current");
	b->start[1] = read_number(CGROUP "/b/memory.current");
	if (dev_alloc(b->fd, 32 * MIB, &addr))
		_exit(2);
	b->held[0] = read_number(CGROUP "/a/memory.current");
	b->held[1] = read_number(CGROUP "/b/memory.current");
	_exit(0);
}

static int lender(int fd, bool freed_by_child)
{
	static struct borrower b;
	struct remote r = { .len = fd };

	b.fd = fd;
	if (!write_text(CGROUP "/a/cgroup.procs", "0"))
		return 1;
	if (wait_for(vm_clone(borrower_fn, &b, 0)))
		return 2;
	/* Of what was freed before, some may have been charged for a while yet. */
	if (b.held[0] - b.start[0] < (long)(32 * MIB - SLACK))
		return 3;
	if (b.held[1] - b.start[1] > (long)SLACK)
		return 4;
	/* By whom it is freed makes no difference either. */
	if (freed_by_child ? in_child(free_in_child, &r) : ioctl(fd, MM_SECRET_TEST_FREE_KTHREAD))
		return 5;
	return uncharged(CGROUP "/a/memory.current", b.start[0]) ? 0 : 6;
}

TEST_F_TIMEOUT(give_back, charged_to_the_owner_of_the_mm, 120)
{
	int i, status;
	pid_t pid;

	NEEDS_ROOT("memory cgroup");
	ASSERT_TRUE(new_group(CGROUP "/a"));
	ASSERT_EQ(0, mkdir(CGROUP "/b", 0755));
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid)
			_exit(lender(self->fd, i));
		status = wait_for(pid);
		EXPECT_EQ(0, status) TH_LOG("exit status %d, see lender()", status >> 8);
	}
}

int main(int argc, char **argv)
{
	/* What tests exec. */
	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;

	return test_harness_run(argc, argv);
}
