"""The C drivers once more, built with AddressSanitizer, UBSan, and TSan.

scripts/test builds build/sanitize and build/thread. A driver that a sanitizer
complains about exits with a failure and says "==PID==ERROR", "runtime error"
or "WARNING: ThreadSanitizer" on standard error: drivers.py takes each of these
for a failed test.
"""

import faulthandler
import os
import subprocess
import sys

import pytest

from drivers import BUILD, ROOT, run_program

SANITIZE = ROOT / "build" / "sanitize"
THREAD = ROOT / "build" / "thread"
TESTS = ROOT / "tests"

# test_step.py kills at single instructions: those of a sanitizer say nothing
# about the library, and there are too many of them. test_stop.py passes where
# the tests that kill pass. The fuzzer has its own.
FOLDERS = ("lib", "crash", "race", "fuzz")
FILES = [str(path.relative_to(TESTS)) for folder in FOLDERS
         for path in sorted((TESTS / folder).glob("test_*.py"))
         if path.name not in ("test_step.py", "test_stop.py", "test_fuzz.py")]


# ThreadSanitizer sees nothing of other processes: what has threads. It puts
# signals off until a call it knows, and a futex is none: not EINTR.
THREAD_FILES = ["lib/test_alive.py", "lib/test_queue_wait.py",
                "race/test_table.py", "race/test_threads.py"]


def run_file(file, build, options, *arguments):
    """Run a test file with the drivers of another build."""
    assert (build / "build.ninja").exists(), "scripts/test builds it"
    faulthandler.cancel_dump_traceback_later()  # its time is not ours
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--tb=short", *arguments, f"tests/{file}"],
        cwd=ROOT, env=os.environ | {"AGORA_BUILD": str(build)} | options,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-8000:]


@pytest.mark.skipif(BUILD != ROOT / "build", reason="this is a sanitizer's run")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", FILES)
def test_drivers_pass_under_address_and_undefined_sanitizer(file):
    # Drivers that are killed leave their books to the end of the process.
    leaks = int(file.startswith("lib"))
    # Each step once; all pairs of steps are for the build without.
    run_file(file, SANITIZE, {
        "ASAN_OPTIONS":
            f"detect_leaks={leaks}:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }, "-k", "not recoverer_may_be_killed")


@pytest.mark.skipif(BUILD != ROOT / "build", reason="this is a sanitizer's run")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", THREAD_FILES)
def test_threads_have_no_data_race(file):
    run_file(file, THREAD, {"TSAN_OPTIONS": "halt_on_error=1"},
             "-k", "not a_signal_ends and not is_killed")


@pytest.mark.parametrize("weak, test", [
    ("cell", "each_with_a_handle_on_a_queue"),
    ("claim", "each_with_a_handle_on_a_queue_of_fixed_messages"),
    ("free", "all_with_one_handle_on_a_queue"),
    ("free", "all_with_one_handle_on_a_table"),
    ("link", "each_with_a_handle_on_a_table"),
    ("kick", "who_is_kicked_sees_what_the_kicker_did"),
    ("bag", "each_with_a_handle_on_a_stack"),
    ("bag", "each_with_a_handle_on_a_list"),
    ("heap", "each_with_a_handle_on_a_heap"),
    ("string", "each_with_a_handle_on_a_string"),
    ("string_one", "all_with_the_handle_of_the_only_writer_of_a_string"),
])
def test_an_ordering_made_relaxed_is_a_data_race_that_is_found(weak, test):
    program = THREAD / "tests" / f"race-threads-weak-{weak}"
    environment = os.environ | {"TSAN_OPTIONS": "halt_on_error=1"}
    errors = ""
    # It shows in most runs, not in all.
    for _ in range(20):
        status, _, errors = run_program([program, test], 60, environment)
        if "ThreadSanitizer: data race" in errors:
            break
    assert "ThreadSanitizer: data race" in errors
    assert status != 0
