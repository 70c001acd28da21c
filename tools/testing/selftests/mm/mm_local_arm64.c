// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of mm-local memory that only arm64 needs: the window lies in the addresses
 * that TTBR0 translates, where page permissions alone do not keep a process out.
 *
 * An instruction may do to an area what it does to an address in the window where
 * nothing is mapped: the same signal, the same si_code, the same syndrome.
 *
 * Needs CONFIG_MM_LOCAL_TEST.
 */
#define _GNU_SOURCE
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <asm/hwcap.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "mm_local_util.h"

#ifndef SA_EXPOSE_TAGBITS
#define SA_EXPOSE_TAGBITS	0x00000800
#endif
#ifndef PROT_MTE
#define PROT_MTE	0x20
#endif

/* Top bytes that the MMU ignores, so that the address is the same. */
static const unsigned char tags[] = { 0x00, 0x01, 0x0f, 0x70, 0x7f, 0x80, 0xf0, 0xff };

static unsigned long with_tag(unsigned long addr, unsigned char tag)
{
	return addr | (unsigned long)tag << 56;
}

/*
 * Instructions, and what they say.
 */
struct outcome {
	int sig;		/* 0 if there was none */
	int code;
	long offset;		/* of the address told from the one used */
	unsigned long syndrome;
};

static sigjmp_buf jump;
static struct outcome outcome;
static unsigned long used;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	outcome.sig = sig;
	outcome.code = info->si_code;
	outcome.offset = (unsigned long)info->si_addr - used;
	outcome.syndrome = fault_syndrome(context);
	siglongjmp(jump, 1);
}

struct instruction {
	const char *name;
	void (*make)(unsigned long addr);
	unsigned long hwcap, hwcap2;	/* what it needs */
	bool silent;			/* no fault, whatever is there */
	bool any_signal;		/* or none */
};

/* One that takes an address; clobbers x9 and x10. */
#define INSN(_name, _code)						\
static void _name(unsigned long addr)					\
{									\
	asm volatile(".arch armv8.5-a+memtag\n\t"			\
		     "mov	x9, #1\n\t"				\
		     "mov	x10, %0\n\t"				\
		     _code						\
		     : : "r" (addr) : "x9", "x10", "x11", "x30", "v0", "v1", "memory"); \
}

INSN(ldrb, "ldrb w9, [%0]")
INSN(ldp, "ldp x9, x11, [%0]")
INSN(ldtr, "ldtr x9, [%0]")
INSN(ldar, "ldar x9, [%0]")
INSN(ldxr, "ldxr x9, [%0]")
INSN(ldxr_unaligned, "add x10, %0, #1\n\tldxr x9, [x10]")
INSN(ldxp, "ldxp x9, x11, [%0]")
INSN(ld1, "ld1 {v0.16b, v1.16b}, [%0]")
INSN(ldnp, "ldnp x9, x11, [%0]")
INSN(strb, "strb w9, [%0]")
INSN(sttr, "sttr x9, [%0]")
INSN(stlr, "stlr x9, [%0]")
INSN(stxr, "stxr w11, x9, [%0]")
INSN(stp_back, "stp x9, x11, [x10], #16")
INSN(st1, "st1 {v0.16b, v1.16b}, [%0]")
INSN(cas, "cas x9, x11, [%0]")
INSN(ldadd, "ldadd x9, x11, [%0]")
INSN(swp, "swp x9, x11, [%0]")
INSN(ldsmax, "ldsmax x9, x11, [%0]")
INSN(prfm, "prfm pldl1keep, [%0]\n\tprfm pstl1keep, [%0]\n\tprfm plil1keep, [%0]")
INSN(dc_zva, "dc zva, %0")
INSN(dc_cvau, "dc cvau, %0")
INSN(dc_cvac, "dc cvac, %0")
INSN(dc_civac, "dc civac, %0")
INSN(ic_ivau, "ic ivau, %0")
INSN(br, "adr x30, 1f\n\tbr %0\n\t1:")
INSN(ldg, "ldg x9, [%0]")
INSN(stg, "stg %0, [%0]")
INSN(st2g, "st2g %0, [%0]")
INSN(stzg, "stzg %0, [%0]")
INSN(stgp, "stgp x9, x11, [%0]")

static const struct instruction instructions[] = {
	{ "ldrb", ldrb }, { "ldp", ldp }, { "ldtr", ldtr }, { "ldar", ldar },
	{ "ldxr", ldxr }, { "ldxp", ldxp }, { "ld1", ld1 }, { "ldnp", ldnp },
	{ "ldxr, not aligned", ldxr_unaligned, .any_signal = true },
	{ "strb", strb }, { "sttr", sttr }, { "stlr", stlr }, { "stxr", stxr, .any_signal = true },
	{ "stp, with write-back", stp_back }, { "st1", st1 },
	{ "cas", cas, HWCAP_ATOMICS }, { "ldadd", ldadd, HWCAP_ATOMICS },
	{ "swp", swp, HWCAP_ATOMICS }, { "ldsmax", ldsmax, HWCAP_ATOMICS },
	{ "prfm", prfm, .silent = true },
	{ "dc zva", dc_zva },
	/* Some implementations do nothing. */
	{ "dc cvau", dc_cvau, .any_signal = true }, { "dc cvac", dc_cvac, .any_signal = true },
	{ "dc civac", dc_civac, .any_signal = true }, { "ic ivau", ic_ivau, .any_signal = true },
	{ "br", br },
	{ "ldg", ldg, 0, HWCAP2_MTE }, { "stg", stg, 0, HWCAP2_MTE },
	{ "st2g", st2g, 0, HWCAP2_MTE }, { "stzg", stzg, 0, HWCAP2_MTE },
	{ "stgp", stgp, 0, HWCAP2_MTE },
};

static bool is_there(const struct instruction *insn)
{
	return (getauxval(AT_HWCAP) & insn->hwcap) == insn->hwcap &&
	       (getauxval(AT_HWCAP2) & insn->hwcap2) == insn->hwcap2;
}

static struct outcome try(const struct instruction *insn, unsigned long addr)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL };
	struct sigaction act = { .sa_sigaction = on_fault,
				 .sa_flags = SA_SIGINFO | SA_EXPOSE_TAGBITS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, NULL);
	memset(&outcome, 0, sizeof(outcome));
	used = addr;
	if (!sigsetjmp(jump, 1))
		insn->make(addr);
	act.sa_handler = SIG_DFL;
	act.sa_flags = 0;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, NULL);
	return outcome;
}

FIXTURE(arm64)
{
	struct place p;
	struct place user;
	unsigned long plain;
	unsigned long code;		/* a return instruction */
};

FIXTURE_SETUP(arm64)
{
	unsigned int *code;
	int prot = PROT_READ | PROT_WRITE;

	SETUP_PLACE(&self->p, true, PROT_READ | PROT_WRITE);
	SETUP_PLACE(&self->user, false, PROT_READ);
	if (getauxval(AT_HWCAP2) & HWCAP2_MTE)
		prot |= PROT_MTE;
	self->plain = (unsigned long)mmap(NULL, NPAGES * ps(), prot,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE((unsigned long)MAP_FAILED, self->plain);
	code = mmap(NULL, ps(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, code);
	*code = 0xd65f03c0;		/* ret */
	ASSERT_EQ(0, mprotect(code, ps(), PROT_READ | PROT_EXEC));
	__builtin___clear_cache((char *)code, (char *)code + ps());
	self->code = (unsigned long)code;
}

FIXTURE_TEARDOWN(arm64)
{
}

static void same_as_empty(struct __test_metadata *_metadata, const struct place *p,
			  const struct instruction *insn, unsigned char tag)
{
	/* Pages of it, the guard pages, and an odd place. */
	const long at[] = { 0, p->size - ps(), ps() + 128, -ps(), p->size };
	struct outcome o, e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		o = try(insn, with_tag(p->addr + at[i], tag));
		e = try(insn, with_tag(p->empty + at[i], tag));
		EXPECT_TRUE(o.sig == e.sig && o.code == e.code && o.offset == e.offset &&
			    o.syndrome == e.syndrome)
			TH_LOG("%s, tag %x, %ld: %d %d %lx %lx, where nothing is: %d %d %lx %lx",
			       insn->name, tag, at[i], o.sig, o.code, o.offset, o.syndrome,
			       e.sig, e.code, e.offset, e.syndrome);
		EXPECT_TRUE(insn->any_signal || o.sig == (insn->silent ? 0 : SIGSEGV))
			TH_LOG("%s, tag %x, %ld: signal %d", insn->name, tag, at[i], o.sig);
		EXPECT_TRUE(o.sig != SIGSEGV || o.code == SEGV_MAPERR)
			TH_LOG("%s, tag %x, %ld: code %d", insn->name, tag, at[i], o.code);
	}
}

/* Each instruction that takes an address, and with each alias of the address. */
TEST_F(arm64, instructions)
{
	unsigned int i, tag, made = 0;
	struct outcome o;

	for (i = 0; i < ARRAY_SIZE(instructions); i++) {
		const struct instruction *insn = &instructions[i];

		if (!is_there(insn))
			continue;
		o = try(insn, insn->make == br ? self->code : self->plain);
		if (!insn->any_signal)
			EXPECT_EQ(0, o.sig)
				TH_LOG("%s on ordinary memory: signal %d", insn->name, o.sig);
		for (tag = 0; tag < ARRAY_SIZE(tags); tag++)
			same_as_empty(_metadata, &self->p, insn, tags[tag]);
		made++;
	}
	TH_LOG("%u of %zu instructions are there", made, ARRAY_SIZE(instructions));
	EXPECT_UNTOUCHED(&self->p, "the instructions");
}

/* With tags checked, synchronously and not, the answers are still the same. */
TEST_F(arm64, tag_checks)
{
	static const int modes[] = { PR_MTE_TCF_SYNC, PR_MTE_TCF_ASYNC,
				     PR_MTE_TCF_SYNC | PR_MTE_TCF_ASYNC };
	unsigned int i, mode, tag;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_MTE))
		SKIP(return, "not here: MTE");
	for (mode = 0; mode < ARRAY_SIZE(modes); mode++) {
		ASSERT_EQ(0, prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE |
				   modes[mode] | 0xfffe << PR_MTE_TAG_SHIFT, 0, 0, 0));
		for (i = 0; i < ARRAY_SIZE(instructions); i++) {
			if (!is_there(&instructions[i]))
				continue;
			for (tag = 0; tag < ARRAY_SIZE(tags); tag++)
				same_as_empty(_metadata, &self->p, &instructions[i], tags[tag]);
		}
	}
	/* A tag that is not the memory's does not pass. */
	ASSERT_EQ(0, prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_SYNC |
			   0xfffe << PR_MTE_TAG_SHIFT, 0, 0, 0));
	EXPECT_EQ(SIGSEGV, try(&instructions[0], with_tag(self->plain, 0x01)).sig);
	EXPECT_EQ(0, try(&instructions[0], self->plain).sig);
	EXPECT_UNTOUCHED(&self->p, "the accesses");
}

/*
 * Futexes: without FEAT_LSUI, the kernel's atomics on user memory are made with the
 * kernel's rights, and only access_ok() is between a process and the window.
 */
static long futex(unsigned long uaddr, int op, unsigned long val, unsigned long timeout,
		  unsigned long uaddr2, unsigned long val3)
{
	return result(syscall(SYS_futex, uaddr, op, val, timeout, uaddr2, val3));
}

static unsigned int good_word;

static long futex_wait(unsigned long a)
{
	struct timespec soon = { .tv_nsec = 1 };

	return futex(a, FUTEX_WAIT, 0, (unsigned long)&soon, 0, 0);
}

static long futex_wait_bitset(unsigned long a)
{
	struct timespec past = { .tv_nsec = 1 };

	return futex(a, FUTEX_WAIT_BITSET_PRIVATE, 0, (unsigned long)&past, 0, 1);
}

static long futex_wake(unsigned long a)
{
	return futex(a, FUTEX_WAKE, 1, 0, 0, 0);
}

static long futex_cmp_requeue(unsigned long a)
{
	return futex(a, FUTEX_CMP_REQUEUE, 1, 1, (unsigned long)&good_word, 0);
}

static long futex_requeue_target(unsigned long a)
{
	return futex((unsigned long)&good_word, FUTEX_CMP_REQUEUE, 1, 1, a, 0);
}

static long futex_lock_pi(unsigned long a)
{
	return futex(a, FUTEX_LOCK_PI, 0, 0, 0, 0);
}

static long futex_trylock_pi(unsigned long a)
{
	return futex(a, FUTEX_TRYLOCK_PI, 0, 0, 0, 0);
}

static long futex_unlock_pi(unsigned long a)
{
	return futex(a, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
}

#define WAKE_OP(_name, _op, _arg)						\
static long futex_wake_##_name(unsigned long a)					\
{										\
	return futex((unsigned long)&good_word, FUTEX_WAKE_OP_PRIVATE, 1, 1, a,	\
		     FUTEX_OP(_op, _arg, FUTEX_OP_CMP_EQ, 0));			\
}

WAKE_OP(set, FUTEX_OP_SET, 0x41)
WAKE_OP(add, FUTEX_OP_ADD, 1)
WAKE_OP(or, FUTEX_OP_OR, 1)
WAKE_OP(andn, FUTEX_OP_ANDN, 0x41)
WAKE_OP(xor, FUTEX_OP_XOR, 0x7ff)

static const struct {
	const char *name;
	long (*make)(unsigned long addr);
	bool looks;		/* at the memory, or writes to it */
} futexes[] = {
	{ "FUTEX_WAIT", futex_wait, true },
	{ "FUTEX_WAIT_BITSET", futex_wait_bitset, true },
	{ "FUTEX_WAKE", futex_wake, true },
	{ "FUTEX_CMP_REQUEUE", futex_cmp_requeue, true },
	{ "FUTEX_CMP_REQUEUE, target", futex_requeue_target, true },
	{ "FUTEX_LOCK_PI", futex_lock_pi, true },
	{ "FUTEX_TRYLOCK_PI", futex_trylock_pi, true },
	{ "FUTEX_UNLOCK_PI", futex_unlock_pi, true },
	{ "FUTEX_WAKE_OP, set", futex_wake_set, true },
	{ "FUTEX_WAKE_OP, add", futex_wake_add, true },
	{ "FUTEX_WAKE_OP, or", futex_wake_or, true },
	{ "FUTEX_WAKE_OP, andn", futex_wake_andn, true },
	{ "FUTEX_WAKE_OP, xor", futex_wake_xor, true },
};

static void all_futexes(struct __test_metadata *_metadata, const struct place *p,
			unsigned long plain)
{
	unsigned int i, tag;
	unsigned long off;

	for (i = 0; i < ARRAY_SIZE(futexes); i++) {
		for (off = 0; off < p->size; off += ps()) {
			for (tag = 0; tag < ARRAY_SIZE(tags); tag++) {
				unsigned long a = with_tag(p->addr + off, tags[tag]);
				unsigned long e = with_tag(p->empty + off, tags[tag]);

				EXPECT_EQ(-EFAULT, futexes[i].make(a))
					TH_LOG("%s, tag %x", futexes[i].name, tags[tag]);
				EXPECT_EQ(-EFAULT, futexes[i].make(e))
					TH_LOG("%s, tag %x, nothing there", futexes[i].name,
					       tags[tag]);
			}
		}
		*(unsigned int *)plain = 0;
		EXPECT_NE(-EFAULT, futexes[i].make(plain))
			TH_LOG("%s on ordinary memory", futexes[i].name);
	}
	EXPECT_UNTOUCHED(p, "the futexes");
}

TEST_F(arm64, futexes)
{
	all_futexes(_metadata, &self->p, self->plain);
}

/* The same where the kernel takes tagged pointers. */
TEST_F(arm64, futexes_with_tagged_pointers)
{
	if (prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0))
		SKIP(return, "no tagged address ABI");
	all_futexes(_metadata, &self->p, self->plain);
	*(unsigned int *)self->plain = 0;
	EXPECT_EQ(0, futex_wake_add(with_tag(self->plain, 0x0f)));
	EXPECT_EQ(1, *(unsigned int *)self->plain);
}

/* At a user address, read-only, the kernel's atomics do not write either. */
TEST_F(arm64, futexes_on_a_user_address)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(futexes); i++) {
		if (!strncmp(futexes[i].name, "FUTEX_WAKE_OP", 13))
			EXPECT_EQ(-EFAULT, futexes[i].make(self->user.addr))
				TH_LOG("%s", futexes[i].name);
	}
	EXPECT_UNTOUCHED(&self->user, "the futexes");
}

/*
 * Pointers with tags in system calls.
 */
static long c_read(unsigned long a)
{
	int fd[2];
	long ret;

	if (pipe(fd))
		return -errno;
	if (write(fd[1], "12345678", 8) != 8)
		return -EIO;
	ret = result(syscall(SYS_read, fd[0], a, 8));
	close(fd[0]);
	close(fd[1]);
	return ret;
}

static long c_write(unsigned long a)
{
	int fd[2];
	long ret;

	if (pipe(fd))
		return -errno;
	ret = result(syscall(SYS_write, fd[1], a, 8));
	close(fd[0]);
	close(fd[1]);
	return ret;
}

static long c_path(unsigned long a)
{
	return result(syscall(SYS_faccessat, AT_FDCWD, a, 0));
}

static long c_uname(unsigned long a)
{
	return result(syscall(SYS_uname, a));
}

static long c_mprotect(unsigned long a)
{
	return result(syscall(SYS_mprotect, a, ps(), PROT_READ | PROT_WRITE));
}

static long c_madvise(unsigned long a)
{
	return result(syscall(SYS_madvise, a, ps(), MADV_NORMAL));
}

static long c_mlock(unsigned long a)
{
	return result(syscall(SYS_mlock, a, ps()));
}

static long c_mincore(unsigned long a)
{
	return result(syscall(SYS_mincore, a, ps(), buffer));
}

static long c_msync(unsigned long a)
{
	return result(syscall(SYS_msync, a, ps(), MS_ASYNC));
}

static long c_munmap(unsigned long a)
{
	return result(syscall(SYS_munmap, a + ps(), ps()));
}

static long c_process_vm_readv(unsigned long a)
{
	struct iovec to = { buffer, 8 }, from = { (void *)a, 8 };

	return result(syscall(SYS_process_vm_readv, getpid(), &to, 1, &from, 1, 0));
}

static long c_process_vm_writev(unsigned long a)
{
	struct iovec to = { (void *)a, 8 }, from = { buffer, 8 };

	return result(syscall(SYS_process_vm_writev, getpid(), &from, 1, &to, 1, 0));
}

static long c_mem(unsigned long a)
{
	int fd = open("/proc/self/mem", O_RDWR);
	long ret = result(pread(fd, buffer, 8, a));

	close(fd);
	return ret;
}

static long c_shadow_stack(unsigned long a)
{
	return result(syscall(453 /* map_shadow_stack */, a, ps(), 0));
}

static const struct {
	const char *name;
	long (*make)(unsigned long addr);
} calls[] = {
	{ "read", c_read }, { "write", c_write }, { "faccessat", c_path },
	{ "uname", c_uname }, { "mprotect", c_mprotect }, { "madvise", c_madvise },
	{ "mlock", c_mlock }, { "mincore", c_mincore }, { "msync", c_msync },
	{ "process_vm_readv", c_process_vm_readv },
	{ "process_vm_writev", c_process_vm_writev }, { "/proc/self/mem", c_mem },
	{ "map_shadow_stack", c_shadow_stack }, { "munmap", c_munmap },
};

static void all_calls(struct __test_metadata *_metadata, const struct place *p,
		      unsigned long plain, bool abi)
{
	unsigned int i, tag;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		for (tag = 0; tag < ARRAY_SIZE(tags); tag++) {
			long a = calls[i].make(with_tag(p->addr, tags[tag]));
			long e = calls[i].make(with_tag(p->empty, tags[tag]));

			EXPECT_EQ(e, a)
				TH_LOG("%s, tag %x: %s, and where nothing is: %s",
				       calls[i].name, tags[tag], why(a), why(e));
		}
		if (calls[i].make == c_shadow_stack)
			continue;
		EXPECT_LE(calls[i].make == c_path ? -ENOENT : 0, calls[i].make(plain))
			TH_LOG("%s on ordinary memory", calls[i].name);
	}
	EXPECT_EQ(abi ? 8 : -EFAULT, c_write(with_tag(plain, 0x0f)));
	EXPECT_UNTOUCHED(p, "the calls");
}

TEST_F(arm64, tagged_pointers_without_the_abi)
{
	*(char *)self->plain = 'x';
	all_calls(_metadata, &self->p, self->plain, false);
}

TEST_F(arm64, tagged_pointers)
{
	if (prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0))
		SKIP(return, "no tagged address ABI");
	*(char *)self->plain = 'x';
	all_calls(_metadata, &self->p, self->plain, true);
}

/* The kernel's own probe reads, by each alias. */
TEST_F(arm64, probe_reads)
{
	struct mm_local_test_range win = {};
	unsigned int tag;
	unsigned long off;

	NEEDS_ROOT("kernel addresses");
	ASSERT_EQ(0, ioctl(self->p.fd, MM_LOCAL_TEST_WINDOW, &win));
	for (tag = 0; tag < ARRAY_SIZE(tags); tag++) {
		for (off = 0; off < self->p.size; off += ps())
			EXPECT_EQ(-ERANGE, dev_nofault(self->p.fd,
						       with_tag(self->p.addr + off, tags[tag])));
		EXPECT_EQ(-ERANGE, dev_nofault(self->p.fd, with_tag(self->p.empty, tags[tag])));
		/* From the last user page into the window. */
		EXPECT_EQ(-ERANGE, dev_nofault(self->p.fd,
					       with_tag(win.addr - 4, tags[tag])));
	}
}

/* User addresses end where the window begins, on this CPU. */
TEST_F(arm64, end_of_the_user_range)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	struct mm_local_test_range win = {};
	unsigned long start, off;
	void *mem;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_LOCAL_TEST_WINDOW, &win));
	start = win.addr;
	/* A power of two ends it, and what the CPU translates ends there. */
	EXPECT_EQ(0, (start + win.size) & (start + win.size - 1));
	mem = mmap((void *)(start - ps()), ps(), PROT_READ | PROT_WRITE, flags, -1, 0);
	ASSERT_EQ((void *)(start - ps()), mem);
	*(char *)mem = 1;
	EXPECT_EQ(8, c_write(start - ps()));
	EXPECT_EQ(8, c_write(start - 8));
	EXPECT_EQ(-EFAULT, c_write(start));
	EXPECT_GT(8, c_write(start - 4));
	for (off = 0; off < win.size; off = off ? off << 1 : ps()) {
		mem = mmap((void *)(start + off), ps(), PROT_READ, flags, -1, 0);
		EXPECT_EQ(MAP_FAILED, mem);
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_EQ(-EFAULT, c_write(start + off));
	}
	EXPECT_LT(start, self->p.addr);
	EXPECT_LT((unsigned long)&win, start);
}

#define ADVICE	104	/* and what the kernel has no name for, too */
#define LOOK_UPS	(ADVICE + 3)

/* Calls that look for the VMA at an address or the one before. */
static void look_up(unsigned long a, long *said)
{
	int i, mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	for (i = 0; i < ADVICE; i++)
		said[i] = result(madvise((void *)a, ps(), i));
	said[i++] = result(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a, ps(), "test"));
	said[i++] = result(pread(mem, buffer, 1, a));
	said[i++] = result(pwrite(mem, buffer, 1, a));
	close(mem);
}

/* What ends where the window begins is not taken for what is in it. */
TEST_F(arm64, beside_the_last_user_page)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	static long before[4][LOOK_UPS], after[LOOK_UPS];
	struct mm_local_test_range win = {};
	unsigned long at[4], last;
	int i, j;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_LOCAL_TEST_WINDOW, &win));
	last = win.addr - ps();
	at[0] = win.addr;
	at[1] = win.addr + ps();
	at[2] = self->p.addr;
	at[3] = self->p.empty;
	for (i = 0; i < 4; i++)
		look_up(at[i], before[i]);

	ASSERT_EQ((void *)last, mmap((void *)last, ps(), PROT_READ | PROT_WRITE, flags,
				     -1, 0));
	for (i = 0; i < 4; i++) {
		*(char *)last = 1;
		look_up(at[i], after);
		for (j = 0; j < LOOK_UPS; j++)
			EXPECT_EQ(before[i][j], after[j])
				TH_LOG("%d at %lx", j, at[i]);
		EXPECT_EQ(1, *(char *)last);
	}
	EXPECT_UNTOUCHED(&self->p, "look-ups beside the last user page");

	EXPECT_EQ(-ENOMEM, before[0][MADV_RANDOM]);
	EXPECT_EQ(-EIO, before[0][ADVICE + 1]);

	/* The page itself is found. */
	EXPECT_EQ(0, result(madvise((void *)last, ps(), MADV_RANDOM)));
	munmap((void *)last, ps());
	EXPECT_EQ(-ENOMEM, result(madvise((void *)last, ps(), MADV_RANDOM)));
}

/* What VmPTE says as memory next to the window comes and goes, in pages. */
static long border(bool with_area, unsigned long start)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	long before = status_field("VmPTE"), there, after;
	unsigned long addr;
	void *mem;

	if (with_area && dev_alloc(device(), 64 * ps(), &addr))
		return -EIO;
	mem = mmap((void *)(start - ps()), ps(), PROT_READ | PROT_WRITE, flags, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	*(char *)mem = 1;
	there = status_field("VmPTE") - before;
	munmap(mem, ps());
	after = status_field("VmPTE") - before;
	return there << 32 | (after & 0xffffffff);
}

static long border_without(const struct remote *r)
{
	return border(false, r->addr);
}

static long border_with(const struct remote *r)
{
	return border(true, r->addr);
}

TEST_F(arm64, page_tables_at_the_border)
{
	struct mm_local_test_range win = {};
	struct remote r = {};
	long with, without;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_LOCAL_TEST_WINDOW, &win));
	/* The stack is anywhere in the GiB below; with 64 KiB pages a table covers half. */
	if (getauxval(AT_EXECFN) >= win.addr - ps() / 8 * ps())
		SKIP(return, "not here: the stack has the last page table already");
	r.addr = win.addr;
	without = in_child(border_without, &r);
	with = in_child(border_with, &r);
	EXPECT_LT(0, without >> 32);
	EXPECT_EQ(without, with);
	EXPECT_UNTOUCHED(&self->p, "the mappings");
}

/* A breakpoint at an address says nothing of it, be it the process's or a tracer's. */
static long breakpoint(unsigned long addr)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .bp_type = HW_BREAKPOINT_RW,
		.bp_addr = addr, .bp_len = 8, .sample_period = 1, .exclude_kernel = 1,
	};
	long fd = result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : fd;
}

TEST_F(arm64, breakpoints)
{
	unsigned int tag;

	if (breakpoint(self->plain))
		SKIP(return, "not here: breakpoints");
	for (tag = 0; tag < ARRAY_SIZE(tags); tag++) {
		EXPECT_EQ(breakpoint(with_tag(self->p.empty, tags[tag])),
			  breakpoint(with_tag(self->p.addr, tags[tag])));
	}
}

TEST_HARNESS_MAIN
