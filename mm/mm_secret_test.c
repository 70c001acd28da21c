// SPDX-License-Identifier: GPL-2.0
/*
 * Test driver for secret memory, see mm_secret_test.h.
 *
 * It stands in for a part of the kernel that uses the memory.  Besides, it
 * reports the address of an area and counts the page table entries that map its
 * pages, so that a test can look for mappings other than the owner's.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kasan.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mm_secret.h>
#include <linux/pagewalk.h>
#include <linux/panic.h>
#include <linux/pid.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "mm_secret.h"
#include "mm_secret_test.h"

/*
 * The state of an open file.  Calls that change it hold @lock for writing,
 * others for reading.
 */
struct mm_secret_test_file {
	struct rw_semaphore lock;	/* see above */
	struct mm_secret ms;		/* the handle of the area */
	struct mm_struct *mm;		/* the owner, from mmgrab(), or NULL */
	unsigned long addr;		/* of the area, kept after a free */
	unsigned long size;		/* in bytes */
	unsigned long *pfns;		/* of its pages, also kept */
	unsigned long nr_pfns;
	void *alias;			/* a vmap() of the pages, or NULL */
	u64 pattern;			/* the first 8 bytes written */
	bool has_pattern;
	bool freed_by_owner;
};

/*
 * A walk of page tables that looks for the @nr page frames in @pfns, which are
 * between @min and @max, or that fills in @pfns.
 */
struct mm_secret_scan {
	unsigned long *pfns;
	unsigned long nr;
	unsigned long min;
	unsigned long max;
	bool collect;
	unsigned long found;	/* entries that map one of them */
	unsigned long changed;	/* those not as mm_secret_alloc() makes them */
	unsigned long addr;	/* the address that one of them maps */
	unsigned long checked;	/* entries looked at */
};

static void mm_secret_scan_range(struct mm_secret_scan *scan, unsigned long addr, unsigned long pfn,
				 unsigned long nr)
{
	unsigned long i;

	scan->checked++;
	if (scan->collect) {
		if (scan->found < scan->nr)
			scan->pfns[scan->found++] = pfn;
		return;
	}
	if (pfn > scan->max || pfn + nr <= scan->min)
		return;
	for (i = 0; i < scan->nr; i++) {
		if (scan->pfns[i] < pfn || scan->pfns[i] >= pfn + nr)
			continue;
		scan->addr = addr + ((scan->pfns[i] - pfn) << PAGE_SHIFT);
		scan->found++;
	}
}

/* KASAN maps terabytes of shadow by a few tables, which hold no such pages. */
static void mm_secret_scan_skip_shadow(struct mm_walk *walk, u64 entry)
{
#ifdef CONFIG_KASAN_GENERIC
	const phys_addr_t table = entry & PTE_PFN_MASK;

	if (table == __pa_symbol(kasan_early_shadow_p4d) ||
	    table == __pa_symbol(kasan_early_shadow_pud) ||
	    table == __pa_symbol(kasan_early_shadow_pmd) ||
	    table == __pa_symbol(kasan_early_shadow_pte))
		walk->action = ACTION_CONTINUE;
#endif
}

static int mm_secret_scan_pgd(pgd_t *pgd, unsigned long addr, unsigned long next,
			      struct mm_walk *walk)
{
	mm_secret_scan_skip_shadow(walk, pgd_val(*pgd));
	return 0;
}

static int mm_secret_scan_p4d(p4d_t *p4d, unsigned long addr, unsigned long next,
			      struct mm_walk *walk)
{
	mm_secret_scan_skip_shadow(walk, p4d_val(*p4d));
	return 0;
}

static int mm_secret_scan_pud(pud_t *pud, unsigned long addr, unsigned long next,
			      struct mm_walk *walk)
{
	const pud_t val = READ_ONCE(*pud);

	if (pud_leaf(val)) {
		mm_secret_scan_range(walk->private, addr & PUD_MASK, pud_pfn(val),
				     PUD_SIZE >> PAGE_SHIFT);
		walk->action = ACTION_CONTINUE;
	} else {
		mm_secret_scan_skip_shadow(walk, pud_val(val));
	}
	return 0;
}

/*
 * On arm64, pmd_present() and pte_present() are true of an entry that was taken
 * out of the direct map, though the CPU does not use it.
 */
static bool mm_secret_scan_valid_pmd(pmd_t pmd)
{
#ifdef CONFIG_ARM64
	return pmd_valid(pmd);
#else
	return pmd_present(pmd);
#endif
}

static int mm_secret_scan_pmd(pmd_t *pmd, unsigned long addr, unsigned long next,
			      struct mm_walk *walk)
{
	const pmd_t val = READ_ONCE(*pmd);

	if (pmd_leaf(val)) {
		if (mm_secret_scan_valid_pmd(val))
			mm_secret_scan_range(walk->private, addr & PMD_MASK, pmd_pfn(val),
					     PMD_SIZE >> PAGE_SHIFT);
		walk->action = ACTION_CONTINUE;
	} else {
		mm_secret_scan_skip_shadow(walk, pmd_val(val));
	}
	return 0;
}

/* Is it an entry that no access faults on, and for the kernel only? */
static bool mm_secret_scan_as_allocated(pte_t pte)
{
#ifdef CONFIG_X86_64
	if ((pte_flags(pte) & (_PAGE_USER | _PAGE_GLOBAL | _PAGE_NX)) != _PAGE_NX)
		return false;
#endif
#ifdef CONFIG_ARM64
	const pteval_t mask = PTE_USER | PTE_UXN | PTE_PXN | PTE_NG | PTE_CONT |
			      PTE_ATTRINDX_MASK;

	if ((pte_val(pte) & mask) !=
	    (PTE_UXN | PTE_PXN | PTE_NG | PTE_ATTRINDX(MT_NORMAL)))
		return false;
#endif
	return pte_young(pte) && pte_dirty(pte) && pte_write(pte) && pte_special(pte);
}

static int mm_secret_scan_pte(pte_t *pte, unsigned long addr, unsigned long next,
			      struct mm_walk *walk)
{
	const pte_t val = ptep_get_lockless(pte);
	struct mm_secret_scan *scan = walk->private;
	unsigned long found = scan->found;

	/* As above: present is not enough on arm64. */
	if (!pte_accessible(walk->mm, val))
		return 0;
	mm_secret_scan_range(scan, addr, pte_pfn(val), 1);
	if (scan->found > found && !mm_secret_scan_as_allocated(val))
		scan->changed++;
	return 0;
}

static const struct mm_walk_ops mm_secret_scan_ops = {
	.pgd_entry = mm_secret_scan_pgd,
	.p4d_entry = mm_secret_scan_p4d,
	.pud_entry = mm_secret_scan_pud,
	.pmd_entry = mm_secret_scan_pmd,
	.pte_entry = mm_secret_scan_pte,
};

/*
 * The first address of init_mm to scan, the window included if it is among the
 * kernel's, and the end of the user addresses to scan.
 */
#ifdef CONFIG_ARM64
#define MM_SECRET_TEST_SCAN_START	_PAGE_OFFSET(vabits_actual)
#define MM_SECRET_TEST_SCAN_USER_END	MM_SECRET_START
#else
#define MM_SECRET_TEST_SCAN_START	MM_SECRET_START
#define MM_SECRET_TEST_SCAN_USER_END	TASK_SIZE_MAX
#endif

static void mm_secret_scan_kernel(struct mm_secret_scan *scan)
{
	get_online_mems();
	mmap_write_lock(&init_mm);
	walk_page_range_debug(&init_mm, MM_SECRET_TEST_SCAN_START, ~0UL, &mm_secret_scan_ops,
			      NULL, scan);
	mmap_write_unlock(&init_mm);
	put_online_mems();
}

static void mm_secret_scan_mm(struct mm_secret_scan *scan, struct mm_struct *mm,
			      unsigned long start, unsigned long end)
{
	mmap_write_lock(mm);
	mmap_write_lock_nested(&init_mm, SINGLE_DEPTH_NESTING);
	walk_page_range_debug(mm, start, end, &mm_secret_scan_ops, NULL, scan);
	mmap_write_unlock(&init_mm);
	mmap_write_unlock(mm);
}

/* Scan everything that is only in the page tables of each process. */
static void mm_secret_scan_other_mms(struct mm_secret_scan *scan, struct mm_struct *owner)
{
	struct mm_struct *mm;
	struct pid *pid;
	int nr = 1;

	for (;;) {
		struct task_struct *task;

		rcu_read_lock();
		pid = find_ge_pid(nr, &init_pid_ns);
		if (!pid) {
			rcu_read_unlock();
			return;
		}
		nr = pid_nr(pid) + 1;
		task = pid_task(pid, PIDTYPE_TGID);
		mm = task ? get_task_mm(task) : NULL;
		rcu_read_unlock();
		if (!mm)
			continue;

		mm_secret_scan_mm(scan, mm, 0, MM_SECRET_TEST_SCAN_USER_END);
		if (mm != owner)
			mm_secret_scan_mm(scan, mm, MM_SECRET_START, MM_SECRET_END);
		mmput(mm);
		cond_resched();
	}
}

/*
 * The area holds the data with the halves of each byte swapped, so that the
 * scan does not find the buffer that they came from.  Zero stays zero.
 */
static u64 mm_secret_swap_nibbles(u64 val)
{
	const u64 mask = 0x0f0f0f0f0f0f0f0fULL;

	return (val & mask) << 4 | (val >> 4 & mask);
}

/* Count the pages in the direct map that hold what was written. */
static __no_kasan_or_inline unsigned long mm_secret_scan_pattern(struct mm_secret_test_file *tf)
{
	unsigned long pfn, found = 0;

	if (!tf->has_pattern)
		return 0;

	for (pfn = 0; pfn < max_pfn; pfn++) {
		struct page *page = pfn_to_online_page(pfn);
		const u64 *p, *end;

		if (!(pfn % 1024))
			cond_resched();
		if (fatal_signal_pending(current))
			break;
		if (!page || PageHWPoison(page) || PageOffline(page) ||
		    !kernel_page_present(page))
			continue;
		p = kasan_reset_tag(page_address(page));
		for (end = p + PAGE_SIZE / sizeof(*p); p < end; p++) {
			if (mm_secret_swap_nibbles(READ_ONCE(*p)) == tf->pattern) {
				found++;
				break;
			}
		}
	}
	return found;
}

/*
 * Count the same among pages out of the direct map: those that the owner has
 * freed, and keeps for its next area.
 */
static unsigned long mm_secret_scan_idle(struct mm_secret_test_file *tf)
{
	unsigned long i, found = 0;

	if (!tf->has_pattern)
		return 0;

	for (i = 0; i < tf->nr_pfns; i++) {
		struct page *page = pfn_to_page(tf->pfns[i]);
		u64 *addr, *p;

		if (kernel_page_present(page))
			continue;
		addr = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
		if (WARN_ON_ONCE(!addr))
			continue;
		for (p = addr; p < addr + PAGE_SIZE / sizeof(*p); p++) {
			if (mm_secret_swap_nibbles(READ_ONCE(*p)) == tf->pattern) {
				found++;
				break;
			}
		}
		vunmap(addr);
	}
	return found;
}

static int mm_secret_test_scan(struct mm_secret_test_file *tf, void __user *argp)
{
	struct mm_secret_test_scan out = {};
	struct mm_secret_scan scan = { .pfns = tf->pfns, .nr = tf->nr_pfns };
	unsigned long i;

	if (!tf->pfns)
		return -ENOENT;

	scan.min = ULONG_MAX;
	for (i = 0; i < scan.nr; i++) {
		scan.min = min(scan.min, scan.pfns[i]);
		scan.max = max(scan.max, scan.pfns[i]);
	}

	/* After the area is freed, anybody may map the pages. */
	if (!IS_ERR_OR_NULL(tf->ms.area)) {
		if (mmget_not_zero(tf->mm)) {
			mm_secret_scan_mm(&scan, tf->mm, MM_SECRET_START, MM_SECRET_END);
			mmput(tf->mm);
			out.owner = scan.found - scan.changed;
			scan.found = 0;
			mm_secret_scan_kernel(&scan);
			mm_secret_scan_other_mms(&scan, tf->mm);
		}
		out.alias = scan.found;
		out.alias_addr = scan.addr;
		out.checked = scan.checked;
	}
	if (IS_ERR_OR_NULL(tf->ms.area)) {
		mm_secret_drain();
		/* Pages that others have freed may keep their contents. */
		out.pattern = tf->freed_by_owner ? mm_secret_scan_idle(tf) : 0;
	}
	out.pattern += mm_secret_scan_pattern(tf);
	out.pfn = tf->pfns[0];

	return copy_to_user(argp, &out, sizeof(out)) ? -EFAULT : 0;
}

static void mm_secret_test_forget(struct mm_secret_test_file *tf)
{
	vunmap(tf->alias);
	tf->alias = NULL;
	kvfree(tf->pfns);
	tf->pfns = NULL;
	if (tf->mm)
		mmdrop(tf->mm);
	tf->mm = NULL;
}

static int mm_secret_test_alloc(struct mm_secret_test_file *tf, void __user *argp, bool small)
{
	struct mm_secret_test_range range;
	struct mm_secret_scan scan = { .collect = true };
	void *addr;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!IS_ERR_OR_NULL(tf->ms.area))
		return -EBUSY;
	if (small ? range.size > PAGE_SIZE / 2 : !PAGE_ALIGNED(range.size))
		return -EINVAL;

	mm_secret_test_forget(tf);
	if (small)
		err = mm_secret_kzalloc(&tf->ms, range.size);
	else
		err = mm_secret_alloc(&tf->ms, range.size);
	if (err)
		return err;
	addr = mm_secret_addr(&tf->ms);
	if (WARN_ON_ONCE(IS_ERR(addr)))
		return PTR_ERR(addr);

	tf->mm = current->mm;
	mmgrab(tf->mm);
	tf->addr = (unsigned long)addr;
	tf->size = range.size;
	tf->has_pattern = false;

	scan.nr = PFN_UP(tf->addr + tf->size) - PFN_DOWN(tf->addr);
	scan.pfns = kvmalloc_objs(*scan.pfns, scan.nr);
	if (!scan.pfns) {
		mm_secret_free(&tf->ms);
		return -ENOMEM;
	}
	tf->pfns = scan.pfns;
	tf->nr_pfns = scan.nr;
	mm_secret_scan_mm(&scan, tf->mm, PAGE_ALIGN_DOWN(tf->addr),
			  PAGE_ALIGN(tf->addr + tf->size));
	WARN_ON_ONCE(scan.found != scan.nr);

	range.addr = tf->addr;
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

static int mm_secret_test_addr(struct mm_secret_test_file *tf, void __user *argp)
{
	struct mm_secret_test_range range = { .size = tf->size };
	void *addr = mm_secret_addr(&tf->ms);

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	range.addr = (unsigned long)addr;
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

struct mm_secret_test_free_work {
	struct work_struct work;
	struct mm_secret *ms;
};

static void mm_secret_test_free_work(struct work_struct *work)
{
	mm_secret_free(container_of(work, struct mm_secret_test_free_work, work)->ms);
}

static int mm_secret_test_free(struct mm_secret_test_file *tf, bool kthread)
{
	if (IS_ERR_OR_NULL(tf->ms.area))
		return -ENOENT;

	vunmap(tf->alias);
	tf->alias = NULL;
	tf->freed_by_owner = !kthread && current->mm == tf->mm;
	if (kthread) {
		struct mm_secret_test_free_work fw = { .ms = &tf->ms };

		INIT_WORK_ONSTACK(&fw.work, mm_secret_test_free_work);
		schedule_work(&fw.work);
		flush_work(&fw.work);
		destroy_work_on_stack(&fw.work);
	} else {
		mm_secret_free(&tf->ms);
	}
	return 0;
}

static int mm_secret_test_data(struct mm_secret_test_file *tf, void __user *argp, bool write)
{
	struct mm_secret_test_data data;
	u8 *addr = mm_secret_addr(&tf->ms);
	u8 buf[64];
	u64 done;

	if (copy_from_user(&data, argp, sizeof(data)))
		return -EFAULT;
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	if (data.offset > tf->size || data.size > tf->size - data.offset)
		return -EINVAL;

	for (done = 0; done < data.size; ) {
		const u64 n = min(data.size - done, sizeof(buf));
		void __user *user = u64_to_user_ptr(data.buffer + done);
		u8 *p = addr + data.offset + done;
		u64 i;

		if (write) {
			if (copy_from_user(buf, user, n))
				return -EFAULT;
			for (i = 0; i < n; i++)
				p[i] = mm_secret_swap_nibbles(buf[i]);
			if (!done && n >= 8 && !(data.offset % 8)) {
				memcpy(&tf->pattern, buf, 8);
				tf->has_pattern = true;
			}
		} else {
			for (i = 0; i < n; i++)
				buf[i] = mm_secret_swap_nibbles(p[i]);
			if (copy_to_user(user, buf, n))
				return -EFAULT;
		}
		done += n;
	}
	return 0;
}

static int mm_secret_test_alias(struct mm_secret_test_file *tf, bool on)
{
	const unsigned long nr = tf->nr_pfns;
	struct page **pages;
	unsigned long i;

	vunmap(tf->alias);
	tf->alias = NULL;
	if (!on)
		return 0;
	if (IS_ERR_OR_NULL(tf->ms.area))
		return -ENOENT;

	pages = kvmalloc_objs(*pages, nr);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		pages[i] = pfn_to_page(tf->pfns[i]);
	tf->alias = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return tf->alias ? 0 : -ENOMEM;
}

static int mm_secret_test_nofault(void __user *argp)
{
	struct mm_secret_test_range range;
	u64 val;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	return copy_from_kernel_nofault(&val, (void *)(unsigned long)range.addr,
					sizeof(val));
}

static int mm_secret_test_window(void __user *argp)
{
	struct mm_secret_test_range range = {
		.addr = MM_SECRET_START,
		.size = MM_SECRET_END - MM_SECRET_START,
	};

	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

static int mm_secret_test_open(struct inode *inode, struct file *file)
{
	struct mm_secret_test_file *tf = kzalloc_obj(*tf);

	if (!tf)
		return -ENOMEM;
	init_rwsem(&tf->lock);
	file->private_data = tf;
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	return nonseekable_open(inode, file);
}

static int mm_secret_test_release(struct inode *inode, struct file *file)
{
	struct mm_secret_test_file *tf = file->private_data;

	mm_secret_test_free(tf, /* kthread = */ false);
	mm_secret_test_forget(tf);
	kfree(tf);
	return 0;
}

static long mm_secret_test_read_ioctl(struct mm_secret_test_file *tf, unsigned int cmd,
				      void __user *argp)
{
	guard(rwsem_read)(&tf->lock);
	switch (cmd) {
	case MM_SECRET_TEST_ADDR:
		return mm_secret_test_addr(tf, argp);
	case MM_SECRET_TEST_READ:
		return mm_secret_test_data(tf, argp, /* write = */ false);
	default:
		return mm_secret_test_scan(tf, argp);
	}
}

static long mm_secret_test_change_ioctl(struct mm_secret_test_file *tf, unsigned int cmd,
					unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	guard(rwsem_write)(&tf->lock);
	switch (cmd) {
	case MM_SECRET_TEST_ALLOC:
	case MM_SECRET_TEST_KZALLOC:
		return mm_secret_test_alloc(tf, argp, cmd == MM_SECRET_TEST_KZALLOC);
	case MM_SECRET_TEST_FREE:
	case MM_SECRET_TEST_FREE_KTHREAD:
		return mm_secret_test_free(tf, cmd == MM_SECRET_TEST_FREE_KTHREAD);
	case MM_SECRET_TEST_WRITE:
		return mm_secret_test_data(tf, argp, /* write = */ true);
	case MM_SECRET_TEST_ALIAS:
		return mm_secret_test_alias(tf, arg);
	default:
		return -ENOTTY;
	}
}

static long mm_secret_test_ioctl(struct file *file, unsigned int cmd,
				 unsigned long arg)
{
	struct mm_secret_test_file *tf = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case MM_SECRET_TEST_NOFAULT:
		return mm_secret_test_nofault(argp);
	case MM_SECRET_TEST_WINDOW:
		return mm_secret_test_window(argp);
	case MM_SECRET_TEST_ADDR:
	case MM_SECRET_TEST_READ:
	case MM_SECRET_TEST_SCAN:
		return mm_secret_test_read_ioctl(tf, cmd, argp);
	default:
		return mm_secret_test_change_ioctl(tf, cmd, arg);
	}
}

static const struct file_operations mm_secret_test_fops = {
	.open		= mm_secret_test_open,
	.release	= mm_secret_test_release,
	.unlocked_ioctl	= mm_secret_test_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static int __init mm_secret_test_init(void)
{
	debugfs_create_file_unsafe("mm_secret_test", 0600, NULL, NULL,
				   &mm_secret_test_fops);
	return 0;
}
late_initcall(mm_secret_test_init);
