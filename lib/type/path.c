/*
 * path.c - the words of paths, and the types that are built in.
 */
#include "type/type.h"

#include <string.h>

struct scalar {
	const char *name, *c_name;
	uint64_t bytes, align;
};

#define SCALAR(name, c_name)                                    \
	{                                                       \
		name, #c_name, sizeof(c_name), _Alignof(c_name) \
	}

static const struct scalar scalars[] = {
	[SCALAR_I8] = SCALAR("i8", int8_t),
	[SCALAR_I16] = SCALAR("i16", int16_t),
	[SCALAR_I32] = SCALAR("i32", int32_t),
	[SCALAR_I64] = SCALAR("i64", int64_t),
	[SCALAR_U8] = SCALAR("u8", uint8_t),
	[SCALAR_U16] = SCALAR("u16", uint16_t),
	[SCALAR_U32] = SCALAR("u32", uint32_t),
	[SCALAR_U64] = SCALAR("u64", uint64_t),
	[SCALAR_F32] = SCALAR("f32", float),
	[SCALAR_F64] = SCALAR("f64", double),
	[SCALAR_CHAR] = SCALAR("char", char),
};

static bool same(const char *word, size_t size, const char *name)
{
	return strlen(name) == size && !memcmp(word, name, size);
}

enum type_scalar type_scalar_of(const char *name, size_t size)
{
	for (enum type_scalar s = SCALAR_I8; s <= SCALAR_F64; s++)
		if (same(name, size, scalars[s].name))
			return s;
	return SCALAR_NONE;
}

enum type_scalar type_scalar_of_c(const char *name, size_t size)
{
	for (enum type_scalar s = SCALAR_I8; s <= SCALAR_CHAR; s++)
		if (same(name, size, scalars[s].name) ||
			same(name, size, scalars[s].c_name))
			return s;
	return SCALAR_NONE;
}

const char *type_scalar_name(enum type_scalar scalar)
{
	return scalars[scalar].name;
}

uint64_t type_scalar_bytes(enum type_scalar scalar)
{
	return scalars[scalar].bytes;
}

uint64_t type_scalar_align(enum type_scalar scalar)
{
	return scalars[scalar].align;
}

const char *type_word(
	const char *path, size_t size, unsigned n, size_t *ret_size)
{
	const char *end = path + size;
	const char *slash;

	for (;; n--) {
		slash = memchr(path, '/', (size_t)(end - path));
		if (!n)
			break;
		if (!slash)
			return NULL;
		path = slash + 1;
	}
	*ret_size = (size_t)((slash ? slash : end) - path);
	return path;
}

/* How many words of it are built in, below the first. */
static unsigned below_bytes(
	const char *word, size_t size, struct type_node *node)
{
	node->base = same(word, size, "line") ? BASE_LINE : BASE_MIME;
	return 1;
}

static unsigned below_utf8(const char *path, size_t path_size, const char *word,
	size_t size, struct type_node *node)
{
	node->scalar = type_scalar_of(word, size);
	if (node->scalar)
		node->base = BASE_DIGITS;
	else if (same(word, size, "json"))
		node->base = BASE_JSON;
	else if (same(word, size, "csv"))
		node->base = BASE_CSV;
	else if (same(word, size, "reference"))
		node->base = BASE_REFERENCE;
	else if (!same(word, size, "url"))
		return 0;
	else if (!type_word(path, path_size, 2, &size))
		node->base = BASE_URL;
	else
		node->base = BASE_SCHEME;
	return node->base == BASE_SCHEME ? 2 : 1;
}

bool type_builtin(const char *path, size_t size, struct type_node *node)
{
	size_t first_size = 0, word_size = 0, last_size = 0;
	const char *first = type_word(path, size, 0, &first_size);
	const char *word = type_word(path, size, 1, &word_size);
	const char *last;
	unsigned below = 0;

	node->scalar = type_scalar_of(first, first_size);
	node->bytes = type_scalar_bytes(node->scalar);
	if (node->scalar)
		node->base = BASE_SCALAR;
	else if (same(first, first_size, "bytes"))
		node->base = BASE_BYTES;
	else if (same(first, first_size, "utf8"))
		node->base = BASE_UTF8;
	else
		return false;
	if (word && node->base == BASE_BYTES)
		below = below_bytes(word, word_size, node);
	else if (word && node->base == BASE_UTF8)
		below = below_utf8(path, size, word, word_size, node);
	last = type_word(path, size, below, &last_size);
	node->builtin = (uint16_t)(last + last_size - path);
	node->known = node->builtin;
	return true;
}
