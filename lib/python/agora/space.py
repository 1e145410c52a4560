"""Spaces: the directory that holds everything of one installation."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from ctypes import byref
from typing import Any, Optional, Union

from ._library import KEYED, SpaceHandle, bytes_of, failure, lib, output
from ._library import strings
from .heap import Heap
from .list import List
from .log import Log
from .map import Map
from .object import Object, open_failure, raw_options
from .program import Names, Program, ProgramInfo
from .program import program_info, program_options
from .queue import Queue, Sequence
from .set import Set
from .stack import Stack
from .string import String
from .table import Keyed, Table
from .watch import Watch

CLASSES: dict[str, type[Object]] = {
    "heap": Heap, "list": List, "log": Log, "map": Map, "queue": Queue,
    "set": Set, "stack": Stack, "string": String, "table": Table}


def class_of(path: str) -> type[Object]:
    """The class for the kind that a path ends in."""
    row = lib.agora_kind_of(bytes_of(path))
    if not row:
        return Object  # opening it says what is wrong
    shape = Keyed if row.contents.shape == KEYED else Sequence
    return CLASSES.get(row.contents.name.decode(), shape)


class Space:
    """An open space; iterating gives the names of its programs.

    path: its directory. None means $AGORA_SPACE, else the user's own,
    /dev/shm/agora-UID, which is made when it is missing. Objects and
    programs opened through a space outlive it.
    """

    _handle: SpaceHandle

    def __init__(self, path: Union[str, bytes, os.PathLike, None] = None
                 ) -> None:
        self._handle = SpaceHandle()
        name = None if path is None else os.fsencode(path)
        if name is not None and b"\0" in name:
            raise ValueError("embedded null character in a path")
        code = lib.agora_space_open(name, output(self._handle))
        if code:
            raise failure(code, os.fsdecode(
                name or os.environ.get("AGORA_SPACE") or
                f"/dev/shm/agora-{os.getuid()}"))
        #: Absolute path of the directory.
        self.path: str = os.fsdecode(lib.agora_space_path(self._handle))

    def __getattr__(self, name: str) -> Any:
        if name == "_handle":
            raise ValueError(f"closed: {self.__dict__.get('path')}")
        raise AttributeError(f"'Space' object has no attribute {name!r}")

    def close(self) -> None:
        """Close it. Closing again does nothing."""
        self.__dict__.pop("_handle", None)

    def __enter__(self) -> Space:
        self._handle  # a closed one is refused
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"agora.Space({self.path!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Space, (self.path,))

    def fileno(self) -> int:
        """A descriptor (O_PATH) of the directory."""
        return lib.agora_space_fd(self._handle)

    # ---- what is there

    def _list(self, program: Optional[str]) -> Names:
        names = ctypes.POINTER(ctypes.c_char_p)()
        code = lib.agora_space_list(
            self._handle, None if program is None else bytes_of(program),
            byref(names))
        if code < 0:
            raise failure(code, program or self.path)
        try:
            return strings(names)
        finally:
            lib.agora_list_free(names)

    def programs(self) -> Names:
        """The names of all programs, sorted."""
        return self._list(None)

    def objects(self, program: str) -> Names:
        """The names of a program's objects, such as "alerts.queue"."""
        return self._list(program)

    def __iter__(self) -> Iterator[str]:
        return iter(self.programs())

    def info(self, program: str) -> ProgramInfo:
        """Describe a program."""
        return program_info(self, program)

    def watch(self, program: Optional[str] = None) -> Watch:
        """Learn what comes, goes and changes from now on."""
        return Watch(self, program)

    # ---- programs

    def register(self, name: str, *, doc: str = "", tags: Iterable[str] = (),
                 mode: int = 0, pid: int = 0) -> Program:
        """Register this process as a program.

        Keep what is returned: the registration ends with it.
        doc: one line; tags: "key" or "key=value". FileExistsError when a
        living process has the name: info() tells which.
        """
        return Program(self, name, doc=doc, tags=tags, mode=mode, pid=pid)

    def create_program(self, name: str, *, doc: str = "",
                       tags: Iterable[str] = (), mode: int = 0) -> None:
        """Make a program that no process stands behind."""
        options = program_options(doc, tags, mode, 0)
        code = lib.agora_program_create(self._handle, bytes_of(name),
                                        byref(options))
        if code:
            raise failure(code, name)

    def forget(self, program: str) -> None:
        """Forget who registered a program last, its doc and tags."""
        code = lib.agora_program_forget(self._handle, bytes_of(program))
        if code:
            raise failure(code, program)

    def sweep(self) -> None:
        """Finish what was left by who died while making a program."""
        code = lib.agora_space_sweep(self._handle)
        if code:
            raise failure(code, self.path)

    # ---- objects

    def create(self, path: str, **options: Any) -> None:
        """Make an object, "PROGRAM/NAME.KIND", without opening it.

        options: see agora.Options.
        """
        raw = raw_options(options)  # type: ignore
        code = lib.agora_object_create(self._handle, bytes_of(path),
                                       byref(raw))
        if code:
            raise open_failure(code, path, raw)

    def open(self, path: str, flag: str = "w", *, check: bool = False,
             **options: Any) -> Object:
        """Open an object of any kind.

        flag: "r" to look only, "w" for everything, "c" to make it first if
        it is missing, "x" to make it and fail if it is there. check: refuse
        values that do not fit the declared type. options: used when it is
        made; see agora.Options.
        """
        return class_of(path)(self, path, flag, check=check, **options)

    def queue(self, path: str, flag: str = "w", *, check: bool = False,
              **options: Any) -> Queue:
        """Open a queue, as open() does."""
        return self._open(Queue, path, flag, check, options)

    def log(self, path: str, flag: str = "w", *, check: bool = False,
            **options: Any) -> Log:
        """Open a log, as open() does."""
        return self._open(Log, path, flag, check, options)

    def table(self, path: str, flag: str = "w", *, check: bool = False,
              **options: Any) -> Table:
        """Open a table, as open() does."""
        return self._open(Table, path, flag, check, options)

    def map(self, path: str, flag: str = "w", *, check: bool = False,
            **options: Any) -> Map:
        """Open an ordered map, as open() does."""
        return self._open(Map, path, flag, check, options)

    def set(self, path: str, flag: str = "w", *, check: bool = False,
            **options: Any) -> Set:
        """Open an ordered set, as open() does."""
        return self._open(Set, path, flag, check, options)

    def heap(self, path: str, flag: str = "w", *, check: bool = False,
             **options: Any) -> Heap:
        """Open a heap, as open() does."""
        return self._open(Heap, path, flag, check, options)

    def stack(self, path: str, flag: str = "w", *, check: bool = False,
              **options: Any) -> Stack:
        """Open a stack, as open() does."""
        return self._open(Stack, path, flag, check, options)

    def list(self, path: str, flag: str = "w", *, check: bool = False,
             **options: Any) -> List:
        """Open a list, as open() does."""
        return self._open(List, path, flag, check, options)

    def string(self, path: str, flag: str = "w", *, check: bool = False,
               **options: Any) -> String:
        """Open a string, as open() does."""
        return self._open(String, path, flag, check, options)

    def _open(self, cls: type, path: str, flag: str, check: bool,
              options: dict[str, Any]) -> Any:
        found = class_of(path)
        if found is not Object and found is not cls:
            raise TypeError(f"{path}: not a {cls.__name__.lower()}")
        return cls(self, path, flag, check=check, **options)

    # ---- both

    def remove(self, path: str) -> None:
        """Remove an object, or a program that holds no objects.

        Who has an object open keeps it until closing.
        """
        remove = (lib.agora_object_remove if "/" in path
                  else lib.agora_program_remove)
        code = remove(self._handle, bytes_of(path))
        if code:
            raise failure(code, path)

    def rename(self, old: str, new: str) -> None:
        """Rename an object or a program; nothing is ever replaced."""
        rename = (lib.agora_object_rename if "/" in old
                  else lib.agora_program_rename)
        code = rename(self._handle, bytes_of(old), bytes_of(new))
        if code:
            raise failure(code, old, new)
