/*
 * table_one.pml - a table with one writer, for spin: see lib/data/table_one.c.
 *
 * What is modelled. Lines of one word, most keys with the same home line;
 * records with life, key and value, heads of longer values with their owner;
 * every access to a shared word is a step of its own. A record is written
 * anew as soon as no word names it: it does not rest. Writers follow each
 * other as they are killed, each at any step, also while it mends; recovery
 * of the dead goes on beside the next writer, and may be killed as well.
 * What is not: tags, parts of long values, memory orders (all is sequentially
 * consistent). Freeing is one step.
 *
 * Bounds: 3 lines, 4 records, 3 keys, 3 heads, and
 *   SCRIPT 1  replace key 1 and insert key 2, beside a reader of key 2
 *   SCRIPT 2  key 2 moves from line 1 to line 0, beside a reader of it
 *   SCRIPT 3  key 3 passes two lines, killed; who mends is killed; all is
 *             deleted
 *   SCRIPT 4  longer values: replace and delete, killed, and two recoverers,
 *             of whom one is killed, beside the next writer
 *   SCRIPT 5  longer values: replace, killed, recovered beside the next writer
 *             and a reader
 *
 * What must hold: each get returns what the abstract map (now) held at some
 * moment within it; no line is passed less often than invariant 2 says, and
 * in the end exactly as often; nobody frees a head that is in its place, and
 * in the end all others are free.
 *
 * Controls, each of which must fail:
 *   -DNO_LIFE       a reader believes what it read
 *   -DNO_HEAD       the same of a longer value, whose record lives on
 *   -DPASSED_LATE   passed grows after the word appeared
 *   -DMEND_FORWARD  mending begins at home
 *   -DNO_FIND       recovery frees what the dead had published, unlooked
 *   -DNO_ADOPT      the word is replaced before the head is adopted
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#define LONG   (SCRIPT >= 4)
#define NL     3
#define NR     4
#define NH     3
#define KEYS   3
#define LAST   6 /* the highest client id */
#define FREE   0
#define OWNED  1
#define PUB    2

#define S(kind, owner) ((kind) << 4 | (owner))
#define KIND(s)	       ((s) >> 4)
#define OWNER(s)       ((s) & 15)

#define W(r)  (life[r] << 3 | (r)) /* what names a record as it lives now */
#define REC(w) ((w) & 7)
#define LIFE(w) ((w) >> 3)

byte word[NL], passed[NL];
byte life[NR + 1], key[NR + 1], value[NR + 1], spill[NR + 1];
byte state[NH + 1], bytes[NH + 1], holder[NH + 1];
bool mending;
bool killed[LAST + 1], dead[LAST + 1];

/* What the table is to those who use it. */
byte now[KEYS + 1];
byte held_by[KEYS + 1]; /* bit v: it had value v since the reader began */

inline become(k, v)
{
	now[k] = v;
	held_by[k] = held_by[k] | 1 << v
}

/* The home line of a key. */
#define HOME(k) (SCRIPT == 3 && (k) == 2 -> 1 : 0)

/* Keys behind line l that belong to it or to one before it. */
inline count_behind(l)
{
	n = 0;
	x = l + 1;
	do
	:: x >= NL -> break
	:: else ->
		n = n + (word[x] != 0 && HOME(key[REC(word[x])]) <= l);
		x++
	od
}

/* Invariant 2, which the change of a word could break. */
inline check_passed()
{
	y = 0;
	do
	:: y >= NL -> break
	:: else -> count_behind(y); assert(passed[y] >= n); y++
	od;
	x = 0; y = 0; n = 0
}

/* Free a head, which must not be in its place. */
inline release(h)
{
	atomic {
		x = 0;
		do
		:: x >= NL -> break
		:: else ->
			assert(word[x] == 0 || spill[REC(word[x])] != h);
			x++
		od;
		bytes[h] = 0;
		state[h] = S(FREE, 0);
		x = 0
	}
}

/* ---- the writer ---- */

/* at: the line of the key, NL: none. What only he changes he reads at once. */
inline find(k)
{
	atomic {
		at = 0;
		do
		:: at >= NL -> break
		:: at < NL && word[at] != 0 && key[REC(word[at])] == k -> break
		:: else -> at++
		od
	}
}

/* A record that no word names: nobody's. */
inline take()
{
	atomic {
		r = 1;
		do
		:: r > NR -> break
		:: r <= NR && REC(word[0]) != r && REC(word[1]) != r &&
			REC(word[2]) != r -> break
		:: else -> r++
		od;
		assert(r <= NR)
	}
}

inline hang(v)
{
	atomic {
		h = 1;
		do
		:: h > NH -> break
		:: h <= NH && state[h] == S(FREE, 0) -> break
		:: else -> h++
		od;
		assert(h <= NH);
		state[h] = S(OWNED, me)
	};
	bytes[h] = v;
	holder[h] = r;
	spill[r] = h;
	state[h] = S(PUB, me)
}

inline write(k, v)
{
	take();
	life[r]++;
	key[r] = k;
	spill[r] = 0;
	value[r] = v;
	if
	:: LONG -> hang(v)
	:: else
	fi
}

inline adopt()
{
	atomic {
		h = spill[REC(word[at])];
		if
		:: h != 0 && KIND(state[h]) == PUB -> state[h] = S(PUB, me)
		:: else
		fi
	}
}

/* What the record r held is no more. */
inline give_up()
{
	h = spill[r];
	if
	:: h != 0 && state[h] == S(PUB, me) ->
		life[r]++;
		spill[r] = 0;
		state[h] = S(OWNED, me);
		release(h)
	:: else
	fi
}

inline pass(k, by)
{
	l = HOME(k);
	do
	:: l >= at -> break
	:: else -> passed[l] = passed[l] + by; l++
	od
}

inline put(k, v)
{
	find(k);
	write(k, v);
	if
	:: at < NL ->
#ifndef NO_ADOPT
		adopt();
#endif
		atomic { old = REC(word[at]); word[at] = W(r); become(k, v) };
		r = old;
#ifdef NO_ADOPT
		atomic {
			h = spill[r];
			if
			:: h != 0 && KIND(state[h]) == PUB ->
				state[h] = S(PUB, me)
			:: else
			fi
		};
#endif
		give_up()
	:: else ->
		atomic {
			at = 0;
			do
			:: at >= NL -> break
			:: at < NL && word[at] == 0 -> break
			:: else -> at++
			od;
			assert(at < NL)
		};
		if
		:: at > HOME(k) -> mending = true
		:: else
		fi;
#ifdef PASSED_LATE
		atomic { word[at] = W(r); become(k, v) };
		pass(k, 1);
#else
		pass(k, 1);
		atomic { word[at] = W(r); become(k, v); check_passed() };
#endif
		if
		:: at > HOME(k) -> mending = false
		:: else
		fi
	fi
}

inline delete(k)
{
	find(k);
	if
	:: at >= NL
	:: else ->
		if
		:: at > HOME(k) -> mending = true
		:: else
		fi;
		adopt();
		atomic { r = REC(word[at]); word[at] = 0; become(k, 0) };
		l = at;
		do
		:: l == HOME(k) -> break
		:: else -> l--; passed[l] = passed[l] - 1
		od;
		if
		:: at > HOME(k) -> mending = false
		:: else
		fi;
		give_up()
	fi
}

inline mend_line()
{
	atomic { count_behind(l); at = n; n = 0; x = 0 };
	passed[l] = at
}

inline mend()
{
	l = 0;
#ifdef MEND_FORWARD
	do
	:: l >= NL || passed[l] == 0 -> break
	:: else -> mend_line(); l++
	od;
#else
	do
	:: l >= NL || passed[l] == 0 -> break
	:: else -> l++
	od;
	do
	:: l == 0 -> break
	:: else -> l--; mend_line()
	od;
#endif
	mending = false
}

#define LOCALS byte at, r, h, l, n, x, y, old

/* The role is a lock: it is free when its holder is gone. */
proctype Writer(byte me; byte after; byte script)
{
	LOCALS;
	(dead[after]);
	{
		if
		:: mending -> mend()
		:: else
		fi;
		if
		:: script == 1 -> put(1, 2); put(2, 3)
		:: script == 2 -> put(1, 4)
		:: script == 3 -> delete(1); put(2, 3); delete(2); put(2, 4)
		:: script == 4 -> put(3, 3); put(3, 4); delete(2)
		:: script == 5 -> delete(1); delete(2); delete(3)
		:: script == 6 -> put(1, 2); delete(1)
		:: script == 7
		:: script == 8 -> put(1, 3)
		fi
	} unless { killed[me] };
	dead[me] = true
}

proctype Killer(byte victim)
{
	killed[victim] = true
}

/* ---- the reader ---- */

inline get(k)
{
	atomic { held_by[k] = 1 << now[k]; l = 0 };
	do
	:: w = word[l];
		if
		:: w == 0 -> hit = false
		:: else ->
			hit = key[REC(w)] == k;
			if
			:: hit && LONG ->
				x = spill[REC(w)];
				v = bytes[x];
				if
#ifndef NO_HEAD
				:: KIND(state[x]) != PUB -> goto once_more
				:: KIND(state[x]) == PUB &&
					holder[x] != REC(w) -> goto once_more
#endif
				:: else
				fi
			:: hit && !LONG -> v = value[REC(w)]
			:: else
			fi;
			if
#ifndef NO_LIFE
			:: life[REC(w)] != LIFE(w) -> goto once_more
#endif
			:: else
			fi
		fi;
		if
		:: hit -> atomic { assert(held_by[k] & 1 << v); break }
		:: else ->
			v = passed[l];
			if
			:: v == 0 || l == NL - 1 ->
				atomic { assert(held_by[k] & 1); break }
			:: else -> l++
			fi
		fi;
once_more:
		skip
	od;
	atomic { v = 0; w = 0; x = 0; l = 0; hit = false }
}

proctype Reader(byte k)
{
	byte l, w, v, x;
	bool hit;
	byte times;

	do
	:: times == (LONG -> 1 : 2) -> break
	:: else -> times++; get(k)
	od
}

/* ---- recovery ---- */

inline recover(client)
{
	h = 1;
	do
	:: h > NH -> break
	:: else ->
		was = state[h];
		if
		:: was == S(OWNED, client) ->
			atomic {
				if
				:: state[h] == was -> release(h)
				:: else
				fi
			}
		:: was == S(PUB, client) ->
			r = holder[h];
			found = false;
			l = 0;
#ifndef NO_FIND
			do
			:: l >= NL || found -> break
			:: else ->
				y = word[l];
				if
				:: y != 0 && REC(y) == r ->
					found = spill[r] == h
				:: else
				fi;
				l++
			od;
#endif
			atomic {
				if
				:: state[h] != was
				:: state[h] == was && found ->
					state[h] = S(PUB, 0)
				:: else -> release(h)
				fi
			}
		:: else
		fi;
		h++
	od
}

proctype Reaper(byte me; byte after; byte victim)
{
	LOCALS;
	byte was;
	bool found;

	(dead[after] && dead[victim]);
	{
		recover(victim)
	} unless { killed[me] };
	dead[me] = true
}

/* ---- the end ---- */

inline judge()
{
	x = 0;
	do
	:: x >= NL -> break
	:: else ->
		r = REC(word[x]);
		if
		:: word[x] == 0
		:: else ->
			assert(life[r] == LIFE(word[x]));
			assert(now[key[r]] == value[r]);
			now[key[r]] = 0;
			h = spill[r];
			if
			:: LONG ->
				assert(KIND(state[h]) == PUB && holder[h] == r);
				state[h] = 0
			:: else
			fi
		fi;
		x++
	od;
	assert(now[1] == 0 && now[2] == 0 && now[3] == 0);
	h = 1;
	do
	:: h > NH -> break
	:: else -> assert(KIND(state[h]) == FREE); h++
	od;
	l = 0;
	do
	:: l >= NL -> break
	:: else ->
		count_behind(l);
		assert(passed[l] == n || (mending && passed[l] > n));
		l++
	od
}

inline place(line, k, v)
{
	key[line + 1] = k;
	value[line + 1] = v;
	life[line + 1] = 1;
	word[line] = W(line + 1);
	now[k] = v
}

init
{
	LOCALS;

	atomic {
		dead[0] = true;
		place(0, 1, 1);
#if SCRIPT == 1
		run Writer(1, 0, 1); run Writer(2, 1, 2);
		run Killer(1); run Reader(2)
#elif SCRIPT == 2
		place(1, 2, 5);
		passed[0] = 1;
		run Writer(1, 0, 3); run Writer(2, 1, 2);
		run Killer(1); run Reader(2)
#elif SCRIPT == 3
		place(1, 2, 5);
		run Writer(1, 0, 4); run Writer(2, 1, 7); run Writer(3, 2, 5);
		run Killer(1); run Killer(2)
#else
		bytes[1] = 1;
		holder[1] = 1;
		spill[1] = 1;
		state[1] = S(PUB, 0);
#if SCRIPT == 4
		run Writer(1, 0, 6); run Writer(2, 1, 2); run Killer(1);
		run Reaper(4, 1, 1); run Killer(4); run Reaper(5, 4, 1)
#else
		run Writer(1, 0, 2); run Writer(2, 1, 8); run Killer(1);
		run Reaper(4, 1, 1); run Reader(1)
#endif
#endif
	};
	(_nr_pr == 1);
	atomic { judge() }
}
