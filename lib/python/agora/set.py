"""The ordered set: a mutable set whose members are byte strings, in order."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, MutableSet
from typing import TYPE_CHECKING, Any, Optional

from ._library import ObjectHandle, failure, lib
from ._library import Options as RawOptions
from .map import Ordered
from .object import Data, Object, Value
from .table import key_bytes, open_kind

if TYPE_CHECKING:
    from .space import Space


class Set(Ordered, Object, MutableSet):
    """Ordered set of byte strings.

    Operators such as & and | give sets of Python.
    """

    _kind = "set"
    __hash__ = Object.__hash__

    @classmethod
    def _from_iterable(cls, members: Iterable[Any]) -> Any:
        return set(members)

    def _open(self, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
        return open_kind(self._kind, self.path, space, flags, options)

    def _key(self, member: Data) -> bytes:
        return key_bytes(member)

    def add(self, member: Data) -> bool:  # type: ignore
        """Add a member; tells whether it is new."""
        name = self._key(member)
        code = lib.agora_set_add(self._handle.table, name, len(name))
        if code < 0:
            raise failure(code, self.path)
        return bool(code)

    def discard(self, member: Data) -> bool:  # type: ignore
        """Remove a member; tells whether it was there."""
        name = self._key(member)
        code = lib.agora_set_delete(self._handle.table, name, len(name))
        if code and code != -errno.ENOENT:
            raise failure(code, self.path)
        return not code

    def remove(self, member: Data) -> None:
        """Remove a member; KeyError."""
        if not self.discard(member):
            raise KeyError(member)

    def pop(self) -> Value:
        """Remove and return the least member; KeyError."""
        while True:
            member = self.first()
            if member is None:
                raise KeyError(f"{self.path} is empty")
            if self.discard(member):
                return member

    def clear(self) -> None:
        """Remove all members that are there now."""
        for member in self:
            self.discard(member)

    def __contains__(self, member: object) -> bool:
        name = self._key(member)  # type: ignore
        code = lib.agora_set_has(self._handle.table, name, len(name))
        if code < 0:
            raise failure(code, self.path)
        return bool(code)

    def __iter__(self) -> Iterator[Value]:
        return self.irange()

    def range(self, start: Optional[Data] = None, stop: Optional[Data] = None,
              limit: Optional[int] = None) -> list[Value]:
        """The members from start on, up to and without stop, limit at most."""
        if limit is not None and limit <= 0:
            return []
        return [self._shown(key) for key, _ in self._copy(
            self._bound(start), self._bound(stop), limit or 0)]

    def __len__(self) -> int:
        return self.stat().count

    def __bool__(self) -> bool:
        return self.first() is not None
