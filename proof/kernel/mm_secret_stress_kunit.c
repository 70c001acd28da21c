// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of secret memory that take long, depend on chance or repeat for small
 * objects what the tests in the tree show of areas.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_secret.h>
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>

#include "../mm_secret.h"

static int mm_secret_stress_test_init(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	/* Where a process has to ask for the window, let this one have done so. */
	current->mm->task_size = min(current->mm->task_size, MM_SECRET_START);
	return 0;
}

static unsigned long pages_of(struct mm_struct *mm)
{
	return mm->mm_secret ? mm->mm_secret->nr_pages : 0;
}

/*
 * Areas share page tables, another one where there is no room.  How many that makes is
 * chance: some 20 for 512 areas, and more than 60 in one of 5,000 runs.
 */
static void places(struct kunit *test)
{
	const int nr = PTRS_PER_PTE;
	struct mm_secret *ms = kunit_kcalloc(test, nr, sizeof(*ms), GFP_KERNEL);
	unsigned long *table = kunit_kcalloc(test, nr, sizeof(*table), GFP_KERNEL);
	int i, j, err = 0, tables = 0;

	KUNIT_ASSERT_NOT_NULL(test, ms);
	KUNIT_ASSERT_NOT_NULL(test, table);
	for (i = 0; i < nr; i++) {
		err = mm_secret_alloc(&ms[i], PAGE_SIZE);
		if (err)
			break;
		table[i] = (unsigned long)mm_secret_addr(&ms[i]) / PMD_SIZE;
		for (j = 0; table[j] != table[i]; j++)
			;
		tables += j == i;
		if (i < nr / 16)
			KUNIT_EXPECT_EQ(test, tables, 1);
	}
	/* With 64K pages that is more than an mm may have. */
	KUNIT_EXPECT_EQ(test, err, nr * PAGE_SIZE > SZ_64M ? -ENOSPC : 0);
	KUNIT_EXPECT_TRUE(test, err || tables > 1);
	KUNIT_EXPECT_LE(test, tables, nr / 4);
	while (i--)
		mm_secret_free(&ms[i]);
}

struct racer {
	struct kunit *test;
	struct mm_secret *ms;
	atomic_t *here;
	int warnings;
	struct completion done;
};

static int free_with_others(void *data)
{
	struct racer *r = data;

	kunit_warning_suppress(r->test) {
		atomic_inc(r->here);
		while (atomic_read(r->here) < 2)
			cond_resched();
		mm_secret_free(r->ms);
		r->warnings = KUNIT_SUPPRESSED_WARNING_COUNT();
	}
	complete(&r->done);
	return 0;
}

/* Two at the same time: one frees, the other one gets the warning. */
static void racing_frees(struct kunit *test)
{
	int round, i, warnings = 0;

	for (round = 0; round < 500; round++) {
		atomic_t here = ATOMIC_INIT(0);
		struct mm_secret ms = {};
		struct racer racers[2];

		/* An area, or a small object. */
		KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&ms, round % 2 ? PAGE_SIZE : 64),
				0);
		for (i = 0; i < 2; i++) {
			struct task_struct *task;

			racers[i] = (struct racer) {
				.test = test, .ms = &ms, .here = &here,
			};
			init_completion(&racers[i].done);
			task = kthread_run(free_with_others, &racers[i], "racer");
			if (IS_ERR(task)) {
				atomic_inc(&here);
				complete(&racers[i].done);
			}
		}
		for (i = 0; i < 2; i++) {
			wait_for_completion(&racers[i].done);
			warnings += racers[i].warnings;
		}
	}
	KUNIT_EXPECT_EQ(test, warnings, round);
}

static void small_objects(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct mm_secret ms[50] = {}, large = {};
	unsigned int i, j;
	u8 *p, *q;

	KUNIT_EXPECT_EQ(test, mm_secret_kzalloc(&ms[0], 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, mm_secret_kzalloc(&ms[0], SIZE_MAX), -ENOSPC);
	KUNIT_EXPECT_NULL(test, ms[0].area);
	KUNIT_EXPECT_EQ(test, pages_of(mm), 0);

	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&ms[i], 200), 0);
		p = mm_secret_addr(&ms[i]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, 64));
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 200));
		memset(p, 1 + i, 200);
	}
	/* 256 bytes each, one after the other. */
	KUNIT_EXPECT_EQ(test, pages_of(mm), PFN_UP(ARRAY_SIZE(ms) * 256));

	/* One goes, and all others are as they were. */
	p = mm_secret_addr(&ms[7]);
	mm_secret_free(&ms[7]);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_secret_addr(&ms[7])), -ENOENT);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 200));
	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		if (i == 7)
			continue;
		q = mm_secret_addr(&ms[i]);
		for (j = 0; j < 200 && q[j] == 1 + i; j++)
			;
		KUNIT_EXPECT_EQ(test, j, 200);
	}

	/* A larger one is an area. */
	i = pages_of(mm);
	KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&large, PAGE_SIZE / 2 + 1), 0);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED((unsigned long)mm_secret_addr(&large)));
	KUNIT_EXPECT_EQ(test, pages_of(mm), i + 1);
	mm_secret_free(&large);

	KUNIT_EXPECT_EQ(test, mm_secret_hibernation_begin(), -EBUSY);
	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		if (i != 7)
			mm_secret_free(&ms[i]);
	}
	/* With the last one all is gone. */
	KUNIT_EXPECT_EQ(test, pages_of(mm), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&mm->mm_secret->slabs));
	KUNIT_ASSERT_EQ(test, mm_secret_hibernation_begin(), 0);
	mm_secret_hibernation_end();
}

static void small_object_freed_twice(struct kunit *test)
{
	struct mm_secret ms = {}, other = {};

	KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&ms, 200), 0);
	KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&other, 200), 0);
	mm_secret_free(&ms);
	kunit_warning_suppress(test) {
		mm_secret_free(&ms);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_FALSE(test, IS_ERR(mm_secret_addr(&other)));
	mm_secret_free(&other);
	KUNIT_EXPECT_EQ(test, pages_of(current->mm), 0);
}

/* Nobody else gets the address, and who frees it cannot zero it. */
static void small_object_of_another_mm(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct mm_secret ms = {}, other = {}, none = {};
	long addr_err;
	int alloc_err = 0;
	u8 *p;

	KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&other, 64), 0);
	KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&ms, 200), 0);
	p = mm_secret_addr(&ms);
	memset(p, 7, 200);

	kthread_unuse_mm(mm);
	addr_err = PTR_ERR(mm_secret_addr(&ms));
	kunit_warning_suppress(test)
		alloc_err = mm_secret_kzalloc(&none, 200);
	mm_secret_free(&ms);
	kthread_use_mm(mm);

	KUNIT_EXPECT_EQ(test, addr_err, -EPERM);
	KUNIT_EXPECT_EQ(test, alloc_err, -EINVAL);
	KUNIT_EXPECT_EQ(test, p[0], 7);
	KUNIT_ASSERT_EQ(test, mm_secret_kzalloc(&ms, 200), 0);
	KUNIT_EXPECT_PTR_EQ(test, mm_secret_addr(&ms), (void *)p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 200));
	mm_secret_free(&ms);
	mm_secret_free(&other);
}

/* As a kernel thread may find it, which has the mm but no user of it. */
static void small_object_of_an_mm_without_users(struct kunit *test)
{
	struct mm_struct *own = current->mm, *mm = mm_alloc();
	struct mm_secret ms = {}, small = {}, kept = {};
	int err, small_err, kept_err;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	mmgrab(mm);
	kthread_unuse_mm(own);
	kthread_use_mm(mm);
	kept_err = mm_secret_kzalloc(&kept, 64);
	kthread_unuse_mm(mm);
	mmput(mm);

	kthread_use_mm(mm);
	err = mm_secret_alloc(&ms, PAGE_SIZE);
	small_err = mm_secret_kzalloc(&small, 64);
	mm_secret_free(&kept);
	kthread_unuse_mm(mm);
	kthread_use_mm(own);

	KUNIT_EXPECT_EQ(test, kept_err, 0);
	KUNIT_EXPECT_EQ(test, err, -ESRCH);
	KUNIT_EXPECT_EQ(test, small_err, -ESRCH);
	KUNIT_EXPECT_NULL(test, ms.area);
	KUNIT_EXPECT_NULL(test, small.area);
	KUNIT_EXPECT_EQ(test, pages_of(mm), 0);
	mmdrop(mm);
}

static struct kunit_case mm_secret_stress_cases[] = {
	KUNIT_CASE(places),
	KUNIT_CASE(racing_frees),
	KUNIT_CASE(small_objects),
	KUNIT_CASE(small_object_freed_twice),
	KUNIT_CASE(small_object_of_another_mm),
	KUNIT_CASE(small_object_of_an_mm_without_users),
	{}
};

static struct kunit_suite mm_secret_stress_suite = {
	.name = "mm_secret_stress",
	.init = mm_secret_stress_test_init,
	.test_cases = mm_secret_stress_cases,
};

/*
 * What cannot go back into the direct map is lost, out of everybody's reach, and is
 * counted.  These come last: nothing hibernates after them.
 */
int mm_secret_proof_set_valid(struct page *page, unsigned int nr, bool valid);

/* With what CPUs have counted by themselves. */
static long pages_out(void)
{
	struct pglist_data *pgdat;
	long nr = 0;
	int cpu;

	for_each_online_pgdat(pgdat) {
		nr += node_page_state(pgdat, NR_MM_SECRET);
		for_each_online_cpu(cpu)
			nr += per_cpu_ptr(pgdat->per_cpu_nodestats,
					  cpu)->vm_node_stat_diff[NR_MM_SECRET];
	}
	return nr;
}

static int cannot_go_back(struct page *page, unsigned int nr, bool valid)
{
	return valid ? -ENOMEM : set_direct_map_valid_noflush(page, nr, valid);
}

/* As if a mapping had to be split, and there was no memory to split another one. */
static int leaves_by_half(struct page *page, unsigned int nr, bool valid)
{
	if (!valid)
		set_direct_map_valid_noflush(page, max(nr / 2, 1U), false);
	return -ENOMEM;
}

static struct page *left_by_half;

static int leaves_by_half_and_returns(struct page *page, unsigned int nr, bool valid)
{
	if (valid)
		return set_direct_map_valid_noflush(page, nr, true);
	left_by_half = page;
	return leaves_by_half(page, nr, valid);
}

static void lost_when_it_goes_back(struct kunit *test)
{
	struct mm_struct *own = current->mm, *mm = mm_alloc();
	const long before = pages_out();
	struct page *page = NULL;
	struct mm_secret ms = {};
	long with;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	kthread_unuse_mm(own);
	kthread_use_mm(mm);
	err = mm_secret_alloc(&ms, PAGE_SIZE);
	if (!err) {
		memset(mm_secret_addr(&ms), 7, PAGE_SIZE);
		page = mm_secret_page_at((unsigned long)mm_secret_addr(&ms));
	}
	kthread_unuse_mm(mm);
	kthread_use_mm(own);
	KUNIT_ASSERT_EQ(test, err, 0);
	with = pages_out();
	KUNIT_EXPECT_LT(test, before, with);

	kunit_activate_static_stub(test, mm_secret_proof_set_valid, cannot_go_back);
	kunit_warning_suppress(test) {
		mmput(mm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_deactivate_static_stub(test, mm_secret_proof_set_valid);
	KUNIT_EXPECT_FALSE(test, kernel_page_present(page));
	KUNIT_EXPECT_LT(test, 0, page_count(page));
	KUNIT_EXPECT_EQ(test, pages_out(), with);
	KUNIT_EXPECT_EQ(test, mm_secret_hibernation_begin(), -EBUSY);
	mm_secret_free(&ms);
}

static void lost_when_it_leaves(struct kunit *test)
{
	const long before = pages_out();
	struct mm_secret ms = {};

	kunit_activate_static_stub(test, mm_secret_proof_set_valid, leaves_by_half);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), -ENOMEM);
		/* On the node that is wanted, and then on any. */
		KUNIT_EXPECT_LT(test, 0, KUNIT_SUPPRESSED_WARNING_COUNT());
	}
	kunit_deactivate_static_stub(test, mm_secret_proof_set_valid);
	KUNIT_EXPECT_LT(test, before, pages_out());
	KUNIT_EXPECT_EQ(test, pages_of(current->mm), 0);
}

/* Where the half goes back, nothing is lost. */
static void leaves_and_returns(struct kunit *test)
{
	const long before = pages_out();
	struct mm_secret ms = {};

	kunit_activate_static_stub(test, mm_secret_proof_set_valid,
				   leaves_by_half_and_returns);
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), -ENOMEM);
	kunit_deactivate_static_stub(test, mm_secret_proof_set_valid);
	KUNIT_EXPECT_EQ(test, before, pages_out());
	KUNIT_EXPECT_TRUE(test, kernel_page_present(left_by_half));
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	mm_secret_free(&ms);
}

static struct kunit_case mm_secret_lost_cases[] = {
	KUNIT_CASE(leaves_and_returns),
	KUNIT_CASE(lost_when_it_goes_back),
	KUNIT_CASE(lost_when_it_leaves),
	{}
};

static struct kunit_suite mm_secret_lost_suite = {
	.name = "mm_secret_lost",
	.init = mm_secret_stress_test_init,
	.test_cases = mm_secret_lost_cases,
};

kunit_test_suites(&mm_secret_stress_suite, &mm_secret_lost_suite);

MODULE_DESCRIPTION("Further KUnit tests for secret memory");
MODULE_LICENSE("GPL");
