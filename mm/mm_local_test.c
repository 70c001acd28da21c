// SPDX-License-Identifier: GPL-2.0
/*
 * Test driver for kernel-owned VMAs and mm-local memory, see mm_local_test.h.
 *
 * It stands in for a part of the kernel that uses them, and also tells its user
 * what nobody should know: where an area is, and what leads to its pages.
 */
#include <linux/anon_inodes.h>
#include <linux/cacheflush.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/kasan.h>
#include <linux/kthread.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mm_local.h>
#include <linux/mman.h>
#include <linux/pagewalk.h>
#include <linux/panic.h>
#include <linux/pid.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "mm_local.h"
#include "mm_local_test.h"

/**
 * struct user_map - pages of a VMA at a user address
 * @refs: one for each VMA that they are in; a munmap may split one.
 * @nr_pages: how many.
 * @pages: the pages.
 */
struct user_map {
	refcount_t refs;
	unsigned int nr_pages;
	struct page *pages[] __counted_by(nr_pages);
};

/**
 * struct test_file - what an open file has
 * @lock: for writing by calls that change what follows, for reading by others.
 * @ml: the handle of the area.
 * @mm: the owner of the area, held by mmgrab(), or NULL.
 * @addr: where the area is or was.
 * @size: its size in bytes.
 * @pfns: its page frames, remembered after it is freed.
 * @nr_pfns: how many.
 * @alias: a vmap() of the pages, or NULL.
 * @pattern: the first eight bytes last written, as the caller gave them.
 * @has_pattern: whether there are any.
 * @map_mm: the mm that @map is in, held by mmgrab(), or NULL.
 * @map: the user_map, for comparison only.
 * @map_addr: where it was mapped.
 * @map_size: its size in bytes.
 * @lazy: the kernel thread between LAZY_BEGIN and LAZY_END, or NULL.
 * @lazy_data: what it was given.
 */
struct test_file {
	struct rw_semaphore lock;	/* see above */
	struct mm_local ml;
	struct mm_struct *mm;
	unsigned long addr;
	unsigned long size;
	unsigned long *pfns;
	unsigned long nr_pfns;
	void *alias;
	u64 pattern;
	bool has_pattern;
	struct mm_struct *map_mm;
	struct user_map *map;
	unsigned long map_addr;
	unsigned long map_size;
	struct task_struct *lazy;
	struct lazy *lazy_data;
};

/* Page table walks */

/**
 * struct scan - a walk that looks for page frames
 * @pfns: the page frames.
 * @nr: how many.
 * @min: the lowest.
 * @max: the highest.
 * @collect: write what is found to @pfns instead.
 * @found: entries that lead to one of them.
 * @changed: those that are not as mm_local_alloc() makes them.
 * @addr: the address of one.
 * @checked: entries looked at.
 */
struct scan {
	unsigned long *pfns;
	unsigned long nr;
	unsigned long min;
	unsigned long max;
	bool collect;
	unsigned long found;
	unsigned long changed;
	unsigned long addr;
	unsigned long checked;
};

static void scan_range(struct scan *scan, unsigned long addr, unsigned long pfn,
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
static void skip_early_shadow(struct mm_walk *walk, u64 entry)
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

static int scan_pgd(pgd_t *pgd, unsigned long addr, unsigned long next,
		    struct mm_walk *walk)
{
	skip_early_shadow(walk, pgd_val(*pgd));
	return 0;
}

static int scan_p4d(p4d_t *p4d, unsigned long addr, unsigned long next,
		    struct mm_walk *walk)
{
	skip_early_shadow(walk, p4d_val(*p4d));
	return 0;
}

static int scan_pud(pud_t *pud, unsigned long addr, unsigned long next,
		    struct mm_walk *walk)
{
	const pud_t val = READ_ONCE(*pud);

	if (pud_leaf(val)) {
		scan_range(walk->private, addr & PUD_MASK, pud_pfn(val),
			   PUD_SIZE >> PAGE_SHIFT);
		walk->action = ACTION_CONTINUE;
	} else {
		skip_early_shadow(walk, pud_val(val));
	}
	return 0;
}

/* On arm64 an entry out of the direct map is present, and invalid. */
static bool is_valid_pmd(pmd_t pmd)
{
#ifdef CONFIG_ARM64
	return pmd_valid(pmd);
#else
	return pmd_present(pmd);
#endif
}

static int scan_pmd(pmd_t *pmd, unsigned long addr, unsigned long next,
		    struct mm_walk *walk)
{
	const pmd_t val = READ_ONCE(*pmd);

	if (pmd_leaf(val)) {
		if (is_valid_pmd(val))
			scan_range(walk->private, addr & PMD_MASK, pmd_pfn(val),
				   PMD_SIZE >> PAGE_SHIFT);
		walk->action = ACTION_CONTINUE;
	} else {
		skip_early_shadow(walk, pmd_val(val));
	}
	return 0;
}

/* Never a fault, not for the accessed bit either; and the kernel's alone. */
static bool is_as_allocated(pte_t pte)
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

static int scan_pte(pte_t *pte, unsigned long addr, unsigned long next,
		    struct mm_walk *walk)
{
	const pte_t val = ptep_get_lockless(pte);
	struct scan *scan = walk->private;
	unsigned long found = scan->found;

	/* On arm64 an entry out of the direct map is present, and invalid. */
	if (!pte_accessible(walk->mm, val))
		return 0;
	scan_range(scan, addr, pte_pfn(val), 1);
	if (scan->found > found && !is_as_allocated(val))
		scan->changed++;
	return 0;
}

static const struct mm_walk_ops scan_ops = {
	.pgd_entry = scan_pgd,
	.p4d_entry = scan_p4d,
	.pud_entry = scan_pud,
	.pmd_entry = scan_pmd,
	.pte_entry = scan_pte,
};

/* Where the addresses that init_mm maps begin, or the window if it is among them. */
#ifdef CONFIG_ARM64
#define SCAN_START	_PAGE_OFFSET(vabits_actual)
#else
#define SCAN_START	MM_LOCAL_START
#endif

static void scan_kernel(struct scan *scan)
{
	get_online_mems();
	mmap_write_lock(&init_mm);
	walk_page_range_debug(&init_mm, SCAN_START, ~0UL, &scan_ops, NULL, scan);
	mmap_write_unlock(&init_mm);
	put_online_mems();
}

#ifdef CONFIG_X86_64
/* Something that is in the kernel image. */
static u8 in_image[PAGE_SIZE] __page_aligned_data = { 1 };

/**
 * struct image_scan - a walk of the kernel image
 * @freed: entries that lead to pages which are not the image's any more.
 * @addr: the address of one.
 * @own: entries that lead to in_image.
 * @checked: entries looked at.
 */
struct image_scan {
	unsigned long freed;
	unsigned long addr;
	unsigned long own;
	unsigned long checked;
};

static void image_range(struct image_scan *scan, unsigned long addr,
			unsigned long pfn, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++, addr += PAGE_SIZE) {
		struct page *page = pfn_to_online_page(pfn + i);

		scan->checked++;
		scan->own += pfn + i == __pa_symbol(in_image) >> PAGE_SHIFT;
		if (page && !PageReserved(page)) {
			scan->freed++;
			scan->addr = addr;
		}
	}
}

static int image_pmd(pmd_t *pmd, unsigned long addr, unsigned long next,
		     struct mm_walk *walk)
{
	const pmd_t val = READ_ONCE(*pmd);

	if (!pmd_leaf(val))
		return 0;
	if (pmd_present(val))
		image_range(walk->private, addr, pmd_pfn(val),
			    PMD_SIZE >> PAGE_SHIFT);
	walk->action = ACTION_CONTINUE;
	return 0;
}

static int image_pte(pte_t *pte, unsigned long addr, unsigned long next,
		     struct mm_walk *walk)
{
	const pte_t val = ptep_get_lockless(pte);

	if (pte_present(val))
		image_range(walk->private, addr, pte_pfn(val), 1);
	return 0;
}

static const struct mm_walk_ops image_ops = {
	.pmd_entry = image_pmd,
	.pte_entry = image_pte,
};

static int test_scan_image(void __user *argp)
{
	struct mm_local_test_scan out = {};
	struct image_scan scan = {};

	get_online_mems();
	mmap_write_lock(&init_mm);
	walk_page_range_debug(&init_mm, __START_KERNEL_map,
			      __START_KERNEL_map + KERNEL_IMAGE_SIZE,
			      &image_ops, NULL, &scan);
	mmap_write_unlock(&init_mm);
	put_online_mems();

	out.alias = scan.freed;
	out.alias_addr = scan.addr;
	out.owner = scan.own;
	out.checked = scan.checked;
	return copy_to_user(argp, &out, sizeof(out)) ? -EFAULT : 0;
}
#else
static int test_scan_image(void __user *argp)
{
	return -EOPNOTSUPP;
}
#endif

#ifdef CONFIG_MITIGATION_PAGE_TABLE_ISOLATION
static int test_user_table(void __user *argp)
{
	struct mm_local_test_range range;
	pgd_t *pgd;

	if (!cpu_feature_enabled(X86_FEATURE_PTI))
		return -EOPNOTSUPP;
	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	pgd = pgd_offset(current->mm, (unsigned long)range.addr);
	return !pgd_none(READ_ONCE(*kernel_to_user_pgdp(pgd)));
}
#else
static int test_user_table(void __user *argp)
{
	return -EOPNOTSUPP;
}
#endif

static void scan_mm(struct scan *scan, struct mm_struct *mm,
		    unsigned long start, unsigned long end)
{
	mmap_write_lock(mm);
	mmap_write_lock_nested(&init_mm, SINGLE_DEPTH_NESTING);
	walk_page_range_debug(mm, start, end, &scan_ops, NULL, scan);
	mmap_write_unlock(&init_mm);
	mmap_write_unlock(mm);
}

/* All that a process's page tables have of their own. */
static void scan_other_mms(struct scan *scan, struct mm_struct *owner)
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

		scan_mm(scan, mm, 0, TASK_SIZE_MAX);
		if (mm != owner)
			scan_mm(scan, mm, MM_LOCAL_START, MM_LOCAL_END);
		mmput(mm);
		cond_resched();
	}
}

/*
 * How the area holds the data: so that the scan for it does not find the buffer
 * that it came from.  Its own inverse, and zero stays zero.
 */
static u64 swap_nibbles(u64 val)
{
	const u64 mask = 0x0f0f0f0f0f0f0f0fULL;

	return (val & mask) << 4 | (val >> 4 & mask);
}

/* Pages of memory, as the direct map shows it, that hold what was written. */
static __no_kasan_or_inline unsigned long scan_pattern(struct test_file *tf)
{
	unsigned long pfn, found = 0;

	if (!tf->has_pattern)
		return 0;

	for (pfn = 0; pfn < max_pfn; pfn++) {
		struct page *page = pfn_to_online_page(pfn);
		const u64 *p, *end;

		if (!(pfn % 1024))
			cond_resched();
		if (!page || PageHWPoison(page) || !kernel_page_present(page))
			continue;
		p = kasan_reset_tag(page_address(page));
		for (end = p + PAGE_SIZE / sizeof(*p); p < end; p++) {
			if (swap_nibbles(READ_ONCE(*p)) == tf->pattern) {
				found++;
				break;
			}
		}
	}
	return found;
}

/* The same of what the direct map does not show: pages that went back to the pool. */
static unsigned long scan_pool(struct test_file *tf)
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
			if (swap_nibbles(READ_ONCE(*p)) == tf->pattern) {
				found++;
				break;
			}
		}
		vunmap(addr);
	}
	return found;
}

static int test_scan(struct test_file *tf, void __user *argp)
{
	struct mm_local_test_scan out = {};
	struct scan scan = { .pfns = tf->pfns, .nr = tf->nr_pfns };
	unsigned long i;

	if (!tf->pfns)
		return -ENOENT;

	scan.min = ULONG_MAX;
	for (i = 0; i < scan.nr; i++) {
		scan.min = min(scan.min, scan.pfns[i]);
		scan.max = max(scan.max, scan.pfns[i]);
	}

	/* Freed, they are anybody's. */
	if (!IS_ERR_OR_NULL(tf->ml.area)) {
		if (mmget_not_zero(tf->mm)) {
			scan_mm(&scan, tf->mm, MM_LOCAL_START, MM_LOCAL_END);
			mmput(tf->mm);
			out.owner = scan.found - scan.changed;
			scan.found = 0;
			scan_kernel(&scan);
			scan_other_mms(&scan, tf->mm);
		}
		out.alias = scan.found;
		out.alias_addr = scan.addr;
		out.checked = scan.checked;
	}
	if (IS_ERR_OR_NULL(tf->ml.area)) {
		mm_local_pool_drain();
		out.pattern = scan_pool(tf);
	}
	out.pattern += scan_pattern(tf);
	out.pfn = tf->pfns[0];

	return copy_to_user(argp, &out, sizeof(out)) ? -EFAULT : 0;
}

static int test_outside(struct test_file *tf)
{
	unsigned long i;
	int outside = 0;

	if (!tf->pfns)
		return -ENOENT;
	for (i = 0; i < tf->nr_pfns; i++)
		outside += !kernel_page_present(pfn_to_page(tf->pfns[i]));
	return outside;
}

/* Areas in the window */

static void forget_area(struct test_file *tf)
{
	vunmap(tf->alias);
	tf->alias = NULL;
	kvfree(tf->pfns);
	tf->pfns = NULL;
	if (tf->mm)
		mmdrop(tf->mm);
	tf->mm = NULL;
}

static int test_alloc(struct test_file *tf, void __user *argp, bool small)
{
	struct mm_local_test_range range;
	struct scan scan = { .collect = true };
	void *addr;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!IS_ERR_OR_NULL(tf->ml.area))
		return -EBUSY;
	if (small ? range.size > PAGE_SIZE / 2 : !PAGE_ALIGNED(range.size))
		return -EINVAL;

	forget_area(tf);
	if (small)
		err = mm_local_kzalloc(&tf->ml, range.size);
	else
		err = mm_local_alloc(&tf->ml, range.size);
	if (err)
		return err;
	addr = mm_local_addr(&tf->ml);
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
		mm_local_free(&tf->ml);
		return -ENOMEM;
	}
	tf->pfns = scan.pfns;
	tf->nr_pfns = scan.nr;
	scan_mm(&scan, tf->mm, PAGE_ALIGN_DOWN(tf->addr),
		PAGE_ALIGN(tf->addr + tf->size));
	WARN_ON_ONCE(scan.found != scan.nr);

	range.addr = tf->addr;
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

static int test_addr(struct test_file *tf, void __user *argp)
{
	struct mm_local_test_range range = { .size = tf->size };
	void *addr = mm_local_addr(&tf->ml);

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	range.addr = (unsigned long)addr;
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

struct free_work {
	struct work_struct work;
	struct mm_local *ml;
};

static void free_work(struct work_struct *work)
{
	mm_local_free(container_of(work, struct free_work, work)->ml);
}

static int test_free(struct test_file *tf, bool kthread)
{
	if (IS_ERR_OR_NULL(tf->ml.area))
		return -ENOENT;

	vunmap(tf->alias);
	tf->alias = NULL;
	if (kthread) {
		struct free_work fw = { .ml = &tf->ml };

		INIT_WORK_ONSTACK(&fw.work, free_work);
		schedule_work(&fw.work);
		flush_work(&fw.work);
		destroy_work_on_stack(&fw.work);
	} else {
		mm_local_free(&tf->ml);
	}
	return 0;
}

static int test_data(struct test_file *tf, void __user *argp, bool write)
{
	struct mm_local_test_data data;
	u8 *addr = mm_local_addr(&tf->ml);
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
				p[i] = swap_nibbles(buf[i]);
			if (!done && n >= 8 && !(data.offset % 8)) {
				memcpy(&tf->pattern, buf, 8);
				tf->has_pattern = true;
			}
		} else {
			for (i = 0; i < n; i++)
				buf[i] = swap_nibbles(p[i]);
			if (copy_to_user(user, buf, n))
				return -EFAULT;
		}
		done += n;
	}
	return 0;
}

static int test_churn(struct test_file *tf, void __user *argp)
{
	struct mm_local_test_churn churn;
	u64 *words = mm_local_addr(&tf->ml);
	u64 round, i, n;

	if (copy_from_user(&churn, argp, sizeof(churn)))
		return -EFAULT;
	if (IS_ERR(words))
		return PTR_ERR(words);
	if ((churn.offset | churn.size) % sizeof(*words) ||
	    churn.offset > tf->size || churn.size > tf->size - churn.offset)
		return -EINVAL;

	words += churn.offset / sizeof(*words);
	n = churn.size / sizeof(*words);
	for (round = 0; round < churn.rounds; round++) {
		for (i = 0; i < n; i++)
			WRITE_ONCE(words[i], hash_64(churn.seed + round * n + i, 64));
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
		for (i = 0; i < n; i++) {
			if (READ_ONCE(words[i]) !=
			    hash_64(churn.seed + round * n + i, 64))
				return -EIO;
		}
	}
	return 0;
}

/* Without the check of the address that copy_from_kernel_nofault() makes. */
static int read_anywhere(unsigned long addr)
{
	u64 val;

	pagefault_disable();
	__get_kernel_nofault(&val, (void *)addr, u64, fault);
	pagefault_enable();
	return 1;
fault:
	pagefault_enable();
	return 0;
}

/**
 * struct lazy - what a kernel thread needs that keeps a translation
 * @mm: the mm to borrow, held by mmget() until @ready, or NULL.
 * @addr: where to read.
 * @ready: completed when the thread has read it and uses @mm lazily.
 * @before: whether it could read then.
 * @go: set when it is to read again.
 */
struct lazy {
	struct mm_struct *mm;
	unsigned long addr;
	struct completion ready;
	int before;
	bool go;
};

static int lazy_fn(void *data)
{
	struct lazy *lazy = data;
	const u64 until = get_jiffies_64() + 5 * HZ;
	int after;

	if (lazy->mm) {
		kthread_use_mm(lazy->mm);
		/* Nobody else on this CPU, who would have the mm unloaded. */
		preempt_disable();
		read_anywhere(lazy->addr);
		preempt_enable();
		kthread_unuse_mm(lazy->mm);
	}

	preempt_disable();
	lazy->before = (!lazy->mm || current->active_mm == lazy->mm) &&
		       read_anywhere(lazy->addr);
	complete(&lazy->ready);
	while (!READ_ONCE(lazy->go) && time_before64(get_jiffies_64(), until))
		cpu_relax();
	after = read_anywhere(lazy->addr);
	preempt_enable();

	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	after = READ_ONCE(lazy->go) ? after : -ETIMEDOUT;
	kfree(lazy);
	return after;
}

static int lazy_begin(struct test_file *tf, unsigned long cpu,
		      struct mm_struct *mm, void *addr)
{
	struct task_struct *task;
	struct lazy *lazy;

	if (tf->lazy)
		return -EBUSY;
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	lazy = kzalloc_obj(*lazy);
	if (!lazy)
		return -ENOMEM;

	lazy->mm = mm;
	lazy->addr = (unsigned long)addr;
	init_completion(&lazy->ready);
	task = kthread_create_on_cpu(lazy_fn, lazy, cpu, "mm_local_lazy/%u");
	if (IS_ERR(task)) {
		kfree(lazy);
		return PTR_ERR(task);
	}
	tf->lazy = get_task_struct(task);
	tf->lazy_data = lazy;
	wake_up_process(task);
	wait_for_completion(&lazy->ready);
	/* As it should be; or the rest shows nothing. */
	return lazy->before ? 0 : -EIO;
}

static int test_lazy_begin(struct test_file *tf, unsigned long cpu)
{
	void *addr = mm_local_addr(&tf->ml);

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	return lazy_begin(tf, cpu, current->mm, addr);
}

static int test_lazy_end(struct test_file *tf)
{
	int ret;

	if (!tf->lazy)
		return -ENOENT;
	WRITE_ONCE(tf->lazy_data->go, true);
	ret = kthread_stop_put(tf->lazy);
	tf->lazy = NULL;
	return ret;
}

static int test_stale(struct test_file *tf, unsigned long arg, bool vmapped)
{
	/* What the pool takes in, and an area for which it needs another one. */
	const bool block = arg & MM_LOCAL_TEST_BLOCK;
	const unsigned int order = block ? get_order(SZ_2M) : 0;
	const unsigned long size = block ? SZ_4M : PAGE_SIZE;
	const unsigned long cpu = arg & ~MM_LOCAL_TEST_BLOCK;
	struct scan scan = { .collect = true, .nr = size >> PAGE_SHIFT };
	struct mm_local ml = {};
	struct page *page, *read;
	unsigned long pfn, i;
	int err, ret;
	void *addr;

	scan.pfns = kvmalloc_objs(*scan.pfns, scan.nr);
	page = alloc_pages(GFP_KERNEL, order);
	if (!scan.pfns || !page) {
		if (page)
			__free_pages(page, order);
		kvfree(scan.pfns);
		return -ENOMEM;
	}

	mm_local_pool_drain();
	/*
	 * Any of the block, at each call another one: what else the CPU reads may take
	 * its place in a TLB that is direct-mapped, as QEMU's is.
	 */
	read = page + get_random_u32_below(1U << order);
	pfn = page_to_pfn(read);
	addr = vmapped ? vmap(&read, 1, VM_MAP, PAGE_KERNEL) : page_address(read);
	err = addr ? lazy_begin(tf, cpu, NULL, addr) : -ENOMEM;
	if (vmapped)
		vunmap(addr);
	__free_pages(page, order);

	err = err ?: mm_local_alloc(&ml, size);
	ret = test_lazy_end(tf);
	if (err)
		goto free;

	err = -EAGAIN;
	addr = mm_local_addr(&ml);
	if (!WARN_ON_ONCE(IS_ERR(addr)))
		scan_mm(&scan, current->mm, (unsigned long)addr,
			(unsigned long)addr + size);
	mm_local_free(&ml);
	for (i = 0; i < scan.found; i++) {
		if (scan.pfns[i] == pfn)
			err = ret;
	}
free:
	kvfree(scan.pfns);
	return err;
}

static int test_alias(struct test_file *tf, bool on)
{
	const unsigned long nr = tf->nr_pfns;
	struct page **pages;
	unsigned long i;

	vunmap(tf->alias);
	tf->alias = NULL;
	if (!on)
		return 0;
	if (IS_ERR_OR_NULL(tf->ml.area))
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

static int test_nofault(void __user *argp)
{
	struct mm_local_test_range range;
	u64 val;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	return copy_from_kernel_nofault(&val, (void *)(unsigned long)range.addr,
					sizeof(val));
}

static int test_window(void __user *argp)
{
	struct mm_local_test_range range = {
		.addr = MM_LOCAL_START,
		.size = MM_LOCAL_END - MM_LOCAL_START,
	};

	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;
}

/* Kernel-owned VMAs at user addresses */

static void user_map_put(struct user_map *map)
{
	unsigned int i;

	if (!refcount_dec_and_test(&map->refs))
		return;
	for (i = 0; i < map->nr_pages && map->pages[i]; i++)
		__free_page(map->pages[i]);
	kvfree(map);
}

static void user_map_open(struct vm_area_struct *vma)
{
	struct user_map *map = vma->vm_private_data;

	refcount_inc(&map->refs);
}

static void user_map_close(struct vm_area_struct *vma)
{
	user_map_put(vma->vm_private_data);
}

static const struct vm_operations_struct user_map_vm_ops = {
	.open	= user_map_open,
	.close	= user_map_close,
};

/* The mmap lock is held for writing. */
static int user_map_insert(struct mm_struct *mm, struct user_map *map,
			   struct mm_local_test_range *range, bool owned)
{
	vm_flags_t flags = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			   VM_DONTDUMP | VM_SOFTDIRTY;
	struct vm_area_struct *vma;
	unsigned long addr;
	unsigned int i;
	int err;

	if (range->prot & PROT_READ)
		flags |= VM_READ;
	if (range->prot & PROT_WRITE)
		flags |= VM_WRITE;

	addr = get_unmapped_area(NULL, 0, range->size, 0, 0);
	if (IS_ERR_VALUE(addr))
		return addr;

	vma = vm_area_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->vm_start = addr;
	vma->vm_end = addr + range->size;
	vma->vm_ops = &user_map_vm_ops;
	vma->vm_private_data = map;
	vm_flags_init(vma, flags);
	/* Writable at once: nothing may fault on it, or ask for a copy. */
	vma->vm_page_prot = vm_get_page_prot(flags | VM_SHARED);
	err = insert_vm_struct(mm, vma);
	if (err) {
		vm_area_free(vma);
		return err;
	}
	refcount_inc(&map->refs);
	vm_stat_account(mm, flags, map->nr_pages);

	for (i = 0; i < map->nr_pages; i++) {
		if (vmf_insert_pfn(vma, addr + i * PAGE_SIZE,
				   page_to_pfn(map->pages[i])) !=
		    VM_FAULT_NOPAGE) {
			err = -ENOMEM;
			goto unmap;
		}
	}

	/* What it is refused must not be for want of these. */
	vm_flags_set(vma, VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	if (owned)
		err = mseal_kernel_owned(mm, addr, addr + range->size);
	if (err)
		goto unmap;
	range->addr = addr;
	return 0;

unmap:
	do_munmap(mm, addr, range->size, NULL);
	return err;
}

static int test_map(struct test_file *tf, void __user *argp, bool owned)
{
	struct mm_struct *mm = current->mm;
	struct mm_local_test_range range;
	struct user_map *map;
	unsigned int i;
	int err = 0;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!range.size || !PAGE_ALIGNED(range.size) || range.size > SZ_16M ||
	    range.prot & ~(PROT_READ | PROT_WRITE))
		return -EINVAL;
	if (tf->map)
		return -EBUSY;

	map = kvzalloc_flex(*map, pages, range.size >> PAGE_SHIFT);
	if (!map)
		return -ENOMEM;
	map->nr_pages = range.size >> PAGE_SHIFT;
	refcount_set(&map->refs, 1);
	for (i = 0; i < map->nr_pages; i++) {
		map->pages[i] = alloc_page(GFP_USER | __GFP_ZERO);
		if (!map->pages[i]) {
			err = -ENOMEM;
			goto put;
		}
	}

	mmap_write_lock(mm);
	err = user_map_insert(mm, map, &range, owned);
	mmap_write_unlock(mm);
	if (err)
		goto put;

	tf->map = map;
	tf->map_mm = mm;
	mmgrab(mm);
	tf->map_addr = range.addr;
	tf->map_size = range.size;
	/* The file keeps its reference, so that @map is not reused. */
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : 0;

put:
	user_map_put(map);
	return err;
}

/* Unmap what is left of the VMA, which userspace may have had back. */
static void forget_map(struct test_file *tf)
{
	struct mm_struct *mm = tf->map_mm;

	if (!tf->map)
		return;
	if (mmget_not_zero(mm)) {
		const unsigned long end = tf->map_addr + tf->map_size;
		struct vm_area_struct *vma;
		struct vma_iterator vmi;

		mmap_write_lock(mm);
		vma_iter_init(&vmi, mm, tf->map_addr);
		for_each_vma_range(vmi, vma, end) {
			if (vma->vm_private_data != tf->map ||
			    vma->vm_ops != &user_map_vm_ops)
				continue;
			if (do_vmi_align_munmap(&vmi, vma, mm, vma->vm_start,
						vma->vm_end, NULL,
						MUNMAP_KERNEL_OWNED))
				break;
		}
		mmap_write_unlock(mm);
		mmput_async(mm);
	}
	mmdrop(mm);
	user_map_put(tf->map);
	tf->map = NULL;
}

static int test_munmap(void __user *argp, munmap_flags_t flags)
{
	struct mm_struct *mm = current->mm;
	struct mm_local_test_range range;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!range.size || !PAGE_ALIGNED(range.addr | range.size) ||
	    range.addr > TASK_SIZE || range.size > TASK_SIZE - range.addr)
		return -EINVAL;

	mmap_write_lock(mm);
	vma_iter_init(&vmi, mm, range.addr);
	vma = vma_find(&vmi, range.addr + range.size);
	err = -ENOENT;
	if (vma)
		err = do_vmi_align_munmap(&vmi, vma, mm, range.addr,
					  range.addr + range.size, NULL, flags);
	mmap_write_unlock(mm);
	return err;
}

static int test_seal(void __user *argp, bool seal)
{
	struct mm_struct *mm = current->mm;
	struct mm_local_test_range range;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!range.size || !PAGE_ALIGNED(range.addr | range.size) ||
	    range.addr > TASK_SIZE || range.size > TASK_SIZE - range.addr)
		return -EINVAL;

	mmap_write_lock(mm);
	if (seal)
		err = mseal_kernel_owned(mm, range.addr, range.addr + range.size);
	else
		err = munseal_kernel_owned(mm, range.addr,
					   range.addr + range.size);
	mmap_write_unlock(mm);
	return err;
}

/* The file */

static struct test_file *new_test_file(void)
{
	struct test_file *tf = kzalloc_obj(*tf);

	if (tf)
		init_rwsem(&tf->lock);
	return tf;
}

static int mm_local_test_open(struct inode *inode, struct file *file)
{
	struct test_file *tf;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	tf = new_test_file();
	if (!tf)
		return -ENOMEM;
	file->private_data = tf;
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	return nonseekable_open(inode, file);
}

static int mm_local_test_release(struct inode *inode, struct file *file)
{
	struct test_file *tf = file->private_data;

	test_lazy_end(tf);
	test_free(tf, /* kthread= */ false);
	forget_area(tf);
	forget_map(tf);
	kfree(tf);
	return 0;
}

static long mm_local_test_ioctl(struct file *file, unsigned int cmd,
				unsigned long arg);

static const struct file_operations mm_local_test_fops = {
	.open		= mm_local_test_open,
	.release	= mm_local_test_release,
	.unlocked_ioctl	= mm_local_test_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static int test_open(void)
{
	struct test_file *tf = new_test_file();
	int fd;

	if (!tf)
		return -ENOMEM;
	fd = anon_inode_getfd("[mm_local_test]", &mm_local_test_fops, tf,
			      O_RDWR | O_CLOEXEC);
	if (fd < 0)
		kfree(tf);
	return fd;
}

static long reading_ioctl(struct test_file *tf, unsigned int cmd,
			  void __user *argp)
{
	guard(rwsem_read)(&tf->lock);
	switch (cmd) {
	case MM_LOCAL_TEST_ADDR:
		return test_addr(tf, argp);
	case MM_LOCAL_TEST_READ:
		return test_data(tf, argp, /* write= */ false);
	case MM_LOCAL_TEST_SCAN:
		return test_scan(tf, argp);
	case MM_LOCAL_TEST_OUTSIDE:
		return test_outside(tf);
	default:
		return test_churn(tf, argp);
	}
}

static long changing_ioctl(struct test_file *tf, unsigned int cmd,
			   unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	guard(rwsem_write)(&tf->lock);
	switch (cmd) {
	case MM_LOCAL_TEST_ALLOC:
		return test_alloc(tf, argp, /* small= */ false);
	case MM_LOCAL_TEST_KZALLOC:
		return test_alloc(tf, argp, /* small= */ true);
	case MM_LOCAL_TEST_FREE:
		return test_free(tf, /* kthread= */ false);
	case MM_LOCAL_TEST_FREE_KTHREAD:
		return test_free(tf, /* kthread= */ true);
	case MM_LOCAL_TEST_WRITE:
		return test_data(tf, argp, /* write= */ true);
	case MM_LOCAL_TEST_ALIAS:
		return test_alias(tf, arg);
	case MM_LOCAL_TEST_MAP:
		return test_map(tf, argp, /* owned= */ true);
	case MM_LOCAL_TEST_MAP_PLAIN:
		return test_map(tf, argp, /* owned= */ false);
	case MM_LOCAL_TEST_LAZY_BEGIN:
		return test_lazy_begin(tf, arg);
	case MM_LOCAL_TEST_LAZY_END:
		return test_lazy_end(tf);
	case MM_LOCAL_TEST_STALE:
	case MM_LOCAL_TEST_STALE_VMAP:
		return test_stale(tf, arg, cmd == MM_LOCAL_TEST_STALE_VMAP);
	default:
		return -ENOTTY;
	}
}

static long mm_local_test_ioctl(struct file *file, unsigned int cmd,
				unsigned long arg)
{
	struct test_file *tf = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case MM_LOCAL_TEST_OPEN:
		return test_open();
	case MM_LOCAL_TEST_NOFAULT:
		return test_nofault(argp);
	case MM_LOCAL_TEST_MUNMAP:
		return test_munmap(argp, MUNMAP_KERNEL_OWNED);
	case MM_LOCAL_TEST_MUNMAP_PLAIN:
		return test_munmap(argp, /* flags= */ 0);
	case MM_LOCAL_TEST_SEAL:
		return test_seal(argp, /* seal= */ true);
	case MM_LOCAL_TEST_UNSEAL:
		return test_seal(argp, /* seal= */ false);
	case MM_LOCAL_TEST_WINDOW:
		return test_window(argp);
	case MM_LOCAL_TEST_SCAN_IMAGE:
		return test_scan_image(argp);
	case MM_LOCAL_TEST_USER_TABLE:
		return test_user_table(argp);
	case MM_LOCAL_TEST_SLEEP:
		msleep(min(arg, 10 * MSEC_PER_SEC));
		return 0;
	case MM_LOCAL_TEST_ADDR:
	case MM_LOCAL_TEST_READ:
	case MM_LOCAL_TEST_SCAN:
	case MM_LOCAL_TEST_OUTSIDE:
	case MM_LOCAL_TEST_CHURN:
		return reading_ioctl(tf, cmd, argp);
	default:
		return changing_ioctl(tf, cmd, arg);
	}
}

/*
 * Whoever writes to mm_local_test_fetch lets the kernel execute an area that holds a
 * return instruction.  That it does not return but oopses shows that it cannot.
 */
static int test_fetch(void *data, u64 val)
{
#ifdef CONFIG_ARM64
	static const u32 code = 0xd65f03c0;	/* ret */
#else
	static const u8 code = 0xc3;		/* ret */
#endif
	struct mm_local ml = {};
	void *addr;
	int err;

	err = mm_local_alloc(&ml, PAGE_SIZE);
	if (err)
		return err;
	addr = mm_local_addr(&ml);
	memcpy(addr, &code, sizeof(code));
	flush_icache_range((unsigned long)addr, (unsigned long)addr + sizeof(code));
	((void (*)(void))addr)();
	mm_local_free(&ml);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(fetch_fops, NULL, test_fetch, "%llu\n");

static int __init mm_local_test_init(void)
{
	debugfs_create_file_unsafe("mm_local_test", 0600, NULL, NULL,
				   &mm_local_test_fops);
	debugfs_create_file_unsafe("mm_local_test_fetch", 0200, NULL, NULL,
				   &fetch_fops);
	return 0;
}
late_initcall(mm_local_test_init);
