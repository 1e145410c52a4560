/*
 * number.c - numbers of the machine, and numbers of JSON.
 *
 * All is done in the locale "C": programs may have set another one, in which
 * there is a comma where JSON has a point.
 */
#include "type/type.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 4096 /* of a number that is read */

/* ---- the machine's ---- */

static int64_t get_signed(enum type_scalar scalar, const void *value)
{
	union {
		int8_t i8;
		int16_t i16;
		int32_t i32;
		int64_t i64;
	} v;

	memcpy(&v, value, type_scalar_bytes(scalar));
	switch (scalar) {
	case SCALAR_I8:
		return v.i8;
	case SCALAR_I16:
		return v.i16;
	case SCALAR_I32:
		return v.i32;
	default:
		return v.i64;
	}
}

static uint64_t get_unsigned(enum type_scalar scalar, const void *value)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} v;

	memcpy(&v, value, type_scalar_bytes(scalar));
	switch (type_scalar_bytes(scalar)) {
	case 1:
		return v.u8;
	case 2:
		return v.u16;
	case 4:
		return v.u32;
	default:
		return v.u64;
	}
}

/* A float as it lies there: a signaling NaN stays one. */
static double get_float(enum type_scalar scalar, const void *value)
{
	float small;
	double large;

	if (scalar == SCALAR_F32) {
		memcpy(&small, value, sizeof(small));
		return (double)small;
	}
	memcpy(&large, value, sizeof(large));
	return large;
}

static bool is_signed(enum type_scalar scalar)
{
	return scalar >= SCALAR_I8 && scalar <= SCALAR_I64;
}

static bool is_float(enum type_scalar scalar)
{
	return scalar == SCALAR_F32 || scalar == SCALAR_F64;
}

long double type_number(enum type_scalar scalar, const void *value)
{
	if (is_float(scalar))
		return (long double)get_float(scalar, value);
	if (is_signed(scalar))
		return (long double)get_signed(scalar, value);
	return (long double)get_unsigned(scalar, value);
}

/* ---- print ---- */

#define NAN_32 UINT64_C(0x7fc00000)
#define NAN_64 UINT64_C(0x7ff8000000000000)

static int print_nan(
	enum type_scalar scalar, const void *value, char text[TYPE_NUMBER])
{
	uint64_t bits = get_unsigned(scalar, value);

	if (bits == (scalar == SCALAR_F32 ? NAN_32 : NAN_64))
		return snprintf(text, TYPE_NUMBER, "\"nan\"");
	return snprintf(text, TYPE_NUMBER, "\"nan(0x%" PRIx64 ")\"", bits);
}

/* As few digits as bring the same number back. */
static int print_float(
	enum type_scalar scalar, const void *value, char text[TYPE_NUMBER])
{
	locale_t old = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
	double number = get_float(scalar, value);
	int digits = scalar == SCALAR_F32 ? 6 : 15;
	int most = scalar == SCALAR_F32 ? 9 : 17;
	int size;

	for (;; digits++) {
		size = snprintf(text, TYPE_NUMBER, "%.*g", digits, number);
		if (digits == most)
			break;
		if (scalar == SCALAR_F32 ? strtof(text, NULL) == (float)number
					 : strtod(text, NULL) == number)
			break;
	}
	uselocale(old);
	return size;
}

size_t type_number_print(
	enum type_scalar scalar, const void *value, char text[TYPE_NUMBER])
{
	double number;

	if (is_signed(scalar))
		return (size_t)snprintf(text, TYPE_NUMBER, "%" PRId64,
			get_signed(scalar, value));
	if (!is_float(scalar))
		return (size_t)snprintf(text, TYPE_NUMBER, "%" PRIu64,
			get_unsigned(scalar, value));
	number = get_float(scalar, value);
	if (isnan(number))
		return (size_t)print_nan(scalar, value, text);
	if (isinf(number))
		return (size_t)snprintf(
			text, TYPE_NUMBER, "\"%sinf\"", number < 0 ? "-" : "");
	/* Read as an integer, it would lose its sign. */
	if (number == 0 && signbit(number))
		return (size_t)snprintf(text, TYPE_NUMBER, "-0.0");
	return (size_t)print_float(scalar, value, text);
}

/* ---- scan ---- */

static size_t digits(const char *text, size_t at, size_t size)
{
	size_t start = at;

	while (at < size && text[at] >= '0' && text[at] <= '9')
		at++;
	return at - start;
}

size_t type_number_span(const char *text, size_t size)
{
	size_t at = size && *text == '-', n = digits(text, at, size);

	if (!n || (n > 1 && text[at] == '0'))
		return 0;
	at += n;
	if (at < size && text[at] == '.') {
		n = digits(text, at + 1, size);
		if (!n)
			return 0;
		at += 1 + n;
	}
	if (at < size && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < size && (text[at] == '+' || text[at] == '-');
		n = digits(text, at, size);
		if (!n)
			return 0;
		at += n;
	}
	return at;
}

/* What is said of a number that does not fit. */
static const char *out_of_range(enum type_scalar scalar)
{
	static const char wide[] = "not a number from -9223372036854775808 to "
				   "9223372036854775807";
	static const char *const ranges[] = {
		[SCALAR_I8] = "not a number from -128 to 127",
		[SCALAR_I16] = "not a number from -32768 to 32767",
		[SCALAR_I32] = "not a number from -2147483648 to 2147483647",
		[SCALAR_I64] = wide,
		[SCALAR_U8] = "not a number from 0 to 255",
		[SCALAR_U16] = "not a number from 0 to 65535",
		[SCALAR_U32] = "not a number from 0 to 4294967295",
		[SCALAR_U64] = "not a number from 0 to 18446744073709551615",
		[SCALAR_F32] = "too large a number for f32",
		[SCALAR_F64] = "too large a number for f64",
	};

	return ranges[scalar];
}

/* The largest magnitude, of a negative number or of others. */
static uint64_t limit(enum type_scalar scalar, bool negative)
{
	unsigned bits = 8 * (unsigned)type_scalar_bytes(scalar);
	uint64_t all = UINT64_MAX >> (64 - bits);

	if (!is_signed(scalar))
		return negative ? 0 : all;
	return (all >> 1) + negative;
}

static void put_integer(enum type_scalar scalar, uint64_t number, void *value)
{
	uint8_t u8 = (uint8_t)number;
	uint16_t u16 = (uint16_t)number;
	uint32_t u32 = (uint32_t)number;

	switch (type_scalar_bytes(scalar)) {
	case 1:
		memcpy(value, &u8, 1);
		break;
	case 2:
		memcpy(value, &u16, 2);
		break;
	case 4:
		memcpy(value, &u32, 4);
		break;
	default:
		memcpy(value, &number, 8);
	}
}

static const char *scan_integer(
	enum type_scalar scalar, const char *text, size_t size, void *ret_value)
{
	bool negative = *text == '-';
	uint64_t number = 0;

	if (negative + digits(text, negative, size) != size)
		return "not an integer";
	for (size_t i = negative; i < size; i++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(
				number, (uint64_t)(text[i] - '0'), &number))
			return out_of_range(scalar);
	if (number > limit(scalar, negative))
		return out_of_range(scalar);
	put_integer(scalar, negative ? 0 - number : number, ret_value);
	return NULL;
}

static const char *scan_float(
	enum type_scalar scalar, const char *text, size_t size, void *ret_value)
{
	bool small = scalar == SCALAR_F32;
	char copy[DIGITS_MAX + 1];
	double large_number;
	float small_number;
	locale_t old;

	if (size > DIGITS_MAX)
		return "a number of more than 4096 digits";
	memcpy(copy, text, size);
	copy[size] = '\0';
	old = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
	large_number = strtod(copy, NULL);
	small_number = strtof(copy, NULL); /* rounded once */
	uselocale(old);
	if (small ? isinf(small_number) : isinf(large_number))
		return out_of_range(scalar);
	memcpy(ret_value, small ? (void *)&small_number : (void *)&large_number,
		type_scalar_bytes(scalar));
	return NULL;
}

const char *type_number_scan(
	enum type_scalar scalar, const char *text, size_t size, void *ret_value)
{
	size_t span = type_number_span(text, size);

	if (!span || span != size)
		return "not a number";
	if (is_float(scalar))
		return scan_float(scalar, text, size, ret_value);
	return scan_integer(scalar, text, size, ret_value);
}

static bool is(const char *text, size_t size, const char *word)
{
	return strlen(word) == size && !memcmp(text, word, size);
}

/* The bits in "nan(0x7ff0000000000001)": they are those of a NaN. */
static bool scan_nan(
	enum type_scalar scalar, const char *text, size_t size, uint64_t *bits)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t inf =
		scalar == SCALAR_F32 ? 0x7f800000 : UINT64_C(0x7ff) << 52;
	uint64_t sign =
		inf == 0x7f800000 ? UINT64_C(1) << 31 : UINT64_C(1) << 63;

	*bits = 0;
	if (size < 8 || size > 23 || memcmp(text, "nan(0x", 6) ||
		text[size - 1] != ')')
		return false;
	for (size_t i = 6; i < size - 1; i++) {
		const char *digit = text[i] ? strchr(hex, text[i]) : NULL;

		if (!digit)
			return false;
		*bits = *bits << 4 | (uint64_t)(digit - hex);
	}
	return *bits <= (inf | sign | (inf - 1)) && (*bits & ~sign) > inf;
}

const char *type_number_word(
	enum type_scalar scalar, const char *text, size_t size, void *ret_value)
{
	bool small = scalar == SCALAR_F32;
	uint64_t bits;

	if (!is_float(scalar))
		return "not a number";
	if (is(text, size, "nan"))
		bits = small ? NAN_32 : NAN_64;
	else if (is(text, size, "inf"))
		bits = small ? 0x7f800000 : UINT64_C(0x7ff) << 52;
	else if (is(text, size, "-inf"))
		bits = small ? 0xff800000 : UINT64_C(0xfff) << 52;
	else if (!scan_nan(scalar, text, size, &bits))
		return "not a number (and not nan, inf or -inf)";
	put_integer(scalar, bits, ret_value);
	return NULL;
}
