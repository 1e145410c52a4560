/*
 * set.c - what programs declare that paths mean: see agora_type_set_add().
 *
 * A meaning refers only to what was in the set before it, so there are no
 * circles; how deep and how large meanings of meanings become is counted.
 */
#include "type/type.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SET_MAX 4096

struct agora_type_set {
	struct type_meaning **meanings;
	size_t count;
};

int agora_type_set_open(struct agora_type_set **ret_set)
{
	struct agora_type_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	*ret_set = set;
	return 0;
}

static void free_meaning(struct type_meaning *meaning)
{
	if (!meaning)
		return;
	type_regex_close(meaning->regex);
	type_where_close(meaning->where);
	free(meaning->type);
	free(meaning->path);
	free(meaning->text);
	free(meaning);
}

void agora_type_set_close(struct agora_type_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		free_meaning(set->meanings[i]);
	free(set->meanings);
	free(set);
}

static struct type_meaning *find(
	const struct agora_type_set *set, const char *path, size_t size)
{
	for (size_t i = 0; i < set->count; i++) {
		struct type_meaning *meaning = set->meanings[i];

		if (strlen(meaning->path) == size &&
			!memcmp(meaning->path, path, size))
			return meaning;
	}
	return NULL;
}

const struct type_meaning *type_meaning(
	const struct agora_type_set *set, const char *path, size_t size)
{
	const struct type_meaning *found = NULL;
	const char *slash;

	while (set && set->count && size) {
		found = find(set, path, size);
		if (found)
			return found;
		slash = memrchr(path, '/', size);
		size = slash ? (size_t)(slash - path) : 0;
	}
	return NULL;
}

/* ---- add ---- */

/* Where the condition of a meaning begins: behind "where", not in braces. */
static const char *find_where(const char *text)
{
	const char *at = text;

	for (unsigned depth = 0; *at; at++) {
		depth += *at == '{';
		depth -= *at == '}' && depth;
		if (!depth && !strncmp(at, "where", 5) &&
			(at == text || strchr(" \t}", at[-1])) &&
			(at[5] == ' ' || at[5] == '\t' || !at[5]))
			return at + 5;
	}
	return NULL;
}

static int parse_type(struct type_meaning *meaning,
	const struct agora_type_set *set, const char *text, size_t size,
	struct agora_type_error *error)
{
	char copy[AGORA_TYPE_MAX + 1] = "";
	struct agora_type type;

	if (strspn(text, " \t\r\n") >= size)
		return 0;
	memcpy(copy, text, size < AGORA_TYPE_MAX ? size : AGORA_TYPE_MAX);
	if (type_parse(copy, set, &type, error))
		return -EINVAL;
	meaning->cost += type.cost;
	if (type.depth >= meaning->depth)
		meaning->depth = (uint16_t)(type.depth + 1);
	meaning->type = type_copy(&type);
	return meaning->type ? 0 : -ENOMEM;
}

/* What the fields are, or the value, of which a condition speaks. */
static const struct agora_type *shape_of(
	const struct type_meaning *meaning, const struct agora_type *path)
{
	const struct agora_type *shape = meaning->type ? meaning->type : path;
	const struct agora_type *next;

	while ((next = type_shape(&shape->node[shape->root])))
		shape = next;
	return shape;
}

static int parse_meaning(struct type_meaning *meaning,
	const struct agora_type_set *set, const struct agora_type *path,
	struct agora_type_error *error)
{
	const char *text = meaning->text, *where;
	int result;

	if (*text == '^')
		return type_regex_open(text, &meaning->regex, error);
	where = find_where(text);
	result = parse_type(meaning, set, text,
		where ? (size_t)(where - 5 - text) : strlen(text), error);
	if (!result && where)
		result = type_where_open(where, (size_t)(where - text),
			shape_of(meaning, path), &meaning->where, error);
	if (!result && !meaning->type && !where) {
		type_error(error, 0,
			"an expression that begins with ^, a type, or a "
			"condition that begins with where is missing");
		result = -EINVAL;
	}
	return result;
}

/* Check that path is one that can get a meaning, and begin it. */
static int begin(struct type_meaning *meaning, const char *text,
	const struct agora_type_set *set, struct agora_type *ret_path,
	struct agora_type_error *error)
{
	const struct type_node *node;
	const char *slash;

	if (type_parse(text, set, ret_path, error))
		return -EINVAL;
	node = &ret_path->node[ret_path->root];
	slash = strrchr(ret_path->canon, '/');
	if (node->form != FORM_PATH || !slash) {
		type_error(error, 0, "only a path can be declared");
		return -EINVAL;
	}
	/* bytes/x is nobody's, unless it is. */
	if (node->base == BASE_MIME && !strchr(ret_path->canon + 6, '/'))
		slash = ret_path->canon + node->size;
	else if (node->size == node->builtin) {
		type_error(error, 0, "it is built in");
		return -EEXIST;
	}
	if (node->known < slash - ret_path->canon) {
		type_error(error, 0, "its parent is not declared");
		return -EINVAL;
	}
	meaning->parent = node->meaning;
	meaning->depth = node->meaning ? node->meaning->depth : 0;
	meaning->cost = node->meaning ? node->meaning->cost : 0;
	meaning->cost++;
	meaning->path = strdup(ret_path->canon);
	return meaning->path ? 0 : -ENOMEM;
}

static int finish(struct agora_type_set *set, struct type_meaning *meaning,
	struct agora_type_error *error)
{
	struct type_meaning **more;

	if (meaning->depth > TYPE_DEPTH || meaning->cost > TYPE_COST) {
		type_error(error, 0, "it means what means what means too much");
		return -EINVAL;
	}
	if (set->count == SET_MAX)
		return -E2BIG;
	more = reallocarray(set->meanings, set->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	set->meanings = more;
	more[set->count++] = meaning;
	return 0;
}

/* Space around what is meant is not meant. */
static char *trim(const char *text)
{
	size_t size;

	text += strspn(text, " \t\r\n");
	size = strlen(text);
	while (size && strchr(" \t\r\n", text[size - 1]))
		size--;
	return strndup(text, size);
}

/* As before: 0. With another meaning: -EEXIST. Or 1: it is new. */
static int compare(const struct agora_type_set *set,
	const struct type_meaning *meaning, struct agora_type_error *error)
{
	const struct type_meaning *present =
		find(set, meaning->path, strlen(meaning->path));

	if (!present)
		return 1;
	if (!strcmp(present->text, meaning->text))
		return 0;
	type_error(error, 0, "it is declared already: %.150s", present->text);
	return -EEXIST;
}

/* Returns 1: it is of the set now; 0: it was in it; or an error. */
static int add(struct agora_type_set *set, struct type_meaning *meaning,
	const char *path, const char *text, struct agora_type_error *error)
{
	struct agora_type type;
	int result;

	meaning->text = trim(text);
	if (!meaning->text)
		return -ENOMEM;
	result = begin(meaning, path, set, &type, error);
	if (!result)
		result = compare(set, meaning, error);
	if (result <= 0)
		return result;
	result = parse_meaning(meaning, set, &type, error);
	if (!result)
		result = finish(set, meaning, error);
	return result ? result : 1;
}

int agora_type_set_add(struct agora_type_set *set, const char *path,
	const char *text, struct agora_type_error *ret_error)
{
	struct type_meaning *meaning = calloc(1, sizeof(*meaning));
	int result;

	if (!meaning)
		return -ENOMEM;
	result = add(set, meaning, path, text, ret_error);
	if (result == 1)
		return 0;
	free_meaning(meaning);
	if ((result == -EINVAL || result == -EEXIST) && ret_error)
		type_error_place(ret_error, text, strlen(text));
	return result;
}
