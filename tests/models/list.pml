/*
 * list.pml - the helped operations of a list, for spin: see lib/data/list.c.
 *
 * What is modelled. The root with its operation, both links of every block
 * with their versions, and the states; every access to a shared word is a step
 * of its own. Clients each do one or two operations; who finds one in the root
 * carries it out. Those that are mortal may be killed at each step, two deaths
 * in all, and are recovered by others, of whom one may be killed as well:
 * what they had taken is put back, what they had not entered is freed. A
 * reader walks and never writes. What is not: messages, the count, memory
 * orders (all is sequentially consistent). Freeing is one step.
 *
 * Bounds: 4 blocks, of which 1 and 2 are in the list at first, and
 *   SCRIPT 1  push front and pop front; beside them pop back, killed
 *   SCRIPT 2  insert behind 1, killed; 1 is removed, killed
 *   SCRIPT 3  pop front, killed; put back by one who is killed, and another
 *   SCRIPT 4  1 is removed, then push front, killed; a reader takes a step
 *   SCRIPT 5  pop front and pop front, beside push front and pop back
 *
 * What must hold. The abstract list (row) is changed when an operation is
 * installed. Whenever the root is cleared, the links of both directions are
 * those of row, and what is in it is PUBLISHED and has no owner. A step of the
 * reader gives the neighbour in row at some moment of the step. In the end no
 * block is anybody's, and row has what was inserted and neither consumed nor
 * removed: nothing that was taken by the dead is lost.
 *
 * Controls, each of which must fail:
 *   -DNO_STILL    a link is written without looking at the root again
 *   -DNO_VERSION  links come again
 *   -DSTATE_LATE  the root is cleared before the state is changed
 *   -DNO_CONFIRM  an insertion leaves the owner in the state
 *   -DPUT_LOST    who puts back says PUBLISHED, not RETURNED
 *   -DWALK_BLIND  a reader does not look at the root again
 */
#ifndef SCRIPT
#define SCRIPT 1
#endif

#define NB 4
#define NEXT 0
#define PREV 1

/* Kinds of states. */
#define FREE    0
#define OWNED   1
#define PUB     2
#define RET     3
#define HELD    4
#define RETIRED 5

/* Operations in the root. */
#define NONE   0
#define INSERT 1
#define TAKE   2
#define REMOVE 3

/* What a client is about. */
#define PUSH   1 /* at a side */
#define POP    2
#define BESIDE 3 /* insert on a side of block 1 */
#define OUT    4 /* remove block 1 */
#define BACK   5 /* put a block back in front */

#ifdef NO_VERSION
#define V(x) 0
#else
#define V(x) (x)
#endif

typedef Block {
	byte link[2];
	byte made[2];
	byte kind, owner, version
};

Block b[NB + 1];
byte r_op, r_block, r_client, r_version;

byte row[NB + 1], rows;      /* the abstract list */
byte came, gone;             /* inserted; consumed or removed */
bool killed[7], locked[7];
byte deaths, running;

#define STILL	    (r_version == s_version)
#define ENTERED(k)  ((k) == PUB || (k) == RET)
#define IS_DONE(me) (mine_version && (r_op == NONE || r_version != mine_version))

inline may_die(mortal)
{
	if
	:: mortal && deaths < 2 -> deaths++; goto dead
	:: skip
	fi
}

/* ---- the abstract list; all of it within one step ---- */

inline row_insert(place, block)
{
	n = rows;
	do
	:: n > place -> row[n] = row[n - 1]; n--
	:: else -> break
	od;
	row[place] = block;
	rows++
}

inline row_find(block)
{
	at = 0;
	do
	:: at < rows && row[at] != block -> at++
	:: else -> break
	od
}

inline row_remove(block)
{
	row_find(block);
	assert(at < rows);
	do
	:: at + 1 < rows -> row[at] = row[at + 1]; at++
	:: else -> break
	od;
	rows--;
	row[rows] = 0
}

inline check_links()
{
	n = 0;
	at = 0;
	do
	:: n < rows ->
		assert(b[at].link[NEXT] == row[n] && b[row[n]].link[PREV] == at);
		assert(b[row[n]].kind == PUB && b[row[n]].owner == 0);
		at = row[n];
		n++
	:: else -> break
	od;
	assert(b[at].link[NEXT] == 0 && b[0].link[PREV] == at);
	n = 0;
	at = 0
}

/* ---- steps on shared words ---- */

inline read_root()
{
	d_step {
		s_version = r_version;
		s_op = r_op;
		s_block = r_block;
		s_client = r_client
	}
}

/* A link of at becomes name, if it is not and the root is what it was. */
inline relink(where, side, name, mortal)
{
	d_step { old = b[where].link[side]; old_made = b[where].made[side] }
	if
	:: old == name || over -> skip
	:: else ->
#ifndef NO_STILL
		over = !STILL;
#endif
		may_die(mortal);
		d_step {
			if
			:: !over && b[where].link[side] == old && b[where].made[side] == old_made ->
				b[where].link[side] = name;
				b[where].made[side] = V(s_version)
			:: else -> skip
			fi
		}
	fi
}

inline swap_state(block, kind_, owner_, version_)
{
	d_step {
		swapped = false;
		if
		:: b[block].kind == k && b[block].owner == o && b[block].version == v ->
			b[block].kind = kind_;
			b[block].owner = owner_;
			b[block].version = version_;
			swapped = true
		:: else -> skip
		fi
	}
}

inline read_state(block)
{
	d_step { k = b[block].kind; o = b[block].owner; v = b[block].version }
}

inline change_state(mortal)
{
	read_state(s_block);
	if
	:: over || !ENTERED(k) || (s_op == INSERT && !o) -> skip
	:: else ->
#ifndef STATE_LATE
		over = !STILL;
#endif
		may_die(mortal);
		if
		:: over -> skip
#ifndef NO_CONFIRM
		:: !over && s_op == INSERT -> swap_state(s_block, PUB, 0, v)
#else
		:: !over && s_op == INSERT -> skip
#endif
		:: !over && s_op == TAKE -> swap_state(s_block, HELD, s_client, s_version)
		:: !over && s_op == REMOVE -> swap_state(s_block, RETIRED, s_client, s_version)
		fi
	fi
}

inline clear_root()
{
	d_step {
		if
		:: !over && STILL ->
			r_op = NONE;
			r_block = 0;
			r_client = 0;
			r_version++;
#ifndef STATE_LATE
			check_links()
#endif
		:: else -> skip
		fi
	}
}

/* settle of list.c; in each process it stands in one place. */
inline settle(mortal)
{
	over = false;
	p = b[s_block].link[PREV];
	q = b[s_block].link[NEXT];
	over = !STILL;
	become = (s_op == INSERT -> s_block : q);
	relink(p, NEXT, become, mortal);
	become = (s_op == INSERT -> s_block : p);
	relink(q, PREV, become, mortal);
	become = 0;
#ifdef STATE_LATE
	clear_root();
	may_die(mortal);
	change_state(mortal);
#else
	change_state(mortal);
	may_die(mortal);
	clear_root();
#endif
	old = 0; old_made = 0; p = 0; q = 0; k = 0; o = 0; v = 0; over = false
}

/* The linearization of all operations: mine_version tells that it was done. */
inline install(op, block, me)
{
	d_step {
		if
		:: STILL ->
			r_op = op;
			r_block = block;
			r_client = me;
			r_version++;
			mine_version = r_version;
			if
			:: op == INSERT ->
				row_find(b[block].link[PREV]);
				at = (b[block].link[PREV] -> at + 1 : 0);
				row_insert(at, block);
				came = came + (what != BACK)
			:: op == TAKE -> row_remove(block)
			:: op == REMOVE -> row_remove(block); gone++
			fi;
			n = 0;
			at = 0
		:: else -> skip
		fi
	}
}

/* Insert the block mine, on a side of beside. */
inline try_insert(me, mortal)
{
	q = b[beside].link[side];
	d_step {
		b[mine].link[side] = q;
		b[mine].made[side] = V(s_version + 1);
		b[mine].link[1 - side] = beside;
		b[mine].made[1 - side] = V(s_version + 1);
		b[mine].owner = me;
		b[mine].version = s_version + 1;
		if
#ifdef PUT_LOST
		:: what == BACK -> b[mine].kind = PUB
#else
		:: what == BACK -> b[mine].kind = RET
#endif
		:: else -> b[mine].kind = PUB
		fi
	}
	may_die(mortal);
	install(INSERT, mine, me);
	q = 0
}

inline take_block(me)
{
	d_step {
		n = 1;
		do
		:: n <= NB && b[n].kind != FREE -> n++
		:: else -> break
		od;
		if
		:: n <= NB ->
			mine = n;
			b[n].kind = OWNED;
			b[n].owner = me
		:: else -> what = 0 /* full */
		fi;
		n = 0
	}
}

/* One try of what is to be done, with nothing in the root when it was read. */
inline try(me, mortal)
{
	if
	:: what == PUSH || what == BACK -> beside = 0; try_insert(me, mortal)
	:: what == BESIDE ->
		read_state(1);
		if
		:: k == PUB && o == 0 && v == 1 -> beside = 1; try_insert(me, mortal)
		:: else -> stale = true
		fi
	:: what == POP ->
		mine = b[0].link[side];
		if
		:: !mine && STILL -> what = 0 /* empty */
		:: !mine && !STILL -> skip
		:: else -> install(TAKE, mine, me)
		fi
	:: what == OUT ->
		read_state(1);
		if
		:: k == PUB && o == 0 && v == 1 -> mine = 1; install(REMOVE, 1, me)
		:: else -> what = 0
		fi
	fi;
	k = 0; o = 0; v = 0
}

inline free_mine()
{
	d_step {
		b[mine].kind = FREE;
		b[mine].owner = 0;
		mine = 0
	}
}

/* Behind an operation of ours that is done. */
inline conclude(me, mortal)
{
	if
	:: what == POP ->
		assert(b[mine].kind == HELD && b[mine].owner == me);
		may_die(mortal);
		d_step { gone++; b[mine].kind = FREE; b[mine].owner = 0 }
	:: what == OUT ->
		assert(b[mine].kind == RETIRED && b[mine].owner == me);
		may_die(mortal);
		d_step { b[mine].kind = FREE; b[mine].owner = 0 }
	:: else -> skip
	fi;
	mine = 0;
	mine_version = 0;
	what = 0
}

#define VARIABLES \
	byte s_version, s_op, s_block, s_client, p, q, old, old_made, k, o, v; \
	byte n, at, mine, mine_version, beside, what, side, become; \
	bool over, stale, swapped

proctype client(byte me; byte first; byte first_side; byte second; byte second_side; bool mortal)
{
	VARIABLES;

	what = first;
	side = first_side;
	do
	:: what == 0 && second ->
		what = second;
		side = second_side;
		second = 0
	:: what == 0 && !second -> break
	:: what && !mine && (what == PUSH || what == BESIDE) -> take_block(me)
	:: what && (mine || what == POP || what == OUT) ->
		read_root();
		if
		:: mine_version && s_version != mine_version -> conclude(me, mortal)
		:: s_op != NONE && !(mine_version && s_version != mine_version) ->
			settle(mortal)
		:: s_op == NONE && !mine_version -> try(me, mortal)
		fi;
		if
		:: stale -> stale = false; free_mine(); what = 0
		:: else -> skip
		fi;
		may_die(mortal)
	od;
	running--;
	goto end;
dead:
	skip;
	d_step { killed[me] = true; running-- }
end:
	skip
}

/* ---- recovery ---- */

/* A block of the dead one: it sets what and mine if it is to be put back. */
inline recover_block(me, mortal)
{
	read_state(i);
	if
	:: k == FREE || o != dead_one || (k == PUB && !o) -> i++
	:: else ->
		if
		:: k == OWNED || k == RETIRED -> swap_state(i, FREE, 0, v)
		:: k == HELD ->
			swap_state(i, RET, me, v);
			if
			:: swapped -> mine = i; what = BACK
			:: else -> skip
			fi
		:: ENTERED(k) ->
			read_root();
			if
			:: b[i].kind != k || b[i].owner != o || b[i].version != v -> skip
			:: else ->
				if
				:: s_op == INSERT && s_block == i -> swap_state(i, PUB, 0, v)
				:: (s_op == TAKE || s_op == REMOVE) && s_block == i -> must_settle = true
				:: (s_op == NONE || s_block != i) && k == PUB -> swap_state(i, FREE, 0, v)
				:: (s_op == NONE || s_block != i) && k == RET ->
					swap_state(i, RET, me, v);
					if
					:: swapped -> mine = i; what = BACK
					:: else -> skip
					fi
				fi
			fi
		fi
	fi;
	k = 0; o = 0; v = 0;
	may_die(mortal)
}

inline find_dead(me)
{
	d_step {
		dead_one = 1;
		do
		:: dead_one < 6 && (!killed[dead_one] || locked[dead_one]) -> dead_one++
		:: else -> break
		od;
		if
		:: dead_one < 6 -> locked[dead_one] = true
		:: else -> dead_one = 0
		fi
	}
}

proctype recoverer(byte me; bool mortal)
{
	VARIABLES;
	byte dead_one, i;
	bool must_settle, settle_here;

	do
	:: dead_one == 0 && (killed[1] && !locked[1] || killed[2] && !locked[2] ||
		killed[3] && !locked[3] || killed[4] && !locked[4]) ->
		find_dead(me);
		i = 1;
		must_settle = true
	:: dead_one == 0 && (mortal && running <= 1 || running == 0) &&
		!(killed[1] || killed[2] || killed[3] || killed[4]) -> break
	:: dead_one && must_settle ->
		read_root();
		must_settle = false;
		if
		:: s_op != NONE -> settle_here = true
		:: else -> skip
		fi
	:: dead_one && !must_settle && !settle_here && what ->
		side = NEXT;
		read_root();
		if
		:: mine_version && s_version != mine_version -> conclude(me, mortal)
		:: s_op != NONE && !(mine_version && s_version != mine_version) ->
			settle_here = true
		:: s_op == NONE && !mine_version -> try(me, mortal)
		fi;
		may_die(mortal)
	:: settle_here -> settle(mortal); settle_here = false
	:: dead_one && !must_settle && !settle_here && !what && i <= NB ->
		recover_block(me, mortal)
	:: dead_one && !must_settle && !settle_here && !what && i > NB ->
		d_step { killed[dead_one] = false; locked[dead_one] = false; dead_one = 0 }
	od;
	if
	:: mortal -> running--
	:: else -> skip
	fi;
	goto end;
dead:
	skip;
	d_step {
		killed[me] = true;
		if
		:: dead_one -> locked[dead_one] = false
		:: else -> skip
		fi;
		running--
	}
end:
	skip
}

/* ---- the reader ---- */

inline neighbour(from)
{
	q = b[from].link[side];
	if
	:: (s_op == TAKE || s_op == REMOVE) && q == s_block -> q = b[s_block].link[side]
	:: s_op == INSERT && s_block != from ->
		p = b[s_block].link[1 - side];
		if
		:: p == from -> q = s_block
		:: else -> skip
		fi
	:: else -> skip
	fi
}

/* from: 0 or block 2, whose version is 2. */
proctype reader(byte from; byte side)
{
	byte s_version, s_op, s_block, s_client, p, q, k, o, v, n, at;
	bool told;

	do
	:: told -> break
	:: !told ->
		read_root();
		neighbour(from);
		d_step {
			if
#ifdef WALK_BLIND
			:: true ->
#else
			:: STILL ->
#endif
				told = true;
				row_find(from);
				/* The neighbour there is, or 0: the ends. */
				if
				:: side == NEXT -> n = (from -> at + 1 : 0)
				:: side == PREV && from == 0 -> n = (rows -> rows - 1 : rows)
				:: side == PREV && from && at -> n = at - 1
				:: side == PREV && from && !at -> n = NB
				fi;
				assert(q == (n < rows -> row[n] : 0))
			:: else -> skip
			fi;
			n = 0;
			at = 0
		}
	od
}

/* ---- scripts ---- */

inline start()
{
	b[0].link[NEXT] = 1; b[0].link[PREV] = 2;
	b[1].link[NEXT] = 2; b[1].link[PREV] = 0;
	b[2].link[NEXT] = 0; b[2].link[PREV] = 1;
	b[1].kind = PUB; b[1].version = 1;
	b[2].kind = PUB; b[2].version = 2;
	row[0] = 1; row[1] = 2; rows = 2;
	came = 2;
	r_version = 4
}

init {
	byte n, at;

	atomic {
		start();
#if SCRIPT == 1
		running = 2;
		run client(1, PUSH, NEXT, POP, NEXT, false);
		run client(2, POP, PREV, 0, 0, true);
		run recoverer(5, false)
#elif SCRIPT == 2
		running = 2;
		run client(1, BESIDE, NEXT, 0, 0, true);
		run client(2, OUT, 0, 0, 0, true);
		run recoverer(5, false)
#elif SCRIPT == 3
		running = 2;
		run client(1, POP, NEXT, 0, 0, true);
		run recoverer(4, true);
		run recoverer(5, false)
#elif SCRIPT == 4
		running = 1;
		run client(1, OUT, 0, PUSH, NEXT, true);
		run reader(0, NEXT);
		run recoverer(5, false)
#elif SCRIPT == 5
		running = 2;
		run client(1, POP, NEXT, POP, NEXT, false);
		run client(2, PUSH, NEXT, POP, PREV, false)
#endif
	};
	(_nr_pr == 1);
	d_step {
		check_links();
		at = 1;
		do
		:: at <= NB ->
			assert(b[at].kind == FREE || b[at].kind == PUB && b[at].owner == 0);
			n = n + (b[at].kind == PUB);
			at++
		:: else -> break
		od;
		assert(n == rows && rows == came - gone)
	}
}
