"""Strings: one value and its versions; waiting for changes."""

import asyncio
import errno
import threading

import pytest

import agora


@pytest.fixture
def string(program):
    with program.string("a.string") as opened:
        yield opened


@pytest.fixture
def text(program):
    with program.string("text.string", type="utf8") as opened:
        yield opened


def test_what_was_stored_is_what_load_gives(string, text):
    assert string.load() is None and string.load(b"d") == b"d"
    assert string.version == 0
    string.store(b"\0\xff")
    text.store("grün")
    assert string.load() == b"\0\xff" and text.load() == "grün"
    assert text.load(raw=True) == "grün".encode()
    string.store(b"")
    assert string.load(b"d") == b""
    assert string.entry() == agora.Entry(b"", 2)
    with pytest.raises(TypeError):
        string.store("text")


def test_values_are_as_large_as_they_are(string):
    for size in (100, 5000, 1 << 20):
        string.store(b"x" * size)
        assert string.load() == b"x" * size
    with pytest.raises(OSError) as error:
        string.store(b"x" * ((1 << 20) + 1))
    assert error.value.errno == errno.EMSGSIZE


def test_open_finds_the_class_of_the_kind(space, string):
    with space.open(string.path, "r") as opened:
        assert type(opened) is agora.String and opened.kind == "string"
        with pytest.raises(PermissionError):
            opened.store(b"x")
    with pytest.raises(TypeError):
        space.queue(string.path)


def test_append_swap_and_clear(string):
    string.append(b"a")
    string.append(b"b" * 5000)
    assert string.swap(b"c") == b"a" + b"b" * 5000
    assert string.clear() and not string.clear()
    assert string.load() is None and string.version == 4
    for call in (string.entry, lambda: string.swap(b"x")):
        with pytest.raises(LookupError):
            call()


def test_compare_stores_over_one_version_only(string):
    assert string.compare(b"a", 0) == 1
    with pytest.raises(agora.StaleError) as error:
        string.compare(b"b", 0)
    assert error.value.version == 1 and error.value.errno == errno.ESTALE
    assert string.compare(b"b", 1) == 2


def test_change_is_atomic_among_threads(text):
    def count():
        for _ in range(200):
            text.change(lambda old: str(int(old) + 1), "0")

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text.load() == "600"


def test_wait_ends_with_a_newer_version_or_with_the_timeout(space, text):
    with pytest.raises(TimeoutError):
        text.wait(0, 0.01)
    text.store("a")
    assert text.wait(0) == agora.Change("a", 1)
    for flag in "wr":
        with space.string(text.path, flag) as other:
            before = other.version
            thread = threading.Thread(target=text.store, args=("b",))
            thread.start()
            assert other.wait(before).value == "b"
            thread.join()
    text.clear()
    assert text.wait(3) == agora.Change(None, 4)


def test_tap_gives_values_until_the_timeout(text):
    text.store("a")
    assert list(text.tap(0.01)) == []
    assert list(text.tap(0.01, version=0)) == ["a"]
    text.clear()
    assert list(text.tap(0.01, version=0)) == []


def test_an_event_loop_runs_while_a_change_is_awaited(text):
    async def both():
        waiting = asyncio.ensure_future(text.wait_async(0))
        taps = text.tap_async(version=0)
        await asyncio.sleep(0)
        text.store("news")
        assert await waiting == agora.Change("news", 1)
        assert await taps.__anext__() == "news"
        await taps.aclose()

    asyncio.run(asyncio.wait_for(both(), 30))


def test_a_killed_writer_leaves_a_whole_value(space, text, child):
    writer = child("""
string = space.string("test/text.string")
for n in range(10):
    string.store(str(n) * 500)
say("ready")
n = 0
while True:
    n = (n + 1) % 10
    string.store(str(n) * 500)
""")
    text.wait(20)
    writer.kill()
    writer.wait()
    value = text.load()
    assert value == value[0] * 500
    text.store("after")
    assert text.check(repair=True).sound
