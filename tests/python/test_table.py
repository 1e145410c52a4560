"""Tables: the mapping interface, and what is atomic."""

import errno
import threading

import pytest

import agora


@pytest.fixture
def table(program):
    with program.table("a.table") as opened:
        yield opened


@pytest.fixture
def text(program):
    with program.table("text.table", type="utf8") as opened:
        yield opened


def test_table_is_a_mapping(text):
    import collections.abc
    assert isinstance(text, collections.abc.MutableMapping)
    text["a"] = "1"
    text.update(b="2", c="3")
    assert dict(text) == {"a": "1", "b": "2", "c": "3"} == text
    assert set(text) == set(text.keys()) == {"a", "b", "c"}
    assert sorted(text.values()) == ["1", "2", "3"]
    assert sorted(text.items()) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert ("a", "1") in text.items() and "3" in text.values()
    assert "a" in text and "z" not in text and len(text) == 3
    assert text.pop("a") == "1" and text.pop("a", None) is None
    del text["b"]
    assert text.popitem() == ("c", "3")
    assert not text and len(text) == 0


def test_missing_key_is_key_error(table):
    for call in (lambda: table["x"], lambda: table.delete("x"),
                 lambda: table.entry("x"), lambda: table.swap("x", b""),
                 lambda: table.pop("x"), table.popitem):
        with pytest.raises(KeyError):
            call()
    assert table.get("x") is None and table.get("x", b"d") == b"d"
    assert table.version("x") == 0 and not table


def test_keys_are_bytes_and_str_is_taken_as_utf8(table):
    table["grüße"] = b"1"
    assert table["grüße".encode()] == b"1"
    assert list(table) == ["grüße".encode()]
    table[bytearray(b"")] = b"empty"
    assert table[b""] == b"empty"
    with pytest.raises(TypeError):
        table[5] = b"x"
    with pytest.raises(TypeError):
        table["x"] = "text"


def test_key_that_is_no_text_comes_back_and_is_found(text):
    text[b"\xff"] = "x"
    (key,) = text
    assert text[key] == "x"
    del text[key]
    assert not text


def test_values_of_all_sizes_come_back(table):
    for size in 0, 1, 88, 4096, 4097, 1 << 20:
        table["k"] = bytes(size)
        assert table["k"] == bytes(size)
        assert dict(table) == {b"k": bytes(size)}
    with pytest.raises(OSError) as caught:
        table["k"] = bytes((1 << 20) + 1)
    assert caught.value.errno == errno.EMSGSIZE
    assert len(table["k"]) == 1 << 20


def test_too_long_a_key_is_einval_with_the_path(table):
    with pytest.raises(OSError) as caught:
        table["k" * 513] = b""
    assert (caught.value.errno, caught.value.filename) == (
        errno.EINVAL, "test/a.table")


def test_swap_returns_what_was_there(table):
    table["k"] = bytes(10000)
    assert table.swap("k", b"new") == bytes(10000)
    assert table.swap("k", b"newer") == b"new"
    with pytest.raises(OSError) as caught:
        table.swap("k", bytes((1 << 20) + 1))
    assert caught.value.errno == errno.EMSGSIZE
    assert table["k"] == b"newer"


def test_compare_stores_only_over_its_version(table):
    first = table.compare("k", b"1", 0)
    assert table.version("k") == first != 0
    second = table.compare("k", b"2", first)
    with pytest.raises(agora.StaleError) as caught:
        table.compare("k", b"3", first)
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.ESTALE
    assert caught.value.filename == "test/a.table"
    assert caught.value.version == second
    assert table.entry("k") == agora.Entry(b"2", second)
    del table["k"]
    with pytest.raises(agora.StaleError) as caught:
        table.compare("k", b"3", second)
    assert caught.value.version == 0


def test_setdefault_keeps_what_is_there(table):
    assert table.setdefault("k", b"1") == b"1"
    assert table.setdefault("k", b"2") == b"1"


def test_counters_count(table):
    assert table.counter("n") == 0
    assert [table.add("n"), table.add("n", 5), table.add("n", -7)] == [1, 6, -1]
    assert table.counter("n") == -1
    with pytest.raises(OverflowError):
        table.add("n", 1 << 63)
    table["text"] = b"no"
    for call in table.add, table.counter:
        with pytest.raises(OSError) as caught:
            call("text")
        assert caught.value.errno == errno.EPROTOTYPE


def test_change_is_atomic_between_threads(program, text):
    def count():
        with program.table("text.table") as mine:
            for _ in range(500):
                mine.change("k", lambda n: str(int(n) + 1), "0")

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text["k"] == "1500"


def test_table_may_change_while_it_is_iterated(table):
    for number in range(200):
        table[str(number)] = b"x"
    seen = []
    for key in table:
        seen.append(key)
        del table[key]
    assert len(seen) == len(set(seen)) == 200
    for number in range(200):
        table[str(number)] = b"x"
    assert len([table.delete(key) for key, _ in table.items()]) == 200
    table.update(a=b"1", b=b"2")
    table.clear()
    assert not table


def test_reader_gets_and_cannot_put(space, table):
    table["k"] = b"v"
    with space.table("test/a.table", "r") as reader:
        assert reader["k"] == b"v" and dict(reader) == {b"k": b"v"}
        for call in (lambda: reader.put("k", b""), lambda: reader.add("n"),
                     lambda: reader.delete("k")):
            with pytest.raises(PermissionError):
                call()
    assert table["k"] == b"v"


def test_only_one_writes_a_table_of_one_writer(space, program):
    first = program.table("one.table", writers="one")
    assert first.stat().writers == "one"
    first["k"] = b"1"
    with space.table("test/one.table") as second:
        assert second["k"] == b"1"
        with pytest.raises(OSError) as caught:
            second["k"] = b"2"
        assert caught.value.errno == errno.EBUSY
        first.close()
        second["k"] = b"2"
