// SPDX-License-Identifier: GPL-2.0
/*
 * The VMAs of secret memory, and the places of areas in them.
 *
 * The mm's window, [MM_SECRET_START, MM_SECRET_END), has a tree of VMAs of its
 * own, so that no look-up of a user address finds them.  A VMA is kernel-owned,
 * and covers what one page table maps, or several for a larger area.  An area
 * is a range of pages in such a chunk, at a random place, with an unmapped page
 * on either side.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgalloc.h>
#include <linux/random.h>
#include <linux/sched/debug.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/tlb.h>

#include "internal.h"
#include "mm_secret.h"
#include "vma.h"

/**
 * struct mm_secret_chunk - a VMA of the window, and the areas in it
 * @list: Entry in the chunks of the mm.
 * @addr: The address where the VMA begins.
 * @nr_pages: The number of pages: a multiple of what one page table maps.
 * @nr_used: The number of pages in areas.
 * @hint: The index of a page where there is likely to be room.
 * @used: A bitmap of the pages in areas.
 */
struct mm_secret_chunk {
	struct list_head list;
	unsigned long addr;
	unsigned int nr_pages;
	unsigned int nr_used;
	unsigned int hint;
	unsigned long used[];
};

static unsigned long mm_secret_chunk_size(const struct mm_secret_chunk *chunk)
{
	return (unsigned long)chunk->nr_pages << PAGE_SHIFT;
}

static void mm_secret_close(struct vm_area_struct *vma)
{
	kfree(vma->vm_private_data);
}

static const struct vm_operations_struct mm_secret_vm_ops = {
	.close	= mm_secret_close,
};

static void mm_secret_iter_init(struct vma_iterator *vmi, struct mm_secret_mm *state,
				unsigned long addr)
{
	mas_init(&vmi->mas, &state->vmas, addr);
}

static void mm_secret_validate(struct mm_secret_mm *state)
{
#ifdef CONFIG_DEBUG_VM_MAPLE_TREE
	mt_validate(&state->vmas);
#endif
}

/*
 * The page tables of the window map nothing else.  They are made and freed
 * here, with the mmap lock held for write, because mm_inc_nr_ptes() and the
 * like would show them to userspace, as VmPTE.  The memory cgroup is charged
 * for them.
 */
static int mm_secret_make_table(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_alloc(mm, pgd_offset(mm, addr), addr);
	pgtable_t table;
	pud_t *pud;
	pmd_t *pmd;

	if (!p4d)
		return -ENOMEM;
	if (p4d_none(*p4d)) {
		pud = pud_alloc_one(mm, addr);
		if (!pud)
			return -ENOMEM;
		smp_wmb(); /* See comment in pmd_install() */
		p4d_populate(mm, p4d, pud);
	}
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud)) {
		pmd = pmd_alloc_one(mm, addr);
		if (!pmd)
			return -ENOMEM;
		smp_wmb(); /* See comment in pmd_install() */
		pud_populate(mm, pud, pmd);
	}
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd)) {
		table = pte_alloc_one(mm);
		if (!table)
			return -ENOMEM;
		smp_wmb(); /* See comment in pmd_install() */
		pmd_populate(mm, pmd, table);
	}
	return 0;
}

static int mm_secret_make_tables(struct mm_struct *mm, const struct mm_secret_chunk *chunk)
{
	unsigned long addr, end = chunk->addr + mm_secret_chunk_size(chunk);
	int err = 0;

	for (addr = chunk->addr; addr != end && !err; addr += PMD_SIZE)
		err = mm_secret_make_table(mm, addr);
	return err;
}

/* Free the page table for @addr, if any, and those above if they get empty. */
static void mm_secret_free_table(struct mmu_gather *tlb, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(tlb->mm, addr);
	p4d_t *p4d, *p4ds;
	pud_t *pud, *puds;
	pmd_t *pmd, *pmds;
	unsigned int i;

	if (pgd_none(*pgd))
		return;
	p4ds = p4d_offset(pgd, 0);
	p4d = p4d_offset(pgd, addr);
	if (!p4d_none(*p4d)) {
		puds = pud_offset(p4d, 0);
		pud = pud_offset(p4d, addr);
		if (!pud_none(*pud)) {
			pmds = pmd_offset(pud, 0);
			pmd = pmd_offset(pud, addr);
			if (!pmd_none(*pmd)) {
				pgtable_t table = pmd_pgtable(*pmd);

				pmd_clear(pmd);
				pte_free_tlb(tlb, table, addr);
			}
			for (i = 0; i < PTRS_PER_PMD && pmd_none(pmds[i]); i++)
				;
			if (i == PTRS_PER_PMD) {
				pud_clear(pud);
				pmd_free_tlb(tlb, pmds, addr);
			}
		}
		for (i = 0; i < PTRS_PER_PUD && pud_none(puds[i]); i++)
			;
		if (i == PTRS_PER_PUD) {
			p4d_clear(p4d);
			pud_free_tlb(tlb, puds, addr);
		}
	}
	for (i = 0; i < PTRS_PER_P4D && p4d_none(p4ds[i]); i++)
		;
	if (i == PTRS_PER_P4D) {
		pgd_clear(pgd);
		p4d_free_tlb(tlb, p4ds, addr);
	}
}

static void mm_secret_free_tables(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	for (; start != end; start += PMD_SIZE)
		mm_secret_free_table(tlb, start);
}

/*
 * Unmap a chunk that has no areas, and is not in the list.  If there is not
 * enough memory to do that, the chunk stays, with its page tables.
 */
static int mm_secret_unmap_chunk(struct mm_secret_mm *state, struct mm_secret_chunk *chunk)
{
	const unsigned long start = chunk->addr, end = start + mm_secret_chunk_size(chunk);
	struct mm_struct *mm = state->mm;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;
	struct mmu_gather tlb;
	int err;

	mmap_assert_write_locked(mm);

	mm_secret_iter_init(&vmi, state, start);
	vma = vma_find(&vmi, end);
	err = do_vmi_align_munmap(&vmi, vma, mm, start, end, NULL,
				  MUNMAP_KERNEL_OWNED | MUNMAP_OTHER_TREE);
	if (err)
		return err;
	mm_secret_validate(state);

	tlb_gather_mmu(&tlb, mm);
	mm_secret_free_tables(&tlb, start, end);
	tlb_finish_mmu(&tlb);
	return 0;
}

/**
 * mm_secret_unmap_empty() - Unmap all empty chunks except one.
 * @state: The secret memory of an mm that has users.
 *
 * Context: Process context, the mmap lock is not held.  May sleep.
 */
void __sched mm_secret_unmap_empty(struct mm_secret_mm *state)
{
	struct mm_secret_chunk *chunk, *next;
	LIST_HEAD(chunks);

	if (mmap_write_lock_killable(state->mm))
		return;

	scoped_guard(spinlock, &state->lock) {
		list_for_each_entry_safe(chunk, next, &state->chunks, list) {
			if (chunk->nr_used || state->nr_empty == 1)
				continue;
			list_move(&chunk->list, &chunks);
			state->nr_chunks--;
			state->nr_empty--;
		}
	}
	list_for_each_entry_safe(chunk, next, &chunks, list) {
		list_del(&chunk->list);
		if (!mm_secret_unmap_chunk(state, chunk))
			continue;
		guard(spinlock)(&state->lock);
		list_add_tail(&chunk->list, &state->chunks);
		state->nr_chunks++;
		state->nr_empty++;
	}
	mmap_write_unlock(state->mm);
}

/**
 * mm_secret_exit_vmas() - Unmap all of the window.
 * @state: The secret memory of an mm without users, dead.
 *
 * The TLBs of all CPUs are flushed, including those that use the mm lazily.
 *
 * Context: Process context, the mmap lock is not held.  May sleep.
 */
void __sched mm_secret_exit_vmas(struct mm_secret_mm *state)
{
	struct mm_struct *mm = state->mm;
	struct vm_area_struct *vma;
	struct unmap_desc unmap;
	struct vma_iterator vmi;
	struct mmu_gather tlb;

	mmap_write_lock(mm);
	mm_secret_iter_init(&vmi, state, 0);
	vma = vma_find(&vmi, MM_SECRET_END);
	if (vma) {
		unmap_all_init(&unmap, &vmi, vma);
		unmap.pg_start = MM_SECRET_START;
		unmap.pg_end = MM_SECRET_END;
		unmap.vma_end = MM_SECRET_END;
		unmap.mm_wr_locked = true;
		/* Page tables are freed: the flush includes lazy CPUs. */
		tlb_gather_mmu_fullmm(&tlb, mm);
		unmap_vmas(&tlb, &unmap);
		mm_secret_iter_init(&vmi, state, 0);
		for_each_vma(vmi, vma)
			mm_secret_free_tables(&tlb, vma->vm_start, vma->vm_end);
		tlb_finish_mmu(&tlb);

		mm_secret_iter_init(&vmi, state, 0);
		for_each_vma(vmi, vma) {
			vma_start_write(vma);
			vma_mark_detached(vma);
			remove_vma(vma);
			cond_resched();
		}
		__mt_destroy(&state->vmas);
	}
	mmap_write_unlock(mm);
}

/* Find a gap at a random place, or any if the window is crowded.  0 if none. */
static unsigned long mm_secret_find_gap(struct mm_secret_mm *state, unsigned long size)
{
	const unsigned long places = (MM_SECRET_END - MM_SECRET_START - size) / PMD_SIZE + 1;
	unsigned int tries = 8;
	struct vma_iterator vmi;
	unsigned long addr;

	do {
		addr = MM_SECRET_START + get_random_u32_below(places) * PMD_SIZE;
		mm_secret_iter_init(&vmi, state, addr);
		if (!vma_find(&vmi, addr + size))
			return addr;
	} while (--tries);

	mm_secret_iter_init(&vmi, state, MM_SECRET_START);
	if (vma_iter_area_lowest(&vmi, MM_SECRET_START, MM_SECRET_END, size))
		return 0;
	return vma_iter_addr(&vmi);
}

/* Put the chunk's VMA, without page tables yet, into the window's tree. */
static int mm_secret_insert_vma(struct mm_secret_mm *state, struct mm_secret_chunk *chunk)
{
	struct vm_area_struct *vma;
	struct vma_iterator vmi;
	int err;

	chunk->addr = mm_secret_find_gap(state, mm_secret_chunk_size(chunk));
	if (!chunk->addr)
		return -ENOMEM;

	vma = vm_area_alloc(state->mm);
	if (!vma)
		return -ENOMEM;

	vma->vm_start = chunk->addr;
	vma->vm_end = chunk->addr + mm_secret_chunk_size(chunk);
	vma->vm_ops = &mm_secret_vm_ops;
	vma->vm_private_data = chunk;
	vma->vm_page_prot = arch_mm_secret_pgprot();
	vm_flags_init(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			   VM_DONTDUMP);
	err = vma_set_kernel_owned(vma);
	if (err)
		goto free;

	err = -ENOMEM;
	mm_secret_iter_init(&vmi, state, vma->vm_start);
	vma_iter_config(&vmi, vma->vm_start, vma->vm_end);
	if (vma_iter_prealloc(&vmi, vma))
		goto free;

	vma_start_write(vma);
	vma_iter_store_new(&vmi, vma);
	mm_secret_validate(state);
	return 0;

free:
	vm_area_free(vma);
	return err;
}

/* Add a chunk that @nr pages fit in. */
static int __sched mm_secret_add_chunk(struct mm_secret_mm *state, unsigned long nr)
{
	const unsigned long nr_pages = round_up(nr + 2, PTRS_PER_PTE);
	struct mm_secret_chunk *chunk;
	int err;

	chunk = kzalloc_flex(*chunk, used, BITS_TO_LONGS(nr_pages), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	chunk->nr_pages = nr_pages;

	err = mmap_write_lock_killable(state->mm);
	if (err) {
		kfree(chunk);
		return err;
	}
	err = mm_secret_insert_vma(state, chunk);
	if (err) {
		kfree(chunk);
	} else {
		err = mm_secret_make_tables(state->mm, chunk);
		/*
		 * If the unmap fails, too, the unused VMA stays until exit.
		 */
		if (err)
			mm_secret_unmap_chunk(state, chunk);
	}
	mmap_write_unlock(state->mm);
	if (err)
		return err;

	guard(spinlock)(&state->lock);
	list_add(&chunk->list, &state->chunks);
	state->nr_chunks++;
	state->nr_empty++;
	return 0;
}

/* Find a random place in the chunk, with an unmapped page on either side. */
static bool mm_secret_find_in_chunk(struct mm_secret_chunk *chunk, struct mm_secret_area *area)
{
	const unsigned int need = PFN_DOWN(area->size) + 2;
	unsigned int tries = chunk->nr_used < chunk->nr_pages / 4 ? 8 : 2;
	unsigned long first;

	if (chunk->nr_pages < need)
		return false;

	/* Draw again if it is taken: the next free place adjoins an area. */
	do {
		first = get_random_u32_below(chunk->nr_pages - need + 1);
		if (find_next_bit(chunk->used, first + need, first) >= first + need)
			goto found;
	} while (--tries);

	/* The chunk is crowded: take any place. */
	first = bitmap_find_next_zero_area(chunk->used, chunk->nr_pages, chunk->hint, need, 0);
	if (first + need > chunk->nr_pages)
		first = bitmap_find_next_zero_area(chunk->used, chunk->nr_pages, 0, need, 0);
	if (first + need > chunk->nr_pages)
		return false;
found:
	area->chunk = chunk;
	area->addr = chunk->addr + ((first + 1) << PAGE_SHIFT);
	return true;
}

static bool mm_secret_find_in_chunks(struct mm_secret_mm *state, struct mm_secret_area *area,
				     unsigned int tries)
{
	struct mm_secret_chunk *chunk;

	/* A chunk that had room last time probably has some now. */
	list_for_each_entry(chunk, &state->chunks, list) {
		if (mm_secret_find_in_chunk(chunk, area)) {
			list_move(&chunk->list, &state->chunks);
			return true;
		}
		if (!--tries)
			break;
	}
	return false;
}

static unsigned int mm_secret_first_page(const struct mm_secret_area *area)
{
	return PFN_DOWN(area->addr - area->chunk->addr);
}

/* Reserve a place for the area in one of the first @tries chunks; count it. */
static int mm_secret_take_place(struct mm_secret_area *area, unsigned int tries)
{
	const unsigned long nr = PFN_DOWN(area->size);
	struct mm_secret_mm *state = area->state;
	struct mm_secret_chunk *chunk;

	guard(spinlock)(&state->lock);
	if (state->nr_pages + nr > MM_SECRET_MAX_PAGES)
		return -ENOSPC;
	/* Page tables for next to nothing must not add up: search all. */
	if (state->nr_chunks * (PTRS_PER_PTE / 8) > state->nr_pages)
		tries = UINT_MAX;
	if (!mm_secret_find_in_chunks(state, area, tries))
		return -EAGAIN;

	chunk = area->chunk;
	bitmap_set(chunk->used, mm_secret_first_page(area), nr);
	if (!chunk->nr_used)
		state->nr_empty--;
	chunk->nr_used += nr;
	state->nr_areas++;
	state->nr_pages += nr;
	return 0;
}

/**
 * mm_secret_release_place() - Release the place of an area.
 * @area: The area, of which nothing is mapped any more.
 *
 * Context: mm_secret_mm.lock is held.
 */
void mm_secret_release_place(struct mm_secret_area *area)
{
	const unsigned long nr = PFN_DOWN(area->size);
	struct mm_secret_chunk *chunk = area->chunk;
	struct mm_secret_mm *state = area->state;

	lockdep_assert_held(&state->lock);
	bitmap_clear(chunk->used, mm_secret_first_page(area), nr);
	chunk->hint = mm_secret_first_page(area) - 1;
	chunk->nr_used -= nr;
	if (!chunk->nr_used)
		state->nr_empty++;
	list_move(&chunk->list, &state->chunks);
	state->nr_pages -= nr;
	state->nr_areas--;
}

/**
 * mm_secret_reserve_place() - Find a place for an area, and count it.
 * @area: The area, with its size and state.
 *
 * The area gets a random address with page tables, and an unmapped page on
 * either side.
 *
 * Context: Process context, the mm has users, its mmap lock is not held.  May
 * sleep.
 * Return: 0; -ENOSPC if the mm would exceed its limit; -EINTR if a fatal signal
 * is pending; or -ENOMEM.
 */
int __sched mm_secret_reserve_place(struct mm_secret_area *area)
{
	int err;

	while ((err = mm_secret_take_place(area, 4)) == -EAGAIN) {
		err = mm_secret_add_chunk(area->state, PFN_DOWN(area->size));
		if (!err)
			continue;
		/*
		 * No room for a new chunk: search all existing chunks, not only
		 * the first few.
		 */
		if (err == -ENOMEM && !mm_secret_take_place(area, UINT_MAX))
			err = 0;
		break;
	}
	return err;
}
