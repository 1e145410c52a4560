"""agora: where the programs of a host meet.

    import agora

    with agora.register("weather") as weather:
        alerts = weather.queue("alerts.queue", type="utf8")
        alerts.push("storm from the west")

See the page README.md of this package, and agora(3).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._library import ADVANCED, READABLE, WRITABLE
from ._library import lib as _lib
from .heap import Heap, Ranked
from .hold import Claim, Reservation
from .list import Element, List
from .map import Map
from .log import Log, Reader
from .object import Check, Client, Object, Options, Stat
from .program import Program, ProgramInfo
from .queue import Queue, Sequence, Tap
from .reference import Reference, Resolver
from .set import Set
from .space import Space
from .stack import Stack
from .string import Change, String
from .table import Entry, Keyed, StaleError, Table
from .type import Field, Type, TypeMismatch, Types
from .waiter import wait
from .watch import Event, Watch

__all__ = [
    "ADVANCED", "Change", "Check", "Claim", "Client", "Element", "Entry",
    "Event", "Field", "Heap", "Keyed", "List", "Log", "Map", "Object",
    "Options", "Program", "ProgramInfo", "Queue", "READABLE", "Ranked",
    "Reader", "Reference", "Reservation", "Resolver", "Sequence", "Set",
    "Space", "Stack", "StaleError", "Stat", "String", "Table", "Tap", "Type",
    "TypeMismatch", "Types", "WRITABLE", "Watch", "open", "register",
    "version", "wait",
]


def version() -> str:
    """The version of the library that is running, "MAJOR.MINOR"."""
    return _lib.agora_version().decode()


def open(path: str, flag: str = "w", *, check: bool = False,
         **options: Any) -> Object:
    """Open an object in the default space: see Space.open()."""
    with Space() as space:
        return space.open(path, flag, check=check, **options)


def register(name: str, *, doc: str = "", tags: Iterable[str] = (),
             mode: int = 0, pid: int = 0) -> Program:
    """Register this process in the default space: see Space.register()."""
    with Space() as space:
        return space.register(name, doc=doc, tags=tags, mode=mode, pid=pid)
