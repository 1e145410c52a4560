"""The protocols of queue and table hold for every interleaving and death.

Each script of a model is searched exhaustively, within the bounds that its
head states; each control is a fault that the same search must find.
"""

import re
import shutil
import subprocess

import pytest

from drivers import ROOT

MODELS = ROOT / "tests" / "models"

pytestmark = pytest.mark.skipif(
    shutil.which("spin") is None, reason="spin is not installed"
)


def search(path, model, script, *faults):
    """Search all states; returns how many errors were found (at most 1)."""
    defines = [f"-DSCRIPT={script}", *(f"-D{fault}" for fault in faults)]
    for command in (
        ["spin", "-a", *defines, MODELS / f"{model}.pml"],
        # The table's is long to compile and short to run.
        ["cc", "-O2" if model == "queue" else "-O0", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=3000",
         "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=path, check=True, timeout=100,
                       stdout=subprocess.DEVNULL)
    output = subprocess.run(
        ["./pan", "-n", "-w24", "-m100000"], cwd=path, timeout=280,
        capture_output=True, text=True).stdout
    # What is cut short proves nothing.
    for cut in ("Search not completed", "out of memory", "max search depth"):
        assert faults or cut not in output, output
    return int(re.search(r"errors: (\d+)", output).group(1))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("script", [1, 2, 3, 4])
@pytest.mark.parametrize("model", ["queue", "table"])
def test_whoever_dies_whenever_the_protocol_holds(tmp_path, model, script):
    assert search(tmp_path, model, script) == 0


@pytest.mark.parametrize("model, script, fault", [
    ("queue", 3, "HEAD_FIRST"),
    ("queue", 1, "ANNOUNCE_ONCE"),
    ("table", 3, "TWO_STEPS"),
    ("table", 1, "NO_FIND"),
    ("table", 3, "NO_VALIDATION"),
])
def test_a_fault_in_the_protocol_is_found(tmp_path, model, script, fault):
    assert search(tmp_path, model, script, fault) == 1
