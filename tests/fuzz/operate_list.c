/* operate_list.c - what only a list has, for operate.c. */
#include "fuzz.h"

#include <string.h>

/* A walk in both directions, and what is met. */
static int walk(struct agora_list *list, struct agora_buffer *b)
{
	struct agora_element e = {{0}}, other;
	int result = 0;

	for (int i = 0; !result && i < 40; i++) {
		result = agora_list_next(list, &e, &e);
		if (!result)
			result = agora_list_get(list, &e, b);
		if (!result && b->size > b->capacity)
			fuzz_fail("%zu bytes in %zu", b->size, b->capacity);
		agora_list_previous(list, &e, &other);
	}
	return result;
}

int operate_list_look(struct agora_object *object, struct agora_buffer *b)
{
	/* Handles of objects begin with the object. */
	struct agora_list *list = (struct agora_list *)object;
	struct agora_element e = {{b->capacity, b->capacity}};
	uint64_t length;
	int result = walk(list, b);

	agora_list_get(list, &e, b);
	agora_list_peek_back(list, b);
	agora_list_length(list, &length);
	return result;
}

int operate_list_change(struct agora_object *object, struct agora_buffer *b)
{
	struct agora_list *list = (struct agora_list *)object;
	struct agora_element e = {{0}};
	struct agora_message m;
	int result;

	agora_list_next(list, NULL, &e);
	agora_list_insert_after(list, &e, "x", 1, NULL);
	agora_list_insert_before(list, &e, "y", 1, &e);
	result = agora_list_remove(list, &e);
	agora_list_push_front(list, "z", 1, &e);
	agora_list_previous(list, NULL, &e);
	agora_list_remove(list, &e);
	agora_list_pop_back(list, b);
	if (!agora_list_acquire_back(list, &m))
		agora_list_restore(list, &m);
	return result;
}
