"""Objects of any kind: opening, describing, checking, buffers.

The kinds add their verbs: sequences in queue.py, keyed ones in table.py.
"""

from __future__ import annotations

import ctypes
import errno
from ctypes import byref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, TypedDict, TypeVar, Union

from ._library import CHECK, CREATE, EXCLUSIVE, READ, WRITE
from ._library import Buffer as RawBuffer
from ._library import Check as RawCheck
from ._library import Client as RawClient
from ._library import ObjectHandle, Stat as RawStat
from ._library import Options as RawOptions
from ._library import bytes_of, failure, free, lib, output, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .space import Space

Self = TypeVar("Self", bound="Object")

#: What is pushed and put: bytes, or str for objects of a text type.
Data = Union[bytes, bytearray, memoryview, str]

#: What is popped and got: str from objects of a text type, bytes else.
Value = Union[bytes, str]

FLAGS = {
    "r": READ,
    "w": WRITE,
    "c": WRITE | CREATE,
    "x": WRITE | CREATE | EXCLUSIVE,
}

WRITERS = {"many": 1, "one": 2}
FIXED = 1
SPSC = 2
RELAXED = 4
RELIABLE = 8

# What a buffer has at first, and the most that one keeps between calls.
LEAST, MOST = 4096, 1 << 20


class Options(TypedDict, total=False):
    """Properties chosen when an object is made; all have defaults."""

    type: str  #: declared type, "bytes" by default
    capacity: int  #: messages, or keys
    message_size: int  #: largest message or value, in bytes
    key_size: int  #: largest key, in bytes
    memory: int  #: ceiling for long messages, in bytes
    writers: str  #: of a table: "many" or "one"
    fixed: bool  #: of a queue: each message has message_size bytes
    spsc: bool  #: of a queue: one producer and one consumer at a time
    relaxed: bool  #: of a heap: order within a bound, more at a time
    reliable: bool  #: of a log: registered readers hold writers back
    inline_size: int  #: bytes kept beside the header; a hint
    clients: int  #: most handles at one time
    mode: int  #: permission bits, 0o660 & ~umask by default


@dataclass(frozen=True)
class Stat:
    """The state of an object at one moment; sizes in bytes."""

    kind: str
    type: str
    capacity: int  #: most messages or keys
    count: int  #: messages or keys now
    bytes: int  #: their payload
    message_size: int
    key_size: int
    memory: int  #: committed to the segment now
    memory_max: int
    pushed: int  #: messages ever published
    popped: int  #: messages ever taken
    redelivered: int  #: claims of the dead that were put back
    reclaimed: int  #: blocks that the dead had reserved, freed
    recovered: int  #: clients recovered after their death
    clients: int  #: handles open for writing
    clients_max: int
    waiters: int  #: of these, asleep
    writers: Optional[str]
    fixed: bool
    spsc: bool
    relaxed: bool
    rank_bound: int  #: of a relaxed heap
    format: int
    created: float  #: seconds since the epoch
    reliable: bool = False
    readers: int = 0  #: registered with a reliable log


@dataclass(frozen=True)
class Client:
    """Who has an object open for writing."""

    id: int
    alive: bool
    pid: int
    claims: int  #: messages acquired and not yet released
    waiting: bool
    since: float  #: seconds since the epoch


@dataclass(frozen=True)
class Check:
    """What a check counted, in blocks; see agora/object.h."""

    blocks: int
    free: int
    owned: int
    published: int
    held: int
    parts: int
    dead_clients: int
    unreachable: int
    orphans: int
    damaged: int
    repaired: int

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong, or all that was wrong is repaired."""
        return self.repaired >= (self.dead_clients + self.unreachable +
                                 self.orphans + self.damaged)


class Buffer:
    """Memory that the library reads a message into; it grows as needed."""

    __slots__ = ("raw", "view")

    def __init__(self, capacity: int = LEAST) -> None:
        self.raw = RawBuffer()
        self.allocate(capacity)

    def allocate(self, capacity: int) -> None:
        memory = bytearray(capacity)
        first = ctypes.c_char.from_buffer(memory)
        # The view keeps the memory, and keeps it from being moved.
        self.view = memoryview(memory)
        self.raw.data = ctypes.addressof(first)
        self.raw.capacity = capacity

    def grow(self) -> None:
        """Make room for what did not fit, and for a little more."""
        self.allocate(max(self.raw.size, 2 * self.raw.capacity))


def raw_options(options: Options) -> RawOptions:
    """The C form of options."""
    known = dict(options)
    raw = RawOptions()
    if "type" in known:
        raw.type = bytes_of(str(known.pop("type")))
    if known.pop("fixed", False):
        raw.flags |= FIXED
    if known.pop("spsc", False):
        raw.flags |= SPSC
    if known.pop("relaxed", False):
        raw.flags |= RELAXED
    if known.pop("reliable", False):
        raw.flags |= RELIABLE
    writers = known.pop("writers", None)
    if writers is not None:
        if writers not in WRITERS:
            raise ValueError('writers is "many" or "one"')
        raw.writers = WRITERS[str(writers)]
    for name, value in known.items():
        if name not in Options.__annotations__:
            raise TypeError(f"{name!r} is not an option of objects")
        setattr(raw, name, bounded(name, value))
    return raw


def bounded(name: str, value: Any) -> int:
    """A number that its field in C can hold: ctypes would cut it off."""
    field = getattr(RawOptions, name)
    if not 0 <= value < 1 << (8 * field.size):
        raise ValueError(f"{name} is out of range: {value}")
    return value


def open_failure(code: int, path: str, options: RawOptions) -> OSError:
    """The OSError of an object that was not opened or made."""
    kind = lib.agora_kind_of(bytes_of(path))
    if code == -errno.EINVAL and kind:
        problem = lib.agora_options_problem(kind, byref(options))
        if problem:
            return OSError(errno.EINVAL, text_of(problem), path)
    return failure(code, path)


def raw_flags(flag: str, check: bool) -> int:
    """The C form of "r", "w", "c" or "x"."""
    if flag not in FLAGS:
        raise ValueError('flag is "r", "w", "c" or "x"')
    return FLAGS[flag] | (CHECK if check else 0)


def is_text(type: str) -> bool:
    """Whether values of a declared type are text in UTF-8."""
    return type == "utf8" or type.startswith("utf8/")


def reopen(cls: type[Self], space: str, path: str, flag: str,
           check: bool) -> Self:
    """Open an object again, in another process: how it is unpickled."""
    from .space import Space
    with Space(space) as opened:
        return cls(opened, path, flag, check=check)


class Object:
    """An open object; Space.open() makes one of the class of its kind.

    A context manager that closes it. A handle may be shared by threads, but
    belongs to its process: after a fork, open it again.
    """

    _handle: ObjectHandle

    def __init__(self, space: Space, path: str, flag: str = "w", *,
                 check: bool = False, **options: Any) -> None:
        #: "PROGRAM/NAME.KIND"
        self.path = path
        #: Directory of the space.
        self.space_path = space.path
        self._flag = flag
        self._check = check
        self._handle = self._open(space, raw_flags(flag, check),
                                  raw_options(options))  # type: ignore
        #: The declared type.
        self.type = text_of(lib.agora_object_type(self._handle))
        #: The kind, such as "queue".
        self.kind = text_of(
            lib.agora_object_kind(self._handle).contents.name)
        self._text = is_text(self.type)
        self._buffers: list[Buffer] = []

    def _open(self, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
        handle = ObjectHandle()
        code = lib.agora_object_open(space._handle, bytes_of(self.path),
                                     flags, byref(options), output(handle))
        if code:
            raise open_failure(code, self.path, options)
        return handle

    # Only called for what is not there: costs the usual case nothing.
    def __getattr__(self, name: str) -> Any:
        if name == "_handle":
            raise ValueError(f"closed: {self.__dict__.get('path')}")
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}")

    def close(self) -> None:
        """Close the handle. Closing again does nothing.

        A call of another thread that is inside ends first, and a message
        that is still acquired stays so until it is released.
        """
        handle = self.__dict__.pop("_handle", None)
        if handle is not None and handle.awaited:
            from ._reactor import forget
            forget(handle, self.path)

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return "_handle" not in self.__dict__

    def __enter__(self: Self) -> Self:
        self._handle  # a closed one is refused
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = " closed" if self.closed else ""
        return f"<agora.{type(self).__name__} {self.path!r}{closed}>"

    def __reduce__(self) -> tuple[Any, ...]:
        flag = "r" if self._flag == "r" else "w"
        return (reopen, (type(self), self.space_path, self.path, flag,
                         self._check))

    def fileno(self) -> int:
        """The descriptor of the segment, for os.fstat() and the like."""
        return lib.agora_object_fd(self._handle)

    def descriptor(self) -> int:
        """A descriptor that polls readable when the object changes.

        For select and its like; arm() prepares it before each sleep. It is
        the library's: do not close or read it.
        """
        fd = lib.agora_object_descriptor(self._handle)
        if fd < 0:
            raise failure(fd, self.path)
        return fd

    def arm(self, events: int, cursor: int = 0) -> int:
        """Look for events, and prepare descriptor() when none holds.

        events: of READABLE, WRITABLE and ADVANCED (something at or after
        cursor was pushed). Returns those that hold now; 0: sleep until the
        descriptor is readable, then look again.
        """
        handle = self._handle
        code = lib.agora_object_arm(handle, events, cursor)
        if code == -errno.EINVAL:
            self.descriptor()
            code = lib.agora_object_arm(handle, events, cursor)
        if code < 0:
            raise failure(code, self.path)
        return code

    def yield_roles(self) -> None:
        """Give back what only one may be: the only writer of a table, the
        producer or the consumer of a queue made for one of each.

        The next call that needs a role takes it again.
        """
        code = lib.agora_object_yield(self._handle)
        if code:
            raise failure(code, self.path)

    def stat(self) -> Stat:
        """Describe the object; takes time in proportion to its contents."""
        raw = RawStat()
        code = lib.agora_object_stat(self._handle, byref(raw))
        if code:
            raise failure(code, self.path)
        return stat_of(raw)

    def clients(self) -> list[Client]:
        """List who has the object open for writing."""
        array = ctypes.POINTER(RawClient)()
        count = lib.agora_object_clients(self._handle, byref(array))
        if count < 0:
            raise failure(count, self.path)
        try:
            return [client_of(array[i]) for i in range(count)]
        finally:
            free(array)

    def check(self, repair: bool = False) -> Check:
        """Check the accounting of all blocks; optionally repair it.

        Whether all is well now is in the result: see Check.sound.
        """
        raw = RawCheck()
        code = lib.agora_object_check(self._handle, repair, byref(raw))
        report = Check(*(getattr(raw, name)
                         for name in Check.__dataclass_fields__))
        # What remains wrong is EUCLEAN too, but with a report.
        if code and (code != -errno.EUCLEAN or report.sound):
            raise failure(code, self.path)
        return report

    # ---- bytes in and out, for the kinds

    def _encode(self, value: Data) -> bytes:
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            if self._text:
                return value.encode()
            raise TypeError(f"{self.path}: its type is {self.type!r}: "
                            "bytes are needed, not str")
        return memoryview(value).tobytes()

    def _decode(self, buffer: Buffer, raw: bool) -> Value:
        view = buffer.view[:buffer.raw.size]
        if raw or not self._text:
            return view.tobytes()
        # Nothing that was taken may be lost, whatever its bytes are.
        return str(view, "utf-8", "surrogateescape")

    def _borrow(self) -> Buffer:
        try:
            return self._buffers.pop()
        except IndexError:
            return Buffer()

    def _give_back(self, buffer: Buffer) -> None:
        if len(buffer.view) <= MOST:
            self._buffers.append(buffer)

    def _fill(self, buffer: Buffer, call: Callable[[Any], int]) -> int:
        """Make a call again until the buffer is large enough."""
        code = call(buffer.raw)
        while code == -errno.EMSGSIZE:
            buffer.grow()
            code = call(buffer.raw)
        return code


def stat_of(raw: RawStat) -> Stat:
    same = {name: getattr(raw, name) for name in (
        "capacity", "count", "bytes", "message_size", "key_size", "memory",
        "memory_max", "pushed", "popped", "redelivered", "reclaimed",
        "recovered", "clients", "clients_max", "waiters", "format")}
    names = {number: name for name, number in WRITERS.items()}
    return Stat(kind=text_of(raw.kind.contents.name), type=text_of(raw.type),
                writers=names.get(raw.writers),
                fixed=bool(raw.flags & FIXED),
                spsc=bool(raw.flags & SPSC),
                relaxed=bool(raw.flags & RELAXED),
                rank_bound=raw.rank_bound,
                reliable=bool(raw.flags & RELIABLE), readers=raw.readers,
                created=raw.created.seconds(), **same)


def client_of(raw: RawClient) -> Client:
    return Client(raw.id, bool(raw.alive), raw.pid, raw.claims,
                  bool(raw.waiting), raw.since.seconds())
