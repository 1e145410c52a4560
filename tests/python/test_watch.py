"""Watching without an event loop."""

import select

import pytest

import agora


def test_watch_tells_what_comes_and_goes(space):
    with space.watch() as watch:
        space.create_program("a")
        assert watch.next(20) == agora.Event("program-added", "a", "")
        space.create("a/x.queue")
        assert watch.next(20).path == "a/x.queue"
        space.remove("a/x.queue")
        assert next(watch) == agora.Event("object-removed", "a", "x.queue")
        with pytest.raises(TimeoutError):
            watch.next(0)


def test_watch_of_one_program_sees_no_other(space):
    space.create_program("a")
    space.create_program("b")
    with space.watch("b") as watch:
        space.create("a/x.queue")
        space.create("b/y.queue")
        assert watch.next(20).path == "b/y.queue"


def test_watch_can_be_polled(space):
    with space.watch() as watch:
        assert select.select([watch], [], [], 0) == ([], [], [])
        space.create_program("a")
        assert select.select([watch], [], [], 20) == ([watch], [], [])


def test_watch_of_nothing_names_it(space):
    with pytest.raises(FileNotFoundError) as caught:
        space.watch("none")
    assert caught.value.filename == "none"


def test_closed_watch_is_value_error(space):
    watch = space.watch()
    watch.close()
    watch.close()
    with pytest.raises(ValueError, match="closed"):
        watch.next(0)
