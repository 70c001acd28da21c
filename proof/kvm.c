// SPDX-License-Identifier: GPL-2.0
/*
 * The contexts in which a host touches a guest's registers, with the registers in secret
 * memory and, as the counter-check, without: a vCPU that is preempted, interrupted, asked
 * about by other processes, and destroyed by the last one that has it.
 *
 * The guest (keeper_begin) sees to it that its registers keep their values.
 */
#include "kselftest_harness.h"
#include <asm/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvm_util.h"
#include "proof_util.h"

#define PARAMETER	"/sys/module/kvm/parameters/secret_registers"
#define SOFTIRQ		"/sys/kernel/debug/secret_scan_softirq"
#define FOREVER		0x7fffffff

static uint64_t random_state = 0x853c49e6748fea9bULL;

static void make_keeper(struct test_vm *t)
{
	t->mem = NULL;
	make_keeper_in(t);
}

static void close_vm(struct test_vm *t)
{
	munmap(t->run, ioctl(t->kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL));
	close(t->vcpu);
	close(t->vm);
	close(t->kvm);
	munmap(t->mem, GUEST_SIZE);
}

/* Pages that are out of the direct map and that somebody has. */
static long in_use(void)
{
	return count_of("/proc/vmstat", "nr_mm_secret") -
	       count_of("/proc/vmstat", "nr_mm_secret_idle");
}

/* Is there no more than that after a while?  What is given back later has been. */
static bool back_to(long before)
{
	int i;

	for (i = 0; i < 100 && in_use() > before; i++)
		usleep(50000);
	return in_use() <= before;
}

FIXTURE(kvm) {
	long before;
};

FIXTURE_VARIANT(kvm) {
	const char *registers;
	unsigned int kind;	/* of vCPU */
};

FIXTURE_VARIANT_ADD(kvm, embedded) { .registers = "off" };
FIXTURE_VARIANT_ADD(kvm, secret) { .registers = "required" };
FIXTURE_VARIANT_ADD(kvm, secret_if_there_is) { .registers = "auto" };
#ifdef __aarch64__
FIXTURE_VARIANT_ADD(kvm, secret_sve) { .registers = "required", .kind = 1 };
#endif

FIXTURE_SETUP(kvm)
{
	if (access("/dev/kvm", R_OK | W_OK))
		SKIP(return, "no /dev/kvm");
	vcpu_kind = variant->kind;
	if (vcpu_kinds[vcpu_kind].there_is) {
		int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		bool there_is = vcpu_kinds[vcpu_kind].there_is(kvm);

		close(kvm);
		if (!there_is)
			SKIP(return, "no such vCPUs");
	}
	ASSERT_TRUE(write_text(PARAMETER, variant->registers));
	self->before = in_use();
}

FIXTURE_TEARDOWN(kvm)
{
	write_text(PARAMETER, "off");
	write_text(SOFTIRQ, "0");
}

/* In a child each, which ends with what the guest said.  The memory is shared with it. */
struct keeper {
	pid_t pid;
	char *mem;
};

static struct keeper fork_keeper(int cpu, unsigned int rounds, size_t hog)
{
	struct keeper k = { .mem = guest_memory(MAP_SHARED) };
	struct test_vm t = { .mem = k.mem };

	k.pid = fork();
	if (k.pid < 0)
		exit(FAILED);
	if (k.pid)
		return k;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_on(cpu);
	if (hog && (!write_text("/proc/self/oom_score_adj", "1000") ||
		    mmap(NULL, hog, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED))
		_exit(FAILED);
	make_keeper_in(&t);
	_exit(keep(&t, rounds));
}

/* Does the guest run by now? */
static bool running(const struct keeper *k)
{
	const volatile uint32_t *turn = (void *)(k->mem + TURN_AT);
	int i;

	for (i = 0; i < 1000 && !*turn; i++)
		usleep(10000);
	return *turn;
}

/* Two more rounds, and what it says. */
static void finish(const struct keeper *k)
{
	*(volatile uint32_t *)(k->mem + ROUNDS_AT) = 2;
}

static int ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* The test sees where registers are, so the variants differ. */
TEST_F(kvm, are_where_they_should_be)
{
	struct test_vm t;

	make_keeper(&t);
	EXPECT_EQ(0, keep(&t, 2));
	EXPECT_EQ(strcmp(variant->registers, "off") != 0, in_use() > self->before);
	close_vm(&t);
	EXPECT_TRUE(back_to(self->before));
}

TEST_F(kvm, come_back_as_they_were_set)
{
	const char *what;
	struct test_vm t;

	make_keeper(&t);
	ASSERT_EQ(0, keep(&t, 1));	/* so that no component is in its initial state */
	what = set_and_get_registers(&t, &random_state);
	EXPECT_TRUE(!what)
		TH_LOG("%s", what ?: "");
	close_vm(&t);
}

/* With the FPU's registers live, mid-guest, by a process with another mm. */
TEST_F_TIMEOUT(kvm, preempted_by_another_process, 120)
{
	struct keeper k[2] = { fork_keeper(0, 150, 0), fork_keeper(0, 150, 0) };
	struct rusage usage;

	EXPECT_EQ(0, ended(k[0].pid));
	EXPECT_EQ(0, ended(k[1].pid));
	ASSERT_EQ(0, getrusage(RUSAGE_CHILDREN, &usage));
	EXPECT_LE(4, usage.ru_nivcsw);
	EXPECT_TRUE(back_to(self->before));
}

TEST_F_TIMEOUT(kvm, interrupted_by_one_who_uses_the_fpu, 120)
{
	struct test_vm t;
	long times = 0;
	int i;

	run_on(0);
	make_keeper(&t);
	ASSERT_TRUE(write_text(SOFTIRQ, "1"));
	for (i = 0; i < 20 && times < 4; i++) {	/* guests may be fast */
		EXPECT_EQ(0, keep(&t, 150));
		times = read_number(SOFTIRQ);
	}
	ASSERT_TRUE(write_text(SOFTIRQ, "0"));
	EXPECT_LE(4, times);
	close_vm(&t);
}

static void *keep_in_thread(void *arg)
{
	return (void *)(long)keep(arg, 40);
}

/* Three VMs at once, each with two vCPUs on two threads. */
TEST_F_TIMEOUT(kvm, beside_each_other, 240)
{
	pid_t pids[3];
	int i;

	for (i = 0; i < 3; i++) {
		struct test_vm t, other;
		pthread_t thread;
		void *result;

		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		make_keeper(&t);
		other = t;
		add_vcpu(&other, 1);
		if (pthread_create(&thread, NULL, keep_in_thread, &other) || keep(&t, 40))
			_exit(FAILED);
		pthread_join(thread, &result);
		_exit((long)result);
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, ended(pids[i]));
	EXPECT_TRUE(back_to(self->before));
}

/* Of another process, that has the file descriptors, but not the mm. */
TEST_F(kvm, refused_to_others)
{
	struct test_vm t;
	unsigned int i;
	pid_t pid;

	make_keeper(&t);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int failed = 0;

		for (i = 0; i < NR_REGISTER_IOCTLS; i++)
			failed |= (register_ioctl(t.vcpu, i) != -1 || errno != EIO) << i;
		_exit(failed | (ioctl(t.vcpu, KVM_RUN, 0) != -1 || errno != EIO) << 3 |
		      (ioctl(t.vm, KVM_CREATE_VCPU, 1UL) != -1 || errno != EIO) << 4);
	}
	EXPECT_EQ(0, ended(pid));
	for (i = 0; i < NR_REGISTER_IOCTLS; i += 2)	/* those that get */
		EXPECT_EQ(0, register_ioctl(t.vcpu, i));
	EXPECT_EQ(0, keep(&t, 2));
	close_vm(&t);
}

/* Another process has the last reference, and the owner goes on. */
TEST_F(kvm, closed_by_another_before_its_owner)
{
	struct test_vm t;
	int to_child[2];
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(to_child));
	make_keeper(&t);
	ASSERT_EQ(0, keep(&t, 2));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(to_child[1]);
		if (read(to_child[0], &c, 1) != 0)
			_exit(1);
		close(t.vcpu);
		close(t.vm);
		_exit(0);
	}
	close_vm(&t);
	close(to_child[1]);
	EXPECT_EQ(0, ended(pid));
	EXPECT_TRUE(back_to(self->before));
	make_keeper(&t);
	EXPECT_EQ(0, keep(&t, 2));
	close_vm(&t);
}

TEST_F(kvm, closed_by_another_after_its_owner)
{
	struct test_vm t;
	pid_t pid, child;
	int sync[2];
	char c;

	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_EQ(0, pipe(sync));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		make_keeper(&t);
		if (keep(&t, 2))
			_exit(FAILED);
		child = fork();
		if (child)	/* the owner's end */
			_exit(child < 0);
		close(sync[1]);
		_exit(read(sync[0], &c, 1));	/* and the VM's */
	}
	EXPECT_EQ(0, ended(pid));
	close(sync[1]);
	EXPECT_EQ(0, ended(-1));
	EXPECT_TRUE(back_to(self->before));
}

TEST_F(kvm, killed)
{
	struct keeper k = fork_keeper(1, FOREVER, 0);

	EXPECT_TRUE(running(&k));
	ASSERT_EQ(0, kill(k.pid, SIGKILL));
	EXPECT_EQ(1000 + SIGKILL, ended(k.pid));
	EXPECT_TRUE(back_to(self->before));
}

TEST_F_TIMEOUT(kvm, killed_for_its_memory, 120)
{
	struct keeper k;

	if (access("/proc/sysrq-trigger", W_OK))
		SKIP(return, "needs root: sysrq");
	k = fork_keeper(1, FOREVER, 64 << 20);
	ASSERT_TRUE(running(&k));
	ASSERT_TRUE(write_text("/proc/sysrq-trigger", "f"));
	EXPECT_EQ(1000 + SIGKILL, ended(k.pid));
	EXPECT_TRUE(back_to(self->before));
}

TEST_F_TIMEOUT(kvm, on_a_cpu_that_goes, 120)
{
	const char *online = "/sys/devices/system/cpu/cpu1/online";
	struct keeper k;

	if (access(online, W_OK))
		SKIP(return, "not here: no CPU that can go");
	k = fork_keeper(1, FOREVER, 0);
	EXPECT_TRUE(running(&k));
	EXPECT_TRUE(write_text(online, "0"));
	usleep(200000);
	EXPECT_TRUE(write_text(online, "1"));
	finish(&k);
	EXPECT_EQ(0, ended(k.pid));
}

/* As far as it can be tried without losing the machine: all but the firmware's part. */
TEST_F_TIMEOUT(kvm, while_the_system_sleeps, 240)
{
	char text[64] = "";
	struct keeper k;

	if (access("/sys/power/pm_test", W_OK))
		SKIP(return, "not here: no test of suspend");
	k = fork_keeper(0, FOREVER, 0);
	EXPECT_TRUE(running(&k));
	/* One that is idle by itself knows no more than that. */
	read_text("/sys/power/mem_sleep", text, sizeof(text));
	ASSERT_TRUE(write_text("/sys/power/pm_test",
			       strstr(text, "[s2idle]") ? "platform" : "core"));
	EXPECT_TRUE(write_text("/sys/power/state", "mem"))
		TH_LOG("%s", strerror(errno));
	write_text("/sys/power/pm_test", "none");
	finish(&k);
	EXPECT_EQ(0, ended(k.pid));
}

/* Each allocation that a vCPU takes, failing one after the other, of a new process each. */
TEST_F_TIMEOUT(kvm, created_without_memory, 240)
{
	unsigned int n, refused = 0, made = 0;
	bool last = false;

	for (n = 1; !last && n < 500; n++) {
		int vm, vcpu, error;
		bool used;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			if (!inject_setup())
				_exit(KSFT_SKIP);
			vm = ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), KVM_CREATE_VM, 0UL);
			if (vm < 0)
				_exit(FAILED);
			fail_nth(n);
			vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
			error = errno;
			used = fail_nth_used();
			close(vcpu);
			close(vm);
			_exit(10 + (vcpu < 0 ? error == ENOMEM ? 0 : 9 : used ? 1 : 2));
		}
		switch (ended(pid)) {
		case KSFT_SKIP:
			SKIP(return, "needs root: fault injection");
		case 10:
			refused++;
			break;
		case 11:
			made++;
			break;
		case 12:
			last = true;
			break;
		default:
			EXPECT_TRUE(false)
				TH_LOG("allocation %u", n);
		}
	}
	EXPECT_TRUE(last);
	EXPECT_LE(vcpu_allocations, refused);
	/* Debugfs does without some eight. */
	if (!strcmp(variant->registers, "auto"))
		EXPECT_LE(15, made);
	EXPECT_TRUE(back_to(self->before));
}

/* A process whose window is full. */
TEST_F_TIMEOUT(kvm, created_where_there_is_no_more, 120)
{
	const bool secret = !strcmp(variant->registers, "required");
	unsigned long size, addr;
	struct test_vm t;
	int vcpu, fd, n;

	if (no_mm_secret())
		SKIP(return, "no secret memory");
	for (size = 16 << 20, n = 0; size >= page_size() && n < 1000; n++) {
		fd = open_mm_secret();
		ASSERT_LE(0, fd);
		if (dev_alloc(fd, size, &addr) < 0) {
			close(fd);
			size /= 2;
		}
	}
	t.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	t.vm = ioctl(t.kvm, KVM_CREATE_VM, 0UL);
	ASSERT_LE(0, t.vm);
	vcpu = ioctl(t.vm, KVM_CREATE_VCPU, 0UL);
	if (secret) {
		EXPECT_EQ(-1, vcpu);
		EXPECT_EQ(ENOSPC, errno)
			TH_LOG("%s", strerror(errno));
	} else {
		EXPECT_LE(0, vcpu);
	}
	ASSERT_TRUE(write_text(PARAMETER, "auto"));
	make_keeper(&t);
	EXPECT_EQ(0, keep(&t, 2));
	EXPECT_TRUE(log_has("registers of guests are not in secret memory"));
}

/*
 * What a process sees of itself with a VM, without sums of time, what it is called, and
 * which pages it happens to share with others.
 */
static void see_itself(char *out, size_t size)
{
	static const char *const files[] = {
		"maps", "smaps", "statm", "status", "limits", "oom_score",
	};
	char path[64], line[512];
	unsigned int i;
	size_t used = 0;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f)) {
			if (strstr(line, "ctxt_switches") || strstr(line, "pid:") ||
			    strstr(line, "Pid:") || !strncmp(line, "Pss", 3) ||
			    !strncmp(line, "Shared_", 7) || !strncmp(line, "Private_", 8) ||
			    !strncmp(line, "Locked", 6) || !strncmp(line, "NS", 2) ||
			    strstr(line, "gid:"))
				continue;
			used += snprintf(out + used, size - used, "%s", line);
			if (used >= size)
				_exit(FAILED);
		}
		if (f)
			fclose(f);
	}
}

#define SEEN_SIZE	(256 << 10)

/* With the registers in secret memory and without, the VM's process looks the same. */
TEST(kvm_twins_look_alike)
{
	/* The first time is for what is the first time only. */
	const char *values[] = { "off", "off", "required", "off" };
	char *seen, *a, *b;
	unsigned int i;

	if (access("/dev/kvm", R_OK | W_OK) || access(PARAMETER, W_OK))
		SKIP(return, "no /dev/kvm, or not root");
	seen = mmap(NULL, 5 * SEEN_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, seen);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		struct test_vm t;
		pid_t pid;

		ASSERT_TRUE(write_text(PARAMETER, values[i]));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			run_on(0);	/* counters of memory are kept by CPU */
			if (!settle())
				_exit(FAILED);
			make_keeper(&t);
			if (keep(&t, 2))
				_exit(FAILED);
			see_itself(seen + 4 * SEEN_SIZE, SEEN_SIZE);
			see_itself(seen + i * SEEN_SIZE, SEEN_SIZE);
			_exit(0);
		}
		ASSERT_EQ(0, ended(pid));
	}
	write_text(PARAMETER, "off");
	for (i = 1; i < 3; i++) {
		a = seen + i * SEEN_SIZE;
		b = a + SEEN_SIZE;
		while (*a && *a == *b)
			a++, b++;
		EXPECT_EQ(*a, *b)
			TH_LOG("%s and %s: %.80s, %.80s", values[i], values[i + 1], a, b);
	}
}

#ifdef __x86_64__
/* KVM on arm64 takes such memory only with FEAT_S2FWB and DIC, whoever owns it. */
TEST(kvm_guest_memory_of_the_kernel)
{
	const struct {
		unsigned long map;
		long answer;
	} tries[] = {
		{ KERNEL_OWNED_TEST_MAP, -EFAULT },
		{ KERNEL_OWNED_TEST_MAP_PLAIN, 0 },
	};
	unsigned long addr;
	unsigned int i;
	int fd;

	if (access("/dev/kvm", R_OK | W_OK) || missing_driver())
		SKIP(return, "no /dev/kvm, or no driver");
	for (i = 0; i < 2; i++) {
		struct test_vm t = {};

		fd = open_kernel_owned();
		ASSERT_EQ(0, owned_map(fd, tries[i].map, GUEST_SIZE, PROT_READ | PROT_WRITE, &addr));
		t.mem = (char *)addr;
		make_keeper_in(&t);
		*(uint32_t *)(t.mem + ROUNDS_AT) = 1;
		EXPECT_EQ(tries[i].answer, ret_or_errno(ioctl(t.vcpu, KVM_RUN, NULL)));
		if (!tries[i].answer)
			EXPECT_EQ(0, said(&t));
		close(fd);
		close_vm(&t);
	}
}
#endif

TEST(kvm_secret_registers)
{
	char text[32];

	if (access(PARAMETER, W_OK))
		SKIP(return, "needs root");
	for (const char *const *value = (const char *const []){ "auto", "required", "off", NULL };
	     *value; value++) {
		EXPECT_TRUE(write_text(PARAMETER, *value));
		read_text(PARAMETER, text, sizeof(text));
		EXPECT_EQ(0, strncmp(text, *value, strlen(*value)));
	}
	EXPECT_FALSE(write_text(PARAMETER, "sometimes"));
	EXPECT_EQ(EINVAL, errno);
	read_text(PARAMETER, text, sizeof(text));
	EXPECT_EQ(0, strncmp(text, "off", 3));
}

TEST_HARNESS_MAIN
