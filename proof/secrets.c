// SPDX-License-Identifier: GPL-2.0
/*
 * A guest computes values into its registers, and the host kernel looks for copies of
 * them in all of its memory, at moments of the guest's life: see scripts/secrets, which
 * runs it on the base and on the patched kernel.
 *
 * Prints lines of a moment, an owner, and how many general registers and halves of
 * vector registers it has, with tabs in between.  The owner "pages" has instead how many
 * pages have been searched and how many could not be.  A copy counts if a whole word is
 * found; port I/O passes on less than that.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvm_util.h"
#include "proof_util.h"

static uint64_t seed;

static struct test_vm vm;	/* of the VM's process */

/* Search, and print what was found. */
static void look(const char *moment)
{
	char text[64], line[128], owner[64];
	unsigned int gprs, halves;
	FILE *f;
	int fd;

	fd = open(SECRET_SCAN, O_WRONLY);
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)seed);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, SECRET_SCAN);
	close(fd);
	f = fopen(SECRET_SCAN, "r");
	if (!f)
		err(1, SECRET_SCAN);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%u %u %63s", &gprs, &halves, owner) != 3)
			errx(1, "%s: %s", SECRET_SCAN, line);
		printf("%s%s\t%s\t%u\t%u\n", vcpu_kinds[vcpu_kind].prefix, moment, owner, gprs,
		       halves);
	}
	if (ferror(f))
		err(1, SECRET_SCAN);
	fclose(f);
	fflush(stdout);
}

/* The VM's process does what it is told, a byte each, and answers with a byte. */
static void be_vmm(int sock, bool irqchip)
{
	unsigned int done = 0;
	char order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (irqchip)
		make_vm(&vm, sleeper_begin, sleeper_end, irqchip);
	else
		make_vm(&vm, guest_begin, guest_end, irqchip);
	memcpy(vm.mem + SEED_AT, &seed, sizeof(seed));
	if (write(sock, "", 1) != 1)
		_exit(1);
	while (read(sock, &order, 1) == 1) {
		switch (order) {
		case 'n':	/* the next exit */
			run_to(&vm, guest_exits[done++].reason);
			break;
		case 'c':	/* a VMM that is done with MMIO forgets it, too */
			explicit_bzero(&vm.run->mmio, sizeof(vm.run->mmio));
			break;
		case 'r':
			read_registers(&vm);
			break;
		case '0':
		case '1':	/* run for ever, or wait in the kernel, on that CPU */
			run_on(order - '0');
			if (write(sock, "", 1) != 1)
				_exit(1);
			ioctl(vm.vcpu, KVM_RUN, 0);
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
			memcpy(CMSG_DATA(cmsg), (int[]){ vm.vm, vm.vcpu }, 2 * sizeof(int));
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

	/* Nothing of the VM before counts. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		err(1, "getrandom");
	seed |= 1;
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

/* It has done what it was there for, and nothing else ended it. */
static void gone(struct vmm *vmm, bool killed)
{
	int status;

	if (killed)
		kill(vmm->pid, SIGKILL);
	if (waitpid(vmm->pid, &status, 0) != vmm->pid ||
	    status != (killed ? SIGKILL : 0))
		errx(1, "the VM's process has ended: %#x", status);
	close(vmm->sock);
	usleep(200000);	/* what is given back later is given back */
}

/* Of the other CPU, on which a vCPU runs. */
static void look_at_interrupts(void)
{
	long copies;

	if (access(SECRET_SCAN_INTERRUPTS, W_OK))
		return;
	run_on(1);
	write_text(SECRET_SCAN_INTERRUPTS, "1");
	run_on(0);
	usleep(500000);
	copies = read_number(SECRET_SCAN_INTERRUPTS);
	write_text(SECRET_SCAN_INTERRUPTS, "0");
	if (copies < 0)
		errx(1, "the vCPU was not interrupted");
	printf("%svCPU interrupted\tpages\t%u\t0\n", vcpu_kinds[vcpu_kind].prefix, 200000);
	if (copies)
		printf("%svCPU interrupted\tstack\t%ld\t0\n", vcpu_kinds[vcpu_kind].prefix, copies);
	fflush(stdout);
}

/* To the last exit, and look after each of them. */
static void run_and_look(struct vmm *vmm, bool looks)
{
	char moment[64];
	unsigned int i;

	for (i = 0; i < NR_EXITS; i++) {
		tell(vmm, 'n');
		snprintf(moment, sizeof(moment), "after %s", guest_exits[i].name);
		if (looks)
			look(moment);
	}
	tell(vmm, 'c');
}

static void look_at_vms(void)
{
	char moment[64];
	struct vmm vmm;
	char order;

	vmm = start(false);
	look("not yet run");
	run_and_look(&vmm, true);
	tell(&vmm, 'r');
	snprintf(moment, sizeof(moment), "after %s", read_registers_name);
	look(moment);
	tell(&vmm, '1');
	usleep(100000);
	look("vCPU running");
	look_at_interrupts();
	gone(&vmm, true);
	look("VM gone by SIGKILL");

	vmm = start(false);
	run_and_look(&vmm, false);
	tell(&vmm, '0');
	usleep(100000);
	look("vCPU preempted");
	if (write_text(SECRET_SCAN_NEON, "5"))
		look("vCPU preempted by a user of NEON");
	gone(&vmm, true);

	vmm = start(true);
	tell(&vmm, '1');
	usleep(300000);
	look("vCPU asleep in the kernel");
	gone(&vmm, true);

	vmm = start(false);
	tell(&vmm, 'n');
	order = 'x';
	if (write(vmm.sock, &order, 1) != 1)
		err(1, "write");
	gone(&vmm, false);
	look("VM gone by exit");

	/* Now it is this process that has the VM's last references. */
	vmm = start(false);
	tell(&vmm, 'n');
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
		gone(&vmm, false);
		look("owner gone, VM held by another");
		close(fds[0]);
		close(fds[1]);
	}
	usleep(200000);
	look("VM gone by another process");
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	run_on(0);
	for (; vcpu_kinds[vcpu_kind].prefix; vcpu_kind++) {
		if (!vcpu_kinds[vcpu_kind].there_is || vcpu_kinds[vcpu_kind].there_is(kvm))
			look_at_vms();
	}
	return 0;
}
