"""Types in Python; random structs and values against gcc, struct and json."""

import json
import math
import random
import struct
import subprocess

import pytest

import agora
from compiler import compile_c

NUMBERS = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"]
C_NAMES = {"i8": "int8_t", "i16": "int16_t", "i32": "int32_t",
           "i64": "int64_t", "u8": "uint8_t", "u16": "uint16_t",
           "u32": "uint32_t", "u64": "uint64_t", "f32": "float",
           "f64": "double", "char": "char"}


@pytest.fixture
def seed():
    """Another one each time; a failure shows it."""
    found = random.randrange(1 << 32)
    print("seed", found)
    return random.Random(found)


# ---- random structs ----

def random_struct(dice, depth=0):
    """Fields as (type or fields, name, dimensions)."""
    fields = []
    for number in range(dice.randint(1, 5)):
        dims = [dice.randint(1, 3) for _ in range(dice.choice([0, 0, 0, 1, 2]))]
        kind = dice.choice(NUMBERS + ["char", "char"] +
                           ["struct"] * (2 if depth < 3 else 0))
        if kind == "struct":
            kind = random_struct(dice, depth + 1)
        elif kind == "char":
            dims.append(dice.randint(1, 9))
        fields.append((kind, f"f{number}", dims))
    return fields


def declaration(fields, c=False):
    text = ""
    for kind, name, dims in fields:
        if isinstance(kind, list):
            kind = declaration(kind, c)
        elif c:
            kind = C_NAMES[kind]
        text += f"{kind} {name}" + "".join(f"[{n}]" for n in dims) + "; "
    return "struct{" + text.strip() + "}"


def small_struct(dice):
    """One whose declaration is short enough."""
    while True:
        fields = random_struct(dice)
        if len(declaration(fields)) < 1000:
            return fields


def paths(fields, before=""):
    """C expressions for all fields, as agora lists them."""
    for kind, name, dims in fields:
        path = before + name
        first = path + "[0]" * len(dims)
        yield path, first
        if isinstance(kind, list):
            yield from paths(kind, first + ".")


def flat(fields, base=0):
    for field in fields:
        yield field, base + field.offset
        yield from flat(field.fields, base + field.offset)


def test_structs_are_laid_out_as_gcc_does(seed, tmp_path):
    structs = [small_struct(seed) for _ in range(150)]
    lines = ["#include <stddef.h>", "#include <stdint.h>",
             "#include <stdio.h>", "int main(void)", "{"]
    for number, fields in enumerate(structs):
        name = f"struct s{number}"
        body = declaration(fields, c=True).removeprefix("struct")
        lines.append(f"{name} {body};")
        lines.append(f'printf("%zu\\n", sizeof({name}));')
        for path, first in paths(fields):
            member = f"(({name} *)0)->{first}"
            lines.append(f'printf("%zu %zu\\n", (size_t)&((({name} *)0)->{path}), '
                         f"sizeof({member}));")
    lines += ["return 0;", "}"]
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines))
    compile_c("-std=gnu11", "-w", "-O0", source, "-o", tmp_path / "layout")
    expected = subprocess.run([tmp_path / "layout"], capture_output=True,
                              text=True, timeout=60).stdout.split("\n")
    found = []
    for fields in structs:
        t = agora.Type(declaration(fields))
        found.append(str(t.size))
        found += [f"{at} {field.size}" for field, at in flat(t.fields)]
        assert agora.Type(declaration(fields, c=True)) == t
    assert found == expected[:-1]


# ---- random values ----

def random_number(dice, kind):
    bits = int(kind[1:])
    if kind[0] == "f":
        code = "=f" if bits == 32 else "=d"
        raw = dice.choice([dice.randbytes(bits // 8), struct.pack(
            code, dice.choice([0.0, -0.0, 1.5, 0.1, -1e30, math.inf,
                               -math.inf, math.nan]))])
        return struct.unpack(code, raw)[0]
    low = -(1 << (bits - 1)) if kind[0] == "i" else 0
    high = low + (1 << bits) - 1
    return dice.choice([low, high, dice.randint(low, high), dice.randint(0, 9)])


def random_text(dice, size):
    raw = dice.choice([dice.randbytes(size), "é€\"\\\n".encode() * size,
                       b"plain text"])[:dice.randint(0, size)]
    return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")


def random_value(dice, kind, dims=()):
    if kind == "char" and len(dims) == 1:
        return random_text(dice, dims[0])
    if dims:
        return [random_value(dice, kind, dims[1:]) for _ in range(dims[0])]
    if isinstance(kind, list):
        return {name: random_value(dice, inner, count)
                for inner, name, count in kind}
    return random_number(dice, kind)


def flat_values(value):
    """As the module struct has them."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        return [value.encode("utf-8", "surrogateescape")]
    if isinstance(value, (int, float)):
        return [value]
    return [one for inner in value for one in flat_values(inner)]


def same(one, other):
    """Equal, with NaN equal to itself and -0.0 not to 0.0."""
    if isinstance(one, float):
        return isinstance(other, float) and (
            math.isnan(one) and math.isnan(other) or
            (one, math.copysign(1, one)) == (other, math.copysign(1, other)))
    if isinstance(one, dict):
        return list(one) == list(other) and all(
            same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_values_go_to_bytes_and_back(seed):
    for _ in range(200):
        fields = small_struct(seed)
        t = agora.Type(declaration(fields))
        value = random_value(seed, fields)
        packed = t.pack(value)
        assert len(packed) == t.size
        assert same(t.unpack(packed), value), (t, value)
        # What Python's own module makes of the format.
        assert struct.calcsize(t.format) == t.size
        unpacked = [one.rstrip(b"\0") if isinstance(one, bytes) else one
                    for one in struct.unpack(t.format, packed)]
        assert same(unpacked, flat_values(value))


def test_bytes_go_to_json_and_back(seed):
    """Whatever they are, but for what lies between fields."""
    for _ in range(200):
        fields = small_struct(seed)
        t = agora.Type(declaration(fields))
        raw = seed.randbytes(t.size)
        line = t.json(raw)
        assert "\n" not in line
        assert json.loads(line).keys() == {name for _, name, _ in fields}
        packed = t.parse(line)
        assert t.json(packed) == line
        assert t.parse(json.dumps(json.loads(line))) == packed
        bits = t.format.replace("f", "I").replace("d", "Q")
        assert struct.unpack(bits, packed) == struct.unpack(bits, raw)


def test_json_that_is_changed_is_refused_or_read_as_something(seed):
    for _ in range(300):
        fields = small_struct(seed)
        t = agora.Type(declaration(fields))
        line = bytearray(t.json(seed.randbytes(t.size)).encode())
        for _ in range(seed.randint(1, 4)):
            line[seed.randrange(len(line))] = seed.choice(
                b'{}[]",:0-9ae.\\u\xff\0 ')
        try:
            packed = t.parse(bytes(line))
        except agora.TypeMismatch as error:
            assert error.reason and error.offset <= len(line)
        else:
            assert len(packed) == t.size
            assert t.parse(t.json(packed)) == packed


# ---- what is written in the README of the package ----

def test_a_text_that_is_no_type_says_where():
    with pytest.raises(agora.TypeMismatch) as caught:
        agora.Type("struct{\n  u8 a;\n  int b;\n}")
    assert (caught.value.line, caught.value.column) == (3, 3)
    assert caught.value.reason.startswith("int: fields are")


def test_relations():
    t = agora.Type("utf8/url/https|utf8/url/http")
    assert t.parents() == ["utf8/url", "utf8", "bytes"]
    assert t.parts() == ["utf8/url/https", "utf8/url/http"]
    assert t.is_a("utf8/url") and not t.is_a(agora.Type("utf8/url/https"))


def test_values_that_are_no_structs():
    assert agora.Type("i64").unpack(agora.Type("i64").pack(-5)) == -5
    assert agora.Type("f64").unpack(
        agora.Type("f64").pack(-math.inf)) == -math.inf
    assert agora.Type("utf8").pack("é") == "é".encode()
    lists = agora.Type("map(utf8,list(u16))")
    assert lists.unpack(lists.pack({"b": [1, 2], "a": []})) == {
        "a": [], "b": [1, 2]}
    assert lists.size is None and lists.view == "json"


def test_declared_types():
    types = agora.Types({"bytes/tick": "struct{f64 bid, ask;} "
                                       "where bid <= ask"})
    tick = types.type("bytes/tick")
    assert tick.unpack(tick.pack({"bid": 1, "ask": 2})) == {
        "bid": 1.0, "ask": 2.0}
    with pytest.raises(agora.TypeMismatch, match="not true of it"):
        tick.pack({"bid": 3, "ask": 2})
    with pytest.raises(FileExistsError):
        types.add("bytes/tick", "^x")
    assert [f.name for f in tick.fields] == ["bid", "ask"]


def test_numpy_sees_the_same(seed):
    numpy = pytest.importorskip("numpy")
    for _ in range(50):
        fields = small_struct(seed)
        t = agora.Type(declaration(fields))
        dtype = numpy.dtype(t.dtype)
        assert dtype.itemsize == t.size
        assert [dtype.fields[f.name][1] for f in t.fields] == [
            f.offset for f in t.fields]
