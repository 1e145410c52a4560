/*
 * agora/reference.h - a message that names a value.
 *
 * Instead of a large value, a message may hold a reference to one that lies
 * in a table, a map or a string, and to the version of it that is meant. Who
 * gets the message follows it, and learns when the value is another one now.
 *
 * A reference is text, which cat shows and people can write:
 *
 *     reference = program "/" object [ "#" key ] [ "@" version ]
 *
 *     weather/prices.table#umbrella@8388623      this version of the value
 *     weather/prices.table#umbrella              whatever is there
 *     weather/prices.table#@17                   under the empty key
 *     weather/mode.string@3                      a string has no keys
 *
 * version is a decimal number from 1 on. In program, object and key '%', '#',
 * '@', spaces and control characters are written as '%' and two hexadecimal
 * digits, as are the bytes from 128 on when the name or the key is no UTF-8;
 * any other byte may be. So each reference can be written, whatever its key,
 * and each text stands for one. Text views know the type "utf8/reference":
 * each line is one, and what is none is refused (EBADMSG).
 *
 * Caveats
 * - A version belongs to an object. Whoever removes an object and makes
 *   another one under its name begins anew with the versions, too.
 * - A reference keeps nothing alive and grants nothing: who follows it needs
 *   permission to read the object.
 */
#ifndef AGORA_REFERENCE_H
#define AGORA_REFERENCE_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The longest "program/object", with its NUL. */
#define AGORA_PATH_MAX 512

/* The longest key of any kind. */
#define AGORA_KEY_MAX 4096

/* The longest text of a reference. */
#define AGORA_REFERENCE_MAX 16384

/** What a reference says. */
struct agora_reference {
	char path[AGORA_PATH_MAX]; /* "program/object" */
	int has_key;               /* 0 for a string */
	size_t key_size;
	unsigned char key[AGORA_KEY_MAX];
	uint64_t version; /* 0: whatever is there */
};

/**
 * Make a reference to a value of an open object.
 *
 * key: NULL for a string. version: as agora_buffer.version of what was read,
 * or what agora_table_compare() and the like returned; 0: whatever is there.
 * The object is named as it was opened: a renaming since is not noticed.
 *
 * Returns 0, -EINVAL (a key where there are none, or none where there are,
 * or longer than AGORA_KEY_MAX), -EOPNOTSUPP (a kind without values), -ECHILD.
 * Progress: wait-free. Since: 0.1
 */
int agora_reference_make(const struct agora_object *object, const void *key,
	size_t key_size, uint64_t version,
	struct agora_reference *ret_reference);

/**
 * Write a reference as text, without a NUL; always in the same way.
 *
 * ret_text: size is set; AGORA_REFERENCE_MAX bytes are always enough.
 * Returns 0, -EMSGSIZE (size tells), -EINVAL (not a reference).
 * Progress: wait-free. Since: 0.1
 */
int agora_reference_format(
	const struct agora_reference *reference, struct agora_buffer *ret_text);

/**
 * Read the text of a reference. Nothing is looked up.
 *
 * Returns 0, -EBADMSG (not a reference). Progress: wait-free. Since: 0.1
 */
int agora_reference_parse(
	const void *text, size_t size, struct agora_reference *ret_reference);

/**
 * Send a reference: push its text to an object whose type allows it.
 *
 * Returns as agora_object_push(), and -EINVAL (not a reference).
 */
int agora_reference_push(
	struct agora_object *object, const struct agora_reference *reference);

/**
 * Follow the text of a reference, once. Who follows many has a resolver.
 * Returns as agora_resolver_follow(), and -EBADMSG (not a reference).
 */
int agora_reference_follow(struct agora_space *space, const void *text,
	size_t size, struct agora_buffer *ret_value);

struct agora_resolver;

/**
 * Make a resolver, which keeps objects that it came to open, up to 64 of
 * them, so that following costs one system call. One thread at a time.
 *
 * space: must stay open as long. Returns 0, -ENOMEM. Since: 0.1
 */
int agora_resolver_open(
	struct agora_space *space, struct agora_resolver **ret_resolver);

/** Free a resolver and close what it opened. NULL is accepted. */
void agora_resolver_close(struct agora_resolver *resolver);

/**
 * Copy the value that a reference names.
 *
 * Returns 0 (it has the version of the reference, or that says none), -ESTALE
 * (it is another version: ret_value holds the present value, with its
 * version), -ENOENT (no such program, object or key, or the string was
 * cleared), -EMSGSIZE (buffer too small; size tells what the present value
 * needs), -EINVAL (not a reference, an unknown kind, or a key where there
 * are none and the like), -EOPNOTSUPP (a kind without values), and those of
 * agora_object_open() and of reading.
 * Progress: lock-free, once the object is open. Since: 0.1
 */
int agora_resolver_follow(struct agora_resolver *resolver,
	const struct agora_reference *reference,
	struct agora_buffer *ret_value);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
