// SPDX-License-Identifier: GPL-2.0
/*
 * What tests of kernel-owned VMAs share.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "kernel_owned_util.h"
#include "vm_util.h"

char text[256 * 1024];
unsigned char buffer[NPAGES * 65536];

unsigned long page_size(void)
{
	static unsigned long size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}

long ret_or_errno(long ret)
{
	return ret == -1 ? -errno : ret;
}

const char *ret_text(long ret)
{
	return ret < 0 ? strerror(-ret) : "success";
}

int open_kernel_owned(void)
{
	return open(KERNEL_OWNED_TEST, O_RDWR | O_CLOEXEC);
}

long owned_map(int fd, unsigned long cmd, unsigned long size, int prot,
	       unsigned long *addr)
{
	struct kernel_owned_test_range range = { .size = size, .prot = prot };
	long ret = ret_or_errno(ioctl(fd, cmd, &range));

	*addr = range.addr;
	return ret;
}

long owned_range(int fd, unsigned long cmd, unsigned long addr, unsigned long size)
{
	struct kernel_owned_test_range range = { .addr = addr, .size = size };

	return ret_or_errno(ioctl(fd, cmd, &range));
}

size_t read_text(const char *path, char *buf, size_t size)
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

char *vma_lines(const char *path, unsigned long start, unsigned long end)
{
	char head[64], *line;

	read_text(path, text, sizeof(text));
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

unsigned int vmas_in(unsigned long start, unsigned long end)
{
	unsigned long from, to;
	unsigned int n = 0;
	char *line;

	read_text("/proc/self/maps", text, sizeof(text));
	for (line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && from < end && to > start)
			n++;
	}
	return n;
}

static sigjmp_buf fault_jump;
static struct fault fault;
static unsigned long fault_at;

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

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault.sig = sig;
	fault.code = info->si_code;
	fault.offset = (unsigned long)info->si_addr - fault_at;
	fault.err = fault_syndrome(context);
	siglongjmp(fault_jump, 1);
}

static void access_now(enum access how, unsigned long addr)
{
	switch (how) {
	case LOAD:
		FORCE_READ(*(unsigned char *)addr);
		break;
	case STORE:
		__atomic_store_n((unsigned char *)addr, 'x', __ATOMIC_RELAXED);
		break;
	case JUMP:
		((void (*)(void))addr)();
		break;
	case ATOMIC:
		__atomic_fetch_add((long *)addr, 1, __ATOMIC_SEQ_CST);
		break;
	case STRING: {
#ifdef __x86_64__
		void *to = buffer, *from = (void *)addr;
		unsigned long n = 64;

		asm volatile("rep movsb" : "+D" (to), "+S" (from), "+c" (n)
			     :: "memory");
#else
		memcpy(buffer, (void *)addr, 64);
#endif
		break;
	}
	case CROSSING:
		FORCE_READ(*(long *)(addr - 4));
		break;
	}
}

struct fault try_access(enum access how, unsigned long addr)
{
	const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction old[ARRAY_SIZE(signals)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, &old[i]);
	memset(&fault, 0, sizeof(fault));
	fault_at = addr;
	if (!sigsetjmp(fault_jump, 1))
		access_now(how, addr);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	return fault;
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

bool is_zero(const unsigned char *buf, size_t size)
{
	return is_pattern(buf, size, 0);
}

const char *place_make_user(struct place *p, int prot)
{
	const int shared = MAP_SHARED | MAP_ANONYMOUS;
	int tries;

	memset(p, 0, sizeof(*p));
	p->size = NPAGES * page_size();
	p->fd = open_kernel_owned();
	if (p->fd < 0)
		return "cannot open " KERNEL_OWNED_TEST;

	for (tries = 0; tries < 64; tries++) {
		p->above = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, shared, -1, 0);
		if (owned_map(p->fd, KERNEL_OWNED_TEST_MAP, p->size, prot, &p->addr))
			return "KERNEL_OWNED_TEST_MAP failed";
		p->below = mmap((void *)(p->addr - page_size()), page_size(),
				PROT_READ | PROT_WRITE,
				shared | MAP_FIXED_NOREPLACE, -1, 0);
		if ((unsigned long)p->above == p->addr + p->size &&
		    p->below != MAP_FAILED)
			break;
		/* Not next to each other: holes fill up with the one above. */
		close(p->fd);
		p->fd = open_kernel_owned();
		if (p->below != MAP_FAILED)
			munmap(p->below, page_size());
	}
	if (tries == 64)
		return "no room for neighbours";

	p->above[0] = 'a';
	p->below[0] = 'b';
	if (prot & PROT_WRITE) {
		p->seed = 0xa5;
		make_pattern((unsigned char *)p->addr, p->size, p->seed);
	}
	return NULL;
}

const char *place_changed(const struct place *p)
{
	if (!vma_has_flag(p->addr, p->addr + p->size, "ko"))
		return "the VMA is gone, or not kernel-owned";
	if (!vma_has_flag(p->addr, p->addr + p->size, "sl"))
		return "the VMA is not sealed";
	if (vma_has_flag(p->addr, p->addr + p->size, "lo"))
		return "the VMA is locked";
	if (vma_has_flag(p->addr, p->addr + p->size, "ex"))
		return "the VMA can be executed";
	if (!is_pattern((unsigned char *)p->addr, p->size, p->seed))
		return "the VMA's contents have changed";
	return NULL;
}

unsigned long map_ordinary(unsigned long size)
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
	long *shared = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
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
	munmap(shared, page_size());
	return ret;
}
