"""The structs that processes share keep their sizes and offsets."""

from compiler import INCLUDE, compile_c
from drivers import ROOT


def test_shared_structs_have_the_layout_of_the_format():
    compile_c("-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror",
              "-fsyntax-only", f"-I{INCLUDE}", f"-I{ROOT / 'lib'}",
              ROOT / "tests" / "abi" / "layout.c")
