// SPDX-License-Identifier: GPL-2.0
/*
 * Random memory calls at kernel-owned VMAs and secret memory.
 *
 * usage: fuzz [-c CALLS] [-s SEED]
 *
 * The main process supervises.  It starts one pair of processes after the other.
 * The two, which have three threads together and areas each, make random calls on
 * their own memory and on each other's.  They may well unmap what they need and die
 * of it; then the next pair goes on with the next seed.  The kernel checks the
 * contents of an area all the while, and at its end each process looks whether its
 * areas and VMAs are as they were.
 *
 * A call on the window must answer as at another place in the window, where
 * nothing is, and must not succeed if it needs a mapping for that.  And each kind
 * of call must have succeeded on ordinary memory, or it was not one.
 *
 * Needs CONFIG_MM_SECRET_TEST; does more as root.
 */
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <poll.h>
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
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "proof_util.h"
#include "vm_util.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE	0x08
#endif

#define CALLS		20000
#define THREAD_CALLS	500	/* of each thread */
#define PAIR_SECONDS	60	/* more than that is killed */
#define HANG_SECONDS	3	/* how long each of its threads is looked at then */
#define NAREAS		3
#define NVMAS		2
#define PLAIN_PAGES	64
#define MAX_LEN		(32 * page_size())
#define SPACE		(256UL << 20)	/* RLIMIT_AS, what mlockall() may lock */

static unsigned long page;	/* its size */

/* What a process has.  Where it is, for the caller, is in a sealed mapping. */
struct region {
	int fd;
	unsigned long addr;
	unsigned long size;
	unsigned char seed;
};

struct process {
	pid_t pid;
	struct region area[NAREAS];	/* in the window */
	struct region vma[NVMAS];	/* kernel-owned, at user addresses */
	unsigned long plain;		/* ordinary: anonymous, shared, a file's */
};

struct state {
	struct process me, peer;
	unsigned long window, window_size;
	unsigned long user_end;	/* of user addresses */
	unsigned long empty;	/* a large part of it where nothing is */
	int report;		/* the pipe to the supervisor */
	int file, null;		/* to map, and to write to */
	int pipe[2];
	int uffd;
	int uring;
	int shm;
	int spare;		/* for areas that come and go */
	int spare_vma;		/* the driver of kernel-owned VMAs */
	int pagemap, maps, mem, peer_mem, peer_maps, peer_pagemap;
	int clear_refs, peer_clear_refs;
};

static struct state *state;
static unsigned long spare_addr;	/* where one came last */

/* What the supervisor is told. */
enum { MSG_CALLS, MSG_BAD, MSG_VERIFIED, MSG_UNVERIFIED };

#define MSG_MAGIC	0x6d6c667a
#define MSG_RECORDS	28
#define REC_OK		0x100	/* it succeeded */
#define REC_PLAIN	0x200	/* on ordinary memory */
#define REC_WINDOW	0x400	/* all of it in the window */

struct msg {
	uint32_t magic;
	uint16_t type, n;
	union {
		uint16_t rec[MSG_RECORDS];
		struct {
			uint64_t kind, addr, len, ret, empty_ret, seed;
		} bad;
	};
};

static void tell(struct msg *msg, int type)
{
	msg->magic = MSG_MAGIC;
	msg->type = type;
	syscall(SYS_write, state->report, msg, sizeof(*msg));
}

static void tell_bad(long kind, unsigned long addr, unsigned long len, long ret, long empty_ret,
		     uint64_t seed)
{
	struct msg msg = { .bad = { kind, addr, len, ret, empty_ret, seed } };

	tell(&msg, MSG_BAD);
}

/*
 * The calls.  Each gets an address and random numbers, the same ones again when it
 * is repeated.
 */
struct args {
	unsigned long addr, len;
	uint64_t r[6];
	bool window;	/* all of it in the window */
	bool plain;	/* all of it in ordinary memory that is there for this */
};

#ifndef MAP_32BIT
#define MAP_32BIT	0	/* x86 only */
#endif

#define PTR(_addr)	((void *)(_addr))

static long failed(int err)
{
	errno = err;
	return -1;
}

static const int prots[] = {
	PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_GROWSDOWN, PROT_WRITE,
};

static long k_mmap(struct args *a)
{
	static const int fixed[] = { 0, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE };
	static const int more[] = {
		0, 0, 0, MAP_POPULATE, MAP_NORESERVE, MAP_GROWSDOWN, MAP_LOCKED, MAP_STACK,
		MAP_NONBLOCK | MAP_POPULATE, MAP_32BIT, MAP_DROPPABLE,
	};
	int flags = a->r[0] % 3 ? MAP_PRIVATE : MAP_SHARED, fd = -1;
	unsigned long len = a->len;
	void *mem;

	flags |= fixed[a->r[1] % ARRAY_SIZE(fixed)] | more[a->r[2] % ARRAY_SIZE(more)];
	/* Mostly, replace only the ordinary memory that is there for this. */
	if (flags & MAP_FIXED && !a->plain && !a->window && a->r[5] % 16)
		flags = (flags & ~MAP_FIXED) | MAP_FIXED_NOREPLACE;
	if (len > MAX_LEN)
		flags &= ~(MAP_POPULATE | MAP_LOCKED);
	if (a->r[3] % 4)
		flags |= MAP_ANONYMOUS;
	else
		fd = state->file;
	mem = mmap(PTR(a->addr), len, prots[a->r[4] % ARRAY_SIZE(prots)], flags, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	/* Where it was asked for, it stays.  Elsewhere, it would fill the address space. */
	if ((unsigned long)mem != a->addr)
		munmap(mem, len);
	else if (mem && (unsigned long)mem - state->window < state->window_size)
		return 1;
	return 0;
}

static long k_munmap(struct args *a)
{
	return munmap(PTR(a->addr), a->len);
}

static long k_mremap(struct args *a)
{
	static const int flags[] = {
		0, MREMAP_MAYMOVE, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
		MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	};
	static const int old[] = { 1, 1, 1, 0, 2 };
	unsigned long old_len = a->len * old[a->r[0] % ARRAY_SIZE(old)];
	unsigned long new_len = a->r[1] % 3 ? a->len : (a->r[2] % 32 + 1) * page;
	int flag = flags[a->r[3] % ARRAY_SIZE(flags)];
	/* Mostly within what is there for this, else over a kernel-owned VMA. */
	unsigned long to = a->r[4] % 4 ? state->me.plain + a->r[5] % PLAIN_PAGES * page :
			   state->me.vma[0].addr;

	if (new_len > MAX_LEN)
		new_len = MAX_LEN;
	return syscall(SYS_mremap, a->addr, old_len, new_len, flag, to) == -1 ? -1 : 0;
}

/* As target of a mapping that moves. */
static long k_mremap_to(struct args *a)
{
	long ret = syscall(SYS_mremap, state->me.plain + a->r[0] % PLAIN_PAGES * page, page,
			   a->len > MAX_LEN ? page : a->len, MREMAP_MAYMOVE | MREMAP_FIXED,
			   a->addr);

	return ret == -1 ? -1 : 0;
}

static long k_mprotect(struct args *a)
{
	return mprotect(PTR(a->addr), a->len, prots[a->r[0] % ARRAY_SIZE(prots)]);
}

static long k_pkey_mprotect(struct args *a)
{
	return syscall(SYS_pkey_mprotect, a->addr, a->len, prots[a->r[0] % ARRAY_SIZE(prots)],
		       a->r[1] % 4 ? -1 : 0);
}

static int some_advice(struct args *a)
{
	int advice = a->r[0] % 32;

	/* These take pages from the system for good. */
	if (a->r[1] % 8 == 0)
		advice = a->window ? 100 + a->r[0] % 4 : 102 + a->r[0] % 2;
	return advice;
}

static long k_madvise(struct args *a)
{
	return madvise(PTR(a->addr), a->len, some_advice(a));
}

static long process_madvise_of(pid_t pid, struct args *a)
{
	struct iovec iov = { PTR(a->addr), a->len };
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	long ret = syscall(SYS_process_madvise, pidfd, &iov, 1, some_advice(a), 0);
	int err = errno;

	if (pidfd >= 0)
		syscall(SYS_close, pidfd);
	errno = err;
	return ret;
}

static long k_process_madvise(struct args *a)
{
	return process_madvise_of(state->me.pid, a);
}

static long k_peer_madvise(struct args *a)
{
	return process_madvise_of(state->peer.pid, a);
}

static long k_mlock(struct args *a)
{
	if (a->len > MAX_LEN && !a->window)
		return syscall(SYS_mlock2, a->addr, a->len, MLOCK_ONFAULT);
	return a->r[0] % 2 ? mlock(PTR(a->addr), a->len) :
			     syscall(SYS_mlock2, a->addr, a->len, a->r[1] % 3);
}

static long k_munlock(struct args *a)
{
	return munlock(PTR(a->addr), a->len);
}

static long k_mlockall(struct args *a)
{
	long ret;

	if (a->r[0] % 2)
		return munlockall();
	/* ONFAULT, or it would fill the memory with all that is mapped. */
	ret = mlockall(MCL_ONFAULT | (a->r[1] % 3 + 1));
	if (a->r[2] % 4)
		munlockall();
	return ret;
}

static long k_mseal(struct args *a)
{
	/* One page: of what is sealed, little can be changed any more. */
	return syscall(__NR_mseal, a->addr, a->window ? a->len : page, 0);
}

static long k_msync(struct args *a)
{
	static const int flags[] = { MS_ASYNC, MS_SYNC, MS_INVALIDATE | MS_SYNC };

	return msync(PTR(a->addr), a->len, flags[a->r[0] % 3]);
}

static long k_mincore(struct args *a)
{
	unsigned char vec[64];

	return mincore(PTR(a->addr), a->len < 64 * page ? a->len : 64 * page, vec);
}

static long k_mbind(struct args *a)
{
	unsigned long nodes = a->r[0] % 3 + 1;
	int mode = a->r[1] % 5;

	return syscall(SYS_mbind, a->addr, a->len, mode, mode && mode != MPOL_LOCAL ? &nodes : NULL,
		       mode && mode != MPOL_LOCAL ? 8 : 0, a->r[2] % 4);
}

static long k_home_node(struct args *a)
{
	unsigned long nodes = 3;

	/* It takes a policy of this kind. */
	if (a->r[1] % 2)
		syscall(SYS_mbind, a->addr, a->len, MPOL_BIND, &nodes, 8, 0);
	return syscall(__NR_set_mempolicy_home_node, a->addr, a->len, a->r[0] % 2, 0);
}

static long move_pages_of(pid_t pid, struct args *a)
{
	void *pages[2] = { PTR(a->addr), PTR(a->addr + page) };
	int nodes[2] = { a->r[0] % 2, a->r[1] % 2 }, status[2] = { -EINVAL, -EINVAL };
	long ret = syscall(SYS_move_pages, pid, 2, pages, a->r[2] % 3 ? nodes : NULL, status,
			   MPOL_MF_MOVE);

	if (ret < 0)
		return ret;
	return status[0] < 0 ? failed(-status[0]) : 0;
}

static long k_move_pages(struct args *a)
{
	return move_pages_of(a->r[3] % 2 ? 0 : state->me.pid, a);
}

static long k_peer_move_pages(struct args *a)
{
	return move_pages_of(state->peer.pid, a);
}

static long k_migrate_pages(struct args *a)
{
	unsigned long from = 1 << a->r[0] % 2, to = 1 << a->r[1] % 2;

	return syscall(SYS_migrate_pages, a->r[2] % 2 ? state->me.pid : state->peer.pid, 8,
		       &from, &to) < 0 ? -1 : 0;
}

static long k_remap_file_pages(struct args *a)
{
	return syscall(SYS_remap_file_pages, a->addr, a->len < 4 * page ? a->len : page, 0,
		       a->r[0] % 4, 0);
}

static long k_brk(struct args *a)
{
	unsigned long now = syscall(SYS_brk, 0), to = now + (a->r[0] % 5) * page - 2 * page;

	/* To the address, or a bit up and down. */
	if (a->r[1] % 4 == 0)
		to = a->addr;
	return syscall(SYS_brk, to) == (long)to ? 0 : -1;
}

static long k_uffd_register(struct args *a)
{
	struct uffdio_register reg = {
		.range = { a->addr, a->len },
		.mode = a->r[0] % 7 + 1,
	};

	return ioctl(state->uffd, UFFDIO_REGISTER, &reg);
}

static long k_uffd_unregister(struct args *a)
{
	struct uffdio_range range = { a->addr, a->len };

	return ioctl(state->uffd, UFFDIO_UNREGISTER, &range);
}

static long k_uffd_fill(struct args *a)
{
	struct uffdio_copy copy = { .dst = a->addr, .src = state->me.plain, .len = page };
	struct uffdio_zeropage zero = { .range = { a->addr, page } };
	struct uffdio_writeprotect wp = { .range = { a->addr, page }, .mode = a->r[1] % 2 };
	struct uffdio_poison poison = { .range = { a->addr, page } };
	struct uffdio_move move = { .dst = a->addr, .src = state->me.plain + page, .len = page };
	struct uffdio_range wake = { a->addr, page };

	if (a->r[2] % 2) {
		copy.src = a->addr;
		copy.dst = state->me.plain;
		move.src = a->addr;
		move.dst = state->me.plain;
	}
	switch (a->r[0] % 6) {
	case 0:
		return ioctl(state->uffd, UFFDIO_COPY, &copy);
	case 1:
		return ioctl(state->uffd, UFFDIO_ZEROPAGE, &zero);
	case 2:
		return ioctl(state->uffd, UFFDIO_WRITEPROTECT, &wp);
	case 3:
		return ioctl(state->uffd, UFFDIO_POISON, &poison);
	case 4:
		return ioctl(state->uffd, UFFDIO_MOVE, &move);
	default:
		/* Needs no mapping. */
		return a->window ? failed(EINVAL) : ioctl(state->uffd, UFFDIO_WAKE, &wake);
	}
}

static long k_anon_name(struct args *a)
{
	return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a->addr, a->len,
		     a->r[0] % 2 ? "fuzz" : NULL);
}

static long k_set_mm(struct args *a)
{
	/* All but the start of the brk. */
	static const int what[] = {
		PR_SET_MM_START_CODE, PR_SET_MM_END_CODE, PR_SET_MM_START_DATA,
		PR_SET_MM_END_DATA, PR_SET_MM_START_STACK, PR_SET_MM_ARG_START,
		PR_SET_MM_ARG_END, PR_SET_MM_ENV_START, PR_SET_MM_ENV_END,
	};

	return prctl(PR_SET_MM, what[a->r[0] % ARRAY_SIZE(what)], a->addr, 0, 0);
}

static long k_shmat(struct args *a)
{
	long ret = syscall(SYS_shmat, state->shm, a->addr, a->r[0] % 2 && (a->plain || a->window) ?
			   SHM_REMAP : 0);

	if (ret == -1)
		return -1;
	/* A third attachment stays for a while. */
	if (a->r[1] % 3)
		syscall(SYS_shmdt, ret);
	return 0;
}

static long k_shmdt(struct args *a)
{
	long at = a->addr;

	/* Of any that is not one it says EINVAL. */
	if (a->plain)
		at = syscall(SYS_shmat, state->shm, 0, 0);
	return at == -1 ? -1 : syscall(SYS_shmdt, at);
}

static long process_vm(pid_t pid, struct args *a)
{
	char bounce[64];
	struct iovec mine = { bounce, sizeof(bounce) }, theirs = { PTR(a->addr), sizeof(bounce) };

	memset(bounce, 'v', sizeof(bounce));
	return a->r[0] % 2 ? syscall(SYS_process_vm_readv, pid, &mine, 1, &theirs, 1, 0) :
			     syscall(SYS_process_vm_writev, pid, &mine, 1, &theirs, 1, 0);
}

static long k_process_vm(struct args *a)
{
	return process_vm(state->me.pid, a);
}

static long k_peer_process_vm(struct args *a)
{
	return process_vm(state->peer.pid, a);
}

static long k_vmsplice(struct args *a)
{
	struct iovec iov = { PTR(a->addr), 64 };
	char sink[64];
	long ret = syscall(SYS_vmsplice, state->pipe[1], &iov, 1,
			   SPLICE_F_NONBLOCK | (a->r[0] % 2 ? SPLICE_F_GIFT : 0));
	int err = errno;

	while (syscall(SYS_read, state->pipe[0], sink, sizeof(sink)) > 0)
		;
	errno = err;
	return ret;
}

static long k_futex(struct args *a)
{
	static const int ops[] = {
		FUTEX_WAKE, FUTEX_WAIT, FUTEX_WAKE_OP, FUTEX_REQUEUE, FUTEX_LOCK_PI,
		FUTEX_WAIT_BITSET, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI,
	};
	struct timespec timeout = { .tv_nsec = 1000 };
	int op = ops[a->r[0] % ARRAY_SIZE(ops)] | (a->r[1] % 2 ? FUTEX_PRIVATE_FLAG : 0);
	void *fourth = PTR(1);
	unsigned int add_one = 1 << 28 | 1 << 12;

	if ((op & 127) == FUTEX_WAIT || (op & 127) == FUTEX_LOCK_PI ||
	    (op & 127) == FUTEX_WAIT_BITSET)
		fourth = &timeout;
	/* LOCK_PI waits until a time, and that is long ago. */
	return syscall(SYS_futex, a->addr & ~3ul, op, 1, fourth, a->addr & ~3ul,
		       (op & 127) == FUTEX_WAKE_OP ? add_one : 1);
}

/* To the address and from there. */
static long k_read(struct args *a)
{
	switch (a->r[0] % 4) {
	case 0:
		return syscall(SYS_pread64, state->file, a->addr, 64, 0);
	case 1:
		return syscall(SYS_getrandom, a->addr, 64, 0);
	case 2:
		return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, a->addr);
	default:
		return syscall(SYS_getrusage, RUSAGE_SELF, a->addr);
	}
}

static long k_write(struct args *a)
{
	struct iovec iov[2] = { { PTR(a->addr), 8 }, { PTR(a->addr + 8), 56 } };

	switch (a->r[0] % 4) {
	case 0:
		return syscall(SYS_pwrite64, state->file, a->addr, 64, 4096);
	case 1:
		return syscall(SYS_pwritev, state->file, iov, 2, 4096, 0);
	case 2:
		return syscall(SYS_faccessat, AT_FDCWD, a->addr, F_OK) && errno == EFAULT ? -1 : 0;
	default:
		return syscall(SYS_rt_sigprocmask, SIG_BLOCK, a->addr, NULL, 8) ?
			-1 : syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, NULL, 8);
	}
}

static long mem_of(int fd, struct args *a)
{
	char bounce[64];
	long ret;

	memset(bounce, 'm', sizeof(bounce));
	ret = a->r[0] % 2 ? syscall(SYS_pread64, fd, bounce, sizeof(bounce), a->addr) :
			    syscall(SYS_pwrite64, fd, bounce, sizeof(bounce), a->addr);
	/* The peer has died. */
	return ret ? ret : failed(ESRCH);
}

static long k_mem(struct args *a)
{
	return mem_of(state->mem, a);
}

static long k_peer_mem(struct args *a)
{
	return mem_of(state->peer_mem, a);
}

static long k_clear_refs(struct args *a)
{
	char what = '1' + a->r[0] % 5;

	return syscall(SYS_write, a->r[1] % 2 ? state->clear_refs : state->peer_clear_refs,
		       &what, 1);
}

static long k_pagemap(struct args *a)
{
	uint64_t entry = 0;
	long ret = syscall(SYS_pread64, a->r[0] % 2 ? state->pagemap : state->peer_pagemap,
			   &entry, sizeof(entry), a->addr / page * sizeof(entry));

	/* There is no entry, or it says that there is nothing. */
	if (ret <= 0 || (a->window && !entry))
		return failed(ret < 0 ? errno : ENOENT);
	return 0;
}

static long k_pagemap_scan(struct args *a)
{
	struct page_region regions[4];
	struct pm_scan_arg scan = {
		.size = sizeof(scan),
		.flags = a->r[0] % 4,	/* PM_SCAN_WP_MATCHING, PM_SCAN_CHECK_WPASYNC */
		.start = a->addr & -page,
		.end = (a->addr & -page) + (a->len < MAX_LEN ? a->len : MAX_LEN),
		.vec = (unsigned long)regions,
		.vec_len = ARRAY_SIZE(regions),
		.category_anyof_mask = a->r[1] % 256,
		.return_mask = 255,
	};
	long ret = ioctl(a->r[2] % 2 ? state->pagemap : state->peer_pagemap, PAGEMAP_SCAN, &scan);

	return !ret && a->window ? failed(ENOENT) : ret;
}

static long k_procmap_query(struct args *a)
{
	struct procmap_query query = {
		.size = sizeof(query),
		.query_flags = a->r[0] % 2 ? PROCMAP_QUERY_COVERING_OR_NEXT_VMA : 0,
		.query_addr = a->addr,
	};

	return ioctl(a->r[1] % 2 ? state->maps : state->peer_maps, PROCMAP_QUERY, &query);
}

static long k_fork(struct args *a)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status = 0;

	/*
	 * It has nothing of the window.  Elsewhere it may have what MADV_WIPEONFORK or
	 * MAP_DROPPABLE has emptied and mremap() had moved before: to split that is
	 * something that DEBUG_VM warns of in any process.
	 */
	if (!pid)
		syscall(SYS_exit_group, a->window && munmap(PTR(a->addr), a->len));
	while (pid > 0 && syscall(SYS_wait4, pid, &status, 0, NULL) < 0 && errno == EINTR)
		;
	return pid < 0 ? -1 : 0;
}

/* Of the peer by this one, but not the other way round: both would stop. */
static long k_ptrace(struct args *a)
{
	const pid_t pid = state->peer.pid;
	long ret, word = 0;
	int tries, status, err;

	if (pid > state->me.pid)
		return failed(ESRCH);
	if (syscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0))
		return failed(ESRCH);
	syscall(SYS_ptrace, PTRACE_INTERRUPT, pid, 0, 0);
	for (tries = 0; tries < 50; tries++) {
		if (syscall(SYS_wait4, pid, &status, WNOHANG | __WALL, NULL) == pid)
			break;
		usleep(1000);
	}
	ret = a->r[0] % 2 ? syscall(SYS_ptrace, PTRACE_PEEKDATA, pid, a->addr, &word) :
			    syscall(SYS_ptrace, PTRACE_POKEDATA, pid, a->addr, word);
	err = errno;
	syscall(SYS_ptrace, PTRACE_DETACH, pid, 0, 0);
	errno = err == ESRCH ? EAGAIN : err;
	return ret;
}

static long k_io_uring(struct args *a)
{
	struct iovec iov = { PTR(a->addr), page };
	long ret = syscall(SYS_io_uring_register, state->uring, IORING_REGISTER_BUFFERS, &iov, 1);
	int err = errno;

	if (!ret)
		syscall(SYS_io_uring_register, state->uring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	errno = err;
	return ret;
}

/* By the driver: come and go, next to those that stay. */
static long k_driver(struct args *a)
{
	static const unsigned long cmds[] = {
		MM_SECRET_TEST_ALLOC, MM_SECRET_TEST_FREE, MM_SECRET_TEST_ALLOC,
		MM_SECRET_TEST_FREE_KTHREAD, KERNEL_OWNED_TEST_MAP, KERNEL_OWNED_TEST_MUNMAP,
		MM_SECRET_TEST_KZALLOC,
	};
	struct mm_secret_test_range range = { .size = (a->r[1] % 8 + 1) * page };
	struct kernel_owned_test_range vma = { .size = range.size, .prot = a->r[2] % 4 };
	const unsigned long cmd = cmds[a->r[0] % ARRAY_SIZE(cmds)];
	long ret;
	int fd;

	switch (cmd) {
	case KERNEL_OWNED_TEST_MAP:
		/* One that the close takes away; in between are the others' calls. */
		fd = open_kernel_owned();
		ret = ioctl(fd, cmd, &vma);
		spare_addr = vma.addr;
		sched_yield();
		syscall(SYS_close, fd);
		return ret;
	case KERNEL_OWNED_TEST_MUNMAP:
		/* Of what is ordinary only: nothing would stop it at a kernel-owned VMA. */
		vma.addr = state->me.plain + a->r[3] % (PLAIN_PAGES - 8) * page;
		return ioctl(state->spare_vma, cmd, &vma);
	case MM_SECRET_TEST_KZALLOC:
		range.size /= 64;
		ret = ioctl(state->spare, cmd, &range);
		if (!ret)
			spare_addr = range.addr & -page;
		return ret;
	default:
		ret = ioctl(state->spare, cmd, &range);
		if (!ret && cmd == MM_SECRET_TEST_ALLOC)
			spare_addr = range.addr;
		return ret;
	}
}

/*
 * MAPPED: cannot succeed where nothing is mapped.  ALIKE: nor does it say anything
 * else there than elsewhere in the window.  TO: writes to the address, if it can,
 * and so gets no address where that would hurt.
 */
enum { MAPPED = 1, ALIKE = 2, TO = 4, ROOT = 8, PEER = 16 };

static const struct kind {
	const char *name;
	long (*call)(struct args *a);
	unsigned int weight;
	unsigned int flags;
} kinds[] = {
#define KIND(_name, _weight, _flags)	{ #_name, k_ ## _name, 4 * (_weight), _flags }
#define SLOW_KIND(_name, _flags)	{ #_name, k_ ## _name, 1, _flags }
	KIND(mmap, 6, ALIKE),
	KIND(munmap, 3, MAPPED | ALIKE),
	KIND(mremap, 4, MAPPED | ALIKE),
	KIND(mremap_to, 3, MAPPED),
	KIND(mprotect, 4, MAPPED | ALIKE),
	KIND(pkey_mprotect, 2, MAPPED | ALIKE),
	KIND(madvise, 8, MAPPED | ALIKE),
	KIND(process_madvise, 3, MAPPED | ALIKE),
	KIND(peer_madvise, 3, MAPPED | ALIKE | PEER | ROOT),
	KIND(mlock, 3, MAPPED | ALIKE),
	KIND(munlock, 3, MAPPED | ALIKE),
	KIND(mlockall, 1, 0),
	KIND(mseal, 1, MAPPED | ALIKE),
	KIND(msync, 2, MAPPED | ALIKE),
	KIND(mincore, 2, MAPPED | ALIKE),
	KIND(mbind, 3, MAPPED | ALIKE),
	KIND(home_node, 2, MAPPED | ALIKE),
	KIND(move_pages, 3, MAPPED | ALIKE),
	KIND(peer_move_pages, 2, MAPPED | ALIKE | PEER),
	SLOW_KIND(migrate_pages, 0),
	KIND(remap_file_pages, 2, MAPPED | ALIKE),
	KIND(brk, 2, 0),
	KIND(uffd_register, 3, MAPPED | ALIKE),
	KIND(uffd_unregister, 2, MAPPED | ALIKE),
	KIND(uffd_fill, 3, MAPPED),
	KIND(anon_name, 3, MAPPED | ALIKE),
	KIND(set_mm, 2, MAPPED | ALIKE | ROOT),
	KIND(shmat, 2, 0),
	KIND(shmdt, 2, MAPPED | ALIKE),
	KIND(process_vm, 3, MAPPED | ALIKE | TO),
	KIND(peer_process_vm, 3, MAPPED | ALIKE | TO | PEER),
	KIND(vmsplice, 2, MAPPED | ALIKE),
	KIND(futex, 3, MAPPED | ALIKE | TO),
	KIND(read, 3, MAPPED | ALIKE | TO),
	KIND(write, 3, MAPPED | ALIKE),
	KIND(mem, 3, MAPPED | ALIKE | TO),
	KIND(peer_mem, 2, MAPPED | ALIKE | TO | PEER),
	KIND(clear_refs, 1, 0),
	KIND(pagemap, 2, MAPPED | ALIKE),
	KIND(pagemap_scan, 2, MAPPED | ALIKE),
	KIND(procmap_query, 2, MAPPED | ALIKE),
	SLOW_KIND(fork, 0),
	KIND(ptrace, 1, MAPPED | TO | PEER),
	KIND(io_uring, 2, MAPPED | ALIKE),
	KIND(driver, 4, 0),
};

#define NKINDS	ARRAY_SIZE(kinds)

static unsigned int pick_kind(uint64_t *r)
{
	unsigned int i, total = 0, n;

	for (i = 0; i < NKINDS; i++)
		total += kinds[i].weight;
	n = rnd_below(r, total);
	for (i = 0; n >= kinds[i].weight; i++)
		n -= kinds[i].weight;
	return i;
}

static bool in_window(const struct args *a)
{
	return a->addr >= state->window && a->addr - state->window < state->window_size &&
	       a->len <= state->window_size - (a->addr - state->window);
}

/* Where: areas, their guard pages, the window, the end of the user range, ... */
static void pick_place(uint64_t *r, struct args *a, unsigned int flags)
{
	const struct process *p = flags & PEER ? &state->peer : &state->me;
	const struct region *g;
	unsigned long limit;
	int where = rnd_below(r, 100);

	a->len = (rnd_below(r, 8) + 1) * page;
	if (where < 35) {	/* an area, or a page before or behind it */
		g = &p->area[rnd_below(r, NAREAS)];
		a->addr = (g->addr & -page) - page + rnd_below(r, g->size / page + 3) * page;
		if (rnd_below(r, 4) == 0) {
			a->addr = g->addr & -page;
			a->len = g->size;
		}
	} else if (where < 38) {
		a->addr = spare_addr ?: state->window;
	} else if (where < 44) {
		a->addr = state->window + rnd_below(r, state->window_size / page) * page;
	} else if (where < 46) {
		a->addr = state->window;
		a->len = state->window_size;
	} else if (where < 58) {	/* a kernel-owned VMA */
		g = &p->vma[rnd_below(r, NVMAS)];
		a->addr = g->addr + rnd_below(r, g->size / page) * page;
		if (rnd_below(r, 2)) {
			a->addr = g->addr;
			a->len = g->size;
		}
	} else if (where < 63 && !(flags & TO)) {	/* beyond its ends */
		g = &p->vma[rnd_below(r, NVMAS)];
		a->addr = g->addr - page;
		a->len = g->size + 2 * page;
	} else if (where < 66) {	/* the end of the user range */
		a->addr = state->user_end + page - rnd_below(r, 4) * page;
	} else if (where < 67 && !(flags & TO)) {	/* very much */
		a->addr = rnd_below(r, 3) ? rnd_below(r, state->user_end) & -page : 0;
		a->len = state->user_end - a->addr;
	} else if (where < 68 && !(flags & TO)) {	/* what one needs oneself */
		a->addr = (unsigned long)(rnd_below(r, 2) ? (void *)&a : (void *)&spare_addr) & -page;
	} else {
		a->plain = true;
		a->addr = p->plain + rnd_below(r, PLAIN_PAGES) * page;
		limit = p->plain + PLAIN_PAGES * page - a->addr;
		if (a->len > limit)
			a->len = limit;
	}
	if (rnd_below(r, 16) == 0)
		a->addr += rnd_below(r, page);
	if (rnd_below(r, 64) == 0)
		a->len += rnd_below(r, page);
	a->window = in_window(a);
}

static long call_kind(const struct kind *kind, const struct args *args)
{
	struct args a = *args;
	long ret;

	errno = 0;
	ret = kind->call(&a);
	return ret < 0 ? -errno : ret;
}

/* What a process has must not succeed, and must not tell. */
static void check_window(unsigned int nr, const struct args *a, long ret, uint64_t seed)
{
	const struct kind *kind = &kinds[nr];
	struct args empty = *a;
	long empty_ret = 0;
	int tries;

	if (ret >= 0 && kind->flags & MAPPED) {
		tell_bad(nr, a->addr, a->len, ret, 0, seed);
		return;
	}
	if (!(kind->flags & ALIKE) || ret >= 0 || a->len > state->window_size / 4)
		return;
	/* Others are at it at the same time, so give it some tries. */
	empty.addr = state->empty + a->addr % page;
	for (tries = 0; tries < 4; tries++) {
		empty_ret = call_kind(kind, &empty);
		if (ret == empty_ret)
			return;
		ret = call_kind(kind, a);
		if (ret == empty_ret)
			return;
	}
	tell_bad(nr, a->addr, a->len, ret, empty_ret, seed);
}

static void fuzz(uint64_t seed)
{
	uint64_t r = seed;
	struct msg msg = {};
	int i, j;

	for (i = 0; i < THREAD_CALLS; i++) {
		const unsigned int nr = pick_kind(&r);
		struct args a = {};
		long ret;

		pick_place(&r, &a, kinds[nr].flags);
		for (j = 0; j < (int)ARRAY_SIZE(a.r); j++)
			a.r[j] = rnd(&r) >> 8;
		ret = call_kind(&kinds[nr], &a);
		/* Not by what it was: the call may have replaced this very page of the stack. */
		if (in_window(&a))
			check_window(nr, &a, ret, seed);
		if (msg.n >= MSG_RECORDS)	/* or it was zapped */
			msg.n = 0;
		msg.rec[msg.n++] = nr | (ret >= 0 ? REC_OK : 0) | (a.plain ? REC_PLAIN : 0) |
				   (a.window ? REC_WINDOW : 0);
		if (msg.n == MSG_RECORDS || i == THREAD_CALLS - 1) {
			tell(&msg, MSG_CALLS);
			msg.n = 0;
		}
	}
}

/* At the end, when no other thread is running in this process. */
static int vma_intact(const struct region *g, char *buf, size_t size)
{
	static const char *const have[] = {
		" ko ", " sl ", " pf ", " io ", " de ", " dc ", " dd "
	};
	size_t len = read_text("/proc/self/smaps", buf, size);
	char head[64], *line, *flags, *nl;
	unsigned int i;

	/* Cut off, it says nothing. */
	if (!len || len == size - 1)
		return -1;
	snprintf(head, sizeof(head), "%08lx-%08lx ", g->addr, g->addr + g->size);
	line = strstr(buf, head);
	flags = line ? strstr(line, "VmFlags:") : NULL;
	nl = flags ? strchr(flags, '\n') : NULL;
	if (!nl)
		return 0;
	*nl = '\0';
	for (i = 0; i < ARRAY_SIZE(have); i++) {
		if (!strstr(flags, have[i]))
			return 0;
	}
	return !strstr(flags, " lo ") && !strstr(flags, " mg ") && !strstr(flags, " um ");
}

static int area_intact(const struct region *g, char *buf)
{
	unsigned long addr = 0;

	if (dev_addr(g->fd, &addr) || addr != g->addr)
		return 0;
	if (dev_read(g->fd, 0, buf, g->size))
		return 0;
	return is_pattern((unsigned char *)buf, g->size, g->seed);
}

enum { BAD_AREA = 1000, BAD_VMA, BAD_CONTENTS, BAD_CHURN };

static void verify(uint64_t seed)
{
	const size_t size = 1 << 20;
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct msg msg = {};
	int i, intact;
	char *buf;

	setrlimit(RLIMIT_AS, &unlimited);
	buf = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buf == MAP_FAILED) {
		tell(&msg, MSG_UNVERIFIED);
		return;
	}
	for (i = 0; i < NAREAS; i++) {
		/* The first one the kernel checks. */
		if (i && !area_intact(&state->me.area[i], buf))
			tell_bad(BAD_AREA, state->me.area[i].addr, i, 0, 0, seed);
	}
	for (i = 0; i < NVMAS; i++) {
		intact = vma_intact(&state->me.vma[i], buf, size);
		if (intact < 0) {
			tell(&msg, MSG_UNVERIFIED);
			return;
		}
		if (!intact)
			tell_bad(BAD_VMA, state->me.vma[i].addr, i, 0, 0, seed);
	}
	/* Read-only, so that nothing may have changed it. */
	if (intact && !is_zero(PTR(state->me.vma[0].addr), state->me.vma[0].size))
		tell_bad(BAD_CONTENTS, state->me.vma[0].addr, 0, 0, 0, seed);
	tell(&msg, MSG_VERIFIED);
}

/* The kernel's own use of an area, all the time. */
static void *churn(void *arg)
{
	const uint64_t seed = (unsigned long)arg;
	uint64_t n = 0;

	for (;;) {
		struct mm_secret_test_churn c = {
			.size = state->me.area[0].size, .rounds = 1, .seed = seed + n++,
		};

		if (ioctl(state->me.area[0].fd, MM_SECRET_TEST_CHURN, &c) && errno != EINTR &&
		    errno != EFAULT && errno != EINVAL)
			tell_bad(BAD_CHURN, state->me.area[0].addr, errno, 0, 0, seed);
		usleep(5000);
	}
	return NULL;
}

static int threads_done;

static void *fuzz_thread(void *arg)
{
	fuzz((unsigned long)arg);
	__atomic_store_n(&threads_done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Set up; the supervisor gives up if something fails here. */
static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "# set up: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static void make_areas(struct process *p)
{
	static const int pages[NAREAS] = { 4, 0 /* a small object */, 17 };
	unsigned char *buf = PTR(map_ordinary(17 * page));
	int i;

	p->pid = getpid();
	for (i = 0; i < NAREAS; i++) {
		struct region *g = &p->area[i];

		g->fd = open_mm_secret();
		g->size = pages[i] ? pages[i] * page : 200;
		g->seed = 0x41 + i;
		must(!(pages[i] ? dev_alloc : dev_kzalloc)(g->fd, g->size, &g->addr), "ALLOC");
		make_pattern(buf, g->size, g->seed);
		must(!dev_write(g->fd, 0, buf, g->size), "WRITE");
	}
	for (i = 0; i < NVMAS; i++) {
		struct region *g = &p->vma[i];

		g->fd = open_kernel_owned();
		g->size = 4 * page;
		must(!owned_map(g->fd, KERNEL_OWNED_TEST_MAP, g->size,
				i ? PROT_READ | PROT_WRITE : PROT_READ, &g->addr), "MAP");
	}
	munmap(buf, 17 * page);
}

static void map_ordinary_pages(struct state *s)
{
	static const int flags[4] = {
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED, MAP_PRIVATE,
	};
	const unsigned long quarter = PLAIN_PAGES / 4 * page;
	int i;
	void *mem = mmap(NULL, PLAIN_PAGES * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(mem != MAP_FAILED, "mmap");
	s->me.plain = (unsigned long)mem;
	for (i = 0; i < 4; i++) {
		mem = mmap(PTR(s->me.plain + i * quarter), quarter, PROT_READ | PROT_WRITE,
			   flags[i] | MAP_FIXED, flags[i] & MAP_ANONYMOUS ? -1 : s->file, 0);
		must(mem != MAP_FAILED, "mmap");
		memset(mem, 'p', quarter);
	}
}

static void open_files(struct state *s)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		/* Else a thread that touches a registered page would wait for ever. */
		.features = UFFD_FEATURE_SIGBUS,
	};
	struct io_uring_params params = {};
	struct mm_secret_test_range win = {};

	s->file = memfd_create("fuzz", MFD_CLOEXEC);
	must(!ftruncate(s->file, 2 * PLAIN_PAGES * page), "memfd");
	must(!pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC), "pipe");
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	must(s->uffd >= 0 && !ioctl(s->uffd, UFFDIO_API, &api), "userfaultfd");
	s->uring = syscall(SYS_io_uring_setup, 2, &params);
	s->shm = shmget(IPC_PRIVATE, 2 * page, IPC_CREAT | 0600);
	must(s->shm >= 0 && shmat(s->shm, NULL, 0) != PTR(-1), "shm");
	shmctl(s->shm, IPC_RMID, NULL);
	s->spare = open_mm_secret();
	s->spare_vma = open_kernel_owned();
	must(s->spare_vma >= 0, KERNEL_OWNED_TEST);
	must(!ioctl(s->spare, MM_SECRET_TEST_WINDOW, &win), "WINDOW");
	s->window = win.addr;
	s->window_size = win.size;
	s->user_end = map_last_user_page() + page;
	must(s->user_end > page, "last page");
	munmap(PTR(s->user_end - page), page);
	s->pagemap = open("/proc/self/pagemap", O_RDONLY);
	s->maps = open("/proc/self/maps", O_RDONLY);
	s->mem = open("/proc/self/mem", O_RDWR);
	s->clear_refs = open("/proc/self/clear_refs", O_WRONLY);
}

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, flags);
}

static bool is_empty(const struct state *s, unsigned long addr)
{
	const unsigned long room = 64 * page;
	int i;

	for (i = 0; i < NAREAS; i++) {
		if (s->me.area[i].addr - addr + room < 2 * room ||
		    s->peer.area[i].addr - addr + room < 2 * room)
			return false;
	}
	return true;
}

/* From here on no call can change it, not even by mistake. */
static void seal_state(struct state *s, uint64_t *r)
{
	do {
		s->empty = s->window + rnd_below(r, s->window_size / page - 256) * page;
	} while (!is_empty(s, s->empty));
	s->peer_mem = open_of(s->peer.pid, "mem", O_RDWR);
	s->peer_maps = open_of(s->peer.pid, "maps", O_RDONLY);
	s->peer_pagemap = open_of(s->peer.pid, "pagemap", O_RDONLY);
	s->peer_clear_refs = open_of(s->peer.pid, "clear_refs", O_WRONLY);
	state = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(state != MAP_FAILED, "mmap");
	*state = *s;
	must(!mprotect(state, sizeof(*s), PROT_READ), "mprotect");
	syscall(__NR_mseal, state, (sizeof(*s) + page - 1) & -page, 0);
}

static void limit_space(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = SPACE;
	setrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 0;
	limit.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &limit);
}

static void peer_main(struct state *s, int in, int out, uint64_t seed)
{
	uint64_t r = seed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_files(s);
	make_areas(&s->me);
	map_ordinary_pages(s);
	must(write(out, &s->me, sizeof(s->me)) == sizeof(s->me), "write");
	must(read(in, &s->peer, sizeof(s->peer)) == sizeof(s->peer), "read");
	seal_state(s, &r);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	limit_space();
	fuzz(rnd(&r));
	verify(seed);
	syscall(SYS_exit_group, 0);
}

static void pair_main(int report, uint64_t seed)
{
	struct state s = { .report = report };
	uint64_t r = seed;
	struct msg unverified = {};
	pthread_t thread;
	int there[2], back[2], i;
	pid_t pid;

	setpgid(0, 0);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	must(!pipe(there) && !pipe(back), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid)
		peer_main(&s, there[0], back[1], rnd(&r));

	open_files(&s);
	make_areas(&s.me);
	map_ordinary_pages(&s);
	must(write(there[1], &s.me, sizeof(s.me)) == sizeof(s.me), "write");
	must(read(back[0], &s.peer, sizeof(s.peer)) == sizeof(s.peer), "read");
	seal_state(&s, &r);
	must(!pthread_create(&thread, NULL, churn, PTR(seed)), "thread");
	must(!pthread_create(&thread, NULL, fuzz_thread, PTR(rnd(&r))), "thread");
	limit_space();
	fuzz(rnd(&r));

	for (i = 0; i < 2000 && !__atomic_load_n(&threads_done, __ATOMIC_SEQ_CST); i++)
		usleep(1000);
	for (i = 0; i < 2000 && syscall(SYS_wait4, pid, NULL, WNOHANG, NULL) == 0; i++)
		usleep(1000);
	/* What the other thread still does might change what is read here. */
	if (__atomic_load_n(&threads_done, __ATOMIC_SEQ_CST))
		verify(seed);
	else
		tell(&unverified, MSG_UNVERIFIED);
	syscall(SYS_exit_group, 0);
}

static unsigned int kind_of(long (*call)(struct args *a))
{
	unsigned int i;

	for (i = 0; kinds[i].call != call; i++)
		;
	return i;
}

/* The control: so many things go wrong on purpose. */
#define CONTROLS	6

static void control_main(int report, uint64_t seed)
{
	struct state s = { .report = report };
	uint64_t r = seed;
	struct args a = { .window = true };
	unsigned int nr;

	open_files(&s);
	make_areas(&s.me);
	map_ordinary_pages(&s);
	s.peer = s.me;
	seal_state(&s, &r);

	/* As if in the window: a success, and what is said of a kernel-owned VMA. */
	a.addr = state->me.plain;
	a.len = page;
	nr = kind_of(k_mincore);
	check_window(nr, &a, call_kind(&kinds[nr], &a), seed);
	a.addr = state->me.vma[0].addr;
	nr = kind_of(k_munmap);
	check_window(nr, &a, call_kind(&kinds[nr], &a), seed);
	nr = kind_of(k_mprotect);
	check_window(nr, &a, call_kind(&kinds[nr], &a), seed);

	/* An area that is gone, one that has changed, and a VMA that is not as it was. */
	dev_free(state->me.area[1].fd);
	dev_write(state->me.area[2].fd, page, "x", 1);
	owned_range(state->spare_vma, KERNEL_OWNED_TEST_UNSEAL, state->me.vma[1].addr, 4 * page);
	verify(seed);
	syscall(SYS_exit_group, 0);
}

/* The supervisor */
static struct total {
	unsigned long calls, pairs, died, killed, hung, verified, unverified, bad, wrong, window;
	unsigned long made[NKINDS], ok[NKINDS], ok_plain[NKINDS];
} total;

static struct msg first_bad;
static bool on_purpose;

static void print_bad(const struct msg *msg)
{
	const char *what = msg->bad.kind < NKINDS ? kinds[msg->bad.kind].name :
			   msg->bad.kind == BAD_AREA ? "an area is gone or changed" :
			   msg->bad.kind == BAD_VMA ? "a VMA is gone or changed" :
			   msg->bad.kind == BAD_CONTENTS ? "a VMA's contents changed" :
			   msg->bad.kind == BAD_CHURN ? "CHURN" : "?";

	ksft_print_msg("BAD: %s: %llx len %llx: %lld, where nothing is %lld, seed %llx\n",
		       what, (long long)msg->bad.addr, (long long)msg->bad.len,
		       (long long)msg->bad.ret, (long long)msg->bad.empty_ret,
		       (long long)msg->bad.seed);
}

static void on_bad(const struct msg *msg)
{
	if (on_purpose) {
		total.wrong++;
		return;
	}
	if (!total.bad)
		first_bad = *msg;
	if (total.bad++ < 50)
		print_bad(msg);
}

static void on_msg(const struct msg *msg)
{
	int i, kind;

	if (msg->magic != MSG_MAGIC || msg->n > MSG_RECORDS)
		return;
	switch (msg->type) {
	case MSG_CALLS:
		for (i = 0; i < msg->n; i++) {
			kind = msg->rec[i] & 0xff;
			if (kind >= (int)NKINDS)
				continue;
			total.calls++;
			total.made[kind]++;
			total.window += !!(msg->rec[i] & REC_WINDOW);
			if (!(msg->rec[i] & REC_OK))
				continue;
			total.ok[kind]++;
			total.ok_plain[kind] += !!(msg->rec[i] & REC_PLAIN);
		}
		break;
	case MSG_BAD:
		on_bad(msg);
		break;
	case MSG_VERIFIED:
		total.verified++;
		break;
	case MSG_UNVERIFIED:
		total.unverified++;
		break;
	}
}

/* Read what there is; wait for it no longer than that. */
static bool drain(int fd, int timeout)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct msg msg;
	bool any = false;

	while (poll(&pfd, 1, timeout) > 0 && read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		on_msg(&msg);
		any = true;
		timeout = 0;
	}
	return any;
}

/* Of a thread: its state, and the time it has run in user mode and in the kernel. */
struct running {
	char state;
	unsigned long user, system;
};

static struct running running(pid_t pid, pid_t tid)
{
	char path[64], buf[512], *name_end = NULL;
	struct running it;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	if (read_text(path, buf, sizeof(buf)))
		name_end = strrchr(buf, ')');
	if (!name_end ||
	    sscanf(name_end, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &it.state, &it.user, &it.system) != 3)
		it = (struct running){ .state = 'X' };
	return it;
}

/*
 * Whether one of its threads sleeps where only SIGKILL helps, or runs without coming
 * back to user mode.  A thread that has overwritten its own memory, or a lock in it,
 * may well go on for ever; that is no fault of the kernel.
 */
static bool hangs_in_kernel(pid_t pid)
{
	bool hangs = false;
	struct dirent *task;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		const pid_t tid = atoi(task->d_name);
		struct running was, is;

		if (!tid)
			continue;
		was = running(pid, tid);
		sleep(HANG_SECONDS);
		is = running(pid, tid);
		hangs |= was.state == 'D' && is.state == 'D' &&
			 was.user == is.user && was.system == is.system;
		hangs |= is.state == 'R' && was.user == is.user && was.system < is.system;
		ksft_print_msg("%d: %c to %c, ran for %lu+%lu ticks, then %lu+%lu\n", tid,
			       was.state, is.state, was.user, was.system, is.user, is.system);
	}
	if (tasks)
		closedir(tasks);
	return hangs;
}

static void supervise(int report[2], uint64_t seed, void (*pair)(int report, uint64_t seed))
{
	const time_t start = time(NULL);
	int status = 0, ended = 0, i;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!pid)
		pair(report[1], seed);
	setpgid(pid, pid);
	while (!ended && time(NULL) < start + PAIR_SECONDS) {
		drain(report[0], 20);
		ended = waitpid(pid, &status, WNOHANG) == pid;
	}
	total.pairs++;
	if (!ended) {
		ksft_print_msg("a pair does not end, seed %#llx\n", (unsigned long long)seed);
		total.hung += hangs_in_kernel(pid);
		total.killed++;
	} else if (WIFSIGNALED(status)) {
		total.died++;
	}
	kill(-pid, SIGKILL);
	/* Those, too, that it left behind. */
	for (i = 0; i < 1000; i++) {
		pid_t gone = waitpid(-1, &status, WNOHANG);

		if (gone < 0)
			break;
		if (!gone)
			drain(report[0], 20);
	}
	if (i == 1000)
		ksft_exit_fail_msg("a process cannot be killed\n");
	drain(report[0], 0);
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 2)
		ksft_exit_fail_msg("a pair cannot be set up\n");
}

static void print_kinds(void)
{
	unsigned int i;

	for (i = 0; i < NKINDS; i++)
		ksft_print_msg("%-18s %7lu calls %7lu succeeded %7lu on ordinary memory\n",
			       kinds[i].name, total.made[i], total.ok[i], total.ok_plain[i]);
}

int main(int argc, char **argv)
{
	const char *env_calls = getenv("MM_SECRET_FUZZ_CALLS");
	const char *env_seed = getenv("MM_SECRET_FUZZ_SEED");
	unsigned long wanted = env_calls ? strtoul(env_calls, NULL, 0) : CALLS;
	uint64_t seed = env_seed ? strtoull(env_seed, NULL, 0) : 0;
	struct timespec start, end;
	unsigned int i, missing = 0;
	double seconds;
	int report[2], opt;
	uint64_t r;

	while ((opt = getopt(argc, argv, "c:s:")) != -1) {
		if (opt == 'c')
			wanted = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			ksft_exit_fail_msg("usage: %s [-c CALLS] [-s SEED]\n", argv[0]);
	}
	ksft_print_header();
	page = page_size();
	if (no_mm_secret())
		ksft_exit_skip("no " MM_SECRET_TEST "\n");
	ksft_set_plan(6);
	while (!seed)
		syscall(SYS_getrandom, &seed, sizeof(seed), 0);
	ksft_print_msg("%lu calls, seed %#llx\n", wanted, (unsigned long long)seed);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe(report))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));

	on_purpose = true;
	supervise(report, seed, control_main);
	memset(&total, 0, offsetof(struct total, wrong));
	on_purpose = false;

	r = seed;
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (total.calls < wanted && total.killed < 3)
		supervise(report, rnd(&r), pair_main);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;

	print_kinds();
	ksft_print_msg("%lu calls, %lu of them on the window, in %.1f s: %.0f a second\n",
		       total.calls, total.window, seconds, total.calls / seconds);
	ksft_print_msg("%lu pairs, in %lu the first process died, in %lu it was killed; "
		       "%lu checks, %lu not possible\n", total.pairs, total.died, total.killed,
		       total.verified, total.unverified);

	ksft_test_result(total.wrong == CONTROLS, "what is wrong on purpose is found\n");
	ksft_test_result(total.calls >= wanted && !total.hung, "calls made, none hangs\n");
	for (i = 0; i < NKINDS; i++) {
		if (total.ok_plain[i] || (kinds[i].flags & ROOT && geteuid()))
			continue;
		ksft_print_msg("%s never succeeded on ordinary memory\n", kinds[i].name);
		missing++;
	}
	if (wanted < CALLS)
		ksft_test_result_skip("too few calls for each kind to succeed\n");
	else
		ksft_test_result(!missing, "each kind of call succeeds on ordinary memory\n");
	ksft_test_result(total.window > total.calls / 4, "many of the calls are on the window\n");
	ksft_test_result(total.verified > total.pairs / 3, "many processes live to check\n");
	/* Once more, as what belongs to this result. */
	if (total.bad)
		print_bad(&first_bad);
	ksft_test_result(!total.bad, "areas answer as if there was nothing, and are intact\n");
	ksft_finished();
}
