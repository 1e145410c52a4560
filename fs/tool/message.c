/*
 * message.c - messages and values, as the command prints them.
 *
 * As a line of the tree; with --raw only the bytes; with --json an object on
 * a line of its own, in which what is not UTF-8 stands as in a line.
 */
#include "tool.h"

#include <errno.h>

struct tool_look tool_look(const struct agora_object *object, bool raw)
{
	return (struct tool_look){
		.type = raw ? "bytes" : agora_object_type(object),
		.traits = raw ? 0 : agora_object_kind(object)->traits,
	};
}

int tool_show_message(struct text *out, const struct tool_look *look,
	const struct text_said *said)
{
	struct record record = {0};

	if (!tool_json())
		return text_message(out, look->traits, look->type, said);
	if (look->traits & AGORA_PRIORITIES)
		record_number(&record, "priority", said->priority);
	record_bytes(&record, "message", said->data, said->size);
	return tool_json_row(out, &record);
}

int tool_show_value(struct text *out, const struct tool_look *look,
	const struct agora_buffer *value)
{
	struct record record = {0};

	if (!tool_json())
		return text_value(out, look->type, value->data, value->size);
	record_number(&record, "version", value->version);
	record_bytes(&record, "value", value->data, value->size);
	return tool_json_row(out, &record);
}

int tool_show_entry(struct text *out, const struct tool_look *look,
	const struct text_pair *pair)
{
	struct record record = {0};
	struct text key = {0};
	int r;

	if (!tool_json())
		return text_entry(out, look->traits, pair);
	/* as in a line, which is how agora get takes it */
	r = text_escape(&key, pair->key, pair->key_size);
	record_bytes(&record, "key", key.data, key.size);
	text_free(&key);
	if (r < 0)
		record.error = r;
	if (!(look->traits & AGORA_MEMBERS))
		record_bytes(&record, "value", pair->value, pair->value_size);
	return tool_json_row(out, &record);
}
