// SPDX-License-Identifier: GPL-2.0
/*
 * Loads, stores and jumps of a process to a kernel-owned VMA at a user address, which
 * can be read only.  mm_secret_access.c in the tree does the same in the window.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <signal.h>
#include <sys/mman.h>

#include "kernel_owned_calls.h"
#include "proof_util.h"

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
	SETUP_PLACE(&self->p, false, variant->prot);
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

#define ACCESS_TEST(_name, _how, _code, _fine)				\
TEST_F(direct_access, _name)						\
{									\
	const struct place *p = &self->p;				\
									\
	access_rule(_metadata, p, _how, _code, _fine);			\
}

ACCESS_TEST(load, LOAD, 0, map_ordinary(page_size()))
ACCESS_TEST(store, STORE, SEGV_ACCERR, map_ordinary(page_size()))
ACCESS_TEST(atomic, ATOMIC, SEGV_ACCERR, map_ordinary(page_size()))
ACCESS_TEST(string_instruction, STRING, 0, map_ordinary(page_size()))
ACCESS_TEST(load_across_the_start, CROSSING, 0, map_ordinary(page_size()) + 64)
ACCESS_TEST(jump, JUMP, SEGV_ACCERR, (unsigned long)getpid)

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
	struct remote r = { .addr = self->p.addr }, fine = { .addr = map_ordinary(page_size()) };
	struct remote empty = { .addr = unmapped() };

	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &r));
	EXPECT_EQ(SIGSEGV << 8 | SEGV_MAPERR, in_child(load_in_child, &empty));
	EXPECT_EQ(0, in_child(load_in_child, &fine));
	EXPECT_UNTOUCHED(&self->p, "the child");
}

TEST_HARNESS_MAIN
