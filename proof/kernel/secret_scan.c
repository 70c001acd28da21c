// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's half of scripts/secrets, which compiles it into the kernels that it
 * compares: search all pages of the direct map for the values that a guest has in its
 * registers (secret_values.h), and tell whose memory each copy is in.  It is no part of
 * the series.
 *
 * The values themselves are nowhere in its own memory: it compares with what they are
 * after an exclusive or.  Nor does it allocate while it searches: what has just been freed
 * would be the first to be handed out and overwritten.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/kstrtox.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-flags.h>
#include <linux/pagewalk.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>
#ifdef CONFIG_X86
#include <asm/fpu/api.h>
#else
#include <linux/kvm_host.h>
#include <asm/neon.h>
#include <asm/sections.h>
#endif

#include "slab.h"
#include "secret_values.h"

#define MASK		0x6a09e667f3bcc908ULL
#define TABLE_BITS	10

enum kind { NOTHING, REGISTER, VECTOR };

static struct hit {
	unsigned long pfn;
	unsigned int offset;
	enum kind kind;
} hits[2048];
static unsigned int nr_hits;
static unsigned long searched, skipped;		/* pages */

/* Whose memory something is in, and how much: general registers, words of vectors. */
static struct owner {
	char name[40];
	unsigned int gprs, words;
} owners[32];
static unsigned int nr_owners;

static DEFINE_MUTEX(scan_lock);
static u64 masked[1 << TABLE_BITS];
static u8 kind_of[1 << TABLE_BITS];
static DEFINE_XARRAY(vmalloced);	/* the callers of vmalloc() by pfn */

static noinline u64 masked_value(u64 seed, int i)
{
	return secret_value(seed, i) ^ MASK;
}

static void add_needle(u64 value, enum kind kind)
{
	unsigned int at = hash_64(value, TABLE_BITS);

	while (kind_of[at])
		at = (at + 1) % ARRAY_SIZE(masked);
	masked[at] = value;
	kind_of[at] = kind;
}

static enum kind find_needle(u64 value)
{
	unsigned int at = hash_64(value, TABLE_BITS);

	for (; kind_of[at]; at = (at + 1) % ARRAY_SIZE(masked)) {
		if (masked[at] == value)
			return kind_of[at];
	}
	return NOTHING;
}

static struct owner *owner_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_owners; i++) {
		if (!strcmp(owners[i].name, name))
			return &owners[i];
	}
	if (nr_owners == ARRAY_SIZE(owners))
		return &owners[nr_owners - 1];
	strscpy(owners[nr_owners].name, name);
	return &owners[nr_owners++];
}

/* Where hardware has RAX and RSP of an SVM guest, in a page that has no other name. */
static bool in_vmcb(unsigned int offset)
{
	return IS_ENABLED(CONFIG_X86) && (offset == 0x400 + 0x1f8 ||
					  offset == 0x400 + 0x1d8);
}

static void add_to_owner(const struct hit *hit)
{
	struct page *page = pfn_to_page(hit->pfn);
	struct slab *slab = page_slab(page);
	void *caller = xa_load(&vmalloced, hit->pfn);
	struct owner *owner;
	char name[40];

	if (slab)
		snprintf(name, sizeof(name), "slab:%s", slab->slab_cache->name);
	else if (PageBuddy(compound_head(page)) || !page_count(page))
		strscpy(name, "free");
	else if (caller)
		snprintf(name, sizeof(name), "vmalloc:%ps", caller);
	else if (folio_mapped(page_folio(page)))
		strscpy(name, hit->offset == offsetof(struct kvm_run, mmio.data) ?
			"kvm_run" : "userspace");
	else if (in_vmcb(hit->offset))
		strscpy(name, "vmcb");
	else
		strscpy(name, "page");
	owner = owner_named(name);
	if (hit->kind == REGISTER)
		owner->gprs++;
	else
		owner->words++;
}

/* Where the kernel reaches a page, or NULL. */
static const u64 *words_of(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (kernel_page_present(page))
		return page_address(page);
#ifdef CONFIG_ARM64	/* the kernel's data is in its image only */
	if (PFN_PHYS(pfn) >= __pa_symbol(_sdata) && PFN_PHYS(pfn) < __pa_symbol(_end))
		return (u64 *)__phys_to_kimg(PFN_PHYS(pfn));
#endif
	return NULL;
}

static void scan_pfn(unsigned long pfn)
{
	const u64 *words = words_of(pfn);
	unsigned int i;

	if (!words) {
		skipped++;
		return;
	}

	searched++;
	for (i = 0; i < PAGE_SIZE / sizeof(*words); i++) {
		enum kind kind;
		u64 word;

		if (get_kernel_nofault(word, &words[i])) {
			skipped++;
			return;
		}
		kind = find_needle(word ^ MASK);
		if (!kind)
			continue;
		if (nr_hits < ARRAY_SIZE(hits))
			hits[nr_hits] = (struct hit){ pfn, i * sizeof(*words), kind };
		nr_hits++;
	}
}

static int note_vmalloced(pte_t *pte, unsigned long addr, unsigned long next,
			  struct mm_walk *walk)
{
	struct vm_struct *area;

	if (!pte_present(ptep_get(pte)) || !pfn_valid(pte_pfn(ptep_get(pte))))
		return 0;
	area = find_vm_area((void *)addr);
	if (area && area->caller)
		xa_store(&vmalloced, pte_pfn(ptep_get(pte)), (void *)area->caller, GFP_ATOMIC);
	return 0;
}

static const struct mm_walk_ops note_ops = { .pte_entry = note_vmalloced };

static int scan(u64 seed)
{
	unsigned long pfn;
	unsigned int i;

	memset(kind_of, 0, sizeof(kind_of));
	memset(owners, 0, sizeof(owners));
	nr_owners = 0;
	nr_hits = 0;
	searched = 0;
	skipped = 0;
	for (i = 0; i < NR_VALUES; i++)
		add_needle(masked_value(seed, i), i < NR_GPRS ? REGISTER : VECTOR);

	for (pfn = 0; pfn < max_pfn; pfn++) {
		if (!pfn_valid(pfn) || !pfn_to_online_page(pfn))
			continue;
		scan_pfn(pfn);
		cond_resched();
	}
	if (nr_hits > ARRAY_SIZE(hits))
		return -ENOSPC;

	xa_destroy(&vmalloced);
	mmap_read_lock(&init_mm);
	walk_kernel_page_table_range(VMALLOC_START, VMALLOC_END, &note_ops, NULL, NULL);
	mmap_read_unlock(&init_mm);
	for (i = 0; i < nr_hits; i++)
		add_to_owner(&hits[i]);
	return 0;
}

/* Pages, and for each owner general registers and halves of vector registers. */
static int secret_scan_show(struct seq_file *m, void *v)
{
	unsigned int i;

	seq_printf(m, "%lu %lu pages\n", searched, skipped);
	for (i = 0; i < nr_owners; i++)
		seq_printf(m, "%u %u %s\n", owners[i].gprs,
			   DIV_ROUND_UP(owners[i].words, 2), owners[i].name);
	return 0;
}

static ssize_t secret_scan_write(struct file *file, const char __user *buf, size_t len,
				 loff_t *ppos)
{
	u64 seed;
	int err = kstrtou64_from_user(buf, len, 0, &seed);

	if (err)
		return err;
	mutex_lock(&scan_lock);
	err = scan(seed);
	mutex_unlock(&scan_lock);
	return err ?: len;
}

static int secret_scan_open(struct inode *inode, struct file *file)
{
	return single_open(file, secret_scan_show, NULL);
}

static const struct file_operations secret_scan_fops = {
	.open		= secret_scan_open,
	.read		= seq_read,
	.write		= secret_scan_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/*
 * A softirq that uses the FPU, a tick after it last did, on the CPU that switched it on.
 * Only those count that found the FPU state of a guest in the registers.
 */
static unsigned long softirqs;

#ifdef CONFIG_X86
static bool guest_fpu_loaded(void)
{
	return !test_thread_flag(TIF_NEED_FPU_LOAD) &&
	       x86_task_fpu(current)->fpstate->is_guest;
}

static void use_fpu(void)
{
	kernel_fpu_begin();
	asm volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n\tvmovdqa %%ymm0, %%ymm7\n\t"
		     "vmovdqa %%ymm0, %%ymm15" : : : "memory");
	kernel_fpu_end();
}
#else
static bool guest_fpu_loaded(void)
{
	return kvm_get_running_vcpu() && guest_owns_fp_regs() &&
	       !test_thread_flag(TIF_FOREIGN_FPSTATE);
}

static void use_fpu(void)
{
	static struct user_fpsimd_state unused;

	kernel_neon_begin(&unused);
	asm volatile(".arch_extension simd\n\tmovi v0.16b, #255\n\t"
		     "movi v7.16b, #255\n\tmovi v31.16b, #255" : : : "memory");
	kernel_neon_end(&unused);
}
#endif

static void softirq_fn(struct timer_list *timer)
{
	if (guest_fpu_loaded())
		softirqs++;
	use_fpu();
	timer->expires = jiffies + 1;
	add_timer_on(timer, smp_processor_id());
}

static DEFINE_TIMER(softirq_timer, softirq_fn);

static int softirq_set(void *data, u64 on)
{
	timer_delete_sync(&softirq_timer);
	softirqs = 0;
	if (on) {
		softirq_timer.expires = jiffies + 1;
		add_timer_on(&softirq_timer, raw_smp_processor_id());
	}
	return 0;
}

static int softirq_get(void *data, u64 *val)
{
	*val = READ_ONCE(softirqs);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(softirq_fops, softirq_get, softirq_set, "%llu\n");

#ifdef CONFIG_ARM64
/*
 * Interrupts of a CPU on which a vCPU runs, right after its exit: the values of the last
 * search that are on the stack of the vCPU's task then, interrupted registers included.
 */
static unsigned long interrupts, on_stack;

static enum hrtimer_restart interrupt_fn(struct hrtimer *timer)
{
	const u64 *word = task_stack_page(current);
	const u64 *end = word + THREAD_SIZE / sizeof(*word);

	hrtimer_forward_now(timer, us_to_ktime(3001));
	if (!kvm_get_running_vcpu())
		return HRTIMER_RESTART;
	interrupts++;
	for (; word != end; word++) {
		if (find_needle(*word ^ MASK))
			on_stack++;
	}
	return HRTIMER_RESTART;
}

static struct hrtimer interrupt_timer;

static int interrupts_set(void *data, u64 on)
{
	hrtimer_cancel(&interrupt_timer);
	if (on) {
		interrupts = 0;
		on_stack = 0;
		hrtimer_start(&interrupt_timer, us_to_ktime(3001), HRTIMER_MODE_REL_PINNED_HARD);
	}
	return 0;
}

/* How many, or none if there were too few interrupts to tell. */
static int interrupts_get(void *data, u64 *val)
{
	if (READ_ONCE(interrupts) < 10)
		return -EAGAIN;
	*val = READ_ONCE(on_stack);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(interrupts_fops, interrupts_get, interrupts_set, "%llu\n");

/*
 * A task of the kernel that uses some of the FP registers after a vCPU has run on its CPU,
 * and is scheduled out, so that all of them are stored.
 */
static int neon_set(void *data, u64 times)
{
	static struct user_fpsimd_state state;

	while (times--) {
		msleep(20);	/* the vCPU runs */
		kernel_neon_begin(&state);
		asm volatile(".arch_extension simd\n\tmovi v0.16b, #255" : : : "memory");
		msleep(20);
		kernel_neon_end(&state);
	}
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(neon_fops, NULL, neon_set, "%llu\n");

static void init_arm64(void)
{
	debugfs_create_file("secret_scan_neon", 0200, NULL, NULL, &neon_fops);
	hrtimer_setup(&interrupt_timer, interrupt_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	debugfs_create_file("secret_scan_interrupts", 0600, NULL, NULL, &interrupts_fops);
}
#else
static void init_arm64(void)
{
}
#endif

static int __init secret_scan_init(void)
{
	init_arm64();
	debugfs_create_file("secret_scan", 0600, NULL, NULL, &secret_scan_fops);
	debugfs_create_file("secret_scan_softirq", 0600, NULL, NULL, &softirq_fops);
	return 0;
}
late_initcall(secret_scan_init);
