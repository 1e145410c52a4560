/*
 * queue.pml - the ring of a queue, for spin: see lib/data/queue.c.
 *
 * What is modelled. Cells with cycles, helped tail and head, states with
 * owner and ticket, full and empty, claims that are returned (announced
 * before and after) and found by reading the states; every access to a shared
 * word is a step of its own. Any client may be killed at any step, also the
 * one that recovers, while the others go on and while it is being recovered.
 * What is not: parts of long messages, hints for free blocks, sleeping, and
 * memory orders (all is sequentially consistent).
 *
 * Bounds: 2 cells, 3 blocks, one death (two with SCRIPT 4), and
 *   SCRIPT 1  one pushes 2; two pop 1 each
 *   SCRIPT 2  two push 1 each; one pops 2
 *   SCRIPT 3  one pushes 3, one pops 3: full, empty and round
 *   SCRIPT 4  one pushes 1, one pops 2, and who recovers is killed as well
 *
 * What must hold: ring claims come in the order of their tickets, none is
 * left out; full and empty are true when they are seen; nothing that is
 * returned waits unannounced once its return is over; in the end all that
 * was pushed has come out exactly once and every block is free.
 *
 * Controls, each of which must fail:
 *   -DHEAD_FIRST     head is advanced before the message is claimed
 *   -DANNOUNCE_ONCE  a return is announced before, but not after
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#define CELLS  2
#define NB     3
#define LAST   6
#define VALUES 5

#define FREE	 0
#define OWNED	 1
#define PUB	 2
#define HELD	 3
#define RETURNED 4

#define S(kind, owner, ticket) ((kind) << 6 | (owner) << 3 | (ticket))
#define KIND(s)		       ((s) >> 6)
#define OWNER(s)	       ((s) >> 3 & 7)
#define TICKET(s)	       ((s) & 7)
#define IS_PUB(s, t)	       (KIND(s) == PUB && TICKET(s) == (t))

#define CELL(cycle, b) ((cycle) << 3 | (b))
#define CYCLE(c)       ((c) >> 3)
#define BLOCK(c)       ((c) & 7)

short state[NB];
byte message[NB];
byte cell[CELLS];
byte head = CELLS, tail = CELLS;
byte returned; /* epoch * 2 + pending */
bool killed[LAST + 1], dead[LAST + 1];

/* What should be. */
byte claims = CELLS;  /* the ticket that the next ring claim must have */
byte count;           /* messages in the ring */
byte waiting;         /* messages that are RETURNED */
byte settled;         /* of these, whose return was announced afterwards */
bool pushed[VALUES + 1];
byte popped[VALUES + 1];

inline advance(word, ticket)
{
	atomic {
		if
		:: word == ticket -> word = ticket + 1
		:: else
		fi
	}
}

/* What was read is of no use any more: fewer states differ. */
inline forget()
{
	atomic {
		t = 0; c = 0; h = 0; e = 0; b = 0; r = 0; res = 0; s = 0;
		was_full = 0; was_empty = 0
	}
}

/* Push v. A push that found it full is not tried again. */
inline push(v)
{
	atomic {
		b = 0;
		do
		:: KIND(state[b]) == FREE -> break
		:: else -> b++
		od;
		state[b] = S(OWNED, me, 0);
		message[b] = v;
		res = 1
	};
	do
	:: res != 1 -> break
	:: else ->
		t = tail;
		c = cell[t % CELLS];
		if
		:: CYCLE(c) == t / CELLS -> advance(tail, t)
		:: CYCLE(c) != t / CELLS && CYCLE(c) + 1 != t / CELLS
		:: else ->
			h = head;
			if
			:: t < h + CELLS -> res = 0
			:: else -> look_full()
			fi;
			if
			:: res != 0
			:: else ->
				res = 1;
				state[b] = S(PUB, me, t);
				atomic {
					if
					:: cell[t % CELLS] == c ->
						cell[t % CELLS] =
							CELL(t / CELLS, b);
						pushed[v] = true;
						count++;
						res = 3
					:: else
					fi
				};
				if
				:: res == 3 -> advance(tail, t)
				:: else
				fi
			fi
		fi
	od;
	if
	:: res == 2 -> state[b] = S(FREE, 0, 0)
	:: else
	fi;
	forget()
}

/* res: 0 not full, 1 again, 2 full. */
inline look_full()
{
	res = 1;
	if
	:: tail != t
	:: else ->
		e = cell[h % CELLS];
		atomic { s = state[BLOCK(e)]; was_full = count == CELLS };
		if
		:: CYCLE(e) == h / CELLS && !IS_PUB(s, h) -> advance(head, h)
		:: else ->
			if
			:: head == h -> assert(was_full); res = 2
			:: else
			fi
		fi
	fi
}

/* res: 0 claimed (b, h), 1 again, 2 empty. */
inline claim_ring()
{
	h = head;
	atomic { c = cell[h % CELLS]; was_empty = count == 0 && settled == 0 };
	res = 1;
	if
	:: CYCLE(c) + 1 == h / CELLS ->
		if
		:: head == h -> res = 2
		:: else
		fi
	:: CYCLE(c) == h / CELLS ->
		b = BLOCK(c);
		s = state[b];
		if
		:: !IS_PUB(s, h) -> advance(head, h)
		:: else ->
#ifdef HEAD_FIRST
			advance(head, h);
#endif
			atomic {
				if
				:: state[b] == s ->
					state[b] = S(HELD, me, h);
					assert(h == claims);
					claims++;
					count--;
					res = 0
				:: else
				fi
			};
			if
			:: res == 0 -> advance(head, h)
			:: else
			fi
		fi
	:: else
	fi
}

/* The one with the smallest ticket of those that were returned. */
inline claim_returned()
{
	res = 1;
	atomic { b = NB; h = 255; e = 0 };
	do
	:: e == NB -> break
	:: else ->
		atomic {
			if
			:: KIND(state[e]) == RETURNED &&
				TICKET(state[e]) < h ->
				b = e; s = state[e]; h = TICKET(s)
			:: else
			fi;
			e++
		}
	od;
	atomic {
		if
		:: b < NB && state[b] == s ->
			state[b] = S(HELD, me, h);
			waiting--;
			settled = (settled -> settled - 1 : 0);
			res = 0
		:: b == NB && returned == r -> returned = r - 1
		:: else
		fi
	}
}

inline pop()
{
	res = 1;
	do
	:: res != 1 -> break
	:: else ->
		r = returned;
		if
		:: r & 1 -> claim_returned()
		:: else -> claim_ring()
		fi;
		if
		:: res == 2 && returned != r -> res = 1
		:: res == 2 && returned == r -> assert(was_empty)
		:: else
		fi
	od;
	if
	:: res == 0 -> consume(b)
	:: else
	fi;
	forget()
}

/* Done with the message: FREE decides. */
inline consume(b)
{
	atomic {
		popped[message[b]]++;
		assert(popped[message[b]] == 1);
		state[b] = S(FREE, 0, 0)
	}
}

inline announce()
{
	atomic { returned = (returned | 1) + 2 }
}

#define LOCALS                     \
	byte t, c, h, e, b, r, res; \
	short s;                   \
	bool was_full, was_empty

proctype Pusher(byte me; byte first; byte many)
{
	LOCALS;
	byte v = first;
	{
		do
		:: v == first + many -> break
		:: else -> push(v); v++
		od
	} unless { killed[me] };
	dead[me] = true
}

proctype Popper(byte me; byte many)
{
	LOCALS;
	byte n;
	{
		do
		:: n == many -> break
		:: else -> pop(); n++
		od
	} unless { killed[me] };
	dead[me] = true
}

inline recover()
{
	announce();
	b = 0;
	do
	:: b == NB -> break
	:: else ->
		s = state[b];
		if
		:: !dead[OWNER(s)] || KIND(s) == FREE || KIND(s) == RETURNED
		:: else ->
			if
			:: KIND(s) == PUB -> c = cell[TICKET(s) % CELLS]
			:: else
			fi;
			atomic {
				if
				:: state[b] != s
				:: KIND(s) == HELD && state[b] == s ->
					state[b] = S(RETURNED, 0, TICKET(s));
					waiting++
				:: KIND(s) == OWNED && state[b] == s ->
					state[b] = S(FREE, 0, 0)
				:: KIND(s) == PUB && state[b] == s &&
					c != CELL(TICKET(s) / CELLS, b) ->
					state[b] = S(FREE, 0, 0)
				:: else
				fi
			}
		fi;
		b++
	od;
	atomic {
#ifndef ANNOUNCE_ONCE
		returned = (returned | 1) + 2;
#endif
		settled = waiting;
		forget()
	}
}

/* Kill one of two clients, and recover it. */
proctype Reaper(byte me; byte one; byte other)
{
	LOCALS;
	byte i;
	{
		if
		:: i = one
		:: i = other
		fi;
		killed[i] = true;
		/* A lock that is free says that its holder is gone. */
		(dead[i] && (dead[1] || !killed[1]) && (dead[2] || !killed[2]));
		recover()
	} unless { killed[me] };
	dead[me] = true
}

/* What is left comes out once; then all is out, and every block free. */
inline judge()
{
	assert(waiting == 0 || returned & 1);
	for (b : 0 .. NB - 1) {
		if
		:: KIND(state[b]) == RETURNED -> consume(b)
		:: else
		fi
	};
	do
	:: CYCLE(cell[head % CELLS]) != head / CELLS -> break
	:: else ->
		b = BLOCK(cell[head % CELLS]);
		if
		:: IS_PUB(state[b], head) -> consume(b)
		:: else
		fi;
		head++
	od;
	for (b : 1 .. VALUES) { assert(popped[b] == pushed[b]) };
	for (b : 0 .. NB - 1) { assert(KIND(state[b]) == FREE) }
}

init
{
	byte b;

	atomic {
		dead[0] = false;
#if SCRIPT == 1
		run Pusher(1, 1, 2); run Popper(2, 1); run Popper(3, 1);
		run Reaper(4, 1, 2)
#elif SCRIPT == 2
		run Pusher(1, 1, 1); run Pusher(3, 2, 1); run Popper(2, 2);
		run Reaper(4, 1, 2)
#elif SCRIPT == 3
		run Pusher(1, 1, 3); run Popper(2, 3);
		run Reaper(4, 1, 2)
#else
		run Pusher(1, 1, 1); run Popper(2, 2);
		run Reaper(4, 1, 2); run Reaper(5, 4, 4)
#endif
	};
	(_nr_pr == 1);
	atomic { judge() }
}
