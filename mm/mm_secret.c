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
 * the address to the owner's tasks.  mm_secret_free() may be called from any
 * process or kernel thread, and has to be, even if the mm is gone.  fork()
 * copies nothing; exec() and exit() free the memory.
 *
 * Window: areas are mapped in [MM_SECRET_START, MM_SECRET_END), where no user
 * mapping can be and which access_ok() refuses.  On x86 the window is an entry
 * of the kernel half of the top-level page table.  On arm64 it is the end of
 * what TTBR0 translates, in processes that have asked for it.
 *
 * Chunks: a chunk is the part of the window that one page table maps, or
 * several for a large area.  It has a VMA, and a bitmap of the pages that areas
 * have.  An mm keeps one chunk without areas; another one that becomes empty is
 * unmapped at the next allocation.  The VMAs are kernel-owned, and in a maple
 * tree of their own, in struct mm_secret_mm, which is not searched for user
 * addresses.  do_vmi_align_munmap() unmaps them, with MUNMAP_KERNEL_OWNED.
 *
 * Blocks: pages leave the direct map in blocks of 64 KiB or, for an mm that has
 * more than 512 KiB, of 2 MiB, for which no large mapping is split.  A block
 * belongs to one mm, and its memory cgroup is charged for all of it.  An mm
 * keeps a few that are idle, until a shrinker frees them.
 *
 * Contents: pages are zeroed before the owner gets them, by the owner when it
 * frees them, and before they go back to the page allocator if they were not.
 *
 * Locks, from the outside in:
 *
 * - mmap_lock, for write: the tree of VMAs, and all page tables but the entries
 *   for pages.
 * - mm_secret_mm.lock: the chunks, blocks, small objects and counts of an mm.
 *   A task that frees takes this one alone.  Freeing allocates nothing.
 * - the lock of a page table, and that of the list of idle blocks.  The
 *   shrinker holds the latter when it tries to get mm_secret_mm.lock.
 *
 * Userspace is told nothing: the memory is in no count or list of the process,
 * and an access to the window fails like one to an address without a mapping.
 * For the whole machine, /proc/vmstat counts it as nr_mm_secret.
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

/* What a handle points to after its area was freed. */
#define MM_SECRET_FREED		((struct mm_secret_area *)ERR_PTR(-ENOENT))

/*
 * Areas that there are or are about to be.  Negative while the system
 * hibernates.
 */
static atomic_t mm_secret_nr_areas = ATOMIC_INIT(0);

/**
 * mm_secret_get() - Get what an mm has of secret memory, or make it.
 * @mm: The mm, which has users.
 *
 * Return: It, with a reference for the caller, or NULL if there is no memory.
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
 * @state: What it returned.
 */
void mm_secret_put(struct mm_secret_mm *state)
{
	if (refcount_dec_and_test(&state->refs))
		kfree(state);
}

/*
 * Is the current mm the owner, and not about to exit?  Then it gets another
 * user.
 */
bool mm_secret_get_owner(const struct mm_secret_mm *state)
{
	/* A kernel thread may have borrowed the mm, and be its last user. */
	return current->mm && READ_ONCE(current->mm->mm_secret) == state &&
	       mmget_not_zero(current->mm);
}

/* The page tables are there as long as the chunk is. */
static pte_t *mm_secret_lock_pte(struct mm_struct *mm, unsigned long addr, spinlock_t **ptl)
{
	pmd_t *pmd = pmd_off(mm, addr);

	return pte_offset_map_lock(mm, pmd, addr, ptl);
}

/* The page at an address of the current mm, where it stays meanwhile. */
struct page *mm_secret_page_at(unsigned long addr)
{
	return pte_page(ptep_get(pte_offset_kernel(pmd_off(current->mm, addr), addr)));
}

/* How many pages are mapped under one hold of the locks. */
#define BATCH	16

static int mm_secret_map_pages(struct mm_secret_area *area, bool small)
{
	const unsigned long end = area->addr + area->size;
	struct mm_struct *mm = area->state->mm;
	unsigned long addr = area->addr;

	while (addr != end) {
		const unsigned long left = PFN_DOWN(pmd_addr_end(addr, end) - addr);
		unsigned long zeroed = 0;
		struct page *pages[BATCH];
		spinlock_t *ptl;	/* of the page table that pte is in */
		pte_t *pte;
		int i, nr;

		nr = mm_secret_take_pages(area->state, small, pages, min(left, BATCH),
					  &zeroed);
		if (nr < 0)
			return nr;
		pte = mm_secret_lock_pte(mm, addr, &ptl);
		for (i = 0; i < nr; i++)
			set_pte_at(mm, addr + i * PAGE_SIZE, pte + i,
				   pte_mkspecial(mk_pte(pages[i], arch_mm_secret_pgprot())));
		pte_unmap_unlock(pte, ptl);
		/*
		 * What others have left there, or what the owner has not
		 * zeroed.
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

		/* Not all are there after an allocation that failed. */
		if (!pte_none(old))
			list_add(&pte_page(old)->lru, &pages);
	}
	pte_unmap_unlock(pte, ptl);

	/*
	 * Those included that use the mm lazily: kernel threads could reach the
	 * pages.
	 */
	flush_tlb_mm(state->mm);
	list_for_each_entry_safe(page, next, &pages, lru)
		mm_secret_put_page(state, page, zeroed, empty);
}

/*
 * Unmap @nr pages of an area, all in one page table, and give them back.
 * Return false if that is for exit_mmap() to do.
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

	/* A page table at a time, lest the lock be held for long. */
	do {
		next = pmd_addr_end(addr, end);
		if (!mm_secret_release_pages(area, addr, PFN_DOWN(next - addr), zeroed))
			return;
	} while (addr = next, addr != end);
}

/*
 * The area of mm_secret_alloc().  @small: for mm_secret_kzalloc() to put
 * objects in.
 */
int __sched mm_secret_alloc_pages(struct mm_secret *ms, unsigned long nr, bool small)
{
	struct mm_struct *mm = current->mm;
	struct mem_cgroup *memcg, *old_memcg;
	struct mm_secret_area *area;
	int err;

	/* What is mapped after exit_mmap() would never be taken down. */
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
		/* Never written to, but by mm_secret_map_pages(). */
		mm_secret_release_area(area, /* zeroed= */ true);
		mm_secret_put(area->state);
		kfree(area);
		goto unset_memcg;
	}
	/*
	 * At most one chunk stays without an area, however many owners come and
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
 * The memory is zeroed.  The kernel reaches it while the current mm is loaded,
 * at the address that mm_secret_addr() returns, and no access by its owner
 * faults.  Userspace does not reach it at all.  It is gone with the mm, and not
 * copied by fork(); the handle stays until mm_secret_free().
 *
 * The pages, and those that leave the direct map with them, are charged to the
 * memory cgroup of the mm.
 *
 * Context: Process context, current->mm is the owner-to-be, the mmap lock is
 * not held.  May sleep.
 * Return: 0; -EINVAL if @size is 0, or where the context is wrong; -EOPNOTSUPP
 * if this kernel, on this machine, has no secret memory, or if the process has
 * left no addresses to it where it has to (on arm64, with ADDR_MM_SECRET of
 * personality(2)); -ESRCH if the mm has no users left, as a kernel thread may
 * find it; -ENOSPC if the mm would have more than it may, 64 MiB; -EBUSY while
 * the system hibernates; -EINTR if a fatal signal is pending; -ENOMEM; or what
 * changing the direct map gives.  After an error @ms has no area.
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
 * The address is good as long as the area is, with the page tables of its owner
 * loaded: in its tasks, and in softirqs on top of them; not between the switch
 * to another mm and the switch of the stack, not in NMIs, not in a kernel
 * thread with a lazy active_mm, not under use_temporary_mm(), and not for DMA,
 * scatterlists or virt_to_page().
 *
 * Context: Process context.  The caller sees to it that the area is not freed
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
 * While it is still outside of the direct map.  A bad page is not touched:
 * return whether there was none.
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
 * @ms: The handle.  One that is zeroed and never had an area is left alone.
 *
 * Any process or kernel thread may do this, with the owner alive or gone.  It
 * cannot fail, allocates nothing, and does not wait for the owner's mmap lock.
 *
 * The owner zeroes the contents.  What others free stays as it is, in no page
 * table, until the owner uses the page again or it goes back to the system: it
 * is zeroed before anybody else can get it.
 *
 * To free an area a second time, later or at the same time, is a bug, of which
 * the kernel warns once; nothing happens to memory of others.
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
 * Its handles stay.  Allocates nothing.
 */
void __sched __mm_secret_exit(struct mm_struct *mm)
{
	struct mm_secret_mm *state = mm->mm_secret;

	/* From now on mm_secret_free() leaves all to this. */
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
 * Return: Whether there is, so that the system cannot hibernate.
 */
bool mm_secret_active(void)
{
	return atomic_read(&mm_secret_nr_areas) > 0;
}

/**
 * mm_secret_log_owners() - Tell the kernel log who has secret memory, eight at
 * most.
 */
void mm_secret_log_owners(void)
{
	unsigned int left = 8;
	struct task_struct *p;

	guard(rcu)();
	for_each_process(p) {
		const struct mm_secret_mm *state;
		struct task_struct *t;

		/* What they have borrowed may be gone any moment. */
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
 * into the direct map.  So there are either areas or an image.
 *
 * Return: 0, and no area can be allocated until mm_secret_hibernation_end(), or
 * -EBUSY if there are areas, whose owners are logged, or bad pages.
 */
int mm_secret_hibernation_begin(void)
{
	unsigned int tries = 10;

	if (atomic_cmpxchg(&mm_secret_nr_areas, 0, -1)) {
		mm_secret_log_owners();
		return -EBUSY;
	}
	/* Somebody may be about to give back the last one. */
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
 */
void mm_secret_hibernation_end(void)
{
	atomic_set(&mm_secret_nr_areas, 0);
}
