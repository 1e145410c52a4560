"""The examples of lib/python/README.md do what it says."""

import doctest

from drivers import ROOT

README = ROOT / "lib" / "python" / "README.md"


def test_examples_print_what_the_page_shows(root, monkeypatch):
    monkeypatch.setenv("AGORA_SPACE", str(root))
    failed, tried = doctest.testfile(
        str(README), module_relative=False, encoding="utf-8",
        raise_on_error=False)
    assert tried > 40 and failed == 0


def test_page_names_every_module():
    text = README.read_text()
    modules = [path.name for path in (README.parent / "agora").glob("*.py")]
    assert not [name for name in modules
                if name not in text and name != "__init__.py"]


def test_build_installs_every_module():
    text = (README.parent / "meson.build").read_text()
    files = [path.name for path in (README.parent / "agora").iterdir()
             if path.is_file()]
    assert "py.typed" in files
    assert not [name for name in files if f"'agora/{name}'" not in text]
