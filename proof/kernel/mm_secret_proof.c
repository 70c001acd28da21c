// SPDX-License-Identifier: GPL-2.0
/*
 * What the attack kit needs of the test driver beyond what the series has: part of
 * mm/mm_secret_test.c, which includes it.  See mm_secret_proof.h.
 */
#include <linux/cacheflush.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/memblock.h>
#include <linux/random.h>

#include "mm_secret_proof.h"

/* In mm/mm_secret_vma.c. */
int mm_secret_proof_add_chunk(struct mm_secret_mm *state);

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
	struct mm_secret_test_scan out = {};
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
	struct mm_secret_test_range range;
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

static int test_outside(struct mm_secret_test_file *tf)
{
	unsigned long i;
	int outside = 0;

	if (!tf->pfns)
		return -ENOENT;
	for (i = 0; i < tf->nr_pfns; i++)
		outside += !kernel_page_present(pfn_to_page(tf->pfns[i]));
	return outside;
}

static int test_churn(struct mm_secret_test_file *tf, void __user *argp)
{
	struct mm_secret_test_churn churn;
	u64 *words = mm_secret_addr(&tf->ms);
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

static int lazy_begin(struct mm_secret_test_file *tf, unsigned long cpu,
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
	task = kthread_create_on_cpu(lazy_fn, lazy, cpu, "mm_secret_lazy/%u");
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

static int test_lazy_begin(struct mm_secret_test_file *tf, unsigned long cpu)
{
	void *addr = mm_secret_addr(&tf->ms);

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	return lazy_begin(tf, cpu, current->mm, addr);
}

static int test_lazy_end(struct mm_secret_test_file *tf)
{
	int ret;

	if (!tf->lazy)
		return -ENOENT;
	WRITE_ONCE(tf->lazy_data->go, true);
	ret = kthread_stop_put(tf->lazy);
	tf->lazy = NULL;
	return ret;
}

static int test_stale(struct mm_secret_test_file *tf, unsigned long arg, bool vmapped)
{
	/* A block, and an area for which another one is needed. */
	const bool block = arg & MM_SECRET_TEST_BLOCK;
	const unsigned int order = block ? get_order(SZ_2M) : 0;
	const unsigned long size = block ? SZ_4M : PAGE_SIZE;
	const unsigned long cpu = arg & ~MM_SECRET_TEST_BLOCK;
	struct mm_secret_scan scan = { .collect = true, .nr = size >> PAGE_SHIFT };
	struct mm_secret ms = {};
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

	mm_secret_drain();
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

	err = err ?: mm_secret_alloc(&ms, size);
	ret = test_lazy_end(tf);
	if (err)
		goto free;

	err = -EAGAIN;
	addr = mm_secret_addr(&ms);
	if (!WARN_ON_ONCE(IS_ERR(addr)))
		mm_secret_scan_mm(&scan, current->mm, (unsigned long)addr,
			(unsigned long)addr + size);
	mm_secret_free(&ms);
	for (i = 0; i < scan.found; i++) {
		if (scan.pfns[i] == pfn)
			err = ret;
	}
free:
	kvfree(scan.pfns);
	return err;
}

static long mm_secret_proof_reading(struct mm_secret_test_file *tf, unsigned int cmd,
				   void __user *argp)
{
	guard(rwsem_read)(&tf->lock);
	if (cmd == MM_SECRET_TEST_OUTSIDE)
		return test_outside(tf);
	return test_churn(tf, argp);
}

static long mm_secret_proof_changing(struct mm_secret_test_file *tf, unsigned int cmd,
				    unsigned long arg)
{
	guard(rwsem_write)(&tf->lock);
	switch (cmd) {
	case MM_SECRET_TEST_LAZY_BEGIN:
		return test_lazy_begin(tf, arg);
	case MM_SECRET_TEST_LAZY_END:
		return test_lazy_end(tf);
	default:
		return test_stale(tf, arg, cmd == MM_SECRET_TEST_STALE_VMAP);
	}
}

static long mm_secret_proof_ioctl(struct mm_secret_test_file *tf, unsigned int cmd,
				 unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case MM_SECRET_TEST_SCAN_IMAGE:
		return test_scan_image(argp);
	case MM_SECRET_TEST_USER_TABLE:
		return test_user_table(argp);
	case MM_SECRET_TEST_SLEEP:
		msleep(min(arg, 10 * MSEC_PER_SEC));
		return 0;
	case MM_SECRET_TEST_ELSEWHERE:
		return current->mm->mm_secret ?
			mm_secret_proof_add_chunk(current->mm->mm_secret) : -ENOENT;
	case MM_SECRET_TEST_HOLD:
		mmap_write_lock(current->mm);
		msleep_interruptible(min(arg, 10 * MSEC_PER_SEC));
		mmap_write_unlock(current->mm);
		return 0;
	case MM_SECRET_TEST_CHURN:
	case MM_SECRET_TEST_OUTSIDE:
		return mm_secret_proof_reading(tf, cmd, argp);
	case MM_SECRET_TEST_LAZY_BEGIN:
	case MM_SECRET_TEST_LAZY_END:
	case MM_SECRET_TEST_STALE:
	case MM_SECRET_TEST_STALE_VMAP:
		return mm_secret_proof_changing(tf, cmd, arg);
	default:
		return -ENOTTY;
	}
}

/*
 * A write to mm_secret_test_fetch lets the kernel execute an area that holds a return
 * instruction.  That it does not return but oopses shows that it cannot.
 */
static int test_fetch(void *data, u64 val)
{
#ifdef CONFIG_ARM64
	static const u32 code = 0xd65f03c0;	/* ret */
#else
	static const u8 code = 0xc3;		/* ret */
#endif
	struct mm_secret ms = {};
	void *addr;
	int err;

	/* A shell has not asked for a window.  Nothing is mapped there. */
	current->mm->task_size = min(current->mm->task_size, MM_SECRET_START);
	err = mm_secret_alloc(&ms, PAGE_SIZE);
	if (err)
		return err;
	addr = mm_secret_addr(&ms);
	memcpy(addr, &code, sizeof(code));
	flush_icache_range((unsigned long)addr, (unsigned long)addr + sizeof(code));
	((void (*)(void))addr)();
	mm_secret_free(&ms);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(fetch_fops, NULL, test_fetch, "%llu\n");

static int __init mm_secret_proof_init(void)
{
	debugfs_create_file_unsafe("mm_secret_test_fetch", 0200, NULL, NULL,
				   &fetch_fops);
	return 0;
}
late_initcall(mm_secret_proof_init);
