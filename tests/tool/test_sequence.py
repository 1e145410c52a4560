"""push, pop, peek and tail, on stacks, lists and logs."""

import json

import pytest


@pytest.fixture(params=["stack", "list", "log"])
def path(request, agora):
    agora.ok("create", "-p", f"w/x.{request.param}")
    return f"w/x.{request.param}"


@pytest.fixture
def stack(agora):
    agora.ok("create", "-p", "w/undo.stack")
    return "w/undo.stack"


@pytest.fixture
def notes(agora):
    agora.ok("create", "-p", "w/notes.list")
    return "w/notes.list"


@pytest.fixture
def feed(agora):
    agora.ok("create", "-p", "w/feed.log")
    return "w/feed.log"


def test_a_stack_gives_the_last_first(agora, stack):
    agora.ok("push", stack, "a", "b")
    agora.ok("push", stack, input=b"c\n")
    assert agora.ok("peek", stack) == "c\n"
    assert agora.ok("tail", stack) == "c\nb\na\n"
    assert agora.ok("pop", "-n", "all", stack) == "c\nb\na\n"
    assert agora.no("pop", stack) == f"agora: {stack}: empty"


def test_a_list_has_two_ends(agora, notes):
    agora.ok("push", notes, "b", "c")
    agora.ok("push", "--front", notes, "a")
    agora.ok("push", "--front", notes, input=b"two\none\n")
    assert agora.ok("tail", notes) == "one\ntwo\na\nb\nc\n"
    assert agora.ok("tail", "-n", "2", notes) == "b\nc\n"
    assert agora.ok("peek", notes) == "one\n"
    assert agora.ok("peek", "--back", notes) == "c\n"
    assert agora.ok("pop", "--back", notes) == "c\n"
    assert agora.ok("pop", "-n", "all", notes) == "one\ntwo\na\nb\n"
    assert agora.no("pop", "--back", notes) == f"agora: {notes}: empty"
    assert agora.no("peek", "--back", notes) == f"agora: {notes}: empty"


@pytest.mark.parametrize("args, named", [
    (["push", "--front", "PATH", "m"], "a stack has no front"),
    (["pop", "--back", "PATH"], "a stack has no back"),
    (["peek", "--back", "PATH"], "a stack has no back"),
    (["push", "--priority", "3", "PATH", "m"], "a stack has no priorities"),
    (["push", "--priority", "-3", "PATH", "m"], "'-3' is not a number"),
])
def test_what_a_kind_does_not_have_is_wrong_use(agora, stack, args, named):
    words = [stack if word == "PATH" else word for word in args]
    assert named in agora.no(*words, status=2)


def test_the_front_of_a_list_that_is_missing_is_told_with_a_hint(agora):
    agora.ok("create", "w")
    assert "agora create -p w/none.list makes it" in agora.no(
        "push", "--front", "w/none.list", "m")


def test_a_full_list_says_so_at_both_ends(agora):
    agora.ok("create", "-p", "w/s.list", "--capacity", "1")
    agora.ok("push", "w/s.list", "m")
    for option in ([], ["--front"]):
        assert agora.no("push", "--no-wait", *option, "w/s.list", "n") == (
            "agora: w/s.list: full")
    waiting = agora.start("push", "--front", "w/s.list", "late")
    agora.ok("pop", "w/s.list")
    assert waiting.wait(20) == 0
    assert agora.ok("pop", "w/s.list") == "late\n"


def test_a_log_shows_its_history_and_nobody_takes(agora, feed):
    agora.ok("push", feed, "a", "b", "c")
    assert agora.ok("tail", feed) == "a\nb\nc\n"
    assert agora.ok("tail", "-n", "2", feed) == "b\nc\n"
    for command in ("pop", "peek"):
        assert "a log cannot pop" in agora.no(command, feed, status=2)


def test_tail_follows_what_is_pushed(agora, path):
    agora.ok("push", path, "old")
    tail = agora.start("tail", "-f", path)
    assert tail.stdout.readline() == b"old\n"
    for word in ("one", "two"):
        agora.ok("push", path, word)
        assert tail.stdout.readline() == word.encode() + b"\n"


def test_tail_of_a_log_tells_how_much_it_missed(agora):
    agora.ok("create", "-p", "w/s.log", "--capacity", "16")
    tail = agora.start("tail", "-f", "-n", "all", "w/s.log", bufsize=0)
    agora.ok("push", "w/s.log", "first")
    assert tail.stdout.readline() == b"first\n"
    tail.send_signal(19)
    agora.ok("push", "w/s.log", input=b"x\n" * 100)
    kept = agora.ok("tail", "-n", "all", "w/s.log").count("\n")
    tail.send_signal(18)
    assert tail.stderr.readline().decode() == (
        f"agora: w/s.log: {100 - kept} messages missed\n")
    assert [tail.stdout.readline() for _ in range(kept)] == [b"x\n"] * kept


def test_json_is_a_line_for_each_message(agora, path):
    agora.ok("push", path, "plain", 'quo"te')
    lines = agora.ok("tail", "--json", path).splitlines()
    assert sorted(json.loads(line)["message"] for line in lines) == [
        "plain", 'quo"te']
    if not path.endswith(".log"):
        assert json.loads(agora.ok("peek", "--json", path)) == (
            json.loads(lines[0]))
        assert agora.ok("pop", "--json", "-n", "all", path).splitlines() == (
            lines)


def test_json_of_a_long_message_is_whole(agora):
    agora.ok("create", "-p", "w/b.queue", "--type", "bytes",
             "--message-size", "1M")
    agora.ok("push", "--raw", "w/b.queue", input=b"\xff" + b"x" * 500000)
    told = json.loads(agora.ok("pop", "--json", "w/b.queue"))
    assert told == {"message": "\\xFF" + "x" * 500000}


def test_each_is_described_by_its_own_words(agora, path):
    agora.ok("push", path, "a", "b")
    kind = path.split(".")[1]
    stat = agora.stat(path)
    assert (stat["kind"], stat["depth"], stat["pushed"]) == (kind, "2", "2")
    assert ("popped" in stat) == (kind != "log")
    assert ("readers" in stat) == ("reliable" in stat) == (kind == "log")
    assert agora.ok("ls", path).startswith(f"{path}\t{kind}\tutf8\t2\t")
    assert f"{path}\tsound" in agora.ok("doctor", path)


def test_options_of_a_log_are_chosen_at_creation(agora):
    agora.ok("create", "-p", "w/r.log", "--reliable", "--writers", "one",
             "--capacity", "32")
    stat = agora.stat("w/r.log")
    assert (stat["reliable"], stat["writers"], stat["readers"]) == (
        "yes", "one", "0")


@pytest.mark.parametrize("args, named", [
    (["w/x.queue", "--reliable"], "a queue has no --reliable"),
    (["w/x.table", "--order", "relaxed"], "a table has no --order"),
    (["w/x.stack", "--spsc"], "a stack has no --spsc"),
    (["w/x.table", "--fixed"], "fixed"),
])
def test_an_option_that_a_kind_does_not_have_is_named(agora, args, named):
    assert named in agora.no("create", "-p", *args)


def test_an_order_that_is_none_is_wrong_use(agora):
    assert "'loose' is not strict or relaxed" in agora.no(
        "create", "w/x.queue", "--order", "loose", status=2)
    agora.ok("create", "-p", "w/x.queue", "--order", "strict")
