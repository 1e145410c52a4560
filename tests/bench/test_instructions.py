"""Hot paths do not grow unnoticed: their instructions are counted.

The record, instructions.json, is written by "scripts/bench --count --record".
"""

import importlib.util
import pathlib
import shutil

import pytest

from drivers import driver_path


def load_count():
    path = pathlib.Path(__file__).with_name("count.py")
    spec = importlib.util.spec_from_file_location("bench_count", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


count = load_count()


@pytest.fixture(scope="module")
def counts():
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    return count.counted(driver_path("bench-instructions"))


def test_no_hot_path_grew_by_more_than_a_tenth(counts):
    grown = list(count.grown(counts))
    assert not grown, "\n".join([
        *grown, *count.differing_tools(),
        "If that is meant to be: scripts/bench --count --record"])


def test_every_path_that_is_written_is_counted(counts):
    source = pathlib.Path(__file__).with_name("instructions.c").read_text()
    written = {line[len("PATH("):-1] for line in source.splitlines()
               if line.startswith("PATH(")}
    assert written and written == set(counts)


def test_growth_is_noticed(counts):
    assert not list(count.grown(count.kept()["counts"]))
    inflated = {name: value * 1.11
                for name, value in count.kept()["counts"].items()}
    assert len(list(count.grown(inflated))) == len(inflated)
