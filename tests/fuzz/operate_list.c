/* operate_list.c - what only a list has, for operate.c. */
#include "operate.h"

/* A walk in both directions, and what is met. */
static int walk(struct agora_list *list, struct agora_buffer *b)
{
	struct agora_element e = {{0}}, other;
	int result = 0;

	for (int i = 0; !result && i < 40; i++) {
		result = agora_list_next(list, &e, &e);
		if (!result)
			result = copied(agora_list_get(list, &e, b), b);
		agora_list_previous(list, &e, &other);
	}
	return result;
}

static int do_look(struct run *r)
{
	/* Handles of objects begin with the object. */
	struct agora_list *list = (struct agora_list *)r->object;
	struct agora_buffer b = buffer(r);
	struct agora_element e = {{b.capacity, b.capacity}};
	uint64_t length;
	int result = walk(list, &b);

	agora_list_get(list, &e, &b);
	agora_list_peek_back(list, &b);
	agora_list_length(list, &length);
	return result;
}

static int do_change(struct run *r)
{
	struct agora_list *list = (struct agora_list *)r->object;
	struct agora_buffer b = buffer(r);
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
	agora_list_pop_back(list, &b);
	if (!agora_list_acquire_back(list, &m))
		agora_list_restore(list, &m);
	return result;
}

static const struct operation rows[] = {
	{"walk", &kind_list, false, do_look},
	{"change", &kind_list, true, do_change},
};

const struct operations operate_lists = OPERATIONS(rows);
