/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test driver of secret memory, /sys/kernel/debug/mm_secret_test, as its
 * kselftests use it.  Every open file has one handle, and can hold one area.
 * Closing the file frees the area, whichever process does so.
 */
#ifndef __MM_SECRET_TEST_H
#define __MM_SECRET_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct mm_secret_test_range - a range of addresses
 * @addr: the first address
 * @size: bytes
 */
struct mm_secret_test_range {
	__u64 addr;
	__u64 size;
};

/**
 * struct mm_secret_test_data - contents of an area, seen by the kernel
 * @offset: where in the area, in bytes
 * @size: how many bytes
 * @buffer: where in the caller's memory
 */
struct mm_secret_test_data {
	__u64 offset;
	__u64 size;
	__u64 buffer;
};

/**
 * struct mm_secret_test_scan - result of a scan for other mappings
 * @owner: present entries in the owner's window that map the area's pages and
 *         are as the allocation has made them, accessed and dirty
 * @alias: present entries elsewhere that map these pages: in the kernel's page
 *         tables (direct map, vmap, kernel image, ...) or in any process's
 * @alias_addr: the address of one of them
 * @pattern: pages that hold the pattern last written by MM_SECRET_TEST_WRITE:
 *           in the direct map, or kept out of it after the owner's free
 * @checked: entries looked at
 * @pfn: the number of the area's first page frame
 */
struct mm_secret_test_scan {
	__u64 owner;
	__u64 alias;
	__u64 alias_addr;
	__u64 pattern;
	__u64 checked;
	__u64 pfn;
};

/* Allocate an area for the calling process.  In: .size, out: .addr. */
#define MM_SECRET_TEST_ALLOC	_IOWR('m', 1, struct mm_secret_test_range)
/* The result of mm_secret_addr() for the area.  Out: .addr, .size. */
#define MM_SECRET_TEST_ADDR	_IOR('m', 2, struct mm_secret_test_range)
#define MM_SECRET_TEST_FREE	_IO('m', 3)
/* Free the area in a kernel thread, whose current->mm is NULL. */
#define MM_SECRET_TEST_FREE_KTHREAD	_IO('m', 4)

/*
 * Let the kernel copy .buffer to the area, or the area to .buffer.  The area
 * holds each byte with its halves swapped, so that the scan for the contents
 * does not find the buffer.
 */
#define MM_SECRET_TEST_WRITE	_IOW('m', 5, struct mm_secret_test_data)
#define MM_SECRET_TEST_READ	_IOW('m', 6, struct mm_secret_test_data)

/* Look for mappings of the area's pages other than the owner's. */
#define MM_SECRET_TEST_SCAN	_IOR('m', 7, struct mm_secret_test_scan)
/* Make an alias for the scan to find, 1, or remove it, 0. */
#define MM_SECRET_TEST_ALIAS	_IO('m', 8)

/*
 * copy_from_kernel_nofault() of 8 bytes at .addr, which need not be in an area.
 * Fails with the errno of that function.
 */
#define MM_SECRET_TEST_NOFAULT	_IOW('m', 9, struct mm_secret_test_range)

/* Where the window is.  Out: .addr, .size. */
#define MM_SECRET_TEST_WINDOW	_IOR('m', 10, struct mm_secret_test_range)

/*
 * Allocate a small object, and use it as the area.  Its page may hold other
 * objects, too.  In: .size, half a page at most, out: .addr.
 */
#define MM_SECRET_TEST_KZALLOC	_IOWR('m', 11, struct mm_secret_test_range)

#endif /* __MM_SECRET_TEST_H */
