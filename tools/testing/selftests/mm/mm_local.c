// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel-owned VMAs and of mm-local memory.
 *
 * A kernel-owned VMA is tried in both places where there is one: "user" is a
 * VMA at an ordinary user address, "window" is an area of mm-local memory, in
 * the range of addresses that no user pointer may name.  What userspace tries
 * on the former is refused, mostly with EPERM.  On the latter everything must
 * answer as it does at an address in the window where nothing is.
 *
 * Each test shows one rule.  It tries what is refused, then the same on an
 * ordinary mapping where it works, so that it fails if the attempt itself was
 * wrong; and it looks afterwards whether the area is as it was.
 *
 * Needs CONFIG_MM_LOCAL_TEST, debugfs and root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <linux/suspend_ioctls.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "mm_local_util.h"
#include "vm_util.h"

#define PATTERN_SIZE	64

/* Something that is done to a range of addresses: its result, or -errno. */
typedef long (*call_fn)(unsigned long addr, unsigned long len);

/*
 * Direct access: loads, stores and jumps, and what the signal says about them.
 */
struct fault {
	int sig;	/* 0 if there was none */
	int code;
	unsigned long offset;	/* of the address told from that accessed */
	unsigned long err;	/* what the CPU said, where the kernel tells */
};

enum access { LOAD, STORE, JUMP, ATOMIC, STRING, CROSSING };

static sigjmp_buf fault_jump;
static struct fault fault;
static unsigned long fault_at;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault.sig = sig;
	fault.code = info->si_code;
	fault.offset = (unsigned long)info->si_addr - fault_at;
	fault.err = fault_syndrome(context);
	siglongjmp(fault_jump, 1);
}

static struct fault try_access(enum access how, unsigned long addr)
{
	const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, NULL);

	memset(&fault, 0, sizeof(fault));
	fault_at = addr;
	if (!sigsetjmp(fault_jump, 1)) {
		switch (how) {
		case LOAD:
			FORCE_READ(*(unsigned char *)addr);
			break;
		case STORE:
			__atomic_store_n((unsigned char *)addr, 'x', __ATOMIC_RELAXED);
			break;
		case JUMP:
			((void (*)(void))addr)();
			break;
		case ATOMIC:
			__atomic_fetch_add((long *)addr, 1, __ATOMIC_SEQ_CST);
			break;
		case STRING:
#ifdef __x86_64__
		{
			void *to = buffer, *from = (void *)addr;
			unsigned long n = 64;

			asm volatile("rep movsb" : "+D" (to), "+S" (from), "+c" (n)
				     :: "memory");
			break;
		}
#else
			memcpy(buffer, (void *)addr, 64);
			break;
#endif
		case CROSSING:
			/* The last bytes before the range, the first ones of it. */
			FORCE_READ(*(long *)(addr - 4));
			break;
		}
	}
	act.sa_handler = SIG_DFL;
	act.sa_flags = 0;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, NULL);
	return fault;
}

FIXTURE(direct_access)
{
	struct place p;
};

FIXTURE_VARIANT(direct_access)
{
	bool window;
};

FIXTURE_VARIANT_ADD(direct_access, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(direct_access, window)
{
	.window = true,
};

FIXTURE_SETUP(direct_access)
{
	SETUP_PLACE(&self->p, variant->window, PROT_READ);
}

FIXTURE_TEARDOWN(direct_access)
{
}

/*
 * In the window: the fault that an address has where nothing is.  At a user
 * address, which can be read only: @code, 0 for no fault.  @fine is an address
 * where it works.
 */
static void access_rule(struct __test_metadata *_metadata, const struct place *p,
			enum access how, int code, unsigned long fine)
{
	unsigned long off;
	struct fault f, e;

	for (off = 0; off < p->size; off += ps()) {
		f = try_access(how, p->addr + off);
		e = try_access(how, p->empty + off);
		ASSERT_EQ(SIGSEGV, e.sig);
		ASSERT_EQ(SEGV_MAPERR, e.code);
		if (p->window) {
			EXPECT_EQ(SIGSEGV, f.sig);
			EXPECT_EQ(SEGV_MAPERR, f.code);
			EXPECT_EQ(e.offset, f.offset);
			EXPECT_EQ(e.err, f.err);
		} else {
			EXPECT_EQ(code ? SIGSEGV : 0, f.sig);
			EXPECT_EQ(code, f.code);
			if (code)
				EXPECT_EQ(0, f.offset);
		}
	}
	f = try_access(how, fine);
	EXPECT_EQ(0, f.sig)
		TH_LOG("at an ordinary address: signal %d code %d", f.sig, f.code);
	EXPECT_UNTOUCHED(p, "the accesses");
}

TEST_F(direct_access, load)
{
	access_rule(_metadata, &self->p, LOAD, 0, ordinary(ps()));
}

TEST_F(direct_access, store)
{
	access_rule(_metadata, &self->p, STORE, SEGV_ACCERR, ordinary(ps()));
}

TEST_F(direct_access, atomic)
{
	access_rule(_metadata, &self->p, ATOMIC, SEGV_ACCERR, ordinary(ps()));
}

TEST_F(direct_access, string_instruction)
{
	access_rule(_metadata, &self->p, STRING, 0, ordinary(ps()));
}

static void nothing(void)
{
}

TEST_F(direct_access, jump)
{
	access_rule(_metadata, &self->p, JUMP, SEGV_ACCERR, (unsigned long)nothing);
}

TEST_F(direct_access, load_across_the_start)
{
	access_rule(_metadata, &self->p, CROSSING, 0, ordinary(ps()) + 64);
}

/* Just outside: nothing there, or the neighbours, which are as they were. */
TEST_F(direct_access, neighbouring_pages)
{
	const struct place *p = &self->p;
	unsigned long out[2] = { p->addr - 1, p->addr + p->size };
	struct fault f, e;
	int i;

	for (i = 0; i < 2; i++) {
		f = try_access(LOAD, out[i]);
		e = try_access(LOAD, p->empty);
		ASSERT_EQ(SIGSEGV, e.sig);
		if (p->window) {
			EXPECT_EQ(SEGV_MAPERR, f.code);
			EXPECT_EQ(e.sig, f.sig);
			EXPECT_EQ(e.offset, f.offset);
			EXPECT_EQ(e.err, f.err);
		} else {
			EXPECT_EQ(0, f.sig);
		}
	}
	EXPECT_UNTOUCHED(p, "the loads");
}

static void faults_of(enum access how, unsigned long addr, long *minor, long *major)
{
	struct rusage before, after;

	try_access(how, addr);	/* so that the stack and the like are there */
	getrusage(RUSAGE_SELF, &before);
	try_access(how, addr);
	getrusage(RUSAGE_SELF, &after);
	*minor = after.ru_minflt - before.ru_minflt;
	*major = after.ru_majflt - before.ru_majflt;
}

/* How many faults the process had does not tell either. */
TEST_F(direct_access, fault_counters)
{
	const struct place *p = &self->p;
	long minor, major, e_minor, e_major;
	struct rusage before, after;
	char *mem;

	faults_of(LOAD, p->addr, &minor, &major);
	/* What can be read was mapped from the start: no fault, either. */
	faults_of(LOAD, p->window ? p->empty : ordinary(ps()), &e_minor, &e_major);
	EXPECT_EQ(e_minor, minor);
	EXPECT_EQ(e_major, major);

	faults_of(STORE, p->addr, &minor, &major);
	faults_of(STORE, p->empty, &e_minor, &e_major);
	if (p->window)
		EXPECT_EQ(e_minor, minor);
	EXPECT_EQ(e_major, major);

	/* They do count. */
	mem = mmap(NULL, ps(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	getrusage(RUSAGE_SELF, &before);
	__atomic_store_n(mem, 1, __ATOMIC_RELAXED);
	getrusage(RUSAGE_SELF, &after);
	EXPECT_LT(before.ru_minflt, after.ru_minflt);
	EXPECT_UNTOUCHED(p, "the accesses");
}

static long load_in_child(const struct remote *r)
{
	struct fault f = try_access(LOAD, r->addr);

	return f.sig << 8 | f.code;
}

/* A child has no such area, and another process cannot use its address. */
TEST_F(direct_access, from_a_child)
{
	const struct place *p = &self->p;
	struct remote at = { .addr = p->addr }, empty = { .addr = p->empty };
	struct remote fine = { .addr = ordinary(ps()) };

	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &at));
	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &empty));
	EXPECT_EQ(0, in_child(load_in_child, &fine));
	EXPECT_UNTOUCHED(p, "the child");
}

/*
 * Calls that map, unmap and change mappings.
 */
static long c_munmap(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_munmap, addr, len));
}

static long unmap_again(long ret, unsigned long len)
{
	ret = result(ret);
	if (ret < 0 && ret > -4096)
		return ret;
	munmap((void *)ret, len);
	return 0;
}

static long c_mmap_fixed(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_mmap, addr, len, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)) < 0 ?
		-errno : 0;
}

static long c_mmap_noreplace(unsigned long addr, unsigned long len)
{
	return unmap_again(syscall(SYS_mmap, addr, len, PROT_READ,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
				   -1, 0), len);
}

static long c_mmap_hint(unsigned long addr, unsigned long len)
{
	long ret = syscall(SYS_mmap, addr, len, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ret == -1)
		return -errno;
	munmap((void *)ret, len);
	return ret == (long)addr;
}

static long c_mremap(unsigned long addr, unsigned long old_len, unsigned long new_len,
		     int flags, unsigned long to)
{
	long ret = syscall(SYS_mremap, addr, old_len, new_len, flags, to);

	return ret == -1 ? -errno : 0;
}

static unsigned long elsewhere(unsigned long len)
{
	void *to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return to == MAP_FAILED ? 0 : (unsigned long)to;
}

static long c_mremap_move(unsigned long addr, unsigned long len)
{
	return c_mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere(len));
}

static long c_mremap_grow(unsigned long addr, unsigned long len)
{
	return c_mremap(addr, len, len + ps(), MREMAP_MAYMOVE, 0);
}

static long c_mremap_shrink(unsigned long addr, unsigned long len)
{
	return c_mremap(addr, len, ps(), 0, 0);
}

static long c_mremap_target(unsigned long addr, unsigned long len)
{
	unsigned long from = ordinary(ps());
	long ret = c_mremap(from, ps(), len, MREMAP_MAYMOVE | MREMAP_FIXED, addr);

	if (ret)
		munmap((void *)from, ps());
	return ret;
}

static long c_mremap_dontunmap(unsigned long addr, unsigned long len)
{
	return c_mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
}

/* Makes a second mapping of a shared one. */
static long c_mremap_from_nothing(unsigned long addr, unsigned long len)
{
	return c_mremap(addr, 0, len, MREMAP_MAYMOVE, 0);
}

static long c_mprotect_none(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_mprotect, addr, len, PROT_NONE));
}

static long c_mprotect_read(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_mprotect, addr, len, PROT_READ));
}

static long c_mprotect_all(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_mprotect, addr, len, PROT_READ | PROT_WRITE | PROT_EXEC));
}

static long c_pkey_mprotect(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_pkey_mprotect, addr, len, PROT_READ, -1));
}

static long c_mlock(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_mlock, addr, len));
}

static long c_mlock_onfault(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_mlock2, addr, len, 1 /* MLOCK_ONFAULT */));
}

static long c_munlock(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_munlock, addr, len));
}

static long c_mseal(unsigned long addr, unsigned long len)
{
	return result(syscall(__NR_mseal, addr, len, 0));
}

static long mbind_to_0(unsigned long addr, unsigned long len, int mode, int flags)
{
	unsigned long nodes = 1;

	return result(syscall(SYS_mbind, addr, len, mode, mode ? &nodes : NULL,
			      mode ? 8 * sizeof(nodes) : 0, flags));
}

static long c_mbind_default(unsigned long addr, unsigned long len)
{
	return mbind_to_0(addr, len, MPOL_DEFAULT, 0);
}

static long c_mbind(unsigned long addr, unsigned long len)
{
	return mbind_to_0(addr, len, MPOL_BIND, 0);
}

static long c_mbind_move(unsigned long addr, unsigned long len)
{
	return mbind_to_0(addr, len, MPOL_BIND, MPOL_MF_MOVE | MPOL_MF_MOVE_ALL);
}

static long c_home_node(unsigned long addr, unsigned long len)
{
	return result(syscall(__NR_set_mempolicy_home_node, addr, len, 0, 0));
}

static long c_get_mempolicy(unsigned long addr, unsigned long len __maybe_unused)
{
	int mode = -1;
	long ret = syscall(SYS_get_mempolicy, &mode, NULL, 0, addr, MPOL_F_ADDR);

	return ret == -1 ? -errno : mode;
}

static long move_page(pid_t pid, unsigned long addr, bool query)
{
	void *pages[1] = { (void *)addr };
	int nodes[1] = { 0 }, status[1] = { -12345 };
	long ret = syscall(SYS_move_pages, pid, 1, pages, query ? NULL : nodes, status,
			   MPOL_MF_MOVE_ALL);

	return ret == -1 ? -errno : status[0];
}

static long c_move_pages(unsigned long addr, unsigned long len __maybe_unused)
{
	return move_page(0, addr, false);
}

static long c_where_are_pages(unsigned long addr, unsigned long len __maybe_unused)
{
	return move_page(0, addr, true);
}

static long c_remap_file_pages(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_remap_file_pages, addr, len, 0, 0, 0));
}

static long c_msync_sync(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_msync, addr, len, MS_SYNC));
}

static long c_msync_invalidate(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_msync, addr, len, MS_ASYNC | MS_INVALIDATE));
}

static long c_mincore(unsigned long addr, unsigned long len)
{
	unsigned char vec[64];

	if (len / ps() > sizeof(vec))
		len = sizeof(vec) * ps();
	return result(syscall(SYS_mincore, addr, len, vec));
}

static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static long uffd_call(unsigned long cmd, void *arg)
{
	int fd = uffd_open();
	long ret;

	if (fd < 0)
		return -errno;
	ret = result(ioctl(fd, cmd, arg));
	close(fd);
	return ret;
}

static long c_uffd_register(unsigned long addr, unsigned long len)
{
	struct uffdio_register reg = {
		.range = { .start = addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return uffd_call(UFFDIO_REGISTER, &reg);
}

static long c_uffd_register_wp(unsigned long addr, unsigned long len)
{
	struct uffdio_register reg = {
		.range = { .start = addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	return uffd_call(UFFDIO_REGISTER, &reg);
}

static long c_uffd_unregister(unsigned long addr, unsigned long len)
{
	struct uffdio_range range = { .start = addr, .len = len };

	return uffd_call(UFFDIO_UNREGISTER, &range);
}

static unsigned long uffd_source;

static long c_uffd_copy(unsigned long addr, unsigned long len)
{
	struct uffdio_copy copy = { .dst = addr, .src = uffd_source, .len = len };

	return uffd_call(UFFDIO_COPY, &copy);
}

static long c_uffd_zeropage(unsigned long addr, unsigned long len)
{
	struct uffdio_zeropage zero = { .range = { .start = addr, .len = len } };

	return uffd_call(UFFDIO_ZEROPAGE, &zero);
}

static long c_uffd_writeprotect(unsigned long addr, unsigned long len)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = addr, .len = len },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	return uffd_call(UFFDIO_WRITEPROTECT, &wp);
}

static long c_uffd_poison(unsigned long addr, unsigned long len)
{
	struct uffdio_poison poison = { .range = { .start = addr, .len = len } };

	return uffd_call(UFFDIO_POISON, &poison);
}

static long c_uffd_move_from(unsigned long addr, unsigned long len)
{
	struct uffdio_move move = { .dst = uffd_source, .src = addr, .len = len };

	return uffd_call(UFFDIO_MOVE, &move);
}

static long c_uffd_move_to(unsigned long addr, unsigned long len)
{
	struct uffdio_move move = { .dst = addr, .src = uffd_source, .len = len };

	return uffd_call(UFFDIO_MOVE, &move);
}

static long c_anon_name(unsigned long addr, unsigned long len)
{
	return result(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr, len, "mine"));
}

static long c_shmat(unsigned long addr, unsigned long len)
{
	int id = shmget(IPC_PRIVATE, len > ps() * 64 ? ps() : len, IPC_CREAT | 0600);
	long ret;

	if (id < 0)
		return -errno;
	ret = syscall(SYS_shmat, id, addr, SHM_REMAP);
	if (ret != -1)
		shmdt((void *)ret);
	else
		ret = -errno;
	shmctl(id, IPC_RMID, NULL);
	return ret < 0 && ret > -4096 ? ret : 0;
}

static long c_process_madvise(unsigned long addr, unsigned long len)
{
	struct iovec iov = { .iov_base = (void *)addr, .iov_len = len };
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	long ret = result(syscall(SYS_process_madvise, pidfd, &iov, 1, MADV_COLD, 0));

	close(pidfd);
	return ret == (long)len ? 0 : ret;
}

FIXTURE(mapping_calls)
{
	struct place p;
};

FIXTURE_VARIANT(mapping_calls)
{
	bool window;
};

FIXTURE_VARIANT_ADD(mapping_calls, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(mapping_calls, window)
{
	.window = true,
};

FIXTURE_SETUP(mapping_calls)
{
	SETUP_PLACE(&self->p, variant->window, PROT_READ | PROT_WRITE);
	uffd_source = ordinary(NPAGES * ps());
}

FIXTURE_TEARDOWN(mapping_calls)
{
}

/*
 * @call over the whole, its first page, its last page, and one page more at
 * both ends.  In the window it answers as on an empty address; at a user
 * address with @refusal.
 */
static void call_rule(struct __test_metadata *_metadata, const struct place *p,
		      const char *name, call_fn call, long refusal)
{
	const struct {
		long from, to;
	} ranges[] = {
		{ 0, p->size },
		{ 0, ps() },
		{ p->size - ps(), p->size },
		{ -ps(), p->size + ps() },
	};
	unsigned int i;
	long ret, want;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		unsigned long len = ranges[i].to - ranges[i].from;

		ret = call(p->addr + ranges[i].from, len);
		want = p->window ? call(p->empty + ranges[i].from, len) : refusal;
		EXPECT_EQ(want, ret)
			TH_LOG("%s, pages %ld to %ld: %s instead of %s", name,
			       ranges[i].from / (long)ps(), ranges[i].to / (long)ps(),
			       why(ret), why(want));
		EXPECT_UNTOUCHED(p, name);
	}
}

/* The counter-check: on ordinary memory it works. */
static void works(struct __test_metadata *_metadata, const char *name, long ret)
{
	EXPECT_EQ(0, ret)
		TH_LOG("%s of ordinary memory: %s", name, why(ret));
}

TEST_F(mapping_calls, munmap)
{
	call_rule(_metadata, &self->p, "munmap", c_munmap, -EPERM);
	works(_metadata, "munmap", c_munmap(ordinary(ps()), ps()));
}

/* As with mseal(2): if part of the range is refused, all of it stays. */
TEST_F(mapping_calls, munmap_spanning_unmaps_nothing)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(3 * ps());
	struct fault f;

	if (p->window) {
		EXPECT_EQ(c_munmap(p->empty - ps(), p->size + 2 * ps()),
			  c_munmap(p->addr - ps(), p->size + 2 * ps()));
	} else {
		EXPECT_EQ(-EPERM, c_munmap((unsigned long)p->below, p->size + 2 * ps()));
		f = try_access(LOAD, (unsigned long)p->below);
		EXPECT_EQ(0, f.sig);
		f = try_access(LOAD, (unsigned long)p->above);
		EXPECT_EQ(0, f.sig);
	}
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ(0, c_munmap(mem, 3 * ps()));
	f = try_access(LOAD, mem + ps());
	EXPECT_EQ(SIGSEGV, f.sig);
}

/* The last page below the end of the user range. */
static unsigned long last_user_page(int fd)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	struct mm_local_test_range window = {};
	int bits;

	ioctl(fd, MM_LOCAL_TEST_WINDOW, &window);
	for (bits = 64; bits > 32; bits--) {
		/* The window may come right after it. */
		unsigned long addr = bits < 64 ? (1UL << bits) - 2 * ps() :
						 window.addr - ps();
		void *mem = mmap((void *)addr, ps(), PROT_READ | PROT_WRITE, flags, -1, 0);

		if (mem == (void *)addr)
			return addr;
		if (mem != MAP_FAILED)
			munmap(mem, ps());
	}
	return 0;
}

/* From 0 to as far as the kernel accepts. */
TEST_F(mapping_calls, munmap_everything)
{
	const struct place *p = &self->p;
	unsigned long top = 1UL << 63;

	while (top > ps() && p->window && c_munmap(top, ps()) == -EINVAL)
		top >>= 1;
	if (p->window) {
		/* All of the kernel half, and what ends in the area. */
		EXPECT_EQ(-EINVAL, c_munmap(0, p->empty));
		EXPECT_EQ(-EINVAL, c_munmap(0, p->addr + ps()));
		EXPECT_EQ(-EINVAL, c_munmap(1UL << 63, p->addr - (1UL << 63) + p->size));
		EXPECT_EQ(-EINVAL, c_munmap(0, -ps()));
	} else {
		/* The VMA is not the only one there, but the last is not reached. */
		EXPECT_EQ(-EPERM, c_munmap(0, p->addr + p->size));
		EXPECT_EQ(-EPERM, c_munmap(0, last_user_page(p->fd)));
	}
	EXPECT_UNTOUCHED(p, "munmap");
	works(_metadata, "munmap", c_munmap(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, mmap_fixed)
{
	call_rule(_metadata, &self->p, "mmap of MAP_FIXED", c_mmap_fixed, -EPERM);
	works(_metadata, "mmap of MAP_FIXED", c_mmap_fixed(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, mmap_fixed_noreplace)
{
	unsigned long mem = ordinary(ps());

	call_rule(_metadata, &self->p, "mmap of MAP_FIXED_NOREPLACE", c_mmap_noreplace,
		  -EEXIST);
	EXPECT_EQ(-EEXIST, c_mmap_noreplace(mem, ps()));
	munmap((void *)mem, ps());
	works(_metadata, "mmap of MAP_FIXED_NOREPLACE", c_mmap_noreplace(mem, ps()));
}

TEST_F(mapping_calls, mmap_hint)
{
	unsigned long mem = ordinary(ps());

	call_rule(_metadata, &self->p, "mmap with a hint", c_mmap_hint, 0);
	munmap((void *)mem, ps());
	EXPECT_EQ(1, c_mmap_hint(mem, ps()));
}

TEST_F(mapping_calls, shmat_remap)
{
	call_rule(_metadata, &self->p, "shmat of SHM_REMAP", c_shmat, -EPERM);
	works(_metadata, "shmat of SHM_REMAP", c_shmat(ordinary(ps()), ps()));
}

/* Several VMAs can be moved at once, and those before the refused one are. */
static long c_mremap_move_inside(unsigned long addr, unsigned long len)
{
	if (len > NPAGES * ps()) {
		addr += ps();
		len -= ps();
	}
	return c_mremap_move(addr, len);
}

TEST_F(mapping_calls, mremap_move)
{
	call_rule(_metadata, &self->p, "mremap", c_mremap_move_inside, -EPERM);
	works(_metadata, "mremap", c_mremap_move(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, mremap_move_several)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(3 * ps());
	long ret = c_mremap_move(p->addr - ps(), p->size + 2 * ps());
	long want = p->window ? c_mremap_move(p->empty - ps(), p->size + 2 * ps()) :
		-EPERM;

	EXPECT_EQ(want, ret) TH_LOG("mremap: %s", why(ret));
	EXPECT_UNTOUCHED(p, "mremap");

	/* Three VMAs. */
	ASSERT_EQ(0, c_mprotect_read(mem + ps(), ps()));
	works(_metadata, "mremap", c_mremap_move(mem, 3 * ps()));
}

/* Start inside: a range that goes on behind the VMA is not for mremap. */
static long c_mremap_grow_inside(unsigned long addr, unsigned long len)
{
	return c_mremap_grow(addr + (len > NPAGES * ps() ? ps() : 0), ps());
}

TEST_F(mapping_calls, mremap_grow)
{
	call_rule(_metadata, &self->p, "mremap", c_mremap_grow_inside, -EPERM);
	works(_metadata, "mremap", c_mremap_grow(ordinary(ps()), ps()));
}

static long c_mremap_shrink_inside(unsigned long addr, unsigned long len)
{
	if (len > NPAGES * ps())
		return c_mremap_shrink(addr + ps(), len - ps());
	return c_mremap_shrink(addr, len + ps());
}

TEST_F(mapping_calls, mremap_shrink)
{
	call_rule(_metadata, &self->p, "mremap", c_mremap_shrink_inside, -EPERM);
	works(_metadata, "mremap", c_mremap_shrink(ordinary(2 * ps()), 2 * ps()));
}

TEST_F(mapping_calls, mremap_target)
{
	call_rule(_metadata, &self->p, "mremap", c_mremap_target, -EPERM);
	works(_metadata, "mremap", c_mremap_target(ordinary(ps()), ps()));
}

static long c_mremap_dontunmap_inside(unsigned long addr, unsigned long len)
{
	return c_mremap_dontunmap(addr + (len > NPAGES * ps() ? ps() : 0), ps());
}

TEST_F(mapping_calls, mremap_dontunmap)
{
	call_rule(_metadata, &self->p, "mremap", c_mremap_dontunmap_inside, -EPERM);
	works(_metadata, "mremap", c_mremap_dontunmap(ordinary(ps()), ps()));
}

static long c_mremap_from_nothing_inside(unsigned long addr, unsigned long len)
{
	return c_mremap_from_nothing(addr + (len > NPAGES * ps() ? ps() : 0), ps());
}

TEST_F(mapping_calls, mremap_old_size_0)
{
	void *mem = mmap(NULL, ps(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	call_rule(_metadata, &self->p, "mremap", c_mremap_from_nothing_inside, -EPERM);
	works(_metadata, "mremap", c_mremap_from_nothing((unsigned long)mem, ps()));
}

TEST_F(mapping_calls, mprotect)
{
	call_rule(_metadata, &self->p, "mprotect to none", c_mprotect_none, -EPERM);
	call_rule(_metadata, &self->p, "mprotect to read", c_mprotect_read, -EPERM);
	works(_metadata, "mprotect to none", c_mprotect_none(ordinary(ps()), ps()));
	works(_metadata, "mprotect to read", c_mprotect_read(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, mprotect_to_more)
{
	const struct place *p = &self->p;
	long ret = c_mprotect_all(p->addr, p->size);
	long want = p->window ? c_mprotect_all(p->empty, p->size) : -EPERM;

	/* EACCES is what comes first if the VMA may never be executed. */
	if (!p->window && ret == -EACCES)
		want = -EACCES;
	EXPECT_EQ(want, ret) TH_LOG("mprotect: %s", why(ret));
	EXPECT_UNTOUCHED(p, "mprotect");
	EXPECT_NE(0, try_access(JUMP, p->addr).sig);
	works(_metadata, "mprotect", c_mprotect_all(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, pkey_mprotect)
{
	call_rule(_metadata, &self->p, "pkey_mprotect", c_pkey_mprotect, -EPERM);
	works(_metadata, "pkey_mprotect", c_pkey_mprotect(ordinary(ps()), ps()));
}

/*
 * madvise
 */
static int advice_now;

static long c_madvise(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_madvise, addr, len, advice_now));
}

/* Not from the page before, which may not take the advice to begin with. */
static long c_madvise_inside(unsigned long addr, unsigned long len)
{
	if (len > NPAGES * ps())
		return c_madvise(addr + ps(), len - ps());
	return c_madvise(addr, len);
}

enum memory {
	NO_MEMORY,	/* where the advice harms, or needs more than a page */
	ANON_MEMORY,
	SHARED_MEMORY,
};

struct advice {
	int advice;
	const char *name;
	enum memory memory;	/* that takes it */
	bool sealed;		/* a sealed VM_PFNMAP VMA takes it */
};

#define ADVICE(_advice, ...) { .advice = MADV_##_advice, .name = #_advice, __VA_ARGS__ }

static void madvise_rule(struct __test_metadata *_metadata, const struct place *p,
			 const struct advice *advices, unsigned int n)
{
	unsigned long mem, plain;
	unsigned int i;
	int fd = device();

	/* What sealing alone does not refuse.  A second file for a second VMA. */
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, p->size,
			     PROT_READ | PROT_WRITE, &plain));
	ASSERT_EQ(0, c_mseal(plain, p->size));

	for (i = 0; i < n; i++) {
		const struct advice *a = &advices[i];
		bool known;

		advice_now = a->advice;
		/* No length is fine, if this kernel knows the advice. */
		known = c_madvise(p->addr, 0) == 0;
		call_rule(_metadata, p, a->name, c_madvise_inside,
			  known ? -EPERM : -EINVAL);

		mem = ordinary(ps());
		if (a->memory == SHARED_MEMORY)
			mem = (unsigned long)mmap(NULL, ps(), PROT_READ | PROT_WRITE,
						  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (known && a->memory != NO_MEMORY)
			works(_metadata, a->name, c_madvise(mem, ps()));
		if (known && a->sealed)
			EXPECT_EQ(0, c_madvise(plain, p->size))
				TH_LOG("%s of a sealed VM_PFNMAP VMA", a->name);
		munmap((void *)mem, ps());
	}
	close(fd);
}

TEST_F(mapping_calls, madvise_access_pattern)
{
	const struct advice advices[] = {
		ADVICE(NORMAL, ANON_MEMORY, true),
		ADVICE(RANDOM, ANON_MEMORY, true),
		ADVICE(SEQUENTIAL, ANON_MEMORY, true),
		ADVICE(WILLNEED, ANON_MEMORY),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_discard)
{
	const struct advice advices[] = {
		ADVICE(DONTNEED, ANON_MEMORY),
		ADVICE(DONTNEED_LOCKED, ANON_MEMORY),
		ADVICE(FREE, ANON_MEMORY),
		ADVICE(REMOVE, SHARED_MEMORY),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_reclaim)
{
	const struct advice advices[] = {
		ADVICE(COLD, ANON_MEMORY),
		ADVICE(PAGEOUT, ANON_MEMORY),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_fork)
{
	const struct advice advices[] = {
		ADVICE(DOFORK, ANON_MEMORY),
		ADVICE(DONTFORK, ANON_MEMORY, true),
		ADVICE(WIPEONFORK, ANON_MEMORY),
		ADVICE(KEEPONFORK, ANON_MEMORY, true),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_dump)
{
	const struct advice advices[] = {
		ADVICE(DODUMP, ANON_MEMORY),
		ADVICE(DONTDUMP, ANON_MEMORY, true),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_merge_and_huge)
{
	const struct advice advices[] = {
		ADVICE(MERGEABLE, ANON_MEMORY, true),
		ADVICE(UNMERGEABLE, ANON_MEMORY, true),
		ADVICE(HUGEPAGE, ANON_MEMORY),
		ADVICE(NOHUGEPAGE, ANON_MEMORY),
		ADVICE(COLLAPSE, NO_MEMORY),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_guard)
{
	const struct advice advices[] = {
		ADVICE(GUARD_INSTALL, ANON_MEMORY),
		ADVICE(GUARD_REMOVE, ANON_MEMORY),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

TEST_F(mapping_calls, madvise_populate)
{
	const struct advice advices[] = {
		ADVICE(POPULATE_READ, ANON_MEMORY),
		ADVICE(POPULATE_WRITE, ANON_MEMORY),
	};

	madvise_rule(_metadata, &self->p, advices, ARRAY_SIZE(advices));
}

/*
 * These look for a page, which is not to be had, before any VMA is asked: hence
 * EFAULT.  Not on ordinary memory: the page would be lost, but a look at an
 * unmapped address shows that the kernel knows them.
 */
TEST_F(mapping_calls, madvise_poison)
{
	const int advices[] = { MADV_HWPOISON, MADV_SOFT_OFFLINE };
	const struct place *p = &self->p;
	unsigned int i;
	long ret;

	NEEDS_ROOT("MADV_HWPOISON");
	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		advice_now = advices[i];
		ret = c_madvise(p->addr, ps());
		EXPECT_EQ(c_madvise(p->empty, ps()), ret)
			TH_LOG("advice %d: %s", advice_now, why(ret));
		EXPECT_TRUE(ret == -EFAULT || ret == -EINVAL);
		EXPECT_UNTOUCHED(p, "madvise");
	}
}

TEST_F(mapping_calls, madvise_unknown)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	int advice;

	for (advice = -1; advice < 130; advice++) {
		advice_now = advice;
		/* Those that are known have their own tests. */
		if (c_madvise(mem, 0) == 0)
			continue;
		EXPECT_EQ(-EINVAL, c_madvise(p->addr, ps()));
		EXPECT_EQ(-EINVAL, c_madvise(mem, ps()));
	}
	EXPECT_UNTOUCHED(p, "madvise");

	/* And none that no test above knows of does anything. */
	for (advice = 0; advice < 130; advice++) {
		advice_now = advice;
		if (c_madvise(mem, 0) || advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		EXPECT_EQ(p->window ? c_madvise(p->empty, ps()) : -EPERM,
			  c_madvise(p->addr, ps()))
			TH_LOG("advice %d", advice);
	}
	EXPECT_UNTOUCHED(p, "madvise");
}

TEST_F(mapping_calls, process_madvise_self)
{
	call_rule(_metadata, &self->p, "process_madvise", c_process_madvise, -EPERM);
	works(_metadata, "process_madvise", c_process_madvise(ordinary(ps()), ps()));
}

/*
 * Locking: on a VMA as this one it has never had an effect, and no error.
 */
static void lock_rule(struct __test_metadata *_metadata, const struct place *p,
		      call_fn call)
{
	unsigned long mem = ordinary(2 * ps());
	long locked, ret;

	c_mlock(mem, ps());	/* something to compare with */
	locked = status_field("VmLck");
	EXPECT_LT(0, locked);

	/* Without the neighbours, which would be locked. */
	ret = call(p->addr, p->size);
	EXPECT_EQ(p->window ? call(p->empty, p->size) : 0, ret);
	EXPECT_EQ(locked, status_field("VmLck"));
	ret = call(p->addr + ps(), ps());
	EXPECT_EQ(p->window ? call(p->empty + ps(), ps()) : 0, ret);
	EXPECT_EQ(locked, status_field("VmLck"));
	if (!p->window)
		EXPECT_FALSE(vma_has_flag(p->addr, p->addr + p->size, "lo"));
	EXPECT_UNTOUCHED(p, "locking");

	EXPECT_EQ(0, call(mem, 2 * ps()));
	EXPECT_NE(locked, status_field("VmLck"));
	EXPECT_EQ(call != c_munlock, vma_has_flag(mem, mem + 2 * ps(), "lo"));
}

TEST_F(mapping_calls, mlock)
{
	lock_rule(_metadata, &self->p, c_mlock);
}

TEST_F(mapping_calls, mlock_onfault)
{
	lock_rule(_metadata, &self->p, c_mlock_onfault);
}

TEST_F(mapping_calls, munlock)
{
	lock_rule(_metadata, &self->p, c_munlock);
}

TEST_F(mapping_calls, mlockall)
{
	const int how[] = { MCL_CURRENT, MCL_CURRENT | MCL_FUTURE, MCL_CURRENT | 4 };
	const struct place *p = &self->p;
	unsigned long mem = elsewhere(2 * ps());
	unsigned int i;

	/* A VMA of its own, whatever is next to it. */
	ASSERT_EQ(0, c_mprotect_read(mem + ps(), ps()));
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		EXPECT_EQ(0, mlockall(how[i]));
		EXPECT_LT(0, status_field("VmLck"));
		if (!p->window)
			EXPECT_FALSE(vma_has_flag(p->addr, p->addr + p->size, "lo"));
		EXPECT_TRUE(vma_has_flag(mem + ps(), mem + 2 * ps(), "lo"));
		EXPECT_UNTOUCHED(p, "mlockall");
		EXPECT_EQ(0, munlockall());
		EXPECT_EQ(0, status_field("VmLck"));
		EXPECT_UNTOUCHED(p, "munlockall");
	}
}

TEST_F(mapping_calls, mseal)
{
	unsigned long mem = ordinary(ps());

	call_rule(_metadata, &self->p, "mseal", c_mseal, 0);
	works(_metadata, "mseal", c_mseal(mem, ps()));
	EXPECT_EQ(-EPERM, c_munmap(mem, ps()));
}

/*
 * Policies
 */
static bool has_numa(void)
{
	return !access("/proc/self/numa_maps", F_OK);
}

TEST_F(mapping_calls, mbind)
{
	const struct place *p = &self->p;
	char *line;

	if (!has_numa())
		SKIP(return, "no NUMA");
	call_rule(_metadata, p, "mbind", c_mbind, -EPERM);
	call_rule(_metadata, p, "mbind of MPOL_DEFAULT", c_mbind_default, -EPERM);
	if (!p->window) {
		line = vma_lines("/proc/self/numa_maps", p->addr, 0);
		ASSERT_NE(NULL, line);
		EXPECT_NE(NULL, strstr(line, " default")) TH_LOG("%.80s", line);
	}
	works(_metadata, "mbind", c_mbind(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, mbind_move)
{
	const struct place *p = &self->p;
	long ret;

	NEEDS_ROOT("MPOL_MF_MOVE_ALL");
	if (!has_numa())
		SKIP(return, "no NUMA");
	ret = c_mbind_move(p->addr, p->size);
	if (p->window)
		EXPECT_EQ(c_mbind_move(p->empty, p->size), ret);
	EXPECT_GT(0, ret);
	EXPECT_UNTOUCHED(p, "mbind");
	works(_metadata, "mbind", c_mbind_move(ordinary(ps()), ps()));
}

TEST_F(mapping_calls, set_mempolicy_home_node)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	long ret;

	if (!has_numa())
		SKIP(return, "no NUMA");
	ret = c_home_node(p->addr, p->size);
	/* A VMA without a policy of its own is passed over: ENOENT. */
	EXPECT_EQ(p->window ? c_home_node(p->empty, p->size) : -ENOENT, ret);
	EXPECT_UNTOUCHED(p, "set_mempolicy_home_node");
	ASSERT_EQ(0, c_mbind(mem, ps()));
	works(_metadata, "set_mempolicy_home_node", c_home_node(mem, ps()));
}

TEST_F(mapping_calls, move_pages)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	long ret, query;

	NEEDS_ROOT("MPOL_MF_MOVE_ALL");
	if (!has_numa())
		SKIP(return, "no NUMA");
	ret = c_move_pages(p->addr, 0);
	query = c_where_are_pages(p->addr, 0);
	if (p->window) {
		EXPECT_EQ(c_move_pages(p->empty, 0), ret);
		EXPECT_EQ(c_where_are_pages(p->empty, 0), query);
	}
	EXPECT_GT(0, ret);
	EXPECT_GT(0, query);
	EXPECT_UNTOUCHED(p, "move_pages");
	EXPECT_EQ(0, c_move_pages(mem, 0));
	EXPECT_EQ(0, c_where_are_pages(mem, 0));
}

TEST_F(mapping_calls, migrate_pages)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps()), from, to;
	int i;

	NEEDS_ROOT("CAP_SYS_NICE");
	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "one NUMA node only");
	for (i = 0; i < 2; i++) {
		from = 1 << i;
		to = 1 << !i;
		EXPECT_LE(0, syscall(SYS_migrate_pages, getpid(), 8 * sizeof(from), &from,
				     &to));
		EXPECT_EQ(!i, c_where_are_pages(mem, 0));
		EXPECT_UNTOUCHED(p, "migrate_pages");
	}
}

TEST_F(mapping_calls, remap_file_pages)
{
	const struct place *p = &self->p;
	void *mem = mmap(NULL, ps(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	/* Only a shared mapping can be rearranged, and these never are. */
	call_rule(_metadata, p, "remap_file_pages", c_remap_file_pages,
		  c_remap_file_pages(ordinary(ps()), ps()));
	EXPECT_EQ(-EINVAL, c_remap_file_pages(p->addr, p->size));
	works(_metadata, "remap_file_pages", c_remap_file_pages((unsigned long)mem, ps()));
}

TEST_F(mapping_calls, msync)
{
	/* Nothing to be written anywhere. */
	call_rule(_metadata, &self->p, "msync", c_msync_sync, 0);
	call_rule(_metadata, &self->p, "msync", c_msync_invalidate, 0);
	works(_metadata, "msync", c_msync_sync(ordinary(ps()), ps()));
	EXPECT_EQ(-ENOMEM, c_msync_sync(self->p.empty, ps()));
}

TEST_F(mapping_calls, mincore)
{
	call_rule(_metadata, &self->p, "mincore", c_mincore, 0);
	works(_metadata, "mincore", c_mincore(ordinary(ps()), ps()));
	EXPECT_GT(0, c_mincore(self->p.empty, ps()));
}

TEST_F(mapping_calls, userfaultfd_register)
{
	int fd = uffd_open();

	if (fd < 0)
		SKIP(return, "no userfaultfd");
	close(fd);
	call_rule(_metadata, &self->p, "UFFDIO_REGISTER", c_uffd_register, -EINVAL);
	call_rule(_metadata, &self->p, "UFFDIO_REGISTER", c_uffd_register_wp, -EINVAL);
	call_rule(_metadata, &self->p, "UFFDIO_UNREGISTER", c_uffd_unregister, -EINVAL);
	works(_metadata, "UFFDIO_REGISTER", c_uffd_register(ordinary(ps()), ps()));
	works(_metadata, "UFFDIO_UNREGISTER", c_uffd_unregister(ordinary(ps()), ps()));
}

/* The rest needs a VMA that is registered; nothing gives it one. */
TEST_F(mapping_calls, userfaultfd_fill_and_move)
{
	const struct {
		const char *name;
		call_fn call;
	} calls[] = {
		{ "UFFDIO_COPY", c_uffd_copy },
		{ "UFFDIO_ZEROPAGE", c_uffd_zeropage },
		{ "UFFDIO_WRITEPROTECT", c_uffd_writeprotect },
		{ "UFFDIO_POISON", c_uffd_poison },
		{ "UFFDIO_MOVE", c_uffd_move_from },
		{ "UFFDIO_MOVE", c_uffd_move_to },
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .src = uffd_source };
	const struct place *p = &self->p;
	int fd = uffd_open();
	unsigned int i;
	long ret;

	if (fd < 0)
		SKIP(return, "no userfaultfd");
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ret = calls[i].call(p->addr, p->size);
		if (p->window)
			EXPECT_EQ(calls[i].call(p->empty, p->size), ret);
		EXPECT_GT(0, ret) TH_LOG("%s", calls[i].name);
		EXPECT_UNTOUCHED(p, calls[i].name);
	}

	/* It works where something is missing. */
	reg.range.start = elsewhere(ps());
	reg.range.len = ps();
	copy.dst = reg.range.start;
	copy.len = ps();
	mprotect((void *)reg.range.start, ps(), PROT_READ | PROT_WRITE);
	EXPECT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	EXPECT_EQ(0, ioctl(fd, UFFDIO_COPY, &copy));
	close(fd);
}

TEST_F(mapping_calls, anon_vma_name)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	char *line;

	if (c_anon_name(mem, ps()) == -EINVAL)
		SKIP(return, "no CONFIG_ANON_VMA_NAME");
	call_rule(_metadata, p, "PR_SET_VMA_ANON_NAME", c_anon_name, -EPERM);
	if (!p->window) {
		line = vma_lines("/proc/self/maps", p->addr, p->addr + p->size);
		ASSERT_NE(NULL, line);
		*strchrnul(line, '\n') = '\0';
		EXPECT_EQ(NULL, strstr(line, "mine")) TH_LOG("%s", line);
	}
	works(_metadata, "PR_SET_VMA_ANON_NAME", c_anon_name(mem, ps()));
}

/* In the order that keeps the start before the end. */
static long set_arguments(unsigned long addr, unsigned long len)
{
	if (prctl(PR_SET_MM, PR_SET_MM_ARG_START, addr, 0, 0) == 0)
		return result(prctl(PR_SET_MM, PR_SET_MM_ARG_END, addr + len, 0, 0));
	return result(prctl(PR_SET_MM, PR_SET_MM_ARG_END, addr + len, 0, 0)) ?:
		result(prctl(PR_SET_MM, PR_SET_MM_ARG_START, addr, 0, 0));
}

/* Addresses of the program's parts cannot be put there so as to read them. */
TEST_F(mapping_calls, prctl_set_mm)
{
	const int what[] = {
		PR_SET_MM_START_CODE, PR_SET_MM_END_CODE, PR_SET_MM_START_DATA,
		PR_SET_MM_END_DATA, PR_SET_MM_START_STACK, PR_SET_MM_START_BRK,
		PR_SET_MM_BRK, PR_SET_MM_ENV_START, PR_SET_MM_ENV_END,
		PR_SET_MM_ARG_END, PR_SET_MM_ARG_START,
	};
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	unsigned int i;
	long ret;

	NEEDS_ROOT("PR_SET_MM");
	for (i = 0; i < ARRAY_SIZE(what) && p->window; i++) {
		ret = result(prctl(PR_SET_MM, what[i], p->addr, 0, 0));
		EXPECT_EQ(result(prctl(PR_SET_MM, what[i], p->empty, 0, 0)), ret);
		EXPECT_EQ(-EINVAL, ret);
	}

	/* A user address will do, but cmdline does not show what is there. */
	if (!p->window) {
		ASSERT_EQ(0, set_arguments(p->addr, p->size));
		EXPECT_EQ(0, slurp("/proc/self/cmdline", text, sizeof(text)));
	}
	EXPECT_UNTOUCHED(p, "PR_SET_MM");

	ASSERT_EQ(0, set_arguments(mem, ps()));
	EXPECT_LE(64, slurp("/proc/self/cmdline", text, sizeof(text)));
	EXPECT_TRUE(is_pattern((unsigned char *)text, 64, 0x33));
}

/*
 * The heap ends below: put the program's break under the VMA, or try to move
 * it into the window.  No C library calls in between that want memory.
 */
TEST_F(mapping_calls, brk)
{
	const struct place *p = &self->p;
	unsigned long start = p->addr - 16 * ps(), now;

	NEEDS_ROOT("PR_SET_MM");
	if (p->window) {
		now = syscall(SYS_brk, 0);
		EXPECT_EQ(now, syscall(SYS_brk, p->empty));
		EXPECT_EQ(now, syscall(SYS_brk, p->addr));
		EXPECT_EQ(now, syscall(SYS_brk, p->addr + p->size));
		EXPECT_EQ(now + ps(), syscall(SYS_brk, now + ps()));
	} else {
		munmap(p->below, ps());
		ASSERT_EQ(0, prctl(PR_SET_MM, PR_SET_MM_BRK, start, 0, 0));
		ASSERT_EQ(0, prctl(PR_SET_MM, PR_SET_MM_START_BRK, start, 0, 0));
		EXPECT_EQ(start, syscall(SYS_brk, p->addr + p->size));
		EXPECT_EQ(start, syscall(SYS_brk, p->addr + ps()));
		EXPECT_EQ(start, syscall(SYS_brk, p->addr));
		EXPECT_EQ(start + 8 * ps(), syscall(SYS_brk, start + 8 * ps()));
	}
	EXPECT_UNTOUCHED(p, "brk");
}

/* A stack that grows down stops before it, with the usual gap. */
TEST_F(mapping_calls, stack_growth)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE;
	const unsigned long far = 600 * ps();
	unsigned long reserve, stack, second = 0;
	const struct place *p = &self->p;
	struct rlimit limit;
	int fd = device();
	void *mem;

	/* With large pages, more than a stack may have. */
	ASSERT_EQ(0, getrlimit(RLIMIT_STACK, &limit));
	if (limit.rlim_cur < far) {
		limit.rlim_cur = far;
		ASSERT_EQ(0, setrlimit(RLIMIT_STACK, &limit));
	}
	/* Another VMA, with room above that nothing else is in. */
	reserve = elsewhere(far);
	ASSERT_NE(0, reserve);
	stack = reserve + 500 * ps();
	if (!p->window) {
		ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP, p->size,
				     PROT_READ | PROT_WRITE, &second));
		ASSERT_EQ(reserve, second + p->size)
			TH_LOG("not below what was mapped last");
	}
	munmap((void *)reserve, far);
	mem = mmap((void *)stack, ps(), PROT_READ | PROT_WRITE, flags, -1, 0);
	ASSERT_EQ((void *)stack, mem);
	EXPECT_EQ(0, try_access(STORE, stack - 100 * ps()).sig);
	if (!p->window) {
		EXPECT_EQ(SIGSEGV, try_access(STORE, reserve + 100 * ps()).sig);
		EXPECT_EQ(SIGSEGV, try_access(STORE, reserve).sig);
		EXPECT_TRUE(vma_has_flag(second, reserve, "ko"));
		EXPECT_TRUE(is_zero((unsigned char *)second, p->size));
	} else {
		/* It has room to grow in here, and none can be put there. */
		EXPECT_EQ(0, try_access(STORE, reserve + 100 * ps()).sig);
		mem = mmap((void *)(p->addr + p->size), ps(), PROT_READ | PROT_WRITE,
			   flags, -1, 0);
		EXPECT_EQ(MAP_FAILED, mem);
	}
	EXPECT_UNTOUCHED(p, "stack growth");
}

static unsigned int vmas_in(unsigned long start, unsigned long end)
{
	unsigned int n = 0;
	unsigned long from, to;
	char *line;

	slurp("/proc/self/maps", text, sizeof(text));
	for (line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && from < end && to > start)
			n++;
	}
	return n;
}

TEST_F(mapping_calls, no_merge)
{
	const struct place *p = &self->p;
	unsigned long second, low, high, mem;
	int fd = device();

	if (p->window) {
		/* Two areas do not even touch, see lifetime. */
		ASSERT_EQ(0, dev_alloc(fd, p->size, &second));
		EXPECT_TRUE(second > p->addr + p->size || p->addr > second + p->size);
	} else {
		/* Right below the first. */
		munmap(p->below, ps());
		munmap((void *)uffd_source, NPAGES * ps());
		ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP, p->size,
				     PROT_READ | PROT_WRITE, &second));
		ASSERT_EQ(p->addr - p->size, second)
			TH_LOG("not next to each other");
		EXPECT_EQ(2, vmas_in(second, p->addr + p->size));
		EXPECT_TRUE(vma_has_flag(second, p->addr, "ko"));
	}
	EXPECT_UNTOUCHED(p, "the second one");
	close(fd);
	EXPECT_UNTOUCHED(p, "its end");

	/* Ordinary ones do merge. */
	mem = elsewhere(2 * ps());
	low = mem;
	high = mem + ps();
	mprotect((void *)mem, 2 * ps(), PROT_READ);
	EXPECT_EQ(1, vmas_in(low, high + ps()));
	munmap((void *)high, ps());
	mmap((void *)high, ps(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	EXPECT_EQ(1, vmas_in(low, high + ps()));
}

/*
 * Pointers given to system calls.
 *
 * The window: EFAULT before anything has been done.  A VMA at a user address,
 * readable and zero here, takes what an ordinary mapping of that kind takes.
 */
static int pipe_with(size_t len, int fds[2])
{
	char data[PATTERN_SIZE * 2];

	memset(data, 'p', sizeof(data));
	if (pipe2(fds, O_NONBLOCK))
		return -1;
	return len ? write(fds[1], data, len) : 0;
}

static long pipe_done(int fds[2], long ret)
{
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* -EBADMSG if the pipe no longer holds all of its @len bytes after an error. */
static long pipe_check(int fds[2], long ret, int len)
{
	int left = -1;

	ret = result(ret);
	if (ret < 0 && (ioctl(fds[0], FIONREAD, &left) || left != len))
		ret = -EBADMSG;
	return pipe_done(fds, ret);
}

static long u_read(unsigned long ptr)
{
	int fds[2];

	pipe_with(PATTERN_SIZE, fds);
	return pipe_check(fds, syscall(SYS_read, fds[0], ptr, PATTERN_SIZE), PATTERN_SIZE);
}

static long u_write(unsigned long ptr)
{
	int fds[2];

	pipe_with(0, fds);
	return pipe_check(fds, syscall(SYS_write, fds[1], ptr, PATTERN_SIZE), 0);
}

/* The good part comes first, and yet nothing is moved. */
static long u_readv(unsigned long ptr)
{
	char good[PATTERN_SIZE];
	struct iovec iov[2] = {
		{ .iov_base = good, .iov_len = sizeof(good) },
		{ .iov_base = (void *)ptr, .iov_len = PATTERN_SIZE },
	};
	int fds[2];

	pipe_with(2 * PATTERN_SIZE, fds);
	return pipe_check(fds, syscall(SYS_readv, fds[0], iov, 2), 2 * PATTERN_SIZE);
}

static long u_writev(unsigned long ptr)
{
	char good[PATTERN_SIZE] = "";
	struct iovec iov[2] = {
		{ .iov_base = good, .iov_len = sizeof(good) },
		{ .iov_base = (void *)ptr, .iov_len = PATTERN_SIZE },
	};
	int fds[2];

	pipe_with(0, fds);
	return pipe_check(fds, syscall(SYS_writev, fds[1], iov, 2), 0);
}

static long u_iovec(unsigned long ptr)
{
	int fds[2];

	pipe_with(0, fds);
	return pipe_check(fds, syscall(SYS_writev, fds[1], ptr, 1), 0);
}

static int memfd(void)
{
	int fd = syscall(SYS_memfd_create, "mm_local", 0);

	if (fd >= 0 && write(fd, text, PATTERN_SIZE) != PATTERN_SIZE)
		return -1;
	return fd;
}

static long u_pread(unsigned long ptr)
{
	int fd = memfd();
	long ret = result(syscall(SYS_pread64, fd, ptr, PATTERN_SIZE, 0));

	close(fd);
	return ret;
}

static long u_pwrite(unsigned long ptr)
{
	int fd = memfd();
	long ret = result(syscall(SYS_pwrite64, fd, ptr, PATTERN_SIZE, PATTERN_SIZE));
	struct stat st;

	if (ret < 0 && (fstat(fd, &st) || st.st_size != PATTERN_SIZE))
		ret = -EBADMSG;
	close(fd);
	return ret;
}

static long u_read_proc(unsigned long ptr)
{
	int fd = open("/proc/version", O_RDONLY);
	long ret = result(syscall(SYS_read, fd, ptr, 16));

	close(fd);
	return ret;
}

static long u_odirect(unsigned long ptr)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_DIRECT, 0600);
	long ret;

	if (fd < 0)	/* a file system without: then without */
		fd = memfd();
	if (ftruncate(fd, ps()))
		return -errno;
	ret = result(syscall(SYS_read, fd, ptr, 512));
	close(fd);
	return ret;
}

static long u_ioctl(unsigned long ptr)
{
	int fds[2];

	pipe_with(PATTERN_SIZE, fds);
	return pipe_done(fds, result(syscall(SYS_ioctl, fds[0], FIONREAD, ptr)));
}

static long u_ioctl_driver(unsigned long ptr)
{
	int fd = device();
	long ret = result(syscall(SYS_ioctl, fd, MM_LOCAL_TEST_WINDOW, ptr));

	close(fd);
	return ret;
}

static long u_sendto(unsigned long ptr)
{
	int sv[2];
	long ret;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sv))
		return -errno;
	ret = result(syscall(SYS_sendto, sv[0], ptr, PATTERN_SIZE, 0, NULL, 0));
	return pipe_done(sv, ret);
}

static long u_recvfrom(unsigned long ptr)
{
	int sv[2];
	long ret;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sv))
		return -errno;
	if (write(sv[0], text, PATTERN_SIZE) != PATTERN_SIZE)
		return -errno;
	ret = result(syscall(SYS_recvfrom, sv[1], ptr, PATTERN_SIZE, 0, NULL, NULL));
	return pipe_done(sv, ret);
}

static long u_sendmsg(unsigned long ptr)
{
	struct iovec iov = { .iov_base = (void *)ptr, .iov_len = PATTERN_SIZE };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv))
		return -errno;
	return pipe_done(sv, result(syscall(SYS_sendmsg, sv[0], &msg, 0)));
}

static long u_msghdr(unsigned long ptr)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv))
		return -errno;
	return pipe_done(sv, result(syscall(SYS_recvmsg, sv[0], ptr, 0)));
}

static long u_path(unsigned long ptr)
{
	return result(syscall(SYS_openat, AT_FDCWD, ptr, O_RDONLY, 0));
}

static long u_exec(unsigned long ptr)
{
	return result(syscall(SYS_execve, ptr, NULL, NULL));
}

static long u_exec_argv(unsigned long ptr)
{
	int fd = memfd();	/* not a program, in the end */
	long ret = result(syscall(SYS_execveat, fd, "", ptr, NULL, AT_EMPTY_PATH));

	close(fd);
	return ret;
}

static long u_getrandom(unsigned long ptr)
{
	return result(syscall(SYS_getrandom, ptr, 16, 0));
}

static long u_clock_gettime(unsigned long ptr)
{
	return result(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, ptr));
}

static long u_nanosleep(unsigned long ptr)
{
	return result(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, ptr, NULL));
}

static long u_uname(unsigned long ptr)
{
	return result(syscall(SYS_uname, ptr));
}

static long u_fstat(unsigned long ptr)
{
	return result(syscall(SYS_fstat, 0, ptr));
}

static long u_statx(unsigned long ptr)
{
	return result(syscall(SYS_statx, AT_FDCWD, "/", 0, 0, ptr));
}

static long u_getcwd(unsigned long ptr)
{
	return result(syscall(SYS_getcwd, ptr, 256));
}

static long u_getdents(unsigned long ptr)
{
	int fd = open("/proc", O_RDONLY | O_DIRECTORY);
	long ret = result(syscall(SYS_getdents64, fd, ptr, 1024));

	close(fd);
	return ret;
}

static long u_sigaction_new(unsigned long ptr)
{
	return result(syscall(SYS_rt_sigaction, SIGUSR2, ptr, NULL, 8));
}

static long u_sigaction_old(unsigned long ptr)
{
	return result(syscall(SYS_rt_sigaction, SIGUSR2, NULL, ptr, 8));
}

static long u_sigprocmask(unsigned long ptr)
{
	return result(syscall(SYS_rt_sigprocmask, SIG_BLOCK, ptr, NULL, 8));
}

static long u_sigaltstack_new(unsigned long ptr)
{
	return result(syscall(SYS_sigaltstack, ptr, NULL));
}

static long u_sigaltstack_old(unsigned long ptr)
{
	return result(syscall(SYS_sigaltstack, NULL, ptr));
}

static long u_poll(unsigned long ptr)
{
	struct timespec now = {};

	return result(syscall(SYS_ppoll, ptr, 1, &now, NULL, 8));
}

static long u_select(unsigned long ptr)
{
	struct timespec now = {};

	return result(syscall(SYS_pselect6, 8, ptr, NULL, NULL, &now, NULL));
}

static long epoll_with(unsigned long ctl, unsigned long wait)
{
	struct epoll_event ev = { .events = EPOLLOUT };
	int ep = epoll_create1(0), fds[2];
	long ret;

	pipe_with(0, fds);
	ret = result(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fds[1], ctl ?: (long)&ev));
	if (!ret && wait)
		ret = result(syscall(SYS_epoll_pwait, ep, wait, 1, 0, NULL, 8));
	close(ep);
	return pipe_done(fds, ret);
}

static long u_epoll_ctl(unsigned long ptr)
{
	return epoll_with(ptr, 0);
}

static long u_epoll_wait(unsigned long ptr)
{
	return epoll_with(0, ptr);
}

static long u_pipe(unsigned long ptr)
{
	return result(syscall(SYS_pipe2, ptr, 0));
}

static long u_wait(unsigned long ptr)
{
	pid_t pid = fork();
	long ret;

	if (!pid)
		_exit(0);
	ret = result(syscall(SYS_wait4, pid, ptr, 0, NULL));
	waitpid(pid, NULL, WNOHANG);
	return ret > 0 ? 0 : ret;
}

static long u_clone3(unsigned long ptr)
{
	long ret = result(syscall(SYS_clone3, ptr, 64));

	if (!ret)
		_exit(0);
	if (ret > 0)
		waitpid(ret, NULL, __WALL);
	return ret > 0 ? 0 : ret;
}

static long u_pidfd(unsigned long ptr)
{
	long ret = result(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, ptr, 0, 0));

	if (!ret)
		_exit(0);
	if (ret > 0)
		waitpid(ret, NULL, 0);
	return ret > 0 ? 0 : ret;
}

static long u_prctl(unsigned long ptr)
{
	return result(syscall(SYS_prctl, PR_GET_NAME, ptr, 0, 0, 0));
}

static long u_anon_name(unsigned long ptr)
{
	return result(syscall(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, ordinary(ps()),
			      ps(), ptr));
}

static long u_rlimit(unsigned long ptr)
{
	return result(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, ptr));
}

static long u_affinity(unsigned long ptr)
{
	return result(syscall(SYS_sched_getaffinity, 0, 64, ptr));
}

static long u_move_pages(unsigned long ptr)
{
	int status[1];

	return result(syscall(SYS_move_pages, 0, 1, ptr, NULL, status, 0));
}

static long u_mincore(unsigned long ptr)
{
	return result(syscall(SYS_mincore, ordinary(ps()), ps(), ptr));
}

static long u_timer(unsigned long ptr)
{
	return result(syscall(SYS_getitimer, ITIMER_REAL, ptr));
}

static long u_splice_offset(unsigned long ptr)
{
	int fds[2], fd = memfd();
	long ret;

	pipe_with(0, fds);
	ret = result(syscall(SYS_splice, fd, ptr, fds[1], NULL, 16, 0));
	close(fd);
	return pipe_done(fds, ret);
}

static long u_msgsnd(unsigned long ptr)
{
	int id = syscall(SYS_msgget, IPC_PRIVATE, 0600);
	long ret;

	if (id < 0)
		return -errno;
	/* Type 0, as in zeroes, is not accepted; EFAULT comes first. */
	ret = result(syscall(SYS_msgsnd, id, ptr, 16, 0));
	syscall(SYS_msgctl, id, 0 /* IPC_RMID */, NULL);
	return ret;
}

static long u_io_uring(unsigned long ptr)
{
	long ret = result(syscall(SYS_io_uring_setup, 2, ptr));

	if (ret >= 0)
		close(ret);
	return ret < 0 ? ret : 0;
}

static long futex(unsigned long uaddr, int op, unsigned int val, unsigned long timeout,
		  unsigned long uaddr2, unsigned int val3)
{
	return result(syscall(SYS_futex, uaddr, op | FUTEX_PRIVATE_FLAG, val, timeout,
			      uaddr2, val3));
}

static unsigned int futex_word;

static unsigned long good_futex(void)
{
	futex_word = 0;
	return (unsigned long)&futex_word;
}

/* Not 0, which is what is there in ordinary memory: EAGAIN, without a wait. */
#define OTHER	0x7fffffff

static long f_wait(unsigned long ptr)
{
	return futex(ptr, FUTEX_WAIT, OTHER, 0, 0, 0);
}

static long f_wake(unsigned long ptr)
{
	return futex(ptr, FUTEX_WAKE, 1, 0, 0, 0);
}

static long f_wait_bitset(unsigned long ptr)
{
	return futex(ptr, FUTEX_WAIT_BITSET, OTHER, 0, 0, 1);
}

static long f_wake_bitset(unsigned long ptr)
{
	return futex(ptr, FUTEX_WAKE_BITSET, 1, 0, 0, 1);
}

static long f_requeue_from(unsigned long ptr)
{
	return futex(ptr, FUTEX_REQUEUE, 1, 1, good_futex(), 0);
}

static long f_requeue_to(unsigned long ptr)
{
	return futex(good_futex(), FUTEX_REQUEUE, 1, 1, ptr, 0);
}

static long f_cmp_requeue(unsigned long ptr)
{
	return futex(ptr, FUTEX_CMP_REQUEUE, 1, 1, good_futex(), OTHER);
}

static long f_wake_op_first(unsigned long ptr)
{
	return futex(ptr, FUTEX_WAKE_OP, 1, 1, good_futex(),
		     FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0));
}

static long f_wake_op(unsigned long ptr)
{
	long ret = futex(good_futex(), FUTEX_WAKE_OP, 1, 1, ptr,
			 FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0));
	long ret2 = futex(good_futex(), FUTEX_WAKE_OP, 1, 1, ptr,
			  FUTEX_OP(FUTEX_OP_XOR, 1, FUTEX_OP_CMP_EQ, 0));

	return ret == ret2 ? ret : -EBADMSG;
}

static long f_lock_pi(unsigned long ptr)
{
	return futex(ptr, FUTEX_LOCK_PI, 0, 0, 0, 0);
}

static long f_lock_pi2(unsigned long ptr)
{
	return futex(ptr, FUTEX_LOCK_PI2, 0, 0, 0, 0);
}

static long f_trylock_pi(unsigned long ptr)
{
	return futex(ptr, FUTEX_TRYLOCK_PI, 0, 0, 0, 0);
}

static long f_unlock_pi(unsigned long ptr)
{
	return futex(ptr, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
}

static long f_wait_requeue_pi(unsigned long ptr)
{
	return futex(ptr, FUTEX_WAIT_REQUEUE_PI, OTHER, 0, good_futex(), 0);
}

static long f_cmp_requeue_pi(unsigned long ptr)
{
	return futex(ptr, FUTEX_CMP_REQUEUE_PI, 1, 1, good_futex(), OTHER);
}

static long f_waitv(unsigned long ptr)
{
	struct futex_waitv waiter = {
		.val = OTHER,
		.uaddr = ptr,
		.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG,
	};

	return result(syscall(__NR_futex_waitv, &waiter, 1, 0, NULL, CLOCK_MONOTONIC));
}

static long f_waitv_array(unsigned long ptr)
{
	return result(syscall(__NR_futex_waitv, ptr, 1, 0, NULL, CLOCK_MONOTONIC));
}

static long f_timeout(unsigned long ptr)
{
	return futex(good_futex(), FUTEX_WAIT, OTHER, ptr, 0, 0);
}

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
	self->good = ordinary(NPAGES * ps());
	memset((void *)self->good, 0, NPAGES * ps());
	self->same = (unsigned long)mmap(NULL, NPAGES * ps(), PROT_READ,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_TEARDOWN(uaccess)
{
}

static void pointer_rule(struct __test_metadata *_metadata, const struct place *p,
			 unsigned long good, unsigned long same, const char *name,
			 long (*call)(unsigned long ptr))
{
	const unsigned long offs[] = { 0, 2 * ps() + 1024 };
	unsigned int i;
	long ret, want;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		ret = call(p->addr + offs[i]);
		want = call((p->window ? p->empty : same) + offs[i]);
		EXPECT_EQ(want, ret)
			TH_LOG("%s: %s instead of %s", name, why(ret), why(want));
		if (p->window)
			EXPECT_EQ(-EFAULT, ret)
				TH_LOG("%s: %s", name, why(ret));
		EXPECT_UNTOUCHED(p, name);
		memset((void *)good, 0, NPAGES * ps());
		ret = call(good + offs[i]);
		EXPECT_NE(-EFAULT, ret)
			TH_LOG("%s: ordinary memory is refused", name);
		EXPECT_NE(-EBADF, ret);
		EXPECT_NE(-EBADMSG, ret);
	}
}

#define POINTER_TEST(_name, _call)					\
static long (*const _name##_call)(unsigned long ptr) = _call;		\
									\
TEST_F(uaccess, _name)							\
{									\
	pointer_rule(_metadata, &self->p, self->good, self->same,	\
		     #_name, _name##_call);				\
}

POINTER_TEST(read, u_read)
POINTER_TEST(write, u_write)
POINTER_TEST(readv_after_a_good_part, u_readv)
POINTER_TEST(writev_after_a_good_part, u_writev)
POINTER_TEST(iovec_itself, u_iovec)
POINTER_TEST(pread, u_pread)
POINTER_TEST(pwrite, u_pwrite)
POINTER_TEST(read_of_proc, u_read_proc)
POINTER_TEST(read_of_odirect, u_odirect)
POINTER_TEST(ioctl, u_ioctl)
POINTER_TEST(ioctl_of_the_driver, u_ioctl_driver)
POINTER_TEST(sendto, u_sendto)
POINTER_TEST(recvfrom, u_recvfrom)
POINTER_TEST(sendmsg, u_sendmsg)
POINTER_TEST(recvmsg_header, u_msghdr)
POINTER_TEST(open_path, u_path)
POINTER_TEST(exec_path, u_exec)
POINTER_TEST(exec_argv, u_exec_argv)
POINTER_TEST(getrandom, u_getrandom)
POINTER_TEST(clock_gettime, u_clock_gettime)
POINTER_TEST(nanosleep, u_nanosleep)
POINTER_TEST(uname, u_uname)
POINTER_TEST(fstat, u_fstat)
POINTER_TEST(statx, u_statx)
POINTER_TEST(getcwd, u_getcwd)
POINTER_TEST(getdents, u_getdents)
POINTER_TEST(sigaction, u_sigaction_new)
POINTER_TEST(sigaction_old, u_sigaction_old)
POINTER_TEST(sigprocmask, u_sigprocmask)
POINTER_TEST(sigaltstack, u_sigaltstack_new)
POINTER_TEST(sigaltstack_old, u_sigaltstack_old)
POINTER_TEST(poll, u_poll)
POINTER_TEST(select, u_select)
POINTER_TEST(epoll_ctl, u_epoll_ctl)
POINTER_TEST(epoll_wait, u_epoll_wait)
POINTER_TEST(pipe, u_pipe)
POINTER_TEST(wait_status, u_wait)
POINTER_TEST(clone3_arguments, u_clone3)
POINTER_TEST(clone_pidfd, u_pidfd)
POINTER_TEST(prctl_get_name, u_prctl)
POINTER_TEST(prctl_anon_name, u_anon_name)
POINTER_TEST(prlimit, u_rlimit)
POINTER_TEST(sched_getaffinity, u_affinity)
POINTER_TEST(move_pages_array, u_move_pages)
POINTER_TEST(mincore_vector, u_mincore)
POINTER_TEST(getitimer, u_timer)
POINTER_TEST(splice_offset, u_splice_offset)
POINTER_TEST(msgsnd, u_msgsnd)
POINTER_TEST(io_uring_setup, u_io_uring)
POINTER_TEST(futex_wait, f_wait)
POINTER_TEST(futex_wake, f_wake)
POINTER_TEST(futex_wait_bitset, f_wait_bitset)
POINTER_TEST(futex_wake_bitset, f_wake_bitset)
POINTER_TEST(futex_requeue_from, f_requeue_from)
POINTER_TEST(futex_requeue_to, f_requeue_to)
POINTER_TEST(futex_cmp_requeue, f_cmp_requeue)
POINTER_TEST(futex_wake_op_first, f_wake_op_first)
POINTER_TEST(futex_wake_op, f_wake_op)
POINTER_TEST(futex_lock_pi, f_lock_pi)
POINTER_TEST(futex_lock_pi2, f_lock_pi2)
POINTER_TEST(futex_trylock_pi, f_trylock_pi)
POINTER_TEST(futex_unlock_pi, f_unlock_pi)
POINTER_TEST(futex_wait_requeue_pi, f_wait_requeue_pi)
POINTER_TEST(futex_cmp_requeue_pi, f_cmp_requeue_pi)
POINTER_TEST(futex_waitv, f_waitv)
POINTER_TEST(futex_waitv_array, f_waitv_array)
POINTER_TEST(futex_timeout, f_timeout)

/* A range that begins at a good address and ends in the area. */
TEST_F(uaccess, buffer_that_ends_there)
{
	const struct place *p = &self->p;
	unsigned long from = p->window ? self->good : (unsigned long)p->below;
	int fds[2];
	long ret;

	pipe_with(0, fds);
	if (p->window) {
		ret = result(syscall(SYS_write, fds[1], from, p->addr + 8 - from));
		EXPECT_EQ(result(syscall(SYS_write, fds[1], from, p->empty + 8 - from)), ret);
		EXPECT_EQ(-EFAULT, ret);
	} else {
		/* Readable on both sides. */
		EXPECT_EQ(16, write(fds[1], (void *)(p->addr - 8), 16));
	}
	EXPECT_UNTOUCHED(p, "write");
	EXPECT_EQ(16, write(fds[1], (void *)(self->good + 8), 16));
	pipe_done(fds, 0);
}

/* Shared futexes take a reference to the page, which is not to be had. */
TEST_F(uaccess, futex_shared)
{
	const struct place *p = &self->p;
	const int ops[] = { FUTEX_WAIT, FUTEX_WAKE, FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI };
	unsigned int i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		ret = result(syscall(SYS_futex, p->addr, ops[i], OTHER, NULL, NULL, 0));
		EXPECT_EQ(-EFAULT, ret) TH_LOG("op %d: %s", ops[i], why(ret));
		if (p->window)
			EXPECT_EQ(ret, result(syscall(SYS_futex, p->empty, ops[i], OTHER,
						      NULL, NULL, 0)));
		memset((void *)self->good, 0, ps());
		ret = result(syscall(SYS_futex, self->good, ops[i], OTHER, NULL, NULL, 0));
		EXPECT_NE(-EFAULT, ret);
		EXPECT_UNTOUCHED(p, "futex");
	}
}

/* The signal frame is written to where the stack is told to be. */
static void quiet(int sig __maybe_unused)
{
}

static long signal_on_stack(const struct remote *r __maybe_unused)
{
	struct sigaction act = { .sa_handler = quiet, .sa_flags = SA_ONSTACK };

	sigaction(SIGUSR1, &act, NULL);
	return kill(getpid(), SIGUSR1);
}

static long stack_thread(unsigned long ptr, unsigned long len)
{
	stack_t ss = { .ss_sp = (void *)ptr, .ss_size = len };

	/* The child shares this memory, or the area would not be there. */
	return result(syscall(SYS_sigaltstack, &ss, NULL));
}

static int vm_child_fn(void *arg)
{
	struct remote *r = arg;
	long ret = stack_thread(r->addr, r->len);

	if (ret)
		return 100;
	return signal_on_stack(r);
}

/* A process of its own, for signals, that shares the memory.  Its status. */
static int vm_child(int (*fn)(void *arg), struct remote *r, int flags)
{
	const size_t size = 64 * 1024;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	int status = -1;
	pid_t pid;

	if (stack == MAP_FAILED)
		return -1;
	pid = clone(fn, stack + size, CLONE_VM | flags | SIGCHLD, r);
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
	int status = vm_child(vm_child_fn, &at, 0);

	EXPECT_EQ(vm_child(vm_child_fn, &empty, 0), status);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
	EXPECT_UNTOUCHED(p, "the signal");
	status = vm_child(vm_child_fn, &fine, 0);
	EXPECT_EQ(0, status);
	EXPECT_FALSE(is_zero((unsigned char *)self->good, p->size));
}

/* A thread's robust list: written to when it ends. */
static struct robust {
	struct robust_list_head head;
	struct robust_list entry;
} robust;

static int robust_child(void *arg)
{
	struct remote *r = arg;
	struct robust_list_head *head = &robust.head;

	if (r->len) {
		/* The head itself there. */
		head = (void *)r->addr;
	} else {
		/* A good list, whose lock is there. */
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

	/* FUTEX_OWNER_DIED goes to a lock that the dying thread holds. */
	EXPECT_EQ(vm_child(robust_child, &empty, 0), vm_child(robust_child, &at, 0));
	at.len = 1;
	empty.len = 1;
	EXPECT_EQ(vm_child(robust_child, &empty, 0), vm_child(robust_child, &at, 0));
	EXPECT_UNTOUCHED(p, "the thread's end");
	EXPECT_EQ(0, vm_child(robust_child, &fine, 0));
}

static pid_t clone_at(unsigned long ptr, int flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, ptr, ptr, 0);

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

/* The new thread's id is written with errors ignored. */
TEST_F(uaccess, clone_parent_settid)
{
	const struct place *p = &self->p;

	EXPECT_LT(0, clone_at(p->addr, CLONE_PARENT_SETTID));
	EXPECT_LT(0, clone_at(p->empty, CLONE_PARENT_SETTID));
	EXPECT_UNTOUCHED(p, "clone");
	EXPECT_LT(0, clone_at(self->good, CLONE_PARENT_SETTID));
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
	EXPECT_EQ(0, vm_child(cleartid_child, &at, 0));
	EXPECT_UNTOUCHED(p, "the thread's end");
	EXPECT_EQ(0, vm_child(cleartid_child, &fine, 0));
	EXPECT_EQ(0, *(int *)self->good);
}

#ifdef __NR_rseq
#define RSEQ_SIZE	32

static int rseq_child(void *arg)
{
	struct remote *r = arg;
	long ret = result(syscall(__NR_rseq, r->addr, RSEQ_SIZE, 0, 0x53053053));

	if (!ret)
		ret = result(syscall(__NR_rseq, r->addr, RSEQ_SIZE, 1, 0x53053053));
	return -ret;
}

/* A new thread has none yet. */
TEST_F(uaccess, rseq)
{
	const struct place *p = &self->p;
	struct remote at = { .addr = p->addr }, empty = { .addr = p->empty };
	struct remote fine = { .addr = self->good };
	int status = vm_child(rseq_child, &at, 0);

	if (p->window) {
		EXPECT_EQ(vm_child(rseq_child, &empty, 0), status);
		EXPECT_EQ(EFAULT << 8, status);
	} else {
		/* EFAULT, or SIGSEGV at the next return to the program. */
		EXPECT_NE(0, status);
	}
	EXPECT_UNTOUCHED(p, "rseq");
	EXPECT_EQ(0, vm_child(rseq_child, &fine, 0));
}
#endif

/*
 * Other processes, and ways by which a process reaches itself as another.
 */
typedef long (*remote_fn)(const struct remote *r);

static long r_readv(const struct remote *r)
{
	char here[PATTERN_SIZE];
	struct iovec local = { .iov_base = here, .iov_len = sizeof(here) };
	struct iovec there = { .iov_base = (void *)r->addr, .iov_len = sizeof(here) };
	long ret = syscall(SYS_process_vm_readv, r->pid, &local, 1, &there, 1, 0);

	return result(ret);
}

static long r_writev(const struct remote *r)
{
	char here[PATTERN_SIZE];
	struct iovec local = { .iov_base = here, .iov_len = sizeof(here) };
	struct iovec there = { .iov_base = (void *)r->addr, .iov_len = sizeof(here) };

	memset(here, 'w', sizeof(here));
	return result(syscall(SYS_process_vm_writev, r->pid, &local, 1, &there, 1, 0));
}

/* What is before is read, what is there is not. */
static long r_readv_across(const struct remote *r)
{
	char here[PATTERN_SIZE];
	struct iovec local = { .iov_base = here, .iov_len = sizeof(here) };
	struct iovec there[2] = {
		{ .iov_base = (void *)r->len, .iov_len = 8 },
		{ .iov_base = (void *)r->addr, .iov_len = sizeof(here) - 8 },
	};

	return result(syscall(SYS_process_vm_readv, r->pid, &local, 1, there, 2, 0));
}

static long mem_file(const struct remote *r, bool write_it)
{
	char path[64], here[PATTERN_SIZE];
	long ret;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", r->pid);
	memset(here, 'm', sizeof(here));
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -errno;
	/* pread() does not take such an offset. */
	lseek(fd, r->addr, SEEK_SET);
	ret = result(write_it ? write(fd, here, sizeof(here)) : read(fd, here, sizeof(here)));
	close(fd);
	return ret;
}

static long r_mem_read(const struct remote *r)
{
	return mem_file(r, false);
}

static long r_mem_write(const struct remote *r)
{
	return mem_file(r, true);
}

static long traced(const struct remote *r, int request, unsigned long data)
{
	int status;
	long ret;

	if (syscall(SYS_ptrace, PTRACE_SEIZE, r->pid, 0, 0) ||
	    syscall(SYS_ptrace, PTRACE_INTERRUPT, r->pid, 0, 0) ||
	    waitpid(r->pid, &status, __WALL) != r->pid)
		return -ESRCH;
	ret = result(syscall(SYS_ptrace, request, r->pid, r->addr, data));
	syscall(SYS_ptrace, PTRACE_DETACH, r->pid, 0, 0);
	return ret;
}

static long r_peek(const struct remote *r)
{
	unsigned long word;

	return traced(r, PTRACE_PEEKDATA, (unsigned long)&word);
}

static long r_poke(const struct remote *r)
{
	return traced(r, PTRACE_POKEDATA, 0x706f6b65);
}

static long r_process_madvise(const struct remote *r)
{
	const int advices[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED };
	struct iovec iov = { .iov_base = (void *)r->addr, .iov_len = r->len };
	int pidfd = syscall(SYS_pidfd_open, r->pid, 0);
	unsigned int i;
	long ret = 0;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		long one = result(syscall(SYS_process_madvise, pidfd, &iov, 1, advices[i], 0));

		if (i && one != ret)
			ret = -EBADMSG;
		else
			ret = one;
	}
	close(pidfd);
	return ret;
}

static long r_move_pages(const struct remote *r)
{
	return move_page(r->pid, r->addr, false);
}

static long r_move_pages_query(const struct remote *r)
{
	return move_page(r->pid, r->addr, true);
}

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
}

/*
 * Refused to the process itself, if @self_too, and to a child; @refusal is the
 * answer for a VMA at a user address.
 */
static void remote_rule(struct __test_metadata *_metadata, const struct place *p,
			remote_fn fn, long refusal, bool self_too)
{
	unsigned long mem = ordinary(NPAGES * ps());
	struct remote at = { .pid = getpid(), .addr = p->addr, .len = p->size };
	struct remote empty = { .pid = getpid(), .addr = p->empty, .len = p->size };
	struct remote fine = { .pid = getpid(), .addr = mem, .len = NPAGES * ps() };
	long ret, want;

	ret = in_child(fn, &at);
	want = p->window ? in_child(fn, &empty) : refusal;
	EXPECT_EQ(want, ret)
		TH_LOG("from a child: %s instead of %s", why(ret), why(want));
	EXPECT_GT(0, ret);
	EXPECT_NE(-ESRCH, ret);
	EXPECT_UNTOUCHED(p, "access by a child");
	ret = in_child(fn, &fine);
	EXPECT_LE(0, ret)
		TH_LOG("ordinary memory, from a child: %s", why(ret));
	if (!self_too)
		return;

	ret = fn(&at);
	want = p->window ? fn(&empty) : refusal;
	EXPECT_EQ(want, ret)
		TH_LOG("by itself: %s instead of %s", why(ret), why(want));
	EXPECT_GT(0, ret);
	EXPECT_UNTOUCHED(p, "access to itself");
	ret = fn(&fine);
	EXPECT_LE(0, ret)
		TH_LOG("ordinary memory, by itself: %s", why(ret));
}

TEST_F(remote_access, process_vm_readv)
{
	remote_rule(_metadata, &self->p, r_readv, -EFAULT, true);
}

TEST_F(remote_access, process_vm_writev)
{
	remote_rule(_metadata, &self->p, r_writev, -EFAULT, true);
}

/* A good part before it is moved, and not a byte more. */
TEST_F(remote_access, process_vm_readv_partly)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	struct remote at = { .pid = getpid(), .addr = p->addr, .len = mem };
	struct remote empty = { .pid = getpid(), .addr = p->empty, .len = mem };
	struct remote fine = { .pid = getpid(), .addr = mem, .len = mem };
	long ret = in_child(r_readv_across, &at);

	EXPECT_EQ(p->window ? in_child(r_readv_across, &empty) : 8, ret);
	EXPECT_GE(8, ret);
	EXPECT_UNTOUCHED(p, "process_vm_readv");
	EXPECT_EQ(PATTERN_SIZE, in_child(r_readv_across, &fine));
}

TEST_F(remote_access, proc_mem_read)
{
	remote_rule(_metadata, &self->p, r_mem_read, -EIO, true);
}

TEST_F(remote_access, proc_mem_write)
{
	remote_rule(_metadata, &self->p, r_mem_write, -EIO, true);
}

TEST_F(remote_access, ptrace_peek)
{
	remote_rule(_metadata, &self->p, r_peek, -EIO, false);
}

TEST_F(remote_access, ptrace_poke)
{
	remote_rule(_metadata, &self->p, r_poke, -EIO, false);
}

TEST_F(remote_access, process_madvise)
{
	NEEDS_ROOT("CAP_SYS_NICE");

	remote_rule(_metadata, &self->p, r_process_madvise, -EPERM, true);
}

TEST_F(remote_access, move_pages)
{
	struct remote at = { .pid = getpid(), .addr = self->p.addr };
	long ret = r_move_pages_query(&at);

	NEEDS_ROOT("MPOL_MF_MOVE_ALL");
	if (!has_numa())
		SKIP(return, "no NUMA");
	remote_rule(_metadata, &self->p, r_move_pages, r_move_pages(&at), false);
	remote_rule(_metadata, &self->p, r_move_pages_query, ret, false);
}

/* Pages are not lent to pipes, rings and the like. */
static long pin_vmsplice(unsigned long addr, unsigned long len)
{
	struct iovec iov = { .iov_base = (void *)addr, .iov_len = ps() };
	int fds[2];
	long ret;

	(void)len;
	pipe_with(0, fds);
	ret = result(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK));
	return pipe_done(fds, ret < 0 ? ret : 0);
}

static long pin_vmsplice_gift(unsigned long addr, unsigned long len)
{
	struct iovec iov = { .iov_base = (void *)addr, .iov_len = len };
	int fds[2];
	long ret;

	pipe_with(0, fds);
	ret = result(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK | SPLICE_F_GIFT));
	return pipe_done(fds, ret < 0 ? ret : 0);
}

static long pin_ring_buffers(unsigned long addr, unsigned long len)
{
	struct iovec iov = { .iov_base = (void *)addr, .iov_len = len };
	struct io_uring_params params = {};
	long ret;
	int fd;

	fd = syscall(SYS_io_uring_setup, 2, &params);
	if (fd < 0)
		return -errno;
	ret = result(syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1));
	close(fd);
	return ret;
}

/* The ring itself in memory that the caller names. */
static long pin_ring(unsigned long addr, unsigned long len)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_NO_MMAP,
		.cq_off.user_addr = addr,
		.sq_off.user_addr = addr + (len > ps() ? ps() : 0),
	};
	int fd = syscall(SYS_io_uring_setup, 2, &params);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void pin_rule(struct __test_metadata *_metadata, const struct place *p, call_fn call)
{
	unsigned long mem = ordinary(p->size);
	long ret = call(p->addr, p->size);

	EXPECT_EQ(p->window ? call(p->empty, p->size) : -EFAULT, ret)
		TH_LOG("%s", why(ret));
	EXPECT_EQ(-EFAULT, ret);
	EXPECT_UNTOUCHED(p, "the call");
	ret = call(mem, p->size);
	EXPECT_EQ(0, ret)
		TH_LOG("ordinary memory: %s", why(ret));
}

TEST_F(remote_access, vmsplice)
{
	pin_rule(_metadata, &self->p, pin_vmsplice);
}

TEST_F(remote_access, vmsplice_gift)
{
	pin_rule(_metadata, &self->p, pin_vmsplice_gift);
}

static bool has_io_uring(void)
{
	return !access("/proc/sys/kernel/io_uring_disabled", F_OK);
}

TEST_F(remote_access, io_uring_buffers)
{
	if (!has_io_uring())
		SKIP(return, "no io_uring");
	pin_rule(_metadata, &self->p, pin_ring_buffers);
}

TEST_F(remote_access, io_uring_rings)
{
	if (!has_io_uring())
		SKIP(return, "no io_uring");
	pin_rule(_metadata, &self->p, pin_ring);
}

/*
 * What can be seen.
 */
static char text2[TEXT_SIZE];

FIXTURE(visibility)
{
	struct place p;
};

FIXTURE_VARIANT(visibility)
{
	bool window;
};

FIXTURE_VARIANT_ADD(visibility, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(visibility, window)
{
	.window = true,
};

FIXTURE_SETUP(visibility)
{
	unsigned long start;

	SETUP_PLACE(&self->p, variant->window, PROT_READ | PROT_WRITE);
	/*
	 * All there already, from the program's headers, the first mapping, to its
	 * data: what is compared counts pages, and nothing may be faulted in
	 * between two looks.
	 */
	slurp("/proc/self/maps", text, sizeof(text));
	start = strtoul(text, NULL, 16);
	madvise((void *)start, (unsigned long)text - start, MADV_POPULATE_READ);
	memset(text, 1, sizeof(text));
	memset(text2, 1, sizeof(text2));
}

FIXTURE_TEARDOWN(visibility)
{
}

static long another(int fd, bool window)
{
	unsigned long addr;

	return dev_map(fd, window ? MM_LOCAL_TEST_ALLOC : MM_LOCAL_TEST_MAP, 3 * ps(),
		       window ? 0 : PROT_READ | PROT_WRITE, &addr);
}

/* Where two texts differ, for a message. */
static const char *difference(const char *a, const char *b)
{
	static char what[256];
	const char *line_a = a, *line_b = b;

	while (*a && *a == *b) {
		if (*a == '\n') {
			line_a = a + 1;
			line_b = b + 1;
		}
		a++;
		b++;
	}
	snprintf(what, sizeof(what), "'%.*s' and '%.*s'",
		 (int)strcspn(line_a, "\n"), line_a, (int)strcspn(line_b, "\n"), line_b);
	return what;
}

/*
 * A second area does not show in a file in /proc/self at all, not in one byte.
 * A second VMA does, if @shown; an ordinary mapping does.
 */
static void file_rule(struct __test_metadata *_metadata, const struct place *p,
		      const char *path, bool shown)
{
	int fd = device();

	ASSERT_LE(0, fd);
	slurp(path, text, sizeof(text));
	ASSERT_LT(0, slurp(path, text, sizeof(text)))
		TH_LOG("%s: %s", path, strerror(errno));
	ASSERT_EQ(0, another(fd, p->window));
	slurp(path, text2, sizeof(text2));
	if (p->window)
		EXPECT_EQ(0, strcmp(text, text2))
			TH_LOG("%s: %s", path, difference(text, text2));
	if (!p->window && shown)
		EXPECT_NE(0, strcmp(text, text2))
			TH_LOG("%s does not show it", path);
	close(fd);
	if (p->window) {
		slurp(path, text2, sizeof(text2));
		EXPECT_EQ(0, strcmp(text, text2))
			TH_LOG("%s, after it: %s", path, difference(text, text2));
	}
	ASSERT_NE(0, ordinary(64 * ps()));
	slurp(path, text2, sizeof(text2));
	EXPECT_NE(0, strcmp(text, text2))
		TH_LOG("%s does not show an ordinary mapping", path);
	EXPECT_UNTOUCHED(p, path);
}

TEST_F(visibility, maps)
{
	file_rule(_metadata, &self->p, "/proc/self/maps", true);
}

TEST_F(visibility, smaps)
{
	file_rule(_metadata, &self->p, "/proc/self/smaps", true);
}

TEST_F(visibility, smaps_rollup)
{
	file_rule(_metadata, &self->p, "/proc/self/smaps_rollup", false);
}

TEST_F(visibility, numa_maps)
{
	if (access("/proc/self/numa_maps", F_OK))
		SKIP(return, "no NUMA");
	file_rule(_metadata, &self->p, "/proc/self/numa_maps", true);
}

TEST_F(visibility, statm)
{
	file_rule(_metadata, &self->p, "/proc/self/statm", true);
}

TEST_F(visibility, status)
{
	const char *const fields[] = { "VmSize", "VmPeak", "VmPTE", "VmLck", "VmPin", "VmData" };
	long before[ARRAY_SIZE(fields)], after;
	const struct place *p = &self->p;
	int fd = device();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		before[i] = status_field(fields[i]);
	ASSERT_EQ(0, another(fd, p->window));
	for (i = 0; i < ARRAY_SIZE(fields) && p->window; i++) {
		EXPECT_EQ(before[i], status_field(fields[i]))
			TH_LOG("%s", fields[i]);
	}
	after = status_field("VmSize");
	if (!p->window)
		EXPECT_EQ(before[0] + 3 * (long)ps() / 1024, after);
	close(fd);
	EXPECT_EQ(before[0], status_field("VmSize"));
	EXPECT_UNTOUCHED(p, "/proc/self/status");
	ASSERT_NE(0, ordinary(ps()));
	EXPECT_EQ(before[0] + (long)ps() / 1024, status_field("VmSize"));
}

struct watch {
	const char *field;
	int again, stop;
	long min, max;
	unsigned int reads;
};

static void *watch_field(void *arg)
{
	struct watch *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		long now = status_field(w->field);

		if (__atomic_load_n(&w->again, __ATOMIC_ACQUIRE)) {
			w->min = now;
			w->max = now;
			__atomic_store_n(&w->reads, 0, __ATOMIC_RELEASE);
			__atomic_store_n(&w->again, 0, __ATOMIC_RELEASE);
		}
		w->min = now < w->min ? now : w->min;
		w->max = now > w->max ? now : w->max;
		__atomic_add_fetch(&w->reads, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Not even who looks all the time sees areas come and go. */
TEST_F(visibility, counted_at_no_moment)
{
	const struct place *p = &self->p;
	struct watch w = { .field = p->window ? "VmPTE" : "VmSize" };
	unsigned int i;
	pthread_t thread;

	/* With one there, the others would need no page tables. */
	if (p->window)
		ASSERT_EQ(0, dev_free(p->fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, watch_field, &w));
	/* It needs memory of its own first. */
	while (__atomic_load_n(&w.reads, __ATOMIC_ACQUIRE) < 3)
		sched_yield();
	__atomic_store_n(&w.again, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&w.again, __ATOMIC_ACQUIRE))
		sched_yield();
	for (i = 0; i < 5000 && __atomic_load_n(&w.reads, __ATOMIC_ACQUIRE) < 300; i++) {
		int fd = device();

		ASSERT_EQ(0, another(fd, p->window));
		close(fd);
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_LE(20, w.reads);
	EXPECT_EQ(p->window, w.min == w.max);
}

/* One at a user address is shown as what it is. */
TEST_F(visibility, vm_flags)
{
	const struct place *p = &self->p;
	const char *const flags[] = { "ko", "sl", "pf", "io", "de", "dc", "dd" };
	unsigned long plain;
	unsigned int i;
	int fd = device();

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(!p->window, vma_has_flag(p->addr, p->addr + p->size, flags[i]))
			TH_LOG("%s", flags[i]);
	}
	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, ps(), PROT_READ, &plain));
	EXPECT_TRUE(vma_has_flag(plain, plain + ps(), "pf"));
	EXPECT_FALSE(vma_has_flag(plain, plain + ps(), "ko"));
	EXPECT_FALSE(vma_has_flag(plain, plain + ps(), "sl"));
	close(fd);
}

/* map_files has an entry for each mapping of a file, none for these. */
TEST_F(visibility, map_files)
{
	const struct place *p = &self->p;
	char path[80];
	int fd = memfd();
	void *mem;

	NEEDS_ROOT("/proc/PID/map_files");
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", p->addr,
		 p->addr + p->size);
	EXPECT_NE(0, access(path, F_OK));
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);

	mem = mmap(NULL, ps(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)mem,
		 (unsigned long)mem + ps());
	EXPECT_LE(0, open(path, O_RDWR)) TH_LOG("%s: %s", path, strerror(errno));
	EXPECT_UNTOUCHED(p, "map_files");
}

static long pagemap_read(unsigned long addr, __u64 *ent)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long ret;

	*ent = 0;
	ret = result(pread(fd, ent, sizeof(*ent), addr / ps() * sizeof(*ent)));
	close(fd);
	return ret;
}

static long pagemap_scan(unsigned long addr, unsigned long len)
{
	struct page_region regions[8];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = addr,
		.end = addr + len,
		.vec = (unsigned long)regions,
		.vec_len = ARRAY_SIZE(regions),
		.return_mask = PAGE_IS_PRESENT,
		.category_mask = PAGE_IS_PRESENT,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long ret = result(ioctl(fd, PAGEMAP_SCAN, &arg));

	close(fd);
	return ret;
}

TEST_F(visibility, pagemap)
{
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	__u64 ent, e_ent;
	long ret, e_ret;

	ret = pagemap_read(p->addr, &ent);
	e_ret = pagemap_read(p->empty, &e_ent);
	if (p->window) {
		EXPECT_EQ(e_ret, ret);
		EXPECT_EQ(e_ent, ent);
		EXPECT_FALSE(PAGEMAP_PRESENT(ent));
		EXPECT_EQ(pagemap_scan(p->empty, p->size), pagemap_scan(p->addr, p->size));
	} else {
		/* Nor of the pages of any VM_PFNMAP VMA. */
		EXPECT_FALSE(PAGEMAP_PRESENT(ent));
		EXPECT_EQ(0, pagemap_scan(p->addr, p->size));
	}
	EXPECT_EQ(8, pagemap_read(mem, &ent));
	EXPECT_TRUE(PAGEMAP_PRESENT(ent));
	EXPECT_EQ(1, pagemap_scan(mem, ps()));
	EXPECT_UNTOUCHED(p, "pagemap");
}

/* Nothing to be written there either, nor guarded or waited for. */
TEST_F(visibility, pagemap_write_protect)
{
	const struct place *p = &self->p;
	unsigned long addrs[2] = { p->addr, p->empty };
	long ret[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct pm_scan_arg arg = {
			.size = sizeof(arg),
			.flags = PM_SCAN_WP_MATCHING,
			.start = addrs[i],
			.end = addrs[i] + p->size,
			.category_mask = PAGE_IS_PRESENT,
			.return_mask = PAGE_IS_PRESENT,
		};
		int fd = open("/proc/self/pagemap", O_RDONLY);

		ret[i] = result(ioctl(fd, PAGEMAP_SCAN, &arg));
		close(fd);
	}
	if (p->window)
		EXPECT_EQ(ret[1], ret[0]);
	EXPECT_UNTOUCHED(p, "PM_SCAN_WP_MATCHING");
	/* It can be written to as before, without a fault that has to be resolved. */
	if (!p->window)
		EXPECT_EQ(0, try_access(STORE, p->addr + 1).sig);
	EXPECT_EQ(1, pagemap_scan(ordinary(ps()), ps()));
}

static long procmap(unsigned long addr, __u64 flags, struct procmap_query *q)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	long ret;

	memset(q, 0, sizeof(*q));
	q->size = sizeof(*q);
	q->query_addr = addr;
	q->query_flags = flags;
	ret = result(ioctl(fd, PROCMAP_QUERY, q));
	close(fd);
	return ret;
}

/* The search for the next VMA ends where the user addresses do. */
TEST_F(visibility, procmap_query)
{
	const __u64 next = PROCMAP_QUERY_COVERING_OR_NEXT_VMA;
	const struct place *p = &self->p;
	unsigned long mem = ordinary(ps());
	struct procmap_query q, e;
	unsigned long at = 0;

	if (p->window) {
		EXPECT_EQ(-ENOENT, procmap(p->addr, 0, &q));
		EXPECT_EQ(-ENOENT, procmap(p->addr, next, &q));
		EXPECT_EQ(procmap(p->empty, next, &e), procmap(p->addr - ps(), next, &q));
	} else {
		EXPECT_EQ(0, procmap(p->addr, 0, &q));
		EXPECT_EQ(p->addr, q.vma_start);
		EXPECT_EQ(p->addr + p->size, q.vma_end);
	}
	while (!procmap(at, next, &q)) {
		EXPECT_GT(1UL << 63, q.vma_start) TH_LOG("%llx", q.vma_start);
		at = q.vma_end;
	}
	EXPECT_EQ(0, procmap(mem, 0, &q));
	EXPECT_UNTOUCHED(p, "PROCMAP_QUERY");
}

static long referenced(unsigned long addr)
{
	char *line = vma_lines("/proc/self/smaps", addr, addr + ps());

	line = line ? strstr(line, "Referenced:") : NULL;
	return line ? atol(line + strlen("Referenced:")) : -1;
}

/* Referenced, soft-dirty and the like belong to pages that are not theirs. */
TEST_F(visibility, clear_refs)
{
	const struct place *p = &self->p;
	const bool softdirty = !p->window && vma_has_flag(p->addr, p->addr + p->size, "sd");
	unsigned long mem;
	char value[4];
	int i;

	for (i = 1; i <= 5; i++) {
		snprintf(value, sizeof(value), "%d", i);
		EXPECT_TRUE(spew("/proc/self/clear_refs", value));
		EXPECT_UNTOUCHED(p, "clear_refs");
		/* The driver sets it if the kernel has it. */
		if (softdirty)
			EXPECT_TRUE(vma_has_flag(p->addr, p->addr + p->size, "sd"));
		/* Not write-protected, either: nothing would lift that. */
		if (p->window)
			continue;
		EXPECT_EQ(0, try_access(STORE, p->addr + 1).sig);
		make_pattern((unsigned char *)p->addr, 2, p->seed);
	}

	/* It does something. */
	mem = (unsigned long)mmap(NULL, ps(), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*(char *)mem = 1;
	EXPECT_LT(0, referenced(mem));
	EXPECT_TRUE(spew("/proc/self/clear_refs", "1"));
	EXPECT_EQ(0, referenced(mem));
}

/*
 * Core dumps
 */
#define CORE	"/tmp/mm_local_core"

struct crash {
	unsigned long addr, size;
	unsigned int lines;		/* of maps */
	bool made;
	unsigned int loads;		/* PT_LOAD headers in the dump */
	bool header, contents, other;	/* of the area; of ordinary memory */
};

static void crash_now(struct crash *c, bool make, bool window)
{
	const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned long mem = ordinary(ps());
	struct place p;

	setrlimit(RLIMIT_CORE, &any);
	prctl(PR_SET_DUMPABLE, 1);
	make_pattern((unsigned char *)mem, ps(), 0x77);
	if (make) {
		if (place_make(&p, window, PROT_READ | PROT_WRITE))
			_exit(1);
		c->addr = p.addr;
		c->size = p.size;
	}
	c->lines = count_lines("/proc/self/maps");
	c->made = true;
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void read_core(struct crash *c, unsigned char seed)
{
	unsigned char want[PATTERN_SIZE];
	struct stat st;
	int fd = open(CORE, O_RDONLY), i;
	struct elf64_hdr *eh;
	struct elf64_phdr *ph;
	void *core;

	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		return;
	core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (core == MAP_FAILED)
		return;
	eh = core;
	ph = core + eh->e_phoff;
	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		c->loads++;
		if (ph[i].p_vaddr < c->addr + c->size &&
		    ph[i].p_vaddr + ph[i].p_memsz > c->addr)
			c->header = true;
	}
	make_pattern(want, sizeof(want), seed);
	c->contents = memmem(core, st.st_size, want, sizeof(want));
	as_stored(want, sizeof(want));
	c->contents |= !!memmem(core, st.st_size, want, sizeof(want));
	make_pattern(want, sizeof(want), 0x77);
	c->other = memmem(core, st.st_size, want, sizeof(want));
	munmap(core, st.st_size);
}

static bool crash(struct crash *c, bool make, bool window, unsigned char seed)
{
	struct crash *shared = mmap(NULL, ps(), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	unlink(CORE);
	pid = fork();
	if (!pid)
		crash_now(shared, make, window);
	waitpid(pid, &status, 0);
	*c = *shared;
	munmap(shared, ps());
	if (!c->made || !WIFSIGNALED(status) || !WCOREDUMP(status))
		return false;
	read_core(c, seed);
	unlink(CORE);
	return true;
}

TEST_F(visibility, core_dump)
{
	const struct place *p = &self->p;
	struct crash with = {}, without = {};
	char pattern[256], uses_pid[16];
	bool ok;

	NEEDS_ROOT("/proc/sys/kernel/core_pattern");
	slurp("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	slurp("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof(uses_pid));
	if (!spew("/proc/sys/kernel/core_pattern", CORE))
		SKIP(return, "no core dumps");
	spew("/proc/sys/kernel/core_uses_pid", "0");
	ok = crash(&with, true, p->window, p->seed);
	ok = crash(&without, false, p->window, p->seed) && ok;
	spew("/proc/sys/kernel/core_pattern", pattern);
	spew("/proc/sys/kernel/core_uses_pid", uses_pid);

	ASSERT_TRUE(ok) TH_LOG("no core was dumped");
	EXPECT_FALSE(with.contents);
	EXPECT_TRUE(with.other);
	EXPECT_TRUE(without.other);
	/* One header a line; one at a user address has one without contents. */
	EXPECT_EQ(without.lines, without.loads);
	EXPECT_EQ(with.lines, with.loads);
	EXPECT_EQ(!p->window, with.header);
	if (p->window)
		EXPECT_EQ(without.loads, with.loads);
	EXPECT_UNTOUCHED(p, "another's core dump");
}

/*
 * First difference: whatever is done to an address in or around an area, the
 * answer is that of an address where nothing is.
 */
static long c_read(unsigned long addr, unsigned long len __maybe_unused)
{
	return u_read(addr);
}

static long c_write(unsigned long addr, unsigned long len)
{
	int fds[2];

	pipe_with(0, fds);
	return pipe_done(fds, result(syscall(SYS_write, fds[1], addr, len)));
}

static long c_futex_wake(unsigned long addr, unsigned long len __maybe_unused)
{
	return f_wake(addr);
}

static long c_futex_shared(unsigned long addr, unsigned long len __maybe_unused)
{
	return result(syscall(SYS_futex, addr, FUTEX_WAKE, 1, NULL, NULL, 0));
}

static long c_futex_pi(unsigned long addr, unsigned long len __maybe_unused)
{
	return f_trylock_pi(addr);
}

static long c_getrandom(unsigned long addr, unsigned long len)
{
	return result(syscall(SYS_getrandom, addr, len > 256 ? 256 : len, 0));
}

static long c_path(unsigned long addr, unsigned long len __maybe_unused)
{
	return u_path(addr);
}

static long c_process_vm(unsigned long addr, unsigned long len __maybe_unused)
{
	struct remote r = { .pid = getpid(), .addr = addr };

	return r_readv(&r);
}

static long c_process_vm_write(unsigned long addr, unsigned long len __maybe_unused)
{
	struct remote r = { .pid = getpid(), .addr = addr };

	return r_writev(&r);
}

static long c_mem_read(unsigned long addr, unsigned long len __maybe_unused)
{
	struct remote r = { .pid = getpid(), .addr = addr };

	return r_mem_read(&r);
}

static long c_mem_write(unsigned long addr, unsigned long len __maybe_unused)
{
	struct remote r = { .pid = getpid(), .addr = addr };

	return r_mem_write(&r);
}

static long c_pagemap(unsigned long addr, unsigned long len __maybe_unused)
{
	__u64 ent;
	long ret = pagemap_read(addr, &ent);

	return ret + (ent != 0);
}

static long c_procmap(unsigned long addr, unsigned long len __maybe_unused)
{
	struct procmap_query q;

	return procmap(addr, 0, &q);
}

static long c_procmap_next(unsigned long addr, unsigned long len __maybe_unused)
{
	struct procmap_query q;

	return procmap(addr, PROCMAP_QUERY_COVERING_OR_NEXT_VMA, &q);
}

static long c_load(unsigned long addr, unsigned long len __maybe_unused)
{
	struct fault f = try_access(LOAD, addr);

	return (long)f.sig << 56 | (long)f.code << 48 | f.err;
}

static long c_store(unsigned long addr, unsigned long len __maybe_unused)
{
	struct fault f = try_access(STORE, addr);

	return (long)f.sig << 56 | (long)f.code << 48 | f.err;
}

static long c_nofault(unsigned long addr, unsigned long len __maybe_unused)
{
	int fd = device();
	long ret = dev_nofault(fd, addr);

	close(fd);
	return ret;
}

static long c_set_mm(unsigned long addr, unsigned long len __maybe_unused)
{
	return result(prctl(PR_SET_MM, PR_SET_MM_ARG_START, addr, 0, 0));
}

#define CALL(_name) { .name = #_name, .call = c_##_name }

static const struct {
	const char *name;
	call_fn call;
} all_calls[] = {
	CALL(munmap), CALL(mmap_fixed), CALL(mmap_noreplace), CALL(mmap_hint),
	CALL(mremap_move), CALL(mremap_grow), CALL(mremap_shrink), CALL(mremap_target),
	CALL(mremap_dontunmap), CALL(mremap_from_nothing), CALL(mprotect_none),
	CALL(mprotect_read), CALL(mprotect_all), CALL(pkey_mprotect), CALL(mlock),
	CALL(mlock_onfault), CALL(munlock), CALL(mseal), CALL(mbind), CALL(mbind_default),
	CALL(mbind_move), CALL(home_node), CALL(get_mempolicy), CALL(move_pages),
	CALL(where_are_pages), CALL(remap_file_pages), CALL(msync_sync),
	CALL(msync_invalidate), CALL(mincore), CALL(uffd_register), CALL(uffd_register_wp),
	CALL(uffd_unregister), CALL(uffd_copy), CALL(uffd_zeropage), CALL(uffd_writeprotect),
	CALL(uffd_poison), CALL(uffd_move_from), CALL(uffd_move_to), CALL(anon_name),
	CALL(shmat), CALL(process_madvise), CALL(read), CALL(write), CALL(futex_wake),
	CALL(futex_shared), CALL(futex_pi), CALL(getrandom), CALL(path), CALL(process_vm),
	CALL(process_vm_write), CALL(mem_read), CALL(mem_write), CALL(pagemap),
	CALL(procmap), CALL(procmap_next), CALL(load), CALL(store), CALL(nofault),
	CALL(set_mm),
	{ .name = "pagemap_scan", .call = pagemap_scan },
	{ .name = "vmsplice", .call = pin_vmsplice },
	{ .name = "vmsplice_gift", .call = pin_vmsplice_gift },
	{ .name = "io_uring_buffers", .call = pin_ring_buffers },
	{ .name = "io_uring_rings", .call = pin_ring },
};

static void same_answer(struct __test_metadata *_metadata, const struct place *p,
			const char *name, call_fn call, const char *where,
			unsigned long addr, unsigned long empty, unsigned long len)
{
	long ret = call(addr, len), want = call(empty, len);

	EXPECT_EQ(want, ret)
		TH_LOG("%s, %s: %ld instead of %ld", name, where, ret, want);
	EXPECT_UNTOUCHED(p, name);
}

TEST_F_TIMEOUT(visibility, addresses_answer_alike, 120)
{
	const struct place *p = &self->p;
	unsigned int i, differ = 0;

	uffd_source = ordinary(NPAGES * ps());
	for (i = 0; i < ARRAY_SIZE(all_calls); i++) {
		const char *name = all_calls[i].name;
		call_fn call = all_calls[i].call;
		const struct {
			const char *name;
			long from, to;
		} ranges[] = {
			{ "all of it", 0, p->size },
			{ "its first page", 0, ps() },
			{ "its last page", p->size - ps(), p->size },
			{ "the page before", -ps(), 0 },
			{ "the page after", p->size, p->size + ps() },
			{ "across its start", -ps(), ps() },
			{ "across its end", p->size - ps(), p->size + ps() },
			{ "with what is around", -2 * ps(), p->size + 2 * ps() },
			{ "not aligned", 8, ps() + 8 },
			{ "nothing of it", 0, 0 },
		};
		unsigned int j;

		for (j = 0; j < ARRAY_SIZE(ranges) && p->window; j++)
			same_answer(_metadata, p, name, call, ranges[j].name,
				    p->addr + ranges[j].from, p->empty + ranges[j].from,
				    ranges[j].to - ranges[j].from);

		/* The test can see something: most calls tell memory apart. */
		if (call(ordinary(p->size), p->size) != call(p->empty, p->size))
			differ++;
		if (p->window)
			continue;
		/* And one at a user address comes through it all. */
		if (call != c_store && call != c_read && call != c_getrandom &&
		    call != c_futex_pi) {
			call(p->addr, p->size);
			EXPECT_UNTOUCHED(p, name);
		}
	}
	EXPECT_LT(ARRAY_SIZE(all_calls) * 2 / 3, differ)
		TH_LOG("only %u of %zu calls tell memory from nothing", differ,
		       ARRAY_SIZE(all_calls));
}

/* The same for every advice. */
TEST_F_TIMEOUT(visibility, advice_answers_alike, 120)
{
	const struct place *p = &self->p;
	unsigned int differ = 0;
	int advice;

	for (advice = -1; advice <= 110; advice++) {
		advice_now = advice;
		if (p->window) {
			same_answer(_metadata, p, "madvise", c_madvise, "all of it",
				    p->addr, p->empty, p->size);
			same_answer(_metadata, p, "madvise", c_madvise, "around it",
				    p->addr - ps(), p->empty - ps(), p->size + 2 * ps());
			same_answer(_metadata, p, "madvise", c_madvise, "the page after",
				    p->addr + p->size, p->empty + p->size, ps());
		} else {
			c_madvise(p->addr, p->size);
			EXPECT_UNTOUCHED(p, "madvise");
		}
		if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		if (c_madvise(ordinary(ps()), ps()) != c_madvise(p->empty, ps()))
			differ++;
	}
	EXPECT_LT(15, differ);
}

/* A range that starts in the user range and ends in the area. */
TEST_F_TIMEOUT(visibility, ranges_into_it_answer_alike, 120)
{
	const struct place *p = &self->p;
	unsigned long from = last_user_page(p->fd);
	struct mm_local_test_range window;
	unsigned int i, j, differ = 0;
	long ret, want = 0;

	ASSERT_NE(0, from);
	ASSERT_EQ(0, ioctl(p->fd, MM_LOCAL_TEST_WINDOW, &window));
	uffd_source = ordinary(NPAGES * ps());
	for (i = 0; i < ARRAY_SIZE(all_calls); i++) {
		/* Ahead of every area, behind them all, and in one. */
		const unsigned long ends[] = { window.addr + 128 * ps(),
					       window.addr + window.size, p->addr + ps() };
		call_fn call = all_calls[i].call;

		for (j = 0; j < (p->window ? ARRAY_SIZE(ends) : 1); j++) {
			/* One that is there at the start of each call. */
			mmap((void *)from, ps(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			*(char *)from = 1;
			ret = call(from, ends[j] - from);
			if (!j)
				want = ret;
			EXPECT_EQ(want, ret)
				TH_LOG("%s: %ld instead of %ld", all_calls[i].name,
				       ret, want);
			EXPECT_UNTOUCHED(p, all_calls[i].name);
		}
		mmap((void *)from, ps(), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		*(char *)from = 1;
		if (call(from, ps()) != want)
			differ++;
		/* A seal is for good: go on with the page before. */
		if (call == c_mseal)
			from -= ps();
	}
	EXPECT_LT(ARRAY_SIZE(all_calls) / 3, differ)
		TH_LOG("only %u of %zu calls tell the ranges apart", differ,
		       ARRAY_SIZE(all_calls));
}

/*
 * Second difference: a process with areas, and its twin without.
 */
#define TWIN_AREAS	20
#define TWIN_PAGES	3
#define TWIN_TEXT	(64 * 1024)

enum twin { NOTHING, AREAS, ORDINARY };

struct twin_limits {
	unsigned long as;	/* bytes */
	unsigned long memlock;
};

static void add_file(char *out, const char *path)
{
	size_t len = strlen(out);

	slurp(path, out + len, TWIN_TEXT - len);
}

static void add_number(char *out, const char *name, long value)
{
	size_t len = strlen(out);

	snprintf(out + len, TWIN_TEXT - len, "%s %ld\n", name, value);
}

static void add_status(char *out)
{
	char *line, *end;

	slurp("/proc/self/status", text, sizeof(text));
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		if (strncmp(line, "Vm", 2) && strncmp(line, "Rss", 3) &&
		    strncmp(line, "Huge", 4))
			continue;
		strncat(out, line, end + 1 - line);
	}
}

/* One-page mappings, none of which merges with the next, until there is one too many. */
static long count_mmaps(unsigned int max)
{
	static void *maps[1024];
	unsigned int n, i;

	for (n = 0; n < max; n++) {
		maps[n] = mmap(NULL, ps(), n & 1 ? PROT_READ : PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[n] == MAP_FAILED)
			break;
	}
	for (i = 0; i < n; i++)
		munmap(maps[i], ps());
	return n;
}

static void whole_mm(char *out, const struct twin_limits *limits)
{
	struct rlimit as, limit;
	struct procmap_query q;
	unsigned long at = 0;
	long n = 0;

	add_status(out);
	add_file(out, "/proc/self/statm");
	add_file(out, "/proc/self/smaps_rollup");
	add_file(out, "/proc/self/oom_score");
	add_number(out, "lines of maps", count_lines("/proc/self/maps"));
	add_number(out, "lines of smaps", count_lines("/proc/self/smaps"));
	add_number(out, "lines of numa_maps", count_lines("/proc/self/numa_maps"));
	while (!procmap(at, PROCMAP_QUERY_COVERING_OR_NEXT_VMA, &q)) {
		at = q.vma_end;
		n++;
	}
	add_number(out, "VMAs found", n);
	add_number(out, "the last one's end", at);
	add_number(out, "mmaps to max_map_count", count_mmaps(1024));

	getrlimit(RLIMIT_AS, &as);
	limit = as;
	limit.rlim_cur = limits->as;
	setrlimit(RLIMIT_AS, &limit);
	add_number(out, "mmaps to RLIMIT_AS", count_mmaps(1024));
	setrlimit(RLIMIT_AS, &as);

	add_number(out, "mlockall", result(mlockall(MCL_CURRENT)));
	add_status(out);
	add_number(out, "munlockall", munlockall());

	limit.rlim_cur = limits->memlock;
	limit.rlim_max = limits->memlock;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (setresuid(65534, 65534, 65534))
		add_number(out, "setresuid", errno);
	add_number(out, "mlockall of an ordinary user", result(mlockall(MCL_CURRENT)));
	add_status(out);
}

/* Into @shared, which is the same for all, and then @out. */
static bool twin(char *out, char *shared, enum twin what, bool window,
		 const struct twin_limits *limits)
{
	int status = -1, i;
	pid_t pid;

	memset(shared, 0, TWIN_TEXT);
	pid = fork();
	if (!pid) {
		/* The one without areas asks for some of no size. */
		unsigned long size = what == AREAS ? TWIN_PAGES * ps() : 0, addr;
		long want = what == AREAS ? 0 : -EINVAL;

		/*
		 * All of the program is there from now on, or its own pages would
		 * tell which way it went.
		 */
		mlockall(MCL_CURRENT);
		munlockall();
		for (i = 0; i < TWIN_AREAS; i++) {
			int fd = device();
			long ret = dev_map(fd, window ? MM_LOCAL_TEST_ALLOC : MM_LOCAL_TEST_MAP,
					   size, window ? 0 : PROT_READ, &addr);

			if (ret != want)
				_exit(1);
		}
		if (what == ORDINARY)
			mmap(NULL, TWIN_AREAS * TWIN_PAGES * ps(), PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		whole_mm(shared, limits);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	memcpy(out, shared, TWIN_TEXT);
	return status == 0;
}

TEST_F_TIMEOUT(visibility, twins_answer_alike, 120)
{
	static char a[TWIN_TEXT], b[TWIN_TEXT], c[TWIN_TEXT];
	char *shared, max_map_count[32], lower[32];
	const struct place *p = &self->p;
	struct twin_limits limits;
	bool ok = true, same = false;
	cpu_set_t cpu;
	long pages;
	int i;

	/* Counters of memory are kept by CPU, and summed up now and then. */
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);

	shared = mmap(NULL, TWIN_TEXT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)shared);
	memset(a, 1, sizeof(a));
	memset(b, 1, sizeof(b));
	memset(c, 1, sizeof(c));
	slurp("/proc/self/statm", text, sizeof(text));
	pages = atol(text);
	/* Less to spare than the areas have. */
	limits.as = (pages + TWIN_AREAS * TWIN_PAGES / 2) * ps();
	limits.memlock = limits.as;

	slurp("/proc/sys/vm/max_map_count", max_map_count, sizeof(max_map_count));
	snprintf(lower, sizeof(lower), "%u", count_lines("/proc/self/maps") + 100);
	ASSERT_TRUE(spew("/proc/sys/vm/max_map_count", lower) || geteuid());
	/* What is not the area's doing happens to a pair of twins once. */
	for (i = 0; i < 3 && ok && !same; i++) {
		ok = twin(b, shared, AREAS, p->window, &limits) &&
			twin(a, shared, NOTHING, p->window, &limits) &&
			twin(c, shared, ORDINARY, p->window, &limits);
		same = ok && !strcmp(a, b);
	}
	spew("/proc/sys/vm/max_map_count", max_map_count);

	ASSERT_TRUE(ok) TH_LOG("a twin has failed");
	EXPECT_EQ(p->window, same)
		TH_LOG("without and with: %s", difference(a, b));
	/* These questions tell an ordinary mapping. */
	EXPECT_NE(0, strcmp(a, c));
	EXPECT_EQ(NULL, strstr(a, "mmaps to max_map_count 0\n"));
	EXPECT_EQ(NULL, strstr(a, "mmaps to RLIMIT_AS 0\n"));
	EXPECT_NE(NULL, strstr(a, "mlockall of an ordinary user 0\n"));
	EXPECT_NE(NULL, strstr(c, "mlockall of an ordinary user -12\n"));
	EXPECT_UNTOUCHED(p, "the twins");
}

#define RING_PAGES	16

static unsigned int jumps_left;

/* Returns to the address that faults. */
static void jump_again(int sig __maybe_unused)
{
	if (!jumps_left--)
		siglongjmp(fault_jump, 1);
}

/*
 * What perf says is the size of the page at @addr, or -errno.  Jump there, up to
 * @tries thousand times, until a timer's interrupt is taken before the fetch faults.
 */
static long perf_page_size(unsigned long addr, int tries)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 20000,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CODE_PAGE_SIZE,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.disabled = 1,
	};
	struct sigaction act = { .sa_handler = jump_again };
	struct perf_event_mmap_page *ring;
	long ret = -ENOENT;
	__u64 at;
	int fd;

	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		return -errno;
	ring = mmap(NULL, (1 + RING_PAGES) * ps(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}

	for (; tries && ret == -ENOENT; tries--) {
		sigaction(SIGSEGV, &act, NULL);
		jumps_left = 1000;
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
		if (!sigsetjmp(fault_jump, 1))
			((void (*)(void))addr)();
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
		signal(SIGSEGV, SIG_DFL);

		for (at = ring->data_tail; at < ring->data_head;) {
			char *data = (char *)ring + ps();
			struct {
				struct perf_event_header h;
				__u64 ip, size;
			} rec;
			unsigned int i;

			for (i = 0; i < sizeof(rec); i++)
				((char *)&rec)[i] = data[(at + i) % (RING_PAGES * ps())];
			if (rec.h.type == PERF_RECORD_SAMPLE && rec.ip == addr)
				ret = rec.size;
			at += rec.h.size;
		}
		ring->data_tail = at;
	}
	munmap(ring, (1 + RING_PAGES) * ps());
	close(fd);
	return ret;
}

static long perf_code_page_size(unsigned long addr)
{
	return perf_page_size(addr, 100);
}

TEST_F_TIMEOUT(visibility, perf_code_page_size, 120)
{
	/* Bits that are no index of a page table, on some CPU. */
	static const int others[] = { 48, 53 };
	const struct place *p = &self->p;
	long it = perf_code_page_size(p->addr);
	unsigned int i;

	EXPECT_EQ(p->window ? 0 : (long)ps(), it) TH_LOG("%s", why(it));
	EXPECT_EQ(0, perf_code_page_size(p->empty));
	if (p->window)
		EXPECT_EQ(0, perf_code_page_size(p->addr - ps()));
	/* An address that the CPU does not take at all is in no sample. */
	for (i = 0; p->window && i < ARRAY_SIZE(others); i++) {
		it = perf_page_size(p->addr ^ 1UL << others[i], 10);
		EXPECT_TRUE(!it || it == -ENOENT) TH_LOG("bit %d: %ld", others[i], it);
	}
	EXPECT_EQ((long)ps(), perf_code_page_size(ordinary(p->size)));
	EXPECT_UNTOUCHED(p, "the samples");
}

/*
 * Lifetime: who frees, when, and from where.
 */
struct area {
	int fd;
	unsigned long addr, size, empty;
};

FIXTURE(lifetime)
{
	struct area a;	/* in the window, with contents */
};

static void area_setup(struct __test_metadata *_metadata, struct area *a)
{
	if (no_device())
		SKIP(exit(KSFT_SKIP), "no " DEVICE);
	a->size = NPAGES * ps();
	a->fd = device();
	ASSERT_LE(0, a->fd) TH_LOG("%s", strerror(errno));
	ASSERT_EQ(0, dev_alloc(a->fd, a->size, &a->addr));
	a->empty = empty_address(a->fd, a->addr);
	ASSERT_NE(0, a->empty);
	make_pattern(buffer, a->size, 0x5a);
	ASSERT_EQ(0, dev_write(a->fd, 0, buffer, a->size));
	memset(buffer, 0, a->size);
}

static bool area_lives(const struct area *a)
{
	unsigned long addr;
	bool ok;

	ok = !dev_addr(a->fd, &addr) && addr == a->addr &&
		!dev_read(a->fd, 0, buffer, a->size) && is_pattern(buffer, a->size, 0x5a);
	memset(buffer, 0, a->size);
	return ok;
}

FIXTURE_SETUP(lifetime)
{
	area_setup(_metadata, &self->a);
}

FIXTURE_TEARDOWN(lifetime)
{
}

/* A new area on a new file, as a proof that nothing is in the way. */
static long can_allocate(unsigned long size)
{
	unsigned long addr;
	int fd = device();
	long ret = dev_alloc(fd, size, &addr);

	close(fd);
	return ret;
}

TEST_F(lifetime, new_area_is_zero)
{
	unsigned long addr;
	int fd = device();

	ASSERT_EQ(0, dev_alloc(fd, self->a.size, &addr));
	memset(buffer, 0xff, self->a.size);
	EXPECT_EQ(0, dev_read(fd, 0, buffer, self->a.size));
	EXPECT_TRUE(is_zero(buffer, self->a.size));
	EXPECT_EQ(0, dev_read(self->a.fd, 0, buffer, self->a.size));
	EXPECT_TRUE(is_pattern(buffer, self->a.size, 0x5a));
}

TEST_F(lifetime, size_0)
{
	EXPECT_EQ(-EINVAL, can_allocate(0));
	EXPECT_EQ(0, can_allocate(ps()));
}

TEST_F(lifetime, size_not_in_pages)
{
	EXPECT_EQ(-EINVAL, can_allocate(1));
	EXPECT_EQ(-EINVAL, can_allocate(ps() + 8));
	EXPECT_EQ(-EINVAL, can_allocate(-1UL));
	EXPECT_EQ(0, can_allocate(ps()));
}

TEST_F(lifetime, size_too_large)
{
	const unsigned long sizes[] = {
		(64UL << 20) + ps(), 1UL << 32, 1UL << 46, 1UL << 62, 1UL << 63, -ps(),
	};
	unsigned int i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ret = can_allocate(sizes[i]);
		EXPECT_EQ(-ENOSPC, ret)
			TH_LOG("size %lx: %s", sizes[i], why(ret));
	}
	EXPECT_EQ(0, can_allocate(ps()));
	EXPECT_TRUE(area_lives(&self->a));
}

/* The cap is the mm's, not the area's, and another mm's is its own. */
static long allocate_32_mib(const struct remote *r __maybe_unused)
{
	return can_allocate(32UL << 20);
}

TEST_F_TIMEOUT(lifetime, cap_of_the_mm, 180)
{
	unsigned long addr;
	struct remote r = {};
	int fd = device();

	ASSERT_EQ(0, dev_alloc(fd, 32UL << 20, &addr));
	EXPECT_EQ(-ENOSPC, can_allocate(32UL << 20));
	EXPECT_EQ(0, in_child(allocate_32_mib, &r));
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_EQ(0, can_allocate(32UL << 20));
	EXPECT_TRUE(area_lives(&self->a));
}

TEST_F(lifetime, second_area_on_a_handle)
{
	unsigned long addr;

	EXPECT_EQ(-EBUSY, dev_alloc(self->a.fd, ps(), &addr));
	EXPECT_TRUE(area_lives(&self->a));
	EXPECT_EQ(0, dev_free(self->a.fd));
	EXPECT_EQ(0, dev_alloc(self->a.fd, ps(), &addr));
}

TEST_F(lifetime, free_without_an_area)
{
	unsigned long addr;
	int fd = device();

	EXPECT_EQ(-ENOENT, dev_free(fd));
	EXPECT_EQ(-ENOENT, dev_addr(fd, &addr));
	EXPECT_EQ(-ENOENT, dev_read(fd, 0, buffer, 8));
	EXPECT_EQ(-ENOENT, dev_write(fd, 0, buffer, 8));
	EXPECT_EQ(0, dev_free(self->a.fd));
	EXPECT_EQ(-ENOENT, dev_free(self->a.fd));
	EXPECT_EQ(-ENOENT, dev_addr(self->a.fd, &addr));
}

/* Of contents: as far as the area goes, from and to what the caller may use. */
TEST_F(lifetime, contents_out_of_bounds)
{
	const struct area *a = &self->a;

	EXPECT_EQ(0, dev_read(a->fd, a->size - 8, buffer, 8));
	EXPECT_EQ(-EINVAL, dev_read(a->fd, a->size - 8, buffer, 9));
	EXPECT_EQ(-EINVAL, dev_read(a->fd, a->size, buffer, 1));
	EXPECT_EQ(-EINVAL, dev_read(a->fd, -8UL, buffer, 16));
	EXPECT_EQ(-EINVAL, dev_write(a->fd, 0, buffer, a->size + 1));
	EXPECT_EQ(-EFAULT, dev_read(a->fd, 0, NULL, 8));
	EXPECT_EQ(-EFAULT, dev_read(a->fd, 0, (void *)a->addr, 8));
	EXPECT_EQ(-EFAULT, dev_write(a->fd, 0, (void *)a->addr, 8));
	EXPECT_EQ(-EFAULT, dev_write(a->fd, 0, NULL, 8));
	EXPECT_TRUE(area_lives(a));
}

TEST_F(lifetime, areas_are_apart)
{
	struct mm_local_test_range win = {};
	unsigned long addr[8];
	int fd[8], i, j;

	ASSERT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_WINDOW, &win));
	for (i = 0; i < 8; i++) {
		fd[i] = device();
		ASSERT_EQ(0, dev_alloc(fd[i], self->a.size, &addr[i]));
		EXPECT_LE(win.addr, addr[i]);
		EXPECT_GE(win.addr + win.size, addr[i] + self->a.size);
		EXPECT_EQ(0, addr[i] % ps());
		for (j = 0; j < i; j++) {
			unsigned long gap = addr[i] > addr[j] ? addr[i] - addr[j] :
				addr[j] - addr[i];

			/* And a page between them where nothing is. */
			EXPECT_LE(self->a.size + ps(), gap);
		}
	}
	/* Each has its own contents, and goes by itself. */
	for (i = 0; i < 8; i++) {
		make_pattern(buffer, self->a.size, 0x10 + i);
		EXPECT_EQ(0, dev_write(fd[i], 0, buffer, self->a.size));
	}
	for (i = 0; i < 8; i += 2)
		EXPECT_EQ(0, dev_free(fd[i]));
	for (i = 1; i < 8; i += 2) {
		EXPECT_EQ(0, dev_read(fd[i], 0, buffer, self->a.size));
		EXPECT_TRUE(is_pattern(buffer, self->a.size, 0x10 + i));
	}
	EXPECT_TRUE(area_lives(&self->a));
}

static long allocate_elsewhere(const struct remote *r)
{
	unsigned long addr = 0;

	dev_alloc(device(), r->len, &addr);
	return addr;
}

static long distance_elsewhere(const struct remote *r)
{
	unsigned long addr[2] = {};

	dev_alloc(device(), r->len, &addr[0]);
	dev_alloc(device(), r->len, &addr[1]);
	return addr[1] - addr[0];
}

/*
 * Where areas are says nothing of another process.  What a page table has room for is
 * not all that is random in the place of the first one.
 */
TEST_F(lifetime, addresses_are_random)
{
	const unsigned long table = ps() * (ps() / sizeof(long));
	struct remote r = { .len = self->a.size };
	unsigned long addr, seen[8], other_table = 0, other_distance = 0;
	long distance = 0, last;
	int i, j;

	for (i = 0; i < 8; i++) {
		seen[i] = in_child(allocate_elsewhere, &r);
		ASSERT_NE(0, seen[i]);
		ASSERT_EQ(0, dev_alloc(device(), self->a.size, &addr));
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
		ASSERT_EQ(0, dev_alloc(device(), self->a.size, &addr[i]));
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
	int fd = device();

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, dev_alloc(fd, ps() * (1 + i % 5), &addr));
		again += last == addr;
		ASSERT_EQ(0, dev_read(fd, 0, buffer, ps()));
		EXPECT_TRUE(is_zero(buffer, ps()));
		make_pattern(buffer, ps(), 0x40);
		ASSERT_EQ(0, dev_write(fd, 0, buffer, ps()));
		ASSERT_EQ(0, i % 3 ? dev_free(fd) : result(ioctl(fd, MM_LOCAL_TEST_FREE_KTHREAD)));
		last = addr;
	}
	/* The same place is taken again by chance only. */
	EXPECT_GE(8, again);
	EXPECT_TRUE(area_lives(&self->a));
}

static void expect_gone(struct __test_metadata *_metadata, const struct area *a)
{
	struct fault f = try_access(LOAD, a->addr), e = try_access(LOAD, a->empty);
	unsigned long addr;

	EXPECT_EQ(-ENOENT, dev_addr(a->fd, &addr));
	EXPECT_EQ(SIGSEGV, f.sig);
	EXPECT_EQ(e.code, f.code);
	EXPECT_EQ(e.err, f.err);
	EXPECT_EQ(0, can_allocate(a->size));
}

TEST_F(lifetime, free_by_the_owner)
{
	EXPECT_TRUE(area_lives(&self->a));
	EXPECT_EQ(0, dev_free(self->a.fd));
	expect_gone(_metadata, &self->a);
}

TEST_F(lifetime, free_by_close)
{
	unsigned long addr;

	EXPECT_EQ(0, close(self->a.fd));
	self->a.fd = device();
	EXPECT_EQ(-ENOENT, dev_addr(self->a.fd, &addr));
	/* What the cap counts is there again. */
	EXPECT_EQ(0, dev_alloc(self->a.fd, self->a.size, &addr));
	EXPECT_NE(self->a.addr, addr);
}

static long free_it(const struct remote *r)
{
	return dev_free(r->len);
}

TEST_F(lifetime, free_by_another_process)
{
	struct remote r = { .len = self->a.fd };

	EXPECT_TRUE(area_lives(&self->a));
	EXPECT_EQ(0, in_child(free_it, &r));
	expect_gone(_metadata, &self->a);
}

TEST_F(lifetime, free_by_a_kernel_thread)
{
	EXPECT_TRUE(area_lives(&self->a));
	EXPECT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_FREE_KTHREAD));
	expect_gone(_metadata, &self->a);
	EXPECT_EQ(-1, ioctl(self->a.fd, MM_LOCAL_TEST_FREE_KTHREAD));
	EXPECT_EQ(ENOENT, errno);
}

/* At once: it is freed once. */
static int free_child(void *arg)
{
	struct remote *r = arg;

	return -dev_free(r->len);
}

TEST_F(lifetime, racing_frees)
{
	struct remote r = { .len = self->a.fd };
	unsigned long addr;
	int i, status;
	long ret;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(free_child(&r));
		ret = dev_free(self->a.fd);
		waitpid(pid, &status, 0);
		ASSERT_TRUE(WIFEXITED(status));
		EXPECT_EQ(ENOENT, WEXITSTATUS(status) - (int)ret);
		ASSERT_EQ(0, dev_alloc(self->a.fd, self->a.size, &addr));
	}
}

/*
 * fork, exec, exit
 */
static long foreign(const struct remote *r)
{
	char data[8] = "foreign";
	unsigned long addr;

	if (dev_addr(r->len, &addr) != -EPERM)
		return 1;
	if (dev_read(r->len, 0, data, 8) != -EPERM)
		return 2;
	if (dev_write(r->len, 0, data, 8) != -EPERM)
		return 3;
	/* Its own areas are no different. */
	if (can_allocate(ps()))
		return 4;
	if (try_access(LOAD, r->addr).sig != SIGSEGV)
		return 5;
	return 0;
}

TEST_F(lifetime, fork_does_not_copy)
{
	struct remote r = { .addr = self->a.addr, .len = self->a.fd };

	EXPECT_EQ(0, in_child(foreign, &r));
	/* The child's end has not freed it. */
	EXPECT_TRUE(area_lives(&self->a));
}

static long covered(const struct remote *r)
{
	struct procmap_query q;

	return procmap(r->addr, 0, &q) ?: (long)(q.vma_end - q.vma_start);
}

TEST_F(lifetime, fork_does_not_copy_user)
{
	struct remote plain = { .addr = ordinary(ps()) };
	struct remote r = {};
	int fd = device();

	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP, ps(), PROT_READ, &r.addr));
	EXPECT_EQ((long)ps(), covered(&r));
	EXPECT_EQ(-ENOENT, in_child(covered, &r));
	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &r));
	EXPECT_LT(0, in_child(covered, &plain));
	EXPECT_TRUE(vma_has_flag(r.addr, r.addr + ps(), "ko"));
}

static long grandchild(const struct remote *r)
{
	return foreign(r) ?: in_child(foreign, r);
}

TEST_F(lifetime, fork_of_a_fork)
{
	struct remote r = { .addr = self->a.addr, .len = self->a.fd };

	EXPECT_EQ(0, in_child(grandchild, &r));
	EXPECT_TRUE(area_lives(&self->a));
}

static int same_mm(void *arg)
{
	struct remote *r = arg;
	unsigned long addr;

	if (dev_addr(r->len, &addr) || addr != r->addr)
		return 1;
	return dev_read(r->len, 0, buffer, ps()) ? 2 : 0;
}

TEST_F(lifetime, vfork_shares)
{
	struct remote r = { .addr = self->a.addr, .len = self->a.fd };

	EXPECT_EQ(0, vm_child(same_mm, &r, CLONE_VFORK));
	EXPECT_TRUE(is_pattern(buffer, ps(), 0x5a));
	EXPECT_TRUE(area_lives(&self->a));
}

static void *thread_fn(void *arg)
{
	return (void *)(long)same_mm(arg);
}

TEST_F(lifetime, threads_share)
{
	struct remote r = { .addr = self->a.addr, .len = self->a.fd };
	void *ret = (void *)-1L;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_fn, &r));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_TRUE(is_pattern(buffer, ps(), 0x5a));
	/* Nor does another process that shares the memory make a difference. */
	EXPECT_EQ(0, vm_child(same_mm, &r, 0));
	EXPECT_TRUE(area_lives(&self->a));
}

static int allocate_child(void *arg)
{
	struct remote *r = arg;

	return -dev_alloc(r->len, ps(), &r->addr);
}

/* The mm is the owner, not the thread: its end is not the area's. */
TEST_F(lifetime, outlives_its_thread)
{
	struct remote r = { .len = device() };
	unsigned long addr;

	EXPECT_EQ(0, vm_child(allocate_child, &r, CLONE_FILES));
	EXPECT_EQ(0, dev_addr(r.len, &addr));
	EXPECT_EQ(r.addr, addr);
	EXPECT_EQ(0, dev_free(r.len));
}

/* What runs after exec, see main(): 0 if all is as it must be. */
static int after_exec(int fd)
{
	unsigned long addr;
	char data[8];

	if (dev_addr(fd, &addr) != -EPERM)
		return 1;
	if (dev_read(fd, 0, data, sizeof(data)) != -EPERM)
		return 2;
	if (dev_alloc(fd, ps(), &addr) != -EBUSY)
		return 3;
	if (dev_free(fd))
		return 4;
	if (dev_alloc(fd, ps(), &addr))
		return 5;
	if (dev_read(fd, 0, data, sizeof(data)) || !is_zero((unsigned char *)data, sizeof(data)))
		return 6;
	return 0;
}

static long exec_self(int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	fcntl(fd, F_SETFD, 0);
	execl("/proc/self/exe", "mm_local", "--after-exec", number, NULL);
	return -errno;
}

TEST_F(lifetime, exec_drops)
{
	unsigned long addr;
	int fd = device(), status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (dev_alloc(fd, ps(), &addr))
			_exit(100);
		make_pattern(buffer, ps(), 0x5a);
		if (dev_write(fd, 0, buffer, ps()))
			_exit(101);
		exec_self(fd);
		_exit(102);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status) TH_LOG("exit status %d, see after_exec()", status >> 8);
	/* Now the area of a process that is gone. */
	EXPECT_EQ(-EPERM, dev_addr(fd, &addr));
	EXPECT_EQ(0, dev_free(fd));
	EXPECT_TRUE(area_lives(&self->a));
}

/* The same by one thread of several. */
static void *exec_thread(void *arg)
{
	exec_self((long)arg);
	return NULL;
}

TEST_F(lifetime, exec_by_a_thread_drops)
{
	unsigned long addr;
	int fd = device(), status = -1;
	pid_t pid = fork();
	pthread_t thread;

	if (!pid) {
		if (dev_alloc(fd, ps(), &addr) ||
		    pthread_create(&thread, NULL, exec_thread, (void *)(long)fd))
			_exit(100);
		pause();
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status) TH_LOG("exit status %d, see after_exec()", status >> 8);
	EXPECT_EQ(0, dev_free(fd));
}

static long allocate_and_exit(const struct remote *r)
{
	unsigned long addr;
	long ret = dev_alloc(r->len, NPAGES * ps(), &addr);

	make_pattern(buffer, ps(), 0x5a);
	return ret ?: dev_write(r->len, 0, buffer, ps());
}

TEST_F(lifetime, handle_outlives_the_mm)
{
	struct remote r = { .len = device() };
	unsigned long addr;

	ASSERT_EQ(0, in_child(allocate_and_exit, &r));
	EXPECT_EQ(-EPERM, dev_addr(r.len, &addr));
	EXPECT_EQ(-EPERM, dev_read(r.len, 0, buffer, 8));
	EXPECT_EQ(-EBUSY, dev_alloc(r.len, ps(), &addr));
	EXPECT_EQ(0, dev_free(r.len));
	EXPECT_EQ(-ENOENT, dev_addr(r.len, &addr));
	EXPECT_EQ(0, dev_alloc(r.len, ps(), &addr));
	EXPECT_EQ(0, dev_addr(r.len, &addr));
}

TEST_F(lifetime, handle_of_a_dead_mm_freed_by_a_kernel_thread)
{
	struct remote r = { .len = device() };
	unsigned long addr;

	ASSERT_EQ(0, in_child(allocate_and_exit, &r));
	EXPECT_EQ(0, ioctl(r.len, MM_LOCAL_TEST_FREE_KTHREAD));
	EXPECT_EQ(-ENOENT, dev_addr(r.len, &addr));
}

TEST_F(lifetime, handle_of_a_dead_mm_closed)
{
	struct remote r = { .len = device() };

	ASSERT_EQ(0, in_child(allocate_and_exit, &r));
	EXPECT_EQ(0, close(r.len));
	EXPECT_EQ(0, can_allocate(ps()));
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
		struct remote r = { .len = device() };

		if (allocate_and_exit(&r))
			_exit(1);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		fd = r.len;
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
	int in_suspend = 0, snapshot;

	NEEDS_ROOT("hibernation");
	EXPECT_EQ(0, dev_free(self->a.fd));
	snapshot = open("/dev/snapshot", O_RDONLY);
	if (snapshot < 0)
		SKIP(return, "no /dev/snapshot: %s", strerror(errno));
	ASSERT_EQ(0, dev_alloc(self->a.fd, self->a.size, &self->a.addr));

	ASSERT_EQ(0, ioctl(snapshot, SNAPSHOT_FREEZE, 0));
	EXPECT_EQ(-1, ioctl(snapshot, SNAPSHOT_CREATE_IMAGE, &in_suspend));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, dev_free(self->a.fd));
	EXPECT_EQ(0, ioctl(snapshot, SNAPSHOT_CREATE_IMAGE, &in_suspend));
	EXPECT_EQ(1, in_suspend);
	EXPECT_EQ(0, ioctl(snapshot, SNAPSHOT_UNFREEZE, 0));
	close(snapshot);

	/* And now there may be areas again. */
	EXPECT_EQ(0, can_allocate(self->a.size));
}

TEST_F(lifetime, sigkill_in_the_middle_of_a_call)
{
	struct remote r = { .len = device() };
	int status = 0, there[2], i;
	unsigned long addr;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(there));
	for (i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			if (dev_alloc(r.len, NPAGES * ps(), &addr) ||
			    write(there[1], "", 1) != 1)
				_exit(1);
			for (;;)
				dev_read(r.len, 0, buffer, NPAGES * ps());
		}
		ASSERT_EQ(1, read(there[0], &c, 1));
		usleep(20000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(0, dev_free(r.len));
	}
	EXPECT_TRUE(area_lives(&self->a));
}

static void *reader(void *arg)
{
	struct remote *r = arg;

	for (;;)
		dev_read(r->len, 0, text, ps());
	return NULL;
}

TEST_F(lifetime, exit_with_threads_in_calls)
{
	struct remote r = { .len = device() };
	int status = -1, i;
	unsigned long addr;
	pthread_t thread;
	pid_t pid;

	for (i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			if (dev_alloc(r.len, NPAGES * ps(), &addr) ||
			    pthread_create(&thread, NULL, reader, &r))
				_exit(1);
			usleep(10000);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, dev_free(r.len));
	}
	EXPECT_TRUE(area_lives(&self->a));
}

/*
 * Seals: the kernel lifts its own, and only these, and unmaps what has one.
 */
TEST_F(lifetime, seal_kernel_unmaps_its_own)
{
	struct place p;

	SETUP_PLACE(&p, false, PROT_READ | PROT_WRITE);
	EXPECT_EQ(-EPERM, c_munmap(p.addr, p.size));
	EXPECT_EQ(-EPERM, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP_PLAIN, p.addr, p.size));
	EXPECT_UNTOUCHED(&p, "munmap without the flag");
	EXPECT_EQ(0, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP, p.addr, p.size));
	EXPECT_EQ(0, vmas_in(p.addr, p.addr + p.size));
	EXPECT_EQ('a', p.above[0]);
	EXPECT_EQ('b', p.below[0]);
	EXPECT_EQ(0, close(p.fd));
}

/* The flag is good for ordinary mappings in between as well. */
TEST_F(lifetime, seal_kernel_unmaps_its_own_with_neighbours)
{
	struct place p;

	SETUP_PLACE(&p, false, PROT_READ | PROT_WRITE);
	EXPECT_EQ(0, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP, p.addr - ps(), p.size + 2 * ps()));
	EXPECT_EQ(0, vmas_in(p.addr - ps(), p.addr + p.size + ps()));
	EXPECT_EQ(0, close(p.fd));
}

TEST_F(lifetime, seal_of_a_user_stops_the_kernel)
{
	unsigned long mem = ordinary(ps());

	ASSERT_EQ(0, c_mseal(mem, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(self->a.fd, MM_LOCAL_TEST_MUNMAP, mem, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(self->a.fd, MM_LOCAL_TEST_MUNMAP_PLAIN, mem, ps()));
	EXPECT_EQ(0, try_access(LOAD, mem).sig);
	mem = ordinary(ps());
	EXPECT_EQ(0, dev_ioctl(self->a.fd, MM_LOCAL_TEST_MUNMAP, mem, ps()));
	EXPECT_NE(0, try_access(LOAD, mem).sig);
}

TEST_F(lifetime, seal_of_a_user_above_stops_the_kernel)
{
	struct place p;

	SETUP_PLACE(&p, false, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, c_mseal((unsigned long)p.above, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP, p.addr, p.size + ps()));
	EXPECT_UNTOUCHED(&p, "munmap");
	EXPECT_EQ('a', p.above[0]);
	EXPECT_EQ(0, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP, p.addr - ps(), p.size + ps()));
	EXPECT_EQ(0, vmas_in(p.addr - ps(), p.addr + p.size));
	EXPECT_EQ('a', p.above[0]);
}

TEST_F(lifetime, seal_of_a_user_below_stops_the_kernel)
{
	struct place p;

	SETUP_PLACE(&p, false, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, c_mseal((unsigned long)p.below, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP, p.addr - ps(), p.size + ps()));
	EXPECT_UNTOUCHED(&p, "munmap");
	EXPECT_EQ('b', p.below[0]);
	EXPECT_EQ(0, dev_ioctl(p.fd, MM_LOCAL_TEST_MUNMAP, p.addr, p.size + ps()));
	EXPECT_EQ(0, vmas_in(p.addr, p.addr + p.size + ps()));
}

TEST_F(lifetime, unseal_not_of_a_users_seal)
{
	unsigned long mem = ordinary(ps()), plain;
	int fd = device();

	ASSERT_EQ(0, c_mseal(mem, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_UNSEAL, mem, ps()));
	EXPECT_EQ(-EPERM, c_munmap(mem, ps()));
	EXPECT_TRUE(vma_has_flag(mem, mem + ps(), "sl"));
	/* One that looks as the kernel's own do. */
	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, ps(), PROT_READ, &plain));
	ASSERT_EQ(0, c_mseal(plain, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_UNSEAL, plain, ps()));
	EXPECT_EQ(-EPERM, c_munmap(plain, ps()));
	EXPECT_TRUE(vma_has_flag(plain, plain + ps(), "sl"));
}

TEST_F(lifetime, unseal_not_of_the_unsealed)
{
	unsigned long mem = ordinary(ps());

	EXPECT_EQ(-EPERM, dev_ioctl(self->a.fd, MM_LOCAL_TEST_UNSEAL, mem, ps()));
	EXPECT_EQ(0, c_munmap(mem, ps()));
	EXPECT_EQ(-ENOMEM, dev_ioctl(self->a.fd, MM_LOCAL_TEST_UNSEAL, mem, ps()));
}

TEST_F(lifetime, unseal_all_or_nothing)
{
	struct place p;

	SETUP_PLACE(&p, false, PROT_READ | PROT_WRITE);
	EXPECT_EQ(-EINVAL, dev_ioctl(p.fd, MM_LOCAL_TEST_UNSEAL, p.addr, ps()));
	EXPECT_EQ(-EINVAL, dev_ioctl(p.fd, MM_LOCAL_TEST_UNSEAL, p.addr + ps(), p.size - ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(p.fd, MM_LOCAL_TEST_UNSEAL, p.addr, p.size + ps()));
	EXPECT_UNTOUCHED(&p, "unsealing a part");
	EXPECT_EQ(0, dev_ioctl(p.fd, MM_LOCAL_TEST_UNSEAL, p.addr, p.size));
	EXPECT_FALSE(vma_has_flag(p.addr, p.addr + p.size, "ko"));
	EXPECT_FALSE(vma_has_flag(p.addr, p.addr + p.size, "sl"));
}

TEST_F(lifetime, unseal_then_munmap)
{
	struct place p;

	SETUP_PLACE(&p, false, PROT_READ | PROT_WRITE);
	EXPECT_EQ(-EPERM, c_munmap(p.addr, p.size));
	EXPECT_EQ(0, dev_ioctl(p.fd, MM_LOCAL_TEST_UNSEAL, p.addr, p.size));
	EXPECT_EQ(0, c_munmap(p.addr, p.size));
	EXPECT_EQ(0, vmas_in(p.addr, p.addr + p.size));
	/* Something else there is not the driver's to unmap. */
	EXPECT_EQ((void *)p.addr, mmap((void *)p.addr, ps(), PROT_READ,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
				       -1, 0));
	EXPECT_EQ(0, close(p.fd));
	EXPECT_EQ(0, try_access(LOAD, p.addr).sig);
}

TEST_F(lifetime, seal_not_what_a_user_sealed)
{
	unsigned long plain;
	int fd = device();

	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, 2 * ps(), PROT_READ, &plain));
	EXPECT_EQ(-EINVAL, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, ps()));
	ASSERT_EQ(0, c_mseal(plain, 2 * ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, 2 * ps()));
	EXPECT_FALSE(vma_has_flag(plain, plain + 2 * ps(), "ko"));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_MUNMAP, plain, 2 * ps()));
}

/* The kernel cannot take over what is, or could become, a copy, on the LRU. */
TEST_F(lifetime, seal_not_what_a_user_wrote_to)
{
	unsigned long plain;
	int fd = device();

	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, ps(), PROT_READ, &plain));
	ASSERT_EQ(0, mprotect((void *)plain, ps(), PROT_READ | PROT_WRITE));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, ps()));
	ASSERT_EQ(0, mprotect((void *)plain, ps(), PROT_READ));
	EXPECT_EQ(0, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, ps()));
	EXPECT_EQ(0, dev_ioctl(fd, MM_LOCAL_TEST_UNSEAL, plain, ps()));
	ASSERT_EQ(0, mprotect((void *)plain, ps(), PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, try_access(STORE, plain).sig);
	ASSERT_EQ(0, mprotect((void *)plain, ps(), PROT_READ));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, ps()));
	EXPECT_FALSE(vma_has_flag(plain, plain + ps(), "ko"));
	EXPECT_EQ(0, c_munmap(plain, ps()));
}

TEST_F(lifetime, seal_not_with_a_policy)
{
	unsigned long plain;
	int fd = device();
	long ret;

	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, ps(), PROT_READ, &plain));
	ret = c_mbind(plain, ps());
	if (ret == -ENOSYS)
		SKIP(return, "no memory policies");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, ps()));
	EXPECT_EQ(0, c_mbind_default(plain, ps()));
	EXPECT_EQ(0, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, ps()));
}

TEST_F(lifetime, seal_and_unseal)
{
	unsigned long plain;
	int fd = device();

	ASSERT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP_PLAIN, 2 * ps(), PROT_READ, &plain));
	EXPECT_EQ(0, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, 2 * ps()));
	EXPECT_TRUE(vma_has_flag(plain, plain + 2 * ps(), "ko"));
	EXPECT_TRUE(vma_has_flag(plain, plain + 2 * ps(), "sl"));
	EXPECT_EQ(-EPERM, c_munmap(plain, ps()));
	EXPECT_EQ(-EPERM, dev_ioctl(fd, MM_LOCAL_TEST_SEAL, plain, 2 * ps()));
	EXPECT_EQ(0, dev_ioctl(fd, MM_LOCAL_TEST_UNSEAL, plain, 2 * ps()));
	EXPECT_EQ(0, c_munmap(plain, 2 * ps()));
}

/* One at a user address, freed from elsewhere. */
static long close_it(const struct remote *r)
{
	close(r->len);
	return 0;
}

TEST_F(lifetime, user_vma_goes_with_the_last_file)
{
	unsigned long addr;
	struct remote r = { .len = device() };

	ASSERT_EQ(0, dev_map(r.len, MM_LOCAL_TEST_MAP, ps(), PROT_READ, &addr));
	EXPECT_EQ(-EBUSY, dev_map(r.len, MM_LOCAL_TEST_MAP, ps(), PROT_READ, &r.addr));
	/* Not the last. */
	EXPECT_EQ(0, in_child(close_it, &r));
	EXPECT_TRUE(vma_has_flag(addr, addr + ps(), "ko"));
	close(r.len);
	EXPECT_EQ(0, vmas_in(addr, addr + ps()));
}

TEST_F(lifetime, user_vma_wrong_arguments)
{
	unsigned long addr;
	int fd = device();

	EXPECT_EQ(-EINVAL, dev_map(fd, MM_LOCAL_TEST_MAP, 0, PROT_READ, &addr));
	EXPECT_EQ(-EINVAL, dev_map(fd, MM_LOCAL_TEST_MAP, ps() + 1, PROT_READ, &addr));
	EXPECT_EQ(0, dev_map(fd, MM_LOCAL_TEST_MAP, ps(), PROT_READ, &addr));
}

/*
 * Small objects: several in a page.  What holds for an area, holds for them.
 */
#define OBJECT_SIZE	200

FIXTURE(objects)
{
	struct area a;		/* an object, with contents */
};

FIXTURE_SETUP(objects)
{
	struct area *a = &self->a;

	if (no_device())
		SKIP(exit(KSFT_SKIP), "no " DEVICE);
	a->size = OBJECT_SIZE;
	a->fd = device();
	ASSERT_LE(0, a->fd) TH_LOG("%s", strerror(errno));
	ASSERT_EQ(0, dev_kzalloc(a->fd, a->size, &a->addr));
	a->empty = empty_address(a->fd, a->addr);
	make_pattern(buffer, a->size, 0x5a);
	ASSERT_EQ(0, dev_write(a->fd, 0, buffer, a->size));
	memset(buffer, 0, a->size);
}

FIXTURE_TEARDOWN(objects)
{
}

/* An object on a new file; 0 if there is none or it is not zero. */
static unsigned long object(int *fd, unsigned long size)
{
	unsigned long addr;

	*fd = device();
	memset(buffer, 0xff, size);
	if (dev_kzalloc(*fd, size, &addr) || dev_read(*fd, 0, buffer, size) ||
	    !is_zero(buffer, size))
		return 0;
	return addr;
}

TEST_F(objects, are_apart)
{
	unsigned long addr[64], page = self->a.addr / ps();
	unsigned int i, j, together = 0;
	int fd[64];

	for (i = 0; i < 64; i++) {
		addr[i] = object(&fd[i], OBJECT_SIZE);
		ASSERT_NE(0, addr[i]);
		EXPECT_EQ(0, addr[i] % 64);
		EXPECT_NE(self->a.addr, addr[i]);
		together += addr[i] / ps() == page;
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
	EXPECT_TRUE(area_lives(&self->a));
}

TEST_F(objects, sizes)
{
	const unsigned long sizes[] = { 1, 63, 64, 65, 200, 1024, ps() / 2 - 1, ps() / 2 };
	unsigned int i, round;
	unsigned long addr;
	int fd = device();

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
	EXPECT_TRUE(area_lives(&self->a));
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
	ASSERT_EQ(0, ioctl(fd, MM_LOCAL_TEST_FREE_KTHREAD));
	for (i = 0; i < 1000 && again != addr; i++) {
		again = object(&other, OBJECT_SIZE);
		ASSERT_NE(0, again);
	}
	EXPECT_EQ(addr, again);
	EXPECT_TRUE(area_lives(&self->a));
}

TEST_F(objects, userspace_does_not_reach)
{
	struct area *a = &self->a;
	struct fault e = try_access(LOAD, a->empty), f = try_access(LOAD, a->addr);
	int p[2];

	EXPECT_EQ(SIGSEGV, f.sig);
	EXPECT_EQ(e.sig, f.sig);
	EXPECT_EQ(e.code, f.code);
	EXPECT_EQ(e.err, f.err);
	f = try_access(STORE, a->addr);
	EXPECT_EQ(SIGSEGV, f.sig);

	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-1, write(p[1], (void *)a->addr, 8));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(8, write(p[1], "ordinary", 8));
	EXPECT_EQ(-1, read(p[0], (void *)a->addr, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(8, read(p[0], buffer, 8));
	EXPECT_TRUE(area_lives(a));
}

TEST_F(objects, fork_does_not_copy)
{
	struct remote r = { .addr = self->a.addr, .len = self->a.fd };

	EXPECT_EQ(0, in_child(foreign, &r));
	EXPECT_TRUE(area_lives(&self->a));
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
	EXPECT_TRUE(area_lives(&self->a));
	EXPECT_NE(0, object(&(int){ -1 }, OBJECT_SIZE));
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
	EXPECT_TRUE(area_lives(&self->a));

	/* The last one: the area goes. */
	EXPECT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_FREE_KTHREAD));
	EXPECT_EQ(-ENOENT, dev_addr(self->a.fd, &addr));
	EXPECT_NE(0, object(&fd, OBJECT_SIZE));
}

TEST_F(objects, exec_drops)
{
	int fd = device(), status = -1;
	unsigned long addr;
	pid_t pid = fork();

	if (!pid) {
		if (dev_kzalloc(fd, OBJECT_SIZE, &addr))
			_exit(100);
		exec_self(fd);
		_exit(102);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status) TH_LOG("exit status %d, see after_exec()", status >> 8);
	EXPECT_TRUE(area_lives(&self->a));
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
	struct remote r = { .addr = device(), .len = device() };
	unsigned long addr;

	ASSERT_EQ(0, in_child(keep_object_and_exit, &r));
	EXPECT_EQ(-EPERM, dev_addr(r.addr, &addr));
	EXPECT_EQ(-EPERM, dev_read(r.addr, 0, buffer, 8));
	EXPECT_EQ(0, dev_free(r.addr));
	EXPECT_EQ(-EPERM, dev_addr(r.len, &addr));
	EXPECT_EQ(0, ioctl(r.len, MM_LOCAL_TEST_FREE_KTHREAD));
	EXPECT_EQ(-ENOENT, dev_addr(r.len, &addr));
	EXPECT_EQ(0, dev_kzalloc(r.len, OBJECT_SIZE, &addr));
}

static void *objects_thread(void *arg)
{
	unsigned long i, size, addr, seed = (unsigned long)arg;
	unsigned char buf[512];
	int fd[8];

	for (i = 0; i < 8; i++)
		fd[i] = device();
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
			       ioctl(fd[(i + 1) % 8], MM_LOCAL_TEST_FREE_KTHREAD)))
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
	EXPECT_TRUE(area_lives(&self->a));
}

static void *one_object_thread(void *arg)
{
	unsigned long i, addr;
	unsigned char buf[64];
	int fd = device();

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
		if (i % 3 ? dev_free(fd) : ioctl(fd, MM_LOCAL_TEST_FREE_KTHREAD))
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

	ASSERT_EQ(0, dev_free(self->a.fd));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, one_object_thread, (void *)i));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &what));
		EXPECT_EQ(NULL, what) TH_LOG("%s", (char *)what);
	}
	EXPECT_NE(0, object(&self->a.fd, OBJECT_SIZE));
}

TEST_F_TIMEOUT(objects, owner_alone_maps_them, 180)
{
	struct mm_local_test_scan scan, other;
	int fd;

	ASSERT_NE(0, object(&fd, OBJECT_SIZE));
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(1, scan.owner);
	EXPECT_EQ(0, scan.alias) TH_LOG("at %llx", scan.alias_addr);
	ASSERT_EQ(0, dev_scan(fd, &other));
	EXPECT_EQ(scan.pfn, other.pfn);
	ASSERT_EQ(0, ioctl(fd, MM_LOCAL_TEST_ALIAS, 1)) TH_LOG("%s", strerror(errno));
	EXPECT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_LT(0, scan.alias);
	ASSERT_EQ(0, ioctl(fd, MM_LOCAL_TEST_ALIAS, 0));
}

/* The page that a secret is in, freed by who cannot zero it, goes with the last object. */
TEST_F_TIMEOUT(objects, freed_memory_is_zero, 180)
{
	unsigned char *secret = mmap(NULL, ps(), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mm_local_test_scan scan;
	int fd;

	ASSERT_NE(MAP_FAILED, (void *)secret);
	ASSERT_NE(0, object(&fd, OBJECT_SIZE));
	ASSERT_EQ(OBJECT_SIZE, syscall(SYS_getrandom, secret, OBJECT_SIZE, 0));
	ASSERT_EQ(0, dev_write(fd, 0, secret, OBJECT_SIZE));
	memset(secret, 0, OBJECT_SIZE);
	ASSERT_EQ(0, ioctl(fd, MM_LOCAL_TEST_FREE_KTHREAD));
	ASSERT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_FREE_KTHREAD));
	ASSERT_EQ(0, dev_scan(fd, &scan));
	EXPECT_EQ(0, scan.pattern);
}

/*
 * Any other way to the pages
 */
FIXTURE(leak_scan)
{
	struct area a;
	unsigned char *secret;	/* one page, by itself */
};

FIXTURE_SETUP(leak_scan)
{
	area_setup(_metadata, &self->a);
	self->secret = mmap(NULL, ps(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->secret);
}

FIXTURE_TEARDOWN(leak_scan)
{
}

/* A secret that nothing else holds when this returns. */
static long write_secret(const struct area *a, unsigned char *page)
{
	long ret;

	if (syscall(SYS_getrandom, page, ps(), 0) != (long)ps())
		return -EIO;
	ret = dev_write(a->fd, 0, page, ps());
	memset(page, 0, ps());
	return ret;
}

TEST_F_TIMEOUT(leak_scan, owner_alone_maps_them, 180)
{
	struct mm_local_test_scan scan;

	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(NPAGES, scan.owner);
	EXPECT_EQ(0, scan.alias) TH_LOG("at %llx", scan.alias_addr);
	EXPECT_LT(2000, scan.checked);
}

TEST_F_TIMEOUT(leak_scan, scan_sees_an_alias, 180)
{
	struct mm_local_test_scan scan;

	ASSERT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_ALIAS, 1))
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_LT(0, scan.alias);
	EXPECT_NE(0, scan.alias_addr);
	ASSERT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_ALIAS, 0));
	EXPECT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(0, scan.alias) TH_LOG("at %llx", scan.alias_addr);
	EXPECT_TRUE(area_lives(&self->a));
}

TEST_F_TIMEOUT(leak_scan, contents_are_nowhere_else, 180)
{
	struct mm_local_test_scan scan;

	ASSERT_EQ(0, write_secret(&self->a, self->secret));
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
	EXPECT_EQ(NPAGES, scan.owner);

	/* In an ordinary page, as the area has them, they are found. */
	ASSERT_EQ(0, dev_read(self->a.fd, 0, self->secret, ps()));
	as_stored(self->secret, ps());
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_LT(0, scan.pattern);
	memset(self->secret, 0, ps());
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
}

TEST_F_TIMEOUT(leak_scan, freed_memory_is_zero, 180)
{
	struct mm_local_test_scan scan;

	ASSERT_EQ(0, write_secret(&self->a, self->secret));
	ASSERT_EQ(0, dev_free(self->a.fd));
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
	EXPECT_EQ(0, scan.owner);
	EXPECT_EQ(0, scan.alias);
}

TEST_F_TIMEOUT(leak_scan, memory_freed_by_a_kernel_thread_is_zero, 180)
{
	struct mm_local_test_scan scan;

	ASSERT_EQ(0, write_secret(&self->a, self->secret));
	ASSERT_EQ(0, ioctl(self->a.fd, MM_LOCAL_TEST_FREE_KTHREAD));
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
	EXPECT_EQ(0, scan.owner);
}

/* The boot that gives the pool no memory does it like that. */
static bool has_pool(void)
{
	char text[64] = "";

	slurp("/sys/kernel/debug/fail_page_alloc/probability", text, sizeof(text));
	return atoi(text) == 0;
}

static long system_count(const char *name)
{
	const char *at;

	slurp("/proc/vmstat", text, sizeof(text));
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

/* However many areas there are. */
TEST_F_TIMEOUT(leak_scan, no_large_mapping_is_split, 180)
{
	const long before = system_count("direct_map_level2_splits ");
	unsigned long addr;
	int i;

	if (before < 0)
		SKIP(return, "not here: nothing counts them");
	if (!has_pool())
		SKIP(return, "not here: pages come one by one");
	for (i = 0; i < 600; i++)
		ASSERT_EQ(0, dev_alloc(device(), ps(), &addr));
	EXPECT_EQ(before, system_count("direct_map_level2_splits "));
}

/* What was freed, is ready for the next one, until memory is short. */
TEST_F_TIMEOUT(leak_scan, pages_go_back_to_the_system, 180)
{
	unsigned long addr;
	int fd = device(), i, outside;

	NEEDS_ROOT("drop_caches");
	EXPECT_EQ(NPAGES, ioctl(self->a.fd, MM_LOCAL_TEST_OUTSIDE));
	ASSERT_EQ(0, dev_alloc(fd, ps(), &addr));
	EXPECT_EQ(0, dev_free(self->a.fd));
	/* One by one, at once. */
	EXPECT_EQ(has_pool() ? NPAGES : 0, ioctl(self->a.fd, MM_LOCAL_TEST_OUTSIDE));
	EXPECT_EQ(0, dev_free(fd));
	ASSERT_TRUE(spew("/proc/sys/vm/drop_caches", "2"));
	for (i = 0; i < 50; i++) {
		outside = ioctl(self->a.fd, MM_LOCAL_TEST_OUTSIDE);
		if (!outside)
			break;
		usleep(100 * 1000);
	}
	EXPECT_EQ(0, outside);
}

static pid_t secret_child(const struct area *a, unsigned char *page, bool wait)
{
	pid_t pid = fork();
	unsigned long addr;
	int status = -1;

	if (!pid) {
		if (dev_alloc(a->fd, a->size, &addr) || write_secret(a, page))
			_exit(1);
		if (wait)
			raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	return WIFSTOPPED(status) || status == 0 ? pid : -1;
}

/* The owner is gone before the area is: zeroed by exit, freed by whoever is left. */
TEST_F_TIMEOUT(leak_scan, memory_after_exit_is_zero, 180)
{
	struct area a = { .fd = device(), .size = self->a.size };
	struct mm_local_test_scan scan;

	ASSERT_LT(0, secret_child(&a, self->secret, false));
	ASSERT_EQ(0, dev_scan(a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
	EXPECT_EQ(0, scan.alias);
	ASSERT_EQ(0, dev_free(a.fd));
	ASSERT_EQ(0, dev_scan(a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
}

TEST_F_TIMEOUT(leak_scan, memory_after_sigkill_is_zero, 180)
{
	struct area a = { .fd = device(), .size = self->a.size };
	struct mm_local_test_scan scan;
	pid_t pid = secret_child(&a, self->secret, true);

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, dev_scan(a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
	EXPECT_EQ(0, scan.alias);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(0, dev_free(a.fd));
	ASSERT_EQ(0, dev_scan(a.fd, &scan));
	EXPECT_EQ(0, scan.pattern);
}

TEST_F_TIMEOUT(leak_scan, fork_maps_them_nowhere, 180)
{
	struct mm_local_test_scan scan;
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	EXPECT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(NPAGES, scan.owner);
	EXPECT_EQ(0, scan.alias) TH_LOG("at %llx", scan.alias_addr);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* An address in the kernel image that can be read, or 0. */
static unsigned long kernel_text(void)
{
	char line[256], name[128];
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long addr = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %127s", &addr, name) == 2 &&
		    (!strcmp(name, "_text") || !strcmp(name, "linux_banner")))
			break;
		addr = 0;
	}
	if (f)
		fclose(f);
	return addr;
}

TEST_F(leak_scan, probe_reads_are_refused)
{
	const struct area *a = &self->a;
	unsigned long off, fine = kernel_text();
	long ret;

	NEEDS_ROOT("kernel addresses");
	for (off = 0; off < a->size; off += ps() / 2) {
		ret = dev_nofault(a->fd, a->addr + off);
		EXPECT_EQ(dev_nofault(a->fd, a->empty + off), ret);
		EXPECT_EQ(-ERANGE, ret) TH_LOG("%s", why(ret));
	}
	EXPECT_EQ(dev_nofault(a->fd, a->empty - 4), dev_nofault(a->fd, a->addr - 4));
	EXPECT_NE(0, dev_nofault(a->fd, a->addr - 4));
	EXPECT_TRUE(area_lives(a));
	ASSERT_NE(0, fine);
	EXPECT_EQ(0, dev_nofault(a->fd, fine));
}

TEST_F(leak_scan, kcore)
{
	unsigned long fine = kernel_text();
	bool it = false, other = false;
	struct elf64_phdr *ph;
	struct elf64_hdr *eh;
	ssize_t n;
	int fd, i;

	NEEDS_ROOT("/proc/kcore");
	fd = open("/proc/kcore", O_RDONLY);
	if (fd < 0)
		SKIP(return, "no /proc/kcore");
	n = read(fd, text, 16384);
	ASSERT_LT((ssize_t)sizeof(*eh), n);
	eh = (struct elf64_hdr *)text;
	ph = (struct elf64_phdr *)(text + eh->e_phoff);
	for (i = 0; i < eh->e_phnum; i++) {
		unsigned long start = ph[i].p_vaddr, end = start + ph[i].p_memsz;

		if (ph[i].p_type != PT_LOAD)
			continue;
		it |= self->a.addr >= start && self->a.addr < end;
		other |= fine >= start && fine < end;
	}
	EXPECT_FALSE(it);
	EXPECT_TRUE(other);
	close(fd);
	EXPECT_TRUE(area_lives(&self->a));
}

/* Freed parts of the kernel image, whose pages may end up in an area. */
TEST_F_TIMEOUT(leak_scan, kernel_image_maps_only_itself, 180)
{
	struct mm_local_test_scan scan = {};
	long ret = result(ioctl(self->a.fd, MM_LOCAL_TEST_SCAN_IMAGE, &scan));

	if (ret == -EOPNOTSUPP)
		SKIP(return, "not here: a kernel image that has two mappings");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, scan.alias)
		TH_LOG("%llu freed pages are mapped, one at %llx", scan.alias, scan.alias_addr);
	/* The walk goes where it should. */
	EXPECT_EQ(1, scan.owner);
	EXPECT_LT(256, scan.checked);
}

/* What is loaded while the process runs in user mode. */
TEST_F(leak_scan, user_half_has_no_window)
{
	long ret = dev_ioctl(self->a.fd, MM_LOCAL_TEST_USER_TABLE, self->a.addr, 0);

	if (ret == -EOPNOTSUPP) {
		/* Then there is one half only. */
		slurp("/proc/cpuinfo", text, sizeof(text));
		EXPECT_EQ(NULL, strstr(text, " pti "));
		return;
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(1, dev_ioctl(self->a.fd, MM_LOCAL_TEST_USER_TABLE, (long)buffer, 0));
	EXPECT_TRUE(area_lives(&self->a));
}

/*
 * What CPU 1 has read before, it must not find in its TLB.  The first time may split
 * a large mapping, which flushes the TLB for other reasons.
 */
static void expect_flushed(struct __test_metadata *_metadata, int fd, unsigned long request)
{
	int tries, seen = 0;
	cpu_set_t set;
	long ret;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	for (tries = 0; tries < 200 && seen < 5; tries++) {
		ret = result(ioctl(fd, request, has_pool() ? 1 | MM_LOCAL_TEST_BLOCK : 1));
		if (ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, ret) TH_LOG("try %d: %s", tries, why(ret));
		seen++;
	}
	EXPECT_EQ(5, seen) TH_LOG("the page went elsewhere");
}

TEST_F(leak_scan, no_cpu_reads_by_the_direct_map)
{
	expect_flushed(_metadata, self->a.fd, MM_LOCAL_TEST_STALE);
}

/* Nor by the address of a vmap() that is gone, which vunmap() flushes later. */
TEST_F(leak_scan, no_cpu_reads_by_a_former_vmap)
{
	expect_flushed(_metadata, self->a.fd, MM_LOCAL_TEST_STALE_VMAP);
}

/* Root may call a page bad, but not have it given to somebody else. */
TEST_F_TIMEOUT(leak_scan, unpoison_does_not_free, 180)
{
	struct mm_local_test_scan scan;
	char number[32];

	NEEDS_ROOT("hwpoison");
	if (access("/sys/kernel/debug/hwpoison/unpoison-pfn", F_OK))
		SKIP(return, "no hwpoison injection");

	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	snprintf(number, sizeof(number), "0x%llx", scan.pfn * ps());
	/* Whatever the answer is: the page is not one that can be offlined. */
	spew("/sys/devices/system/memory/hard_offline_page", number);
	snprintf(number, sizeof(number), "0x%llx", scan.pfn);
	EXPECT_FALSE(spew("/sys/kernel/debug/hwpoison/unpoison-pfn", number));
	EXPECT_TRUE(area_lives(&self->a));
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	EXPECT_EQ(0, scan.alias);
	EXPECT_EQ(NPAGES, scan.owner);
}

#define CGROUP	"/sys/fs/cgroup/mm_local"

/* What /proc/kpagecgroup (an inode, or 0) or /proc/kpageflags says of a page. */
static uint64_t of_page(const char *path, unsigned long pfn)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t val;

	if (pread(fd, &val, sizeof(val), pfn * sizeof(val)) != sizeof(val))
		val = -1ULL;
	close(fd);
	return val;
}

/* Bad, although it cannot be offlined. */
static bool make_bad(unsigned long pfn)
{
	char number[32];

	snprintf(number, sizeof(number), "0x%lx", pfn * ps());
	spew("/sys/devices/system/memory/hard_offline_page", number);
	return of_page("/proc/kpageflags", pfn) & KPF_HWPOISON;
}

/* Freed by its owner, it is not given to anybody, nor is what left with it. */
TEST_F_TIMEOUT(leak_scan, bad_page_stays_outside, 180)
{
	struct mm_local_test_scan scan;
	int i;

	NEEDS_ROOT("hwpoison");
	if (access("/sys/devices/system/memory/hard_offline_page", F_OK))
		SKIP(return, "no hwpoison injection");
	if (!has_pool())
		SKIP(return, "not here: pages come one by one");
	ASSERT_EQ(0, dev_scan(self->a.fd, &scan));
	ASSERT_TRUE(make_bad(scan.pfn));
	EXPECT_EQ(0, dev_free(self->a.fd));
	ASSERT_TRUE(spew("/proc/sys/vm/drop_caches", "2"));
	for (i = 0; i < 30; i++) {
		usleep(100 * 1000);
		ASSERT_EQ(NPAGES, ioctl(self->a.fd, MM_LOCAL_TEST_OUTSIDE));
	}
}

/* Exits with an area that has a bad page; returns its number. */
static long bad_page_in_cgroup(const struct remote *r)
{
	struct mm_local_test_scan scan;
	struct stat cgroup;
	unsigned long addr;
	int fd;

	if (!spew(CGROUP "/cgroup.procs", "0") || stat(CGROUP, &cgroup))
		return -errno;
	fd = device();
	if (dev_alloc(fd, ps(), &addr) || dev_scan(fd, &scan))
		return -ENOMEM;
	if (of_page("/proc/kpagecgroup", scan.pfn) != cgroup.st_ino)
		return -ESTALE;
	if (!make_bad(scan.pfn))
		return -EIO;
	return scan.pfn;
}

/* Whoever had it does not pay for it for ever. */
TEST_F_TIMEOUT(leak_scan, bad_page_is_uncharged, 180)
{
	const struct remote r = {};
	long pfn = -EACCES;
	int tries = 0;

	NEEDS_ROOT("hwpoison");
	if (access("/sys/devices/system/memory/hard_offline_page", F_OK) ||
	    access("/proc/kpagecgroup", F_OK))
		SKIP(return, "no hwpoison injection, or no /proc/kpagecgroup");

	spew("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (!mkdir(CGROUP, 0700)) {
		pfn = in_child(bad_page_in_cgroup, &r);
		/* Zeroed and uncharged by a worker. */
		while (pfn > 0 && of_page("/proc/kpagecgroup", pfn) && tries++ < 100)
			usleep(100 * 1000);
		rmdir(CGROUP);
	}
	ASSERT_LT(0, pfn) TH_LOG("%s", why(pfn));
	EXPECT_GE(100, tries);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--after-exec"))
		return after_exec(atoi(argv[2]));

	return test_harness_run(argc, argv);
}
