"""What the map, the headers and the shared library offer is the same."""

import re
import subprocess

from compiler import INCLUDE, compile_c
from drivers import BUILD, ROOT

MAP = ROOT / "lib" / "agora.map"
LIBRARY = BUILD / "lib" / "libagora.so"


def in_map():
    text = MAP.read_text()
    exported = re.search(r"global:(.*?)local:", text, re.DOTALL).group(1)
    return set(re.findall(r"\bagora_\w+", exported))


def in_headers(tmp_path):
    """Names of functions, as the compiler understands the headers."""
    source = tmp_path / "all.c"
    source.write_text("#include <agora/agora.h>\n")
    preprocessed = tmp_path / "all.i"
    compile_c("-std=c11", "-E", "-P", f"-I{INCLUDE}", source, "-o",
              preprocessed)
    return set(re.findall(r"\b(agora_\w+)\s*\(", preprocessed.read_text()))


def nm(*options):
    result = subprocess.run(["nm", *options, LIBRARY], check=True,
                            capture_output=True, text=True, timeout=60)
    return [line.split() for line in result.stdout.splitlines()]


def test_map_lists_what_headers_declare(tmp_path):
    assert in_map() == in_headers(tmp_path)


def test_library_exports_what_the_map_lists_and_nothing_else():
    symbols = nm("-D", "--defined-only")
    assert {name.split("@")[0] for _, kind, name in symbols
            if kind != "A"} == in_map()
    assert all(name.endswith("@@AGORA_0.1") for _, kind, name in symbols
               if kind != "A")


def test_map_is_sorted():
    names = re.findall(r"\bagora_\w+", MAP.read_text())
    assert names == sorted(names)


def test_library_needs_no_atomics_library():
    undefined = {line[-1] for line in nm("-D", "--undefined-only")}
    assert not {name for name in undefined if "__atomic" in name}
    needed = subprocess.run(["readelf", "-d", LIBRARY], check=True,
                            capture_output=True, text=True).stdout
    assert "libatomic" not in needed


def test_library_neither_prints_nor_exits():
    undefined = {line[-1].split("@")[0] for line in nm("-D", "--undefined-only")}
    assert undefined.isdisjoint({
        "printf", "puts", "putchar", "perror", "vprintf", "exit", "_exit",
        "stdout", "stderr", "warn", "err", "__printf_chk", "__fprintf_chk"})
