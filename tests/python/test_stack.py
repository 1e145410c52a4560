"""Stacks: the last first, looking, and what was in hand."""

import pytest


@pytest.fixture
def stack(program):
    with program.stack("a.stack", capacity=4, type="utf8") as opened:
        yield opened


def test_the_last_message_comes_out_first(stack):
    for word in "a", "b", "c":
        stack.push(word)
    assert len(stack) == 3
    assert stack.peek() == "c"
    assert [stack.pop() for _ in range(3)] == ["c", "b", "a"]
    with pytest.raises(BlockingIOError):
        stack.pop()


def test_walking_shows_the_top_first_and_takes_nothing(stack):
    stack.push_batch(["a", "b", "c"])
    assert list(stack) == ["c", "b", "a"]
    assert list(stack.walk(raw=True)) == [b"c", b"b", b"a"]
    walk = stack.walk()
    stack.pop()
    assert list(walk) == ["b", "a"]
    assert len(stack) == 2


def test_a_claim_that_is_dropped_comes_back_on_top(stack):
    stack.push_batch(["a", "b"])
    claim = stack.acquire()
    assert bytes(claim.view) == b"b"
    stack.push("c")
    del claim
    assert list(stack) == ["b", "c", "a"]
    with stack.acquire() as view:
        assert bytes(view) == b"b"
    assert list(stack) == ["c", "a"]


def test_a_tap_follows_and_misses_nothing_that_stays(stack):
    stack.push("a")
    tap = stack.tap(0, cursor=0)
    assert next(tap) == "a"
    stack.push("b")
    stack.pop()
    stack.push("c")
    assert list(tap) == ["c"]
    assert tap.missed == 0


def test_full_is_a_blocking_io_error_and_waiting_times_out(stack):
    assert stack.push_batch("abcdef") == 4
    with pytest.raises(BlockingIOError):
        stack.push("x")
    with pytest.raises(TimeoutError):
        stack.push_wait("x", 0.01)
