"""Heaps: the smallest priority first, looking, and what was in hand."""

import asyncio

import pytest

import agora


@pytest.fixture
def heap(program):
    with program.heap("a.heap", capacity=6, type="utf8") as opened:
        yield opened


def test_the_smallest_priority_comes_out_first(heap):
    for priority, word in (30, "c"), (10, "a"), (2**64 - 1, "d"), (20, "b"):
        heap.push(priority, word)
    assert len(heap) == 4
    assert heap.peek() == (10, "a")
    assert heap.pop() == agora.Ranked(10, "a")
    assert heap.pop().message == "b"
    assert heap.pop(raw=True) == (30, b"c")
    assert heap.pop_wait().priority == 2**64 - 1
    with pytest.raises(BlockingIOError):
        heap.pop()


def test_equals_come_out_in_the_order_of_pushing(heap):
    for word in "abc":
        heap.push(7, word)
    assert [heap.pop().message for _ in range(3)] == ["a", "b", "c"]


def test_iterating_shows_the_order_and_takes_nothing(heap):
    heap.push_batch([(3, "c"), (1, "a"), (2, "b")])
    assert list(heap) == [(1, "a"), (2, "b"), (3, "c")]
    walk = heap.walk()
    heap.pop()
    assert list(walk) == [(2, "b"), (3, "c")]
    assert len(heap) == 2


def test_batches_carry_priorities(heap):
    assert heap.push_batch((n, str(n)) for n in range(9, 0, -1)) == 6
    with pytest.raises(BlockingIOError):
        heap.push_batch([(1, "x")])
    assert heap.pop_batch(4) == [(n, str(n)) for n in (4, 5, 6, 7)]
    assert heap.push_batch_wait([(5, "y")], 1) == 1
    assert heap.pop_batch_wait(9, 1) == [(5, "y"), (8, "8"), (9, "9")]


def test_a_claim_that_is_dropped_goes_back_to_its_place(heap):
    heap.push_batch([(1, "a"), (1, "b")])
    claim = heap.acquire()
    assert claim.priority == 1
    assert bytes(claim.view) == b"a"
    del claim
    assert list(heap) == [(1, "a"), (1, "b")]
    with heap.acquire() as view:
        assert bytes(view) == b"a"
    assert heap.pop() == (1, "b")


def test_a_tap_follows_in_the_order_of_pushing(heap):
    tap = heap.tap(0)
    heap.push(9, "first")
    heap.push(1, "second")
    assert list(tap) == [(9, "first"), (1, "second")]
    assert len(heap) == 2


def test_full_is_a_blocking_io_error_and_waiting_times_out(heap):
    heap.push_batch((n, "x") for n in range(6))
    with pytest.raises(BlockingIOError):
        heap.push(0, "y")
    with pytest.raises(TimeoutError):
        heap.push_wait(0, "y", 0.01)


def test_a_priority_that_c_cannot_hold_is_refused(heap):
    for wrong in -1, 2**64:
        with pytest.raises(ValueError):
            heap.push(wrong, "x")


def test_an_event_loop_pushes_and_pops(heap):
    async def both():
        taken = asyncio.create_task(heap.pop_async())
        await asyncio.sleep(0)
        await heap.push_async(4, "later")
        return await taken

    assert asyncio.run(both()) == (4, "later")


def test_a_relaxed_heap_tells_its_bound(program):
    with program.heap("r.heap", relaxed=True) as relaxed:
        stat = relaxed.stat()
        assert stat.relaxed and stat.rank_bound > 0
        relaxed.push_batch((n, b"x") for n in range(100))
        taken = [relaxed.pop().priority for _ in range(100)]
        assert sorted(taken) == list(range(100))
    with program.heap("s.heap") as strict:
        assert strict.stat().rank_bound == 0
