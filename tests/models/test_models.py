"""The protocols of queues, table and bell hold for every interleaving and death.

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
        ["cc", "-O2" if model != "table" else "-O0", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=3000",
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
@pytest.mark.parametrize("model, script", [
    (model, script)
    for model, scripts in {
        "queue": 4, "packet": 4, "spsc": 4, "bell": 3, "table": 4,
        "table_one": 5, "list": 5}.items()
    for script in range(1, scripts + 1)
] + [("heap", 5)])
def test_whoever_dies_whenever_the_protocol_holds(tmp_path, model, script):
    assert search(tmp_path, model, script) == 0


@pytest.mark.parametrize("model, script, fault", [
    ("queue", 3, "HEAD_FIRST"),
    ("queue", 1, "ANNOUNCE_ONCE"),
    ("spsc", 3, "TAIL_FIRST"),
    ("spsc", 4, "HEAD_FIRST"),
    ("spsc", 1, "NO_BASE"),
    ("packet", 1, "NO_SLACK"),
    ("packet", 3, "NO_FREEZE"),
    ("packet", 3, "HEAD_PAST"),
    ("packet", 3, "TAKE_BLIND"),
    ("table", 3, "TWO_STEPS"),
    ("table", 1, "NO_FIND"),
    ("table", 3, "NO_VALIDATION"),
    ("heap", 5, "NO_SETTLE"),
    ("heap", 5, "DONE_FIRST"),
    ("bell", 2, "CLEAR_FIRST"),
    ("bell", 2, "NO_ROUND"),
    ("bell", 1, "LOOK_FIRST"),
    ("bell", 1, "NO_CLOSE"),
    ("bell", 1, "READ_LAST"),
    ("table_one", 2, "NO_LIFE"),
    ("table_one", 5, "NO_HEAD"),
    ("table_one", 1, "PASSED_LATE"),
    ("table_one", 3, "MEND_FORWARD"),
    ("table_one", 4, "NO_FIND"),
    ("table_one", 4, "NO_ADOPT"),
    ("list", 5, "NO_STILL"),
    ("list", 5, "NO_VERSION"),
    ("list", 1, "STATE_LATE"),
    ("list", 1, "NO_CONFIRM"),
    ("list", 3, "PUT_LOST"),
    ("list", 4, "WALK_BLIND"),
])
def test_a_fault_in_the_protocol_is_found(tmp_path, model, script, fault):
    assert search(tmp_path, model, script, fault) == 1
