// SPDX-License-Identifier: GPL-2.0
/*
 * Further pointers given to system calls: see mm_secret_access.c in the tree for the
 * most common ones.
 *
 * The window: EFAULT before anything has been done, as at an address in it where
 * nothing is.  A VMA at a user address, readable and zero here, takes what an ordinary
 * mapping of that kind takes.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proof_util.h"

#define LEN	64
/* Not 0, which is what is there in ordinary memory: EAGAIN, without a wait. */
#define OTHER	0x7fffffff

FIXTURE(uaccess)
{
	struct place p;
	unsigned long good;	/* ordinary memory, zero, read and write */
	unsigned long same;	/* read-only, as a VMA at a user address is here */
};

FIXTURE_VARIANT(uaccess)
{
	bool window;
};

FIXTURE_VARIANT_ADD(uaccess, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(uaccess, window)
{
	.window = true,
};

FIXTURE_SETUP(uaccess)
{
	SETUP_PLACE(&self->p, variant->window, PROT_READ);
	self->good = map_ordinary(NPAGES * page_size());
	memset((void *)self->good, 0, NPAGES * page_size());
	self->same = (unsigned long)mmap(NULL, NPAGES * page_size(), PROT_READ,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_TEARDOWN(uaccess)
{
	close(self->p.fd);
}

/* What the calls use, new for each of them. */
static struct {
	int pipe[2];		/* with LEN bytes in it */
	int stream[2];		/* sockets, with nothing to read */
	int dgram[2];		/* with one datagram at [1] */
	int file;		/* of LEN bytes, not a program */
	int driver;
	struct timespec now;
	struct epoll_event event;
	unsigned int futex;
	char good[LEN];
	unsigned long page;	/* of ordinary memory */
} use;

/* The result, or -EBADMSG if the call has failed and yet changed the pipe or the file. */
static long call_pointer(long (*call)(unsigned long ptr), unsigned long ptr)
{
	int *const fds[] = { use.pipe, use.stream, use.dgram };
	int left = -1, i;
	struct stat st;
	long ret;

	memset(&use, 0, sizeof(use));
	use.event.events = EPOLLOUT;
	use.page = map_ordinary(page_size());
	use.file = memfd_create("mm_secret", 0);
	use.driver = open_mm_secret();
	if (pipe2(use.pipe, O_NONBLOCK) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, use.stream) ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, use.dgram) ||
	    write(use.pipe[1], text, LEN) != LEN || write(use.dgram[0], text, LEN) != LEN ||
	    pwrite(use.file, text, LEN, 0) != LEN)
		return -EBADF;

	ret = ret_or_errno(call(ptr));
	if (ret < 0 && (ioctl(use.pipe[0], FIONREAD, &left) || left != LEN ||
			fstat(use.file, &st) || st.st_size != LEN))
		ret = -EBADMSG;
	for (i = 0; i < 6; i++)
		close(fds[i / 2][i % 2]);
	close(use.file);
	close(use.driver);
	munmap((void *)use.page, page_size());
	return ret;
}

static void pointer_rule(struct __test_metadata *_metadata, const struct place *p,
			 unsigned long good, unsigned long same, const char *name,
			 long (*call)(unsigned long ptr))
{
	const unsigned long offs[] = { 0, 2 * page_size() + 1024 };
	unsigned int i;
	long ret, want;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		ret = call_pointer(call, p->addr + offs[i]);
		want = call_pointer(call, (p->window ? p->empty : same) + offs[i]);
		EXPECT_EQ(want, ret)
			TH_LOG("%s: %s instead of %s", name, ret_text(ret), ret_text(want));
		if (p->window)
			EXPECT_EQ(-EFAULT, ret)
				TH_LOG("%s: %s", name, ret_text(ret));
		EXPECT_UNTOUCHED(p, name);
		memset((void *)good, 0, NPAGES * page_size());
		ret = call_pointer(call, good + offs[i]);
		EXPECT_NE(-EFAULT, ret)
			TH_LOG("%s: ordinary memory is refused", name);
		EXPECT_NE(-EBADF, ret);
		EXPECT_NE(-EBADMSG, ret);
	}
}

#define POINTER_TEST(_name, _result)					\
static long call_##_name(unsigned long ptr)				\
{									\
	return _result;							\
}									\
									\
TEST_F(uaccess, _name)							\
{									\
	pointer_rule(_metadata, &self->p, self->good, self->same,	\
		     #_name, call_##_name);				\
}

/* The good part comes first, and yet nothing is moved. */
static long writev_both(unsigned long ptr)
{
	struct iovec iov[2] = { { use.good, LEN }, { (void *)ptr, LEN } };

	return writev(use.pipe[1], iov, 2);
}

static long send_iovec(unsigned long ptr)
{
	struct iovec iov = { (void *)ptr, LEN };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(use.stream[0], &msg, 0);
}

/* The C library may have registered one for the thread. */
static long register_rseq(unsigned long ptr)
{
	unregister_rseq();
	return syscall(SYS_rseq, ptr, 32, 0, RSEQ_SIG) ?:
	       syscall(SYS_rseq, ptr, 32, 1, RSEQ_SIG);
}

POINTER_TEST(rseq, register_rseq(ptr))

POINTER_TEST(writev_after_a_good_part, writev_both(ptr))
POINTER_TEST(iovec_itself, syscall(SYS_writev, use.pipe[1], ptr, 1))
POINTER_TEST(pread, syscall(SYS_pread64, use.file, ptr, LEN, 0))
POINTER_TEST(pwrite, syscall(SYS_pwrite64, use.file, ptr, LEN, LEN))
POINTER_TEST(ioctl_of_the_driver, ioctl(use.driver, MM_SECRET_TEST_WINDOW, ptr))
POINTER_TEST(sendto, syscall(SYS_sendto, use.dgram[1], ptr, LEN, 0, NULL, 0))
POINTER_TEST(recvfrom, syscall(SYS_recvfrom, use.dgram[1], ptr, LEN, 0, NULL, NULL))
POINTER_TEST(sendmsg, send_iovec(ptr))
POINTER_TEST(recvmsg_header, syscall(SYS_recvmsg, use.stream[0], ptr, 0))
POINTER_TEST(splice_offset, syscall(SYS_splice, use.file, ptr, use.pipe[1], NULL, 16, 0))

static long read_from(const char *path, long nr, unsigned long ptr, size_t len)
{
	int fd = open(path, O_RDONLY);
	long ret = ret_or_errno(syscall(nr, fd, ptr, len));

	close(fd);
	return ret;
}

POINTER_TEST(read_of_proc, read_from("/proc/version", SYS_read, ptr, 16))
POINTER_TEST(getdents, read_from("/proc", SYS_getdents64, ptr, 1024))

POINTER_TEST(open_path, syscall(SYS_openat, AT_FDCWD, ptr, O_RDONLY, 0))
POINTER_TEST(exec_path, syscall(SYS_execve, ptr, NULL, NULL))
POINTER_TEST(exec_argv, syscall(SYS_execveat, use.file, "", ptr, NULL, AT_EMPTY_PATH))
POINTER_TEST(getrandom, syscall(SYS_getrandom, ptr, 16, 0))
POINTER_TEST(clock_gettime, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, ptr))
POINTER_TEST(nanosleep, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, ptr, NULL))
POINTER_TEST(uname, syscall(SYS_uname, ptr))
POINTER_TEST(fstat, syscall(SYS_fstat, 0, ptr))
POINTER_TEST(statx, syscall(SYS_statx, AT_FDCWD, "/", 0, 0, ptr))
POINTER_TEST(getcwd, syscall(SYS_getcwd, ptr, 256))
POINTER_TEST(sigaction, syscall(SYS_rt_sigaction, SIGUSR2, ptr, NULL, 8))
POINTER_TEST(sigaction_old, syscall(SYS_rt_sigaction, SIGUSR2, NULL, ptr, 8))
POINTER_TEST(sigprocmask, syscall(SYS_rt_sigprocmask, SIG_BLOCK, ptr, NULL, 8))
POINTER_TEST(poll, syscall(SYS_ppoll, ptr, 1, &use.now, NULL, 8))
POINTER_TEST(select, syscall(SYS_pselect6, 8, ptr, NULL, NULL, &use.now, NULL))
POINTER_TEST(pipe, syscall(SYS_pipe2, ptr, 0))
POINTER_TEST(prctl_get_name, syscall(SYS_prctl, PR_GET_NAME, ptr, 0, 0, 0))
POINTER_TEST(prctl_anon_name, syscall(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, use.page,
				      page_size(), ptr))
POINTER_TEST(prlimit, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, ptr))
POINTER_TEST(sched_getaffinity, syscall(SYS_sched_getaffinity, 0, 64, ptr))
POINTER_TEST(mincore_vector, syscall(SYS_mincore, use.page, page_size(), ptr))
POINTER_TEST(getitimer, syscall(SYS_getitimer, ITIMER_REAL, ptr))
POINTER_TEST(move_pages_array, syscall(SYS_move_pages, 0, 1, ptr, NULL, buffer, 0))

static long epoll_add(unsigned long ptr)
{
	int ep = epoll_create1(0);
	long ret = ret_or_errno(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, use.pipe[1], ptr));

	close(ep);
	return ret;
}

POINTER_TEST(epoll_ctl, epoll_add(ptr))

static long wait_status(unsigned long ptr)
{
	pid_t pid = fork();
	long ret;

	if (!pid)
		_exit(0);
	ret = ret_or_errno(syscall(SYS_wait4, pid, ptr, 0, NULL));
	waitpid(pid, NULL, WNOHANG);
	return ret > 0 ? 0 : ret;
}

POINTER_TEST(wait_status, wait_status(ptr))

static long clone_with(unsigned long ptr, int flags)
{
	long pid = ret_or_errno(syscall(SYS_clone, flags | SIGCHLD, 0, ptr, ptr, 0));

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

POINTER_TEST(clone_pidfd, clone_with(ptr, CLONE_PIDFD) >= 0 ? 0 : -1)

/* Type 0, as in zeroes, is not accepted; EFAULT comes first. */
static long send_message(unsigned long ptr)
{
	int id = syscall(SYS_msgget, IPC_PRIVATE, 0600);
	long ret = ret_or_errno(syscall(SYS_msgsnd, id, ptr, 16, 0));

	syscall(SYS_msgctl, id, IPC_RMID, NULL);
	return ret;
}

POINTER_TEST(msgsnd, send_message(ptr))

static long ring_setup(unsigned long ptr)
{
	long ret = syscall(SYS_io_uring_setup, 2, ptr);

	return ret < 0 ? ret : close(ret);
}

POINTER_TEST(io_uring_setup, ring_setup(ptr))

static long futex(unsigned long uaddr, int op, unsigned int val, unsigned long timeout,
		  unsigned long uaddr2, unsigned int val3)
{
	return syscall(SYS_futex, uaddr, op | FUTEX_PRIVATE_FLAG, val, timeout, uaddr2, val3);
}

static long futex_waitv(unsigned long ptr)
{
	struct futex_waitv waiter = {
		.val = OTHER,
		.uaddr = ptr,
		.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG,
	};

	return syscall(__NR_futex_waitv, &waiter, 1, 0, NULL, CLOCK_MONOTONIC);
}

#define GOOD	((unsigned long)&use.futex)
#define SET_1	FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)

POINTER_TEST(futex_wait_bitset, futex(ptr, FUTEX_WAIT_BITSET, OTHER, 0, 0, 1))
POINTER_TEST(futex_wake_bitset, futex(ptr, FUTEX_WAKE_BITSET, 1, 0, 0, 1))
POINTER_TEST(futex_requeue_from, futex(ptr, FUTEX_REQUEUE, 1, 1, GOOD, 0))
POINTER_TEST(futex_cmp_requeue, futex(ptr, FUTEX_CMP_REQUEUE, 1, 1, GOOD, OTHER))
POINTER_TEST(futex_wake_op_first, futex(ptr, FUTEX_WAKE_OP, 1, 1, GOOD, SET_1))
POINTER_TEST(futex_lock_pi2, futex(ptr, FUTEX_LOCK_PI2, 0, 0, 0, 0))
POINTER_TEST(futex_trylock_pi, futex(ptr, FUTEX_TRYLOCK_PI, 0, 0, 0, 0))
POINTER_TEST(futex_unlock_pi, futex(ptr, FUTEX_UNLOCK_PI, 0, 0, 0, 0))
POINTER_TEST(futex_wait_requeue_pi, futex(ptr, FUTEX_WAIT_REQUEUE_PI, OTHER, 0, GOOD, 0))
POINTER_TEST(futex_cmp_requeue_pi, futex(ptr, FUTEX_CMP_REQUEUE_PI, 1, 1, GOOD, OTHER))
POINTER_TEST(futex_waitv, futex_waitv(ptr))
POINTER_TEST(futex_waitv_array, syscall(__NR_futex_waitv, ptr, 1, 0, NULL, CLOCK_MONOTONIC))
POINTER_TEST(futex_timeout, futex(GOOD, FUTEX_WAIT, OTHER, ptr, 0, 0))

/* A range that begins at a good address and ends in the area. */
TEST_F(uaccess, buffer_that_ends_there)
{
	const struct place *p = &self->p;
	unsigned long from = self->good;
	int fds[2];
	long ret;

	ASSERT_EQ(0, pipe2(fds, O_NONBLOCK));
	if (p->window) {
		ret = ret_or_errno(syscall(SYS_write, fds[1], from, p->addr + 8 - from));
		EXPECT_EQ(ret_or_errno(syscall(SYS_write, fds[1], from, p->empty + 8 - from)), ret);
		EXPECT_EQ(-EFAULT, ret);
	} else {
		/* Readable on both sides. */
		EXPECT_EQ(16, write(fds[1], (void *)(p->addr - 8), 16));
	}
	EXPECT_UNTOUCHED(p, "write");
	EXPECT_EQ(16, write(fds[1], (void *)(self->good + 8), 16));
}

/* Shared futexes take a reference to the page, which is not to be had. */
TEST_F(uaccess, futex_shared)
{
	const struct place *p = &self->p;
	const int ops[] = { FUTEX_WAIT, FUTEX_WAKE, FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI };
	unsigned int i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		ret = ret_or_errno(syscall(SYS_futex, p->addr, ops[i], OTHER, NULL, NULL, 0));
		EXPECT_EQ(-EFAULT, ret) TH_LOG("op %d: %s", ops[i], ret_text(ret));
		if (p->window)
			EXPECT_EQ(ret, ret_or_errno(syscall(SYS_futex, p->empty, ops[i], OTHER,
						      NULL, NULL, 0)));
		memset((void *)self->good, 0, page_size());
		ret = ret_or_errno(syscall(SYS_futex, self->good, ops[i], OTHER, NULL, NULL, 0));
		EXPECT_NE(-EFAULT, ret);
		EXPECT_UNTOUCHED(p, "futex");
	}
}

/* The signal frame is written to where the stack is told to be. */
static void quiet(int sig )
{
}

static int signal_on_stack(void *arg)
{
	struct sigaction act = { .sa_handler = quiet, .sa_flags = SA_ONSTACK };
	struct remote *r = arg;
	stack_t ss = { .ss_sp = (void *)r->addr, .ss_size = r->len };

	if (syscall(SYS_sigaltstack, &ss, NULL))
		return 100;
	sigaction(SIGUSR1, &act, NULL);
	return kill(getpid(), SIGUSR1);
}

/* A process of its own, for signals, that shares the memory.  Its status. */
static int vm_child(int (*fn)(void *arg), struct remote *r)
{
	const size_t size = 64 * 1024;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	int status = -1;
	pid_t pid;

	if (stack == MAP_FAILED)
		return -1;
	pid = clone(fn, stack + size, CLONE_VM | SIGCHLD, r);
	if (pid > 0)
		waitpid(pid, &status, 0);
	munmap(stack, size);
	return status;
}

TEST_F(uaccess, signal_frame)
{
	const struct place *p = &self->p;
	struct remote at = { .addr = p->addr, .len = p->size };
	struct remote empty = { .addr = p->empty, .len = p->size };
	struct remote fine = { .addr = self->good, .len = p->size };
	int status = vm_child(signal_on_stack, &at);

	EXPECT_EQ(vm_child(signal_on_stack, &empty), status);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
	EXPECT_UNTOUCHED(p, "the signal");
	status = vm_child(signal_on_stack, &fine);
	EXPECT_EQ(0, status);
	EXPECT_FALSE(is_zero((unsigned char *)self->good, p->size));
}

/* A thread's robust list: written to when it ends. */
static struct robust {
	struct robust_list_head head;
	struct robust_list entry;
	unsigned long addr;	/* of the area, or 0 */
	int fd;			/* that has it */
	bool hold;		/* the lock, before the end */
	pid_t holder;
} robust;

/* Nothing is written to a lock that somebody else holds. */
static bool hold_lock(unsigned long addr)
{
	pid_t word = syscall(SYS_gettid);

	robust.holder = word;
	if (addr != robust.addr) {
		*(pid_t *)addr = word;
		return true;
	}
	as_stored((unsigned char *)&word, sizeof(word));
	return !dev_write(robust.fd, 0, &word, sizeof(word));
}

static int robust_child(void *arg)
{
	struct remote *r = arg;
	struct robust_list_head *head = &robust.head;

	if (r->len) {
		/* The head itself there. */
		head = (void *)r->addr;
	} else {
		/* A good list, whose lock is there. */
		if (robust.hold && !hold_lock(r->addr))
			return 100;
		robust.head.list.next = &robust.entry;
		robust.entry.next = &robust.head.list;
		robust.head.futex_offset = r->addr - (unsigned long)&robust.entry;
	}
	return syscall(SYS_set_robust_list, head, sizeof(*head)) ? errno : 0;
}

TEST_F(uaccess, robust_list)
{
	const struct place *p = &self->p;
	struct remote at = { .addr = p->addr }, empty = { .addr = p->empty };
	struct remote fine = { .addr = self->good };
	int empty_status;
	pid_t was, is;

	/* FUTEX_OWNER_DIED goes to a lock that the dying thread holds. */
	robust.addr = p->window ? p->addr : 0;
	robust.fd = p->fd;
	if (p->window)
		ASSERT_EQ(0, dev_read(p->fd, 0, &was, sizeof(was)));
	robust.hold = false;
	empty_status = vm_child(robust_child, &empty);
	robust.hold = p->window;
	EXPECT_EQ(empty_status, vm_child(robust_child, &at));
	if (p->window) {
		ASSERT_EQ(0, dev_read(p->fd, 0, &is, sizeof(is)));
		as_stored((unsigned char *)&is, sizeof(is));
		EXPECT_EQ(robust.holder, is);
		ASSERT_EQ(0, dev_write(p->fd, 0, &was, sizeof(was)));
	}
	at.len = 1;
	empty.len = 1;
	EXPECT_EQ(vm_child(robust_child, &empty), vm_child(robust_child, &at));
	EXPECT_UNTOUCHED(p, "the thread's end");
	robust.hold = true;
	EXPECT_EQ(0, vm_child(robust_child, &fine));
	EXPECT_TRUE(*(unsigned int *)self->good & FUTEX_OWNER_DIED);
}

/* The new thread's id is written with errors ignored. */
TEST_F(uaccess, clone_parent_settid)
{
	const struct place *p = &self->p;

	EXPECT_LT(0, clone_with(p->addr, CLONE_PARENT_SETTID));
	EXPECT_LT(0, clone_with(p->empty, CLONE_PARENT_SETTID));
	EXPECT_UNTOUCHED(p, "clone");
	EXPECT_LT(0, clone_with(self->good, CLONE_PARENT_SETTID));
	EXPECT_NE(0, *(int *)self->good);
}

static int cleartid_child(void *arg)
{
	struct remote *r = arg;

	syscall(SYS_set_tid_address, r->addr);
	return 0;
}

/* The same at a thread's end, which clears it, in memory that lives on. */
TEST_F(uaccess, clear_child_tid)
{
	const struct place *p = &self->p;
	struct remote at = { .addr = p->addr }, fine = { .addr = self->good };

	*(int *)self->good = 1;
	EXPECT_EQ(0, vm_child(cleartid_child, &at));
	EXPECT_UNTOUCHED(p, "the thread's end");
	EXPECT_EQ(0, vm_child(cleartid_child, &fine));
	EXPECT_EQ(0, *(int *)self->good);
}

TEST_HARNESS_MAIN
