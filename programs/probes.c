// SPDX-License-Identifier: GPL-2.0
/*
 * What programs conclude when they try how far their addresses reach.
 *
 *	probes			a line "name <TAB> conclusion" for each probe
 *	probes --ask PROGRAM	run PROGRAM with the personality that asks for the
 *				window for secret memory
 *
 * Each probe makes the calls of the program that it is named for, in the same
 * order and on the same addresses.  They run without randomization, so that
 * what they print is the same whenever the address space is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

#define ASK_MM_SECRET		0x10000000
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BIT(n)			(1UL << (n))
#define KiB			BIT(10)
#define MiB			BIT(20)
#define GiB			BIT(30)
#define TiB			BIT(40)

static unsigned long page;

/* Reserves addresses.  0 is a failure, for none of these is at 0. */
static unsigned long map(unsigned long addr, unsigned long size, int flags)
{
	void *p = mmap((void *)addr, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	return p == MAP_FAILED ? 0 : (unsigned long)p;
}

static void unmap(unsigned long addr, unsigned long size)
{
	if (munmap((void *)addr, size)) {
		perror("munmap");
		exit(1);
	}
}

static int bits_of(unsigned long addr)
{
	return addr ? 64 - __builtin_clzl(addr) : 0;
}

static const char *error(int err)
{
	return err ? strerrorname_np(err) : "success";
}

static void print_size(unsigned long size)
{
	if (size >= TiB)
		printf("%lu TiB", size / TiB);
	else
		printf("%lu GiB", size / GiB);
}

/*
 * The next mapping at or above *@end that has @name in its line of
 * /proc/self/maps, or any.
 */
static bool next_mapping(const char *name, unsigned long *start, unsigned long *end)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to, above = *end;
	bool found = false;
	char line[512];

	if (!maps) {
		perror("/proc/self/maps");
		exit(1);
	}
	while (!found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &from, &to) != 2 ||
		    from < above || (name && !strstr(line, name)))
			continue;
		*start = from;
		*end = to;
		found = true;
	}
	fclose(maps);
	return found;
}

/*
 * Would a mapping that ends at @end do?  An address that is not that of a page
 * is refused in any case, but for another reason.
 */
static bool may_end_at(unsigned long end)
{
	if (map(end - page - 1, page, MAP_FIXED) || (errno != ENOMEM && errno != EINVAL)) {
		perror("mmap of no page");
		exit(1);
	}
	return errno == EINVAL;
}

static unsigned long user_end(void)
{
	unsigned long good = BIT(32), bad = BIT(56);

	while (bad - good > page) {
		unsigned long mid = (good + (bad - good) / 2) & ~(page - 1);

		if (may_end_at(mid))
			good = mid;
		else
			bad = mid;
	}
	return good;
}

static void end_of_addresses(void)
{
	printf("%#lx", user_end());
}

/* The last page of all can be mapped, and is backed with memory. */
static void last_page(void)
{
	unsigned long addr = user_end() - page, at;

	at = map(addr, page, MAP_FIXED_NOREPLACE);
	if (at != addr && errno == EEXIST) {
		printf("mapped at exec");
		return;
	}
	if (at != addr || mprotect((void *)at, page, PROT_READ | PROT_WRITE)) {
		printf("%s", error(errno));
		return;
	}
	memset((void *)at, 1, page);
	printf("usable");
	unmap(at, page);
}

/* gVisor takes "no such address" for smaller, another error for this size. */
static void gvisor(void)
{
	static const int sizes[] = { 52, 48, 39 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (may_end_at(BIT(sizes[i]))) {
			printf("%d bits", sizes[i]);
			return;
		}
	}
	printf("no size");
}

/* FEX takes the first size of which the last page is free, or is not. */
static int fex_bits(void)
{
	static const int sizes[] = { 57, 52, 48, 47, 42, 39, 36 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long at = map(BIT(sizes[i]) - page, page, MAP_FIXED_NOREPLACE);

		if (at)
			unmap(at, page);
		if (at || errno == EEXIST)
			return sizes[i];
	}
	return 0;
}

static void fex(void)
{
	int bits = fex_bits();
	unsigned long at = map(0, page, 0);

	printf("%d bits, mmap() is %s", bits, bits_of(at) <= bits ? "below" : "above");
	unmap(at, page);
}

/* With 48 bits, FEX keeps the upper half from the program that it runs. */
static void fex_upper_half(void)
{
	unsigned long start, end = BIT(47), at = BIT(47);

	if (fex_bits() < 48) {
		printf("none");
		return;
	}
	for (; at < BIT(48); at = end) {
		if (!next_mapping(NULL, &start, &end) || start >= BIT(48)) {
			start = BIT(48);
			end = start;
		}
		if (start > at && map(at, start - at, MAP_FIXED_NOREPLACE) != at) {
			printf("%s", error(errno));
			return;
		}
	}
	printf("taken, then mmap() gives %d bits", bits_of(map(0, page, 0)));
}

/* CRIU doubles a size until nothing can be unmapped at it. */
static unsigned long criu_size(int most)
{
	unsigned long size;

	for (size = BIT(39); size < BIT(most); size <<= 1)
		if (munmap((void *)size, page))
			break;
	return size;
}

/* The child's stack is in what it unmaps. */
static int unmap_and_exit(unsigned long addr, unsigned long size)
{
#ifdef __aarch64__
	register unsigned long x0 asm("x0") = addr;
	register unsigned long x1 asm("x1") = size;
	register unsigned long x8 asm("x8") = SYS_munmap;

	asm volatile("svc	#0\n\t"
		     "neg	x0, x0\n\t"
		     "mov	x8, %3\n\t"
		     "svc	#0"
		     : "+r" (x0) : "r" (x1), "r" (x8), "i" (SYS_exit_group)
		     : "memory", "cc");
#else
	syscall(SYS_munmap, addr, size);
	_exit(errno);
#endif
	__builtin_unreachable();
}

static void criu_unmap(int most)
{
	unsigned long size = criu_size(most), from = size / 4 * 3;
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	/* Above the program itself are libraries, the vDSO and the stack. */
	if (child == 0)
		unmap_and_exit(from, size - from);
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("a child");
		exit(1);
	}
	printf("munmap() up to 2^%d: ", bits_of(size - 1));
	if (WIFEXITED(status))
		printf("%s", error(WEXITSTATUS(status)));
	else
		printf("%s", strsignal(WTERMSIG(status)));
}

static void criu(void)
{
	criu_unmap(48);
}

/* Or it looks further, as it does on other CPUs. */
static void criu_52(void)
{
	criu_unmap(52);
}

/* A program that was saved on the base has its stack at the very end. */
static void criu_stack(void)
{
	unsigned long size = criu_size(48), addr = size - 132 * KiB;
	unsigned long at = map(addr, 132 * KiB, MAP_FIXED_NOREPLACE);

	if (at == addr || errno == EEXIST)
		printf("can be restored");
	else
		printf("%s", error(errno));
	if (at)
		unmap(at, 132 * KiB);
}

/* Wine halves an address until there is one at or above it. */
static void wine(void)
{
	unsigned long addr, at;

	for (addr = BIT(63); addr >> 32; addr >>= 1) {
		at = map(addr, page, MAP_FIXED_NOREPLACE);
		if (at)
			unmap(at, page);
		else if (errno == EEXIST)
			break;
		if (at >= addr)
			break;
	}
	printf("%#lx", (addr << 1) - 64 * KiB);
}

/* Wine's Windows programs get addresses from the top of 47 bits down. */
static void wine_top_down(void)
{
	unsigned long addr = BIT(47) - 64 * KiB - 128 * MiB;
	unsigned long at = map(addr, 128 * MiB, MAP_FIXED_NOREPLACE);

	printf("%s", at == addr ? "free" : error(errno));
	if (at)
		unmap(at, 128 * MiB);
}

/* ZGC looks for the highest bit that an address can have, from 46 down. */
static void zgc(void)
{
	int bit = 0;

	for (int i = 46; i > 36 && !bit; i--) {
		unsigned long addr = BIT(i), at;

		if (!msync((void *)addr, page, MS_ASYNC)) {
			bit = i;
			break;
		}
		if (errno != ENOMEM)
			continue;
		at = map(addr, page, 0);
		if (at)
			unmap(at, page);
		if (at == addr)
			bit = i;
	}
	if (!bit) {
		unsigned long at = map(BIT(46), page, 0);

		bit = bits_of(at) - 1;
		unmap(at, page);
	}
	printf("bit %d", bit);
}

/* Its heap is then where only one of the bits from there up is set. */
static void zgc_heap(void)
{
	for (int bit = 44; bit > 36; bit--) {
		unsigned long at = map(BIT(bit), BIT(bit), MAP_FIXED_NOREPLACE);

		if (at)
			unmap(at, BIT(bit));
		if (at == BIT(bit)) {
			print_size(at);
			return;
		}
	}
	printf("none");
}

/* Go's heap grows at 0x4000000000, or a multiple of a TiB above that. */
static void go_arenas(void)
{
	int got = 0, highest = 0;

	for (int i = 0; i < 0x80; i++) {
		unsigned long addr = (unsigned long)i << 40 | 0x40UL << 32;
		unsigned long at = map(addr, 64 * MiB, 0);

		if (at == addr) {
			got++;
			highest = bits_of(at);
		}
		if (at)
			unmap(at, 64 * MiB);
	}
	printf("%d of 128, to %d bits", got, highest);
}

/*
 * V8 reserves a sandbox, aligned to 4 GiB and with room beside it, and takes a
 * smaller one where that is refused.  Then it is none.
 */
static void v8_sandbox(void)
{
	for (unsigned long size = TiB; size >= 8 * GiB; size /= 2) {
		unsigned long addr = (BIT(46) - size) & ~(4 * GiB - 1);
		unsigned long room = size + 64 * GiB + 4 * GiB, at = map(addr, room, 0);

		if (!at)
			continue;
		unmap(at, room);
		at = (at + 4 * GiB - 1) & ~(4 * GiB - 1);
		if (map(at, size + 64 * GiB, MAP_FIXED_NOREPLACE) == at) {
			print_size(size);
			printf(" at an address of %d bits", bits_of(at));
			unmap(at, size + 64 * GiB);
			return;
		}
	}
	printf("none");
}

/* Chromium's allocator wants 16 GiB pools aligned to their size. */
static void partition_alloc(void)
{
	unsigned long size = 16 * GiB, at = map(0, 2 * size, 0), pool;

	if (!at) {
		printf("%s", error(errno));
		return;
	}
	unmap(at, 2 * size);
	pool = (at + size - 1) & ~(size - 1);
	printf("%s", map(pool, size, MAP_FIXED_NOREPLACE) == pool ?
	       "aligned" : error(errno));
	unmap(pool, size);
}

/* LuaJIT's pointers have 47 bits: it tries hints until it gets such ones. */
static void luajit(void)
{
	unsigned long hint = 0x3ad5f1340000, at = 0;
	int i;

	for (i = 0; i < 30; i++) {
		at = map(hint, 128 * KiB, 0);
		if (at)
			unmap(at, 128 * KiB);
		if (at && bits_of(at + 128 * KiB - 1) <= 47)
			break;
		hint = (hint * 5 + 128 * KiB) & (BIT(47) - 1) & ~(page - 1);
	}
	printf(i < 30 ? "47 bits" : "no memory");
}

/* mimalloc asks for 2 to 30 TiB, by hints. */
static void mimalloc(void)
{
	int got = 0;

	for (unsigned long addr = 2 * TiB; addr < 30 * TiB; addr += TiB) {
		unsigned long at = map(addr, GiB, 0);

		got += at == addr;
		if (at)
			unmap(at, GiB);
	}
	printf("%d of 28", got);
}

/* The sanitizers take the highest bit of the stack for that of all. */
static void sanitizers(void)
{
	printf("%d bits", bits_of((unsigned long)__builtin_frame_address(0)));
}

/*
 * Old versions of ThreadSanitizer expect libraries and stacks in the last 4 GiB
 * of 48 bits, where their shadow leaves room.
 */
static void sanitizer_high(void)
{
	unsigned long start, end = 0, low = 0, high = 0, top = 0;

	if (!next_mapping("[stack]", &start, &top))
		exit(1);
	while (next_mapping(NULL, &start, &end)) {
		if (start < BIT(bits_of(top - 1)) / 4 * 3 || start >= top)
			continue;
		low = low ? low : start;
		high = end;
	}
	printf("%#lx to %#lx", low, high);
}

static void above_48_bits(void)
{
	unsigned long at = map(BIT(48), page, 0);

	printf("%s", !at ? error(errno) : bits_of(at) > 48 ? "an address there" :
	       "an address below");
	if (at)
		unmap(at, page);
}

static void program(void)
{
	printf("%#lx", (unsigned long)&program & ~(64 * KiB - 1));
}

static void named(const char *name)
{
	unsigned long start, end = 0;

	if (next_mapping(name, &start, &end))
		printf("%#lx", end);
	else
		printf("none");
}

static void stack_end(void)
{
	named("[stack]");
}

static void vdso_end(void)
{
	named("[vdso]");
}

/* Where brk() starts follows from where the program is. */
static void heap_start(void)
{
	unsigned long start, end = 0;

	if (next_mapping("[heap]", &start, &end))
		printf("%s", start > (unsigned long)&program &&
		       start - (unsigned long)&program < GiB ? "behind the program" : "elsewhere");
	else
		printf("none");
}

static void highest_mmap(void)
{
	unsigned long at = map(0, page, 0), start, end = 0, last = 0, stack = 0, top = 0;

	if (!next_mapping("[stack]", &stack, &top))
		exit(1);
	while (next_mapping(NULL, &start, &end) && start < stack)
		last = end;
	printf("%#lx", last);
	unmap(at, page);
}

/* As much as a program with a shadow of its own may reserve. */
static void half_of_all(void)
{
	unsigned long size = BIT(bits_of(user_end() - 1)) / 2;
	unsigned long at = map(0, size, 0);

	printf("%s", at ? "reserved" : error(errno));
	if (at)
		unmap(at, size);
}

static const struct {
	const char *name;
	void (*run)(void);
} probes[] = {
	{ "end of user addresses", end_of_addresses },
	{ "the last page", last_page },
	{ "gVisor: size", gvisor },
	{ "FEX: size", fex },
	{ "FEX: upper half", fex_upper_half },
	{ "CRIU: restore", criu },
	{ "CRIU: restore, to 52 bits", criu_52 },
	{ "CRIU: stack of the base", criu_stack },
	{ "Wine: limit", wine },
	{ "Wine: top-down", wine_top_down },
	{ "ZGC: highest bit", zgc },
	{ "ZGC: heap", zgc_heap },
	{ "Go: arenas", go_arenas },
	{ "V8: sandbox", v8_sandbox },
	{ "PartitionAlloc: pool", partition_alloc },
	{ "LuaJIT: heap", luajit },
	{ "mimalloc: hints", mimalloc },
	{ "sanitizers: size", sanitizers },
	{ "sanitizers: last mappings", sanitizer_high },
	{ "a hint of 2^48", above_48_bits },
	{ "half of all at once", half_of_all },
	{ "PIE program at", program },
	{ "heap", heap_start },
	{ "mmap() below", highest_mmap },
	{ "vDSO ends at", vdso_end },
	{ "stack ends at", stack_end },
};

/* A probe may leave the address space as it likes: each has its own. */
static bool run(size_t i)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		printf("%s\t", probes[i].name);
		probes[i].run();
		printf("\n");
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("a child");
		exit(1);
	}
	if (status)
		printf("%s\tends with status %#x\n", probes[i].name, status);
	return !status;
}

int main(int argc, char **argv)
{
	int now = personality(0xffffffff), failed = 0;

	page = sysconf(_SC_PAGESIZE);
	if (argc > 2 && !strcmp(argv[1], "--ask")) {
		if (personality(now | ASK_MM_SECRET) < 0) {
			perror("personality");
			return 125;
		}
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		return 125;
	}
	if (!(now & ADDR_NO_RANDOMIZE)) {
		/*
		 * Of libc's memory, the kernel writes to that of rseq whenever
		 * it has preempted a thread, so a probe could not unmap it.
		 */
		setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
		personality(now | ADDR_NO_RANDOMIZE);
		execv("/proc/self/exe", argv);
		perror("/proc/self/exe");
		return 125;
	}
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		failed += !run(i);
	return failed ? 1 : 0;
}
