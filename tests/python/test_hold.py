"""Messages that are written where they lie, and several at a time."""

import asyncio
import errno
import gc
import select
import threading

import pytest

import agora


@pytest.fixture
def queue(program):
    return program.queue("a.queue", capacity=8)


def test_reserved_message_is_committed_with_its_block(queue):
    with queue.reserve(5) as view:
        assert view.nbytes == 5 and not view.readonly
        view[:] = b"hello"
        assert len(queue) == 0
    assert queue.pop() == b"hello"


def test_exception_aborts_a_reserved_message(queue):
    with pytest.raises(KeyError):
        with queue.reserve(5) as view:
            view[:] = b"hello"
            raise KeyError
    check_nothing_is_there(queue)


def check_nothing_is_there(queue):
    assert len(queue) == 0
    report = queue.check()
    assert report.free == report.blocks


def test_long_message_is_copied_when_it_is_committed(program):
    queue = program.queue("a.queue", message_size=1 << 20)
    data = bytes(range(256)) * 1024
    with queue.reserve(len(data)) as view:
        view[:] = data
    assert queue.pop() == data
    room = queue.reserve(len(data))
    room.view[:70000] = data[:70000]
    room.commit(70000)
    assert queue.pop() == data[:70000]


def test_message_may_be_made_smaller_not_larger(queue):
    room = queue.reserve(10)
    room.view[:] = b"0123456789"
    with pytest.raises(ValueError, match="size is 0 to 10"):
        room.size = 11
    room.size = 4
    assert room.size == 4
    room.commit()
    with pytest.raises(ValueError, match="committed or aborted"):
        room.commit()
    assert queue.pop() == b"0123"


def test_slice_that_is_in_use_aborts_the_message(queue):
    with pytest.raises(BufferError, match="still in use"):
        with queue.reserve(5) as view:
            kept = view[1:]
    del kept
    check_nothing_is_there(queue)


def test_dropped_reservation_is_aborted(queue):
    room = queue.reserve(5)
    room.view[:] = b"hello"
    del room
    gc.collect()
    check_nothing_is_there(queue)


def test_full_queue_keeps_the_reservation_or_aborts_it_with_the_block(queue):
    room = queue.reserve(1)
    room.view[:] = b"r"
    for _ in range(8):
        queue.push(b"x")
    with pytest.raises(BlockingIOError):
        room.commit()
    with pytest.raises(TimeoutError):
        room.commit_wait(0.01)
    timer = threading.Timer(0.05, queue.pop)
    timer.start()
    room.commit_wait(60)
    timer.join()
    while queue.pop() != b"r":
        pass
    with pytest.raises(BlockingIOError):
        with queue.reserve(1):
            for _ in range(8):
                queue.push(b"x")
    assert queue.pop_batch(9) == [b"x"] * 8
    check_nothing_is_there(queue)


def test_reserving_what_is_refused_has_the_errno(space, queue):
    with pytest.raises(OSError) as caught:
        queue.reserve(1 << 40)
    assert caught.value.errno == errno.EMSGSIZE
    with pytest.raises(ValueError):
        queue.reserve(-1)
    with space.queue(queue.path, "r") as reader:
        with pytest.raises(PermissionError):
            reader.reserve(1)
    for _ in range(8):
        queue.push(b"x")
    with pytest.raises(BlockingIOError):
        queue.reserve(1)
    with pytest.raises(TimeoutError):
        queue.reserve_wait(1, 0.01)


def test_batch_tells_how_far_it_came(queue):
    assert queue.push_batch([b"%d" % n for n in range(10)]) == 8
    with pytest.raises(BlockingIOError):
        queue.push_batch([b"x"])
    with pytest.raises(TimeoutError):
        queue.push_batch_wait([b"x"], 0.01)
    assert queue.push_batch([]) == 0
    assert queue.pop_batch(3) == [b"0", b"1", b"2"]
    assert queue.pop_batch(0) == []
    assert queue.pop_batch(100) == [b"3", b"4", b"5", b"6", b"7"]
    with pytest.raises(BlockingIOError):
        queue.pop_batch(1)
    with pytest.raises(TimeoutError):
        queue.pop_batch_wait(1, 0.01)
    with pytest.raises(ValueError):
        queue.pop_batch(-1)


def test_batch_has_messages_of_all_sizes(program):
    queue = program.queue("a.queue", message_size=1 << 20, type="utf8")
    messages = ["x" * size for size in (0, 1, 5000, 200000, 3, 300000)]
    assert queue.push_batch_wait(messages, 1) == 6
    taken = []
    while len(taken) < 6:
        taken += queue.pop_batch_wait(6, 1)
    assert taken == messages


def test_batches_and_reservations_wait_in_an_event_loop(queue):
    async def main():
        async with asyncio.timeout(60):
            task = asyncio.create_task(queue.pop_batch_async(5))
            await asyncio.sleep(0.02)
            assert await queue.push_batch_async([b"a"] * 8) == 8
            assert len(await task) == 5
            queue.push_batch([b"b"] * 5)
            tasks = [asyncio.create_task(queue.push_batch_async([b"c"])),
                     asyncio.create_task(reserve())]
            await asyncio.sleep(0.02)
            assert not any(task.done() for task in tasks)
            queue.pop_batch(8)
            assert await tasks[0] == 1
            await tasks[1]
        assert sorted(queue.pop_batch(8)) == [b"c", b"d"]

    async def reserve():
        room = await queue.reserve_async(1)
        room.view[:] = b"d"
        await room.commit_async()
    asyncio.run(main())


def test_descriptor_is_for_poll(space, queue):
    with space.queue(queue.path) as other:
        while not queue.arm(agora.READABLE):
            # Readable for nothing, perhaps; the push makes it so in any case.
            other.push(b"x")
            assert select.select([queue.descriptor()], [], [], 60)[0]
        assert queue.arm(agora.READABLE | agora.WRITABLE) == 3
        assert queue.arm(agora.ADVANCED, queue.end()) == 0
    with space.queue(queue.path, "r") as reader:
        with pytest.raises(PermissionError):
            reader.descriptor()
        with pytest.raises(PermissionError):
            reader.arm(agora.READABLE)


def test_giving_back_roles_is_nothing_where_there_are_none(program, queue):
    queue.yield_roles()
    queue.close()
    with pytest.raises(ValueError, match="closed"):
        queue.yield_roles()
