"""Logs: appending, positions, readers that wait, registered ones."""

import asyncio
import errno
import threading

import pytest

import agora


@pytest.fixture(params=["many", "one"])
def log(request, program):
    with program.log("a.log", capacity=10, writers=request.param,
                     reliable=True, type="utf8") as opened:
        yield opened


def test_each_reader_has_its_own_position(log):
    for i in range(5):
        log.append(f"r{i}")
    first, second = log.reader(), log.reader(3)
    assert list(first) == ["r0", "r1", "r2", "r3", "r4"]
    assert second.read() == "r3" and second.position == 4
    first.position = 1
    assert first.read() == "r1" and first.missed == 0
    assert list(log) == [f"r{i}" for i in range(5)] and len(log) == 5
    assert (log.oldest(), log.end(), log.back(2)) == (0, 5, 3)
    assert log.newest() == "r4"


def test_nothing_there_is_blocking_io_error_or_a_timeout(log):
    reader = log.reader()
    with pytest.raises(BlockingIOError):
        reader.read()
    with pytest.raises(TimeoutError):
        reader.read_wait(.01)
    with pytest.raises(BlockingIOError):
        log.newest()
    assert list(log.follow(.01)) == []
    with pytest.raises(OSError) as error:
        log.pop()
    assert error.value.errno == errno.EOPNOTSUPP


def test_who_was_lapped_is_told_how_many_it_missed(log):
    reader = log.reader(0)
    log.append_batch(str(i) for i in range(100))
    got = list(reader)
    assert got[-1] == "99" and len(got) >= 10
    assert reader.missed == 100 - len(got)


def test_a_reader_that_waits_gets_what_comes(space, log):
    for flag in "rw":
        with space.log(log.path, flag) as opened:
            reader = opened.follow()
            thread = threading.Timer(.05, lambda: log.append("late"))
            thread.start()
            assert next(reader) == "late"
            thread.join()


def test_an_event_loop_follows_a_log(log):
    async def run():
        reader = log.follow()
        asyncio.get_running_loop().call_later(.02, log.append, "a")
        asyncio.get_running_loop().call_later(.04, log.append, "b")
        return [await anext(reader), await reader.read_async()]

    assert asyncio.run(run()) == ["a", "b"]


def test_a_registered_reader_holds_writers_back(space, log):
    with space.log(log.path) as opened:
        assert opened.register() == 0
        assert log.stat().readers == 1 and log.stat().reliable
        with pytest.raises(BlockingIOError):
            for i in range(100):
                log.append(str(i))
        reader = opened.reader()
        assert reader.read() == "0" and reader.missed == 0
        log.append_wait("more")
        with pytest.raises(TimeoutError):
            for _ in range(100):
                log.append_wait("more", .01)
        opened.unregister()
        log.append("free")
    assert log.stat().readers == 0
    with space.log(log.path, "r") as opened, pytest.raises(PermissionError):
        opened.register()


def test_a_log_that_is_not_reliable_registers_nobody(program):
    with program.log("b.log") as log:
        with pytest.raises(OSError) as error:
            log.register()
        assert error.value.errno == errno.EOPNOTSUPP


def test_open_finds_the_class_of_the_kind(space, log):
    with space.open(log.path, "r") as opened:
        assert type(opened) is agora.Log and opened.kind == "log"
    with pytest.raises(ValueError):
        log.reader(-1)
