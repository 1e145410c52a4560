"""push, pop, peek and tail, on a heap."""

import json

import pytest


@pytest.fixture
def jobs(agora):
    agora.ok("create", "-p", "w/jobs.heap")
    return "w/jobs.heap"


def test_the_least_priority_comes_first(agora, jobs):
    agora.ok("push", jobs, "5\tsweep", "1\tfire")
    agora.ok("push", jobs, input=b"3\twater\n1\tflood\n")
    agora.ok("push", "--priority", "2", jobs, "4\tnot a priority")
    shown = "1\tfire\n1\tflood\n2\t4\tnot a priority\n3\twater\n5\tsweep\n"
    assert agora.ok("tail", jobs) == shown
    assert agora.ok("peek", jobs) == "1\tfire\n"
    assert agora.ok("pop", "-n", "all", jobs) == shown
    assert agora.no("pop", jobs) == f"agora: {jobs}: empty"


def test_what_was_popped_can_be_pushed_again(agora, jobs):
    lines = "".join(f"{i % 7}\tjob {i}\n" for i in range(100))
    agora.ok("push", jobs, input=lines.encode())
    shown = agora.ok("pop", "-n", "all", jobs)
    agora.ok("push", jobs, input=shown.encode())
    assert agora.ok("tail", "-n", "all", jobs) == shown


@pytest.mark.parametrize("message, offset", [
    ("no number", 0), ("", 0), ("12 x", 2), ("-1\tx", 0),
    ("18446744073709551616\tx", 19)])
def test_a_message_without_a_priority_is_refused(agora, jobs, message, offset):
    assert agora.no("push", jobs, "--", message) == (
        f"agora: {jobs}: not PRIORITY<TAB>MESSAGE at byte {offset}")
    assert agora.stat(jobs)["depth"] == "0"


def test_raw_is_the_message_alone(agora, jobs):
    agora.ok("push", "--raw", "--priority", "7", jobs, input=b"two\nlines\n")
    agora.ok("push", "--raw", jobs, input=b"8\tmore\n")
    assert agora.ok("peek", "--raw", jobs) == "two\nlines\n"
    assert agora.ok("pop", jobs) == "7\ttwo\nlines\n\n"
    assert agora.ok("pop", "-r", jobs) == "more\n"


def test_json_has_the_priority(agora, jobs):
    agora.ok("push", jobs, "18446744073709551615\tlast", "7\tfirst")
    lines = [json.loads(line) for line in
             agora.ok("tail", "--json", jobs).splitlines()]
    assert lines == [{"priority": 7, "message": "first"},
                     {"priority": "18446744073709551615", "message": "last"}]
    assert json.loads(agora.ok("peek", "--json", jobs)) == lines[0]
    assert json.loads(agora.ok("pop", "--json", jobs)) == lines[0]


def test_a_long_message_keeps_its_priority(agora):
    agora.ok("create", "-p", "w/b.heap", "--type", "bytes",
             "--message-size", "1M")
    agora.ok("push", "--raw", "--priority", "9", "w/b.heap",
             input=b"x" * 500000)
    assert agora.ok("pop", "w/b.heap") == "9\t" + "x" * 500000


def test_push_waits_for_room_and_pop_for_messages(agora):
    agora.ok("create", "-p", "w/s.heap", "--capacity", "1")
    agora.ok("push", "w/s.heap", "1\ta")
    assert agora.no("push", "--no-wait", "w/s.heap", "2\tb") == (
        "agora: w/s.heap: full")
    pushing = agora.start("push", "w/s.heap", "2\tb")
    assert agora.ok("pop", "w/s.heap") == "1\ta\n"
    assert pushing.wait(20) == 0
    popping = agora.start("pop", "--wait", "-n", "2", "w/s.heap")
    assert popping.stdout.readline() == b"2\tb\n"
    agora.ok("push", "--priority", "3", "w/s.heap", "c")
    assert popping.communicate(timeout=20)[0] == b"3\tc\n"


def test_the_order_is_chosen_at_creation(agora, jobs):
    agora.ok("create", "w/r.heap", "--order", "relaxed")
    agora.ok("create", "w/t.heap", "--order", "strict")
    assert agora.stat(jobs)["order"] == agora.stat("w/t.heap")["order"] == (
        "strict")
    stat = agora.stat("w/r.heap")
    assert stat["order"] == "relaxed" and int(stat["rank-bound"]) > 0
    agora.ok("push", "w/r.heap", *(f"{i}\tx" for i in range(100)))
    taken = agora.ok("pop", "-n", "all", "w/r.heap").splitlines()
    assert sorted(taken) == sorted(f"{i}\tx" for i in range(100))
    assert "w/r.heap\tsound" in agora.ok("doctor", "w/r.heap")


def test_tail_follows_what_is_pushed(agora, jobs):
    agora.ok("push", jobs, "5\told")
    tail = agora.start("tail", "-f", jobs)
    assert tail.stdout.readline() == b"5\told\n"
    for line in ("9\tone", "2\ttwo"):
        agora.ok("push", jobs, line)
        assert tail.stdout.readline() == line.encode() + b"\n"
