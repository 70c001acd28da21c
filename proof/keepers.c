// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual machines that run beside other tests.  Called once, it starts some, each in a
 * process of its own that goes on by itself; called again, it ends them and says whether
 * their registers kept their values all the while.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/oom.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest.h"
#include "kvm_util.h"
#include "proof_util.h"

#define NAME	"/keepers"
#define VMS	3
#define ROUNDS	2
#define PAUSE	50000	/* us, in which others run */

struct keepers {
	volatile bool end;
	struct {
		volatile uint64_t turns;
		volatile int said;
		volatile bool ended;
	} vm[VMS];
};

static void go_on(struct keepers *k, int i)
{
	struct test_vm t = {};

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd);
	write_text("/proc/self/oom_score_adj", "-1000");
	make_keeper_in(&t);
	while (!k->end && !k->vm[i].said) {
		k->vm[i].said = keep(&t, ROUNDS);
		k->vm[i].turns++;
		usleep(PAUSE);
	}
	k->vm[i].ended = true;
	_exit(0);
}

int main(void)
{
	struct keepers *k;
	bool first;
	int fd, i, n;

	ksft_print_header();
	if (access("/dev/kvm", R_OK | W_OK))
		ksft_exit_skip("no /dev/kvm\n");
	ksft_set_plan(VMS);
	fd = shm_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
	first = fd >= 0;
	if (!first)
		fd = shm_open(NAME, O_RDWR, 0);
	if (fd < 0 || ftruncate(fd, sizeof(*k)))
		ksft_exit_fail_perror(NAME);
	k = mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (k == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	fflush(NULL);
	for (i = 0; first && i < VMS; i++) {
		if (fork() == 0)
			go_on(k, i);
	}
	k->end = !first;
	for (i = 0; i < VMS; i++) {
		for (n = 0; n < 1000 && (first ? k->vm[i].turns < 2 : !k->vm[i].ended); n++)
			usleep(20000);
		ksft_print_msg("%llu turns, the last one said %d\n",
			       (unsigned long long)k->vm[i].turns, k->vm[i].said);
		ksft_test_result(!k->vm[i].said && k->vm[i].ended == !first &&
				 k->vm[i].turns >= (first ? 2 : 100), "%s %d\n",
				 first ? "begins" : "kept_its_registers", i);
	}
	if (!first)
		shm_unlink(NAME);
	ksft_finished();
}
