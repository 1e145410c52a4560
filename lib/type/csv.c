/*
 * csv.c - records of RFC 4180: fields with commas between, records with line
 * ends between, quotes around what has any of these in it.
 */
#include "type/type.h"

#include <string.h>

struct csv {
	const char *text;
	size_t size, at;
};

static bool at_end_of_field(const struct csv *csv)
{
	return csv->at == csv->size || csv->text[csv->at] == ',' ||
	       csv->text[csv->at] == '\r' || csv->text[csv->at] == '\n';
}

/* Pass a field. Returns what is wrong, or NULL. */
static const char *pass_field(struct csv *csv)
{
	if (csv->at == csv->size || csv->text[csv->at] != '"') {
		while (!at_end_of_field(csv))
			if (csv->text[csv->at++] == '"') {
				csv->at--;
				return "a quote within a field that has none "
				       "around it";
			}
		return NULL;
	}
	csv->at++;
	for (;;) {
		const char *quote =
			memchr(csv->text + csv->at, '"', csv->size - csv->at);

		if (!quote) {
			csv->at = csv->size;
			return "it ends within quotes";
		}
		csv->at = (size_t)(quote - csv->text) + 1;
		if (csv->at == csv->size || csv->text[csv->at] != '"')
			break;
		csv->at++;
	}
	return at_end_of_field(csv) ? NULL : "a character behind quotes";
}

/* Pass the end of a record. */
static bool pass_end(struct csv *csv)
{
	if (csv->at + 1 < csv->size && csv->text[csv->at] == '\r' &&
		csv->text[csv->at + 1] == '\n')
		csv->at++;
	else if (csv->at < csv->size && csv->text[csv->at] == '\r')
		return false;
	csv->at += csv->at < csv->size;
	return true;
}

int type_check_csv(struct type_value value, struct agora_type_error *error)
{
	struct csv csv = {(const char *)value.data, value.size, 0};
	size_t fields, most = 0, start;
	const char *wrong = NULL;

	while (csv.at < csv.size && !wrong) {
		start = csv.at;
		for (fields = 1; !(wrong = pass_field(&csv)); fields++) {
			if (csv.at == csv.size || csv.text[csv.at] != ',')
				break;
			csv.at++;
		}
		if (!wrong && !pass_end(&csv))
			wrong = "a carriage return without a newline";
		if (!wrong && most && fields != most)
			return type_error(error, value.offset + start,
				"a record of %zu fields, not %zu as the first",
				fields, most);
		most = fields;
	}
	if (!wrong)
		return 0;
	return type_error(error, value.offset + csv.at, "not CSV: %s", wrong);
}
