/*
 * doctor.c - agora doctor: check a space or an object, and repair it.
 */
#include "doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char doc[] =
	"Check the objects of the space, of a program, or one object: that all "
	"memory is accounted for, that everything can be reached, that nothing "
	"of the dead is left over. Repair what is safe to repair."
	"\v"
	"A line for each: what it is about; sound, repaired, leftover (of the "
	"dead) or damaged; and what was counted. Exits with 0 when all is "
	"sound "
	"or repaired, with 1 when something remains. Programs may be at work "
	"meanwhile.\n\n"
	"Examples:\n"
	"  agora doctor\n"
	"  agora doctor --check weather/alerts.queue\n";

struct arguments {
	const char *words[1];
	bool only_check;
};

static const struct argp_option options[] = {
	{"check", 'c', NULL, 0, "Only look, change nothing", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 0, 1};
	struct arguments *a = state->input;

	if (key != 'c')
		return tool_words(key, arg, state, &words, a->words);
	a->only_check = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "[PATH]",
	.doc = doc,
	.children = tool_json_children};

/* ---- the report ------------------------------------------------------ */

void doctor_report(struct doctor *doctor, const char *path, const char *state,
	const struct text *found)
{
	struct record record = {0};

	record_string(&record, "path", path);
	record_string(&record, "state", state);
	if (found && found->size)
		record_bytes(&record, "found", found->data, found->size);
	else
		record_none(&record, "found");
	if (list_add(&doctor->list, &record) < 0)
		doctor->status = tool_error(path, -ENOMEM);
}

void doctor_fail(struct doctor *doctor, const char *path, int error)
{
	struct text found = {0};

	text_print(&found, "%s", agora_strerror(error));
	doctor_report(
		doctor, path, error == -EACCES ? "unknown" : "damaged", &found);
	text_free(&found);
	doctor->status = TOOL_NO;
}

/* ---- objects ---------------------------------------------------------- */

static int count(struct text *out, const char *name, uint64_t number)
{
	if (!number)
		return 0;
	return text_print(
		out, "%s%s %" PRIu64, out->size ? ", " : "", name, number);
}

static void describe(struct text *out, const struct agora_check *check)
{
	count(out, "blocks", check->blocks);
	count(out, "free", check->free);
	count(out, "owned", check->owned);
	count(out, "published", check->published);
	count(out, "held", check->held);
	count(out, "parts", check->parts);
	count(out, "dead clients", check->dead_clients);
	count(out, "unreachable", check->unreachable);
	count(out, "orphans", check->orphans);
	count(out, "damaged", check->damaged);
}

/* What remains, in one word. */
static const char *state_of(int r, const struct agora_check *check)
{
	if (r == 0)
		return "sound";
	return check->damaged ? "damaged" : "leftover";
}

/* Open an object and check it. Returns as agora_object_check(). */
static int check_once(
	const char *path, int repair, struct agora_check *ret_check)
{
	uint32_t flags = repair ? AGORA_WRITE : AGORA_READ;
	struct agora_object *object;
	int r = agora_object_open(tool_space(), path, flags, NULL, &object);

	if (r < 0)
		return r;
	*ret_check = (struct agora_check){0};
	r = agora_object_check(object, repair, ret_check);
	agora_object_close(object);
	return r;
}

/*
 * Look first and repair then: opening for writing already recovers the dead,
 * and what was found would not be told.
 */
static void check_object(struct doctor *doctor, const char *path)
{
	struct agora_check check = {0}, after = {0};
	struct text found = {0};
	const char *state;
	int r = check_once(path, 0, &check);
	bool filled = check.blocks > 0 || r == 0;

	if (r == -ENOENT)
		return; /* gone meanwhile */
	if (r < 0 && !(r == -EUCLEAN && filled)) {
		doctor_fail(doctor, path, r);
		return;
	}
	describe(&found, &check);
	state = state_of(r, &check);
	if (r < 0 && doctor->repair) {
		r = check_once(path, 1, &after);
		state = r == 0 ? "repaired" : state_of(r, &after);
		count(&found, "repaired", after.repaired);
	}
	doctor_report(doctor, path, state, &found);
	text_free(&found);
	if (r < 0)
		doctor->status = TOOL_NO;
}

/* ---- programs --------------------------------------------------------- */

static void check_program(struct doctor *doctor, const char *name)
{
	struct agora_program_info *info;
	char path[2 * 256];
	char **objects;
	int i, n;
	int r = agora_program_info(tool_space(), name, &info);

	if (r == 0) {
		doctor_report(doctor, name, "sound", NULL);
		agora_program_info_free(info);
	} else if (r != -ENOENT) {
		doctor_fail(doctor, name, r);
	}
	leftovers_foreign(doctor, name);
	n = agora_space_list(tool_space(), name, &objects);
	if (n < 0)
		return;
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, objects[i]);
		check_object(doctor, path);
	}
	agora_list_free(objects);
}

static int check_space(struct doctor *doctor)
{
	char **names;
	int n = agora_space_list(tool_space(), NULL, &names);
	int i;

	if (n < 0)
		return tool_error(agora_space_path(tool_space()), n);
	for (i = 0; i < n; i++)
		check_program(doctor, names[i]);
	agora_list_free(names);
	return 0;
}

/* ---- the machine ------------------------------------------------------ */

/*
 * A kernel that ends requests after a time ends waiting readers of the
 * tree, and with them the tree.
 */
static void check_timeout(const char *name)
{
	unsigned long seconds = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/fs/fuse/%s", name);
	file = fopen(path, "re");
	if (!file)
		return; /* an older kernel has none */
	if (fscanf(file, "%lu", &seconds) == 1 && seconds)
		tool_say(path,
			"%lu: the kernel ends a mounted tree in which "
			"somebody waits for longer; set it to 0",
			seconds);
	fclose(file);
}

static int check(struct doctor *doctor, const char *path)
{
	struct agora_program_info *info;
	struct agora_object *object;
	int r;

	if (!path) {
		check_timeout("max_request_timeout");
		check_timeout("default_request_timeout");
		leftovers_hidden(doctor);
		return check_space(doctor);
	}
	if (strchr(path, '/')) {
		r = tool_open(path, AGORA_READ, 0, &object);
		if (r == 0)
			agora_object_close(object);
		if (r == 0)
			check_object(doctor, path);
		return r;
	}
	r = tool_check_program(path);
	if (r)
		return r;
	r = agora_program_info(tool_space(), path, &info);
	if (r == 0)
		agora_program_info_free(info);
	else if (r != -EUCLEAN)
		return tool_error(path, r);
	check_program(doctor, path);
	return 0;
}

int doctor_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct doctor doctor = {0};
	int r, printed;

	tool_parse(&argp, argc, argv, &a);
	doctor.repair = !a.only_check;
	r = check(&doctor, a.words[0]);
	printed = list_print(&doctor.list);
	if (r == 0)
		r = printed;
	return r ? r : doctor.status;
}
