// SPDX-License-Identifier: GPL-2.0
/*
 * Small objects in secret memory: pieces of pages that the small objects of one
 * mm share, for users that need much less than a page.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/kvm_types.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_secret.h>
#include <linux/sched/debug.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "mm_secret.h"

/* The unit of allocation, and the alignment: 64 bytes, as XSAVE needs it. */
#define MM_SECRET_UNIT		64
#define MM_SECRET_SLAB_UNITS	(PAGE_SIZE / MM_SECRET_UNIT)

/**
 * struct mm_secret_slab - a page that small objects are in
 * @list: Entry in the slabs of the mm, or in no list if the page is full.
 * @ms: The handle of the page.
 * @addr: The address of the page.
 * @page: The page.
 * @nr_used: The number of units in use.  The page is freed with the last one.
 * @used: A bitmap of the units in use.
 */
struct mm_secret_slab {
	struct list_head list;
	struct mm_secret ms;
	unsigned long addr;
	struct page *page;
	unsigned int nr_used;
	DECLARE_BITMAP(used, MM_SECRET_SLAB_UNITS);
};

static unsigned int mm_secret_units(const struct mm_secret_area *object)
{
	return DIV_ROUND_UP(object->size, MM_SECRET_UNIT);
}

/* Find room for the object in one of the slabs. */
static bool mm_secret_take_units(struct mm_secret_mm *state, struct mm_secret_area *object)
{
	const unsigned int nr = mm_secret_units(object);
	struct mm_secret_slab *slab;
	unsigned int tries = 4;
	unsigned long first;

	guard(spinlock)(&state->lock);
	list_for_each_entry(slab, &state->slabs, list) {
		if (PageHWPoison(slab->page))
			continue;
		first = bitmap_find_next_zero_area(slab->used, MM_SECRET_SLAB_UNITS, 0, nr, 0);
		if (first + nr <= MM_SECRET_SLAB_UNITS)
			goto found;
		if (!--tries)
			return false;
	}
	return false;
found:
	bitmap_set(slab->used, first, nr);
	slab->nr_used += nr;
	if (slab->nr_used == MM_SECRET_SLAB_UNITS)
		list_del_init(&slab->list);
	object->slab = slab;
	object->addr = slab->addr + first * MM_SECRET_UNIT;
	return true;
}

/* Add a slab, and put the object into it. */
static int __sched mm_secret_add_slab(struct mm_secret_mm *state, struct mm_secret_area *object)
{
	struct mm_secret_slab *slab = kzalloc_obj(*slab, GFP_KERNEL_ACCOUNT);
	int err;

	if (!slab)
		return -ENOMEM;
	err = mm_secret_alloc_pages(&slab->ms, 1, /* small= */ true);
	if (err) {
		kfree(slab);
		return err;
	}

	slab->addr = slab->ms.area->addr;
	slab->page = mm_secret_page_at(slab->addr);
	slab->nr_used = mm_secret_units(object);
	bitmap_set(slab->used, 0, slab->nr_used);
	object->slab = slab;
	object->addr = slab->addr;
	guard(spinlock)(&state->lock);
	list_add(&slab->list, &state->slabs);
	return 0;
}

/**
 * mm_secret_kzalloc() - Allocate a small object that only the current mm can
 * reach.
 * @ms: The handle to fill in.  It has no area.
 * @size: The size in bytes.
 *
 * As mm_secret_alloc(), but for objects of up to half a page, which share pages
 * with other such objects of the mm.  A page is freed with its last object.
 * Objects are aligned to 64 bytes.  A larger object gets an area of its own.
 *
 * mm_secret_addr() and mm_secret_free() work as on any handle.  Next to the
 * object may be another object of the same mm instead of an unmapped page.
 *
 * Context: As mm_secret_alloc().
 * Return: As mm_secret_alloc().
 */
int __sched mm_secret_kzalloc(struct mm_secret *ms, size_t size)
{
	struct mm_struct *mm = current->mm;
	struct mem_cgroup *memcg, *old_memcg;
	struct mm_secret_area *object;
	int err;

	if (!size || size > PAGE_SIZE / 2 || !mm || !in_task() ||
	    !mm_secret_supported() || !mm_secret_has_window(mm))
		return mm_secret_alloc(ms, size);

	ms->area = NULL;
	might_lock(&mm->mmap_lock);
	/* After exit_mmap(), the pages that hold objects are gone. */
	if (!mmget_not_zero(mm))
		return -ESRCH;
	memcg = get_mem_cgroup_from_mm(mm);
	old_memcg = set_active_memcg(memcg);

	err = -ENOMEM;
	object = kzalloc_obj(*object, GFP_KERNEL_ACCOUNT);
	if (!object)
		goto unset_memcg;
	object->size = size;
	object->state = mm_secret_get(mm);
	if (!object->state) {
		kfree(object);
		goto unset_memcg;
	}

	err = 0;
	if (!mm_secret_take_units(object->state, object))
		err = mm_secret_add_slab(object->state, object);
	if (err) {
		mm_secret_put(object->state);
		kfree(object);
		goto unset_memcg;
	}
	/*
	 * The units may hold old contents, if somebody else than the owner
	 * freed the last object here.
	 */
	memset((void *)object->addr, 0, size);
	ms->area = object;

unset_memcg:
	set_active_memcg(old_memcg);
	mem_cgroup_put(memcg);
	mmput_async(mm);
	return err;
}
EXPORT_SYMBOL_FOR_KVM(mm_secret_kzalloc);

/**
 * mm_secret_free_object() - Free a small object, for mm_secret_free().
 * @object: The object.
 *
 * Only the owner can zero it.  If somebody else frees it, its contents stay,
 * where only the owner can reach them, until the memory is used again or goes
 * back to the system.
 *
 * Context: Process context.  May sleep.
 */
void mm_secret_free_object(struct mm_secret_area *object)
{
	struct mm_secret_mm *state = object->state;
	struct mm_secret_slab *slab = object->slab;
	const unsigned int nr = mm_secret_units(object);
	bool last;

	if (mm_secret_get_owner(state)) {
		if (!PageHWPoison(slab->page))
			memzero_explicit((void *)object->addr, object->size);
		mmput_async(current->mm);
	}

	scoped_guard(spinlock, &state->lock) {
		bitmap_clear(slab->used, (object->addr - slab->addr) / MM_SECRET_UNIT, nr);
		slab->nr_used -= nr;
		last = !slab->nr_used;
		if (last)
			list_del_init(&slab->list);
		else
			list_move(&slab->list, &state->slabs);
	}
	if (last) {
		mm_secret_free(&slab->ms);
		kfree(slab);
	}
	mm_secret_put(state);
	kfree(object);
}
