/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of kernel-owned VMAs share.
 *
 * Include it after kselftest_harness.h for the macros that use the latter.
 */
#ifndef __KERNEL_OWNED_UTIL_H
#define __KERNEL_OWNED_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include <mm/kernel_owned_test.h>

#define KERNEL_OWNED_TEST	"/sys/kernel/debug/kernel_owned_test"
#define NPAGES			4

/* Where a test finds its kernel-owned VMA. */
struct place {
	int fd;			/* of the driver */
	bool window;		/* an area of secret memory, or a VMA */
	unsigned long addr;
	unsigned long size;
	unsigned long empty;	/* for an area: an address far from any other */
	unsigned char seed;	/* of its contents, 0 if it is all zero */
	char *below, *above;	/* the neighbours of a VMA, one page each */
};

/* What in_child() hands to the function. */
struct remote {
	pid_t pid;
	unsigned long addr;
	unsigned long len;
};

typedef long (*child_fn)(const struct remote *r);

extern char text[256 * 1024];
extern unsigned char buffer[NPAGES * 65536];

/* The driver: results are 0 or more, or -errno. */
int open_kernel_owned(void);
long owned_map(int fd, unsigned long cmd, unsigned long size, int prot, unsigned long *addr);
long owned_range(int fd, unsigned long cmd, unsigned long addr, unsigned long size);

/*
 * Pseudo files, without the C library's buffers: some tests compare what a
 * process says about its memory.
 */
size_t read_text(const char *path, char *buf, size_t size);
/* The VMA's lines in /proc/self/smaps or numa_maps, in text[], or NULL. */
char *vma_lines(const char *path, unsigned long start, unsigned long end);
bool vma_has_flag(unsigned long start, unsigned long end, const char *flag);

/* How many VMAs have a part of the range. */
unsigned int vmas_in(unsigned long start, unsigned long end);

/* Direct access by the CPU, and what the signal says about it. */
struct fault {
	int sig;		/* 0 if there was none */
	int code;
	unsigned long offset;	/* of the address told from that accessed */
	unsigned long err;	/* what the CPU said, where the kernel tells */
};

/* CROSSING: the last bytes before the address, and the first ones there. */
enum access { LOAD, STORE, JUMP, ATOMIC, STRING, CROSSING };

struct fault try_access(enum access how, unsigned long addr);
/* What the CPU said of a fault, for a handler: error code or syndrome. */
unsigned long fault_syndrome(const void *context);

/* Contents. */
void make_pattern(unsigned char *buf, size_t size, unsigned char seed);
bool is_pattern(const unsigned char *buf, size_t size, unsigned char seed);
bool is_zero(const unsigned char *buf, size_t size);

/*
 * Give the test a kernel-owned VMA with ordinary neighbours on both sides;
 * returns what is wrong, or NULL.  With PROT_WRITE in @prot it has contents,
 * otherwise it is zero.
 */
const char *place_make_user(struct place *p, int prot);
/* What is no longer as place_make_user() left it, or NULL. */
const char *place_changed(const struct place *p);
/* Ordinary memory to do the same on: private, anonymous, present. */
unsigned long map_ordinary(unsigned long size);

/*
 * In a child: what @fn returns there, or -ECHILD with the signal in bits 8 and
 * above if it died.
 */
long in_child(child_fn fn, const struct remote *r);
#define DIED_BY(_sig)	(-ECHILD - ((_sig) << 8))

unsigned long page_size(void);
long ret_or_errno(long ret);
const char *ret_text(long ret);

#define EXPECT_UNTOUCHED(_p, _after) do {				\
	const char *_what = place_changed(_p);				\
									\
	EXPECT_EQ(NULL, _what)						\
		TH_LOG("after %s: %s", _after, _what);			\
} while (0)

/* An ordinary user can do it to no memory, so that nothing would be shown. */
#define NEEDS_ROOT(_what) do {						\
	if (geteuid())							\
		SKIP(return, "needs root: " _what);			\
} while (0)

#endif /* __KERNEL_OWNED_UTIL_H */
