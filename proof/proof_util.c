// SPDX-License-Identifier: GPL-2.0
/*
 * What the programs of the attack kit share, and the kselftests in the tree do
 * without.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "kselftest.h"
#include "proof_util.h"

#ifndef SA_EXPOSE_TAGBITS
#define SA_EXPOSE_TAGBITS	0x00000800
#endif

long dev_kzalloc(int fd, unsigned long size, unsigned long *addr)
{
	*addr = 0;
	return dev_range(fd, MM_SECRET_TEST_KZALLOC, addr, size);
}

int open_either(bool window)
{
	return window ? open_mm_secret() : open_kernel_owned();
}

long map_either(int fd, bool window, unsigned long size, int prot)
{
	unsigned long addr;

	return window ? dev_alloc(fd, size, &addr) :
			owned_map(fd, KERNEL_OWNED_TEST_MAP, size, prot, &addr);
}

void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/*
 * All of the program is in memory, and pages stay where they are: a page that comes late
 * counts, and NUMA balancing, which moves none where there is a policy, makes the kernel
 * look at the counters.
 */
bool settle(void)
{
	return !mlockall(MCL_CURRENT) && !syscall(__NR_set_mempolicy, MPOL_LOCAL, NULL, 0);
}

uint64_t rnd(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

unsigned long rnd_below(uint64_t *seed, unsigned long limit)
{
	return rnd(seed) % limit;
}

void unregister_rseq(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1,
			RSEQ_SIG);
}

static sigjmp_buf fault_jump;
static struct seen_fault fault;
static unsigned long fault_at;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault.sig = sig;
	fault.code = info->si_code;
	fault.offset = (unsigned long)info->si_addr - fault_at;
	fault.syndrome = fault_syndrome(context);
	siglongjmp(fault_jump, 1);
}

struct seen_fault see_fault(void (*access)(unsigned long addr), unsigned long addr)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL };
	struct sigaction act = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_EXPOSE_TAGBITS,
	};
	struct sigaction old[ARRAY_SIZE(signals)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, &old[i]);
	memset(&fault, 0, sizeof(fault));
	fault_at = addr;
	if (!sigsetjmp(fault_jump, 1))
		access(addr);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	return fault;
}

unsigned long end_below_window(const struct mm_secret_test_range *win)
{
	const int page = __builtin_ctzl(page_size()), per_level = page - 3;
	const int bits = __builtin_ctzl(win->addr + win->size);
	const int levels = (bits - page + per_level - 1) / per_level;

	return win->addr & -(1UL << (page + per_level * (levels - 1)));
}

unsigned long map_last_user_page(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	struct mm_secret_test_range win = {};
	int bits, fd = open_mm_secret();

	ioctl(fd, MM_SECRET_TEST_WINDOW, &win);
	close(fd);
	for (bits = 64; bits > 30; bits--) {
		/* The window may come after it. */
		__u64 addr = bits < 64 ? (1ULL << bits) - 2 * page_size() :
					 end_below_window(&win) - page_size();
		void *want = (void *)(unsigned long)addr, *mem;

		if (addr > ULONG_MAX)
			continue;
		mem = mmap(want, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);
		if (mem == want)
			return addr;
		if (mem != MAP_FAILED)
			munmap(mem, page_size());
	}
	return 0;
}

bool write_text(const char *path, const char *what)
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

	read_text(path, text, sizeof(text));
	for (c = text; *c; c++)
		lines += *c == '\n';
	return lines;
}

long status_field(const char *name)
{
	char *line;

	read_text("/proc/self/status", text, sizeof(text));
	line = strstr(text, name);
	return line ? atol(line + strlen(name) + 1) : -1;
}

long read_number(const char *path)
{
	char buf[64];

	return read_text(path, buf, sizeof(buf)) ? atol(buf) : -1;
}

bool log_has(const char *what)
{
	int len = klogctl(3, text, sizeof(text) - 1);

	text[len < 0 ? 0 : len] = '\0';
	return strstr(text, what);
}

#define CONTROLLERS	"/sys/fs/cgroup/cgroup.subtree_control"

const char *cgroup_enter(const char *path, bool *switched_on)
{
	char buf[256];

	*switched_on = false;
	read_text(CONTROLLERS, buf, sizeof(buf));
	if (!strstr(buf, "memory")) {
		*switched_on = write_text(CONTROLLERS, "+memory");
		if (!*switched_on)
			return CONTROLLERS;
	}
	if (mkdir(path, 0755) && errno != EEXIST)
		return "mkdir";
	snprintf(buf, sizeof(buf), "%s/cgroup.procs", path);
	if (write_text(buf, "0"))
		return NULL;
	cgroup_remove(path);
	return "cgroup.procs";
}

void cgroup_remove(const char *path)
{
	char file[128];
	int tries;

	snprintf(file, sizeof(file), "%s/cgroup.kill", path);
	write_text(file, "1");
	for (tries = 0; rmdir(path) && errno == EBUSY && tries < 500; tries++)
		usleep(10000);
}

void cgroup_switch_off(void)
{
	write_text(CONTROLLERS, "-memory");
}

void as_stored(unsigned char *buf, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = buf[i] << 4 | buf[i] >> 4;
}

const char *missing_driver(void)
{
	int fd = open_kernel_owned();

	if (fd < 0)
		return KERNEL_OWNED_TEST;
	close(fd);
	return no_mm_secret() ? MM_SECRET_TEST : NULL;
}

const char *place_make(struct place *p, bool window, int prot)
{
	const char *wrong;
	int fd;

	if (window)
		return place_make_window(p);

	wrong = place_make_user(p, prot);
	if (wrong)
		return wrong;
	fd = open_mm_secret();
	if (fd < 0)
		return "cannot open " MM_SECRET_TEST;
	p->empty = empty_address(fd, p->addr);
	close(fd);
	return p->empty ? NULL : "MM_SECRET_TEST_WINDOW failed";
}

const char *either_changed(const struct place *p)
{
	return p->window ? area_changed(p) : place_changed(p);
}

long count_of(const char *file, const char *name)
{
	static char text[32768];
	char key[64];
	const char *at;

	/* What CPUs have counted by themselves, too. */
	write_text("/proc/sys/vm/stat_refresh", "1");
	snprintf(key, sizeof(key), "\n%s ", name);
	read_text(file, text, sizeof(text));
	at = strstr(text, key);
	return at ? atol(at + strlen(key)) : -1;
}

static int fail_nth_fd = -1;	/* the thread's that opened it */

bool fail_nth_open(void)
{
	if (fail_nth_fd >= 0)
		close(fail_nth_fd);
	/* The kernel writes to it, and kills who has no memory for that. */
	unregister_rseq();
	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fail_nth_fd >= 0;
}

void fail_nth(unsigned int n)
{
	char number[16];
	int len = snprintf(number, sizeof(number), "%u", n);

	if (fail_nth_fd < 0 && !n)
		return;
	if (pwrite(fail_nth_fd, number, len, 0) != len)
		ksft_exit_fail_msg("fail-nth: %s\n", strerror(errno));
}

bool fail_nth_used(void)
{
	char number[16] = "";

	if (pread(fail_nth_fd, number, sizeof(number) - 1, 0) <= 0)
		ksft_exit_fail_msg("fail-nth: %s\n", strerror(errno));
	fail_nth(0);
	return !atoi(number);
}

/* All allocations may fail, none does yet, and none of it is in the log. */
static const struct {
	const char *file, *value;
} settings[] = {
	{ "failslab/probability", "0" },
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/cache-filter", "N" },
	{ "failslab/task-filter", "N" },
	{ "failslab/interval", "1" },
	{ "failslab/space", "0" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/probability", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
};

bool inject_setup(void)
{
	char path[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i].file);
		if (!write_text(path, settings[i].value))
			return false;
	}
	return fail_nth_open();
}
