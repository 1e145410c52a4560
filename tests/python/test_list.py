"""Lists: both ends, elements, walks."""

import pytest

import agora


@pytest.fixture
def stops(program):
    with program.list("stops.list", capacity=8, type="utf8") as opened:
        yield opened


def test_both_ends_push_and_pop(stops):
    stops.push_back("b")
    stops.push_front("a")
    stops.push("c")
    assert list(stops) == ["a", "b", "c"]
    assert (stops.peek(), stops.peek_back(), len(stops)) == ("a", "c", 3)
    assert (stops.pop_back(), stops.pop_front(), stops.pop()) == ("c", "a", "b")
    for take in stops.pop_back, stops.pop_front, stops.acquire_back, stops.peek_back:
        with pytest.raises(BlockingIOError):
            take()


def test_elements_are_inserted_beside_others_walked_and_removed(stops):
    b = stops.push_back("b")
    a = stops.insert_before(b, "a")
    c = stops.insert_after(b, "c")
    assert [stops.get(e) for e in stops.elements()] == ["a", "b", "c"]
    assert stops.next() == a and stops.next(a) == b and stops.next(c) is None
    assert stops.previous() == c and stops.previous(a) is None
    assert len({a, b, c, stops.next(a)}) == 3
    stops.remove(b)
    assert list(stops) == ["a", "c"]


def test_what_was_removed_is_stale_for_ever(stops):
    gone = stops.push_back("a")
    stops.remove(gone)
    stops.push_back("b")
    for call in (stops.get, stops.remove, stops.next, stops.previous,
                 lambda e: stops.insert_after(e, "x")):
        with pytest.raises(agora.StaleError) as caught:
            call(gone)
        assert caught.value.filename == "test/stops.list"


def test_a_walk_goes_on_when_what_it_stands_on_is_removed(stops):
    stops.push_batch("abcde")
    seen = []
    for element in stops.elements():
        seen.append(stops.get(element))
        stops.remove(element)
    assert seen == list("abcde") and len(stops) == 0


def test_what_is_claimed_comes_back_at_its_end(stops):
    stops.push_batch("abc")
    first, last = stops.acquire(), stops.acquire_back()
    assert (bytes(first.view), bytes(last.view)) == (b"a", b"c")
    stops.push_front("x")
    stops.push_back("y")
    first.restore()
    last.restore()
    assert list(stops) == ["a", "x", "b", "y", "c"]


def test_waiting_ends_with_timeout_error(stops):
    for call in stops.pop_back_wait, stops.pop_front_wait:
        with pytest.raises(TimeoutError):
            call(0.01)
    stops.push_batch("abcdefgh")
    for call in stops.push_back_wait, stops.push_front_wait:
        with pytest.raises(TimeoutError):
            call("x", 0.01)
    assert stops.pop_back_wait(1) == "h"
    assert stops.get(stops.push_front_wait("i", 1)) == "i"
