// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the kernel that belongs to one mm: mapped in that mm's page tables
 * and nowhere else, at addresses that userspace can neither use nor find.
 *
 * An area is a few pages that are taken out of the direct map and mapped,
 * supervisor-only, into a kernel-owned VMA in the mm's window, [MM_LOCAL_START,
 * MM_LOCAL_END).
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_local.h>
#include <linux/mmap_lock.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <asm/tlbflush.h>

#include "internal.h"
#include "mm_local.h"

/*
 * The most that one mm may have.  The memory is not reclaimable and is not in
 * the RSS, so that the OOM killer would not know whom to blame.
 */
#define MM_LOCAL_MAX_PAGES	(SZ_64M >> PAGE_SHIFT)

/* What a handle points to after its area was freed. */
#define MM_LOCAL_FREED		((struct mm_local_area *)ERR_PTR(-ENOENT))

/* Areas with pages.  Negative while a hibernation image is being made. */
static atomic_t mm_local_nr_areas = ATOMIC_INIT(0);

static unsigned long area_size(const struct mm_local_area *area)
{
	return (unsigned long)area->nr_pages << PAGE_SHIFT;
}

static unsigned long area_end(const struct mm_local_area *area)
{
	return area->addr + area_size(area);
}

static void area_put(struct mm_local_area *area)
{
	if (!refcount_dec_and_test(&area->refs))
		return;

	mmdrop(area->mm);
	kvfree(area);
}

static void area_release_pages(struct mm_local_area *area, bool zeroed)
{
	mm_local_put_pages(area->pages, area->nr_pages, zeroed);
	atomic_long_sub(area->nr_pages, &area->mm->mm_local_pages);
	atomic_dec(&mm_local_nr_areas);
}

static void mm_local_close(struct vm_area_struct *vma)
{
	struct mm_local_area *area = vma->vm_private_data;

	/*
	 * With pages left, this is exit_mmap(): it has freed the page tables and
	 * flushed the TLB of all CPUs that have used the mm, lazily too.
	 */
	if (area->has_pages) {
		VM_WARN_ON_ONCE(atomic_read(&area->mm->mm_users));
		area->has_pages = false;
		area_release_pages(area, /* zeroed= */ false);
	}

	area_put(area);
}

static const struct vm_operations_struct mm_local_vm_ops = {
	.close	= mm_local_close,
};

/*
 * A random place in [@start, @end) with an unmapped page on either side, or 0.
 * @need is the size with these.  Two areas may share the unmapped page between them.
 */
static unsigned long find_gap(struct mm_struct *mm, unsigned long start,
			      unsigned long end, unsigned long need)
{
	const unsigned long places = (end - start - need) / PAGE_SIZE + 1;
	unsigned int tries = 8;
	VMA_ITERATOR(vmi, mm, 0);
	unsigned long addr;

	/* The first that is free after one that is not would be beside a neighbour. */
	do {
		addr = start + get_random_long() % places * PAGE_SIZE;
		vma_iter_init(&vmi, mm, addr);
		if (!vma_find_raw(&vmi, addr + need))
			return addr + PAGE_SIZE;
	} while (--tries);

	/* It is crowded.  To search from the start, too, misses none. */
	vma_iter_init(&vmi, mm, 0);
	if (vma_iter_area_lowest(&vmi, addr, end, need)) {
		vma_iter_init(&vmi, mm, 0);
		if (vma_iter_area_lowest(&vmi, start, end, need))
			return 0;
	}

	return vma_iter_addr(&vmi) + PAGE_SIZE;
}

/*
 * A place in the page table of another area, a random one, if there is room, and any
 * otherwise: to make page tables and to free them takes longer than all the rest.
 */
static unsigned long find_place(struct mm_struct *mm, unsigned long size)
{
	VMA_ITERATOR(vmi, mm, MM_LOCAL_START +
		     get_random_long() % (MM_LOCAL_END - MM_LOCAL_START));
	const unsigned long need = size + 2 * PAGE_SIZE;
	struct vm_area_struct *vma;
	unsigned long addr = 0;

	vma = vma_find_raw(&vmi, MM_LOCAL_END);
	if (!vma) {
		vma_iter_init(&vmi, mm, MM_LOCAL_START);
		vma = vma_find_raw(&vmi, MM_LOCAL_END);
	}
	/* Where it would fill most of the rest, little of the place were random. */
	if (vma && need <= PMD_SIZE / 2) {
		addr = ALIGN_DOWN(vma->vm_start, PMD_SIZE);
		addr = find_gap(mm, addr, addr + PMD_SIZE, need);
	}

	return addr ?: find_gap(mm, MM_LOCAL_START, MM_LOCAL_END, need);
}

/* Put the area's VMA, without pages yet, into the tree. */
static int insert_vma(struct mm_struct *mm, struct mm_local_area *area)
{
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma;
	int err;

	area->addr = find_place(mm, area_size(area));
	if (!area->addr)
		return -ENOMEM;

	vma = vm_area_alloc(mm);
	if (!vma)
		return -ENOMEM;

	vma->vm_start = area->addr;
	vma->vm_end = area_end(area);
	vma->vm_ops = &mm_local_vm_ops;
	vma->vm_private_data = area;
	vma->vm_page_prot = arch_mm_local_pgprot();
	vm_flags_init(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			   VM_DONTDUMP);
	err = vma_set_kernel_owned(vma);
	if (err)
		goto free;

	err = -ENOMEM;
	vma_iter_config(&vmi, vma->vm_start, vma->vm_end);
	if (vma_iter_prealloc(&vmi, vma))
		goto free;

	vma_start_write(vma);
	vma_iter_store_new(&vmi, vma);
	refcount_inc(&area->refs);
	return 0;

free:
	vm_area_free(vma);
	return err;
}

/*
 * Take the area out of the page tables and, if there is memory to do so, its VMA
 * out of the tree.  A VMA that stays is sealed, empty, and goes when the mm does.
 */
static void unmap_area(struct mm_struct *mm, struct mm_local_area *area)
{
	const unsigned long start = area->addr, end = area_end(area);
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	mmap_assert_write_locked(mm);

	vma_iter_init(&vmi, mm, start);
	vma = vma_find_raw(&vmi, end);
	area->has_pages = false;
	if (do_vmi_align_munmap(&vmi, vma, mm, start, end, NULL,
				MUNMAP_KERNEL_OWNED))
		zap_special_vma_range(vma, start, end - start);
}

static int map_area(struct mm_struct *mm, struct mm_local_area *area)
{
	unsigned int i;
	int err;

	/* What is mapped after exit_mmap(), nobody would take down. */
	if (!mmget_not_zero(mm))
		return -ESRCH;

	err = mmap_write_lock_killable(mm);
	if (err)
		goto put;

	err = insert_vma(mm, area);
	if (err)
		goto unlock;

	for (i = 0; i < area->nr_pages && !err; i++)
		err = mm_local_map_page(mm, area->addr + i * PAGE_SIZE, area->pages[i]);
	if (err)
		unmap_area(mm, area);
	else
		area->has_pages = true;
unlock:
	mmap_write_unlock(mm);
put:
	mmput_async(mm);
	return err;
}

/**
 * mm_local_alloc() - Allocate memory that only the current mm can reach.
 * @ml: The handle to fill in.  It has no area.
 * @size: The size in bytes, rounded up to whole pages.
 *
 * The memory is zeroed.  The kernel reaches it while the current mm is loaded, at
 * the address that mm_local_addr() returns, and no access by its owner faults.
 * Userspace does not reach it at all.  It is gone with the mm, and not copied by
 * fork(); the handle stays until mm_local_free().
 *
 * The pages are charged to the memory cgroup of the mm.
 *
 * Context: Process context, current->mm is the owner-to-be, the mmap lock is not
 * held.  May sleep.
 * Return: 0; -EINVAL if @size is 0, or where the context is wrong; -EOPNOTSUPP if
 * this kernel, on this machine, has no mm-local memory; -ESRCH if the mm has no users
 * left, as a kernel thread may find it; -ENOSPC if the mm would have more than it
 * may, 64 MiB;
 * -EBUSY while the system hibernates; -EINTR if a fatal signal is pending;
 * -ENOMEM; or what changing the direct map gives.  After an error @ml has no area.
 */
int mm_local_alloc(struct mm_local *ml, size_t size)
{
	return __mm_local_alloc(ml, size, GFP_KERNEL_ACCOUNT);
}

/* As mm_local_alloc(); with __GFP_NORETRY, its pages wake no OOM killer. */
int __mm_local_alloc(struct mm_local *ml, size_t size, gfp_t gfp)
{
	struct mm_struct *mm = current->mm;
	struct mem_cgroup *memcg, *old_memcg;
	struct mm_local_area *area;
	unsigned long nr_pages;
	int err;

	ml->area = NULL;
	if (!mm_local_supported())
		return -EOPNOTSUPP;
	if (!size || WARN_ON_ONCE(!mm || !in_task()))
		return -EINVAL;
	if (size > MM_LOCAL_MAX_PAGES << PAGE_SHIFT)
		return -ENOSPC;

	nr_pages = PFN_UP(size);
	if (!atomic_inc_unless_negative(&mm_local_nr_areas))
		return -EBUSY;
	if (atomic_long_add_return(nr_pages, &mm->mm_local_pages) >
	    MM_LOCAL_MAX_PAGES) {
		err = -ENOSPC;
		goto uncount;
	}

	memcg = get_mem_cgroup_from_mm(mm);
	old_memcg = set_active_memcg(memcg);

	err = -ENOMEM;
	area = kvzalloc_flex(*area, pages, nr_pages, gfp);
	if (!area)
		goto unset_memcg;

	area->nr_pages = nr_pages;
	refcount_set(&area->refs, 1);
	area->mm = mm;
	mmgrab(mm);

	err = mm_local_get_pages(area->pages, nr_pages, gfp);
	if (err)
		goto put_area;
	err = map_area(mm, area);
	if (err)
		goto put_pages;

	set_active_memcg(old_memcg);
	mem_cgroup_put(memcg);
	ml->area = area;
	return 0;

put_pages:
	/* In the page tables for a moment, perhaps, but never written to. */
	flush_tlb_mm(mm);
	mm_local_put_pages(area->pages, nr_pages, /* zeroed= */ true);
put_area:
	area_put(area);
unset_memcg:
	set_active_memcg(old_memcg);
	mem_cgroup_put(memcg);
uncount:
	atomic_long_sub(nr_pages, &mm->mm_local_pages);
	atomic_dec(&mm_local_nr_areas);
	return err;
}

/**
 * mm_local_addr() - Get the address of mm-local memory.
 * @ml: The handle.
 *
 * The address is good as long as the area is, in process context with the page
 * tables of its owner loaded: not in interrupts, not in a kernel thread with a lazy
 * active_mm, not under use_temporary_mm(), and not for DMA, scatterlists or
 * virt_to_page().
 *
 * Context: Process context.  The caller sees to it that the area is not freed
 * meanwhile.
 * Return: The address; ERR_PTR(-EPERM) if the current mm is not the owner;
 * ERR_PTR(-ENOENT) if the handle has no area.
 */
void *mm_local_addr(const struct mm_local *ml)
{
	const struct mm_local_area *area = READ_ONCE(ml->area);

	if (IS_ERR_OR_NULL(area))
		return ERR_PTR(-ENOENT);
	if (!in_task() || current->mm != area->mm)
		return ERR_PTR(-EPERM);
	return (void *)area->addr;
}

/**
 * mm_local_free() - Free mm-local memory.
 * @ml: The handle.  One that is zeroed and never had an area is left alone.
 *
 * Any process or kernel thread may do this, with the owner alive or gone.  It
 * cannot fail.  The contents are zeroed before anybody else can get the pages.
 * To free an area a second time, later or at the same time, is a bug, of which the
 * kernel warns once; nothing happens to memory of others.
 *
 * Context: Process context, the owner's mmap lock is not held.  May sleep, and waits for
 * that lock as long as the owner's threads hold it.  Do not let a work item wait here
 * that others depend on.
 */
void mm_local_free(struct mm_local *ml)
{
	struct mm_local_area *area = READ_ONCE(ml->area);
	struct mm_struct *mm;

	do {
		if (!area || WARN_ON_ONCE(area == MM_LOCAL_FREED))
			return;
	} while (!try_cmpxchg(&ml->area, &area, MM_LOCAL_FREED));

	if (area->cache) {
		mm_local_free_object(area);
		return;
	}

	mm = area->mm;
	if (mmget_not_zero(mm)) {
		const bool zeroed = current->mm == mm;

		/* While it is still outside of the direct map. */
		if (zeroed)
			memzero_explicit((void *)area->addr, area_size(area));

		mmap_write_lock(mm);
		unmap_area(mm, area);
		mmap_write_unlock(mm);

		/*
		 * A munmap that frees no page table does not bother CPUs that
		 * use the mm lazily, and a kernel thread there could still reach
		 * the pages.
		 */
		flush_tlb_mm(mm);
		area_release_pages(area, zeroed);
		mmput_async(mm);
	}

	area_put(area);
}

/**
 * mm_local_init_mm() - Start a new mm without mm-local memory.
 * @mm: The mm, a copy of another one perhaps.
 */
void mm_local_init_mm(struct mm_struct *mm)
{
	atomic_long_set(&mm->mm_local_pages, 0);
	mm->mm_local_cache = NULL;
}

/**
 * mm_local_hibernation_begin() - Keep mm-local memory out of hibernation images.
 *
 * An image would put the secrets on disk, and making one maps the pages back
 * into the direct map.  So there are either areas or an image.
 *
 * Return: 0, and no area can be allocated until mm_local_hibernation_end(), or
 * -EBUSY if there are areas, or pages that are still to be zeroed, or bad.
 */
int mm_local_hibernation_begin(void)
{
	if (atomic_cmpxchg(&mm_local_nr_areas, 0, -1))
		return -EBUSY;
	if (!mm_local_pool_drain()) {
		atomic_set(&mm_local_nr_areas, 0);
		return -EBUSY;
	}
	return 0;
}

/**
 * mm_local_hibernation_end() - Allow mm-local memory again.
 */
void mm_local_hibernation_end(void)
{
	atomic_set(&mm_local_nr_areas, 0);
}
