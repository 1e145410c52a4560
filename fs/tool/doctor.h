/*
 * doctor.h - the report of agora doctor, and who else writes to it.
 */
#ifndef FS_TOOL_DOCTOR_H
#define FS_TOOL_DOCTOR_H

#include "tool.h"

struct doctor {
	struct list list;
	bool repair;
	int status;
};

/** Put a line into the report. found may be NULL. */
void doctor_report(struct doctor *doctor, const char *path, const char *state,
	const struct text *found);

/** Put a line into the report about what cannot be looked at. */
void doctor_fail(struct doctor *doctor, const char *path, int error);

/** Look for what those who died while they made or removed programs left. */
void leftovers_hidden(struct doctor *doctor);

/** Report files in a program's directory that are no objects. */
void leftovers_foreign(struct doctor *doctor, const char *program);

#endif
