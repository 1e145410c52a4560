/*
 * relation.c - which type is a special case of which.
 *
 * sub is a super when super is bytes, or
 * - both are paths, and super's words are the first of sub's;
 * - both are the same struct, by the text of their fields;
 * - both are lists (or maps), stored in the same way, and what is in them is
 *   related likewise;
 * - sub is A|B, and A and B are both a super;
 * - super is A|B, and sub is one of them.
 */
#include "type/type.h"

#include <errno.h>
#include <string.h>

static bool path_is_a(const struct agora_type *sub, const struct type_node *a,
	const struct agora_type *super, const struct type_node *b)
{
	const char *path = sub->source + a->text;

	if (b->size > a->size || memcmp(path, super->source + b->text, b->size))
		return false;
	return b->size == a->size || path[b->size] == '/';
}

static bool same_text(const struct agora_type *sub, unsigned a,
	const struct agora_type *super, unsigned b)
{
	char one[AGORA_TYPE_MAX], other[AGORA_TYPE_MAX];
	struct type_text one_text = {one, sizeof(one), 0};
	struct type_text other_text = {other, sizeof(other), 0};

	type_canon(&one_text, sub, a);
	type_canon(&other_text, super, b);
	return !strcmp(one, other);
}

/* Elements of the same fixed size have nothing before them, others do. */
static bool parts_are_a(const struct agora_type *sub, unsigned a,
	const struct agora_type *super, unsigned b)
{
	while (a && b) {
		if (sub->node[a].bytes != super->node[b].bytes ||
			!type_is_a(sub, a, super, b))
			return false;
		a = sub->node[a].next;
		b = super->node[b].next;
	}
	return true;
}

static bool is_bytes(const struct agora_type *type, unsigned n)
{
	const struct type_node *node = &type->node[n];

	return node->form == FORM_PATH && node->base == BASE_BYTES;
}

bool type_is_a(const struct agora_type *sub, unsigned a,
	const struct agora_type *super, unsigned b)
{
	const struct type_node *sub_node = &sub->node[a];
	const struct type_node *super_node = &super->node[b];

	if (is_bytes(super, b))
		return true;
	if (sub_node->form == FORM_UNION) {
		for (a = sub_node->first; a; a = sub->node[a].next)
			if (!type_is_a(sub, a, super, b))
				return false;
		return true;
	}
	if (super_node->form == FORM_UNION) {
		for (b = super_node->first; b; b = super->node[b].next)
			if (type_is_a(sub, a, super, b))
				return true;
		return false;
	}
	if (sub_node->form != super_node->form)
		return false;
	if (sub_node->form == FORM_PATH)
		return path_is_a(sub, sub_node, super, super_node);
	if (sub_node->form == FORM_STRUCT)
		return same_text(sub, a, super, b);
	return parts_are_a(sub, sub_node->first, super, super_node->first);
}

int agora_type_is_a(const char *sub, const char *super)
{
	struct agora_type one, other;

	if (type_parse(sub, NULL, &one, NULL) ||
		type_parse(super, NULL, &other, NULL))
		return -EINVAL;
	return type_is_a(&one, one.root, &other, other.root);
}

/* ---- upwards ---- */

/* Copy a text, unless it is type itself. */
static bool try_parent(const char *text, const struct agora_type *type,
	char ret_parent[AGORA_TYPE_MAX])
{
	struct agora_type parent;

	if (type_parse(text, NULL, &parent, NULL) ||
		!strcmp(parent.canon, type->canon) ||
		!type_is_a(type, type->root, &parent, parent.root))
		return false;
	memcpy(ret_parent, parent.canon, AGORA_TYPE_MAX);
	return true;
}

/* The path without its last word, or bytes. */
static void path_parent(const struct agora_type *type, unsigned n,
	char ret_parent[AGORA_TYPE_MAX])
{
	const struct type_node *node = &type->node[n];
	const char *path = type->source + node->text;
	const char *slash = NULL;

	if (node->form == FORM_PATH)
		slash = memrchr(path, '/', node->size);
	if (slash) {
		memcpy(ret_parent, path, (size_t)(slash - path));
		ret_parent[slash - path] = '\0';
	} else {
		strcpy(ret_parent, "bytes");
	}
}

/* From the first alternative upwards, up to what all of them are. */
static void union_parent(
	const struct agora_type *type, char ret_parent[AGORA_TYPE_MAX])
{
	char text[AGORA_TYPE_MAX];
	struct type_text out = {text, sizeof(text), 0};

	type_canon(&out, type, type->node[type->root].first);
	while (!try_parent(text, type, ret_parent))
		if (agora_type_parent(text, text))
			strcpy(text, "bytes");
}

/* A list of the parent of what is in it, where that is stored likewise. */
static void list_parent(
	const struct agora_type *type, char ret_parent[AGORA_TYPE_MAX])
{
	char inner[AGORA_TYPE_MAX], text[AGORA_TYPE_MAX + 8];
	struct type_text out = {inner, sizeof(inner), 0};
	struct type_text list = {text, sizeof(text), 0};

	type_canon(&out, type, type->node[type->root].first);
	if (!agora_type_parent(inner, inner)) {
		type_write(&list, "list(%s)", inner);
		if (try_parent(text, type, ret_parent))
			return;
	}
	strcpy(ret_parent, "bytes");
}

/* The next one of the value, and then of the key. */
static void map_parent(
	const struct agora_type *type, char ret_parent[AGORA_TYPE_MAX])
{
	unsigned first = type->node[type->root].first;
	char key[AGORA_TYPE_MAX], value[AGORA_TYPE_MAX];
	char text[2 * AGORA_TYPE_MAX + 8], next[AGORA_TYPE_MAX];
	struct type_text out = {key, sizeof(key), 0};

	type_canon(&out, type, first);
	out = (struct type_text){value, sizeof(value), 0};
	type_canon(&out, type, type->node[first].next);
	if (!agora_type_parent(value, next)) {
		out = (struct type_text){text, sizeof(text), 0};
		type_write(&out, "map(%s,%s)", key, next);
		if (try_parent(text, type, ret_parent))
			return;
	}
	if (!agora_type_parent(key, next)) {
		out = (struct type_text){text, sizeof(text), 0};
		type_write(&out, "map(%s,%s)", next, value);
		if (try_parent(text, type, ret_parent))
			return;
	}
	strcpy(ret_parent, "bytes");
}

int agora_type_parent(const char *text, char ret_parent[AGORA_TYPE_MAX])
{
	struct agora_type type;

	if (type_parse(text, NULL, &type, NULL))
		return -EINVAL;
	if (is_bytes(&type, type.root))
		return -ENOENT;
	switch (type.node[type.root].form) {
	case FORM_LIST:
		list_parent(&type, ret_parent);
		break;
	case FORM_MAP:
		map_parent(&type, ret_parent);
		break;
	case FORM_UNION:
		union_parent(&type, ret_parent);
		break;
	default:
		path_parent(&type, type.root, ret_parent);
	}
	return 0;
}

int agora_type_part(
	const char *text, unsigned index, char ret_part[AGORA_TYPE_MAX])
{
	struct type_text out = {ret_part, AGORA_TYPE_MAX, 0};
	struct agora_type type;
	unsigned n;

	if (type_parse(text, NULL, &type, NULL))
		return -EINVAL;
	n = type.root;
	if (type.node[n].form == FORM_UNION)
		for (n = type.node[n].first; n && index; index--)
			n = type.node[n].next;
	if (!n || index)
		return -ENOENT;
	type_canon(&out, &type, n);
	return 0;
}
