// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the lifetime of secret memory: what areas there can be, who can free
 * them, and what fork(), exec() and exit do to them.
 *
 * An area belongs to the mm that has allocated it.  The handle, here an open
 * file of the test driver, can go elsewhere and be used to free the area, not
 * to reach it.
 *
 * Needs CONFIG_MM_SECRET_TEST, debugfs and root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "mm_secret_util.h"

FIXTURE(lifetime)
{
	struct place p;		/* an area with contents */
	int fd;			/* of the driver too, without an area */
};

FIXTURE_SETUP(lifetime)
{
	SETUP_AREA(&self->p);
	self->fd = open_mm_secret();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(lifetime)
{
	close(self->fd);
	close(self->p.fd);
}

/* Allocate an area and free it; the result, or -errno. */
static long can_allocate(unsigned long size)
{
	unsigned long addr;
	int fd = open_mm_secret();
	long ret = dev_alloc(fd, size, &addr);

	close(fd);
	return ret;
}

/*
 * Run @fn in a process that shares with this one what @flags say, or nothing if
 * they are 0.  Returns what @fn returns there, or minus the signal that killed
 * it.
 */
static int in_process(int (*fn)(void *arg), void *arg, int flags)
{
	const size_t size = 64 * 1024;
	char *stack = malloc(size);
	int status = -1;
	pid_t pid;

	if (!stack)
		return -1;
	pid = flags ? clone(fn, stack + size, flags | SIGCHLD, arg) : fork();
	if (!pid)
		_exit(fn(arg));
	waitpid(pid, &status, 0);
	free(stack);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* What areas there can be. */
TEST_F(lifetime, new_area_is_zero)
{
	unsigned long addr;

	ASSERT_EQ(0, dev_alloc(self->fd, self->p.size, &addr));
	memset(buffer, 0xff, self->p.size);
	EXPECT_EQ(0, dev_read(self->fd, 0, buffer, self->p.size));
	EXPECT_TRUE(is_zero(buffer, self->p.size));
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(lifetime, sizes)
{
	const struct {
		unsigned long size;
		long ret;
	} sizes[] = {
		{ page_size(), 0 },
		{ 0, -EINVAL },
		{ 1, -EINVAL },
		{ page_size() + 8, -EINVAL },
		{ -1UL, -EINVAL },
		{ (64UL << 20) + page_size(), -ENOSPC },
		{ 1UL << 32, -ENOSPC },
		{ 1UL << 46, -ENOSPC },
		{ 1UL << 62, -ENOSPC },
		{ 1UL << 63, -ENOSPC },
		{ -page_size(), -ENOSPC },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i].ret, can_allocate(sizes[i].size))
			TH_LOG("size %#lx", sizes[i].size);
	}
	EXPECT_UNCHANGED(&self->p);
}

static int allocate_32_mib(void *arg)
{
	return -can_allocate(32UL << 20);
}

/* The cap of 64 MiB is not an area's but the mm's, and each mm has its own. */
TEST_F(lifetime, cap_of_the_mm)
{
	unsigned long addr;

	ASSERT_EQ(0, dev_alloc(self->fd, 32UL << 20, &addr));
	EXPECT_EQ(-ENOSPC, can_allocate(32UL << 20));
	EXPECT_EQ(0, in_process(allocate_32_mib, NULL, 0));
	EXPECT_EQ(0, dev_free(self->fd));
	EXPECT_EQ(0, can_allocate(32UL << 20));
	EXPECT_UNCHANGED(&self->p);
}

/* Who can free an area. */
static void try_free(struct __test_metadata *_metadata, struct place *p,
		     long (*free_fn)(int fd))
{
	const struct fault empty = try_access(LOAD, p->empty);
	struct fault fault;
	unsigned long addr;

	EXPECT_UNCHANGED(p);
	EXPECT_EQ(0, free_fn(p->fd));
	EXPECT_EQ(-ENOENT, dev_addr(p->fd, &addr));
	EXPECT_EQ(-ENOENT, dev_read(p->fd, 0, buffer, 8));
	EXPECT_EQ(-ENOENT, dev_write(p->fd, 0, buffer, 8));
	EXPECT_EQ(-ENOENT, dev_free(p->fd));
	EXPECT_EQ(-ENOENT, dev_free_kthread(p->fd));
	fault = try_access(LOAD, p->addr);
	EXPECT_EQ(SIGSEGV, fault.sig);
	EXPECT_EQ(empty.code, fault.code);
	EXPECT_EQ(empty.err, fault.err);
	ASSERT_EQ(0, dev_alloc(p->fd, p->size, &addr));
	memset(buffer, 0xff, p->size);
	EXPECT_EQ(0, dev_read(p->fd, 0, buffer, p->size));
	EXPECT_TRUE(is_zero(buffer, p->size));
}

static int free_it(void *arg)
{
	return -dev_free(*(int *)arg);
}

static long free_in_a_child(int fd)
{
	return -in_process(free_it, &fd, 0);
}

static long close_and_open(int fd)
{
	close(fd);
	return open_mm_secret() == fd ? 0 : -EBADF;
}

TEST_F(lifetime, free_by_the_owner)
{
	try_free(_metadata, &self->p, dev_free);
}

TEST_F(lifetime, free_by_another_process)
{
	try_free(_metadata, &self->p, free_in_a_child);
}

TEST_F(lifetime, free_by_a_kernel_thread)
{
	try_free(_metadata, &self->p, dev_free_kthread);
}

TEST_F(lifetime, free_by_close)
{
	try_free(_metadata, &self->p, close_and_open);
}

/* Processes and threads. */
static int has_no_access(void *arg)
{
	struct place *p = arg;
	unsigned long addr;

	if (dev_addr(p->fd, &addr) != -EPERM ||
	    dev_read(p->fd, 0, buffer, 8) != -EPERM ||
	    dev_write(p->fd, 0, buffer, 8) != -EPERM)
		return 1;
	if (try_access(LOAD, p->addr).sig != SIGSEGV)
		return 2;
	return can_allocate(page_size()) ? 3 : 0;
}

static int child_has_no_access(void *arg)
{
	return has_no_access(arg) ?: in_process(has_no_access, arg, 0);
}

static int has_access(void *arg)
{
	return area_changed(arg) ? 1 : 0;
}

static void *thread_has_access(void *arg)
{
	return area_changed(arg) ? NULL : arg;
}

TEST_F(lifetime, fork_does_not_copy)
{
	EXPECT_EQ(0, in_process(has_no_access, &self->p, 0));
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(lifetime, fork_of_a_fork)
{
	EXPECT_EQ(0, in_process(child_has_no_access, &self->p, 0));
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(lifetime, vfork_shares)
{
	EXPECT_EQ(0, in_process(has_access, &self->p, CLONE_VM | CLONE_VFORK));
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(lifetime, threads_share)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_has_access, &self->p));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(&self->p, ret);
	EXPECT_EQ(0, in_process(has_access, &self->p, CLONE_VM));
	EXPECT_UNCHANGED(&self->p);
}

/* Leave an area with contents on the file. */
static int allocate(void *arg)
{
	int fd = *(int *)arg;
	unsigned long addr;

	if (dev_alloc(fd, NPAGES * page_size(), &addr))
		return 1;
	make_pattern(buffer, page_size(), 0x5a);
	return dev_write(fd, 0, buffer, page_size()) ? 2 : 0;
}

TEST_F(lifetime, outlives_its_thread)
{
	EXPECT_EQ(0, in_process(allocate, &self->fd, CLONE_VM | CLONE_FILES));
	EXPECT_EQ(0, dev_read(self->fd, 0, buffer, page_size()));
	EXPECT_TRUE(is_pattern(buffer, page_size(), 0x5a));
}

/* Exit and exec(), after which the area on the file is one of a dead mm. */
static void try_free_of_dead(struct __test_metadata *_metadata, int fd,
			     long (*free_fn)(int fd))
{
	unsigned long addr;

	EXPECT_EQ(-EPERM, dev_addr(fd, &addr));
	EXPECT_EQ(-EPERM, dev_read(fd, 0, buffer, 8));
	EXPECT_EQ(-EBUSY, dev_alloc(fd, page_size(), &addr));
	EXPECT_EQ(0, free_fn(fd));
	EXPECT_EQ(-ENOENT, dev_addr(fd, &addr));
	EXPECT_EQ(0, dev_alloc(fd, page_size(), &addr));
	EXPECT_EQ(0, dev_addr(fd, &addr));
}

TEST_F(lifetime, handle_outlives_the_mm)
{
	ASSERT_EQ(0, in_process(allocate, &self->fd, 0));
	try_free_of_dead(_metadata, self->fd, dev_free);
}

TEST_F(lifetime, handle_of_a_dead_mm_freed_by_a_kernel_thread)
{
	ASSERT_EQ(0, in_process(allocate, &self->fd, 0));
	try_free_of_dead(_metadata, self->fd, dev_free_kthread);
}

TEST_F(lifetime, handle_of_a_dead_mm_closed)
{
	ASSERT_EQ(0, in_process(allocate, &self->fd, 0));
	try_free_of_dead(_metadata, self->fd, close_and_open);
}

static int after_exec(int fd)
{
	unsigned long addr;

	if (dev_addr(fd, &addr) != -EPERM || dev_read(fd, 0, buffer, 8) != -EPERM ||
	    dev_alloc(fd, page_size(), &addr) != -EBUSY)
		return 5;
	if (dev_free(fd) || dev_alloc(fd, page_size(), &addr))
		return 6;
	return dev_read(fd, 0, buffer, 8) || !is_zero(buffer, 8) ? 7 : 0;
}

static void *exec_self(void *arg)
{
	int fd = *(int *)arg;
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	fcntl(fd, F_SETFD, 0);
	execl("/proc/self/exe", "mm_secret_lifetime", "--after-exec", number, NULL);
	_exit(3);
}

static int allocate_and_exec(void *arg)
{
	return allocate(arg) || exec_self(arg);
}

static int allocate_and_exec_by_a_thread(void *arg)
{
	pthread_t thread;

	if (allocate(arg) || pthread_create(&thread, NULL, exec_self, arg))
		return 4;
	return pause();
}

TEST_F(lifetime, exec_drops)
{
	EXPECT_EQ(0, in_process(allocate_and_exec, &self->fd, 0));
	try_free_of_dead(_metadata, self->fd, dev_free);
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(lifetime, exec_by_a_thread_drops)
{
	EXPECT_EQ(0, in_process(allocate_and_exec_by_a_thread, &self->fd, 0));
	try_free_of_dead(_metadata, self->fd, dev_free);
}

static void *read_again_and_again(void *arg)
{
	for (;;)
		dev_read(*(int *)arg, 0, text, NPAGES * page_size());
	return NULL;
}

static int exit_during_reads(void *arg)
{
	pthread_t thread;

	if (allocate(arg) || pthread_create(&thread, NULL, read_again_and_again, arg))
		return 1;
	usleep(20000);
	return 0;
}

static void *kill_soon(void *arg)
{
	usleep(20000);
	kill(getpid(), SIGKILL);
	return arg;
}

static int sigkill_during_reads(void *arg)
{
	pthread_t thread;

	if (allocate(arg) || pthread_create(&thread, NULL, kill_soon, NULL))
		return 1;
	read_again_and_again(arg);
	return 0;
}

TEST_F(lifetime, exit_with_threads_in_calls)
{
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, in_process(exit_during_reads, &self->fd, 0));
		EXPECT_EQ(0, dev_free(self->fd));
	}
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(lifetime, sigkill_in_the_middle_of_a_call)
{
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-SIGKILL, in_process(sigkill_during_reads, &self->fd, 0));
		EXPECT_EQ(0, dev_free(self->fd));
	}
	EXPECT_UNCHANGED(&self->p);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--after-exec"))
		return after_exec(atoi(argv[2]));

	return test_harness_run(argc, argv);
}
