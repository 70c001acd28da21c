// SPDX-License-Identifier: GPL-2.0
/*
 * Further access by other processes, and by ways by which a process reaches itself as
 * another: see mm_secret_access.c in the tree for the most common ones.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel_owned_calls.h"
#include "proof_util.h"

#define LEN	64

FIXTURE(remote_access)
{
	struct place p;
};

FIXTURE_VARIANT(remote_access)
{
	bool window;
};

FIXTURE_VARIANT_ADD(remote_access, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(remote_access, window)
{
	.window = true,
};

FIXTURE_SETUP(remote_access)
{
	SETUP_PLACE(&self->p, variant->window, PROT_READ | PROT_WRITE);
}

FIXTURE_TEARDOWN(remote_access)
{
	close(self->p.fd);
}

/* As in_child(), without a child. */
static long itself(child_fn fn, const struct remote *r)
{
	return fn(r);
}

/* @from: in_child or itself.  @refusal: the answer for a VMA at a user address. */
static void remote_rule(struct __test_metadata *_metadata, const struct place *p,
			long (*from)(child_fn fn, const struct remote *r), child_fn fn,
			long refusal)
{
	struct remote at = { .pid = getpid(), .addr = p->addr, .len = p->size };
	struct remote empty = { .pid = getpid(), .addr = p->empty, .len = p->size };
	struct remote fine = { .pid = getpid(), .addr = map_ordinary(p->size), .len = p->size };
	long ret = from(fn, &at), want = p->window ? from(fn, &empty) : refusal;

	EXPECT_EQ(want, ret)
		TH_LOG("%s instead of %s", ret_text(ret), ret_text(want));
	EXPECT_GT(0, ret);
	EXPECT_NE(-ESRCH, ret);
	EXPECT_UNTOUCHED(p, "the access");
	ret = from(fn, &fine);
	EXPECT_LE(0, ret)
		TH_LOG("ordinary memory: %s", ret_text(ret));
}

/* What is before is read, what is there is not. */
static long readv_across(const struct remote *r)
{
	char here[LEN];
	struct iovec local = { here, sizeof(here) };
	struct iovec there[2] = {
		{ (void *)r->len, 8 },
		{ (void *)r->addr, sizeof(here) - 8 },
	};

	return ret_or_errno(syscall(SYS_process_vm_readv, r->pid, &local, 1, there, 2, 0));
}

/* A good part before it is moved, and not a byte more. */
TEST_F(remote_access, process_vm_readv_partly)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(page_size());
	struct remote at = { .pid = getpid(), .addr = p->addr, .len = mem };
	struct remote empty = { .pid = getpid(), .addr = p->empty, .len = mem };
	struct remote fine = { .pid = getpid(), .addr = mem, .len = mem };
	long ret = in_child(readv_across, &at);

	EXPECT_EQ(p->window ? in_child(readv_across, &empty) : 8, ret);
	EXPECT_GE(8, ret);
	EXPECT_UNTOUCHED(p, "process_vm_readv");
	EXPECT_EQ(LEN, in_child(readv_across, &fine));
}

static long advise(const struct remote *r)
{
	const int advices[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED };
	struct iovec iov = { (void *)r->addr, r->len };
	int pidfd = syscall(SYS_pidfd_open, r->pid, 0);
	long ret = 0, first = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(advices) && ret == first; i++) {
		ret = ret_or_errno(syscall(SYS_process_madvise, pidfd, &iov, 1, advices[i], 0));
		first = i ? first : ret;
	}
	close(pidfd);
	return ret == first ? ret : -EBADMSG;
}

TEST_F(remote_access, process_madvise)
{
	NEEDS_ROOT("CAP_SYS_NICE");

	remote_rule(_metadata, &self->p, in_child, advise, -EPERM);
	remote_rule(_metadata, &self->p, itself, advise, -EPERM);
}

static long move_it(const struct remote *r)
{
	return move_page(r->pid, r->addr, false);
}

static long where_is_it(const struct remote *r)
{
	return move_page(r->pid, r->addr, true);
}

TEST_F(remote_access, move_pages)
{
	NEEDS_ROOT("MPOL_MF_MOVE_ALL");
	if (access("/proc/self/numa_maps", F_OK))
		SKIP(return, "no NUMA");
	remote_rule(_metadata, &self->p, in_child, move_it, -EFAULT);
	remote_rule(_metadata, &self->p, in_child, where_is_it, -ENOENT);
}

/* Pages are not given to pipes, nor to rings as their own memory. */
static long give_pages(const struct remote *r)
{
	struct iovec iov = { (void *)r->addr, r->len };
	int fds[2];
	long ret = pipe(fds) ?: vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK | SPLICE_F_GIFT);

	ret = ret_or_errno(ret);
	close(fds[0]);
	close(fds[1]);
	return ret;
}

TEST_F(remote_access, vmsplice_gift)
{
	remote_rule(_metadata, &self->p, itself, give_pages, -EFAULT);
}

static long ring_there(const struct remote *r)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_NO_MMAP,
		.cq_off.user_addr = r->addr,
		.sq_off.user_addr = r->addr + page_size(),
	};

	return ret_or_errno(syscall(SYS_io_uring_setup, 2, &params));
}

TEST_F(remote_access, io_uring_rings)
{
	if (access("/proc/sys/kernel/io_uring_disabled", F_OK))
		SKIP(return, "no io_uring");
	remote_rule(_metadata, &self->p, itself, ring_there, -EFAULT);
}

TEST_HARNESS_MAIN
