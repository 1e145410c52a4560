/*
 * ck.c - Concurrency Kit's ring, in memory that processes share.
 */
#include "ring.h"

#include <ck_ring.h>

struct shared {
	ck_ring_t ring BENCH_LINE;
	char slots[] BENCH_LINE;
};

struct m8 {
	char bytes[8];
};
struct m64 {
	char bytes[64];
};
struct m1024 {
	char bytes[1024];
};
struct m65536 {
	char bytes[65536];
};

CK_RING_PROTOTYPE(m8, m8)
CK_RING_PROTOTYPE(m64, m64)
CK_RING_PROTOTYPE(m1024, m1024)
CK_RING_PROTOTYPE(m65536, m65536)

static void *create(size_t size, size_t depth)
{
	struct shared *s = bench_shared(sizeof(*s) + size * depth);

	ck_ring_init(&s->ring, (unsigned int)depth);
	return s;
}

/* One of its functions, by the size, which is known when it is compiled. */
#define CALL(verb, kind, object, message, size)                    \
	({                                                         \
		struct shared *s_ = (object);                      \
		void *slots_ = s_->slots, *m_ = (void *)(message); \
		bool done_;                                        \
		if ((size) == 8)                                   \
			done_ = ck_ring_##verb##_##kind##_m8(      \
				&s_->ring, slots_, m_);            \
		else if ((size) == 64)                             \
			done_ = ck_ring_##verb##_##kind##_m64(     \
				&s_->ring, slots_, m_);            \
		else if ((size) == 1024)                           \
			done_ = ck_ring_##verb##_##kind##_m1024(   \
				&s_->ring, slots_, m_);            \
		else                                               \
			done_ = ck_ring_##verb##_##kind##_m65536(  \
				&s_->ring, slots_, m_);            \
		done_;                                             \
	})

BENCH_INLINE bool push_spsc(void *object, const void *message, size_t size)
{
	return CALL(enqueue, spsc, object, message, size);
}

BENCH_INLINE bool pop_spsc(void *object, void *message, size_t size)
{
	return CALL(dequeue, spsc, object, message, size);
}

BENCH_INLINE bool push_mpmc(void *object, const void *message, size_t size)
{
	return CALL(enqueue, mpmc, object, message, size);
}

BENCH_INLINE bool pop_mpmc(void *object, void *message, size_t size)
{
	return CALL(dequeue, mpmc, object, message, size);
}

static const struct ring_ops ck_spsc = {
	.row = "ck_ring SPSC",
	.spsc = true,
	.create = create,
	.push = push_spsc,
	.pop = pop_spsc,
};
RING(ck_spsc)

static const struct ring_ops ck_mpmc = {
	.row = "ck_ring MPMC",
	.killed = true,
	.create = create,
	.push = push_mpmc,
	.pop = pop_mpmc,
};
RING(ck_mpmc)
