// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of small objects of secret memory, of which there are several in a page.
 * What holds for an area holds for them.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proof_util.h"

#define OBJECT_SIZE	200

FIXTURE(objects)
{
	struct place p;		/* an object, with contents */
};

FIXTURE_SETUP(objects)
{
	struct place *p = &self->p;

	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	p->window = true;
	p->size = OBJECT_SIZE;
	p->seed = 0x5a;
	p->fd = open_mm_secret();
	ASSERT_LE(0, p->fd) TH_LOG("%s", strerror(errno));
	ASSERT_EQ(0, dev_kzalloc(p->fd, p->size, &p->addr));
	p->empty = empty_address(p->fd, p->addr);
	make_pattern(buffer, p->size, p->seed);
	ASSERT_EQ(0, dev_write(p->fd, 0, buffer, p->size));
	memset(buffer, 0, p->size);
}

FIXTURE_TEARDOWN(objects)
{
	close(self->p.fd);
}

/* An object on a new file; 0 if there is none or it is not zero. */
static unsigned long object(int *fd, unsigned long size)
{
	unsigned long addr;

	*fd = open_mm_secret();
	memset(buffer, 0xff, size);
	if (dev_kzalloc(*fd, size, &addr) || dev_read(*fd, 0, buffer, size) ||
	    !is_zero(buffer, size))
		return 0;
	return addr;
}

TEST_F(objects, are_apart)
{
	unsigned long addr[64], page = self->p.addr / page_size();
	unsigned int i, j, together = 0;
	int fd[64];

	for (i = 0; i < 64; i++) {
		addr[i] = object(&fd[i], OBJECT_SIZE);
		ASSERT_NE(0, addr[i]);
		EXPECT_EQ(0, addr[i] % 64);
		EXPECT_NE(self->p.addr, addr[i]);
		together += addr[i] / page_size() == page;
		for (j = 0; j < i; j++)
			EXPECT_LE(OBJECT_SIZE, labs((long)(addr[i] - addr[j])));
		make_pattern(buffer, OBJECT_SIZE, 0x10 + i);
		ASSERT_EQ(0, dev_write(fd[i], 0, buffer, OBJECT_SIZE));
	}
	/* That is what they are for. */
	EXPECT_LT(4, together);
	for (i = 0; i < 64; i += 2)
		EXPECT_EQ(0, dev_free(fd[i]));
	for (i = 1; i < 64; i += 2) {
		EXPECT_EQ(0, dev_read(fd[i], 0, buffer, OBJECT_SIZE));
		EXPECT_TRUE(is_pattern(buffer, OBJECT_SIZE, 0x10 + i));
	}
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(objects, sizes)
{
	const unsigned long sizes[] = { 1, 63, 64, 65, 200, 1024, page_size() / 2 - 1, page_size() / 2 };
	unsigned int i, round;
	unsigned long addr;
	int fd = open_mm_secret();

	EXPECT_EQ(-EINVAL, dev_kzalloc(fd, 0, &addr));
	/* Twice, so that what was used is used again. */
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			ASSERT_NE(0, object(&fd, sizes[i])) TH_LOG("%lu bytes", sizes[i]);
			make_pattern(buffer, sizes[i], 0x20 + i);
			EXPECT_EQ(0, dev_write(fd, 0, buffer, sizes[i]));
			EXPECT_EQ(-EINVAL, dev_write(fd, sizes[i], buffer, 1));
			memset(buffer, 0, sizes[i]);
			EXPECT_EQ(0, dev_read(fd, 0, buffer, sizes[i]));
			EXPECT_TRUE(is_pattern(buffer, sizes[i], 0x20 + i));
			EXPECT_EQ(0, dev_free(fd));
		}
	}
	EXPECT_UNCHANGED(&self->p);
}

/* Freed by who cannot zero it, it is zero when its place is used again. */
TEST_F(objects, reused_are_zero)
{
	unsigned long addr, again = 0;
	int fd, other, i;

	addr = object(&fd, OBJECT_SIZE);
	ASSERT_NE(0, addr);
	make_pattern(buffer, OBJECT_SIZE, 0x77);
	ASSERT_EQ(0, dev_write(fd, 0, buffer, OBJECT_SIZE));
	ASSERT_EQ(0, dev_free_kthread(fd));
	for (i = 0; i < 1000 && again != addr; i++) {
		again = object(&other, OBJECT_SIZE);
		ASSERT_NE(0, again);
	}
	EXPECT_EQ(addr, again);
	EXPECT_UNCHANGED(&self->p);
}

TEST_F(objects, userspace_does_not_reach)
{
	const struct place *p = &self->p;
	struct fault e = try_access(LOAD, p->empty), f = try_access(LOAD, p->addr);
	int pipes[2];

	EXPECT_EQ(SIGSEGV, f.sig);
	EXPECT_EQ(e.sig, f.sig);
	EXPECT_EQ(e.code, f.code);
	EXPECT_EQ(e.err, f.err);
	f = try_access(STORE, p->addr);
	EXPECT_EQ(SIGSEGV, f.sig);

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-1, write(pipes[1], (void *)p->addr, 8));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(8, write(pipes[1], "ordinary", 8));
	EXPECT_EQ(-1, read(pipes[0], (void *)p->addr, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(8, read(pipes[0], buffer, 8));
	EXPECT_UNCHANGED(p);
}

/* In a child: what its parent has is not the child's. */
static long has_no_access(const struct remote *r)
{
	unsigned long addr;
	int fd;

	if (dev_addr(r->len, &addr) != -EPERM)
		return 1;
	if (dev_read(r->len, 0, buffer, 8) != -EPERM)
		return 2;
	if (dev_write(r->len, 0, buffer, 8) != -EPERM)
		return 3;
	/* Its own areas are no different. */
	fd = open_mm_secret();
	if (dev_alloc(fd, page_size(), &addr))
		return 4;
	close(fd);
	if (try_access(LOAD, r->addr).sig != SIGSEGV)
		return 5;
	return 0;
}

TEST_F(objects, fork_does_not_copy)
{
	struct remote r = { .addr = self->p.addr, .len = self->p.fd };

	EXPECT_EQ(0, in_child(has_no_access, &r));
	EXPECT_UNCHANGED(&self->p);
}

/* In the child, whose parent has objects, and for itself. */
static long objects_in_child(const struct remote *r)
{
	unsigned long addr;
	int fd;

	addr = object(&fd, r->len);
	if (!addr || dev_free(fd))
		return 1;
	return object(&fd, r->len) ? 0 : 2;
}

TEST_F(objects, child_has_its_own)
{
	struct remote r = { .len = OBJECT_SIZE };

	EXPECT_EQ(0, in_child(objects_in_child, &r));
	EXPECT_UNCHANGED(&self->p);
	EXPECT_NE(0, object(&(int){ -1 }, OBJECT_SIZE));
}

static long free_it(const struct remote *r)
{
	return dev_free(r->len);
}

TEST_F(objects, free_by_others)
{
	struct remote r = { };
	unsigned long addr;
	int fd;

	ASSERT_NE(0, object(&fd, OBJECT_SIZE));
	r.len = fd;
	EXPECT_EQ(0, in_child(free_it, &r));
	EXPECT_EQ(-ENOENT, dev_addr(fd, &addr));
	EXPECT_EQ(-ENOENT, dev_free(fd));
	EXPECT_UNCHANGED(&self->p);

	/* The last one: the area goes. */
	EXPECT_EQ(0, dev_free_kthread(self->p.fd));
	EXPECT_EQ(-ENOENT, dev_addr(self->p.fd, &addr));
	EXPECT_NE(0, object(&fd, OBJECT_SIZE));
}

/* What runs after exec, see main(): 0 if all is as it must be. */
static int after_exec(int fd)
{
	unsigned long addr;

	if (dev_addr(fd, &addr) != -EPERM)
		return 1;
	if (dev_read(fd, 0, buffer, 8) != -EPERM)
		return 2;
	if (dev_alloc(fd, page_size(), &addr) != -EBUSY)
		return 3;
	if (dev_free(fd))
		return 4;
	if (dev_alloc(fd, page_size(), &addr))
		return 5;
	return dev_read(fd, 0, buffer, 8) || !is_zero(buffer, 8) ? 6 : 0;
}

TEST_F(objects, exec_drops)
{
	int fd = open_mm_secret(), status = -1;
	unsigned long addr;
	pid_t pid = fork();
	char number[16];

	if (!pid) {
		if (dev_kzalloc(fd, OBJECT_SIZE, &addr))
			_exit(100);
		snprintf(number, sizeof(number), "%d", fd);
		fcntl(fd, F_SETFD, 0);
		execl("/proc/self/exe", "objects", "--after-exec", number, NULL);
		_exit(102);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status) TH_LOG("exit status %d, see after_exec()", status >> 8);
	EXPECT_UNCHANGED(&self->p);
}

static long keep_object_and_exit(const struct remote *r)
{
	unsigned long addr;
	long ret = dev_kzalloc(r->addr, OBJECT_SIZE, &addr);

	make_pattern(buffer, OBJECT_SIZE, 0x5a);
	return ret ?: dev_write(r->addr, 0, buffer, OBJECT_SIZE) ?:
		dev_kzalloc(r->len, OBJECT_SIZE, &addr);
}

TEST_F(objects, handles_outlive_the_mm)
{
	struct remote r = { .addr = open_mm_secret(), .len = open_mm_secret() };
	unsigned long addr;

	ASSERT_EQ(0, in_child(keep_object_and_exit, &r));
	EXPECT_EQ(-EPERM, dev_addr(r.addr, &addr));
	EXPECT_EQ(-EPERM, dev_read(r.addr, 0, buffer, 8));
	EXPECT_EQ(0, dev_free(r.addr));
	EXPECT_EQ(-EPERM, dev_addr(r.len, &addr));
	EXPECT_EQ(0, dev_free_kthread(r.len));
	EXPECT_EQ(-ENOENT, dev_addr(r.len, &addr));
	EXPECT_EQ(0, dev_kzalloc(r.len, OBJECT_SIZE, &addr));
}

static void *objects_thread(void *arg)
{
	unsigned long i, size, addr, seed = (unsigned long)arg;
	unsigned char buf[512];
	int fd[8];

	for (i = 0; i < 8; i++)
		fd[i] = open_mm_secret();
	for (i = 0; i < 500; i++) {
		size = 1 + (i * 37 + seed * 11) % sizeof(buf);
		if (dev_kzalloc(fd[i % 8], size, &addr))
			return "kzalloc";
		if (dev_read(fd[i % 8], 0, buf, size) || !is_zero(buf, size))
			return "not zero";
		make_pattern(buf, size, seed + i);
		if (dev_write(fd[i % 8], 0, buf, size))
			return "write";
		sched_yield();
		if (dev_read(fd[i % 8], 0, buf, size) || !is_pattern(buf, size, seed + i))
			return "not what was written";
		/* The oldest one goes, if there are eight, in one way or another. */
		if (i >= 7 && (i % 3 ? dev_free(fd[(i + 1) % 8]) :
			       dev_free_kthread(fd[(i + 1) % 8])))
			return "free";
	}
	return NULL;
}

TEST_F_TIMEOUT(objects, of_many_threads, 120)
{
	pthread_t thread[4];
	unsigned long i;
	void *what;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, objects_thread, (void *)i));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &what));
		EXPECT_EQ(NULL, what) TH_LOG("%s", (char *)what);
	}
	EXPECT_UNCHANGED(&self->p);
}

static void *one_object_thread(void *arg)
{
	unsigned long i, addr;
	unsigned char buf[64];
	int fd = open_mm_secret();

	for (i = 0; i < 300; i++) {
		if (dev_kzalloc(fd, sizeof(buf), &addr))
			return "kzalloc";
		if (dev_read(fd, 0, buf, sizeof(buf)) || !is_zero(buf, sizeof(buf)))
			return "not zero";
		make_pattern(buf, sizeof(buf), (unsigned long)arg + i);
		if (dev_write(fd, 0, buf, sizeof(buf)) ||
		    dev_read(fd, 0, buf, sizeof(buf)) ||
		    !is_pattern(buf, sizeof(buf), (unsigned long)arg + i))
			return "not what was written";
		if (i % 3 ? dev_free(fd) : dev_free_kthread(fd))
			return "free";
	}
	return NULL;
}

/* Each of which is the first one and the last one now and then. */
TEST_F_TIMEOUT(objects, first_and_last_of_many_threads, 120)
{
	pthread_t thread[4];
	unsigned long i;
	void *what;

	ASSERT_EQ(0, dev_free(self->p.fd));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, one_object_thread, (void *)i));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &what));
		EXPECT_EQ(NULL, what) TH_LOG("%s", (char *)what);
	}
	EXPECT_NE(0, object(&self->p.fd, OBJECT_SIZE));
}

TEST_F_TIMEOUT(objects, owner_alone_maps_them, 180)
{
	struct mm_secret_test_scan scan, other;
	int fd;

	ASSERT_NE(0, object(&fd, OBJECT_SIZE));
	ASSERT_EQ(0, dev_scan(self->p.fd, &scan));
	EXPECT_EQ(1, scan.owner);
	EXPECT_EQ(0, scan.alias) TH_LOG("at %llx", scan.alias_addr);
	ASSERT_EQ(0, dev_scan(fd, &other));
	EXPECT_EQ(scan.pfn, other.pfn);
	ASSERT_EQ(0, ioctl(fd, MM_SECRET_TEST_ALIAS, 1)) TH_LOG("%s", strerror(errno));
	EXPECT_EQ(0, dev_scan(self->p.fd, &scan));
	EXPECT_LT(0, scan.alias);
	ASSERT_EQ(0, ioctl(fd, MM_SECRET_TEST_ALIAS, 0));
}

/* The page that a secret is in, freed by who cannot zero it, goes with the last object. */
TEST_F_TIMEOUT(objects, freed_memory_is_zero, 180)
{
	unsigned char *secret = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mm_secret_test_scan scan;
	int fd;

	ASSERT_NE(MAP_FAILED, (void *)secret);
	ASSERT_NE(0, object(&fd, OBJECT_SIZE));
	ASSERT_EQ(OBJECT_SIZE, getrandom(secret, OBJECT_SIZE, 0));
	ASSERT_EQ(0, dev_write(fd, 0, secret, OBJECT_SIZE));
	memset(secret, 0, OBJECT_SIZE);
	ASSERT_EQ(0, dev_free_kthread(fd));
	ASSERT_EQ(0, dev_free_kthread(self->p.fd));
	ASSERT_EQ(0, dev_scan(fd, &scan));
	EXPECT_EQ(0, scan.pattern);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--after-exec"))
		return after_exec(atoi(argv[2]));

	return test_harness_run(argc, argv);
}
