/*
 * node.c - node ids, and the table of the nodes that the kernel knows.
 *
 * An id is made of what it stands for, so that another server can tell:
 *
 *	63      46 45    40 39                0
 *	[ sequence ][ facet ][ inode or hash   ]
 *
 * The low part is the inode of the segment or of the program's directory;
 * for keys, a hash of inode and key. The sequence is 0, but where a place
 * has several ids (see node_get) or two places would share one.
 */
#include "node.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FACET_SHIFT    40
#define SEQUENCE_SHIFT 46
#define LOW_MASK       ((1ull << FACET_SHIFT) - 1)
#define WALKS          256
#define SEQUENCE_MASK  ((1ull << (64 - SEQUENCE_SHIFT)) - 1)

struct node {
	struct node *next;
	fuse_ino_t id;
	uint64_t lookups;
	uint64_t opens;
	bool kept; /* the kernel may have its attributes */
	pid_t tid; /* who looked it up first */
	enum facet facet;
	uint64_t ino;
	uint64_t program_ino;
	char *program;
	char *object;
	unsigned char *key;
	size_t key_size;
};

static struct {
	pthread_mutex_t lock;
	struct node **buckets;
	size_t size; /* a power of two */
	size_t count;
	uint64_t sequence;       /* the last one given out */
	fuse_ino_t walks[WALKS]; /* ids that threads had last: hints */
} nodes = {.lock = PTHREAD_MUTEX_INITIALIZER};

void place_copy(struct place *to, const struct place *from)
{
	memcpy(to, from, offsetof(struct place, key) + from->key_size);
}

bool facet_is_dir(enum facet facet)
{
	switch (facet) {
	case FACET_ROOT:
	case FACET_PROGRAM:
	case FACET_FOLDER:
	case FACET_KEYS:
	case FACET_DOT:
		return true;
	default:
		return false;
	}
}

/* A folder of keys has the keys' names, and so an id from their bytes. */
static bool has_key(enum facet facet)
{
	return facet == FACET_KEY || facet == FACET_KEYS;
}

static uint64_t fold(uint64_t ino)
{
	return (ino ^ ino >> FACET_SHIFT) & LOW_MASK;
}

static uint64_t low_bits(const struct place *place)
{
	if (!has_key(place->facet))
		return fold(place->ino);
	return XXH3_64bits_withSeed(place->key, place->key_size, place->ino) &
	       LOW_MASK;
}

static fuse_ino_t make_id(const struct place *place, uint64_t sequence)
{
	if (place->facet == FACET_ROOT)
		return FUSE_ROOT_ID;
	return (sequence & SEQUENCE_MASK) << SEQUENCE_SHIFT |
	       (uint64_t)place->facet << FACET_SHIFT | low_bits(place);
}

uint64_t node_ino(const struct place *place)
{
	return make_id(place, 0);
}

enum facet node_facet(fuse_ino_t id)
{
	unsigned int facet;

	if (id == FUSE_ROOT_ID)
		return FACET_ROOT;
	facet = id >> FACET_SHIFT &
		((1u << (SEQUENCE_SHIFT - FACET_SHIFT)) - 1);
	return facet;
}

bool node_is_of(fuse_ino_t id, uint64_t ino)
{
	return (id & LOW_MASK) == fold(ino);
}

static struct node **slot_of(fuse_ino_t id)
{
	return &nodes.buckets[XXH3_64bits(&id, sizeof(id)) & (nodes.size - 1)];
}

static struct node *find(fuse_ino_t id)
{
	struct node *n = nodes.size ? *slot_of(id) : NULL;

	while (n && n->id != id)
		n = n->next;
	return n;
}

static bool grow(void)
{
	size_t old_size = nodes.size, size = old_size ? old_size * 2 : 256;
	struct node **old = nodes.buckets, **slot, *n, *next;

	if (nodes.count < old_size)
		return true;
	nodes.buckets = calloc(size, sizeof(*nodes.buckets));
	if (!nodes.buckets) {
		nodes.buckets = old;
		return old_size > 0;
	}
	nodes.size = size;
	for (size_t i = 0; i < old_size; i++) {
		for (n = old[i]; n; n = next) {
			next = n->next;
			slot = slot_of(n->id);
			n->next = *slot;
			*slot = n;
		}
	}
	free(old);
	return true;
}

static bool is_same(const struct node *n, const struct place *place)
{
	return n->facet == place->facet && n->ino == place->ino &&
	       n->key_size == place->key_size &&
	       !memcmp(n->key, place->key, n->key_size);
}

static void node_free(struct node *n)
{
	free(n->program);
	free(n->object);
	free(n->key);
	free(n);
}

static void rename_to(char **name, const char *to)
{
	char *copy;

	if (*name && !strcmp(*name, to))
		return;
	copy = strdup(to);
	if (!copy) /* the old name is a hint that will be found wrong */
		return;
	free(*name);
	*name = copy;
}

static void move(struct node *n, const struct place *place)
{
	n->program_ino = place->program_ino;
	rename_to(&n->program, place->program);
	rename_to(&n->object, place->object);
}

static struct node *insert(fuse_ino_t id, const struct place *place)
{
	struct node *n;

	if (!grow())
		return NULL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = id;
	n->facet = place->facet;
	n->ino = place->ino;
	n->key_size = place->key_size;
	n->key = malloc(place->key_size ? place->key_size : 1);
	move(n, place);
	if (!n->program || !n->object || !n->key) {
		node_free(n);
		return NULL;
	}
	memcpy(n->key, place->key, place->key_size);
	n->next = *slot_of(id);
	*slot_of(id) = n;
	nodes.count++;
	return n;
}

int node_find(fuse_ino_t id, struct place *ret_place)
{
	struct node *n;

	memset(ret_place, 0, offsetof(struct place, key));
	if (id == FUSE_ROOT_ID) {
		ret_place->facet = FACET_ROOT;
		return 0;
	}
	pthread_mutex_lock(&nodes.lock);
	n = find(id);
	if (n) {
		ret_place->facet = n->facet;
		ret_place->ino = n->ino;
		ret_place->program_ino = n->program_ino;
		strcpy(ret_place->program, n->program);
		strcpy(ret_place->object, n->object);
		memcpy(ret_place->key, n->key, n->key_size);
		ret_place->key_size = n->key_size;
	}
	pthread_mutex_unlock(&nodes.lock);
	return n ? 0 : -ESTALE;
}

static bool wants_fresh_id(const struct place *place)
{
	const struct agora_kind *kind;

	if (place->facet != FACET_OBJECT)
		return false;
	kind = agora_kind_of(place->object);
	return kind && kind->shape == AGORA_SEQUENCE;
}

static fuse_ino_t *walk_of(const struct place *place, pid_t tid)
{
	return &nodes.walks[(place->ino * 31 + (uint64_t)tid) % WALKS];
}

/* The node that only this thread has looked up, and nobody has open. */
static struct node *find_own(const struct place *place, pid_t tid)
{
	struct node *n = tid ? find(*walk_of(place, tid)) : NULL;

	if (!n || n->tid != tid || n->opens || !is_same(n, place))
		return NULL;
	return n;
}

static struct node *get_fresh(const struct place *place, pid_t tid)
{
	struct node *n = find_own(place, tid);
	fuse_ino_t id;

	if (n)
		return n;
	do
		id = make_id(place, ++nodes.sequence);
	while (find(id));
	n = insert(id, place);
	if (n) {
		n->tid = tid;
		*walk_of(place, tid) = id;
	}
	return n;
}

static struct node *get_shared(const struct place *place)
{
	uint64_t sequence = 0;
	struct node *n;

	while ((n = find(make_id(place, sequence))) && !is_same(n, place))
		sequence++;
	return n ? n : insert(make_id(place, sequence), place);
}

fuse_ino_t node_get(const struct place *place, pid_t tid)
{
	bool fresh = wants_fresh_id(place);
	fuse_ino_t id = 0;
	struct node *n;

	pthread_mutex_lock(&nodes.lock);
	n = fresh ? get_fresh(place, tid) : get_shared(place);
	if (n) {
		move(n, place);
		n->lookups++;
		id = n->id;
	}
	pthread_mutex_unlock(&nodes.lock);
	return id;
}

bool node_keep(fuse_ino_t id)
{
	struct node *n;
	bool keep;

	pthread_mutex_lock(&nodes.lock);
	n = find(id);
	keep = n && !n->opens;
	if (keep)
		n->kept = true;
	pthread_mutex_unlock(&nodes.lock);
	return keep;
}

bool node_opened(fuse_ino_t id)
{
	struct node *n;
	bool kept = false;

	pthread_mutex_lock(&nodes.lock);
	n = find(id);
	if (n) {
		n->opens++;
		kept = n->kept;
		n->kept = false;
	}
	pthread_mutex_unlock(&nodes.lock);
	return kept;
}

void node_closed(fuse_ino_t id)
{
	struct node *n;

	pthread_mutex_lock(&nodes.lock);
	n = find(id);
	if (n && n->opens) /* an earlier server may have opened it */
		n->opens--;
	pthread_mutex_unlock(&nodes.lock);
}

fuse_ino_t node_peek(const struct place *place)
{
	fuse_ino_t id = make_id(place, 0);
	struct node *n;

	pthread_mutex_lock(&nodes.lock);
	n = find(id);
	if (!n || !is_same(n, place))
		id = id == FUSE_ROOT_ID ? id : 0;
	pthread_mutex_unlock(&nodes.lock);
	return id;
}

void node_adopt(fuse_ino_t id, const struct place *place)
{
	pthread_mutex_lock(&nodes.lock);
	if (!find(id))
		insert(id, place);
	pthread_mutex_unlock(&nodes.lock);
}

void node_moved(fuse_ino_t id, const struct place *place)
{
	struct node *n;

	pthread_mutex_lock(&nodes.lock);
	n = find(id);
	if (n)
		move(n, place);
	pthread_mutex_unlock(&nodes.lock);
}

void node_forget(fuse_ino_t id, uint64_t lookups)
{
	struct node **slot, *n = NULL;

	pthread_mutex_lock(&nodes.lock);
	if (nodes.size) {
		slot = slot_of(id);
		while (*slot && (*slot)->id != id)
			slot = &(*slot)->next;
		n = *slot;
	}
	if (n && n->lookups > lookups) {
		n->lookups -= lookups;
		n = NULL;
	}
	if (n) {
		*slot = n->next;
		nodes.count--;
	}
	pthread_mutex_unlock(&nodes.lock);
	if (n)
		node_free(n);
}
