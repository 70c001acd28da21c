// SPDX-License-Identifier: GPL-2.0
/*
 * Zero pages that are out of the direct map and in no page table.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_local.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include <asm/tlbflush.h>

#include "mm_local.h"

/* Where, with page tables from the start. */
#define ZERO_ADDR	(MM_LOCAL_START + PAGE_SIZE)

/* An mm that nothing else uses, for its window.  It has no VMA and stays. */
static struct mm_struct *zeroing_mm;

/* The mm and its page tables are there from the first time on. */
static bool zeroing_mm_ready(void)
{
	spinlock_t *ptl;	/* of the page table that pte is in */
	pte_t *pte;

	if (!zeroing_mm) {
		zeroing_mm = mm_alloc();
		if (!zeroing_mm)
			return false;
#ifdef CONFIG_MEMCG
		/* It outlives the thread that happens to make it. */
		RCU_INIT_POINTER(zeroing_mm->owner, NULL);
#endif
	}
	pte = get_locked_pte(zeroing_mm, ZERO_ADDR, &ptl);
	if (!pte)
		return false;
	pte_unmap_unlock(pte, ptl);
	return true;
}

static void unmap_zeroed(unsigned long addr)
{
	spinlock_t *ptl;	/* of the page table that pte is in */
	pte_t *pte = get_locked_pte(zeroing_mm, addr, &ptl);

	ptep_get_and_clear(zeroing_mm, addr, pte);
	pte_unmap_unlock(pte, ptl);
}

/**
 * mm_local_zero_pages() - Zero pages that are in no page table.
 * @pages: The pages, out of the direct map.
 * @nr: How many, up to MM_LOCAL_MAX_ZEROED.
 *
 * By a mapping that belongs to no process.  Kernel threads and interrupts on this CPU
 * have it meanwhile, and those on a CPU that has done this before and still has the mm
 * loaded, as its active_mm.
 *
 * Context: A kernel thread without an mm, one at a time.  May sleep.
 * Return: Whether it was done; there may be no memory for the page tables.
 */
bool mm_local_zero_pages(struct page **pages, unsigned int nr)
{
	unsigned int i;

	if (WARN_ON_ONCE(nr > MM_LOCAL_MAX_ZEROED) || !zeroing_mm_ready())
		return false;

	kthread_use_mm(zeroing_mm);
	mmap_write_lock(zeroing_mm);
	for (i = 0; i < nr; i++)
		WARN_ON_ONCE(mm_local_map_page(zeroing_mm, ZERO_ADDR + i * PAGE_SIZE,
					       pages[i]));
	memzero_explicit((void *)ZERO_ADDR, nr * PAGE_SIZE);
	for (i = 0; i < nr; i++)
		unmap_zeroed(ZERO_ADDR + i * PAGE_SIZE);
	mmap_write_unlock(zeroing_mm);
	flush_tlb_mm(zeroing_mm);
	kthread_unuse_mm(zeroing_mm);
	return true;
}
