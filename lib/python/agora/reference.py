"""References: a message that names a value, and the version that is meant.

    jobs.push(str(agora.Reference.to(prices, "umbrella", version)))

    with agora.Resolver() as resolver:
        value, version = resolver.follow(jobs.pop())
"""

from __future__ import annotations

import errno
from ctypes import byref
from dataclasses import dataclass
from typing import Any, Optional, Union

from ._library import RawReference, ResolverHandle, bytes_of, failure, lib
from ._library import output, text_of
from .object import Buffer, Data, Object
from .space import Space
from .string import stale
from .table import Entry

PATH_MAX, KEY_MAX = 512, 4096
TEXT_MAX = 16384


@dataclass(frozen=True)
class Reference:
    """What a reference says; str() writes it, parse() reads it."""

    path: str  #: "PROGRAM/NAME.KIND"
    key: Optional[bytes] = None  #: None of a string
    version: int = 0  #: 0: whatever is there

    @classmethod
    def parse(cls, text: Data) -> Reference:
        """Read the text of a reference; ValueError."""
        data = text.encode() if isinstance(text, str) else bytes(text)
        raw = RawReference()
        if lib.agora_reference_parse(data, len(data), byref(raw)):
            raise ValueError(f"not a reference: {text!r}")
        key = bytes(raw.key[:raw.key_size]) if raw.has_key else None
        return cls(text_of(raw.path), key, raw.version)

    @classmethod
    def to(cls, object: Object, key: Optional[Data] = None,
           version: int = 0) -> Reference:
        """A reference to a value of an open object; ValueError."""
        name = None if key is None else key_of(key)
        raw = RawReference()
        code = lib.agora_reference_make(
            object._handle, name, 0 if name is None else len(name), version,
            byref(raw))
        if code:
            raise ValueError(f"{object.path}: no reference to {key!r}")
        return cls(object.path, name, version)

    def _raw(self) -> RawReference:
        raw = RawReference(has_key=self.key is not None,
                           version=self.version)
        path = bytes_of(self.path)
        key = self.key or b""
        if len(path) >= PATH_MAX or len(key) > KEY_MAX:
            raise ValueError(f"not a reference: {self!r}")
        raw.path = path
        raw.key[:len(key)] = key
        raw.key_size = len(key)
        return raw

    def __bytes__(self) -> bytes:
        buffer = Buffer(TEXT_MAX)
        if lib.agora_reference_format(byref(self._raw()), buffer.raw):
            raise ValueError(f"not a reference: {self!r}")
        return buffer.view[:buffer.raw.size].tobytes()

    def __str__(self) -> str:
        return bytes(self).decode()


def key_of(key: Data) -> bytes:
    """A key as the library takes it."""
    if isinstance(key, str):
        return key.encode("utf-8", "surrogateescape")
    return bytes(key)


class Resolver:
    """Follows references; keeps the objects that it came to open.

    Used by one thread at a time; a context manager.
    """

    _handle: ResolverHandle

    def __init__(self, space: Optional[Space] = None) -> None:
        # Of its own: it must not be closed under us.
        self._space = Space(space.path if space else None)
        self._handle = ResolverHandle()
        code = lib.agora_resolver_open(self._space._handle,
                                       output(self._handle))
        if code:
            raise failure(code, self._space.path)
        self._buffer = Buffer()

    def close(self) -> None:
        """Close what was opened. Closing again does nothing."""
        self.__dict__.pop("_handle", None)
        self._space.close()

    def __getattr__(self, name: str) -> Any:
        if name == "_handle":
            raise ValueError("closed: a resolver")
        raise AttributeError(f"'Resolver' object has no attribute {name!r}")

    def __enter__(self) -> Resolver:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def follow(self, reference: Union[Reference, Data]) -> Entry:
        """The value that a reference, or its text, names, as bytes.

        Raises StaleError when it is of another version by now: its version
        is the present one, and so is its value. LookupError when there is
        none any more.
        """
        if not isinstance(reference, Reference):
            reference = Reference.parse(reference)
        raw, buffer = reference._raw(), self._buffer
        code = -errno.EMSGSIZE
        while code == -errno.EMSGSIZE:
            code = lib.agora_resolver_follow(self._handle, byref(raw),
                                             buffer.raw)
            if code == -errno.EMSGSIZE:
                buffer.grow()
        if code == -errno.ENOENT:
            raise LookupError(str(reference))
        if code and code != -errno.ESTALE:
            raise failure(code, str(reference))
        value = buffer.view[:buffer.raw.size].tobytes()
        if not code:
            return Entry(value, buffer.raw.version)
        error = stale(code, str(reference), buffer.raw.version)
        error.value = value
        raise error
