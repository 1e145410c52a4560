/* heap_shared.c - see heap.h. */
#include "heap.h"

struct shared *shared;
struct agora_space *space;
uint32_t heap_flags;

static char space_dir[] = "/dev/shm/agora-crash-XXXXXX";
static pid_t owner;

_Noreturn void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	exit(1);
}

void check(int result, const char *what)
{
	if (result < 0)
		fail(what, result, 0);
}

static void clean_up(void)
{
	char command[100];

	if (owner != getpid())
		return;
	snprintf(command, sizeof(command), "rm -rf %s", space_dir);
	if (system(command))
		fprintf(stderr, "cannot remove %s\n", space_dir);
}

void begin(void)
{
	char program[100];

	if (!mkdtemp(space_dir))
		exit(2);
	owner = getpid();
	atexit(clean_up);
	snprintf(program, sizeof(program), "%s/program", space_dir);
	mkdir(program, 0755);
	check(agora_space_open(space_dir, &space), "space");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap", errno, 0);
}

struct agora_heap *open_heap(uint32_t flags, uint64_t capacity)
{
	struct agora_options options = {.capacity = capacity,
		.message_size = LARGEST,
		.flags = heap_flags};
	struct agora_heap *h;

	check(agora_heap_open(space, PATH, AGORA_WRITE | flags, &options, &h),
		"open");
	return h;
}

/* ---- messages ---- */

static uint32_t mix_of(uint32_t life, uint32_t number)
{
	return (life * 2654435761u) ^ (number * 40503u);
}

static size_t size_of(uint32_t life, uint32_t number)
{
	uint32_t mix = mix_of(life, number) / 7;

	return 16 + mix % (mix % 13 ? 200 : LARGEST - 16);
}

/* Some are equal. */
static uint64_t priority_of(uint32_t life, uint32_t number)
{
	uint64_t mix = mix_of(life, number) % 40;

	return mix < 30 ? mix : UINT64_MAX - mix;
}

static void fill(unsigned char *data, uint32_t life, uint32_t number)
{
	uint32_t word[4] = {life, number, ~life, ~number};

	memcpy(data, word, 16);
	memset(data + 16, (int)(life + number), size_of(life, number) - 16);
}

/* Returns false when there is no whole message in the buffer. */
static bool read_ids(
	const unsigned char *data, uint32_t *life, uint32_t *number)
{
	uint32_t word[4];

	memcpy(word, data, 16);
	*life = word[0];
	*number = word[1];
	return word[0] == ~word[2] && word[1] == ~word[3] && *life < LIVES &&
	       *number < NUMBERS;
}

static void take(const unsigned char *data, size_t size, uint64_t priority)
{
	uint32_t life, number;

	if (size < 16 || !read_ids(data, &life, &number))
		fail("senseless message", (long)size, 0);
	if (size != size_of(life, number))
		fail("torn size", (long)size, (long)size_of(life, number));
	for (size_t i = 16; i < size; i++)
		if (data[i] != (unsigned char)(life + number))
			fail("torn bytes", (long)i, data[i]);
	if (priority != priority_of(life, number))
		fail("another priority", (long)priority,
			(long)priority_of(life, number));
	shared->taken[life][number]++;
	shared->messages++;
}

/* ---- operations ---- */

int push_some(struct agora_heap *h, uint32_t life, uint32_t first,
	uint32_t count, bool wait)
{
	static unsigned char data[BATCH][LARGEST];
	struct agora_heap_item items[BATCH];
	int done;

	for (uint32_t i = 0; i < count; i++) {
		fill(data[i], life, first + i);
		items[i] =
			(struct agora_heap_item){priority_of(life, first + i),
				data[i], size_of(life, first + i)};
	}
	shared->pushing[life].first = first;
	shared->pushing[life].count = count;
	if (count > 1)
		done = wait ? agora_heap_push_batch_wait(h, items, count, NULL)
			    : agora_heap_push_batch(h, items, count);
	else if (wait)
		done = !agora_heap_push_wait(
			h, items->priority, items->data, items->size, NULL);
	else
		done = agora_heap_push(
			h, items->priority, items->data, items->size);
	if (count == 1 && !wait && !done)
		done = 1;
	for (int i = 0; i < done; i++)
		shared->pushed[life][first + (uint32_t)i] = 1;
	shared->pushing[life].count = 0;
	return done;
}

static void begin_pop(int self)
{
	for (int i = 0; i < BATCH; i++)
		memset(shared->consumer[self].buffer[i], 0, 16);
	shared->consumer[self].popping = true;
}

int pop_some(struct agora_heap *h, int self, uint32_t count, bool wait)
{
	struct agora_buffer b[BATCH];
	int got;

	begin_pop(self);
	for (int i = 0; i < BATCH; i++)
		b[i] = (struct agora_buffer){
			.data = shared->consumer[self].buffer[i],
			.capacity = LARGEST};
	if (count > 1)
		got = wait ? agora_heap_pop_batch_wait(h, NULL, b, count)
			   : agora_heap_pop_batch(h, b, count);
	else
		got = wait ? agora_heap_pop_wait(h, NULL, b)
			   : agora_heap_pop(h, b);
	if (count == 1 && !got)
		got = 1;
	for (int i = 0; i < got; i++)
		take(b[i].data, b[i].size, b[i].priority);
	shared->consumer[self].popping = false;
	return got;
}

int hold_one(struct agora_heap *h, int self, bool restore)
{
	unsigned char *data = shared->consumer[self].buffer[0];
	struct agora_message m;
	int result;

	begin_pop(self);
	result = agora_heap_acquire(h, &m);
	if (result)
		goto out;
	if (agora_heap_read(h, &m, 0, data, LARGEST) != (int)m.size)
		fail("read", (long)m.size, 0);
	if (restore) {
		check(agora_heap_restore(h, &m), "restore");
	} else {
		check(agora_heap_release(h, &m), "release");
		take(data, m.size, m.priority);
	}
out:
	shared->consumer[self].popping = false;
	return result;
}

/* ---- judging ---- */

void forgive(int self)
{
	uint32_t life, number;

	for (int i = 0; i < BATCH && shared->consumer[self].popping; i++)
		if (read_ids(shared->consumer[self].buffer[i], &life, &number))
			shared->maybe[life][number] = 1;
	shared->consumer[self].popping = false;
}

void drain(struct agora_heap *h)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	uint64_t priority = 0, version = 0;
	int result;

	while (!(result = agora_heap_pop(h, &b))) {
		take(data, b.size, b.priority);
		if (!heap_flags &&
			(b.priority < priority || (b.priority == priority &&
							  b.version < version)))
			fail("order", (long)b.priority, (long)priority);
		priority = b.priority;
		version = b.version;
	}
	if (result != -EAGAIN)
		fail("drain", result, 0);
}

static bool was_being_pushed(uint32_t life, uint32_t number)
{
	return number - shared->pushing[life].first <
	       shared->pushing[life].count;
}

void judge(uint32_t lives)
{
	long lost = 0, twice = 0, invented = 0;

	for (uint32_t life = 0; life < lives; life++)
		for (uint32_t n = 0; n < NUMBERS; n++) {
			int out = shared->taken[life][n];
			bool in = shared->pushed[life][n];

			lost += in && !out && !shared->maybe[life][n];
			twice += out > 1;
			invented += out && !in && !was_being_pushed(life, n);
		}
	if (lost || twice || invented)
		fail("lost, repeated", lost, twice + invented * 1000000);
}

void account(struct agora_heap *h)
{
	struct agora_check report;
	int result = agora_object_check(agora_heap_object(h), 0, &report);

	if (result || report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
}
