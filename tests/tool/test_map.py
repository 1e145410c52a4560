"""get, put, del, ls and range, on maps and sets."""

import json

import pytest


@pytest.fixture
def index(agora):
    agora.ok("create", "-p", "w/index.map")
    for key in "acegik":
        agora.ok("put", "w/index.map", key, f"value of {key}")
    return "w/index.map"


@pytest.fixture
def members(agora):
    agora.ok("create", "-p", "w/members.set")
    for member in ("bob", "alice", "eve"):
        agora.ok("put", "w/members.set", member)
    return "w/members.set"


def keys(lines):
    return [line.split("\t")[0] for line in lines.splitlines()]


def test_a_map_stores_under_keys(agora, index):
    assert agora.ok("get", index, "c") == "value of c\n"
    agora.ok("put", index, "c", "new")
    assert agora.ok("get", index, "c") == "new\n"
    agora.ok("del", index, "c")
    assert agora.no("get", index, "c") == f"agora: {index}: there is no key 'c'"
    assert agora.ok("ls", index) == "a\ne\ng\ni\nk\n"


@pytest.mark.parametrize("bounds, wanted", [
    ([], "acegik"),
    (["c"], "cegik"),
    (["d"], "egik"),
    (["c", "g"], "ce"),
    (["b", "h"], "ceg"),
    (["", "b"], "a"),
    (["k", "z"], "k"),
    (["l"], ""),
    (["g", "c"], ""),
    (["c", "c"], ""),
    (["cc", "ee"], "e"),
    (["a", ""], ""),
])
def test_a_range_goes_from_a_key_up_to_another(agora, index, bounds, wanted):
    assert agora.ok("range", index, *bounds) == "".join(
        f"{key}\tvalue of {key}\n" for key in wanted)
    assert agora.ok("range", "--count", index, *bounds) == f"{len(wanted)}\n"
    limited = agora.ok("range", "-n", "2", index, *bounds)
    assert "".join(keys(limited)) == wanted[:2]


def test_bounds_are_keys_as_ls_shows_them(agora):
    agora.ok("create", "-p", "w/b.map", "--type", "bytes", "--key-size", "4")
    for key in ("", "a", "a\\x00", "a\\t", "\\xFF", "\\xFF\\xFF"):
        agora.ok("put", "w/b.map", key, "v")
    shown = agora.ok("range", "w/b.map").splitlines()
    assert shown == ["\tv", "a\tv", "a\\x00\tv", "a\\t\tv", "\\xFF\tv",
                     "\\xFF\\xFF\tv"]
    assert keys(agora.ok("range", "w/b.map", "a\\x00", "\\xFF\\xFF")) == [
        "a\\x00", "a\\t", "\\xFF"]
    long = "\\xFF" * 9
    assert agora.ok("range", "--count", "w/b.map", "", long) == "6\n"
    assert agora.ok("range", "w/b.map", long) == ""
    assert keys(agora.ok("range", "w/b.map", "a" * 9)) == ["\\xFF", "\\xFF\\xFF"]
    assert "no such escape" in agora.no("range", "w/b.map", "\\q", status=2)


def test_a_range_as_json_is_a_line_for_each(agora, index, members):
    lines = agora.ok("range", "--json", index, "c", "f").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"key": "c", "value": "value of c"}, {"key": "e", "value": "value of e"}]
    lines = agora.ok("range", "--json", members, "b", "c").splitlines()
    assert [json.loads(line) for line in lines] == [{"key": "bob"}]


def test_large_values_are_printed_whole(agora, index):
    agora.ok("put", index, "b", input=b"x" * 500000)
    assert agora.ok("range", index, "b", "c") == "b\t" + "x" * 500000 + "\n"


def test_only_what_is_sorted_has_ranges(agora, table, queue):
    assert "a table has no order of keys" in agora.no("range", table, status=2)
    assert "a queue has no order of keys" in agora.no("range", queue, status=2)


def test_a_set_tells_by_its_exit_status(agora, members):
    assert agora.ok("get", members, "bob") == ""
    assert agora.no("get", members, "mallory") == (
        f"agora: {members}: there is no key 'mallory'")
    agora.ok("del", members, "bob")
    agora.no("get", members, "bob")
    agora.no("del", members, "bob")
    assert agora.ok("ls", members) == agora.ok("range", members) == (
        "alice\neve\n")


def test_a_member_has_no_value(agora, members):
    assert "'v' is one argument too many" in agora.no(
        "put", members, "k", "v", status=2)
    assert "KEY is missing" in agora.no("put", members, status=2)
    assert "utf8 at byte 1" in agora.no("put", members, "a\\xFF")
    agora.ok("put", members, "bob")
    assert agora.stat(members)["keys"] == "3"


def test_a_range_of_a_set_is_its_members(agora, members):
    assert agora.ok("range", members, "b", "e") == "bob\n"
    assert agora.ok("range", "--count", members, "a", "f") == "3\n"


def test_a_range_begins_in_the_middle(agora):
    agora.ok("create", "-p", "w/big.map", "--capacity", "20000")
    for first in range(0, 1000, 100):
        for i in range(first, first + 5):
            agora.ok("put", "w/big.map", f"{i:04}", "v")
    assert keys(agora.ok("range", "-n", "3", "w/big.map", "0310")) == [
        "0400", "0401", "0402"]


def test_each_is_described_by_its_own_words(agora, index, members):
    stat = agora.stat(index)
    assert (stat["kind"], stat["keys"]) == ("map", "6")
    assert "value-size" in stat and "depth" not in stat
    stat = agora.stat(members)
    assert (stat["kind"], stat["keys"], stat["bytes"]) == ("set", "3", "11")
    assert "value-size" not in stat
    for path in (index, members):
        assert f"{path}\tsound" in agora.ok("doctor", path)
