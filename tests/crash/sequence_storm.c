/*
 * sequence_storm.c - 2 producers and 2 consumers, killed at random.
 *
 *   sequence_storm KIND KILLS
 *   sequence_storm kinds       the kinds that there are
 *
 * With spsc there is one of each at a time: who comes next takes its role.
 *
 * They push and pop one by one, in batches, and without a copy: what is in
 * packets is popped whole and in part, and claimed. What each of them did is
 * written down in memory that the parent shares. A message whose push had
 * returned must come out, exactly once; one that a consumer was copying when
 * it died may be one that it had taken. Of a batch in the middle of which a
 * producer died the beginning may come out, but none without those before.
 */
#include "sequence_kind.h"

#include <sys/prctl.h>
#include <sys/uio.h>

static int workers = 4;
static bool is_fifo; /* with tickets that tell the order of pushes */

#define WORKERS  4
#define LIVES    8192 /* producers, one after the other */
#define LIFE_IDS 8192 /* messages of one of them */
#define BATCH    12

struct storm {
	_Atomic unsigned char pushed[LIVES][LIFE_IDS];
	_Atomic unsigned char taken[LIVES][LIFE_IDS];
	struct {
		_Atomic uint32_t first, count; /* what may be in, or not */
	} pushing[LIVES];
	struct {
		_Atomic bool popping;
		unsigned char buffer[BATCH][LARGEST];
	} consumer[WORKERS];
	_Atomic uint64_t messages;
};

static struct storm *storm;

static size_t storm_size(uint32_t life, uint32_t seq)
{
	uint32_t mix = (life * 2654435761u) ^ (seq * 40503u);

	if (mix % 50 == 0)
		return 16 + mix % (LARGEST - 16);
	/* Mostly short ones, for packets. */
	return 16 + mix % (mix % 7 ? 30 : 500);
}

static void storm_fill(unsigned char *data, uint32_t life, uint32_t seq)
{
	size_t size = storm_size(life, seq);
	uint32_t word[4] = {life, seq, ~life, ~seq};

	memcpy(data, word, 16);
	memset(data + 16, (int)(life + seq), size - 16);
}

/* Returns false when there is no whole message in the buffer. */
static bool storm_read(const unsigned char *data, uint32_t *life, uint32_t *seq)
{
	uint32_t word[4];

	memcpy(word, data, 16);
	*life = word[0];
	*seq = word[1];
	return word[0] == ~word[2] && word[1] == ~word[3] && *life < LIVES &&
	       *seq < LIFE_IDS;
}

static void storm_check(
	const unsigned char *data, size_t size, uint32_t life, uint32_t seq)
{
	if (size != storm_size(life, seq))
		fail("torn size", (long)size, (long)storm_size(life, seq));
	for (size_t i = 16; i < size; i++)
		if (data[i] != (unsigned char)(life + seq))
			fail("torn bytes", (long)i, data[i]);
}

static int push_wait(
	struct agora_object *q, const unsigned char *data, size_t size)
{
	if (kind->traits & AGORA_PRIORITIES)
		return agora_object_push_priority_wait(
			q, priority_of(data), data, size, NULL);
	return agora_object_push_wait(q, data, size, NULL);
}

/* How many of so many messages were pushed. */
static int push_batch(
	struct agora_object *q, uint32_t life, uint32_t first, uint32_t count)
{
	static unsigned char data[BATCH][LARGEST];
	struct iovec messages[BATCH];

	for (uint32_t i = 0; i < count; i++) {
		storm_fill(data[i], life, first + i);
		messages[i] =
			(struct iovec){data[i], storm_size(life, first + i)};
	}
	if (count > 1) {
		int result =
			agora_object_push_batch_wait(q, messages, count, NULL);

		if (result != -EOPNOTSUPP)
			return result;
	}
	check(push_wait(q, data[0], messages->iov_len), "push_wait");
	return 1;
}

static int push_reserved(struct agora_object *q, uint32_t life, uint32_t seq)
{
	static unsigned char data[LARGEST];
	struct agora_reservation r;
	int result = agora_object_reserve_wait(q, LARGEST, NULL, &r);

	storm_fill(data, life, seq);
	if (result == -EOPNOTSUPP) {
		check(push_wait(q, data, storm_size(life, seq)), "push_wait");
		return 1;
	}
	check(result, "reserve_wait");
	r.size = storm_size(life, seq);
	check(agora_object_write(q, &r, 0, data, r.size), "write");
	if (random() % 4 == 0) {
		check(agora_object_abort(q, &r), "abort");
		return 0;
	}
	check(agora_object_commit_wait(q, &r, NULL), "commit_wait");
	return 1;
}

static void produce(uint32_t life)
{
	struct agora_object *q = open_object(0, 0);

	srandom(life);
	for (uint32_t seq = 0; seq < LIFE_IDS;) {
		uint32_t count = 1 + (uint32_t)random() % BATCH;
		bool reserved = random() % 8 == 0;
		int done;

		if (random() % 3 == 0 || reserved || seq + count > LIFE_IDS)
			count = 1;
		storm->pushing[life].first = seq;
		storm->pushing[life].count = count;
		done = reserved ? push_reserved(q, life, seq)
				: push_batch(q, life, seq, count);
		check(done, "push");
		for (int i = 0; i < done; i++)
			storm->pushed[life][seq++] = 1;
		storm->pushing[life].count = 0;
	}
	pause();
}

/* Among messages of one producer, tickets and numbers grow alike. */
static void check_order(uint32_t life, uint32_t seq, uint64_t ticket)
{
	static uint64_t last_ticket[LIVES];
	static uint32_t last_seq[LIVES];

	if (is_fifo && last_ticket[life] &&
		(ticket > last_ticket[life]) != (seq > last_seq[life]))
		fail("order of a producer", (long)seq, (long)last_seq[life]);
	last_ticket[life] = ticket;
	last_seq[life] = seq;
}

static void take(const struct agora_buffer *b)
{
	uint32_t life, seq;

	if (!storm_read(b->data, &life, &seq))
		fail("senseless message", (long)b->size, 0);
	storm_check(b->data, b->size, life, seq);
	check_order(life, seq, b->version);
	storm->taken[life][seq]++;
	storm->messages++;
}

/* Claim a message: how many were taken. */
static int acquire(struct agora_object *q, struct agora_buffer *b)
{
	struct agora_message m;

	check(agora_object_acquire_wait(q, NULL, &m), "acquire_wait");
	b->size = m.size;
	b->version = m.sequence;
	if (agora_object_read(q, &m, 0, b->data, LARGEST) != (int)m.size)
		fail("read", (long)m.size, 0);
	if (random() % 3 == 0) {
		check(agora_object_restore(q, &m), "restore");
		return 0;
	}
	check(agora_object_release(q, &m), "release");
	return 1;
}

static int pop_some(struct agora_object *q, struct agora_buffer *b)
{
	int got;

	switch (random() % 8) {
	case 0:
		return acquire(q, b);
	case 1:
	case 2:
	case 3:
		check(agora_object_pop_wait(q, NULL, b), "pop_wait");
		return 1;
	default:
		break;
	}
	got = agora_object_pop_batch_wait(
		q, NULL, b, 1 + (size_t)random() % BATCH);
	if (got != -EOPNOTSUPP)
		return got;
	check(agora_object_pop_wait(q, NULL, b), "pop_wait");
	return 1;
}

static void consume(int self)
{
	struct agora_object *q = open_object(0, 0);

	srandom((unsigned)getpid());
	for (;;) {
		struct agora_buffer b[BATCH];
		int got;

		for (int i = 0; i < BATCH; i++) {
			b[i] = (struct agora_buffer){
				.data = storm->consumer[self].buffer[i],
				.capacity = LARGEST};
			memset(b[i].data, 0, 16);
		}
		storm->consumer[self].popping = true;
		got = pop_some(q, b);
		check(got, "pop");
		for (int i = 0; i < got; i++)
			take(&b[i]);
		storm->consumer[self].popping = false;
	}
}

/* A consumer died: what it had copied may be delivered again, or not. */
static void forgive(int self, _Atomic unsigned char (*maybe)[LIFE_IDS])
{
	uint32_t life, seq;

	for (int i = 0; i < BATCH && storm->consumer[self].popping; i++)
		if (storm_read(storm->consumer[self].buffer[i], &life, &seq))
			maybe[life][seq] = 1;
	storm->consumer[self].popping = false;
}

static pid_t spawn(int self, uint32_t life)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (self % 2)
		consume(self);
	else
		produce(life);
	_exit(1);
}

/* Whether a message came out that was being pushed, but not one before it. */
static bool has_gap(uint32_t life, _Atomic unsigned char (*maybe)[LIFE_IDS])
{
	uint32_t first = storm->pushing[life].first;
	uint32_t end = first + storm->pushing[life].count;

	for (uint32_t seq = first + 1; seq < end; seq++)
		if (storm->taken[life][seq] && !storm->taken[life][seq - 1] &&
			!maybe[life][seq - 1])
			return true;
	return false;
}

static bool is_pushing(uint32_t life, uint32_t seq)
{
	return seq - storm->pushing[life].first < storm->pushing[life].count;
}

static void storm_judge(
	uint32_t lives, _Atomic unsigned char (*maybe)[LIFE_IDS])
{
	long lost = 0, twice = 0, invented = 0;

	for (uint32_t life = 0; life < lives; life++)
		for (uint32_t seq = 0; seq < LIFE_IDS; seq++) {
			int out = storm->taken[life][seq];
			bool in = storm->pushed[life][seq];

			lost += in && !out && !maybe[life][seq];
			twice += out > 1;
			invented += out && !in && !is_pushing(life, seq);
		}
	for (uint32_t life = 0; life < lives; life++)
		invented += has_gap(life, maybe);
	if (lost || twice || invented)
		fail("lost, repeated", lost, twice + invented * 1000000);
}

static void storm_drain(struct agora_object *q)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};

	while (!agora_object_pop(q, &b)) {
		uint32_t life, seq;

		if (!storm_read(data, &life, &seq))
			fail("senseless message", (long)b.size, 0);
		storm_check(data, b.size, life, seq);
		storm->taken[life][seq]++;
	}
}

static void kill_one(pid_t *pid, int self, uint32_t *life,
	_Atomic unsigned char (*maybe)[LIFE_IDS])
{
	int status;

	kill(pid[self], SIGKILL);
	waitpid(pid[self], &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a worker ended by itself", status, self);
	forgive(self, maybe);
	if (life)
		pid[self] = spawn(self, *life);
}

static int run_storm(long kills)
{
	struct agora_object *q = open_object(AGORA_CREATE, 64);
	_Atomic unsigned char(*maybe)[LIFE_IDS] = calloc(LIVES, LIFE_IDS);
	pid_t pid[WORKERS];
	struct agora_check report;
	uint32_t life = 0;

	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(storm != MAP_FAILED && maybe);
	srandom((unsigned)getpid());
	for (int i = 0; i < workers; i++)
		pid[i] = spawn(i, life++);
	for (long n = 0; n < kills && life + 1 < LIVES; n++) {
		int self = (int)(random() % workers);

		usleep((useconds_t)(random() % 3000));
		if (self % 2 == 0)
			life++;
		kill_one(pid, self, &life, maybe);
	}
	for (int i = 0; i < workers; i++)
		kill_one(pid, i, NULL, maybe);
	check(agora_object_check(q, 1, &report), "repair");
	storm_drain(q);
	storm_judge(life + 1, maybe);
	account(q);
	printf("%ld kills, %lu messages, 0 lost, 0 repeated, 0 leaked\n", kills,
		(unsigned long)storm->messages);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "kinds"))
		return list_kinds();
	if (argc != 3 || !choose_kind(argv[1]))
		return 2;
	if (flags_made & AGORA_SPSC)
		workers = 2;
	is_fifo = !strcmp(kind->name, "queue");
	make_space();
	return run_storm(atol(argv[2]));
}
