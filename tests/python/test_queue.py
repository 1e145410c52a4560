"""Queues: push, pop, look, claim; bytes and text."""

import errno
import gc
import threading

import pytest

import agora


@pytest.fixture
def queue(program):
    with program.queue("a.queue", capacity=8) as opened:
        yield opened


@pytest.fixture
def text(program):
    with program.queue("text.queue", type="utf8") as opened:
        yield opened


def test_messages_come_out_in_order(queue):
    for number in range(8):
        queue.push(b"%d" % number)
    assert [queue.pop() for _ in range(8)] == [b"%d" % n for n in range(8)]


def test_empty_and_full_are_blocking_io_errors_with_the_path(queue):
    with pytest.raises(BlockingIOError) as caught:
        queue.pop()
    assert caught.value.errno == errno.EAGAIN
    assert caught.value.filename == "test/a.queue"
    for _ in range(8):
        queue.push(b"")
    with pytest.raises(BlockingIOError):
        queue.push(b"")


def test_waiting_ends_with_timeout_error(queue):
    for call in queue.pop_wait, queue.acquire_wait:
        with pytest.raises(TimeoutError) as caught:
            call(0.01)
        assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(TimeoutError):
            call(0)
    for _ in range(8):
        queue.push(b"")
    with pytest.raises(TimeoutError):
        queue.push_wait(b"", 0.01)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_timeout_that_is_no_time_is_value_error(queue, timeout):
    for call in queue.pop_wait, queue.take, queue.tap:
        with pytest.raises(ValueError):
            call(timeout)


def test_infinite_timeout_is_for_ever(queue):
    queue.push(b"x")
    assert queue.pop_wait(float("inf")) == b"x"


def test_any_buffer_can_be_pushed(queue):
    import array
    for data in (b"ab", bytearray(b"ab"), memoryview(b"ab"),
                 memoryview(b"a-b-")[::2], array.array("B", b"ab")):
        queue.push(data)
        assert queue.pop() == b"ab"


@pytest.mark.parametrize("data", [5, None, ["a"], 1.5])
def test_what_is_no_buffer_is_type_error(queue, data):
    with pytest.raises(TypeError):
        queue.push(data)
    assert len(queue) == 0


def test_nul_bytes_and_empty_messages_survive(queue):
    for data in b"", b"\0", b"a\0b\0":
        queue.push(data)
        assert queue.pop() == data


def test_str_belongs_to_text_types(queue, text):
    with pytest.raises(TypeError, match="test/a.queue"):
        queue.push("text")
    text.push("grüße")
    text.push(b"bytes")
    assert text.peek() == "grüße"
    assert text.peek(raw=True) == "grüße".encode()
    assert list(text) == ["grüße", "bytes"]
    assert text.pop() == "grüße"


def test_text_that_is_none_is_not_lost(text):
    text.push(b"\xff")
    message = text.pop()
    assert message.encode("utf-8", "surrogateescape") == b"\xff"


def test_checked_handle_refuses_what_is_not_of_the_type(program):
    program.queue("c.queue", type="utf8")
    with program.queue("c.queue", "w", check=True) as queue:
        with pytest.raises(OSError) as caught:
            queue.push(b"\xff")
    assert caught.value.errno == errno.EBADMSG


def test_too_long_a_message_is_emsgsize(queue):
    with pytest.raises(OSError) as caught:
        queue.push(bytes(65537))
    assert caught.value.errno == errno.EMSGSIZE


def test_messages_of_all_sizes_come_back(program):
    queue = program.queue("big.queue", message_size=1 << 26, memory=1 << 27)
    for size in 0, 1, 4095, 4096, 4097, 1 << 20, (1 << 22) + 1, 1 << 26:
        data = (b"0123456789abcde" * (size // 15 + 1))[:size]
        queue.push(data)
        assert queue.peek() == data
        assert list(queue) == [data]
        assert queue.pop() == data
        queue.push(data)
        assert queue.pop_wait(1) == data
        queue.push(data)
        with queue.acquire() as view:
            assert view == data
    assert queue.check().free == queue.check().blocks


def test_looking_takes_nothing(queue):
    for data in b"a", b"b", b"c":
        queue.push(data)
    assert list(queue) == list(queue.walk()) == [b"a", b"b", b"c"]
    assert queue.peek() == b"a"
    assert len(queue) == 3
    assert queue.stat().popped == 0


def test_take_ends_when_nothing_comes(queue):
    queue.push(b"a")
    queue.push(b"b")
    assert list(queue.take(0)) == [b"a", b"b"]
    assert list(queue.take(0.01)) == []


def test_tap_sees_what_was_taken_and_counts_what_it_missed(queue):
    tap = queue.tap(0)
    start = tap.cursor
    queue.push(b"a")
    assert queue.pop() == b"a"
    assert list(tap) == [b"a"]
    for number in range(30):
        queue.push(b"%d" % number)
        queue.pop()
    seen = list(tap)
    assert seen[-1] == b"29"
    assert len(seen) + tap.missed == 30
    assert tap.cursor == queue.end() == start + 31


def test_reader_may_tap_but_not_wait(space, queue):
    with space.queue("test/a.queue", "r") as reader:
        tap = reader.tap(0)
        assert list(tap) == []
        queue.push(b"a")
        assert list(tap) == [b"a"]
        with pytest.raises(PermissionError):
            next(reader.tap(1))


def test_tap_waits_for_what_is_pushed(queue):
    tap = queue.tap(20)
    thread = threading.Timer(0.05, queue.push, [b"late"])
    thread.start()
    assert next(tap) == b"late"
    thread.join()


def test_acquired_message_is_released_with_its_block(queue):
    queue.push(b"work")
    with queue.acquire() as view:
        assert bytes(view) == b"work"
        assert view.readonly and view.format == "B"
        assert queue.clients()[0].claims == 1
    with pytest.raises(ValueError):
        view[0]
    assert queue.clients()[0].claims == 0
    assert len(queue) == 0


def test_exception_restores_an_acquired_message(queue):
    queue.push(b"first")
    queue.push(b"second")
    with pytest.raises(RuntimeError):
        with queue.acquire_wait(1):
            raise RuntimeError
    assert list(queue.take(0)) == [b"first", b"second"]


def test_view_without_a_copy_is_in_the_segment(queue):
    queue.push(b"where is this")
    with queue.acquire() as view:
        address = id_of(view)
        maps = open("/proc/self/maps").read().splitlines()
    lines = [line for line in maps if "a.queue" in line]
    assert any(start <= address < end for start, end in map(bounds, lines))


def id_of(view):
    import ctypes

    class Buffer(ctypes.Structure):
        _fields_ = [("address", ctypes.c_void_p), ("rest", ctypes.c_byte * 72)]

    buffer = Buffer()
    api = ctypes.pythonapi
    api.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)
    api.PyBuffer_Release(ctypes.byref(buffer))
    return buffer.address


def bounds(line):
    return [int(part, 16) for part in line.split()[0].split("-")]


def test_slice_that_outlives_the_block_restores_the_message(queue):
    queue.push(b"abcdef")
    with pytest.raises(BufferError, match="test/a.queue"):
        with queue.acquire() as view:
            part = view[2:4]
    assert len(queue) == 1
    part.release()
    with queue.acquire() as view:
        with view[2:4] as part:
            assert part == b"cd"
    assert len(queue) == 0


def test_export_of_the_view_restores_the_message(queue):
    import ctypes
    queue.push(b"abcdef")
    with pytest.raises(BufferError):
        with queue.acquire() as view:
            other = memoryview(view)
    assert other.nbytes == 6
    queue.close()
    # What is left of it still shows mapped memory.
    assert len(other.tobytes()) == 6
    assert ctypes  # keep the import: ctypes owns the memory


def test_dropped_claim_is_restored(queue):
    number = queue.end()
    queue.push(b"work")
    claim = queue.acquire()
    assert (claim.view, claim.sequence) == (b"work", number)
    assert len(queue) == 0
    del claim
    gc.collect()
    assert queue.pop() == b"work"


def test_interrupt_right_after_acquiring_restores(queue, monkeypatch):
    from agora._library import Timespec

    def interrupted(call, end):
        queue.push(b"work")
        assert call(Timespec(0, 0)) == 0
        raise KeyboardInterrupt

    monkeypatch.setattr("agora.queue.call_waiting", interrupted)
    with pytest.raises(KeyboardInterrupt):
        queue.acquire_wait()
    gc.collect()
    assert queue.pop() == b"work"


def test_claim_is_finished_once(queue):
    queue.push(b"work")
    claim = queue.acquire()
    claim.release()
    for call in claim.release, claim.restore, lambda: claim.view:
        with pytest.raises(ValueError, match="released"):
            call()
    queue.push(b"work")
    with queue.acquire() as view:
        assert view == b"work"
    with pytest.raises(BlockingIOError):
        queue.acquire()


def test_claim_can_be_finished_inside_its_block(queue):
    queue.push(b"work")
    claim = queue.acquire()
    with claim:
        claim.restore()
    assert queue.pop() == b"work"


def test_claim_outlives_the_closing_of_its_queue(space, program):
    queue = program.queue("b.queue")
    queue.push(b"work")
    claim = queue.acquire()
    queue.close()
    assert claim.view == b"work"
    claim.release()
    del claim
    with space.queue("test/b.queue") as again:
        assert len(again) == 0
        assert [client.claims for client in again.clients()] == [0]


def test_reader_looks_and_cannot_take(space, queue):
    queue.push(b"a")
    with space.queue("test/a.queue", "r") as reader:
        assert list(reader) == [b"a"] and reader.peek() == b"a"
        for call in (reader.pop, reader.acquire, lambda: reader.push(b"b"),
                     lambda: reader.pop_wait(1)):
            with pytest.raises(PermissionError) as caught:
                call()
            assert caught.value.errno == errno.EACCES
    assert len(queue) == 1


def test_wait_tells_which_objects_are_ready(program, queue, text):
    assert agora.wait([queue, text], timeout=0) == ([], [])
    text.push("x")
    assert agora.wait([queue, text], [queue]) == ([text], [queue])
    timer = threading.Timer(0.05, queue.push, [b"x"])
    timer.start()
    assert agora.wait([queue], timeout=20) == ([queue], [])
    timer.join()


def test_an_spsc_queue_has_one_consumer(program):
    queue = program.queue("s.queue", spsc=True, capacity=10)
    assert queue.stat().spsc and not queue.stat().fixed
    queue.push(b"1")
    queue.push(b"2")
    assert queue.pop() == b"1"
    with program.queue("s.queue") as other:
        with pytest.raises(OSError) as caught:
            other.pop()
    assert caught.value.errno == errno.EBUSY


def test_fixed_queue_takes_one_size(program):
    queue = program.queue("f.queue", fixed=True, message_size=8)
    assert queue.stat().fixed
    queue.push(b"12345678")
    with pytest.raises(OSError) as caught:
        queue.push(b"123")
    assert caught.value.errno == errno.EMSGSIZE
    assert queue.pop() == b"12345678"


def test_threads_share_a_handle_and_lose_nothing(program):
    queue = program.queue("t.queue", capacity=64)
    taken = []

    def consume():
        for message in queue.take():
            if message == b"end":
                return
            taken.append(message)

    consumers = [threading.Thread(target=consume) for _ in range(3)]
    for thread in consumers:
        thread.start()
    sent = [b"%d" % number for number in range(3000)]
    for message in sent:
        queue.push_wait(message, 60)
    for _ in consumers:
        queue.push_wait(b"end", 60)
    for thread in consumers:
        thread.join()
    assert sorted(taken) == sorted(sent)
