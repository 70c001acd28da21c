// SPDX-License-Identifier: GPL-2.0
/*
 * Small objects in mm-local memory: pieces of areas that all small objects of one mm
 * share, for those to whom a page, a VMA and two unmapped pages are too much.
 */
#include <linux/genalloc.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_local.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "mm_local.h"

/* The unit, and what objects are aligned to: 64 bytes, as XSAVE wants it. */
#define MM_LOCAL_OBJECT_ORDER	6

/* What areas grow up to. */
#define MM_LOCAL_MAX_CHUNK	(16 * PAGE_SIZE)

/**
 * struct mm_local_chunk - an area that small objects are in
 * @list: In the chunks of its cache.
 * @ml: The handle.
 */
struct mm_local_chunk {
	struct list_head list;
	struct mm_local ml;
};

/**
 * struct mm_local_cache - the small objects of an mm
 * @nr_objects: How many there are and are about to be, under the mm's
 *              page_table_lock.  The cache goes with the last one, be the mm
 *              alive or gone.
 * @pool: What of the areas is free.
 * @grow: Held by whoever adds an area.
 * @chunks: The areas.  They hold the mm.
 */
struct mm_local_cache {
	unsigned long nr_objects;
	struct gen_pool *pool;
	struct mutex grow;		/* see above */
	struct list_head chunks;
};

static void cache_free(struct mm_local_cache *cache)
{
	struct mm_local_chunk *chunk, *next;

	gen_pool_destroy(cache->pool);
	list_for_each_entry_safe(chunk, next, &cache->chunks, list) {
		mm_local_free(&chunk->ml);
		kfree(chunk);
	}
	kfree(cache);
}

static struct mm_local_cache *cache_alloc(void)
{
	struct mm_local_cache *cache = kzalloc_obj(*cache, GFP_KERNEL_ACCOUNT);

	if (!cache)
		return NULL;

	cache->pool = gen_pool_create(MM_LOCAL_OBJECT_ORDER, NUMA_NO_NODE);
	if (!cache->pool) {
		kfree(cache);
		return NULL;
	}
	mutex_init(&cache->grow);
	INIT_LIST_HEAD(&cache->chunks);
	return cache;
}

/* The cache of the mm, a new one perhaps, with one object more. */
static struct mm_local_cache *cache_get(struct mm_struct *mm)
{
	struct mm_local_cache *cache, *new = NULL;

	for (;;) {
		spin_lock(&mm->page_table_lock);
		cache = mm->mm_local_cache ?: new;
		if (cache) {
			mm->mm_local_cache = cache;
			cache->nr_objects++;
		}
		spin_unlock(&mm->page_table_lock);
		if (cache)
			break;

		new = cache_alloc();
		if (!new)
			return NULL;
	}

	/* Somebody else was faster. */
	if (new && new != cache)
		cache_free(new);
	return cache;
}

static void cache_put(struct mm_struct *mm, struct mm_local_cache *cache)
{
	bool last;

	spin_lock(&mm->page_table_lock);
	last = !--cache->nr_objects;
	if (last)
		mm->mm_local_cache = NULL;
	spin_unlock(&mm->page_table_lock);

	if (last)
		cache_free(cache);
}

/* Add an area as large as what is there, so that many objects make few areas. */
static int cache_grow(struct mm_local_cache *cache)
{
	size_t size = clamp(gen_pool_size(cache->pool), PAGE_SIZE,
			    MM_LOCAL_MAX_CHUNK);
	struct mm_local_chunk *chunk;
	int err;

	chunk = kzalloc_obj(*chunk, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;

	/* More than a page is not worth a kill. */
	err = -ENOMEM;
	if (size > PAGE_SIZE)
		err = __mm_local_alloc(&chunk->ml, size,
				       GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN);
	if (err) {
		size = PAGE_SIZE;
		err = mm_local_alloc(&chunk->ml, size);
	}
	if (err)
		goto free;
	err = gen_pool_add(cache->pool, (unsigned long)mm_local_addr(&chunk->ml),
			   size, NUMA_NO_NODE);
	if (err)
		goto free_area;

	list_add(&chunk->list, &cache->chunks);
	return 0;

free_area:
	mm_local_free(&chunk->ml);
free:
	kfree(chunk);
	return err;
}

/**
 * mm_local_kzalloc() - Allocate a small object that only the current mm can reach.
 * @ml: The handle to fill in.  It has no area.
 * @size: The size in bytes.
 *
 * As mm_local_alloc(), but for objects of up to half a page, which it puts into
 * areas that all such objects of the mm share.  The areas go with their last
 * object.  The object is aligned to 64 bytes.  A larger one gets an area of its
 * own.
 *
 * mm_local_addr() and mm_local_free() work as on any handle.  What lies next to the
 * object is not an unmapped page, but another object of the same mm.
 *
 * Context: As mm_local_alloc().
 * Return: As mm_local_alloc().
 */
int mm_local_kzalloc(struct mm_local *ml, size_t size)
{
	struct mm_struct *mm = current->mm;
	struct mem_cgroup *memcg, *old_memcg;
	struct mm_local_area *object;
	struct mm_local_cache *cache;
	int err;

	if (!size || size > PAGE_SIZE / 2 || !mm || !in_task() || !mm_local_supported())
		return mm_local_alloc(ml, size);

	ml->area = NULL;
	might_lock(&mm->mmap_lock);
	/* After exit_mmap(), nothing is left of what is in the cache. */
	if (!mmget_not_zero(mm))
		return -ESRCH;
	memcg = get_mem_cgroup_from_mm(mm);
	old_memcg = set_active_memcg(memcg);

	err = -ENOMEM;
	object = kzalloc_obj(*object, GFP_KERNEL_ACCOUNT);
	if (!object)
		goto unset_memcg;
	cache = cache_get(mm);
	if (!cache)
		goto free;

	object->mm = mm;
	object->cache = cache;
	object->object_size = size;
	err = 0;
	object->addr = gen_pool_alloc(cache->pool, size);
	if (!object->addr) {
		err = mutex_lock_killable(&cache->grow);
		if (err)
			goto put;
		while (!err && !(object->addr = gen_pool_alloc(cache->pool, size)))
			err = cache_grow(cache);
		mutex_unlock(&cache->grow);
	}
	if (err)
		goto put;

	/* Whoever freed the last object here may not have been the owner. */
	memset((void *)object->addr, 0, size);
	ml->area = object;
	goto unset_memcg;

put:
	cache_put(mm, cache);
free:
	kfree(object);
unset_memcg:
	set_active_memcg(old_memcg);
	mem_cgroup_put(memcg);
	mmput_async(mm);
	return err;
}

/**
 * mm_local_free_object() - Free a small object, for mm_local_free().
 * @object: The object.
 *
 * Nobody but the owner can zero it.  Freed by others, it stays as it is in what only
 * the owner can reach, until the memory is used again or goes back.
 */
void mm_local_free_object(struct mm_local_area *object)
{
	struct mm_local_cache *cache = object->cache;
	struct mm_struct *mm = object->mm;

	might_lock(&mm->mmap_lock);
	if (current->mm == mm && mmget_not_zero(mm)) {
		memzero_explicit((void *)object->addr, object->object_size);
		mmput_async(mm);
	}

	/* There may be no mm left after cache_put(). */
	gen_pool_free(cache->pool, object->addr, object->object_size);
	cache_put(mm, cache);
	kfree(object);
}
