/* crash.c - places to die, for the tests: see crash.h. */
#include "base/crash.h"

#ifdef AGORA_CRASH_POINTS

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Names that the linker gives. NOLINTBEGIN(*reserved-identifier,cert-dcl*) */
extern const char *const __start_crash_points[], *const __stop_crash_points[];
/* NOLINTEND(*reserved-identifier,cert-dcl*) */

int crash_signal = SIGKILL;
void (*crash_hook)(const char *name);
static const char *armed;
static long remaining, passed;

void crash_arm(const char *name, long count)
{
	armed = name;
	remaining = count;
	passed = 0;
}

long crash_passed(void)
{
	return passed;
}

void crash_step(const char *name)
{
	if (crash_hook)
		crash_hook(name);
	if (!armed || strcmp(name, armed))
		return;
	passed++;
	if (--remaining == 0)
		kill(getpid(), crash_signal);
}

const char *const *crash_points(size_t *ret_count)
{
	*ret_count = (size_t)(__stop_crash_points - __start_crash_points);
	return __start_crash_points;
}

#else

/* A translation unit holds something, even in the library that is shipped. */
typedef int crash_points_are_compiled_out;

#endif
