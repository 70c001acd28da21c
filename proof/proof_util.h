/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of the attack kit share, and the kselftests in the tree do
 * without.
 *
 * Include it after kselftest_harness.h for the macros that use the latter.
 */
#ifndef __PROOF_UTIL_H
#define __PROOF_UTIL_H

#include <stdint.h>

#include "mm_secret_util.h"
#include "mm_secret_proof.h"

/* The driver of secret memory: results are 0 or more, or -errno. */
long dev_kzalloc(int fd, unsigned long size, unsigned long *addr);

/* Of either driver: an area in the window, or a VMA at a user address. */
int open_either(bool window);
long map_either(int fd, bool window, unsigned long size, int prot);

/* On this CPU alone from now on. */
void run_on(int cpu);
bool settle(void);

/* Random numbers from a seed, which each of them changes. */
uint64_t rnd(uint64_t *seed);
unsigned long rnd_below(uint64_t *seed, unsigned long limit);

/* The C library has registered one for the thread. */
void unregister_rseq(void);

/* What a signal says of a memory access. */
struct seen_fault {
	int sig;		/* 0 if there was none */
	int code;
	long offset;		/* of the address told from the one used */
	unsigned long syndrome;
};

/* Call @access with @addr. */
struct seen_fault see_fault(void (*access)(unsigned long addr), unsigned long addr);

/* Where user addresses end, on arm64: where the page tables of the window begin. */
struct mm_secret_test_range;
unsigned long end_below_window(const struct mm_secret_test_range *win);

/* The last page of the user range, or one of the last, which is mapped now; or 0. */
unsigned long map_last_user_page(void);

/* Pseudo files, as read_text(). */
bool write_text(const char *path, const char *what);
unsigned int count_lines(const char *path);
long status_field(const char *name);
/* What begins with a number, or -1. */
long read_number(const char *path);
/* What a file of lines NAME NUMBER says, /proc/vmstat for example, or -1. */
long count_of(const char *file, const char *name);
/* Is this in what is left of the kernel log?  It uses text[]. */
bool log_has(const char *what);

/*
 * Let allocations fail of the thread that called one of the first two: the Nth from now,
 * or none for 0.  The last says whether one did, after which none does.
 */
bool inject_setup(void);
bool fail_nth_open(void);
void fail_nth(unsigned int n);
bool fail_nth_used(void);

/*
 * Put the caller into a cgroup of its own, with a memory controller, and say if that
 * was switched on for it; returns what fails, or NULL.
 */
const char *cgroup_enter(const char *path, bool *switched_on);
/* Kill all that is in it. */
void cgroup_remove(const char *path);
/* After the last one. */
void cgroup_switch_off(void);

/* The driver stores bytes with their halves swapped: see MM_SECRET_TEST_WRITE. */
void as_stored(unsigned char *buf, size_t size);

/*
 * Give the test an area in the window, or a kernel-owned VMA at a user address with
 * ordinary neighbours on both sides; returns what is wrong, or NULL.  With
 * PROT_WRITE in @prot the VMA has contents, otherwise it is zero.  An area has
 * contents, and in .empty is an address of the window for both.
 */
const char *place_make(struct place *p, bool window, int prot);
/* What is no longer as place_make() left it, or NULL. */
const char *either_changed(const struct place *p);

#undef EXPECT_UNTOUCHED
#define EXPECT_UNTOUCHED(_p, _after) do {				\
	const char *_what = either_changed(_p);				\
									\
	EXPECT_TRUE(!_what)						\
		TH_LOG("after %s: %s", _after, _what ?: "");		\
} while (0)

/* What driver is not there, or NULL. */
const char *missing_driver(void);

#define SETUP_PLACE(_p, _window, _prot) do {				\
	const char *_what = missing_driver();				\
									\
	if (_what)							\
		SKIP(exit(KSFT_SKIP), "no %s", _what);			\
	_what = place_make(_p, _window, _prot);				\
	ASSERT_TRUE(!_what)						\
		TH_LOG("%s: %s", _what ?: "", strerror(errno));		\
} while (0)

#endif /* __PROOF_UTIL_H */
