// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of the table in kernel_owned_calls.c on an area of secret memory:
 * everything answers as at an address in the window where nothing is.
 * kernel_owned_vma.c in the tree does the same with a VMA at a user address, and
 * mapping_user.c what is more than a line of the table, for both.
 *
 * Needs both test drivers, debugfs and, for some calls, root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <signal.h>
#include <sys/mman.h>
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

/* The calls of the table that belong to @test. */
static void call_rule(struct __test_metadata *_metadata, const struct place *p,
		      const char *test)
{
	const struct kernel_owned_call *c, *end = kernel_owned_calls + nr_kernel_owned_calls;
	unsigned int range, calls = 0;
	long ret, want, ordinary;

	for (c = kernel_owned_calls; c < end; c++) {
		bool known;

		if (strcmp(c->test, test))
			continue;
		calls++;
		ordinary = call_ordinary(c);
		if (call_missing(c, ordinary))
			SKIP(return, "%s%s: %s", geteuid() ? "needs root: " : "",
			     c->name, ret_text(ordinary));
		/* No length is fine, if this kernel knows the advice. */
		known = c->fn != c_madvise || !c_madvise(p->addr, 0);
		EXPECT_TRUE(!ordinary || !known || c->works == MEM_NONE)
			TH_LOG("%s where it works: %s", c->name, ret_text(ordinary));
		for (range = 0; range < NRANGES; range++) {
			ret = call_range(c, p->addr, range);
			want = call_range(c, p->empty, range);
			EXPECT_EQ(want, ret)
				TH_LOG("%s, range %u: %s instead of %s", c->name, range,
				       ret_text(ret), ret_text(want));
			/* Success is not what it says of nothing. */
			EXPECT_TRUE(c->answer || want);
			EXPECT_UNTOUCHED(p, c->name);
		}
	}
	EXPECT_LT(0, calls);
}

#define CALL_TEST(_name)						\
TEST_F(mapping_calls, _name)						\
{									\
	call_rule(_metadata, &self->p, #_name);				\
}

FOR_EACH_CALL(CALL_TEST)

TEST_F(mapping_calls, mmap_fixed_noreplace)
{
	unsigned long mem = map_ordinary(page_size());

	call_rule(_metadata, &self->p, "mmap_fixed_noreplace");
	EXPECT_EQ(-EEXIST, c_mmap_noreplace(mem, page_size()));
}

TEST_F(mapping_calls, munmap_spanning_unmaps_nothing)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(3 * page_size());

	EXPECT_EQ(c_munmap(p->empty - page_size(), p->size + 2 * page_size()),
		  c_munmap(p->addr - page_size(), p->size + 2 * page_size()));
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ(0, c_munmap(mem, 3 * page_size()));
	EXPECT_EQ(SIGSEGV, try_access(LOAD, mem + page_size()).sig);
}

/* All of the kernel half, and what ends in the area. */
TEST_F(mapping_calls, munmap_everything)
{
	const struct place *p = &self->p;

	EXPECT_EQ(-EINVAL, c_munmap(0, p->empty));
	EXPECT_EQ(-EINVAL, c_munmap(0, p->addr + page_size()));
	EXPECT_EQ(-EINVAL, c_munmap(1UL << 63, p->addr - (1UL << 63) + p->size));
	EXPECT_EQ(-EINVAL, c_munmap(0, -page_size()));
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ(0, c_munmap(map_ordinary(page_size()), page_size()));
}

/* Two areas do not even touch. */
TEST_F(mapping_calls, no_merge)
{
	const struct place *p = &self->p;
	int fd = open_mm_secret();
	unsigned long second;

	ASSERT_EQ(0, dev_alloc(fd, p->size, &second));
	EXPECT_TRUE(second > p->addr + p->size || p->addr > second + p->size);
	EXPECT_UNTOUCHED(p, "the second one");
	close(fd);
	EXPECT_UNTOUCHED(p, "its end");
}

TEST_HARNESS_MAIN
