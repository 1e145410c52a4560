/*
 * regex.c - refinements by a regular expression, matched by the C library.
 *
 * Expressions come from manifests that anybody may have written. The C library
 * writes out what is repeated: x{9} is nine times x, and x+ is xx*, so that
 * some brackets and plus signs are enough to fill all memory. So what it
 * would write out is counted first. Back-references would take time without
 * bounds; without them it grows with the value times the expression.
 */
#include "type/type.h"

#include <errno.h>
#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX 256
#define VALUE_MAX   4096
#define COST_MAX    1000

struct type_regex {
	regex_t regex;
};

/* ---- what it costs ---- */

struct scan {
	const char *pattern, *at;
	unsigned open;                   /* parentheses */
	uint64_t group[PATTERN_MAX + 1]; /* what is in each of them */
	uint64_t atom;                   /* the last one, not yet counted */
};

/* The last atom is not repeated any more. */
static void count(struct scan *s)
{
	s->group[s->open] += s->atom;
	s->atom = 0;
}

/* Pass "[...]". Returns false at a byte that stands for a part of a letter. */
static bool pass_bracket(struct scan *s)
{
	const char *start = ++s->at;

	if (*s->at == '^')
		start = ++s->at;
	for (; *s->at && (*s->at != ']' || s->at == start); s->at++) {
		const char *end = NULL;

		if ((unsigned char)*s->at >= 0x80)
			return false;
		if (*s->at == '[' && s->at[1] == ':')
			end = strstr(s->at, ":]");
		else if (*s->at == '[' && s->at[1] == '.')
			end = strstr(s->at, ".]");
		else if (*s->at == '[' && s->at[1] == '=')
			end = strstr(s->at, "=]");
		if (end)
			s->at = end + 1;
	}
	s->at += *s->at == ']';
	return true;
}

/* Pass "{3,5}". */
static void pass_interval(struct scan *s)
{
	unsigned long least, most;
	char *end;

	least = strtoul(s->at + 1, &end, 10);
	most = least;
	if (*end == ',' && end[1] == '}')
		most = least + 1;
	else if (*end == ',')
		most = strtoul(end + 1, &end, 10);
	most = most > least ? most : least;
	s->atom *= most < COST_MAX ? most : COST_MAX + 1;
	s->at += strcspn(s->at, "}");
	s->at += *s->at == '}';
}

/* Pass one thing. Returns what is wrong, or NULL. */
static const char *pass(struct scan *s)
{
	char c = *s->at;

	if (s->atom > COST_MAX)
		return "its repetitions make too much of it";
	if (c == '{' && s->atom) {
		pass_interval(s);
		return NULL;
	}
	s->at++;
	if (c == '+')
		s->atom *= 2;
	if (c == '+' || c == '*' || c == '?')
		return NULL;
	if (c == ')' && s->open) {
		count(s);
		s->atom = s->group[s->open--] + 1;
		return NULL;
	}
	count(s);
	s->atom = 1;
	if (c == '(') {
		s->atom = 0;
		s->group[++s->open] = 0;
	} else if (c == '[') {
		s->at--;
		if (!pass_bracket(s))
			return "brackets have ASCII in them only";
	} else if (c == '\\' && *s->at >= '1' && *s->at <= '9') {
		return "it has a back-reference";
	} else if (c == '\\') {
		s->at += *s->at != '\0';
	}
	return NULL;
}

static int check_cost(const char *pattern, struct agora_type_error *error)
{
	struct scan s = {.pattern = pattern, .at = pattern};
	const char *wrong = NULL;

	if (strlen(pattern) > PATTERN_MAX)
		return type_error(error, PATTERN_MAX,
			"the expression has more than %d bytes", PATTERN_MAX);
	while (*s.at && !wrong)
		wrong = pass(&s);
	count(&s);
	for (unsigned i = s.open; i; i--)
		s.group[0] += s.group[i];
	if (!wrong && s.group[0] > COST_MAX)
		wrong = "its repetitions make too much of it";
	if (!wrong)
		return 0;
	return type_error(error, (size_t)(s.at - pattern), "%s", wrong);
}

/* ---- open, close, check ---- */

/* In the same locale everywhere: a type means the same to all. */
static locale_t enter(void)
{
	return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

int type_regex_open(const char *pattern, struct type_regex **ret_regex,
	struct agora_type_error *error)
{
	struct type_regex *regex;
	char words[160];
	locale_t old;
	int result;

	if (check_cost(pattern, error))
		return -EINVAL;
	regex = malloc(sizeof(*regex));
	if (!regex)
		return -ENOMEM;
	old = enter();
	result = regcomp(&regex->regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (result)
		regerror(result, &regex->regex, words, sizeof(words));
	uselocale(old);
	if (!result) {
		*ret_regex = regex;
		return 0;
	}
	free(regex);
	if (result == REG_ESPACE)
		return -ENOMEM;
	type_error(error, 0, "not a regular expression: %s", words);
	return -EINVAL;
}

void type_regex_close(struct type_regex *regex)
{
	if (!regex)
		return;
	regfree(&regex->regex);
	free(regex);
}

int type_regex_check(const struct type_regex *regex, struct type_value value,
	struct agora_type_error *error)
{
	regmatch_t range = {0, (regoff_t)value.size};
	char text[VALUE_MAX + 1]; /* sanitizers look for a NUL */
	locale_t old;
	int result;

	if (value.size > VALUE_MAX)
		return type_error(error, value.offset + VALUE_MAX,
			"it has more than %d bytes", VALUE_MAX);
	if (value.size)
		memcpy(text, value.data, value.size);
	text[value.size] = '\0';
	old = enter();
	result = regexec(&regex->regex, text, 1, &range, REG_STARTEND);
	uselocale(old);
	if (!result)
		return 0;
	if (result == REG_ESPACE)
		return -ENOMEM;
	return type_error(
		error, value.offset, "it does not match the expression");
}
