/* SPDX-License-Identifier: GPL-2.0 */
/* What bench.c asks of mm_bench.c, /sys/kernel/debug/mm_bench. */
#ifndef MM_BENCH_H
#define MM_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum mm_bench_memory {
	MM_BENCH_LOCAL,		/* mm_secret_alloc() */
	MM_BENCH_VMALLOC,
	MM_BENCH_DIRECT,	/* alloc_page() */
	MM_BENCH_OBJECT,	/* mm_secret_kzalloc() of 200 bytes, .pages is 1 */
};

/**
 * struct mm_bench_arg - what to do
 * @memory: with which memory, enum mm_bench_memory
 * @pages: of how many pages a piece is
 * @times: how often
 */
struct mm_bench_arg {
	__u32 memory;
	__u32 pages;
	__u64 times;
};

/* Allocate a piece, write a word to each of its pages, free it; .times over. */
#define MM_BENCH_CYCLE	_IOW('b', 1, struct mm_bench_arg)
/* Allocate .times pieces and write to each page.  They stay until the file is closed. */
#define MM_BENCH_KEEP	_IOW('b', 2, struct mm_bench_arg)
/* Free the piece that was allocated last. */
#define MM_BENCH_DROP	_IO('b', 3)
/* Load a word of each of 64 cache lines of one page, .times over. */
#define MM_BENCH_LOAD	_IOW('b', 4, struct mm_bench_arg)

#endif
