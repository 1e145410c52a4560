"""Strings: one value, replaced as a whole, with a version.

Each change gives the string the next version, clearing it too. Looking waits
for nobody; wait() and tap() wait for changes, also of a string that was
opened to look only.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable, Iterator
from ctypes import byref, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ._library import ADVANCED, ObjectHandle, bytes_of, call_waiting
from ._library import Options as RawOptions
from ._library import failure, lib, until
from .object import Buffer, Data, Object, Value, open_failure
from .table import Entry, StaleError, raw_buffer

if TYPE_CHECKING:
    from .space import Space

LOAD, STORE = lib.agora_object_load, lib.agora_object_store


class Change(NamedTuple):
    """A value and its version; the value is None when it was cleared."""

    value: Optional[Value]
    version: int


class String(Object):
    """One value of any size."""

    def _open(self, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
        string = c_void_p()
        code = lib.agora_string_open(space._handle, bytes_of(self.path),
                                     flags, byref(options), byref(string))
        if code:
            raise open_failure(code, self.path, options)
        handle = ObjectHandle(lib.agora_string_object(string))
        handle.string = string
        return handle

    # ---- look

    def _read(self, call: Callable[[Any], int],
              raw: bool) -> tuple[int, Change]:
        """What a call that fills a buffer gives: 0, ENOENT or ETIMEDOUT."""
        buffer = self._borrow()
        try:
            code = self._fill(buffer, call)
            if not code:
                return code, Change(self._decode(buffer, raw),
                                    buffer.raw.version)
            if code in (-errno.ENOENT, -errno.ETIMEDOUT):
                return code, Change(None, buffer.raw.version)
        finally:
            self._give_back(buffer)
        raise failure(code, self.path)

    def _load(self, raw: bool) -> Change:
        handle = self._handle
        return self._read(lambda room: LOAD(handle, room), raw)[1]

    def load(self, default: Any = None, *, raw: bool = False) -> Any:
        """The value, or default when there is none.

        raw: bytes also from a string of a text type.
        """
        value = self._load(raw).value
        return default if value is None else value

    def entry(self, *, raw: bool = False) -> Entry:
        """The value and its version, of one moment; LookupError."""
        value, version = self._load(raw)
        if value is None:
            raise LookupError(f"{self.path}: no value")
        return Entry(value, version)

    @property
    def version(self) -> int:
        """The version of the last change; 0 when there was none."""
        version = c_uint64()
        code = lib.agora_string_version(self._handle.string, byref(version))
        if code:
            raise failure(code, self.path)
        return version.value

    # ---- change

    def store(self, value: Data) -> None:
        """Replace the value, or store the first one."""
        data = self._encode(value)
        code = STORE(self._handle, data, len(data))
        if code:
            raise failure(code, self.path)

    def append(self, value: Data) -> None:
        """Add to the end of the value; atomic."""
        data = self._encode(value)
        code = lib.agora_object_append(self._handle, data, len(data))
        if code:
            raise failure(code, self.path)

    def clear(self) -> bool:
        """Remove the value. Returns whether there was one."""
        code = lib.agora_string_clear(self._handle.string)
        if code and code != -errno.ENOENT:
            raise failure(code, self.path)
        return not code

    def swap(self, value: Data, *, raw: bool = False) -> Value:
        """Replace the value and return the one that was there.

        LookupError when there was none; then nothing is stored.
        """
        handle, new = self._handle, raw_buffer(self._encode(value))
        old = self._borrow()
        try:
            code = self._swap(handle, new, old)
            if code == -errno.ENOENT:
                raise LookupError(f"{self.path}: no value")
            if code:
                raise failure(code, self.path)
            return self._decode(old, raw)
        finally:
            self._give_back(old)

    def _swap(self, handle: ObjectHandle, new: Any, old: Buffer) -> int:
        while True:
            old.raw.size = 0
            code = lib.agora_string_swap(handle.string, byref(new), old.raw)
            # Too large is the new value, unless the old one says it is.
            if code != -errno.EMSGSIZE or old.raw.size <= old.raw.capacity:
                return code
            old.grow()

    def _compare(self, value: Data, version: int) -> tuple[int, int]:
        handle, new = self._handle, raw_buffer(self._encode(value))
        new.version = version
        now = c_uint64()
        code = lib.agora_string_compare(handle.string, byref(new),
                                        byref(now))
        if code and code != -errno.ESTALE:
            raise failure(code, self.path)
        return code, now.value

    def compare(self, value: Data, version: int) -> int:
        """Store a value only if the present one has this version.

        version 0: only if there is none. Returns the new version. Raises
        StaleError, whose version is the present one.
        """
        code, now = self._compare(value, version)
        if code:
            raise stale(code, self.path, now)
        return now

    def change(self, function: Callable[[Any], Data],
               default: Any = None) -> Data:
        """Replace the value by what function makes of it; atomic.

        function gets default when there is no value. It is called again
        when somebody else was faster. Returns what was stored.
        """
        while True:
            now, version = self._load(False)
            value = function(default if now is None else now)
            if not self._compare(value, 0 if now is None else version)[0]:
                return value

    # ---- wait

    def wait(self, version: Optional[int] = None,
             timeout: Optional[float] = None, *, raw: bool = False) -> Change:
        """Wait for a change after version (None: after now); TimeoutError.

        Changes that were followed by others meanwhile are passed over.
        """
        handle, end = self._handle, until(timeout)
        after = self.version if version is None else version
        code, change = self._read(lambda room: call_waiting(
            lambda stop: lib.agora_string_wait(handle.string, after, stop,
                                               room), end), raw)
        if code == -errno.ETIMEDOUT:
            raise failure(code, self.path)
        return change

    async def wait_async(self, version: Optional[int] = None, *,
                         raw: bool = False) -> Change:
        """Wait for a change in an event loop."""
        from ._reactor import wait
        after = self.version if version is None else version
        while self.version <= after:
            await wait(self, ADVANCED, after)
        return self._load(raw)

    def tap(self, timeout: Optional[float] = None, *,
            version: Optional[int] = None,
            raw: bool = False) -> Iterator[Value]:
        """Follow the values, from now on or after a version.

        Ends when nothing came for timeout seconds; None: never.
        """
        after = self.version if version is None else version
        while True:
            try:
                value, after = self.wait(after, timeout, raw=raw)
            except TimeoutError:
                return
            if value is not None:
                yield value

    async def tap_async(self, *, version: Optional[int] = None,
                        raw: bool = False) -> AsyncIterator[Value]:
        """Follow the values in an event loop."""
        after = self.version if version is None else version
        while True:
            value, after = await self.wait_async(after, raw=raw)
            if value is not None:
                yield value


def stale(code: int, path: str, version: int) -> StaleError:
    """What is raised when there is another version."""
    error = failure(code, path)
    found = StaleError(error.errno, error.strerror, error.filename)
    found.version = version
    return found
