// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that nothing but its owner's window leads to secret memory: no other
 * page table entry, no copy of the contents, no probe read, not /proc/kcore.
 *
 * A scan by the test driver looks at the page tables of the kernel and of all
 * processes, and at all memory in the direct map.
 *
 * Needs CONFIG_MM_SECRET_TEST, debugfs and root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <linux/elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "mm_secret_util.h"

#define SCAN_TIMEOUT	180

FIXTURE(leak_scan)
{
	struct place p;		/* an area with contents */
	unsigned char *secret;	/* one page, by itself */
};

FIXTURE_SETUP(leak_scan)
{
	SETUP_AREA(&self->p);
	self->secret = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->secret);
}

FIXTURE_TEARDOWN(leak_scan)
{
	munmap(self->secret, page_size());
	close(self->p.fd);
}

/* Write to the area what nothing else holds when this returns. */
static long write_secret(int fd, unsigned char *page)
{
	long ret = getrandom(page, page_size(), 0) == (ssize_t)page_size() ?
		   dev_write(fd, 0, page, page_size()) : -EIO;

	memset(page, 0, page_size());
	return ret;
}

static void expect_scan(struct __test_metadata *_metadata, int fd,
			unsigned long owner)
{
	struct mm_secret_test_scan scan;

	ASSERT_EQ(0, dev_scan(fd, &scan));
	EXPECT_EQ(owner, scan.owner);
	EXPECT_EQ(0, scan.alias)
		TH_LOG("at %llx", scan.alias_addr);
	EXPECT_EQ(0, scan.pattern);
	EXPECT_TRUE(!owner || scan.checked > 2000);
}

TEST_F_TIMEOUT(leak_scan, owner_alone_maps_them, SCAN_TIMEOUT)
{
	expect_scan(_metadata, self->p.fd, NPAGES);
}

TEST_F_TIMEOUT(leak_scan, scan_sees_an_alias, SCAN_TIMEOUT)
{
	struct mm_secret_test_scan scan;

	ASSERT_EQ(0, ioctl(self->p.fd, MM_SECRET_TEST_ALIAS, 1));
	EXPECT_EQ(0, dev_scan(self->p.fd, &scan));
	EXPECT_LT(0, scan.alias);
	EXPECT_NE(0, scan.alias_addr);
	ASSERT_EQ(0, ioctl(self->p.fd, MM_SECRET_TEST_ALIAS, 0));
	expect_scan(_metadata, self->p.fd, NPAGES);
	EXPECT_UNCHANGED(&self->p);
}

TEST_F_TIMEOUT(leak_scan, contents_are_nowhere_else, SCAN_TIMEOUT)
{
	struct mm_secret_test_scan scan;
	unsigned long i;

	ASSERT_EQ(0, write_secret(self->p.fd, self->secret));
	expect_scan(_metadata, self->p.fd, NPAGES);

	/* In an ordinary page, as the driver stores them, they are found. */
	ASSERT_EQ(0, dev_read(self->p.fd, 0, self->secret, page_size()));
	for (i = 0; i < page_size(); i++)
		self->secret[i] = self->secret[i] << 4 | self->secret[i] >> 4;
	ASSERT_EQ(0, dev_scan(self->p.fd, &scan));
	EXPECT_LT(0, scan.pattern);
	memset(self->secret, 0, page_size());
	expect_scan(_metadata, self->p.fd, NPAGES);
}

TEST_F_TIMEOUT(leak_scan, freed_memory_is_zero, SCAN_TIMEOUT)
{
	ASSERT_EQ(0, write_secret(self->p.fd, self->secret));
	ASSERT_EQ(0, dev_free(self->p.fd));
	expect_scan(_metadata, self->p.fd, 0);
}

TEST_F_TIMEOUT(leak_scan, memory_freed_by_a_kernel_thread_is_zero, SCAN_TIMEOUT)
{
	ASSERT_EQ(0, write_secret(self->p.fd, self->secret));
	ASSERT_EQ(0, dev_free_kthread(self->p.fd));
	expect_scan(_metadata, self->p.fd, 0);
}

/* A child that stops, or exits, with a secret in an area on the file. */
static pid_t secret_child(int fd, unsigned char *page, bool stop)
{
	pid_t pid = fork();
	unsigned long addr;
	int status = -1;

	if (!pid) {
		if (dev_alloc(fd, NPAGES * page_size(), &addr) || write_secret(fd, page))
			_exit(1);
		if (stop)
			raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	return WIFSTOPPED(status) || !status ? pid : -1;
}

/* It is zeroed when its owner exits, and freed later by another process. */
TEST_F_TIMEOUT(leak_scan, memory_after_exit_is_zero, SCAN_TIMEOUT)
{
	int fd = open_mm_secret();

	ASSERT_LT(0, secret_child(fd, self->secret, false));
	expect_scan(_metadata, fd, 0);
	ASSERT_EQ(0, dev_free(fd));
	expect_scan(_metadata, fd, 0);
	close(fd);
}

TEST_F_TIMEOUT(leak_scan, memory_after_sigkill_is_zero, SCAN_TIMEOUT)
{
	int fd = open_mm_secret();
	pid_t pid = secret_child(fd, self->secret, true);

	ASSERT_LT(0, pid);
	expect_scan(_metadata, fd, NPAGES);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(0, dev_free(fd));
	expect_scan(_metadata, fd, 0);
	close(fd);
}

TEST_F_TIMEOUT(leak_scan, fork_maps_them_nowhere, SCAN_TIMEOUT)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	expect_scan(_metadata, self->p.fd, NPAGES);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* An address in the kernel image that can be read, or 0. */
static unsigned long kernel_text(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long addr = 0;
	char line[256];

	while (f && !addr && fgets(line, sizeof(line), f)) {
		if (strstr(line, " _text\n") || strstr(line, " linux_banner\n"))
			addr = strtoul(line, NULL, 16);
	}
	if (f)
		fclose(f);
	return addr;
}

TEST_F(leak_scan, probe_reads_are_refused)
{
	const struct place *p = &self->p;
	unsigned long off;

	NEEDS_ROOT("kernel addresses");
	if (!kernel_text())
		SKIP(return, "no kernel address to compare with");
	for (off = 0; off < p->size; off += page_size() / 2) {
		EXPECT_EQ(-ERANGE, dev_nofault(p->fd, p->addr + off));
		EXPECT_EQ(-ERANGE, dev_nofault(p->fd, p->empty + off));
	}
	EXPECT_NE(0, dev_nofault(p->fd, p->addr - 4));
	EXPECT_EQ(dev_nofault(p->fd, p->empty - 4), dev_nofault(p->fd, p->addr - 4));
	EXPECT_UNCHANGED(p);
	EXPECT_EQ(0, dev_nofault(p->fd, kernel_text()));
}

TEST_F(leak_scan, kcore)
{
	const unsigned long kernel = kernel_text(), area = self->p.addr;
	const struct elf64_hdr *eh = (void *)text;
	const struct elf64_phdr *ph = (void *)(eh + 1);
	bool has_kernel = false;
	int i;

	NEEDS_ROOT("/proc/kcore");
	if (!kernel || !read_text("/proc/kcore", text, 16384))
		SKIP(return, "no /proc/kcore, or no kernel address to compare with");
	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		EXPECT_LE(ph[i].p_memsz, area - ph[i].p_vaddr);
		has_kernel |= kernel - ph[i].p_vaddr < ph[i].p_memsz;
	}
	EXPECT_TRUE(has_kernel);
	EXPECT_UNCHANGED(&self->p);
}

TEST_HARNESS_MAIN
