"""References through the mounted tree: lines that name values."""

import errno
import pathlib

import pytest


@pytest.fixture
def jobs(mount, native):
    """p/jobs.queue, of references."""
    mount.out("mkdir -p p")
    native(mount).create("p/jobs.queue", type="utf8/reference")
    return pathlib.Path(mount.path("p/jobs.queue"))


def test_references_are_written_and_shown_a_line_each(mount, jobs):
    lines = "p/mode.string@3\np/prices.table#a%20b@17\n"
    jobs.write_text(lines)
    assert jobs.read_text() == lines
    assert mount.out("cat p/.jobs.queue/pop") == "p/mode.string@3\n"


@pytest.mark.parametrize("line", ["no reference", "", "p/x.table#a b", "p/x@1"])
def test_a_line_that_is_none_is_refused(mount, jobs, line):
    with pytest.raises(OSError) as error:
        jobs.write_text(line + "\n")
    assert error.value.errno == errno.EBADMSG
    assert jobs.read_text() == ""
