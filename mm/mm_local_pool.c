// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for mm-local memory that are out of the direct map and zero already.
 *
 * They come in blocks of 2 MiB, so that to take one out splits no mapping of that size,
 * and one flush of the TLBs does for all of its pages.  A block without a page in use
 * goes back to the system when memory is short, after some seconds, and before a
 * hibernation.
 */
#include <linux/cleanup.h>
#include <linux/cpuset.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/set_memory.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <asm/tlbflush.h>

#include "mm_local.h"

#define BLOCK_ORDER	get_order(SZ_2M)
#define BLOCK_PAGES	(SZ_2M >> PAGE_SHIFT)

/* How long a block without a page in use stays. */
#define IDLE_TIME	(10 * HZ)

/* How long to do without blocks after there was none to be had. */
#define RETRY_TIME	HZ

/**
 * struct mm_local_block - pages that left the direct map together
 * @list: In one of the lists of its node, or in none if no page is free.
 * @pages: The first one.  The private data of each is the block.
 * @free: The pages that are free and zero, by their lru.
 * @nr_free: How many.
 * @since: When the last page came back, in jiffies.
 */
struct mm_local_block {
	struct list_head list;
	struct page *pages;
	struct list_head free;
	unsigned int nr_free;
	unsigned long since;
};

/**
 * struct mm_local_node - the blocks of a node that have free pages
 * @partial: Those with other pages in use, the longest without a change first.
 * @empty: Those without.
 * @grow_after: When to look for another block, in jiffies.
 */
struct mm_local_node {
	struct list_head partial;
	struct list_head empty;
	unsigned long grow_after;
};

static struct mm_local_node *nodes;

/* All lists, and the blocks. */
static DEFINE_SPINLOCK(pool_lock);
static LIST_HEAD(retired_blocks);	/* about to be freed */
static LIST_HEAD(dirty_pages);
static unsigned long nr_blocks;
static unsigned long nr_empty_blocks;

/* Held by whoever takes in a block. */
static DEFINE_MUTEX(grow_lock);

static void zero_pages(struct work_struct *work);
static void free_idle(struct work_struct *work);
static DECLARE_DELAYED_WORK(zero_work, zero_pages);
static DECLARE_DELAYED_WORK(idle_work, free_idle);

/* Give the pages of a block back, which are in the direct map. */
static void block_free(struct mm_local_block *block)
{
	unsigned int i;

	for (i = 0; i < BLOCK_PAGES; i++) {
		set_page_private(block->pages + i, 0);
		folio_put_refs(page_folio(block->pages + i), 2);
	}
	kfree(block);
}

/* Have up to @nr blocks go back that are empty since @since or longer. */
static unsigned long retire_blocks(unsigned long nr, unsigned long since)
{
	struct mm_local_block *block, *next;
	unsigned long retired = 0;
	int nid;

	guard(spinlock)(&pool_lock);
	for_each_node(nid) {
		list_for_each_entry_safe(block, next, &nodes[nid].empty, list) {
			if (retired == nr)
				return retired;
			if (time_after(block->since, since))
				continue;
			list_move(&block->list, &retired_blocks);
			nr_empty_blocks--;
			retired++;
		}
	}
	return retired;
}

static void free_retired_blocks(void)
{
	struct mm_local_block *block, *next;
	LIST_HEAD(blocks);

	scoped_guard(spinlock, &pool_lock)
		list_splice_init(&retired_blocks, &blocks);
	list_for_each_entry_safe(block, next, &blocks, list) {
		if (!WARN_ON_ONCE(set_direct_map_valid_noflush(block->pages, BLOCK_PAGES,
							       true)))
			block_free(block);
		scoped_guard(spinlock, &pool_lock)
			nr_blocks--;
		cond_resched();
	}
}

static void free_idle(struct work_struct *work)
{
	retire_blocks(ULONG_MAX, jiffies - IDLE_TIME);
	free_retired_blocks();
	if (READ_ONCE(nr_empty_blocks))
		queue_delayed_work(system_dfl_wq, &idle_work, IDLE_TIME);
}

/* The first free page of a block, which has one. */
static struct page *block_take(struct mm_local_block *block)
{
	struct page *page = list_first_entry(&block->free, struct page, lru);

	list_del_init(&page->lru);
	if (!--block->nr_free)
		list_del_init(&block->list);
	return page;
}

static struct page *pool_take(int nid)
{
	struct mm_local_node *node = &nodes[nid];
	struct mm_local_block *block;
	struct page *page;

	guard(spinlock)(&pool_lock);
	do {
		block = list_first_entry_or_null(&node->partial, struct mm_local_block,
						 list);
		if (!block) {
			block = list_first_entry_or_null(&node->empty,
							 struct mm_local_block, list);
			if (!block)
				return NULL;
			list_move(&block->list, &node->partial);
			nr_empty_blocks--;
		}
		page = block_take(block);
	} while (PageHWPoison(page));
	return page;
}

/* Take in a block, and a page of it.  NULL if that is not possible. */
static struct page *pool_grow(int nid)
{
	struct mm_local_node *node = &nodes[nid];
	struct mm_local_block *block;
	struct page *page;
	unsigned int i;

	guard(mutex)(&grow_lock);
	/* Somebody else was faster, or has just tried. */
	page = pool_take(nid);
	if (page || time_before(jiffies, node->grow_after))
		return page;

	block = kzalloc_obj(*block);
	if (!block)
		return NULL;
	/* Single pages will do if there is nothing so large at hand. */
	block->pages = alloc_pages_node(nid, (GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) |
					__GFP_ZERO | __GFP_THISNODE | __GFP_NOMEMALLOC |
					__GFP_NOWARN, BLOCK_ORDER);
	if (!block->pages) {
		node->grow_after = jiffies + RETRY_TIME;
		kfree(block);
		return NULL;
	}

	split_page(block->pages, BLOCK_ORDER);
	INIT_LIST_HEAD(&block->list);
	INIT_LIST_HEAD(&block->free);
	for (i = 0; i < BLOCK_PAGES; i++) {
		page = block->pages + i;
		/* See mm_local_get_pages(). */
		get_page(page);
		set_page_private(page, (unsigned long)block);
		list_add_tail(&page->lru, &block->free);
	}
	if (set_direct_map_valid_noflush(block->pages, BLOCK_PAGES, false)) {
		node->grow_after = jiffies + RETRY_TIME;
		/* Where nothing was split, nothing has changed. */
		if ((kernel_page_present(block->pages) && kernel_page_present(page)) ||
		    !WARN_ON_ONCE(set_direct_map_valid_noflush(block->pages,
							       BLOCK_PAGES, true)))
			block_free(block);
		return NULL;
	}
	flush_tlb_all();

	block->nr_free = BLOCK_PAGES;
	guard(spinlock)(&pool_lock);
	nr_blocks++;
	list_add(&block->list, &node->partial);
	return block_take(block);
}

/* Take back a page that is zero.  A bad one stays where it is, and its block for ever. */
static void pool_put(struct page *page)
{
	struct mm_local_block *block = (void *)page_private(page);
	struct mm_local_node *node = &nodes[page_to_nid(page)];

	memcg_kmem_uncharge_page(page, 0);
	if (PageHWPoison(page))
		return;

	guard(spinlock)(&pool_lock);
	list_add(&page->lru, &block->free);
	if (++block->nr_free < BLOCK_PAGES) {
		/* Not the next one to take from: it may become empty. */
		list_move_tail(&block->list, &node->partial);
		return;
	}
	list_move(&block->list, &node->empty);
	nr_empty_blocks++;
	block->since = jiffies;
	queue_delayed_work(system_dfl_wq, &idle_work, IDLE_TIME);
}

static int pool_charge(struct page *page, gfp_t gfp)
{
	if (!memcg_kmem_charge_page(page, gfp | __GFP_NORETRY, 0))
		return 0;
	/* Before the OOM killer comes: what is to be zeroed is still charged. */
	flush_delayed_work(&zero_work);
	return memcg_kmem_charge_page(page, gfp, 0);
}

/**
 * mm_local_pool_get() - Get a zeroed page that is out of the direct map.
 * @gfp: As for mm_local_get_pages(): what to charge it with.
 *
 * It has two references and is charged to the active memory cgroup.
 *
 * Context: Process context.  May sleep.
 * Return: The page; NULL if there is none and the pool cannot have another block; or
 * ERR_PTR(-ENOMEM) if the memory cgroup cannot be charged.
 */
struct page *mm_local_pool_get(gfp_t gfp)
{
	const int nid = numa_mem_id();
	struct page *page;

	if (!READ_ONCE(nodes) || !node_isset(nid, cpuset_current_mems_allowed))
		return NULL;
	page = pool_take(nid) ?: pool_grow(nid);
	if (page && pool_charge(page, gfp)) {
		pool_put(page);
		return ERR_PTR(-ENOMEM);
	}
	return page;
}

/**
 * mm_local_pool_put() - Give a page back to the pool.
 * @page: The page, from mm_local_pool_get().
 * @zeroed: Whether the owner has zeroed it.
 *
 * No page table and no TLB leads to it any more.  It is charged until it is zero.
 */
void mm_local_pool_put(struct page *page, bool zeroed)
{
	if (zeroed) {
		pool_put(page);
		return;
	}
	scoped_guard(spinlock, &pool_lock)
		list_add_tail(&page->lru, &dirty_pages);
	queue_delayed_work(system_dfl_wq, &zero_work, 0);
}

static unsigned int take_dirty(struct list_head *dirty, struct page **pages)
{
	unsigned int nr = 0;

	while (nr < MM_LOCAL_MAX_ZEROED && !list_empty(dirty)) {
		pages[nr] = list_first_entry(dirty, struct page, lru);
		list_del_init(&pages[nr]->lru);
		if (PageHWPoison(pages[nr]))
			pool_put(pages[nr]);
		else
			nr++;
	}
	return nr;
}

/* Zero what the owners have not zeroed.  What comes meanwhile is for the next run. */
static void zero_pages(struct work_struct *work)
{
	struct page *pages[MM_LOCAL_MAX_ZEROED];
	unsigned int i, nr;
	LIST_HEAD(dirty);

	scoped_guard(spinlock, &pool_lock)
		list_splice_init(&dirty_pages, &dirty);
	while ((nr = take_dirty(&dirty, pages))) {
		if (!mm_local_zero_pages(pages, nr)) {
			for (i = 0; i < nr; i++)
				list_add(&pages[i]->lru, &dirty);
			scoped_guard(spinlock, &pool_lock)
				list_splice(&dirty, &dirty_pages);
			queue_delayed_work(system_dfl_wq, &zero_work, HZ);
			return;
		}
		for (i = 0; i < nr; i++)
			pool_put(pages[i]);
		cond_resched();
	}
}

/**
 * mm_local_pool_drain() - Give all pages back to the system that are not in use.
 *
 * Context: Process context.  May sleep.
 * Return: Whether nothing is left.
 */
bool mm_local_pool_drain(void)
{
	if (!nodes)
		return true;

	flush_delayed_work(&zero_work);
	retire_blocks(ULONG_MAX, jiffies);
	/* The work, as it may have some in its hands already. */
	mod_delayed_work(system_dfl_wq, &idle_work, 0);
	flush_delayed_work(&idle_work);
	return !READ_ONCE(nr_blocks);
}

static unsigned long pool_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	return READ_ONCE(nr_empty_blocks) * BLOCK_PAGES ?: SHRINK_EMPTY;
}

/*
 * Not here and now: what maps the block may have to allocate memory, and whoever got
 * here for want of memory may hold its locks.
 */
static unsigned long pool_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	const unsigned long nr = DIV_ROUND_UP(sc->nr_to_scan, BLOCK_PAGES);
	const unsigned long retired = retire_blocks(nr, jiffies);

	mod_delayed_work(system_dfl_wq, &idle_work, 0);
	return retired * BLOCK_PAGES;
}

static int __init mm_local_pool_init(void)
{
	struct mm_local_node *all = kmalloc_objs(*all, nr_node_ids);
	struct shrinker *shrinker = shrinker_alloc(0, "mm-local");
	int nid;

	if (!all || !shrinker) {
		kfree(all);
		shrinker_free(shrinker);
		return -ENOMEM;
	}

	for_each_node(nid) {
		INIT_LIST_HEAD(&all[nid].partial);
		INIT_LIST_HEAD(&all[nid].empty);
		all[nid].grow_after = jiffies;
	}
	smp_store_release(&nodes, all);	/* pairs with READ_ONCE(nodes) */
	shrinker->count_objects = pool_count;
	shrinker->scan_objects = pool_scan;
	shrinker->batch = BLOCK_PAGES;
	shrinker_register(shrinker);
	return 0;
}
late_initcall(mm_local_pool_init);
