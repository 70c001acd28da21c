// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for kernel-owned VMAs: what the kernel may make its own, and what is
 * refused to a caller in the kernel.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include "../internal.h"

static int kernel_owned_test_init(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	return 0;
}

static void seal_wrong_vmas(struct kunit *test)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr;

	/* A file's: shared memory. */
	addr = kunit_vm_mmap(test, NULL, 0, 3 * PAGE_SIZE, PROT_READ,
			     MAP_ANONYMOUS | MAP_SHARED, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(test, vm_munmap(addr + 2 * PAGE_SIZE, PAGE_SIZE), 0);

	mmap_write_lock(mm);
	/* A gap, part of a VMA, one that is nothing like it must be. */
	KUNIT_EXPECT_EQ(test, mseal_kernel_owned(mm, addr, addr + 3 * PAGE_SIZE),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, mseal_kernel_owned(mm, addr, addr + PAGE_SIZE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, mseal_kernel_owned(mm, addr, addr + 2 * PAGE_SIZE),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, vma_lookup(mm, addr)->vm_flags & VM_SEALED);

	KUNIT_EXPECT_EQ(test, munseal_kernel_owned(mm, addr,
						   addr + 3 * PAGE_SIZE),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, munseal_kernel_owned(mm, addr,
						   addr + 2 * PAGE_SIZE),
			-EPERM);
	mmap_write_unlock(mm);
}

static const char *some_name(struct vm_area_struct *vma)
{
	return "name";
}

static int some_access(struct vm_area_struct *vma, unsigned long addr, void *buf,
		       int len, int write)
{
	return -EFAULT;
}

/* What the rest of mm takes for granted of them. */
static void kernel_owned_flags(struct kunit *test)
{
	static const struct vm_operations_struct plain = {};
	static const struct vm_operations_struct named = { .name = some_name };
	static const struct vm_operations_struct accessed = { .access = some_access };
	const vm_flags_t good = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
				VM_DONTDUMP;
	const struct {
		const struct vm_operations_struct *ops;
		vm_flags_t flags;
		int ret;
		bool cow;
	} tries[] = {
		{ &plain, good, 0 },
		{ &plain, good | VM_READ | VM_MAYREAD | VM_MAYWRITE, 0, true },
		{ &plain, good | VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE, 0 },
		{ &plain, good | VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE,
		  -EPERM, true },
		{ &plain, good | VM_SEALED, -EPERM },
		/* That one would be shared with userspace. */
		{ &plain, good & ~VM_PFNMAP, 0 },
		{ &plain, good & ~VM_IO, -EINVAL },
		{ &plain, good & ~VM_DONTEXPAND, -EINVAL },
		{ &plain, good & ~VM_DONTCOPY, -EINVAL },
		{ &plain, good & ~VM_DONTDUMP, -EINVAL },
		{ &plain, good | VM_SHARED, -EINVAL },
		{ &plain, good | VM_MAYSHARE, -EINVAL },
		{ &plain, good | VM_LOCKED, -EINVAL },
		{ &plain, good | VM_GROWSDOWN, -EINVAL },
		{ &plain, good | VM_MIXEDMAP, -EINVAL },
		{ &plain, good | VM_HUGETLB, -EINVAL },
		{ NULL, good, -EINVAL },
		{ &named, good, -EINVAL },
		{ &accessed, good, -EINVAL },
		{ NULL, VM_READ | VM_WRITE, 0, true },
		{ NULL, VM_READ | VM_WRITE | VM_LOCKED, 0, true },
		{ &named, VM_READ | VM_EXEC | VM_IO | VM_DONTEXPAND, 0 },
		{ NULL, VM_READ | VM_SEALED, -EPERM },
		{ NULL, VM_READ | VM_MAYSHARE, -EINVAL },
		{ NULL, VM_READ | VM_GROWSDOWN, -EINVAL },
		{ NULL, VM_READ | VM_HUGETLB, -EINVAL },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		struct vm_area_struct *vma = vm_area_alloc(current->mm);

		KUNIT_ASSERT_NOT_NULL(test, vma);
		vma->vm_ops = tries[i].ops;
		vm_flags_init(vma, tries[i].flags);
		vma->vm_page_prot = vm_get_page_prot(tries[i].flags |
						     (tries[i].cow ? 0 : VM_SHARED));
		kunit_warning_suppress(test) {
			KUNIT_EXPECT_EQ_MSG(test, vma_set_kernel_owned(vma),
					    tries[i].ret, "try %d", i);
		}
		KUNIT_EXPECT_EQ_MSG(test, vma_is_kernel_owned(vma),
				    !tries[i].ret, "try %d", i);
		vm_area_free(vma);
	}
}

static struct kunit_case kernel_owned_cases[] = {
	KUNIT_CASE(seal_wrong_vmas),
	KUNIT_CASE(kernel_owned_flags),
	{}
};

static struct kunit_suite kernel_owned_suite = {
	.name = "kernel_owned_vma",
	.init = kernel_owned_test_init,
	.test_cases = kernel_owned_cases,
};

kunit_test_suite(kernel_owned_suite);

MODULE_DESCRIPTION("KUnit tests for kernel-owned VMAs");
MODULE_LICENSE("GPL");
