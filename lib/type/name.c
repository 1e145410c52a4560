/* name.c - what may be a name: see agora_name_check() in agora/base.h. */
#include "type/name.h"

#include <agora/base.h>

#include <errno.h>
#include <string.h>
#include <unistr.h>

static bool is_control(ucs4_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

bool name_is_plain(const char *text, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;

	if (u8_check(at, size))
		return false;
	while (size) {
		ucs4_t c;
		int step = u8_mbtouc(&c, at, size);

		if (is_control(c))
			return false;
		at += step;
		size -= (size_t)step;
	}
	return true;
}

int agora_name_check(const char *name)
{
	size_t size = name ? strnlen(name, AGORA_NAME_MAX + 1) : 0;

	if (size > AGORA_NAME_MAX)
		return -ENAMETOOLONG;
	if (!size || *name == '.' || memchr(name, '/', size))
		return -EINVAL;
	return name_is_plain(name, size) ? 0 : -EINVAL;
}
