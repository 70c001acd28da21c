/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __ASM_MM_LOCAL_H
#define __ASM_MM_LOCAL_H

#include <linux/cpufeature.h>
#include <linux/pgtable.h>
#include <asm/spectre.h>

/*
 * Where PAN is emulated, TTBR0 does not lead to the mm's page tables while the
 * kernel runs.  On a CPU with Meltdown userspace reads what they map: KPTI, which
 * takes TTBR1 away from userspace, does not help.
 */
static inline bool arch_mm_local_supported(void)
{
	return !system_uses_ttbr0_pan() &&
	       arm64_get_meltdown_state() == SPECTRE_UNAFFECTED;
}

/* Not global: the translation must go with the mm. */
static inline pgprot_t arch_mm_local_pgprot(void)
{
	return __pgprot(pgprot_val(PAGE_KERNEL) | PTE_NG);
}

/* The address that a walk of page tables takes @addr for. */
static inline unsigned long arch_mm_local_walked(unsigned long addr)
{
	return addr & GENMASK(vabits_actual - 1, 0);
}

#endif /* __ASM_MM_LOCAL_H */
