/*
 * bell.pml - lib/shm/bell.h: who sleeps in poll(2) wakes.
 *
 * Notifiers change something and ring; each may be killed at every step
 * (the kernel then tells that it closed), or, with STOP, one is stopped at
 * any step for good (the kernel tells nothing). Waiters arm and sleep. When
 * nothing can move any more, no waiter is asleep over a change that it has
 * not seen, unless the one who made it is the one that was stopped.
 *
 * Every step is one access of shared memory or one system call, in the
 * order of all: [E] of event.h. What a waiter looks for is the number of
 * changes. inotify is one bit for each waiter.
 *
 * SCRIPT 1: two notifiers, two waiters, deaths.  2: three notifiers, one
 * waiter, one notifier is stopped.  3: two notifiers of two changes each, one
 * waiter, deaths.
 *
 * Controls: CLEAR_FIRST clears the flag before it writes; NO_ROUND clears it
 * whatever happened meanwhile; LOOK_FIRST looks before it sets the flag;
 * NO_CLOSE: deaths are not told; READ_LAST reads away after setting the flag.
 */
#if SCRIPT == 1
#define NOTIFIERS 2
#define WAITERS   2
#elif SCRIPT == 2
#define NOTIFIERS 3
#define WAITERS   1
#else
#define NOTIFIERS 2
#define WAITERS   1
#endif
#if SCRIPT == 3
#define CHANGES 2
#else
#define CHANGES 1
#endif
#if SCRIPT == 2
#define STOP
#endif

bool flag;
byte round;
byte changes;           /* made so far */
byte told;              /* the last by one who was not stopped */
bool event[WAITERS];    /* inotify has something to read */
byte seen[WAITERS];
byte ended;
bool halted;

inline tell_all()
{
	d_step {
		w = 0;
		do
		:: w < WAITERS -> event[w] = true; w++
		:: else -> break
		od;
		w = 0
	}
}

#define TOLD d_step { if :: mine > told -> told = mine :: else fi }

/* Somebody may die, or be stopped, before each step. */
#ifdef STOP
#define FATE if :: atomic { !halted -> halted = true }; goto gone :: skip fi
#else
#define FATE if :: goto die :: skip fi
#endif

proctype notifier()
{
	byte known, mine, w, n;
	bool found, same;

	do
	:: n == CHANGES -> break
	:: else ->
		FATE;
		d_step { changes++; mine = changes };
		FATE;
		d_step { found = flag; known = round };
		if
		:: !found
		:: else ->
#ifdef CLEAR_FIRST
			FATE;
			flag = false;
#endif
			FATE;
			tell_all();
#ifndef CLEAR_FIRST
			FATE;
#ifdef NO_ROUND
			flag = false
#else
			d_step {
				if
				:: round == known -> flag = false
				:: else
				fi
			}
#endif
#endif
		fi;
		TOLD;
		n++
	od;
	goto gone;
die:	skip;
#ifndef NO_CLOSE
#ifndef STOP
	tell_all();
	TOLD;
#endif
#else
	TOLD;
#endif
gone:
	ended++
}

proctype waiter(byte me)
{
	do
	:: true ->
#ifndef READ_LAST
		event[me] = false;
#endif
#ifdef LOOK_FIRST
		seen[me] = changes;
#endif
		d_step { flag = true; round++ };
#ifdef READ_LAST
		event[me] = false;
#endif
#ifndef LOOK_FIRST
		seen[me] = changes;
#endif
end:		event[me]
	od
}

init
{
	byte i;

	atomic {
		do
		:: i < NOTIFIERS -> run notifier(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < WAITERS -> run waiter(i); i++
		:: else -> break
		od
	}
	timeout;
	i = 0;
	do
	:: i < WAITERS -> assert(seen[i] >= told); i++
	:: else -> break
	od
}
