// SPDX-License-Identifier: GPL-2.0
/*
 * Test driver for kernel-owned VMAs, see kernel_owned_test.h.
 *
 * It stands in for a part of the kernel that owns VMAs at user addresses.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mutex.h>
#include <linux/panic.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "kernel_owned_test.h"

/* The state of an open file. */
struct test_map {
	struct mutex lock;	/* protects the rest */
	struct mm_struct *mm;	/* of the VMA, from mmgrab(), or NULL */
	/*
	 * The memory that a private VMA maps, or NULL.  Each VMA has a
	 * reference, because a munmap may split one, and so has the file.
	 */
	struct folio *folio;
	unsigned long addr;
	unsigned long size;	/* in bytes */
};

static void test_vma_open(struct vm_area_struct *vma)
{
	folio_get(vma->vm_private_data);
}

static void test_vma_close(struct vm_area_struct *vma)
{
	folio_put(vma->vm_private_data);
}

static const struct vm_operations_struct test_vm_ops = {
	.open	= test_vma_open,
	.close	= test_vma_close,
};

/* The mmap lock is held for writing. */
static unsigned long
map_private(struct mm_struct *mm, struct folio *folio,
	    const struct kernel_owned_test_range *range, bool owned)
{
	vm_flags_t flags = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			   VM_DONTDUMP | VM_SOFTDIRTY;
	struct vm_area_struct *vma;
	unsigned long addr, i;
	int err;

	if (range->prot & PROT_READ)
		flags |= VM_READ;
	if (range->prot & PROT_WRITE)
		flags |= VM_WRITE;

	addr = get_unmapped_area(NULL, range->addr, range->size, 0, 0);
	if (IS_ERR_VALUE(addr))
		return addr;

	vma = vm_area_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->vm_start = addr;
	vma->vm_end = addr + range->size;
	vma->vm_ops = &test_vm_ops;
	vma->vm_private_data = folio;
	vm_flags_init(vma, flags);
	/* Map it writable at once: no store may fault, or make a copy. */
	vma->vm_page_prot = vm_get_page_prot(flags | VM_SHARED);
	err = insert_vm_struct(mm, vma);
	if (err) {
		vm_area_free(vma);
		return err;
	}
	folio_get(folio);
	vm_stat_account(mm, flags, vma_pages(vma));

	for (i = 0; i < vma_pages(vma); i++) {
		if (vmf_insert_pfn(vma, addr + i * PAGE_SIZE, folio_pfn(folio) + i) !=
		    VM_FAULT_NOPAGE) {
			err = -ENOMEM;
			goto unmap;
		}
	}

	/* Do not let calls on it fail just because these flags are missing. */
	vm_flags_set(vma, VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	if (owned)
		err = mseal_kernel_owned(mm, addr, addr + range->size);
	if (err)
		goto unmap;
	return addr;

unmap:
	do_munmap(mm, addr, range->size, NULL);
	return err;
}

static int test_map(struct test_map *tm, void __user *argp, unsigned int cmd)
{
	struct mm_struct *mm = current->mm;
	struct kernel_owned_test_range range;
	struct folio *folio = NULL;
	unsigned long addr, unused;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!range.size || !PAGE_ALIGNED(range.size) || range.size > SZ_4M ||
	    range.prot & ~(PROT_READ | PROT_WRITE))
		return -EINVAL;
	if (tm->mm)
		return -EBUSY;
	if (cmd != KERNEL_OWNED_TEST_MAP_SHARED) {
		folio = folio_alloc(GFP_USER | __GFP_ZERO, get_order(range.size));
		if (!folio)
			return -ENOMEM;
	}

	mmap_write_lock(mm);
	if (folio)
		addr = map_private(mm, folio, &range, cmd == KERNEL_OWNED_TEST_MAP);
	else	/* as the shadow stack of a thread */
		addr = do_mmap(NULL, range.addr, range.size, range.prot,
			       MAP_PRIVATE | MAP_ANONYMOUS,
			       mk_vma_flags(VMA_SEALED_BIT, VMA_KERNEL_OWNED_BIT),
			       0, &unused, NULL);
	mmap_write_unlock(mm);
	if (IS_ERR_VALUE(addr)) {
		if (folio)
			folio_put(folio);
		return addr;
	}

	mmgrab(mm);
	tm->mm = mm;
	tm->folio = folio;
	tm->addr = addr;
	tm->size = range.size;
	range.addr = addr;
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

/* Does this VMA, which is in the file's range, belong to the file? */
static bool is_of_map(const struct test_map *tm, const struct vm_area_struct *vma)
{
	if (!tm->folio)
		return vma_is_kernel_owned(vma) && !vma_is_kernel_private(vma);
	return vma->vm_private_data == tm->folio && vma->vm_ops == &test_vm_ops;
}

/* Unmap what is left of the VMA: parts may have been unmapped already. */
static void forget_map(struct test_map *tm)
{
	const unsigned long end = tm->addr + tm->size;
	struct mm_struct *mm = tm->mm;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	if (!mm)
		return;
	if (mmget_not_zero(mm)) {
		mmap_write_lock(mm);
		vma_iter_init(&vmi, mm, tm->addr);
		for_each_vma_range(vmi, vma, end) {
			if (is_of_map(tm, vma) &&
			    do_vmi_align_munmap(&vmi, vma, mm, vma->vm_start,
						vma->vm_end, NULL,
						MUNMAP_KERNEL_OWNED))
				break;
		}
		mmap_write_unlock(mm);
		mmput_async(mm);
	}
	mmdrop(mm);
	if (tm->folio)
		folio_put(tm->folio);
}

/* The calls that work on any range of the caller's mm. */
static int test_range(void __user *argp, unsigned int cmd)
{
	struct mm_struct *mm = current->mm;
	struct kernel_owned_test_range range;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!range.size || !PAGE_ALIGNED(range.addr | range.size) ||
	    range.addr > TASK_SIZE || range.size > TASK_SIZE - range.addr)
		return -EINVAL;

	mmap_write_lock(mm);
	switch (cmd) {
	case KERNEL_OWNED_TEST_MUNMAP:
		err = munmap_kernel_owned(mm, range.addr, range.size);
		break;
	case KERNEL_OWNED_TEST_MUNMAP_PLAIN:
		err = do_munmap(mm, range.addr, range.size, NULL);
		break;
	case KERNEL_OWNED_TEST_SEAL:
		err = mseal_kernel_owned(mm, range.addr, range.addr + range.size);
		break;
	case KERNEL_OWNED_TEST_UNSEAL:
		err = munseal_kernel_owned(mm, range.addr, range.addr + range.size);
		break;
	default:
		err = -ENOTTY;
	}
	mmap_write_unlock(mm);
	return err;
}

static int kernel_owned_test_open(struct inode *inode, struct file *file)
{
	struct test_map *tm = kzalloc_obj(*tm);

	if (!tm)
		return -ENOMEM;
	mutex_init(&tm->lock);
	file->private_data = tm;
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	return nonseekable_open(inode, file);
}

static int kernel_owned_test_release(struct inode *inode, struct file *file)
{
	struct test_map *tm = file->private_data;

	forget_map(tm);
	kfree(tm);
	return 0;
}

static long kernel_owned_test_ioctl(struct file *file, unsigned int cmd,
				    unsigned long arg)
{
	struct test_map *tm = file->private_data;
	void __user *argp = (void __user *)arg;
	int err;

	switch (cmd) {
	case KERNEL_OWNED_TEST_MAP:
	case KERNEL_OWNED_TEST_MAP_PLAIN:
	case KERNEL_OWNED_TEST_MAP_SHARED:
		mutex_lock(&tm->lock);
		err = test_map(tm, argp, cmd);
		mutex_unlock(&tm->lock);
		return err;
	default:
		return test_range(argp, cmd);
	}
}

static const struct file_operations kernel_owned_test_fops = {
	.open		= kernel_owned_test_open,
	.release	= kernel_owned_test_release,
	.unlocked_ioctl	= kernel_owned_test_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static int __init kernel_owned_test_init(void)
{
	debugfs_create_file_unsafe("kernel_owned_test", 0600, NULL, NULL,
				   &kernel_owned_test_fops);
	return 0;
}
late_initcall(kernel_owned_test_init);
