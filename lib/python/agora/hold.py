"""Messages in hand: reserved, to be written, and acquired, to be read.

Both are context managers, whose value is a view of the bytes where they lie
in shared memory. Dropping one undoes it, as the death of the process does.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import byref
from typing import TYPE_CHECKING, Any, Optional

from ._library import WRITABLE, ObjectHandle
from ._library import Message as RawMessage
from ._library import Reservation as RawReservation
from ._library import call_waiting, failure, lib, until

if TYPE_CHECKING:
    from .queue import Sequence

# No message has this size: the library has not claimed one.
UNCLAIMED = (1 << (8 * ctypes.sizeof(ctypes.c_size_t))) - 1


def memory_at(address: int, size: int, owner: object) -> Any:
    """Shared memory as an array that keeps its owner alive."""
    # Few types, since each costs ctypes more than a message should.
    shape: Any = ctypes.c_char * (1 << size.bit_length())
    memory = shape.from_address(address)
    # A view that outlives its block must not meet an unmapped page.
    memory.owner = owner
    return memory


class Reservation:
    """Room for a message that is written where it will lie.

    As a context manager, a writable view of the room. Leaving the block
    commits the message; leaving it by an exception, or dropping the
    reservation, aborts it, and the message never was. So does the death of
    the process. The library has the room until then.
    """

    __slots__ = ("_queue", "_handle", "_path", "_raw", "_memory", "_view")

    def __init__(self, queue: Sequence) -> None:
        self._queue = queue
        self._handle = queue._handle
        self._path = queue.path
        self._raw = RawReservation(size=UNCLAIMED)
        self._memory: Any = None
        self._view: Optional[memoryview] = None

    def _check(self) -> None:
        if self._raw.size == UNCLAIMED:
            raise ValueError(f"committed or aborted: message of {self._path}")

    @property
    def size(self) -> int:
        """The size of the message; may be made smaller."""
        self._check()
        return self._raw.size

    @size.setter
    def size(self, size: int) -> None:
        self._check()
        if not 0 <= size <= self._raw.size:
            raise ValueError(f"size is 0 to {self._raw.size}: {size}")
        self._raw.size = size

    @property
    def view(self) -> memoryview:
        """The room, writable: in shared memory, without a copy.

        Of a message too long to lie in one piece it is a buffer that is
        copied when the message is committed.
        """
        self._check()
        if self._view is None:
            size = self._raw.size
            if self._raw.data:
                self._memory = memory_at(self._raw.data, size, self._handle)
                self._view = memoryview(self._memory).cast("B")[:size]
            else:
                self._view = memoryview(bytearray(size))
        return self._view

    def _drop_view(self) -> bool:
        """Take the room away; False when somebody still looks at it."""
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

    def _fill(self) -> None:
        """Copy what was written beside the room into it."""
        if self._raw.data or self._view is None or not self._raw.size:
            return
        first = ctypes.c_char.from_buffer(self._view)
        code = lib.agora_object_write(self._handle, byref(self._raw), 0,
                                      byref(first), self._raw.size)
        del first  # the view can be released again
        if code:
            raise failure(code, self._path)

    def commit(self, size: Optional[int] = None) -> None:
        """Append the message; size: make it smaller first.

        BlockingIOError when the queue is full: it is still reserved.
        BufferError, and the message is aborted, when a slice of its view is
        still in use, since nobody may write to what others read.
        """
        if size is not None:
            self.size = size
        self._check()
        self._fill()
        if not self._drop_view():
            self.abort()
            raise BufferError(f"a view of the message of {self._path} is "
                              "still in use: release it")
        code = lib.agora_object_commit(self._handle, byref(self._raw))
        if code:
            raise failure(code, self._path)
        self._raw.size = UNCLAIMED

    def commit_wait(self, timeout: Optional[float] = None) -> None:
        """Append the message, waiting for room; TimeoutError."""
        end = until(timeout)
        try:
            self.commit()
            return
        except BlockingIOError:
            pass
        code = call_waiting(lambda stop: lib.agora_object_commit_wait(
            self._handle, byref(self._raw), stop), end)
        if code:
            raise failure(code, self._path)
        self._raw.size = UNCLAIMED

    async def commit_async(self) -> None:
        """Append the message, waiting for room in an event loop."""
        while True:
            try:
                self.commit()
                return
            except BlockingIOError:
                await self._queue._async(WRITABLE)

    def abort(self) -> None:
        """Give the room back: the message never was."""
        self._check()
        self._drop_view()
        code = lib.agora_object_abort(self._handle, byref(self._raw))
        self._raw.size = UNCLAIMED
        if code:
            raise failure(code, self._path)

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, kind: object, *exception: object) -> None:
        if self._raw.size == UNCLAIMED:
            return
        if kind is not None:
            self.abort()
            return
        try:
            self.commit()
        except BaseException:
            if self._raw.size != UNCLAIMED:
                self.abort()
            raise

    def __del__(self) -> None:
        if self._raw.size == UNCLAIMED:
            return
        try:
            self.abort()
        except OSError:
            pass  # of a forked child: it is the parent's

    def __repr__(self) -> str:
        if self._raw.size == UNCLAIMED:
            return f"<agora.Reservation of {self._path!r} ended>"
        return f"<agora.Reservation of {self._path!r} {self.size} bytes>"


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
    def priority(self) -> int:
        """The priority of the message, in a heap."""
        return self._raw.priority

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
        memory = memory_at(self._raw.data, size, self._handle)
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
