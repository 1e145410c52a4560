/*
 * agora/base.h - what every other header needs: errors, time, versions.
 *
 * Errors. Every function that can fail returns 0 or a documented count when
 * it succeeded and a negative errno when it did not; errno itself is never
 * part of the interface. Outputs (ret_...) are untouched on failure unless a
 * function says otherwise. The library never prints and never exits.
 *
 * Time. Deadlines are absolute times of CLOCK_MONOTONIC; NULL means "for
 * ever". A deadline in the past makes a blocking call a single attempt that
 * returns -ETIMEDOUT instead of -EAGAIN.
 *
 * Processes. A handle belongs to the process that opened it. After fork(2)
 * every call on an inherited handle returns -ECHILD in the child, except the
 * close functions, which only release memory there.
 *
 * Threads. A handle may be shared by the threads of a process. A handle for
 * each thread is faster: see lib/README.md for figures.
 *
 * Versions. What is said of a function without "Since" is true since 0.1.
 *
 * Truncated segments. The first open installs a SIGBUS handler that turns
 * an access beyond the end of a segment truncated by somebody else into
 * -EUCLEAN; other SIGBUS go to the handler that was there before.
 */
#ifndef AGORA_BASE_H
#define AGORA_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The version of these headers. */
#define AGORA_VERSION_MAJOR 0
#define AGORA_VERSION_MINOR 1

/* Names: at most this many bytes of UTF-8, see agora_name_check(). */
#define AGORA_NAME_MAX 200

/**
 * Return the version of the library that is running, as "MAJOR.MINOR".
 *
 * Progress: wait-free. Since: 0.1
 */
const char *agora_version(void);

/**
 * Return agora's own text for an error, in one line without a full stop.
 *
 * error: a negative errno as returned by this library (a positive one is
 * taken as well). Codes that agora does not use get the text of strerror(3).
 *
 * Progress: wait-free. Since: 0.1
 */
const char *agora_strerror(int error);

/**
 * Return the deadline that lies nanoseconds from now.
 *
 * Progress: wait-free. Since: 0.1
 */
struct timespec agora_deadline(uint64_t nanoseconds);

/**
 * Check the name of a program, or of an object without its kind.
 *
 * A name has 1 to AGORA_NAME_MAX bytes of UTF-8, no '/', no control
 * character (U+0000 to U+001F, U+007F to U+009F) and no leading dot.
 *
 * Returns 0, -ENAMETOOLONG, or -EINVAL for every other violation.
 * Progress: wait-free. Since: 0.1
 */
int agora_name_check(const char *name);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
