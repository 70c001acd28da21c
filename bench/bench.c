// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's half of scripts/bench: do things to memory and print what each took.
 * Under QEMU's -icount shift=0 the clock counts the guest's instructions.
 *
 * usage: bench bystanders | users | growth | direct-map area|secret
 *
 * Prints lines of a name, a tab, and a number.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "mm_bench.h"

#ifndef __NR_memfd_secret
#define __NR_memfd_secret	447
#endif

#define PAGES	1000

static size_t page;
static int bench = -1;

static void *map(size_t pages, int prot)
{
	void *at = mmap(NULL, pages * page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(at != MAP_FAILED);
	return at;
}

/* The mapping of so many pages, each a VMA of its own. */
static char *map_vmas(size_t vmas)
{
	char *at = map(vmas, PROT_READ);
	size_t i;

	for (i = 0; i < vmas; i += 2)
		check(!mprotect(at + i * page, page, PROT_READ | PROT_WRITE));
	return at;
}

static void ask(unsigned long request, unsigned int memory, unsigned int pages,
		unsigned long long times)
{
	struct mm_bench_arg arg = { .memory = memory, .pages = pages, .times = times };

	check(!ioctl(bench, request, &arg));
}

static void open_bench(void)
{
	bench = open("/sys/kernel/debug/mm_bench", O_RDWR | O_CLOEXEC);
	check(bench >= 0);
}

/* Bystanders */

static unsigned long long mmap_munmap(unsigned int times)
{
	return MEASURED(times, check(!munmap(map(4, PROT_READ), 4 * page)));
}

static unsigned long long munmap_vmas(unsigned int times)
{
	unsigned long long took = 0;

	while (times--) {
		char *at = map_vmas(PAGES);

		took += MEASURED(1, check(!munmap(at, PAGES * page)));
	}
	return took;
}

static unsigned long long mprotect_split(unsigned int times)
{
	char *at = map(16, PROT_READ | PROT_WRITE);
	unsigned long long took;

	took = MEASURED(times,
			check(!mprotect(at + 4 * page, page, PROT_READ));
			check(!mprotect(at + 4 * page, page, PROT_READ | PROT_WRITE)));
	munmap(at, 16 * page);
	return took;
}

static unsigned long long mremap_move(unsigned int times)
{
	char *at = map(16, PROT_READ | PROT_WRITE), *there = map(16, PROT_NONE), *was;
	unsigned long long took;

	memset(at, 1, 16 * page);
	took = MEASURED(times,
			was = at;
			at = mremap(at, 16 * page, 16 * page,
				    MREMAP_MAYMOVE | MREMAP_FIXED, there);
			check(at != MAP_FAILED);
			there = was);
	munmap(at, 16 * page);
	return took;
}

static unsigned long long madvise_dontneed(unsigned int times)
{
	char *at = map(16, PROT_READ | PROT_WRITE);
	unsigned long long took = 0;

	while (times--) {
		memset(at, 1, 16 * page);
		took += MEASURED(1, check(!madvise(at, 16 * page, MADV_DONTNEED)));
	}
	munmap(at, 16 * page);
	return took;
}

static unsigned long long brk_up_down(unsigned int times)
{
	char *end = (char *)syscall(SYS_brk, 0);

	return MEASURED(times,
			check(syscall(SYS_brk, end + 4 * page) == (long)(end + 4 * page));
			check(syscall(SYS_brk, end) == (long)end));
}

static unsigned long long mlock_munlock(unsigned int times)
{
	char *at = map(16, PROT_READ | PROT_WRITE);
	unsigned long long took;

	memset(at, 1, 16 * page);
	took = MEASURED(times,
			check(!mlock(at, 16 * page));
			check(!munlock(at, 16 * page)));
	munmap(at, 16 * page);
	return took;
}

static unsigned long long fault_anon(unsigned int times)
{
	char *at = map(times, PROT_READ | PROT_WRITE);
	unsigned long long took;

	check(!madvise(at, times * page, MADV_NOHUGEPAGE));
	took = MEASURED(times, at[i_ * page] = 1);
	munmap(at, times * page);
	return took;
}

static unsigned long long fault_file(unsigned int times)
{
	int fd = open("/tmp/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned long long took;
	volatile char *at;
	unsigned int i;

	check(fd >= 0 && !ftruncate(fd, times * page));
	for (i = 0; i < times; i++)
		check(pwrite(fd, "x", 1, i * page) == 1);
	at = mmap(NULL, times * page, PROT_READ, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	/* Each fault brings in its neighbours, too. */
	took = MEASURED(times, (void)at[i_ * page]);
	munmap((void *)at, times * page);
	close(fd);
	unlink("/tmp/bench-file");
	return took;
}

static void fork_exit(void)
{
	pid_t pid = fork();

	check(pid >= 0);
	if (!pid)
		_exit(0);
	check(waitpid(pid, NULL, 0) == pid);
}

static unsigned long long forks(unsigned int times)
{
	return MEASURED(times, fork_exit());
}

static unsigned long long fork_vmas(unsigned int times)
{
	char *at = map_vmas(PAGES);
	unsigned long long took = forks(times);

	munmap(at, PAGES * page);
	return took;
}

static unsigned long long exec_self(unsigned int times)
{
	char *const args[] = { "bench", "nothing", NULL };

	return MEASURED(times,
			pid_t pid;

			check(!posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, NULL));
			check(waitpid(pid, NULL, 0) == pid));
}

static unsigned long long read_maps(unsigned int times)
{
	static char buffer[65536];
	char *at = map_vmas(PAGES);
	unsigned long long took;

	took = MEASURED(times,
			int fd = open("/proc/self/maps", O_RDONLY);

			check(fd >= 0);
			while (read(fd, buffer, sizeof(buffer)) > 0)
				;
			close(fd));
	munmap(at, PAGES * page);
	return took;
}

static unsigned long long read_8(unsigned int times)
{
	int fd = open("/dev/zero", O_RDONLY);
	unsigned long long took;
	long word;

	check(fd >= 0);
	took = MEASURED(times, check(read(fd, &word, 8) == 8));
	close(fd);
	return took;
}

static unsigned long long write_8(unsigned int times)
{
	int fd = open("/tmp/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned long long took;

	check(fd >= 0 && pwrite(fd, "01234567", 8, 0) == 8);
	took = MEASURED(times, check(pwrite(fd, "01234567", 8, 0) == 8));
	close(fd);
	unlink("/tmp/bench-file");
	return took;
}

static const struct subject bystanders[] = {
	{ "mmap and munmap",			mmap_munmap, 200 },
	{ "munmap of 1000 VMAs",		munmap_vmas, 1 },
	{ "mprotect, split and merge",		mprotect_split, 200 },
	{ "mremap, 16 pages moved",		mremap_move, 200 },
	{ "madvise(MADV_DONTNEED), 16 pages",	madvise_dontneed, 28 },
	{ "brk up and down",			brk_up_down, 200 },
	{ "mlock and munlock, 16 pages",	mlock_munlock, 80 },
	{ "page fault, anonymous",		fault_anon, 512 },
	{ "page fault, file",			fault_file, 512 },
	{ "fork and exit with 1000 VMAs",	fork_vmas, 1 },
	{ "exec",				exec_self, 4 },
	{ "reading /proc/self/maps, 1000 VMAs",	read_maps, 1 },
	{ "read() of 8 bytes",			read_8, 2000 },
	{ "write() of 8 bytes",			write_8, 2000 },
};

/* Users.  How many pages, the subject's function finds here. */
static unsigned int pages;

static unsigned long long secret_cycle(unsigned int times)
{
	return MEASURED(times,
			int fd = syscall(__NR_memfd_secret, 0);
			unsigned int i;
			char *at;

			check(fd >= 0 && !ftruncate(fd, pages * page));
			at = mmap(NULL, pages * page, PROT_READ | PROT_WRITE,
				  MAP_SHARED, fd, 0);
			check(at != MAP_FAILED);
			for (i = 0; i < pages; i++)
				at[i * page] = 1;
			check(!munmap(at, pages * page) && !close(fd)));
}

static unsigned long long local_cycle(unsigned int times)
{
	return MEASURED(times,
			ask(MM_BENCH_KEEP, MM_BENCH_LOCAL, pages, 1);
			check(!ioctl(bench, MM_BENCH_DROP)));
}

static unsigned long long local_kernel(unsigned int times)
{
	return MEASURED(1, ask(MM_BENCH_CYCLE, MM_BENCH_LOCAL, pages, times));
}

static unsigned long long object_kernel(unsigned int times)
{
	return MEASURED(1, ask(MM_BENCH_CYCLE, MM_BENCH_OBJECT, 1, times));
}

static unsigned long long vmalloc_kernel(unsigned int times)
{
	return MEASURED(1, ask(MM_BENCH_CYCLE, MM_BENCH_VMALLOC, pages, times));
}

static unsigned long long load_direct(unsigned int times)
{
	return MEASURED(1, ask(MM_BENCH_LOAD, MM_BENCH_DIRECT, 1, times));
}

static unsigned long long load_vmalloc(unsigned int times)
{
	return MEASURED(1, ask(MM_BENCH_LOAD, MM_BENCH_VMALLOC, 1, times));
}

static unsigned long long load_local(unsigned int times)
{
	return MEASURED(1, ask(MM_BENCH_LOAD, MM_BENCH_LOCAL, 1, times));
}

static void users(void)
{
	static const struct subject cycles[] = {
		{ "memfd_secret(), from userspace", secret_cycle, 64 },
		{ "vmalloc, in the kernel", vmalloc_kernel, 64 },
		{ "the only area of the mm, from userspace", local_cycle, 64 },
		{ "the only area of the mm, in the kernel", local_kernel, 64 },
	}, beside[] = {
		{ "area beside another one, from userspace", local_cycle, 64 },
		{ "area beside another one, in the kernel", local_kernel, 64 },
	};
	static const struct subject objects[] = {
		{ "small object, the only one of the mm", object_kernel, 64 },
		{ "small object, beside another one", object_kernel, 640 },
	};
	static const struct subject loads[] = {
		{ "direct map", load_direct, 2000 },
		{ "vmalloc", load_vmalloc, 2000 },
		{ "area", load_local, 2000 },
	};
	static const unsigned int sizes[] = { 1, 4, 64 };
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		char group[32];

		pages = sizes[i];
		snprintf(group, sizeof(group), "%u page%s:", pages, pages > 1 ? "s" : "");
		for (j = 0; j < 4; j++)
			measure(group, &cycles[j]);
		ask(MM_BENCH_KEEP, MM_BENCH_LOCAL, 1, 1);
		for (j = 0; j < 2; j++)
			measure(group, &beside[j]);
		check(!ioctl(bench, MM_BENCH_DROP));
	}
	measure("200 bytes:", &objects[0]);
	ask(MM_BENCH_KEEP, MM_BENCH_OBJECT, 1, 1);
	measure("200 bytes:", &objects[1]);
	for (i = 0; i < 3; i++)
		measure("64 loads:", &loads[i]);
}

/* Growth */

/* Minus one if there is no such field. */
static long field(const char *file, const char *name)
{
	long value = -1;
	char line[256];
	FILE *f = fopen(file, "r");

	check(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    strchr(": ", line[strlen(name)]))
			value = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	return value;
}

/* A process like this one that has so many areas: what forking and so on cost it. */
static void with_areas(unsigned int areas)
{
	unsigned long long took;
	char name[64];
	int ready[2];
	pid_t pid;

	check(!pipe(ready));
	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		const struct subject subjects[] = {
			{ "fork and exit", forks, 4 },
			{ "mmap and munmap", mmap_munmap, 200 },
		};
		unsigned int i;

		open_bench();
		ask(MM_BENCH_KEEP, MM_BENCH_LOCAL, 1, areas);
		snprintf(name, sizeof(name), "beside %u areas:", areas);
		for (i = 0; i < 2; i++)
			measure(name, &subjects[i]);
		check(write(ready[1], "x", 1) == 1);
		pause();
	}
	check(read(ready[0], name, 1) == 1);
	took = now();
	kill(pid, 9);
	check(waitpid(pid, NULL, 0) == pid);
	took = now() - took;
	printf("beside %u areas: being killed\t%llu\n", areas, took);
	close(ready[0]);
	close(ready[1]);
}

/* What the kernel can spare goes back, idle blocks with it. */
static void drop_caches(void)
{
	FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

	check(f && fputs("3", f) >= 0 && !fclose(f));
}

/* In KiB. */
static long out_of_direct_map(void)
{
	FILE *f = fopen("/proc/sys/vm/stat_refresh", "w");

	check(f && fputs("1", f) >= 0 && !fclose(f));
	return field("/proc/vmstat", "nr_mm_secret") * (long)(page / 1024);
}

static void growth(void)
{
	static const struct {
		const char *name;
		unsigned int before;
	} nth[] = { { "first", 0 }, { "2nd", 1 }, { "100th", 99 }, { "10000th", 9999 } };
	struct subject subject = { "", local_kernel, 64 };
	unsigned int i, have = 0;
	long before, splits, outside;
	pid_t others[1000];
	int ready[2];
	char name[64];

	pages = 1;
	drop_caches();
	before = field("/proc/meminfo", "MemFree");
	for (i = 0; i < sizeof(nth) / sizeof(*nth); i++) {
		ask(MM_BENCH_KEEP, MM_BENCH_LOCAL, 1, nth[i].before - have);
		have = nth[i].before;
		subject.name = nth[i].name;
		measure("one more area in an mm: the", &subject);
	}
	printf("memory per area beyond its page, KiB\t%.2f\n",
	       (double)(before - field("/proc/meminfo", "MemFree")) / have - page / 1024.);
	close(bench);

	splits = field("/proc/vmstat", "direct_map_level2_splits");
	drop_caches();
	outside = out_of_direct_map();
	check(!pipe(ready));
	for (i = 0; i < 1000; i++) {
		others[i] = fork();
		check(others[i] >= 0);
		if (!others[i]) {
			open_bench();
			ask(MM_BENCH_KEEP, MM_BENCH_LOCAL, 1, 1);
			check(write(ready[1], "x", 1) == 1);
			pause();
		}
		check(read(ready[0], name, 1) == 1);
	}
	printf("1000 processes with a page each: KiB out of the direct map\t%ld\n",
	       out_of_direct_map() - outside);
	if (field("/proc/vmstat", "direct_map_level2_splits") >= 0)
		printf("1000 processes with a page each: splits of 2 MiB\t%ld\n",
		       field("/proc/vmstat", "direct_map_level2_splits") - splits);
	open_bench();
	subject.name = "first, beside 1000 processes that have one";
	measure("one more area in an mm: the", &subject);
	for (i = 0; i < 1000; i++) {
		kill(others[i], 9);
		waitpid(others[i], NULL, 0);
	}
	close(bench);

	with_areas(0);
	with_areas(10000);
}

/* Direct map */

static void secret_page(void)
{
	int fd = syscall(__NR_memfd_secret, 0);
	char *at;

	check(fd >= 0 && !ftruncate(fd, page));
	at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	*at = 1;
}

static void direct_map(const char *kind)
{
	static const unsigned int counts[] = { 1, 512, 5000 };
	const struct rlimit files = { 8192, 8192 };
	const struct rlimit locked = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int i, have = 0;
	long level2, level3, large;

	check(!setrlimit(RLIMIT_NOFILE, &files));
	check(!setrlimit(RLIMIT_MEMLOCK, &locked));
	level2 = field("/proc/vmstat", "direct_map_level2_splits");
	level3 = field("/proc/vmstat", "direct_map_level3_splits");
	large = field("/proc/meminfo", "DirectMap2M");
	if (level2 < 0 || level3 < 0 || large < 0)
		return;		/* this architecture does not count them */
	for (i = 0; i < 3; i++) {
		for (; have < counts[i]; have++) {
			if (*kind == 's')
				secret_page();
			else
				ask(MM_BENCH_KEEP, MM_BENCH_LOCAL, 1, 1);
		}
		printf("splits by %u %ss: 2 MiB\t%ld\n", have, kind,
		       field("/proc/vmstat", "direct_map_level2_splits") - level2);
		printf("splits by %u %ss: 1 GiB\t%ld\n", have, kind,
		       field("/proc/vmstat", "direct_map_level3_splits") - level3);
		printf("splits by %u %ss: fewer KiB in mappings of 2 MiB\t%ld\n", have,
		       kind, large - field("/proc/meminfo", "DirectMap2M"));
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned int i;

	if (!strcmp(what, "nothing"))
		return 0;
	page = sysconf(_SC_PAGESIZE);
	if (!strcmp(what, "bystanders")) {
		for (i = 0; i < sizeof(bystanders) / sizeof(*bystanders); i++)
			measure("bystanders:", &bystanders[i]);
		return 0;
	}
	ask_for_secret_memory(argv);
	open_bench();
	if (!strcmp(what, "users")) {
		users();
	} else if (!strcmp(what, "growth")) {
		growth();
	} else if (!strcmp(what, "direct-map") && argc == 3) {
		direct_map(argv[2]);
	} else {
		fprintf(stderr, "bench: unknown arguments\n");
		return 2;
	}
	return 0;
}
