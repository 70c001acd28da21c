// SPDX-License-Identifier: GPL-2.0
/*
 * A guest computes values into its registers, and the host kernel looks for copies of
 * them in all of its memory, at moments of the guest's life: see scripts/secrets, which
 * runs it on the base and on the patched kernel.
 *
 * Prints a line for each moment and owner: MOMENT<TAB>OWNER<TAB>GPRS<TAB>HALVES, with a
 * "-" for the owner where nothing was found.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret_values.h"

extern const char guest_begin[], guest_end[];

static uint64_t seed;

/* Of the VM's process. */
static int kvm, vm, vcpu;
static struct kvm_run *run;
static char *guest;

static void do_ioctl(int fd, unsigned long nr, void *arg, const char *name)
{
	if (ioctl(fd, nr, arg) < 0)
		err(1, "%s", name);
}

static void make_vm(bool irqchip)
{
	struct kvm_userspace_memory_region mem = { .memory_size = GUEST_SIZE };
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 7 } };
	struct kvm_regs regs = { .rip = CODE_AT, .rflags = 2 };
	struct kvm_sregs sregs;
	uint64_t *table;
	int size;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");
	if (irqchip)
		do_ioctl(vm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");
	guest = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest == MAP_FAILED)
		err(1, "mmap");
	memcpy(guest + CODE_AT, guest_begin, guest_end - guest_begin);
	memcpy(guest + SEED_AT, &seed, sizeof(seed));
	table = (uint64_t *)(guest + PGD_AT);
	table[0] = PUD_AT | 3;
	table = (uint64_t *)(guest + PUD_AT);
	table[0] = PMD_AT | 3;
	table[1] = MMIO_PMD_AT | 3;
	table = (uint64_t *)(guest + PMD_AT);
	table[0] = 0x83;		/* a page of 2 MiB */
	table = (uint64_t *)(guest + MMIO_PMD_AT);
	table[0] = MMIO_AT | 0x83;
	mem.userspace_addr = (uintptr_t)guest;
	do_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &mem, "KVM_SET_USER_MEMORY_REGION");

	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap");
	cpuid.head.nent = 256;
	do_ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid, "KVM_GET_SUPPORTED_CPUID");
	do_ioctl(vcpu, KVM_SET_CPUID2, &cpuid, "KVM_SET_CPUID2");
	do_ioctl(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
	sregs.cr3 = PGD_AT;
	sregs.cr4 = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 18;	/* PAE, OSFXSR, OSXSAVE */
	sregs.cr0 = 1U << 31 | 1 | 1 << 1 | 1 << 5;		/* PG, PE, MP, NE */
	sregs.efer = 1 << 8 | 1 << 10;				/* LME, LMA */
	sregs.cs = (struct kvm_segment){
		.limit = ~0U, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
	};
	sregs.ss = (struct kvm_segment){
		.limit = ~0U, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
	};
	sregs.ds = sregs.ss;
	sregs.es = sregs.ss;
	do_ioctl(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
	do_ioctl(vcpu, KVM_SET_XCRS, &xcrs, "KVM_SET_XCRS");
	do_ioctl(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

static void run_to(unsigned int reason)
{
	do_ioctl(vcpu, KVM_RUN, NULL, "KVM_RUN");
	if (run->exit_reason != reason)
		errx(1, "KVM_RUN: exit reason %u, not %u", run->exit_reason, reason);
}

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

/* Search, and print what was found. */
static void look(const char *moment)
{
	char text[64], line[128], owner[64];
	unsigned int gprs, halves, n = 0;
	FILE *f;
	int fd;

	fd = open(SECRET_SCAN, O_WRONLY);
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)seed);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, SECRET_SCAN);
	close(fd);
	f = fopen(SECRET_SCAN, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%u %u %63s", &gprs, &halves, owner) != 3)
			continue;
		printf("%s\t%s\t%u\t%u\n", moment, owner, gprs, halves);
		n++;
	}
	if (f)
		fclose(f);
	if (!n)
		printf("%s\t-\t0\t0\n", moment);
	fflush(stdout);
}

/* The VM's process does what it is told, a byte each, and answers with a byte. */
static void be_vmm(int sock, bool irqchip)
{
	static struct kvm_regs regs;
	static struct kvm_fpu fpu;
	char order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	make_vm(irqchip);
	if (write(sock, "", 1) != 1)
		_exit(1);
	while (read(sock, &order, 1) == 1) {
		switch (order) {
		case 'h':
			run_to(KVM_EXIT_HLT);
			break;
		case 'i':
			run_to(KVM_EXIT_IO);
			break;
		case 'm':
			run_to(KVM_EXIT_MMIO);
			break;
		case 'r':	/* what it sees is its own memory: it forgets it */
			do_ioctl(vcpu, KVM_GET_REGS, &regs, "KVM_GET_REGS");
			do_ioctl(vcpu, KVM_GET_FPU, &fpu, "KVM_GET_FPU");
			explicit_bzero(&regs, sizeof(regs));
			explicit_bzero(&fpu, sizeof(fpu));
			break;
		case '0':
		case '1':	/* run for ever, or wait in the kernel, on that CPU */
			on_cpu(order - '0');
			if (write(sock, "", 1) != 1)
				_exit(1);
			ioctl(vcpu, KVM_RUN, 0);
			_exit(1);
		case 'p': {	/* pass the last reference on, and exit */
			char buf[CMSG_SPACE(2 * sizeof(int))] = {};
			struct iovec iov = { "", 1 };
			struct msghdr msg = {
				.msg_iov = &iov, .msg_iovlen = 1,
				.msg_control = buf, .msg_controllen = sizeof(buf),
			};
			struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			cmsg->cmsg_len = CMSG_LEN(2 * sizeof(int));
			memcpy(CMSG_DATA(cmsg), (int[]){ vm, vcpu }, 2 * sizeof(int));
			if (sendmsg(sock, &msg, 0) < 0)
				_exit(1);
			_exit(0);
		}
		case 'x':
			_exit(0);
		}
		if (write(sock, "", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

struct vmm {
	pid_t pid;
	int sock;
};

static void answer(struct vmm *vmm)
{
	char c;

	if (read(vmm->sock, &c, 1) != 1)
		errx(1, "the VM's process has ended");
}

static struct vmm start(bool irqchip)
{
	struct vmm vmm;
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		err(1, "socketpair");
	fflush(stdout);
	vmm.pid = fork();
	if (vmm.pid < 0)
		err(1, "fork");
	if (!vmm.pid) {
		close(socks[0]);
		be_vmm(socks[1], irqchip);
	}
	close(socks[1]);
	vmm.sock = socks[0];
	answer(&vmm);
	return vmm;
}

static void tell(struct vmm *vmm, char order)
{
	if (write(vmm->sock, &order, 1) != 1)
		err(1, "write");
	answer(vmm);
}

static void gone(struct vmm *vmm)
{
	waitpid(vmm->pid, NULL, 0);
	close(vmm->sock);
	usleep(200000);	/* what is given back later is given back */
}

int main(void)
{
	struct vmm vmm;
	char order;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		err(1, "getrandom");
	seed |= 1;
	on_cpu(0);

	vmm = start(false);
	look("not yet run");
	tell(&vmm, 'h');
	look("after HLT");
	tell(&vmm, 'i');
	look("after port I/O");
	tell(&vmm, 'm');
	look("after MMIO");
	tell(&vmm, 'r');
	look("after KVM_GET_REGS and _FPU");
	tell(&vmm, '1');
	usleep(100000);
	look("vCPU running");
	kill(vmm.pid, SIGKILL);
	gone(&vmm);
	look("VM gone by SIGKILL");

	vmm = start(false);
	tell(&vmm, 'h');
	tell(&vmm, 'i');
	tell(&vmm, 'm');
	tell(&vmm, '0');
	usleep(100000);
	look("vCPU preempted");
	kill(vmm.pid, SIGKILL);
	gone(&vmm);

	vmm = start(true);
	tell(&vmm, '1');
	usleep(300000);
	look("vCPU asleep in the kernel");
	kill(vmm.pid, SIGKILL);
	gone(&vmm);

	vmm = start(false);
	tell(&vmm, 'h');
	order = 'x';
	if (write(vmm.sock, &order, 1) != 1)
		err(1, "write");
	gone(&vmm);
	look("VM gone by exit");

	/* Now it is this process that has the VM's last references. */
	vmm = start(false);
	tell(&vmm, 'h');
	order = 'p';
	if (write(vmm.sock, &order, 1) != 1)
		err(1, "write");
	{
		char buf[CMSG_SPACE(2 * sizeof(int))], c;
		struct iovec iov = { &c, 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = buf, .msg_controllen = sizeof(buf),
		};
		int fds[2];

		if (recvmsg(vmm.sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
			err(1, "recvmsg");
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fds));
		waitpid(vmm.pid, NULL, 0);
		look("owner gone, VM held by another");
		close(fds[0]);
		close(fds[1]);
	}
	usleep(200000);
	look("VM gone by another process");
	return 0;
}
