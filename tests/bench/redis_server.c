/*
 * redis_server.c - a Redis server of the benchmark's own, on a socket.
 */
#include "redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *path(void)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s/redis", bench_dir());
	return name;
}

static void serve(const char *socket)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	dup2(null, 1);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
		socket, "--save", "", "--appendonly", "no", (char *)NULL);
	_exit(1);
}

void redis_server_start(void)
{
	const char *socket = path();
	pid_t pid = fork();

	if (!pid)
		serve(socket);
	for (unsigned i = 0; i < 5000; i++) {
		redisContext *redis = redisConnectUnix(socket);

		if (redis && !redis->err) {
			redisFree(redis);
			return;
		}
		redisFree(redis);
		usleep(1000);
	}
	bench_fail("redis-server does not start");
}

redisContext *redis_server_connect(void)
{
	redisContext *redis = redisConnectUnix(path());

	if (!redis || redis->err)
		bench_fail("redis: %s", redis ? redis->errstr : "no memory");
	return redis;
}

redisReply *redis_server_reply(redisContext *redis)
{
	redisReply *reply = NULL;

	if (redisGetReply(redis, (void **)&reply) != REDIS_OK ||
		reply->type == REDIS_REPLY_ERROR)
		bench_fail("redis: %s", reply ? reply->str : redis->errstr);
	return reply;
}
