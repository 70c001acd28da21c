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
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "kernel_owned_test.h"

/*
 * The pages of a VMA, with a reference for each VMA that they are in: a munmap
 * may split one.
 */
struct user_map {
	refcount_t refs;
	unsigned int nr_pages;
	struct page *pages[] __counted_by(nr_pages);
};

/* What an open file has. */
struct test_map {
	struct mutex lock;	/* for what follows */
	struct mm_struct *mm;	/* that the VMA is in, or NULL, held by mmgrab() */
	struct user_map *map;	/* or NULL for anonymous memory, with a reference */
	unsigned long addr;
	unsigned long size;	/* in bytes */
};

static void user_map_put(struct user_map *map)
{
	unsigned int i;

	if (!refcount_dec_and_test(&map->refs))
		return;
	for (i = 0; i < map->nr_pages && map->pages[i]; i++)
		__free_page(map->pages[i]);
	kvfree(map);
}

static void user_map_open(struct vm_area_struct *vma)
{
	struct user_map *map = vma->vm_private_data;

	refcount_inc(&map->refs);
}

static void user_map_close(struct vm_area_struct *vma)
{
	user_map_put(vma->vm_private_data);
}

static const struct vm_operations_struct user_map_vm_ops = {
	.open	= user_map_open,
	.close	= user_map_close,
};

/* The mmap lock is held for writing. */
static int user_map_insert(struct mm_struct *mm, struct user_map *map,
			   struct kernel_owned_test_range *range, bool owned)
{
	vm_flags_t flags = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			   VM_DONTDUMP | VM_SOFTDIRTY;
	struct vm_area_struct *vma;
	unsigned long addr;
	unsigned int i;
	int err;

	if (range->prot & PROT_READ)
		flags |= VM_READ;
	if (range->prot & PROT_WRITE)
		flags |= VM_WRITE;

	addr = get_unmapped_area(NULL, 0, range->size, 0, 0);
	if (IS_ERR_VALUE(addr))
		return addr;

	vma = vm_area_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->vm_start = addr;
	vma->vm_end = addr + range->size;
	vma->vm_ops = &user_map_vm_ops;
	vma->vm_private_data = map;
	vm_flags_init(vma, flags);
	/* Writable at once: nothing may fault on it, or ask for a copy. */
	vma->vm_page_prot = vm_get_page_prot(flags | VM_SHARED);
	err = insert_vm_struct(mm, vma);
	if (err) {
		vm_area_free(vma);
		return err;
	}
	refcount_inc(&map->refs);
	vm_stat_account(mm, flags, map->nr_pages);

	for (i = 0; i < map->nr_pages; i++) {
		if (vmf_insert_pfn(vma, addr + i * PAGE_SIZE,
				   page_to_pfn(map->pages[i])) !=
		    VM_FAULT_NOPAGE) {
			err = -ENOMEM;
			goto unmap;
		}
	}

	/* What it is refused must not be for want of these. */
	vm_flags_set(vma, VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	if (owned)
		err = mseal_kernel_owned(mm, addr, addr + range->size);
	if (err)
		goto unmap;
	range->addr = addr;
	return 0;

unmap:
	do_munmap(mm, addr, range->size, NULL);
	return err;
}

/* As the shadow stack of a thread, at most one of them by each file. */
static int test_map_shared(struct test_map *tm, void __user *argp)
{
	struct mm_struct *mm = current->mm;
	struct kernel_owned_test_range range;
	unsigned long addr, unused;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (tm->mm)
		return -EBUSY;

	mmap_write_lock(mm);
	addr = do_mmap(NULL, 0, range.size, range.prot, MAP_PRIVATE | MAP_ANONYMOUS,
		       mk_vma_flags(VMA_SEALED_BIT, VMA_KERNEL_OWNED_BIT), 0,
		       &unused, NULL);
	mmap_write_unlock(mm);
	if (IS_ERR_VALUE(addr))
		return addr;

	tm->mm = mm;
	mmgrab(mm);
	tm->addr = addr;
	tm->size = range.size;
	range.addr = addr;
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

static int test_map(struct test_map *tm, void __user *argp, bool owned)
{
	struct mm_struct *mm = current->mm;
	struct kernel_owned_test_range range;
	struct user_map *map;
	unsigned int i;
	int err = 0;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!range.size || !PAGE_ALIGNED(range.size) || range.size > SZ_16M ||
	    range.prot & ~(PROT_READ | PROT_WRITE))
		return -EINVAL;
	if (tm->mm)
		return -EBUSY;

	map = kvzalloc_flex(*map, pages, range.size >> PAGE_SHIFT);
	if (!map)
		return -ENOMEM;
	map->nr_pages = range.size >> PAGE_SHIFT;
	refcount_set(&map->refs, 1);
	for (i = 0; i < map->nr_pages; i++) {
		map->pages[i] = alloc_page(GFP_USER | __GFP_ZERO);
		if (!map->pages[i]) {
			err = -ENOMEM;
			goto put;
		}
	}

	mmap_write_lock(mm);
	err = user_map_insert(mm, map, &range, owned);
	mmap_write_unlock(mm);
	if (err)
		goto put;

	tm->map = map;
	tm->mm = mm;
	mmgrab(mm);
	tm->addr = range.addr;
	tm->size = range.size;
	/* The file keeps its reference, so that @map is not reused. */
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;

put:
	user_map_put(map);
	return err;
}

/* Is this, in the file's range, a VMA of the file's? */
static bool is_of_map(const struct test_map *tm, const struct vm_area_struct *vma)
{
	if (!tm->map)
		return vma_is_kernel_owned(vma) && !vma_is_kernel_private(vma);
	return vma->vm_private_data == tm->map && vma->vm_ops == &user_map_vm_ops;
}

/* Unmap what is left of the VMA, which userspace may have had back. */
static void forget_map(struct test_map *tm)
{
	struct mm_struct *mm = tm->mm;

	if (!mm)
		return;
	if (mmget_not_zero(mm)) {
		const unsigned long end = tm->addr + tm->size;
		struct vm_area_struct *vma;
		struct vma_iterator vmi;

		mmap_write_lock(mm);
		vma_iter_init(&vmi, mm, tm->addr);
		for_each_vma_range(vmi, vma, end) {
			if (!is_of_map(tm, vma))
				continue;
			if (do_vmi_align_munmap(&vmi, vma, mm, vma->vm_start,
						vma->vm_end, NULL,
						MUNMAP_KERNEL_OWNED))
				break;
		}
		mmap_write_unlock(mm);
		mmput_async(mm);
	}
	mmdrop(mm);
	if (tm->map)
		user_map_put(tm->map);
	tm->map = NULL;
	tm->mm = NULL;
}

static int get_range(struct kernel_owned_test_range *range, void __user *argp)
{
	if (copy_from_user(range, argp, sizeof(*range)))
		return -EFAULT;
	if (!range->size || !PAGE_ALIGNED(range->addr | range->size) ||
	    range->addr > TASK_SIZE || range->size > TASK_SIZE - range->addr)
		return -EINVAL;
	return 0;
}

static int test_munmap(void __user *argp, munmap_flags_t flags)
{
	struct mm_struct *mm = current->mm;
	struct kernel_owned_test_range range;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;
	int err;

	err = get_range(&range, argp);
	if (err)
		return err;

	mmap_write_lock(mm);
	vma_iter_init(&vmi, mm, range.addr);
	vma = vma_find(&vmi, range.addr + range.size);
	err = -ENOENT;
	if (vma)
		err = do_vmi_align_munmap(&vmi, vma, mm, range.addr,
					  range.addr + range.size, NULL, flags);
	mmap_write_unlock(mm);
	return err;
}

static int test_seal(void __user *argp, bool seal)
{
	struct mm_struct *mm = current->mm;
	struct kernel_owned_test_range range;
	int err;

	err = get_range(&range, argp);
	if (err)
		return err;

	mmap_write_lock(mm);
	if (seal)
		err = mseal_kernel_owned(mm, range.addr, range.addr + range.size);
	else
		err = munseal_kernel_owned(mm, range.addr,
					   range.addr + range.size);
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
		mutex_lock(&tm->lock);
		err = test_map(tm, argp, cmd == KERNEL_OWNED_TEST_MAP);
		mutex_unlock(&tm->lock);
		return err;
	case KERNEL_OWNED_TEST_MAP_SHARED:
		mutex_lock(&tm->lock);
		err = test_map_shared(tm, argp);
		mutex_unlock(&tm->lock);
		return err;
	case KERNEL_OWNED_TEST_MUNMAP:
		return test_munmap(argp, MUNMAP_KERNEL_OWNED);
	case KERNEL_OWNED_TEST_MUNMAP_PLAIN:
		return test_munmap(argp, /* flags = */ 0);
	case KERNEL_OWNED_TEST_SEAL:
	case KERNEL_OWNED_TEST_UNSEAL:
		return test_seal(argp, cmd == KERNEL_OWNED_TEST_SEAL);
	default:
		return -ENOTTY;
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
