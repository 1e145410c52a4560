"""The C drivers once more, built with AddressSanitizer and UBSan.

scripts/test builds build/sanitize. A driver that a sanitizer complains about
exits with a failure and says "==PID==ERROR" or "runtime error" on standard
error: drivers.py takes each of these for a failed test.
"""

import faulthandler
import os
import subprocess
import sys

import pytest

from drivers import BUILD, ROOT

SANITIZE = ROOT / "build" / "sanitize"
TESTS = ROOT / "tests"

# test_step.py kills at single instructions: those of a sanitizer say nothing
# about the library, and there are too many of them. The fuzzer has its own.
FOLDERS = ("lib", "crash", "race", "fuzz")
FILES = [str(path.relative_to(TESTS)) for folder in FOLDERS
         for path in sorted((TESTS / folder).glob("test_*.py"))
         if path.name not in ("test_step.py", "test_fuzz.py")]


def environment(file):
    # Drivers that are killed leave their books to the end of the process.
    leaks = int(file.startswith("lib"))
    return os.environ | {
        "AGORA_BUILD": str(SANITIZE),
        "ASAN_OPTIONS":
            f"detect_leaks={leaks}:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


@pytest.mark.skipif(BUILD == SANITIZE, reason="this is the sanitizers' run")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", FILES)
def test_drivers_pass_under_address_and_undefined_sanitizer(file):
    assert (SANITIZE / "build.ninja").exists(), "scripts/test builds it"
    faulthandler.cancel_dump_traceback_later()  # its time is not ours
    # Each step once; all pairs of steps are for the build without.
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--tb=short", "-k", "not recoverer_may_be_killed", f"tests/{file}"],
        cwd=ROOT, env=environment(file), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-8000:]
