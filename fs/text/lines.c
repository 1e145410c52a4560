/*
 * lines.c - what is written becomes lines.
 *
 * A line that lies whole in the caller's data is handed out as it lies
 * there. One that began in an earlier write is put together in rest: the
 * held bytes, which are ours, and behind them a copy of what the caller
 * still owns until the line is accepted.
 */
#include "text.h"

#include <errno.h>
#include <string.h>

static bool too_long(const struct text_lines *lines, size_t size)
{
	return lines->limit &&
	       (size > lines->limit || lines->held > lines->limit - size);
}

/* Nothing ends in data: keep it. */
static int keep(struct text_lines *lines, const char *data, size_t size)
{
	int r;

	if (too_long(lines, size))
		return -EMSGSIZE;
	r = text_append(&lines->rest, data, size);
	if (r < 0)
		return r;
	lines->held = lines->rest.size;
	return 0;
}

int text_lines_next(struct text_lines *lines, const char *data, size_t size,
	struct text_line *ret_line)
{
	const char *end = size ? memchr(data, '\n', size) : NULL;
	size_t length = end ? (size_t)(end - data) : size;
	int r;

	lines->rest.size = lines->held; /* drop a line that was refused */
	if (!end)
		return keep(lines, data, size);
	if (too_long(lines, length))
		return -EMSGSIZE;
	if (!lines->held) {
		*ret_line = (struct text_line){data, length, length + 1};
		return 1;
	}
	r = text_append(&lines->rest, data, length);
	if (r < 0)
		return r;
	*ret_line = (struct text_line){
		lines->rest.data, lines->rest.size, length + 1};
	return 1;
}

int text_lines_finish(struct text_lines *lines, struct text_line *ret_line)
{
	if (!lines->held)
		return 0;
	*ret_line = (struct text_line){lines->rest.data, lines->held, 0};
	return 1;
}

void text_lines_accept(struct text_lines *lines)
{
	lines->held = 0;
	lines->rest.size = 0;
}

void text_lines_free(struct text_lines *lines)
{
	text_free(&lines->rest);
	lines->held = 0;
}
