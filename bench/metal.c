// SPDX-License-Identifier: GPL-2.0
/*
 * The half of scripts/metal that does the work: a number of tasks, each on a CPU of its
 * own, do one thing over and over for some time.
 *
 * usage: metal CASE processes|threads TASKS SECONDS
 *        metal list
 *
 * Prints how often all of them did it, and how often in a second.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define PAGES	16
#define VMAS	1000
#define MAX	1024

static size_t page;

/* One to a cache line, written by its task alone. */
static struct {
	volatile unsigned long done;
	char pad[120];
} *tasks;
static volatile int *state;		/* 0: wait, 1: go, 2: stop */
static void (*work)(int task);

static char *map(size_t pages, int prot)
{
	char *at = mmap(NULL, pages * page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(at != MAP_FAILED);
	return at;
}

/* Each page is a VMA of its own. */
static char *map_vmas(void)
{
	char *at = map(VMAS, PROT_READ);

	for (size_t i = 0; i < VMAS; i += 2)
		check(!mprotect(at + i * page, page, PROT_READ | PROT_WRITE));
	return at;
}

static void mmap_munmap(int task)
{
	(void)task;
	check(!munmap(map(PAGES, PROT_READ | PROT_WRITE), PAGES * page));
}

/* The page tables are freed, and other CPUs that have the mm loaded flush. */
static void touch_munmap(int task)
{
	char *at = map(PAGES, PROT_READ | PROT_WRITE);

	(void)task;
	memset(at, 1, PAGES * page);
	check(!munmap(at, PAGES * page));
}

static void munmap_vmas(int task)
{
	(void)task;
	check(!munmap(map_vmas(), VMAS * page));
}

static void mprotect_pages(int task)
{
	static __thread char *at;

	(void)task;
	if (!at) {
		at = map(PAGES, PROT_READ | PROT_WRITE);
		memset(at, 1, PAGES * page);
	}
	check(!mprotect(at, page, PROT_READ));
	check(!mprotect(at, page, PROT_READ | PROT_WRITE));
}

static void madvise_dontneed(int task)
{
	static __thread char *at;

	(void)task;
	if (!at)
		at = map(PAGES, PROT_READ | PROT_WRITE);
	memset(at, 1, PAGES * page);
	check(!madvise(at, PAGES * page, MADV_DONTNEED));
}

static void brk_up_down(int task)
{
	char *end = sbrk(0);

	(void)task;
	check(!brk(end + PAGES * page));
	check(!brk(end));
}

static void fork_exit(int task)
{
	static __thread char *at;
	pid_t pid;

	(void)task;
	if (!at)
		at = map_vmas();
	pid = fork();
	check(pid >= 0);
	if (!pid)
		_exit(0);
	check(waitpid(pid, NULL, 0) == pid);
}

static void read_8(int task)
{
	static __thread int fd = -1;
	char buffer[8];

	(void)task;
	if (fd < 0)
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	check(read(fd, buffer, sizeof(buffer)) == sizeof(buffer));
}

static const struct {
	const char *name;
	void (*fn)(int task);
	int threads;		/* may several do it in one mm? */
} cases[] = {
	{ "mmap-munmap", mmap_munmap, 1 },
	{ "touch-munmap", touch_munmap, 1 },
	{ "munmap-1000-vmas", munmap_vmas, 1 },
	{ "mprotect", mprotect_pages, 1 },
	{ "madvise-dontneed", madvise_dontneed, 1 },
	{ "brk", brk_up_down, 0 },
	{ "fork-exit-1000-vmas", fork_exit, 0 },
	{ "read-8", read_8, 1 },
};

static void *run(void *arg)
{
	const int task = (long)arg;
	cpu_set_t cpus;
	int n = task;

	/* The n-th CPU of those that this may use. */
	check(!sched_getaffinity(0, sizeof(cpus), &cpus));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &cpus) || n--)
			continue;
		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
		check(!sched_setaffinity(0, sizeof(cpus), &cpus));
		break;
	}
	work(task);		/* once, to prepare what it keeps */
	while (!*state)
		usleep(100);
	while (*state == 1) {
		work(task);
		tasks[task].done++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long long start, took, done = 0;
	int threads, nr, seconds;
	pthread_t thread[MAX];
	pid_t pid[MAX];

	page = sysconf(_SC_PAGESIZE);
	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			printf("%s processes\n", cases[i].name);
			if (cases[i].threads)
				printf("%s threads\n", cases[i].name);
		}
		return 0;
	}
	if (argc != 5) {
		fprintf(stderr, "usage: metal CASE processes|threads TASKS SECONDS\n");
		return 1;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (!strcmp(argv[1], cases[i].name))
			work = cases[i].fn;
	}
	threads = !strcmp(argv[2], "threads");
	nr = atoi(argv[3]);
	seconds = atoi(argv[4]);
	if (!work || nr < 1 || nr > MAX || seconds < 1) {
		fprintf(stderr, "metal: no such case, or wrong numbers\n");
		return 1;
	}
	tasks = mmap(NULL, MAX * sizeof(*tasks) + page, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(tasks != MAP_FAILED);
	state = (void *)((char *)tasks + MAX * sizeof(*tasks));
	for (long i = 0; i < nr; i++) {
		if (threads) {
			check(!pthread_create(&thread[i], NULL, run, (void *)i));
			continue;
		}
		pid[i] = fork();
		check(pid[i] >= 0);
		if (!pid[i]) {
			run((void *)i);
			_exit(0);
		}
	}
	usleep(200000);
	start = now();
	*state = 1;
	sleep(seconds);
	*state = 2;
	took = now() - start;
	for (int i = 0; i < nr; i++) {
		int status = 0;

		if (threads)
			check(!pthread_join(thread[i], NULL));
		else
			check(waitpid(pid[i], &status, 0) == pid[i]);
		check(!status);
		done += tasks[i].done;
	}
	printf("%llu %.1f\n", done, done * 1e9 / took);
	return 0;
}
