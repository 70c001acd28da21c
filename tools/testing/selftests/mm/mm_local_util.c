// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of kernel-owned VMAs and mm-local memory share.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "mm_local_util.h"
#include "vm_util.h"

char text[TEXT_SIZE];
unsigned char buffer[NPAGES * 65536];

unsigned long ps(void)
{
	return psize();
}

long result(long ret)
{
	return ret == -1 ? -errno : ret;
}

void unregister_rseq(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1,
			RSEQ_SIG);
}

const char *why(long ret)
{
	return ret < 0 ? strerror(-ret) : "success";
}

int device(void)
{
	int fd = ioctl(DEVICE_FD, MM_LOCAL_TEST_OPEN);

	return fd < 0 ? open(DEVICE, O_RDWR) : fd;
}

bool no_device(void)
{
	int fd = device();

	if (fd < 0)
		return true;
	close(fd);
	return false;
}

long dev_ioctl(int fd, unsigned long cmd, unsigned long addr, unsigned long size)
{
	struct mm_local_test_range range = { .addr = addr, .size = size };

	return result(ioctl(fd, cmd, &range));
}

long dev_map(int fd, unsigned long cmd, unsigned long size, int prot,
	     unsigned long *addr)
{
	struct mm_local_test_range range = { .size = size, .prot = prot };
	long ret = result(ioctl(fd, cmd, &range));

	*addr = range.addr;
	return ret;
}

long dev_alloc(int fd, unsigned long size, unsigned long *addr)
{
	return dev_map(fd, MM_LOCAL_TEST_ALLOC, size, 0, addr);
}

long dev_kzalloc(int fd, unsigned long size, unsigned long *addr)
{
	return dev_map(fd, MM_LOCAL_TEST_KZALLOC, size, 0, addr);
}

long dev_addr(int fd, unsigned long *addr)
{
	return dev_map(fd, MM_LOCAL_TEST_ADDR, 0, 0, addr);
}

long dev_copy(int fd, unsigned long cmd, unsigned long offset, void *buf,
	      unsigned long size)
{
	struct mm_local_test_data data = {
		.offset = offset,
		.size = size,
		.buffer = (unsigned long)buf,
	};

	return result(ioctl(fd, cmd, &data));
}

long dev_write(int fd, unsigned long offset, void *buf, unsigned long size)
{
	return dev_copy(fd, MM_LOCAL_TEST_WRITE, offset, buf, size);
}

long dev_read(int fd, unsigned long offset, void *buf, unsigned long size)
{
	return dev_copy(fd, MM_LOCAL_TEST_READ, offset, buf, size);
}

long dev_free(int fd)
{
	return result(ioctl(fd, MM_LOCAL_TEST_FREE));
}

long dev_scan(int fd, struct mm_local_test_scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	return result(ioctl(fd, MM_LOCAL_TEST_SCAN, scan));
}

long dev_nofault(int fd, unsigned long addr)
{
	return dev_ioctl(fd, MM_LOCAL_TEST_NOFAULT, addr, sizeof(long));
}

unsigned long empty_address(int fd, unsigned long addr)
{
	struct mm_local_test_range win = {};
	unsigned long off;

	if (ioctl(fd, MM_LOCAL_TEST_WINDOW, &win))
		return 0;
	off = addr - win.addr;
	if (off >= win.size)	/* at a user address */
		off = win.size / 2;
	else if (off < win.size / 2)
		off += (win.size - off) / 2;
	else
		off /= 2;
	return (win.addr + off) & ~(ps() - 1);
}

size_t slurp(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
			len += n;
		close(fd);
	}
	buf[len] = '\0';
	return len;
}

bool spew(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, what, strlen(what)) == (ssize_t)strlen(what);

	if (fd >= 0)
		close(fd);
	return ok;
}

unsigned int count_lines(const char *path)
{
	unsigned int lines = 0;
	char *c;

	slurp(path, text, sizeof(text));
	for (c = text; *c; c++)
		lines += *c == '\n';
	return lines;
}

char *vma_lines(const char *path, unsigned long start, unsigned long end)
{
	char head[64], *line;

	slurp(path, text, sizeof(text));
	if (end)
		snprintf(head, sizeof(head), "%08lx-%08lx ", start, end);
	else
		snprintf(head, sizeof(head), "%08lx ", start);
	for (line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, head, strlen(head)))
			return line;
	}
	return NULL;
}

bool vma_has_flag(unsigned long start, unsigned long end, const char *flag)
{
	char *line = vma_lines("/proc/self/smaps", start, end), *nl, *found;
	char word[8];

	line = line ? strstr(line, "VmFlags:") : NULL;
	nl = line ? strchr(line, '\n') : NULL;
	if (!nl)
		return false;
	snprintf(word, sizeof(word), " %s ", flag);
	found = strstr(line, word);
	return found && found < nl;
}

long status_field(const char *name)
{
	char *line;

	slurp("/proc/self/status", text, sizeof(text));
	line = strstr(text, name);
	return line ? atol(line + strlen(name) + 1) : -1;
}

static unsigned char pattern_byte(size_t i, unsigned char seed)
{
	unsigned int x = (i + 1) * 2654435761u ^ seed * 2246822519u;

	return seed ? (x ^ x >> 15) * 3266489917u >> 24 : 0;
}

void make_pattern(unsigned char *buf, size_t size, unsigned char seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = pattern_byte(i, seed);
}

bool is_pattern(const unsigned char *buf, size_t size, unsigned char seed)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (buf[i] != pattern_byte(i, seed))
			return false;
	}
	return true;
}

void as_stored(unsigned char *buf, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = buf[i] << 4 | buf[i] >> 4;
}

bool is_zero(const unsigned char *buf, size_t size)
{
	return is_pattern(buf, size, 0);
}

unsigned long fault_syndrome(const void *context)
{
	const ucontext_t *uc __maybe_unused = context;
#if defined(__x86_64__)
	return uc->uc_mcontext.gregs[REG_ERR] | uc->uc_mcontext.gregs[REG_TRAPNO] << 16;
#elif defined(__aarch64__)
	const struct _aarch64_ctx *record = (const void *)uc->uc_mcontext.__reserved;

	while (record->magic && record->magic != ESR_MAGIC)
		record = (const void *)record + record->size;
	return record->magic ? ((const struct esr_context *)record)->esr : 0;
#else
	return 0;
#endif
}

const char *place_make(struct place *p, bool window, int prot)
{
	const int shared = MAP_SHARED | MAP_ANONYMOUS;
	int tries;

	memset(p, 0, sizeof(*p));
	p->window = window;
	p->size = NPAGES * ps();
	p->fd = device();
	if (p->fd < 0)
		return "cannot open " DEVICE;

	if (window) {
		p->seed = 0x5a;
		if (dev_alloc(p->fd, p->size, &p->addr))
			return "MM_LOCAL_TEST_ALLOC failed";
		make_pattern(buffer, p->size, p->seed);
		if (dev_write(p->fd, 0, buffer, p->size))
			return "MM_LOCAL_TEST_WRITE failed";
	} else {
		for (tries = 0; tries < 64; tries++) {
			p->above = mmap(NULL, ps(), PROT_READ | PROT_WRITE, shared, -1, 0);
			if (dev_map(p->fd, MM_LOCAL_TEST_MAP, p->size, prot, &p->addr))
				return "MM_LOCAL_TEST_MAP failed";
			p->below = mmap((void *)(p->addr - ps()), ps(),
					PROT_READ | PROT_WRITE,
					shared | MAP_FIXED_NOREPLACE, -1, 0);
			if ((unsigned long)p->above == p->addr + p->size &&
			    p->below != MAP_FAILED)
				break;
			/* Not next to each other: holes fill up with the one above. */
			close(p->fd);
			p->fd = device();
			if (p->below != MAP_FAILED)
				munmap(p->below, ps());
		}
		if (tries == 64)
			return "no room for neighbours";
		p->above[0] = 'a';
		p->below[0] = 'b';
		if (prot & PROT_WRITE) {
			p->seed = 0xa5;
			make_pattern((unsigned char *)p->addr, p->size, p->seed);
		}
	}
	memset(buffer, 0, sizeof(buffer));
	p->empty = empty_address(p->fd, p->addr);
	return p->empty ? NULL : "MM_LOCAL_TEST_WINDOW failed";
}

const char *touched(const struct place *p)
{
	unsigned long addr;

	if (p->window) {
		if (dev_addr(p->fd, &addr) || addr != p->addr)
			return "the area is gone";
		if (dev_read(p->fd, 0, buffer, p->size))
			return "the area cannot be read";
		if (!is_pattern(buffer, p->size, p->seed))
			return "the area's contents have changed";
		return NULL;
	}
	if (!vma_has_flag(p->addr, p->addr + p->size, "ko"))
		return "the VMA is gone, or not kernel-owned";
	if (!vma_has_flag(p->addr, p->addr + p->size, "sl"))
		return "the VMA is not sealed";
	if (!is_pattern((unsigned char *)p->addr, p->size, p->seed))
		return "the VMA's contents have changed";
	return NULL;
}

unsigned long ordinary(unsigned long size)
{
	unsigned char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return 0;
	make_pattern(mem, size, 0x33);
	return (unsigned long)mem;
}

long in_child(child_fn fn, const struct remote *r)
{
	long *shared = mmap(NULL, ps(), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	long ret;
	pid_t pid;

	if (shared == MAP_FAILED)
		return -ENOMEM;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -EAGAIN;
	if (!pid) {
		*shared = fn(r);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ret = *shared;
	if (WIFSIGNALED(status))
		ret = -ECHILD - (WTERMSIG(status) << 8);
	munmap(shared, ps());
	return ret;
}
