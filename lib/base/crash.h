/*
 * crash.h - places to die, for the tests.
 *
 * crash_point(name) marks a step whose interruption the tests exercise. In
 * the library that is shipped it is nothing. In the crash build
 * (AGORA_CRASH_POINTS) the process kills itself there with SIGKILL once
 * crash_arm() has named the step, and crash_points() lists all steps, so
 * that no test needs a list of its own.
 */
#ifndef LIB_BASE_CRASH_H
#define LIB_BASE_CRASH_H

#ifdef AGORA_CRASH_POINTS

#include <stddef.h>

void crash_step(const char *name);

/* Die (get crash_signal, SIGKILL at first) at the count-th pass of name. */
void crash_arm(const char *name, long count);
extern int crash_signal;

/* How often the armed step was passed since it was armed. */
long crash_passed(void);

/* Called at every pass of any step, unless NULL. */
extern void (*crash_hook)(const char *name);

/* All names; some may stand there twice. */
const char *const *crash_points(size_t *ret_count);

#define crash_point(name)                                                \
	do {                                                             \
		static const char *const point                           \
			__attribute__((section("crash_points"), used)) = \
				#name;                                   \
		crash_step(point);                                       \
	} while (0)

#else

#define crash_point(name) ((void)0)

#endif
#endif
