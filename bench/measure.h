/* SPDX-License-Identifier: GPL-2.0 */
/* How the programs of scripts/bench measure. */
#ifndef _MEASURE_H
#define _MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <time.h>
#include <unistd.h>

#ifndef ADDR_MM_SECRET
#define ADDR_MM_SECRET	0x10000000
#endif

#define check(what)							\
	do {								\
		if (!(what)) {						\
			fprintf(stderr, "%s: line %d: %s: %m\n",	\
				__FILE__, __LINE__, #what);			\
			exit(1);					\
		}							\
	} while (0)

static inline unsigned long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* On arm64 a process may have secret memory if it asked for it before execve(). */
static inline void ask_for_secret_memory(char **argv)
{
	int is = personality(0xffffffff);

	if (!(is & ADDR_MM_SECRET) && personality(is | ADDR_MM_SECRET) != -1)
		execv("/proc/self/exe", argv);
}

/*
 * What can be measured.  Each does something a number of times and returns how long
 * that took in all; what has to be prepared does not count.
 */
struct subject {
	const char *name;
	unsigned long long (*fn)(unsigned int times);
	unsigned int times;
};

#define MEASURED(times, what)						\
	({								\
		unsigned long long start = now();			\
		unsigned int i_;					\
									\
		for (i_ = 0; i_ < (times); i_++) {			\
			what;						\
		}							\
		now() - start;						\
	})

/*
 * The least of so many counts is what it takes without a tick, or with as few of them as
 * there can be.  Each run begins elsewhere between two ticks, which are 4 ms apart, and is
 * best shorter than that, and long enough for what is done once in 64 pages.
 * What is paid more rarely than once in a run, by RCU callbacks or a refilled slab, can
 * be missing in it.
 * Among boots of one kernel that have other amounts of memory, the least of 100 differs by
 * at most 0.13 %, the least of 20 by 0.6 %, and quartiles and means by 1.5 %.
 */
#define RUNS	100
#define APART	(4000000ULL / RUNS)

static inline void measure(const char *group, const struct subject *subject)
{
	unsigned long long least = ~0ULL;
	int run;

	for (run = 0; run < RUNS; run++) {
		unsigned long long start = now(), took;

		while (now() - start < run * APART)
			;
		took = subject->fn(subject->times);
		if (took < least)
			least = took;
	}
	printf("%s %s\t%.2f\n", group, subject->name, (double)least / subject->times);
	fflush(stdout);
}

#endif
