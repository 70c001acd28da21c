// SPDX-License-Identifier: GPL-2.0
/*
 * What a process can do to the shadow stack that the kernel makes for one of its threads,
 * on x86_64.
 *
 * The process with shadow stacks is another one, which does one system call after the
 * other, as it is told to in memory that both share, without a call or a return in
 * between: Bochs, which has shadow stacks, loses where they are when it switches to
 * another thread.
 *
 * Where the kernel does not own the shadow stacks, nothing is skipped: the tests show
 * what a process can do there.
 */
#include "kselftest_harness.h"
#include <asm/unistd.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARCH_SHSTK_ENABLE	0x5001
#define SHSTK			1UL

/* A task, what it is to do next, and which one it becomes if that made another one. */
struct task {
	volatile long state;	/* 0 idle, 1 to do, 2 done */
	long nr, args[6], ret;
	struct task *child;
};

#define CLONE_THREAD_ALL (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

/* Do what the task is told.  Never returns, nor may it once there is a shadow stack. */
static void __attribute__((noreturn)) obey(struct task *task)
{
	register struct task *t __asm__("r12") = task;

	__asm__ volatile(
		"1:	cmpq	$1, %c[state](%%r12)\n"
		"	je	2f\n"
		"	movl	%[yield], %%eax\n"
		"	syscall\n"
		"	jmp	1b\n"
		"2:	movq	%c[nr](%%r12), %%rax\n"
		"	movq	%c[args](%%r12), %%rdi\n"
		"	movq	%c[args]+8(%%r12), %%rsi\n"
		"	movq	%c[args]+16(%%r12), %%rdx\n"
		"	movq	%c[args]+24(%%r12), %%r10\n"
		"	movq	%c[args]+32(%%r12), %%r8\n"
		"	movq	%c[args]+40(%%r12), %%r9\n"
		/* The parent may have another order by the time that the child looks. */
		"	movq	%c[child](%%r12), %%r13\n"
		"	syscall\n"
		/* Zero and somebody to become: this is the child. */
		"	testq	%%rax, %%rax\n"
		"	jnz	3f\n"
		"	testq	%%r13, %%r13\n"
		"	je	3f\n"
		"	movq	%%r13, %%r12\n"
		"	jmp	1b\n"
		"3:	movq	%%rax, %c[ret](%%r12)\n"
		"	movq	$2, %c[state](%%r12)\n"
		"	jmp	1b\n"
		: : "r" (t),
		    [state] "i" (offsetof(struct task, state)),
		    [nr] "i" (offsetof(struct task, nr)),
		    [args] "i" (offsetof(struct task, args)),
		    [ret] "i" (offsetof(struct task, ret)),
		    [child] "i" (offsetof(struct task, child)),
		    [yield] "i" (SYS_sched_yield)
		: "memory", "cc", "rax", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r13");
	__builtin_unreachable();
}

static bool is_done(const struct task *t)
{
	int i;

	for (i = 0; i < 10000 && t->state != 2; i++)
		usleep(1000);
	return t->state == 2;
}

static void begin(struct task *t, struct task *child, long nr, const long args[6])
{
	t->nr = nr;
	memcpy(t->args, args, sizeof(t->args));
	t->child = child;
	__atomic_store_n(&t->state, 1, __ATOMIC_RELEASE);
}

static long call_args(struct task *t, struct task *child, long nr, const long args[6])
{
	begin(t, child, nr, args);
	return is_done(t) ? t->ret : -ETIMEDOUT;
}

/* The task does a system call. */
#define call(t, nr, ...)	call_args(t, NULL, nr, (const long[6]){ __VA_ARGS__ })
/* That makes another task. */
#define fork_of(t, child, nr, ...) call_args(t, child, nr, (const long[6]){ __VA_ARGS__ })

struct range {
	unsigned long start, end;
	bool owned, sealed;
};

/* The n'th mapping of a process that is in the range, or shadow stack. */
static bool find(pid_t pid, unsigned long from, unsigned long to, bool shadow,
		 unsigned int n, struct range *r)
{
	unsigned long start = 0, end = 0;
	bool found = false;
	char line[512];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/smaps", pid);
	f = fopen(line, "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		unsigned long a, b;

		if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
			start = a;
			end = b;
			continue;
		}
		if (strncmp(line, "VmFlags:", 8) || end <= from || start >= to ||
		    (shadow && !strstr(line, " ss")) || n--)
			continue;
		*r = (struct range){
			.start = start, .end = end,
			.owned = strstr(line, " ko"), .sealed = strstr(line, " sl"),
		};
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static bool is_mapped(pid_t pid, const struct range *r)
{
	struct range got;

	return find(pid, r->start, r->end, false, 0, &got);
}

static void set(const char *path, const char *what)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(what, f);
		fclose(f);
	}
}

static bool warned(void)
{
	static char log[1 << 20];
	int len = klogctl(3, log, sizeof(log) - 1);

	log[len < 0 ? 0 : len] = '\0';
	/* Bochs gives others reason. */
	return strstr(log, "WARNING: arch/x86/kernel/shstk.c");
}

FIXTURE(shstk)
{
	pid_t pid, tid;
	struct task *main, *thread, *other, *third;
	struct range r;		/* the thread's shadow stack */
	unsigned long page;
};

FIXTURE_SETUP(shstk)
{
	unsigned int i, nr;
	struct range r;

	self->page = sysconf(_SC_PAGESIZE);
	self->main = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->main);
	self->thread = self->main + 1;
	self->other = self->main + 2;
	self->third = self->main + 3;
	set("/proc/sys/vm/max_map_count", "65530");
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (!self->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		obey(self->main);
	}
	setpgid(self->pid, self->pid);
	i = call(self->main, SYS_arch_prctl, ARCH_SHSTK_ENABLE, SHSTK);
	if (i) {
		kill(-self->pid, SIGKILL);
		SKIP(exit(KSFT_SKIP), "no shadow stacks: %d", i);
	}
	ASSERT_TRUE(find(self->pid, 0, -1, true, 0, &r));
	self->tid = fork_of(self->main, self->thread, SYS_clone, CLONE_THREAD_ALL);
	ASSERT_LT(0, self->tid);
	/* That of the thread is the other one. */
	for (nr = 0; find(self->pid, 0, -1, true, nr, &self->r); nr++) {
		if (self->r.start != r.start)
			break;
	}
	ASSERT_EQ(true, find(self->pid, 0, -1, true, nr, &self->r));
	/* Each is told once, until this. */
	set("/sys/kernel/debug/clear_warn_once", "1");
	klogctl(5, NULL, 0);
	ksft_print_msg("the kernel %s it\n", self->r.owned ? "owns" : "does not own");
}

FIXTURE_TEARDOWN(shstk)
{
	kill(-self->pid, SIGKILL);
	waitpid(self->pid, NULL, 0);
}

/* The thread exits, and is gone when its folder in /proc is. */
static bool thread_ends(struct task *t, pid_t pid, pid_t tid)
{
	char path[64];
	int i;

	begin(t, NULL, SYS_exit, (const long[6]){});
	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
	for (i = 0; i < 10000 && !access(path, F_OK); i++)
		usleep(1000);
	return access(path, F_OK);
}

#define EXPECT_UNMAPPED()						\
do {									\
	EXPECT_TRUE(thread_ends(self->thread, self->pid, self->tid));	\
	EXPECT_FALSE(is_mapped(self->pid, &self->r));			\
	/* The process is alive, and so the answer is one. */		\
	EXPECT_EQ(self->pid, call(self->main, SYS_getpid));		\
	EXPECT_FALSE(warned());						\
} while (0)

TEST_F(shstk, unmapped)
{
	EXPECT_UNMAPPED();
}

TEST_F(shstk, process_cannot_take_it_away)
{
	const long start = self->r.start, size = self->r.end - self->r.start;
	const long page = self->page;

	EXPECT_EQ(-EPERM, call(self->main, SYS_munmap, start, size));
	EXPECT_EQ(-EPERM, call(self->main, SYS_mmap, start, page, PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(-EPERM, call(self->main, SYS_mremap, start, page, 2 * page, MREMAP_MAYMOVE));
	EXPECT_EQ(-EPERM, call(self->main, SYS_mprotect, start, page, PROT_NONE));
	EXPECT_EQ(-EPERM, call(self->main, SYS_madvise, start, size, MADV_DONTNEED));
	/* What leaves the contents works as ever. */
	EXPECT_EQ(0, call(self->main, SYS_mlock2, start, size, MLOCK_ONFAULT));
	EXPECT_EQ(0, call(self->main, SYS_munlock, start, size));
	EXPECT_EQ(0, call(self->main, SYS_madvise, start, size, MADV_PAGEOUT));
	EXPECT_UNMAPPED();
}

/* What the process maps where it was is the process's. */
TEST_F(shstk, unmaps_nothing_else)
{
	const long start = self->r.start, page = self->page;
	long addr;

	call(self->main, SYS_munmap, start, self->r.end - start);
	addr = call(self->main, SYS_mmap, start, page, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_TRUE(thread_ends(self->thread, self->pid, self->tid));
	EXPECT_EQ(0, call(self->main, SYS_msync, addr, page, MS_ASYNC));
	EXPECT_FALSE(warned());
}

TEST_F(shstk, unmapped_after_mseal)
{
	EXPECT_EQ(0, call(self->main, __NR_mseal, self->r.start, self->page, 0));
	EXPECT_UNMAPPED();
}

/* A reason for which x86 does not warn, whoever owns it. */
TEST_F(shstk, fix_no_warning_after_mseal)
{
	EXPECT_EQ(0, call(self->main, __NR_mseal, self->r.start, self->page, 0));
	EXPECT_TRUE(thread_ends(self->thread, self->pid, self->tid));
	EXPECT_FALSE(warned());
}

TEST_F(shstk, unmapped_in_pieces)
{
	struct range r;
	long i;

	for (i = 1; i < 6; i += 2)
		ASSERT_EQ(0, call(self->main, SYS_madvise, self->r.start + i * self->page,
				  self->page, i == 1 ? MADV_DONTDUMP : MADV_RANDOM));
	EXPECT_TRUE(find(self->pid, self->r.start, self->r.end, true, 5, &r));
	EXPECT_UNMAPPED();
}

/* With as many mappings as are allowed, and what merges with it on either side. */
static void fill_up(struct task *t, const struct range *r, unsigned long page)
{
	long i;

	set("/proc/sys/vm/max_map_count", "100");
	call(t, __NR_map_shadow_stack, r->start - page, page, 0);
	call(t, __NR_map_shadow_stack, r->end, page, 0);
	for (i = 0; i < 200; i++) {
		if (call(t, SYS_mmap, 0, page, i & 1 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -ENOMEM)
			break;
	}
}

TEST_F(shstk, unmapped_at_the_limit)
{
	struct range r;

	fill_up(self->main, &self->r, self->page);
	EXPECT_EQ(-ENOMEM, self->main->ret);
	EXPECT_TRUE(thread_ends(self->thread, self->pid, self->tid));
	set("/proc/sys/vm/max_map_count", "65530");
	EXPECT_FALSE(find(self->pid, self->r.start, self->r.end, false, 0, &r));
	/* Those beside it are the process's. */
	EXPECT_TRUE(find(self->pid, self->r.end, self->r.end + 1, true, 0, &r));
	EXPECT_FALSE(r.owned || r.sealed);
	EXPECT_FALSE(warned());
}

TEST_F(shstk, fix_no_warning_at_the_limit)
{
	fill_up(self->main, &self->r, self->page);
	EXPECT_EQ(-ENOMEM, self->main->ret);
	EXPECT_TRUE(thread_ends(self->thread, self->pid, self->tid));
	set("/proc/sys/vm/max_map_count", "65530");
	EXPECT_FALSE(warned());
}

/* Once the first thread of a child has exited, does another one see its stack no more? */
static bool goes_with_first_thread(struct task *first, struct task *another,
				   const struct range *r)
{
	pid_t tid = fork_of(first, another, SYS_clone, CLONE_THREAD_ALL);
	int i;

	if (tid <= 0)
		return false;
	begin(first, NULL, SYS_exit, (const long[6]){});
	for (i = 0; i < 100 && is_mapped(tid, r); i++)
		usleep(10000);
	/* What has ended maps nothing, either. */
	return !is_mapped(tid, r) && call(another, SYS_gettid) == tid;
}

/* The copies in a child are the kernel's as well, and that of its first thread goes. */
TEST_F(shstk, fork)
{
	struct range r;
	pid_t pid;

	ASSERT_TRUE(find(self->pid, self->r.start, self->r.end, true, 0, &r));
	/* The thread forks, so that its stack is the first thread's of the child. */
	pid = fork_of(self->thread, self->other, SYS_clone, SIGCHLD);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(find(pid, self->r.start, self->r.end, true, 0, &r));
	EXPECT_TRUE(r.owned && r.sealed);
	EXPECT_EQ(-EPERM, call(self->other, SYS_munmap, r.start, r.end - r.start));
	EXPECT_EQ(-EPERM, call(self->other, SYS_madvise, r.start, self->page, MADV_DONTNEED));
	EXPECT_TRUE(goes_with_first_thread(self->other, self->third, &self->r));
	kill(pid, SIGKILL);
	EXPECT_UNMAPPED();
}

/* With CLONE_VFORK alone the child has a copy of the mm, and of the stack. */
TEST_F(shstk, vfork_with_a_copy)
{
	pid_t pid;

	begin(self->thread, self->other, SYS_clone, (const long[6]){ CLONE_VFORK | SIGCHLD });
	/* Who forks waits; the child is found by its first call. */
	pid = call(self->other, SYS_getpid);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(is_mapped(pid, &self->r));
	EXPECT_TRUE(goes_with_first_thread(self->other, self->third, &self->r));
	kill(pid, SIGKILL);
	EXPECT_TRUE(is_done(self->thread));
	EXPECT_UNMAPPED();
}

/* A clone that fails after its shadow stack was made. */
TEST_F(shstk, fix_failed_clone_leaves_nothing)
{
	struct range r;
	int i;

	EXPECT_FALSE(find(self->pid, 0, -1, true, 2, &r));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EPERM, call(self->main, SYS_clone, CLONE_THREAD_ALL | CLONE_SETTLS,
				       0, 0, 0, -1));
	EXPECT_FALSE(find(self->pid, 0, -1, true, 2, &r));
	EXPECT_UNMAPPED();
}

/*
 * One that shares the mm is killed while it exits, maybe while another one has the mmap
 * lock.  That is for chance: the base holds here, too.
 */
TEST_F(shstk, killed)
{
	long addr = call(self->main, SYS_mmap, 0, 64 << 20, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, n = 0;
	struct range r;
	int round;

	while (find(self->pid, 0, -1, true, n, &r))
		n++;
	for (round = 0; round < 3; round++) {
		pid_t pid;

		/* The order to exit of the round before. */
		self->other->state = 0;
		pid = fork_of(self->main, self->other, SYS_clone, CLONE_VM | SIGCHLD);
		ASSERT_LT(0, pid);
		EXPECT_TRUE(find(self->pid, 0, -1, true, n, &r));
		begin(self->main, NULL, SYS_mlock, (const long[6]){ addr, 64 << 20 });
		usleep(20000);
		begin(self->other, NULL, SYS_exit, (const long[6]){});
		usleep(20000);
		kill(pid, SIGKILL);
		EXPECT_TRUE(is_done(self->main));
		EXPECT_EQ(0, call(self->main, SYS_munlock, addr, 64 << 20));
		EXPECT_EQ(0, call(self->main, SYS_madvise, addr, 64 << 20, MADV_DONTNEED));
		for (i = 0; i < 100 && find(self->pid, 0, -1, true, n, &r); i++)
			usleep(10000);
		EXPECT_FALSE(find(self->pid, 0, -1, true, n, &r));
	}
	EXPECT_UNMAPPED();
}

TEST_HARNESS_MAIN
