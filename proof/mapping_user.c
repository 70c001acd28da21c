// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are more than a line of the table in kernel_owned_calls.c, on a
 * kernel-owned VMA at a user address, which refuses them or stays as it is, and on an
 * area in the window, which answers as an address there where nothing is; and what
 * kernel_owned_vma.c in the tree has no room for.
 *
 * Needs both test drivers, debugfs and, for some tests, root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kernel_owned_calls.h"
#include "proof_util.h"

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
}

FIXTURE_TEARDOWN(mapping_calls)
{
	close(self->p.fd);
}

/* The counter-check: on ordinary memory it works. */
static void works(struct __test_metadata *_metadata, const char *name, long ret)
{
	EXPECT_EQ(0, ret)
		TH_LOG("%s of ordinary memory: %s", name, ret_text(ret));
}

/* The last user of the file is a process whose mm is not the VMA's. */
TEST_F(mapping_calls, unmapped_by_another_process)
{
	const unsigned long size = 3 * page_size();
	int fd = open_kernel_owned(), go[2], status = -1;
	unsigned long addr;
	pid_t pid;
	char c;

	if (variant->window)
		SKIP(return, "not here: of user addresses");
	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ, &addr));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid)
		_exit(read(go[0], &c, 1) != 1 || close(fd));
	close(fd);
	ASSERT_EQ(1, write(go[1], "x", 1));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ((void *)addr, mmap((void *)addr, size, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	EXPECT_UNTOUCHED(&self->p, "the munmap");
}

TEST_F(mapping_calls, mremap_move_several)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(3 * page_size());
	long ret = c_mremap_move(p->addr - page_size(), p->size + 2 * page_size());
	long want = p->window ? c_mremap_move(p->empty - page_size(), p->size + 2 * page_size()) :
		-EPERM;

	EXPECT_EQ(want, ret) TH_LOG("mremap: %s", ret_text(ret));
	EXPECT_UNTOUCHED(p, "mremap");

	/* Three VMAs. */
	ASSERT_EQ(0, c_mprotect_read(mem + page_size(), page_size()));
	works(_metadata, "mremap", c_mremap_move(mem, 3 * page_size()));
}

TEST_F(mapping_calls, mprotect_to_more)
{
	const struct place *p = &self->p;
	long ret = c_mprotect_all(p->addr, p->size);
	long want = p->window ? c_mprotect_all(p->empty, p->size) : -EPERM;

	/* EACCES is what comes first if the VMA may never be executed. */
	if (!p->window && ret == -EACCES)
		want = -EACCES;
	EXPECT_EQ(want, ret) TH_LOG("mprotect: %s", ret_text(ret));
	EXPECT_UNTOUCHED(p, "mprotect");
	EXPECT_NE(0, try_access(JUMP, p->addr).sig);
	works(_metadata, "mprotect", c_mprotect_all(map_ordinary(page_size()), page_size()));
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
		ret = c_madvise(p->addr, page_size());
		EXPECT_EQ(c_madvise(p->empty, page_size()), ret)
			TH_LOG("advice %d: %s", advice_now, ret_text(ret));
		EXPECT_TRUE(ret == -EFAULT || ret == -EINVAL);
		EXPECT_UNTOUCHED(p, "madvise");
	}
}

TEST_F(mapping_calls, madvise_unknown)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(page_size());
	int advice;

	for (advice = -1; advice < 130; advice++) {
		advice_now = advice;
		/* Those that are known have their own tests. */
		if (c_madvise(mem, 0) == 0)
			continue;
		EXPECT_EQ(-EINVAL, c_madvise(p->addr, page_size()));
		EXPECT_EQ(-EINVAL, c_madvise(mem, page_size()));
	}
	EXPECT_UNTOUCHED(p, "madvise");

	/* And none that no test above knows of does anything. */
	for (advice = 0; advice < 130; advice++) {
		advice_now = advice;
		if (c_madvise(mem, 0) || advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		EXPECT_EQ(p->window ? c_madvise(p->empty, page_size()) : -EPERM,
			  c_madvise(p->addr, page_size()))
			TH_LOG("advice %d", advice);
	}
	EXPECT_UNTOUCHED(p, "madvise");
}

/*
 * Locking: on a VMA as this one it has never had an effect, and no error.
 */
static void lock_rule(struct __test_metadata *_metadata, const struct place *p,
		      call_fn call)
{
	unsigned long mem = map_ordinary(2 * page_size());
	long locked, ret;

	c_mlock(mem, page_size());	/* something to compare with */
	locked = status_field("VmLck");
	EXPECT_LT(0, locked);

	/* Without the neighbours, which would be locked. */
	ret = call(p->addr, p->size);
	EXPECT_EQ(p->window ? call(p->empty, p->size) : 0, ret);
	EXPECT_EQ(locked, status_field("VmLck"));
	ret = call(p->addr + page_size(), page_size());
	EXPECT_EQ(p->window ? call(p->empty + page_size(), page_size()) : 0, ret);
	EXPECT_EQ(locked, status_field("VmLck"));
	if (!p->window)
		EXPECT_FALSE(vma_has_flag(p->addr, p->addr + p->size, "lo"));
	EXPECT_UNTOUCHED(p, "locking");

	EXPECT_EQ(0, call(mem, 2 * page_size()));
	EXPECT_NE(locked, status_field("VmLck"));
	EXPECT_EQ(call != c_munlock, vma_has_flag(mem, mem + 2 * page_size(), "lo"));
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
	unsigned long mem = elsewhere(2 * page_size());
	unsigned int i;

	/* A VMA of its own, whatever is next to it. */
	ASSERT_EQ(0, c_mprotect_read(mem + page_size(), page_size()));
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		EXPECT_EQ(0, mlockall(how[i]));
		EXPECT_LT(0, status_field("VmLck"));
		if (!p->window)
			EXPECT_FALSE(vma_has_flag(p->addr, p->addr + p->size, "lo"));
		EXPECT_TRUE(vma_has_flag(mem + page_size(), mem + 2 * page_size(), "lo"));
		EXPECT_UNTOUCHED(p, "mlockall");
		EXPECT_EQ(0, munlockall());
		EXPECT_EQ(0, status_field("VmLck"));
		EXPECT_UNTOUCHED(p, "munlockall");
	}
}

TEST_F(mapping_calls, migrate_pages)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(page_size()), from, to;
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

/* In the order that keeps the start before the end. */
static long set_arguments(unsigned long addr, unsigned long len)
{
	if (prctl(PR_SET_MM, PR_SET_MM_ARG_START, addr, 0, 0) == 0)
		return ret_or_errno(prctl(PR_SET_MM, PR_SET_MM_ARG_END, addr + len, 0, 0));
	return ret_or_errno(prctl(PR_SET_MM, PR_SET_MM_ARG_END, addr + len, 0, 0)) ?:
		ret_or_errno(prctl(PR_SET_MM, PR_SET_MM_ARG_START, addr, 0, 0));
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
	unsigned long mem = map_ordinary(page_size());
	unsigned int i;
	long ret;

	NEEDS_ROOT("PR_SET_MM");
	for (i = 0; i < ARRAY_SIZE(what) && p->window; i++) {
		ret = ret_or_errno(prctl(PR_SET_MM, what[i], p->addr, 0, 0));
		EXPECT_EQ(ret_or_errno(prctl(PR_SET_MM, what[i], p->empty, 0, 0)), ret);
		EXPECT_EQ(-EINVAL, ret);
	}

	/* A user address will do, but cmdline does not show what is there. */
	if (!p->window) {
		ASSERT_EQ(0, set_arguments(p->addr, p->size));
		EXPECT_EQ(0, read_text("/proc/self/cmdline", text, sizeof(text)));
	}
	EXPECT_UNTOUCHED(p, "PR_SET_MM");

	ASSERT_EQ(0, set_arguments(mem, page_size()));
	EXPECT_LE(64, read_text("/proc/self/cmdline", text, sizeof(text)));
	EXPECT_TRUE(is_pattern((unsigned char *)text, 64, 0x33));
}

/*
 * The heap ends below: put the program's break under the VMA, or try to move
 * it into the window.  No C library calls in between that want memory.
 */
TEST_F(mapping_calls, brk)
{
	const struct place *p = &self->p;
	unsigned long start = p->addr - 16 * page_size(), now;

	NEEDS_ROOT("PR_SET_MM");
	if (p->window) {
		now = syscall(SYS_brk, 0);
		EXPECT_EQ(now, syscall(SYS_brk, p->empty));
		EXPECT_EQ(now, syscall(SYS_brk, p->addr));
		EXPECT_EQ(now, syscall(SYS_brk, p->addr + p->size));
		EXPECT_EQ(now + page_size(), syscall(SYS_brk, now + page_size()));
	} else {
		munmap(p->below, page_size());
		ASSERT_EQ(0, prctl(PR_SET_MM, PR_SET_MM_BRK, start, 0, 0));
		ASSERT_EQ(0, prctl(PR_SET_MM, PR_SET_MM_START_BRK, start, 0, 0));
		EXPECT_EQ(start, syscall(SYS_brk, p->addr + p->size));
		EXPECT_EQ(start, syscall(SYS_brk, p->addr + page_size()));
		EXPECT_EQ(start, syscall(SYS_brk, p->addr));
		EXPECT_EQ(start + 8 * page_size(), syscall(SYS_brk, start + 8 * page_size()));
	}
	EXPECT_UNTOUCHED(p, "brk");
}

/* A stack that grows down stops before it, with the usual gap. */
TEST_F(mapping_calls, stack_growth)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE;
	const unsigned long far = 600 * page_size();
	unsigned long reserve, stack, second = 0;
	const struct place *p = &self->p;
	struct rlimit limit;
	int fd = open_kernel_owned();
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
	stack = reserve + 500 * page_size();
	if (!p->window) {
		ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, p->size,
				     PROT_READ | PROT_WRITE, &second));
		ASSERT_EQ(reserve, second + p->size)
			TH_LOG("not below what was mapped last");
	}
	munmap((void *)reserve, far);
	mem = mmap((void *)stack, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);
	ASSERT_EQ((void *)stack, mem);
	EXPECT_EQ(0, try_access(STORE, stack - 100 * page_size()).sig);
	if (!p->window) {
		EXPECT_EQ(SIGSEGV, try_access(STORE, reserve + 100 * page_size()).sig);
		EXPECT_EQ(SIGSEGV, try_access(STORE, reserve).sig);
		EXPECT_TRUE(vma_has_flag(second, reserve, "ko"));
		EXPECT_TRUE(is_zero((unsigned char *)second, p->size));
	} else {
		/* It has room to grow in here, and none can be put there. */
		EXPECT_EQ(0, try_access(STORE, reserve + 100 * page_size()).sig);
		mem = mmap((void *)(p->addr + p->size), page_size(), PROT_READ | PROT_WRITE,
			   flags, -1, 0);
		EXPECT_EQ(MAP_FAILED, mem);
	}
	EXPECT_UNTOUCHED(p, "stack growth");
}

/* A name or a policy that was refused is shown nowhere. */
TEST_F(mapping_calls, refused_name_and_policy)
{
	const struct place *p = &self->p;
	char *line;

	EXPECT_EQ(p->window ? c_mbind(p->empty, p->size) : -EPERM, c_mbind(p->addr, p->size));
	line = vma_lines("/proc/self/numa_maps", p->addr, 0);
	ASSERT_EQ(p->window, !line);
	if (line)
		EXPECT_NE(NULL, strstr(line, " default")) TH_LOG("%.80s", line);

	c_anon_name(p->addr, p->size);
	line = vma_lines("/proc/self/maps", p->addr, p->addr + p->size);
	ASSERT_EQ(p->window, !line);
	if (line) {
		*strchrnul(line, '\n') = '\0';
		EXPECT_EQ(NULL, strstr(line, "mine")) TH_LOG("%s", line);
	}
	EXPECT_UNTOUCHED(p, "a name and a policy");
}

/*
 * Seals, and the VMA of a file.
 */
FIXTURE(lifetime)
{
	int fd;
};

FIXTURE_SETUP(lifetime)
{
	self->fd = open_kernel_owned();
	if (self->fd < 0)
		SKIP(exit(KSFT_SKIP), "no " KERNEL_OWNED_TEST);
}

FIXTURE_TEARDOWN(lifetime)
{
	close(self->fd);
}

TEST_F(lifetime, seal_not_with_a_policy)
{
	unsigned long plain, size = page_size();
	long ret;

	ASSERT_EQ(0, owned_map(self->fd, KERNEL_OWNED_TEST_MAP_PLAIN, size, PROT_READ, &plain));
	ret = c_mbind(plain, size);
	if (ret == -ENOSYS)
		SKIP(return, "no memory policies");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_EQ(0, c_mbind_default(plain, size));
	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
}

/* What sealing alone does not refuse: of the table's advices, the kernel's own does. */
TEST_F(lifetime, seal_of_a_user_takes_advice)
{
	const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTFORK, MADV_KEEPONFORK,
		MADV_DONTDUMP, MADV_MERGEABLE, MADV_UNMERGEABLE,
	};
	unsigned long plain, size = page_size();
	unsigned int i;

	ASSERT_EQ(0, owned_map(self->fd, KERNEL_OWNED_TEST_MAP_PLAIN, size,
			       PROT_READ | PROT_WRITE, &plain));
	ASSERT_EQ(0, c_mseal(plain, size));
	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		advice_now = advices[i];
		if (c_madvise(plain, 0) == 0)
			EXPECT_EQ(0, c_madvise(plain, size)) TH_LOG("advice %d", advice_now);
	}
}

static long close_it(const struct remote *r)
{
	return close(r->len);
}

TEST_F(lifetime, user_vma_goes_with_the_last_file)
{
	struct remote r = { .len = self->fd };
	unsigned long addr, size = page_size();

	ASSERT_EQ(0, owned_map(self->fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ, &addr));
	EXPECT_EQ(-EBUSY, owned_map(self->fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ, &r.addr));
	/* Not the last. */
	EXPECT_EQ(0, in_child(close_it, &r));
	EXPECT_TRUE(vma_has_flag(addr, addr + size, "ko"));
	close(self->fd);
	EXPECT_EQ(0, vmas_in(addr, addr + size));
}

TEST_F(lifetime, user_vma_wrong_arguments)
{
	unsigned long addr, size = page_size();

	EXPECT_EQ(-EINVAL, owned_map(self->fd, KERNEL_OWNED_TEST_MAP, 0, PROT_READ, &addr));
	EXPECT_EQ(-EINVAL, owned_map(self->fd, KERNEL_OWNED_TEST_MAP, size + 1, PROT_READ, &addr));
	EXPECT_EQ(0, owned_map(self->fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ, &addr));
}

TEST_HARNESS_MAIN
