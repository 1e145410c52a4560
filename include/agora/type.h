/*
 * agora/type.h - types of messages and values: what they are called, which is
 * a special case of which, what fits them, and how they look as text.
 *
 *	bytes                 anything
 *	bytes/line            anything; text views cut it at newlines
 *	bytes/SUBTYPE         what libmagic takes for MIME type ANY/SUBTYPE,
 *	                      whatever stands before the slash: bytes/png is
 *	                      image/png, bytes/pdf application/pdf. A subtype
 *	                      that it does not know is not checked, and nothing
 *	                      is of octet-stream in particular: all of it is.
 *	utf8                  text
 *	utf8/url              an absolute URI (RFC 3986), up to 32 KiB;
 *	utf8/url/SCHEME       its scheme is that one. http and https have a host
 *	utf8/json             one JSON text (RFC 8259)
 *	utf8/csv              records of as many fields each (RFC 4180)
 *	utf8/reference        a name of a value: see agora/reference.h
 *	utf8/i64, ...         a number in digits, as JSON has it; also nan, inf
 *	                      and -inf for utf8/f32 and utf8/f64
 *	i8 i16 i32 i64        numbers as the machine has them
 *	u8 u16 u32 u64 f32 f64
 *	struct{u64 ts; f64 bid, ask; char sym[8];}
 *	                      a struct of C, laid out as the C compiler does.
 *	                      Fields are numbers (also by the names of C:
 *	                      uint64_t, double), char (text), struct{...}, and
 *	                      arrays of these, of up to 4 dimensions
 *	list(A)               values of A one after the other. Those of a fixed
 *	                      size as they are, without a gap; of others each
 *	                      has its size before it, a u32
 *	map(A,B)              keys and values in turn, stored as in lists. Keys
 *	                      ascend in the order of their bytes, none is twice
 *	A|B                   a value of A or one of B
 *
 * A type is a path from general to special, and a value of a type is a value
 * of each of its parents. The parent of all is bytes. Any path may go on:
 * utf8/order-id is a refinement of utf8, i64/percent one of i64. What such a
 * name means, programs declare (agora_type_set); who does not know it checks
 * what is before it.
 *
 * The words of a path have lower-case letters, digits and, between them,
 * ".", "-", "+" and "_". Space may stand around words in the text of a type;
 * the canonical form has only that which is shown above.
 *
 * Limits: AGORA_TYPE_MAX bytes with the NUL, 16 levels, 255 parts, 1 GiB of
 * a value of fixed size. A list, a map and A|B stand in no struct.
 *
 * liburiparser, libyajl and libmagic are loaded when a value of their types is
 * first checked. Where one is missing the answer is -EOPNOTSUPP.
 *
 * Every function here may be called by any number of threads at a time, and
 * takes time in proportion to what it is given.
 */
#ifndef AGORA_TYPE_H
#define AGORA_TYPE_H

#include <agora/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define AGORA_TYPE_MAX 1024 /* bytes of a type's name, with its NUL */

struct agora_buffer; /* agora/object.h */

/** What is wrong with the text of a type, a value, or a line of JSON. */
struct agora_type_error {
	size_t offset;    /* of the first byte that is wrong */
	uint32_t line;    /* in which it lies, from 1 */
	uint32_t column;  /* and its place in that line, in bytes, from 1 */
	char reason[240]; /* one line in words; it names the field, if any */
};

/* ---- by name ---------------------------------------------------------- */

/**
 * Check that a text is a type.
 *
 * Returns 0, -EINVAL. Since: 0.1
 */
int agora_type_parse(const char *type);

/**
 * Write a type in its canonical form.
 *
 * Returns 0, -EINVAL (*ret_error, if not NULL, says where and why).
 * Since: 0.1
 */
int agora_type_canon(const char *type, char ret_canon[AGORA_TYPE_MAX],
	struct agora_type_error *ret_error);

/**
 * Tell whether each value of a type is one of another, by their names alone.
 *
 * Returns 1, 0, -EINVAL (one of them is no type). Since: 0.1
 */
int agora_type_is_a(const char *sub, const char *super);

/**
 * Get the next more general type. Again and again, it ends in "bytes".
 *
 * Of a path it is the path without its last word; of A|B the most special
 * that both have.
 *
 * Returns 0, -ENOENT (of bytes there is none), -EINVAL. Since: 0.1
 */
int agora_type_parent(const char *type, char ret_parent[AGORA_TYPE_MAX]);

/**
 * Get an alternative of A|B, from 0; of other types 0 is the type itself.
 *
 * Returns 0, -ENOENT (there are not so many), -EINVAL. Since: 0.1
 */
int agora_type_part(
	const char *type, unsigned index, char ret_part[AGORA_TYPE_MAX]);

/**
 * Check that data is a value of type.
 *
 * ret_offset: where the first byte that does not fit lies; set only when
 * -EBADMSG is returned; may be NULL.
 *
 * Returns 0, -EBADMSG, -EINVAL (no type), -EOPNOTSUPP, -ENOMEM. Since: 0.1
 */
int agora_type_check(
	const char *type, const void *data, size_t size, size_t *ret_offset);

/**
 * Tell whether text views show each value as it is, on a line.
 *
 * Returns 1 or 0; see agora_type_view() for the whole truth. Since: 0.1
 */
int agora_type_is_lines(const char *type);

/* ---- what programs declare -------------------------------------------- */

/** Types that programs declared. */
struct agora_type_set;

/** Make an empty set. Returns 0, -ENOMEM. Since: 0.1 */
int agora_type_set_open(struct agora_type_set **ret_set);

/** Free a set, after all types that were opened with it. NULL is accepted. */
void agora_type_set_close(struct agora_type_set *set);

/**
 * Declare what a path means: for utf8/order-id for example
 *
 *	^[A-Z]{3}-[0-9]+$           a regular expression: it begins with "^"
 *	utf8/json                   another type, whose values they are too
 *	struct{f64 bid; f64 ask;}   likewise
 *	where size <= 20            a condition on the value, see below
 *	utf8/i64 where value > 0    both
 *
 * Expressions are extended ones of POSIX, matched by the C library in the
 * locale "C", so bytes outside ASCII stand for themselves, and not in
 * brackets; "." is any byte but NUL. Up to 256 bytes, without back-references
 * and with repetitions that make no more than 1,000. They are matched against
 * values up to 4 KiB; longer ones do not fit.
 *
 * Conditions compare (< <= > >= == !=) numbers, texts in single quotes,
 * fields (bid, leg[2].price), "value", which is the number or the text that
 * the whole value is, and "size" in bytes, and combine that by !, &&, || and
 * parentheses. NaN is unequal to all.
 *
 * Types in the meaning may be of the set already. The path must go on from a
 * built-in type, or from one of the set. How a value is stored and shown is
 * said by the path's first word, or, where that is bytes, by the meaning.
 *
 * Nobody else may use the set meanwhile.
 *
 * Returns 0, -EINVAL, -EEXIST (built in, or declared with another meaning;
 * again with the same one it is 0), -E2BIG (there are 4,096 already), -ENOMEM.
 * Of the first two *ret_error, if not NULL, says why; its place is one in
 * meaning, or in path where that is what is wrong. Since: 0.1
 */
int agora_type_set_add(struct agora_type_set *set, const char *path,
	const char *meaning, struct agora_type_error *ret_error);

/* ---- opened, for much use --------------------------------------------- */

/** A type that was parsed, with what is declared for it. */
struct agora_type;

/**
 * Parse a type and look up what it means.
 *
 * set: what programs declared, NULL if nothing; it must outlive the type.
 *
 * Returns 0, -EINVAL (*ret_error, if not NULL, says where and why), -ENOMEM.
 * Since: 0.1
 */
int agora_type_open(const char *text, const struct agora_type_set *set,
	struct agora_type **ret_type, struct agora_type_error *ret_error);

/** Free a type. NULL is accepted. */
void agora_type_close(struct agora_type *type);

/** Return the canonical form. It lives as long as the type. */
const char *agora_type_text(const struct agora_type *type);

/** Return the size that each value has, or 0 if they differ. */
size_t agora_type_size(const struct agora_type *type);

/** Return how many bytes of a path's beginning are known, of others all. */
size_t agora_type_known(const struct agora_type *type);

/**
 * Check that data is a value, and say what is wrong.
 *
 * Returns as agora_type_check(). *ret_error, if not NULL, is set for
 * -EBADMSG and -EOPNOTSUPP. Since: 0.1
 */
int agora_type_validate(const struct agora_type *type, const void *data,
	size_t size, struct agora_type_error *ret_error);

/** A field of a struct, or of a struct in it. */
struct agora_type_field {
	const char *name; /* not terminated: */
	size_t name_size; /* see here */
	const char *type; /* "u64", ..., "char", "struct" */
	size_t offset;  /* in the outermost struct; in the first of an array */
	size_t size;    /* of one: arrays are larger */
	uint32_t depth; /* 0, or in how many structs within it */
	uint32_t dims;  /* dimensions of an array, or 0 */
	uint32_t count[4]; /* elements of each */
};

/**
 * Get a field of a struct type, from 0: each struct before its own fields.
 *
 * Returns 0, -ENOENT (no more, or not a struct). Since: 0.1
 */
int agora_type_field(const struct agora_type *type, size_t index,
	struct agora_type_field *ret_field);

/* ---- as text ---------------------------------------------------------- */

/* How text views show values. */
enum agora_type_view {
	AGORA_VIEW_BYTES = 1, /* as they are */
	AGORA_VIEW_LINES = 2, /* as they are, each on a line: text */
	AGORA_VIEW_JSON = 3   /* by agora_type_print(), each on a line */
};

/** Return how text views show values: AGORA_VIEW_... */
int agora_type_view(const struct agora_type *type);

/**
 * Write a value as JSON on one line, without a newline.
 *
 * - Integers are written in full. Programs that read numbers of JSON as
 *   doubles lose what is beyond 2^53; agora_type_scan() does not.
 * - Floats have as many digits as it takes to get them back. "nan", "inf"
 *   and "-inf" are strings; a NaN with other bits is "nan(0x7ff0000000000001)".
 * - char[N] is a string, without the NULs at its end. Bytes that are not
 *   UTF-8 are \udc80 to \udcff, as Python has them (surrogateescape). So are
 *   other bytes and texts within lists and maps, and a whole value of them.
 * - A map whose keys are texts is an object, any other a list of pairs.
 * - Bytes between the fields of a struct are not shown.
 * - Of A|B, the first that the value fits counts.
 *
 * Returns 0, -EMSGSIZE (ret_text->size tells what is needed), -EBADMSG (not
 * a value), -EOPNOTSUPP, -ENOMEM. Since: 0.1
 */
int agora_type_print(const struct agora_type *type, const void *data,
	size_t size, struct agora_buffer *ret_text);

/**
 * Read a value from JSON: the inverse of agora_type_print().
 *
 * Each field must be there once, in any order, and no other. What lies
 * between fields becomes zero. Keys of maps may come in any order. Of A|B,
 * the first that takes the text counts. The value was checked as by
 * agora_type_validate().
 *
 * Returns 0, -EBADMSG (*ret_error, if not NULL, says where in the text, why,
 * and for which field: "bid[2].x: missing"), -EMSGSIZE (ret_value->size tells
 * what is needed), -EOPNOTSUPP, -ENOMEM. Since: 0.1
 */
int agora_type_scan(const struct agora_type *type, const char *text,
	size_t size, struct agora_buffer *ret_value,
	struct agora_type_error *ret_error);

/**
 * Describe a type in lines of words that are separated by tabs.
 *
 *	type     struct{u64 ts; struct{f64 px; i32 n;} bid[2];}
 *	size     40                         if it is fixed
 *	view     json                       or bytes, or lines
 *	field    ts          u64     0   8  and so on: name, type, offset, size
 *	field    bid[2]      struct  8   16
 *	field    bid[2].px   f64     8   8
 *	field    bid[2].n    i32     16  4
 *	example  {"ts":1,"bid":[{"px":1.5,"n":1},{"px":1.5,"n":1}]}
 *
 * Offsets within an array are those in its first element, sizes those of one
 * element. The example is left out where it is longer than 4 KiB.
 *
 * Returns 0, -EMSGSIZE (ret_text->size tells what is needed), -ENOMEM.
 * Since: 0.1
 */
int agora_type_schema(
	const struct agora_type *type, struct agora_buffer *ret_text);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
