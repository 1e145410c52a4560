/*
 * where.c - refinements by a condition: "where bid <= ask && size < 100".
 *
 *	or       and { "||" and }
 *	and      not { "&&" not }
 *	not      "!" not | "(" or ")" | operand relation operand
 *	operand  number | 'text' | "value" | "size" | field { "[" n "]" | "."
 *field }
 *
 * Numbers are compared as long double, which holds every i64 and u64.
 */
#include "type/type.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 128
#define DEPTH_MAX 16

enum operation { OR, AND, NOT, LESS, AT_MOST, MORE, AT_LEAST, SAME, OTHER };

enum source { CONSTANT, SIZE, NUMBER_AT, DIGITS, TEXT_AT, TEXT_ALL, QUOTED };

struct operand {
	enum source source;
	enum type_scalar scalar;
	size_t offset, size; /* in the value, or in text */
	long double number;
};

struct step {
	enum operation operation;
	uint16_t left, right; /* steps, or operands */
};

struct type_where {
	unsigned steps, operands, root;
	struct step step[STEPS_MAX];
	struct operand operand[STEPS_MAX];
	char text[]; /* of the condition */
};

struct where_parser {
	struct type_where *where;
	const struct agora_type *shape;
	const char *at;
	size_t offset;
	unsigned depth;
	struct agora_type_error *error;
};

/* ---- parse ---- */

/* Say what is wrong; 0. Steps and operands count from 1. */
#define fail(p, ...)                                                \
	(!type_error((p)->error,                                    \
		(p)->offset + (size_t)((p)->at - (p)->where->text), \
		__VA_ARGS__))

static bool accept(struct where_parser *p, const char *token)
{
	size_t size = strlen(token);

	p->at += strspn(p->at, " \t\r\n");
	if (strncmp(p->at, token, size))
		return false;
	p->at += size;
	return true;
}

static unsigned add_step(struct where_parser *p, enum operation operation,
	unsigned left, unsigned right)
{
	struct type_where *where = p->where;

	if (!left || !right)
		return 0;
	if (where->steps == STEPS_MAX - 1)
		return fail(p, "the condition has too many parts");
	where->step[++where->steps] =
		(struct step){operation, (uint16_t)left, (uint16_t)right};
	return where->steps;
}

static size_t identifier(const char *at)
{
	size_t size = 0;

	while ((at[size] >= 'a' && at[size] <= 'z') || at[size] == '_' ||
		(at[size] >= 'A' && at[size] <= 'Z') ||
		(size && at[size] >= '0' && at[size] <= '9'))
		size++;
	return size;
}

/* Pass "[n]". */
static bool parse_index(
	struct where_parser *p, uint32_t count, uint64_t *ret_index)
{
	char *end;

	if (*p->at < '0' || *p->at > '9')
		return fail(p, "a number is missing here");
	*ret_index = strtoul(p->at, &end, 10);
	if (*ret_index >= count)
		return fail(p, "the array has %u elements", count);
	p->at = end;
	return accept(p, "]") || fail(p, "']' is missing here");
}

/* Pass the indices of a field; text keeps its last dimension. */
static bool parse_indices(struct where_parser *p, const struct type_node *field,
	struct operand *operand)
{
	bool text = field->scalar == SCALAR_CHAR && field->form == FORM_PATH;
	unsigned dims = field->dims - (text && field->dims);
	uint64_t index = 0;

	operand->size = field->bytes;
	for (unsigned i = dims; i < field->dims; i++)
		operand->size *= field->dim[i];
	for (unsigned i = 0; i < dims; i++) {
		uint64_t stride = operand->size;

		for (unsigned k = i + 1; k < dims; k++)
			stride *= field->dim[k];
		if (!accept(p, "["))
			return fail(p, "an array: '[' is missing here");
		if (!parse_index(p, field->dim[i], &index))
			return false;
		operand->offset += index * stride;
	}
	operand->scalar = field->scalar;
	operand->source = text ? TEXT_AT : NUMBER_AT;
	return true;
}

static bool parse_field(struct where_parser *p, struct operand *operand)
{
	const struct type_node *node = &p->shape->node[p->shape->root];
	size_t size;

	do {
		unsigned n = node->form == FORM_STRUCT ? node->first : 0;

		size = identifier(p->at);
		for (; n; n = p->shape->node[n].next) {
			node = &p->shape->node[n];
			if (node->name_size == size &&
				!memcmp(type_name(p->shape, node), p->at, size))
				break;
		}
		if (!size || !n)
			return fail(p, "%.*s: no field, and not value or size",
				(int)(size < 60 ? size : 60), p->at);
		p->at += size;
		operand->offset += node->offset;
		if (!parse_indices(p, node, operand))
			return false;
	} while (node->form == FORM_STRUCT && accept(p, "."));
	if (node->form == FORM_STRUCT)
		return fail(p, "a struct: '.' is missing here");
	return true;
}

/* "value": what the whole value is. */
static bool parse_value(struct where_parser *p, struct operand *operand)
{
	const struct type_node *root = &p->shape->node[p->shape->root];

	operand->scalar = root->scalar;
	operand->size = root->bytes;
	if (root->form == FORM_PATH && root->base == BASE_SCALAR)
		operand->source = NUMBER_AT;
	else if (root->form == FORM_PATH && root->base == BASE_DIGITS)
		operand->source = DIGITS;
	else if (root->form == FORM_PATH)
		operand->source = TEXT_ALL;
	else
		return fail(p, "the value is neither a number nor a text");
	return true;
}

static bool parse_number(struct where_parser *p, struct operand *operand)
{
	size_t size = type_number_span(p->at, strlen(p->at));
	union {
		int64_t integer;
		uint64_t natural;
		double real;
	} v;

	if (!type_number_scan(SCALAR_I64, p->at, size, &v))
		operand->number = (long double)v.integer;
	else if (!type_number_scan(SCALAR_U64, p->at, size, &v))
		operand->number = (long double)v.natural;
	else if (!type_number_scan(SCALAR_F64, p->at, size, &v))
		operand->number = (long double)v.real;
	else
		return fail(p, "a number, a 'text' or a field is missing here");
	operand->source = CONSTANT;
	p->at += size;
	return true;
}

static bool parse_quoted(struct where_parser *p, struct operand *operand)
{
	const char *end = strchr(p->at, '\'');

	if (!end)
		return fail(p, "a text without its end");
	operand->source = QUOTED;
	operand->offset = (size_t)(p->at - p->where->text);
	operand->size = (size_t)(end - p->at);
	p->at = end + 1;
	return true;
}

static unsigned parse_operand(struct where_parser *p)
{
	struct type_where *where = p->where;
	struct operand operand = {.source = SIZE};
	size_t size;
	bool fine = true;

	if (accept(p, "'")) {
		fine = parse_quoted(p, &operand);
	} else {
		size = identifier(p->at);
		if (size == 5 && !memcmp(p->at, "value", 5) && (p->at += 5))
			fine = parse_value(p, &operand);
		else if (size == 4 && !memcmp(p->at, "size", 4))
			p->at += 4;
		else if (size)
			fine = parse_field(p, &operand);
		else
			fine = parse_number(p, &operand);
	}
	if (!fine)
		return 0;
	if (where->operands == STEPS_MAX - 1)
		return fail(p, "the condition has too many parts");
	where->operand[++where->operands] = operand;
	return where->operands;
}

static bool is_text(const struct where_parser *p, unsigned n)
{
	return p->where->operand[n].source >= TEXT_AT;
}

static unsigned parse_relation(struct where_parser *p)
{
	/* Longer ones first. */
	static const struct {
		const char *token;
		enum operation operation;
	} relations[] = {{"<=", AT_MOST}, {">=", AT_LEAST}, {"==", SAME},
		{"!=", OTHER}, {"<", LESS}, {">", MORE}};
	unsigned left = parse_operand(p), right, i = 0;

	if (!left)
		return 0;
	while (i < 6 && !accept(p, relations[i].token))
		i++;
	if (i == 6)
		return fail(p, "one of < <= > >= == != is missing here");
	right = parse_operand(p);
	if (right && is_text(p, left) != is_text(p, right))
		return fail(p, "a number and a text cannot be compared");
	return add_step(p, relations[i].operation, left, right);
}

static unsigned parse_or(struct where_parser *p);

static unsigned parse_not(struct where_parser *p)
{
	unsigned n;

	if (p->depth++ == DEPTH_MAX)
		return fail(p, "the condition is nested too deep");
	if (accept(p, "!")) {
		n = parse_not(p);
		n = add_step(p, NOT, n, n);
	} else if (accept(p, "(")) {
		n = parse_or(p);
		if (n && !accept(p, ")"))
			return fail(p, "')' is missing here");
	} else {
		n = parse_relation(p);
	}
	p->depth--;
	return n;
}

static unsigned parse_and(struct where_parser *p)
{
	unsigned n = parse_not(p);

	while (n && accept(p, "&&"))
		n = add_step(p, AND, n, parse_not(p));
	return n;
}

static unsigned parse_or(struct where_parser *p)
{
	unsigned n = parse_and(p);

	while (n && accept(p, "||"))
		n = add_step(p, OR, n, parse_and(p));
	return n;
}

int type_where_open(const char *text, size_t offset,
	const struct agora_type *shape, struct type_where **ret_where,
	struct agora_type_error *error)
{
	size_t space = strspn(text, " \t\r\n"),
	       size = strlen(text += space) + 1;
	struct type_where *where = calloc(1, sizeof(*where) + size);
	struct where_parser p = {where, shape, NULL, offset + space, 0, error};

	if (!where)
		return -ENOMEM;
	memcpy(where->text, text, size);
	p.at = where->text;
	where->root = parse_or(&p);
	accept(&p, "");
	if (where->root && !*p.at) {
		*ret_where = where;
		return 0;
	}
	if (where->root)
		type_error(error, offset + space + (size_t)(p.at - where->text),
			"nothing more can stand here");
	free(where);
	return -EINVAL;
}

void type_where_close(struct type_where *where)
{
	free(where);
}

/* ---- evaluate ---- */

static long double number_of(
	const struct operand *operand, struct type_value value)
{
	uint64_t room = 0;

	switch (operand->source) {
	case SIZE:
		return (long double)value.size;
	case NUMBER_AT:
		return type_number(
			operand->scalar, value.data + operand->offset);
	case DIGITS:
		if (type_number_scan(operand->scalar, (const char *)value.data,
			    value.size, &room))
			type_number_word(operand->scalar,
				(const char *)value.data, value.size, &room);
		return type_number(operand->scalar, &room);
	default:
		return operand->number;
	}
}

static struct type_value text_of(const struct type_where *where,
	const struct operand *operand, struct type_value value)
{
	if (operand->source == TEXT_ALL)
		return value;
	if (operand->source == QUOTED)
		return (struct type_value){
			(const uint8_t *)where->text + operand->offset,
			operand->size, 0};
	value.data += operand->offset;
	value.size = operand->size;
	while (value.size && !value.data[value.size - 1])
		value.size--;
	return value;
}

/* Whether it stays within the value. */
static bool is_there(const struct operand *operand, struct type_value value)
{
	if (operand->source != NUMBER_AT && operand->source != TEXT_AT)
		return true;
	return operand->offset <= value.size &&
	       operand->size <= value.size - operand->offset;
}

static bool compare_texts(
	enum operation operation, struct type_value a, struct type_value b)
{
	int order = type_compare(a.data, a.size, b.data, b.size);

	switch (operation) {
	case LESS:
		return order < 0;
	case AT_MOST:
		return order <= 0;
	case MORE:
		return order > 0;
	case AT_LEAST:
		return order >= 0;
	case SAME:
		return !order;
	default:
		return order;
	}
}

static bool compare_numbers(
	enum operation operation, long double a, long double b)
{
	switch (operation) {
	case LESS:
		return a < b;
	case AT_MOST:
		return a <= b;
	case MORE:
		return a > b;
	case AT_LEAST:
		return a >= b;
	case SAME:
		return a == b;
	default:
		return a != b;
	}
}

static bool relate(const struct type_where *where, const struct step *step,
	struct type_value value)
{
	const struct operand *left = &where->operand[step->left];
	const struct operand *right = &where->operand[step->right];

	if (!is_there(left, value) || !is_there(right, value))
		return false;
	if (left->source >= TEXT_AT)
		return compare_texts(step->operation,
			text_of(where, left, value),
			text_of(where, right, value));
	return compare_numbers(step->operation, number_of(left, value),
		number_of(right, value));
}

static bool holds(
	const struct type_where *where, unsigned n, struct type_value value)
{
	const struct step *step = &where->step[n];

	switch (step->operation) {
	case OR:
		return holds(where, step->left, value) ||
		       holds(where, step->right, value);
	case AND:
		return holds(where, step->left, value) &&
		       holds(where, step->right, value);
	case NOT:
		return !holds(where, step->left, value);
	default:
		return relate(where, step, value);
	}
}

int type_where_check(const struct type_where *where, struct type_value value,
	struct agora_type_error *error)
{
	if (holds(where, where->root, value))
		return 0;
	return type_error(
		error, value.offset, "not true of it: %.150s", where->text);
}
