/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test driver of mm-local memory, /sys/kernel/debug/mm_local_test, as its
 * kselftest uses it.
 *
 * Every open file has one handle, and can hold one area in the window and one
 * kernel-owned VMA at a user address.  Closing the file frees both, from
 * whatever process does so.
 */
#ifndef __MM_LOCAL_TEST_H
#define __MM_LOCAL_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct mm_local_test_range - a range of addresses
 * @addr: the first address
 * @size: bytes, a multiple of the page size
 * @prot: protection of a VMA, PROT_*
 * @pad: zero
 */
struct mm_local_test_range {
	__u64 addr;
	__u64 size;
	__u32 prot;
	__u32 pad;
};

/**
 * struct mm_local_test_data - contents of an area, seen by the kernel
 * @offset: where in the area, in bytes
 * @size: how many bytes
 * @buffer: where in the caller's memory
 */
struct mm_local_test_data {
	__u64 offset;
	__u64 size;
	__u64 buffer;
};

/**
 * struct mm_local_test_scan - result of a scan for other mappings
 * @owner: present entries in the owner's window that lead to the area's pages and
 *         are as the allocation has made them, accessed and dirty
 * @alias: present entries anywhere else that do: in the kernel's page tables
 *         (direct map, vmap, kernel image, ...) or in any process's
 * @alias_addr: the address of one of them
 * @pattern: pages in the direct map that hold the pattern last written by
 *           MM_LOCAL_TEST_WRITE
 * @checked: entries looked at
 * @pfn: the number of the area's first page frame
 */
struct mm_local_test_scan {
	__u64 owner;
	__u64 alias;
	__u64 alias_addr;
	__u64 pattern;
	__u64 checked;
	__u64 pfn;
};

/**
 * struct mm_local_test_churn - let the kernel write and check, over and over
 * @offset: where in the area, in bytes, a multiple of eight
 * @size: how many bytes, a multiple of eight
 * @rounds: how often
 * @seed: what the words are made of
 */
struct mm_local_test_churn {
	__u64 offset;
	__u64 size;
	__u64 rounds;
	__u64 seed;
};

/* An area in the window, of the calling process.  In: .size, out: .addr. */
#define MM_LOCAL_TEST_ALLOC	_IOWR('m', 1, struct mm_local_test_range)
/* Its address, as mm_local_addr() tells the caller.  Out: .addr, .size. */
#define MM_LOCAL_TEST_ADDR	_IOR('m', 2, struct mm_local_test_range)
#define MM_LOCAL_TEST_FREE	_IO('m', 3)
/* The same from a kernel thread, whose current->mm is NULL. */
#define MM_LOCAL_TEST_FREE_KTHREAD	_IO('m', 4)

/*
 * Let the kernel write to the area from, or read it to, .buffer.  In the area it
 * swaps the halves of each byte, so that the scan for the contents does not find
 * the buffer.
 */
#define MM_LOCAL_TEST_WRITE	_IOW('m', 5, struct mm_local_test_data)
#define MM_LOCAL_TEST_READ	_IOW('m', 6, struct mm_local_test_data)

/* Look for mappings of the area's pages other than the owner's. */
#define MM_LOCAL_TEST_SCAN	_IOR('m', 7, struct mm_local_test_scan)
/* Make an alias for the scan to find, 1, or remove it, 0. */
#define MM_LOCAL_TEST_ALIAS	_IO('m', 8)

/*
 * copy_from_kernel_nofault() of 8 bytes at .addr, which need not be in an area.
 * Fails with the errno of that function.
 */
#define MM_LOCAL_TEST_NOFAULT	_IOW('m', 9, struct mm_local_test_range)

/*
 * A VMA at a user address of the kernel's choice, with pages of zeroes.  In:
 * .size, .prot (PROT_READ, PROT_WRITE), out: .addr.  MAP makes it kernel-owned,
 * MAP_PLAIN leaves it a VM_PFNMAP VMA like any other.
 */
#define MM_LOCAL_TEST_MAP	_IOWR('m', 10, struct mm_local_test_range)
#define MM_LOCAL_TEST_MAP_PLAIN	_IOWR('m', 11, struct mm_local_test_range)
/* Unmap a range of the caller's mm with MUNMAP_KERNEL_OWNED, or without. */
#define MM_LOCAL_TEST_MUNMAP	_IOW('m', 12, struct mm_local_test_range)
#define MM_LOCAL_TEST_MUNMAP_PLAIN	_IOW('m', 13, struct mm_local_test_range)
/* mseal_kernel_owned() and munseal_kernel_owned() of a range. */
#define MM_LOCAL_TEST_SEAL	_IOW('m', 14, struct mm_local_test_range)
#define MM_LOCAL_TEST_UNSEAL	_IOW('m', 15, struct mm_local_test_range)

/* Where the window is.  Out: .addr, .size. */
#define MM_LOCAL_TEST_WINDOW	_IOR('m', 16, struct mm_local_test_range)

/* Another open file of the driver, for whom has one.  Returns the descriptor. */
#define MM_LOCAL_TEST_OPEN	_IO('m', 17)

/*
 * Fill part of an area with words, read them back, and again.  Several threads
 * may do so at the same time, in different parts.  Fails with EIO if a word is
 * not what was written, and with EINTR if there is a signal.
 */
#define MM_LOCAL_TEST_CHURN	_IOW('m', 18, struct mm_local_test_churn)

/*
 * On the CPU that the argument names, let a kernel thread read the area, give the
 * mm back so that it is only borrowed from then on, and keep the CPU busy.
 * LAZY_END lets it read once more and returns how that went: 1 if it could read,
 * 0 if it faulted.  In between are five seconds at most.
 */
#define MM_LOCAL_TEST_LAZY_BEGIN	_IO('m', 19)
#define MM_LOCAL_TEST_LAZY_END		_IO('m', 20)

/*
 * Walk the mapping of the kernel image.  Out: .alias, present entries that lead
 * to pages which have been given to the page allocator; .owner, those that lead
 * to a page of the driver's own data; .checked.
 */
#define MM_LOCAL_TEST_SCAN_IMAGE	_IOR('m', 21, struct mm_local_test_scan)

/*
 * Whether the top-level page table that is loaded while the process runs in user
 * mode has an entry for .addr: 1 or 0.  Fails with EOPNOTSUPP without page table
 * isolation.
 */
#define MM_LOCAL_TEST_USER_TABLE	_IOW('m', 22, struct mm_local_test_range)

/* Sleep for so many milliseconds, ten seconds at most, and let no signal wake it. */
#define MM_LOCAL_TEST_SLEEP	_IO('m', 23)

/*
 * Let the CPU that the argument names read a page in the direct map, free the page,
 * allocate an area and let the CPU read at the old address again.  Returns how that
 * went, as LAZY_END does.  Fails with EAGAIN if the area did not get the page.
 */
#define MM_LOCAL_TEST_STALE	_IO('m', 24)
/* Or'ed to the CPU: not a page by itself, but one of a block that the pool takes in. */
#define MM_LOCAL_TEST_BLOCK	0x10000
/* The same by the address of a vmap(), which is gone when the CPU reads again. */
#define MM_LOCAL_TEST_STALE_VMAP	_IO('m', 25)

/*
 * A small object, which then is what is said above of an area, but for its page,
 * which others may be in.  In: .size, half a page at most, out: .addr.
 */
#define MM_LOCAL_TEST_KZALLOC	_IOWR('m', 26, struct mm_local_test_range)

/*
 * How many of the pages of the area, which may be freed meanwhile, are out of the
 * direct map.
 */
#define MM_LOCAL_TEST_OUTSIDE	_IO('m', 27)

#endif /* __MM_LOCAL_TEST_H */
