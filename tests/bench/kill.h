/*
 * kill.h - clients that are killed in the middle of what they do, W9.
 *
 * Two of them work on one object. One is killed at a random instant, and
 * replaced; the other must go on. Now and then both are killed and a fresh
 * process looks whether anything was lost, repeated, torn or leaked. The
 * first such finding ends it.
 */
#ifndef BENCH_KILL_H
#define BENCH_KILL_H

#include "harness.h"

/* What happened; in shared memory. */
struct kill_result {
	unsigned hung, lost, repeated, torn, leaked;
};

struct kill_game {
	/* What one of the two does for ever, in a process of its own. */
	void (*work[2])(struct kill_game *game);
	/* Looks at everything, in a process of its own; then all is empty. */
	void (*audit)(struct kill_game *game);
	/* Told before the object's next user is started, and after a kill. */
	void (*born)(struct kill_game *game, unsigned which);
	void (*died)(struct kill_game *game, unsigned which);
	void *context;
	struct kill_result *result;
	uint64_t *steps;       /* of each of the two, to see that they go on */
	unsigned audits_after; /* kills */
};

/* Play until a finding or the end; record it. */
void kill_play(struct kill_game *game);

#endif
