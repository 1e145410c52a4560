#!/usr/bin/python3
"""Segments that an earlier library wrote are read by today's.

golden/FORMAT/NAME.xz holds segment files of each format version. The files
of a new version are written with

    tests/abi/test_golden.py make FORMAT

and stay as they are from then on. Zero pages become holes, so that a file
takes the space it took when it was written.
"""

import lzma
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from compiler import compile_with_library  # noqa: E402

GOLDEN = sorted((HERE / "golden").glob("*/*.xz"))
PAGE = 4096


def build(folder):
    program = pathlib.Path(folder) / "golden"
    compile_with_library(HERE / "golden.c", program,
                         HERE / "golden_kinds.c")
    return program


def unpack(packed, path):
    """Decompress, leaving holes where all is zero."""
    with lzma.open(packed) as source, open(path, "wb") as target:
        while chunk := source.read(PAGE):
            if chunk.count(0) == len(chunk):
                target.seek(len(chunk), 1)
            else:
                target.write(chunk)
        target.truncate()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("golden"))


@pytest.fixture
def space():
    with tempfile.TemporaryDirectory(prefix="agora-golden-",
                                     dir="/dev/shm") as name:
        folder = pathlib.Path(name)
        (folder / "golden").mkdir()
        yield folder


def run(program, *arguments):
    result = subprocess.run([program, *map(str, arguments)], timeout=60,
                            capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("how", ["look", "take"])
@pytest.mark.parametrize(
    "packed", GOLDEN, ids=[f"{p.parent.name}-{p.stem}" for p in GOLDEN])
def test_segment_of_an_earlier_library_is_read(program, space, packed, how):
    unpack(packed, space / "golden" / packed.stem)
    run(program, how, space, f"golden/{packed.stem}")


def test_golden_files_of_all_kinds_are_there():
    assert {p.stem for p in GOLDEN if p.parent.name == "1"} == {
        "any.list", "any.queue", "any.stack", "fixed.queue", "many.log",
        "many.string", "many.table", "one.log", "one.string", "one.table",
        "relaxed.heap", "spsc-any.queue", "spsc-fixed.queue", "strict.heap",
        "x.map", "y.set"}


def test_segments_written_today_are_read_today(program, space):
    (space / "golden").rmdir()
    result = subprocess.run([program, "make", space], timeout=60)
    assert result.returncode == -signal.SIGKILL
    for path in sorted((space / "golden").glob("*.*")):
        if not path.name.startswith("."):
            run(program, "look", space, f"golden/{path.name}")
            run(program, "take", space, f"golden/{path.name}")


def make(version):
    """Write the golden files of a format version."""
    folder = HERE / "golden" / version
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        space = pathlib.Path(name) / "space"
        space.mkdir()
        subprocess.run([build(name), "make", space])
        for path in (space / "golden").glob("[!.]*.*"):
            with lzma.open(folder / (path.name + ".xz"), "wb") as packed:
                packed.write(path.read_bytes())


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "make":
        sys.exit(__doc__)
    make(sys.argv[2])
