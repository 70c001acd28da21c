// SPDX-License-Identifier: GPL-2.0
/*
 * x86_64: memory of the kernel image that is free must not stay mapped at the
 * image's addresses.  memfd_secret() may be given such a page, and removes the
 * direct map's entry only.
 *
 * Needs CONFIG_PTDUMP_DEBUGFS, debugfs, /proc/kallsyms and root.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest.h"

#define PAGE_TABLES	"/sys/kernel/debug/page_tables/kernel"
#define PAGE_UP(_addr)	(((_addr) + 4095) & ~4095UL)
#define PMD_UP(_addr)	(((_addr) + (2UL << 20) - 1) & ~((2UL << 20) - 1))

static unsigned long symbol(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long addr, found = 0;
	char line[512], is[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %255s", &addr, is) == 2 &&
		    !strcmp(is, name)) {
			found = addr;
			break;
		}
	}
	if (f)
		fclose(f);
	return found;
}

/* How many bytes of the range the kernel's page tables map. */
static unsigned long mapped(unsigned long start, unsigned long end)
{
	FILE *f = fopen(PAGE_TABLES, "r");
	unsigned long from, to, bytes = 0;
	char line[512], flags[8];

	while (f && fgets(line, sizeof(line), f)) {
		/* Of what is not present, only size and level are told. */
		if (sscanf(line, "0x%lx-0x%lx %*s %7s", &from, &to, flags) != 3 ||
		    (strcmp(flags, "ro") && strcmp(flags, "RW")))
			continue;
		from = from > start ? from : start;
		to = to < end ? to : end;
		bytes += from < to ? to - from : 0;
	}
	if (f)
		fclose(f);
	return bytes;
}

int main(void)
{
	const unsigned long brk = PAGE_UP(symbol("__brk_limit"));
	const struct {
		const char *name;
		unsigned long start, end;
		bool is_mapped;
	} ranges[] = {
		{ "text", symbol("_text"), symbol("_etext"), true },
		{ "data", symbol("_sdata"), symbol("_edata"), true },
		{ "init_sections", symbol("__init_begin"), symbol("__init_end"), false },
		{ "gap_after_text", PAGE_UP(symbol("_etext")), symbol("__start_rodata"),
		  false },
		{ "gap_after_rodata", PAGE_UP(symbol("__end_rodata")), symbol("_sdata"),
		  false },
		{ "rest_after_brk", brk, PMD_UP(brk), false },
	};
	unsigned long bytes, size;
	unsigned int i;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root\n");
	if (access(PAGE_TABLES, R_OK))
		ksft_exit_skip("no " PAGE_TABLES "\n");
	if (syscall(SYS_memfd_secret, 0) < 0 && errno == ENOSYS)
		ksft_exit_skip("no memfd_secret()\n");
	if (!symbol("__init_begin"))
		ksft_exit_skip("/proc/kallsyms has no addresses\n");

	ksft_set_plan(ARRAY_SIZE(ranges));
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		size = ranges[i].end - ranges[i].start;
		if (!size) {
			ksft_test_result_skip("%s\n", ranges[i].name);
			continue;
		}
		bytes = mapped(ranges[i].start, ranges[i].end);
		ksft_print_msg("%lu of %lu bytes are mapped\n", bytes, size);
		ksft_test_result(bytes == (ranges[i].is_mapped ? size : 0), "%s\n",
				 ranges[i].name);
	}
	ksft_finished();
}
