"""The fuzzer runs for a moment, from another place each time: see fuzz.h."""

import faulthandler
import pathlib
import random
import re
import sys

import pytest

import drivers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fuzzer  # noqa: E402

RUNS = 15000


@pytest.mark.timeout(900)
def test_no_segment_crashes_or_hangs_who_opens_it(tmp_path):
    faulthandler.cancel_dump_traceback_later()  # its time is not ours
    program, corpus = tmp_path / "fuzz", tmp_path / "corpus"
    fuzzer.build(program)
    corpus.mkdir()
    fuzzer.unpack(corpus)
    seed = random.randrange(1, 1 << 32)
    status, output, errors = drivers.run_program(
        [program, *fuzzer.OPTIONS, f"-runs={RUNS}", f"-seed={seed}",
         f"-artifact_prefix={tmp_path}/", corpus], 800)
    assert status == 0, f"seed {seed}\n{errors[-8000:]}"
    executed = re.search(r"executed_units: *(\d+)", errors)
    assert int(executed.group(1)) >= RUNS
