"""Logs: records that many read, each at a position of its own.

Nobody takes a record: reading leaves all as it is, and a log that was opened
to look only is enough for it. A position is the number of the record that
comes next. Who falls so far behind that its records are gone goes on with the
oldest that is there, and missed counts the others.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from ctypes import byref, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, Optional

from ._library import ADVANCED, ObjectHandle, bytes_of, call_waiting
from ._library import Options as RawOptions
from ._library import failure, lib, until
from .object import Data, Value, open_failure
from .queue import Sequence

if TYPE_CHECKING:
    from .space import Space


def number(position: int) -> c_uint64:
    """A position that C can hold: ctypes would cut it off."""
    if not 0 <= position < 1 << 64:
        raise ValueError(f"position is out of range: {position}")
    return c_uint64(position)


class Log(Sequence):
    """Records in one order, for any number of readers.

    append is another word for push. pop and its kin, which take, raise
    OSError (EOPNOTSUPP).
    """

    def _open(self, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
        log = c_void_p()
        code = lib.agora_log_open(space._handle, bytes_of(self.path), flags,
                                  byref(options), byref(log))
        if code:
            raise open_failure(code, self.path, options)
        handle = ObjectHandle(lib.agora_log_object(log))
        handle.log = log
        return handle

    # ---- append

    def append(self, record: Data) -> None:
        """Append a record. BlockingIOError when a registered reader is a
        whole log behind, or another handle is the only writer.
        """
        self.push(record)

    def append_wait(self, record: Data,
                    timeout: Optional[float] = None) -> None:
        """Append a record, waiting for registered readers; TimeoutError."""
        self.push_wait(record, timeout)

    async def append_async(self, record: Data) -> None:
        """Append a record, waiting for them in an event loop."""
        await self.push_async(record)

    def append_batch(self, records: Iterable[Data]) -> int:
        """Append several records, in order; returns how many."""
        return self.push_batch(records)

    # ---- positions

    def _position(self, call: Callable[..., int], *arguments: Any) -> int:
        cursor = c_uint64()
        code = call(self._handle.log, *arguments, byref(cursor))
        if code:
            raise failure(code, self.path)
        return cursor.value

    def oldest(self) -> int:
        """The number of the oldest record that is kept."""
        return self._position(lib.agora_log_oldest)

    def back(self, count: int) -> int:
        """The position with count records between it and the end; that of
        the oldest when there are fewer.
        """
        return self._position(lib.agora_log_back, number(count))

    # ---- read

    def newest(self, *, raw: bool = False) -> Value:
        """Copy the newest record; BlockingIOError when there is none."""
        handle, buffer = self._handle, self._borrow()
        try:
            code = self._fill(
                buffer, lambda room: lib.agora_log_newest(handle.log, room))
            if code:
                raise failure(code, self.path)
            return self._decode(buffer, raw)
        finally:
            self._give_back(buffer)

    def reader(self, position: Optional[int] = None, *,
               raw: bool = False) -> Reader:
        """Read what is there, from a position on: the oldest, if None."""
        return Reader(self, self.oldest() if position is None else position,
                      0, raw)

    def follow(self, timeout: Optional[float] = None, *,
               position: Optional[int] = None, raw: bool = False) -> Reader:
        """Read what comes, from a position on: the end, if None.

        Iterating ends when nothing came for timeout seconds; None: never.
        """
        return Reader(self, self.end() if position is None else position,
                      timeout, raw)

    # ---- registered readers

    def register(self, position: Optional[int] = None) -> int:
        """Hold writers of a reliable log back until this handle has read on
        from a position: the oldest, if None. Returns where that is.
        """
        cursor = number(0 if position is None else position)
        code = lib.agora_log_register(self._handle.log, byref(cursor))
        if code:
            raise failure(code, self.path)
        return cursor.value

    def unregister(self) -> None:
        """Hold nobody back any longer."""
        code = lib.agora_log_unregister(self._handle.log)
        if code:
            raise failure(code, self.path)


class Reader:
    """A position in a log, as an iterator and an asynchronous one.

    position: the number of the next record; it may be set.
    missed: how many records were gone before they could be read.
    """

    def __init__(self, log: Log, position: int, timeout: Optional[float],
                 raw: bool) -> None:
        until(timeout)
        self._log = log
        self._cursor = number(position)
        self._timeout = timeout
        self._raw = raw
        self.missed = 0

    @property
    def position(self) -> int:
        """The number of the next record."""
        return self._cursor.value

    @position.setter
    def position(self, position: int) -> None:
        self._cursor = number(position)

    def _read(self, call: Callable[..., int]) -> Optional[Value]:
        """What call(handle, cursor, room, missed) finds, or None."""
        log, missed = self._log, c_uint64()
        handle, buffer = log._handle, log._borrow()
        try:
            code = log._fill(buffer, lambda room: call(
                handle.log, byref(self._cursor), room, byref(missed)))
            if not code:
                self.missed += missed.value
                return log._decode(buffer, self._raw)
        finally:
            log._give_back(buffer)
        if code in (-errno.EAGAIN, -errno.ETIMEDOUT):
            return None
        raise failure(code, log.path)

    def _wait(self, end: Optional[int]) -> Optional[Value]:
        return self._read(lambda log, cursor, room, missed: call_waiting(
            lambda stop: lib.agora_log_read_wait(log, cursor, stop, room,
                                                 missed), end))

    def read(self) -> Value:
        """The next record; BlockingIOError when it is not appended yet."""
        record = self._read(lib.agora_log_read)
        if record is None:
            raise failure(-errno.EAGAIN, self._log.path)
        return record

    def read_wait(self, timeout: Optional[float] = None) -> Value:
        """The next record, waiting for it; TimeoutError."""
        record = self._wait(until(timeout))
        if record is None:
            raise failure(-errno.ETIMEDOUT, self._log.path)
        return record

    async def read_async(self) -> Value:
        """The next record, waiting for it in an event loop."""
        record = self._read(lib.agora_log_read)
        while record is None:
            await self._log._async(ADVANCED, self.position)
            record = self._read(lib.agora_log_read)
        return record

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Value:
        record = self._wait(until(self._timeout))
        if record is None:
            raise StopIteration
        return record

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> Value:
        return await self.read_async()
