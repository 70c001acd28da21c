/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls on a range of addresses, and what they answer if a kernel-owned VMA
 * is there.
 */
#ifndef __KERNEL_OWNED_CALLS_H
#define __KERNEL_OWNED_CALLS_H

#include "kernel_owned_util.h"

/* Returns 0, or what the call says of the range, or -errno. */
typedef long range_call(unsigned long addr, unsigned long len);
typedef long (*call_fn)(unsigned long addr, unsigned long len);

range_call c_munmap, c_mmap_fixed, c_mmap_noreplace, c_mmap_hint, c_shmat;
range_call c_mremap_move, c_mremap_grow, c_mremap_shrink, c_mremap_target;
range_call c_mremap_dontunmap, c_mremap_from_nothing;
range_call c_mprotect_none, c_mprotect_read, c_mprotect_write, c_mprotect_all;
range_call c_pkey_mprotect, c_mlock, c_mlock_onfault, c_munlock, c_mseal;
range_call c_mbind, c_mbind_default, c_mbind_move, c_home_node, c_get_mempolicy;
range_call c_move_pages, c_where_are_pages, c_remap_file_pages;
range_call c_msync_sync, c_msync_invalidate, c_mincore, c_anon_name;
range_call c_uffd_register, c_uffd_register_wp, c_uffd_unregister, c_uffd_copy;
range_call c_uffd_zeropage, c_uffd_writeprotect, c_uffd_poison;
range_call c_uffd_move_from, c_uffd_move_to, c_process_madvise;
range_call c_madvise;		/* gives the advice in advice_now */
extern int advice_now;

struct kernel_owned_call {
	const char *test;	/* that it belongs to */
	const char *name;
	call_fn fn;
	long answer;		/* if it meets a kernel-owned VMA */
	int advice;		/* for c_madvise() */
	bool inside;		/* where it starts before the VMA it takes effect */
	bool one_page;		/* it fails across the ends of a VMA anyhow */
	enum {
		MEM_PRIVATE,
		MEM_SHARED,
		MEM_POLICY,	/* bound to node 0 */
		MEM_REGISTERED,	/* with a userfaultfd */
		MEM_UNMAPPED,
		MEM_NONE,	/* nothing as simple as these */
	} works;		/* the memory that it works on */
};

extern const struct kernel_owned_call kernel_owned_calls[];
extern const unsigned int nr_kernel_owned_calls;

/*
 * The call on the NPAGES at @addr: on all, the first, the last, or with one page
 * more at both ends.
 */
#define NRANGES		4
long call_range(const struct kernel_owned_call *c, unsigned long addr, unsigned int range);
/* The counter-check, on ordinary memory: 0, or -errno. */
long call_ordinary(const struct kernel_owned_call *c);
/* Not even there, as it is not in this kernel, or not for this user. */
bool call_missing(const struct kernel_owned_call *c, long ret);

/* Addresses that are taken, but cannot be accessed. */
unsigned long elsewhere(unsigned long len);
/* One where nothing is, for NPAGES. */
unsigned long unmapped(void);
int uffd_open(void);
/* The node of a page of process @pid, moved to node 0 unless @query, or -errno. */
long move_page(pid_t pid, unsigned long addr, bool query);

/* Calls that both kinds of places are tried with, each a test of its own. */
#define FOR_EACH_CALL(x) \
	x(munmap) x(mmap_fixed) x(mmap_hint) x(shmat_remap) x(mremap_move) \
	x(mremap_grow) x(mremap_shrink) x(mremap_target) x(mremap_dontunmap) \
	x(mremap_old_size_0) x(mprotect) x(pkey_mprotect) \
	x(madvise_access_pattern) x(madvise_discard) x(madvise_reclaim) \
	x(madvise_fork) x(madvise_dump) x(madvise_merge_and_huge) \
	x(madvise_guard) x(madvise_populate) x(process_madvise_self) x(mseal) \
	x(mbind) x(mbind_move) x(set_mempolicy_home_node) x(move_pages) \
	x(remap_file_pages) x(msync) x(mincore) x(userfaultfd_register) \
	x(userfaultfd_fill_and_move) x(anon_vma_name)

#endif /* __KERNEL_OWNED_CALLS_H */
