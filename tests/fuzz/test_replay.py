"""Inputs that the fuzzer found are run again, by the library as it is."""

import pathlib
import sys

import drivers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fuzz  # noqa: E402


def test_inputs_that_were_found_are_survived(tmp_path):
    replay = drivers.driver_path("fuzz-replay")
    inputs = fuzz.unpack(tmp_path)
    assert len(inputs) > 100
    status, output, errors = drivers.run_program([replay, tmp_path], 110)
    assert (status, output, errors) == (0, "", "")
