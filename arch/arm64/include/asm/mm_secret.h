/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __ASM_MM_SECRET_H
#define __ASM_MM_SECRET_H

#include <linux/cpufeature.h>
#include <linux/pgtable.h>
#include <asm/spectre.h>
#include <asm/virt.h>

/*
 * If PAN is emulated, TTBR0 does not point to the mm's page tables while the
 * kernel runs.  On a CPU with Meltdown, userspace can read what these page
 * tables map: KPTI does not help, it only takes TTBR1 away from userspace.  And
 * without VHE, KVM's hypervisor keeps mappings of kernel memory that has been
 * freed, unless KVM is in protected mode.
 */
static inline bool arch_mm_secret_supported(void)
{
	return !system_uses_ttbr0_pan() &&
	       arm64_get_meltdown_state() == SPECTRE_UNAFFECTED &&
	       !(IS_ENABLED(CONFIG_KVM) && is_hyp_nvhe() && !is_protected_kvm_enabled());
}

/* Not global: the translation must go with the mm. */
static inline pgprot_t arch_mm_secret_pgprot(void)
{
	return __pgprot(pgprot_val(PAGE_KERNEL) | PTE_NG);
}

/* The address in the TTBR0 range that has the page table indices of @addr. */
static inline unsigned long arch_mm_secret_walked(unsigned long addr)
{
	return addr & GENMASK(vabits_actual - 1, 0);
}

#endif /* __ASM_MM_SECRET_H */
