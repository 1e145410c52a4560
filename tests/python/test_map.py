"""Ordered maps and sets: mappings and sets whose keys have an order."""

import collections.abc

import pytest

import agora


@pytest.fixture
def index(program):
    with program.map("index.map", type="utf8") as opened:
        yield opened


@pytest.fixture
def members(program):
    with program.set("members.set", type="utf8") as opened:
        yield opened


def test_map_is_a_mapping_in_the_order_of_its_keys(index):
    assert isinstance(index, collections.abc.MutableMapping)
    index.update(b="2", a="1", c="3")
    assert list(index.items()) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert list(reversed(index)) == ["c", "b", "a"]
    del index["b"]
    assert list(index) == ["a", "c"] and len(index) == 2
    assert index.swap("a", "one") == "1"
    assert index.setdefault("d", "4") == "4"
    with pytest.raises(agora.StaleError):
        index.compare("a", "x", 0)
    with pytest.raises(KeyError):
        index["b"]


def test_ranges_are_half_open(index):
    for key in ("", "a", "aa", "b", "c"):
        index[key] = key + "!"
    assert index.range("a", "b") == [("a", "a!"), ("aa", "aa!")]
    assert index.range(limit=2) == [("", "!"), ("a", "a!")]
    assert index.range("b") == [("b", "b!"), ("c", "c!")]
    assert index.range("x") == index.range("b", "a") == index.range(limit=0) == []
    assert list(index.irange("a", "c")) == ["a", "aa", "b"]
    assert index.count() == 5 and index.count("a", "c") == 3


def test_long_ranges_are_passed_in_pieces(program):
    with program.map("long.map") as numbers:
        for i in range(1000):
            numbers[b"%04d" % i] = b"x" * i
        assert list(numbers.irange()) == [b"%04d" % i for i in range(1000)]
        assert list(numbers.irange(b"0150", b"0350")) == [
            b"%04d" % i for i in range(150, 350)]
        assert [len(v) for _, v in numbers.range(b"0990")] == [*range(990, 1000)]
        numbers.clear()
        assert not numbers


def test_neighbours(index):
    assert index.first() is None and index.last() is None
    index.update(b="", d="")
    assert index.first() == "b" and index.last() == "d"
    assert index.next("b") == index.next("c") == "d"
    assert index.previous("d") == index.previous("c") == "b"
    assert index.next("d") is None and index.previous("b") is None
    with pytest.raises(OSError):
        index.next("x" * 5000)


def test_map_counts(program):
    with program.map("counts.map") as counts:
        assert counts.add("n") == 1 and counts.add("n", 4) == 5
        assert counts.counter("n") == 5


def test_set_is_a_set_in_order(members):
    assert isinstance(members, collections.abc.MutableSet)
    assert members.add("b") and not members.add("b")
    members |= {"a", "c"}
    assert list(members) == ["a", "b", "c"] and len(members) == 3
    assert "a" in members and "z" not in members
    assert members & {"a", "z"} == {"a"} and members == {"a", "b", "c"}
    assert members.range("b") == ["b", "c"] and members.count("a", "c") == 2
    assert members.first() == "a" and members.previous("c") == "b"
    assert members.discard("b") and not members.discard("b")
    with pytest.raises(KeyError):
        members.remove("b")
    assert members.pop() == "a"
    members.clear()
    assert not members
    with pytest.raises(KeyError):
        members.pop()


def test_objects_are_of_their_class(program, index, members):
    with program.space.open(index.path) as again:
        assert type(again) is agora.Map
    with program.space.open(members.path) as again:
        assert type(again) is agora.Set
