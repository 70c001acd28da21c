// SPDX-License-Identifier: GPL-2.0
/*
 * Further tests of the lifetime of secret memory: where areas are, frees at the
 * same time, handles in messages, hibernation.  See mm_secret_lifetime.c in the tree
 * for the rest.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/suspend_ioctls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proof_util.h"

FIXTURE(lifetime)
{
	struct place p;		/* in the window, with contents */
};

FIXTURE_SETUP(lifetime)
{
	SETUP_AREA(&self->p);
}

FIXTURE_TEARDOWN(lifetime)
{
	close(self->p.fd);
}

/* What the driver refuses, so that other tests can rely on it. */
TEST_F(lifetime, second_area_on_a_handle)
{
	unsigned long addr;

	EXPECT_EQ(-EBUSY, dev_alloc(self->p.fd, page_size(), &addr));
	EXPECT_UNCHANGED(&self->p);
	EXPECT_EQ(0, dev_free(self->p.fd));
	EXPECT_EQ(0, dev_alloc(self->p.fd, page_size(), &addr));
}

TEST_F(lifetime, free_without_an_area)
{
	unsigned long addr;
	int fd = open_mm_secret();

	EXPECT_EQ(-ENOENT, dev_free(fd));
	EXPECT_EQ(-ENOENT, dev_free_kthread(fd));
	EXPECT_EQ(-ENOENT, dev_addr(fd, &addr));
	EXPECT_EQ(-ENOENT, dev_read(fd, 0, buffer, 8));
	EXPECT_EQ(-ENOENT, dev_write(fd, 0, buffer, 8));
	close(fd);
	EXPECT_EQ(0, dev_free(self->p.fd));
	EXPECT_EQ(-ENOENT, dev_free(self->p.fd));
	EXPECT_EQ(-ENOENT, dev_addr(self->p.fd, &addr));
}

/* Of contents: as far as the area goes, from and to what the caller may use. */
TEST_F(lifetime, contents_out_of_bounds)
{
	const struct place *p = &self->p;

	EXPECT_EQ(0, dev_read(p->fd, p->size - 8, buffer, 8));
	EXPECT_EQ(-EINVAL, dev_read(p->fd, p->size - 8, buffer, 9));
	EXPECT_EQ(-EINVAL, dev_read(p->fd, p->size, buffer, 1));
	EXPECT_EQ(-EINVAL, dev_read(p->fd, -8UL, buffer, 16));
	EXPECT_EQ(-EINVAL, dev_write(p->fd, 0, buffer, p->size + 1));
	EXPECT_EQ(-EFAULT, dev_read(p->fd, 0, NULL, 8));
	EXPECT_EQ(-EFAULT, dev_read(p->fd, 0, (void *)p->addr, 8));
	EXPECT_EQ(-EFAULT, dev_write(p->fd, 0, (void *)p->addr, 8));
	EXPECT_EQ(-EFAULT, dev_write(p->fd, 0, NULL, 8));
	EXPECT_UNCHANGED(p);
}

/* Each has its own contents and goes by itself. */
TEST_F(lifetime, areas_are_apart)
{
	struct mm_secret_test_range win = {};
	const unsigned long size = self->p.size;
	unsigned long addr[8];
	int fd[8], i, j;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_SECRET_TEST_WINDOW, &win));
	for (i = 0; i < 8; i++) {
		fd[i] = open_mm_secret();
		ASSERT_EQ(0, dev_alloc(fd[i], size, &addr[i]));
		EXPECT_LE(win.addr, addr[i]);
		EXPECT_GE(win.addr + win.size, addr[i] + size);
		EXPECT_EQ(0, addr[i] % page_size());
		/* And a page between them where nothing is. */
		for (j = 0; j < i; j++)
			EXPECT_LE(size + page_size(), labs((long)(addr[i] - addr[j])));
		make_pattern(buffer, size, 0x10 + i);
		EXPECT_EQ(0, dev_write(fd[i], 0, buffer, size));
	}
	for (i = 0; i < 8; i += 2)
		EXPECT_EQ(0, dev_free(fd[i]));
	for (i = 1; i < 8; i += 2) {
		EXPECT_EQ(0, dev_read(fd[i], 0, buffer, size));
		EXPECT_TRUE(is_pattern(buffer, size, 0x10 + i));
	}
	EXPECT_UNCHANGED(&self->p);
}

static long allocate_elsewhere(const struct remote *r)
{
	unsigned long addr = 0;

	dev_alloc(open_mm_secret(), r->len, &addr);
	return addr;
}

static long distance_elsewhere(const struct remote *r)
{
	unsigned long addr[2] = {};

	dev_alloc(open_mm_secret(), r->len, &addr[0]);
	dev_alloc(open_mm_secret(), r->len, &addr[1]);
	return addr[1] - addr[0];
}

/*
 * Where areas are says nothing of another process.  What a page table has room for is
 * not all that is random in the place of the first one.
 */
TEST_F(lifetime, addresses_are_random)
{
	const unsigned long table = page_size() * (page_size() / sizeof(long));
	struct remote r = { .len = self->p.size };
	unsigned long addr, seen[8], other_table = 0, other_distance = 0;
	long distance = 0, last;
	int i, j;

	for (i = 0; i < 8; i++) {
		seen[i] = in_child(allocate_elsewhere, &r);
		ASSERT_NE(0, seen[i]);
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), self->p.size, &addr));
		EXPECT_NE(seen[i], addr);
		for (j = 0; j < i; j++)
			EXPECT_NE(seen[j], seen[i]);
		other_table += seen[i] / table != seen[0] / table;

		last = distance;
		distance = in_child(distance_elsewhere, &r);
		ASSERT_NE(0, distance);
		other_distance += i && distance != last;
	}
	EXPECT_NE(0, other_table);
	EXPECT_LE(4, other_distance);
}

/*
 * How far it is from one area to the next says nothing of the one after.  They may
 * be near each other, so that some distances are seen twice.
 */
TEST_F(lifetime, distances_are_random)
{
	unsigned long addr[17], different = 0;
	int i, j;

	for (i = 0; i < 17; i++)
		ASSERT_EQ(0, dev_alloc(open_mm_secret(), self->p.size, &addr[i]));
	for (i = 0; i < 16; i++) {
		for (j = 0; j < i && addr[j + 1] - addr[j] != addr[i + 1] - addr[i]; j++)
			;
		different += j == i;
	}
	EXPECT_LE(12, different);
}

TEST_F_TIMEOUT(lifetime, allocate_and_free_200_times, 120)
{
	unsigned long addr, last = 0, again = 0, i;
	int fd = open_mm_secret();

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, dev_alloc(fd, page_size() * (1 + i % 5), &addr));
		again += last == addr;
		ASSERT_EQ(0, dev_read(fd, 0, buffer, page_size()));
		EXPECT_TRUE(is_zero(buffer, page_size()));
		make_pattern(buffer, page_size(), 0x40);
		ASSERT_EQ(0, dev_write(fd, 0, buffer, page_size()));
		ASSERT_EQ(0, i % 3 ? dev_free(fd) : dev_free_kthread(fd));
		last = addr;
	}
	/* The same place is taken again by chance only. */
	EXPECT_GE(8, again);
	EXPECT_UNCHANGED(&self->p);
}

/* At once: it is freed once. */
TEST_F(lifetime, racing_frees)
{
	const int fd = self->p.fd;
	unsigned long addr;
	int i, status;
	long ret;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(-dev_free(fd));
		ret = dev_free(fd);
		waitpid(pid, &status, 0);
		ASSERT_TRUE(WIFEXITED(status));
		EXPECT_EQ(ENOENT, WEXITSTATUS(status) - (int)ret);
		ASSERT_EQ(0, dev_alloc(fd, self->p.size, &addr));
	}
}

/* By a process that got the handle in a message, and has nothing in common. */
TEST_F(lifetime, handle_passed_on)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = buffer, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	unsigned long addr;
	int sv[2], fd, status = -1;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	pid = fork();
	if (!pid) {
		fd = open_mm_secret();
		make_pattern(buffer, page_size(), 0x5a);
		if (dev_alloc(fd, NPAGES * page_size(), &addr) ||
		    dev_write(fd, 0, buffer, page_size()))
			_exit(1);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		_exit(sendmsg(sv[0], &msg, 0) == 1 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	ASSERT_EQ(0, status);
	ASSERT_EQ(1, recvmsg(sv[1], &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	EXPECT_EQ(-EPERM, dev_addr(fd, &addr));
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_EQ(-ENOENT, dev_free(fd));
	EXPECT_EQ(0, close(fd));
}

/*
 * No image of memory is made while there is an area, also not through a
 * /dev/snapshot that was opened before.
 */
TEST_F_TIMEOUT(lifetime, no_hibernation_image, 120)
{
	struct place *p = &self->p;
	int in_suspend = 0, snapshot;
	char owner[64];

	NEEDS_ROOT("hibernation");
	EXPECT_EQ(0, dev_free(p->fd));
	snapshot = open("/dev/snapshot", O_RDONLY);
	if (snapshot < 0 && errno == EPERM &&
	    count_of("/proc/vmstat", "nr_mm_secret") >
	    count_of("/proc/vmstat", "nr_mm_secret_idle"))
		SKIP(return, "not here: somebody else has secret memory");
	if (snapshot < 0)
		SKIP(return, "no /dev/snapshot: %s", strerror(errno));
	ASSERT_EQ(0, dev_alloc(p->fd, p->size, &p->addr));

	ASSERT_EQ(0, ioctl(snapshot, SNAPSHOT_FREEZE, 0));
	EXPECT_EQ(-1, ioctl(snapshot, SNAPSHOT_CREATE_IMAGE, &in_suspend));
	EXPECT_EQ(EBUSY, errno);
	snprintf(owner, sizeof(owner), " of %s[%d]\n", program_invocation_short_name, getpid());
	EXPECT_TRUE(log_has(owner)) TH_LOG("the log does not say '%s'", owner);
	EXPECT_EQ(0, dev_free(p->fd));
	EXPECT_EQ(0, ioctl(snapshot, SNAPSHOT_CREATE_IMAGE, &in_suspend));
	EXPECT_EQ(1, in_suspend);
	EXPECT_EQ(0, ioctl(snapshot, SNAPSHOT_UNFREEZE, 0));
	close(snapshot);

	/* And now there may be areas again. */
	EXPECT_EQ(0, dev_alloc(p->fd, p->size, &p->addr));
}

TEST_HARNESS_MAIN
