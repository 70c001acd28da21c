/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test driver of kernel-owned VMAs, /sys/kernel/debug/kernel_owned_test.
 * Every open file can hold one VMA, which is unmapped when the file is closed.
 */
#ifndef __KERNEL_OWNED_TEST_H
#define __KERNEL_OWNED_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct kernel_owned_test_range - a range of user addresses
 * @addr: the first address
 * @size: bytes, a multiple of the page size
 * @prot: protection of a VMA, PROT_READ and PROT_WRITE
 * @pad: zero
 */
struct kernel_owned_test_range {
	__u64 addr;
	__u64 size;
	__u32 prot;
	__u32 pad;
};

/*
 * Map a VMA of zeroes.  In: .addr, a hint, .size, .prot, out: .addr.  MAP makes
 * it kernel-owned and private, MAP_PLAIN an ordinary VM_PFNMAP VMA, MAP_SHARED
 * kernel-owned anonymous memory.
 */
#define KERNEL_OWNED_TEST_MAP		_IOWR('k', 1, struct kernel_owned_test_range)
#define KERNEL_OWNED_TEST_MAP_PLAIN	_IOWR('k', 2, struct kernel_owned_test_range)
#define KERNEL_OWNED_TEST_MAP_SHARED	_IOWR('k', 7, struct kernel_owned_test_range)
/* Unmap a range of the caller's mm with MUNMAP_KERNEL_OWNED, or without. */
#define KERNEL_OWNED_TEST_MUNMAP	_IOW('k', 3, struct kernel_owned_test_range)
#define KERNEL_OWNED_TEST_MUNMAP_PLAIN	_IOW('k', 4, struct kernel_owned_test_range)
/* mseal_kernel_owned() and munseal_kernel_owned() of a range. */
#define KERNEL_OWNED_TEST_SEAL		_IOW('k', 5, struct kernel_owned_test_range)
#define KERNEL_OWNED_TEST_UNSEAL	_IOW('k', 6, struct kernel_owned_test_range)

#endif /* __KERNEL_OWNED_TEST_H */
