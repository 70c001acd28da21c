// SPDX-License-Identifier: GPL-2.0
/*
 * A program with a bug of each kind, for the tools that find them.
 *
 *	planted clean	uses memory in many ways, and has no bug
 *	planted BUG	the same, and the bug that is named
 *	planted tick	counts the seconds until it is killed
 */
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long locked, unlocked;
static int race;
/* What compilers cannot look through. */
static char *volatile kept;
static volatile int one = 1;

static void *work(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		char *p = malloc(16 + i * 7);

		memset(p, i, 16 + i * 7);
		pthread_mutex_lock(&lock);
		locked += p[i] != 0;
		pthread_mutex_unlock(&lock);
		if (race)
			unlocked++;
		free(p);
	}
	return arg;
}

/* A stack of some hundred KiB. */
static int deep(int n)
{
	volatile char room[1024];

	room[n % 1024] = (char)n;
	return n ? deep(n - 1) + room[n % 1024] - (char)n : 0;
}

static void clean(void)
{
	size_t size = 64 << 20;
	pthread_t thread[THREADS];
	int status;
	pid_t child;
	char *p;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, NULL))
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);

	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(2);
	for (size_t i = 0; i < size; i += 1 << 20)
		p[i] = 1;
	munmap(p, size);
	p = malloc(size);
	p[size - 1] = 1;
	free(p);
	/* As chars, 3 of the first 1000 numbers besides 0 are zeros. */
	if (locked != THREADS * 996L || deep(300))
		exit(3);
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(7);
	if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7)
		exit(4);
}

static void tick(void)
{
	for (int i = 0;; i++) {
		printf("%d\n", i);
		fflush(stdout);
		sleep(1);
	}
}

int main(int argc, char **argv)
{
	const char *bug = argc > 1 ? argv[1] : "clean";

	if (!strcmp(bug, "tick"))
		tick();
	race = !strcmp(bug, "race");
	clean();
	if (!strcmp(bug, "clean")) {
		printf("clean\n");
	} else if (!strcmp(bug, "heap")) {
		kept = malloc(32);
		kept[32 * one] = 1;
		free(kept);
	} else if (!strcmp(bug, "freed")) {
		kept = malloc(32);
		free(kept);
		kept[one] = 1;
	} else if (!strcmp(bug, "stack")) {
		char array[16] = "";

		array[16 * one] = 1;
		printf("%d\n", array[one]);
	} else if (!strcmp(bug, "uninitialized")) {
		kept = malloc(32);
		if (kept[one])
			printf("not zero\n");
		free(kept);
	} else if (!strcmp(bug, "leak")) {
		kept = malloc(1000);
		kept = NULL;
	} else if (!strcmp(bug, "overflow")) {
		printf("%d\n", one + INT_MAX);
	} else if (race) {
		printf("%ld\n", unlocked);
	} else {
		fprintf(stderr, "no such bug: %s\n", bug);
		return 2;
	}
	return 0;
}
