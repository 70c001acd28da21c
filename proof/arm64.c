// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of secret memory that only arm64 needs: the window lies in the addresses
 * that TTBR0 translates, where page permissions alone do not keep a process out.
 * Futexes, probe reads and the end of the user range are in arm64_limits.c.
 *
 * An instruction may do to an area what it does to an address in the window where
 * nothing is mapped: the same signal, the same si_code, the same syndrome.
 *
 * Needs CONFIG_MM_SECRET_TEST.
 */
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <asm/hwcap.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
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
#include "kernel_owned_calls.h"
#include "proof_util.h"

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

FIXTURE(arm64)
{
	struct place p;
	unsigned long plain;
	unsigned long code;		/* a return instruction */
};

FIXTURE_SETUP(arm64)
{
	unsigned int *code;
	int prot = PROT_READ | PROT_WRITE;

	SETUP_PLACE(&self->p, true, PROT_READ | PROT_WRITE);
	if (getauxval(AT_HWCAP2) & HWCAP2_MTE)
		prot |= PROT_MTE;
	self->plain = (unsigned long)mmap(NULL, NPAGES * page_size(), prot,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE((unsigned long)MAP_FAILED, self->plain);
	code = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, code);
	*code = 0xd65f03c0;		/* ret */
	ASSERT_EQ(0, mprotect(code, page_size(), PROT_READ | PROT_EXEC));
	__builtin___clear_cache((char *)code, (char *)code + page_size());
	self->code = (unsigned long)code;
	see_fault(ldrb, 0);		/* what handles signals is there then */
}

FIXTURE_TEARDOWN(arm64)
{
}

/* How many page faults the kernel has counted for this thread, or 0 if it does not say. */
static __u64 page_faults(void)
{
	static int fd;
	__u64 count = 0;

	if (!fd) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
			.config = PERF_COUNT_SW_PAGE_FAULTS, .exclude_kernel = 1,
		};

		fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	}
	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void same_as_empty(struct __test_metadata *_metadata, const struct place *p,
			  const struct instruction *insn, unsigned char tag)
{
	/* Pages of it, the guard pages, and an odd place. */
	const long at[] = { 0, p->size - page_size(), page_size() + 128, -page_size(), p->size };
	struct seen_fault o, e;
	unsigned int i, tries;
	__u64 faults;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		/* NUMA balancing may let the test itself fault. */
		for (tries = 0; tries < 5; tries++) {
			faults = page_faults();
			o = see_fault(insn->make, with_tag(p->addr + at[i], tag));
			e = see_fault(insn->make, with_tag(p->empty + at[i], tag));
			if (page_faults() == faults)
				break;
		}
		EXPECT_GT(5, tries)
			TH_LOG("%s, tag %x, %ld: page faults are counted", insn->name, tag, at[i]);
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
	struct seen_fault o;
	__u64 faults;

	for (i = 0; i < ARRAY_SIZE(instructions); i++) {
		const struct instruction *insn = &instructions[i];

		if (!is_there(insn))
			continue;
		o = see_fault(insn->make, insn->make == br ? self->code : self->plain);
		if (!insn->any_signal)
			EXPECT_EQ(0, o.sig)
				TH_LOG("%s on ordinary memory: signal %d", insn->name, o.sig);
		for (tag = 0; tag < ARRAY_SIZE(tags); tag++)
			same_as_empty(_metadata, &self->p, insn, tags[tag]);
		made++;
	}
	faults = page_faults();
	ASSERT_EQ(0, madvise((void *)self->plain, page_size(), MADV_DONTNEED));
	see_fault(ldrb, self->plain);
	EXPECT_LT(faults, page_faults());
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
	EXPECT_EQ(SIGSEGV, see_fault(instructions[0].make, with_tag(self->plain, 0x01)).sig);
	EXPECT_EQ(0, see_fault(instructions[0].make, self->plain).sig);
	EXPECT_UNTOUCHED(&self->p, "the accesses");
}

/*
 * Pointers with tags in system calls.
 */
static long a_read(unsigned long a, unsigned long len)
{
	int fd[2];
	long ret;

	if (pipe(fd))
		return -errno;
	if (write(fd[1], "12345678", 8) != 8)
		return -EIO;
	ret = ret_or_errno(syscall(SYS_read, fd[0], a, 8));
	close(fd[0]);
	close(fd[1]);
	return ret;
}

static long a_write(unsigned long a, unsigned long len)
{
	int fd[2];
	long ret;

	if (pipe(fd))
		return -errno;
	ret = ret_or_errno(syscall(SYS_write, fd[1], a, 8));
	close(fd[0]);
	close(fd[1]);
	return ret;
}

static long a_path(unsigned long a, unsigned long len)
{
	return ret_or_errno(syscall(SYS_faccessat, AT_FDCWD, a, 0));
}

static long a_uname(unsigned long a, unsigned long len)
{
	return ret_or_errno(syscall(SYS_uname, a));
}

static long a_munmap(unsigned long a, unsigned long len)
{
	return c_munmap(a + len, len);
}

static long a_process_vm_readv(unsigned long a, unsigned long len)
{
	struct iovec to = { buffer, 8 }, from = { (void *)a, 8 };

	return ret_or_errno(syscall(SYS_process_vm_readv, getpid(), &to, 1, &from, 1, 0));
}

static long a_process_vm_writev(unsigned long a, unsigned long len)
{
	struct iovec to = { (void *)a, 8 }, from = { buffer, 8 };

	return ret_or_errno(syscall(SYS_process_vm_writev, getpid(), &from, 1, &to, 1, 0));
}

static long a_mem(unsigned long a, unsigned long len)
{
	int fd = open("/proc/self/mem", O_RDWR);
	long ret = ret_or_errno(pread(fd, buffer, 8, a));

	close(fd);
	return ret;
}

static long a_shadow_stack(unsigned long a, unsigned long len)
{
	return ret_or_errno(syscall(__NR_map_shadow_stack, a, len, 0));
}

static const struct {
	const char *name;
	range_call *make;
} calls[] = {
	{ "read", a_read }, { "write", a_write }, { "faccessat", a_path },
	{ "uname", a_uname }, { "mprotect", c_mprotect_write }, { "madvise", c_madvise },
	{ "mlock", c_mlock }, { "mincore", c_mincore }, { "msync", c_msync_sync },
	{ "process_vm_readv", a_process_vm_readv },
	{ "process_vm_writev", a_process_vm_writev }, { "/proc/self/mem", a_mem },
	{ "map_shadow_stack", a_shadow_stack }, { "munmap", a_munmap },
};

static void all_calls(struct __test_metadata *_metadata, const struct place *p,
		      unsigned long plain, bool abi)
{
	const unsigned long page = page_size();
	unsigned int i, tag;

	advice_now = MADV_NORMAL;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		for (tag = 0; tag < ARRAY_SIZE(tags); tag++) {
			long a = calls[i].make(with_tag(p->addr, tags[tag]), page);
			long e = calls[i].make(with_tag(p->empty, tags[tag]), page);

			EXPECT_EQ(e, a)
				TH_LOG("%s, tag %x: %s, and where nothing is: %s",
				       calls[i].name, tags[tag], ret_text(a), ret_text(e));
		}
		if (calls[i].make == a_shadow_stack)
			continue;
		EXPECT_LE(calls[i].make == a_path ? -ENOENT : 0, calls[i].make(plain, page))
			TH_LOG("%s on ordinary memory", calls[i].name);
	}
	EXPECT_EQ(abi ? 8 : -EFAULT, a_write(with_tag(plain, 0x0f), page));
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

#define ADVICE	104	/* and what the kernel has no name for, too */
#define LOOK_UPS	(ADVICE + 3)

/* Calls that look for the VMA at an address or the one before. */
static void look_up(unsigned long a, long *said)
{
	int i, mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	for (i = 0; i < ADVICE; i++)
		said[i] = ret_or_errno(madvise((void *)a, page_size(), i));
	said[i++] = ret_or_errno(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a, page_size(), "test"));
	said[i++] = ret_or_errno(pread(mem, buffer, 1, a));
	said[i++] = ret_or_errno(pwrite(mem, buffer, 1, a));
	close(mem);
}

/* What ends where user addresses do is not taken for what is above. */
TEST_F(arm64, beside_the_last_user_page)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	static long before[4][LOOK_UPS], after[LOOK_UPS];
	struct mm_secret_test_range win = {};
	unsigned long at[4], last;
	int i, j;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_SECRET_TEST_WINDOW, &win));
	last = end_below_window(&win) - page_size();
	at[0] = last + page_size();
	at[1] = win.addr;
	at[2] = self->p.addr;
	at[3] = self->p.empty;
	for (i = 0; i < 4; i++)
		look_up(at[i], before[i]);

	ASSERT_EQ((void *)last, mmap((void *)last, page_size(), PROT_READ | PROT_WRITE, flags,
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
	EXPECT_EQ(0, ret_or_errno(madvise((void *)last, page_size(), MADV_RANDOM)));
	munmap((void *)last, page_size());
	EXPECT_EQ(-ENOMEM, ret_or_errno(madvise((void *)last, page_size(), MADV_RANDOM)));
	/* It took no page tables with it that lead to the window. */
	EXPECT_UNTOUCHED(&self->p, "the munmap of the last user page");
}

static long one_area(const struct remote *r __maybe_unused)
{
	unsigned long addr;

	return dev_alloc(open_mm_secret(), page_size(), &addr);
}

static long page_tables(void)
{
	const char *at;

	write_text("/proc/sys/vm/stat_refresh", "1");
	read_text("/proc/vmstat", text, sizeof(text));
	at = strstr(text, "nr_page_table_pages ");
	return at ? atol(at + strlen("nr_page_table_pages ")) : -1;
}

/* Nor are they left when the mm goes. */
TEST_F_TIMEOUT(arm64, page_tables_are_freed, 120)
{
	const struct remote r = {};
	long before;
	int i;

	if (geteuid())
		SKIP(return, "needs root: sums up the counters of CPUs");
	before = page_tables();
	ASSERT_LT(0, before);
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, in_child(one_area, &r));
	EXPECT_GT(before + 150, page_tables());
}

/* What VmPTE says as memory at the end of user addresses comes and goes, in pages. */
static long border(bool with_area, unsigned long start)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	long before = status_field("VmPTE"), there, after;
	unsigned long addr;
	void *mem;

	if (with_area && dev_alloc(open_mm_secret(), 64 * page_size(), &addr))
		return -EIO;
	mem = mmap((void *)(start - page_size()), page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	*(char *)mem = 1;
	there = status_field("VmPTE") - before;
	munmap(mem, page_size());
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

TEST_F(arm64, page_tables_lead_to_either)
{
	struct mm_secret_test_range win = {};
	struct remote r = {};
	long with, without;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_SECRET_TEST_WINDOW, &win));
	r.addr = end_below_window(&win);
	/* The stack is anywhere in the GiB below; with 64 KiB pages a table covers half. */
	if (getauxval(AT_EXECFN) >= r.addr - page_size() / 8 * page_size())
		SKIP(return, "not here: the stack has the last page table already");
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
	long fd = ret_or_errno(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));

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
