/*
 * linear_self.h - the judge is judged: histories whose verdict is known.
 */
#ifndef TESTS_RACE_LINEAR_SELF_H
#define TESTS_RACE_LINEAR_SELF_H

static void expect(bool sound, struct history h)
{
	for (h.count = 0; h.event[h.count].begin; h.count++)
		;
	if (is_linearizable(&h) != sound) {
		print_history(&h);
		fail("a wrong verdict", sound, 0);
	}
}

static int self_test(void)
{
	queue_capacity = 2;
	expect(true, (struct history){.step = step_queue,
			     .event = {{PUSH, 0, 0, 1, 0, 1, 4},
				     {POP, 0, 0, 0, 1, 2, 3}}});
	expect(false, (struct history){.step = step_queue,
			      .event = {{PUSH, 0, 0, 1, 0, 3, 4},
				      {POP, 0, 0, 0, 1, 1, 2}}});
	expect(false, (struct history){.step = step_queue,
			      .event = {{PUSH, 0, 0, 1, 0, 1, 2},
				      {PUSH, 0, 0, 2, 0, 3, 4},
				      {POP, 0, 0, 0, 2, 5, 6}}});
	expect(false, (struct history){.step = step_queue,
			      .event = {{PUSH, 0, 0, 1, 0, 1, 2},
				      {POP, 0, -EAGAIN, 0, 0, 3, 4}}});
	expect(false, (struct history){.step = step_queue,
			      .event = {{PUSH, 0, 0, 1, 0, 1, 2},
				      {PUSH, 0, -EAGAIN, 2, 0, 3, 4}}});
	/* One that died may have pushed or not, and popped or not. */
	for (uint64_t out = 0; out < 2; out++)
		expect(true, (struct history){.step = step_queue,
				     .event = {{PUSH, 0, 0, 1, 0, 1, 0},
					     {DRAIN, 0, 0, 0, out, 2, 3}}});
	expect(true, (struct history){.step = step_queue,
			     .event = {{PUSH, 0, 0, 1, 0, 1, 2},
				     {PUSH, 0, 0, 2, 0, 3, 4},
				     {POP, 0, 0, 0, 0, 5, 0},
				     {DRAIN, 0, 0, 0, 0x201, 6, 7}}});
	expect(false, (struct history){.step = step_queue,
			      .event = {{PUSH, 0, 0, 1, 0, 1, 2},
				      {DRAIN, 0, 0, 0, 0, 6, 7}}});
	expect(true, (struct history){.step = step_key,
			     .event = {{PUT, 0, 0, 4, 0, 1, 5},
				     {GET, 0, -ENOENT, 0, 0, 2, 3},
				     {ADD, 0, 0, 1, 5, 4, 6}}});
	expect(false, (struct history){.step = step_key,
			      .event = {{PUT, 0, 0, 4, 0, 1, 2},
				      {PUT, 0, 0, 8, 0, 3, 6},
				      {GET, 0, -ENOENT, 0, 0, 4, 5}}});
	expect(false, (struct history){.step = step_key,
			      .event = {{PUT, 0, 0, 4, 0, 1, 2},
				      {COMPARE, 0, 0, 8, 0, 3, 4}}});
	expect(false, (struct history){.step = step_key,
			      .event = {{PUT, 0, 0, 4, 0, 1, 2},
				      {DELETE, 0, -ENOENT, 0, 0, 3, 4}}});
	return 0;
}

#endif
