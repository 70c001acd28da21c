// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the interface of secret memory: arguments, errors, and calls
 * with different current mms.  The kselftests mm_secret_* test what userspace
 * can do about it.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_secret.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "../internal.h"
#include "../mm_secret.h"

static int mm_secret_kunit_init(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	/*
	 * Give this mm a window, even where a process has to ask for it.
	 */
	current->mm->task_size = min(current->mm->task_size, MM_SECRET_START);
	return 0;
}

static unsigned long pages_of(struct mm_struct *mm)
{
	return mm->mm_secret ? mm->mm_secret->nr_pages : 0;
}

static void alloc_size(struct kunit *test)
{
	struct mm_secret ms = {};
	u8 *p;

	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, 0), -EINVAL);
	KUNIT_EXPECT_NULL(test, ms.area);
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, SIZE_MAX), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, SZ_64M + 1), -ENOSPC);
	KUNIT_EXPECT_NULL(test, ms.area);

	/* Whole pages, zeroed, and writable to the last byte. */
	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE + 1), 0);
	p = mm_secret_addr(&ms);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 2 * PAGE_SIZE));
	p[0] = 1;
	p[2 * PAGE_SIZE - 1] = 2;
	KUNIT_EXPECT_EQ(test, p[0] + p[2 * PAGE_SIZE - 1], 3);
	mm_secret_free(&ms);
}

static void alloc_cap(struct kunit *test)
{
	struct mm_secret big = {}, small = {};

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&big, SZ_64M - PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&small, 2 * PAGE_SIZE), -ENOSPC);
	/* A refused allocation is not counted. */
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&small, PAGE_SIZE), 0);
	mm_secret_free(&big);
	mm_secret_free(&small);
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&small, 2 * PAGE_SIZE), 0);
	mm_secret_free(&small);
}

static void handle_without_area(struct kunit *test)
{
	struct mm_secret ms = {};

	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_secret_addr(&ms)), -ENOENT);
	mm_secret_free(&ms);
	mm_secret_free(&ms);
}

static void handle_reuse(struct kunit *test)
{
	struct mm_secret ms = {};

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	memset(mm_secret_addr(&ms), 1, PAGE_SIZE);
	mm_secret_free(&ms);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_secret_addr(&ms)), -ENOENT);

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(mm_secret_addr(&ms), 0, PAGE_SIZE));
	mm_secret_free(&ms);
}

static void double_free(struct kunit *test)
{
	struct mm_secret ms = {}, other = {};

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	mm_secret_free(&ms);
	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&other, PAGE_SIZE), 0);

	kunit_warning_suppress(test) {
		mm_secret_free(&ms);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}

	KUNIT_EXPECT_FALSE(test, IS_ERR(mm_secret_addr(&other)));
	mm_secret_free(&other);
}

static void foreign_mm(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct mm_secret ms = {}, none = {};
	long addr_err;
	int alloc_err = 0;

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);

	kthread_unuse_mm(mm);
	addr_err = PTR_ERR(mm_secret_addr(&ms));
	kunit_warning_suppress(test)
		alloc_err = mm_secret_alloc(&none, PAGE_SIZE);
	mm_secret_free(&ms);
	kthread_use_mm(mm);

	KUNIT_EXPECT_EQ(test, addr_err, -EPERM);
	KUNIT_EXPECT_EQ(test, alloc_err, -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mm_secret_addr(&ms)), -ENOENT);
}

/* A kernel thread may use an mm that has no users left. */
static void mm_without_users(struct kunit *test)
{
	struct mm_struct *own = current->mm, *mm = mm_alloc();
	struct mm_secret ms = {}, kept = {};
	int err, kept_err;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	mmgrab(mm);
	kthread_unuse_mm(own);
	kthread_use_mm(mm);
	kept_err = mm_secret_alloc(&kept, 64);
	kthread_unuse_mm(mm);
	mmput(mm);

	kthread_use_mm(mm);
	err = mm_secret_alloc(&ms, PAGE_SIZE);
	mm_secret_free(&kept);
	kthread_unuse_mm(mm);
	kthread_use_mm(own);

	KUNIT_EXPECT_EQ(test, kept_err, 0);
	KUNIT_EXPECT_EQ(test, err, -ESRCH);
	KUNIT_EXPECT_NULL(test, ms.area);
	KUNIT_EXPECT_EQ(test, pages_of(mm), 0);
	mmdrop(mm);
}

static bool is_mapped(struct mm_struct *mm, unsigned long addr)
{
	return !pte_none(ptep_get(pte_offset_kernel(pmd_off(mm, addr), addr)));
}

static void freed_by_owner_is_gone(struct kunit *test)
{
	struct mm_secret ms = {}, other = {};
	unsigned long addr;

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&other, PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	addr = (unsigned long)mm_secret_addr(&ms);
	KUNIT_EXPECT_TRUE(test, is_mapped(current->mm, addr));
	KUNIT_EXPECT_FALSE(test, is_mapped(current->mm, addr - PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, is_mapped(current->mm, addr + PAGE_SIZE));
	mm_secret_free(&ms);
	KUNIT_EXPECT_FALSE(test, is_mapped(current->mm, addr));
	mm_secret_free(&other);
}

/*
 * Look-ups of user addresses do not find it, and the mm's counters omit it.
 */
static void not_found(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *prev;
	struct mm_secret ms = {};
	const int map_count = mm->map_count;
	const unsigned long total_vm = mm->total_vm;
	const unsigned long pgtables = mm_pgtables_bytes(mm);
	unsigned long addr;

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	addr = (unsigned long)mm_secret_addr(&ms);
	KUNIT_EXPECT_GE(test, addr, MM_SECRET_START + PAGE_SIZE);
	KUNIT_EXPECT_LE(test, addr, MM_SECRET_END - 2 * PAGE_SIZE);

	mmap_write_lock(mm);
	{
		VMA_ITERATOR(vmi, mm, 0);

		KUNIT_EXPECT_NULL(test, vma_lookup(mm, addr));
		KUNIT_EXPECT_NULL(test, find_vma(mm, MM_SECRET_START));
		KUNIT_EXPECT_NULL(test, find_vma_prev(mm, addr, &prev));
		KUNIT_EXPECT_FALSE(test, prev && prev->vm_end > MM_SECRET_START);
		vma_iter_init(&vmi, mm, MM_SECRET_START);
		KUNIT_EXPECT_NULL(test, vma_find(&vmi, -1UL));

		mas_init(&vmi.mas, &mm->mm_secret->vmas, addr);
		vma = vma_find(&vmi, addr + PAGE_SIZE);
		KUNIT_EXPECT_TRUE(test, vma && vma_is_kernel_owned(vma));
	}
	mmap_write_unlock(mm);

	KUNIT_EXPECT_EQ(test, mm->map_count, map_count);
	KUNIT_EXPECT_EQ(test, mm->total_vm, total_vm);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(mm), pgtables);
	mm_secret_free(&ms);
	KUNIT_EXPECT_EQ(test, mm->map_count, map_count);
	KUNIT_EXPECT_EQ(test, mm->total_vm, total_vm);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(mm), pgtables);
}

static void hibernation(struct kunit *test)
{
	struct mm_secret ms = {};

	KUNIT_ASSERT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mm_secret_hibernation_begin(), -EBUSY);
	mm_secret_free(&ms);

	KUNIT_ASSERT_EQ(test, mm_secret_hibernation_begin(), 0);
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), -EBUSY);
	mm_secret_hibernation_end();
	KUNIT_EXPECT_EQ(test, mm_secret_alloc(&ms, PAGE_SIZE), 0);
	mm_secret_free(&ms);
}

static struct kunit_case mm_secret_cases[] = {
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

static struct kunit_suite mm_secret_suite = {
	.name = "mm_secret",
	.init = mm_secret_kunit_init,
	.test_cases = mm_secret_cases,
};

kunit_test_suite(mm_secret_suite);

MODULE_DESCRIPTION("KUnit tests for secret memory");
MODULE_LICENSE("GPL");
