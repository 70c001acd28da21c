// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel adds up of a process over time, and says of it when it is gone, does
 * not tell whether it has or had secret memory.
 *
 * "user" is a VMA at a user address, and is counted as what it is.  "window" is an area
 * in the window.
 *
 * Needs root, CONFIG_TASKSTATS and CONFIG_BSD_PROCESS_ACCT; without
 * CONFIG_TASK_DELAY_ACCT the delays are no more than zero.
 */
#include "kselftest_harness.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/acct.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_owned_calls.h"
#include "proof_util.h"

#define COMINGS		50
#define LEFT		20
#define SIZE		(3 * page_size())
#define ACCOUNTS	"/dev/shm/accounts"
#define DELAYS		"/proc/sys/kernel/task_delayacct"

enum twin { NOTHING, AREAS, ORDINARY };

/* What must be the same for twins; sums of time cannot be. */
struct account {
	long used[4];			/* getrusage() */
	unsigned long long stats[11];	/* taskstats */
	unsigned int at_exit[3];	/* acct() */
};

struct attr {
	struct nlattr a;
	char data[];
};

/* The attribute of the type, with what it has room for. */
static struct attr *find_attr(char *attrs, char *end, int type)
{
	while (attrs + sizeof(struct nlattr) <= end) {
		struct attr *attr = (struct attr *)attrs;

		if ((attr->a.nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (attr->a.nla_len < sizeof(attr->a))
			break;
		attrs += NLA_ALIGN(attr->a.nla_len);
	}
	return NULL;
}

struct message {
	struct nlmsghdr n;
	struct genlmsghdr g;
	char attrs[1024];
};

/* One request with one attribute; the attribute @wanted of the answer. */
static struct attr *ask(int fd, struct message *m, int family, int cmd, int type,
			const void *data, size_t size, int wanted)
{
	struct attr *attr = (struct attr *)m->attrs;
	ssize_t len;

	memset(m, 0, sizeof(*m));
	attr->a.nla_type = type;
	attr->a.nla_len = sizeof(attr->a) + size;
	memcpy(attr->data, data, size);
	m->n.nlmsg_len = m->attrs - (char *)m + NLA_ALIGN(attr->a.nla_len);
	m->n.nlmsg_type = family;
	m->n.nlmsg_flags = NLM_F_REQUEST;
	m->g.cmd = cmd;
	m->g.version = 1;
	if (send(fd, m, m->n.nlmsg_len, 0) < 0)
		return NULL;
	len = recv(fd, m, sizeof(*m), 0);
	if (len < (ssize_t)sizeof(m->n) || m->n.nlmsg_type == NLMSG_ERROR)
		return NULL;
	return find_attr(m->attrs, (char *)m + len, wanted);
}

static bool get_taskstats(struct taskstats *stats)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	const __u32 pid = getpid();
	struct attr *attr = NULL;
	struct message m;

	if (fd >= 0)
		attr = ask(fd, &m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
			   TASKSTATS_GENL_NAME, sizeof(TASKSTATS_GENL_NAME),
			   CTRL_ATTR_FAMILY_ID);
	if (attr)
		attr = ask(fd, &m, *(__u16 *)attr->data, TASKSTATS_CMD_GET,
			   TASKSTATS_CMD_ATTR_PID, &pid, sizeof(pid),
			   TASKSTATS_TYPE_AGGR_PID);
	if (attr)
		attr = find_attr(attr->data, (char *)attr + attr->a.nla_len,
				 TASKSTATS_TYPE_STATS);
	if (attr)
		memcpy(stats, attr->data, sizeof(*stats));
	close(fd);
	return attr;
}

/* Some come and go, and some are there at the end. */
static bool live(struct account *account, enum twin what, bool window)
{
	unsigned long size = SIZE;
	struct taskstats stats;
	struct rusage used;
	int i, fd;

	/* From now on both have come the same way. */
	settle();
	munlockall();
	/* The one without areas asks for some of no size. */
	if (what != AREAS)
		size = 0;
	for (i = 0; i < COMINGS + LEFT; i++) {
		fd = open_either(window);
		if (map_either(fd, window, size, PROT_READ) != (size ? 0 : -EINVAL))
			return false;
		if (i < COMINGS)
			close(fd);
	}
	if (what == ORDINARY)
		mmap(NULL, LEFT * SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (!get_taskstats(&stats))
		return false;
	getrusage(RUSAGE_SELF, &used);
	*account = (struct account) {
		.used = { used.ru_maxrss, used.ru_minflt, used.ru_majflt, used.ru_nvcsw },
		.stats = {
			stats.hiwater_rss, stats.hiwater_vm, stats.ac_minflt,
			stats.ac_majflt, stats.nvcsw, stats.read_bytes,
			stats.blkio_count, stats.swapin_count, stats.freepages_count,
			stats.thrashing_count, stats.compact_count,
		},
	};
	return true;
}

static bool twin(struct account *account, struct account *shared, enum twin what,
		 bool window)
{
	struct acct at_exit;
	int status = -1, fd;
	pid_t pid;

	close(open(ACCOUNTS, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (!pid) {
		const bool ok = live(shared, what, window);

		_exit(!ok || acct(ACCOUNTS));
	}
	waitpid(pid, &status, 0);
	acct(NULL);
	*account = *shared;
	fd = open(ACCOUNTS, O_RDONLY);
	if (read(fd, &at_exit, sizeof(at_exit)) != sizeof(at_exit))
		status = -1;
	close(fd);
	account->at_exit[0] = at_exit.ac_mem;
	account->at_exit[1] = at_exit.ac_minflt;
	account->at_exit[2] = at_exit.ac_majflt;
	return status == 0;
}

FIXTURE(accounts)
{
	struct account *shared;
	char delays[8];
};

FIXTURE_VARIANT(accounts)
{
	bool window;
};

FIXTURE_VARIANT_ADD(accounts, user)
{
	.window = false,
};

FIXTURE_VARIANT_ADD(accounts, window)
{
	.window = true,
};

FIXTURE_SETUP(accounts)
{
	const char *missing = missing_driver();

	if (missing)
		SKIP(exit(KSFT_SKIP), "no %s", missing);
	if (geteuid())
		SKIP(exit(KSFT_SKIP), "needs root: taskstats and acct()");
	/* Counters of memory are kept by CPU, and summed up now and then. */
	run_on(0);
	read_text(DELAYS, self->delays, sizeof(self->delays));
	ASSERT_TRUE(write_text(DELAYS, "1") || access(DELAYS, F_OK));
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
}

FIXTURE_TEARDOWN(accounts)
{
	acct(NULL);
	unlink(ACCOUNTS);
	write_text(DELAYS, self->delays[0] == '1' ? "1" : "0");
}

#define EXPECT_ALIKE(_a, _b, _what) do {						\
	unsigned int _i;								\
											\
	for (_i = 0; _i < ARRAY_SIZE((_a)._what); _i++) {				\
		EXPECT_EQ((_a)._what[_i], (_b)._what[_i]) TH_LOG(#_what " %u", _i);	\
	}										\
} while (0)

TEST_F_TIMEOUT(accounts, twins_add_up_alike, 120)
{
	struct account without, with, ordinary, unlike[2] = {};
	unsigned int alike = 0;
	int i;

	/* What is not the area's doing happens to one of four pairs of twins at most. */
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(twin(i & 1 ? &with : &without, self->shared, i & 1 ? AREAS : NOTHING,
				 variant->window));
		ASSERT_TRUE(twin(i & 1 ? &without : &with, self->shared, i & 1 ? NOTHING : AREAS,
				 variant->window));
		ASSERT_TRUE(twin(&ordinary, self->shared, ORDINARY, variant->window));
		if (!memcmp(&without, &with, sizeof(with))) {
			alike++;
		} else {
			unlike[0] = without;
			unlike[1] = with;
		}
	}
	if (variant->window && alike < 3) {
		EXPECT_ALIKE(unlike[0], unlike[1], used);
		EXPECT_ALIKE(unlike[0], unlike[1], stats);
		EXPECT_ALIKE(unlike[0], unlike[1], at_exit);
	}
	if (!variant->window)
		EXPECT_EQ(0, alike);
	/* These tell an ordinary mapping. */
	EXPECT_LT(without.used[0], ordinary.used[0]);
	EXPECT_LT(without.stats[0], ordinary.stats[0]);
	EXPECT_LT(without.stats[1], ordinary.stats[1]);
	EXPECT_LT(without.stats[2], ordinary.stats[2]);
	EXPECT_NE(without.at_exit[0], ordinary.at_exit[0]);
}

TEST_HARNESS_MAIN
