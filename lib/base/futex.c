/* futex.c - sleep until a word of shared memory changes: see futex.h. */
#include "base/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* FUTEX_WAIT_BITSET takes an absolute time, unlike FUTEX_WAIT. */
int futex_wait(const _Atomic uint32_t *word, uint32_t value,
	const struct timespec *deadline)
{
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, deadline, NULL,
		    FUTEX_BITSET_MATCH_ANY) == 0 ||
		errno == EAGAIN)
		return 0;
	return -errno;
}

int futex_wait_any(const _Atomic uint32_t *const *words, const uint32_t *values,
	size_t count, const struct timespec *deadline)
{
	struct futex_waitv wait[FUTEX_MANY];

	for (size_t i = 0; i < count; i++)
		wait[i] = (struct futex_waitv){.val = values[i],
			.uaddr = (uintptr_t)words[i],
			.flags = FUTEX_32};
	if (syscall(SYS_futex_waitv, wait, count, 0, deadline,
		    CLOCK_MONOTONIC) >= 0 ||
		errno == EAGAIN)
		return 0;
	return -errno;
}

int futex_wake(const _Atomic uint32_t *word, int count)
{
	long woken = syscall(SYS_futex, word, FUTEX_WAKE, count);

	return woken < 0 ? 0 : (int)woken;
}

struct timespec time_after(uint64_t nanoseconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec += (time_t)(nanoseconds / 1000000000);
	now.tv_nsec += (long)(nanoseconds % 1000000000);
	if (now.tv_nsec >= 1000000000) {
		now.tv_nsec -= 1000000000;
		now.tv_sec++;
	}
	return now;
}

int time_before(const struct timespec *a, const struct timespec *b)
{
	if (!a)
		return 0;
	if (!b || a->tv_sec < b->tv_sec)
		return 1;
	return a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec;
}

int time_passed(const struct timespec *deadline)
{
	struct timespec now;

	if (!deadline)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return !time_before(&now, deadline);
}

uint64_t time_real(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
