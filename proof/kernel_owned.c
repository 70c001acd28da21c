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
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

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

/* The calls of the table that belong to @test. */
static void call_rule(struct __test_metadata *_metadata, const struct place *p,
		      const char *test)
{
	const struct kernel_owned_call *c, *end = kernel_owned_calls + nr_kernel_owned_calls;
	const struct kernel_owned_call *missing = NULL;
	unsigned int range, calls = 0;
	long ret, answer, ordinary;

	for (c = kernel_owned_calls; c < end; c++) {
		if (strcmp(c->test, test))
			continue;
		ordinary = call_ordinary(c);
		if (call_missing(c, ordinary)) {
			missing = c;
			continue;
		}
		calls++;
		/* Without a length it is fine, if this kernel knows the advice. */
		answer = c->fn == c_madvise ? c_madvise(p->addr, 0) : 0;
		if (!answer) {
			answer = c->answer;
			EXPECT_TRUE(!ordinary || c->works == MEM_NONE)
				TH_LOG("%s where it works: %s", c->name, ret_text(ordinary));
			/* Success is not what it says of everything. */
			EXPECT_TRUE(answer || c->fn(unmapped(), page_size()));
		}
		for (range = 0; range < NRANGES; range++) {
			ret = call_range(c, p->addr, range);
			EXPECT_EQ(answer, ret)
				TH_LOG("%s, range %u: %s instead of %s", c->name, range,
				       ret_text(ret), ret_text(answer));
			EXPECT_UNTOUCHED(p, c->name);
		}
	}
	/* Not after a check, whose result it would hide. */
	if (!calls && missing)
		SKIP(return, "%s%s", geteuid() ? "needs root: " : "", missing->name);
	EXPECT_LT(0, calls);
}

#define CALL_TEST(_name)						\
TEST_F(mapping_calls, _name)						\
{									\
	const struct place *p = &self->p;				\
									\
	call_rule(_metadata, p, #_name);				\
}

FOR_EACH_CALL(CALL_TEST)
CALL_TEST(mmap_fixed_noreplace)
CALL_TEST(mremap_move_several)
CALL_TEST(mprotect_to_more)
CALL_TEST(mlock)
CALL_TEST(mlock_onfault)
CALL_TEST(munlock)

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

TEST_F(mapping_calls, no_merge)
{
	const struct place *p = &self->p;
	int fd = open_kernel_owned();
	unsigned long second, mem;

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
	mem = map_ordinary(2 * page_size());
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

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_TRUE(vma_has_flag(p->addr, p->addr + p->size, flags[i]))
			TH_LOG("%s", flags[i]);
	}
	EXPECT_TRUE(vma_has_flag(self->plain, self->end, "pf"));
	for (i = 0; i < 2; i++)
		EXPECT_FALSE(vma_has_flag(self->plain, self->end, flags[i]));
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

/* @sealed is a neighbour, @from to @to the pages without it and with the other. */
static void neighbour_rule(struct __test_metadata *_metadata, const struct place *p,
			   char *sealed, long from, long to)
{
	const char was = *sealed;

	ASSERT_EQ(0, c_mseal((unsigned long)sealed, page_size()));
	EXPECT_EQ(-EPERM, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, from ? 0 : -1,
				   from ? NPAGES + 1 : NPAGES));
	EXPECT_UNTOUCHED(p, "munmap");
	EXPECT_EQ(was, *sealed);
	EXPECT_EQ(0, on_pages(p, KERNEL_OWNED_TEST_MUNMAP, from, to));
	EXPECT_EQ(0, vmas_in(p->addr + from * page_size(), p->addr + to * page_size()));
	EXPECT_EQ(was, *sealed);
}

TEST_F(lifetime, seal_of_a_user_above_stops_the_kernel)
{
	neighbour_rule(_metadata, &self->p, self->p.above, -1, NPAGES);
}

TEST_F(lifetime, seal_of_a_user_below_stops_the_kernel)
{
	neighbour_rule(_metadata, &self->p, self->p.below, 0, NPAGES + 1);
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

static long load_in_child(const struct remote *r)
{
	struct fault f = try_access(LOAD, r->addr);

	return f.sig << 8 | f.code;
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

/* A userfaultfd with the features, and the range registered with it. */
static int uffd_for(unsigned long addr, unsigned long size, __u64 features)
{
	struct uffdio_register reg = {
		.range = { addr, size }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	/* A blocking one cannot be polled. */
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

/* What the kernel shares with the process does not move elsewhere, either. */
TEST_F(lifetime, seal_stops_uffdio_move)
{
	unsigned long owned, size = page_size(), to = elsewhere(size), from = elsewhere(size);
	struct uffdio_move move = { .len = size };
	int fd = open_kernel_owned(), uffd;

	ASSERT_EQ(0, owned_map(fd, KERNEL_OWNED_TEST_MAP_SHARED, size, PROT_READ | PROT_WRITE,
			       &owned));
	c_mprotect_write(to, size);
	c_mprotect_write(from, size);
	*(char *)owned = 1;
	*(char *)from = 1;
	uffd = uffd_for(to, size, UFFD_FEATURE_MOVE);
	if (uffd < 0)
		SKIP(return, "no UFFDIO_MOVE");
	move.dst = to;
	move.src = owned;
	EXPECT_EQ(-1, ioctl(uffd, UFFDIO_MOVE, &move));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, *(char *)owned);
	move.src = from;
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_MOVE, &move));
	EXPECT_EQ(1, *(char *)to);
	close(uffd);
	close(fd);
}

static unsigned long discarded;

static void *discard(void *unused)
{
	return (void *)(long)(madvise((void *)discarded, page_size(), MADV_DONTNEED) ?
			      -errno : 0);
}

/*
 * A discard that waits for the monitor of a userfaultfd looks at the seal that there is
 * when it goes on.
 */
TEST_F(lifetime, seal_while_a_discard_waits)
{
	const unsigned long size = page_size();
	unsigned int sealed;
	pthread_t thread;
	void *ret;

	for (sealed = 0; sealed < 2; sealed++) {
		struct pollfd wait = { .events = POLLIN };
		struct uffd_msg msg;

		discarded = map_ordinary(size);
		*(char *)discarded = 1;
		ASSERT_EQ(0, c_mprotect_read(discarded, size));
		wait.fd = uffd_for(discarded, size, UFFD_FEATURE_EVENT_REMOVE);
		ASSERT_LE(0, wait.fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, discard, NULL));
		ASSERT_EQ(1, poll(&wait, 1, 10000));
		ASSERT_EQ(POLLIN, wait.revents);
		if (sealed)
			ASSERT_EQ(0, c_mseal(discarded, size));
		ASSERT_EQ(sizeof(msg), read(wait.fd, &msg, sizeof(msg)));
		EXPECT_EQ(UFFD_EVENT_REMOVE, msg.event);
		pthread_join(thread, &ret);
		EXPECT_EQ(sealed ? -EPERM : 0, (long)ret);
		close(wait.fd);
		EXPECT_EQ(sealed, *(volatile char *)discarded);
	}
}

TEST_HARNESS_MAIN
