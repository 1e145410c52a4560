/*
 * text.c - runs one function of fs/text on standard input.
 *
 *	text escape|unescape|path|entry|parse|member|parse-member
 *	text message TYPE [PRIORITY] | parse-message | value TYPE
 *	text typed|untyped TYPE
 *	text find < KEYS, with a NUL behind each part
 *	text lines PIECE REFUSALS [LIMIT]
 *
 * entry and parse separate key and value by a NUL, parse-message priority and
 * message. path writes the parts of a key's path, with "/" between them; find
 * reads parts and writes 0 or 1, what the last one stands for, and the key.
 * lines cuts its input
 * into writes of PIECE bytes and refuses each line REFUSALS times before it
 * takes it. A failure is its error's name and an offset on standard error.
 */
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(int r, size_t offset)
{
	fprintf(stderr, "%s %zu\n", strerrorname_np(-r), offset);
	return 1;
}

static struct text read_input(void)
{
	struct text input = {0};
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), stdin)))
		if (text_append(&input, part, n) < 0)
			abort();
	return input;
}

static int print(const struct text *out, int r, size_t offset)
{
	if (r < 0)
		return fail(r, offset);
	if (out->size)
		fwrite(out->data, 1, out->size, stdout);
	return fflush(stdout) ? 1 : 0;
}

/* ---- lines ------------------------------------------------------------ */

struct writer {
	struct text_lines lines;
	unsigned long refusals;
	unsigned long refused;
};

static bool take(struct writer *writer, const struct text_line *line)
{
	if (writer->refused++ < writer->refusals)
		return false;
	writer->refused = 0;
	fwrite(line->data, 1, line->size, stdout);
	fputc('\n', stdout);
	return true;
}

/* One write, which goes on where it was refused. */
static int write_piece(struct writer *writer, const char *data, size_t size)
{
	struct text_line line;
	int r;

	while (size) {
		r = text_lines_next(&writer->lines, data, size, &line);
		if (r <= 0)
			return r;
		if (!take(writer, &line))
			continue;
		text_lines_accept(&writer->lines);
		data += line.used;
		size -= line.used;
	}
	return 0;
}

static int lines(const struct text *input, char **args)
{
	size_t piece = strtoul(args[0], NULL, 10);
	struct writer writer = {.refusals = strtoul(args[1], NULL, 10)};
	struct text_line line;
	size_t at, size;
	int r = 0;

	writer.lines.limit = args[2] ? strtoul(args[2], NULL, 10) : 0;
	for (at = 0; at < input->size && r == 0; at += size) {
		size = input->size - at < piece ? input->size - at : piece;
		r = write_piece(&writer, input->data + at, size);
	}
	while (r == 0 && text_lines_finish(&writer.lines, &line))
		if (take(&writer, &line))
			text_lines_accept(&writer.lines);
	text_lines_free(&writer.lines);
	return r < 0 ? fail(r, 0) : 0;
}

/* ---- the rest --------------------------------------------------------- */

static int entry(const struct text *input, uint32_t traits, struct text *out)
{
	struct text_pair pair = {.key = input->data};
	const char *end;

	pair.key_size = input->size;
	if (!(traits & AGORA_MEMBERS)) {
		end = memchr(input->data, 0, input->size);
		pair.key_size = (size_t)(end - input->data);
		pair.value = end + 1;
		pair.value_size = input->size - pair.key_size - 1;
	}
	return text_entry(out, traits, &pair);
}

static int parse(const struct text *input, uint32_t traits, struct text *out,
	size_t *offset)
{
	struct text value = {0};
	int r = text_entry_parse(
		traits, input->data, input->size, out, &value, offset);

	if (r == 0 && !(traits & AGORA_MEMBERS)) {
		r = text_append(out, "", 1);
		if (r == 0)
			r = text_append(out, value.data, value.size);
	}
	text_free(&value);
	return r;
}

/* A message is shown, or what was written becomes one. */
static int typed(
	const struct text *input, char **args, struct text *out, size_t *offset)
{
	struct agora_type_error error = {.offset = 0};
	struct agora_type *type;
	int r = agora_type_open(args[1], NULL, &type, &error);

	if (r < 0)
		return r;
	if (strcmp(args[0], "typed") == 0)
		r = text_typed(out, type, input->data, input->size);
	else
		r = text_typed_parse(
			out, type, input->data, input->size, &error);
	*offset = error.offset;
	agora_type_close(type);
	return r;
}

static int message(const struct text *input, char **args, struct text *out)
{
	struct text_said said = {.data = input->data, .size = input->size};
	uint32_t traits = args[1] ? AGORA_PRIORITIES : 0;

	if (args[1])
		said.priority = strtoull(args[1], NULL, 10);
	return text_message(out, traits, args[0], &said);
}

static int parse_message(
	const struct text *input, struct text *out, size_t *offset)
{
	struct text_said said;
	int r = text_message_parse(
		AGORA_PRIORITIES, input->data, input->size, &said, offset);

	if (r == 0)
		r = text_print(out, "%llu", (unsigned long long)said.priority);
	if (r == 0)
		r = text_append(out, "", 1);
	return r < 0 ? r : text_append(out, said.data, said.size);
}

static int path(const struct text *key, struct text *out)
{
	size_t at = 0;
	int r;

	while ((r = text_key_part(out, key->data, key->size, &at)) > 0)
		if (text_append(out, "/", 1) < 0)
			abort();
	return r;
}

static int find(const struct text *input, struct text *out)
{
	struct text key = {0};
	size_t at = 0;
	int r = 1;

	while (at < input->size && r > 0) {
		r = text_key_find(&key, input->data + at);
		at += strlen(input->data + at) + 1;
	}
	if (r == 0 && at < input->size)
		r = -EINVAL; /* in a file there is nothing */
	if (r >= 0 && (text_print(out, "%d", r) < 0 ||
			      text_append(out, key.data, key.size) < 0))
		abort();
	text_free(&key);
	return r < 0 ? r : 0;
}

static int run(const struct text *input, char **args, struct text *out)
{
	size_t offset = 0;
	int r = -EINVAL;

	if (strcmp(args[0], "escape") == 0)
		r = text_escape(out, input->data, input->size);
	else if (strcmp(args[0], "unescape") == 0)
		r = text_unescape(out, input->data, input->size, &offset);
	else if (strcmp(args[0], "path") == 0)
		r = path(input, out);
	else if (strcmp(args[0], "find") == 0)
		r = find(input, out);
	else if (strcmp(args[0], "message") == 0 && args[1])
		r = message(input, args + 1, out);
	else if (strcmp(args[0], "parse-message") == 0)
		r = parse_message(input, out, &offset);
	else if (strcmp(args[0], "value") == 0 && args[1])
		r = text_value(out, args[1], input->data, input->size);
	else if (strstr(args[0], "typed") && args[1])
		r = typed(input, args, out, &offset);
	else if (strcmp(args[0], "entry") == 0)
		r = entry(input, 0, out);
	else if (strcmp(args[0], "parse") == 0)
		r = parse(input, 0, out, &offset);
	else if (strcmp(args[0], "member") == 0)
		r = entry(input, AGORA_MEMBERS, out);
	else if (strcmp(args[0], "parse-member") == 0)
		r = parse(input, AGORA_MEMBERS, out, &offset);
	return print(out, r, offset);
}

int main(int argc, char **argv)
{
	struct text input, out = {0};
	int r = 2;

	if (argc < 2)
		return r;
	input = read_input();
	if (strcmp(argv[1], "lines") == 0 && argc >= 4)
		r = lines(&input, argv + 2);
	else
		r = run(&input, argv + 1, &out);
	text_free(&input);
	text_free(&out);
	return r;
}
