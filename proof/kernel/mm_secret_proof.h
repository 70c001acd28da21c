/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Further calls of the test driver of secret memory, for the attack kit.
 */
#ifndef __MM_SECRET_PROOF_H
#define __MM_SECRET_PROOF_H

#include "mm_secret_test.h"

/* Their numbers begin here. */
#define MM_SECRET_PROOF_FIRST	32

/**
 * struct mm_secret_test_churn - let the kernel write and check, over and over
 * @offset: where in the area, in bytes, a multiple of eight
 * @size: how many bytes, a multiple of eight
 * @rounds: how often
 * @seed: what the words are made of
 */
struct mm_secret_test_churn {
	__u64 offset;
	__u64 size;
	__u64 rounds;
	__u64 seed;
};

/*
 * Fill part of an area with words, read them back, and again.  Several threads
 * may do so at the same time, in different parts.  Fails with EIO if a word is
 * not what was written, and with EINTR if there is a signal.
 */
#define MM_SECRET_TEST_CHURN	_IOW('m', 32, struct mm_secret_test_churn)

/*
 * On the CPU that the argument names, let a kernel thread read the area, give the
 * mm back so that it is only borrowed from then on, and keep the CPU busy.
 * LAZY_END lets it read once more and returns how that went: 1 if it could read,
 * 0 if it faulted.  In between are five seconds at most.
 */
#define MM_SECRET_TEST_LAZY_BEGIN	_IO('m', 33)
#define MM_SECRET_TEST_LAZY_END		_IO('m', 34)

/*
 * Walk the mapping of the kernel image.  Out: .alias, present entries that lead
 * to pages which have been given to the page allocator; .owner, those that lead
 * to a page of the driver's own data; .checked.
 */
#define MM_SECRET_TEST_SCAN_IMAGE	_IOR('m', 35, struct mm_secret_test_scan)

/*
 * Whether the top-level page table that is loaded while the process runs in user
 * mode has an entry for .addr: 1 or 0.  Fails with EOPNOTSUPP without page table
 * isolation.
 */
#define MM_SECRET_TEST_USER_TABLE	_IOW('m', 36, struct mm_secret_test_range)

/* Sleep for so many milliseconds, ten seconds at most, and let no signal wake it. */
#define MM_SECRET_TEST_SLEEP	_IO('m', 37)

/*
 * Let the CPU that the argument names read a page in the direct map, free the page,
 * allocate an area and let the CPU read at the old address again.  Returns how that
 * went, as LAZY_END does.  Fails with EAGAIN if the area did not get the page.
 */
#define MM_SECRET_TEST_STALE	_IO('m', 38)
/* Or'ed to the CPU: not a page by itself, but one of a large block. */
#define MM_SECRET_TEST_BLOCK	0x10000
/* The same by the address of a vmap(), which is gone when the CPU reads again. */
#define MM_SECRET_TEST_STALE_VMAP	_IO('m', 39)

/*
 * How many of the pages of the area, which may be freed meanwhile, are out of the
 * direct map.
 */
#define MM_SECRET_TEST_OUTSIDE	_IO('m', 40)

/* Hold the mmap lock of the process for writing, for so many milliseconds or to a signal. */
#define MM_SECRET_TEST_HOLD	_IO('m', 41)

/* Have page tables made elsewhere in the window, for the next area. */
#define MM_SECRET_TEST_ELSEWHERE	_IO('m', 42)

#endif /* __MM_SECRET_PROOF_H */
