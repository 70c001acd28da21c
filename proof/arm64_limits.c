// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of secret memory that only arm64 needs: TTBR0 translates the window's
 * addresses, and the futex code accesses user memory with the kernel's rights.
 *
 * Needs CONFIG_MM_SECRET_TEST, CONFIG_KERNEL_OWNED_VMA_TEST, debugfs and root.
 */
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "kernel_owned_calls.h"
#include "mm_secret_util.h"
#include "proof_util.h"

#ifndef ADDR_MM_SECRET
#define ADDR_MM_SECRET	0x10000000
#endif

#define WAKE(_op, _arg) \
	{ FUTEX_WAKE_OP_PRIVATE, 1, FUTEX_OP(FUTEX_OP_##_op, _arg, FUTEX_OP_CMP_EQ, 0), true }

static const struct futex_call {
	unsigned int op, val, val3;
	bool second;		/* the address is the second one */
} futexes[] = {
	{ FUTEX_WAIT, 1 }, { FUTEX_WAIT_BITSET_PRIVATE, 1, 1 }, { FUTEX_WAKE, 1 },
	{ FUTEX_CMP_REQUEUE, 1 }, { FUTEX_CMP_REQUEUE, 1, 0, true },
	{ FUTEX_LOCK_PI }, { FUTEX_TRYLOCK_PI }, { FUTEX_UNLOCK_PI },
	WAKE(SET, 0x41), WAKE(ADD, 1), WAKE(OR, 1), WAKE(ANDN, 0x41), WAKE(XOR, 0x7ff),
};

static long try_futex(const struct futex_call *f, unsigned long addr)
{
	static unsigned int good;
	void *word = (void *)addr;

	return ret_or_errno(syscall(SYS_futex, f->second ? &good : word, f->op, f->val, 0,
				    f->second ? word : &good, f->val3));
}

/* Each page from @addr on, with each of some top bytes, which the MMU ignores. */
#define NR_ALIASES	(NPAGES * 8)
static unsigned long alias(unsigned long addr, unsigned int nr)
{
	static const unsigned long tags[] = { 0, 0x01, 0x0f, 0x70, 0x7f, 0x80, 0xf0, 0xff };

	return (addr + nr / 8 * page_size()) | tags[nr % 8] << 56;
}

FIXTURE(arm64)
{
	struct place p;
	struct mm_secret_test_range win;
};

FIXTURE_SETUP(arm64)
{
	SETUP_AREA(&self->p);
	ASSERT_EQ(0, ioctl(self->p.fd, MM_SECRET_TEST_WINDOW, &self->win));
}

FIXTURE_TEARDOWN(arm64)
{
	EXPECT_EQ(NULL, area_changed(&self->p));
}

static void expect_refused(struct __test_metadata *_metadata, const struct futex_call *f,
			   unsigned long addr)
{
	unsigned int nr;

	for (nr = 0; nr < NR_ALIASES; nr++)
		EXPECT_EQ(-EFAULT, try_futex(f, alias(addr, nr)))
			TH_LOG("operation %u, %x, alias %u", f->op, f->val3, nr);
}

/* First where the kernel takes no pointers with tags, then where it does. */
TEST_F(arm64, futexes)
{
	unsigned long plain = map_ordinary(page_size());
	const struct futex_call add = WAKE(ADD, 1);
	unsigned int i, tagged, abi;

	for (tagged = 0; tagged < 2; tagged++) {
		abi = tagged && !prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0);
		for (i = 0; i < ARRAY_SIZE(futexes); i++) {
			expect_refused(_metadata, &futexes[i], self->p.addr);
			expect_refused(_metadata, &futexes[i], self->p.empty);
			*(int *)plain = 0;
			EXPECT_NE(-EFAULT, try_futex(&futexes[i], plain));
		}
		EXPECT_EQ(abi ? 0 : -EFAULT, try_futex(&add, alias(plain, 2)));
	}
}

/* At a user address, read-only, the kernel's atomics do not write either. */
TEST_F(arm64, futexes_on_a_user_address)
{
	struct place user;
	unsigned int i;

	ASSERT_EQ(NULL, place_make_user(&user, PROT_READ));
	for (i = 0; i < ARRAY_SIZE(futexes); i++) {
		if (futexes[i].op == FUTEX_WAKE_OP_PRIVATE)
			EXPECT_EQ(-EFAULT, try_futex(&futexes[i], user.addr));
	}
	EXPECT_UNTOUCHED(&user, "the futexes");
}

/* The kernel's probe reads, also from the last user page into the window. */
TEST_F(arm64, probe_reads)
{
	unsigned int nr;

	for (nr = 0; nr < NR_ALIASES; nr++) {
		EXPECT_EQ(-ERANGE, dev_nofault(self->p.fd, alias(self->p.addr, nr)));
		EXPECT_EQ(-ERANGE, dev_nofault(self->p.fd, alias(self->p.empty, nr)));
		EXPECT_EQ(-ERANGE, dev_nofault(self->p.fd, alias(self->win.addr - 4, nr)));
	}
}

/* User addresses end where the page tables of the window begin, on this CPU. */
TEST_F(arm64, end_of_the_user_range)
{
	const unsigned long end = self->win.addr + self->win.size;
	const unsigned long start = end_below_window(&self->win);
	unsigned long last = start - page_size(), addr;

	/* A power of two ends it, and what the CPU translates ends there. */
	EXPECT_EQ(0, end & (end - 1));
	ASSERT_EQ((void *)last, mmap((void *)last, page_size(), PROT_WRITE, MAP_PRIVATE |
				     MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	EXPECT_EQ(8, getrandom((void *)(start - 8), 8, 0));
	EXPECT_GT(8, getrandom((void *)(start - 4), 8, 0));
	for (addr = start; addr < end; addr += addr - last) {
		EXPECT_EQ(-ENOMEM, c_mmap_noreplace(addr, page_size()));
		EXPECT_EQ(-EFAULT, ret_or_errno(getrandom((void *)addr, 8, 0)));
	}
	EXPECT_EQ(-ENOMEM, c_mmap_noreplace(self->win.addr - page_size(), page_size()));
	EXPECT_EQ(-ENOMEM, c_mmap_noreplace(self->win.addr, page_size()));
}

/* The last page that the CPU translates is as any other. */
static bool use_last_page(unsigned long end)
{
	const struct futex_call add = WAKE(ADD, 1);
	unsigned long page = end - page_size();
	int *word = (int *)page;
	bool good;

	/* The stack may be there. */
	if (c_mmap_noreplace(page, page_size()) == -EEXIST)
		return true;
	good = word == mmap(word, page_size(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) &&
	       getrandom((void *)(end - 8), 8, 0) == 8;
	if (!good)
		return false;
	*word = 1;
	return !try_futex(&add, page) && *word == 2 &&
	       getrandom((void *)(end - 4), 8, 0) < 8 &&
	       !munmap(word, page_size()) &&
	       !munmap((void *)(end - 2 * page_size()), 2 * page_size());
}

/* Runs before the constructor that asks for secret memory. */
__attribute__((constructor(101))) static void not_asked(int argc, char **argv)
{
	struct mm_secret_test_range win = {};
	unsigned long addr;
	int fd, status;

	if (argc != 2 || strcmp(argv[1], "not-asked"))
		return;
	fd = open_mm_secret();
	if (personality(0xffffffff) & ADDR_MM_SECRET)
		_exit(1);
	if (dev_alloc(fd, page_size(), &addr) != -EOPNOTSUPP)
		_exit(2);
	if (ioctl(fd, MM_SECRET_TEST_WINDOW, &win) || !use_last_page(win.addr + win.size))
		_exit(3);
	/* It counts from the next execve() on. */
	personality(personality(0xffffffff) | ADDR_MM_SECRET);
	if (dev_alloc(fd, page_size(), &addr) != -EOPNOTSUPP)
		_exit(4);
	if (!use_last_page(win.addr + win.size))
		_exit(5);
	if (!fork())
		_exit(!use_last_page(win.addr + win.size));
	wait(&status);
	_exit(status ? 6 : 0);
}

TEST_F(arm64, not_asked)
{
	char *argv[] = { "/proc/self/exe", "not-asked", NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		personality(personality(0xffffffff) & ~ADDR_MM_SECRET);
		execv(argv[0], argv);
		_exit(99);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status)
		TH_LOG("step %d", WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
