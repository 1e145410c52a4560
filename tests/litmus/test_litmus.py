"""The memory orderings of the library are enough, and none is there in vain.

A litmus test is a protocol cut down to a few accesses of two or three
threads. GenMC, where it is installed, explores each execution that the C11
memory model (RC11) and the models of the processors (IMM) allow. Each
ordering in UNLESS() is then taken away, and an error must be found.
"""

import re
import shutil
import subprocess

import pytest

from drivers import ROOT

TESTS = sorted((ROOT / "tests" / "litmus").glob("*.c"))
CHECKER = "genmc"
MODELS = ["--rc11", "--imm"]

needs_checker = pytest.mark.skipif(
    shutil.which(CHECKER) is None, reason=f"{CHECKER} is not installed")
# Most take a second, the table's last ones half a minute.
patient = pytest.mark.timeout(600)


def cases(test):
    number = re.search(r"^#define CASES (\d+)", test.read_text(), re.M)
    return range(int(number.group(1)) if number else 1)


def orderings(test):
    return sorted(set(re.findall(r"(?:UNLESS\(|IS_SET\(WEAKEN_)(\w+)",
                                 test.read_text())))


def is_sound(test, model, *defines):
    """Explore all executions; False when one of them breaks an assertion."""
    output = subprocess.run(
        [CHECKER, model, "--disable-estimation", "--", *defines, test],
        capture_output=True, text=True, timeout=300)
    text = output.stdout + output.stderr
    sound = "No errors were detected" in text
    # Anything but these two is a failure of the checker.
    assert sound or re.search("Safety violation|race", text), text
    assert sound == (output.returncode == 0), text
    return sound


@needs_checker
@patient
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("test, case", [
    pytest.param(test, case, id=f"{test.stem}-{case}")
    for test in TESTS for case in cases(test)])
def test_no_execution_breaks_the_protocol(test, case, model):
    assert is_sound(test, model, f"-DCASE={case}")


@needs_checker
@patient
@pytest.mark.parametrize("test, name", [
    pytest.param(test, name, id=f"{test.stem}-{name}")
    for test in TESTS for name in orderings(test)])
def test_without_the_ordering_an_error_is_found(test, name):
    assert not all(is_sound(test, "--rc11", f"-DCASE={case}", f"-DWEAKEN_{name}")
                   for case in cases(test))


def test_each_litmus_test_has_a_control():
    assert all(orderings(test) for test in TESTS)


@pytest.mark.parametrize("test, case", [
    pytest.param(test, case, id=f"{test.stem}-{case}")
    for test in TESTS for case in cases(test)])
def test_the_protocol_holds_on_this_machine(tmp_path, test, case):
    program = tmp_path / test.stem
    subprocess.run(
        ["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
         "-Werror", "-pthread", "-DROUNDS=2000", f"-DCASE={case}",
         "-o", program, test], check=True, timeout=100)
    subprocess.run([program], check=True, timeout=100)
