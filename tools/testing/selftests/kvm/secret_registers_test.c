// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of vCPUs in secret memory: a guest gets them back as the VMM sets
 * them, other processes are refused, and the memory is freed with the VM, also
 * by another process.  Sets the parameter kvm.secret_registers, which takes
 * root, and puts it back.  No other VM should come or go meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"
#include "ucall_common.h"

#define PARAMETER	"/sys/module/kvm/parameters/secret_registers"
#define NR_SYNCS	100

#ifndef ADDR_MM_SECRET
#define ADDR_MM_SECRET	0x10000000
#endif

static char old_value[16];

static bool set_parameter(const char *value)
{
	int fd = open(PARAMETER, O_WRONLY);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	close(fd);
	return ok;
}

static void reset_parameter(void)
{
	set_parameter(old_value);
}

static long read_vmstat(const char *name)
{
	char line[128];
	long value = 0;
	FILE *f;

	f = fopen("/proc/vmstat", "r");
	TEST_ASSERT(f, "/proc/vmstat");
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			value = atol(line + strlen(name));
	}
	fclose(f);
	return value;
}

/* Pages of secret memory that are in use, in all of the system. */
static long pages_in_use(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY);

	TEST_ASSERT(fd >= 0 && write(fd, "1", 1) == 1, "stat_refresh");
	close(fd);
	return read_vmstat("nr_mm_secret") - read_vmstat("nr_mm_secret_idle");
}

/* Whether this machine has secret memory for a vCPU. */
static bool available;

static void guest_code(void)
{
	int i;

	for (i = 0; i < NR_SYNCS; i++)
		GUEST_SYNC(i);
	GUEST_DONE();
}

/* Read the general registers, change them, and write them back as they were. */
#ifdef __x86_64__
static void rewrite_registers(struct kvm_vcpu *vcpu)
{
	struct kvm_regs regs, other, now;

	vcpu_regs_get(vcpu, &regs);
	other = regs;
	other.r8 = ~regs.r8;
	other.r15 = ~regs.r15;
	other.rbx = ~regs.rbx;
	vcpu_regs_set(vcpu, &other);
	vcpu_regs_get(vcpu, &now);
	TEST_ASSERT(!memcmp(&now, &other, sizeof(now)), "not what was set");
	vcpu_regs_set(vcpu, &regs);
}

static int get_registers(struct kvm_vcpu *vcpu)
{
	struct kvm_regs regs;

	return __vcpu_ioctl(vcpu, KVM_GET_REGS, &regs);
}
#else
static void rewrite_registers(struct kvm_vcpu *vcpu)
{
	u64 reg, value;
	int i;

	for (i = 0; i < 31; i++) {
		reg = ARM64_CORE_REG(regs.regs[0]) + i * 2;
		value = vcpu_get_reg(vcpu, reg);
		vcpu_set_reg(vcpu, reg, ~value);
		TEST_ASSERT_EQ(vcpu_get_reg(vcpu, reg), ~value);
		vcpu_set_reg(vcpu, reg, value);
	}
}

static int get_registers(struct kvm_vcpu *vcpu)
{
	u64 value;

	return __vcpu_get_reg(vcpu, ARM64_CORE_REG(regs.regs[0]), &value);
}
#endif

static void run_guest(struct kvm_vcpu *vcpu)
{
	struct ucall uc;
	int i;

	for (i = 0; i < NR_SYNCS; i++) {
		vcpu_run(vcpu);
		TEST_ASSERT_EQ(get_ucall(vcpu, &uc), UCALL_SYNC);
		TEST_ASSERT_EQ(uc.args[1], (u64)i);
		rewrite_registers(vcpu);
	}
	vcpu_run(vcpu);
	TEST_ASSERT_EQ(get_ucall(vcpu, &uc), UCALL_DONE);
}

static void wait_for(pid_t pid)
{
	int status = -1;

	TEST_ASSERT(waitpid(pid, &status, 0) == pid && !status, "child: %#x", status);
}

static void test(const char *value)
{
	const long before = pages_in_use();
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int hold[2];
	pid_t pid;
	char c;

	TEST_ASSERT(set_parameter(value), "%s: %s", PARAMETER, value);
	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	if (available && strcmp(value, "off"))
		TEST_ASSERT(pages_in_use() > before, "not in secret memory");
	else
		TEST_ASSERT_EQ(pages_in_use(), before);
	run_guest(vcpu);

	pid = fork();
	if (!pid)
		_exit(get_registers(vcpu) != -1 || errno != EIO);
	wait_for(pid);

	/* Another process has the last reference. */
	TEST_ASSERT(!pipe(hold), "pipe");
	pid = fork();
	if (!pid) {
		close(hold[1]);
		_exit(read(hold[0], &c, 1) != 0);
	}
	close(hold[0]);
	kvm_vm_free(vm);
	close(hold[1]);
	wait_for(pid);
	TEST_ASSERT_EQ(pages_in_use(), before);
}

/* The error of KVM_CREATE_VCPU, or 0.  The library expects to get a vCPU. */
static int try_vcpu(void)
{
	int kvm = open(KVM_DEV_PATH, O_RDWR), vm, vcpu, err;

	TEST_ASSERT(kvm >= 0, KVM_DEV_PATH);
	vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	TEST_ASSERT(vm >= 0, "KVM_CREATE_VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	err = vcpu < 0 ? errno : 0;
	close(vcpu);
	close(vm);
	close(kvm);
	return err;
}

#ifdef __aarch64__
/*
 * A process has secret memory if it has asked for it.  Ask before the library
 * makes a vCPU, in a constructor of its own.
 */
__attribute__((constructor(101)))
static void ask_for_secret_memory(int argc, char *argv[])
{
	int now = personality(0xffffffff);

	if (now & ADDR_MM_SECRET || (argc > 1 && !strcmp(argv[1], "refused")))
		return;
	personality(now | ADDR_MM_SECRET);
	execv("/proc/self/exe", argv);
}
#endif

int main(int argc, char *argv[])
{
	int fd;

	TEST_REQUIRE(!access(PARAMETER, W_OK));
	if (argc > 1 && !strcmp(argv[1], "refused"))
		return !set_parameter("required") || try_vcpu() != EOPNOTSUPP;

	fd = open(PARAMETER, O_RDONLY);
	TEST_ASSERT(fd >= 0 && read(fd, old_value, sizeof(old_value) - 1) > 0, PARAMETER);
	close(fd);
	atexit(reset_parameter);

	TEST_ASSERT(!set_parameter("sometimes") && errno == EINVAL, "a wrong value");
	test("off");
	TEST_ASSERT(set_parameter("required"), "required");
	available = try_vcpu() != EOPNOTSUPP;
	test("auto");
	TEST_REQUIRE(available);
	test("required");
#ifdef __aarch64__
	/* "required" refuses a process that has not asked. */
	set_parameter("off");
	fd = fork();
	if (!fd) {
		personality(personality(0xffffffff) & ~ADDR_MM_SECRET);
		execl("/proc/self/exe", argv[0], "refused", NULL);
		_exit(1);
	}
	wait_for(fd);
#endif
	return 0;
}
