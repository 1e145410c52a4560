"""Others scribble on a segment, or cut its file, while it is used: attack.c."""

import random

import pytest

import drivers

SANITIZED = "sanitize" in str(drivers.BUILD)
ROUNDS = 100 if SANITIZED else 1000
FAMILIES = [*range(7), "p/many.string", "p/one.string", "p/strict.heap",
            "p/relaxed.heap", "p/many.log", "p/fixed.log", "p/one.log",
            "p/slots.log"]


@pytest.mark.timeout(350)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", ["scribble", "cut"])
def test_who_uses_an_attacked_segment_gets_errors_and_lives(how, family):
    seed = random.randrange(1 << 32)
    status, output, errors = drivers.run_program(
        [drivers.driver_path("fuzz-attack"), how, str(family), str(ROUNDS),
         str(seed)], 300)
    assert (status, output, errors) == (0, "", ""), f"seed {seed}"
