/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __ASM_MM_SECRET_H
#define __ASM_MM_SECRET_H

#include <linux/cpufeature.h>
#include <linux/pgtable.h>
#include <asm/spectre.h>
#include <asm/virt.h>

/*
 * Where PAN is emulated, TTBR0 does not lead to the mm's page tables while the
 * kernel runs.  On a CPU with Meltdown userspace reads what they map: KPTI,
 * which takes TTBR1 away from userspace, does not help.  And without VHE, KVM's
 * hypervisor keeps what it has mapped of the kernel's memory when that is
 * freed, unless it is protected.
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

/* The address that a walk of page tables takes @addr for. */
static inline unsigned long arch_mm_secret_walked(unsigned long addr)
{
	return addr & GENMASK(vabits_actual - 1, 0);
}

#endif /* __ASM_MM_SECRET_H */
