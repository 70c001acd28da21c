// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shadow stack that the kernel makes for a thread is the kernel's: a
 * process can use it, and the kernel unmaps it when the thread exits, whatever
 * a process has tried.
 *
 * Needs CONFIG_MSEAL_SYSTEM_MAPPINGS.  Other kernels skip the tests, or,
 * with GCS_OWNED_TRY in the environment, show what a process can do there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <asm/hwcap.h>

#include "kselftest_harness.h"

#include "gcs-util.h"

#ifndef __NR_mseal
#define __NR_mseal 462
#endif

#define PAGE	((size_t)sysconf(_SC_PAGESIZE))

struct range {
	unsigned long start, end;
	char flags[256];	/* VmFlags of smaps */
};

/* The mapping there, or above.  The first thread need not be alive. */
static bool find_mapping(unsigned long addr, struct range *r)
{
	FILE *f = fopen("/proc/thread-self/smaps", "r");
	unsigned long start, end;
	bool found = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2 && end > addr && !found) {
			found = true;
			r->start = start;
			r->end = end;
		}
		if (found && !strncmp(line, "VmFlags:", 8)) {
			snprintf(r->flags, sizeof(r->flags), "%s", line);
			break;
		}
	}
	if (f)
		fclose(f);
	return found;
}

static bool is_mapped(unsigned long start, unsigned long end)
{
	struct range r;

	return find_mapping(start, &r) && r.start < end;
}

static unsigned int count_mappings(unsigned long start, unsigned long end)
{
	unsigned int nr;
	struct range r;

	for (nr = 0; start < end && find_mapping(start, &r) && r.start < end; nr++)
		start = r.end;
	return nr;
}

/* A thread that waits on its own stack. */
struct worker {
	pthread_t thread;
	pid_t tid;
	unsigned long gcspr;
	int ready[2], go[2];
};

static __attribute__((noinline)) int wait_deep(struct worker *w, int depth)
{
	char c = 0;

	if (!depth)
		return write(w->ready[1], &c, 1) == 1 && read(w->go[0], &c, 1) == 1;
	return wait_deep(w, depth - 1) && depth;
}

static void *worker(void *arg)
{
	struct worker *w = arg;

	w->tid = syscall(__NR_gettid);
	w->gcspr = (unsigned long)get_gcspr();
	return wait_deep(w, 600) ? w : NULL;
}

static bool worker_start(struct worker *w)
{
	char c;

	return !pipe(w->ready) && !pipe(w->go) &&
	       !pthread_create(&w->thread, NULL, worker, w) &&
	       read(w->ready[0], &c, 1) == 1;
}

/* It returns through all frames, and is gone when its folder in /proc is. */
static bool worker_end(struct worker *w)
{
	char path[64];
	void *ret;
	int i;

	if (write(w->go[1], "", 1) != 1 || pthread_join(w->thread, &ret))
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d", w->tid);
	for (i = 0; i < 1000 && !access(path, F_OK); i++)
		usleep(1000);
	return ret == w;
}

FIXTURE(gcs_owned)
{
	struct worker w;
	struct range r;
};

FIXTURE_SETUP(gcs_owned)
{
	ASSERT_TRUE(worker_start(&self->w));
	ASSERT_TRUE(find_mapping(self->w.gcspr, &self->r));
	if (!strstr(self->r.flags, " ko") && !getenv("GCS_OWNED_TRY"))
		SKIP(_exit(KSFT_SKIP), "the kernel does not own it");
}

FIXTURE_TEARDOWN(gcs_owned) {}

TEST_F(gcs_owned, process_cannot_take_it_away)
{
	void *start = (void *)self->r.start;
	const size_t size = self->r.end - self->r.start;

	EXPECT_EQ(-1, munmap(start, size));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, mmap(start, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
				   MAP_FIXED, -1, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, mremap(start, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, mprotect(start, PAGE, PROT_NONE));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, madvise(start, size, MADV_DONTNEED));
	EXPECT_EQ(EPERM, errno);
	/* What leaves the contents works as ever. */
	EXPECT_EQ(0, mlock2(start, size, MLOCK_ONFAULT));
	EXPECT_EQ(0, munlock(start, size));
	EXPECT_EQ(0, madvise(start, size, MADV_PAGEOUT));
	EXPECT_TRUE(worker_end(&self->w));
	EXPECT_FALSE(is_mapped(self->r.start, self->r.end));
}

TEST_F(gcs_owned, unmapped_after_mseal)
{
	EXPECT_EQ(0, syscall(__NR_mseal, self->r.start, PAGE, 0));
	EXPECT_TRUE(worker_end(&self->w));
	EXPECT_FALSE(is_mapped(self->r.start, self->r.end));
}

TEST_F(gcs_owned, unmapped_in_pieces)
{
	unsigned int i;

	for (i = 1; i < 6; i += 2) {
		ASSERT_EQ(0, madvise((void *)self->r.start + i * PAGE, PAGE,
				     i == 1 ? MADV_DONTDUMP : MADV_RANDOM));
	}
	EXPECT_LE(6, count_mappings(self->r.start, self->r.end));
	EXPECT_TRUE(worker_end(&self->w));
	EXPECT_FALSE(is_mapped(self->r.start, self->r.end));
}

static unsigned long map_own(unsigned long addr)
{
	return syscall(__NR_map_shadow_stack, addr, PAGE, 0);
}

/* What the process maps beside it is not merged with it, and stays its own. */
TEST_F(gcs_owned, unmapped_alone)
{
	const unsigned long start = self->r.start, end = self->r.end;
	struct range r;

	EXPECT_EQ(start - PAGE, map_own(start - PAGE));
	EXPECT_EQ(end, map_own(end));
	EXPECT_EQ(3, count_mappings(start - PAGE, end + PAGE));
	EXPECT_TRUE(worker_end(&self->w));
	EXPECT_FALSE(is_mapped(start, end));
	EXPECT_TRUE(is_mapped(start - PAGE, start));
	ASSERT_TRUE(find_mapping(end, &r));
	EXPECT_EQ(end, r.start);
	EXPECT_EQ(NULL, strstr(r.flags, " ko"));
	EXPECT_EQ(NULL, strstr(r.flags, " sl"));
	EXPECT_EQ(0, madvise((void *)end, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, munmap((void *)end, PAGE));
}

/* A kernel with checkers takes long for 65,530; who may lowers the limit. */
static void set_limit(const char *limit, char *was)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r+");

	if (!f)
		return;
	if (was && !fgets(was, 32, f))
		*was = '\0';
	rewind(f);
	fputs(limit, f);
	fclose(f);
}

TEST_F_TIMEOUT(gcs_owned, unmapped_at_the_limit, 300)
{
	unsigned int i;
	char was[32];

	set_limit("1000", was);
	map_own(self->r.start - PAGE);
	map_own(self->r.end);
	for (i = 0; i < 1000000; i++) {
		if (mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
			break;
	}
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(worker_end(&self->w));
	set_limit(was, NULL);
	EXPECT_EQ(-1, msync((void *)self->r.start, PAGE, MS_ASYNC));
	EXPECT_EQ(-1, msync((void *)self->r.end - PAGE, PAGE, MS_ASYNC));
}

/* In the child, another thread looks if the first one's stack goes with it. */
static struct range first;

static void *look(void *unused)
{
	int i;

	for (i = 0; i < 1000 && is_mapped(first.start, first.end); i++)
		usleep(10000);
	_exit(is_mapped(first.start, first.end));
}

TEST_F(gcs_owned, fork)
{
	unsigned long here = (unsigned long)get_gcspr();
	pthread_t thread;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (!find_mapping(here, &first) || munmap((void *)first.start, PAGE) != -1 ||
		    madvise((void *)first.start, PAGE, MADV_DONTNEED) != -1)
			_exit(2);
		if (pthread_create(&thread, NULL, look, NULL))
			_exit(3);
		syscall(__NR_exit, 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(worker_end(&self->w));
}

static void *map_and_unmap(void *unused)
{
	for (;;)
		munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
	return NULL;
}

TEST_F(gcs_owned, killed_in_mid_call)
{
	pthread_t thread;
	pid_t pid;
	int i;

	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid && !pthread_create(&thread, NULL, map_and_unmap, NULL))
			map_and_unmap(NULL);
		usleep(20000 + 1000 * i);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	EXPECT_TRUE(worker_end(&self->w));
}

/* Not by a function, which could not return. */
#define enable_gcs() do {						\
	register long nr __asm__("x8") = __NR_prctl;			\
	register long x0 __asm__("x0") = PR_SET_SHADOW_STACK_STATUS;	\
	register long x1 __asm__("x1") = PR_SHADOW_STACK_ENABLE;	\
	register long x2 __asm__("x2") = 0;				\
	register long x3 __asm__("x3") = 0;				\
	register long x4 __asm__("x4") = 0;				\
									\
	__asm__ volatile("svc #0" : "+r" (x0)				\
			 : "r" (x1), "r" (x2), "r" (x3), "r" (x4), "r" (nr) \
			 : "memory", "cc");				\
} while (0)

int main(int argc, char **argv)
{
	if (!(getauxval(AT_HWCAP) & HWCAP_GCS))
		ksft_exit_skip("SKIP GCS not supported\n");
	if (!chkfeat_gcs())
		enable_gcs();
	if (!chkfeat_gcs())
		ksft_exit_fail_msg("cannot enable GCS\n");
	exit(test_harness_run(argc, argv));
}
