// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's half of scripts/bench, which compiles it into each kernel that it
 * measures.  It is no part of the series.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#ifdef CONFIG_MM_SECRET
#include <linux/mm_secret.h>
#endif

#include "mm_bench.h"

/* A piece of memory of one of the kinds. */
struct piece {
	struct list_head list;
	u32 memory;
	unsigned long *addr;
#ifdef CONFIG_MM_SECRET
	struct mm_secret ms;
#endif
};

#ifdef CONFIG_MM_SECRET
static int get_local(struct piece *piece, size_t size)
{
	int err;

	if (piece->memory == MM_BENCH_OBJECT)
		err = mm_secret_kzalloc(&piece->ms, 200);
	else
		err = mm_secret_alloc(&piece->ms, size);
	if (!err)
		piece->addr = mm_secret_addr(&piece->ms);
	return err;
}

static void put_local(struct piece *piece)
{
	mm_secret_free(&piece->ms);
}
#else
static int get_local(struct piece *piece, size_t size)
{
	return -EOPNOTSUPP;
}

static void put_local(struct piece *piece)
{
}
#endif

static int get_piece(struct piece *piece, const struct mm_bench_arg *arg)
{
	u32 i;
	int err = 0;

	piece->memory = arg->memory;
	switch (arg->memory) {
	case MM_BENCH_LOCAL:
	case MM_BENCH_OBJECT:
		err = get_local(piece, (size_t)arg->pages << PAGE_SHIFT);
		break;
	case MM_BENCH_VMALLOC:
		piece->addr = vmalloc((size_t)arg->pages << PAGE_SHIFT);
		break;
	case MM_BENCH_DIRECT:
		piece->addr = (void *)__get_free_page(GFP_KERNEL);
		break;
	default:
		return -EINVAL;
	}
	if (err)
		return err;
	if (!piece->addr)
		return -ENOMEM;

	for (i = 0; i < arg->pages; i++)
		WRITE_ONCE(piece->addr[i * (PAGE_SIZE / sizeof(long))], i);
	return 0;
}

static void put_piece(struct piece *piece)
{
	switch (piece->memory) {
	case MM_BENCH_LOCAL:
	case MM_BENCH_OBJECT:
		put_local(piece);
		break;
	case MM_BENCH_VMALLOC:
		vfree(piece->addr);
		break;
	case MM_BENCH_DIRECT:
		free_page((unsigned long)piece->addr);
		break;
	}
}

static int cycle(const struct mm_bench_arg *arg)
{
	struct piece piece = {};
	u64 i;
	int err;

	for (i = 0; i < arg->times; i++) {
		err = get_piece(&piece, arg);
		if (err)
			return err;
		put_piece(&piece);
	}
	return 0;
}

static int keep(struct list_head *kept, const struct mm_bench_arg *arg)
{
	struct piece *piece;
	u64 i;
	int err;

	for (i = 0; i < arg->times; i++) {
		piece = kzalloc_obj(*piece);
		if (!piece)
			return -ENOMEM;
		err = get_piece(piece, arg);
		if (err) {
			kfree(piece);
			return err;
		}
		list_add(&piece->list, kept);
	}
	return 0;
}

static void drop(struct list_head *kept)
{
	struct piece *piece = list_first_entry_or_null(kept, struct piece, list);

	if (piece) {
		list_del(&piece->list);
		put_piece(piece);
		kfree(piece);
	}
}

static int load(const struct mm_bench_arg *arg)
{
	struct piece piece = {};
	unsigned int line;
	u64 i;
	int err;

	err = get_piece(&piece, arg);
	if (err)
		return err;
	for (i = 0; i < arg->times; i++)
		for (line = 0; line < 64; line++)
			READ_ONCE(piece.addr[line * (64 / sizeof(long))]);
	put_piece(&piece);
	return 0;
}

static long mm_bench_ioctl(struct file *file, unsigned int cmd, unsigned long param)
{
	struct list_head *kept = file->private_data;
	struct mm_bench_arg arg = {};

	if (_IOC_SIZE(cmd) && copy_from_user(&arg, (void __user *)param, sizeof(arg)))
		return -EFAULT;
	switch (cmd) {
	case MM_BENCH_CYCLE:
		return cycle(&arg);
	case MM_BENCH_KEEP:
		return keep(kept, &arg);
	case MM_BENCH_DROP:
		drop(kept);
		return 0;
	case MM_BENCH_LOAD:
		return load(&arg);
	}
	return -ENOTTY;
}

static int mm_bench_open(struct inode *inode, struct file *file)
{
	struct list_head *kept = kzalloc_obj(*kept);

	if (!kept)
		return -ENOMEM;
	INIT_LIST_HEAD(kept);
	file->private_data = kept;
	return 0;
}

static int mm_bench_release(struct inode *inode, struct file *file)
{
	struct list_head *kept = file->private_data;

	while (!list_empty(kept))
		drop(kept);
	kfree(kept);
	return 0;
}

static const struct file_operations mm_bench_fops = {
	.owner		= THIS_MODULE,
	.open		= mm_bench_open,
	.release	= mm_bench_release,
	.unlocked_ioctl	= mm_bench_ioctl,
};

static int __init mm_bench_init(void)
{
	debugfs_create_file_unsafe("mm_bench", 0600, NULL, NULL, &mm_bench_fops);
	return 0;
}
late_initcall(mm_bench_init);
