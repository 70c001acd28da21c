/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_MM_SECRET_H
#define _MM_MM_SECRET_H

#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mm_secret.h>
#include <linux/refcount.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct mm_secret_chunk;
struct mm_secret_slab;
struct mm_struct;
struct page;

/**
 * struct mm_secret_mm - the secret memory of an mm
 * @refs: One for the mm, and one for each handle that has an area or an object.
 * @mm: The mm, valid as long as @dead is not set.
 * @vmas: The VMAs of the window, under the mmap lock.
 * @lock: Protects all that follows.  Taken inside of the mmap lock.
 * @dead: exit_mmap() has begun, and frees the page tables.
 * @chunks: The VMAs' chunks, those that are likely to have room first.
 * @nr_chunks: The number of chunks.
 * @nr_empty: The number of chunks without an area.
 * @blocks: The blocks of pages, those with free pages first.
 * @nr_idle: The number of pages in idle blocks.
 * @nr_areas: The number of areas.
 * @nr_pages: The number of pages in areas.
 * @slabs: The pages of small objects that may have room for another one.
 */
struct mm_secret_mm {
	refcount_t refs;
	struct mm_struct *mm;
	struct maple_tree vmas;
	spinlock_t lock;	/* see above */
	bool dead;
	struct list_head chunks;
	unsigned int nr_chunks;
	unsigned int nr_empty;
	struct list_head blocks;
	unsigned int nr_idle;
	unsigned int nr_areas;
	unsigned long nr_pages;
	struct list_head slabs;
};

/**
 * struct mm_secret_area - an area of secret memory, or a small object in one
 * @state: The secret memory of the owning mm.
 * @addr: The address that it is mapped at.
 * @size: Its size in bytes: whole pages, unless it is a small object.
 * @chunk: The chunk that it is in.  NULL for a small object.
 * @slab: The page that a small object is in.  NULL for an area.
 */
struct mm_secret_area {
	struct mm_secret_mm *state;
	unsigned long addr;
	size_t size;
	struct mm_secret_chunk *chunk;
	struct mm_secret_slab *slab;
};

/*
 * The limit of one mm, in pages.  The memory is not reclaimable and is not in
 * the RSS, so that the OOM killer would not know which process to kill.
 */
#define MM_SECRET_MAX_PAGES	(SZ_64M >> PAGE_SHIFT)

/* Does this kernel have secret memory on this machine? */
static inline bool mm_secret_supported(void)
{
	return arch_mm_secret_supported() && can_set_direct_map();
}

/* VMAs, and the places of areas: mm/mm_secret_vma.c */
int mm_secret_reserve_place(struct mm_secret_area *area);
void mm_secret_release_place(struct mm_secret_area *area);
void mm_secret_unmap_empty(struct mm_secret_mm *state);
void mm_secret_exit_vmas(struct mm_secret_mm *state);

/* Areas: mm/mm_secret.c */
struct mm_secret_mm *mm_secret_get(struct mm_struct *mm);
void mm_secret_put(struct mm_secret_mm *state);
bool mm_secret_get_owner(const struct mm_secret_mm *state);
struct page *mm_secret_page_at(unsigned long addr);
int mm_secret_alloc_pages(struct mm_secret *ms, unsigned long nr, bool small);

/* Small objects: mm/mm_secret_object.c */
void mm_secret_free_object(struct mm_secret_area *object);

/* The pages: mm/mm_secret_block.c */
int mm_secret_take_pages(struct mm_secret_mm *state, bool small, struct page **pages,
			 unsigned int nr, unsigned long *zeroed);
void mm_secret_put_page(struct mm_secret_mm *state, struct page *page,
			bool zeroed, struct list_head *empty);
void mm_secret_trim_idle(struct mm_secret_mm *state, struct list_head *empty);
unsigned long mm_secret_free_blocks(struct list_head *blocks);
void mm_secret_exit_blocks(struct mm_secret_mm *state);
bool mm_secret_blocks_left(void);
void mm_secret_drain(void);

#endif /* _MM_MM_SECRET_H */
