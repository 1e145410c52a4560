/*
 * bag_storm.c - 2 producers and 2 consumers, killed at random.
 *
 *   bag_storm stack|list KILLS
 *
 * They push and pop one by one and without a copy; at a list also at both
 * ends, beside elements, and by removing. What each of them did is written
 * down in memory that the parent shares. A message whose push had returned
 * must come out, exactly once; one that a consumer was taking when it died
 * may be one that it had taken.
 */
#include "bag.h"

#define WORKERS  4
#define LIVES    4096 /* producers, one after the other */
#define LIFE_IDS 8192 /* messages of one of them */

static struct storm {
	_Atomic unsigned char pushed[LIVES][LIFE_IDS];
	_Atomic unsigned char taken[LIVES][LIFE_IDS];
	_Atomic uint32_t pushing[LIVES]; /* number + 1, may be in, or not */
	struct {
		_Atomic bool taking;
		unsigned char buffer[LARGEST];
	} consumer[WORKERS];
	_Atomic uint64_t messages;
} * storm;

/* ---- messages ---- */

static size_t size_of(uint32_t life, uint32_t seq)
{
	uint32_t mix = (life * 2654435761u) ^ (seq * 40503u);

	if (mix % 50 == 0)
		return 16 + mix % (LARGEST - 16);
	return 16 + mix % (mix % 7 ? 30 : 500);
}

static void fill(unsigned char *data, uint32_t life, uint32_t seq)
{
	uint32_t word[4] = {life, seq, ~life, ~seq};

	memcpy(data, word, 16);
	memset(data + 16, (int)(life + seq), size_of(life, seq) - 16);
}

/* Returns false when there is no whole message in the buffer. */
static bool read_ids(const unsigned char *data, uint32_t *life, uint32_t *seq)
{
	uint32_t word[4];

	memcpy(word, data, 16);
	*life = word[0];
	*seq = word[1];
	return word[0] == ~word[2] && word[1] == ~word[3] && *life < LIVES &&
	       *seq < LIFE_IDS;
}

static void take(const unsigned char *data, size_t size)
{
	uint32_t life, seq;

	if (!read_ids(data, &life, &seq))
		fail("senseless message", (long)size, 0);
	if (size != size_of(life, seq))
		fail("torn size", (long)size, (long)size_of(life, seq));
	for (size_t i = 16; i < size; i++)
		if (data[i] != (unsigned char)(life + seq))
			fail("torn bytes", (long)i, data[i]);
	storm->taken[life][seq]++;
	storm->messages++;
}

/* ---- workers ---- */

/* Somewhere beside an element near an end, if there is one. */
static int insert(struct agora_list *list, const void *data, size_t size)
{
	struct agora_element e = {{0}};
	int (*step)(struct agora_list *, const struct agora_element *,
		struct agora_element *) =
		random() % 2 ? agora_list_next : agora_list_previous;

	for (long i = random() % 4; i >= 0 && !step(list, &e, &e); i--)
		;
	return (random() % 2
			? agora_list_insert_before
			: agora_list_insert_after)(list, &e, data, size, NULL);
}

static int push(struct bag bag, const void *data, size_t size)
{
	if (!bag.list || random() % 3 == 0)
		return agora_object_push_wait(bag.object, data, size, NULL);
	if (random() % 2)
		return agora_list_push_front_wait(
			bag.list, data, size, NULL, NULL);
	return insert(bag.list, data, size);
}

static void produce(uint32_t life)
{
	static unsigned char data[LARGEST];
	struct bag bag = open_bag(0, 0);
	int result;

	srandom(life);
	for (uint32_t seq = 0; seq < LIFE_IDS; seq++) {
		fill(data, life, seq);
		storm->pushing[life] = seq + 1;
		while ((result = push(bag, data, size_of(life, seq))) != 0)
			if (result != -EAGAIN && result != -ESTALE)
				fail("push", result, seq);
		storm->pushed[life][seq] = 1;
		storm->pushing[life] = 0;
	}
	pause();
}

/* Remove an element near an end: its size, or what pop would return. */
static int take_out(struct agora_list *list, unsigned char *buffer)
{
	struct agora_buffer b = {.data = buffer, .capacity = LARGEST};
	struct agora_element e = {{0}};
	int result = agora_list_next(list, NULL, &e);

	for (long i = random() % 4; i-- && !agora_list_next(list, &e, &e);)
		;
	if (!result)
		result = agora_list_get(list, &e, &b);
	if (!result)
		result = agora_list_remove(list, &e);
	return result ? result : (int)b.size;
}

static int acquire(struct bag bag, bool back, unsigned char *buffer)
{
	struct agora_message m;
	bool keep = random() % 3;
	int result = back ? agora_list_acquire_back_wait(bag.list, NULL, &m)
			  : agora_object_acquire_wait(bag.object, NULL, &m);

	if (result)
		return result;
	result = agora_object_read(bag.object, &m, 0, buffer, LARGEST);
	if (result != (int)m.size)
		fail("read", result, (long)m.size);
	check(keep ? agora_object_release(bag.object, &m)
		   : agora_object_restore(bag.object, &m),
		"release or restore");
	return keep ? result : -EAGAIN;
}

/* One message: its size, -EAGAIN, or -ESTALE. */
static int take_one(struct bag bag, unsigned char *buffer)
{
	struct agora_buffer b = {.data = buffer, .capacity = LARGEST};
	bool back = bag.list && random() % 2;
	int result;

	if (random() % 4 == 0)
		return acquire(bag, back, buffer);
	if (bag.list && random() % 3 == 0)
		return take_out(bag.list, buffer);
	result = back ? agora_list_pop_back_wait(bag.list, NULL, &b)
		      : agora_object_pop_wait(bag.object, NULL, &b);
	return result ? result : (int)b.size;
}

static void consume(int self)
{
	struct bag bag = open_bag(0, 0);
	unsigned char *buffer = storm->consumer[self].buffer;

	srandom((unsigned)getpid());
	for (;;) {
		int result;

		memset(buffer, 0, 16);
		storm->consumer[self].taking = true;
		result = take_one(bag, buffer);
		if (result >= 0)
			take(buffer, (size_t)result);
		else if (result != -EAGAIN && result != -ESTALE)
			fail("take", result, 0);
		storm->consumer[self].taking = false;
	}
}

static pid_t spawn(int self, uint32_t life)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fail("fork", errno, 0);
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

/* ---- judge ---- */

/* A consumer died: what it had copied may come again, or not. */
static void forgive(int self, unsigned char (*maybe)[LIFE_IDS])
{
	uint32_t life, seq;

	if (storm->consumer[self].taking &&
		read_ids(storm->consumer[self].buffer, &life, &seq))
		maybe[life][seq] = 1;
	storm->consumer[self].taking = false;
}

static void judge(uint32_t lives, unsigned char (*maybe)[LIFE_IDS])
{
	long lost = 0, twice = 0, invented = 0;

	for (uint32_t life = 0; life < lives; life++)
		for (uint32_t seq = 0; seq < LIFE_IDS; seq++) {
			int out = storm->taken[life][seq];
			bool in = storm->pushed[life][seq];

			lost += in && !out && !maybe[life][seq];
			twice += out > 1;
			invented +=
				out && !in && storm->pushing[life] != seq + 1;
		}
	if (lost || twice || invented)
		fail("lost, repeated", lost, twice + invented * 1000000);
}

static void drain(struct bag bag)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};

	while (!agora_object_pop(bag.object, &b))
		take(data, b.size);
}

static void kill_one(pid_t pid, int self, unsigned char (*maybe)[LIFE_IDS])
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a worker ended by itself", status, self);
	forgive(self, maybe);
}

static int run(long kills)
{
	struct bag bag = open_bag(AGORA_CREATE, 64);
	unsigned char(*maybe)[LIFE_IDS] = calloc(LIVES, LIFE_IDS);
	pid_t pid[WORKERS];
	uint32_t life = 0;

	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(storm != MAP_FAILED && maybe);
	srandom((unsigned)getpid());
	for (int i = 0; i < WORKERS; i++)
		pid[i] = spawn(i, life++);
	for (long n = 0; n < kills && life + 1 < LIVES; n++) {
		int self = (int)(random() % WORKERS);

		usleep((useconds_t)(random() % 3000));
		kill_one(pid[self], self, maybe);
		pid[self] = spawn(self, life++);
	}
	for (int i = 0; i < WORKERS; i++)
		kill_one(pid[i], i, maybe);
	repair(bag);
	drain(bag);
	judge(life, maybe);
	account(bag);
	printf("%ld kills, %lu messages, 0 lost, 0 repeated, 0 leaked\n", kills,
		(unsigned long)storm->messages);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	is_list = !strcmp(argv[1], "list");
	make_space();
	return run(atol(argv[2]));
}
