"""Sequences of messages: the queue.

Looking never takes: iterating over a queue, walk(), peek() and tap() leave
every message where it is. Taking has names of its own: pop(), take() and
acquire(). A verb alone never waits; its twin in _wait does, up to a timeout
in seconds (None: for ever), and its twin in _async lets an event loop run.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from ctypes import byref, c_uint64
from typing import Any, Optional

from . import waiter
from ._library import Buffer as RawBuffer
from ._library import ADVANCED, READABLE, WRITABLE
from ._library import Vector, call_waiting, failure, lib, until
from .hold import UNCLAIMED, Claim, Reservation
from .object import LEAST, Data, Object, Value

# The most messages that are taken in one call.
BATCH = 1024

# Found once: these are called often.
PUSH, POP = lib.agora_object_push, lib.agora_object_pop
ACQUIRE = lib.agora_object_acquire


def length(size: int) -> int:
    """A size that C can hold: ctypes would cut it off."""
    if not 0 <= size < UNCLAIMED:
        raise ValueError(f"size is out of range: {size}")
    return size


class Sequence(Object):
    """Messages in an order."""

    def __len__(self) -> int:
        return self.stat().count

    def __bool__(self) -> bool:
        return True  # a handle; len() tells whether there is something

    # ---- push

    def push(self, message: Data) -> None:
        """Append a message; BlockingIOError when there is no room."""
        data = self._encode(message)
        code = PUSH(self._handle, data, len(data))
        if code:
            raise failure(code, self.path)

    def push_wait(self, message: Data,
                  timeout: Optional[float] = None) -> None:
        """Append a message, waiting for room; TimeoutError."""
        data = self._encode(message)
        handle, size, end = self._handle, len(data), until(timeout)
        code = PUSH(handle, data, size)
        if code == -errno.EAGAIN:
            code = call_waiting(lambda stop: lib.agora_object_push_wait(
                handle, data, size, stop), end)
        if code:
            raise failure(code, self.path)

    async def push_async(self, message: Data) -> None:
        """Append a message, waiting for room in an event loop."""
        data = self._encode(message)
        while True:
            code = PUSH(self._handle, data, len(data))
            if code != -errno.EAGAIN:
                break
            await self._async(WRITABLE)
        if code:
            raise failure(code, self.path)

    # ---- several at a time

    def _vectors(self, messages: Iterable[Data]) -> Any:
        data = [self._encode(message) for message in messages]
        vectors = (Vector * len(data))()
        for vector, one in zip(vectors, data):
            vector.base = one  # which ctypes keeps
            vector.length = len(one)
        return vectors

    def push_batch(self, messages: Iterable[Data]) -> int:
        """Append several messages, in order; returns how many.

        Fewer than given when there was no room for more, or the next is
        refused; the error of the first, when none was appended.
        """
        vectors = self._vectors(messages)
        code = lib.agora_object_push_batch(self._handle, vectors,
                                           len(vectors))
        if code < 0:
            raise failure(code, self.path)
        return code

    def push_batch_wait(self, messages: Iterable[Data],
                        timeout: Optional[float] = None) -> int:
        """As push_batch, waiting for room for one at least; TimeoutError."""
        vectors, end, handle = self._vectors(messages), until(timeout), \
            self._handle
        code = call_waiting(lambda stop: lib.agora_object_push_batch_wait(
            handle, vectors, len(vectors), stop), end)
        if code < 0:
            raise failure(code, self.path)
        return code

    async def push_batch_async(self, messages: Iterable[Data]) -> int:
        """As push_batch, waiting for room in an event loop."""
        vectors = self._vectors(messages)
        while True:
            code = lib.agora_object_push_batch(self._handle, vectors,
                                               len(vectors))
            if code != -errno.EAGAIN:
                break
            await self._async(WRITABLE)
        if code < 0:
            raise failure(code, self.path)
        return code

    def _pop_batch(self, count: int, raw: bool,
                   call: Callable[[Any, int], int]) -> list[Value]:
        """Messages that a call took; those it did not fit one by one."""
        if count < 0:
            raise ValueError(f"count is negative: {count}")
        buffers = [self._borrow() for _ in range(min(count, BATCH))]
        try:
            array = (RawBuffer * len(buffers))()
            for entry, buffer in zip(array, buffers):
                entry.data = buffer.raw.data
                entry.capacity = buffer.raw.capacity
            code = call(array, len(buffers))
            while code == -errno.EMSGSIZE:
                buffers[0].raw.size = array[0].size
                buffers[0].grow()
                array[0].data = buffers[0].raw.data
                array[0].capacity = buffers[0].raw.capacity
                code = call(array, len(buffers))
            if code < 0:
                raise failure(code, self.path)
            for entry, buffer in zip(array[:code], buffers):
                buffer.raw.size = entry.size
                buffer.raw.priority = entry.priority
            return [self._decode(buffer, raw) for buffer in buffers[:code]]
        finally:
            for buffer in buffers:
                if len(self._buffers) < 4 or len(buffer.view) <= LEAST:
                    self._give_back(buffer)

    def pop_batch(self, count: int, *, raw: bool = False) -> list[Value]:
        """Take up to count of the oldest messages, in order, and not more
        than 1024; BlockingIOError when there is none.
        """
        handle = self._handle
        return self._pop_batch(count, raw, lambda room, n:
                               lib.agora_object_pop_batch(handle, room, n))

    def pop_batch_wait(self, count: int, timeout: Optional[float] = None, *,
                       raw: bool = False) -> list[Value]:
        """As pop_batch, waiting for one at least; TimeoutError."""
        handle, end = self._handle, until(timeout)
        return self._pop_batch(count, raw, lambda room, n: call_waiting(
            lambda stop: lib.agora_object_pop_batch_wait(
                handle, stop, room, n), end))

    async def pop_batch_async(self, count: int, *,
                              raw: bool = False) -> list[Value]:
        """As pop_batch, waiting in an event loop."""
        while True:
            try:
                return self.pop_batch(count, raw=raw)
            except BlockingIOError:
                await self._async(READABLE)

    # ---- reserve

    def reserve(self, size: int) -> Reservation:
        """Get room for a message of size bytes; BlockingIOError.

        with queue.reserve(size) as view: fills it without a copy.
        """
        reservation = Reservation(self)
        code = lib.agora_object_reserve(reservation._handle, length(size),
                                        byref(reservation._raw))
        if code:
            raise failure(code, self.path)
        return reservation

    def reserve_wait(self, size: int,
                     timeout: Optional[float] = None) -> Reservation:
        """Get room for a message, waiting for it; TimeoutError."""
        reservation, end = Reservation(self), until(timeout)
        code = call_waiting(lambda stop: lib.agora_object_reserve_wait(
            reservation._handle, length(size), stop,
            byref(reservation._raw)), end)
        if code:
            raise failure(code, self.path)
        return reservation

    async def reserve_async(self, size: int) -> Reservation:
        """Get room for a message, waiting for it in an event loop."""
        while True:
            try:
                return self.reserve(size)
            except BlockingIOError:
                await self._async(WRITABLE)

    # ---- pop

    def _pop(self, raw: bool) -> Optional[Value]:
        """A message, or None when there is none."""
        buffer = self._borrow()
        try:
            code = POP(self._handle, buffer.raw)
            while code == -errno.EMSGSIZE:
                buffer.grow()
                code = POP(self._handle, buffer.raw)
            if not code:
                return self._decode(buffer, raw)
        finally:
            self._give_back(buffer)
        if code == -errno.EAGAIN:
            return None
        raise failure(code, self.path)

    def pop(self, *, raw: bool = False) -> Value:
        """Take the oldest message; BlockingIOError when there is none.

        raw: bytes also from a queue of a text type.
        """
        message = self._pop(raw)
        if message is None:
            raise failure(-errno.EAGAIN, self.path)
        return message

    def pop_wait(self, timeout: Optional[float] = None, *,
                 raw: bool = False) -> Value:
        """Take the oldest message, waiting for one; TimeoutError."""
        handle, end = self._handle, until(timeout)
        message = self._pop(raw)
        if message is not None:
            return message
        buffer = self._borrow()
        try:
            code = self._fill(buffer, lambda room: call_waiting(
                lambda stop: lib.agora_object_pop_wait(handle, stop, room),
                end))
            if code:
                raise failure(code, self.path)
            return self._decode(buffer, raw)
        finally:
            self._give_back(buffer)

    async def pop_async(self, *, raw: bool = False) -> Value:
        """Take the oldest message, waiting for one in an event loop."""
        while True:
            message = self._pop(raw)
            if message is not None:
                return message
            await self._async(READABLE)

    def take(self, timeout: Optional[float] = None, *,
             raw: bool = False) -> Iterator[Value]:
        """Pop message after message, until none came for timeout seconds.

        take(0) takes what is there; take() goes on for ever.
        """
        until(timeout)  # is refused now, not with the first message
        return self._take(timeout, raw)

    def _take(self, timeout: Optional[float], raw: bool) -> Iterator[Value]:
        while True:
            try:
                message = self.pop_wait(timeout, raw=raw)
            except TimeoutError:
                return
            yield message

    async def take_async(self, *, raw: bool = False) -> AsyncIterator[Value]:
        """Pop message after message in an event loop, for ever."""
        while True:
            yield await self.pop_async(raw=raw)

    # ---- acquire

    def _acquire(self) -> Optional[Claim]:
        handle = self._handle
        claim = Claim(handle, self.path)
        code = ACQUIRE(handle, claim._raw)
        if not code:
            return claim
        if code == -errno.EAGAIN:
            return None
        raise failure(code, self.path)

    def acquire(self) -> Claim:
        """Claim the oldest message; BlockingIOError when there is none.

        with queue.acquire() as view: gives its bytes without a copy.
        """
        claim = self._acquire()
        if claim is None:
            raise failure(-errno.EAGAIN, self.path)
        return claim

    def acquire_wait(self, timeout: Optional[float] = None) -> Claim:
        """Claim the oldest message, waiting for one; TimeoutError."""
        handle, end = self._handle, until(timeout)
        claim = Claim(handle, self.path)
        code = ACQUIRE(handle, claim._raw)
        if code == -errno.EAGAIN:
            code = call_waiting(lambda stop: lib.agora_object_acquire_wait(
                handle, stop, claim._raw), end)
        if code:
            raise failure(code, self.path)
        return claim

    async def acquire_async(self) -> Claim:
        """Claim the oldest message, waiting for one in an event loop.

        with await queue.acquire_async() as view: ...
        """
        while True:
            claim = self._acquire()
            if claim is not None:
                return claim
            await self._async(READABLE)

    # ---- look

    def peek(self, *, raw: bool = False) -> Value:
        """Copy the oldest message; BlockingIOError when there is none."""
        handle = self._handle
        buffer = self._borrow()
        try:
            code = self._fill(
                buffer, lambda room: lib.agora_object_peek(handle, room))
            if code:
                raise failure(code, self.path)
            return self._decode(buffer, raw)
        finally:
            self._give_back(buffer)

    def walk(self, *, raw: bool = False) -> Iterator[Value]:
        """Look at all messages, in order; they stay where they are."""
        cursor = c_uint64(0)
        while True:
            found = self._look(lib.agora_object_walk, cursor, raw)
            if found is None:
                return
            yield found

    def __iter__(self) -> Iterator[Value]:
        return self.walk()

    def tap(self, timeout: Optional[float] = None, *,
            cursor: Optional[int] = None, raw: bool = False) -> Tap:
        """Follow what is pushed, from now on, without taking it.

        Ends when nothing came for timeout seconds; None: never. cursor:
        start with this sequence number, if its bytes are still there.
        """
        return Tap(self, timeout, cursor, raw)

    def end(self) -> int:
        """The sequence number that the next message will have."""
        cursor = c_uint64()
        code = lib.agora_object_end(self._handle, byref(cursor))
        if code:
            raise failure(code, self.path)
        return cursor.value

    def _look(self, call: Callable[..., int], cursor: c_uint64,
              raw: bool) -> Optional[Value]:
        """The next message of a walk or tap; None at its end."""
        handle = self._handle
        buffer = self._borrow()
        try:
            code = self._fill(
                buffer, lambda room: call(handle, byref(cursor), room))
            if not code:
                return self._decode(buffer, raw)
        finally:
            self._give_back(buffer)
        if code == -errno.EAGAIN:
            return None
        raise failure(code, self.path)

    async def _async(self, events: int, cursor: int = 0) -> None:
        from ._reactor import wait
        await wait(self, events, cursor)


class Tap:
    """New messages, as an iterator and an asynchronous one.

    missed: how many messages were gone before they could be looked at.
    """

    def __init__(self, queue: Sequence, timeout: Optional[float],
                 cursor: Optional[int], raw: bool) -> None:
        until(timeout)
        start = queue.end() if cursor is None else cursor
        if not 0 <= start < 1 << 64:
            raise ValueError(f"cursor is out of range: {cursor}")
        self._queue = queue
        self._timeout = timeout
        self._cursor = c_uint64(start)
        self._raw = raw
        self.missed = 0

    @property
    def cursor(self) -> int:
        """The sequence number of the next message to look at."""
        return self._cursor.value

    def _next(self) -> Optional[Value]:
        expected = self._cursor.value
        message = self._queue._look(lib.agora_object_tap, self._cursor,
                                    self._raw)
        if message is not None:
            self.missed += self._cursor.value - 1 - expected
        return message

    def __iter__(self) -> Tap:
        return self

    def __next__(self) -> Value:
        end = until(self._timeout)
        message = self._next()
        while message is None:
            # Readers cannot wait, but may look again and again.
            if self._timeout == 0 or not waiter.wait_for(
                    self._queue, ADVANCED, self.cursor, end):
                raise StopIteration
            message = self._next()
        return message

    def __aiter__(self) -> Tap:
        return self

    async def __anext__(self) -> Value:
        message = self._next()
        while message is None:
            await self._queue._async(ADVANCED, self.cursor)
            message = self._next()
        return message


class Queue(Sequence):
    """FIFO of messages, many producers and many consumers."""
