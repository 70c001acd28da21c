// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's half of scripts/secrets, which compiles it into the kernels that it
 * compares: search all that the kernel has mapped for the values that a guest has in its
 * registers (secret_values.h), and tell whose memory each copy is in.  It is no part of
 * the series.
 *
 * The values themselves are nowhere in its own memory: it compares with what they are
 * after an exclusive or.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-flags.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/swab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "slab.h"
#include "secret_values.h"

#define MASK		0x6a09e667f3bcc908ULL
#define TABLE_BITS	10

/* Where something was found, and how often: general registers, and vector halves. */
struct owner {
	char name[40];
	unsigned int gprs, halves;
};

static DEFINE_MUTEX(scan_lock);
static struct owner owners[32];
static unsigned int nr_owners;
static u64 masked[1 << TABLE_BITS];
static u8 kind_of[1 << TABLE_BITS];	/* 0: none, 1: of a register, 2: of a half */
static DEFINE_XARRAY(vmalloced);	/* the callers of vmalloc() by pfn */

static noinline u64 masked_value(u64 seed, int i)
{
	u64 v = seed * MUL_1(i);

	v = swab64(v) * MUL_2(i);
	return (swab64(v) * MUL_3(i)) ^ MASK;
}

static void add_needle(u64 value, u8 kind)
{
	unsigned int at = hash_64(value, TABLE_BITS);

	while (kind_of[at])
		at = (at + 1) % ARRAY_SIZE(masked);
	masked[at] = value;
	kind_of[at] = kind;
}

static u8 find_needle(u64 value)
{
	unsigned int at = hash_64(value, TABLE_BITS);

	for (; kind_of[at]; at = (at + 1) % ARRAY_SIZE(masked)) {
		if (masked[at] == value)
			return kind_of[at];
	}
	return 0;
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
	return offset == 0x400 + 0x1f8 || offset == 0x400 + 0x1d8;
}

static void found(unsigned long pfn, unsigned int offset, u8 kind)
{
	struct page *page = pfn_to_page(pfn);
	struct slab *slab = page_slab(page);
	void *caller = xa_load(&vmalloced, pfn);
	struct owner *owner;
	char name[40];

	if (slab)
		snprintf(name, sizeof(name), "slab:%s", slab->slab_cache->name);
	else if (PageBuddy(compound_head(page)) || !page_count(page))
		strscpy(name, "free");
	else if (caller)
		snprintf(name, sizeof(name), "vmalloc:%ps", caller);
	else if (folio_mapped(page_folio(page)))
		strscpy(name, "user");
	else if (in_vmcb(offset))
		strscpy(name, "vmcb");
	else
		strscpy(name, "page");
	owner = owner_named(name);
	if (kind == 1)
		owner->gprs++;
	else
		owner->halves++;
}

static void scan_pfn(unsigned long pfn)
{
	const u64 *words = page_address(pfn_to_page(pfn));
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / sizeof(*words); i++) {
		u64 word;
		u8 kind;

		if (get_kernel_nofault(word, &words[i]))
			return;
		kind = find_needle(word ^ MASK);
		if (kind)
			found(pfn, i * sizeof(*words), kind);
	}
}

static int note_vmalloced(pte_t *pte, unsigned long addr, void *unused)
{
	struct vm_struct *area;

	if (!pte_present(ptep_get(pte)) || !pfn_valid(pte_pfn(ptep_get(pte))))
		return 0;
	area = find_vm_area((void *)addr);
	if (area && area->caller)
		xa_store(&vmalloced, pte_pfn(ptep_get(pte)), (void *)area->caller, GFP_ATOMIC);
	return 0;
}

static void scan(u64 seed)
{
	unsigned long pfn;
	int i;

	memset(kind_of, 0, sizeof(kind_of));
	nr_owners = 0;
	memset(owners, 0, sizeof(owners));
	for (i = 0; i < NR_GPRS; i++)
		add_needle(masked_value(seed, i), 1);
	for (i = 0; i < NR_HALVES; i++)
		add_needle(masked_value(seed, FIRST_WORD(i)), 2);

	xa_destroy(&vmalloced);
	apply_to_existing_page_range(&init_mm, VMALLOC_START, VMALLOC_END - VMALLOC_START,
				     note_vmalloced, NULL);
	for (pfn = 0; pfn < max_pfn; pfn++) {
		if (!pfn_valid(pfn) || !pfn_to_online_page(pfn))
			continue;
		if (kernel_page_present(pfn_to_page(pfn)))
			scan_pfn(pfn);
		cond_resched();
	}
}

static int secret_scan_show(struct seq_file *m, void *v)
{
	unsigned int i;

	for (i = 0; i < nr_owners; i++)
		seq_printf(m, "%u %u %s\n", owners[i].gprs, owners[i].halves, owners[i].name);
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
	scan(seed);
	mutex_unlock(&scan_lock);
	return len;
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

static int __init secret_scan_init(void)
{
	debugfs_create_file("secret_scan", 0600, NULL, NULL, &secret_scan_fops);
	return 0;
}
late_initcall(secret_scan_init);
