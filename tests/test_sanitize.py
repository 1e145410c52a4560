"""The C drivers once more, built with AddressSanitizer and UBSan.

scripts/test builds build/sanitize. A driver that a sanitizer complains about
exits with a failure and says "==PID==ERROR" or "runtime error" on standard
error: drivers.py takes each of these for a failed test.
"""

import os
import subprocess
import sys

import pytest

from drivers import BUILD, ROOT

SANITIZE = ROOT / "build" / "sanitize"


def environment(leaks):
    return os.environ | {
        "AGORA_BUILD": str(SANITIZE),
        "ASAN_OPTIONS":
            f"detect_leaks={leaks}:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


@pytest.mark.skipif(BUILD == SANITIZE, reason="this is the sanitizers' run")
@pytest.mark.timeout(600)
# Drivers that are killed and kill leave their books to the end of a process.
@pytest.mark.parametrize("folder, leaks", [("lib", 1), ("crash", 0), ("race", 0)])
def test_drivers_pass_under_address_and_undefined_sanitizer(folder, leaks):
    if not list((ROOT / "tests" / folder).glob("test_*.py")):
        pytest.skip(f"no tests in tests/{folder}")
    assert (SANITIZE / "build.ninja").exists(), "scripts/test builds it"
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--tb=short", f"tests/{folder}"],
        cwd=ROOT, env=environment(leaks), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-8000:]
