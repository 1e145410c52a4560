"""get, put and tail, on a string."""

import json

import pytest


@pytest.fixture
def mode(agora):
    agora.ok("create", "-p", "weather/mode.string")
    return "weather/mode.string"


def test_get_prints_what_put_stored(agora, mode):
    agora.ok("put", mode, "storm")
    assert agora.ok("get", mode) == "storm\n"
    assert agora.ok("get", "--raw", mode) == "storm"
    agora.ok("put", mode, input=b"two\nlines\n")
    assert agora.ok("get", mode) == "two\nlines\n"
    agora.ok("put", "-r", mode, input=b"kept\n")
    assert agora.ok("get", "-r", mode) == "kept\n"


def test_a_string_without_a_value_says_no(agora, mode):
    assert agora.no("get", mode) == f"agora: {mode}: there is no value"
    assert agora.ok("tail", mode) == ""
    agora.ok("put", mode, "")
    assert agora.ok("get", mode) == ""


def test_json_tells_the_version(agora, mode):
    agora.ok("put", mode, "a")
    agora.ok("put", mode, "b")
    assert json.loads(agora.ok("get", "--json", mode)) == {
        "version": 2, "value": "b"}


def test_put_replaces_only_the_version_that_is_named(agora, mode):
    agora.ok("put", "--if-version", "0", mode, "first")
    line = agora.no("put", "--if-version", "0", mode, "second")
    assert line == f"agora: {mode}: the version is 1, not 0"
    agora.ok("put", "--if-version", "1", mode, "second")
    assert "the version is 2, not 1" in agora.no(
        "put", "--if-version", "1", mode, "third")
    assert agora.ok("get", mode) == "second\n"


def test_what_does_not_fit_is_refused(agora):
    agora.ok("create", "-p", "w/s.string", "--message-size", "4")
    assert "5 bytes, and the limit is 4" in agora.no("put", "w/s.string", "12345")
    assert "utf8 at byte 1" in agora.no("put", "w/s.string", input=b"a\xff")


@pytest.mark.parametrize("args, named", [
    (["get", "key"], "a string has no keys"),
    (["put", "value", "more"], "'more' is one argument too many"),
    (["put", "a", "b", "c"], "'c' is one argument too many"),
    (["put", "--if-version", "x", "v"], "'x' is not a number"),
    (["del", "key"], "a string cannot put"),
    (["push", "m"], "a string cannot push"),
    (["pop"], "a string cannot pop"),
    (["peek"], "a string cannot pop"),
    (["range"], "a string has no order of keys"),
])
def test_a_string_refuses_the_verbs_of_others(agora, mode, args, named):
    words = list(args)
    at = words.index("x") + 1 if "x" in words else 1
    words.insert(at, mode)
    assert named in agora.no(*words, status=2)


def test_only_a_string_has_versions_to_compare(agora, table):
    assert "a table has no --if-version" in agora.no(
        "put", "--if-version", "1", table, "k", "v", status=2)


def test_tail_prints_the_value_and_follows(agora, mode):
    agora.ok("put", mode, "one")
    assert agora.ok("tail", mode) == "one\n"
    tail = agora.start("tail", "-f", mode)
    assert tail.stdout.readline() == b"one\n"
    for word in ("two", "three"):
        agora.ok("put", mode, word)
        assert tail.stdout.readline() == word.encode() + b"\n"


def test_a_string_is_described_by_its_own_words(agora, mode):
    agora.ok("put", mode, "four")
    stat = agora.stat(mode)
    assert (stat["version"], stat["bytes"], stat["writers"]) == (
        "1", "4", "many")
    assert not {"depth", "keys", "capacity"} & set(stat)
    agora.ok("create", "weather/one.string", "--writers", "one",
             "--message-size", "64")
    stat = agora.stat("weather/one.string")
    assert (stat["writers"], stat["value-size"]) == ("one", "64")
    assert agora.ok("ls", mode).startswith(f"{mode}\tstring\tutf8\t1\t")
    assert "mode.string\tstring\t" in agora.ok("ls", "-l", "weather")
    assert f"{mode}\tsound" in agora.ok("doctor", mode)
