// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of mm-local memory, out of the direct map as long as they are in use,
 * and the page tables that lead to them.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pgalloc.h>
#include <linux/sched/signal.h>
#include <linux/set_memory.h>

#include <asm/mm_local.h>
#include <asm/tlbflush.h>

#include "mm_local.h"

/**
 * mm_local_put_pages() - Give pages back, to the pool or the system.
 * @pages: The pages, from mm_local_get_pages().
 * @nr: How many.
 * @zeroed: Whether they are zero: the owner has zeroed them, or nobody written.
 *
 * No page table and no TLB leads to them any more.  Those that are not the pool's are
 * zeroed first thing after they are back in the direct map, before anybody else can
 * get them.
 *
 * Context: Process context.  May sleep.
 */
void mm_local_put_pages(struct page **pages, unsigned int nr, bool zeroed)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct page *page = pages[i];

		cond_resched();
		if (page_private(page)) {
			mm_local_pool_put(page, zeroed);
			continue;
		}
		/*
		 * Taking the page out of the direct map has split the mapping as
		 * far as needed, so there is nothing that could fail.  If it does
		 * all the same, rather lose the page.
		 */
		if (WARN_ON_ONCE(set_direct_map_default_noflush(page)))
			continue;
		clear_highpage(page);
		folio_put_refs(page_folio(page), 2);
	}
}

/**
 * mm_local_get_pages() - Allocate zeroed pages and take them out of the direct map.
 * @pages: Where to put them.
 * @nr: How many.
 * @gfp: GFP_KERNEL_ACCOUNT, or with __GFP_NORETRY to do without the OOM killer.
 *
 * Each has two references.  They are charged to the active memory cgroup.
 *
 * Context: Process context.  May sleep.
 * Return: 0 and all pages, or -ENOMEM, -EINTR if a fatal signal is pending, or what
 * changing the direct map gives, and no page.
 */
int mm_local_get_pages(struct page **pages, unsigned int nr, gfp_t gfp)
{
	bool flush = false;
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		struct page *page;

		/* No victim of the OOM killer should draw on the reserves here. */
		err = -EINTR;
		if (fatal_signal_pending(current))
			goto put;
		cond_resched();

		err = -ENOMEM;
		page = mm_local_pool_get(gfp);
		if (IS_ERR(page))
			goto put;
		if (page) {
			pages[i] = page;
			continue;
		}

		page = alloc_page(gfp | __GFP_ZERO);
		if (!page)
			goto put;
		/*
		 * unpoison_memory() takes a page that is marked poisoned and has
		 * one reference for one that hwpoison holds, and frees it.
		 */
		get_page(page);
		err = set_direct_map_invalid_noflush(page);
		if (err) {
			/* Where nothing was split, nothing has changed. */
			if (kernel_page_present(page) ||
			    !WARN_ON_ONCE(set_direct_map_default_noflush(page)))
				folio_put_refs(page_folio(page), 2);
			goto put;
		}
		pages[i] = page;
		flush = true;
	}

	/*
	 * Before anything is written: no CPU may have a translation left, be it
	 * of the direct map, of a vmap() that is gone but not flushed yet, or of
	 * a user address, which a CPU that used the mm lazily was not told of.
	 */
	if (flush)
		flush_tlb_all();
	return 0;

put:
	mm_local_put_pages(pages, i, true);
	return err;
}

/**
 * mm_local_map_page() - Map a page for the kernel alone, in one mm.
 * @mm: The mm, its mmap lock held for writing.
 * @addr: The address, in the window, and in a kernel-owned VMA if others use @mm.
 * @page: The page, from mm_local_get_pages().
 *
 * Return: 0 or -ENOMEM.  Page tables that were made stay until the VMA goes.
 */
int mm_local_map_page(struct mm_struct *mm, unsigned long addr, struct page *page)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	spinlock_t *ptl;	/* of the page table that pte is in */
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t *pte;

	p4d = p4d_alloc(mm, pgd, addr);
	if (!p4d)
		return -ENOMEM;
	pud = pud_alloc(mm, p4d, addr);
	if (!pud)
		return -ENOMEM;
	pmd = pmd_alloc(mm, pud, addr);
	if (!pmd)
		return -ENOMEM;
	if (pmd_none(*pmd)) {
		/* As __pte_alloc() does it, but not counted. */
		pgtable_t table = pte_alloc_one(mm);

		if (!table)
			return -ENOMEM;
		ptl = pmd_lock(mm, pmd);
		smp_wmb(); /* See comment in pmd_install() */
		pmd_populate(mm, pmd, table);
		spin_unlock(ptl);
	}
	pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
	if (WARN_ON_ONCE(!pte))
		return -ENOMEM;

	set_pte_at(mm, addr, pte,
		   pte_mkspecial(mk_pte(page, arch_mm_local_pgprot())));
	pte_unmap_unlock(pte, ptl);
	return 0;
}
