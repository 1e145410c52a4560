/*
 * kill.c - clients that are killed in the middle of what they do.
 */
#include "kill.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any pause that is not for ever. */
#define PATIENCE UINT64_C(3000000000)

static unsigned kills_wanted(void)
{
	const char *text = getenv("BENCH_KILLS");

	return text ? (unsigned)atoi(text) : 200;
}

static pid_t start(struct kill_game *game, unsigned which)
{
	pid_t pid;

	game->born(game, which);
	pid = fork();
	if (pid < 0)
		bench_fail("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bench_pin(which);
	game->work[which](game);
	_exit(0);
}

static void end(struct kill_game *game, pid_t pid, unsigned which)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		game->result->torn++;
	game->died(game, which);
}

static uint64_t steps(const struct kill_game *game, unsigned which)
{
	return __atomic_load_n(&game->steps[which * 16], __ATOMIC_RELAXED);
}

/* Both must take a step, or they hang. */
static void await_progress(struct kill_game *game)
{
	uint64_t before[2] = {steps(game, 0), steps(game, 1)};
	uint64_t end = bench_now() + PATIENCE;

	for (unsigned which = 0; which < 2; which++) {
		while (steps(game, which) == before[which]) {
			if (bench_now() > end) {
				game->result->hung++;
				return;
			}
			usleep(20);
		}
	}
}

/* In a process that may hang as well. */
static void audit(struct kill_game *game)
{
	uint64_t end = bench_now() + PATIENCE;
	pid_t pid = fork();
	int status;

	if (!pid) {
		game->audit(game);
		_exit(0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		if (bench_now() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			game->result->hung++;
			return;
		}
		usleep(20);
	}
	if (status)
		game->result->torn++;
}

static bool is_harmed(const struct kill_result *r)
{
	return r->hung || r->lost || r->repeated || r->torn || r->leaked;
}

static void record(const struct kill_game *game, unsigned kills)
{
	const struct kill_result *r = game->result;

	bench_record("kills survived", "kills", kills);
	bench_record("hung", "", r->hung);
	bench_record("lost", "", r->lost);
	bench_record("repeated", "", r->repeated);
	bench_record("torn", "", r->torn);
	bench_record("leaked", "", r->leaked);
}

void kill_play(struct kill_game *game)
{
	unsigned wanted = kills_wanted(), kills = 0, audited = 0;
	pid_t pid[2];

	srand((unsigned)bench_now());
	game->result = bench_shared(sizeof(*game->result));
	game->steps = bench_shared(4096);
	while (kills < wanted && !is_harmed(game->result)) {
		pid[0] = start(game, 0);
		pid[1] = start(game, 1);
		for (audited = kills + game->audits_after;
			kills < audited && kills < wanted;) {
			unsigned which = rand() & 1;

			await_progress(game);
			if (game->result->hung)
				break;
			usleep((useconds_t)(rand() % 300));
			end(game, pid[which], which);
			kills++;
			pid[which] = start(game, which);
		}
		end(game, pid[0], 0);
		end(game, pid[1], 1);
		if (!game->result->hung)
			audit(game);
	}
	record(game, is_harmed(game->result) && kills ? kills - 1 : kills);
}
