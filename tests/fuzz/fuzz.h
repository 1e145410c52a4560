/*
 * fuzz.h - what the files of the fuzzer share.
 *
 * An input is a list of changes to the bytes of a segment. It is laid over
 * one of many images that a sound library made, some of them in the midst of
 * an operation, and then everything that the library can do is done to it.
 * Changes are also made later, between operations and within them: the
 * crash points of the library, where other tests die, are where this one
 * scribbles.
 *
 *   input    family u8 | image u8 | flags u8 | first operation u8, changes
 *   change   class u8 | how u8 | when u16 | place u32 | value u32
 *
 * How to add
 * - an operation: a function and a row in the operate_*.c of its kind;
 * - a family of images: a function that fills an object and a row of
 *   families[] in family.c;
 * - a place worth attacking: a row of classes[] in change.c.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "data/kind.h"

#include <agora/agora.h>

#define FUZZ_LONG 9000 /* the largest message of most families */

/* What a family was given by its row, and what was made of it. */
struct family {
	const char *path; /* in the space; also its name */
	struct agora_options options;
	void (*fill)(void *handle);

	struct image *images;
	unsigned count; /* images; the last is of a finished fill */
	int fd;
	size_t size;
	char *file;   /* the file's own bytes */
	bool resized; /* it was cut or grown by a change */
	const struct kind *kind;
	struct header_shm header;
	struct layout layout;
};

/* A segment at one moment. */
struct image {
	const char *step; /* the crash point that was passed; NULL: the end */
	char *bytes;
};

extern struct family families[];
extern const unsigned family_count;
extern struct agora_space *fuzz_space;

/* Make the objects and their images. */
void family_start(void);

/* Let the file be what an image was. */
void family_restore(struct family *family, const struct image *image);

/* Called at each crash point while a family is filled. */
void family_step(const char *name);

/* ---- changes ---- */

struct change {
	uint8_t class, how;
	uint16_t when; /* 0: before opening; else at that tick */
	uint32_t place, value;
};

enum {
	FLAG_CHECKSUM = 1, /* make the header's checksum right */
	FLAG_SIZE = 2,     /* make the file as large as the parameters say */
	FLAG_SMALL = 4,    /* read into small buffers */
	FLAG_TWICE = 8,    /* do all that writes two times */
	FLAG_LARGE = 0xf0  /* all of them: the file may be large */
};

#define CHANGE_HOWS   14
#define CHANGE_RESIZE 240 /* this class and above: cut or grow the file */

extern const unsigned change_classes; /* the last is the header */

#define INPUT_HEADER 4
#define INPUT_MOST   1024

struct input {
	const uint8_t *bytes;
	size_t count; /* of changes */
	uint8_t flags, first;
};

/* Apply the changes of a tick. */
void change_apply(
	struct family *family, const struct input *input, unsigned tick);

/* A random number; a random change that may well do harm. */
uint32_t change_number(unsigned *seed);
struct change change_invent(unsigned *seed);

/* ---- operations ---- */

/* Open the object of a family, read-only and then for writing, and do all. */
void operate(const struct family *family, const struct input *input);

/* Time passes: an operation begins, or a crash point was passed. */
void fuzz_tick(void);

/* Report what must not happen, and abort. */
__attribute__((noreturn, format(printf, 1, 2))) void fuzz_fail(
	const char *format, ...);

/* Open a space, or make one that ends with the process, and fill it; once. */
void fuzz_start(const char *space);

/* Make the file that an input begins with. NULL: it is not an input. */
struct family *fuzz_prepare(
	const uint8_t *data, size_t size, struct input *ret_input);

/* End the process when this takes more processor time. */
void fuzz_limit(int seconds);

/* Run one input. */
void fuzz_run(const uint8_t *data, size_t size);

#endif
