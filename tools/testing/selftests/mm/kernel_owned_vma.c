// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel-owned VMAs: mappings at user addresses that belong to a part of the
 * kernel, and that userspace can use but not change.
 *
 * Each test tries what is refused, then the same on ordinary memory where it works, so
 * that it fails if the attempt itself was wrong; and it looks afterwards whether the
 * VMA is as it was.
 *
 * Needs CONFIG_KERNEL_OWNED_VMA_TEST, debugfs and root.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kernel_owned_calls.h"
#include "vm_util.h"

#define SETUP_VMA(_p, _prot) do {					\
	const char *_what;						\
									\
	if (access(KERNEL_OWNED_TEST, R_OK | W_OK))			\
		SKIP(exit(KSFT_SKIP), "no " KERNEL_OWNED_TEST);		\
	_what = place_make_user(_p, _prot);				\
	ASSERT_EQ(NULL, _what)						\
		TH_LOG("%s: %s", _what, strerror(errno));		\
} while (0)

/* An address where nothing is. */
static unsigned long unmapped(void)
{
	unsigned long addr = elsewhere(NPAGES * page_size());

	munmap((void *)addr, NPAGES * page_size());
	return addr;
}

/*
 * Direct access: the VMA can be read only.
 */
FIXTURE(direct_access)
{
	struct place p;
};

FIXTURE_VARIANT(direct_access)
{
	int prot;
};

FIXTURE_VARIANT_ADD(direct_access, user)
{
	.prot = PROT_READ,
};

FIXTURE_SETUP(direct_access)
{
	SETUP_VMA(&self->p, variant->prot);
}

FIXTURE_TEARDOWN(direct_access)
{
	close(self->p.fd);
}

/* @code: of the signal that each page gives, or 0.  At @fine, there is none. */
static void access_rule(struct __test_metadata *_metadata, const struct place *p,
			enum access how, int code, unsigned long fine)
{
	unsigned long off;
	struct fault f;

	for (off = 0; off < p->size; off += page_size()) {
		f = try_access(how, p->addr + off);
		EXPECT_EQ(code ? SIGSEGV : 0, f.sig);
		EXPECT_EQ(code, f.code);
		EXPECT_EQ(0, f.offset);
	}
	f = try_access(how, unmapped());
	EXPECT_EQ(SIGSEGV, f.sig);
	EXPECT_EQ(SEGV_MAPERR, f.code);
	f = try_access(how, fine);
	EXPECT_EQ(0, f.sig)
		TH_LOG("at an ordinary address: signal %d code %d", f.sig, f.code);
	EXPECT_UNTOUCHED(p, "the accesses");
}

static void nothing(void)
{
}

#define ACCESS_TEST(_name, _how, _code, _fine)				\
TEST_F(direct_access, _name)						\
{									\
	access_rule(_metadata, &self->p, _how, _code, _fine);		\
}

ACCESS_TEST(load, LOAD, 0, map_ordinary(page_size()))
ACCESS_TEST(store, STORE, SEGV_ACCERR, map_ordinary(page_size()))
ACCESS_TEST(atomic, ATOMIC, SEGV_ACCERR, map_ordinary(page_size()))
ACCESS_TEST(string_instruction, STRING, 0, map_ordinary(page_size()))
ACCESS_TEST(load_across_the_start, CROSSING, 0, map_ordinary(page_size()) + 64)
ACCESS_TEST(jump, JUMP, SEGV_ACCERR, (unsigned long)nothing)

TEST_F(direct_access, neighbouring_pages)
{
	EXPECT_EQ(0, try_access(LOAD, self->p.addr - 1).sig);
	EXPECT_EQ(0, try_access(LOAD, self->p.addr + self->p.size).sig);
	EXPECT_EQ(SIGSEGV, try_access(LOAD, unmapped()).sig);
	EXPECT_UNTOUCHED(&self->p, "the loads");
}

static long load_in_child(const struct remote *r)
{
	struct fault f = try_access(LOAD, r->addr);

	return f.sig << 8 | f.code;
}

TEST_F(direct_access, from_a_child)
{
	struct remote at = { .addr = self->p.addr };
	struct remote fine = { .addr = map_ordinary(page_size()) };

	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &at));
	EXPECT_EQ(0, in_child(load_in_child, &fine));
	EXPECT_UNTOUCHED(&self->p, "the child");
}

/*
 * Calls that map, unmap and change mappings.
 */
FIXTURE(mapping_calls)
{
	struct place p;
};

FIXTURE_VARIANT(mapping_calls)
{
	int prot;
};

FIXTURE_VARIANT_ADD(mapping_calls, user)
{
	.prot = PROT_READ | PROT_WRITE,
};

FIXTURE_SETUP(mapping_calls)
{
	SETUP_VMA(&self->p, variant->prot);
}

FIXTURE_TEARDOWN(mapping_calls)
{
	close(self->p.fd);
}

/* A VMA as a driver has them, which the user has sealed. */
static unsigned long sealed_by_user(unsigned long size)
{
	unsigned long addr;

	owned_map(open_kernel_owned(), KERNEL_OWNED_TEST_MAP_PLAIN, size, PROT_READ, &addr);
	return c_mseal(addr, size) ? 0 : addr;
}

/* The calls of the table that belong to @test. */
static bool call_rule(struct __test_metadata *_metadata, const struct place *p,
		      const char *test)
{
	const struct kernel_owned_call *c, *end = kernel_owned_calls + nr_kernel_owned_calls;
	unsigned int range, calls = 0;
	long ret, answer, ordinary;

	for (c = kernel_owned_calls; c < end; c++) {
		if (strcmp(c->test, test))
			continue;
		calls++;
		ordinary = call_ordinary(c);
		if (call_missing(c, ordinary))
			SKIP(return false, "%s: %s", c->name, ret_text(ordinary));
		/* Without a length it is fine, if this kernel knows the advice. */
		answer = c->fn == c_madvise ? c_madvise(p->addr, 0) : 0;
		if (!answer) {
			answer = c->answer;
			if (c->works != MEM_NONE)
				EXPECT_EQ(0, ordinary)
					TH_LOG("%s of ordinary memory: %s", c->name,
					       ret_text(ordinary));
			/* "Success" is not what it says of everything. */
			if (!answer)
				EXPECT_NE(0, c->fn(unmapped(), page_size()));
			if (c->of_sealed)
				EXPECT_EQ(0, c->fn(sealed_by_user(page_size()), page_size()))
					TH_LOG("%s of a VM_PFNMAP VMA", c->name);
		}
		for (range = 0; range < NRANGES; range++) {
			ret = call_range(c, p->addr, range);
			EXPECT_EQ(answer, ret)
				TH_LOG("%s, range %u: %s instead of %s", c->name, range,
				       ret_text(ret), ret_text(answer));
			EXPECT_UNTOUCHED(p, c->name);
		}
	}
	EXPECT_LT(0, calls);
	return true;
}

#define CALL_TEST(_name)						\
TEST_F(mapping_calls, _name)						\
{									\
	call_rule(_metadata, &self->p, #_name);				\
}

CALL_TEST(munmap)
CALL_TEST(mmap_fixed)
CALL_TEST(mmap_fixed_noreplace)
CALL_TEST(mmap_hint)
CALL_TEST(shmat_remap)
CALL_TEST(mremap_move)
CALL_TEST(mremap_grow)
CALL_TEST(mremap_shrink)
CALL_TEST(mremap_target)
CALL_TEST(mremap_dontunmap)
CALL_TEST(mremap_old_size_0)
CALL_TEST(mprotect)
CALL_TEST(mprotect_to_more)
CALL_TEST(pkey_mprotect)
CALL_TEST(madvise_access_pattern)
CALL_TEST(madvise_discard)
CALL_TEST(madvise_reclaim)
CALL_TEST(madvise_fork)
CALL_TEST(madvise_dump)
CALL_TEST(madvise_merge_and_huge)
CALL_TEST(madvise_guard)
CALL_TEST(madvise_populate)
CALL_TEST(process_madvise_self)
CALL_TEST(mlock)
CALL_TEST(mlock_onfault)
CALL_TEST(munlock)
CALL_TEST(mseal)
CALL_TEST(mbind)
CALL_TEST(mbind_move)
CALL_TEST(set_mempolicy_home_node)
CALL_TEST(move_pages)
CALL_TEST(remap_file_pages)
CALL_TEST(msync)
CALL_TEST(mincore)
CALL_TEST(userfaultfd_register)
CALL_TEST(anon_vma_name)

/* As with mseal(2): if part of the range is refused, all of it stays. */
TEST_F(mapping_calls, munmap_spanning_unmaps_nothing)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(3 * page_size());

	EXPECT_EQ(-EPERM, c_munmap((unsigned long)p->below, p->size + 2 * page_size()));
	EXPECT_EQ(0, try_access(LOAD, (unsigned long)p->below).sig);
	EXPECT_EQ(0, try_access(LOAD, (unsigned long)p->above).sig);
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ(0, c_munmap(mem, 3 * page_size()));
	EXPECT_EQ(SIGSEGV, try_access(LOAD, mem + page_size()).sig);
}

/* From 0 to as far as the kernel accepts. */
TEST_F(mapping_calls, munmap_everything)
{
	const struct place *p = &self->p;
	unsigned long low = p->addr + p->size, high = -page_size(), end;

	EXPECT_EQ(-EPERM, c_munmap(0, low));
	while (high - low > page_size()) {
		end = (low + (high - low) / 2) & -page_size();
		if (c_munmap(0, end) == -EINVAL)
			high = end;
		else
			low = end;
		ASSERT_EQ(-EPERM, c_munmap(0, low));
	}
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ(0, c_munmap(map_ordinary(page_size()), page_size()));
}

TEST_F(mapping_calls, mremap_move_several)
{
	const struct place *p = &self->p;
	unsigned long mem = map_ordinary(3 * page_size());

	EXPECT_EQ(-EPERM, c_mremap_move(p->addr - page_size(), p->size + 2 * page_size()));
	EXPECT_UNTOUCHED(p, "mremap");

	/* Three VMAs. */
	ASSERT_EQ(0, c_mprotect_read(mem + page_size(), page_size()));
	EXPECT_EQ(0, c_mremap_move(mem, 3 * page_size()));
}

/* Nothing gives a kernel-owned VMA the registration that these need. */
TEST_F(mapping_calls, userfaultfd_fill_and_move)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .src = map_ordinary(page_size()), .len = page_size() };
	int fd = uffd_open();

	if (!call_rule(_metadata, &self->p, "userfaultfd_fill_and_move"))
		return;
	/* It works where something is missing. */
	copy.dst = elsewhere(page_size());
	ASSERT_EQ(0, c_mprotect_write(copy.dst, page_size()));
	reg.range.start = copy.dst;
	reg.range.len = page_size();
	EXPECT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	EXPECT_EQ(0, ioctl(fd, UFFDIO_COPY, &copy));
	close(fd);
}

TEST_F(mapping_calls, no_merge)
{
	const struct place *p = &self->p;
	unsigned long second, mem = map_ordinary(2 * page_size());
	int fd = open_kernel_owned();

	/* Right below the first. */
	munmap(p->below, page_size());
	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, p->size, PROT_READ | PROT_WRITE,
			       &second));
	ASSERT_EQ(p->addr - p->size, second)
		TH_LOG("not next to each other");
	EXPECT_EQ(2, vmas_in(second, p->addr + p->size));
	EXPECT_TRUE(vma_has_flag(second, p->addr, "ko"));
	EXPECT_UNTOUCHED(p, "the second one");
	close(fd);
	EXPECT_UNTOUCHED(p, "its end");

	/* Ordinary ones do merge. */
	ASSERT_EQ(0, c_mprotect_read(mem, page_size()));
	EXPECT_EQ(2, vmas_in(mem, mem + 2 * page_size()));
	ASSERT_EQ(0, c_mprotect_read(mem + page_size(), page_size()));
	EXPECT_EQ(1, vmas_in(mem, mem + 2 * page_size()));
}

/*
 * Seals: the kernel lifts its own, and only these, and unmaps what has one.
 */
FIXTURE(lifetime)
{
	struct place p;
	int fd;			/* a second file */
	unsigned long plain;	/* its VMA: two pages, not kernel-owned */
	unsigned long end;
};

FIXTURE_SETUP(lifetime)
{
	SETUP_VMA(&self->p, PROT_READ | PROT_WRITE);
	self->fd = open_kernel_owned();
	ASSERT_EQ(0, owned_map(self->fd, KERNEL_OWNED_TEST_MAP_PLAIN, 2 * page_size(),
			       PROT_READ, &self->plain));
	self->end = self->plain + 2 * page_size();
}

FIXTURE_TEARDOWN(lifetime)
{
	close(self->fd);
	close(self->p.fd);
}

/* The driver's operation on pages @from to @to of the VMA. */
static long on_pages(const struct place *p, unsigned long cmd, long from, long to)
{
	return owned_range(p->fd, cmd, p->addr + from * page_size(),
			   (to - from) * page_size());
}

TEST_F(lifetime, seal_is_shown)
{
	const char *const flags[] = { "ko", "sl", "pf", "io", "de", "dc", "dd" };
	const struct place *p = &self->p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_TRUE(vma_has_flag(p->addr, p->addr + p->size, flags[i]))
			TH_LOG("%s", flags[i]);
	EXPECT_TRUE(vma_has_flag(self->plain, self->end, "pf"));
	EXPECT_FALSE(vma_has_flag(self->plain, self->end, "ko"));
	EXPECT_FALSE(vma_has_flag(self->plain, self->end, "sl"));
}

TEST_F(lifetime, seal_kernel_unmaps_its_own)
{
	const struct place *p = &self->p;

	EXPECT_EQ(-EPERM, c_munmap(p->addr, p->size));
	EXPECT_EQ(-EPERM, on_pages(p, KERNEL_OWNED_TEST_MUNMAP_PLAIN, 0, NPAGES));
	EXPECT_UNTOUCHED(p, "munmap without the flag");
	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, 0, NPAGES));
	EXPECT_EQ(0, vmas_in(p->addr, p->addr + p->size));
	EXPECT_EQ('a', p->above[0]);
	EXPECT_EQ('b', p->below[0]);
}

/* The flag is good for ordinary mappings in between as well. */
TEST_F(lifetime, seal_kernel_unmaps_its_own_with_neighbours)
{
	const struct place *p = &self->p;

	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, -1, NPAGES + 1));
	EXPECT_EQ(0, vmas_in(p->addr - page_size(), p->addr + p->size + page_size()));
}

TEST_F(lifetime, seal_of_a_user_stops_the_kernel)
{
	unsigned long mem = map_ordinary(page_size()), size = page_size();

	ASSERT_EQ(0, c_mseal(mem, size));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_MUNMAP, mem, size));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_MUNMAP_PLAIN, mem, size));
	EXPECT_EQ(0, try_access(LOAD, mem).sig);
	mem = map_ordinary(size);
	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_MUNMAP, mem, size));
	EXPECT_NE(0, try_access(LOAD, mem).sig);
}

TEST_F(lifetime, seal_of_a_user_above_stops_the_kernel)
{
	const struct place *p = &self->p;

	ASSERT_EQ(0, c_mseal((unsigned long)p->above, page_size()));
	EXPECT_EQ(-EPERM, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, 0, NPAGES + 1));
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ('a', p->above[0]);
	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, -1, NPAGES));
	EXPECT_EQ(0, vmas_in(p->addr - page_size(), p->addr + p->size));
	EXPECT_EQ('a', p->above[0]);
}

TEST_F(lifetime, seal_of_a_user_below_stops_the_kernel)
{
	const struct place *p = &self->p;

	ASSERT_EQ(0, c_mseal((unsigned long)p->below, page_size()));
	EXPECT_EQ(-EPERM, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, -1, NPAGES));
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ('b', p->below[0]);
	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, 0, NPAGES + 1));
	EXPECT_EQ(0, vmas_in(p->addr, p->addr + p->size + page_size()));
}

/* Neither of ordinary memory, nor of what looks as the kernel's own does. */
TEST_F(lifetime, unseal_not_of_a_users_seal)
{
	const unsigned long size = 2 * page_size(), vmas[] = { map_ordinary(size), self->plain };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmas); i++) {
		ASSERT_EQ(0, c_mseal(vmas[i], size));
		EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_UNSEAL, vmas[i], size));
		EXPECT_EQ(-EPERM, c_munmap(vmas[i], size));
		EXPECT_TRUE(vma_has_flag(vmas[i], vmas[i] + size, "sl"));
	}
}

TEST_F(lifetime, unseal_not_of_the_unsealed)
{
	unsigned long mem = map_ordinary(page_size()), size = page_size();

	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_UNSEAL, mem, size));
	EXPECT_EQ(0, c_munmap(mem, size));
	EXPECT_EQ(-ENOMEM, owned_range(self->fd, KERNEL_OWNED_TEST_UNSEAL, mem, size));
}

TEST_F(lifetime, unseal_all_or_nothing)
{
	const struct place *p = &self->p;

	EXPECT_EQ(-EINVAL, on_pages(p, KERNEL_OWNED_TEST_UNSEAL, 0, 1));
	EXPECT_EQ(-EINVAL, on_pages(p, KERNEL_OWNED_TEST_UNSEAL, 1, NPAGES));
	EXPECT_EQ(-EPERM, on_pages(p, KERNEL_OWNED_TEST_UNSEAL, 0, NPAGES + 1));
	EXPECT_UNTOUCHED(p, "unsealing a part");
	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_UNSEAL, 0, NPAGES));
	EXPECT_FALSE(vma_has_flag(p->addr, p->addr + p->size, "ko"));
	EXPECT_FALSE(vma_has_flag(p->addr, p->addr + p->size, "sl"));
}

TEST_F(lifetime, unseal_then_munmap)
{
	const struct place *p = &self->p;

	EXPECT_EQ(-EPERM, c_munmap(p->addr, p->size));
	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_UNSEAL, 0, NPAGES));
	EXPECT_EQ(0, c_munmap(p->addr, p->size));
	EXPECT_EQ(0, vmas_in(p->addr, p->addr + p->size));
	/* Something else there is not the driver's to unmap. */
	EXPECT_EQ((void *)p->addr, mmap((void *)p->addr, page_size(), PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
					-1, 0));
	EXPECT_EQ(0, close(p->fd));
	EXPECT_EQ(0, try_access(LOAD, p->addr).sig);
}

TEST_F(lifetime, seal_not_what_a_user_sealed)
{
	const unsigned long plain = self->plain, size = self->end - plain;

	EXPECT_EQ(-EINVAL, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, page_size()));
	ASSERT_EQ(0, c_mseal(plain, size));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_FALSE(vma_has_flag(plain, self->end, "ko"));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_MUNMAP, plain, size));
}

/* The kernel cannot take over what is, or could become, a copy, on the LRU. */
TEST_F(lifetime, seal_not_what_a_user_wrote_to)
{
	const unsigned long plain = self->plain, size = self->end - plain;

	ASSERT_EQ(0, c_mprotect_write(plain, size));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	ASSERT_EQ(0, c_mprotect_read(plain, size));
	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_UNSEAL, plain, size));
	ASSERT_EQ(0, c_mprotect_write(plain, size));
	EXPECT_EQ(0, try_access(STORE, plain).sig);
	ASSERT_EQ(0, c_mprotect_read(plain, size));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_FALSE(vma_has_flag(plain, self->end, "ko"));
	EXPECT_EQ(0, c_munmap(plain, size));
}

TEST_F(lifetime, seal_not_with_a_policy)
{
	const unsigned long plain = self->plain, size = self->end - plain;

	if (access("/proc/self/numa_maps", F_OK))
		SKIP(return, "no memory policies");
	ASSERT_EQ(0, c_mbind(plain, size));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_EQ(0, c_mbind_default(plain, size));
	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
}

TEST_F(lifetime, seal_and_unseal)
{
	const unsigned long plain = self->plain, size = self->end - plain;

	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_TRUE(vma_has_flag(plain, self->end, "ko"));
	EXPECT_TRUE(vma_has_flag(plain, self->end, "sl"));
	EXPECT_EQ(-EPERM, c_munmap(plain, page_size()));
	EXPECT_EQ(-EPERM, owned_range(self->fd, KERNEL_OWNED_TEST_SEAL, plain, size));
	EXPECT_EQ(0, owned_range(self->fd, KERNEL_OWNED_TEST_UNSEAL, plain, size));
	EXPECT_EQ(0, c_munmap(plain, size));
}

static long covered(const struct remote *r)
{
	return vmas_in(r->addr, r->addr + page_size());
}

TEST_F(lifetime, fork_does_not_copy_user)
{
	struct remote plain = { .addr = map_ordinary(page_size()) };
	struct remote r = { .addr = self->p.addr };

	EXPECT_EQ(1, covered(&r));
	EXPECT_EQ(0, in_child(covered, &r));
	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &r));
	EXPECT_EQ(1, in_child(covered, &plain));
	EXPECT_UNTOUCHED(&self->p, "fork");
}

static long close_it(const struct remote *r)
{
	return close(r->len);
}

TEST_F(lifetime, user_vma_goes_with_the_last_file)
{
	struct place *p = &self->p;
	struct remote r = { .len = p->fd };
	unsigned long addr;

	EXPECT_EQ(-EBUSY, owned_map(p->fd, KERNEL_OWNED_TEST_MAP, p->size, PROT_READ, &addr));
	/* Not the last. */
	EXPECT_EQ(0, in_child(close_it, &r));
	EXPECT_UNTOUCHED(p, "close in a child");
	close(p->fd);
	EXPECT_EQ(0, vmas_in(p->addr, p->addr + p->size));
}

TEST_F(lifetime, user_vma_wrong_arguments)
{
	unsigned long size = page_size(), addr;
	int fd = open_kernel_owned();

	EXPECT_EQ(-EINVAL, owned_map(fd, KERNEL_OWNED_TEST_MAP, 0, PROT_READ, &addr));
	EXPECT_EQ(-EINVAL, owned_map(fd, KERNEL_OWNED_TEST_MAP, size + 1, PROT_READ, &addr));
	EXPECT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP, size, PROT_READ, &addr));
	close(fd);
}

TEST_HARNESS_MAIN
