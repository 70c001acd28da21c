// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of secret memory share.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <unistd.h>

#include "mm_secret_util.h"

#ifndef ADDR_MM_SECRET
#define ADDR_MM_SECRET	0x10000000
#endif

/*
 * On arm64 a process has secret memory only if it asked before it was executed.
 * Where it need not, asking does no harm.
 */
__attribute__((constructor)) static void ask_for_mm_secret(int argc, char **argv)
{
	int now = personality(0xffffffff);

	if (!argc || now & ADDR_MM_SECRET || personality(now | ADDR_MM_SECRET) < 0)
		return;
	execvp(argv[0], argv);
}

int open_mm_secret(void)
{
	return open(MM_SECRET_TEST, O_RDWR | O_CLOEXEC);
}

bool no_mm_secret(void)
{
	int fd = open_mm_secret();
	unsigned long addr;
	bool none = fd < 0 || dev_alloc(fd, page_size(), &addr) == -EOPNOTSUPP;

	close(fd);
	return none;
}

long dev_range(int fd, unsigned long cmd, unsigned long *addr, unsigned long size)
{
	struct mm_secret_test_range range = { .addr = *addr, .size = size };
	long ret = ret_or_errno(ioctl(fd, cmd, &range));

	*addr = range.addr;
	return ret;
}

long dev_alloc(int fd, unsigned long size, unsigned long *addr)
{
	*addr = 0;
	return dev_range(fd, MM_SECRET_TEST_ALLOC, addr, size);
}

long dev_addr(int fd, unsigned long *addr)
{
	return dev_range(fd, MM_SECRET_TEST_ADDR, addr, 0);
}

static long dev_copy(int fd, unsigned long cmd, unsigned long offset, void *buf,
		     unsigned long size)
{
	struct mm_secret_test_data data = {
		.offset = offset,
		.size = size,
		.buffer = (unsigned long)buf,
	};

	return ret_or_errno(ioctl(fd, cmd, &data));
}

long dev_write(int fd, unsigned long offset, void *buf, unsigned long size)
{
	return dev_copy(fd, MM_SECRET_TEST_WRITE, offset, buf, size);
}

long dev_read(int fd, unsigned long offset, void *buf, unsigned long size)
{
	return dev_copy(fd, MM_SECRET_TEST_READ, offset, buf, size);
}

long dev_free(int fd)
{
	return ret_or_errno(ioctl(fd, MM_SECRET_TEST_FREE));
}

long dev_free_kthread(int fd)
{
	return ret_or_errno(ioctl(fd, MM_SECRET_TEST_FREE_KTHREAD));
}

long dev_scan(int fd, struct mm_secret_test_scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	return ret_or_errno(ioctl(fd, MM_SECRET_TEST_SCAN, scan));
}

long dev_nofault(int fd, unsigned long addr)
{
	return dev_range(fd, MM_SECRET_TEST_NOFAULT, &addr, sizeof(long));
}

unsigned long empty_address(int fd, unsigned long addr)
{
	struct mm_secret_test_range win = {};
	unsigned long off;

	if (ioctl(fd, MM_SECRET_TEST_WINDOW, &win))
		return 0;
	off = addr - win.addr;
	if (off >= win.size)	/* at a user address */
		off = win.size / 2;
	else if (off < win.size / 2)
		off += (win.size - off) / 2;
	else
		off /= 2;
	return (win.addr + off) & ~(page_size() - 1);
}

const char *place_make_window(struct place *p)
{
	memset(p, 0, sizeof(*p));
	p->window = true;
	p->size = NPAGES * page_size();
	p->seed = 0x5a;
	p->fd = open_mm_secret();
	if (p->fd < 0)
		return "cannot open " MM_SECRET_TEST;
	if (dev_alloc(p->fd, p->size, &p->addr))
		return "MM_SECRET_TEST_ALLOC failed";
	make_pattern(buffer, p->size, p->seed);
	if (dev_write(p->fd, 0, buffer, p->size))
		return "MM_SECRET_TEST_WRITE failed";
	memset(buffer, 0, sizeof(buffer));
	p->empty = empty_address(p->fd, p->addr);
	return p->empty ? NULL : "MM_SECRET_TEST_WINDOW failed";
}

const char *area_changed(const struct place *p)
{
	unsigned long addr = 0;

	if (dev_addr(p->fd, &addr) || addr != p->addr)
		return "the area is gone";
	if (dev_read(p->fd, 0, buffer, p->size))
		return "the area cannot be read";
	if (!is_pattern(buffer, p->size, p->seed))
		return "the area's contents have changed";
	return NULL;
}
