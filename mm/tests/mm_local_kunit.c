// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the interface of mm-local memory: arguments, errors, and which mm
 * is current.  What userspace can do about it is for the kselftests mm_local_*.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_local.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "../internal.h"

static int mm_local_test_init(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	return 0;
}

static unsigned long pages_of(struct mm_struct *mm)
{
	return atomic_long_read(&mm->mm_local_pages);
}

static void alloc_size(struct kunit *test)
{
	struct mm_local ml = {};
	u8 *p;

	KUNIT_EXPECT_EQ(test, mm_local_alloc(&ml, 0), -EINVAL);
	KUNIT_EXPECT_NULL(test, ml.area);
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&ml, SIZE_MAX), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&ml, SZ_64M + 1), -ENOSPC);
	KUNIT_EXPECT_NULL(test, ml.area);

	/* Whole pages, zeroed, and writable to the last byte. */
	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE + 1), 0);
	p = mm_local_addr(&ml);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 2 * PAGE_SIZE));
	p[0] = 1;
	p[2 * PAGE_SIZE - 1] = 2;
	KUNIT_EXPECT_EQ(test, p[0] + p[2 * PAGE_SIZE - 1], 3);
	mm_local_free(&ml);
}

static void alloc_cap(struct kunit *test)
{
	struct mm_local big = {}, small = {};

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&big, SZ_64M - PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&small, 2 * PAGE_SIZE), -ENOSPC);
	/* What was refused is not counted. */
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&small, PAGE_SIZE), 0);
	mm_local_free(&big);
	mm_local_free(&small);
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&small, 2 * PAGE_SIZE), 0);
	mm_local_free(&small);
}

static void handle_without_area(struct kunit *test)
{
	struct mm_local ml = {};

	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_local_addr(&ml)), -ENOENT);
	mm_local_free(&ml);
	mm_local_free(&ml);
}

static void handle_reuse(struct kunit *test)
{
	struct mm_local ml = {};
	unsigned long first;

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	first = (unsigned long)mm_local_addr(&ml);
	mm_local_free(&ml);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_local_addr(&ml)), -ENOENT);

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	KUNIT_EXPECT_NE(test, (unsigned long)mm_local_addr(&ml), first);
	mm_local_free(&ml);
}

static void double_free(struct kunit *test)
{
	struct mm_local ml = {}, other = {};

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	mm_local_free(&ml);
	KUNIT_ASSERT_EQ(test, mm_local_alloc(&other, PAGE_SIZE), 0);

	kunit_warning_suppress(test) {
		mm_local_free(&ml);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}

	KUNIT_EXPECT_FALSE(test, IS_ERR(mm_local_addr(&other)));
	mm_local_free(&other);
}

static void foreign_mm(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct mm_local ml = {}, none = {};
	long addr_err;
	int alloc_err = 0;

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);

	kthread_unuse_mm(mm);
	addr_err = PTR_ERR(mm_local_addr(&ml));
	kunit_warning_suppress(test)
		alloc_err = mm_local_alloc(&none, PAGE_SIZE);
	mm_local_free(&ml);
	kthread_use_mm(mm);

	KUNIT_EXPECT_EQ(test, addr_err, -EPERM);
	KUNIT_EXPECT_EQ(test, alloc_err, -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_local_addr(&ml)), -ENOENT);
}

/* As a kernel thread may find it, which has the mm but no user of it. */
static void mm_without_users(struct kunit *test)
{
	struct mm_struct *own = current->mm, *mm = mm_alloc();
	struct mm_local ml = {}, kept = {};
	int err, kept_err;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	mmgrab(mm);
	kthread_unuse_mm(own);
	kthread_use_mm(mm);
	kept_err = mm_local_alloc(&kept, 64);
	kthread_unuse_mm(mm);
	mmput(mm);

	kthread_use_mm(mm);
	err = mm_local_alloc(&ml, PAGE_SIZE);
	mm_local_free(&kept);
	kthread_unuse_mm(mm);
	kthread_use_mm(own);

	KUNIT_EXPECT_EQ(test, kept_err, 0);
	KUNIT_EXPECT_EQ(test, err, -ESRCH);
	KUNIT_EXPECT_NULL(test, ml.area);
	KUNIT_EXPECT_EQ(test, pages_of(mm), 0);
	mmdrop(mm);
}

static void freed_by_owner_is_gone(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct mm_local ml = {};
	unsigned long addr;

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	addr = (unsigned long)mm_local_addr(&ml);
	mm_local_free(&ml);

	mmap_write_lock(mm);
	{
		VMA_ITERATOR(vmi, mm, addr);

		KUNIT_EXPECT_NULL(test, vma_find_raw(&vmi, addr + PAGE_SIZE));
	}
	mmap_write_unlock(mm);
}

static void not_found(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *prev;
	struct mm_local ml = {}, other = {};
	const int map_count = mm->map_count;
	const unsigned long total_vm = mm->total_vm;
	const unsigned long pgtables = mm_pgtables_bytes(mm);
	const unsigned long last = MM_LOCAL_START - PAGE_SIZE;
	unsigned long addr;

	/* The higher one of two. */
	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, mm_local_alloc(&other, PAGE_SIZE), 0);
	if (mm_local_addr(&other) > mm_local_addr(&ml))
		swap(ml, other);
	addr = (unsigned long)mm_local_addr(&ml);
	KUNIT_EXPECT_GE(test, addr, MM_LOCAL_START + PAGE_SIZE);
	KUNIT_EXPECT_LE(test, addr, MM_LOCAL_END - 2 * PAGE_SIZE);

	mmap_write_lock(mm);
	{
		VMA_ITERATOR(vmi, mm, 0);

		KUNIT_EXPECT_NULL(test, vma_lookup(mm, addr));
		KUNIT_EXPECT_NULL(test, find_vma(mm, addr));
		KUNIT_EXPECT_NULL(test, find_vma_intersection(mm, addr, -1UL));
		KUNIT_EXPECT_NULL(test, find_vma_prev(mm, addr, &prev));
		KUNIT_EXPECT_FALSE(test, prev && vma_is_mm_local(prev));
		for_each_vma(vmi, vma)
			KUNIT_EXPECT_FALSE(test, vma_is_mm_local(vma));
		vma_iter_init(&vmi, mm, addr);
		KUNIT_EXPECT_NULL(test, vma_find(&vmi, -1UL));
		vma_iter_init(&vmi, mm, addr);
		KUNIT_EXPECT_NULL(test, vma_iter_load(&vmi));
		vma_iter_init(&vmi, mm, addr);
		vma = vma_find_raw(&vmi, -1UL);
		KUNIT_EXPECT_NOT_NULL(test, vma);
		KUNIT_EXPECT_TRUE(test, vma && vma_is_kernel_owned(vma) &&
				  vma_is_mm_local(vma));
	}
	mmap_write_unlock(mm);
	vma = lock_vma_under_rcu(mm, addr);
	KUNIT_EXPECT_NULL(test, vma);
	if (vma)
		vma_end_read(vma);

	KUNIT_EXPECT_EQ(test, mm->map_count, map_count);
	KUNIT_EXPECT_EQ(test, mm->total_vm, total_vm);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(mm), pgtables);

	/* What ends where the window begins, is before it and not in it. */
	if (last < TASK_SIZE) {
		KUNIT_ASSERT_EQ(test, last,
				vm_mmap(NULL, last, PAGE_SIZE, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0));
		mmap_write_lock(mm);
		KUNIT_EXPECT_NULL(test, find_vma_prev(mm, MM_LOCAL_START, &prev));
		KUNIT_EXPECT_TRUE(test, prev && prev->vm_start == last);
		KUNIT_EXPECT_NULL(test, find_vma_prev(mm, addr, &prev));
		KUNIT_EXPECT_TRUE(test, prev && prev->vm_start == last);
		mmap_write_unlock(mm);
		KUNIT_EXPECT_EQ(test, vm_munmap(last, PAGE_SIZE), 0);
	}
	mm_local_free(&ml);
	mm_local_free(&other);
	KUNIT_EXPECT_EQ(test, mm->map_count, map_count);
	KUNIT_EXPECT_EQ(test, mm->total_vm, total_vm);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(mm), pgtables);
}

static void hibernation(struct kunit *test)
{
	struct mm_local ml = {};

	KUNIT_ASSERT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mm_local_hibernation_begin(), -EBUSY);
	mm_local_free(&ml);

	KUNIT_ASSERT_EQ(test, mm_local_hibernation_begin(), 0);
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), -EBUSY);
	mm_local_hibernation_end();
	KUNIT_EXPECT_EQ(test, mm_local_alloc(&ml, PAGE_SIZE), 0);
	mm_local_free(&ml);
}

static struct kunit_case mm_local_cases[] = {
	KUNIT_CASE(alloc_size),
	KUNIT_CASE(alloc_cap),
	KUNIT_CASE(handle_without_area),
	KUNIT_CASE(handle_reuse),
	KUNIT_CASE(double_free),
	KUNIT_CASE(foreign_mm),
	KUNIT_CASE(mm_without_users),
	KUNIT_CASE(freed_by_owner_is_gone),
	KUNIT_CASE(not_found),
	KUNIT_CASE(hibernation),
	{}
};

static struct kunit_suite mm_local_suite = {
	.name = "mm_local",
	.init = mm_local_test_init,
	.test_cases = mm_local_cases,
};

kunit_test_suite(mm_local_suite);

MODULE_DESCRIPTION("KUnit tests for mm-local memory");
MODULE_LICENSE("GPL");
