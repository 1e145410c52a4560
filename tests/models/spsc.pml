/*
 * spsc.pml - a queue with one producer and one consumer, for spin: see
 * lib/data/spsc.c.
 *
 * What is modelled. The ring, tail and head, the consumer's window with taken,
 * done and back and the head from which the two count; roles as locks that
 * the dead lose; each access to a shared word is a step of its own, and a
 * client may be killed at any of them, also while it takes a role over or
 * repairs one. The consumer pops, acquires, releases in any order, restores
 * and yields as it likes. What is not: records of different sizes, sleeping,
 * and memory orders (all is sequentially consistent).
 *
 * Bounds: a window of 3 and
 *   SCRIPT 1  3 messages through 3 slots, 2 consumers, one death
 *   SCRIPT 2  2 messages through 2 slots, 3 consumers, two deaths
 *   SCRIPT 3  3 messages through 2 slots, 2 producers, one death
 *   SCRIPT 4  2 messages through 1 slot, 2 of each side, one death
 * and one message restored, and one yield, at most.
 *
 * What must hold: a message is read as it was written, in its turn, never
 * again after it was released, and head passes none that was not; in the end
 * all have come out.
 *
 * Controls, each of which must fail:
 *   -DTAIL_FIRST  a message is published before it is written
 *   -DHEAD_FIRST  a message is freed before it is read
 *   -DNO_BASE     the words done and back do not tell from where they count
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#define WINDOW 3

#if SCRIPT == 1
#define N	  3
#define RING	  3
#define PRODUCERS 1
#define CONSUMERS 2
#define DEATHS	  1
#elif SCRIPT == 2
#define N	  2
#define RING	  2
#define PRODUCERS 1
#define CONSUMERS 3
#define DEATHS	  2
#elif SCRIPT == 3
#define N	  3
#define RING	  2
#define PRODUCERS 2
#define CONSUMERS 1
#define DEATHS	  1
#else
#define N	  2
#define RING	  1
#define PRODUCERS 2
#define CONSUMERS 2
#define DEATHS	  1
#endif

byte slot[RING];
byte tail, head, taken;
byte done_base, done_mask, back_base, back_mask;
byte producer, consumer; /* who has the role, or 0 */
byte deaths, finished, restores, yields;
bool gone[N + 1]; /* what should be: it was taken for good */

#define BIT(i)	  (1 << (i))
#define ALL(w)	  (BIT(w) - 1)

/* Killed here, if there is an heir: locks are dropped by the kernel. */
#define MORTAL(lock)                                                       \
	if                                                                 \
	:: deaths < DEATHS && heirs > 1 ->                                 \
		d_step { deaths++; lock = 0 }                              \
		goto end                                                   \
	:: true                                                            \
	fi

active [PRODUCERS] proctype produce()
{
	byte t, h, heirs = PRODUCERS;

	atomic { producer == 0 -> producer = _pid + 1 }
	MORTAL(producer);
	t = tail;
	do
	:: t == N -> break
	:: t < N ->
		h = head;
		if
		:: t - h >= RING -> head != h /* full: wait */
		:: else ->
#ifdef TAIL_FIRST
			tail = t + 1;
			MORTAL(producer);
			slot[t % RING] = t + 1;
#else
			slot[t % RING] = t + 1;
			MORTAL(producer);
			tail = t + 1;
#endif
			t++;
			MORTAL(producer)
		fi
	od;
	producer = 0;
end:	finished++
}

/* Message k is read. */
inline deliver(k)
{
	assert(slot[(k) % RING] == (k) + 1);
	assert(!gone[k])
}

#ifdef NO_BASE
#define COUNTED(mask, base) (mask)
#else
#define COUNTED(mask, base) ((mask) >> (h - (base)))
#endif

/* Make what the dead held back, and begin with the words as they are. */
inline repair()
{
	h = head;
	n = taken;
	d_step {
		n = (n > h -> n : h);
		w = n - h
	}
	done = COUNTED(done_mask, done_base) & ALL(w);
	d_step { done_base = h; done_mask = done };
	MORTAL(consumer);
	back = ALL(w) & ~done;
	d_step { back_base = h; back_mask = back };
	held = 0;
	MORTAL(consumer)
}

/* head passes what is done, beginning with the oldest. */
inline pass()
{
	d_step {
		c = 0;
		do
		:: done & BIT(c) -> c++
		:: else -> break
		od
	}
	d_step { /* the step that decides */
		gone[h] = true;
		i = 0;
		do
		:: i < c -> assert(gone[h + i]); i++
		:: else -> break
		od;
		h = h + c;
		head = h;
		w = w - c;
		held = held >> c;
		done = done >> c;
		back = back >> c;
		c = 0;
		i = 0
	}
	MORTAL(consumer);
	d_step { done_base = h; done_mask = done };
	MORTAL(consumer);
	d_step { back_base = h; back_mask = back };
	MORTAL(consumer)
}

inline finish(k)
{
	d_step { held = held & ~BIT(k); done = done | BIT(k) }
	if
	:: (k) == 0 -> pass()
	:: else ->
		d_step { done_base = h; done_mask = done; gone[h + k] = true };
		MORTAL(consumer)
	fi
}

inline pop()
{
#ifdef HEAD_FIRST
	d_step { head = n + 1; gone[n] = true }
	MORTAL(consumer);
	assert(slot[n % RING] == n + 1);
#else
	deliver(n);
	MORTAL(consumer);
	d_step { head = n + 1; gone[n] = true }
#endif
	n++;
	h = n;
	MORTAL(consumer)
}

/* The first that is back, or else the next of the ring. */
inline acquire()
{
	if
	:: back ->
		d_step {
			c = 0;
			do
			:: !(back & BIT(c)) -> c++
			:: else -> break
			od;
			held = held | BIT(c);
			back = back & ~BIT(c)
		}
		deliver(h + c);
		c = 0;
		d_step { back_base = h; back_mask = back }
	:: else ->
		deliver(n);
		held = held | BIT(w);
		w++;
		n++;
		taken = n
	fi;
	MORTAL(consumer)
}

active [CONSUMERS] proctype consume()
{
	byte h, n, w, held, done, back, i, c, heirs = CONSUMERS;

again:	atomic { consumer == 0 -> consumer = _pid + 1 }
	MORTAL(consumer);
	repair();
	do
	:: head == N -> consumer = 0; break
	:: w == 0 && tail > n -> pop()
	:: (back || (w < WINDOW && tail > n)) -> acquire()
	:: held & 1 -> finish(0)
	:: held & 2 -> finish(1)
	:: held & 4 -> finish(2)
	:: held & 2 && !restores ->
		restores++;
		d_step { held = held & ~2; back = back | 2 }
		d_step { back_base = h; back_mask = back }
		MORTAL(consumer)
	:: !held && !yields && (tail > n || back) ->
		yields++;
		/* yield */
		consumer = 0;
		goto again
	od;
end:	finished++
}

active proctype judge()
{
	byte k;

	finished == PRODUCERS + CONSUMERS;
	assert(head == N || deaths == DEATHS);
	k = 0;
	do
	:: k < head -> assert(gone[k]); k++
	:: else -> break
	od
}
