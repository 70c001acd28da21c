/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_MM_LOCAL_H
#define _MM_MM_LOCAL_H

/* The pages of mm-local memory and their page tables: mm/mm_local_pages.c */

struct mm_struct;
struct page;

int mm_local_get_pages(struct page **pages, unsigned int nr);
void mm_local_put_pages(struct page **pages, unsigned int nr);
int mm_local_map_page(struct mm_struct *mm, unsigned long addr, struct page *page);

#endif /* _MM_MM_LOCAL_H */
