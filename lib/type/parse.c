/*
 * parse.c - the text of a type becomes a tree of nodes.
 *
 *	type    one { "|" one }
 *	one     path | "list(" type ")" | "map(" type "," type ")" | struct
 *	path    word { "/" word }
 *	struct  "struct" [ tag ] "{" { field } "}"
 *	field   ( scalar | struct ) name { "[" n "]" } { "," name ... } ";"
 *
 * A function that parses returns its node, or 0 when it told what is wrong.
 */
#include "type/type.h"

#include "base/num.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct agora_type *type;
	const struct agora_type_set *set;
	const char *at;
	unsigned depth;
	struct agora_type_error *error;
};

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static unsigned parse_type(struct parser *p);

/* ---- tokens ---- */

/* Say what is wrong; 0. */
#define fail(p, where, ...)                                             \
	(!type_error((p)->error, (size_t)((where) - (p)->type->source), \
		__VA_ARGS__))

static void skip_space(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

/* Pass a character that may stand here, after space. */
static bool accept(struct parser *p, char c)
{
	skip_space(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static bool expect(struct parser *p, char c)
{
	if (accept(p, c))
		return true;
	if (*p->at)
		return fail(p, p->at, "'%c' is missing here", c);
	return fail(p, p->at, "it ends too soon: '%c' is missing", c);
}

/* A word of C; its size may be 0. */
static size_t identifier(struct parser *p)
{
	skip_space(p);
	if (strchr(DIGITS, *p->at))
		return 0;
	return strspn(p->at, LOWER UPPER DIGITS "_");
}

static bool is_word(const char *at, size_t size, const char *word)
{
	return strlen(word) == size && !memcmp(at, word, size);
}

/* ---- nodes ---- */

static unsigned add(struct parser *p, enum type_form form)
{
	struct type_node *node = &p->type->node[p->type->count];

	if (p->type->count == TYPE_NODES)
		return fail(
			p, p->at, "it has more than %d parts", TYPE_NODES - 1);
	*node = (struct type_node){.form = form, .align = 1};
	p->type->cost++;
	return p->type->count++;
}

static bool enter(struct parser *p)
{
	if (p->depth++ < TYPE_DEPTH)
		return true;
	return fail(
		p, p->at, "it is nested more than %d levels deep", TYPE_DEPTH);
}

/* ---- paths ---- */

/* Pass a word of a path. */
static bool pass_word(struct parser *p)
{
	size_t size = strspn(p->at, LOWER DIGITS ".+-_");
	const char *end = p->at + size;

	if (!size && *p->at)
		return fail(p, p->at,
			"a word of a type is missing here (letters are "
			"lower-case)");
	if (!size)
		return fail(p, p->at, "it ends too soon: a word is missing");
	if (strchr(".+-_", *p->at))
		return fail(p, p->at, "a word begins with a letter or digit");
	if (strchr(".+-_", end[-1]))
		return fail(p, end - 1, "a word ends in a letter or digit");
	if (size > TYPE_WORD)
		return fail(p, p->at + TYPE_WORD,
			"a word has more than %d bytes", TYPE_WORD);
	p->at = end;
	return true;
}

/* Meanings of meanings must not take time without bounds. */
static bool look_up(struct parser *p, struct type_node *node)
{
	const char *path = p->type->source + node->text;
	const struct type_meaning *meaning =
		type_meaning(p->set, path, node->size);

	if (!meaning)
		return true;
	node->meaning = meaning;
	node->known = (uint16_t)strlen(meaning->path);
	p->type->cost += meaning->cost;
	if (meaning->depth > p->type->depth)
		p->type->depth = meaning->depth;
	if (p->type->cost > TYPE_COST)
		return fail(p, path, "what it means has more than %d parts",
			TYPE_COST);
	return true;
}

static unsigned parse_path(struct parser *p)
{
	const char *start = p->at;
	unsigned n = add(p, FORM_PATH), words = 0;
	struct type_node *node = &p->type->node[n];

	do {
		if (words++ == TYPE_DEPTH)
			return fail(p, p->at, "it has more than %d words",
				TYPE_DEPTH);
		if (!n || !pass_word(p))
			return 0;
	} while (*p->at == '/' && p->at++);
	if (!type_builtin(start, (size_t)(p->at - start), node))
		return fail(p, start,
			"types begin with bytes, utf8, i8 to i64, u8 to u64, "
			"f32, f64, struct, list or map");
	node->text = (uint16_t)(start - p->type->source);
	node->size = (uint16_t)(p->at - start);
	node->align = node->bytes ? node->bytes : 1;
	return look_up(p, node) ? n : 0;
}

/* ---- structs ---- */

/* No names of fields in C, whatever compiler. */
static const char *const reserved[] = {"auto", "break", "case", "char", "const",
	"continue", "default", "do", "double", "else", "enum", "extern",
	"float", "for", "goto", "if", "inline", "int", "long", "register",
	"restrict", "return", "short", "signed", "sizeof", "static", "struct",
	"switch", "typedef", "union", "unsigned", "void", "volatile", "while"};

static bool is_reserved(const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (is_word(name, size, reserved[i]))
			return true;
	return type_scalar_of_c(name, size);
}

static bool is_taken(
	struct parser *p, unsigned first, const char *name, size_t size)
{
	for (unsigned n = first; n; n = p->type->node[n].next) {
		const struct type_node *node = &p->type->node[n];

		if (node->name_size == size &&
			!memcmp(type_name(p->type, node), name, size))
			return true;
	}
	return false;
}

static bool parse_name(
	struct parser *p, unsigned first, struct type_node *field)
{
	size_t size = identifier(p);

	if (!size)
		return fail(p, p->at, "the name of a field is missing here");
	if (is_reserved(p->at, size))
		return fail(
			p, p->at, "%.*s: no name of a field", (int)size, p->at);
	if (is_taken(p, first, p->at, size))
		return fail(p, p->at, "%.*s: there are two fields of that name",
			(int)size, p->at);
	field->name = (uint16_t)(p->at - p->type->source);
	field->name_size = (uint16_t)size;
	p->at += size;
	return true;
}

static bool parse_size(struct parser *p, struct type_node *field)
{
	uint64_t number = 0;
	const char *start;

	skip_space(p);
	start = p->at;
	if (field->dims == TYPE_DIMS)
		return fail(p, start, "an array has up to %d dimensions",
			TYPE_DIMS);
	while (*p->at >= '0' && *p->at <= '9' && number <= TYPE_BYTES)
		number = number * 10 + (uint64_t)(*p->at++ - '0');
	if (p->at == start || *start == '0')
		return fail(p, start,
			"an array has a number of elements, in decimal digits");
	if (number > TYPE_BYTES)
		return fail(p, start, "an array is too large");
	field->dim[field->dims++] = (uint32_t)number;
	return expect(p, ']');
}

/* Put a field behind those that are there, as the compiler does. */
static bool place(struct parser *p, struct type_node *parent,
	struct type_node *field, const char *start)
{
	uint64_t bytes = field->bytes;

	for (unsigned i = 0; i < field->dims; i++)
		if (__builtin_mul_overflow(bytes, field->dim[i], &bytes))
			bytes = TYPE_BYTES + 1;
	field->offset = num_round_up(parent->bytes, field->align);
	if (bytes > TYPE_BYTES || field->offset + bytes > TYPE_BYTES)
		return fail(p, start, "a struct has more than 1 GiB");
	parent->bytes = field->offset + bytes;
	if (field->align > parent->align)
		parent->align = field->align;
	return true;
}

/* One name and what follows it; base: what they all are. */
static unsigned parse_declarator(
	struct parser *p, unsigned parent, const struct type_node *base)
{
	unsigned n = add(p, FORM_PATH);
	struct type_node *field = &p->type->node[n];
	const char *start = p->at;

	if (!n)
		return 0;
	*field = *base;
	field->next = 0;
	if (!parse_name(p, p->type->node[parent].first, field))
		return 0;
	while (accept(p, '['))
		if (!parse_size(p, field))
			return 0;
	if (!place(p, &p->type->node[parent], field, start))
		return 0;
	return n;
}

static unsigned parse_struct(struct parser *p);

/* What stands before the names. */
static bool parse_base(struct parser *p, struct type_node *ret_base)
{
	size_t size = identifier(p);
	const char *word = p->at;
	enum type_scalar scalar;
	unsigned n;

	if (!size)
		return fail(p, word, "the type of a field is missing here");
	p->at += size;
	if (is_word(word, size, "struct")) {
		n = parse_struct(p);
		*ret_base = p->type->node[n];
		return n;
	}
	scalar = type_scalar_of_c(word, size);
	if (!scalar)
		return fail(p, word,
			"%.*s: fields are i8 to i64, u8 to u64, f32, f64, char "
			"or struct",
			(int)(size < 40 ? size : 40), word);
	*ret_base = (struct type_node){.form = FORM_PATH,
		.base = BASE_SCALAR,
		.scalar = scalar,
		.bytes = type_scalar_bytes(scalar),
		.align = type_scalar_align(scalar)};
	return true;
}

static bool parse_field(struct parser *p, unsigned parent, uint16_t **last)
{
	struct type_node base;
	unsigned n;

	if (!parse_base(p, &base))
		return false;
	do {
		n = parse_declarator(p, parent, &base);
		if (!n)
			return false;
		**last = (uint16_t)n;
		*last = &p->type->node[n].next;
	} while (accept(p, ','));
	return expect(p, ';');
}

/* The word "struct" was passed. */
static unsigned parse_struct(struct parser *p)
{
	unsigned n = add(p, FORM_STRUCT);
	struct type_node *node = &p->type->node[n];
	uint16_t *last = &node->first;

	if (!n || !enter(p))
		return 0;
	p->at += identifier(p);
	if (!expect(p, '{'))
		return 0;
	while (!accept(p, '}'))
		if (!parse_field(p, n, &last))
			return 0;
	if (!node->first)
		return fail(p, p->at - 1, "a struct has fields");
	node->bytes = num_round_up(node->bytes, node->align);
	p->depth--;
	return n;
}

/* ---- combinations ---- */

/* "list" or "map" was passed; count: of the types in parentheses. */
static unsigned parse_call(
	struct parser *p, enum type_form form, unsigned count)
{
	unsigned n = add(p, form), part;
	uint16_t *last = &p->type->node[n].first;

	if (!n || !enter(p) || !expect(p, '('))
		return 0;
	for (unsigned i = 0; i < count; i++) {
		if (i && !expect(p, ','))
			return 0;
		part = parse_type(p);
		if (!part)
			return 0;
		*last = (uint16_t)part;
		last = &p->type->node[part].next;
	}
	p->depth--;
	return expect(p, ')') ? n : 0;
}

static unsigned parse_one(struct parser *p)
{
	size_t size;

	skip_space(p);
	size = strspn(p->at, LOWER);
	if (is_word(p->at, size, "struct")) {
		p->at += size;
		return parse_struct(p);
	}
	if (is_word(p->at, size, "list")) {
		p->at += size;
		return parse_call(p, FORM_LIST, 1);
	}
	if (is_word(p->at, size, "map")) {
		p->at += size;
		return parse_call(p, FORM_MAP, 2);
	}
	return parse_path(p);
}

static unsigned parse_union(struct parser *p, unsigned first)
{
	unsigned n = add(p, FORM_UNION), part = first;
	struct type_node *node = &p->type->node[n];

	if (!n)
		return 0;
	node->first = (uint16_t)first;
	node->bytes = p->type->node[first].bytes;
	do {
		unsigned next = parse_one(p);

		if (!next)
			return 0;
		p->type->node[part].next = (uint16_t)next;
		part = next;
		if (p->type->node[next].bytes != node->bytes)
			node->bytes = 0;
	} while (accept(p, '|'));
	return n;
}

static unsigned parse_type(struct parser *p)
{
	unsigned n = parse_one(p);

	return n && accept(p, '|') ? parse_union(p, n) : n;
}

/* ---- the whole ---- */

static bool parse_all(struct parser *p)
{
	unsigned n = parse_type(p);
	struct type_text canon = {p->type->canon, AGORA_TYPE_MAX, 0};

	if (!n)
		return false;
	p->type->root = (uint16_t)n;
	/* As it is written in C. */
	if (p->type->node[n].form == FORM_STRUCT)
		accept(p, ';');
	skip_space(p);
	if (*p->at)
		return fail(p, p->at, "nothing more can stand here");
	type_canon(&canon, p->type, n);
	if (canon.size >= AGORA_TYPE_MAX)
		return fail(p, p->at,
			"written in full it is longer than %d "
			"bytes",
			AGORA_TYPE_MAX - 1);
	return true;
}

int type_parse(const char *text, const struct agora_type_set *set,
	struct agora_type *ret_type, struct agora_type_error *error)
{
	struct parser p = {ret_type, set, ret_type->source, 0, error};
	size_t size = text ? strnlen(text, AGORA_TYPE_MAX) : 0;

	ret_type->count = 1;
	ret_type->depth = 0;
	ret_type->cost = 0;
	memcpy(ret_type->source, text ? text : "", size);
	ret_type->source[size < AGORA_TYPE_MAX ? size : 0] = '\0';
	if (size == AGORA_TYPE_MAX)
		type_error(error, size - 1, "it is longer than %d bytes",
			AGORA_TYPE_MAX - 1);
	else if (parse_all(&p))
		return 0;
	if (error)
		type_error_place(error, text ? text : "", size);
	return -EINVAL;
}

struct agora_type *type_copy(const struct agora_type *type)
{
	size_t size = offsetof(struct agora_type, node) +
		      type->count * sizeof(type->node[0]);
	struct agora_type *copy = malloc(size);

	if (copy)
		memcpy(copy, type, size);
	return copy;
}
