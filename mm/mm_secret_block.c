// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of secret memory.
 *
 * They leave the direct map in blocks, each of which belongs to one mm until it
 * goes back as it came: small ones first, so that a few pages cost little, then
 * such as one entry of the direct map maps, which is not split.
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

#define SMALL_ORDER	get_order(SZ_64K)
#define LARGE_ORDER	get_order(SZ_2M)
#define MAX_PAGES	(SZ_2M >> PAGE_SHIFT)

/*
 * An mm with more than this gets large blocks.  As much may be idle, and a
 * quarter of what is in use where that is more.
 */
#define FEW_PAGES	(SZ_512K >> PAGE_SHIFT)

/**
 * struct mm_secret_block - pages that left the direct map together
 * @list: In the blocks of the mm, or in those that are about to be freed.
 * @lru: In mm_secret_idle_blocks if @idle.
 * @state: What the owner has.
 * @page: The first page.  The private data of each that is in use is the block.
 * @order: Of the allocation.
 * @nr_used: How many bits are set in @used.
 * @idle: None is, and the shrinker may free it.
 * @used: Those that are in use, or have turned out to be bad.
 * @zeroed: Those that are zero.
 * @dirty: Those that are not in use, but still hold what was in them.
 */
struct mm_secret_block {
	struct list_head list;
	struct list_head lru;
	struct mm_secret_mm *state;
	struct page *page;
	unsigned int order;
	unsigned int nr_used;
	bool idle;
	DECLARE_BITMAP(used, MAX_PAGES);
	DECLARE_BITMAP(zeroed, MAX_PAGES);
	DECLARE_BITMAP(dirty, MAX_PAGES);
};

/* All blocks, those included that are lost. */
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

/* Whose limit the shrinker may free the block for. */
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
 * Give a block back that nothing leads to.  Allocates nothing.  Return how many
 * pages the system has got.
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
	 * A bad page must not be mapped again, and to map the others could need
	 * memory for page tables.  Taking the block out of the direct map has
	 * split the mapping as far as needed, so that otherwise nothing can
	 * fail.  In either case the block is lost, out of reach, and counted.
	 */
	if (bad || WARN_ON_ONCE(set_direct_map_valid_noflush(block->page, nr, true))) {
		memcg_kmem_uncharge_page(block->page, block->order);
		kfree(block);
		return 0;
	}

	/* Before anybody else can get them. */
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
 * What was not zeroed by its owner is zeroed first thing after it is back in
 * the direct map.
 *
 * Context: Process context, mm_secret_mm.lock is not held.  Allocates nothing.
 * Return: How many pages the system has got.
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

/* The node that the policy of the task wants. */
static int mm_secret_wanted_node(void)
{
#ifdef CONFIG_NUMA
	if (nr_online_nodes > 1)
		return mempolicy_slab_node();
#endif
	return NUMA_NO_NODE;
}

/*
 * Up to @nr unused pages of a block.  The bits of @zeroed say which are zero.
 * Those that went bad while they were unused are in use for ever.
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

/* Pages of a block on the node, or on any that is allowed. */
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
		if (small && block->order > SMALL_ORDER)
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

	/* If it is at hand, and nowhere else: a page will do otherwise. */
	if (order || nid != NUMA_NO_NODE) {
		gfp &= ~__GFP_DIRECT_RECLAIM;
		gfp |= __GFP_NOMEMALLOC | __GFP_NOWARN | __GFP_HARDWALL;
	}
	if (nid == NUMA_NO_NODE)
		return alloc_pages(gfp, order);
	return alloc_pages_node(nid, gfp | __GFP_THISNODE, order);
}

/*
 * Have the block leave the direct map.  After an error its pages are the
 * system's again, or, where that fails as well, are lost and counted.
 */
static int mm_secret_block_leave(struct mm_secret_block *block)
{
	const unsigned int nr = mm_secret_block_pages(block);
	int err;

	err = set_direct_map_valid_noflush(block->page, nr, false);
	if (!err)
		return 0;
	/* Where nothing was split, nothing has changed. */
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
 * Take in a block, and pages of it: of @nid alone, if it is at hand, or of
 * where GFP_KERNEL leads to, for these pages at least.  How many, or an error.
 */
static int mm_secret_add_block(struct mm_secret_mm *state, int nid, bool small,
			       struct page **pages, unsigned int nr, unsigned long *zeroed)
{
	struct mm_secret_block *block;
	int err;

	/* No victim of the OOM killer should draw on the reserves here. */
	if (fatal_signal_pending(current))
		return -EINTR;

	block = kzalloc_obj(*block, GFP_KERNEL_ACCOUNT);
	if (!block)
		return -ENOMEM;

	block->state = state;
	INIT_LIST_HEAD(&block->lru);
	if (!small && READ_ONCE(state->nr_pages) > FEW_PAGES) {
		block->order = LARGE_ORDER;
		block->page = mm_secret_alloc_block(nid, block->order);
	}
	if (!block->page) {
		block->order = SMALL_ORDER;
		block->page = mm_secret_alloc_block(nid, block->order);
	}
	if (!block->page && SMALL_ORDER) {
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
	 * Before anything is written: no CPU may have a translation left, be it
	 * of the direct map, of a vmap() that is gone but not flushed yet, or
	 * of a user address, of which lazy CPUs were not told.
	 */
	flush_tlb_all();
	/*
	 * unpoison_memory() takes a page that is marked poisoned and has one
	 * reference for one that hwpoison holds, and frees it.
	 */
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
 * @pages: Where to put them.
 * @nr: How many, at most BITS_PER_LONG.
 * @zeroed: A bit for each: whether it is zero.
 *
 * Nodes are chosen as for GFP_KERNEL, by the policy and the cpuset of the task.
 * A block is charged to the active memory cgroup as a whole.
 *
 * Context: Process context.  May sleep.
 * Return: How many there are, none only if all have gone bad just now; or
 * -ENOMEM, -EINTR if a fatal signal is pending, or what changing the direct map
 * gives.
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
 * @empty: The block is put here if it is for mm_secret_free_blocks().
 *
 * No page table and no TLB leads to the page any more.
 */
void mm_secret_put_page(struct mm_secret_mm *state, struct page *page,
			bool zeroed, struct list_head *empty)
{
	struct mm_secret_block *block = (void *)page_private(page);
	const unsigned int nr = mm_secret_block_pages(block);

	lockdep_assert_held(&state->lock);
	/* A bad one stays where it is. */
	if (PageHWPoison(page))
		return;

	__assign_bit(page - block->page, block->zeroed, zeroed);
	__assign_bit(page - block->page, block->dirty, !zeroed);
	__clear_bit(page - block->page, block->used);
	list_move(&block->list, &state->blocks);
	if (--block->nr_used)
		return;

	/*
	 * Spare those who free and allocate again the changes of the direct
	 * map.
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
 * @empty: The others are put here, for mm_secret_free_blocks().
 */
void mm_secret_trim_idle(struct mm_secret_mm *state, struct list_head *empty)
{
	const unsigned long limit = max(FEW_PAGES, state->nr_pages / 4);
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
 * @state: Its secret memory, dead.
 *
 * No page table and no TLB leads to the pages any more.
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
 * Return: Whether there is one, be it a lost one.
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
	 * Elsewhere this is the outer lock.  With the list's, no mm can exit.
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
 * mm_secret_drain() - Give all blocks back that are idle.
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
 * In pages, as if all blocks were small.  Counted as blocks they would be so
 * few that kswapd never tries.
 */
static unsigned long mm_secret_count_idle(struct shrinker *shrinker, struct shrink_control *sc)
{
	return (list_lru_shrink_count(&mm_secret_idle_blocks, sc) << SMALL_ORDER) ?: SHRINK_EMPTY;
}

static unsigned long mm_secret_free_idle(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long nr;
	LIST_HEAD(blocks);

	sc->nr_to_scan = DIV_ROUND_UP(sc->nr_to_scan, 1UL << SMALL_ORDER);
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
	shrinker->batch = 1UL << SMALL_ORDER;
	shrinker_register(shrinker);
	return 0;
}
subsys_initcall(mm_secret_block_init);
