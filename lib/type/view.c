/*
 * view.c - how values look from outside: their size, their fields, their form.
 */
#include "type/type.h"

#include <errno.h>
#include <string.h>

const struct agora_type *type_shape(const struct type_node *node)
{
	const struct type_meaning *meaning = node->meaning;
	const struct agora_type *shape = NULL;

	if (node->form != FORM_PATH || node->base != BASE_MIME)
		return NULL;
	/* The most general one counts: others can only refine it. */
	for (; meaning; meaning = meaning->parent)
		if (meaning->type)
			shape = meaning->type;
	return shape;
}

static int union_view(const struct agora_type *type, unsigned n)
{
	int view = 0, one;

	for (n = type->node[n].first; n; n = type->node[n].next) {
		one = type_view(type, n);
		if (one == AGORA_VIEW_BYTES || !view)
			view = one;
		if (view == AGORA_VIEW_BYTES)
			return view;
		if (one != view)
			view = AGORA_VIEW_JSON;
	}
	return view;
}

int type_view(const struct agora_type *type, unsigned n)
{
	const struct type_node *node = &type->node[n];
	const struct agora_type *shape = type_shape(node);

	if (shape)
		return type_view(shape, shape->root);
	if (node->form == FORM_UNION)
		return union_view(type, n);
	if (node->form != FORM_PATH || node->base == BASE_SCALAR)
		return AGORA_VIEW_JSON;
	if (node->base == BASE_LINE || node->base >= BASE_UTF8)
		return AGORA_VIEW_LINES;
	return AGORA_VIEW_BYTES;
}

bool type_is_text(const struct agora_type *type, unsigned n)
{
	const struct type_node *node = &type->node[n];

	return node->form == FORM_PATH && node->base >= BASE_UTF8;
}

int agora_type_view(const struct agora_type *type)
{
	return type_view(type, type->root);
}

static const struct type_node *shape_root(const struct agora_type **type)
{
	const struct type_node *root = &(*type)->node[(*type)->root];
	const struct agora_type *shape = type_shape(root);

	if (!shape)
		return root;
	*type = shape;
	return shape_root(type);
}

size_t agora_type_size(const struct agora_type *type)
{
	return shape_root(&type)->bytes;
}

size_t agora_type_known(const struct agora_type *type)
{
	const struct type_node *root = &type->node[type->root];

	return root->form == FORM_PATH ? root->known : strlen(type->canon);
}

/* Find a field by counting down; offset and depth become those of it. */
static const struct type_node *find(const struct agora_type *type, unsigned n,
	size_t *index, struct agora_type_field *place)
{
	const struct type_node *found;
	size_t offset = place->offset;

	for (n = type->node[n].first; n; n = type->node[n].next) {
		const struct type_node *field = &type->node[n];

		place->offset = offset + field->offset;
		if (!(*index)--)
			return field;
		if (field->form != FORM_STRUCT)
			continue;
		place->depth++;
		found = find(type, n, index, place);
		if (found)
			return found;
		place->depth--;
	}
	return NULL;
}

int agora_type_field(const struct agora_type *type, size_t index,
	struct agora_type_field *ret_field)
{
	const struct type_node *root = shape_root(&type), *field;
	struct agora_type_field place = {.name = NULL};

	if (root->form != FORM_STRUCT)
		return -ENOENT;
	field = find(type, (unsigned)(root - type->node), &index, &place);
	if (!field)
		return -ENOENT;
	place.name = type_name(type, field);
	place.name_size = field->name_size;
	place.type = field->form == FORM_STRUCT
			     ? "struct"
			     : type_scalar_name(field->scalar);
	place.size = field->bytes;
	place.dims = field->dims;
	memcpy(place.count, field->dim, sizeof(place.count));
	*ret_field = place;
	return 0;
}
