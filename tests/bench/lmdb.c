/*
 * lmdb.c - LMDB as a table and as an ordered map: in memory, nothing is synced,
 * one transaction for each operation, the reader's being renewed.
 */
#include "attach.h"
#include "keyed.h"

#include <lmdb.h>

#define CHECK(call)                                                        \
	do {                                                               \
		int error_ = (call);                                       \
		if (error_)                                                \
			bench_fail("%s: %s", #call, mdb_strerror(error_)); \
	} while (0)

struct table {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *reader;
	MDB_cursor *cursor;
};

static struct table *opened(void)
{
	struct table *t = calloc(1, sizeof(*t));
	MDB_txn *txn;

	CHECK(mdb_env_create(&t->env));
	CHECK(mdb_env_set_mapsize(t->env, 256u << 20));
	CHECK(mdb_env_open(
		t->env, bench_dir(), MDB_NOSYNC | MDB_WRITEMAP, 0600));
	CHECK(mdb_txn_begin(t->env, NULL, 0, &txn));
	CHECK(mdb_dbi_open(txn, NULL, 0, &t->dbi));
	CHECK(mdb_txn_commit(txn));
	return t;
}

/* It must not be carried over a fork. */
static void *create(void)
{
	struct table *t = opened();

	mdb_env_close(t->env);
	free(t);
	return NULL;
}

static void *attach(void *unused, bool writes)
{
	struct table *t = opened();

	(void)unused;
	(void)writes;
	CHECK(mdb_txn_begin(t->env, NULL, MDB_RDONLY, &t->reader));
	mdb_txn_reset(t->reader);
	return t;
}

static bool get(
	void *table, const struct keyed_key *key, struct keyed_value *value)
{
	struct table *t = table;
	MDB_val k = {KEYED_KEY, (void *)(uintptr_t)key}, v;
	int error;

	CHECK(mdb_txn_renew(t->reader));
	error = mdb_get(t->reader, t->dbi, &k, &v);
	if (!error)
		memcpy(value, v.mv_data, KEYED_VALUE);
	else if (error != MDB_NOTFOUND)
		CHECK(error);
	mdb_txn_reset(t->reader);
	return !error;
}

static void put(void *table, const struct keyed_key *key,
	const struct keyed_value *value)
{
	struct table *t = table;
	MDB_val k = {KEYED_KEY, (void *)(uintptr_t)key};
	MDB_val v = {KEYED_VALUE, (void *)(uintptr_t)value};
	MDB_txn *txn;

	CHECK(mdb_txn_begin(t->env, NULL, 0, &txn));
	CHECK(mdb_put(txn, t->dbi, &k, &v, 0));
	CHECK(mdb_txn_commit(txn));
}

static bool remove_key(void *table, const struct keyed_key *key)
{
	struct table *t = table;
	MDB_val k = {KEYED_KEY, (void *)(uintptr_t)key};
	MDB_txn *txn;
	int error;

	CHECK(mdb_txn_begin(t->env, NULL, 0, &txn));
	error = mdb_del(txn, t->dbi, &k, NULL);
	CHECK(mdb_txn_commit(txn));
	return !error;
}

static const struct keyed_ops lmdb = {
	.row = "LMDB",
	.create = create,
	.attach = attach,
	.get = get,
	.put = put,
	.remove = remove_key,
};
KEYED(lmdb)

/* One cursor, which its transaction's renewal renews as well. */
static unsigned scan(
	void *table, const struct keyed_key *from, struct keyed_value *values)
{
	struct table *t = table;
	MDB_val k = {KEYED_KEY, (void *)(uintptr_t)from}, v;
	MDB_cursor_op op = MDB_SET_RANGE;
	unsigned count = 0;

	CHECK(mdb_txn_renew(t->reader));
	if (t->cursor)
		CHECK(mdb_cursor_renew(t->reader, t->cursor));
	else
		CHECK(mdb_cursor_open(t->reader, t->dbi, &t->cursor));
	while (count < KEYED_SCAN && !mdb_cursor_get(t->cursor, &k, &v, op)) {
		memcpy(&values[count++], v.mv_data, KEYED_VALUE);
		op = MDB_NEXT;
	}
	mdb_txn_reset(t->reader);
	return count;
}

static const struct keyed_ops lmdb_ordered = {
	.row = "LMDB",
	.create = create,
	.attach = attach,
	.get = get,
	.put = put,
	.remove = remove_key,
	.scan = scan,
};
KEYED(lmdb_ordered)

static void create_env(void)
{
	create();
}

/* A table can be used after its first transaction. */
static void *open_env(void)
{
	return attach(NULL, true);
}

static void close_env(void *table)
{
	struct table *t = table;

	mdb_txn_abort(t->reader);
	mdb_env_close(t->env);
	free(t);
}

BENCH_SETUP(attach)
{
	static const struct attach_ops ops = {
		"LMDB", create_env, open_env, close_env};

	attach_add(&ops);
}
