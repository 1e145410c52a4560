/*
 * text.c - runs one function of fs/text on standard input.
 *
 *	text escape|unescape|name|message TYPE|entry|parse
 *	text typed|untyped TYPE
 *	text lines PIECE REFUSALS [LIMIT]
 *
 * entry and parse separate key and value by a NUL. lines cuts its input
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

static int entry(const struct text *input, struct text *out)
{
	const char *end = memchr(input->data, 0, input->size);
	size_t key_size = (size_t)(end - input->data);

	return text_entry(out, input->data, key_size, end + 1,
		input->size - key_size - 1);
}

static int parse(const struct text *input, struct text *out, size_t *offset)
{
	struct text value = {0};
	int r = text_entry_parse(input->data, input->size, out, &value, offset);

	if (r == 0)
		r = text_append(out, "", 1);
	if (r == 0)
		r = text_append(out, value.data, value.size);
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

static int run(const struct text *input, char **args, struct text *out)
{
	size_t offset = 0;
	int r = -EINVAL;

	if (strcmp(args[0], "escape") == 0)
		r = text_escape(out, input->data, input->size);
	else if (strcmp(args[0], "unescape") == 0)
		r = text_unescape(out, input->data, input->size, &offset);
	else if (strcmp(args[0], "name") == 0)
		r = text_key_name(out, input->data, input->size);
	else if (strcmp(args[0], "message") == 0 && args[1])
		r = text_message(out, args[1], input->data, input->size);
	else if (strstr(args[0], "typed") && args[1])
		r = typed(input, args, out, &offset);
	else if (strcmp(args[0], "entry") == 0)
		r = entry(input, out);
	else if (strcmp(args[0], "parse") == 0)
		r = parse(input, out, &offset);
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
