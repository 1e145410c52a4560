/*
 * change.c - changes to the bytes of a segment.
 *
 * A change names a word by what it is to the structure, so that most of what
 * is invented gets past the first check: indices that exist, states that
 * might be, links to oneself and in a circle.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "shm/client.h"
#include "shm/pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where ---- */

static uint64_t of_roots(const struct family *f, uint32_t place)
{
	static const uint16_t words[] = {0, 4, 8, 12, 64, 68, 72, 80, 88};
	const unsigned count = sizeof(words) / sizeof(*words);
	unsigned n = place % (count + 4 + 24);
	uint64_t roots = OFFSET_ROOTS + offsetof(struct roots_shm, root);

	(void)f;
	if (n < count)
		return OFFSET_ROOTS + words[n];
	n -= count;
	/* First words mostly; an SPSC queue has several in each. */
	if (n < 4)
		return roots + n * sizeof(struct root_shm);
	n -= 4;
	return roots + n % 3 * sizeof(struct root_shm) + n / 3 * 8;
}

static uint64_t of_clients(const struct family *f, uint32_t place)
{
	uint32_t id = place / 3 % (f->header.params.clients + 1);

	return OFFSET_CLIENTS + id * sizeof(struct client_shm) + place % 3 * 8;
}

static uint64_t of_array(const struct family *f, uint32_t place)
{
	if (!f->layout.array_size)
		return of_roots(f, place);
	return f->layout.array + place * 8 % f->layout.array_size;
}

static uint64_t of_buckets(const struct family *f, uint32_t place)
{
	uint64_t map = f->kind == &kind_table ? f->layout.array_committed : 0;

	if (!f->layout.array_size)
		return of_roots(f, place);
	return f->layout.array + map + place * 8 % (f->layout.array_size - map);
}

/* Blocks at the beginning are those in use. */
static uint64_t block_of(
	const struct family *f, unsigned number, uint32_t place)
{
	const struct pool_layout *pool = &f->layout.pool[number];
	uint64_t index = place % 4 ? place / 4 % 96 : place / 4;

	if (!pool->count)
		return number ? block_of(f, 0, place) : of_array(f, place);
	return pool->headers + index % pool->count * pool->stride;
}

/* Header words of a block: state, size and next, nonce and key size, and of
 * tables link and hash; of ordered maps the hints as well. */
static uint64_t of_heads(const struct family *f, uint32_t place)
{
	const struct pool_layout *pool = &f->layout.pool[0];
	bool sorted = f->kind == &kind_map || f->kind == &kind_set;
	uint32_t halves =
		sorted ? (uint32_t)(pool->data - pool->headers) / 4 : 10;

	return block_of(f, 0, place / halves) + place % halves / 2 * 8 +
	       place % 2 * 4;
}

static uint64_t of_states(const struct family *f, uint32_t place)
{
	return block_of(f, 0, place);
}

static uint64_t of_links(const struct family *f, uint32_t place)
{
	return block_of(f, 0, place) + 24;
}

static uint64_t of_data(const struct family *f, uint32_t place)
{
	const struct pool_layout *pool = &f->layout.pool[0];

	if (!pool->count)
		return of_array(f, place);
	return block_of(f, 0, place / 32) + pool->data - pool->headers +
	       place % 32 * 8 % pool->data_size;
}

static uint64_t of_pages(const struct family *f, uint32_t place)
{
	return block_of(f, 1, place / 6) + place % 6 / 2 * 8 + place % 2 * 4;
}

static uint64_t of_bitmaps(const struct family *f, uint32_t place)
{
	const struct pool_layout *pool = &f->layout.pool[place % 2];

	if (!pool->count)
		pool = &f->layout.pool[0];
	if (!pool->count)
		return of_array(f, place);
	return pool->bitmap + place / 2 % ((pool->count + 63) / 64) * 8;
}

/* Of the type, which is most of it, only the beginning. */
static uint64_t of_header(const struct family *f, uint32_t place)
{
	const uint64_t end = sizeof(struct header_shm) - 8;
	const uint64_t most = offsetof(struct header_shm, params.type) + 64;

	(void)f;
	place = place * 4 % (uint32_t)(most + 8);
	return place < most ? place : end + place - most;
}

static uint64_t of_anything(const struct family *f, uint32_t place)
{
	return (uint64_t)place * 4 % f->size;
}

static uint64_t (*const classes[])(const struct family *f, uint32_t place) = {
	of_roots,
	of_clients,
	of_array,
	of_buckets,
	of_heads,
	of_states,
	of_links,
	of_data,
	of_pages,
	of_bitmaps,
	of_anything,
	of_header,
};

#define CLASSES (sizeof(classes) / sizeof(*classes))
#define HEADER  (CLASSES - 1) /* the last class */

const unsigned change_classes = CLASSES;

/* ---- how ---- */

static uint64_t load(const struct family *f, uint64_t offset)
{
	uint64_t word = 0;

	if (offset + sizeof(word) <= f->size)
		memcpy(&word, f->file + offset, sizeof(word));
	return word;
}

static uint64_t interesting(const struct family *f, uint32_t n)
{
	const uint64_t words[] = {0, 1, 2, UINT64_MAX, INT64_MAX, INT64_MIN,
		UINT32_MAX, INT32_MAX, UINT64_C(1) << 31, UINT64_C(1) << 28,
		(UINT64_C(1) << 28) - 1, TICKET_MASK, CLIENTS_MAX,
		f->layout.pool[0].count, f->layout.pool[0].count - 1,
		f->layout.pool[0].count + 1, f->layout.pool[1].count,
		UINT64_C(0x80000000) + f->layout.pool[1].count,
		f->header.params.message_size,
		f->header.params.message_size + 1, f->header.params.key_size,
		f->header.params.key_size + 1, f->layout.pool[0].data_size,
		f->layout.pool[0].data_size + 1, 4096, 4097,
		f->header.params.clients, f->header.params.clients + 1,
		UINT64_C(1) << 46, UINT64_C(1) << 30, (UINT64_C(1) << 24) + 1,
		64};

	return words[n % (sizeof(words) / sizeof(*words))];
}

/* A state that might be: kind, owner and perhaps a new ticket. */
static uint64_t any_state(const struct family *f, uint64_t old, uint32_t value)
{
	uint32_t owner = value / 16 % 8;

	if (owner > f->header.params.clients)
		owner = value / 128 % 4096;
	return state_make((enum block_kind)(value % 16), owner,
		value & (1u << 31) ? value >> 7 : state_ticket(old));
}

static uint64_t any_part(const struct family *f, uint32_t value)
{
	uint64_t head = value % 64;
	uint64_t nonce = load(f, f->layout.pool[0].headers +
					 head * f->layout.pool[0].stride +
					 offsetof(struct block_shm, nonce));

	return (uint64_t)BLOCK_PART << 60 | head << 32 | (nonce & UINT32_MAX);
}

/* Which block stands at an offset? Gives a link to itself. */
static uint64_t self_of(const struct family *f, uint64_t offset)
{
	for (int i = 1; i >= 0; i--) {
		const struct pool_layout *pool = &f->layout.pool[i];

		if (pool->count && offset >= pool->headers)
			return ((offset - pool->headers) / pool->stride + 1) |
			       (i ? UINT64_C(1) << 31 : 0);
	}
	return 1;
}

static uint64_t low(uint64_t word, unsigned bits, uint64_t value)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	return (word & ~mask) | (value & mask);
}

static uint64_t changed(const struct family *f, const struct change *c,
	uint64_t offset, uint64_t word)
{
	switch (c->how % CHANGE_HOWS) {
	case 0:
		return (uint64_t)(int64_t)(int32_t)c->value;
	case 1:
		return word ^ UINT64_C(1) << c->value % 64;
	case 2:
		return load(f, classes[c->class % CLASSES](f, c->value));
	case 3:
		return low(word, 32, c->value);
	case 4:
		return any_state(f, word, c->value);
	case 5:
		return word + (uint64_t)(int64_t)(int32_t)c->value;
	case 6:
		return interesting(f, c->value);
	case 7:
		return low(word, 32, interesting(f, c->value));
	case 8:
		return low(word, 28, self_of(f, offset));
	case 9:
		return low(word, 28, c->value % 96);
	case 10:
		return any_part(f, c->value);
	case 11:
		return low(word, 32, self_of(f, offset));
	case 12:
		return low(word, 32,
			(c->value % 32 + 1) |
				(f->layout.pool[1].count ? 1u << 31 : 0));
	default:
		return word ^ UINT64_C(1) << 63;
	}
}

/* ---- apply ---- */

static void resize(struct family *f, const struct change *c)
{
	off_t size = (off_t)(c->place * (uint64_t)PAGE % (f->size + PAGE));

	if (ftruncate(f->fd, size) == 0)
		f->resized = true;
}

/* Of a file that was cut only the grown one is touched again. */
static void apply(struct family *f, const struct change *c)
{
	uint64_t offset = classes[c->class % CLASSES](f, c->place) & ~3ull;
	uint64_t word;

	if (c->class >= CHANGE_RESIZE)
		resize(f, c);
	if (f->resized || offset + sizeof(word) > f->size)
		return;
	if (c->class % CLASSES != HEADER && offset < OFFSET_ROOTS)
		return;
	word = changed(f, c, offset, load(f, offset));
	memcpy(f->file + offset, &word, sizeof(word));
}

/* Large files take long: few inputs may make one. */
static bool may_be(uint64_t size, uint8_t flags)
{
	return size <= 16 << 20 || (flags & FLAG_LARGE) == FLAG_LARGE;
}

static void mend_size(
	struct family *f, struct header_shm *header, uint8_t flags)
{
	struct layout layout;

	if (header->params.clients > CLIENTS_MAX)
		return;
	layout_start(&layout, &header->params);
	if (f->kind->segment.layout(&header->params, &layout) ||
		!may_be(layout.size, flags))
		return;
	header->size = layout.size;
	if (layout.size != f->size && !ftruncate(f->fd, (off_t)layout.size))
		f->resized = true;
}

/* Let checksum and size be as they should, however odd the parameters. */
static void mend_header(struct family *f, uint8_t flags)
{
	struct header_shm header;

	memcpy(&header, f->file, sizeof(header));
	if (!memcmp(&header, &f->header, sizeof(header)))
		return;
	if (flags & FLAG_SIZE)
		mend_size(f, &header, flags);
	if (flags & FLAG_CHECKSUM)
		header.checksum = hash_bytes(
			&header, offsetof(struct header_shm, checksum), 0);
	memcpy(f->file, &header, sizeof(header));
}

void change_apply(
	struct family *family, const struct input *input, unsigned tick)
{
	for (size_t i = 0; i < input->count; i++) {
		struct change c;

		memcpy(&c, input->bytes + i * sizeof(c), sizeof(c));
		if (c.when == tick)
			apply(family, &c);
	}
	if (!tick && !family->resized)
		mend_header(family, input->flags);
}

/* ---- invent ---- */

uint32_t change_number(unsigned *seed)
{
	return (uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed);
}

struct change change_invent(unsigned *seed)
{
	uint32_t class = change_number(seed) % 64;
	struct change c = {.how = (uint8_t)(change_number(seed) % CHANGE_HOWS),
		.place = change_number(seed) %
			 (change_number(seed) % 4 ? 400 : 1 << 20),
		.value = change_number(seed) % 4 ? change_number(seed) % 512
						 : change_number(seed)};

	c.class = (uint8_t)(class < 62 ? class % CLASSES : CHANGE_RESIZE);
	if (c.class == HEADER && change_number(seed) % 3)
		c.class = 5;
	if (change_number(seed) % 3 == 0)
		c.when =
			(uint16_t)(1 + change_number(seed) %
					       (change_number(seed) % 2 ? 30
									: 400));
	return c;
}
