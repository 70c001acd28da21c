// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of secret memory.
 *
 * They leave the direct map in blocks.  A block belongs to one mm, and goes
 * back as a whole.  An mm gets small blocks first, so that a few pages cost
 * little, then blocks of 2 MiB, which do not split a 2 MiB mapping.
 */
#include <linux/bitmap.h>
#include <linux/cpuset.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/panic.h>
#include <linux/sched/signal.h>
#include <linux/set_memory.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include <asm/tlbflush.h>

#include "mm_secret.h"

#define MM_SECRET_SMALL_ORDER	get_order(SZ_64K)
#define MM_SECRET_LARGE_ORDER	get_order(SZ_2M)
#define MM_SECRET_BLOCK_PAGES	(SZ_2M >> PAGE_SHIFT)

/*
 * An mm that has more pages than this gets large blocks.  As many may be idle,
 * or a quarter of the pages in areas, if that is more.
 */
#define MM_SECRET_FEW_PAGES	(SZ_512K >> PAGE_SHIFT)

/**
 * struct mm_secret_block - pages that left the direct map together
 * @list: Entry in the blocks of the mm, or in a list of blocks to be freed.
 * @lru: Entry in mm_secret_idle_blocks if @idle.
 * @state: The secret memory of the owning mm.
 * @page: The first page.  Pages in use have the block as their private data.
 * @order: The order of the allocation.
 * @nr_used: The number of bits set in @used.
 * @idle: No page is in use, and the shrinker may free the block.
 * @used: The pages that are in use, or have turned out to be poisoned.
 * @zeroed: The unused pages that are zero.
 * @dirty: The unused pages that still hold old contents.
 */
struct mm_secret_block {
	struct list_head list;
	struct list_head lru;
	struct mm_secret_mm *state;
	struct page *page;
	unsigned int order;
	unsigned int nr_used;
	bool idle;
	DECLARE_BITMAP(used, MM_SECRET_BLOCK_PAGES);
	DECLARE_BITMAP(zeroed, MM_SECRET_BLOCK_PAGES);
	DECLARE_BITMAP(dirty, MM_SECRET_BLOCK_PAGES);
};

/* The number of blocks, including lost ones. */
static atomic_t mm_secret_nr_blocks = ATOMIC_INIT(0);

static struct list_lru mm_secret_idle_blocks;

static unsigned int mm_secret_block_pages(const struct mm_secret_block *block)
{
	return 1U << block->order;
}

static int mm_secret_block_nid(const struct mm_secret_block *block)
{
	return page_to_nid(block->page);
}

static void mm_secret_block_count(const struct mm_secret_block *block,
				  enum node_stat_item item, int sign)
{
	mod_node_page_state(page_pgdat(block->page), item,
			    sign * (long)mm_secret_block_pages(block));
}

/* List the block for the memcg that it is charged to, for memcg reclaim. */
static void mm_secret_idle_add(struct mm_secret_block *block)
{
	guard(rcu)();
	list_lru_add(&mm_secret_idle_blocks, &block->lru, mm_secret_block_nid(block),
		     folio_memcg(page_folio(block->page)));
}

static void mm_secret_idle_del(struct mm_secret_block *block)
{
	guard(rcu)();
	list_lru_del(&mm_secret_idle_blocks, &block->lru, mm_secret_block_nid(block),
		     folio_memcg(page_folio(block->page)));
}

static void mm_secret_block_set_idle(struct mm_secret_block *block, bool idle)
{
	const int sign = idle ? 1 : -1;

	lockdep_assert_held(&block->state->lock);
	block->idle = idle;
	block->state->nr_idle += sign * (int)mm_secret_block_pages(block);
	mm_secret_block_count(block, NR_KERNEL_MISC_RECLAIMABLE, sign);
	mm_secret_block_count(block, NR_MM_SECRET_IDLE, sign);
}

/*
 * Give a block back that no page table maps.  Allocates nothing.  Return the
 * number of pages that were given back.
 */
static unsigned int mm_secret_block_free(struct mm_secret_block *block)
{
	const unsigned int nr = mm_secret_block_pages(block);
	bool bad = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		bad |= PageHWPoison(block->page + i);
		set_page_private(block->page + i, 0);
	}
	/*
	 * A poisoned page must not be mapped again, and mapping only the others
	 * could need memory for page tables.  Otherwise nothing should fail:
	 * all splits were done when the block left the direct map.  In either
	 * case the block is lost: it stays unmapped, and is still counted.
	 */
	if (bad || WARN_ON_ONCE(set_direct_map_valid_noflush(block->page, nr, true))) {
		memcg_kmem_uncharge_page(block->page, block->order);
		kfree(block);
		return 0;
	}

	/* Zero old contents before anybody else can get the pages. */
	for_each_set_bit(i, block->dirty, nr)
		clear_highpage(block->page + i);

	mm_secret_block_count(block, NR_MM_SECRET, -1);
	atomic_dec(&mm_secret_nr_blocks);
	page_ref_dec(block->page);
	__free_pages(block->page, block->order);
	kfree(block);
	return nr;
}

/**
 * mm_secret_free_blocks() - Give blocks back to the system.
 * @blocks: Their list, from mm_secret_put_page().
 *
 * Pages that the owner has not zeroed are zeroed as soon as they are back in
 * the direct map.
 *
 * Context: Process context, mm_secret_mm.lock is not held.  May sleep.
 * Allocates nothing.
 * Return: The number of pages that were given back.
 */
unsigned long mm_secret_free_blocks(struct list_head *blocks)
{
	struct mm_secret_block *block, *next;
	unsigned long nr = 0;

	list_for_each_entry_safe(block, next, blocks, list) {
		nr += mm_secret_block_free(block);
		cond_resched();
	}
	INIT_LIST_HEAD(blocks);
	return nr;
}

/* Do the policy and the cpuset of the task allow memory of this node? */
static bool mm_secret_node_allowed(int nid)
{
#ifdef CONFIG_NUMA
	const struct mempolicy *pol = current->mempolicy;

	if (pol && pol->mode == MPOL_BIND && !node_isset(nid, pol->nodes))
		return false;
#endif
	return node_isset(nid, cpuset_current_mems_allowed);
}

/* The node that the policy of the task prefers, if there are several. */
static int mm_secret_wanted_node(void)
{
#ifdef CONFIG_NUMA
	if (nr_online_nodes > 1)
		return mempolicy_slab_node();
#endif
	return NUMA_NO_NODE;
}

/*
 * Take up to @nr unused pages of a block.  @zeroed tells which of them are
 * zero.  Pages poisoned while unused are marked used and never handed out.
 */
static unsigned int mm_secret_block_take(struct mm_secret_block *block, struct page **pages,
					 unsigned int nr, unsigned long *zeroed)
{
	const unsigned int nr_pages = mm_secret_block_pages(block);
	unsigned long i = 0;
	unsigned int n = 0;

	lockdep_assert_held(&block->state->lock);
	while (n < nr && (i = find_next_zero_bit(block->used, nr_pages, i)) < nr_pages) {
		__set_bit(i, block->used);
		block->nr_used++;
		if (PageHWPoison(block->page + i))
			continue;
		__assign_bit(n, zeroed, __test_and_clear_bit(i, block->zeroed));
		__clear_bit(i, block->dirty);
		pages[n] = block->page + i;
		set_page_private(pages[n++], (unsigned long)block);
	}
	if (block->nr_used == nr_pages)
		list_move_tail(&block->list, &block->state->blocks);
	return n;
}

/* Take pages of a block on @nid, or for NUMA_NO_NODE on any allowed node. */
static unsigned int mm_secret_take_free(struct mm_secret_mm *state, int nid, bool small,
					struct page **pages, unsigned int nr, unsigned long *zeroed)
{
	struct mm_secret_block *block;
	unsigned int n;

	guard(spinlock)(&state->lock);
again:
	list_for_each_entry(block, &state->blocks, list) {
		if (block->nr_used == mm_secret_block_pages(block))
			return 0;
		if (small && block->order > MM_SECRET_SMALL_ORDER)
			continue;
		if (nid == NUMA_NO_NODE ? !mm_secret_node_allowed(mm_secret_block_nid(block)) :
		    mm_secret_block_nid(block) != nid)
			continue;

		if (block->idle) {
			mm_secret_idle_del(block);
			mm_secret_block_set_idle(block, false);
		}
		n = mm_secret_block_take(block, pages, nr, zeroed);
		if (n)
			return n;
		goto again;
	}
	return 0;
}

static struct page *mm_secret_alloc_block(int nid, unsigned int order)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT;

	/* One page of any node will do: do not reclaim for more than that. */
	if (order || nid != NUMA_NO_NODE) {
		gfp &= ~__GFP_DIRECT_RECLAIM;
		gfp |= __GFP_NOMEMALLOC | __GFP_NOWARN | __GFP_HARDWALL;
	}
	if (nid == NUMA_NO_NODE)
		return alloc_pages(gfp, order);
	return alloc_pages_node(nid, gfp | __GFP_THISNODE, order);
}

/*
 * Take the block out of the direct map.  After an error its pages have been
 * given back to the system or, if that failed, too, are lost but counted.
 */
static int mm_secret_block_leave(struct mm_secret_block *block)
{
	const unsigned int nr = mm_secret_block_pages(block);
	int err;

	err = set_direct_map_valid_noflush(block->page, nr, false);
	if (!err)
		return 0;
	/* Changes go in order: if both ends are present, nothing changed. */
	if ((kernel_page_present(block->page) && kernel_page_present(block->page + nr - 1)) ||
	    !WARN_ON_ONCE(set_direct_map_valid_noflush(block->page, nr, true))) {
		__free_pages(block->page, block->order);
		return err;
	}
	memcg_kmem_uncharge_page(block->page, block->order);
	mm_secret_block_count(block, NR_MM_SECRET, 1);
	atomic_inc(&mm_secret_nr_blocks);
	return err;
}

/*
 * Allocate a block, on @nid only unless that is NUMA_NO_NODE, and take pages
 * from it.  Return their number or an error.
 */
static int mm_secret_add_block(struct mm_secret_mm *state, int nid, bool small,
			       struct page **pages, unsigned int nr, unsigned long *zeroed)
{
	struct mm_secret_block *block;
	int err;

	/* A victim of the OOM killer must not use up the reserves here. */
	if (fatal_signal_pending(current))
		return -EINTR;

	block = kzalloc_obj(*block, GFP_KERNEL_ACCOUNT);
	if (!block)
		return -ENOMEM;

	block->state = state;
	INIT_LIST_HEAD(&block->lru);
	if (!small && READ_ONCE(state->nr_pages) > MM_SECRET_FEW_PAGES) {
		block->order = MM_SECRET_LARGE_ORDER;
		block->page = mm_secret_alloc_block(nid, block->order);
	}
	if (!block->page) {
		block->order = MM_SECRET_SMALL_ORDER;
		block->page = mm_secret_alloc_block(nid, block->order);
	}
	if (!block->page && MM_SECRET_SMALL_ORDER) {
		block->order = 0;
		block->page = mm_secret_alloc_block(nid, block->order);
	}
	err = -ENOMEM;
	if (!block->page)
		goto free;

	if (folio_memcg_charged(page_folio(block->page)) &&
	    folio_memcg_list_lru_alloc(page_folio(block->page), &mm_secret_idle_blocks,
				       GFP_KERNEL)) {
		__free_pages(block->page, block->order);
		goto free;
	}
	err = mm_secret_block_leave(block);
	if (err)
		goto free;
	/*
	 * Before anything is written, no CPU may have a translation left: of
	 * the direct map, of a vmap() that is gone but not flushed yet, or of a
	 * user address, for which lazy CPUs may not have been flushed.
	 */
	flush_tlb_all();
	/* With one reference, unpoison_memory() would free a poisoned page. */
	get_page(block->page);
	mm_secret_block_count(block, NR_MM_SECRET, 1);
	atomic_inc(&mm_secret_nr_blocks);

	scoped_guard(spinlock, &state->lock) {
		list_add(&block->list, &state->blocks);
		err = mm_secret_block_take(block, pages, nr, zeroed);
	}
	return err;

free:
	kfree(block);
	return err;
}

/**
 * mm_secret_take_pages() - Get pages that are out of the direct map.
 * @state: The owner's secret memory, which is not dead.
 * @small: Whether they are for small objects.
 * @pages: The array to put them into.
 * @nr: The number of pages wanted, at most BITS_PER_LONG.
 * @zeroed: A bitmap to fill in: which of the pages are zero.
 *
 * Nodes are chosen as for GFP_KERNEL, by the policy and the cpuset of the task.
 * A block is charged to the active memory cgroup as a whole.
 *
 * Context: Process context.  May sleep.
 * Return: The number of pages, which is 0 only if all pages of a new block are
 * poisoned already; -ENOMEM; -EINTR if a fatal signal is pending; or an error
 * of the change of the direct map.
 */
int mm_secret_take_pages(struct mm_secret_mm *state, bool small, struct page **pages,
			 unsigned int nr, unsigned long *zeroed)
{
	const int nid = mm_secret_wanted_node();
	int n = 0;

	if (nid != NUMA_NO_NODE && mm_secret_node_allowed(nid)) {
		n = mm_secret_take_free(state, nid, small, pages, nr, zeroed);
		if (!n)
			n = mm_secret_add_block(state, nid, small, pages, nr, zeroed);
	}
	if (n <= 0)
		n = mm_secret_take_free(state, NUMA_NO_NODE, small, pages, nr, zeroed);
	return n ?: mm_secret_add_block(state, NUMA_NO_NODE, small, pages, nr, zeroed);
}

/**
 * mm_secret_put_page() - Give a page back to its block.
 * @state: The owner's secret memory, locked.
 * @page: The page, from mm_secret_take_pages().
 * @zeroed: Whether the owner has zeroed it.
 * @empty: The list for the block if mm_secret_free_blocks() is to free it.
 *
 * No page table and no TLB maps the page any more.
 *
 * Context: mm_secret_mm.lock is held.
 */
void mm_secret_put_page(struct mm_secret_mm *state, struct page *page,
			bool zeroed, struct list_head *empty)
{
	struct mm_secret_block *block = (void *)page_private(page);
	const unsigned int nr = mm_secret_block_pages(block);

	lockdep_assert_held(&state->lock);
	/* A poisoned page stays marked used. */
	if (PageHWPoison(page))
		return;

	__assign_bit(page - block->page, block->zeroed, zeroed);
	__assign_bit(page - block->page, block->dirty, !zeroed);
	__clear_bit(page - block->page, block->used);
	list_move(&block->list, &state->blocks);
	if (--block->nr_used)
		return;

	/*
	 * Keep the block: if the owner allocates again soon, the direct map
	 * need not be changed twice.
	 */
	if (bitmap_empty(block->dirty, nr)) {
		mm_secret_block_set_idle(block, true);
		mm_secret_idle_add(block);
		return;
	}
	list_move(&block->list, empty);
}

/**
 * mm_secret_trim_idle() - Keep no more idle blocks than an mm may have.
 * @state: The owner's secret memory, locked.
 * @empty: The list for the others, for mm_secret_free_blocks().
 *
 * Context: mm_secret_mm.lock is held.
 */
void mm_secret_trim_idle(struct mm_secret_mm *state, struct list_head *empty)
{
	const unsigned long limit = max(MM_SECRET_FEW_PAGES, state->nr_pages / 4);
	struct mm_secret_block *block, *next;

	lockdep_assert_held(&state->lock);
	if (state->nr_idle <= limit)
		return;
	list_for_each_entry_safe(block, next, &state->blocks, list) {
		if (!block->idle)
			continue;
		mm_secret_idle_del(block);
		mm_secret_block_set_idle(block, false);
		list_move(&block->list, empty);
		if (state->nr_idle <= limit)
			return;
	}
}

/**
 * mm_secret_exit_blocks() - Give all blocks of an mm back.
 * @state: The secret memory of the mm, which is dead.
 *
 * No page table and no TLB maps the pages any more.
 *
 * Context: Process context.  May sleep.
 */
void mm_secret_exit_blocks(struct mm_secret_mm *state)
{
	struct mm_secret_block *block;
	LIST_HEAD(blocks);

	scoped_guard(spinlock, &state->lock) {
		list_splice_init(&state->blocks, &blocks);
		list_for_each_entry(block, &blocks, list) {
			bitmap_or(block->dirty, block->dirty, block->used,
				  mm_secret_block_pages(block));
			if (!block->idle)
				continue;
			mm_secret_idle_del(block);
			mm_secret_block_set_idle(block, false);
		}
	}
	mm_secret_free_blocks(&blocks);
}

/**
 * mm_secret_blocks_left() - Is any block out of the direct map?
 *
 * Context: Any context.
 * Return: True if there is one, even if it is lost.
 */
bool mm_secret_blocks_left(void)
{
	return atomic_read(&mm_secret_nr_blocks);
}

static enum lru_status mm_secret_isolate_idle(struct list_head *item, struct list_lru_one *list,
					      void *blocks)
{
	struct mm_secret_block *block = container_of(item, struct mm_secret_block, lru);
	struct mm_secret_mm *state = block->state;

	/*
	 * The lock order is reversed here, hence trylock.  The lock of the list
	 * keeps the mm's state from being freed.
	 */
	if (!spin_trylock(&state->lock))
		return LRU_SKIP;
	list_lru_isolate(list, item);
	mm_secret_block_set_idle(block, false);
	list_move(&block->list, blocks);
	spin_unlock(&state->lock);
	return LRU_REMOVED;
}

/**
 * mm_secret_drain() - Give all idle blocks back to the system.
 *
 * Context: Process context.  May sleep.
 */
void mm_secret_drain(void)
{
	LIST_HEAD(blocks);

	list_lru_walk(&mm_secret_idle_blocks, mm_secret_isolate_idle, &blocks, ULONG_MAX);
	mm_secret_free_blocks(&blocks);
}

/*
 * Return a number of pages, as if all blocks were small.  A number of blocks
 * would be so low that kswapd would never try.
 */
static unsigned long mm_secret_count_idle(struct shrinker *shrinker, struct shrink_control *sc)
{
	return (list_lru_shrink_count(&mm_secret_idle_blocks, sc) << MM_SECRET_SMALL_ORDER) ?:
	       SHRINK_EMPTY;
}

static unsigned long mm_secret_free_idle(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long nr;
	LIST_HEAD(blocks);

	sc->nr_to_scan = DIV_ROUND_UP(sc->nr_to_scan, 1UL << MM_SECRET_SMALL_ORDER);
	list_lru_shrink_walk(&mm_secret_idle_blocks, sc, mm_secret_isolate_idle, &blocks);
	nr = mm_secret_free_blocks(&blocks);
	mm_account_reclaimed_pages(nr);
	return nr;
}

static int __init mm_secret_block_init(void)
{
	struct shrinker *shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE |
						   SHRINKER_MEMCG_AWARE |
						   SHRINKER_NONSLAB, "mm-secret");

	if (!shrinker || list_lru_init_memcg(&mm_secret_idle_blocks, shrinker))
		panic("mm_secret: cannot make a shrinker\n");
	shrinker->count_objects = mm_secret_count_idle;
	shrinker->scan_objects = mm_secret_free_idle;
	shrinker->batch = 1UL << MM_SECRET_SMALL_ORDER;
	shrinker_register(shrinker);
	return 0;
}
subsys_initcall(mm_secret_block_init);
