"""Keyed objects: the table, as a mutable mapping.

Keys are bytes; str is taken for them as UTF-8. Of an object of a text type
keys and values come back as str. Whatever the mapping interface does to one
key with one verb of the library is atomic; pop() and popitem() are two
verbs, and what another process stores in between goes with them.
"""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Callable, Iterator, MutableMapping
from collections.abc import ItemsView, ValuesView
from ctypes import byref, c_int64, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ._library import Buffer as RawBuffer
from ._library import ObjectHandle
from ._library import Options as RawOptions
from ._library import bytes_of, failure, lib
from .object import Buffer, Data, Object, Value, open_failure

if TYPE_CHECKING:
    from .space import Space

KEY_MAX = 4096
BEGINNING = (1 << (8 * ctypes.sizeof(ctypes.c_size_t))) - 1

GET, PUT = lib.agora_object_get, lib.agora_object_put


class Entry(NamedTuple):
    """A value and its version."""

    value: Value
    version: int


class StaleError(OSError):
    """ESTALE: the value has another version by now, which it carries."""

    version: int = 0
    value: Optional[bytes] = None  #: from Resolver.follow() only


class Values(ValuesView):
    """The values, each as it was when it was looked at."""

    _mapping: Keyed

    def __iter__(self) -> Iterator[Value]:
        for _, value in self._mapping._entries():
            yield value

    def __contains__(self, value: object) -> bool:
        return any(value == other for other in self)


class Items(ItemsView):
    """The items, each as it was when it was looked at."""

    _mapping: Keyed

    def __iter__(self) -> Iterator[tuple[Value, Value]]:
        return self._mapping._entries()


class Keyed(Object, MutableMapping):
    """Values under keys."""

    def _key(self, key: Data) -> bytes:
        return key_bytes(key)

    # ---- one key

    def _get(self, key: Data, raw: bool) -> Optional[Entry]:
        name = self._key(key)
        buffer = self._borrow()
        try:
            code = GET(self._handle, name, len(name), buffer.raw)
            while code == -errno.EMSGSIZE:
                buffer.grow()
                code = GET(self._handle, name, len(name), buffer.raw)
            if not code:
                return Entry(self._decode(buffer, raw), buffer.raw.version)
        finally:
            self._give_back(buffer)
        if code == -errno.ENOENT:
            return None
        raise failure(code, self.path)

    def __getitem__(self, key: Data) -> Value:
        entry = self._get(key, False)
        if entry is None:
            raise KeyError(key)
        return entry.value

    def get(self, key: Data, default: Any = None, *,
            raw: bool = False) -> Any:
        """The value of a key, or default.

        raw: bytes also from an object of a text type.
        """
        entry = self._get(key, raw)
        return default if entry is None else entry.value

    def entry(self, key: Data, *, raw: bool = False) -> Entry:
        """The value of a key and its version, of one moment; KeyError."""
        entry = self._get(key, raw)
        if entry is None:
            raise KeyError(key)
        return entry

    def version(self, key: Data) -> int:
        """The version of the value of a key; 0 when there is none.

        Each value that was ever stored has another one.
        """
        entry = self._get(key, True)
        return 0 if entry is None else entry.version

    def __contains__(self, key: object) -> bool:
        name = self._key(key)  # type: ignore
        # No room for the value: its size alone tells that it is there.
        code = GET(self._handle, name, len(name), byref(RawBuffer()))
        if code in (0, -errno.EMSGSIZE):
            return True
        if code == -errno.ENOENT:
            return False
        raise failure(code, self.path)

    def put(self, key: Data, value: Data) -> None:
        """Store a value, whether or not the key has one."""
        name, data = self._key(key), self._encode(value)
        code = PUT(self._handle, name, len(name), data, len(data))
        if code:
            raise failure(code, self.path)

    __setitem__ = put

    def delete(self, key: Data) -> None:
        """Remove a key; KeyError."""
        name = self._key(key)
        code = lib.agora_object_delete(self._handle, name, len(name))
        if code == -errno.ENOENT:
            raise KeyError(key)
        if code:
            raise failure(code, self.path)

    __delitem__ = delete

    # ---- all keys

    def _next(self, handle: ObjectHandle, key: Buffer,
              value: Optional[Buffer]) -> bool:
        """Go on to the next key; False after the last."""
        if value is None:
            code = lib.agora_object_next(handle, key.raw, None)
        else:
            code = self._fill(value, lambda room: lib.agora_object_next(
                handle, key.raw, room))
        if code and code != -errno.ENOENT:
            raise failure(code, self.path)
        return not code

    def _walk(self, value: Optional[Buffer]) -> Iterator[Value]:
        key = Buffer(KEY_MAX)
        key.raw.size = BEGINNING
        while self._next(self._handle, key, value):
            yield self._decode(key, False)

    def __iter__(self) -> Iterator[Value]:
        return self._walk(None)

    def _entries(self) -> Iterator[tuple[Value, Value]]:
        value = Buffer()
        for key in self._walk(value):
            yield key, self._decode(value, False)

    def items(self) -> Items:
        """All keys with their values, in the order of the table."""
        return Items(self)

    def values(self) -> Values:
        """All values, in the order of the table."""
        return Values(self)

    def __len__(self) -> int:
        return self.stat().count

    def __bool__(self) -> bool:
        """Whether there is a key; does not count them."""
        return next(self._walk(None), None) is not None

    def clear(self) -> None:
        """Remove all keys that are there now."""
        for key in self:
            try:
                self.delete(key)
            except KeyError:
                pass


class Versioned(Keyed):
    """Values that are changed by what they are, and by their versions."""

    _kind = ""  # what the functions of the library begin with

    def _function(self, verb: str) -> Any:
        return getattr(lib, f"agora_{self._kind}_{verb}")

    def _open(self, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
        return open_kind(self._kind, self.path, space, flags, options)

    def swap(self, key: Data, value: Data, *, raw: bool = False) -> Value:
        """Store a value and return the one it replaced.

        KeyError when there was none; then nothing is stored.
        """
        name, data = self._key(key), self._encode(value)
        handle, new = self._handle, raw_buffer(data)
        old = self._borrow()
        try:
            code = self._swap(handle, name, new, old)
            if code == -errno.ENOENT:
                raise KeyError(key)
            if code:
                raise failure(code, self.path)
            return self._decode(old, raw)
        finally:
            self._give_back(old)

    def _swap(self, handle: ObjectHandle, name: bytes, new: RawBuffer,
              old: Buffer) -> int:
        while True:
            old.raw.size = 0
            code = self._function("swap")(handle.table, name, len(name),
                                          byref(new), old.raw)
            # Too large is the new value, unless the old one says it is.
            if code != -errno.EMSGSIZE or old.raw.size <= old.raw.capacity:
                return code
            old.grow()

    def _compare(self, key: Data, value: Data,
                 version: int) -> tuple[int, int]:
        name, data = self._key(key), self._encode(value)
        handle, new = self._handle, raw_buffer(data)
        new.version = version
        now = c_uint64()
        code = self._function("compare")(handle.table, name, len(name),
                                         byref(new), byref(now))
        if code and code != -errno.ESTALE:
            raise failure(code, self.path)
        return code, now.value

    def compare(self, key: Data, value: Data, version: int) -> int:
        """Store a value only if the present one has this version.

        version 0: only if there is none. Returns the new version. Raises
        StaleError, whose version is the present one.
        """
        code, now = self._compare(key, value, version)
        if not code:
            return now
        error = failure(code, self.path)
        stale = StaleError(error.errno, error.strerror, error.filename)
        stale.version = now
        raise stale

    def change(self, key: Data, function: Callable[[Any], Data],
               default: Any = None) -> Data:
        """Replace a value by what function makes of it; atomic.

        function gets default when there is no value. It is called again
        when somebody else was faster. Returns what was stored.
        """
        while True:
            entry = self._get(key, False)
            if entry is None:
                entry = Entry(default, 0)
            value = function(entry.value)
            if not self._compare(key, value, entry.version)[0]:
                return value

    def setdefault(self, key: Data, default: Any = None) -> Any:
        """The value of a key, which is stored if there is none; atomic."""
        while True:
            entry = self._get(key, False)
            if entry is not None:
                return entry.value
            if not self._compare(key, default, 0)[0]:
                return default

    def add(self, key: Data, delta: int = 1) -> int:
        """Add to a counter of 64 bits and return the sum; atomic.

        A missing key counts as 0. It wraps on overflow.
        """
        if not -1 << 63 <= delta < 1 << 63:
            raise OverflowError(f"not a number of 64 bits: {delta}")
        name, handle, total = self._key(key), self._handle, c_int64()
        code = self._function("add")(handle.table, name, len(name), delta,
                                     byref(total))
        if code:
            raise failure(code, self.path)
        return total.value

    def counter(self, key: Data) -> int:
        """The value of a counter, 0 if the key is missing."""
        entry = self._get(key, True)
        if entry is None:
            return 0
        if len(entry.value) != 8:
            raise failure(-errno.EPROTOTYPE, self.path)
        return int.from_bytes(entry.value, sys.byteorder,  # type: ignore
                              signed=True)


class Table(Versioned):
    """Hash table from byte strings to byte strings."""

    _kind = "table"


def key_bytes(key: Data) -> bytes:
    """What the library takes for a key."""
    if isinstance(key, bytes):
        return key
    if isinstance(key, str):
        return key.encode("utf-8", "surrogateescape")
    return memoryview(key).tobytes()


def open_kind(kind: str, path: str, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
    """The handle of a kind that has functions of its own."""
    own = c_void_p()
    code = getattr(lib, f"agora_{kind}_open")(
        space._handle, bytes_of(path), flags, byref(options), byref(own))
    if code:
        raise open_failure(code, path, options)
    handle = ObjectHandle(getattr(lib, f"agora_{kind}_object")(own))
    handle.table = own
    return handle


def raw_buffer(data: bytes) -> RawBuffer:
    """The C form of bytes that the library only reads; keeps them alive."""
    raw = RawBuffer(size=len(data), capacity=len(data))
    raw.anchor = ctypes.c_char_p(data)
    raw.data = ctypes.cast(raw.anchor, c_void_p).value
    return raw
