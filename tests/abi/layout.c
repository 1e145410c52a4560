/*
 * layout.c - the bytes of a segment, format version 1, asserted.
 *
 * Compiled, never run. An assertion that fails means: segments written by
 * earlier libraries would be misread. Raise FORMAT_VERSION, keep a golden
 * file of the old version and say in segment.c what becomes of old segments.
 */
#include "data/spsc.h"
#include "data/string.h"
#include "data/table_one.h"
#include "shm/client.h"
#include "shm/format.h"
#include "shm/message.h"
#include "shm/pool.h"

#define AT(type, field, where) \
	static_assert(offsetof(struct type, field) == (where), #type "." #field)
#define SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)

static_assert(FORMAT_VERSION == 1, "this file describes version 1");
static_assert(FORMAT_MAGIC == 0x0a61726f67610affu, "magic");
static_assert(OFFSET_ROOTS == 4096 && OFFSET_CLIENTS == 8192, "regions");
static_assert(CLIENTS_MAX == 4095, "an owner has 12 bits");

SIZE(params_shm, 1072);
AT(params_shm, capacity, 0);
AT(params_shm, message_size, 8);
AT(params_shm, key_size, 16);
AT(params_shm, memory, 24);
AT(params_shm, writers, 32);
AT(params_shm, flags, 36);
AT(params_shm, inline_size, 40);
AT(params_shm, clients, 44);
AT(params_shm, type, 48);

SIZE(header_shm, 1120);
AT(header_shm, magic, 0);
AT(header_shm, format, 8);
AT(header_shm, kind, 12);
AT(header_shm, size, 16);
AT(header_shm, created, 24);
AT(header_shm, seed, 32);
AT(header_shm, params, 40);
AT(header_shm, checksum, 1112);

SIZE(roots_shm, 4096);
AT(roots_shm, armed, 0);
AT(roots_shm, seq, 4);
AT(roots_shm, bell, 16);
AT(roots_shm, committed, 64);
AT(roots_shm, clients, 72);
AT(roots_shm, recovered, 80);
AT(roots_shm, redelivered, 88);
AT(roots_shm, reclaimed, 96);
AT(roots_shm, root, 256);
SIZE(root_shm, 128);

SIZE(client_shm, 64);
AT(client_shm, word, 0);
AT(client_shm, pid, 8);
AT(client_shm, waiting, 12);
AT(client_shm, since, 16);
static_assert(CLIENT_FREE == 0 && CLIENT_LIVE == 1, "states of a client");

SIZE(block_shm, 24);
AT(block_shm, state, 0);
AT(block_shm, size, 8);
AT(block_shm, next, 12);
AT(block_shm, nonce, 16);
AT(block_shm, key_size, 20);
static_assert(BLOCK_FREE == 0 && BLOCK_OWNED == 1 && BLOCK_PUBLISHED == 2 &&
		      BLOCK_HELD == 3 && BLOCK_RETURNED == 4 &&
		      BLOCK_RETIRED == 5 && BLOCK_PART == 6,
	"states of a block");
static_assert(TICKET_MASK == (UINT64_C(1) << 48) - 1, "state word");

/* A queue with AGORA_SPSC: its first three roots, records, locks. */
AT(producer_shm, tail, 0);
AT(producer_shm, ahead, 8);
AT(producer_shm, reserved, 16);
AT(producer_shm, committed, 24);
AT(producer_shm, number, 32);
AT(producer_shm, owner, 40);
AT(consumer_shm, head, 0);
AT(consumer_shm, taken, 8);
AT(consumer_shm, done, 16);
AT(consumer_shm, back, 24);
AT(consumer_shm, owner, 32);
SIZE(marks_shm, 128);
static_assert(WINDOW == 48 && PAD == UINT32_MAX, "words and records");
static_assert(CLIENT_ROLES == CLIENT_LOCKS + 8192 && ROLE_PRODUCER == 0 &&
		      ROLE_CONSUMER == 1,
	"locks");

SIZE(entry_shm, 40);
AT(entry_shm, link, 24);
AT(entry_shm, hash, 32);

SIZE(cell_shm, 320);
AT(cell_shm, word, 0);
AT(cell_shm, writing, 8);
AT(cell_shm, head, 16);
AT(cell_shm, side, 64);
SIZE(line_shm, 64);
AT(line_shm, word, 0);
AT(line_shm, passed, 56);
SIZE(record_shm, 32);
AT(record_shm, life, 0);
AT(record_shm, hash, 8);
AT(record_shm, size, 16);
AT(record_shm, key_size, 20);
AT(record_shm, spill, 24);
static_assert(LINE_WORDS == 7 && WORD_RECORD_BITS == 27 &&
		      WORD_LIFE_BITS == 29 && WORD_TAG_SHIFT == 56,
	"a word of a table with one writer");
static_assert(ROOT_COMMITTED == 0 && ROOT_FRESH == 1 && ROOT_MENDING == 2,
	"roots of a table with one writer");
