/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MM_SECRET_H
#define _LINUX_MM_SECRET_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/types.h>

struct mm_secret_area;

/**
 * struct mm_secret - handle of secret memory
 * @area: Private to mm/mm_secret*.c.
 *
 * To be embedded in the object that the memory belongs to.  A zeroed handle has
 * no memory.
 */
struct mm_secret {
	struct mm_secret_area *area;
};

#ifdef CONFIG_MM_SECRET
#include <asm/mm_secret.h>

int __must_check mm_secret_alloc(struct mm_secret *ms, size_t size);
int __must_check mm_secret_kzalloc(struct mm_secret *ms, size_t size);
void * __must_check mm_secret_addr(const struct mm_secret *ms);
void mm_secret_free(struct mm_secret *ms);

void __mm_secret_exit(struct mm_struct *mm);
bool mm_secret_active(void);
void mm_secret_log_owners(void);
int mm_secret_hibernation_begin(void);
void mm_secret_hibernation_end(void);

/* Start a new mm without secret memory. */
static inline void mm_secret_init_mm(struct mm_struct *mm)
{
	mm->mm_secret = NULL;
}

/* Free the secret memory of an mm that has no users left. */
static inline void mm_secret_exit(struct mm_struct *mm)
{
	if (unlikely(mm->mm_secret))
		__mm_secret_exit(mm);
}

/*
 * True if user addresses end at or below the window.  Also true before
 * setup_new_exec() sets task_size; the window is unused then.
 */
static inline bool mm_secret_has_window(const struct mm_struct *mm)
{
	return mm->task_size <= MM_SECRET_START;
}

/* Is @addr in the window of current->mm?  current->mm must not be NULL. */
static inline bool addr_is_mm_secret(unsigned long addr)
{
	return addr >= MM_SECRET_START && addr < MM_SECRET_END &&
	       mm_secret_has_window(current->mm);
}

/*
 * Does a walk of page tables by software end in the window?  Such a walk uses
 * only the bits that are an index of a table, and ignores those above them.
 */
static inline bool walk_is_mm_secret(unsigned long addr)
{
	return addr_is_mm_secret(arch_mm_secret_walked(addr));
}

#else /* CONFIG_MM_SECRET */

static inline int __must_check mm_secret_alloc(struct mm_secret *ms, size_t size)
{
	return -EOPNOTSUPP;
}

static inline int __must_check mm_secret_kzalloc(struct mm_secret *ms, size_t size)
{
	return -EOPNOTSUPP;
}

static inline void * __must_check mm_secret_addr(const struct mm_secret *ms)
{
	return ERR_PTR(-ENOENT);
}

static inline void mm_secret_free(struct mm_secret *ms)
{
}

static inline void mm_secret_init_mm(struct mm_struct *mm)
{
}

static inline void mm_secret_exit(struct mm_struct *mm)
{
}

static inline bool mm_secret_active(void)
{
	return false;
}

static inline void mm_secret_log_owners(void)
{
}

static inline int mm_secret_hibernation_begin(void)
{
	return 0;
}

static inline void mm_secret_hibernation_end(void)
{
}

static inline bool addr_is_mm_secret(unsigned long addr)
{
	return false;
}

static inline bool walk_is_mm_secret(unsigned long addr)
{
	return false;
}

#endif /* CONFIG_MM_SECRET */

#endif /* _LINUX_MM_SECRET_H */
