/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of kernel-owned VMAs and mm-local memory share.
 *
 * Include it after kselftest_harness.h for the macros that use the latter.
 */
#ifndef __MM_LOCAL_UTIL_H
#define __MM_LOCAL_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include <mm/mm_local_test.h>

#define DEVICE		"/sys/kernel/debug/mm_local_test"
/*
 * Who has the driver open here needs no privileges: that is how the tests run for
 * an ordinary user, whom root has given the descriptor.
 */
#define DEVICE_FD	9
#define NPAGES		4
#define TEXT_SIZE	(256 * 1024)

/* Where a test finds its kernel-owned VMA. */
struct place {
	int fd;			/* of the driver */
	bool window;		/* an area in the window, or a VMA below */
	unsigned long addr;
	unsigned long size;
	unsigned long empty;	/* an address with nothing around it */
	unsigned char seed;	/* of its contents, 0 if it is all zero */
	char *below, *above;	/* the neighbours of a VMA, one page each */
};


struct remote {
	pid_t pid;
	unsigned long addr;
	unsigned long len;
};

typedef long (*child_fn)(const struct remote *r);


extern char text[TEXT_SIZE];
extern unsigned char buffer[NPAGES * 65536];

/* The driver: results are 0 or more, or -errno. */
int device(void);
bool no_device(void);
long dev_ioctl(int fd, unsigned long cmd, unsigned long addr, unsigned long size);
long dev_map(int fd, unsigned long cmd, unsigned long size, int prot, unsigned long *addr);
long dev_alloc(int fd, unsigned long size, unsigned long *addr);
long dev_kzalloc(int fd, unsigned long size, unsigned long *addr);
long dev_addr(int fd, unsigned long *addr);
long dev_copy(int fd, unsigned long cmd, unsigned long offset, void *buf, unsigned long size);
long dev_write(int fd, unsigned long offset, void *buf, unsigned long size);
long dev_read(int fd, unsigned long offset, void *buf, unsigned long size);
long dev_free(int fd);
long dev_scan(int fd, struct mm_local_test_scan *scan);
long dev_nofault(int fd, unsigned long addr);
/* The C library has registered one for the thread. */
void unregister_rseq(void);
/* An address in the window far away from @addr, where nothing is. */
unsigned long empty_address(int fd, unsigned long addr);

/*
 * Pseudo files, without the C library's buffers: some tests compare what a
 * process says about its memory.
 */
size_t slurp(const char *path, char *buf, size_t size);
bool spew(const char *path, const char *what);
unsigned int count_lines(const char *path);
/* The VMA's lines in /proc/self/smaps or numa_maps, in text[], or NULL. */
char *vma_lines(const char *path, unsigned long start, unsigned long end);
bool vma_has_flag(unsigned long start, unsigned long end, const char *flag);
long status_field(const char *name);

/* Contents. */
void make_pattern(unsigned char *buf, size_t size, unsigned char seed);
bool is_pattern(const unsigned char *buf, size_t size, unsigned char seed);
/* The driver stores bytes with their halves swapped: see MM_LOCAL_TEST_WRITE. */
void as_stored(unsigned char *buf, size_t size);
bool is_zero(const unsigned char *buf, size_t size);

/*
 * Give the test a kernel-owned VMA; returns what is wrong, or NULL.  With
 * PROT_WRITE in @prot it has contents, otherwise it is zero.  One at a user
 * address has ordinary neighbours on both sides.
 */
const char *place_make(struct place *p, bool window, int prot);
/* What is no longer as place_make() left it, or NULL. */
const char *touched(const struct place *p);
/* What the CPU said of a fault, for a signal handler: error code or syndrome. */
unsigned long fault_syndrome(const void *context);
/* Ordinary memory to do the same on: private, anonymous, present. */
unsigned long ordinary(unsigned long size);

/*
 * In a child: what @fn returns there, or -ECHILD with the signal in bits 8 and
 * above if it died.
 */
long in_child(child_fn fn, const struct remote *r);
#define DIED_BY(_sig)	(-ECHILD - ((_sig) << 8))

unsigned long ps(void);
long result(long ret);
const char *why(long ret);

#define EXPECT_UNTOUCHED(_p, _after) do {				\
	const char *_what = touched(_p);				\
									\
	EXPECT_EQ(NULL, _what)						\
		TH_LOG("after %s: %s", _after, _what);			\
} while (0)

/* An ordinary user can do it to no memory, so that nothing would be shown. */
#define NEEDS_ROOT(_what) do {						\
	if (geteuid())							\
		SKIP(return, "needs root: " _what);			\
} while (0)

#define SETUP_PLACE(_p, _window, _prot) do {				\
	const char *_what;						\
									\
	if (no_device())						\
		SKIP(exit(KSFT_SKIP), "no " DEVICE);			\
	_what = place_make(_p, _window, _prot);				\
	ASSERT_EQ(NULL, _what)						\
		TH_LOG("%s: %s", _what, strerror(errno));		\
} while (0)

#endif /* __MM_LOCAL_UTIL_H */
