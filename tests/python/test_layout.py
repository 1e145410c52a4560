"""The structures in Python are those of the C headers."""

import ctypes
import subprocess

import pytest

from compiler import compile_with_library

from agora import _library

STRUCTS = {
    "agora_kind": _library.Kind, "agora_options": _library.Options,
    "agora_stat": _library.Stat, "agora_client": _library.Client,
    "agora_check": _library.Check, "agora_buffer": _library.Buffer,
    "agora_message": _library.Message, "agora_wait": _library.Wait,
    "agora_reservation": _library.Reservation,
    "agora_program_options": _library.ProgramOptions,
    "agora_program_info": _library.ProgramInfo,
    "agora_event": _library.Event, "agora_range": _library.Range,
    "agora_entry": _library.Entry,
    "agora_reference": _library.RawReference,
    "agora_type_error": _library.TypeError_,
    "agora_type_field": _library.TypeField,
}

CONSTANTS = {
    "AGORA_READ": _library.READ, "AGORA_WRITE": _library.WRITE,
    "AGORA_CREATE": _library.CREATE, "AGORA_CHECK": _library.CHECK,
    "AGORA_EXCLUSIVE": _library.EXCLUSIVE, "AGORA_SEQUENCE":
    _library.SEQUENCE, "AGORA_KEYED": _library.KEYED,
    "AGORA_READABLE": _library.READABLE, "AGORA_WRITABLE":
    _library.WRITABLE, "AGORA_ADVANCED": _library.ADVANCED,
}


def lines_of_c():
    for name, struct in STRUCTS.items():
        yield f'printf("{name} %zu\\n", sizeof(struct {name}));'
        for field, *_ in struct._fields_:
            member = f"((struct {name} *)0)->{field}"
            yield (f'printf("{name}.{field} %zu %zu\\n", '
                   f'(size_t)&{member}, sizeof({member}));')
    for name in CONSTANTS:
        yield f'printf("{name} %d\\n", (int){name});'


def lines_of_python():
    for name, struct in STRUCTS.items():
        yield f"{name} {ctypes.sizeof(struct)}"
        for field, *_ in struct._fields_:
            place = getattr(struct, field)
            yield f"{name}.{field} {place.offset} {place.size}"
    for name, value in CONSTANTS.items():
        yield f"{name} {value}"


def test_structures_are_those_of_the_headers(tmp_path):
    source = tmp_path / "layout.c"
    source.write_text("#include <agora/agora.h>\n#include <stdio.h>\n"
                      "int main(void)\n{\n" + "\n".join(lines_of_c()) +
                      "\nreturn 0;\n}\n")
    compile_with_library(source, tmp_path / "layout")
    result = subprocess.run([tmp_path / "layout"], capture_output=True,
                            text=True, timeout=60)
    assert result.stdout.splitlines() == list(lines_of_python())


@pytest.mark.parametrize("name", sorted(_library.FUNCTIONS))
def test_function_takes_what_its_header_says(name, headers):
    """As many arguments as in the prototype."""
    _, *arguments = _library.FUNCTIONS[name]
    assert headers[f"agora_{name}"] == len(arguments)


@pytest.fixture(scope="module")
def headers():
    import re

    from drivers import ROOT
    found = {}
    for path in (ROOT / "include" / "agora").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        # A function that is passed is one argument.
        text = re.sub(r"\(\*(\w+)\)\([^()]*\)", r"\1", text)
        for name, inside in re.findall(r"\b(agora_\w+)\(([^)]*)\)", text):
            found[name] = 0 if inside.strip() == "void" else (
                inside.count(",") + 1)
    return found
