/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The system calls, and where they take addresses of memory.  calls.c
 * says what this means, and includes it more than once.
 */

/* Why it does not matter what is there, for several of them. */
#define IN_RANGE	"an address in the user range will do"

/* Mappings */
#ifdef __i386__
CALL(mmap, mapping, P(words(0, page_size(), PROT_READ, MAP_PRIVATE, -1, 0)))
WITH(mmap, noreplace, mapping, old_mapped(nr, P(pages()), LEN(page_size()), MAP_FIXED_NOREPLACE))
WITH(mmap, fixed, mapping, old_mapped(nr, ANY(pages(), "unmapped before"), LEN(page_size()), MAP_FIXED))
#else
WITH(mmap, noreplace, mapping, mapped(nr, P(pages()), LEN(page_size()), MAP_FIXED_NOREPLACE))
WITH(mmap, fixed, mapping, mapped(nr, ANY(pages(), "unmapped before"), LEN(page_size()), MAP_FIXED))
WITH(mmap, hint, mapping, mapped(nr, P(pages()), LEN(page_size()), 0))
#endif
WITH(mmap2, noreplace, mapping, mapped(nr, P(pages()), LEN(page_size()), MAP_FIXED_NOREPLACE))
WITH(mmap2, fixed, mapping, mapped(nr, ANY(pages(), "unmapped before"), LEN(page_size()), MAP_FIXED))
WITH(mmap2, hint, mapping, mapped(nr, P(pages()), LEN(page_size()), 0))
CALL(mprotect, mapping, P(pages()), LEN(page_size()), PROT_READ)
MORE(mprotect, none, mapping, P(pages()), LEN(page_size()), PROT_NONE)
MORE(mprotect, grows_down, mapping, P(pages()), LEN(page_size()), PROT_READ | PROT_GROWSDOWN)
CALL(pkey_mprotect, mapping, P(pages()), LEN(page_size()), PROT_READ, -1)
WITH(munmap, , mapping, unmapped(nr, P(pages()), LEN(page_size())))
WITH(mremap, move, mapping, moved(call(P(pages()), LEN(page_size()), page_size(),
				       MREMAP_MAYMOVE | MREMAP_FIXED, no_pages())))
WITH(mremap, target, mapping, moved(call(pages(), page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED,
					 ANY(pages(), "unmapped before"))))
WITH(mremap, grow, mapping, moved(call(P(pages()), LEN(page_size()), 8 * page_size(), MREMAP_MAYMOVE)))
WITH(mremap, shrink, mapping, moved(call(P(pages()), LEN(2 * page_size()), page_size(), 0)))
WITH(mremap, dontunmap, mapping, moved(call(P(pages()), page_size(), page_size(),
					    MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)))
WITH(mremap, second, mapping, moved(call(P(shared_pages()), 0, page_size(), MREMAP_MAYMOVE, 0)))
CALL(remap_file_pages, mapping, P(shared_pages()), LEN(page_size()), 0, 0, 0)
CALL(msync, mapping, P(pages()), LEN(page_size()), MS_SYNC)
MORE(msync, invalidate, mapping, P(pages()), LEN(page_size()), MS_ASYNC | MS_INVALIDATE)
CALL(mincore, mapping, P(pages()), LEN(page_size()), P(buf(64)))
WITH(brk, , mapping, new_brk(nr, P((unsigned long)sbrk(0) + page_size())))
WITH(shmat, , mapping, detached(call(shm_id, P(pages()), 0)))
WITH(shmat, remap, mapping, detached(call(shm_id, ANY(pages(), "unmapped before"), SHM_REMAP)))
WITH(shmat, round, mapping, detached(call(shm_id, P(pages() + 8), SHM_RND)))
CALL(shmdt, mapping, P(attached()))
CALL(map_shadow_stack, mapping, P(pages()), page_size(), 0)
NONE(memfd_secret)
NONE(pkey_alloc)
NONE(pkey_free)

WITH(madvise, every_advice, advice, every_advice(nr, P(pages()), LEN(page_size())))
CALL(process_madvise, advice, fd_self(), P(words(P(pages()), LEN(page_size()))), 1, MADV_COLD, 0)
MORE(process_madvise, pageout, advice, fd_self(), P(words(P(pages()), LEN(page_size()))), 1,
     MADV_PAGEOUT, 0)
MORE(process_madvise, dontneed, advice, fd_self(), words(P(pages()), LEN(page_size())), 1,
     MADV_DONTNEED, 0)
MORE(process_madvise, second, advice, fd_self(),
     words(pages(), page_size(), P(pages()), LEN(page_size())), 2, MADV_COLD, 0)

CALL(mlock, locking, P(pages()), LEN(page_size()))
CALL(mlock2, locking, P(pages()), LEN(page_size()), 1)
CALL(munlock, locking, P(pages()), LEN(page_size()))
CALL(mseal, locking, P(pages()), LEN(page_size()), 0)
NONE(mlockall)
NONE(munlockall)

CALL(mbind, numa, P(pages()), LEN(page_size()), MPOL_PREFERRED, P(words(1)), 8, 0)
MORE(mbind, move, numa, P(pages()), LEN(page_size()), MPOL_BIND, words(1), 8, MPOL_MF_MOVE)
MORE(mbind, default, numa, P(pages()), LEN(page_size()), MPOL_DEFAULT, 0, 0, 0)
CALL(set_mempolicy, numa, MPOL_BIND, P(words(1)), 8)
CALL(get_mempolicy, numa, P(buf(4)), P(buf(512)), 1024, P(pages()), MPOL_F_ADDR)
MORE(get_mempolicy, node, numa, P(buf(4)), 0, 0, P(pages()),
     MPOL_F_ADDR | MPOL_F_NODE)
CALL(set_mempolicy_home_node, numa, P(({ unsigned long p = pages();
	syscall(SYS_mbind, p, page_size(), MPOL_PREFERRED_MANY, words(1), 8, 0); p; })), LEN(page_size()), 0, 0)
CALL(migrate_pages, numa, 0, 8, P(words(1)), P(words(1)))
CALL(move_pages, numa, 0, 1, P(words(ANY(pages(), "told by the status"))), P(ints(0)),
     P(buf(4)), MPOL_MF_MOVE)
WITH(move_pages, status, numa, ({ unsigned long status = buf(4);
	call(0, 1, words(P(pages())), 0, status, 0) ?: *(int *)status; }))

/* userfaultfd */
#define UFFD(_cmd, ...)	call(fd_uffd(), UFFDIO_##_cmd, quads(__VA_ARGS__))
NONE(userfaultfd)
MORE(ioctl, uffd_api, userfaultfd, syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY), UFFDIO_API,
     P(quads(UFFD_API, 0, 0)))
MORE(ioctl, uffd_register, userfaultfd, fd_uffd(), UFFDIO_REGISTER, P(quads(P64(pages()),
     LEN64(page_size()), UFFDIO_REGISTER_MODE_MISSING, 0)))
WITH(ioctl, uffd_register_wp, userfaultfd, UFFD(REGISTER, P64(pages()), LEN64(page_size()),
     UFFDIO_REGISTER_MODE_WP, 0))
MORE(ioctl, uffd_unregister, userfaultfd, fd_uffd(), UFFDIO_UNREGISTER,
     P(quads(P64(registered(pages())), LEN64(page_size()))))
MORE(ioctl, uffd_wake, userfaultfd, fd_uffd(), UFFDIO_WAKE,
     P(quads(ANY64(registered(pages()), "who does not wait is not woken"), LEN64(page_size()))))
MORE(ioctl, uffd_copy, userfaultfd, fd_uffd(), UFFDIO_COPY,
     P(quads(P64(registered(no_pages())), P64(pages()), page_size(), 0, 0)))
WITH(ioctl, uffd_copy_range, userfaultfd, UFFD(COPY, P64(registered(no_pages())), pages(),
     LEN64(page_size()), 0, 0))
MORE(ioctl, uffd_zeropage, userfaultfd, fd_uffd(), UFFDIO_ZEROPAGE,
     P(quads(P64(registered(no_pages())), LEN64(page_size()), 0, 0)))
MORE(ioctl, uffd_writeprotect, userfaultfd, fd_uffd(), UFFDIO_WRITEPROTECT,
     P(quads(P64(registered(pages())), LEN64(page_size()), UFFDIO_WRITEPROTECT_MODE_WP)))
MORE(ioctl, uffd_continue, userfaultfd, fd_uffd(), UFFDIO_CONTINUE,
     P(quads(P64(registered(pages())), LEN64(page_size()), 0, 0)))
MORE(ioctl, uffd_poison, userfaultfd, fd_uffd(), UFFDIO_POISON,
     P(quads(P64(registered(no_pages())), LEN64(page_size()), 0, 0)))
MORE(ioctl, uffd_move, userfaultfd, fd_uffd(), UFFDIO_MOVE,
     P(quads(P64(registered(no_pages())), P64(pages()), page_size(), 0, 0)))
MORE(ioctl, uffd_rwprotect, userfaultfd, uffd_with(UFFD_FEATURE_RWP), UFFDIO_RWPROTECT,
     P(quads(P64(registered_for(pages(), UFFDIO_REGISTER_MODE_RWP)), LEN64(page_size()), 0)))
MORE(ioctl, uffd_set_mode, userfaultfd, fd_uffd(), UFFDIO_SET_MODE, P(quads(0, 0, 0)))

/* Files of /proc that take addresses */
#define fd_pagemap()	fd_of("/proc/self/pagemap", O_RDONLY)
#define fd_maps()	fd_of("/proc/self/maps", O_RDONLY)
MORE(ioctl, pagemap_scan, pagemap, fd_pagemap(), PAGEMAP_SCAN,
     P(quads(96, 0, P64(pages()), END64(page_size()), 0, P64(buf(24 * 8)), 8, 0, 0, 0,
	     PAGE_IS_PRESENT, PAGE_IS_PRESENT)))
MORE(ioctl, pagemap_protect, pagemap, (fd_uffd(), fd_pagemap()), PAGEMAP_SCAN,
     quads(96, PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
	   P64(registered(pages())), END64(page_size()), 0, 0, 0, 0, 0, 0,
	   PAGE_IS_WRITTEN, PAGE_IS_WRITTEN))
MORE(ioctl, procmap_query, pagemap, fd_maps(), PROCMAP_QUERY,
     P(quads(104, 0, P64(own_code()), 0, 0, 0, 0, 0, 0, 0, PAIR(64, 0), P64(buf(64)),
	     0)))
WITH(ioctl, procmap_next, pagemap, ({ unsigned long q = quads(104,
	PROCMAP_QUERY_COVERING_OR_NEXT_VMA, P64(pages()), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	call(fd_maps(), PROCMAP_QUERY, q) ?: ((int *)q)[6]; }))
MORE(ioctl, procmap_build_id, pagemap, fd_maps(), PROCMAP_QUERY,
     quads(104, 0, own_code(), 0, 0, 0, 0, 0, 0, 0, PAIR(0, 64), 0,
	   P64(buf(64))))
#ifdef __i386__
/* A 32-bit process reads beyond 4 GiB, too. */
MORE(pread64, mem, pagemap, fd_mem(), buf(64), 64, ARG64(P64(pages())))
MORE(pwrite64, mem, pagemap, fd_mem(), buf(64), 64, ARG64(P64(pages())))
WITH(pread64, pagemap, pagemap, ({ unsigned long b = buf(8);
	call(fd_pagemap(), b, 8, ARG64(P64(pages()) / page_size() * 8)) | (*(__u64 *)b != 0) << 8; }))
MORE(_llseek, mem, pagemap, fd_mem(), (unsigned long)(ANY64(pages(), "any position") >> 32),
     (unsigned long)last_value, buf(8), SEEK_SET)
CALL(_llseek, reading, fd_zero(), 0, 0, P(buf(8)), SEEK_SET)
#else
WITH(pread64, mem, pagemap, call(fd_mem(), buf(64), 64, P(pages())))
WITH(pwrite64, mem, pagemap, call(fd_mem(), buf(64), 64, P(pages())))
WITH(pread64, pagemap, pagemap, ({ unsigned long b = buf(8);
	call(fd_pagemap(), b, 8, P(pages()) / page_size() * 8) | (*(__u64 *)b != 0) << 8; }))
#endif
MORE(preadv, mem, pagemap, fd_mem(), words(buf(64), 64), 1, ARG64_PAIR(P64(pages())))
MORE(pwritev, mem, pagemap, fd_mem(), words(buf(64), 64), 1, ARG64_PAIR(P64(pages())))
MORE(preadv2, mem, pagemap, fd_mem(), words(buf(64), 64), 1, ARG64_PAIR(P64(pages())), 0)
WITH(lseek, mem, pagemap, call(fd_mem(), ANY(pages(), "any position"), SEEK_SET) ==
     (long)last_value)
WITH(read, position, pagemap, ({ int fd = fd_mem(); lseek64(fd, P64(pages()), SEEK_SET);
	call(fd, buf(64), 64); }))
WITH(write, position, pagemap, ({ int fd = fd_mem(); lseek64(fd, P64(pages()), SEEK_SET);
	call(fd, buf(64), 64); }))

/* Reading and writing */
CALL(read, reading, fd_zero(), P(buf(64)), LEN(64))
MORE(read, pipe, reading, pipe_r(), P(buf(64)), LEN(64))
MORE(read, proc, reading, fd_maps(), P(buf(64)), LEN(64))
MORE(read, event, reading, fd_event(), P(buf(8)), 8)
CALL(readv, reading, fd_zero(), P(words(P(buf(64)), LEN(64))), 1)
MORE(readv, second, reading, fd_zero(), words(buf(64), 64, P(buf(64)), LEN(64)), 2)
#ifdef __i386__
CALL(pread64, reading, fd_zero(), P(buf(64)), LEN(64), 0, 0)
CALL(pwrite64, writing, fd_file(), P(buf(64)), LEN(64), 0, 0)
#else
CALL(pread64, reading, fd_zero(), P(buf(64)), LEN(64), 0)
CALL(pwrite64, writing, fd_file(), P(buf(64)), LEN(64), 0)
#endif
CALL(preadv, reading, fd_file(), P(words(P(buf(64)), LEN(64))), 1, 0, 0)
CALL(preadv2, reading, fd_file(), P(words(P(buf(64)), LEN(64))), 1, 0, 0, 0)
CALL(readdir, reading, fd_dir(), P(buf(512)), 1)
CALL(getdents, reading, fd_dir(), P(buf(512)), 512)
CALL(getdents64, reading, fd_dir(), P(buf(512)), 512)
CALL(getrandom, reading, P(buf(64)), 64, 0)
CALL(write, writing, pipe_w(), P(buf(64)), LEN(64))
MORE(write, file, writing, fd_file(), P(buf(64)), LEN(64))
MORE(write, event, writing, fd_event(), P(buf(8)), 8)
CALL(writev, writing, pipe_w(), P(words(P(buf(64)), LEN(64))), 1)
CALL(pwritev, writing, fd_file(), P(words(P(buf(64)), LEN(64))), 1, 0, 0)
CALL(pwritev2, writing, fd_file(), P(words(P(buf(64)), LEN(64))), 1, 0, 0, 0)
NONE(lseek)
NONE(fsync)
NONE(fdatasync)
NONE(ftruncate)
NONE(ftruncate64)
NONE(fallocate)
NONE(fadvise64)
NONE(fadvise64_64)
NONE(readahead)
NONE(sync)
NONE(syncfs)
NONE(sync_file_range)
CALL(cachestat, reading, fd_file(), P(quads(0, 64)), P(buf(40)), 0)

CALL(sendfile, splicing, pipe_w(), fd_file(), P(words(0)), 16)
CALL(sendfile64, splicing, pipe_w(), fd_file(), P(quads(0)), 16)
CALL(splice, splicing, fd_file(), P(quads(0)), pipe_w(), 0, 16, 0)
MORE(splice, out, splicing, pipe_r(), 0, fd_file(), P(quads(0)), 16, 0)
CALL(vmsplice, splicing, pipe_w(), P(words(P(pages()), LEN(64))), 1, 0)
MORE(vmsplice, gift, splicing, pipe_w(), words(P(pages()), LEN(page_size())), 1, SPLICE_F_GIFT)
MORE(vmsplice, from, splicing, pipe_r(), words(P(pages()), LEN(64)), 1, 0)
CALL(copy_file_range, splicing, fd_file(), P(quads(0)), fd_file(), P(quads(0)), 16, 0)
NONE(tee)

/* Paths */
#define NOWHERE		str("/nowhere/at/all")
#define NOTHING		str("/nothing")
#define ROOT		str("/")
CALL(open, paths, P(NOWHERE), O_RDONLY)
CALL(creat, paths, P(NOWHERE), 0)
CALL(link, paths, P(NOWHERE), NOWHERE)
MORE(link, target, paths, ROOT, P(NOWHERE))
CALL(unlink, paths, P(NOWHERE))
CALL(chdir, paths, P(NOWHERE))
CALL(chroot, paths, P(NOWHERE))
CALL(mknod, paths, P(NOWHERE), S_IFREG, 0)
CALL(chmod, paths, P(NOWHERE), 0)
CALL(chown, paths, P(NOWHERE), 0, 0)
CALL(lchown, paths, P(NOWHERE), 0, 0)
CALL(chown32, paths, P(NOWHERE), 0, 0)
CALL(lchown32, paths, P(NOWHERE), 0, 0)
CALL(access, paths, P(NOWHERE), 0)
CALL(rename, paths, P(NOWHERE), NOWHERE)
MORE(rename, target, paths, NOTHING, P(NOWHERE))
CALL(mkdir, paths, P(NOWHERE), 0)
CALL(rmdir, paths, P(NOWHERE))
CALL(symlink, paths, P(NOWHERE), P(NOWHERE))
CALL(readlink, paths, P(str("/proc/self/exe")), P(buf(64)), 64)
CALL(truncate, paths, P(NOWHERE), 0)
CALL(truncate64, paths, P(NOWHERE), 0, 0)
CALL(getcwd, paths, P(buf(256)), 256)
CALL(uselib, paths, P(NOWHERE))
NONE(close)
NONE(close_range)
NONE(umask)
NONE(fchdir)
NONE(fchmod)
NONE(fchown)
NONE(fchown32)
NONE(fchroot)

CALL(openat, paths_at, AT_FDCWD, P(NOWHERE), O_RDONLY)
CALL(openat2, paths_at, AT_FDCWD, P(NOWHERE), P(quads(0, 0, 0)), 24)
CALL(mkdirat, paths_at, AT_FDCWD, P(NOWHERE), 0)
CALL(mknodat, paths_at, AT_FDCWD, P(NOWHERE), S_IFREG, 0)
CALL(fchownat, paths_at, AT_FDCWD, P(NOWHERE), 0, 0, 0)
CALL(unlinkat, paths_at, AT_FDCWD, P(NOWHERE), 0)
CALL(renameat, paths_at, AT_FDCWD, P(NOWHERE), AT_FDCWD, NOWHERE)
MORE(renameat, target, paths_at, AT_FDCWD, NOTHING, AT_FDCWD, P(NOWHERE))
CALL(renameat2, paths_at, AT_FDCWD, P(NOWHERE), AT_FDCWD, NOWHERE, 0)
MORE(renameat2, target, paths_at, AT_FDCWD, NOTHING, AT_FDCWD, P(NOWHERE), 0)
CALL(linkat, paths_at, AT_FDCWD, P(NOWHERE), AT_FDCWD, NOWHERE, 0)
MORE(linkat, target, paths_at, AT_FDCWD, ROOT, AT_FDCWD, P(NOWHERE), 0)
CALL(symlinkat, paths_at, P(NOWHERE), AT_FDCWD, P(NOWHERE))
CALL(readlinkat, paths_at, AT_FDCWD, P(str("/proc/self/exe")), P(buf(64)), 64)
CALL(fchmodat, paths_at, AT_FDCWD, P(NOWHERE), 0)
CALL(fchmodat2, paths_at, AT_FDCWD, P(NOWHERE), 0, 0)
CALL(faccessat, paths_at, AT_FDCWD, P(NOWHERE), 0)
CALL(faccessat2, paths_at, AT_FDCWD, P(NOWHERE), 0, 0)
CALL(name_to_handle_at, paths_at, AT_FDCWD, P(ROOT), P(ints(128, 0, 0)), P(buf(8)), 0)
CALL(open_by_handle_at, paths_at, AT_FDCWD, P(ints(8, 1, 2, 3)), O_RDONLY)
CALL(memfd_create, paths_at, P(str("name")), 0)

/* What files are like */
CALL(stat, attributes, P(ROOT), P(buf(256)))
CALL(fstat, attributes, fd_zero(), P(buf(256)))
CALL(lstat, attributes, P(ROOT), P(buf(256)))
CALL(oldstat, attributes, P(str("/proc/self/maps")), P(buf(256)))
CALL(oldfstat, attributes, fd_maps(), P(buf(256)))
CALL(oldlstat, attributes, P(str("/proc/self/maps")), P(buf(256)))
CALL(stat64, attributes, P(ROOT), P(buf(256)))
CALL(lstat64, attributes, P(ROOT), P(buf(256)))
CALL(fstat64, attributes, fd_zero(), P(buf(256)))
CALL(newfstatat, attributes, AT_FDCWD, P(ROOT), P(buf(256)), 0)
CALL(fstatat64, attributes, AT_FDCWD, P(ROOT), P(buf(256)), 0)
CALL(statx, attributes, AT_FDCWD, P(ROOT), 0, 0, P(buf(256)))
CALL(statfs, attributes, P(ROOT), P(buf(256)))
CALL(fstatfs, attributes, fd_zero(), P(buf(256)))
CALL(statfs64, attributes, P(ROOT), 84, P(buf(256)))
CALL(fstatfs64, attributes, fd_zero(), 84, P(buf(256)))
CALL(ustat, attributes, root_device(), P(buf(64)))
CALL(utime, attributes, P(NOWHERE), P(words(0, 0)))
CALL(utimes, attributes, P(NOWHERE), P(words(0, 0, 0, 0)))
CALL(futimesat, attributes, AT_FDCWD, P(NOWHERE), P(words(0, 0, 0, 0)))
CALL(utimensat, attributes, AT_FDCWD, P(NOWHERE), P(words(0, 0, 0, 0)), 0)
CALL(utimensat_time64, attributes, AT_FDCWD, P(NOWHERE), P(quads(0, 0, 0, 0)), 0)
CALL(file_getattr, attributes, AT_FDCWD, P(ROOT), P(buf(64)), 24, 0)
CALL(file_setattr, attributes, AT_FDCWD, P(NOWHERE), P(quads(0, 0, 0)), 24, 0)
CALL(quotactl, attributes, 0x80000700, P(ROOT), 0, P(buf(64)))
CALL(quotactl_fd, attributes, fd_dir(), 0x80000700, 0, P(buf(64)))

#define XPATH		str(XATTR_PATH)
#define XNAME		str(XATTR_NAME)
CALL(setxattr, xattrs, P(XPATH), P(XNAME), P(str("value")), 5, 0)
CALL(lsetxattr, xattrs, P(XPATH), P(XNAME), P(str("value")), 5, 0)
CALL(fsetxattr, xattrs, fd_xattr(), P(XNAME), P(str("value")), 5, 0)
CALL(getxattr, xattrs, P(XPATH), P(XNAME), P(buf(64)), 64)
CALL(lgetxattr, xattrs, P(XPATH), P(XNAME), P(buf(64)), 64)
CALL(fgetxattr, xattrs, fd_xattr(), P(XNAME), P(buf(64)), 64)
CALL(listxattr, xattrs, P(XPATH), P(buf(256)), 256)
CALL(llistxattr, xattrs, P(XPATH), P(buf(256)), 256)
CALL(flistxattr, xattrs, fd_xattr(), P(buf(256)), 256)
CALL(removexattr, xattrs, P(XPATH), P(str("trusted.none")))
CALL(lremovexattr, xattrs, P(XPATH), P(str("trusted.none")))
CALL(fremovexattr, xattrs, fd_xattr(), P(str("trusted.none")))
CALL(setxattrat, xattrs, AT_FDCWD, P(XPATH), 0, P(XNAME), P(quads(P64(str("value")), 5)), 16)
CALL(getxattrat, xattrs, AT_FDCWD, P(XPATH), 0, P(XNAME), P(quads(P64(buf(64)), 64)), 16)
CALL(listxattrat, xattrs, AT_FDCWD, P(XPATH), 0, P(buf(256)), 256)
CALL(removexattrat, xattrs, AT_FDCWD, P(XPATH), 0, P(str("trusted.none")))

/* Descriptors */
CALL(pipe, descriptors, P(buf(8)))
CALL(pipe2, descriptors, P(buf(8)), 0)
#define FLOCK		buf(64)
MORE(fcntl, getlk, descriptors, fd_file(), F_GETLK, P(FLOCK))
MORE(fcntl, setlk, descriptors, fd_file(), F_SETLK, P(FLOCK))
MORE(fcntl, ofd_getlk, descriptors, fd_file(), F_OFD_GETLK, P(FLOCK))
MORE(fcntl, setown_ex, descriptors, fd_event(), F_SETOWN_EX, P(ints(1, 0)))
MORE(fcntl, getown_ex, descriptors, fd_event(), F_GETOWN_EX, P(ints(1, 0)))
MORE(fcntl, rw_hint, descriptors, fd_file(), F_SET_RW_HINT, P(quads(0)))
MORE(fcntl, get_rw_hint, descriptors, fd_file(), F_GET_RW_HINT, P(quads(0)))
MORE(fcntl, owner_uids, descriptors, fd_file(), 17, P(buf(8)))
MORE(fcntl64, getlk, descriptors, fd_file(), F_GETLK, P(FLOCK))
MORE(fcntl64, getlk64, descriptors, fd_file(), 12, P(FLOCK))
MORE(fcntl64, ofd_setlk, descriptors, fd_file(), F_OFD_SETLK, P(FLOCK))
MORE(fcntl64, rw_hint, descriptors, fd_file(), F_SET_RW_HINT, P(quads(0)))
WITH(kcmp, , descriptors, ({ int e = fd_epoll();
	call(getpid(), getpid(), KCMP_EPOLL_TFD, fd_event(), P(ints(e, e + 1, 0))); }))
NONE(dup)
NONE(dup2)
NONE(dup3)
NONE(flock)
NONE(eventfd)
NONE(eventfd2)
NONE(epoll_create)
NONE(epoll_create1)
NONE(timerfd_create)
NONE(pidfd_open)
NONE(pidfd_getfd)
NONE(inotify_init)
NONE(inotify_init1)
NONE(inotify_rm_watch)
NONE(fanotify_init)

#define POLLFD		ints(0, 0)
#define FDSET		words(0, 0, 0, 0)
CALL(poll, polling, P(ints(fd_zero(), POLLIN)), 1, 0)
#ifdef __i386__
CALL(select, polling, P(words(8, P(FDSET), P(FDSET), P(FDSET), P(words(0, 0)))))
CALL(epoll_ctl, polling, fd_epoll(), EPOLL_CTL_ADD, fd_event(), P(buf(12)))
#else
CALL(select, polling, 8, P(FDSET), P(FDSET), P(FDSET), P(words(0, 0)))
CALL(epoll_ctl, polling, fd_epoll(), EPOLL_CTL_ADD, fd_event(), P(buf(16)))
#endif
CALL(_newselect, polling, 8, P(FDSET), P(FDSET), P(FDSET), P(words(0, 0)))
CALL(pselect6, polling, 8, P(FDSET), P(FDSET), P(FDSET), P(words(0, 0)),
     P(words(P(quads(0)), KERNEL_SIGSET)))
CALL(pselect6_time64, polling, 8, P(FDSET), P(FDSET), P(FDSET), P(quads(0, 0)),
     P(words(P(quads(0)), KERNEL_SIGSET)))
CALL(ppoll, polling, P(ints(fd_zero(), POLLIN)), 1, P(words(0, 0)), P(quads(0)), KERNEL_SIGSET)
CALL(ppoll_time64, polling, P(ints(fd_zero(), POLLIN)), 1, P(quads(0, 0)), P(quads(0)),
     KERNEL_SIGSET)
CALL(epoll_wait, polling, fd_epoll(), P(buf(16)), 1, 0)
CALL(epoll_pwait, polling, fd_epoll(), P(buf(16)), 1, 0, P(quads(0)), KERNEL_SIGSET)
CALL(epoll_pwait2, polling, fd_epoll(), P(buf(16)), 1, P(quads(0, 0)), P(quads(0)),
     KERNEL_SIGSET)
CALL(signalfd, polling, -1, P(quads(0)), KERNEL_SIGSET)
CALL(signalfd4, polling, -1, P(quads(0)), KERNEL_SIGSET, 0)

/* Sockets */
#define CONTROL_LEN	CMSG_SPACE(sizeof(int))
#define MSG_OUT		words(P(nobody()), 18, P(words(P(buf(64)), LEN(64))), 1, \
			      P(descriptor_message()), CONTROL_LEN, 0)
#define MSG_IN		words(P(buf(110)), 110, P(words(P(buf(64)), LEN(64))), 1, \
			      ANY(buf(64), "it says MSG_CTRUNC"), 64, 0)
#define MMSG_OUT	words(0, 0, P(words(P(buf(64)), 64)), 1, P(descriptor_message()), \
			      CONTROL_LEN, 0, 0)
#define MMSG_IN		words(P(buf(110)), 110, P(words(P(buf(64)), 64)), 1, \
			      ANY(buf(64), "it says MSG_CTRUNC"), 64, 0, 0)
#define NAMELEN		ints(110)
CALL(connect, sockets, sock_new(), P(nobody()), 18)
CALL(bind, sockets, sock_new(), P(abstract()), 17)
CALL(accept, sockets, sock_listening(), P(buf(110)), P(NAMELEN))
CALL(accept4, sockets, sock_listening(), P(buf(110)), P(NAMELEN), 0)
CALL(getsockname, sockets, sock_r(), P(buf(110)), P(NAMELEN))
CALL(getpeername, sockets, sock_r(), P(buf(110)), P(NAMELEN))
CALL(socketpair, sockets, AF_UNIX, SOCK_STREAM, 0, P(buf(8)))
CALL(setsockopt, sockets, sock_r(), SOL_SOCKET, SO_RCVBUF, P(ints(4096)), 4)
MORE(setsockopt, timeout, sockets, sock_r(), SOL_SOCKET, SO_RCVTIMEO_NEW, P(quads(0, 0)), 16)
MORE(setsockopt, filter, sockets, sock_r(), SOL_SOCKET, SO_ATTACH_FILTER,
     P(words(1, P(filter_code()))), sizeof(struct { short len; void *filter; }))
CALL(getsockopt, sockets, sock_r(), SOL_SOCKET, SO_TYPE, P(buf(4)), P(ints(4)))
MORE(getsockopt, peercred, sockets, stream(), SOL_SOCKET, SO_PEERCRED, P(buf(12)), P(ints(12)))
#ifdef __i386__
#define SOCKETCALL(_what, ...)	call(_what, P(words(__VA_ARGS__)))
WITH(socketcall, bind, sockets, SOCKETCALL(2, sock_new(), P(abstract()), 17))
WITH(socketcall, connect, sockets, SOCKETCALL(3, sock_new(), P(nobody()), 18))
WITH(socketcall, accept, sockets, SOCKETCALL(5, sock_listening(), P(buf(110)), P(NAMELEN)))
WITH(socketcall, getsockname, sockets, SOCKETCALL(6, sock_r(), P(buf(110)), P(NAMELEN)))
WITH(socketcall, getpeername, sockets, SOCKETCALL(7, sock_r(), P(buf(110)), P(NAMELEN)))
WITH(socketcall, socketpair, sockets, SOCKETCALL(8, AF_UNIX, SOCK_STREAM, 0, P(buf(8))))
WITH(socketcall, send, sockets, SOCKETCALL(9, sock_w(), P(buf(64)), LEN(64), 0))
WITH(socketcall, recv, sockets, SOCKETCALL(10, sock_r(), P(buf(64)), LEN(64), 0))
WITH(socketcall, sendto, sockets, SOCKETCALL(11, sock_w(), P(buf(64)), 64, 0, P(nobody()), 18))
WITH(socketcall, recvfrom, sockets, SOCKETCALL(12, sock_r(), P(buf(64)), 64, 0, P(buf(110)),
     P(NAMELEN)))
WITH(socketcall, setsockopt, sockets, SOCKETCALL(14, sock_r(), SOL_SOCKET, SO_RCVBUF,
     P(ints(4096)), 4))
WITH(socketcall, getsockopt, sockets, SOCKETCALL(15, sock_r(), SOL_SOCKET, SO_TYPE, P(buf(4)),
     P(ints(4))))
WITH(socketcall, sendmsg, sockets, SOCKETCALL(16, sock_w(), P(MSG_OUT), 0))
WITH(socketcall, recvmsg, sockets, SOCKETCALL(17, sock_r(), P(MSG_IN), 0))
WITH(socketcall, accept4, sockets, SOCKETCALL(18, sock_listening(), P(buf(110)), P(NAMELEN), 0))
WITH(socketcall, recvmmsg, sockets, SOCKETCALL(19, sock_r(), P(MMSG_IN), 1, 0, P(words(1, 0))))
WITH(socketcall, sendmmsg, sockets, SOCKETCALL(20, sock_w(), P(MMSG_OUT), 1, 0))
#endif
NONE(socket)
NONE(listen)
NONE(shutdown)

CALL(sendto, socket_messages, sock_w(), P(buf(64)), LEN(64), 0, P(nobody()), 18)
CALL(recvfrom, socket_messages, sock_r(), P(buf(64)), LEN(64), 0, P(buf(110)), P(NAMELEN))
MORE(recvfrom, stream, socket_messages, stream(), P(buf(64)), LEN(64), 0, 0, 0)
CALL(sendmsg, socket_messages, sock_w(), P(MSG_OUT), 0)
CALL(recvmsg, socket_messages, sock_r(), P(MSG_IN), 0)
WITH(recvmsg, control, socket_messages, receive(nr, sock_r(),
     words(0, 0, words(buf(64), 64), 1, P(buf(64)), 64, 0)))
CALL(sendmmsg, socket_messages, sock_w(), P(MMSG_OUT), 1, 0)
CALL(recvmmsg, socket_messages, sock_r(), P(MMSG_IN), 1, MSG_DONTWAIT, P(words(1, 0)))
CALL(recvmmsg_time64, socket_messages, sock_r(), P(MMSG_IN), 1, MSG_DONTWAIT, P(quads(1, 0)))

/* ioctl */
#define IO(_dir, _type, _nr, _size)	_IOC(_dir, _type, _nr, _size)
#define R	_IOC_READ
#define W	_IOC_WRITE
#define fd_terminal()	fd_of("/dev/ptmx", O_RDWR | O_NOCTTY)
#define fd_disk()	fd_of("/dev/ram0", O_RDONLY)
MORE(ioctl, fionread, ioctls, pipe_r(), 0x541b, P(buf(4)))
MORE(ioctl, fionbio, ioctls, fd_file(), 0x5421, P(ints(0)))
MORE(ioctl, fioasync, ioctls, fd_file(), 0x5452, P(ints(0)))
MORE(ioctl, fioqsize, ioctls, fd_file(), 0x5460, P(buf(8)))
MORE(ioctl, figetbsz, ioctls, fd_file(), IO(0, 0, 2, 0), P(buf(4)))
MORE(ioctl, fiemap, ioctls, fd_file(), FS_IOC_FIEMAP, P(buf(64)))
MORE(ioctl, ficlonerange, ioctls, fd_file(), FICLONERANGE, P(buf(32)))
MORE(ioctl, fideduperange, ioctls, fd_file(), FIDEDUPERANGE, P(buf(64)))
MORE(ioctl, getfsuuid, ioctls, fd_of("/", O_RDONLY), FS_IOC_GETFSUUID, P(buf(32)))
MORE(ioctl, tcgets, ioctls, fd_terminal(), 0x5401, P(buf(64)))
MORE(ioctl, tcsets, ioctls, fd_terminal(), 0x5402, P(buf(64)))
MORE(ioctl, tiocgpgrp, ioctls, fd_terminal(), 0x540f, P(buf(4)))
MORE(ioctl, tiocgwinsz, ioctls, fd_terminal(), 0x5413, P(buf(8)))
MORE(ioctl, tiocswinsz, ioctls, fd_terminal(), 0x5414, P(buf(8)))
MORE(ioctl, tcgets2, ioctls, fd_terminal(), IO(R, 'T', 0x2a, 44), P(buf(64)))
MORE(ioctl, tiocgptn, ioctls, fd_terminal(), IO(R, 'T', 0x30, 4), P(buf(4)))
MORE(ioctl, tiocsptlck, ioctls, fd_terminal(), IO(W, 'T', 0x31, 4), P(ints(0)))
MORE(ioctl, blkgetsize64, ioctls, fd_disk(), IO(R, 0x12, 114, sizeof(long)), P(buf(8)))
MORE(ioctl, blkbszget, ioctls, fd_disk(), IO(R, 0x12, 112, sizeof(long)), P(buf(8)))
MORE(ioctl, blksszget, ioctls, fd_disk(), IO(0, 0x12, 104, 0), P(buf(8)))
MORE(ioctl, blkdiscard, ioctls, fd_of("/dev/ram0", O_RDWR), IO(0, 0x12, 119, 0),
     P(quads(0, 512)))
MORE(ioctl, rndgetentcnt, ioctls, fd_of("/dev/random", O_RDONLY), IO(R, 'R', 0, 4), P(buf(4)))
MORE(ioctl, siocgifname, ioctls, sock_new(), 0x8910, P(ints(0, 0, 0, 0, 1, 0, 0, 0, 0, 0)))
MORE(ioctl, ns_mnt_info, ioctls, fd_of("/proc/self/ns/mnt", O_RDONLY), IO(R, 0xb7, 10, 16),
     P(buf(16)))
MORE(ioctl, pidfd_info, ioctls, fd_self(), IO(R | W, 0xff, 11, 64), P(buf(64)))
MORE(ioctl, driver, ioctls, area.fd >= 0 ? dup(area.fd) : open_mm_secret(), MM_SECRET_TEST_WINDOW,
     P(buf(32)))

/* Signals */
CALL(rt_sigaction, signals, SIGUSR2, P(words(0, 0, 0, 0, 0)), P(buf(64)), KERNEL_SIGSET)
CALL(sigaction, signals, SIGUSR2, P(words(0, 0, 0, 0)), P(buf(64)))
CALL(rt_sigprocmask, signals, SIG_BLOCK, P(quads(0)), P(buf(8)), KERNEL_SIGSET)
CALL(sigprocmask, signals, SIG_BLOCK, P(quads(0)), P(buf(8)))
CALL(rt_sigpending, signals, P(buf(8)), KERNEL_SIGSET)
CALL(sigpending, signals, P(buf(8)))
CALL(rt_sigtimedwait, signals, (with_pending(), P(usr1_set())), P(buf(128)), P(words(0, 0)),
     KERNEL_SIGSET)
CALL(rt_sigtimedwait_time64, signals, (with_pending(), P(usr1_set())), P(buf(128)),
     P(quads(0, 0)), KERNEL_SIGSET)
CALL(rt_sigqueueinfo, signals, getpid(), SIGUSR1, P(ints(0, 0, -1, 0)))
CALL(rt_tgsigqueueinfo, signals, getpid(), gettid(), SIGUSR1, P(ints(0, 0, -1, 0)))
CALL(pidfd_send_signal, signals, fd_self(), SIGUSR1, P(ints(SIGUSR1, 0, -1, 0)), 0)
CALL(rt_sigsuspend, signals, (with_pending(), P(quads(0))), KERNEL_SIGSET)
NONE(sigsuspend)
NONE(sgetmask)
NONE(ssetmask)
NONE(kill)
NONE(tkill)
NONE(tgkill)
NONE(pause)
NONE(alarm)
NONE(restart_syscall)

/* Where the kernel goes on its own when a signal comes. */
CALL(sigaltstack, signal_frames, P(sigstack((unsigned long)child_stack)), P(buf(32)))
WITH(sigaltstack, used, signal_frames, signal_on_stack(nr,
     sigstack(P((unsigned long)child_stack))))
WITH(rt_sigaction, handler, signal_frames, signal_by(
     call(SIGUSR2, sigaction_words(P((unsigned long)on_signal), 0), 0, KERNEL_SIGSET)))
#ifdef __x86_64__
WITH(rt_sigaction, restorer, signal_frames, signal_by(
     call(SIGUSR2, sigaction_words((unsigned long)on_signal, P(restorer())), 0, KERNEL_SIGSET)))
#endif
WITH(signal, , signal_frames, signal_by(call(SIGUSR2, P((unsigned long)on_signal))))
WITH(sigaction, handler, signal_frames, signal_by(
     call(SIGUSR2, words(P((unsigned long)on_signal), 0, 0, 0), 0)))
WITH(rt_sigreturn, , signal_frames, sigreturn_at(nr, true))
WITH(sigreturn, , signal_frames, sigreturn_at(nr, false))

/* Clocks and timers */
CALL(time, clocks, P(buf(8)))
CALL(stime, clocks, ONLY_BAD("it would set the clock"))
CALL(gettimeofday, clocks, P(buf(16)), P(buf(8)))
CALL(settimeofday, clocks, P(words(0, -1)), 0)
MORE(settimeofday, zone, clocks, 0, P(ints(10000, 0)))
CALL(adjtimex, clocks, P(buf(256)))
CALL(clock_adjtime, clocks, CLOCK_REALTIME, P(buf(256)))
CALL(clock_adjtime64, clocks, CLOCK_REALTIME, P(buf(256)))
CALL(clock_gettime, clocks, CLOCK_REALTIME, P(buf(16)))
MORE(clock_gettime, process, clocks, CLOCK_PROCESS_CPUTIME_ID, P(buf(16)))
CALL(clock_gettime64, clocks, CLOCK_REALTIME, P(buf(16)))
CALL(clock_settime, clocks, CLOCK_REALTIME, P(words(0, -1)))
CALL(clock_settime64, clocks, CLOCK_REALTIME, P(quads(0, -1)))
CALL(clock_getres, clocks, CLOCK_REALTIME, P(buf(16)))
CALL(clock_getres_time64, clocks, CLOCK_REALTIME, P(buf(16)))
CALL(nanosleep, clocks, (interrupted(), P(words(1, 0))), P(buf(16)))
CALL(clock_nanosleep, clocks, (interrupted(), CLOCK_MONOTONIC), 0, P(words(1, 0)), P(buf(16)))
CALL(clock_nanosleep_time64, clocks, (interrupted(), CLOCK_MONOTONIC), 0, P(quads(1, 0)),
     P(buf(16)))
CALL(times, clocks, P(buf(32)))

CALL(getitimer, timers, ITIMER_VIRTUAL, P(buf(32)))
CALL(setitimer, timers, ITIMER_VIRTUAL, P(words(0, 0, 0, 0)), P(buf(32)))
CALL(timer_create, timers, CLOCK_MONOTONIC, P(sigevent_words(0, 0, SIGEV_NONE)), P(buf(4)))
CALL(timer_settime, timers, timer(), 0, P(words(0, 0, 0, 0)), P(buf(32)))
CALL(timer_settime64, timers, timer(), 0, P(quads(0, 0, 0, 0)), P(buf(32)))
CALL(timer_gettime, timers, timer(), P(buf(32)))
CALL(timer_gettime64, timers, timer(), P(buf(32)))
CALL(timerfd_settime, timers, fd_timer(), 0, P(words(0, 0, 0, 0)), P(buf(32)))
CALL(timerfd_settime64, timers, fd_timer(), 0, P(quads(0, 0, 0, 0)), P(buf(32)))
CALL(timerfd_gettime, timers, fd_timer(), P(buf(32)))
CALL(timerfd_gettime64, timers, fd_timer(), P(buf(32)))
NONE(timer_getoverrun)
NONE(timer_delete)

/* System V IPC and message queues */
#define IPC_64		0x100
#define SEMBUF		shorts(0, 1, IPC_NOWAIT)
CALL(semop, sysv_ipc, sem_id, P(SEMBUF), 1)
CALL(semtimedop, sysv_ipc, sem_id, P(SEMBUF), 1, P(words(1, 0)))
CALL(semtimedop_time64, sysv_ipc, sem_id, P(SEMBUF), 1, P(quads(1, 0)))
CALL(semctl, sysv_ipc, sem_id, 0, IPC_STAT, P(buf(256)))
MORE(semctl, getall, sysv_ipc, sem_id, 0, GETALL, P(buf(256)))
MORE(semctl, setall, sysv_ipc, sem_id, 0, SETALL, P(buf(256)))
#define STATE(_call)	({ unsigned long _b = buf(256); _call; _b; })
MORE(semctl, set, sysv_ipc, sem_id, 0, IPC_SET,
     P(STATE(call(sem_id, 0, IPC_STAT, _b))))
MORE(semctl, info, sysv_ipc, 0, 0, IPC_INFO, P(buf(256)))
CALL(msgsnd, sysv_ipc, msg_id, P(words(1, 2)), LEN(sizeof(long)), IPC_NOWAIT)
CALL(msgrcv, sysv_ipc, with_message(), P(buf(64)), 8, 0, IPC_NOWAIT)
CALL(msgctl, sysv_ipc, msg_id, IPC_STAT, P(buf(256)))
MORE(msgctl, set, sysv_ipc, msg_id, IPC_SET, P(STATE(call(msg_id, IPC_STAT, _b))))
CALL(shmctl, sysv_ipc, shm_id, IPC_STAT, P(buf(256)))
MORE(shmctl, set, sysv_ipc, shm_id, IPC_SET, P(STATE(call(shm_id, IPC_STAT, _b))))
MORE(shmctl, info, sysv_ipc, 0, SHM_INFO, P(buf(256)))
MORE(ipc, semop, sysv_ipc, 1, sem_id, 1, 0, P(SEMBUF))
MORE(ipc, semtimedop, sysv_ipc, 4, sem_id, 1, 0, P(SEMBUF), P(words(1, 0)))
MORE(ipc, semctl, sysv_ipc, 3, sem_id, 0, IPC_STAT | IPC_64, P(words(P(buf(256)))))
MORE(ipc, msgsnd, sysv_ipc, 11, msg_id, 8, IPC_NOWAIT, P(words(1, 2, 3)))
MORE(ipc, msgrcv, sysv_ipc, 12, with_message(), 8, IPC_NOWAIT, P(words(P(buf(64)), 0)))
MORE(ipc, msgctl, sysv_ipc, 14, msg_id, IPC_STAT | IPC_64, 0, P(buf(256)))
#ifdef __i386__
MORE(ipc, shmat, sysv_ipc, 21, shm_id, 0, P(buf(4)), 0)
WITH(ipc, shmat_at, sysv_ipc, old_detached(nr, P(pages())))
#endif
MORE(ipc, shmdt, sysv_ipc, 22, 0, 0, 0, P(attached()))
MORE(ipc, shmctl, sysv_ipc, 24, shm_id, IPC_STAT | IPC_64, 0, P(buf(256)))
NONE(shmget)
NONE(semget)
NONE(msgget)

#define MQ_NAME		put(queue_name + 1, sizeof(queue_name) - 1)
#define MQ_ATTR		words(0, 4, 64, 0, 0, 0, 0, 0)
CALL(mq_open, queues, P(MQ_NAME), O_RDWR | O_CREAT, 0600, P(MQ_ATTR))
CALL(mq_unlink, queues, P(str("nowhere")))
CALL(mq_timedsend, queues, fd_queue(false), P(buf(8)), LEN(8), 0, P(words(1, 0)))
CALL(mq_timedsend_time64, queues, fd_queue(false), P(buf(8)), LEN(8), 0, P(quads(1, 0)))
CALL(mq_timedreceive, queues, fd_queue(true), P(buf(64)), 64, P(buf(4)), P(words(1, 0)))
CALL(mq_timedreceive_time64, queues, fd_queue(true), P(buf(64)), 64, P(buf(4)), P(quads(1, 0)))
CALL(mq_notify, queues, fd_queue(false), P(sigevent_words(0, SIGUSR1, SIGEV_NONE)))
MORE(mq_notify, cookie, queues, fd_queue(false),
     sigevent_words(P(buf(32)), socket(AF_NETLINK, SOCK_RAW, 0), SIGEV_THREAD))
CALL(mq_getsetattr, queues, fd_queue(false), P(MQ_ATTR), P(MQ_ATTR))

/* Processes */
CALL(execve, processes, P(no_program()), P(words(P(str("a")), 0)), P(words(P(str("b=c")), 0)))
CALL(execveat, processes, AT_FDCWD, P(no_program()), P(words(P(str("a")), 0)),
     P(words(P(str("b=c")), 0)), 0)
#define NOT_CHECKED	"put_user() may fail"
#define SHARED		(CLONE_VM | CLONE_VFORK | SIGCHLD)
#define WORDS		(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)
/* The child cannot have written there, and goes on. */
#ifdef __i386__
WITH(clone, words, processes, cloned(SHARED | WORDS, stack_top(), ANY(buf(4), NOT_CHECKED), 0,
     ANY(buf(4), NOT_CHECKED)))
WITH(clone, words_of_a_copy, processes, cloned(WORDS | SIGCHLD, 0, ANY(buf(4), NOT_CHECKED), 0,
     ANY(buf(4), NOT_CHECKED)))
WITH(clone, tls, processes, cloned(SHARED | CLONE_SETTLS, stack_top(), 0,
     P(ints(-1, 0, 0xfffff, 0x51)), 0))
#else
WITH(clone, words, processes, cloned(SHARED | WORDS, stack_top(), ANY(buf(4), NOT_CHECKED),
     ANY(buf(4), NOT_CHECKED), 0))
WITH(clone, words_of_a_copy, processes, cloned(WORDS | SIGCHLD, 0, ANY(buf(4), NOT_CHECKED),
     ANY(buf(4), NOT_CHECKED), 0))
WITH(clone, tls, processes, cloned(SHARED | CLONE_SETTLS, stack_top(), 0, 0,
     ANY(buf(64), "not used before the child ends")))
#endif
WITH(clone, pidfd, processes, cloned(SHARED | CLONE_PIDFD, stack_top(), P(buf(4)), 0, 0))
WITH(clone, stack, processes, cloned(SHARED, P(stack_top()), 0, 0, 0))
/* flags, pidfd, child_tid, parent_tid, signal, stack, size, tls, set_tid, size, cgroup */
#define CLONE3(_stack, _size, _flags, _pidfd, _child, _parent, _tids, _n)	\
	clone3_and_wait(nr, P(quads(CLONE_VM | CLONE_VFORK | _flags, _pidfd, _child, _parent, \
				    SIGCHLD, _stack, _size, 0, _tids, _n, 0)))
WITH(clone3, words, processes, CLONE3((unsigned long)child_stack, sizeof(child_stack),
     CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, P64(buf(4)),
     ANY64(buf(4), NOT_CHECKED), ANY64(buf(4), NOT_CHECKED), 0, 0))
WITH(clone3, stack, processes, CLONE3(P64((unsigned long)child_stack),
     LEN64(sizeof(child_stack)), 0, 0, 0, 0, 0, 0))
WITH(clone3, set_tid, processes, CLONE3((unsigned long)child_stack, sizeof(child_stack), 0,
     0, 0, 0, P64(ints(30000)), 1))
CALL(wait4, processes, zombie(), P(buf(4)), 0, P(buf(256)))
CALL(waitpid, processes, zombie(), P(buf(4)), 0)
CALL(waitid, processes, P_PID, zombie(), P(buf(128)), WEXITED, P(buf(256)))
NONE(fork)
NONE(vfork)
NONE(exit)
NONE(exit_group)
NONE(getpid)
NONE(getppid)
NONE(gettid)
NONE(getpgid)
NONE(getpgrp)
NONE(getsid)
NONE(setpgid)
NONE(setsid)

#define SCHED_ATTR	quads(PAIR(48, 0), 0, 0, 0, 0, 0)
CALL(sched_setparam, scheduling, 0, P(ints(0)))
CALL(sched_getparam, scheduling, 0, P(buf(4)))
CALL(sched_setscheduler, scheduling, 0, SCHED_OTHER, P(ints(0)))
CALL(sched_setattr, scheduling, 0, P(SCHED_ATTR), 0)
CALL(sched_getattr, scheduling, 0, P(SCHED_ATTR), 48, 0)
CALL(sched_setaffinity, scheduling, 0, 8, P(words(3, 0)))
CALL(sched_getaffinity, scheduling, 0, 8, P(buf(8)))
CALL(sched_rr_get_interval, scheduling, 0, P(buf(16)))
CALL(sched_rr_get_interval_time64, scheduling, 0, P(buf(16)))
CALL(getcpu, scheduling, P(buf(4)), P(buf(4)), ANY(buf(128), "the cache is not used"))
NONE(sched_yield)
NONE(sched_getscheduler)
NONE(sched_get_priority_max)
NONE(sched_get_priority_min)
NONE(getpriority)
NONE(setpriority)
NONE(nice)
NONE(ioprio_set)
NONE(ioprio_get)
NONE(membarrier)
NONE(rseq_slice_yield)

/* Who one is */
CALL(getgroups, credentials, (with_group(), 64), P(buf(256)))
CALL(getgroups32, credentials, (with_group(), 64), P(buf(256)))
CALL(setgroups, credentials, 1, P(ints(0)))
CALL(setgroups32, credentials, 1, P(ints(0)))
CALL(getresuid, credentials, P(buf(4)), P(buf(4)), P(buf(4)))
CALL(getresgid, credentials, P(buf(4)), P(buf(4)), P(buf(4)))
CALL(getresuid32, credentials, P(buf(4)), P(buf(4)), P(buf(4)))
CALL(getresgid32, credentials, P(buf(4)), P(buf(4)), P(buf(4)))
CALL(capget, credentials, P(ints(0x20080522, 0)), P(buf(24)))
CALL(capset, credentials, P(ints(0x20080522, 0)), P(buf(24)))
NONE(getuid)
NONE(getgid)
NONE(geteuid)
NONE(getegid)
NONE(setuid)
NONE(setgid)
NONE(setreuid)
NONE(setregid)
NONE(setresuid)
NONE(setresgid)
NONE(setfsuid)
NONE(setfsgid)
NONE(getuid32)
NONE(getgid32)
NONE(geteuid32)
NONE(getegid32)
NONE(setuid32)
NONE(setgid32)
NONE(setreuid32)
NONE(setregid32)
NONE(setresuid32)
NONE(setresgid32)
NONE(setfsuid32)
NONE(setfsgid32)

CALL(getrlimit, limits, RLIMIT_CORE, P(buf(16)))
CALL(ugetrlimit, limits, RLIMIT_CORE, P(buf(16)))
CALL(setrlimit, limits, RLIMIT_CORE, P(words(0, 0)))
CALL(prlimit64, limits, 0, RLIMIT_CORE, P(quads(0, 0)), P(buf(16)))
CALL(getrusage, limits, RUSAGE_SELF, P(buf(256)))

/* The system as a whole */
CALL(uname, system, P(buf(512)))
CALL(olduname, system, P(buf(512)))
CALL(oldolduname, system, P(buf(512)))
CALL(sysinfo, system, P(buf(128)))
CALL(syslog, system, 3, P(buf(4096)), 4096)
CALL(sethostname, system, P(str("(none)")), 6)
CALL(setdomainname, system, P(str("(none)")), 6)
CALL(sysfs, system, 1, P(str("proc")))
MORE(sysfs, name, system, 2, 0, P(buf(64)))
CALL(acct, system, P(NOWHERE))
CALL(swapon, system, P(NOWHERE), 0)
CALL(swapoff, system, P(NOWHERE))
CALL(reboot, system, 0xfee1dead, 672274793, 0xa1b2c3d4, ONLY_BAD("it would restart"))
CALL(lookup_dcookie, system, 0, 0, P(buf(64)), 64)
NOT(vhangup, "no address, and no terminal afterwards")
NONE(personality)

CALL(init_module, modules, P(buf(64)), 64, P(str("")))
CALL(finit_module, modules, fd_file(), P(str("")), 0)
CALL(delete_module, modules, P(str("no_such_module")), O_NONBLOCK)
CALL(kexec_load, modules, 0, 1, P(words(P(buf(64)), 64, 0, 0)), 0)
CALL(kexec_file_load, modules, fd_file(), -1, 2, P(str("a")), 0)

/* prctl */
MORE(prctl, set_name, prctls, PR_SET_NAME, P(str("name")))
MORE(prctl, get_name, prctls, PR_GET_NAME, P(buf(16)))
MORE(prctl, get_pdeathsig, prctls, PR_GET_PDEATHSIG, P(buf(4)))
MORE(prctl, get_tsc, prctls, PR_GET_TSC, P(buf(4)))
MORE(prctl, child_subreaper, prctls, PR_GET_CHILD_SUBREAPER, P(buf(4)))
MORE(prctl, tid_address, prctls, PR_GET_TID_ADDRESS, P(buf(8)))
MORE(prctl, auxv, prctls, PR_GET_AUXV, P(buf(512)), 512)
MORE(prctl, seccomp, prctls, (with_no_new_privs(), PR_SET_SECCOMP), 2,
     P(words(1, P(filter_code()))))
MORE(prctl, vma_name, prctls, PR_SET_VMA, PR_SET_VMA_ANON_NAME, P(pages()), LEN(page_size()),
     P(str("name")))
ONCE(prctl, dispatch, prctls, if_there(has_dispatch(),
     call(PR_SET_SYSCALL_USER_DISPATCH, 1, P(0), LEN(-1), P(buf(1)))))
ONCE(prctl, dispatched, prctls, dispatch_to(nr, P(buf(1))))
MORE(prctl, arg_start, prctls, PR_SET_MM, PR_SET_MM_ARG_START, ANY(pages(), IN_RANGE), 0, 0)
MORE(prctl, start_brk, prctls, PR_SET_MM, PR_SET_MM_START_BRK,
     ANY((unsigned long)sbrk(0), IN_RANGE), 0, 0)
MORE(prctl, start_code, prctls, PR_SET_MM, PR_SET_MM_START_CODE, P(pages()), 0, 0)
MORE(prctl, start_stack, prctls, PR_SET_MM, PR_SET_MM_START_STACK, ANY(pages(), IN_RANGE),
     0, 0)
MORE(prctl, set_auxv, prctls, PR_SET_MM, PR_SET_MM_AUXV, P(words(0, 0)), 2 * sizeof(long), 0)
MORE(prctl, map_size, prctls, PR_SET_MM, PR_SET_MM_MAP_SIZE, P(buf(4)), 0, 0)
MORE(prctl, map, prctls, PR_SET_MM, PR_SET_MM_MAP, P(mm_map_with(-1, 0)), mm_map_size(), 0)
MORE(prctl, map_start_code, prctls, PR_SET_MM, PR_SET_MM_MAP,
     mm_map_with(0, ANY64(0x10000, IN_RANGE)),
     mm_map_size(), 0)
MORE(prctl, map_stack, prctls, PR_SET_MM, PR_SET_MM_MAP,
     mm_map_with(6, ANY64(0x10000, IN_RANGE)),
     mm_map_size(), 0)
MORE(prctl, map_arg_end, prctls, PR_SET_MM, PR_SET_MM_MAP,
     mm_map_with(8, P64(own_code())),
     mm_map_size(), 0)
MORE(prctl, map_auxv, prctls, PR_SET_MM, PR_SET_MM_MAP, mm_map_with(11, P64(buf(16))),
     mm_map_size(), 0)

/* What only one architecture has */
#ifdef __x86_64__
MORE(arch_prctl, set_gs, arch, 0x1001, ANY(buf(8), IN_RANGE))
MORE(arch_prctl, get_fs, arch, 0x1003, P(buf(8)))
MORE(arch_prctl, get_gs, arch, 0x1004, P(buf(8)))
#endif
MORE(arch_prctl, xcomp_supported, arch, 0x1021, P(buf(8)))
MORE(arch_prctl, xcomp_permitted, arch, 0x1022, P(buf(8)))
#define LDT_ENTRY	ints(0, 0, 0xfffff, 0x51)
#if defined(__x86_64__) || defined(__i386__)
MORE(modify_ldt, read, arch, ({ syscall(SYS_modify_ldt, 1, LDT_ENTRY, 16); 0; }), P(buf(64)), 64)
#endif
MORE(modify_ldt, write, arch, 1, P(LDT_ENTRY), 16)
MORE(modify_ldt, default, arch, 2, P(buf(64)), 64)
MORE(modify_ldt, old_write, arch, 0x11, P(LDT_ENTRY), 16)
CALL(set_thread_area, arch, P(ints(-1, 0, 0xfffff, 0x51)))
CALL(get_thread_area, arch, P(ints(12, 0, 0, 0)))
CALL(vm86, arch, 0, P(buf(256)))
CALL(vm86old, arch, P(buf(256)))
NONE(iopl)
NONE(ioperm)
#if defined(__x86_64__) || defined(__i386__)
NONE(uprobe)
NONE(uretprobe)
#endif

/* Other processes, and one's own from outside */
#define PEEK(_request, ...)	call(_request, tracee(), __VA_ARGS__)
WITH(ptrace, peek, tracing, PEEK(PTRACE_PEEKDATA, P(pages()), P(buf(8))))
WITH(ptrace, poke, tracing, PEEK(PTRACE_POKEDATA, P(pages()), 0))
#if defined(__x86_64__)
WITH(ptrace, getregs, tracing, PEEK(PTRACE_GETREGS, 0, P(buf(512))))
WITH(ptrace, getfpregs, tracing, PEEK(PTRACE_GETFPREGS, 0, P(buf(512))))
WITH(ptrace, peekuser, tracing, PEEK(PTRACE_PEEKUSER, 0, P(buf(8))))
WITH(ptrace, pokeuser_breakpoint, tracing, PEEK(PTRACE_POKEUSER,
     offsetof(struct user, u_debugreg[0]), ANY(pages(), IN_RANGE)))
WITH(ptrace, pokeuser_fs_base, tracing, PEEK(PTRACE_POKEUSER,
     offsetof(struct user_regs_struct, fs_base), ANY(pages(), IN_RANGE)))
WITH(ptrace, arch_prctl, tracing, PEEK(30, P(buf(8)), 0x1003))
#elif defined(__i386__)
WITH(ptrace, getregs, tracing, PEEK(PTRACE_GETREGS, 0, P(buf(512))))
WITH(ptrace, peekuser, tracing, PEEK(PTRACE_PEEKUSER, 0, P(buf(8))))
WITH(ptrace, get_thread_area, tracing, PEEK(25, 12, P(buf(16))))
#elif defined(__aarch64__)
WITH(ptrace, peekmtetags, tracing, if_tags(
     PEEK(33, P(tagged()), P(words(P(buf(4)), 4)))))
WITH(ptrace, pokemtetags, tracing, if_tags(
     PEEK(34, P(tagged()), P(words(P(buf(4)), 4)))))
#endif
#if defined(__x86_64__) || defined(__i386__)
WITH(ptrace, setregs, tracing, ({ pid_t pid = tracee(); unsigned long regs = buf(512);
	syscall(SYS_ptrace, PTRACE_GETREGS, pid, 0, regs);
	call(PTRACE_SETREGS, pid, 0, P(regs)); }))
#endif
WITH(ptrace, getregset, tracing, PEEK(PTRACE_GETREGSET, 1, P(words(P(buf(512)), 512))))
WITH(ptrace, setregset, tracing, ({ pid_t pid = tracee(); unsigned long regs = buf(512);
	unsigned long iov = words(regs, 512);
	syscall(SYS_ptrace, PTRACE_GETREGSET, pid, 1, iov);
	call(PTRACE_SETREGSET, pid, 1, P(words(P(regs), ((unsigned long *)iov)[1]))); }))
WITH(ptrace, geteventmsg, tracing, PEEK(PTRACE_GETEVENTMSG, 0, P(buf(8))))
WITH(ptrace, getsiginfo, tracing, PEEK(PTRACE_GETSIGINFO, 0, P(buf(128))))
WITH(ptrace, setsiginfo, tracing, PEEK(PTRACE_SETSIGINFO, 0, P(ints(SIGSTOP, 0, -1, 0))))
WITH(ptrace, peeksiginfo, tracing, ({ pid_t pid = tracee(); kill(pid, SIGUSR1);
	call(PTRACE_PEEKSIGINFO, pid, P(quads(0, PAIR(1, 1))), P(buf(512))); }))
WITH(ptrace, getsigmask, tracing, PEEK(PTRACE_GETSIGMASK, 8, P(buf(8))))
WITH(ptrace, setsigmask, tracing, PEEK(PTRACE_SETSIGMASK, 8, P(quads(0))))
WITH(ptrace, syscall_info, tracing, PEEK(PTRACE_GET_SYSCALL_INFO, 88, P(buf(128))))
WITH(ptrace, rseq, tracing, PEEK(0x420f, 24, P(buf(32))))
WITH(ptrace, get_dispatch, tracing, if_there(has_dispatch(), PEEK(0x4211, 32, P(buf(32)))))
WITH(ptrace, set_dispatch, tracing, if_there(has_dispatch(),
     PEEK(0x4210, 32, P(quads(0, 0, 0, 0)))))

#define PVM(...)	getpid(), P(words(P(buf(64)), LEN(64))), 1, \
			P(words(P(pages()), LEN(64))), 1, 0
CALL(process_vm_readv, other_processes, PVM())
CALL(process_vm_writev, other_processes, PVM())
NONE(process_mrelease)

/* Futexes and lists of threads */
#define FUTEX_PRIVATE	FUTEX_PRIVATE_FLAG
#define A_KEY		"a private one is an address"
#define NO_WAITER	"nobody waits"
MORE(futex, wait, futexes, P(ints(1)), FUTEX_WAIT, 0, P(words(0, 0)))
MORE(futex, wait_private, futexes, P(ints(1)), FUTEX_WAIT | FUTEX_PRIVATE, 0, 0)
MORE(futex, wait_bitset, futexes, P(ints(1)), FUTEX_WAIT_BITSET, 0, P(words(0, 0)), 0, -1)
MORE(futex, wake, futexes, P(shared_pages()), FUTEX_WAKE, 1)
MORE(futex, wake_private, futexes, ANY(buf(4), A_KEY), FUTEX_WAKE | FUTEX_PRIVATE, 1)
MORE(futex, wake_bitset, futexes, P(shared_pages()), FUTEX_WAKE_BITSET, 1, 0, 0, -1)
MORE(futex, requeue, futexes, P(shared_pages()), FUTEX_REQUEUE, 1, 1, P(shared_pages()))
MORE(futex, cmp_requeue, futexes, P(shared_pages()), FUTEX_CMP_REQUEUE, 1, 1,
     P(shared_pages()), 1)
MORE(futex, cmp_requeue_private, futexes, P(buf(4)), FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, 1,
     ANY(buf(4), A_KEY), 0)
MORE(futex, cmp_requeue_pi, futexes, P(shared_pages()), FUTEX_CMP_REQUEUE_PI, 1, 1,
     P(shared_pages()), 1)
MORE(futex, wake_op, futexes, P(shared_pages()), FUTEX_WAKE_OP, 1, 1, P(shared_pages()), 0)
MORE(futex, wake_op_private, futexes, ANY(buf(4), A_KEY), FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 1,
     P(buf(4)), 0)
MORE(futex, lock_pi, futexes, P(buf(4)), FUTEX_LOCK_PI, 0, P(words(0, 0)))
MORE(futex, lock_pi2, futexes, P(buf(4)), FUTEX_LOCK_PI2, 0, P(words(0, 0)))
MORE(futex, trylock_pi, futexes, P(buf(4)), FUTEX_TRYLOCK_PI)
MORE(futex, unlock_pi, futexes, P(ints(gettid())), FUTEX_UNLOCK_PI)
MORE(futex, wait_requeue_pi, futexes, P(ints(1)), FUTEX_WAIT_REQUEUE_PI, 0, P(words(0, 0)),
     P(buf(4)))
MORE(futex_time64, wait, futexes, P(ints(1)), FUTEX_WAIT, 0, P(quads(0, 0)))
MORE(futex_time64, wake, futexes, P(shared_pages()), FUTEX_WAKE, 1)
MORE(futex_time64, wake_op, futexes, P(shared_pages()), FUTEX_WAKE_OP, 1, 1,
     P(shared_pages()), 0)
MORE(futex_time64, trylock_pi, futexes, P(buf(4)), FUTEX_TRYLOCK_PI)
CALL(futex_wake, futexes, P(shared_pages()), -1U, 1, 2)
CALL(futex_wait, futexes, P(ints(1)), 0, -1U, 2, P(quads(0, 0)), CLOCK_MONOTONIC)
#define WAITER(_addr, _value)	_value, _addr, 2
CALL(futex_waitv, futexes, P(quads(WAITER(P64(ints(1)), 0))), 1, 0, P(quads(0, 0)),
     CLOCK_MONOTONIC)
MORE(futex_waitv, second, futexes, quads(WAITER(ints(0), 0), WAITER(P64(ints(1)), 0)), 2, 0, 0,
     CLOCK_MONOTONIC)
CALL(futex_requeue, futexes, P(quads(WAITER(P64(shared_pages()), 1),
     WAITER(P64(shared_pages()), 0))), 0, 1, 1)

CALL(set_robust_list, thread_lists, ANY(buf(24), "looked at when the thread ends"),
     3 * sizeof(long))
WITH(set_robust_list, ended, thread_lists, in_thread(nr, true,
     P(robust_head(P(robust_entry()))), 3 * sizeof(long)))
CALL(get_robust_list, thread_lists, 0, P(buf(8)), P(buf(8)))
WITH(set_tid_address, , thread_lists, call(ANY(buf(4), "looked at when the thread ends")) > 0)
WITH(set_tid_address, ended, thread_lists, in_thread(nr, false, P(tid_word()), 0))
ONCE(rseq, , thread_lists, call((unregister_rseq(), P(buf(32))), 32, 0, 0x53053053))

/* AIO */
CALL(io_setup, aio_calls, 4, P(words(0)))
CALL(io_destroy, aio_calls, P(aio()))
CALL(io_getevents, aio_calls, P(aio_with_event()), 1, 1, P(buf(32)), P(words(0, 0)))
CALL(io_pgetevents, aio_calls, aio_with_event(), 1, 1, P(buf(32)), P(words(0, 0)),
     P(words(P(quads(0)), KERNEL_SIGSET)))
CALL(io_pgetevents_time64, aio_calls, aio_with_event(), 1, 1, P(buf(32)), P(quads(0, 0)),
     P(words(P(quads(0)), KERNEL_SIGSET)))
#define READ_CB		iocb(IOCB_CMD_PREAD, fd_zero(), P64(buf(64)), LEN64(64))
MORE(io_submit, list, aio_calls, aio(), 1,
     P(words(P(iocb(IOCB_CMD_PREAD, fd_zero(), buf(64), 64)))))
WITH(io_submit, pread, aio_calls, aio_result(nr, READ_CB))
WITH(io_submit, pwrite, aio_calls, aio_result(nr, iocb(IOCB_CMD_PWRITE, fd_file(), P64(buf(64)),
     LEN64(64))))
WITH(io_submit, preadv, aio_calls, aio_result(nr, iocb(IOCB_CMD_PREADV, fd_zero(),
     P64(words(P(buf(64)), 64)), 1)))
WITH(io_submit, pwritev, aio_calls, aio_result(nr, iocb(IOCB_CMD_PWRITEV, fd_file(),
     P64(words(P(buf(64)), 64)), 1)))
CALL(io_cancel, aio_calls, ANY(aio(), "nothing to cancel"), P(quads(0, 0, 0, 0, 0, 0, 0, 0)),
     ANY(buf(32), "not used any more"))

/* io_uring */
CALL(io_uring_setup, io_uring_calls, 4, P(buf(120)))
MORE(io_uring_setup, rings, io_uring_calls, 4,
     ring_params(P64(pages()), pages()))
MORE(io_uring_setup, sqes, io_uring_calls, 4, ring_params(pages(), P64(pages())))
CALL(io_uring_enter, io_uring_calls, (interrupted(), fd_ring()), 0, 1, IORING_ENTER_GETEVENTS,
     P(quads(0)), KERNEL_SIGSET)
MORE(io_uring_enter, ext_arg, io_uring_calls, fd_ring(), 0, 1,
     IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
     P(quads(P64(quads(0)), KERNEL_SIGSET, P64(quads(0, 0)))), 24)
#define REGISTER(_what, ...)	call(new_ring(), IORING_REGISTER_##_what, __VA_ARGS__)
WITH(io_uring_register, buffers, io_uring_registers, REGISTER(BUFFERS, P(words(P(pages()),
     LEN(page_size()))), 1))
WITH(io_uring_register, buffers2, io_uring_registers, REGISTER(BUFFERS2,
     P(quads(1, 0, P64(words(P(pages()), page_size())), P64(quads(0)))), 32))
WITH(io_uring_register, files, io_uring_registers, REGISTER(FILES, P(ints(fd_zero())), 1))
WITH(io_uring_register, files2, io_uring_registers, REGISTER(FILES2,
     P(quads(1, 0, P64(ints(fd_zero())), P64(quads(0)))), 32))
WITH(io_uring_register, eventfd, io_uring_registers, REGISTER(EVENTFD, P(ints(fd_event())), 1))
WITH(io_uring_register, files_update, io_uring_registers, ({ int fd = new_ring();
	syscall(SYS_io_uring_register, fd, IORING_REGISTER_FILES, ints(-1), 1);
	call(fd, IORING_REGISTER_FILES_UPDATE, P(quads(0, P64(ints(fd_zero())))), 1); }))
WITH(io_uring_register, probe, io_uring_registers, REGISTER(PROBE, P(buf(4096)), 16))
WITH(io_uring_register, restrictions, io_uring_registers, ({
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	call(syscall(SYS_io_uring_setup, 4, &p), IORING_REGISTER_RESTRICTIONS,
	     P(quads(PAIR(0, 0), 0)), 1); }))
WITH(io_uring_register, iowq_aff, io_uring_registers, REGISTER(IOWQ_AFF, P(words(3)), 8))
WITH(io_uring_register, iowq_max, io_uring_registers, REGISTER(IOWQ_MAX_WORKERS, P(ints(0, 0)), 2))
WITH(io_uring_register, ring_fds, io_uring_registers, ({ int fd = new_ring();
	call(fd, IORING_REGISTER_RING_FDS, P(quads(PAIR(-1, 0), fd)), 1); }))
WITH(io_uring_register, pbuf_ring, io_uring_registers, REGISTER(PBUF_RING,
     P(quads(P64(pages()), PAIR(8, 0), 0, 0, 0)), 1))
WITH(io_uring_register, pbuf_status, io_uring_registers, REGISTER(PBUF_STATUS, P(buf(64)), 1))
WITH(io_uring_register, sync_cancel, io_uring_registers, REGISTER(SYNC_CANCEL,
     P(quads(ANY64(0, "a name, not an address"), PAIR(-1, 0), -1ULL, -1ULL, 0, 0, 0, 0)), 1))
WITH(io_uring_register, alloc_range, io_uring_registers, REGISTER(FILE_ALLOC_RANGE,
     P(quads(0, 0)), 0))
WITH(io_uring_register, napi, io_uring_registers, REGISTER(NAPI, P(buf(16)), 1))
WITH(io_uring_register, clock, io_uring_registers, REGISTER(CLOCK, P(ints(1, 0, 0, 0)), 0))
WITH(io_uring_register, clone_buffers, io_uring_registers, REGISTER(CLONE_BUFFERS, P(buf(32)), 1))
WITH(io_uring_register, resize, io_uring_registers, ({
	struct io_uring_params p = { .flags = IORING_SETUP_DEFER_TASKRUN |
				     IORING_SETUP_SINGLE_ISSUER };
	call(syscall(SYS_io_uring_setup, 4, &p), IORING_REGISTER_RESIZE_RINGS,
	     P(ints(8, 16, 0, 0, 0, 0, 0, 0, 0, 0)), 1); }))
WITH(io_uring_register, mem_region, io_uring_registers, ({
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	call(syscall(SYS_io_uring_setup, 4, &p), IORING_REGISTER_MEM_REGION,
	     P(quads(P64(quads(P64(pages()), LEN64(page_size()), PAIR(1, 0), 0, 0, 0, 0, 0)), 1, 0, 0)),
	     1); }))
WITH(io_uring_register, query, io_uring_registers, REGISTER(QUERY, P(quads(0, 0, 0, 0, 0, 0)), 0))
WITH(io_uring_register, query_data, io_uring_registers, ({
	unsigned long q = quads(0, P64(buf(256)), PAIR(0, 16), 0, 0, 0);
	REGISTER(QUERY, q, 0) ?: ((int *)q)[6]; }))
WITH(io_uring_register, bpf_filter, io_uring_registers, REGISTER(BPF_FILTER, P(buf(128)), 1))
WITH(io_uring_register, send_msg, io_uring_registers, call(-1, IORING_REGISTER_SEND_MSG_RING,
     P(quads(PAIR(IORING_OP_MSG_RING, -1), 0, 0, 0, 0, 0, 0, 0)), 1))

WITH(io_uring_enter, read, io_uring_buffers, RING(READ, .fd = fd_zero(), .addr = P64(buf(64)),
     .len = LEN32(64)))
WITH(io_uring_enter, write, io_uring_buffers, RING(WRITE, .fd = fd_file(), .addr = P64(buf(64)),
     .len = LEN32(64)))
WITH(io_uring_enter, readv, io_uring_buffers, RING(READV, .fd = fd_zero(),
     .addr = P64(words(P(buf(64)), 64)), .len = 1))
WITH(io_uring_enter, writev, io_uring_buffers, RING(WRITEV, .fd = fd_file(),
     .addr = P64(words(P(buf(64)), 64)), .len = 1))
WITH(io_uring_enter, read_fixed, io_uring_buffers, ({ unsigned long mem = pages();
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ_FIXED, .fd = fd_zero(), .len = 64 };
	fd_ring();
	syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, words(mem, page_size()), 1);
	sqe.addr = P64(mem);
	ring_result(nr, &sqe); }))
WITH(io_uring_enter, send, io_uring_buffers, RING(SEND, .fd = sock_w(), .addr = P64(buf(64)),
     .len = LEN32(64), .msg_flags = MSG_DONTWAIT))
WITH(io_uring_enter, recv, io_uring_buffers, RING(RECV, .fd = sock_r(), .addr = P64(buf(64)),
     .len = LEN32(64), .msg_flags = MSG_DONTWAIT))
WITH(io_uring_enter, sendto, io_uring_buffers, RING(SEND, .fd = sock_w(), .addr = buf(64),
     .len = 64, .msg_flags = MSG_DONTWAIT, .addr2 = P64(nobody()), .addr_len = 18))
WITH(io_uring_enter, sendmsg, io_uring_buffers, RING(SENDMSG, .fd = sock_w(),
     .addr = P64(MSG_OUT), .msg_flags = MSG_DONTWAIT, .len = 1))
WITH(io_uring_enter, recvmsg, io_uring_buffers, RING(RECVMSG, .fd = sock_r(),
     .addr = P64(MSG_IN), .msg_flags = MSG_DONTWAIT, .len = 1))
WITH(io_uring_enter, provide_buffers, io_uring_buffers, RING(PROVIDE_BUFFERS, .fd = 1,
     .addr = ANY64(pages(), IN_RANGE), .len = 64))
WITH(io_uring_enter, provided, io_uring_buffers, ({ struct io_uring_sqe sqe = {
		.opcode = IORING_OP_PROVIDE_BUFFERS, .fd = 1, .len = 64, .buf_group = 1,
		.addr = P64(pages()) };
	struct io_uring_sqe next = { .opcode = IORING_OP_READ, .fd = fd_zero(), .len = 64,
		.flags = IOSQE_BUFFER_SELECT, .buf_group = 1 };
	long ret = ring_result(nr, &sqe);
	ret ?: ring_result(nr, &next); }))

WITH(io_uring_enter, openat, io_uring_operations, RING(OPENAT, .fd = AT_FDCWD,
     .addr = P64(NOWHERE)))
WITH(io_uring_enter, openat2, io_uring_operations, RING(OPENAT2, .fd = AT_FDCWD,
     .addr = P64(NOWHERE), .len = 24, .off = P64(quads(0, 0, 0))))
WITH(io_uring_enter, statx, io_uring_operations, RING(STATX, .fd = AT_FDCWD, .addr = P64(ROOT),
     .off = P64(buf(256))))
WITH(io_uring_enter, accept, io_uring_operations, RING(ACCEPT, .fd = sock_listening(),
     .addr = P64(buf(110)), .addr2 = P64(NAMELEN)))
WITH(io_uring_enter, connect, io_uring_operations, RING(CONNECT, .fd = sock_new(),
     .addr = P64(nobody()), .off = 18))
WITH(io_uring_enter, bind, io_uring_operations, RING(BIND, .fd = sock_new(),
     .addr = P64(abstract()), .addr2 = 17))
WITH(io_uring_enter, timeout, io_uring_operations, RING(TIMEOUT, .fd = -1,
     .addr = P64(quads(0, 1000)), .len = 1))
WITH(io_uring_enter, timeout_update, io_uring_operations, RING(TIMEOUT_REMOVE, .fd = -1,
     .addr = ANY64(1, "a name, not an address"), .addr2 = P64(quads(0, 1000)),
     .timeout_flags = IORING_TIMEOUT_UPDATE))
WITH(io_uring_enter, cancel, io_uring_operations, RING(ASYNC_CANCEL, .fd = -1,
     .addr = ANY64(1, "a name, not an address")))
WITH(io_uring_enter, epoll_ctl, io_uring_operations, RING(EPOLL_CTL, .fd = fd_epoll(),
     .off = fd_event(), .len = EPOLL_CTL_ADD, .addr = P64(buf(16))))
WITH(io_uring_enter, epoll_wait, io_uring_operations, RING(EPOLL_WAIT, .fd = fd_epoll(),
     .addr = P64(buf(16)), .len = 1))
WITH(io_uring_enter, madvise, io_uring_operations, RING(MADVISE, .fd = -1, .addr = P64(pages()),
     .len = LEN32(page_size()), .fadvise_advice = MADV_COLD))
WITH(io_uring_enter, files_update, io_uring_operations, ({
	struct io_uring_sqe sqe = { .opcode = IORING_OP_FILES_UPDATE, .fd = -1, .len = 1,
		.addr = P64(ints(fd_zero())) };
	fd_ring();
	syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, ints(-1), 1);
	ring_result(nr, &sqe); }))
WITH(io_uring_enter, renameat, io_uring_operations, RING(RENAMEAT, .fd = AT_FDCWD,
     .addr = P64(NOWHERE), .addr2 = P64(NOWHERE), .len = AT_FDCWD))
WITH(io_uring_enter, unlinkat, io_uring_operations, RING(UNLINKAT, .fd = AT_FDCWD,
     .addr = P64(NOWHERE)))
WITH(io_uring_enter, mkdirat, io_uring_operations, RING(MKDIRAT, .fd = AT_FDCWD,
     .addr = P64(NOWHERE)))
WITH(io_uring_enter, symlinkat, io_uring_operations, RING(SYMLINKAT, .fd = AT_FDCWD,
     .addr = P64(NOWHERE), .addr2 = P64(NOWHERE)))
WITH(io_uring_enter, linkat, io_uring_operations, RING(LINKAT, .fd = AT_FDCWD,
     .addr = P64(NOWHERE), .addr2 = P64(NOWHERE), .len = AT_FDCWD))
WITH(io_uring_enter, getxattr, io_uring_operations, RING(GETXATTR, .addr = P64(XNAME),
     .addr2 = P64(buf(64)), .len = 64, .addr3 = P64(XPATH)))
WITH(io_uring_enter, setxattr, io_uring_operations, RING(SETXATTR, .addr = P64(XNAME),
     .addr2 = P64(str("value")), .len = 5, .addr3 = P64(XPATH)))
WITH(io_uring_enter, fgetxattr, io_uring_operations, RING(FGETXATTR, .fd = fd_xattr(),
     .addr = P64(XNAME), .addr2 = P64(buf(64)), .len = 64))
WITH(io_uring_enter, waitid, io_uring_operations, RING(WAITID, .fd = zombie(), .len = P_PID,
     .file_index = WEXITED, .addr2 = P64(buf(128))))
WITH(io_uring_enter, futex_wait, io_uring_operations, RING(FUTEX_WAIT, .fd = 2,
     .addr = P64(ints(1)), .addr2 = 0, .addr3 = -1U))
WITH(io_uring_enter, futex_wake, io_uring_operations, RING(FUTEX_WAKE, .fd = 2,
     .addr = P64(shared_pages()), .addr2 = 1, .addr3 = -1U))
WITH(io_uring_enter, futex_waitv, io_uring_operations, RING(FUTEX_WAITV, .len = 1,
     .addr = P64(quads(WAITER(P64(ints(1)), 0)))))
WITH(io_uring_enter, pipe, io_uring_operations, RING(PIPE, .addr = P64(buf(8))))
WITH(io_uring_enter, send_zc, io_uring_operations, RING(SEND_ZC, .fd = sock_w(),
     .addr = ANY64(buf(64), "no zero copies of local sockets"), .len = 64))
WITH(io_uring_enter, cmd_getsockopt, io_uring_operations, RING(URING_CMD, .fd = sock_r(),
     .cmd_op = 2, .level = SOL_SOCKET, .optname = SO_TYPE, .optlen = 4, .optval = P64(buf(4))))

/* bpf */
#define BPF_ATTR(...)	quads(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0)
MORE(bpf, map_create, bpf_calls, BPF_MAP_CREATE, P(ints(1, 4, 8, 4)), 16)
WITH(bpf, map_lookup, bpf_calls, BPF(MAP_LOOKUP_ELEM, .map_fd = fd_map(true),
     .key = P64(buf(4)), .value = P64(buf(8))))
WITH(bpf, map_update, bpf_calls, BPF(MAP_UPDATE_ELEM, .map_fd = fd_map(true),
     .key = P64(buf(4)), .value = P64(buf(8))))
WITH(bpf, map_delete, bpf_calls, BPF(MAP_DELETE_ELEM, .map_fd = fd_map(true),
     .key = P64(buf(4))))
WITH(bpf, map_next, bpf_calls, BPF(MAP_GET_NEXT_KEY, .map_fd = fd_map(true),
     .key = P64(ints(7)), .next_key = P64(buf(4))))
WITH(bpf, map_lookup_delete, bpf_calls, BPF(MAP_LOOKUP_AND_DELETE_ELEM,
     .map_fd = fd_map(true), .key = P64(buf(4)), .value = P64(buf(8))))
WITH(bpf, map_batch, bpf_calls, BPF(MAP_LOOKUP_BATCH, .batch = { .map_fd = fd_map(true),
     .out_batch = P64(buf(8)), .keys = P64(buf(64)), .values = P64(buf(64)), .count = 4 }))
WITH(bpf, map_update_batch, bpf_calls, BPF(MAP_UPDATE_BATCH, .batch = { .map_fd = fd_map(true),
     .keys = P64(buf(64)), .values = P64(buf(64)), .count = 1 }))
WITH(bpf, prog_load, bpf_calls, BPF(PROG_LOAD, .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
     .insn_cnt = 2, .insns = P64(bpf_code()), .license = P64(str("GPL"))))
WITH(bpf, prog_log, bpf_calls, BPF(PROG_LOAD, .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
     .insn_cnt = 2, .insns = bpf_code(), .license = str("GPL"), .log_level = 1,
     .log_size = 1024, .log_buf = P64(buf(1024))))
WITH(bpf, obj_get, bpf_calls, BPF(OBJ_GET, .pathname = P64(NOWHERE)))
WITH(bpf, obj_pin, bpf_calls, BPF(OBJ_PIN, .pathname = P64(NOWHERE), .bpf_fd = fd_map(false)))
WITH(bpf, test_run, bpf_calls, BPF(PROG_TEST_RUN, .test = { .prog_fd = fd_prog(),
     .data_size_in = 64, .data_in = P64(buf(64)), .data_size_out = 64,
     .data_out = P64(buf(64)) }))
WITH(bpf, info, bpf_calls, BPF(OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = fd_map(false),
     .info_len = 64, .info = P64(buf(64)) }))
WITH(bpf, prog_info, bpf_calls, BPF(OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = fd_prog(),
     .info_len = 64, .info = P64(buf(256)) }))
WITH(bpf, btf_load, bpf_calls, BPF(BTF_LOAD, .btf = P64(buf(64)), .btf_size = 64,
     .btf_log_buf = 0))

/* perf */
CALL(perf_event_open, perf, P(perf_clock()), 0, -1, -1, 0)
MORE(perf_event_open, breakpoint, perf,
     perf_attr(PERF_TYPE_BREAKPOINT, 0, ANY64(pages(), "what is there does not matter")),
     0, -1, -1, 0)
MORE(ioctl, perf_id, perf, fd_perf(), PERF_EVENT_IOC_ID, P(buf(8)))
MORE(ioctl, perf_period, perf, fd_perf(), PERF_EVENT_IOC_PERIOD, P(quads(1000)))
MORE(ioctl, perf_filter, perf, fd_perf(), PERF_EVENT_IOC_SET_FILTER, P(str("no")))
MORE(ioctl, perf_modify, perf, fd_perf(), PERF_EVENT_IOC_MODIFY_ATTRIBUTES, P(perf_clock()))

/* Keys */
#define KEYRING		-2 /* of the process */
#define NOT_ASKED	"only who is asked for a key may do this"
CALL(add_key, keys, P(str("user")), P(str("name")), P(str("payload")), 7, KEYRING)
CALL(request_key, keys, P(str("user")), P(str("nothing")), 0, 0)
MORE(request_key, callout, keys, P(str("nothing")), P(str("nothing")), P(str("info")), 0)
MORE(keyctl, join, keys, 1, P(str("session")))
MORE(keyctl, update, keys, 2, key(), P(str("payload")), 7)
MORE(keyctl, describe, keys, 6, key(), P(buf(128)), 128)
MORE(keyctl, search, keys, 10, KEYRING, P(str("user")), P(str("nothing")), 0)
MORE(keyctl, read, keys, 11, key(), P(buf(64)), 64)
MORE(keyctl, instantiate, keys, 12, key(), ANY(str("payload"), NOT_ASKED), 7, 0)
MORE(keyctl, security, keys, 17, key(), P(buf(64)), 64)
MORE(keyctl, instantiate_iov, keys, 20, key(), P(words(ANY(str("payload"), NOT_ASKED), 7)),
     1, 0)
MORE(keyctl, dh, keys, 23, P(ints(0, 0, 0)), P(buf(64)), 64, 0)
MORE(keyctl, pkey_query, keys, 24, key(), 0, P(str("")), P(buf(64)))
MORE(keyctl, pkey_sign, keys, 27, P(ints(key(), 8, 8)), P(str("")), P(buf(8)), P(buf(8)))
MORE(keyctl, restrict, keys, 29, (key(), KEYRING), P(str("user")), P(str("nothing")))
MORE(keyctl, capabilities, keys, 31, P(buf(8)), 8)

/* Mounts and namespaces */
CALL(mount, mounts, P(str("none")), P(NOWHERE), P(str("tmpfs")), 0, P(str("")))
CALL(umount, mounts, P(NOWHERE))
CALL(umount2, mounts, P(NOWHERE), 0)
CALL(pivot_root, mounts, P(ROOT), P(NOWHERE))
CALL(open_tree, mounts, AT_FDCWD, P(NOWHERE), 0)
CALL(open_tree_attr, mounts, AT_FDCWD, P(ROOT), 1, P(quads(0, 0, 0, 0)), 32)
CALL(move_mount, mounts, AT_FDCWD, P(NOWHERE), AT_FDCWD, ROOT, 0)
MORE(move_mount, target, mounts, AT_FDCWD, ROOT, AT_FDCWD, P(NOWHERE), 0)
CALL(fsopen, mounts, P(str("tmpfs")), 0)
#define fd_fs()		syscall(SYS_fsopen, str("tmpfs"), 0)
MORE(fsconfig, string, mounts, fd_fs(), 1, P(str("size")), P(str("4096")), 0)
MORE(fsconfig, binary, mounts, fd_fs(), 2, P(str("size")), P(str("4096")), 4)
MORE(fsconfig, path, mounts, fd_fs(), 3, P(str("size")), P(NOWHERE), AT_FDCWD)
MORE(fsconfig, flag, mounts, fd_fs(), 0, P(str("ro")), 0, 0)
CALL(fspick, mounts, AT_FDCWD, P(NOWHERE), 0)
CALL(mount_setattr, mounts, AT_FDCWD, P(NOWHERE), 0, P(quads(1, 0, 0, 0)), 32)
CALL(statmount, mounts, P(quads(PAIR(24, 0), mount_id(), 1)), P(buf(512)), 512, 0)
CALL(listmount, mounts, P(quads(PAIR(24, 0), -1ULL, 0)), P(buf(64)), 8, 0)
NONE(fsmount)
CALL(listns, namespaces, P(quads(PAIR(32, 0), 0, 0, 0)), P(buf(64)), 8, 0)
NONE(setns)
NONE(unshare)

CALL(inotify_add_watch, watching, inotify_init1(0), P(ROOT), IN_CREATE)
#ifdef __i386__
CALL(fanotify_mark, watching, syscall(SYS_fanotify_init, 0, O_RDONLY), 1, 0x20, 0, AT_FDCWD,
     P(ROOT))
#else
CALL(fanotify_mark, watching, syscall(SYS_fanotify_init, 0, O_RDONLY), 1, 0x20, AT_FDCWD,
     P(ROOT))
#endif

/* Restrictions */
CALL(seccomp, restrictions, (with_no_new_privs(), 1), 0, P(words(1, P(filter_code()))))
MORE(seccomp, action, restrictions, 2, 0, P(ints(0x7fff0000)))
MORE(seccomp, sizes, restrictions, 3, 0, P(buf(8)))
CALL(landlock_create_ruleset, restrictions, P(quads(1)), 8, 0)
CALL(landlock_add_rule, restrictions, -1, 1, P(quads(1, 0)), 0)
NONE(landlock_restrict_self)
CALL(lsm_get_self_attr, restrictions, 100, P(buf(64)), P(ints(64)), 0)
CALL(lsm_set_self_attr, restrictions, 100, P(buf(64)), 64, 0)
CALL(lsm_list_modules, restrictions, P(buf(64)), P(ints(64)), 0)

/* The old 32-bit entry, from a 64-bit program: numbers of the other table */
#ifdef __x86_64__
#define INT80(_name, _nr, ...)	WITH(getpid, _name, int80_entry, int80(_nr, __VA_ARGS__))
INT80(read, 3, fd_zero(), P(low_pages()), 64)
INT80(write, 4, pipe_w(), P(low_pages()), 64)
INT80(open, 5, P(low_pages()), 0, 0)
INT80(munmap, 91, ANY(low_pages(), "nothing is unmapped, too"), page_size(), 0)
INT80(mprotect, 125, P(low_pages()), page_size(), PROT_READ)
INT80(madvise, 219, P(low_pages()), page_size(), MADV_NORMAL)
INT80(mlock, 150, P(low_pages()), page_size(), 0)
INT80(futex, 240, P(low_pages()), FUTEX_WAKE, 1)
INT80(uname, 122, P(low_pages()), 0, 0)
INT80(clock_gettime, 265, CLOCK_REALTIME, P(low_pages()), 0)
INT80(getrandom, 355, P(low_pages()), 8, 0)
#endif
