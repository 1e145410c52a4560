"""Programs: registered names with objects."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import byref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._library import ProgramHandle
from ._library import ProgramInfo as RawInfo
from ._library import ProgramOptions as RawOptions
from ._library import bytes_of, failure, lib, output, strings, text_of
from .heap import Heap
from .list import List
from .map import Map
from .log import Log
from .object import Object
from .queue import Queue
from .set import Set
from .stack import Stack
from .string import String
from .table import Table

if TYPE_CHECKING:
    from .space import Space

# In the class below, list is a verb.
Names = list[str]


@dataclass(frozen=True)
class ProgramInfo:
    """What is known about a program."""

    name: str
    doc: str
    tags: tuple[str, ...]
    pid: int  #: who registered last; 0 when nobody ever did
    alive: bool  #: whether that registration holds
    since: float  #: seconds since the epoch
    mode: int
    uid: int
    gid: int


def program_options(doc: str, tags: Iterable[str], mode: int,
                    pid: int) -> RawOptions:
    """The C form of what a program says of itself."""
    if isinstance(tags, str):
        raise TypeError("tags are several str, not one")
    names = [bytes_of(tag) for tag in tags]
    array = (ctypes.c_char_p * (len(names) + 1))(*names, None)
    return RawOptions(
        doc=bytes_of(doc) if doc else None,
        tags=ctypes.cast(array, ctypes.POINTER(ctypes.c_char_p)),
        mode=mode, pid=pid)


def program_info(space: Space, name: str) -> ProgramInfo:
    """Describe a program."""
    pointer = ctypes.POINTER(RawInfo)()
    code = lib.agora_program_info(space._handle, bytes_of(name),
                                  byref(pointer))
    if code:
        raise failure(code, name)
    try:
        raw = pointer.contents
        return ProgramInfo(
            text_of(raw.name), text_of(raw.doc), tuple(strings(raw.tags)),
            raw.pid, bool(raw.alive), raw.since.seconds(), raw.mode, raw.uid,
            raw.gid)
    finally:
        lib.agora_program_info_free(pointer)


class Program:
    """The registration of this process; a context manager that ends it.

    It also ends when the process does. The objects stay.
    """

    _handle: ProgramHandle

    def __init__(self, space: Space, name: str, *, doc: str = "",
                 tags: Iterable[str] = (), mode: int = 0,
                 pid: int = 0) -> None:
        self.name = name
        # A handle of its own: the space may be closed before.
        self.space = type(space)(space.path)
        self._handle = ProgramHandle()
        options = program_options(doc, tags, mode, pid)
        code = lib.agora_program_register(
            self.space._handle, bytes_of(name), byref(options),
            output(self._handle))
        if code:
            raise failure(code, name)

    def __getattr__(self, name: str) -> Any:
        if name == "_handle":
            raise ValueError(f"not registered any more: {self.name}")
        raise AttributeError(f"'Program' object has no attribute {name!r}")

    def unregister(self) -> None:
        """Give the name up. Doing it again does nothing."""
        self.__dict__.pop("_handle", None)

    close = unregister

    def __enter__(self) -> Program:
        self._handle  # an ended one is refused
        return self

    def __exit__(self, *exception: object) -> None:
        self.unregister()

    def __repr__(self) -> str:
        return f"<agora.Program {self.name!r}>"

    def declare(self, *, doc: str = "", tags: Iterable[str] = (),
                pid: int = 0) -> None:
        """Replace what the program says of itself."""
        options = program_options(doc, tags, 0, pid)
        code = lib.agora_program_declare(self._handle, byref(options))
        if code:
            raise failure(code, self.name)

    def info(self) -> ProgramInfo:
        """What others know about it."""
        return program_info(self.space, self.name)

    def objects(self) -> Names:
        """The names of its objects."""
        return self.space.objects(self.name)

    def open(self, name: str, flag: str = "c", **options: Any) -> Object:
        """Open an object of this program, and make it if it is missing."""
        return self.space.open(f"{self.name}/{name}", flag, **options)

    def queue(self, name: str, flag: str = "c", **options: Any) -> Queue:
        """Open a queue such as "alerts.queue", as open() does."""
        return self.space.queue(f"{self.name}/{name}", flag, **options)

    def heap(self, name: str, flag: str = "c", **options: Any) -> Heap:
        """Open a heap such as "jobs.heap", as open() does."""
        return self.space.heap(f"{self.name}/{name}", flag, **options)

    def stack(self, name: str, flag: str = "c", **options: Any) -> Stack:
        """Open a stack such as "undo.stack", as open() does."""
        return self.space.stack(f"{self.name}/{name}", flag, **options)

    def list(self, name: str, flag: str = "c", **options: Any) -> List:
        """Open a list such as "stops.list", as open() does."""
        return self.space.list(f"{self.name}/{name}", flag, **options)

    def log(self, name: str, flag: str = "c", **options: Any) -> Log:
        """Open a log such as "feed.log", as open() does."""
        return self.space.log(f"{self.name}/{name}", flag, **options)

    def string(self, name: str, flag: str = "c", **options: Any) -> String:
        """Open a string such as "mode.string", as open() does."""
        return self.space.string(f"{self.name}/{name}", flag, **options)

    def table(self, name: str, flag: str = "c", **options: Any) -> Table:
        """Open a table such as "prices.table", as open() does."""
        return self.space.table(f"{self.name}/{name}", flag, **options)

    def map(self, name: str, flag: str = "c", **options: Any) -> Map:
        """Open an ordered map such as "index.map", as open() does."""
        return self.space.map(f"{self.name}/{name}", flag, **options)

    def set(self, name: str, flag: str = "c", **options: Any) -> Set:
        """Open an ordered set such as "members.set", as open() does."""
        return self.space.set(f"{self.name}/{name}", flag, **options)
