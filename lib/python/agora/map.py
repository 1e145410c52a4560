"""The ordered map: a mutable mapping whose keys have an order.

The order is that of the bytes of keys; of a text type, that of their UTF-8.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Iterator
from ctypes import byref, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, Optional

from ._library import VISIT, ObjectHandle, Range, failure, lib
from .object import Buffer, Data, Value
from .table import BEGINNING, KEY_MAX, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable

#: Entries that are copied at a time when more are passed one by one.
BATCH = 100


def range_of(start: Optional[bytes], stop: Optional[bytes],
             limit: int = 0) -> Range:
    """The C form of a range; keeps its bounds alive."""
    raw = Range(limit=limit)
    raw.anchors = (ctypes.c_char_p(start), ctypes.c_char_p(stop))
    first, raw.to = (ctypes.cast(a, c_void_p) for a in raw.anchors)
    setattr(raw, "from", first)
    raw.from_size, raw.to_size = len(start or b""), len(stop or b"")
    return raw


class Ordered:
    """What maps and sets do with the order of their keys."""

    _kind: str
    _handle: ObjectHandle
    path: str
    if TYPE_CHECKING:
        _key: Callable[[Data], bytes]
        _text: bool

    def _shown(self, data: bytes) -> Value:
        return (data.decode("utf-8", "surrogateescape") if self._text
                else data)

    def _one(self, verb: str, key: Optional[Data]) -> Optional[Value]:
        """The key beside one, or of all; None when there is none."""
        room = Buffer(KEY_MAX)
        room.raw.size = BEGINNING
        if key is not None:
            name = self._key(key)
            if len(name) > KEY_MAX:
                raise failure(-errno.EINVAL, self.path)
            room.view[:len(name)] = name
            room.raw.size = len(name)
        value = (None,) if self._kind == "map" else ()
        code = getattr(lib, f"agora_{self._kind}_{verb}")(
            self._handle.table, room.raw, *value)
        if code == -errno.ENOENT:
            return None
        if code:
            raise failure(code, self.path)
        return self._shown(bytes(room.view[:room.raw.size]))

    def first(self) -> Optional[Value]:
        """The least key; None when there is none."""
        return self._one("next", None)

    def last(self) -> Optional[Value]:
        """The greatest key; None when there is none."""
        return self._one("previous", None)

    def next(self, key: Data) -> Optional[Value]:
        """The least key that is greater; None when there is none."""
        return self._one("next", key)

    def previous(self, key: Data) -> Optional[Value]:
        """The greatest key that is less; None when there is none."""
        return self._one("previous", key)

    def _bound(self, key: Optional[Data]) -> Optional[bytes]:
        return None if key is None else self._key(key)

    def _copy(self, start: Optional[bytes], stop: Optional[bytes],
              limit: int) -> list[tuple[bytes, bytes]]:
        """Keys and values of a range."""
        items: list[tuple[bytes, bytes]] = []

        def visit(_: Any, entry: Any) -> int:
            raw = entry.contents
            items.append((ctypes.string_at(raw.key, raw.key_size),
                          ctypes.string_at(raw.value, raw.value_size)
                          if raw.value_size else b""))
            return 0

        code = getattr(lib, f"agora_{self._kind}_range")(
            self._handle.table, byref(range_of(start, stop, limit)),
            VISIT(visit), None)
        if code:
            raise failure(code, self.path)
        return items

    def _pass(self, start: Optional[Data],
              stop: Optional[Data]) -> Iterator[tuple[bytes, bytes]]:
        low, high = self._bound(start), self._bound(stop)
        while True:
            items = self._copy(low, high, BATCH)
            yield from items
            if len(items) < BATCH:
                return
            low = items[-1][0] + b"\0"  # the next key that could be

    def irange(self, start: Optional[Data] = None,
               stop: Optional[Data] = None) -> Iterator[Value]:
        """The keys from start on, up to and without stop, one by one."""
        for key, _ in self._pass(start, stop):
            yield self._shown(key)

    def count(self, start: Optional[Data] = None,
              stop: Optional[Data] = None) -> int:
        """How many keys there are from start on, up to and without stop."""
        total = c_uint64()
        code = getattr(lib, f"agora_{self._kind}_count")(
            self._handle.table,
            byref(range_of(self._bound(start), self._bound(stop))),
            byref(total))
        if code:
            raise failure(code, self.path)
        return total.value

    def __reversed__(self) -> Iterator[Value]:
        key = self.last()
        while key is not None:
            yield key
            key = self.previous(key)


class Map(Ordered, Versioned):
    """Ordered map from byte strings to byte strings."""

    _kind = "map"

    def range(self, start: Optional[Data] = None, stop: Optional[Data] = None,
              limit: Optional[int] = None) -> list[tuple[Value, Value]]:
        """The items from start on, up to and without stop, limit at most."""
        if limit is not None and limit <= 0:
            return []
        return [(self._shown(key), self._shown(value)) for key, value in
                self._copy(self._bound(start), self._bound(stop), limit or 0)]
