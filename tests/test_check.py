"""The sources keep to the rules that can be checked without running them."""

import subprocess

from drivers import ROOT


def complaints(*arguments):
    result = subprocess.run(
        [ROOT / "scripts" / arguments[0], *arguments[1:]], cwd=ROOT,
        capture_output=True, text=True, timeout=100)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def test_every_memory_ordering_names_its_partner():
    sources = sorted((ROOT / "lib").rglob("*.[ch]"))
    assert sources
    assert complaints("check-order", *sources) == ""


def test_layers_and_sizes_are_kept():
    assert complaints("check-shape") == ""


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
