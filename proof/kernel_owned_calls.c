// SPDX-License-Identifier: GPL-2.0
/*
 * System calls on a range of addresses, and what they answer if a kernel-owned VMA
 * is there.
 */
#define _GNU_SOURCE
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kernel_owned_calls.h"
#include "kselftest.h"

#define RANGE_CALL(_name, _result)						\
long _name(unsigned long addr __maybe_unused, unsigned long len __maybe_unused)	\
{										\
	return ret_or_errno(_result);						\
}

RANGE_CALL(c_munmap, syscall(SYS_munmap, addr, len))
RANGE_CALL(c_mprotect_none, syscall(SYS_mprotect, addr, len, PROT_NONE))
RANGE_CALL(c_mprotect_read, syscall(SYS_mprotect, addr, len, PROT_READ))
RANGE_CALL(c_mprotect_write, syscall(SYS_mprotect, addr, len, PROT_READ | PROT_WRITE))
RANGE_CALL(c_mprotect_all,
	   syscall(SYS_mprotect, addr, len, PROT_READ | PROT_WRITE | PROT_EXEC))
RANGE_CALL(c_pkey_mprotect, syscall(SYS_pkey_mprotect, addr, len, PROT_READ, -1))
RANGE_CALL(c_mlock, syscall(SYS_mlock, addr, len))
RANGE_CALL(c_mlock_onfault, syscall(SYS_mlock2, addr, len, MLOCK_ONFAULT))
RANGE_CALL(c_munlock, syscall(SYS_munlock, addr, len))
RANGE_CALL(c_mseal, syscall(__NR_mseal, addr, len, 0))
RANGE_CALL(c_remap_file_pages, syscall(SYS_remap_file_pages, addr, len, 0, 0, 0))
RANGE_CALL(c_msync_sync, syscall(SYS_msync, addr, len, MS_SYNC))
RANGE_CALL(c_msync_invalidate, syscall(SYS_msync, addr, len, MS_ASYNC | MS_INVALIDATE))
RANGE_CALL(c_anon_name, prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr, len, "mine"))

int advice_now;
RANGE_CALL(c_madvise, syscall(SYS_madvise, addr, len, advice_now))

long c_process_madvise(unsigned long addr, unsigned long len)
{
	struct iovec iov = { .iov_base = (void *)addr, .iov_len = len };
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	long ret = ret_or_errno(syscall(SYS_process_madvise, pidfd, &iov, 1, MADV_COLD, 0));

	close(pidfd);
	return ret == (long)len ? 0 : ret;
}

static long try_mmap(unsigned long addr, unsigned long len, int flags)
{
	return ret_or_errno(syscall(SYS_mmap, addr, len, PROT_READ,
				    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0));
}

RANGE_CALL(c_mmap_fixed, try_mmap(addr, len, MAP_FIXED) < 0 ? -1 : 0)

long c_mmap_noreplace(unsigned long addr, unsigned long len)
{
	long ret = try_mmap(addr, len, MAP_FIXED_NOREPLACE);

	return ret < 0 ? ret : munmap((void *)ret, len);
}

/* 1 if the hint was not taken. */
long c_mmap_hint(unsigned long addr, unsigned long len)
{
	long ret = try_mmap(addr, len, 0);

	return ret < 0 ? ret : munmap((void *)ret, len) ?: ret != (long)addr;
}

unsigned long elsewhere(unsigned long len)
{
	void *to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return to == MAP_FAILED ? 0 : (unsigned long)to;
}

unsigned long unmapped(void)
{
	unsigned long addr = elsewhere(NPAGES * page_size());

	munmap((void *)addr, NPAGES * page_size());
	return addr;
}

static long try_mremap(unsigned long addr, unsigned long old_len, unsigned long new_len,
		       int flags, unsigned long to)
{
	return syscall(SYS_mremap, addr, old_len, new_len, flags, to) == -1 ? -1 : 0;
}

RANGE_CALL(c_mremap_move,
	   try_mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere(len)))
RANGE_CALL(c_mremap_grow, try_mremap(addr, len, len + page_size(), MREMAP_MAYMOVE, 0))
/* The range and a page more, to its first page. */
RANGE_CALL(c_mremap_shrink, try_mremap(addr, len + page_size(), page_size(), 0, 0))
RANGE_CALL(c_mremap_dontunmap,
	   try_mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0))
/* Makes a second mapping of a shared one. */
RANGE_CALL(c_mremap_from_nothing, try_mremap(addr, 0, len, MREMAP_MAYMOVE, 0))
RANGE_CALL(c_mremap_target, try_mremap(map_ordinary(page_size()), page_size(), len,
				       MREMAP_MAYMOVE | MREMAP_FIXED, addr))

long c_shmat(unsigned long addr, unsigned long len)
{
	int id = shmget(IPC_PRIVATE, len > page_size() * 64 ? page_size() : len,
			IPC_CREAT | 0600);
	long ret;

	if (id < 0)
		return -errno;
	ret = ret_or_errno(syscall(SYS_shmat, id, addr, SHM_REMAP));
	if (ret >= 0)
		ret = shmdt((void *)ret);
	shmctl(id, IPC_RMID, NULL);
	return ret;
}

static long mbind_to_0(unsigned long addr, unsigned long len, int mode, int flags)
{
	unsigned long nodes = 1;

	return syscall(SYS_mbind, addr, len, mode, mode ? &nodes : NULL,
		       mode ? 8 * sizeof(nodes) : 0, flags);
}

RANGE_CALL(c_mbind, mbind_to_0(addr, len, MPOL_BIND, 0))
RANGE_CALL(c_mbind_default, mbind_to_0(addr, len, MPOL_DEFAULT, 0))
RANGE_CALL(c_mbind_move,
	   mbind_to_0(addr, len, MPOL_BIND, MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
RANGE_CALL(c_home_node, syscall(__NR_set_mempolicy_home_node, addr, len, 0, 0))

long c_get_mempolicy(unsigned long addr, unsigned long len __maybe_unused)
{
	int mode = -1;
	long ret = syscall(SYS_get_mempolicy, &mode, NULL, 0, addr, MPOL_F_ADDR);

	return ret == -1 ? -errno : mode;
}

long move_page(pid_t pid, unsigned long addr, bool query)
{
	void *pages[1] = { (void *)addr };
	int nodes[1] = { 0 }, status[1] = { -12345 };
	long ret = syscall(SYS_move_pages, pid, 1, pages, query ? NULL : nodes, status,
			   MPOL_MF_MOVE_ALL);

	return ret == -1 ? -errno : status[0];
}

RANGE_CALL(c_move_pages, move_page(0, addr, false))
RANGE_CALL(c_where_are_pages, move_page(0, addr, true))

long c_mincore(unsigned long addr, unsigned long len)
{
	unsigned char vec[64];

	if (len / page_size() > sizeof(vec))
		len = sizeof(vec) * page_size();
	return ret_or_errno(syscall(SYS_mincore, addr, len, vec));
}

int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Any of the structures: they start with addresses and lengths, or the mode. */
static long uffd_call(unsigned long cmd, unsigned long first, unsigned long second,
		      unsigned long third)
{
	__u64 arg[8] = { first, second, third };
	int fd = uffd_open();
	long ret = fd < 0 ? -1 : ioctl(fd, cmd, arg);

	if (fd >= 0)
		close(fd);
	return ret;
}

#define OTHER	map_ordinary(NPAGES * page_size())

RANGE_CALL(c_uffd_register,
	   uffd_call(UFFDIO_REGISTER, addr, len, UFFDIO_REGISTER_MODE_MISSING))
RANGE_CALL(c_uffd_register_wp,
	   uffd_call(UFFDIO_REGISTER, addr, len, UFFDIO_REGISTER_MODE_WP))
RANGE_CALL(c_uffd_unregister, uffd_call(UFFDIO_UNREGISTER, addr, len, 0))
RANGE_CALL(c_uffd_copy, uffd_call(UFFDIO_COPY, addr, OTHER, len))
RANGE_CALL(c_uffd_zeropage, uffd_call(UFFDIO_ZEROPAGE, addr, len, 0))
RANGE_CALL(c_uffd_writeprotect,
	   uffd_call(UFFDIO_WRITEPROTECT, addr, len, UFFDIO_WRITEPROTECT_MODE_WP))
RANGE_CALL(c_uffd_poison, uffd_call(UFFDIO_POISON, addr, len, 0))
RANGE_CALL(c_uffd_move_from, uffd_call(UFFDIO_MOVE, OTHER, addr, len))
RANGE_CALL(c_uffd_move_to, uffd_call(UFFDIO_MOVE, addr, OTHER, len))

#define CALL(_test, _fn, _answer, ...)						\
	{ .test = #_test, .name = #_fn, .fn = _fn, .answer = _answer, __VA_ARGS__ }
#define ADVICE(_test, _advice, ...)						\
	{ .test = #_test, .name = #_advice, .fn = c_madvise, .advice = _advice,	\
	  .answer = -EPERM, .inside = true, __VA_ARGS__ }

const struct kernel_owned_call kernel_owned_calls[] = {
	CALL(munmap, c_munmap, -EPERM),
	CALL(mmap_fixed, c_mmap_fixed, -EPERM),
	CALL(mmap_fixed_noreplace, c_mmap_noreplace, -EEXIST, .works = MEM_UNMAPPED),
	CALL(mmap_hint, c_mmap_hint, 1, .works = MEM_UNMAPPED),
	CALL(shmat_remap, c_shmat, -EPERM),
	CALL(mremap_move, c_mremap_move, -EPERM, .inside = true),
	/* Of several VMAs, it moves those before the refused one. */
	CALL(mremap_move_several, c_mremap_move, -EPERM),
	CALL(mremap_grow, c_mremap_grow, -EPERM, .inside = true, .one_page = true),
	CALL(mremap_shrink, c_mremap_shrink, -EPERM, .inside = true),
	CALL(mremap_target, c_mremap_target, -EPERM),
	CALL(mremap_dontunmap, c_mremap_dontunmap, -EPERM, .inside = true, .one_page = true),
	CALL(mremap_old_size_0, c_mremap_from_nothing, -EPERM, .inside = true,
	     .one_page = true, .works = MEM_SHARED),
	CALL(mprotect, c_mprotect_none, -EPERM),
	CALL(mprotect, c_mprotect_read, -EPERM),
	CALL(mprotect, c_mprotect_write, -EPERM),
	CALL(mprotect_to_more, c_mprotect_all, -EPERM),
	CALL(pkey_mprotect, c_pkey_mprotect, -EPERM),
	ADVICE(madvise_access_pattern, MADV_NORMAL),
	ADVICE(madvise_access_pattern, MADV_RANDOM),
	ADVICE(madvise_access_pattern, MADV_SEQUENTIAL),
	ADVICE(madvise_access_pattern, MADV_WILLNEED),
	ADVICE(madvise_discard, MADV_DONTNEED),
	ADVICE(madvise_discard, MADV_DONTNEED_LOCKED),
	ADVICE(madvise_discard, MADV_FREE),
	ADVICE(madvise_discard, MADV_REMOVE, .works = MEM_SHARED),
	ADVICE(madvise_reclaim, MADV_COLD),
	ADVICE(madvise_reclaim, MADV_PAGEOUT),
	ADVICE(madvise_fork, MADV_DOFORK),
	ADVICE(madvise_fork, MADV_DONTFORK),
	ADVICE(madvise_fork, MADV_WIPEONFORK),
	ADVICE(madvise_fork, MADV_KEEPONFORK),
	ADVICE(madvise_dump, MADV_DODUMP),
	ADVICE(madvise_dump, MADV_DONTDUMP),
	ADVICE(madvise_merge_and_huge, MADV_MERGEABLE),
	ADVICE(madvise_merge_and_huge, MADV_UNMERGEABLE),
	ADVICE(madvise_merge_and_huge, MADV_HUGEPAGE),
	ADVICE(madvise_merge_and_huge, MADV_NOHUGEPAGE),
	ADVICE(madvise_merge_and_huge, MADV_COLLAPSE, .works = MEM_NONE),
	ADVICE(madvise_guard, MADV_GUARD_INSTALL),
	ADVICE(madvise_guard, MADV_GUARD_REMOVE),
	ADVICE(madvise_populate, MADV_POPULATE_READ),
	ADVICE(madvise_populate, MADV_POPULATE_WRITE),
	CALL(process_madvise_self, c_process_madvise, -EPERM),
	/* No error, and no effect. */
	CALL(mlock, c_mlock, 0),
	CALL(mlock_onfault, c_mlock_onfault, 0),
	CALL(munlock, c_munlock, 0),
	CALL(mseal, c_mseal, 0),
	CALL(mbind, c_mbind, -EPERM),
	CALL(mbind, c_mbind_default, -EPERM),
	CALL(mbind, c_get_mempolicy, MPOL_DEFAULT),
	CALL(mbind_move, c_mbind_move, -EPERM),
	/* It passes over a VMA without a policy of its own. */
	CALL(set_mempolicy_home_node, c_home_node, -ENOENT, .works = MEM_POLICY),
	CALL(move_pages, c_move_pages, -EFAULT, .inside = true),
	CALL(move_pages, c_where_are_pages, -ENOENT, .inside = true, .works = MEM_POLICY),
	/* Only shared mappings can be rearranged, and these never are. */
	CALL(remap_file_pages, c_remap_file_pages, -EINVAL, .works = MEM_SHARED),
	/* There is nothing to be written anywhere, and the pages are there. */
	CALL(msync, c_msync_sync, 0),
	CALL(msync, c_msync_invalidate, 0),
	CALL(mincore, c_mincore, 0),
	CALL(userfaultfd_register, c_uffd_register, -EINVAL),
	CALL(userfaultfd_register, c_uffd_register_wp, -EINVAL),
	CALL(userfaultfd_register, c_uffd_unregister, -EINVAL),
	/* These are for a VMA that is registered. */
	CALL(userfaultfd_fill_and_move, c_uffd_copy, -ENOENT, .works = MEM_REGISTERED),
	CALL(userfaultfd_fill_and_move, c_uffd_zeropage, -ENOENT, .works = MEM_REGISTERED),
	CALL(userfaultfd_fill_and_move, c_uffd_writeprotect, -ENOENT, .works = MEM_REGISTERED),
	CALL(userfaultfd_fill_and_move, c_uffd_poison, -ENOENT, .works = MEM_REGISTERED),
	CALL(userfaultfd_fill_and_move, c_uffd_move_from, -EINVAL, .works = MEM_NONE),
	CALL(userfaultfd_fill_and_move, c_uffd_move_to, -EINVAL, .works = MEM_NONE),
	CALL(anon_vma_name, c_anon_name, -EPERM),
};

const unsigned int nr_kernel_owned_calls = ARRAY_SIZE(kernel_owned_calls);

long call_range(const struct kernel_owned_call *c, unsigned long addr, unsigned int range)
{
	const unsigned long page = page_size(), size = page * NPAGES;
	const unsigned long from[] = { 0, 0, size - page, c->inside ? 0 : -page };
	const unsigned long to[] = { size, page, size, size + page };

	advice_now = c->advice;
	return c->fn(addr + from[range], c->one_page ? page : to[range] - from[range]);
}

/* With nothing in it.  Any descriptor will do for what is done there. */
static unsigned long registered(unsigned long size)
{
	struct uffdio_register reg = {
		.range = { .start = elsewhere(size), .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};

	c_mprotect_write(reg.range.start, size);
	return ioctl(uffd_open(), UFFDIO_REGISTER, &reg) ? 0 : reg.range.start;
}

long call_ordinary(const struct kernel_owned_call *c)
{
	const unsigned long size = 2 * page_size();
	unsigned long mem = map_ordinary(size);

	if (c->works == MEM_SHARED)
		mem = (unsigned long)mmap(NULL, size, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	else if (c->works == MEM_POLICY)
		mbind_to_0(mem, size, MPOL_BIND, MPOL_MF_MOVE);
	else if (c->works != MEM_PRIVATE)
		munmap((void *)mem, size);
	if (c->works == MEM_REGISTERED)
		mem = registered(size);
	advice_now = c->advice;
	return c->fn(mem, page_size());
}

bool call_missing(const struct kernel_owned_call *c, long ret)
{
	return ret == -ENOSYS || (ret == -EPERM && geteuid()) ||
	       (ret == -EINVAL && c->fn == c_anon_name);
}
