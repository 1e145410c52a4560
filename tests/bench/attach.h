/*
 * attach.h - how long it takes to open an object that is there, W8.
 */
#ifndef BENCH_ATTACH_H
#define BENCH_ATTACH_H

#include "harness.h"

#ifdef __cplusplus
extern "C" {
#endif

struct attach_ops {
	const char *row;
	/* Make the object, before the process that opens it. */
	void (*create)(void);
	/* Open it, and touch it. */
	void *(*open)(void);
	void (*close)(void *object);
};

/* Add a peer's case; from a constructor. ops stay where they are. */
void attach_add(const struct attach_ops *ops);

#ifdef __cplusplus
}
#endif

#endif
