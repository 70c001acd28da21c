/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MM_LOCAL_H
#define _LINUX_MM_LOCAL_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/pgtable.h>
#include <linux/types.h>

struct mm_local_area;
struct mm_struct;

/**
 * struct mm_local - handle of mm-local memory
 * @area: Private to mm/mm_local*.c.
 *
 * To be embedded in the object that the memory belongs to.  A zeroed handle has
 * no memory.
 */
struct mm_local {
	struct mm_local_area *area;
};

#ifdef CONFIG_MM_LOCAL
#include <asm/mm_local.h>

int __must_check mm_local_alloc(struct mm_local *ml, size_t size);
int __must_check mm_local_kzalloc(struct mm_local *ml, size_t size);
void * __must_check mm_local_addr(const struct mm_local *ml);
void mm_local_free(struct mm_local *ml);

void mm_local_init_mm(struct mm_struct *mm);
int mm_local_hibernation_begin(void);
void mm_local_hibernation_end(void);

/* Is this an address in the window, whether there is an area or not? */
static inline bool addr_is_mm_local(unsigned long addr)
{
	return addr >= MM_LOCAL_START && addr < MM_LOCAL_END;
}

/*
 * Does a walk of page tables by software end in the window?  It goes by the bits
 * that are an index of a table, whatever those above them are.
 */
static inline bool walk_is_mm_local(unsigned long addr)
{
	return addr_is_mm_local(arch_mm_local_walked(addr));
}

#else /* CONFIG_MM_LOCAL */

static inline int __must_check mm_local_alloc(struct mm_local *ml, size_t size)
{
	return -EOPNOTSUPP;
}

static inline int __must_check mm_local_kzalloc(struct mm_local *ml, size_t size)
{
	return -EOPNOTSUPP;
}

static inline void * __must_check mm_local_addr(const struct mm_local *ml)
{
	return ERR_PTR(-ENOENT);
}

static inline void mm_local_free(struct mm_local *ml)
{
}

static inline void mm_local_init_mm(struct mm_struct *mm)
{
}

static inline int mm_local_hibernation_begin(void)
{
	return 0;
}

static inline void mm_local_hibernation_end(void)
{
}

static inline bool addr_is_mm_local(unsigned long addr)
{
	return false;
}

static inline bool walk_is_mm_local(unsigned long addr)
{
	return false;
}

#endif /* CONFIG_MM_LOCAL */

#endif /* _LINUX_MM_LOCAL_H */
