/*
 * redis_server.h - a Redis server of the benchmark's own, on a socket.
 */
#ifndef BENCH_REDIS_SERVER_H
#define BENCH_REDIS_SERVER_H

#include "harness.h"

#include <hiredis/hiredis.h>

/* Start a server that keeps nothing on disk; ends with this process. */
void redis_server_start(void);

/* Connect to it. */
redisContext *redis_server_connect(void);

/* Take the reply of a command; ends the process when it is an error. */
redisReply *redis_server_reply(redisContext *redis);

#endif
