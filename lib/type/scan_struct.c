/*
 * scan_struct.c - structs from objects of JSON: each field once, no other.
 */
#include "type/scan.h"

#include <errno.h>
#include <string.h>

struct object {
	const struct agora_type *type;
	unsigned first;   /* field */
	size_t base;      /* where the struct lies in what is written */
	uint64_t seen[4]; /* a bit for each field */
};

static int scan_struct(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n, size_t base);

/* ---- a field, or an element of it ---- */

static int scan_text(struct type_scan *s, const struct type_step *step,
	size_t room, size_t at)
{
	size_t start = s->out_size, begin, size;
	char words[] = "longer than 1073741824 bytes";
	struct type_text out = {words, sizeof(words), 0};
	int error;

	type_peek(s);
	begin = s->at;
	error = type_scan_string(s, step);
	if (error)
		return error;
	size = s->out_size - start;
	s->out_size = start;
	if (size > room) {
		type_write(&out, "longer than %zu bytes", room);
		return type_refuse(s, step, begin, words);
	}
	if (size)
		memcpy(s->out + at, s->out + start, size);
	return 0;
}

static int scan_one(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, const struct type_node *field, size_t at)
{
	uint64_t number;
	int error;

	if (field->form == FORM_STRUCT)
		return scan_struct(
			s, step, type, (unsigned)(field - type->node), at);
	type_peek(s);
	error = type_scan_number(s, step, field->scalar, &number);
	if (!error)
		memcpy(s->out + at, &number, field->bytes);
	return error;
}

/* Bytes of what lies below a dimension. */
static size_t stride(const struct type_node *field, unsigned dim)
{
	size_t size = field->bytes;

	for (unsigned i = dim; i < field->dims; i++)
		size *= field->dim[i];
	return size;
}

static int scan_field(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, const struct type_node *field,
	unsigned dim, size_t at);

static int scan_array(struct type_scan *s, const struct type_step *up,
	const struct agora_type *type, const struct type_node *field,
	unsigned dim, size_t at)
{
	struct type_step step = {.up = up};
	size_t size = stride(field, dim + 1), begin;
	char words[] = "not a list of 1073741824 elements";
	struct type_text out = {words, sizeof(words), 0};
	int error = 0;
	bool more;

	type_peek(s);
	begin = s->at;
	more = type_accept(s, '[') && type_peek(s) != ']';
	for (; more && step.index < field->dim[dim]; step.index++) {
		error = scan_field(
			s, &step, type, field, dim + 1, at + step.index * size);
		if (error)
			return error;
		more = type_accept(s, ',');
	}
	if (!more && step.index == field->dim[dim] && type_accept(s, ']'))
		return 0;
	if (!more && step.index && type_peek(s) != ']')
		return type_expect(s, up, ']');
	type_write(&out, "not a list of %u elements", field->dim[dim]);
	return type_refuse(s, up, begin, words);
}

static int scan_field(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, const struct type_node *field,
	unsigned dim, size_t at)
{
	bool text = field->form == FORM_PATH && field->scalar == SCALAR_CHAR;

	if (text && dim + 1 >= field->dims)
		return scan_text(s, step, stride(field, dim), at);
	if (dim < field->dims)
		return scan_array(s, step, type, field, dim, at);
	return scan_one(s, step, type, field, at);
}

/* ---- the object ---- */

/* The field of that name: index becomes its number. Or 0. */
static unsigned find(const struct object *o, const uint8_t *name, size_t size,
	unsigned *ret_index)
{
	unsigned n = o->first;

	for (*ret_index = 0; n; n = o->type->node[n].next, ++*ret_index) {
		const struct type_node *field = &o->type->node[n];

		if (field->name_size == size &&
			!memcmp(type_name(o->type, field), name, size))
			return n;
	}
	return 0;
}

/* A key that is not a field, as it was written. */
static int refuse_key(struct type_scan *s, const struct type_step *up,
	size_t start, size_t begin)
{
	struct type_step step = {
		up, (const char *)s->out + start, s->out_size - start, 0};

	if (!step.name_size)
		return type_refuse(s, up, begin, "no field has an empty name");
	if (step.name_size > 60)
		step.name_size = 60;
	return type_refuse(s, &step, begin, "there is no such field");
}

static int scan_member(
	struct type_scan *s, const struct type_step *up, struct object *o)
{
	size_t start = s->out_size, begin;
	const struct type_node *field;
	struct type_step step = {.up = up};
	unsigned n, index;
	int error;

	type_peek(s);
	begin = s->at;
	error = type_scan_string(s, up);
	if (error)
		return error;
	n = find(o, s->out + start, s->out_size - start, &index);
	if (!n)
		return refuse_key(s, up, start, begin);
	s->out_size = start;
	field = &o->type->node[n];
	step.name = type_name(o->type, field);
	step.name_size = field->name_size;
	if (o->seen[index / 64] >> index % 64 & 1)
		return type_refuse(s, &step, begin, "it is there twice");
	o->seen[index / 64] |= UINT64_C(1) << index % 64;
	error = type_expect(s, &step, ':');
	if (error)
		return error;
	return scan_field(s, &step, o->type, field, 0, o->base + field->offset);
}

static int check_all(struct type_scan *s, const struct type_step *up,
	const struct object *o, size_t begin)
{
	unsigned index = 0;

	for (unsigned n = o->first; n; n = o->type->node[n].next, index++) {
		const struct type_node *field = &o->type->node[n];
		struct type_step step = {
			up, type_name(o->type, field), field->name_size, 0};

		if (!(o->seen[index / 64] >> index % 64 & 1))
			return type_refuse(s, &step, begin, "missing");
	}
	return 0;
}

static int scan_struct(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n, size_t base)
{
	struct object o = {type, type->node[n].first, base, {0}};
	size_t begin;
	int error;

	type_peek(s);
	begin = s->at;
	if (!type_accept(s, '{'))
		return type_refuse(
			s, step, begin, "not an object: '{' is missing here");
	if (!type_accept(s, '}')) {
		do {
			error = scan_member(s, step, &o);
			if (error)
				return error;
		} while (type_accept(s, ','));
		error = type_expect(s, step, '}');
		if (error)
			return error;
	}
	return check_all(s, step, &o, begin);
}

int type_scan_struct(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n)
{
	size_t base = s->out_size;
	int error = type_append(s, NULL, type->node[n].bytes);

	return error ? error : scan_struct(s, step, type, n, base);
}
