"""Compiles C against the library that was built."""

import subprocess

from drivers import BUILD, ROOT

INCLUDE = ROOT / "include"


def compile_c(*arguments, compiler="gcc"):
    """Run the compiler; what it complains about fails the test."""
    result = subprocess.run(
        [compiler, *map(str, arguments)],
        capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr


def compile_with_library(source, program, *more):
    """Link a program to the library in the build directory."""
    lib = BUILD / "lib"
    compile_c("-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
              f"-I{INCLUDE}", source, *more, f"-L{lib}", "-lagora",
              f"-Wl,-rpath,{lib}", "-o", program)
