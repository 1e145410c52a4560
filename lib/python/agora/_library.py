"""The C library: its structures, prototypes and errors, as ctypes sees them.

Everything here mirrors include/agora/*.h. A test compares the layout of
each structure with what the C compiler makes of it. Calls release the GIL.

Two things every caller in this package relies on:

- A C object lives as long as its Handle, and a Handle as long as a call
  that was given it: closing in one thread while another waits inside the
  library only takes effect when that wait is over.
- Outputs are written by the library itself, so that a KeyboardInterrupt
  between a call and the next line of Python loses no handle and no claim.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import time
from ctypes import CFUNCTYPE, POINTER, byref, c_char, c_char_p, c_int, c_int64
from ctypes import c_long, c_size_t, c_ubyte, c_uint, c_uint32, c_uint64, c_void_p
from typing import Any, Callable, Optional

NAME = "libagora.so.0"

# Flags of agora_object_open().
READ, WRITE, CREATE, EXCLUSIVE, CHECK = 0, 1, 2, 4, 8

# Events of agora_waiter_wait().
READABLE, WRITABLE, ADVANCED = 1, 2, 4

SEQUENCE, KEYED = 1, 2

# A wait is cut into pieces of this length, so that a signal that arrives
# just before the system call that sleeps is not noticed too late.
SLICE = 500_000_000


class Timespec(ctypes.Structure):
    _fields_ = [("sec", c_long), ("nsec", c_long)]

    def seconds(self) -> float:
        return self.sec + self.nsec / 1e9


class Kind(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("shape", c_int), ("verbs", c_uint32),
                ("traits", c_uint32), ("doc", c_char_p)]


class Options(ctypes.Structure):
    _fields_ = [
        ("type", c_char_p), ("capacity", c_uint64),
        ("message_size", c_uint64), ("key_size", c_uint64),
        ("memory", c_uint64), ("writers", c_uint32), ("flags", c_uint32),
        ("inline_size", c_uint32), ("clients", c_uint32), ("mode", c_uint32),
        ("reserved", c_uint64 * 4)]


class Stat(ctypes.Structure):
    _fields_ = [
        ("kind", POINTER(Kind)), ("type", c_char * 1024),
        ("capacity", c_uint64), ("count", c_uint64), ("bytes", c_uint64),
        ("message_size", c_uint64), ("key_size", c_uint64),
        ("memory", c_uint64), ("memory_max", c_uint64),
        ("pushed", c_uint64), ("popped", c_uint64),
        ("redelivered", c_uint64), ("reclaimed", c_uint64),
        ("recovered", c_uint64),
        ("clients", c_uint32), ("clients_max", c_uint32),
        ("waiters", c_uint32), ("writers", c_uint32), ("flags", c_uint32),
        ("format", c_uint32), ("created", Timespec),
        ("version", c_uint64), ("rank_bound", c_uint64),
        ("readers", c_uint32), ("reserved2", c_uint32),
        ("reserved", c_uint64 * 4)]


class Client(ctypes.Structure):
    _fields_ = [("id", c_uint32), ("alive", c_int), ("pid", c_int),
                ("claims", c_uint32), ("waiting", c_int),
                ("since", Timespec)]


class Check(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in (
        "blocks", "free", "owned", "published", "held", "parts",
        "dead_clients", "unreachable", "orphans", "damaged", "repaired")
        ] + [("reserved", c_uint64 * 4)]


class Buffer(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("capacity", c_size_t),
                ("size", c_size_t), ("version", c_uint64),
                ("priority", c_uint64)]


class Message(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t),
                ("sequence", c_uint64), ("token", c_uint64),
                ("priority", c_uint64)]


class Reservation(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t),
                ("token", c_uint64 * 2)]


class Vector(ctypes.Structure):
    """struct iovec"""

    _fields_ = [("base", c_char_p), ("length", c_size_t)]


class HeapItem(ctypes.Structure):
    """struct agora_heap_item"""

    _fields_ = [("priority", c_uint64), ("data", c_char_p),
                ("size", c_size_t)]


class Wait(ctypes.Structure):
    _fields_ = [("object", c_void_p), ("events", c_uint32),
                ("ready", c_uint32), ("cursor", c_uint64)]


class Element(ctypes.Structure):
    _fields_ = [("word", c_uint64 * 2)]


class RawReference(ctypes.Structure):
    """struct agora_reference"""

    _fields_ = [("path", c_char * 512), ("has_key", c_int),
                ("key_size", c_size_t), ("key", c_ubyte * 4096),
                ("version", c_uint64)]


class ProgramOptions(ctypes.Structure):
    _fields_ = [("doc", c_char_p), ("tags", POINTER(c_char_p)),
                ("mode", c_uint32), ("pid", c_int),
                ("reserved", c_uint64 * 4)]


class ProgramInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("doc", c_char_p),
                ("tags", POINTER(c_char_p)), ("pid", c_int),
                ("alive", c_int), ("since", Timespec), ("mode", c_uint32),
                ("uid", c_uint32), ("gid", c_uint32)]


class TypeError_(ctypes.Structure):
    """struct agora_type_error"""

    _fields_ = [("offset", c_size_t), ("line", c_uint32),
                ("column", c_uint32), ("reason", c_char * 240)]


class TypeField(ctypes.Structure):
    _fields_ = [("name", c_void_p), ("name_size", c_size_t),
                ("type", c_char_p), ("offset", c_size_t),
                ("size", c_size_t), ("depth", c_uint32),
                ("dims", c_uint32), ("count", c_uint32 * 4)]


class Event(ctypes.Structure):
    _fields_ = [("type", c_int), ("program", c_char * 256),
                ("object", c_char * 256)]


class Range(ctypes.Structure):
    _fields_ = [("from", c_void_p), ("from_size", c_size_t),
                ("to", c_void_p), ("to_size", c_size_t),
                ("limit", c_uint64), ("reserved", c_uint64 * 3)]


class Entry(ctypes.Structure):
    _fields_ = [("key", c_void_p), ("key_size", c_size_t),
                ("value", c_void_p), ("value_size", c_size_t),
                ("version", c_uint64)]


VISIT = CFUNCTYPE(c_int, c_void_p, POINTER(Entry))


KEY = (c_char_p, c_size_t)

# Name: what it returns, what it takes.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "version": (c_char_p,),
    "strerror": (c_char_p, c_int),
    "kind_next": (POINTER(Kind), POINTER(Kind)),
    "kind_of": (POINTER(Kind), c_char_p),
    "options_problem": (c_char_p, POINTER(Kind), POINTER(Options)),
    "type_check": (c_int, c_char_p, c_char_p, c_size_t, POINTER(c_size_t)),
    "type_is_a": (c_int, c_char_p, c_char_p),
    "type_parent": (c_int, c_char_p, c_char_p),
    "type_part": (c_int, c_char_p, c_uint, c_char_p),
    "type_set_open": (c_int, POINTER(c_void_p)),
    "type_set_close": (None, c_void_p),
    "type_set_add": (c_int, c_void_p, c_char_p, c_char_p,
                     POINTER(TypeError_)),
    "type_open": (c_int, c_char_p, c_void_p, POINTER(c_void_p),
                  POINTER(TypeError_)),
    "type_close": (None, c_void_p),
    "type_text": (c_char_p, c_void_p),
    "type_size": (c_size_t, c_void_p),
    "type_view": (c_int, c_void_p),
    "type_field": (c_int, c_void_p, c_size_t, POINTER(TypeField)),
    "type_validate": (c_int, c_void_p, c_char_p, c_size_t,
                      POINTER(TypeError_)),
    "type_print": (c_int, c_void_p, c_char_p, c_size_t, POINTER(Buffer)),
    "type_scan": (c_int, c_void_p, c_char_p, c_size_t, POINTER(Buffer),
                  POINTER(TypeError_)),
    "type_schema": (c_int, c_void_p, POINTER(Buffer)),
    "space_open": (c_int, c_char_p, POINTER(c_void_p)),
    "space_close": (None, c_void_p),
    "space_path": (c_char_p, c_void_p),
    "space_fd": (c_int, c_void_p),
    "space_list": (c_int, c_void_p, c_char_p, POINTER(POINTER(c_char_p))),
    "list_free": (None, POINTER(c_char_p)),
    "space_sweep": (c_int, c_void_p),
    "program_create": (c_int, c_void_p, c_char_p, POINTER(ProgramOptions)),
    "program_register": (c_int, c_void_p, c_char_p, POINTER(ProgramOptions),
                         POINTER(c_void_p)),
    "program_unregister": (None, c_void_p),
    "program_declare": (c_int, c_void_p, POINTER(ProgramOptions)),
    "program_info": (c_int, c_void_p, c_char_p,
                     POINTER(POINTER(ProgramInfo))),
    "program_info_free": (None, POINTER(ProgramInfo)),
    "program_remove": (c_int, c_void_p, c_char_p),
    "program_forget": (c_int, c_void_p, c_char_p),
    "program_rename": (c_int, c_void_p, c_char_p, c_char_p),
    "object_create": (c_int, c_void_p, c_char_p, POINTER(Options)),
    "object_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                    POINTER(c_void_p)),
    "object_close": (None, c_void_p),
    "object_remove": (c_int, c_void_p, c_char_p),
    "object_rename": (c_int, c_void_p, c_char_p, c_char_p),
    "object_stat": (c_int, c_void_p, POINTER(Stat)),
    "object_kind": (POINTER(Kind), c_void_p),
    "object_type": (c_char_p, c_void_p),
    "object_fd": (c_int, c_void_p),
    "object_clients": (c_int, c_void_p, POINTER(POINTER(Client))),
    "object_check": (c_int, c_void_p, c_int, POINTER(Check)),
    "object_push": (c_int, c_void_p, c_char_p, c_size_t),
    "object_push_wait": (c_int, c_void_p, c_char_p, c_size_t,
                         POINTER(Timespec)),
    "object_push_priority": (c_int, c_void_p, c_uint64, c_char_p, c_size_t),
    "object_push_priority_wait": (c_int, c_void_p, c_uint64, c_char_p,
                                  c_size_t, POINTER(Timespec)),
    "heap_push_batch": (c_int, c_void_p, POINTER(HeapItem), c_size_t),
    "heap_push_batch_wait": (c_int, c_void_p, POINTER(HeapItem), c_size_t,
                             POINTER(Timespec)),
    "object_pop": (c_int, c_void_p, POINTER(Buffer)),
    "object_pop_wait": (c_int, c_void_p, POINTER(Timespec), POINTER(Buffer)),
    "object_peek": (c_int, c_void_p, POINTER(Buffer)),
    "object_walk": (c_int, c_void_p, POINTER(c_uint64), POINTER(Buffer)),
    "object_tap": (c_int, c_void_p, POINTER(c_uint64), POINTER(Buffer)),
    "object_end": (c_int, c_void_p, POINTER(c_uint64)),
    "object_acquire": (c_int, c_void_p, POINTER(Message)),
    "object_acquire_wait": (c_int, c_void_p, POINTER(Timespec),
                            POINTER(Message)),
    "object_read": (c_int, c_void_p, POINTER(Message), c_size_t, c_void_p,
                    c_size_t),
    "object_release": (c_int, c_void_p, POINTER(Message)),
    "object_restore": (c_int, c_void_p, POINTER(Message)),
    "object_push_batch": (c_int, c_void_p, POINTER(Vector), c_size_t),
    "object_push_batch_wait": (c_int, c_void_p, POINTER(Vector), c_size_t,
                               POINTER(Timespec)),
    "object_pop_batch": (c_int, c_void_p, POINTER(Buffer), c_size_t),
    "object_pop_batch_wait": (c_int, c_void_p, POINTER(Timespec),
                              POINTER(Buffer), c_size_t),
    "object_reserve": (c_int, c_void_p, c_size_t, POINTER(Reservation)),
    "object_reserve_wait": (c_int, c_void_p, c_size_t, POINTER(Timespec),
                            POINTER(Reservation)),
    "object_write": (c_int, c_void_p, POINTER(Reservation), c_size_t,
                     c_void_p, c_size_t),
    "object_commit": (c_int, c_void_p, POINTER(Reservation)),
    "object_commit_wait": (c_int, c_void_p, POINTER(Reservation),
                           POINTER(Timespec)),
    "object_abort": (c_int, c_void_p, POINTER(Reservation)),
    "object_yield": (c_int, c_void_p),
    "object_descriptor": (c_int, c_void_p),
    "object_arm": (c_int, c_void_p, c_uint32, c_uint64),
    "object_get": (c_int, c_void_p, *KEY, POINTER(Buffer)),
    "object_put": (c_int, c_void_p, *KEY, c_char_p, c_size_t),
    "object_delete": (c_int, c_void_p, *KEY),
    "object_next": (c_int, c_void_p, POINTER(Buffer), POINTER(Buffer)),
    "table_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                   POINTER(c_void_p)),
    "table_object": (c_void_p, c_void_p),
    "table_swap": (c_int, c_void_p, *KEY, POINTER(Buffer), POINTER(Buffer)),
    "table_compare": (c_int, c_void_p, *KEY, POINTER(Buffer),
                      POINTER(c_uint64)),
    "table_add": (c_int, c_void_p, *KEY, c_int64, POINTER(c_int64)),
    "map_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                 POINTER(c_void_p)),
    "map_object": (c_void_p, c_void_p),
    "map_swap": (c_int, c_void_p, *KEY, POINTER(Buffer), POINTER(Buffer)),
    "map_compare": (c_int, c_void_p, *KEY, POINTER(Buffer),
                    POINTER(c_uint64)),
    "map_add": (c_int, c_void_p, *KEY, c_int64, POINTER(c_int64)),
    "map_next": (c_int, c_void_p, POINTER(Buffer), POINTER(Buffer)),
    "map_previous": (c_int, c_void_p, POINTER(Buffer), POINTER(Buffer)),
    "map_range": (c_int, c_void_p, POINTER(Range), VISIT, c_void_p),
    "map_count": (c_int, c_void_p, POINTER(Range), POINTER(c_uint64)),
    "set_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                 POINTER(c_void_p)),
    "set_object": (c_void_p, c_void_p),
    "set_add": (c_int, c_void_p, *KEY),
    "set_has": (c_int, c_void_p, *KEY),
    "set_delete": (c_int, c_void_p, *KEY),
    "set_next": (c_int, c_void_p, POINTER(Buffer)),
    "set_previous": (c_int, c_void_p, POINTER(Buffer)),
    "set_range": (c_int, c_void_p, POINTER(Range), VISIT, c_void_p),
    "set_count": (c_int, c_void_p, POINTER(Range), POINTER(c_uint64)),
    "object_load": (c_int, c_void_p, POINTER(Buffer)),
    "object_store": (c_int, c_void_p, c_char_p, c_size_t),
    "object_append": (c_int, c_void_p, c_char_p, c_size_t),
    "log_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                 POINTER(c_void_p)),
    "log_object": (c_void_p, c_void_p),
    "log_read": (c_int, c_void_p, POINTER(c_uint64), POINTER(Buffer),
                 POINTER(c_uint64)),
    "log_read_wait": (c_int, c_void_p, POINTER(c_uint64), POINTER(Timespec),
                      POINTER(Buffer), POINTER(c_uint64)),
    "log_newest": (c_int, c_void_p, POINTER(Buffer)),
    "log_oldest": (c_int, c_void_p, POINTER(c_uint64)),
    "log_back": (c_int, c_void_p, c_uint64, POINTER(c_uint64)),
    "log_register": (c_int, c_void_p, POINTER(c_uint64)),
    "log_unregister": (c_int, c_void_p),
    "string_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                    POINTER(c_void_p)),
    "string_object": (c_void_p, c_void_p),
    "string_swap": (c_int, c_void_p, POINTER(Buffer), POINTER(Buffer)),
    "string_compare": (c_int, c_void_p, POINTER(Buffer), POINTER(c_uint64)),
    "string_clear": (c_int, c_void_p),
    "string_version": (c_int, c_void_p, POINTER(c_uint64)),
    "string_wait": (c_int, c_void_p, c_uint64, POINTER(Timespec),
                    POINTER(Buffer)),
    "object_snapshot": (c_int, c_void_p, POINTER(c_void_p)),
    "snapshot_next": (c_int, c_void_p, POINTER(Buffer)),
    "snapshot_close": (None, c_void_p),
    "list_open": (c_int, c_void_p, c_char_p, c_uint32, POINTER(Options),
                  POINTER(c_void_p)),
    "list_object": (c_void_p, c_void_p),
    "list_push_front": (c_int, c_void_p, c_char_p, c_size_t,
                        POINTER(Element)),
    "list_push_back": (c_int, c_void_p, c_char_p, c_size_t,
                       POINTER(Element)),
    "list_push_front_wait": (c_int, c_void_p, c_char_p, c_size_t,
                             POINTER(Timespec), POINTER(Element)),
    "list_push_back_wait": (c_int, c_void_p, c_char_p, c_size_t,
                            POINTER(Timespec), POINTER(Element)),
    "list_insert_before": (c_int, c_void_p, POINTER(Element), c_char_p,
                           c_size_t, POINTER(Element)),
    "list_insert_after": (c_int, c_void_p, POINTER(Element), c_char_p,
                          c_size_t, POINTER(Element)),
    "list_pop_back": (c_int, c_void_p, POINTER(Buffer)),
    "list_pop_back_wait": (c_int, c_void_p, POINTER(Timespec),
                           POINTER(Buffer)),
    "list_peek_back": (c_int, c_void_p, POINTER(Buffer)),
    "list_acquire_back": (c_int, c_void_p, POINTER(Message)),
    "list_remove": (c_int, c_void_p, POINTER(Element)),
    "list_next": (c_int, c_void_p, POINTER(Element), POINTER(Element)),
    "list_previous": (c_int, c_void_p, POINTER(Element), POINTER(Element)),
    "list_get": (c_int, c_void_p, POINTER(Element), POINTER(Buffer)),
    "list_length": (c_int, c_void_p, POINTER(c_uint64)),
    "reference_make": (c_int, c_void_p, c_char_p, c_size_t, c_uint64,
                       POINTER(RawReference)),
    "reference_format": (c_int, POINTER(RawReference), POINTER(Buffer)),
    "reference_parse": (c_int, c_char_p, c_size_t, POINTER(RawReference)),
    "resolver_open": (c_int, c_void_p, POINTER(c_void_p)),
    "resolver_close": (None, c_void_p),
    "resolver_follow": (c_int, c_void_p, POINTER(RawReference),
                        POINTER(Buffer)),
    "waiter_open": (c_int, POINTER(c_void_p)),
    "waiter_close": (None, c_void_p),
    "waiter_wait": (c_int, c_void_p, POINTER(Wait), c_size_t,
                    POINTER(Timespec)),
    "waiter_kick": (None, c_void_p),
    "watch_open": (c_int, c_void_p, c_char_p, POINTER(c_void_p)),
    "watch_close": (None, c_void_p),
    "watch_fd": (c_int, c_void_p),
    "watch_next": (c_int, c_void_p, POINTER(Event)),
    "watch_next_wait": (c_int, c_void_p, POINTER(Timespec), POINTER(Event)),
    "event_name": (c_char_p, c_int),
}


def load() -> ctypes.CDLL:
    """Find the library: $AGORA_LIBRARY, else by name, as ld.so(8) does."""
    name = os.environ.get("AGORA_LIBRARY") or NAME
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(f"agora: cannot load its library: {error}; "
                          "AGORA_LIBRARY may name it") from None
    for function, (result, *arguments) in FUNCTIONS.items():
        pointer = getattr(library, "agora_" + function)
        pointer.restype = result
        pointer.argtypes = arguments
    return library


lib = load()
free = ctypes.CDLL(None).free
free.argtypes = [c_void_p]
free.restype = None


class Handle(c_void_p):
    """A C object that is freed when nobody has its handle any more."""

    destroy: Any = None

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __del__(self) -> None:
        if self.value:
            self.destroy(self)
            self.value = None


class SpaceHandle(Handle):
    destroy = lib.agora_space_close


class ProgramHandle(Handle):
    destroy = lib.agora_program_unregister


class ObjectHandle(Handle):
    destroy = lib.agora_object_close
    table: c_void_p  # the same object, for the functions of tables
    string: c_void_p  # and of strings
    list: c_void_p  # and of lists
    log: c_void_p  # and of logs
    awaited = False  # whether an event loop ever waited for it
    bell: Any = None  # who awaits it, in event loops: see _reactor.py


class SnapshotHandle(Handle):
    destroy = lib.agora_snapshot_close


class WaiterHandle(Handle):
    destroy = lib.agora_waiter_close


class ResolverHandle(Handle):
    destroy = lib.agora_resolver_close


class WatchHandle(Handle):
    destroy = lib.agora_watch_close


class TypeHandle(Handle):
    destroy = lib.agora_type_close


class TypeSetHandle(Handle):
    destroy = lib.agora_type_set_close


def failure(code: int, name: Optional[str] = None,
            other: Optional[str] = None) -> OSError:
    """The OSError for a negative errno; name is what it is about."""
    text = lib.agora_strerror(code).decode()
    if other is not None:
        return OSError(-code, text, name, None, other)
    return OSError(-code, text, name)


def text_of(name: bytes) -> str:
    """A name or a text of the library as str; any bytes come back."""
    return name.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """A name as the library takes it."""
    if not isinstance(name, str):
        raise TypeError(f"a name is a str, not {type(name).__name__}")
    encoded = name.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ValueError("embedded null character in a name")
    return encoded


def until(timeout: Optional[float]) -> Optional[int]:
    """The end of a timeout in seconds on the monotonic clock; None: never."""
    if timeout is None or timeout == math.inf:
        return None
    if not timeout >= 0:
        raise ValueError("a timeout is not negative")
    return time.monotonic_ns() + int(min(timeout, 1e9) * 1e9)


def call_waiting(call: Callable[[Timespec], int], end: Optional[int]) -> int:
    """Make a call that waits until a deadline, and let signals be handled.

    Python runs signal handlers, which may raise, between two rounds.
    """
    while True:
        now = time.monotonic_ns()
        stop = now + SLICE if end is None else min(end, now + SLICE)
        result = call(Timespec(*divmod(stop, 1_000_000_000)))
        if result == -errno.EINTR:
            continue
        if result != -errno.ETIMEDOUT or stop == end:
            return result


def strings(pointer: Any) -> list[str]:
    """A NULL-terminated array of C strings."""
    found: list[str] = []
    while pointer[len(found)] is not None:
        found.append(text_of(pointer[len(found)]))
    return found


def output(handle: Handle) -> Any:
    """The place where the library is to store a new handle."""
    return byref(handle)
