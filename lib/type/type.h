/*
 * type.h - a type that was parsed, and what its parts do: see agora/type.h.
 *
 * A type is a tree of nodes in one array. Node 0 is none: it ends lists of
 * nodes, and says that parsing failed. Text is kept once, in source; nodes
 * know where in it their names lie, so that a type can be moved.
 *
 * How deep and large a type may be is bounded when it is parsed, so that
 * whoever walks along it may recurse.
 */
#ifndef LIB_TYPE_TYPE_H
#define LIB_TYPE_TYPE_H

#include <agora/type.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TYPE_NODES 256
#define TYPE_DEPTH 16
#define TYPE_DIMS  4
#define TYPE_BYTES ((uint64_t)1 << 30) /* the largest of a fixed size */
#define TYPE_WORD  200                 /* bytes of a word of a path */
#define TYPE_COST  4096                /* nodes, with those of meanings */

enum type_form { FORM_PATH, FORM_STRUCT, FORM_LIST, FORM_MAP, FORM_UNION };

enum type_scalar {
	SCALAR_NONE,
	SCALAR_I8,
	SCALAR_I16,
	SCALAR_I32,
	SCALAR_I64,
	SCALAR_U8,
	SCALAR_U16,
	SCALAR_U32,
	SCALAR_U64,
	SCALAR_F32,
	SCALAR_F64,
	SCALAR_CHAR
};

/* The built-in type that a path begins with. */
enum type_base {
	BASE_BYTES,
	BASE_LINE,
	BASE_MIME,
	BASE_SCALAR,
	BASE_UTF8,
	BASE_URL,
	BASE_SCHEME,
	BASE_JSON,
	BASE_CSV,
	BASE_REFERENCE,
	BASE_DIGITS /* utf8/i64, ... */
};

struct type_node {
	uint8_t form;
	uint8_t base;     /* of a path */
	uint8_t scalar;   /* of BASE_SCALAR, BASE_DIGITS and fields */
	uint8_t dims;     /* of a field that is an array */
	uint16_t first;   /* field of a struct, A of the others */
	uint16_t next;    /* field, or B */
	uint16_t text;    /* of a path: where in source */
	uint16_t size;    /* and how long */
	uint16_t known;   /* and how much of it is built in or declared */
	uint16_t builtin; /* and how much of it is built in */
	uint16_t name;    /* of a field, likewise */
	uint16_t name_size;
	uint32_t dim[TYPE_DIMS];
	uint64_t offset; /* of a field */
	uint64_t bytes;  /* of one value, if they all have as many, or 0 */
	uint64_t align;
	const struct type_meaning *meaning; /* of a path: the most special */
};

struct agora_type {
	uint16_t root;
	uint16_t count; /* of nodes */
	uint16_t depth; /* of the meanings of its paths */
	uint32_t cost;  /* nodes, with those of the meanings */
	char canon[AGORA_TYPE_MAX];
	char source[AGORA_TYPE_MAX];
	struct type_node node[TYPE_NODES]; /* on the heap, only count of them */
};

/* What a program declared for a path. */
struct type_meaning {
	const struct type_meaning
		*parent; /* of the path without its last word */
	char *path;
	char *text;
	uint16_t depth;
	uint32_t cost;
	struct type_regex *regex;
	struct agora_type *type;
	struct type_where *where;
};

/* Where a value is: a node of a type. */
static inline const struct type_node *type_node(
	const struct agora_type *type, unsigned n)
{
	return &type->node[n];
}

static inline const char *type_name(
	const struct agora_type *type, const struct type_node *node)
{
	return type->source + node->name;
}

/* ---- parse.c ---- */

/* Parse a text. Returns 0, -EINVAL (error, if not NULL, is set). */
int type_parse(const char *text, const struct agora_type_set *set,
	struct agora_type *ret_type, struct agora_type_error *error);

/* A copy on the heap, or NULL. */
struct agora_type *type_copy(const struct agora_type *type);

/* ---- path.c ---- */

/* The scalar of a name: "u64"; with C's names too: "uint64_t". */
enum type_scalar type_scalar_of(const char *name, size_t size);
enum type_scalar type_scalar_of_c(const char *name, size_t size);

/* "u64". */
const char *type_scalar_name(enum type_scalar scalar);

/* Sizes and alignments are those of the compiler that compiled this. */
uint64_t type_scalar_bytes(enum type_scalar scalar);
uint64_t type_scalar_align(enum type_scalar scalar);

/* Look up the built-in type that a path begins with, and fill node in. */
bool type_builtin(const char *path, size_t size, struct type_node *node);

/* The n-th word of a path, from 0, or NULL. */
const char *type_word(
	const char *path, size_t size, unsigned n, size_t *ret_size);

/* ---- canon.c ---- */

/* Text that grows within a fixed room. */
struct type_text {
	char *at;
	size_t room; /* with a NUL */
	size_t size; /* also of what had no room */
};

__attribute__((format(printf, 2, 3))) void type_write(
	struct type_text *out, const char *format, ...);

/* Write a node in canonical form. */
void type_canon(
	struct type_text *out, const struct agora_type *type, unsigned n);

/* ---- relation.c ---- */

bool type_is_a(const struct agora_type *sub, unsigned a,
	const struct agora_type *super, unsigned b);

/* ---- set.c ---- */

/* The most special meaning that a path or a beginning of it has, or NULL. */
const struct type_meaning *type_meaning(
	const struct agora_type_set *set, const char *path, size_t size);

/* ---- view.c ---- */

/* The type that says how values of a path are stored, or NULL: itself. */
const struct agora_type *type_shape(const struct type_node *node);

int type_view(const struct agora_type *type, unsigned n);

/* Whether values are shown as strings of text: see type_print(). */
bool type_is_text(const struct agora_type *type, unsigned n);

/* ---- errors ---- */

/* Say what is wrong at an offset of a text or a value. Returns -EBADMSG. */
__attribute__((format(printf, 3, 4))) int type_error(
	struct agora_type_error *error, size_t offset, const char *format, ...);

/* Find line and column of the offset, which lies in data. */
void type_error_place(
	struct agora_type_error *error, const void *data, size_t size);

/* ---- check.c ---- */

/* Bytes to be looked at, and where they lie in what the caller has. */
struct type_value {
	const uint8_t *data;
	size_t size;
	size_t offset;
};

/* Returns 0, -EBADMSG, -EOPNOTSUPP, -ENOMEM. */
int type_check(const struct agora_type *type, unsigned n,
	struct type_value value, struct agora_type_error *error);

/*
 * Take the next element of a list or map off its front.
 * Returns 0, -EBADMSG (it is cut short).
 */
int type_element(const struct agora_type *type, unsigned n,
	struct type_value *rest, struct type_value *ret_element,
	struct agora_type_error *error);

/* The order of a map's keys. */
int type_compare(const void *a, size_t a_size, const void *b, size_t b_size);

/* ---- number.c ---- */

#define TYPE_NUMBER 64 /* bytes that any number takes, with a NUL */

/* Write a number as JSON. Returns its length. */
size_t type_number_print(
	enum type_scalar scalar, const void *value, char text[TYPE_NUMBER]);

/* Bytes of a number of JSON at the beginning of a text; 0: none is there. */
size_t type_number_span(const char *text, size_t size);

/*
 * Read a number of JSON, all of text. Returns NULL, or what is wrong: "not
 * from 0 to 255".
 */
const char *type_number_scan(enum type_scalar scalar, const char *text,
	size_t size, void *ret_value);

/* Read "nan", "-inf", ...; returns as type_number_scan(). */
const char *type_number_word(enum type_scalar scalar, const char *text,
	size_t size, void *ret_value);

/* The number as it is, whatever scalar it is. Exact: it has 64 bits or more. */
long double type_number(enum type_scalar scalar, const void *value);

/* ---- url.c, json.c, mime.c: by other people's libraries ---- */

int type_check_url(const char *scheme, size_t scheme_size,
	struct type_value value, struct agora_type_error *error);
int type_check_json(struct type_value value, struct agora_type_error *error);
int type_check_mime(const char *subtype, size_t subtype_size,
	struct type_value value, struct agora_type_error *error);

/* ---- csv.c ---- */

int type_check_csv(struct type_value value, struct agora_type_error *error);

/* ---- regex.c, where.c ---- */

/* Returns 0, -EINVAL, -ENOMEM. */
int type_regex_open(const char *pattern, struct type_regex **ret_regex,
	struct agora_type_error *error);
void type_regex_close(struct type_regex *regex);
int type_regex_check(const struct type_regex *regex, struct type_value value,
	struct agora_type_error *error);

/*
 * Parse a condition on values of a type. shape: what its fields are.
 * Returns 0, -EINVAL, -ENOMEM. offset: of text in what errors are about.
 */
int type_where_open(const char *text, size_t offset,
	const struct agora_type *shape, struct type_where **ret_where,
	struct agora_type_error *error);
void type_where_close(struct type_where *where);
int type_where_check(const struct type_where *where, struct type_value value,
	struct agora_type_error *error);

#endif
