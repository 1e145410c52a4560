/*
 * scan.h - what the files that read JSON share: see scan.c.
 */
#ifndef LIB_TYPE_SCAN_H
#define LIB_TYPE_SCAN_H

#include "type/type.h"

struct type_scan {
	const char *text;
	size_t size, at;
	uint8_t *out; /* the value */
	size_t out_size, room;
	struct agora_type_error *error;
};

/* On the way to where we are: a field, or an element. */
struct type_step {
	const struct type_step *up;
	const char *name;
	size_t name_size; /* 0: an element */
	size_t index;
};

/* Say what is wrong, and with what. Returns -EBADMSG. */
int type_refuse(struct type_scan *s, const struct type_step *step,
	size_t offset, const char *words);

/* The next character behind space, or NUL; pass it if it is c; or refuse. */
char type_peek(struct type_scan *s);
bool type_accept(struct type_scan *s, char c);
int type_expect(struct type_scan *s, const struct type_step *step, char c);

/* Write behind what there is; data NULL: zeros. Returns 0, -ENOMEM. */
int type_append(struct type_scan *s, const void *data, size_t size);

/* Pass a string and append what it says. */
int type_scan_string(struct type_scan *s, const struct type_step *step);

int type_scan_number(struct type_scan *s, const struct type_step *step,
	enum type_scalar scalar, void *ret_value);

/* Pass a value and append it; as an element, with its size if it needs one. */
int type_scan(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n);
int type_scan_element(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n);

/* scan_struct.c, scan_map.c */
int type_scan_struct(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n);
int type_scan_map(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n);

#endif
