"""The fuzzer of types runs for a moment: see types.c."""

import faulthandler
import pathlib
import random
import re
import sys

import pytest

import drivers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fuzzer  # noqa: E402

RUNS = 20000


@pytest.mark.timeout(900)
def test_no_type_value_or_json_breaks_what_must_hold(tmp_path):
    faulthandler.cancel_dump_traceback_later()  # its time is not ours
    command, corpus = fuzzer.build_types(tmp_path)
    seed = random.randrange(1, 1 << 32)
    status, _, errors = drivers.run_program(
        [*command, f"-runs={RUNS}", f"-seed={seed}",
         f"-artifact_prefix={tmp_path}/", corpus], 800)
    assert status == 0, f"seed {seed}\n{errors[-8000:]}"
    executed = re.search(r"executed_units: *(\d+)", errors)
    assert int(executed.group(1)) >= RUNS
