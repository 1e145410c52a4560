"""Sequences of messages: the queue.

Looking never takes: iterating over a queue, walk(), peek() and tap() leave
every message where it is. Taking has names of its own: pop(), take() and
acquire(). A verb alone never waits; its twin in _wait does, up to a timeout
in seconds (None: for ever), and its twin in _async lets an event loop run.
"""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from ctypes import byref, c_uint64
from typing import Optional

from . import waiter
from ._library import ADVANCED, READABLE, WRITABLE
from ._library import Message as RawMessage
from ._library import ObjectHandle, call_waiting, failure, lib, until
from .object import Data, Object, Value

# No message has this size: the library has not claimed one.
UNCLAIMED = (1 << (8 * ctypes.sizeof(ctypes.c_size_t))) - 1

# Found once: these are called often.
PUSH, POP = lib.agora_object_push, lib.agora_object_pop
ACQUIRE = lib.agora_object_acquire


class Claim:
    """A message that was acquired: as a context manager, its bytes.

    Leaving the block releases the message; leaving it by an exception, or
    dropping the claim, restores it, so that it is the next to be delivered.
    So does the death of the process.
    """

    __slots__ = ("_handle", "_path", "_raw", "_memory", "_view")

    def __init__(self, handle: ObjectHandle, path: str) -> None:
        self._handle = handle
        self._path = path
        self._raw = RawMessage(size=UNCLAIMED)
        self._memory: object = None
        self._view: Optional[memoryview] = None

    @property
    def sequence(self) -> int:
        """The number of the message in its queue."""
        return self._raw.sequence

    @property
    def view(self) -> memoryview:
        """The bytes, read-only: in shared memory, without a copy.

        Of a message too long to lie in one piece they are a copy.
        """
        if self._raw.size == UNCLAIMED:
            raise ValueError(f"released: message of {self._path}")
        if self._view is None:
            self._view = self._map() if self._raw.data else self._copy()
        return self._view

    def _map(self) -> memoryview:
        size = self._raw.size
        # Few types, since each costs ctypes more than a message should.
        shape = ctypes.c_char * (1 << size.bit_length())
        memory = shape.from_address(self._raw.data)
        # A view that outlives its block must not meet an unmapped page.
        memory.owner = self._handle
        self._memory = memory
        return memoryview(memory).cast("B").toreadonly()[:size]

    def _copy(self) -> memoryview:
        memory = bytearray(self._raw.size)
        if memory:
            code = lib.agora_object_read(
                self._handle, byref(self._raw), 0,
                byref(ctypes.c_char.from_buffer(memory)), len(memory))
            if code < 0:
                raise failure(code, self._path)
        return memoryview(memory).toreadonly()

    def _drop_view(self) -> bool:
        """Take the bytes away; False when somebody still looks at them."""
        memory, self._memory = self._memory, None
        view, self._view = self._view, None
        if view is None:
            return True
        try:
            view.release()
        except BufferError:
            return False
        # The variable and the argument; slices would hold it as well.
        return memory is None or sys.getrefcount(memory) == 2

    def _finish(self, verb: str) -> None:
        if self._raw.size == UNCLAIMED:
            raise ValueError(f"released: message of {self._path}")
        code = getattr(lib, "agora_object_" + verb)(
            self._handle, byref(self._raw))
        self._raw.size = UNCLAIMED
        if code:
            raise failure(code, self._path)

    def release(self) -> None:
        """Be done with the message: it is never delivered again.

        Raises BufferError, and restores the message, when a slice of its
        view is still in use: those bytes are about to be overwritten.
        """
        if self._drop_view():
            self._finish("release")
            return
        self._finish("restore")
        raise BufferError(f"a view of the message of {self._path} is still "
                          "in use: release it, or copy with bytes()")

    def restore(self) -> None:
        """Give the message back: it is the next to be delivered."""
        self._drop_view()
        self._finish("restore")

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, kind: object, *exception: object) -> None:
        if self._raw.size == UNCLAIMED:
            return
        if kind is None:
            self.release()
        else:
            self.restore()

    def __del__(self) -> None:
        if self._raw.size == UNCLAIMED:
            return
        try:
            self.restore()
        except OSError:
            pass  # of a forked child: it is the parent's

    def __repr__(self) -> str:
        if self._raw.size == UNCLAIMED:
            return f"<agora.Claim of {self._path!r} released>"
        return f"<agora.Claim {self.sequence} of {self._path!r}>"


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
