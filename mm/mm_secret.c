// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Secret memory of one mm
 *
 * Most memory is in the direct map, so that one stray or speculative read, in
 * any process, can reveal what the kernel keeps for any other.  Secret memory
 * is for such contents: registers of virtual CPUs, keys, tokens.  Its pages are
 * taken out of the direct map and mapped in the page tables of one mm, the
 * owner, for kernel code alone.
 *
 * Usage: embed a handle, struct mm_secret, in the object that the memory
 * belongs to.  mm_secret_alloc() gives it an area of whole pages, with an
 * unmapped page on either side; mm_secret_kzalloc() gives it a piece of a page
 * that it shares with other objects of the same mm.  mm_secret_addr() returns
 * the address to the owner's tasks.  Every handle has to be freed in the end,
 * by mm_secret_free(), even if the mm is gone; any process or kernel thread may
 * do it.  fork() copies nothing; exec() and exit() free the memory.  This is
 * not memfd_secret(), whose memory the process itself reads and writes.
 *
 * Window: areas are mapped in [MM_SECRET_START, MM_SECRET_END), where no user
 * mapping can be and which access_ok() refuses.  On x86 the window is an entry
 * of the kernel half of the top-level page table.  On arm64 it is the last
 * 4 GiB that TTBR0 translates, in processes that have asked for it.
 *
 * Chunks: a chunk is the part of the window that one page table maps, or
 * several for a large area.  It has a VMA, and a bitmap of the pages that areas
 * occupy.  An mm keeps one chunk without areas; if there are more, they are
 * unmapped at the next allocation.  The VMAs are kernel-owned, and in a maple
 * tree of their own, in struct mm_secret_mm, which is not searched for user
 * addresses.  do_vmi_align_munmap() unmaps them, with MUNMAP_KERNEL_OWNED, or
 * the exit of the mm does.
 *
 * Blocks: pages leave the direct map in blocks of 64 KiB or, for an mm that has
 * more than 512 KiB, of 2 MiB, which do not split a 2 MiB mapping.  If no such
 * block is available, a block is one page.  A block belongs to one mm, whose
 * memory cgroup is charged for all of it.  An mm keeps a few idle blocks, until
 * a shrinker frees them.
 *
 * Contents: pages are zeroed before the owner gets them.  The owner zeroes them
 * when it frees them.  Pages that it has not zeroed are zeroed before they go
 * back to the page allocator.
 *
 * Locks, the outermost first:
 *
 * - mmap_lock, for write: the tree of VMAs, and the page tables of the window,
 *   except the entries that map pages.
 * - mm_secret_mm.lock: the chunks, blocks, small objects and counts of an mm.
 *   A task that frees memory does without the mmap_lock, and allocates nothing.
 * - the lock of a page table, and that of the list of idle blocks.  The
 *   shrinker holds the latter when it tries to get mm_secret_mm.lock.
 *
 * Userspace is told nothing: the memory is in no count or list of the process,
 * and an access to the window fails like one to an address without a mapping.
 * But memory cgroups show the charge, and for the whole machine, /proc/vmstat
 * counts blocks as nr_mm_secret.
 */
#include <linux/cleanup.h>
#include <linux/kvm_types.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_secret.h>
#include <linux/mmap_lock.h>
#include <linux/oom.h>
#include <linux/sched/debug.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <asm/tlbflush.h>

#include "mm_secret.h"

/* The value of a handle after its area was freed. */
#define MM_SECRET_FREED		((struct mm_secret_area *)ERR_PTR(-ENOENT))

/*
 * The number of areas, including those that are being allocated.  Negative
 * while the system hibernates.
 */
static atomic_t mm_secret_nr_areas = ATOMIC_INIT(0);

/**
 * mm_secret_get() - Get the state of an mm's secret memory, or allocate it.
 * @mm: The mm, which has users.
 *
 * Context: Process context.  May sleep.
 * Return: The state, with a reference for the caller, or NULL if there is no
 * memory.
 */
struct mm_secret_mm *mm_secret_get(struct mm_struct *mm)
{
	struct mm_secret_mm *state = READ_ONCE(mm->mm_secret), *old;

	if (!state) {
		state = kzalloc_obj(*state, GFP_KERNEL_ACCOUNT);
		if (!state)
			return NULL;
		refcount_set(&state->refs, 1);
		state->mm = mm;
		mt_init_flags(&state->vmas, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
		mt_set_external_lock(&state->vmas, &mm->mmap_lock);
		spin_lock_init(&state->lock);
		INIT_LIST_HEAD(&state->chunks);
		INIT_LIST_HEAD(&state->blocks);
		INIT_LIST_HEAD(&state->slabs);
		old = cmpxchg(&mm->mm_secret, NULL, state);
		if (old) {
			kfree(state);
			state = old;
		}
	}
	refcount_inc(&state->refs);
	return state;
}

/**
 * mm_secret_put() - Drop a reference of mm_secret_get().
 * @state: The state.
 *
 * Context: Process context.  Does not sleep.
 */
void mm_secret_put(struct mm_secret_mm *state)
{
	if (refcount_dec_and_test(&state->refs))
		kfree(state);
}

/*
 * Is the current mm the owner, and does it have users?  If so, the caller gets
 * a reference, as by mmget(), and drops it by mmput_async().  Does not sleep.
 */
bool mm_secret_get_owner(const struct mm_secret_mm *state)
{
	/* A kernel thread may have borrowed an mm that has no users left. */
	return current->mm && READ_ONCE(current->mm->mm_secret) == state &&
	       mmget_not_zero(current->mm);
}

/* The page tables exist as long as the chunk does. */
static pte_t *mm_secret_lock_pte(struct mm_struct *mm, unsigned long addr, spinlock_t **ptl)
{
	pmd_t *pmd = pmd_off(mm, addr);

	return pte_offset_map_lock(mm, pmd, addr, ptl);
}

/* The page at @addr in the current mm, the owner, which keeps it mapped. */
struct page *mm_secret_page_at(unsigned long addr)
{
	return pte_page(ptep_get(pte_offset_kernel(pmd_off(current->mm, addr), addr)));
}

/* The number of pages to take from a block and map at once, at most. */
#define MM_SECRET_BATCH	16

static int mm_secret_map_pages(struct mm_secret_area *area, bool small)
{
	const unsigned long end = area->addr + area->size;
	struct mm_struct *mm = area->state->mm;
	unsigned long addr = area->addr;

	while (addr != end) {
		const unsigned long left = PFN_DOWN(pmd_addr_end(addr, end) - addr);
		unsigned long zeroed = 0;
		struct page *pages[MM_SECRET_BATCH];
		spinlock_t *ptl;	/* of the page table that pte is in */
		pte_t *pte;
		int i, nr;

		nr = mm_secret_take_pages(area->state, small, pages, min(left, MM_SECRET_BATCH),
					  &zeroed);
		if (nr < 0)
			return nr;
		pte = mm_secret_lock_pte(mm, addr, &ptl);
		for (i = 0; i < nr; i++)
			set_pte_at(mm, addr + i * PAGE_SIZE, pte + i,
				   pte_mkspecial(mk_pte(pages[i], arch_mm_secret_pgprot())));
		pte_unmap_unlock(pte, ptl);
		/*
		 * Zero pages with old contents: they are from the page
		 * allocator, or the owner did not zero them at the last free.
		 */
		for (i = 0; i < nr; i++, addr += PAGE_SIZE) {
			if (!test_bit(i, &zeroed))
				memset((void *)addr, 0, PAGE_SIZE);
		}
		cond_resched();
	}
	return 0;
}

static void mm_secret_unmap_pages(struct mm_secret_mm *state, unsigned long addr, unsigned int nr,
				  bool zeroed, struct list_head *empty)
{
	struct page *page, *next;
	spinlock_t *ptl;	/* of the page table that pte is in */
	LIST_HEAD(pages);
	unsigned int i;
	pte_t *pte;

	pte = mm_secret_lock_pte(state->mm, addr, &ptl);
	for (i = 0; i < nr; i++) {
		const pte_t old = ptep_get_and_clear(state->mm, addr + i * PAGE_SIZE,
						     pte + i);

		/* After a failed allocation, not all pages are mapped. */
		if (!pte_none(old))
			list_add(&pte_page(old)->lru, &pages);
	}
	pte_unmap_unlock(pte, ptl);

	/*
	 * This flushes lazy CPUs, too: kernel threads there could reach the
	 * pages.
	 */
	flush_tlb_mm(state->mm);
	list_for_each_entry_safe(page, next, &pages, lru)
		mm_secret_put_page(state, page, zeroed, empty);
}

/*
 * Unmap @nr pages of an area, all in one page table, and give them back.
 * Return false if the mm is exiting: __mm_secret_exit() does it then.
 */
static bool mm_secret_release_pages(struct mm_secret_area *area, unsigned long addr,
				    unsigned long nr, bool zeroed)
{
	const bool last = addr + (nr << PAGE_SHIFT) == area->addr + area->size;
	struct mm_secret_mm *state = area->state;
	LIST_HEAD(empty);

	scoped_guard(spinlock, &state->lock) {
		if (state->dead)
			return false;
		mm_secret_unmap_pages(state, addr, nr, zeroed, &empty);
		if (last) {
			mm_secret_release_place(area);
			atomic_dec(&mm_secret_nr_areas);
			mm_secret_trim_idle(state, &empty);
		}
	}
	mm_secret_free_blocks(&empty);
	return true;
}

static void mm_secret_release_area(struct mm_secret_area *area, bool zeroed)
{
	const unsigned long end = area->addr + area->size;
	unsigned long addr = area->addr, next;

	/* One page table at a time, so that the lock is not held for long. */
	do {
		next = pmd_addr_end(addr, end);
		if (!mm_secret_release_pages(area, addr, PFN_DOWN(next - addr), zeroed))
			return;
	} while (addr = next, addr != end);
}

/*
 * Allocate an area of @nr pages, not 0, for the current mm.  @small:
 * mm_secret_kzalloc() puts objects into it, so take pages of a small block.
 * Context and errors are those of mm_secret_alloc().
 */
int __sched mm_secret_alloc_pages(struct mm_secret *ms, unsigned long nr, bool small)
{
	struct mm_struct *mm = current->mm;
	struct mem_cgroup *memcg, *old_memcg;
	struct mm_secret_area *area;
	int err;

	/* After exit_mmap(), nothing would unmap the area. */
	if (!mmget_not_zero(mm))
		return -ESRCH;
	memcg = get_mem_cgroup_from_mm(mm);
	old_memcg = set_active_memcg(memcg);

	err = -EBUSY;
	if (!atomic_inc_unless_negative(&mm_secret_nr_areas))
		goto unset_memcg;
	err = -ENOMEM;
	area = kzalloc_obj(*area, GFP_KERNEL_ACCOUNT);
	if (!area)
		goto uncount;
	area->state = mm_secret_get(mm);
	if (!area->state)
		goto free;
	area->size = nr << PAGE_SHIFT;
	err = mm_secret_reserve_place(area);
	if (err)
		goto put;
	err = mm_secret_map_pages(area, small);
	if (err) {
		/* The pages are zero: nobody has used them yet. */
		mm_secret_release_area(area, /* zeroed= */ true);
		mm_secret_put(area->state);
		kfree(area);
		goto unset_memcg;
	}
	/*
	 * Keep one chunk without areas at most, however many areas come and
	 * go.
	 */
	if (READ_ONCE(area->state->nr_empty) > 1)
		mm_secret_unmap_empty(area->state);
	ms->area = area;
	goto unset_memcg;

put:
	mm_secret_put(area->state);
free:
	kfree(area);
uncount:
	atomic_dec(&mm_secret_nr_areas);
unset_memcg:
	set_active_memcg(old_memcg);
	mem_cgroup_put(memcg);
	mmput_async(mm);
	return err;
}

/**
 * mm_secret_alloc() - Allocate memory that only the current mm can reach.
 * @ms: The handle to fill in.  It has no area.
 * @size: The size in bytes, rounded up to whole pages.
 *
 * The memory is zeroed.  The kernel can access it while this mm is loaded, at
 * the address that mm_secret_addr() returns, and no access by the owner faults.
 * Userspace cannot access it.  It is freed when the mm exits, and not copied by
 * fork(); the handle stays in use until mm_secret_free().
 *
 * The pages, and those that leave the direct map with them, are charged to the
 * memory cgroup of the mm.
 *
 * Context: Process context, current->mm is the owner-to-be, the mmap lock is
 * not held.  May sleep.
 * Return: 0; -EINVAL if @size is 0, or if the context is wrong; -EOPNOTSUPP if
 * this kernel has no secret memory on this machine, or if the process has no
 * window for it (on arm64, a 64-bit process must ask for one with
 * ADDR_MM_SECRET); -ESRCH if the mm has no users left, which a kernel thread
 * may find; -ENOSPC if the mm would exceed its limit, 64 MiB; -EBUSY while the
 * system hibernates; -EINTR if a fatal signal is pending; -ENOMEM; or an error
 * of the change of the direct map.  After an error @ms has no area.
 */
int __sched mm_secret_alloc(struct mm_secret *ms, size_t size)
{
	ms->area = NULL;
	if (!mm_secret_supported())
		return -EOPNOTSUPP;
	if (!size || WARN_ON_ONCE(!current->mm || !in_task()))
		return -EINVAL;
	if (!mm_secret_has_window(current->mm))
		return -EOPNOTSUPP;
	if (size > MM_SECRET_MAX_PAGES << PAGE_SHIFT)
		return -ENOSPC;
	might_lock(&current->mm->mmap_lock);
	return mm_secret_alloc_pages(ms, PFN_UP(size), /* small= */ false);
}

/**
 * mm_secret_addr() - Get the address of secret memory.
 * @ms: The handle.
 *
 * The address is valid as long as the area exists and the page tables of the
 * owner are loaded: in its tasks, and in softirqs that interrupt them; not
 * between the switch to another mm and the switch of the stack, not in NMIs,
 * not in a kernel thread with a lazy active_mm, not under use_temporary_mm(),
 * and not for DMA, scatterlists or virt_to_page().
 *
 * Context: Process context.  The caller ensures that the area is not freed
 * meanwhile.
 * Return: The address; ERR_PTR(-EPERM) if the current mm is not the owner;
 * ERR_PTR(-ENOENT) if the handle has no area.
 */
void *mm_secret_addr(const struct mm_secret *ms)
{
	const struct mm_secret_area *area = READ_ONCE(ms->area);

	if (IS_ERR_OR_NULL(area))
		return ERR_PTR(-ENOENT);
	if (!in_task() || !current->mm || READ_ONCE(current->mm->mm_secret) != area->state)
		return ERR_PTR(-EPERM);
	return (void *)area->addr;
}
EXPORT_SYMBOL_FOR_KVM(mm_secret_addr);

/*
 * Zero the area through the owner's mapping.  Skip poisoned pages; return false
 * if there was one.
 */
static bool mm_secret_zero_area(const struct mm_secret_area *area)
{
	const unsigned long end = area->addr + area->size;
	unsigned long addr = area->addr, next;
	bool all = true;
	pte_t *pte;

	for (; addr != end; addr = next) {
		next = pmd_addr_end(addr, end);
		pte = pte_offset_kernel(pmd_off(current->mm, addr), addr);
		for (; addr != next; addr += PAGE_SIZE, pte++) {
			if (PageHWPoison(pte_page(ptep_get(pte))))
				all = false;
			else
				memzero_explicit((void *)addr, PAGE_SIZE);
		}
		cond_resched();
	}
	return all;
}

/**
 * mm_secret_free() - Free secret memory.
 * @ms: The handle.  Nothing happens if it is zeroed and never had an area.
 *
 * Any process or kernel thread may do this, with the owner alive or gone.  It
 * cannot fail, allocates nothing, and does not wait for the owner's mmap lock.
 *
 * The owner zeroes the contents.  If anybody else frees the memory, its old
 * contents stay, out of reach for all but the owner, until the owner gets the
 * memory again or it goes back to the system.  They are zeroed before anybody
 * gets it.
 *
 * Freeing an area twice, even at the same time, is a bug: the kernel warns
 * once, and no other memory is affected.
 *
 * Context: Process context.  May sleep.
 */
void mm_secret_free(struct mm_secret *ms)
{
	struct mm_secret_area *area = READ_ONCE(ms->area);
	bool owner;

	might_sleep();
	do {
		if (!area || WARN_ON_ONCE(area == MM_SECRET_FREED))
			return;
	} while (!try_cmpxchg(&ms->area, &area, MM_SECRET_FREED));

	if (area->slab) {
		mm_secret_free_object(area);
		return;
	}

	owner = mm_secret_get_owner(area->state);
	mm_secret_release_area(area, /* zeroed= */ owner && mm_secret_zero_area(area));
	if (owner)
		mmput_async(current->mm);
	mm_secret_put(area->state);
	kfree(area);
}
EXPORT_SYMBOL_FOR_KVM(mm_secret_free);

/**
 * __mm_secret_exit() - Free the secret memory of an mm that has no users left.
 * @mm: The mm.
 *
 * The handles stay, and mm_secret_free() still works on them.  Cannot fail.
 *
 * Context: Process context, the mmap lock is not held.  May sleep.
 */
void __sched __mm_secret_exit(struct mm_struct *mm)
{
	struct mm_secret_mm *state = mm->mm_secret;

	/* From now on mm_secret_free() leaves the rest to this function. */
	scoped_guard(spinlock, &state->lock)
		state->dead = true;
	WRITE_ONCE(mm->mm_secret, NULL);

	mm_secret_exit_vmas(state);
	mm_secret_exit_blocks(state);
	atomic_sub(state->nr_areas, &mm_secret_nr_areas);
	mm_secret_put(state);
}

/**
 * mm_secret_active() - Is there secret memory of any mm?
 *
 * Context: Any context.
 * Return: True if there is, which means that the system cannot hibernate.
 */
bool mm_secret_active(void)
{
	return atomic_read(&mm_secret_nr_areas) > 0;
}

/**
 * mm_secret_log_owners() - Log up to eight processes that have secret memory.
 *
 * Context: Process context.  Does not sleep.
 */
void mm_secret_log_owners(void)
{
	unsigned int left = 8;
	struct task_struct *p;

	guard(rcu)();
	for_each_process(p) {
		const struct mm_secret_mm *state;
		struct task_struct *t;

		/* The mm that a kernel thread has borrowed may be exiting. */
		if (p->flags & PF_KTHREAD)
			continue;
		t = find_lock_task_mm(p);
		if (!t)
			continue;
		state = t->mm->mm_secret;
		if (state && READ_ONCE(state->nr_pages) && left) {
			pr_info("secret memory: %lu KiB of %s[%d]\n",
				READ_ONCE(state->nr_pages) << (PAGE_SHIFT - 10),
				p->comm, task_tgid_nr(p));
			left--;
		}
		task_unlock(t);
	}
}

/**
 * mm_secret_hibernation_begin() - Keep secret memory out of hibernation images.
 *
 * An image would put the secrets on disk, and making one maps the pages back
 * into the direct map.  So there can be areas or an image, but not both.
 *
 * Context: Process context.  May sleep.
 * Return: 0 if there are no areas, and none can be allocated until
 * mm_secret_hibernation_end(); -EBUSY if there are areas, whose owners are
 * logged, or blocks that cannot be given back.
 */
int mm_secret_hibernation_begin(void)
{
	unsigned int tries = 10;

	if (atomic_cmpxchg(&mm_secret_nr_areas, 0, -1)) {
		mm_secret_log_owners();
		return -EBUSY;
	}
	/* Another task may be about to give back the last block. */
	while (tries--) {
		mm_secret_drain();
		if (!mm_secret_blocks_left())
			return 0;
		schedule_timeout_uninterruptible(1);
	}
	atomic_set(&mm_secret_nr_areas, 0);
	return -EBUSY;
}

/**
 * mm_secret_hibernation_end() - Allow secret memory again.
 *
 * Context: Any context.
 */
void mm_secret_hibernation_end(void)
{
	atomic_set(&mm_secret_nr_areas, 0);
}
