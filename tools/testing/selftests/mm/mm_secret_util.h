/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of secret memory share.
 *
 * Include it after kselftest_harness.h for the macros that use the latter.
 */
#ifndef __MM_SECRET_UTIL_H
#define __MM_SECRET_UTIL_H

#include <mm/mm_secret_test.h>

#include "kernel_owned_util.h"

#define MM_SECRET_TEST	"/sys/kernel/debug/mm_secret_test"

/* The driver: results are 0 or more, or -errno. */
int open_mm_secret(void);
/* Neither the driver nor, on some machines, secret memory is there. */
bool no_mm_secret(void);
long dev_range(int fd, unsigned long cmd, unsigned long *addr, unsigned long size);
long dev_alloc(int fd, unsigned long size, unsigned long *addr);
long dev_addr(int fd, unsigned long *addr);
long dev_write(int fd, unsigned long offset, void *buf, unsigned long size);
long dev_read(int fd, unsigned long offset, void *buf, unsigned long size);
long dev_free(int fd);
long dev_free_kthread(int fd);
long dev_scan(int fd, struct mm_secret_test_scan *scan);
long dev_nofault(int fd, unsigned long addr);
/* An address in the window far away from @addr, where nothing is. */
unsigned long empty_address(int fd, unsigned long addr);

/*
 * Give the test an area in the window, with contents, and in .empty an address
 * with nothing around it; returns what is wrong, or NULL.
 */
const char *place_make_window(struct place *p);
/* What is no longer as place_make_window() left it, or NULL. */
const char *area_changed(const struct place *p);

#define EXPECT_UNCHANGED(_p) do {					\
	const char *_what = area_changed(_p);				\
									\
	EXPECT_EQ(NULL, _what)						\
		TH_LOG("%s", _what);					\
} while (0)

#define SETUP_AREA(_p) do {						\
	const char *_what;						\
									\
	if (no_mm_secret())						\
		SKIP(exit(KSFT_SKIP), "no secret memory");		\
	_what = place_make_window(_p);					\
	ASSERT_EQ(NULL, _what)						\
		TH_LOG("%s: %s", _what, strerror(errno));		\
} while (0)

#endif /* __MM_SECRET_UTIL_H */
