/*
 * heap.pml - the turns of a heap, for spin: see lib/data/heap.c.
 *
 * What is modelled. One heap with two children to a node; turns in a root,
 * done by whoever comes by, cell by cell, and with -DPLAN a path at a time, as
 * planned before; batches of two; claims and returns of blocks. Every access to a shared word is a step
 * of its own; a cell is one word. Any client may be killed at any step, while
 * the others go on. Then somebody recovers, who may be killed as well.
 * What is not: messages, memory orders (all is sequentially consistent),
 * renewed versions (there are too few to come again), priorities that differ
 * in nothing but the header.
 *
 * Bounds: up to 4 messages, two clients and the recoverer, one death (two with
 * SCRIPT 5), and
 *   SCRIPT 1  pop beside push, of 1 message
 *   SCRIPT 2  pop beside pop, of 2 messages
 *   SCRIPT 3  pop of two at once beside pop, of 3 messages
 *   SCRIPT 4  push of two at once beside pop, of 1 message
 *   SCRIPT 5  pop, killed, of 2 messages; its recoverer killed as well
 *
 * What must hold: each turn finds the heap as the abstract one (there) says
 * when it is put into the root, and a pop the first message; at the end the
 * messages that are there, and no others, come out, in order, each once, and
 * nothing is left of the dead.
 *
 * The tests search SCRIPT 5, with the controls NO_SETTLE and DONE_FIRST; of the
 * others histories (race/linear_heap.c) and kills are the evidence.
 *
 * Controls:
 *   -DLATE       who is late does not look at the root again
 *   -DNO_PAST    nor, within a batch, whether others have gone on
 *   -DCLAIM_NEXT who claims looks again for what is first
 *   -DNO_SETTLE  recovery does not do the turn of the dead first
 *   -DDONE_FIRST a turn is called done before it is
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#define NB   5
#define LAST 4 /* the highest client id */

/* Keys hold the order of pushing in their last bits. */
#define C(key, block, version) ((key) << 8 | (block) << 4 | (version))
#define KEY(c)		       ((c) >> 8)
#define BLOCK(c)	       ((c) >> 4 & 15)
#define VERSION(c)	       ((c)&15)

#define FREE	 0
#define PENDING	 1
#define PUB	 2
#define HELD	 3
#define RETURNED 4

#define S(kind, owner, ticket) ((kind) << 8 | (owner) << 4 | (ticket))
#define KIND(s)		       ((s) >> 8)
#define OWNER(s)	       ((s) >> 4 & 15)

#define PUSH   1
#define POP    2
#define RETURN 3

short cell[6];
byte rversion, rop, rclient, rblock, rcount, rmany; /* the root */
byte done;
short state[NB + 1];
byte key[NB + 1], row[NB + 1];

bool there[NB + 1]; /* the abstract heap */
bool killed[LAST + 1], ended[LAST + 1];
byte deaths;

/* What the abstract heap has first, 0: nothing. */
inline first_there(f)
{
	f = 0;
	x = 1;
	do
	:: x > NB -> break
	:: else ->
		if
		:: there[x] && (f == 0 || key[x] < key[f]) -> f = x
		:: else
		fi;
		x++
	od
}

/* cur: what was read before was read while the job was there to do. */
inline look_current()
{
#ifdef LATE
	cur = true;
#else
	cur = rversion == v;
	if
#ifdef NO_PAST
	:: true
#else
	:: cur && many > 1 && op == POP ->
		at = VERSION(cell[0]) - (v - many + 1) & 15;
		cur = !(at > number && at < many)
	:: cur && many > 1 && op == PUSH ->
		cur = state[b] == S(PENDING, client, w)
	:: else
#endif
	fi
#endif
}

/* over: 0 done, 1 the job was done by others, 2 go cell by cell. */
inline swap_cell(j, from, to)
{
	atomic {
		if
		:: cell[j] == from -> cell[j] = to; over = 0
		:: else -> over = 2
		fi
	}
}

/* Which of the children of i is first: next, l; next 0: none. */
inline look_children()
{
	next = 0;
	l = last;
	if
	:: 2 * i + 1 < count ->
		c2 = cell[2 * i + 1];
		if
		:: KEY(c2) < KEY(l) -> next = 2 * i + 1; l = c2
		:: else
		fi
	:: else
	fi;
	if
	:: 2 * i + 2 < count ->
		c2 = cell[2 * i + 2];
		if
		:: KEY(c2) < KEY(l) -> next = 2 * i + 2; l = c2
		:: else
		fi
	:: else
	fi
}

inline take_path()
{
	look_current();
	if
	:: !cur -> over = 1
	:: else ->
		i = 0;
		over = 0;
		do
		:: i == steps || over -> break
		:: else -> swap_cell(pi[i], po[i], pn[i]); i++
		od
	fi
}

/* What a client does not need any more makes no states. */
inline forget_path()
{
	d_step {
		pi[0] = 0; pi[1] = 0; pi[2] = 0;
		po[0] = 0; po[1] = 0; po[2] = 0;
		pn[0] = 0; pn[1] = 0; pn[2] = 0;
		steps = 0; l = 0; c = 0; c2 = 0; next = 0; i = 0; cur = false
	}
}

inline forget()
{
	d_step {
		forget_path();
		last = 0; s = 0; t = 0; at = 0; w = 0; number = 0; count = 0
	}
}

inline add_step(j, from, to)
{
	pi[steps] = j;
	po[steps] = from;
	pn[steps] = to;
	steps++
}

/* What is last goes where it belongs from cell 0 down. */
inline sink()
{
	last = cell[count];
#ifdef PLAN
	i = 0;
	steps = 0;
	over = 0;
	do
	:: true ->
		c = cell[i];
		if
		:: VERSION(c) == w -> over = 2; break
		:: else
		fi;
		look_children();
		add_step(i, c, C(KEY(l), BLOCK(l), w));
		i = next;
		if
		:: i == 0 -> break
		:: else
		fi
	od;
	if
	:: over == 0 -> take_path()
	:: else
	fi;
	forget_path();
#else
	over = 2;
#endif
	i = 0;
	do
	:: over != 2 -> break
	:: else ->
		c = cell[i];
		if
		:: VERSION(c) == w && BLOCK(c) == BLOCK(last) -> over = 0
		:: VERSION(c) == w && BLOCK(c) != BLOCK(last) ->
			next = 0;
			if
			:: 2 * i + 1 < count ->
				c2 = cell[2 * i + 1];
				if
				:: VERSION(c2) == w || BLOCK(c2) == BLOCK(c) ->
					next = 2 * i + 1
				:: else
				fi
			:: else
			fi;
			if
			:: next == 0 && 2 * i + 2 < count ->
				c2 = cell[2 * i + 2];
				if
				:: VERSION(c2) == w || BLOCK(c2) == BLOCK(c) ->
					next = 2 * i + 2
				:: else
				fi
			:: else
			fi;
			if
			:: next == 0 ->
				look_current();
				assert(!cur);
				over = 1
			:: else -> i = next
			fi
		:: else ->
			look_children();
			look_current();
			if
			:: !cur -> over = 1
			:: else ->
				swap_cell(i, c, C(KEY(l), BLOCK(l), w));
				if
				:: over == 0 && next -> i = next; over = 2
				:: else
				fi
			fi
		fi
	od
}

/* Block b goes where it belongs from the cell at leaf up. */
inline rise()
{
	last = C(key[b], b, w);
#ifdef PLAN
	i = count;
	steps = 0;
	over = 0;
	do
	:: true ->
		c = cell[i];
		if
		:: VERSION(c) == w -> over = 2; break
		:: else
		fi;
		l = last;
		if
		:: i > 0 ->
			c2 = cell[(i - 1) / 2];
			if
			:: KEY(last) < KEY(c2) -> l = C(KEY(c2), BLOCK(c2), w)
			:: else
			fi
		:: else
		fi;
		add_step(i, c, l);
		if
		:: l == last -> break
		:: else -> i = (i - 1) / 2
		fi
	od;
	if
	:: over == 0 -> take_path()
	:: else
	fi;
	forget_path();
#else
	over = 2;
#endif
	i = count;
	do
	:: over != 2 -> break
	:: else ->
		c = cell[i];
		if
		:: VERSION(c) == w && BLOCK(c) == b -> over = 0
		:: VERSION(c) == w && BLOCK(c) != b ->
			if
			:: i == 0 ->
				look_current();
				assert(!cur);
				over = 1
			:: else -> i = (i - 1) / 2
			fi
		:: else ->
			l = last;
			if
			:: i > 0 ->
				c2 = cell[(i - 1) / 2];
				if
				:: KEY(last) < KEY(c2) ->
					l = C(KEY(c2), BLOCK(c2), w)
				:: else
				fi
			:: else
			fi;
			look_current();
			if
			:: !cur -> over = 1
			:: else ->
				swap_cell(i, c, l);
				if
				:: over == 0 && l != last ->
					i = (i - 1) / 2;
					over = 2
				:: else
				fi
			fi
		fi
	od
}

inline do_entry()
{
	s = state[b];
	if
	:: op == PUSH && s == S(PENDING, client, w) ||
			op == RETURN && KIND(s) == RETURNED ->
		count = n - many + number;
		rise();
		if
		:: over == 0 ->
			atomic {
				if
				:: state[b] == s -> state[b] = S(PUB, client, w)
				:: else
				fi
			}
		:: else
		fi
	:: else
	fi;
	c = row[b];
	if
	:: number + 1 < many && rversion == v -> b = c
	:: else
	fi
}

inline do_claim()
{
	t = cell[0];
	at = VERSION(t) - (v - many + 1) & 15;
	if
	:: at > number && at < many
	:: else ->
		over = 0;
		if
		:: at != number ->
#ifdef CLAIM_NEXT
			t = cell[0];
#endif
			s = state[BLOCK(t)];
			look_current();
			if
			:: !cur -> over = 1
			:: cur && KIND(s) == PUB ->
				atomic {
					if
					:: state[BLOCK(t)] == s ->
						state[BLOCK(t)] = S(HELD,
							client, s & 15)
					:: else
					fi
				}
			:: else
			fi
		:: else
		fi;
		if
		:: over == 0 -> count = n + many - 1 - number; sink()
		:: else
		fi
	fi
}

/* Do the turn that was read: v, op, client, b, n, many. */
inline complete()
{
#ifdef DONE_FIRST
	done = v;
#endif
	number = 0;
	over = 0;
	do
	:: number == many -> break
	:: else ->
		w = v - many + 1 + number & 15;
		if
		:: op == POP -> do_claim()
		:: else -> do_entry()
		fi;
		if
		:: over == 1 && rversion != v -> break
		:: else
		fi;
		number++;
		over = 0
	od;
	if
	:: over == 0 -> done = v
	:: else
	fi;
	forget()
}

inline read_root()
{
	atomic {
		v = rversion;
		op = rop;
		client = rclient;
		b = rblock;
		n = rcount;
		many = rmany
	}
}

inline settle()
{
	do
	:: true ->
		read_root();
		if
		:: done == v -> break
		:: else -> complete()
		fi
	od
}

#define TURN(o, block, c, m)                                            \
	rversion = v + (m); rop = o; rclient = me; rblock = block;      \
	rcount = c; rmany = m; v = rversion; op = o; client = me;       \
	b = block; n = c; many = m

/* Enter m blocks, from f on. */
inline push(f, m)
{
	do
	:: true ->
		settle();
		x = 0;
		do
		:: x == m -> break
		:: else ->
			/* The block is ours: who sees it sees all of this. */
			atomic {
				key[f + x] = (key[f + x] & 240) | v + 1 + x;
				row[f + x] = f + x + 1;
				state[f + x] = S(PENDING, me, v + 1 + x);
				x++
			}
		od;
		atomic {
			if
			:: rversion == v ->
				there[f] = true;
				if
				:: m == 2 -> there[f + 1] = true
				:: else
				fi;
				TURN(PUSH, f, n + m, m);
				over = 0
			:: else -> over = 1
			fi
		};
		if
		:: over == 0 -> complete(); break
		:: else
		fi
	od
}

/* Take m messages, and be done with them. */
inline pop(m)
{
	do
	:: true ->
		settle();
		if
		:: n < m ->
			atomic {
				if
				:: rversion == v ->
					first_there(f);
					assert(m == 2 || f == 0);
					got = 0;
					over = 0
				:: else -> over = 1
				fi
			}
		:: else ->
			c = cell[0];
			atomic {
				if
				:: rversion == v ->
					first_there(f);
					assert(f == BLOCK(c));
					got = f;
					there[f] = false;
					got2 = 0;
					if
					:: m == 2 ->
						first_there(got2);
						there[got2] = false
					:: else
					fi;
					TURN(POP, got, n - m, m);
					over = 0
				:: else -> over = 1
				fi
			};
			if
			:: over == 0 -> complete(); over = 0
			:: else
			fi
		fi;
		if
		:: over == 0 -> break
		:: else
		fi
	od;
	if
	:: got ->
		assert(state[got] >> 4 == (S(HELD, me, 0) >> 4));
		state[got] = S(FREE, 0, 0);
		if
		:: got2 ->
			assert(state[got2] >> 4 == (S(HELD, me, 0) >> 4));
			state[got2] = S(FREE, 0, 0)
		:: else
		fi
	:: else
	fi
}

#define LOCALS                                                        \
	byte v, op, client, b, n, many, number, w, over, i, next;     \
	byte steps, at, count, x, f, got, got2;                       \
	byte pi[4];                                                   \
	short po[4], pn[4];                                           \
	short c, c2, l, last, s, t;                                   \
	bool cur

proctype worker(byte me)
{
	LOCALS;
	{
#if SCRIPT == 1
		if
		:: me == 1 -> pop(1)
		:: else -> push(4, 1)
		fi
#elif SCRIPT == 2
		pop(1)
#elif SCRIPT == 3
		if
		:: me == 1 -> pop(2)
		:: else -> pop(1)
		fi
#elif SCRIPT == 4
		if
		:: me == 1 -> push(2, 2)
		:: else -> pop(1)
		fi
#else
		pop(1)
#endif
	} unless { killed[me] };
	ended[me] = true
}

proctype killer()
{
	do
	:: deaths > 0 && !ended[1] && !killed[1] ->
		atomic { killed[1] = true; deaths-- }
	:: deaths > 0 && !ended[3] && !killed[3] && ended[1] && SCRIPT == 5 ->
		atomic { killed[3] = true; deaths-- }
	:: break
	od
}

/* Undo or finish what the dead left: those with an id up to most. */
inline recover(most)
{
#ifndef NO_SETTLE
	settle();
#endif
	f = 1;
	do
	:: f > NB -> break
	:: else ->
		s = state[f];
		if
		:: OWNER(s) && OWNER(s) <= most && killed[OWNER(s)] &&
				KIND(s) == PENDING ->
			atomic {
				if
				:: state[f] == s -> state[f] = S(FREE, 0, 0)
				:: else
				fi
			}
		:: OWNER(s) && OWNER(s) <= most && killed[OWNER(s)] &&
				(KIND(s) == HELD || KIND(s) == RETURNED) ->
			atomic {
				if
				:: state[f] == s ->
					state[f] = S(RETURNED, me, s & 15);
					over = 0
				:: else -> over = 1
				fi
			};
			do
			:: over -> break
			:: else ->
				settle();
				atomic {
					if
					:: rversion == v ->
						there[f] = true;
						TURN(RETURN, f, n + 1, 1);
						over = 0
					:: else -> over = 1
					fi
				};
				if
				:: over == 0 -> complete(); over = 1
				:: else -> over = 0
				fi
			od
		:: else
		fi;
		f++
	od
}

proctype recoverer(byte me)
{
	LOCALS;
	{
		recover(2)
	} unless { killed[me] };
	ended[me] = true
}

/* The last one finds all in order. */
proctype judge(byte me)
{
	LOCALS;

	recover(3);
	do
	:: true ->
		pop(1);
		if
		:: got == 0 -> break
		:: else
		fi
	od;
	f = 1;
	do
	:: f > NB -> break
	:: else ->
		assert(KIND(state[f]) == FREE && !there[f]);
		f++
	od
}

inline put(j, k, block)
{
	key[block] = (k) << 4;
	cell[j] = C(key[block], block, 0);
	state[block] = S(PUB, 0, block);
	there[block] = true;
	rcount = j + 1
}

init
{
	atomic {
		rmany = 1;
		/* Versions of cells are those of turns before the first. */
		rversion = 1;
		done = 1;
		deaths = 1;
#if SCRIPT == 1
		put(0, 3, 1);
		key[4] = 2 << 4;
#elif SCRIPT == 2
		put(0, 1, 1); put(1, 3, 2);
#elif SCRIPT == 3
		put(0, 1, 1); put(1, 2, 2); put(2, 4, 3);
#elif SCRIPT == 4
		put(0, 3, 1);
		key[2] = 2 << 4;
		key[3] = 1 << 4;
#else
		put(0, 1, 1); put(1, 3, 2);
		deaths = 2;
		ended[2] = true;
#endif
		run worker(1);
#if SCRIPT != 5
		run worker(2);
#endif
		run killer()
	};
	ended[1];
	run recoverer(3);
	ended[1] && ended[2] && ended[3];
	run judge(4)
}
