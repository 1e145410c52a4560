"""The sources keep to the rules that can be checked without running them."""

import faulthandler
import subprocess

import pytest

from drivers import ROOT


def complaints(*arguments, timeout=100):
    result = subprocess.run(
        [ROOT / "scripts" / arguments[0], *arguments[1:]], cwd=ROOT,
        capture_output=True, text=True, timeout=timeout)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def steps():
    listed = subprocess.run([ROOT / "scripts" / "check", "--list"],
                            capture_output=True, text=True, check=True)
    return listed.stdout.split()


# Of these the first two are tests already, and the third takes minutes.
ELSEWHERE = ("symbols", "threads", "paths")


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "step", [step for step in steps() if step not in ELSEWHERE])
def test_the_sources_pass(step):
    faulthandler.cancel_dump_traceback_later()  # its time is not ours
    assert complaints("check", step, timeout=380) == ""


def test_a_step_or_switch_that_there_is_not_is_refused():
    for name in ("no-such-step", "--no-such-switch"):
        result = subprocess.run([ROOT / "scripts" / "check", "shape", name],
                                capture_output=True, text=True)
        assert result.returncode == 2
        assert name in result.stderr and not result.stdout


def test_what_is_not_documented_is_found(tmp_path):
    header = tmp_path / "agora.h"
    header.write_text(
        "/* agora.h */\n"
        "/** Append a message. Returns 0. */\n"
        "int agora_a_push(int a);\n"
        "int agora_a_pop(\n\tint a);\n"
        "/** The oldest message. Returns 0. */\n"
        "int agora_a_peek(int a);\n"
        "/** Count messages. */\n"
        "int agora_a_count(int a);\n"
        "/** Free it. */\n"
        "void agora_a_free(int a);\n")
    found = complaints("check-headers", header)
    assert len(found.splitlines()) == 3
    assert ":4: agora_a_pop has no /** comment */ directly above" in found
    assert ':7: agora_a_peek begins with "The"' in found
    assert ":9: agora_a_count does not say what it returns" in found


@pytest.mark.parametrize("flaw, checker, word", [
    ("int f(void)\n{\n\tint *p = 0;\n\n\treturn *p;\n}\n", "gcc",
     "dereference of NULL"),
    ("double f(int a);\ndouble f(int a)\n{\n\treturn a / 2 * 4.0;\n}\n",
     "clang-tidy", "bugprone-integer-division"),
])
def test_a_flaw_is_found(tmp_path, flaw, checker, word):
    source = tmp_path / "flaw.c"
    source.write_text(flaw)
    command = ["gcc", "-fanalyzer", "-c", source, "-o", tmp_path / "flaw.o"] \
        if checker == "gcc" else \
        ["clang-tidy-14", f"--config-file={ROOT / '.clang-tidy'}", source, "--"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert word in result.stdout + result.stderr


def test_a_missing_partner_is_found(tmp_path):
    source = tmp_path / "lonely.c"
    source.write_text(
        "/* lonely.c\n *  [T] release here, acquire nowhere. */\n"
        "void f(void)\n{\n"
        "\t/* [T] */\n"
        "\tatomic_store_explicit(&x, 1, memory_order_release);\n"
        "\tatomic_store_explicit(&y, 1, memory_order_release);\n"
        "\tatomic_store(&z, 1);\n}\n")
    found = complaints("check-order", source)
    assert "[T] has no partner" in found
    assert ":7: ordering without a [TAG]" in found
    assert ":8: atomic access without an explicit ordering" in found
