/* error.c - the texts of errors, the version, deadlines: see agora/base.h. */
#include "base/futex.h"

#include <agora/base.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)

/* Every code that agora itself returns, and what it means here. */
#define ERRORS(X)                                                              \
	X(EACCES, "permission denied")                                         \
	X(EAGAIN, "full or empty now")                                         \
	X(EBADMSG, "value does not fit the declared type")                     \
	X(EBUSY, "in use by a living process")                                 \
	X(ECANCELED, "the wait was called off")                                \
	X(ECHILD,                                                              \
		"handle belongs to the parent process: open again after fork") \
	X(EEXIST, "name is taken")                                             \
	X(EINTR, "interrupted by a signal")                                    \
	X(EINVAL, "invalid name or argument")                                  \
	X(EMFILE, "too many open files, or inotify instances of this user")    \
	X(EMSGSIZE, "message or value too large")                              \
	X(ENAMETOOLONG, "name too long")                                       \
	X(ENOENT, "no such space, program, object or key")                     \
	X(ENOMEM, "out of memory")                                             \
	X(ENOSPC, "no room: capacity, memory, filesystem or inotify limit")    \
	X(ENOTDIR, "not a directory")                                          \
	X(ENOTEMPTY, "program still has objects or other files")               \
	X(EOPNOTSUPP, "not supported by this kind of object or filesystem")    \
	X(EOWNERDEAD, "a peer died and its work was repaired")                 \
	X(EPERM, "refused: another user owns it or may write to it")           \
	X(EPROTO, "format version is not ours")                                \
	X(EPROTOTYPE, "object or value is of another kind")                    \
	X(ESTALE, "removed or changed meanwhile")                              \
	X(ETIMEDOUT, "timed out")                                              \
	X(EUCLEAN, "damaged or truncated")                                     \
	X(EUSERS, "too many clients: all slots are taken by living processes")

const char *agora_strerror(int error)
{
	long code = error;
	const char *text;

	if (code < 0)
		code = -code;
	switch (code) {
	case 0:
		return "success";
#define CASE(number, words) \
	case number:        \
		return words;
		ERRORS(CASE)
#undef CASE
	}
	text = code <= INT_MAX ? strerrordesc_np((int)code) : NULL;
	return text ? text : "unknown error";
}

const char *agora_version(void)
{
	return STRING(AGORA_VERSION_MAJOR) "." STRING(AGORA_VERSION_MINOR);
}

struct timespec agora_deadline(uint64_t nanoseconds)
{
	return time_after(nanoseconds);
}
