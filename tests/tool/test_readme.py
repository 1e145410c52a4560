"""The tour of the README does what the README says."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from drivers import BUILD, ROOT

README = (ROOT / "README.md").read_text()


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```$", README,
                     re.DOTALL | re.MULTILINE).group(1)


@pytest.fixture
def leftovers(tmp_path):
    """What a tour leaves; taken away afterwards, so that it harms nobody."""
    spaces = pathlib.Path("/dev/shm")
    before = set(spaces.glob("tour-*"))

    def find():
        return [*tmp_path.iterdir(), *set(spaces.glob("tour-*")) - before]

    yield find
    for tree in tmp_path.glob("*/tree"):
        subprocess.run(["umount", "--lazy", tree], stderr=subprocess.DEVNULL)
    for path in find():
        shutil.rmtree(path)


@pytest.mark.timeout(100)
def test_tour_prints_what_the_readme_shows(tmp_path, leftovers):
    # What the tests run is built already.
    tour = block("sh").replace("scripts/setup && scripts/build\n", "", 1)
    tour = tour.replace("$top/build", str(BUILD))
    result = subprocess.run(
        ["bash", "-u"], input=tour, cwd=ROOT, text=True, timeout=90,
        capture_output=True, env=os.environ | {"TMPDIR": str(tmp_path)})
    lines = [line for line in result.stdout.splitlines()
             if not re.search(r"\b(sound|clean)\b", line)]
    assert "\n".join(lines) + "\n" == block("text"), result.stderr
    assert re.sub(r".*Killed.*\n", "", result.stderr) == ""
    assert leftovers() == []


def test_readme_names_only_what_is_there():
    named = re.findall(r"\]\(([\w./-]+)\)", README)
    named += re.findall(r"^\| `([\w./]+)` \|", README, re.MULTILINE)
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]
