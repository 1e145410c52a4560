/*
 * json.c - JSON texts, by libyajl: it keeps nothing of what it passes, so
 * that numbers of any size and any depth are fine.
 */
#include "type/library.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

static const char *const names[] = {"yajl_alloc", "yajl_free", "yajl_parse",
	"yajl_complete_parse", "yajl_get_bytes_consumed", "yajl_get_error",
	"yajl_free_error", NULL};
static void *functions[7];
static struct type_library yajl = {
	.file = "libyajl.so.2", .names = names, .functions = functions};

#define CALL(n, name) ((__typeof__(name) *)functions[n])

/* "parse error: trailing garbage\n" becomes what it says. */
static int refuse(yajl_handle parser, struct type_value value, size_t at,
	struct agora_type_error *error)
{
	unsigned char *text = CALL(5, yajl_get_error)(parser, 0, NULL, 0);
	const char *words = "no memory", *colon;

	if (text) {
		words = (const char *)text;
		colon = strstr(words, ": ");
		words = colon ? colon + 2 : words;
	}
	type_error(error, value.offset + at, "not JSON: %.*s",
		(int)strcspn(words, "\n"), words);
	if (text)
		CALL(6, yajl_free_error)(parser, text);
	return -EBADMSG;
}

int type_check_json(struct type_value value, struct agora_type_error *error)
{
	yajl_handle parser;
	yajl_status status;
	size_t at;
	int result = 0;

	if (!value.size)
		return type_error(error, value.offset, "not JSON: empty");
	if (!type_library(&yajl))
		return type_missing(&yajl, error);
	parser = CALL(0, yajl_alloc)(NULL, NULL, NULL);
	if (!parser)
		return -ENOMEM;
	status = CALL(2, yajl_parse)(parser, value.data, value.size);
	at = CALL(4, yajl_get_bytes_consumed)(parser);
	if (status == yajl_status_ok) /* what may be cut short is known now */
		status = CALL(3, yajl_complete_parse)(parser);
	if (status != yajl_status_ok)
		result = refuse(parser, value, at, error);
	CALL(1, yajl_free)(parser);
	return result;
}
