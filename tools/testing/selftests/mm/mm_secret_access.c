// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what userspace can reach of secret memory: by direct access, by
 * pointers that it gives to system calls, and from other processes.
 *
 * "window" is an area of secret memory.  What is tried on it must answer as at
 * an address in the window where nothing is.  "user" is a kernel-owned VMA at a
 * user address: pointers to it are like any, but its pages are not for others.
 * Each test tries the same on ordinary memory, where it works, so that it fails
 * if the attempt itself was wrong, and looks afterwards whether the area is as
 * it was.
 *
 * Needs CONFIG_MM_SECRET_TEST, CONFIG_KERNEL_OWNED_VMA_TEST, debugfs and root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "mm_secret_util.h"

#define LEN	64

static void setup_place(struct __test_metadata *_metadata, struct place *p, bool window,
			int prot)
{
	const char *wrong;

	if (window ? no_mm_secret() : access(KERNEL_OWNED_TEST, R_OK | W_OK))
		SKIP(exit(KSFT_SKIP), "no driver, or no secret memory");
	wrong = window ? place_make_window(p) : place_make_user(p, prot);
	ASSERT_TRUE(!wrong)
		TH_LOG("%s: %s", wrong, strerror(errno));
}

static void expect_same(struct __test_metadata *_metadata, const struct place *p,
			const char *after)
{
	const char *what = p->window ? area_changed(p) : place_changed(p);

	EXPECT_TRUE(!what)
		TH_LOG("after %s: %s", after, what);
}

/* A test has one of them, in .p. */
#define PLACE_FIXTURE(_name, _prot)					\
FIXTURE(_name)								\
{									\
	struct place p;							\
};									\
									\
FIXTURE_VARIANT(_name)							\
{									\
	bool window;							\
};									\
									\
FIXTURE_VARIANT_ADD(_name, window)					\
{									\
	.window = true,							\
};									\
									\
FIXTURE_SETUP(_name)							\
{									\
	setup_place(_metadata, &self->p, variant->window, _prot);	\
}									\
									\
FIXTURE_TEARDOWN(_name)							\
{									\
	close(self->p.fd);						\
}

/*
 * Direct access.
 */
PLACE_FIXTURE(direct_access, 0)

/* The fault at @addr is the one at @empty; at @fine there is none. */
static void access_rule(struct __test_metadata *_metadata, enum access how,
			unsigned long addr, unsigned long empty, unsigned long fine)
{
	struct fault f = try_access(how, addr), e = try_access(how, empty);

	EXPECT_EQ(SIGSEGV, f.sig);
	EXPECT_EQ(SEGV_MAPERR, f.code);
	EXPECT_EQ(0, memcmp(&e, &f, sizeof(f)));
	EXPECT_EQ(0, try_access(how, fine).sig);
}

static void every_page(struct __test_metadata *_metadata, const struct place *p,
		       enum access how, unsigned long fine)
{
	unsigned long off;

	for (off = 0; off < p->size; off += page_size())
		access_rule(_metadata, how, p->addr + off, p->empty + off, fine);
	expect_same(_metadata, p, "the accesses");
}

static void nothing(void)
{
}

#define ACCESS_TEST(_name, _how, _fine)					\
TEST_F(direct_access, _name)						\
{									\
	every_page(_metadata, &self->p, _how, _fine);			\
}

ACCESS_TEST(load, LOAD, map_ordinary(page_size()))
ACCESS_TEST(store, STORE, map_ordinary(page_size()))
ACCESS_TEST(atomic, ATOMIC, map_ordinary(page_size()))
ACCESS_TEST(string_instruction, STRING, map_ordinary(page_size()))
ACCESS_TEST(jump, JUMP, (unsigned long)nothing)
ACCESS_TEST(load_across_the_start, CROSSING, map_ordinary(page_size()) + 64)

TEST_F(direct_access, neighbouring_pages)
{
	const struct place *p = &self->p;
	unsigned long fine = map_ordinary(page_size());

	access_rule(_metadata, LOAD, p->addr - 1, p->empty - 1, fine);
	access_rule(_metadata, LOAD, p->addr + p->size, p->empty + p->size, fine);
	expect_same(_metadata, p, "the loads");
}

static long load_in_child(const struct remote *r)
{
	struct fault f = try_access(LOAD, r->addr);

	return f.sig << 8 | f.code;
}

TEST_F(direct_access, from_a_child)
{
	struct remote at = { .addr = self->p.addr }, empty = { .addr = self->p.empty };
	struct remote fine = { .addr = map_ordinary(page_size()) };

	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &at));
	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &empty));
	EXPECT_EQ(0, in_child(load_in_child, &fine));
	expect_same(_metadata, &self->p, "the child");
}

/*
 * Pointers given to system calls.
 */
PLACE_FIXTURE(uaccess, PROT_READ)

FIXTURE_VARIANT_ADD(uaccess, user)
{
	.window = false,
};

static int pipe_fds[2], epoll_fd, direct_fd;
static unsigned int futex_word;

typedef long (*pointer_fn)(void *ptr);

/*
 * The result, or -EBADMSG if the call failed and changed what is in the pipe.
 */
static long call_pointer(pointer_fn call, unsigned long ptr)
{
	int left = -1;
	long ret;

	while (read(pipe_fds[0], buffer, 2 * LEN) > 0)
		;
	if (write(pipe_fds[1], buffer, 2 * LEN) != 2 * LEN)
		return -EBADMSG;
	futex_word = 0;
	ret = ret_or_errno(call((void *)ptr));
	if (ret < 0 && (ioctl(pipe_fds[0], FIONREAD, &left) || left != 2 * LEN))
		ret = -EBADMSG;
	return ret;
}

/*
 * @name: the call.  A VMA is read-only and zero, and taken for such a mapping.
 */
static void pointer_rule(struct __test_metadata *_metadata, const struct place *p,
			 const char *name, pointer_fn call)
{
	void *same = mmap(NULL, p->size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long good, like = p->window ? p->empty : (unsigned long)same;
	const unsigned long offs[] = { 0, 2 * page_size() + 1024 };
	struct epoll_event event = { .events = EPOLLIN };
	long ret, want;
	int i;

	ASSERT_EQ(0, pipe2(pipe_fds, O_NONBLOCK));
	epoll_fd = epoll_create1(0);
	ASSERT_EQ(0, epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fds[0], &event));
	direct_fd = open("/tmp", O_TMPFILE | O_RDWR | O_DIRECT, 0600);
	if (direct_fd < 0)	/* a file system without */
		direct_fd = memfd_create("mm_secret", 0);
	ASSERT_EQ(0, ftruncate(direct_fd, page_size()));

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		ret = call_pointer(call, p->addr + offs[i]);
		want = call_pointer(call, like + offs[i]);
		EXPECT_EQ(want, ret)
			TH_LOG("%s instead of %s", ret_text(ret), ret_text(want));
		if (p->window)
			EXPECT_EQ(-EFAULT, ret);
		EXPECT_NE(-EBADMSG, ret);
		expect_same(_metadata, p, name);
		good = map_ordinary(p->size);
		memset((void *)good, 0, p->size);
		ret = call_pointer(call, good + offs[i]);
		EXPECT_TRUE(ret != -EFAULT && ret != -EBADMSG && ret != -EBADF)
			TH_LOG("ordinary memory: %s", ret_text(ret));
	}
}

#define POINTER_TEST(_name, _result)					\
static long uaccess_of_##_name(void *ptr)				\
{									\
	return _result;							\
}									\
									\
TEST_F(uaccess, _name)							\
{									\
	pointer_rule(_metadata, &self->p, #_name, uaccess_of_##_name);	\
}

POINTER_TEST(read, read(pipe_fds[0], ptr, LEN))
POINTER_TEST(write, write(pipe_fds[1], ptr, LEN))
POINTER_TEST(read_of_odirect, pread(direct_fd, ptr, 512, 0))
POINTER_TEST(ioctl, ioctl(pipe_fds[0], FIONREAD, ptr))
POINTER_TEST(epoll_wait, syscall(SYS_epoll_pwait, epoll_fd, ptr, 1, 0, NULL, 8))
POINTER_TEST(sigaltstack, syscall(SYS_sigaltstack, ptr, NULL))
POINTER_TEST(sigaltstack_old, syscall(SYS_sigaltstack, NULL, ptr))

static long readv_both(void *ptr)
{
	char good[LEN];
	struct iovec iov[] = { { good, LEN }, { ptr, LEN } };

	return readv(pipe_fds[0], iov, 2);
}

/* The good part comes first, and yet nothing is moved. */
POINTER_TEST(readv_after_a_good_part, readv_both(ptr))

static long clone_and_wait(void *ptr)
{
	long ret = syscall(SYS_clone3, ptr, 64);

	if (!ret)
		_exit(0);
	return ret > 0 ? waitpid(ret, NULL, __WALL) != ret : ret;
}

POINTER_TEST(clone3_arguments, clone_and_wait(ptr))

static long futex(void *uaddr, int op, unsigned int val, long val2, void *uaddr2,
		  unsigned int val3)
{
	return syscall(SYS_futex, uaddr, op | FUTEX_PRIVATE_FLAG, val, val2, uaddr2, val3);
}

static long wake_op(void *ptr, int op)
{
	op = FUTEX_OP(op, 1, FUTEX_OP_CMP_EQ, 0);
	return futex(&futex_word, FUTEX_WAKE_OP, 1, 1, ptr, op);
}

/* It does not wait, for a value that is not there. */
POINTER_TEST(futex_wait, futex(ptr, FUTEX_WAIT, 1, 0, NULL, 0))
POINTER_TEST(futex_wake, futex(ptr, FUTEX_WAKE, 1, 0, NULL, 0))
POINTER_TEST(futex_requeue_to, futex(&futex_word, FUTEX_REQUEUE, 1, 1, ptr, 0))
POINTER_TEST(futex_wake_op, wake_op(ptr, FUTEX_OP_ADD) ?: wake_op(ptr, FUTEX_OP_XOR))
POINTER_TEST(futex_lock_pi, futex(ptr, FUTEX_LOCK_PI, 0, 0, NULL, 0))

/*
 * Other processes, and ways by which a process reaches itself as another.
 */
PLACE_FIXTURE(remote_access, PROT_READ | PROT_WRITE)

FIXTURE_VARIANT_ADD(remote_access, user)
{
	.window = false,
};

/* By a child and, if @itself, the process.  @refusal: the answer for a VMA. */
static void remote_rule(struct __test_metadata *_metadata, const struct place *p,
			child_fn fn, bool itself, long refusal)
{
	struct remote at = { .pid = getpid(), .addr = p->addr, .len = p->size };
	struct remote empty = { .pid = at.pid, .addr = p->empty, .len = p->size };
	struct remote fine = { .pid = at.pid, .addr = map_ordinary(p->size), .len = p->size };
	long want = p->window ? in_child(fn, &empty) : refusal;

	EXPECT_TRUE(want < 0 && want != -ESRCH);
	EXPECT_EQ(want, in_child(fn, &at));
	EXPECT_LE(0, in_child(fn, &fine));
	if (itself) {
		EXPECT_EQ(want, fn(&at));
		EXPECT_EQ(want, p->window ? fn(&empty) : want);
		EXPECT_LE(0, fn(&fine));
	}
	expect_same(_metadata, p, "the access");
}

#define REMOTE_TEST(_name, _itself, _refusal, _result)			\
static long remote_##_name(const struct remote *r)			\
{									\
	return ret_or_errno(_result);					\
}									\
									\
TEST_F(remote_access, _name)						\
{									\
	remote_rule(_metadata, &self->p, remote_##_name, _itself, _refusal); \
}

static long vm_copy(const struct remote *r, long nr)
{
	struct iovec local = { buffer, LEN }, there = { (void *)r->addr, LEN };

	return syscall(nr, r->pid, &local, 1, &there, 1, 0);
}

REMOTE_TEST(process_vm_readv, true, -EFAULT, vm_copy(r, SYS_process_vm_readv))
REMOTE_TEST(process_vm_writev, true, -EFAULT, vm_copy(r, SYS_process_vm_writev))

static long mem_file(const struct remote *r, bool store)
{
	char path[64];
	long ret;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", r->pid);
	fd = open(path, O_RDWR);
	/* pread() does not take such an offset. */
	lseek(fd, r->addr, SEEK_SET);
	ret = ret_or_errno(store ? write(fd, buffer, LEN) : read(fd, buffer, LEN));
	close(fd);
	return ret;
}

REMOTE_TEST(proc_mem_read, true, -EIO, mem_file(r, false))
REMOTE_TEST(proc_mem_write, true, -EIO, mem_file(r, true))

static long traced(const struct remote *r, int request)
{
	long ret = -ESRCH;

	if (!syscall(SYS_ptrace, PTRACE_SEIZE, r->pid, 0, 0) &&
	    !syscall(SYS_ptrace, PTRACE_INTERRUPT, r->pid, 0, 0) &&
	    waitpid(r->pid, NULL, __WALL) == r->pid)
		ret = ret_or_errno(syscall(SYS_ptrace, request, r->pid, r->addr, buffer));
	syscall(SYS_ptrace, PTRACE_DETACH, r->pid, 0, 0);
	return ret;
}

REMOTE_TEST(ptrace_peek, false, -EIO, traced(r, PTRACE_PEEKDATA))
REMOTE_TEST(ptrace_poke, false, -EIO, traced(r, PTRACE_POKEDATA))

/* Its pages are not lent to pipes and rings. */
static long splice_pages(const struct remote *r)
{
	struct iovec iov = { (void *)r->addr, page_size() };
	int fds[2];

	return pipe(fds) ?: vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK);
}

static long register_pages(const struct remote *r)
{
	struct iovec iov = { (void *)r->addr, r->len };
	struct io_uring_params params = {};
	int fd = syscall(SYS_io_uring_setup, 2, &params);

	return syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1);
}

REMOTE_TEST(vmsplice, true, -EFAULT, splice_pages(r))
REMOTE_TEST(io_uring_buffers, true, -EFAULT, register_pages(r))

TEST_HARNESS_MAIN
