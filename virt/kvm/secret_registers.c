// SPDX-License-Identifier: GPL-2.0
/*
 * The parameter secret_registers: whether guests' registers are put into secret
 * memory, which only kernel code in the VMM's process can reach.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/sysfs.h>

/*
 * off: never.  auto: if there is secret memory.  required: always, and without
 * secret memory KVM_CREATE_VCPU fails.
 */
enum { SECRET_REGISTERS_OFF, SECRET_REGISTERS_AUTO, SECRET_REGISTERS_REQUIRED };
static const char * const secret_registers_names[] = { "off", "auto", "required" };
static int __read_mostly secret_registers = SECRET_REGISTERS_OFF;

static int set_secret_registers(const char *val, const struct kernel_param *kp)
{
	int i = sysfs_match_string(secret_registers_names, val);

	if (i < 0)
		return i;
	WRITE_ONCE(secret_registers, i);
	return 0;
}

static int get_secret_registers(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", secret_registers_names[READ_ONCE(secret_registers)]);
}

static const struct kernel_param_ops secret_registers_ops = {
	.set = set_secret_registers,
	.get = get_secret_registers,
};
module_param_cb(secret_registers, &secret_registers_ops, NULL, 0644);
MODULE_PARM_DESC(secret_registers,
		 "Keep guests' registers in secret memory: off, auto or required");

/**
 * kvm_alloc_secret_registers - Put a new vCPU's registers into secret memory
 * @vcpu:	The vCPU, of the current process.  Its registers are not in use.
 *
 * Does nothing if secret_registers is "off".  With "auto", the registers stay
 * where they are if there is no secret memory.
 *
 * Context: Process context.  May sleep.
 * Return: 0, or an error with which the creation of the vCPU must fail.
 */
int kvm_alloc_secret_registers(struct kvm_vcpu *vcpu)
{
	const int wanted = READ_ONCE(secret_registers);
	int r;

	if (wanted == SECRET_REGISTERS_OFF)
		return 0;
	r = kvm_arch_alloc_secret_registers(vcpu);
	/* A task that is being killed needs no fallback: -EINTR. */
	if (!r || r == -EINTR || wanted == SECRET_REGISTERS_REQUIRED)
		return r;
	pr_info_once("registers of guests are not in secret memory: error %d\n", r);
	return 0;
}
