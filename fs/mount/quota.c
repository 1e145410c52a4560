/*
 * quota.c - what one user may make the server hold.
 *
 * The server of a shared space works for users that do not trust each other:
 * none may use up its memory. A user's row lives as long as he holds
 * anything; when there are more users than rows, new ones are refused.
 */
#include "quota.h"

#include <errno.h>
#include <pthread.h>

#define USERS_MAX    1024
#define REQUESTS_MAX 16384
#define BYTES_MAX    (2ull << 30)

struct row {
	uid_t uid;
	uint64_t requests;
	uint64_t bytes;
};

static struct row rows[USERS_MAX];
static unsigned int row_count;
static pthread_mutex_t rows_lock = PTHREAD_MUTEX_INITIALIZER;

static struct row *find(uid_t uid)
{
	for (unsigned int i = 0; i < row_count; i++)
		if (rows[i].uid == uid)
			return &rows[i];
	return NULL;
}

static int add(struct row *row, uint64_t requests, uint64_t bytes)
{
	if (row->requests + requests > REQUESTS_MAX)
		return -ENOBUFS;
	if (bytes > BYTES_MAX || row->bytes + bytes > BYTES_MAX)
		return -ENOBUFS;
	row->requests += requests;
	row->bytes += bytes;
	return 0;
}

int quota_take(uid_t uid, uint64_t requests, uint64_t bytes)
{
	struct row *row;
	int r = -ENOBUFS;

	if (!requests && !bytes)
		return 0;
	pthread_mutex_lock(&rows_lock);
	row = find(uid);
	if (!row && row_count < USERS_MAX) {
		row = &rows[row_count];
		*row = (struct row){.uid = uid};
	}
	if (row)
		r = add(row, requests, bytes);
	if (!r && row == &rows[row_count])
		row_count++;
	pthread_mutex_unlock(&rows_lock);
	return r;
}

void quota_give(uid_t uid, uint64_t requests, uint64_t bytes)
{
	struct row *row;

	if (!requests && !bytes)
		return;
	pthread_mutex_lock(&rows_lock);
	row = find(uid);
	if (row) {
		row->requests -= requests;
		row->bytes -= bytes;
		if (!row->requests && !row->bytes)
			*row = rows[--row_count];
	}
	pthread_mutex_unlock(&rows_lock);
}
