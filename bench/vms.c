// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's half of scripts/bench for hosts of virtual machines: what exits cost, and
 * what it costs to make and to destroy a VM.
 *
 * usage: vms [secret]
 *
 * With an argument, guests' registers are in secret memory.  Prints lines of a name, a
 * tab, and a number.  Time in which the CPU is idle, to wait for a grace period of RCU for
 * example, is nearly nothing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define PARAMETER	"/sys/module/kvm/parameters/secret_registers"

#ifdef __x86_64__
/* In real mode at 0: CPUID, ESI times, and output to a port, for ever. */
static const unsigned char code[] = {
	0x66, 0xbe, 0, 0, 0, 0,		/* mov $TIMES, %esi */
	0x66, 0x31, 0xc0,		/* 1: xor %eax, %eax */
	0x0f, 0xa2,			/* cpuid */
	0x66, 0x4e,			/* dec %esi */
	0x75, 0xf7,			/* jnz 1b */
	0xe6, 0x10,			/* out %al, $0x10 */
	0xeb, 0xed,			/* jmp 0 */
};
#define TIMES_AT	2
#define EXIT_REASON	KVM_EXIT_IO
#else
/* At EL1 at 0: PSCI_VERSION, W5 times, and output to MMIO, for ever. */
static const unsigned int code[] = {
	0x18000105,	/* 0: ldr w5, 0x20 */
	0x52b08000,	/* 1: mov w0, #0x84000000 */
	0xd4000002,	/* hvc #0 */
	0x710004a5,	/* subs w5, w5, #1 */
	0x54ffffa1,	/* b.ne 1b */
	0x52a80001,	/* mov w1, #0x40000000 */
	0x39000020,	/* strb w0, [x1] */
	0x17fffff9,	/* b 0b */
	0,		/* TIMES */
};
#define TIMES_AT	0x20
#define EXIT_REASON	KVM_EXIT_MMIO
#endif

struct vm {
	int vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
};

static int kvm;
static unsigned char *memory;

static void make_vm(struct vm *v)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = 4096, .userspace_addr = (unsigned long)memory,
	};

	v->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	check(v->vm >= 0);
	check(!ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &region));
	v->vcpu = ioctl(v->vm, KVM_CREATE_VCPU, 0);
	check(v->vcpu >= 0);
	v->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->vcpu, 0);
	check(v->run != MAP_FAILED);
}

#ifdef __x86_64__
static void start(struct vm *v)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	check(!ioctl(v->vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(!ioctl(v->vcpu, KVM_SET_SREGS, &sregs));
	check(!ioctl(v->vcpu, KVM_SET_REGS, &regs));
}
#else
static void start(struct vm *v)
{
	struct kvm_vcpu_init init;

	check(!ioctl(v->vm, KVM_ARM_PREFERRED_TARGET, &init));
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	check(!ioctl(v->vcpu, KVM_ARM_VCPU_INIT, &init));
}
#endif

static void destroy_vm(struct vm *v)
{
	munmap(v->run, v->run_size);
	close(v->vcpu);
	close(v->vm);
}

static void run(struct vm *v)
{
	check(!ioctl(v->vcpu, KVM_RUN, 0) && v->run->exit_reason == EXIT_REASON);
}

static void set_times(unsigned int times)
{
	memcpy(memory + TIMES_AT, &times, sizeof(times));
}

static void make_running(struct vm *v)
{
	make_vm(v);
	start(v);
	set_times(1);
	run(v);
}

static unsigned long long exit_in_kernel(unsigned int times)
{
	unsigned long long took;
	struct vm v;

	make_running(&v);
	set_times(times);
	took = MEASURED(1, run(&v));
	destroy_vm(&v);
	return took;
}

static unsigned long long exit_to_userspace(unsigned int times)
{
	unsigned long long took;
	struct vm v;

	make_running(&v);
	took = MEASURED(times, run(&v));
	destroy_vm(&v);
	return took;
}

/* Two processes on one CPU, each of which lets its guest run and wakes the other one. */
static void run_and_pass_on(struct vm *v, int from, int to)
{
	char c = 0;

	check(read(from, &c, 1) == 1);
	run(v);
	check(write(to, &c, 1) == 1);
}

static unsigned long long switches(unsigned int times)
{
	int there[2], back[2];
	unsigned long long took;
	struct vm v;
	pid_t pid;

	check(!pipe(there) && !pipe(back));
	set_times(1);
	pid = fork();
	check(pid >= 0);
	make_vm(&v);
	start(&v);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (1)
			run_and_pass_on(&v, there[0], back[1]);
	}
	check(write(there[1], "", 1) == 1);
	took = MEASURED(times, run_and_pass_on(&v, back[0], there[1]));
	check(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	destroy_vm(&v);
	close(there[0]);
	close(there[1]);
	close(back[0]);
	close(back[1]);
	return took;
}

static unsigned long long make_and_destroy(unsigned int times)
{
	return MEASURED(times,
			struct vm v;

			make_vm(&v);
			destroy_vm(&v));
}

static const struct subject subjects[] = {
	{ "exit that stays in the kernel",	exit_in_kernel, 500 },
	{ "exit to userspace and back",		exit_to_userspace, 200 },
	{ "exits of two VMs, and switches between them", switches, 100 },
	{ "VM and vCPU made and destroyed",	make_and_destroy, 2 },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int fd;

	if (argc > 1)
		ask_for_secret_memory(argv);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	memcpy(memory, code, sizeof(code));
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	check(kvm >= 0);
	if (argc > 1 && !strcmp(argv[1], "secret")) {
		fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);
		check(fd >= 0 && write(fd, "required", 8) == 8);
		close(fd);
	}
	for (i = 0; i < sizeof(subjects) / sizeof(*subjects); i++)
		measure(argc > 1 ? "secret VMs:" : "VMs:", &subjects[i]);
	return 0;
}
