/*
 * packet.pml - packets in the ring of a queue, for spin: see lib/data/queue.c.
 *
 * What is modelled. Cells with cycles, helped tail and head, packets that are
 * pushed in one step for as many messages as there is room for, taken in part
 * or whole, and opened by who wants one of the messages in a block; each
 * access to a shared word is a step of its own. Any client may be killed at
 * any step, and is recovered while the others go on. What is not: what
 * queue.pml shows of returned messages (they are found in one step here),
 * hints for free blocks, sleeping, the renewal of cells, and memory orders.
 *
 * Bounds: packets of MOST messages, CAPACITY + MOST cells, one death; the ring
 * starts where a packet that is pushed first lies across its end.
 *   SCRIPT 1  one pushes two packets, round the ring and full behind a half
 *             taken one; one pops three single messages
 *   SCRIPT 2  a packet is there; one acquires one message, another both
 *   SCRIPT 3  a packet of three, half taken or not, is there; one acquires a
 *             message, one pops what there is
 *   SCRIPT 4  a packet is there; one acquires both messages, one pushes two
 * In all of them one of the two clients may be killed.
 *
 * What must hold: messages leave the ring in the order of their tickets, none
 * left out; there are never more than CAPACITY, and full and empty are true
 * when they are seen; in the end all that was pushed has come out exactly
 * once and every block is free.
 *
 * Controls, each of which must fail:
 *   -DNO_FREEZE   cells are filled while others may take from the packet
 *   -DNO_SLACK    the ring has no cells beyond the capacity
 *   -DHEAD_PAST   head passes all tickets of a packet that was opened
 *   -DTAKE_BLIND  messages are taken by a look and a store
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#if SCRIPT == 3
#define MOST	 3
#define CAPACITY 3
#else
#define MOST	 2
#define CAPACITY 2
#endif
#ifdef NO_SLACK
#define CELLS CAPACITY
#else
#define CELLS (CAPACITY + MOST)
#endif
#define START  (2 * CELLS - 1)
#define NB     6
#define LAST   5
#define VALUES 5

#define FREE	 0
#define OWNED	 1
#define PUB	 2
#define HELD	 3
#define RETURNED 4
#define PACKET	 5
#define OPENED	 6

/* taken: how many messages of a packet were. */
#define S(kind, owner, taken, ticket) \
	((kind) << 10 | (owner) << 7 | (taken) << 5 | (ticket))
#define KIND(s)		((s) >> 10)
#define OWNER(s)	((s) >> 7 & 7)
#define TAKEN(s)	((s) >> 5 & 3)
#define TICKET(s)	((s) & 31)
#define IS_PUB(s, t)	(KIND(s) == PUB && TICKET(s) == (t))
#define IS_PACKET(s, t) (KIND(s) >= PACKET && TICKET(s) == (t))

#define CELL(cycle, more, b) ((cycle) << 5 | (more) << 3 | (b))
#define CYCLE(c)	     ((c) >> 5)
#define MORE(c)		     ((c) >> 3 & 3)
#define BLOCK(c)	     ((c) & 7)
#define FILLED(t)	     (CYCLE(cell[(t) % CELLS]) == (t) / CELLS)

short state[NB];
byte message[NB]; /* the first; those behind it count up */
byte cell[CELLS];
byte head = START, tail = START;
bool killed[LAST + 1], dead[LAST + 1];

/* What should be. */
byte claims = START; /* the ticket of the next message to leave the ring */
byte count;	     /* messages in the ring */
bool pushed[VALUES + 1];
byte popped[VALUES + 1];

inline advance(word, from, to)
{
	atomic {
		if
		:: word == from -> word = to
		:: else
		fi
	}
}

/* What was read is of no use any more: fewer states differ. */
inline forget_reads()
{
	t = 0; c = 0; h = 0; e = 0; k = 0; i = 0; x = 0; m = 0; n = 0;
	room = 0; s = 0; o = 0; was_full = 0; was_empty = 0
}

inline forget()
{
	forget_reads();
	b = 0;
	res = 0
}

inline out(v)
{
	popped[v]++;
	assert(popped[v] == 1)
}

/* x: what is behind a block that is gone. */
inline behind(ticket, named)
{
	atomic {
		x = ticket + MORE(named) + 1;
		i = 0;
#ifndef HEAD_PAST
		if
		:: MORE(named) && FILLED(ticket + MORE(named)) -> i = 1
		:: else
		fi
#endif
	};
	do
	:: i == 0 || i > MORE(named) -> break
	:: else ->
		atomic {
			if
			:: FILLED(ticket + i) -> x = ticket + i; i = 0
			:: else -> i++
			fi
		}
	od
}

/* ---- push ---- */

inline take_block(which, first)
{
	atomic {
		which = 0;
		do
		:: KIND(state[which]) == FREE -> break
		:: else -> which++; assert(which < NB)
		od;
		state[which] = S(OWNED, me, 0, 0);
		message[which] = first;
		res = 1
	}
}

/* Push want messages, v and up, in one block, or as many as there is room
 * for. What is not pushed then is not tried again. */
inline push(v, want)
{
	take_block(b, v);
	do
	:: atomic { res != 1 -> break }
	:: atomic { else -> t = tail };
		c = cell[t % CELLS];
		if
		:: atomic { CYCLE(c) == t / CELLS ->
			advance(tail, t, t + MORE(c) + 1) }
		:: CYCLE(c) > t / CELLS
		:: atomic { CYCLE(c) < t / CELLS ->
			h = head;
			room = h + CAPACITY - t;
			res = 0 };
			if
			:: room <= 0 -> look_full()
			:: else
			fi;
			if
			:: res == 0 -> enter(v, want)
			:: else
			fi
		fi;
		atomic { forget_reads() }
	od;
	atomic {
		if
		:: res == 2 -> state[b] = S(FREE, 0, 0, 0)
		:: else
		fi;
		forget()
	}
}

inline enter(v, want)
{
	atomic {
		res = 1;
		room = (room > want -> want : room);
		if
		:: room == 1 -> state[b] = S(PUB, me, 0, t)
		:: else -> state[b] = S(PACKET, me, 0, t)
		fi
	};
	atomic {
		if
		:: cell[t % CELLS] == c ->
			cell[t % CELLS] = CELL(t / CELLS, room - 1, b);
			for (i : 0 .. room - 1) { pushed[v + i] = true };
			i = 0;
			count = count + room;
			assert(count <= CAPACITY);
			res = 3
		:: else
		fi
	};
	if
	:: atomic { res == 3 -> advance(tail, t, t + room) }
	:: else
	fi
}

/* res: 0 there is room, 1 again, 2 full. */
inline look_full()
{
	if
	:: atomic { tail != t -> res = 1 }
	:: else ->
		e = cell[h % CELLS];
		atomic {
			s = state[BLOCK(e)];
			was_full = count == CAPACITY;
			res = 1
		};
		if
		:: CYCLE(e) != h / CELLS
		:: CYCLE(e) == h / CELLS && !IS_PUB(s, h) && !IS_PACKET(s, h) ->
			behind(h, e);
			advance(head, h, x)
		:: else ->
			atomic {
				if
				:: head == h ->
					room = room + TAKEN(s);
					res = (room > 0 -> 0 : 2);
					assert(res == 0 || was_full)
				:: else
				fi
			}
		fi
	fi
}

/* ---- pop ---- */

/* A message that is RETURNED, if there is one, else pop 1. res: 0 HELD (b),
 * 1 neither. queue.pml shows how they are found. */
inline claim_returned()
{
	b = 0;
	res = 1;
	do
	:: b == NB -> b = 0; h = head; break
	:: b < NB && KIND(state[b]) == RETURNED ->
		state[b] = S(HELD, me, 0, TICKET(state[b]));
		res = 0;
		break
	:: else -> b++
	od
}

/* res: 0 HELD (b), 1 again, 2 empty, 3 a packet (b, s, c, h). */
inline claim_ring()
{
	atomic { c = cell[h % CELLS]; was_empty = count == 0 };
	if
	:: CYCLE(c) < h / CELLS ->
		atomic {
			if
			:: head == h -> assert(was_empty); res = 2
			:: else
			fi
		}
	:: CYCLE(c) > h / CELLS
	:: else ->
		atomic {
			b = BLOCK(c);
			s = state[b];
			res = (IS_PACKET(s, h) -> 3 : 1)
		};
		if
		:: res == 3
		:: res != 3 && IS_PUB(s, h) ->
			atomic {
				if
				:: state[b] == s ->
					state[b] = S(HELD, me, 0, h);
					assert(h == claims);
					claims++;
					count--;
					res = 0
				:: else
				fi
			};
			if
			:: res == 0 -> behind(h, c); advance(head, h, x)
			:: else
			fi
		:: else -> behind(h, c); advance(head, h, x)
		fi
	fi
}

/* Take at most want messages out of a packet. res: 1 again, 4 some. */
inline take(want)
{
	m = message[b];
#ifdef TAKE_BLIND
	res = (state[b] == s -> 3 : 1);
#endif
	atomic {
		n = MORE(c) + 1 - TAKEN(s);
		n = (n > want -> want : n);
		if
#ifdef TAKE_BLIND
		:: res == 3 ->
#else
		:: state[b] == s ->
#endif
			assert(h + TAKEN(s) == claims);
			claims = claims + n;
			count = count - n;
			for (i : TAKEN(s) .. TAKEN(s) + n - 1) { out(m + i) };
			n = n + TAKEN(s);
			if
			:: n > MORE(c) -> state[b] = S(OWNED, me, 0, 0)
			:: else -> state[b] = S(PACKET, OWNER(s), n, h)
			fi;
			res = 4
		:: else -> res = 1
		fi
	};
	if
	:: res == 4 && n > MORE(c) -> retire()
	:: else
	fi
}

/* A packet that is empty, and ours. */
inline retire()
{
	behind(h, c);
	advance(head, h, x);
	state[b] = S(FREE, 0, 0, 0)
}

/* ---- open ---- */

/* Give each message left in a packet a block of its own. res: 1. */
inline open()
{
	atomic {
		res = 1;
		n = MORE(c);
#ifdef NO_FREEZE
		o = s;
#else
		o = S(OPENED, OWNER(s), TAKEN(s), h);
		if
		:: KIND(s) == PACKET && state[b] == s -> state[b] = o
		:: KIND(s) == PACKET && state[b] != s -> res = 5
		:: else
		fi
#endif
	};
	do
	:: atomic { res == 5 || n == 0 || n < TAKEN(s) -> break }
	:: atomic { else -> t = h + n; e = cell[t % CELLS] };
		if
		:: CYCLE(e) != t / CELLS -> fill()
		:: else
		fi;
		atomic { n--; t = 0; e = 0; k = 0; x = 0 }
	od;
	if
	:: res != 5 -> close()
	:: else
	fi;
	res = 1
}

/* Give message n its cell. res: 5 the packet is no longer what it was. */
inline fill()
{
	take_block(k, message[b] + n);
	if
	:: atomic { state[b] != o -> state[k] = S(FREE, 0, 0, 0); res = 5 }
	:: else ->
		state[k] = S(PUB, me, 0, t);
		atomic {
			x = 0;
			if
			:: cell[t % CELLS] == e ->
				cell[t % CELLS] = CELL(t / CELLS, 0, k);
				x = 1
			:: else
			fi
		};
		if
		:: atomic { x == 0 -> state[k] = S(FREE, 0, 0, 0) }
		:: else
		fi
	fi
}

inline close()
{
	atomic {
		if
		:: state[b] == o && TAKEN(s) ->
			state[b] = S(OWNED, me, 0, 0);
			res = 4
		:: state[b] == o && !TAKEN(s) ->
			state[b] = S(PUB, OWNER(s), 0, h)
		:: else
		fi
	};
	if
	:: res == 4 -> retire()
	:: else
	fi
}

/* ---- clients ---- */

/* want: at most so many messages; 0: acquire one, and release it. */
inline pop(want)
{
	do
	:: atomic {
		claim_returned();
		if
		:: res == 0 -> break
		:: else
		fi };
		claim_ring();
		if
		:: res == 3 && (want == 0 || KIND(s) == OPENED) -> open()
		:: res == 3 && want && KIND(s) == PACKET -> take(want)
		:: else
		fi;
		if
		:: atomic { res != 1 -> break }
		:: atomic { else -> forget(); res = 1 }
		fi
	od;
	atomic {
		if
		:: res == 0 -> consume(b)
		:: else
		fi;
		forget()
	}
}

/* Done with the message: FREE decides. */
inline consume(which)
{
	out(message[which]);
	state[which] = S(FREE, 0, 0, 0)
}

#define LOCALS                                      \
	byte t, c, h, e, b, k, i, x, m, n, res;     \
	short room, s, o;                           \
	bool was_full, was_empty

proctype Pusher(byte me; byte first; byte many; byte want)
{
	LOCALS;
	byte v = first;
	{
		do
		:: v == first + many * want -> break
		:: else -> push(v, want); v = v + want
		od
	} unless { killed[me] };
	dead[me] = true
}

proctype Popper(byte me; byte many; byte want)
{
	LOCALS;
	byte left = many;
	{
		do
		:: left == 0 -> break
		:: else -> pop(want); left--
		od
	} unless { killed[me] };
	dead[me] = true
}

inline recover()
{
	b = 0;
	do
	:: b == NB -> break
	:: else ->
		atomic {
			s = state[b];
			c = 0;
			if
			:: KIND(s) == FREE || KIND(s) == RETURNED ||
				!dead[OWNER(s)] -> s = 0
			:: else
			fi
		};
		if
		:: KIND(s) == PUB || KIND(s) >= PACKET ->
			c = cell[TICKET(s) % CELLS]
		:: else
		fi;
		atomic {
			if
			:: s == 0 || state[b] != s
			:: else ->
				if
				:: KIND(s) == HELD ->
					state[b] = S(RETURNED, 0, 0, TICKET(s))
				:: KIND(s) == OWNED ->
					state[b] = S(FREE, 0, 0, 0)
				:: KIND(s) != HELD && KIND(s) != OWNED &&
					(BLOCK(c) != b ||
					CYCLE(c) != TICKET(s) / CELLS) ->
					state[b] = S(FREE, 0, 0, 0)
				:: else
				fi
			fi;
			b++
		}
	od;
	atomic { forget() }
}

/* Kill one of some clients, and recover it. */
proctype Reaper(byte first; byte last)
{
	LOCALS;
	byte victim = first;
	do
	:: victim < last -> victim++
	:: break
	od;
	killed[victim] = true;
	/* A lock that is free says that its holder is gone. */
	(dead[victim]);
	recover()
}

/* ---- judgement ---- */

inline drain_packet()
{
	for (i : TAKEN(state[b]) .. MORE(c)) {
		out(message[b] + i);
		if
		:: i && FILLED(head + i) ->
			k = BLOCK(cell[(head + i) % CELLS]);
			assert(KIND(state[b]) == OPENED);
			assert(IS_PUB(state[k], head + i));
			state[k] = S(FREE, 0, 0, 0)
		:: else
		fi
	};
	state[b] = S(FREE, 0, 0, 0);
	x = head + MORE(c) + 1
}

/* What is left comes out once; then all is out, and every block free. */
inline judge()
{
	for (b : 0 .. NB - 1) {
		if
		:: KIND(state[b]) == RETURNED -> consume(b)
		:: else
		fi
	};
	do
	:: !FILLED(head) -> break
	:: else ->
		c = cell[head % CELLS];
		b = BLOCK(c);
		if
		:: IS_PACKET(state[b], head) -> drain_packet()
		:: IS_PUB(state[b], head) -> consume(b); behind(head, c)
		:: else -> behind(head, c)
		fi;
		head = x
	od;
	for (b : 1 .. VALUES) { assert(popped[b] == pushed[b]) };
	for (b : 0 .. NB - 1) { assert(KIND(state[b]) == FREE) }
}

/* A packet of the dead (0) is there, with messages from 1 on. */
inline preload()
{
	state[1] = S(PACKET, 0, 0, START);
	message[1] = 1;
	for (i : 0 .. MOST - 1) { pushed[1 + i] = true };
	cell[START % CELLS] = CELL(1, MOST - 1, 1);
	count = MOST;
	tail = START + MOST
}

init
{
	byte b, c, i, k, x;

	atomic {
		/* The cells before START were filled in its cycle. */
		for (i : 0 .. CELLS - 2) { cell[i] = CELL(1, 0, 0) };
#if SCRIPT == 1
		run Pusher(1, 1, 2, 2); run Popper(2, 3, 1);
		run Reaper(1, 2)
#elif SCRIPT == 2
		preload();
		run Popper(1, 1, 0); run Popper(2, 2, 0);
		run Reaper(1, 2)
#elif SCRIPT == 3
		preload();
		if
		:: state[1] = S(PACKET, 0, 1, START);
			out(1); count--; claims++
		:: skip
		fi;
		run Popper(1, 1, 0); run Popper(2, 1, MOST);
		run Reaper(1, 2)
#else
		preload();
		run Popper(1, 2, 0); run Pusher(2, 3, 2, 1);
		run Reaper(1, 2)
#endif
	};
	(_nr_pr == 1);
	atomic { judge() }
}
