/*
 * table.pml - the chains of a table, for spin: see lib/data/table.c.
 *
 * What is modelled. One bucket and its chain, links with versions and marks,
 * states with owner and life; every access to a shared word is a step of its
 * own. Writers put (insert, replace) and delete, with settle and purge; a
 * reader gets. Any client may be killed at any step, also the one that
 * recovers, while the others go on and while it is being recovered.
 * What is not: parts of long messages, memory orders (all is sequentially
 * consistent), more buckets. Freeing is one step.
 *
 * Bounds: 4 blocks, 2 keys, one death (two with SCRIPT 4), and
 *   SCRIPT 1  put and put of key 1, beside delete of key 1
 *   SCRIPT 2  two of the keys present: replace key 2 beside delete of key 1
 *   SCRIPT 3  replace twice, beside a reader who gets twice
 *   SCRIPT 4  replace and delete, killed, and who recovers killed as well
 *
 * What must hold: each write finds the table as the abstract map (now) says
 * at its one step; each get returns what the map held at some moment within
 * it; nobody frees a block that can be reached; at the end the chain holds
 * what the map says, and every other block is free.
 *
 * Controls, each of which must fail:
 *   -DTWO_STEPS     replace by deleting first
 *   -DNO_FIND       recovery frees what the dead had published, unlooked
 *   -DNO_VALIDATION a walk believes what it read
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#define NB     4
#define LAST   5 /* the highest client id */
#define FREE   0
#define OWNED  1
#define PUB    2
#define RET    3
#define NOBODY 0

#define S(kind, owner, life) ((kind) << 6 | (owner) << 3 | (life) & 7)
#define KIND(s)		     ((s) >> 6)
#define OWNER(s)	     ((s) >> 3 & 7)
#define LIFE(s)		     ((s) & 7)

#define IDX(w)		  ((w) & 7)
#define MARKED(w)	  ((w) >> 9)
#define AFTER(w, mark, i) ((mark) << 9 | ((w) + 8 & 504) | (i))

short link[NB + 1]; /* 0: the bucket */
short state[NB + 1];
byte key[NB + 1], value[NB + 1];
bool killed[LAST + 1], dead[LAST + 1];

/* What the table is to those who use it. */
byte now[3];
byte held_by[3]; /* bit v: key 1 or 2 had value v since the reader began */

inline become(k, v)
{
	now[k] = v;
	held_by[k] = held_by[k] | 1 << v
}

/* Free a block of ours, which must not be in the chain. */
inline release(b)
{
	atomic {
		x = IDX(link[0]);
		do
		:: x == 0 -> break
		:: else -> assert(x != b); x = IDX(link[x])
		od;
		state[b] = S(FREE, NOBODY, LIFE(state[b]) + 1)
	}
}

/* res: 0 absent, 1 present; then e, next, s, an, held, over say where. */
inline seek(k)
{
	res = 2;
	do
	:: res != 2 -> break
	:: else ->
		atomic { an = 0; held = link[0]; at = held; over = 0 };
		do
		:: IDX(at) == 0 -> res = 0; break
		:: else ->
			atomic { e = IDX(at); next = link[e] };
			s = state[e];
			x = key[e];
			atomic {
				if
#ifndef NO_VALIDATION
				:: link[an] != held -> break
#endif
				:: else
				fi;
				if
				:: MARKED(next) -> over = 1; at = next
				:: !MARKED(next) && x == k -> res = 1; break
				:: !MARKED(next) && x > k -> res = 0; break
				:: else ->
					an = e; held = next; over = 0; at = next
				fi
			}
		od
	od
}

/* Become the one who frees a dead entry. */
inline claim(b, was)
{
	atomic {
		mine = KIND(was) == PUB && KIND(state[b]) == PUB &&
			LIFE(state[b]) == LIFE(was);
		if
		:: mine -> state[b] = S(RET, me, LIFE(was))
		:: else
		fi
	}
}

/* Unlink what is dead; free what is ours, also what only others unlinked. */
inline purge()
{
	atomic { res = 2; kept = 0 };
	do
	:: res != 2 -> break
	:: else ->
		atomic { an = 0; held = link[0]; at = held };
		do
		:: IDX(at) == 0 -> res = 0; break
		:: else ->
			atomic { e = IDX(at); next = link[e] };
			s = state[e];
			atomic {
				if
				:: link[an] != held -> break
				:: else
				fi;
				if
				:: !MARKED(next) ->
					an = e; held = next; at = next; ok = 0
				:: else -> ok = 1
				fi
			};
			if
			:: !ok
			:: else ->
				claim(e, s);
				if
				:: !mine && KIND(state[e]) != RET -> break
				:: else
				fi;
				atomic {
					if
					:: link[an] == held ->
						held = AFTER(held, 0, IDX(next));
						link[an] = held;
						at = held
					:: else ->
						kept = kept | mine << e;
						break
					fi
				};
				if
				:: mine -> release(e)
				:: else
				fi
			fi
		od
	od;
	atomic { e = 1 };
	do
	:: kept == 0 -> break
	:: kept & 1 << e -> release(e); atomic { kept = kept & ~(1 << e); e++ }
	:: else -> e++
	od
}

/* The entry e, found by seek(), died by our hand; its link names to. */
inline settle(to)
{
	claim(e, s);
	if
	:: !mine
	:: else ->
		gone = e;
		atomic {
			if
			:: !over && link[an] == held ->
				link[an] = AFTER(held, 0, to); ok = 1
			:: else -> ok = 0
			fi
		};
		if
		:: !ok -> purge()
		:: else
		fi;
		release(gone)
	fi
}

/* CAS of the link of e, found by seek(), that marks it: the step of delete. */
inline mark(k, to, v)
{
	atomic {
		if
		:: link[e] == next ->
			link[e] = AFTER(next, 1, to);
			assert(now[k] == value[e]);
			become(k, v);
			ok = 1
		:: else -> ok = 0
		fi
	}
}

inline put(k, v)
{
	atomic {
		b = 1;
		do
		:: b > NB -> break
		:: b <= NB && KIND(state[b]) == FREE -> break
		:: else -> b++
		od;
		assert(b <= NB);
		state[b] = S(OWNED, me, LIFE(state[b]) + 1)
	};
	/* Nobody reads these while they belong to somebody's old copy of a link
	 * without looking at the anchor afterwards. */
	key[b] = k;
	value[b] = v;
	link[b] = AFTER(link[b], 0, 0);
	state[b] = S(PUB, me, LIFE(state[b]));
	done = 0;
	do
	:: done -> break
	:: else ->
		seek(k);
		if
		:: res == 0 && over -> purge()
		:: res == 0 && !over ->
			link[b] = AFTER(link[b], 0, IDX(held));
			atomic {
				if
				:: link[an] == held ->
					link[an] = AFTER(held, 0, b);
					assert(now[k] == 0);
					become(k, v);
					done = 1
				:: else
				fi
			}
		:: else ->
#ifdef TWO_STEPS
			mark(k, IDX(next), now[k]);
			if
			:: ok -> settle(IDX(next))
			:: else
			fi
#else
			link[b] = AFTER(link[b], 0, IDX(next));
			mark(k, b, v);
			if
			:: ok -> settle(b); done = 1
			:: else
			fi
#endif
		fi
	od
}

inline delete(k)
{
	done = 0;
	do
	:: done -> break
	:: else ->
		seek(k);
		if
		:: res == 0 -> done = 1
		:: else ->
			mark(k, IDX(next), 0);
			if
			:: ok -> settle(IDX(next)); done = 1
			:: else
			fi
		fi
	od
}

/* The map held what we return, at some moment since we began. */
inline get(k)
{
	atomic { held_by[k] = 1 << now[k]; done = 0 };
	do
	:: done -> break
	:: else ->
		seek(k);
		if
		:: res == 0 -> atomic { assert(held_by[k] & 1); done = 1 }
		:: else ->
			b = value[e];
			atomic {
				if
#ifdef NO_VALIDATION
				:: true
#else
				:: KIND(state[e]) >= PUB &&
					LIFE(state[e]) == LIFE(s)
#endif
					-> assert(held_by[k] & 1 << b); done = 1
				:: else
				fi
			}
		fi
	od
}

#define LOCALS                                                       \
	short held, at, next, s;                                     \
	byte an, e, b, x, gone, kept, res;                           \
	bool over, mine, ok, done

proctype Writer(byte me; byte script)
{
	LOCALS;
	{
		if
		:: script == 1 -> put(1, 1); put(1, 2)
		:: script == 2 -> delete(1)
		:: script == 3 -> put(2, 4)
		:: script == 4 -> put(1, 2); put(1, 3)
		:: script == 5 -> put(1, 2); delete(1)
		fi
	} unless { killed[me] };
	dead[me] = true
}

proctype Reader(byte me)
{
	LOCALS;
	get(1);
	get(1)
}

/* Is block i in the chain of its key? res: 0 no, 1 yes. */
inline find(i)
{
	res = 2;
	do
	:: res != 2 -> break
	:: else ->
		atomic { an = 0; held = link[0]; at = held };
		do
		:: IDX(at) == 0 -> res = 0; break
		:: else ->
			atomic { e = IDX(at); next = link[e] };
			atomic {
				if
				:: link[an] != held -> break
				:: e == i && link[an] == held -> res = 1; break
				:: else
				fi;
				if
				:: MARKED(next) -> at = next
				:: else -> an = e; held = next; at = next
				fi
			}
		od
	od
}

inline reclaim(i, was)
{
	atomic {
		if
		:: state[i] == was -> release(i)
		:: else
		fi
	}
}

inline recover()
{
	i = 1;
	do
	:: i > NB -> break
	:: else ->
		was = state[i];
		at = link[i];
		if
		:: KIND(was) == PUB && MARKED(at) -> purge()
		:: !(KIND(was) == PUB && MARKED(at)) && dead[OWNER(was)] ->
			if
			:: KIND(was) == OWNED -> reclaim(i, was)
			:: KIND(was) == RET -> purge(); reclaim(i, was)
			:: KIND(was) == PUB ->
#ifdef NO_FIND
				res = 0;
#else
				find(i);
#endif
				atomic {
					if
					:: res == 1 && state[i] == was ->
						state[i] =
							S(PUB, 0, LIFE(was))
					:: else
					fi
				};
				if
				:: res == 0 -> reclaim(i, was)
				:: else
				fi
			:: else
			fi
		:: else
		fi;
		i++
	od
}

/* Kill one of the clients from first to last, or nobody, and recover. */
proctype Reaper(byte me; byte first; byte last)
{
	LOCALS;
	byte i;
	short was;

	{
		if
		:: i = first
		:: i = last
		fi;
		killed[i] = true;
		/* A lock that is free says that its holder is gone. */
		(dead[i] && (dead[1] || !killed[1]));
		recover()
	} unless { killed[me] };
	dead[me] = true
}

/* The chain holds what the map says, and all else is free. */
inline judge()
{
	x = IDX(link[0]);
	do
	:: x == 0 -> break
	:: else ->
		if
		:: MARKED(link[x]) -> assert(false)
		:: else
		fi;
		assert(KIND(state[x]) == PUB);
		assert(now[key[x]] == value[x]);
		now[key[x]] = 0;
		state[x] = 0;
		x = IDX(link[x])
	od;
	assert(now[1] == 0 && now[2] == 0);
	for (x : 1 .. NB) { assert(KIND(state[x]) == FREE) }
}

init
{
	byte x;

	atomic {
		now[0] = 0;
#if SCRIPT > 1
		/* Keys 1 and 2 are there, in blocks 1 and 2. */
		link[0] = 1;
		key[1] = 1; value[1] = 1; state[1] = S(PUB, NOBODY, 1);
		link[1] = 2;
		key[2] = 2; value[2] = 5; state[2] = S(PUB, NOBODY, 1);
		now[1] = 1; now[2] = 5;
#endif
#if SCRIPT == 1
		run Writer(1, 1); run Writer(2, 2);
		run Reaper(4, 1, 2)
#elif SCRIPT == 2
		run Writer(1, 3); run Writer(2, 2);
		run Reaper(4, 1, 2)
#elif SCRIPT == 3
		run Writer(1, 4); run Reader(3);
		run Reaper(4, 1, 1)
#else
		run Writer(1, 5);
		run Reaper(4, 1, 1); run Reaper(5, 4, 4)
#endif
	};
	(_nr_pr == 1);
	atomic { judge() }
}
