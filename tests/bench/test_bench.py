"""The benchmark itself works: in a tiny form, and nothing is timed here."""

import json
import os
import subprocess

import pytest

from drivers import ROOT

BENCH = ROOT / "scripts" / "bench"
TINY = ["--as-is", "--repeat", "1", "--seconds", "0.01", "--kills", "12"]


def bench(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300)


@pytest.fixture(scope="module", autouse=True)
def built():
    """Whether the benchmark was built, which scripts/test does."""
    if not (ROOT / "build" / "bench" / "build.ninja").exists():
        pytest.fail("build/bench is missing: scripts/test builds it")


two_cpus = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2,
                              reason="one CPU, two are measured")


def listed():
    result = bench("--list", "--as-is")
    assert result.returncode == 0, result.stderr
    return [line.split("\t") for line in result.stdout.splitlines()]


@two_cpus
@pytest.mark.timeout(300)
def test_every_row_of_agora_yields_plausible_figures(tmp_path):
    file = tmp_path / "bench.json"
    result = bench("--peer", "agora", "--peer", "floor", "--json", file, *TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "failed:" not in result.stdout
    data = json.loads(file.read_text())
    assert data["failed"] == []
    measured = {(f["workload"], f["row"]) for f in data["figures"]}
    wanted = {(w, row) for w, _, row in listed()
              if row.startswith("agora") and w != "-"}
    assert wanted and wanted <= measured
    for figure in data["figures"]:
        assert figure["low"] <= figure["median"] <= figure["high"]
        harm = figure["workload"] == "W9" and figure["unit"] == ""
        assert figure["median"] == 0 if harm else figure["median"] > 0, figure
        for value in figure["values"]:
            assert value["hop"] > 0
            assert value["regime"] in ("near", "far")


@two_cpus
def test_the_goals_are_judged_beside_the_floor():
    result = bench("W4", "--peer", "agora queue", "--peer", "floor", *TINY)
    assert result.returncode == 0, result.stderr
    goal = [line for line in result.stdout.splitlines()
            if "W4 agora queue fixed: under 3 x" in line]
    assert goal and goal[0].split()[0] in ("yes", "no")
    assert "x the floor" in goal[0]


def test_a_peer_that_is_missing_is_named():
    """Whatever is installed here: each driver is listed, or said to lack."""
    table = ROOT / "build" / "bench" / "tests" / "bench" / "drivers.txt"
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    shown = bench("--list", "--as-is").stdout
    for driver, state, title in rows:
        if state == "ready":
            assert (table.parent / driver).exists()
        else:
            assert f"{title}: {state}" in shown


@pytest.mark.parametrize("arguments, named", [
    (["W77"], "W77"),
    (["--peer", "nobody"], "nobody"),
    (["--record"], "--count"),
    (["--frob"], "--frob"),
])
def test_a_wrong_word_is_refused(arguments, named):
    result = bench("--as-is", *arguments)
    assert result.returncode == 2
    assert named in result.stderr


def test_help_has_examples():
    result = bench("--help")
    assert result.returncode == 0
    assert "scripts/bench --quick" in result.stdout
