"""Inputs that the fuzzer found are run again, by the library as it is."""

import faulthandler
import pathlib
import sys

import pytest

import drivers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fuzzer  # noqa: E402


@pytest.mark.timeout(550)
def test_inputs_that_were_found_are_survived(tmp_path):
    faulthandler.cancel_dump_traceback_later()  # its time is not ours
    replay = drivers.driver_path("fuzz-replay")
    inputs = fuzzer.unpack(tmp_path)
    assert len(inputs) > 100
    status, output, errors = drivers.run_program([replay, tmp_path], 500)
    assert (status, output, errors) == (0, "", "")
