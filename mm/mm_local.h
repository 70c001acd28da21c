/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_MM_LOCAL_H
#define _MM_MM_LOCAL_H

#include <linux/mm_local.h>
#include <linux/refcount.h>
#include <linux/set_memory.h>
#include <linux/types.h>

struct mm_local_cache;
struct mm_struct;
struct page;

/**
 * struct mm_local_area - an area of mm-local memory, or a small object in one
 * @refs: One for the handle and one for the VMA.  Small objects do not use it.
 * @mm: The owner.  An area holds it by mmgrab().
 * @addr: Where it is mapped.
 * @cache: What a small object was allocated from.  NULL for an area.
 * @object_size: The size of the small object in bytes.
 * @has_pages: The pages are the area's: neither given back nor about to be.  Under
 *             the mmap lock, or without other users of the mm.
 * @nr_pages: How many.
 * @pages: The pages.
 */
struct mm_local_area {
	refcount_t refs;
	struct mm_struct *mm;
	unsigned long addr;
	struct mm_local_cache *cache;
	size_t object_size;
	bool has_pages;
	unsigned int nr_pages;
	struct page *pages[] __counted_by(nr_pages);
};

/* Whether this kernel, on this machine, has mm-local memory. */
static inline bool mm_local_supported(void)
{
	return arch_mm_local_supported() && can_set_direct_map();
}

int __must_check __mm_local_alloc(struct mm_local *ml, size_t size, gfp_t gfp);

/* Small objects: mm/mm_local_object.c */
void mm_local_free_object(struct mm_local_area *object);

/* The pages of mm-local memory and their page tables: mm/mm_local_pages.c */
int mm_local_get_pages(struct page **pages, unsigned int nr, gfp_t gfp);
void mm_local_put_pages(struct page **pages, unsigned int nr, bool zeroed);
int mm_local_map_page(struct mm_struct *mm, unsigned long addr, struct page *page);

/* Zeroing pages that are in no page table: mm/mm_local_zero.c */
#define MM_LOCAL_MAX_ZEROED	16
bool mm_local_zero_pages(struct page **pages, unsigned int nr);

/* A pool of pages: mm/mm_local_pool.c */
struct page *mm_local_pool_get(gfp_t gfp);
void mm_local_pool_put(struct page *page, bool zeroed);
bool mm_local_pool_drain(void);

#endif /* _MM_MM_LOCAL_H */
