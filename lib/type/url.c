/*
 * url.c - URLs, by liburiparser.
 *
 * It parses by recursion, in tail calls that a compiler may or may not turn
 * into jumps: so the length is bounded.
 */
#include "type/library.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <uriparser/Uri.h>

#define URL_MAX 32768

static const char *const names[] = {
	"uriParseSingleUriExA", "uriFreeUriMembersA", NULL};
static void *functions[2];
static struct type_library uriparser = {
	.file = "liburiparser.so.1", .names = names, .functions = functions};

typedef __typeof__(uriParseSingleUriExA) parse_function;
typedef __typeof__(uriFreeUriMembersA) free_function;

static size_t length(const UriTextRangeA *range)
{
	return range->first ? (size_t)(range->afterLast - range->first) : 0;
}

static bool is(const char *text, size_t size, const char *word)
{
	return strlen(word) == size && !strncasecmp(text, word, size);
}

static int check_parts(const UriUriA *uri, const char *scheme,
	size_t scheme_size, struct type_value value,
	struct agora_type_error *error)
{
	size_t size = length(&uri->scheme);
	bool web = size && (is(uri->scheme.first, size, "http") ||
				   is(uri->scheme.first, size, "https"));

	if (!size)
		return type_error(error, value.offset,
			"not an absolute URL: it has no scheme");
	if (scheme && (size != scheme_size ||
			      strncasecmp(uri->scheme.first, scheme, size)))
		return type_error(error, value.offset,
			"the scheme of the URL is not %.*s", (int)scheme_size,
			scheme);
	if (web && !length(&uri->hostText))
		return type_error(
			error, value.offset + size + 1, "the URL has no host");
	return 0;
}

int type_check_url(const char *scheme, size_t scheme_size,
	struct type_value value, struct agora_type_error *error)
{
	const char *text = (const char *)value.data, *bad = NULL;
	parse_function *parse;
	free_function *release;
	UriUriA uri;
	int result;

	if (!value.size)
		return type_error(error, value.offset, "not a URL: empty");
	if (value.size > URL_MAX)
		return type_error(error, value.offset + URL_MAX,
			"the URL has more than %d bytes", URL_MAX);
	if (!type_library(&uriparser))
		return type_missing(&uriparser, error);
	parse = (parse_function *)functions[0];
	release = (free_function *)functions[1];
	result = parse(&uri, text, text + value.size, &bad);
	if (result == URI_ERROR_MALLOC)
		return -ENOMEM;
	if (result)
		return type_error(error,
			value.offset + (bad ? (size_t)(bad - text) : 0),
			"not a URL");
	result = check_parts(&uri, scheme, scheme_size, value, error);
	release(&uri);
	return result;
}
