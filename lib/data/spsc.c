/*
 * spsc.c - FIFO of messages, one producer and one consumer at a time.
 *
 * What. Lamport's ring (1983) with private copies of the other side's cursor
 * (Lee et al. 2010; FastForward 2008): a side touches the other's line only
 * when its copy says full or empty. New is what happens after a death: all
 * that a new producer or consumer must know stands in two cursors and in the
 * messages themselves, so that nothing is written twice on the plain way.
 *
 * Layout
 *  root 0  struct producer_shm: written by who has the producer's role.
 *  root 1  struct consumer_shm: written by who has the consumer's.
 *  root 2  struct marks_shm: for a tap that was left behind.
 *  array   the ring. Cursors only grow. With messages of one size they count
 *          messages, and a slot is the size rounded up to 8. Otherwise they
 *          count bytes, and a message is a record in one piece, 8-aligned:
 *          {size:32 number:32} and its bytes; PAD as the size fills the rest
 *          of the ring when a record does not fit there.
 *  A role is an OFD lock (client.h), so the kernel takes it from the dead;
 *  owner tells whose it is, or was if nobody has repaired since.
 *
 * Invariants
 *  1 The messages of the queue lie between head and tail; tail - head is at
 *    most the ring, less the 8 bytes of 2, and there are at most capacity.
 *  2 At every cursor of a record between head and tail, both included,
 *    stands a header with the right number: at tail it is the number of the
 *    next message. So both counts follow from the ring, after any death.
 *  3 The producer writes nothing at or beyond ahead, nor beyond head + ring.
 *  4 Each message of the window, which is from head to taken, is held, or
 *    done (released), or back (restored, or claimed by the dead). head is not
 *    done, the bits of done and back beyond the window are 0, and the window
 *    has at most 48 messages.
 *
 * Protocol
 *  push    1 room in one piece, or full: full is linearized at the load of
 *            head 2 write the record 3 write the header of the next one (2)
 *          4 tail = behind it                       linearization of push
 *          5 notify
 *  pop     1 tail = next: empty         linearization of empty: that load
 *          2 copy  3 head = behind it                linearization of pop
 *          4 notify
 *  acquire 1 as pop  2 taken = behind it: held      linearization of acquire
 *  release 1 not the oldest: done gets its bit  linearization of release
 *            the oldest: head passes it and those done after it  (the same)
 *          2 done and back count from the new head
 *  restore 1 back gets its bit. pop and acquire take from back first.
 *  reserve 1 room; a PAD is published at once if the record must start the
 *            next lap  2 reserved = tail + 1  commit: push 2 to 4
 *  The words done and back tell from which head they count, so that between
 *  the two steps of release nobody misreads them. They are 0 while the window
 *  is empty, hence 16 bits of that head's number are enough.
 *
 * A taker of a role reads its cursor, the other side's, and with them 2 and 4;
 * what is held and not done becomes back: it is delivered again.
 *
 * Orderings
 *  [T] tail: release in push 4, acquire in pop 1 and by those who look: who
 *      sees tail sees the records before it and the header at it.
 *  [F] head: release in pop 3 and release 1, acquire in push 1: the producer
 *      overwrites what has been read.
 *  [M] taken, done, back: release and acquire, for those who look; the
 *      consumer itself and its successors are ordered by the lock.
 *  [A] Who looks copies first, then an acquire fence, then ahead or head: the
 *      producer stores ahead, then has a release fence, before it writes. So
 *      a copy that has a new byte sees the new ahead, and the head that was
 *      read before it. On x86 all of these are no instructions.
 *  [E] See event.h: the stores of tail and head are release only, with a light
 *      barrier (segment->light_fence); looks before a sleep are seq_cst.
 *
 * Progress and death. Wait-free: no loop depends on the other side. Taking a
 * role is a system call, and so is memory in the first lap.
 *  killed after  leaves                        repaired by
 *  push 2, 3     bytes beyond tail             the next producer overwrites
 *  push 4        in the queue; not woken       the sleeper's slice
 *  pop 2         still in the queue            delivered to the next
 *  pop 3         taken                         nothing to repair
 *  acquire 2     held                          recovery, or the next consumer
 *                                              makes it back
 *  release 1     done, or head has passed it   the masks count from the old
 *                                              head: spsc_mask()
 *  reserve 1     a PAD that nobody minds       who reads skips it
 *  reserve 2     reserved > tail               counted; overwritten
 *  taking a role owner names the dead          the same, again
 */
#include "data/spsc.h"

/* ---- push ---- */

/* How far head lets the producer go: 0, -EAGAIN (full), -EUCLEAN. */
static int look_room(struct spsc *q, uint64_t need)
{
	struct producer *p = &q->producer;
	uint64_t head, used;

	if (p->tail + need <= p->room && p->number != p->number_end)
		return 0;
	/* [F] [E] */
	head = atomic_load_explicit(
		&q->consumer_shm->head, memory_order_seq_cst);
	if (p->tail - head > spsc_ring(q) || !spsc_is_cursor(q, head))
		return -EUCLEAN;
	if (q->fixed) {
		used = p->tail - head;
		p->room = head + q->capacity;
	} else {
		used = (uint32_t)((uint32_t)p->number -
				  (uint32_t)spsc_get_header(q, head));
		p->room = head + spsc_ring(q) - 8;
	}
	if (used > q->capacity)
		return -EUCLEAN;
	p->number_end =
		q->fixed ? UINT64_MAX : p->number + (q->capacity - used);
	return p->tail + need <= p->room && p->number != p->number_end
		       ? 0
		       : -EAGAIN;
}

/* Get memory for the first size bytes of the ring. */
static int commit(struct spsc *q, uint64_t size)
{
	struct segment *segment = &q->object.segment;
	struct producer *p = &q->producer;
	uint64_t end = num_round_up(size, PAGE), ring = spsc_ring(q);
	uint64_t more = num_round_up(num_max(end, p->committed * 2), PAGE);
	int error;

	ring *= q->stride;
	more = num_min(num_min(more, end + (1 << 20)), ring);
	end = num_min(end, ring);
	error = segment_commit(segment, segment->layout.array + p->committed,
		more - p->committed);
	if (error == -ENOSPC && end < more) {
		more = end;
		error = segment_commit(segment,
			segment->layout.array + p->committed,
			more - p->committed);
	}
	if (error)
		return error;
	p->committed = more;
	crash_point(spsc_allocated);
	atomic_store_explicit(
		&p->shared->committed, more, memory_order_relaxed);
	return 0;
}

/* Make the memory from tail to end safe to touch, and shorten end to it. */
static int get_memory(struct spsc *q, uint64_t need, uint64_t *end)
{
	struct producer *p = &q->producer;
	uint64_t slack = q->fixed ? 0 : 8; /* the header of the next */
	uint64_t lap = p->tail & ~q->mask;
	uint64_t size = (p->tail + need - lap) * q->stride + slack;
	int error = 0;

	if (p->committed >= spsc_ring(q) * q->stride)
		return 0;
	if (p->tail + need == lap + spsc_ring(q))
		size -= slack; /* it is at the start, where there is memory */
	if (size > p->committed)
		error = commit(q, size);
	if (error || p->committed >= spsc_ring(q) * q->stride)
		return error;
	*end = num_min(*end, lap + (p->committed - slack) / q->stride);
	*end = num_max(*end, p->tail + need);
	return 0;
}

/* Announce how far we may write, for those who look at what was taken. */
static void announce(struct spsc *q, uint64_t end)
{
	struct producer *p = &q->producer;

	if (end > p->ahead) {
		p->ahead = end;
		atomic_store_explicit(
			&p->shared->ahead, end, memory_order_relaxed);
		atomic_store_explicit(
			&p->shared->number, p->number, memory_order_relaxed);
		/* [T] who reads it finds the record there */
		atomic_store_explicit(&q->marks->mark[p->marks++ % MARKS],
			p->tail, memory_order_release);
	}
	/* [A] */
	atomic_thread_fence(memory_order_release);
	crash_point(spsc_announced);
}

/*
 * Let the producer go on for an eighth of the ring, or need, in this lap:
 * in small steps, so that those who look behind head still find something.
 */
static int extend(struct spsc *q, uint64_t need)
{
	struct producer *p = &q->producer;
	uint64_t end = p->tail + num_max(need, spsc_ring(q) / 8);
	int error = look_room(q, need);

	end = num_min(num_min(end, p->room), spsc_lap_end(q, p->tail));
	if (!error)
		error = get_memory(q, need, &end);
	if (error)
		return error;
	announce(q, q->fixed ? end : end + 8);
	p->end = end;
	return 0;
}

/* Fill the rest of the ring, if the record has room behind it. */
static int pad(struct spsc *q, uint64_t need)
{
	struct producer *p = &q->producer;
	uint64_t lap_end = spsc_lap_end(q, p->tail);
	int error = look_room(q, lap_end - p->tail + need);

	if (error)
		return error;
	announce(q, lap_end + 8);
	spsc_put_header(spsc_at(q, p->tail), PAD, p->number);
	spsc_put_header(spsc_at(q, lap_end), 0, p->number);
	crash_point(spsc_padded);
	p->tail = p->limit = p->end = lap_end;
	/* [T] nobody waits for it: it is no message */
	atomic_store_explicit(&p->shared->tail, lap_end, memory_order_release);
	crash_point(spsc_pad_published);
	return 0;
}

int spsc_make_room(struct spsc *q, size_t size)
{
	struct producer *p = &q->producer;
	uint64_t need = q->fixed ? 1 : spsc_need(size);
	int error = 0;

	if (p->tail + need <= p->end && p->number != p->number_end)
		return 0;
	if (need > spsc_lap_end(q, p->tail) - p->tail)
		error = pad(q, need);
	return error ? error : extend(q, need);
}

void spsc_relimit_push(struct spsc *q)
{
	struct producer *p = &q->producer;

	p->limit = q->plain && p->role && !p->is_reserved ? p->end : p->tail;
}

int spsc_refuses(struct spsc *q, const void *data, size_t size)
{
	if (q->fixed ? size != q->message_size : size > q->message_size)
		return -EMSGSIZE;
	return data ? object_fits(&q->object, data, size) : 0;
}

int spsc_push_long(struct spsc *q, const void *data, size_t size)
{
	return spsc_push_as(q, data, size, true);
}

/* Everything that the plain way does not look at. */
static int prepare_push(struct spsc *q, const void *data, size_t size)
{
	int error = object_writable(&q->object);

	if (!error)
		error = spsc_refuses(q, size ? data : "", size);
	if (!error)
		error = spsc_produce(q);
	if (!error && q->producer.is_reserved)
		error = -EBUSY;
	return error ? error : spsc_make_room(q, size);
}

int spsc_push_slowly(struct spsc *q, const void *data, size_t size)
{
	int error = prepare_push(q, data, size);

	if (error)
		return segment_leave(&q->object.segment, error);
	q->producer.limit = q->producer.end;
	error = spsc_push_long(q, data, size);
	spsc_relimit_push(q);
	return error;
}

int spsc_wake(struct spsc *q, uint32_t events)
{
	event_wake(&q->object.segment, events);
	return segment_leave(&q->object.segment, 0);
}

/* ---- pop ---- */

int spsc_read_header(const struct spsc *q, uint64_t *cursor, uint64_t end,
	size_t *ret_size, uint32_t *ret_number)
{
	uint64_t header, at = *cursor;

	if (at == end)
		return -EAGAIN;
	header = spsc_get_header(q, at);
	if (header >> 32 == PAD) {
		at = *cursor = spsc_lap_end(q, at);
		if (at == end)
			return -EAGAIN;
		header = spsc_get_header(q, at);
	}
	*ret_size = header >> 32;
	*ret_number = (uint32_t)header;
	if (*ret_size > q->message_size || at > end ||
		spsc_need(*ret_size) > end - at ||
		spsc_need(*ret_size) > spsc_lap_end(q, at) - at)
		return -EUCLEAN;
	return 0;
}

static int look_tail(struct spsc *q)
{
	struct consumer *c = &q->consumer;
	/* [T] [E] */
	uint64_t tail = atomic_load_explicit(
		&q->producer_shm->tail, memory_order_seq_cst);

	if (tail - c->next > spsc_ring(q) || !spsc_is_cursor(q, tail))
		return -EUCLEAN;
	c->seen = tail;
	return tail == c->next ? -EAGAIN : 0;
}

/* Look at a message of the ring that starts at d->cursor or behind a pad. */
static int look_at(struct spsc *q, struct delivery *d, uint64_t end)
{
	uint32_t number;
	int error;

	if (q->fixed) {
		d->size = q->message_size;
		d->data = spsc_at(q, d->cursor);
		d->behind = d->cursor + 1;
		return 0;
	}
	error = spsc_read_header(q, &d->cursor, end, &d->size, &number);
	if (error)
		return error;
	d->data = spsc_at(q, d->cursor) + 8;
	d->behind = d->cursor + spsc_need(d->size);
	return number == (uint32_t)d->number ? 0 : -EUCLEAN;
}

/* Find message index of the window; index = window is behind the last. */
static int find_index(struct spsc *q, unsigned index, struct delivery *d)
{
	struct consumer *c = &q->consumer;
	int error = 0;

	*d = (struct delivery){.cursor = c->head, .number = c->first};
	if (q->fixed) {
		d->cursor += index;
		d->number += index;
	}
	for (unsigned i = 0; i < index && !q->fixed && !error; i++) {
		error = look_at(q, d, c->next);
		d->cursor = d->behind;
		d->number++;
	}
	d->index = index;
	return error == -EAGAIN ? -EUCLEAN : error;
}

static int next_fresh(struct spsc *q, struct delivery *d)
{
	struct consumer *c = &q->consumer;
	int error = c->next == c->seen ? look_tail(q) : 0;

	*d = (struct delivery){
		.cursor = c->next, .number = c->number, .index = c->window};
	if (!error)
		error = look_at(q, d, c->seen);
	if (error == -EAGAIN && d->cursor != c->next) {
		/* there was only a pad: what about now? */
		error = look_tail(q);
		if (!error)
			error = look_at(q, d, c->seen);
	}
	if (!error && c->window == WINDOW)
		return -EBUSY;
	return error;
}

int spsc_next(struct spsc *q, struct delivery *d)
{
	struct consumer *c = &q->consumer;
	int error;

	if (likely(!c->back))
		return next_fresh(q, d);
	error = find_index(q, (unsigned)__builtin_ctzll(c->back), d);
	if (!error)
		error = look_at(q, d, c->next);
	return error == -EAGAIN ? -EUCLEAN : error;
}

static void store_mask(
	const struct consumer *c, _Atomic uint64_t *word, uint64_t mask)
{
	/* [M] */
	atomic_store_explicit(
		word, spsc_word(c->first, mask), memory_order_release);
}

/* Have a message in hand: it is part of the window. */
void spsc_take(struct spsc *q, const struct delivery *d)
{
	struct consumer *c = &q->consumer;
	uint64_t bit = UINT64_C(1) << d->index;

	c->held |= bit;
	if (d->index < c->window) {
		c->back &= ~bit;
		store_mask(c, &c->shared->back, c->back);
		crash_point(spsc_taken_again);
		return;
	}
	if (!c->window) {
		c->head = c->next;
		c->first = c->number;
	}
	c->window++;
	c->next = c->limit = d->behind;
	c->number++;
	/* [M] */
	atomic_store_explicit(&c->shared->taken, c->next, memory_order_release);
	crash_point(spsc_taken);
}

/* Let head pass count messages, which are done. */
static int pass(struct spsc *q, unsigned count)
{
	struct consumer *c = &q->consumer;
	struct delivery d = {.cursor = c->next};
	uint64_t left = c->done | c->back;
	int error = count < c->window ? find_index(q, count, &d) : 0;

	if (error)
		return error;
	c->first += count;
	c->window -= count;
	c->head = d.cursor;
	c->held >>= count;
	c->done >>= count;
	c->back >>= count;
	spsc_free(q, c, c->head);
	if (left >> 1) {
		store_mask(c, &c->shared->done, c->done);
		crash_point(spsc_done_moved);
		store_mask(c, &c->shared->back, c->back);
	}
	return 0;
}

/* Be done with what is in hand. */
void spsc_finish(struct spsc *q, unsigned index)
{
	struct consumer *c = &q->consumer;
	uint64_t bit = UINT64_C(1) << index;

	c->held &= ~bit;
	c->done |= bit;
	if (index || pass(q, (unsigned)__builtin_ctzll(~c->done))) {
		store_mask(c, &c->shared->done, c->done);
		crash_point(spsc_done);
	}
	spsc_relimit_pop(q);
}

void spsc_relimit_pop(struct spsc *q)
{
	struct consumer *c = &q->consumer;

	c->limit = c->next;
	if (c->role && !c->window)
		c->limit = q->fixed
				   ? c->seen
				   : num_min(c->seen, spsc_lap_end(q, c->next));
}

/* Pop a message while others are in hand, or were given back. */
static void pop_window(struct spsc *q, const struct delivery *d)
{
	spsc_take(q, d);
	spsc_finish(q, d->index);
}

int spsc_pop_long(struct spsc *q, struct agora_buffer *message)
{
	return spsc_pop_as(q, message, true);
}

/* Be done with a message whose bytes were copied. */
static int pass_by(struct spsc *q, const struct delivery *d)
{
	struct consumer *c = &q->consumer;

	crash_point(spsc_pop_copied);
	if (c->window) {
		pop_window(q, d);
		return 0;
	}
	c->next = d->behind;
	c->number++;
	spsc_relimit_pop(q);
	return spsc_free(q, c, c->next);
}

int spsc_pop_slowly(struct spsc *q, struct agora_buffer *message)
{
	struct delivery d = {.size = 0};
	int error = object_writable(&q->object);

	if (!error)
		error = spsc_consume(q);
	if (!error)
		error = spsc_next(q, &d);
	if (!error && d.size > message->capacity) {
		message->size = d.size;
		error = -EMSGSIZE;
	}
	if (error)
		return segment_leave(&q->object.segment, error);
	copy_out(message->data, d.data, d.size);
	message->size = d.size;
	message->version = d.number;
	return segment_leave(&q->object.segment, pass_by(q, &d));
}
