// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel-owned VMAs and secret memory: every system call there is.
 *
 * calls.h has at least one line for each system call of the tree's own
 * table, and a test fails that names those without.  A line makes the call with
 * good arguments, and says which of them are addresses of memory, be it in
 * registers or in structures: its positions.  In one position after the other,
 * the address of good memory is replaced by one in or around an area of mm-secret
 * memory, and by one that is as far from an address in the window where nothing
 * is.  The result, or the signal and its si_code, has to be the same, and also at
 * the area's address when the area is gone.
 *
 * With good memory the result has to be another than with an unmapped user
 * address, or the position would test nothing.  Where it cannot be, the line says
 * why, and that is checked, too.
 *
 * The same program built for 32 bits tests the 32-bit entry points.  There, an
 * address fits only into the fields of structures that have 64 bits.  Elsewhere
 * the low 32 bits of it are used.
 */
#include "kselftest_harness.h"
#include <asm-generic/mman.h> /* Force the import of the tools version. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/kcmp.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <ucontext.h>
#include <unistd.h>

#include "proof_util.h"
#include "calls_tbl.h"
#include "vm_util.h"

/*
 * What a line is made of.
 */
#define MAX_POSITIONS	24
#define SIDES		3	/* the area, nothing, the area's address afterwards */
#define BAD_ADDRESS	0x20000	/* below all programs, above mmap_min_addr */
#define HANG_MS		20000
#define KEEP_FDS	200	/* descriptors from here on live as long as a child */

struct class {
	const char *name;
	int start, start_add;	/* in pages and bytes, from the start of the area */
	int end;		/* in pages; it matters for ranges only */
	bool range;		/* differs from others for ranges only */
	bool from_user;		/* begins in the user range */
};

static const struct class classes[] = {
	{ "its first page", 0, 0, 1 },
	{ "its second page", 1, 0, 2 },
	{ "inside of it, not aligned", 1, 0x128, 2 },
	{ "its last page", NPAGES - 1, 0, NPAGES },
	{ "its last bytes and what follows", NPAGES, -4, NPAGES + 1 },
	{ "the guard page below", -1, 0, 0 },
	{ "the last bytes below and what follows", 0, -4, 1 },
	{ "the guard page above", NPAGES, 0, NPAGES + 1 },
	{ "all of it", 0, 0, NPAGES, .range = true },
	{ "it and what is around", -1, 0, NPAGES + 1, .range = true },
	{ "from the user range into it", 0, 0, 1, .range = true, .from_user = true },
};

/* First comes the control. */
#define ENTRIES		(1 + ARRAY_SIZE(classes) * SIDES)
#define ENTRY(_class, _side)	\
	(1 + ((_side) < 2 ? 2 * (_class) + (_side) : 2 * ARRAY_SIZE(classes) + (_class)))

enum state { NOT_RUN, SKIPPED, RETURNED, SIGNALLED, KILLED, HUNG };

struct outcome {
	enum state state;
	int sig, code;
	int offset;		/* of the address told from the one given */
	long ret;		/* or -errno */
	bool itself;		/* the address given, plus .ret */
};

struct position {
	const char *name;	/* the line's words for good memory */
	const char *why;	/* it does not matter what is there */
	bool length;		/* it is a range's */
	bool narrow;		/* whose length has 32 bits */
	bool wide;		/* has 64 bits in a 32-bit program, too */
	bool never_good;	/* the call must not succeed */
};

/* What a child tells. */
struct report {
	unsigned int nr_positions;
	struct position positions[MAX_POSITIONS];
	struct outcome outcomes[ENTRIES];
	struct outcome *now;
	char broken[128];	/* the area is not as it was */
};

static struct report *report;

/* In a child: which position gets which address. */
static int wanted, next_position;
static __u64 probe, probe_length, last_value;

/* An area, by an address that a 32-bit program cannot hold in a pointer. */
struct area {
	int fd;
	__u64 addr, empty, size;
};

static struct area area = { .fd = -1 };
static bool area_there, in_control;
static bool pretend;	/* that an address with ordinary memory is an empty one */

#define BRK_ROOM	0x100000	/* bytes, for the program's heap */

static bool usable_below_4g(__u64 addr)
{
	unsigned long end = ((unsigned long)sbrk(0) & -page_size()) + BRK_ROOM;
	unsigned long len = (NPAGES + 4) * page_size();
	unsigned long low = (unsigned int)addr - 2 * page_size();
	void *mem;

	if (low < 0x1000000 || low > 0xc0000000)
		return false;
	/* Nor is it one where MAP_32BIT puts the good memory of int80_entry. */
	if (low < 0x80000000 && low + len > 0x40000000)
		return false;
	/*
	 * Nor is it one that brk() could take, nor, in a 32-bit program, one below it,
	 * which would do as a start of the heap.
	 */
	if (low < end && (sizeof(low) == 4 || low + len + BRK_ROOM > end))
		return false;
	mem = mmap((void *)end, page_size(), PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (mem != (void *)end && errno != EEXIST)
		return false;
	mem = mmap((void *)low, len, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (mem == MAP_FAILED)
		return false;
	munmap(mem, len);
	return mem == (void *)low;
}

static const char *area_make(struct area *a)
{
	struct mm_secret_test_range win = {};
	int tries;

	a->fd = open_mm_secret();
	if (a->fd < 0)
		return "cannot open " MM_SECRET_TEST;
	if (ioctl(a->fd, MM_SECRET_TEST_WINDOW, &win))
		return "MM_SECRET_TEST_WINDOW failed";
	for (tries = 0; tries < 100; tries++) {
		struct mm_secret_test_range range = { .size = NPAGES * page_size() };
		__u64 off;

		if (ioctl(a->fd, MM_SECRET_TEST_ALLOC, &range))
			return "MM_SECRET_TEST_ALLOC failed";
		a->addr = range.addr;
		a->size = range.size;
		/* Far away, in the low 32 bits, too. */
		off = (a->addr - win.addr + win.size / 2 + (1UL << 29)) % win.size;
		a->empty = win.addr + off;
		/*
		 * What a 32-bit program can name of the two is an ordinary address
		 * with nothing there.
		 */
		if (a->empty - win.addr > 1 << 20 &&
		    win.addr + win.size - a->empty > 1 << 20 &&
		    usable_below_4g(a->addr) && usable_below_4g(a->empty))
			break;
		dev_free(a->fd);
		if (ioctl(a->fd, MM_SECRET_TEST_ELSEWHERE))
			return "MM_SECRET_TEST_ELSEWHERE failed";
	}
	if (tries == 100)
		return "no suitable address";
	make_pattern(buffer, a->size, 0x5a);
	return dev_write(a->fd, 0, buffer, a->size) ? "MM_SECRET_TEST_WRITE failed" : NULL;
}

static const char *area_touched(const struct area *a)
{
	struct mm_secret_test_range range = {};

	if (ioctl(a->fd, MM_SECRET_TEST_ADDR, &range) || range.addr != a->addr)
		return "the area is gone";
	if (dev_read(a->fd, 0, buffer, a->size))
		return "the area cannot be read";
	if (!is_pattern(buffer, a->size, 0x5a))
		return "the area's contents have changed";
	return NULL;
}

/*
 * The notation of the lines.
 */
static __u64 position(const char *name, const char *why, bool wide, bool never_good,
		      __u64 good)
{
	int i = next_position++;

	if (i < MAX_POSITIONS)
		report->positions[i] = (struct position) {
			.name = name, .why = why, .wide = wide, .never_good = never_good,
		};
	report->nr_positions = next_position;
	last_value = i == wanted ? probe : good;
	return last_value;
}

static __u64 length(__u64 good)
{
	if (next_position <= MAX_POSITIONS)
		report->positions[next_position - 1].length = true;
	return next_position - 1 == wanted && probe_length ? probe_length : good;
}

/* It has to fit into 32 bits. */
static __u32 length32(__u32 good)
{
	__u32 len = length(good);

	if (next_position <= MAX_POSITIONS)
		report->positions[next_position - 1].narrow = true;
	return len;
}

/* The address of good memory, which is replaced. */
#define P(_good)	((unsigned long)position(#_good, NULL, false, false, (_good)))
/* It has 64 bits in a 32-bit program, too. */
#define P64(_good)	position(#_good, NULL, true, false, (_good))
/* The answer is the same whatever is there. */
#define ANY(_good, _why)	((unsigned long)position(#_good, _why, false, false, (_good)))
#define ANY64(_good, _why)	position(#_good, _why, true, false, (_good))
/* With good memory the call would succeed, and must not. */
#define ONLY_BAD(_why)	((unsigned long)position("(none)", _why, false, true, BAD_ADDRESS))
/* The length of the range that begins at the last address, and its end. */
#define LEN(_good)	((unsigned long)length(_good))
#define LEN64(_good)	length(_good)
#define LEN32(_good)	length32(_good)
#define END64(_good)	(last_value + length(_good))

static unsigned char arena[64 * 1024] __attribute__((aligned(65536)));
static size_t arena_used;

static unsigned long put(const void *what, size_t size)
{
	unsigned char *at = arena + arena_used;

	arena_used += (size + 63) & ~63UL;
	if (arena_used > sizeof(arena))
		abort();
	if (what)
		memcpy(at, what, size);
	else
		memset(at, 0, size);
	return (unsigned long)at;
}

/* Good memory: zeroes, a string, values of one size. */
#define buf(_size)	put(NULL, _size)
#define str(_string)	put(_string, sizeof(_string))
#define values(_type, ...) ({						\
	_type _v[] = { __VA_ARGS__ };					\
									\
	put(_v, sizeof(_v));						\
})
#define shorts(...)	values(unsigned short, __VA_ARGS__)
#define ints(...)	values(unsigned int, __VA_ARGS__)
#define words(...)	values(unsigned long, __VA_ARGS__)
#define quads(...)	values(__u64, __VA_ARGS__)
/* Two of 32 bits. */
#define PAIR(_low, _high)	((__u32)(_low) | (__u64)(__u32)(_high) << 32)
/* A 64-bit argument in registers, as a 32-bit program passes it. */
static __u64 arg64;
#ifdef __LP64__
#define ARG64(_v)	(arg64 = (_v))
#define ARG64_PAIR(_v)	ARG64(_v), 0
#else
#define ARG64(_v)	(unsigned long)(arg64 = (_v)), (unsigned long)(arg64 >> 32)
#define ARG64_PAIR(_v)	ARG64(_v)
#endif
#define KERNEL_SIGSET	8

static long make_call(long nr, const unsigned long *a)
{
	return ret_or_errno(syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

#define call(...)	make_call(nr, (unsigned long [6]) { __VA_ARGS__ })

/*
 * Things that calls are made on.  All are gone after the call, but for those in
 * the fixture.
 */
static int base_fd;
static pid_t helpers[16];
static unsigned int nr_helpers;
static int shm_id = -1, sem_id = -1, msg_id = -1;
static char queue_name[32];

static long fd_of(const char *path, int flags)
{
	return open(path, flags | O_NONBLOCK, 0700);
}

#define fd_zero()	fd_of("/dev/zero", O_RDWR)
#define fd_dir()	fd_of("/proc/self", O_RDONLY | O_DIRECTORY)
#define fd_mem()	fd_of("/proc/self/mem", O_RDWR)
#define fd_event()	eventfd(1, EFD_NONBLOCK)
#define fd_timer()	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)

static long fd_file(void)
{
	int fd = syscall(SYS_memfd_create, "file", 0);

	if (write(fd, arena, 256) != 256)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* The path of a file that can be opened for execution, but is no program. */
static unsigned long no_program(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%ld", fd_file());
	return put(path, strlen(path) + 1);
}

static long fd_pipe(bool write_end, bool full)
{
	int fds[2];

	if (pipe2(fds, O_NONBLOCK))
		return -1;
	if (full && write(fds[1], arena, 256) != 256)
		abort();
	return fds[write_end];
}

#define pipe_r()	fd_pipe(false, true)
#define pipe_w()	fd_pipe(true, false)

static int sockets[2];

/* A socket; its peer has sent something, or is there to get it. */
static long fd_socket(int type, int end)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name);
	int on = 1, i;

	if (type == SOCK_STREAM) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets))
			return -1;
	} else {
		for (i = 0; i < 2; i++) {
			sockets[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
			bind(sockets[i], (void *)&name, sizeof(sa_family_t));
		}
		getsockname(sockets[0], (void *)&name, &len);
		connect(sockets[1], (void *)&name, len);
		len = sizeof(name);
		getsockname(sockets[1], (void *)&name, &len);
		connect(sockets[0], (void *)&name, len);
	}
	setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (write(sockets[1], arena, 64) != 64)
		abort();
	return sockets[end];
}

#define sock_r()	fd_socket(SOCK_DGRAM, 0)
#define sock_w()	fd_socket(SOCK_DGRAM, 1)
#define stream()	fd_socket(SOCK_STREAM, 0)
#define sock_new()	socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)

/* One that has a connection to accept. */
static long sock_listening(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name);
	int fd = sock_new(), other = sock_new();

	bind(fd, (void *)&name, sizeof(sa_family_t));
	bind(other, (void *)&name, sizeof(sa_family_t));
	listen(fd, 4);
	getsockname(fd, (void *)&name, &len);
	if (connect(other, (void *)&name, len))
		abort();
	return fd;
}

static unsigned long socket_name(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	memcpy(name.sun_path, path, strlen(path + 1) + 1);
	return put(&name, sizeof(name));
}

#define nobody()	socket_name("/nowhere/at/all")
#define abstract()	socket_name("\0proof_calls")

static unsigned long descriptor_message(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} m = {
		.header = {
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};

	return put(&m, sizeof(m));
}

#define message(...)	words(__VA_ARGS__)

/* Nothing but the length says whether there is a control message. */
static long receive(long nr, long fd, unsigned long msg)
{
	long ret = call(fd, msg, MSG_DONTWAIT);
	const struct msghdr *m = (void *)msg;

	return ret < 0 ? ret : ret << 16 | m->msg_controllen;
}

static long fd_epoll(void)
{
	int fd = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };

	epoll_ctl(fd, EPOLL_CTL_ADD, fd_event(), &event);
	return fd;
}

static long fd_self(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

static long fd_queue(bool full)
{
	int fd = mq_open(queue_name, O_RDWR | O_NONBLOCK);
	struct mq_attr attr;
	char message[64];

	/* It is the same one for all. */
	while (!mq_getattr(fd, &attr) && attr.mq_curmsgs)
		mq_receive(fd, message, sizeof(message), NULL);
	if (full)
		mq_send(fd, "message", 8, 0);
	return fd;
}

static long with_message(void)
{
	struct {
		long type;
		char text[8];
	} m = { .type = 1 };

	while (msgrcv(msg_id, &m, sizeof(m.text), 0, IPC_NOWAIT) >= 0)
		;
	m.type = 1;
	msgsnd(msg_id, &m, sizeof(m.text), IPC_NOWAIT);
	return msg_id;
}

/* Memory in pages. */
static unsigned long used_pages[8];
static unsigned int nr_used_pages;

static unsigned long pages_of(int flags)
{
	void *mem = mmap(NULL, NPAGES * page_size(), PROT_READ | PROT_WRITE,
			 flags | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED || nr_used_pages == ARRAY_SIZE(used_pages))
		abort();
	*(char *)mem = 1;
	used_pages[nr_used_pages++] = (unsigned long)mem;
	return (unsigned long)mem;
}

#define pages()		pages_of(MAP_PRIVATE)
#define shared_pages()	pages_of(MAP_SHARED)

static unsigned long no_pages(void)
{
	unsigned long mem = pages();

	madvise((void *)mem, NPAGES * page_size(), MADV_DONTNEED);
	return mem;
}

static unsigned long attached(void)
{
	return (unsigned long)shmat(shm_id, NULL, 0);
}

/* What is mapped, is not unmapped afterwards, or the other way round. */
static long mapped(long nr, unsigned long addr, unsigned long len, int flags)
{
	long ret = call(addr, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (ret < 0 && ret > -4096)
		return ret;
	munmap((void *)ret, len);
	return (unsigned long)ret == addr;
}

static bool is_mapped(unsigned long addr)
{
	return !msync((void *)addr, page_size(), MS_ASYNC);
}

static long unmapped(long nr, unsigned long addr, unsigned long len)
{
	bool before = is_mapped(addr);
	long ret = call(addr, len);

	return ret < 0 ? ret : before << 1 | is_mapped(addr);
}

/* Where it is moved to does not matter. */
static long moved(long ret)
{
	return ret < 0 && ret > -4096 ? ret : 0;
}

static long detached(long ret)
{
	if (ret < 0 && ret > -4096)
		return ret;
	shmdt((void *)ret);
	return 0;
}

#ifdef __i386__
/* The old calls take addresses in memory, or put them there. */
static long old_mapped(long nr, unsigned long addr, unsigned long len, int flags)
{
	long ret = call(words(addr, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0));

	if (ret < 0 && ret > -4096)
		return ret;
	munmap((void *)ret, len);
	return (unsigned long)ret == addr;
}

static long old_detached(long nr, unsigned long addr)
{
	unsigned long at = buf(sizeof(long));
	long ret = call(21, shm_id, 0, at, addr);

	return ret ? ret : detached(*(long *)at);
}
#endif

/* The data segment is as it was, or is larger. */
static long new_brk(long nr, unsigned long addr)
{
	return call(addr) - call(0) ? -1 : call(0) == (long)addr;
}

/* The last page of the user range, or one of the last. */
static unsigned long last_page;

/* Every advice; those that poison pages only where that is refused. */
static long every_advice(long nr, unsigned long addr, unsigned long len)
{
	unsigned long sum = 0;
	int advice;

	for (advice = -1; advice <= 120; advice++) {
		if ((advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE) &&
		    (in_control || addr == last_page))
			continue;
		sum = sum * 31 + -call(addr, len, advice);
	}
	return sum & INT_MAX;
}

/* Other processes. */
static void remember(pid_t pid)
{
	if (pid > 0 && nr_helpers < ARRAY_SIZE(helpers))
		helpers[nr_helpers++] = pid;
}

static unsigned char child_stack[16384] __attribute__((aligned(64)));
#define stack_top()	((unsigned long)child_stack + sizeof(child_stack))

static int zombie_main(void *arg __maybe_unused)
{
	return 0;
}

static pid_t zombie(void)
{
	pid_t pid = clone(zombie_main, (void *)stack_top(), CLONE_VM | CLONE_VFORK | SIGCHLD,
			  NULL);
	siginfo_t info;

	remember(pid);
	while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	return pid;
}

static int tracee_main(void *arg __maybe_unused)
{
	syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	_exit(0);
}

/* A stopped tracee, which has the same memory: an area, too. */
static pid_t tracee(void)
{
	static char stack[16384] __attribute__((aligned(64)));
	static pid_t pid;
	int status;

	if (pid)
		return pid;
	pid = clone(tracee_main, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
	return pid;
}

/* How a child of ours has ended. */
static long ended(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status;
}

/* For calls that return twice: nothing on the stack may be relied on. */
static __always_inline long bare_call(long nr, unsigned long a, unsigned long b,
				      unsigned long c, unsigned long d,
				      unsigned long e)
{
	long ret;
#ifdef __x86_64__
	register unsigned long r10 asm("r10") = d;
	register unsigned long r8 asm("r8") = e;

	asm volatile("syscall\n\t"
		     "test %%eax, %%eax\n\t"
		     "jnz 1f\n\t"
		     "push %%rax\n\t"		/* the stack that it was given */
		     "xor %%edi, %%edi\n\t"
		     "mov $60, %%eax\n\t"	/* exit */
		     "syscall\n"
		     "1:"
		     : "=a" (ret)
		     : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8)
		     : "rcx", "r11", "memory");
#elif defined(__i386__)
	asm volatile("int $0x80\n\t"
		     "test %%eax, %%eax\n\t"
		     "jnz 1f\n\t"
		     "push %%eax\n\t"
		     "xor %%ebx, %%ebx\n\t"
		     "mov $1, %%eax\n\t"
		     "int $0x80\n"
		     "1:"
		     : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e)
		     : "memory");
#else
	ret = syscall(nr, a, b, c, d, e);
	if (!ret)
		_exit(0);
	ret = ret_or_errno(ret);
#endif
	return ret;
}

static long clone_and_wait(long nr, const unsigned long *a)
{
	long ret = bare_call(nr, a[0], a[1], a[2], a[3], a[4]);

	return ret < 0 ? ret : ended(ret);
}

#define cloned(...)	clone_and_wait(nr, (unsigned long [6]) { __VA_ARGS__ })

/* Signals. */
static void on_signal(int sig __maybe_unused)
{
}

static long with_pending(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	return 0;
}

static unsigned long own_code(void)
{
	return (unsigned long)on_signal;
}

#define usr1_set()	quads(1ULL << (SIGUSR1 - 1))

/* Something comes in between, again and again. */
static timer_t interrupter;
static bool interrupting;

static long interrupted(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR1,
	};
	struct itimerspec when = {
		.it_value.tv_nsec = 5000000,
		.it_interval.tv_nsec = 5000000,
	};

	timer_create(CLOCK_MONOTONIC, &event, &interrupter);
	timer_settime(interrupter, 0, &when, NULL);
	interrupting = true;
	return 0;
}

/* The kernel's id of a timer. */
static long timer(void)
{
	int id = -1;

	syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id);
	return id;
}

#ifdef __LP64__
#define sigevent_words(_value, _signo, _notify)	\
	words(_value, PAIR(_signo, _notify), 0, 0, 0, 0, 0, 0)
#else
#define sigevent_words(_value, _signo, _notify)	\
	words(_value, _signo, _notify, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#endif

static long frame_nr;

static void at_frame(unsigned long sp)
{
	sp = P(sp);
#ifdef __x86_64__
	asm volatile("mov %0, %%rsp\n\tsyscall" : : "r" (sp), "a" (frame_nr) : "memory");
#elif defined(__i386__)
	asm volatile("mov %0, %%esp\n\tint $0x80" : : "r" (sp), "a" (frame_nr) : "memory");
#elif defined(__aarch64__)
	register long x8 asm("x8") = frame_nr;

	asm volatile("mov sp, %0\n\tsvc #0" : : "r" (sp), "r" (x8) : "memory");
#endif
}

static void on_info(int sig __maybe_unused, siginfo_t *info __maybe_unused,
		    void *context __maybe_unused)
{
#ifdef __i386__
	at_frame((unsigned long)__builtin_frame_address(0) + 8);
#elif defined(__aarch64__)
	at_frame((unsigned long)info);
#else
	at_frame((unsigned long)context);
#endif
}

static void on_old(int sig __maybe_unused)
{
	at_frame((unsigned long)__builtin_frame_address(0) + 12);
}

/* Returns from a signal handler with the stack where it is told. */
static long sigreturn_at(long nr, bool info)
{
	struct sigaction act = { .sa_handler = on_old };

	if (info) {
		act.sa_flags = SA_SIGINFO;
		act.sa_sigaction = on_info;
	}
	frame_nr = nr;
	sigaction(SIGUSR2, &act, NULL);
	raise(SIGUSR2);
	return 0;
}

/* A stack for signals is used only when there is one. */
static long signal_on_stack(long nr, unsigned long ss)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	long ret = call(ss, 0);

	sigaction(SIGUSR2, &act, NULL);
	raise(SIGUSR2);
	return ret;
}

#define sigstack(_addr)	words(_addr, 0, sizeof(child_stack))

static long signal_by(long ret)
{
	raise(SIGUSR2);
	return ret;
}

#ifdef __x86_64__
#define SA_RESTORER	0x04000000

static unsigned long restorer(void)
{
	unsigned long old[4];
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(SIGUSR2, &act, NULL);
	syscall(SYS_rt_sigaction, SIGUSR2, NULL, old, 8);
	return old[2];
}

#define sigaction_words(_handler, _restorer) ({				\
	unsigned long _h = _handler, _r = _restorer;			\
									\
	words(_h, SA_RESTORER, _r ?: restorer(), 0);			\
})
#else
#define sigaction_words(_handler, _restorer)	words(_handler, 0, _restorer, 0, 0)
#endif

/* AIO: a context that has an event, and one operation with its result. */
static unsigned long aio(void)
{
	unsigned long ctx = 0;

	if (syscall(SYS_io_setup, 4, &ctx))
		return 0;
	return ctx;
}

static long aio_result(long nr, unsigned long iocb)
{
	struct io_event event = {};
	unsigned long list = iocb, ctx = aio();
	long ret = call(ctx, 1, (unsigned long)&list);

	if (ret != 1)
		return ret;
	if (syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) != 1)
		return -EIO;
	return event.res;
}

static unsigned long aio_with_event(void)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd_zero(),
			   .aio_buf = buf(64), .aio_nbytes = 64 };
	unsigned long ctx = aio();
	struct iocb *list = &cb;

	syscall(SYS_io_submit, ctx, 1, &list);
	return ctx;
}

#define iocb(_op, _fd, _addr, _len)	\
	quads(0, 0, PAIR(_op, _fd), _addr, _len, 0, 0, 0)

/* io_uring: one operation and its result. */
static struct {
	int fd;
	unsigned char *rings;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
} ring = { .fd = -1 };

static long fd_ring(void)
{
	struct io_uring_params *p = &ring.params;
	int fd;

	if (ring.fd >= 0)
		return ring.fd;
	memset(p, 0, sizeof(*p));
	fd = syscall(SYS_io_uring_setup, 4, p);
	if (fd < 0)
		return -1;
	ring.fd = fcntl(fd, F_DUPFD_CLOEXEC, KEEP_FDS);
	close(fd);
	ring.rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
			  IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
			 IORING_OFF_SQES);
	if (ring.rings == MAP_FAILED || (void *)ring.sqes == MAP_FAILED)
		abort();
	return ring.fd;
}

#define RING_WORD(_which, _word) \
	(*(unsigned int *)(ring.rings + ring.params._which._word))

static long ring_result(long nr, const struct io_uring_sqe *sqe)
{
	struct __kernel_timespec ts = { .tv_sec = 2 };
	struct io_uring_getevents_arg arg = { .ts = (unsigned long)&ts };
	unsigned int tail, head, mask;
	struct io_uring_cqe *cqe;
	bool more;
	long ret;

	if (fd_ring() < 0)
		return -ENOSYS;
	mask = RING_WORD(sq_off, ring_mask);
	tail = RING_WORD(sq_off, tail);
	ring.sqes[tail & mask] = *sqe;
	(&RING_WORD(sq_off, array))[tail & mask] = tail & mask;
	__atomic_store_n(&RING_WORD(sq_off, tail), tail + 1, __ATOMIC_RELEASE);
	ret = call(ring.fd, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
		   (unsigned long)&arg, sizeof(arg));
	if (ret < 0)
		return ret;
	/* The result is the first of several. */
	mask = RING_WORD(cq_off, ring_mask);
	ret = -ETIME;
	do {
		head = RING_WORD(cq_off, head);
		if (head == __atomic_load_n(&RING_WORD(cq_off, tail), __ATOMIC_ACQUIRE) &&
		    call(ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
			 (unsigned long)&arg, sizeof(arg)) < 0)
			break;
		cqe = (struct io_uring_cqe *)&RING_WORD(cq_off, cqes) + (head & mask);
		if (ret == -ETIME)
			ret = cqe->res;
		more = cqe->flags & IORING_CQE_F_MORE;
		__atomic_store_n(&RING_WORD(cq_off, head), head + 1, __ATOMIC_RELEASE);
	} while (more);
	return ret;
}

#define RING(_op, ...)	ring_result(nr, &(struct io_uring_sqe) {		\
				.opcode = IORING_OP_##_op, __VA_ARGS__ })

/* A ring of its own, whose file is gone afterwards. */
static long new_ring(void)
{
	struct io_uring_params p = {};

	return syscall(SYS_io_uring_setup, 4, &p);
}

/* userfaultfd */
static int uffd = -1;

static long uffd_with(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	ioctl(uffd, UFFDIO_API, &api);
	return uffd;
}

#define fd_uffd()	uffd_with(0)

static unsigned long registered_for(unsigned long addr, __u64 mode)
{
	struct uffdio_register reg = {
		.range = { .start = addr, .len = NPAGES * page_size() },
		.mode = mode,
	};

	ioctl(uffd, UFFDIO_REGISTER, &reg);
	return addr;
}

#define registered(_addr)						\
	registered_for(_addr, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP)

/* bpf */
static long fd_map(bool full)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8,
		.max_entries = 4,
	};
	int fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	__u64 value = 0;
	__u32 key = 0;

	if (full) {
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = fd;
		attr.key = (unsigned long)&key;
		attr.value = (unsigned long)&value;
		syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
	}
	return fd;
}

/* r0 = 0; exit */
#define bpf_code()	quads(0xb7, 0x95)

static long fd_prog(void)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
		.insns = bpf_code(), .license = str("GPL"),
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define BPF(_cmd, ...)							\
	call(BPF_##_cmd, (unsigned long)&(union bpf_attr) { __VA_ARGS__ },	\
	     sizeof(union bpf_attr))

/* perf */
static unsigned long perf_attr(unsigned int type, __u64 config, __u64 bp_addr)
{
	struct perf_event_attr attr = {
		.type = type, .size = sizeof(attr), .config = config, .disabled = 1,
		.bp_type = type == PERF_TYPE_BREAKPOINT ? 2 : 0,
	};

	attr.bp_addr = bp_addr;
	attr.bp_len = bp_addr ? 1 : 0;
	return put(&attr, sizeof(attr));
}

#define perf_clock()	perf_attr(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, 0)

static long fd_perf(void)
{
	return syscall(SYS_perf_event_open, perf_clock(), 0, -1, -1, 0);
}

/* Keys */
static long key(void)
{
	return syscall(SYS_add_key, "user", "calls", "payload", 7, -2);
}

/* seccomp and sockets: let all pass */
#define filter_code()	quads(0x7fff000000000006)

static long with_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static long with_group(void)
{
	gid_t group = 1;

	return syscall(SYS_setgroups, 1, &group);
}

/* kernfs has extended attributes. */
#define XATTR_PATH	"/sys/kernel"
#define XATTR_NAME	"trusted.proof_calls"
#define fd_xattr()	fd_of(XATTR_PATH, O_RDONLY)

/* PR_SET_MM_MAP, as it is but for one word */
static unsigned long mm_map_with(int which, __u64 value)
{
	const unsigned long low = own_code() & -page_size(), top = (unsigned long)sbrk(0) & -page_size();
	/* code, data, start_brk, brk, stack, arguments, environment: no compat layout */
	__u64 map[13] = { low, low + 1, low, low + 1, top, top, low, low, low, low, low };
	__u32 auxv_size = which == 11 ? 2 * sizeof(long) : 0;

	if (which >= 0)
		map[which] = value;
	map[12] = PAIR(auxv_size, -1);
	return put(map, sizeof(map));
}

#define mm_map_size()	(13 * sizeof(__u64))

/* For options of the kernel whose absence has another answer. */
static long if_there(bool there, long ret)
{
	return there ? ret : -ENOSYS;
}

static bool has_dispatch(void)
{
	return !prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
}

/* The selector is read at each call. */
static long dispatch_to(long nr, unsigned long selector)
{
	long ret;

	if (!has_dispatch())
		return -ENOSYS;
	ret = call(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, selector);
	if (ret)
		return ret;
	syscall(SYS_getpid);
	call(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	return 0;
}

/*
 * Threads, of which something happens when they end: a futex in their list is
 * marked, or a word is cleared.
 */
#define FUTEX_AT	16	/* from the list's entry */

static unsigned long thread_entry;
static unsigned int *thread_word;
static long thread_nr;
static unsigned long thread_arg, thread_arg2;

static unsigned long robust_entry(void)
{
	thread_entry = buf(64);
	thread_word = (unsigned int *)(thread_entry + FUTEX_AT);
	return thread_entry;
}

static unsigned long robust_head(unsigned long entry)
{
	unsigned long head = words(entry, FUTEX_AT, 0);

	*(unsigned long *)thread_entry = head;
	return head;
}

static unsigned long tid_word(void)
{
	unsigned long word = ints(1);

	thread_word = (unsigned int *)word;
	return word;
}

static int thread_main(void *robust)
{
	if (robust)
		*thread_word = syscall(SYS_gettid);
	return syscall(thread_nr, thread_arg, thread_arg2) < 0;
}

static long in_thread(long nr, bool robust, unsigned long arg, unsigned long arg2)
{
	pid_t pid;

	thread_nr = nr;
	thread_arg = arg;
	thread_arg2 = arg2;
	pid = clone(thread_main, child_stack + sizeof(child_stack), CLONE_VM | SIGCHLD,
		    robust ? child_stack : NULL);
	if (pid < 0)
		return -errno;
	ended(pid);
	return robust ? *thread_word & FUTEX_OWNER_DIED : *thread_word;
}

/* Memory for io_uring's rings. */
static unsigned long ring_params(__u64 rings, __u64 sqes)
{
	struct io_uring_params p = { .flags = IORING_SETUP_NO_MMAP };

	p.cq_off.user_addr = rings;
	p.sq_off.user_addr = sqes;
	return put(&p, sizeof(p));
}

static long clone3_and_wait(long nr, unsigned long args)
{
	long ret = bare_call(nr, args, 88, 0, 0, 0);

	return ret < 0 ? ret : ended(ret);
}

static __u64 mount_id(void)
{
	__u64 st[32] = {};

	syscall(SYS_statx, AT_FDCWD, "/", 0, STATX_MNT_ID_UNIQUE, st);
	return st[18];
}

static unsigned int root_device(void)
{
	struct stat st = {};

	stat("/", &st);
	return st.st_dev;
}

#ifdef __aarch64__
/* With tags, if the CPU has some. */
static unsigned long tagged(void)
{
	unsigned long mem = pages();

	mprotect((void *)mem, NPAGES * page_size(), PROT_READ | PROT_WRITE | PROT_MTE);
	return mem;
}

static long if_tags(long ret)
{
	return getauxval(AT_HWCAP2) & HWCAP2_MTE ? ret : -ENOSYS;
}
#endif

#ifdef __x86_64__
static unsigned long low_pages(void)
{
	return (unsigned long)mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_POPULATE,
				   -1, 0);
}

/* The entry of 32-bit programs. */
static long int80(long nr, unsigned long a, unsigned long b, unsigned long c)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c)
		     : "r8", "r9", "r10", "r11", "memory");
	return (int)ret;
}
#endif

/* The 32-bit entry of a 64-bit program. */
#ifdef __x86_64__
#define GROUP_INT80(_g)	_g(int80_entry)
#else
#define GROUP_INT80(_g)
#endif

/*
 * The table.
 */
#define GROUPS(_g)							\
	_g(mapping) _g(advice) _g(locking) _g(numa) _g(userfaultfd)		\
	_g(pagemap) _g(reading) _g(writing) _g(splicing) _g(paths)		\
	_g(paths_at) _g(attributes) _g(xattrs) _g(descriptors) _g(polling)	\
	_g(sockets) _g(socket_messages) _g(ioctls) _g(signals)		\
	_g(signal_frames) _g(clocks) _g(timers) _g(sysv_ipc) _g(queues)		\
	_g(processes) _g(scheduling) _g(credentials) _g(limits)		\
	_g(system) _g(modules) _g(prctls) _g(arch) _g(tracing)		\
	_g(other_processes) _g(futexes) _g(thread_lists) _g(aio_calls)		\
	_g(io_uring_calls) _g(io_uring_registers) _g(io_uring_buffers)	\
	_g(io_uring_operations) _g(bpf_calls) _g(perf) _g(keys) _g(mounts)		\
	_g(namespaces) _g(watching) _g(restrictions) GROUP_INT80(_g)

enum group {
	G_NONE,
#define DECLARE(_group)	G_##_group,
	GROUPS(DECLARE)
#undef DECLARE
};

struct line {
	const char *call;
	const char *variant;
	enum group group;
	bool fresh;		/* a child for each call: it changes the caller */
	long (*make)(long nr);
	const char *why;	/* it is not made */
};

/* A call, and its arguments in registers. */
#define CALL(_name, _group, ...)	LINE(_name, , _group, false, call(__VA_ARGS__))
/* Another way to make it. */
#define MORE(_name, _variant, _group, ...)				\
	LINE(_name, _variant, _group, false, call(__VA_ARGS__))
/* In whatever way. */
#define WITH(_name, _variant, _group, ...)				\
	LINE(_name, _variant, _group, false, __VA_ARGS__)
/* It changes the process that makes it, if it succeeds. */
#define ONCE(_name, _variant, _group, ...)				\
	LINE(_name, _variant, _group, true, __VA_ARGS__)

#define LINE(_name, _variant, _group, _fresh, ...)			\
static long x_##_name##_##_variant(long nr)				\
{									\
	return __VA_ARGS__;						\
}
#define NONE(_name)
#define NOT(_name, _why)
#include "calls.h"
#undef LINE
#undef NONE
#undef NOT

static const struct line lines[] = {
#define LINE(_name, _variant, _group, _fresh, ...)			\
	{ #_name, #_variant, G_##_group, _fresh, x_##_name##_##_variant, NULL },
/* It takes no address of memory. */
#define NONE(_name)	{ #_name, "", G_NONE, false, NULL, NULL },
#define NOT(_name, _why)	{ #_name, "", G_NONE, false, NULL, _why },
#include "calls.h"
};

struct tree_call {
	long nr;
	const char *name;
	bool there;		/* it has a function */
};

#define TREE(_nr, _name, _there)	{ _nr, #_name, _there },
#ifdef __i386__
static const struct tree_call tree[] = { TREE_32 };
static const struct tree_call other_tree[] = { TREE_64 };
#else
static const struct tree_call tree[] = { TREE_64 };
static const struct tree_call other_tree[] = { TREE_32 };
#endif

static const struct tree_call *find_call(const struct tree_call *in, size_t n,
					 const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(in[i].name, name))
			return &in[i];
	}
	return NULL;
}

/*
 * A child makes the calls of one line.
 */
static void note_result(struct outcome *o, long ret)
{
	long off = ret - (long)probe;

	o->ret = ret;
	if (probe && off > -(1 << 16) && off < 1 << 16) {
		o->ret = off;
		o->itself = true;
	}
	o->state = RETURNED;
}

static void note_broken(void)
{
	const char *what = area_touched(&area);

	if (what)
		strncpy(report->broken, what, sizeof(report->broken) - 1);
}

static void on_fault(int sig, siginfo_t *info, void *context __maybe_unused)
{
	struct outcome *o = report->now;
	long off = (long)info->si_addr - (long)probe;

	o->sig = sig;
	o->code = info->si_code;
	o->offset = off > -(1 << 16) && off < 1 << 16 ? off : -1;
	o->state = SIGNALLED;
	if (area_there)
		note_broken();
	_exit(0);
}

static void make_line(const struct line *line, long nr, struct outcome *o)
{
	unsigned int i;
	sigset_t none;

	arena_used = 0;
	next_position = 0;
	nr_helpers = 0;
	sigemptyset(&none);
	report->now = o;
	note_result(o, line->make(nr));
	if (interrupting)
		timer_delete(interrupter);
	interrupting = false;
	for (i = 0; i < nr_helpers; i++)
		waitpid(helpers[i], NULL, __WALL);
	while (nr_used_pages)
		munmap((void *)used_pages[--nr_used_pages], NPAGES * page_size());
	sigprocmask(SIG_SETMASK, &none, NULL);
	syscall(SYS_close_range, base_fd, KEEP_FDS - 1, 0);
}

static void child_setup(void)
{
	const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS };
	static unsigned char handler_stack[65536];
	stack_t ss = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
	struct sigaction act = { .sa_handler = on_signal };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &act, NULL);
	act.sa_sigaction = on_fault;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK;
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &act, NULL);
	base_fd = dup(0);
	close(base_fd);
}

static unsigned long map_last_page(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (!last_page)
		last_page = map_last_user_page();
	mmap((void *)last_page, page_size(), PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	*(char *)last_page = 1;
	return last_page;
}

static bool is_needed(const struct position *pos, const struct class *class)
{
	if (!class->range)
		return true;
	if (!pos->length)
		return false;
	/* Half of an address says nothing about a range that leads to it. */
	return !class->from_user || (!pos->narrow && (sizeof(long) == 8 || pos->wide));
}

/* Where an entry's call goes; false if it is not needed. */
static bool aim(unsigned int e, const struct position *what)
{
	const bool after = e >= ENTRY(0, 2);
	const struct class *class;
	__u64 base;

	if (!e) {
		probe = BAD_ADDRESS;
		probe_length = 0;
		return !what->never_good;
	}
	class = &classes[after ? e - ENTRY(0, 2) : (e - 1) / 2];
	base = after || e % 2 ? area.addr : area.empty;
	probe = base + class->start * (long)page_size() + class->start_add;
	probe_length = (class->end - class->start) * (long)page_size();
	if (class->from_user && is_needed(what, class)) {
		probe = map_last_page();
		probe_length = base + page_size() - probe;
	}
	if (sizeof(long) < 8 && !what->wide)
		probe = (__u32)probe;
	return is_needed(what, class);
}

/* Calls number @from and following, of at most @n. */
static void child_entries(const struct line *line, long nr, int pos,
			  const struct position *what, unsigned int from, unsigned int n)
{
	unsigned int e;

	if (area_make(&area)) {
		strcpy(report->broken, "no area");
		_exit(0);
	}
	area_there = true;
	child_setup();
	if (pretend)
		area.empty = map_ordinary(area.size);
	wanted = pos;
	for (e = from; e < ENTRIES && e < from + n; e++) {
		struct outcome *o = &report->outcomes[e];

		if (!aim(e, what)) {
			o->state = SKIPPED;
			continue;
		}
		if (e >= ENTRY(0, 2) && area_there) {
			note_broken();
			dev_free(area.fd);
			area_there = false;
		}
		in_control = !e;
		make_line(line, nr, o);
	}
	if (area_there)
		note_broken();
	_exit(0);
}

static void child_good(const struct line *line, long nr)
{
	area.fd = open_mm_secret();	/* so that descriptors have the same numbers */
	child_setup();
	in_control = true;
	wanted = -1;
	make_line(line, nr, &report->outcomes[0]);
	_exit(0);
}

static void wait_for_child(pid_t pid)
{
	struct pollfd poller = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status = 0;

	if (poll(&poller, 1, HANG_MS) == 0) {
		kill(pid, SIGKILL);
		report->now->state = HUNG;
	}
	close(poller.fd);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && report->now && report->now->state == NOT_RUN) {
		report->now->state = KILLED;
		report->now->sig = WTERMSIG(status);
	}
}

static void with_good_memory(const struct line *line, long nr)
{
	pid_t pid;

	memset(report, 0, sizeof(*report));
	report->now = &report->outcomes[0];
	fflush(NULL);
	pid = fork();
	if (!pid)
		child_good(line, nr);
	wait_for_child(pid);
}

static void entries(const struct line *line, long nr, int pos, const struct position *what)
{
	unsigned int e = 0;
	pid_t pid;

	memset(report->outcomes, 0, sizeof(report->outcomes));
	report->broken[0] = '\0';
	while (e < ENTRIES) {
		report->now = &report->outcomes[e];
		fflush(NULL);
		pid = fork();
		if (!pid)
			child_entries(line, nr, pos, what, e, line->fresh ? 1 : ENTRIES);
		wait_for_child(pid);
		if (report->outcomes[e].state == NOT_RUN)
			break;
		while (e < ENTRIES && report->outcomes[e].state != NOT_RUN)
			e++;
	}
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->state == b->state && a->sig == b->sig && a->code == b->code &&
		a->offset == b->offset && a->ret == b->ret && a->itself == b->itself;
}

static const char *tell(const struct outcome *o)
{
	static char texts[4][64];
	static unsigned int next;
	char *to = texts[next++ % ARRAY_SIZE(texts)];

	switch (o->state) {
	case RETURNED:
		if (o->itself)
			snprintf(to, 64, "its address + %ld", o->ret);
		else
			snprintf(to, 64, "%ld", o->ret);
		break;
	case SIGNALLED:
		snprintf(to, 64, "signal %d, code %d", o->sig, o->code);
		break;
	case KILLED:
		snprintf(to, 64, "death by signal %d", o->sig);
		break;
	case HUNG:
		return "a call that hangs";
	default:
		return "nothing";
	}
	return to;
}

static const char *const sides[] = { "in the window", "nothing there", "after the free" };

static struct {
	unsigned int lines, positions, exceptions, calls;
	unsigned int not_there, needs_root;
} totals;

/*
 * Whether what the line needs is there: in this kernel, for this user.  Not only the
 * call may be for root, also what prepares it, so that any result will do; the run
 * as root shows that there is a difference.
 */
static bool is_missing(const struct outcome *good)
{
	if (good->state != RETURNED || good->itself)
		return false;
	if (good->ret == -ENOSYS || good->ret == -EOPNOTSUPP) {
		totals.not_there++;
		return true;
	}
	if (geteuid()) {
		totals.needs_root++;
		return true;
	}
	return false;
}

static void drive_position(struct __test_metadata *_metadata, const struct line *line,
			   long nr, int pos, const struct position *what,
			   const struct outcome *good)
{
	const char *variant = line->variant[0] ? line->variant : "as such";
	const struct outcome *bad = &report->outcomes[0], *o, *want;
	unsigned int i, side;

	totals.positions++;
	totals.exceptions += !!what->why;
	entries(line, nr, pos, what);
	EXPECT_EQ('\0', report->broken[0])
		TH_LOG("%s (%s), %s: %s", line->call, variant, what->name, report->broken);

	if (what->why && !what->never_good) {
		EXPECT_TRUE(same(good, bad) || is_missing(good))
			TH_LOG("%s (%s), %s: no exception is needed: %s, but %s with good memory",
			       line->call, variant, what->name, tell(bad), tell(good));
	} else if (same(good, bad)) {
		EXPECT_TRUE(is_missing(good))
			TH_LOG("%s (%s), %s: %s with good memory, and without",
			       line->call, variant, what->name, tell(good));
	}
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		want = &report->outcomes[ENTRY(i, 1)];
		for (side = 0; side < SIDES; side += 2) {
			o = &report->outcomes[ENTRY(i, side)];
			EXPECT_TRUE(same(o, want) && o->state != NOT_RUN && o->state != HUNG)
				TH_LOG("%s (%s), %s, %s: %s %s, %s %s", line->call, variant,
				       what->name, classes[i].name, tell(o), sides[side],
				       tell(want), sides[1]);
		}
		if (want->state != SKIPPED)
			totals.calls += SIDES;
	}
}

static void drive_line(struct __test_metadata *_metadata, const struct line *line, long nr)
{
	struct position positions[MAX_POSITIONS];
	struct outcome good;
	unsigned int n, i;

	with_good_memory(line, nr);
	good = report->outcomes[0];
	n = report->nr_positions;
	memcpy(positions, report->positions, sizeof(positions));
	EXPECT_TRUE(good.state == RETURNED || (n && positions[0].never_good))
		TH_LOG("%s %s: %s with good memory", line->call, line->variant, tell(&good));
	ASSERT_TRUE(n && n <= MAX_POSITIONS)
		TH_LOG("%s %s has %u positions", line->call, line->variant, n);
	totals.lines++;
	if (getenv("MM_SECRET_CALLS_VERBOSE"))
		TH_LOG("%s %s: %u positions, %s", line->call, line->variant, n, tell(&good));
	for (i = 0; i < n; i++)
		drive_position(_metadata, line, nr, i, &positions[i], &good);
}

FIXTURE(calls)
{
	int unused;
};

FIXTURE_SETUP(calls)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 64 };
	struct area a;
	const char *what;

	if (no_mm_secret())
		SKIP(exit(KSFT_SKIP), "no " MM_SECRET_TEST);
	what = area_make(&a);
	ASSERT_TRUE(!what)
		TH_LOG("%s: %s", what ?: "", strerror(errno));
	ASSERT_TRUE(!area_touched(&a));
	close(a.fd);
	report = mmap(NULL, (sizeof(*report) + page_size() - 1) & -page_size(), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(report != MAP_FAILED);
	map_last_page();
	ASSERT_EQ(0, syscall(SYS_munmap, last_page, page_size()));

	shm_id = shmget(IPC_PRIVATE, NPAGES * page_size(), 0600);
	sem_id = semget(IPC_PRIVATE, 1, 0600);
	msg_id = msgget(IPC_PRIVATE, 0600);
	snprintf(queue_name, sizeof(queue_name), "/mm_secret_%d", getpid());
	mq_close(mq_open(queue_name, O_CREAT | O_RDWR, 0600, &attr));
	setxattr(XATTR_PATH, XATTR_NAME, "value", 5, 0);
}

FIXTURE_TEARDOWN(calls)
{
	shmctl(shm_id, IPC_RMID, NULL);
	semctl(sem_id, 0, IPC_RMID, 0);
	msgctl(msg_id, IPC_RMID, NULL);
	mq_unlink(queue_name);
	removexattr(XATTR_PATH, XATTR_NAME);
}

static void drive_group(struct __test_metadata *_metadata, enum group group)
{
	unsigned int i, made = 0;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct tree_call *call = find_call(tree, ARRAY_SIZE(tree), lines[i].call);

		/* One that only other architectures have. */
		if (lines[i].group != group || !call || !call->there)
			continue;
		drive_line(_metadata, &lines[i], call->nr);
		made++;
	}
	if (!made)
		SKIP(return, "not here: such calls");
	TH_LOG("%u lines, %u positions, %u exceptions, %u calls; %u positions not in this kernel, %u for root",
	       totals.lines, totals.positions, totals.exceptions, totals.calls,
	       totals.not_there, totals.needs_root);
	if (totals.needs_root == totals.positions && __test_passed(_metadata))
		SKIP(return, "needs root: all of these calls");
}

/* If there were something at one of the two addresses, one would notice. */
TEST_F_TIMEOUT(calls, differences_are_found, 60)
{
	static const char *const names[] = { "read", "write", "mincore", "open", "pipe", "msync" };
	unsigned int i, j, differ;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const struct tree_call *call = find_call(tree, ARRAY_SIZE(tree), names[i]);
		const struct line *line = lines;
		struct position what;

		if (!call)
			continue;
		while (strcmp(line->call, names[i]))
			line++;
		with_good_memory(line, call->nr);
		what = report->positions[0];
		pretend = true;
		entries(line, call->nr, 0, &what);
		pretend = false;
		differ = 0;
		for (j = 0; j < ARRAY_SIZE(classes); j++)
			differ += !same(&report->outcomes[ENTRY(j, 0)],
					&report->outcomes[ENTRY(j, 1)]);
		EXPECT_LE(3, differ)
			TH_LOG("%s: ordinary memory and an area differ %u times", names[i],
			       differ);
	}
}

#define TEST_GROUP(_group)						\
TEST_F_TIMEOUT(calls, _group, 180)					\
{									\
	drive_group(_metadata, G_##_group);				\
}
GROUPS(TEST_GROUP)

/* A system call that is new in the tree has no line: here is where one notices. */
TEST(every_call_is_in_the_table)
{
	unsigned int i, j, there = 0, driven = 0;

	for (i = 0; i < ARRAY_SIZE(tree); i++) {
		bool found = false;

		if (!tree[i].there)
			continue;
		there++;
		for (j = 0; j < ARRAY_SIZE(lines) && !found; j++) {
			found = !strcmp(lines[j].call, tree[i].name);
			driven += found && lines[j].make;
		}
		EXPECT_TRUE(found)
			TH_LOG("%ld, %s, has no line in calls.h", tree[i].nr,
			       tree[i].name);
	}
	EXPECT_LT(300, there);
	TH_LOG("%u system calls, %u with addresses", there, driven);
}

TEST(every_line_is_a_call)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *name = lines[i].call;
		bool found = find_call(tree, ARRAY_SIZE(tree), name) ||
			find_call(other_tree, ARRAY_SIZE(other_tree), name);

		EXPECT_TRUE(found)
			TH_LOG("there is no system call %s", name);
	}
}

/* Numbers without a function, and numbers that are free. */
TEST(absent_calls_say_so)
{
	struct area a;
	unsigned int i;
	long last = 0, nr;

	if (no_mm_secret())
		SKIP(return, "no " MM_SECRET_TEST);
	ASSERT_TRUE(!area_make(&a));
	for (i = 0; i < ARRAY_SIZE(tree); i++) {
		last = tree[i].nr > last ? tree[i].nr : last;
		if (tree[i].there)
			continue;
		EXPECT_EQ(-ENOSYS, ret_or_errno(syscall(tree[i].nr, (long)a.addr, (long)a.addr,
						  (long)a.addr, (long)a.addr)))
			TH_LOG("%s", tree[i].name);
	}
	for (nr = last + 1; nr < last + 8; nr++) {
		EXPECT_EQ(-ENOSYS, ret_or_errno(syscall(nr, (long)a.addr, (long)a.addr, (long)a.addr)))
			TH_LOG("%ld is not in the tree's table", nr);
	}
	EXPECT_TRUE(!area_touched(&a));
}

/*
 * The area itself is the same for a 32-bit process.  With KASAN, the kernel's page
 * tables take long to be scanned.
 */
TEST_F_TIMEOUT(calls, area_works, 180)
{
	struct mm_secret_test_scan scan;
	struct area a;
	int i;

	if (no_mm_secret())
		SKIP(return, "no " MM_SECRET_TEST);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(!area_make(&a));
		EXPECT_TRUE(!area_touched(&a));
		EXPECT_EQ(0, dev_scan(a.fd, &scan));
		EXPECT_EQ(NPAGES, scan.owner);
		EXPECT_EQ(0, scan.alias);
		EXPECT_EQ(0, ioctl(a.fd, MM_SECRET_TEST_ALIAS, 1));
		EXPECT_EQ(0, dev_scan(a.fd, &scan));
		EXPECT_EQ(NPAGES, scan.alias);
		EXPECT_EQ(0, ioctl(a.fd, MM_SECRET_TEST_ALIAS, 0));
		EXPECT_EQ(0, dev_free(a.fd));
		EXPECT_FALSE(!area_touched(&a));
		close(a.fd);
	}
}

/*
 * A kernel-owned VMA at a user address, which a 32-bit program can name, and
 * every call that changes mappings.
 */
FIXTURE(user)
{
	struct place p;
	unsigned long plain;
};

FIXTURE_VARIANT(user)
{
	int prot;
};

FIXTURE_VARIANT_ADD(user, readable)
{
	.prot = PROT_READ,
};

FIXTURE_VARIANT_ADD(user, writable)
{
	.prot = PROT_READ | PROT_WRITE,
};

FIXTURE_SETUP(user)
{
	SETUP_PLACE(&self->p, false, variant->prot);
	self->plain = map_ordinary(self->p.size);
	ASSERT_NE(0, self->plain);
}

FIXTURE_TEARDOWN(user)
{
}

#ifdef __i386__
#define SYS_MMAP	SYS_mmap2
#else
#define SYS_MMAP	SYS_mmap
#endif

static long u_call(long nr, unsigned long a, unsigned long b, unsigned long c,
		   unsigned long d, unsigned long e, unsigned long f)
{
	long ret = syscall(nr, a, b, c, d, e, f);

	/* An address is success, and may be above 2 GiB. */
	return ret == -1 ? -errno : 0;
}

/* What is asked of a range: its number, and where the arguments are. */
#define RANGE	-1UL
#define LENGTH	-2UL
#define PAGE	-3UL
#define LARGER	-4UL
#define MEMORY	-5UL
#define MOVABLE	-6UL

static const struct user_call {
	const char *name;
	long nr;
	unsigned long args[6];
	long want;		/* 0: no effect */
	long on_plain;		/* what ordinary memory answers */
} user_calls[] = {
	{ "munmap", SYS_munmap, { RANGE, LENGTH }, -EPERM },
	{ "munmap of a page", SYS_munmap, { RANGE, PAGE }, -EPERM },
	{ "munmap of more", SYS_munmap, { RANGE, LARGER }, -EPERM },
	{ "mmap", SYS_MMAP, { RANGE, LENGTH, PROT_READ,
	  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1 }, -EPERM },
	{ "mmap, no replacing", SYS_MMAP, { RANGE, LENGTH, PROT_READ,
	  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1 }, -EEXIST, -EEXIST },
	{ "mremap, move", SYS_mremap, { RANGE, LENGTH, LENGTH,
	  MREMAP_MAYMOVE | MREMAP_FIXED, MOVABLE }, -EPERM },
	{ "mremap, target", SYS_mremap, { MOVABLE, LENGTH, LENGTH,
	  MREMAP_MAYMOVE | MREMAP_FIXED, RANGE }, -EPERM },
	{ "mremap, shrink", SYS_mremap, { RANGE, LENGTH, PAGE }, -EPERM },
	{ "mremap, grow", SYS_mremap, { RANGE, LENGTH, LARGER, MREMAP_MAYMOVE }, -EPERM },
	{ "mremap, dontunmap", SYS_mremap, { RANGE, LENGTH, LENGTH,
	  MREMAP_MAYMOVE | MREMAP_DONTUNMAP }, -EPERM },
	{ "mprotect, none", SYS_mprotect, { RANGE, LENGTH, PROT_NONE }, -EPERM },
	{ "mprotect, all", SYS_mprotect, { RANGE, LENGTH,
	  PROT_READ | PROT_WRITE | PROT_EXEC }, -EPERM },
	{ "pkey_mprotect", SYS_pkey_mprotect, { RANGE, LENGTH, PROT_NONE, -1 }, -EPERM },
	{ "mlock", SYS_mlock, { RANGE, LENGTH } },
	{ "mlock2", SYS_mlock2, { RANGE, LENGTH, MLOCK_ONFAULT } },
	{ "munlock", SYS_munlock, { RANGE, LENGTH } },
	{ "mbind", SYS_mbind, { RANGE, LENGTH, MPOL_PREFERRED, MEMORY, 8 }, -EPERM },
	{ "remap_file_pages", SYS_remap_file_pages, { RANGE, LENGTH }, -EINVAL, -EINVAL },
	{ "anonymous name", SYS_prctl, { PR_SET_VMA, PR_SET_VMA_ANON_NAME, RANGE, LENGTH, 0 },
	  -EPERM },
#ifdef __i386__
	{ "old mmap", SYS_mmap, { MEMORY }, -EPERM },
#endif
	{ "mseal", __NR_mseal, { RANGE, LENGTH } },
};

static long user_call(const struct user_call *c, unsigned long addr, unsigned long len)
{
	unsigned long args[6], other = map_ordinary(len), memory, i;

	arena_used = 0;
	memory = buf(64);
	if (c->nr == SYS_mmap && c->args[0] == MEMORY)
		memory = words(addr, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			       -1, 0);
	else
		*(unsigned long *)memory = 1;
	for (i = 0; i < 6; i++) {
		args[i] = c->args[i];
		switch (args[i]) {
		case RANGE:
			args[i] = addr;
			break;
		case LENGTH:
			args[i] = len;
			break;
		case PAGE:
			args[i] = page_size();
			break;
		case LARGER:
			args[i] = len + page_size();
			break;
		case MEMORY:
			args[i] = memory;
			break;
		case MOVABLE:
			args[i] = other;
			break;
		}
	}
	/* A descriptor, not a mark. */
	if (c->nr == SYS_MMAP && c->args[0] == RANGE)
		args[4] = -1UL;
	if (c->nr == SYS_pkey_mprotect)
		args[3] = -1UL;
	return u_call(c->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

TEST_F(user, mapping_calls)
{
	const struct place *p = &self->p;
	unsigned int i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(user_calls); i++) {
		const struct user_call *c = &user_calls[i];
		unsigned long plain = map_ordinary(2 * p->size);
		const char *what;

		ret = user_call(c, p->addr, p->size);
		/* To more than it may have is refused earlier. */
		EXPECT_TRUE(ret == c->want || (ret == -EACCES && c->nr == SYS_mprotect))
			TH_LOG("%s: %ld", c->name, ret);
		what = place_changed(p);
		EXPECT_TRUE(!what)
			TH_LOG("after %s: %s", c->name, what ?: "");
		EXPECT_EQ('a', p->above[0]);
		EXPECT_EQ('b', p->below[0]);

		ret = user_call(c, plain, p->size);
		EXPECT_EQ(c->on_plain, ret)
			TH_LOG("%s of ordinary memory", c->name);
	}
}

TEST_F(user, every_advice)
{
	const struct place *p = &self->p;
	unsigned int fine = 0;
	int advice, pid = fd_self();
	const char *what;
	long ret;

	for (advice = -1; advice <= 120; advice++) {
		struct iovec iov = { (void *)p->addr, p->size };
		unsigned long plain = map_ordinary(page_size());

		ret = ret_or_errno(madvise((void *)p->addr, p->size, advice));
		EXPECT_TRUE(ret == -EPERM || ret == -EINVAL ||
			    ((advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE) &&
			     ret == -EFAULT))
			TH_LOG("advice %d: %ld", advice, ret);
		ret = ret_or_errno(syscall(SYS_process_madvise, pid, &iov, 1, advice, 0));
		EXPECT_GT(0, ret)
			TH_LOG("process_madvise, advice %d: %ld", advice, ret);
		what = place_changed(p);
		EXPECT_TRUE(!what)
			TH_LOG("after advice %d: %s", advice, what ?: "");
		if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		ret = ret_or_errno(madvise((void *)plain, page_size(), advice));
		fine += !ret;
		munmap((void *)plain, page_size());
	}
	EXPECT_LT(15, fine);
	close(pid);
}

static long try_uffd(unsigned long addr, unsigned long len)
{
	struct uffdio_register reg = {
		.range = { .start = addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = fd_uffd();
	long ret;

	if (fd < 0)
		return -ENOSYS;
	ret = ret_or_errno(ioctl(fd, UFFDIO_REGISTER, &reg));
	close(fd);
	return ret;
}

TEST_F(user, userfaultfd)
{
	EXPECT_EQ(-EINVAL, try_uffd(self->p.addr, self->p.size));
	EXPECT_TRUE(!place_changed(&self->p));
	EXPECT_EQ(0, try_uffd(self->plain, self->p.size));
}

static long try_shmat(unsigned long addr, unsigned long len)
{
	int id = shmget(IPC_PRIVATE, len, 0600);
	long ret = shmat(id, (void *)addr, SHM_REMAP) == (void *)-1 ? -errno : 0;

	shmctl(id, IPC_RMID, NULL);
	return ret;
}

TEST_F(user, shmat)
{
	EXPECT_EQ(-EPERM, try_shmat(self->p.addr, self->p.size));
	EXPECT_TRUE(!place_changed(&self->p));
	EXPECT_EQ(0, try_shmat(self->plain, self->p.size));
}

/* The status of a page that is not moved says why. */
static long try_move(unsigned long addr)
{
	void *page = (void *)addr;
	int node = 0, status = 0;
	long ret = ret_or_errno(syscall(SYS_move_pages, 0, 1, &page, &node, &status, MPOL_MF_MOVE));

	return ret ?: status;
}

TEST_F(user, move_pages)
{
	EXPECT_GT(0, try_move(self->p.addr));
	EXPECT_TRUE(!place_changed(&self->p));
	EXPECT_EQ(0, try_move(self->plain));
}

/* Reading goes by its protection, and nothing pins it. */
TEST_F(user, other_ways)
{
	struct iovec local = { buffer, 64 }, remote = { (void *)self->p.addr, 64 };
	int fds[2], mem = fd_mem();

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-EFAULT, ret_or_errno(syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote,
					  1, 0)));
	EXPECT_EQ(-EFAULT, ret_or_errno(syscall(SYS_process_vm_writev, getpid(), &local, 1, &remote,
					  1, 0)));
	EXPECT_EQ(-EFAULT, ret_or_errno(syscall(SYS_vmsplice, fds[1], &remote, 1, 0)));
	EXPECT_EQ(-EIO, ret_or_errno(pread64(mem, buffer, 64, self->p.addr)));
	EXPECT_EQ(-EIO, ret_or_errno(pwrite64(mem, buffer, 64, self->p.addr)));
	EXPECT_TRUE(!place_changed(&self->p));

	remote.iov_base = (void *)self->plain;
	EXPECT_EQ(64, syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(64, syscall(SYS_vmsplice, fds[1], &remote, 1, 0));
	EXPECT_EQ(64, pread64(mem, buffer, 64, self->plain));
}

TEST_HARNESS_MAIN
