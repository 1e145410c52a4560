/*
 * ring_kill.c - a producer and a consumer of a ring, killed: W9.
 *
 * Each life of a producer numbers its messages. started and pushed say how
 * far it came; taken counts how often each message came out. A message whose
 * push returned must come out once; one that was being pushed, at most once.
 * A consumer that dies within pop may have taken one message with it.
 */
#include "kill.h"
#include "ring.h"

#include <unistd.h>

#define LIVES 128
#define IDS   (1u << 18)
#define SIZE  64
#define WORDS (SIZE / 8)

struct life {
	uint64_t started, pushed;
	unsigned char taken[IDS];
};

struct log {
	const struct ring_ops *ops;
	void *ring;
	size_t room; /* messages that fit when it is empty */
	unsigned life;
	unsigned popping;    /* the consumer is within pop */
	unsigned forgivable; /* messages that the dead may have taken */
	struct life lives[LIVES];
};

/* Life and number are in every word: a mixture is found out. */
static void fill(uint64_t *words, unsigned life, uint64_t id)
{
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = (uint64_t)life << 32 | id;
}

static void produce(struct kill_game *game)
{
	struct log *log = game->context;
	struct life *life = &log->lives[log->life];
	void *ring = ring_attach(log->ops, log->ring, SIZE);
	uint64_t words[WORDS];

	for (uint64_t id = 0; id < IDS; id++) {
		fill(words, log->life, id);
		__atomic_store_n(&life->started, id + 1, __ATOMIC_RELEASE);
		while (!log->ops->push(ring, words, SIZE))
			bench_yield();
		__atomic_store_n(&life->pushed, id + 1, __ATOMIC_RELEASE);
		__atomic_fetch_add(&game->steps[0], 1, __ATOMIC_RELAXED);
	}
	for (;;) {
		__atomic_fetch_add(&game->steps[0], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&game->steps[16], 1, __ATOMIC_RELAXED);
		usleep(100);
	}
}

static void note(struct kill_game *game, const uint64_t *words)
{
	struct log *log = game->context;
	unsigned life = (unsigned)(words[0] >> 32);
	uint32_t id = (uint32_t)words[0];

	for (unsigned i = 1; i < WORDS; i++)
		if (words[i] != words[0])
			life = LIVES;
	if (life >= LIVES || id >= IDS)
		__atomic_fetch_add(&game->result->torn, 1, __ATOMIC_RELAXED);
	else
		log->lives[life].taken[id]++;
}

static void consume(struct kill_game *game)
{
	struct log *log = game->context;
	void *ring = ring_attach(log->ops, log->ring, SIZE);
	uint64_t words[WORDS];

	for (;;) {
		__atomic_store_n(&log->popping, 1, __ATOMIC_RELEASE);
		while (!log->ops->pop(ring, words, SIZE))
			bench_yield();
		note(game, words);
		__atomic_store_n(&log->popping, 0, __ATOMIC_RELEASE);
		__atomic_fetch_add(&game->steps[16], 1, __ATOMIC_RELAXED);
	}
}

/* How many fit, none being there; they are taken out again. */
static size_t room(struct log *log, void *ring)
{
	uint64_t words[WORDS] = {0};
	size_t count = 0;

	while (log->ops->push(ring, words, SIZE))
		count++;
	for (size_t i = 0; i < count; i++)
		if (!log->ops->pop(ring, words, SIZE))
			return i;
	return count;
}

static void settle(struct kill_game *game, struct life *life, unsigned *missing)
{
	for (uint64_t id = 0; id < life->started; id++) {
		*missing += id < life->pushed && !life->taken[id];
		game->result->repeated += life->taken[id] > 1;
	}
	memset(life->taken, 0, life->started);
	life->started = life->pushed = 0;
}

static void audit(struct kill_game *game)
{
	struct log *log = game->context;
	void *ring = ring_attach(log->ops, log->ring, SIZE);
	uint64_t words[WORDS];
	unsigned missing = 0;
	size_t now;

	/* Whoever looks for leaks recovers the dead first. */
	if (log->ops->leaked)
		log->ops->leaked(ring);
	while (log->ops->pop(ring, words, SIZE))
		note(game, words);
	for (unsigned i = 0; i <= log->life && i < LIVES; i++)
		settle(game, &log->lives[i], &missing);
	if (missing > log->forgivable)
		game->result->lost += missing - log->forgivable;
	now = room(log, ring);
	if (now < log->room)
		game->result->leaked += (unsigned)(log->room - now);
	if (log->ops->leaked)
		game->result->leaked += log->ops->leaked(ring);
	log->life = 0;
	log->forgivable = 0;
}

static void born(struct kill_game *game, unsigned which)
{
	struct log *log = game->context;

	if (!which)
		log->life++;
	else
		log->popping = 0;
}

static void died(struct kill_game *game, unsigned which)
{
	struct log *log = game->context;

	if (which)
		log->forgivable += log->popping;
}

/* Learn how many fit, in a process whose handle ends with it. */
static void learn_room(struct bench_worker *worker)
{
	struct log *log = worker->object;

	bench_ready(worker);
	log->room = room(log, ring_attach(log->ops, log->ring, SIZE));
}

void ring_kill(const struct bench_case *bench, double seconds)
{
	const struct ring_peer *peer = bench->data;
	struct log *log = bench_shared(sizeof(*log));
	struct bench_worker *w = bench_workers(1);
	struct kill_game game = {
		{produce, consume}, audit, born, died, log, NULL, NULL, 50};

	(void)seconds;
	log->ops = peer->ops;
	log->ring = peer->ops->create(SIZE, ring_depth(SIZE));
	w->work = learn_room;
	w->object = log;
	bench_run(w, 1, false);
	kill_play(&game);
}
