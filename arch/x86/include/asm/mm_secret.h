/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_MM_SECRET_H
#define _ASM_X86_MM_SECRET_H

#include <linux/cpufeature.h>
#include <linux/efi.h>
#include <linux/pgtable.h>

/*
 * Xen PV has its own layout of the guard hole.  With 32-bit EFI, efi_mm maps
 * all memory.  On a CPU with Meltdown, only page table isolation keeps
 * userspace from reading supervisor pages.
 */
static inline bool arch_mm_secret_supported(void)
{
	return !cpu_feature_enabled(X86_FEATURE_XENPV) &&
	       (!efi_enabled(EFI_BOOT) || efi_enabled(EFI_64BIT)) &&
	       (!boot_cpu_has_bug(X86_BUG_CPU_MELTDOWN) ||
		cpu_feature_enabled(X86_FEATURE_PTI));
}

/*
 * Not global: the translation must go with the mm.  Accessed and dirty from the
 * start, so that nothing has to update the entry later.
 */
static inline pgprot_t arch_mm_secret_pgprot(void)
{
	return __pgprot(pgprot_val(PAGE_KERNEL) & ~_PAGE_GLOBAL);
}

/* The canonical address with the page table indices of @addr. */
static inline unsigned long arch_mm_secret_walked(unsigned long addr)
{
	return __canonical_address(addr, __VIRTUAL_MASK_SHIFT + 1);
}

#endif /* _ASM_X86_MM_SECRET_H */
