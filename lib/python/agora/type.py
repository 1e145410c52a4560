"""Types of messages and values: what fits them, and what they hold.

    >>> tick = agora.Type("struct{u64 ts; f64 bid, ask; char sym[8];}")
    >>> tick.unpack(tick.pack({"ts": 1, "bid": 1.5, "ask": 2, "sym": "A"}))
    {'ts': 1, 'bid': 1.5, 'ask': 2.0, 'sym': 'A'}
"""

from __future__ import annotations

import ctypes
import errno
import json
import math
import struct
from ctypes import byref, c_uint
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from ._library import TypeError_ as RawError
from ._library import TypeField as RawField
from ._library import TypeHandle, TypeSetHandle
from ._library import bytes_of, failure, lib, output, text_of
from .object import Buffer

MAX = 1024

#: Characters of the module struct, which are also those of numpy.
CODES = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "u8": "B",
         "u16": "H", "u32": "I", "u64": "Q", "f32": "f", "f64": "d"}

VIEWS = {1: "bytes", 2: "lines", 3: "json"}

Bytes = Union[bytes, bytearray, memoryview]


class TypeMismatch(ValueError):
    """A text is no type, or a value does not fit one.

    offset, line and column are of the first byte that is wrong, in what was
    given; lines and columns count from 1.
    """

    def __init__(self, raw: RawError) -> None:
        self.reason = text_of(raw.reason)
        self.offset: int = raw.offset
        self.line: int = raw.line
        self.column: int = raw.column
        super().__init__(f"{self.line}:{self.column}: {self.reason}")


@dataclass(frozen=True)
class Field:
    """A field of a struct."""

    name: str
    type: str  #: "u64", ..., "char", or "struct"
    offset: int  #: in the struct that it is a field of
    size: int  #: of one element
    count: tuple[int, ...]  #: elements in each dimension; () of no array
    fields: tuple["Field", ...] = ()  #: of a struct

    @property
    def length(self) -> int:
        """The bytes of a text, which take the last dimension."""
        return self.count[-1] if self.count else 1

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions of an array, of numbers, structs or texts."""
        return self.count[:-1] if self.type == "char" else self.count


def check(result: int, raw: RawError, name: str) -> None:
    """Raise what a result of the library says."""
    if result in (-errno.EINVAL, -errno.EBADMSG):
        raise TypeMismatch(raw)
    if result < 0:
        raise failure(result, name)


class Types:
    """What programs declare that paths mean.

    >>> types = agora.Types({"utf8/order-id": "^[A-Z]{3}-[0-9]+$"})
    >>> types.type("utf8/order-id").fits(b"ABC-1")
    True
    """

    def __init__(self, meanings: Optional[dict[str, str]] = None) -> None:
        self._handle = TypeSetHandle()
        check(lib.agora_type_set_open(output(self._handle)), RawError(), "")
        for path, meaning in (meanings or {}).items():
            self.add(path, meaning)

    def add(self, path: str, meaning: str) -> None:
        """Declare a path: see agora_type_set_add()."""
        error = RawError()
        check(lib.agora_type_set_add(self._handle, bytes_of(path),
                                     bytes_of(meaning), byref(error)),
              error, path)

    def type(self, text: str) -> "Type":
        """A type, with what is declared here."""
        return Type(text, self)


class Type:
    """A type that was parsed."""

    def __init__(self, text: str, types: Optional[Types] = None) -> None:
        error = RawError()
        self._types = types  # which the C object points to
        self._handle = TypeHandle()
        check(lib.agora_type_open(
            bytes_of(text), types._handle if types else None,
            output(self._handle), byref(error)), error, text)
        self.text = text_of(lib.agora_type_text(self._handle))
        self.size: Optional[int] = lib.agora_type_size(self._handle) or None
        self.view = VIEWS[lib.agora_type_view(self._handle)]
        self.fields = self._fields()
        self._plain = not any(map(has_floats, self.fields))

    def __repr__(self) -> str:
        return f"agora.Type({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    # ---- relations ----

    def is_a(self, other: Union["Type", str]) -> bool:
        """Whether each value of it is one of another type."""
        result = lib.agora_type_is_a(bytes_of(self.text),
                                     bytes_of(str(other)))
        if result < 0:
            raise failure(result, str(other))
        return bool(result)

    def parents(self) -> list[str]:
        """The more general types, up to "bytes"."""
        found: list[str] = []
        room = ctypes.create_string_buffer(bytes_of(self.text), MAX)
        while not lib.agora_type_parent(room.value, room):
            found.append(text_of(room.value))
        return found

    def parts(self) -> list[str]:
        """The alternatives of A|B; of others it is one."""
        found: list[str] = []
        room = ctypes.create_string_buffer(MAX)
        while not lib.agora_type_part(bytes_of(self.text),
                                      c_uint(len(found)), room):
            found.append(text_of(room.value))
        return found

    # ---- values ----

    def validate(self, value: Bytes) -> None:
        """Raise TypeMismatch unless bytes are a value."""
        error, data = RawError(), bytes(value)
        check(lib.agora_type_validate(self._handle, data, len(data),
                                      byref(error)), error, self.text)

    def fits(self, value: Bytes) -> bool:
        """Whether bytes are a value."""
        try:
            self.validate(value)
        except TypeMismatch:
            return False
        return True

    def json(self, value: Bytes) -> str:
        """A value as one line of JSON: see agora_type_print()."""
        data = bytes(value)
        self.validate(data)
        return self._read(lambda raw: lib.agora_type_print(
            self._handle, data, len(data), raw)).decode()

    def parse(self, text: Union[str, bytes]) -> bytes:
        """The value that JSON stands for: see agora_type_scan()."""
        data = text.encode() if isinstance(text, str) else bytes(text)
        error = RawError()
        return self._read(lambda raw: lib.agora_type_scan(
            self._handle, data, len(data), raw, byref(error)), error)

    def unpack(self, value: Bytes) -> Any:
        """What a value holds: of a struct a dict.

        Texts are str, with surrogates for what is not UTF-8. Floats of
        structs and of numbers are float; "nan" and "inf" within lists and
        maps are strings, as they are in JSON.
        """
        found = json.loads(self.json(value))
        if self.fields and not self._plain:
            floats_of(self.fields, found)
        scalar = self.text.split("/")[0]
        if scalar in ("f32", "f64"):
            found = to_float(scalar, found)
        return found

    def pack(self, value: Any) -> bytes:
        """The bytes of what unpack() returns; of a text bytes do, too."""
        return self.parse(json.dumps(plain(value)))

    def schema(self) -> str:
        """Lines about it: see agora_type_schema()."""
        return self._read(lambda raw: lib.agora_type_schema(
            self._handle, raw)).decode()

    def _read(self, call: Callable[[Any], int],
              error: Optional[RawError] = None) -> bytes:
        buffer = Buffer()
        result = call(byref(buffer.raw))
        while result == -errno.EMSGSIZE:
            buffer.grow()
            result = call(byref(buffer.raw))
        check(result, error or RawError(), self.text)
        return bytes(buffer.view[:buffer.raw.size])

    # ---- structs ----

    def _fields(self) -> tuple[Field, ...]:
        flat: list[RawField] = []
        raw = RawField()
        while not lib.agora_type_field(self._handle, len(flat), byref(raw)):
            flat.append(raw)
            raw = RawField()
        return tree(flat, 0, 0)

    @property
    def format(self) -> str:
        """The format for the module struct, without alignment of its own.

        Its values come in one flat tuple: numbers, and bytes for char[N].
        """
        if self.fields:
            return "=" + format_of(self.fields, self.size or 0)
        scalar = self.text.split("/")[0]
        if scalar not in CODES:
            raise TypeError(f"{self.text}: neither a struct nor a number")
        return "=" + CODES[scalar]

    @property
    def dtype(self) -> Any:
        """What numpy.dtype() takes, to see messages as an array."""
        if not self.fields:
            return self.format
        return dtype_of(self.fields, self.size or 0)


def tree(flat: list[RawField], depth: int, base: int) -> tuple[Field, ...]:
    """Take the fields of a struct off the front of a flat list."""
    found: list[Field] = []
    while flat and flat[0].depth == depth:
        raw = flat.pop(0)
        inner = tree(flat, depth + 1, raw.offset)
        found.append(Field(
            ctypes.string_at(raw.name, raw.name_size).decode(),
            raw.type.decode(), raw.offset - base, raw.size,
            tuple(raw.count[:raw.dims]), inner))
    return tuple(found)


def has_floats(field: Field) -> bool:
    return field.type in ("f32", "f64") or any(map(has_floats, field.fields))


def to_float(kind: str, value: Any) -> float:
    """The float that JSON has; it may be a word, and nan(0x...) loses bits."""
    if isinstance(value, str) and value.startswith("nan("):
        return math.nan
    number = float(value)
    if kind == "f32":
        number = struct.unpack("=f", struct.pack("=f", number))[0]
    return number


def floats_of(fields: tuple[Field, ...], value: dict[str, Any]) -> None:
    """Make floats of what JSON had for them, in place."""
    for field in fields:
        if has_floats(field):
            value[field.name] = floats_in(field, field.dims,
                                          value[field.name])


def floats_in(field: Field, dims: tuple[int, ...], value: Any) -> Any:
    if dims:
        return [floats_in(field, dims[1:], one) for one in value]
    if field.fields:
        floats_of(field.fields, value)
        return value
    return to_float(field.type, value)


def plain(value: Any) -> Any:
    """What json.dumps() writes as agora reads it."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def format_of(fields: tuple[Field, ...], size: int) -> str:
    text, at = "", 0
    for field in fields:
        text += "x" * (field.offset - at)
        count = math.prod(field.dims)
        if field.fields:
            text += format_of(field.fields, field.size) * count
        elif field.type == "char":
            text += f"{field.length}s" * count
        else:
            text += (str(count) if count > 1 else "") + CODES[field.type]
        at = field.offset + field.size * math.prod(field.count)
    return text + "x" * (size - at)


def dtype_of(fields: tuple[Field, ...], size: int) -> dict[str, Any]:
    formats: list[Any] = []
    for field in fields:
        one: Any = CODES.get(field.type)
        if field.fields:
            one = dtype_of(field.fields, field.size)
        elif field.type == "char":
            one = f"S{field.length}"
        formats.append((one, field.dims) if field.dims else one)
    return {"names": [field.name for field in fields], "formats": formats,
            "offsets": [field.offset for field in fields], "itemsize": size}
