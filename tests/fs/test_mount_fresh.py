"""What native programs do is seen by the very next call through the mount.

The server keeps directories open, and lets the kernel keep attributes for as
long as a path walk takes: neither may be noticed.
"""

import os
import stat
import sys
import time

import pytest

MODES = [0o600, 0o644] * 10


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def tree(mount, native):
    """The mount, with a queue and a table that has the key k."""
    n = native(mount)
    n.create("p/q.queue", type="utf8")
    n.create("p/t.table", type="utf8")
    n.put(n.open("p/t.table"), b"k", b"v")
    mount.out("cat p/q.queue p/t/k")  # the server has both open
    return mount


def mode_of(status):
    return stat.S_IMODE(status.st_mode)


@pytest.mark.parametrize("name, segment", (
    ("p/q.queue", "p/q.queue"), ("p/t.table", "p/t.table"),
    ("p/t/k", "p/t.table"), ("p/.q.queue/put", "p/q.queue")))
class TestChmod:
    def shown(self, name, mode):
        return mode & 0o222 if name.endswith("put") else mode

    def test_is_seen_by_the_next_stat(self, tree, name, segment):
        for mode in MODES:
            os.stat(tree.path(name))
            os.chmod(tree.space / segment, mode)
            status = os.stat(tree.path(name))
            assert mode_of(status) == self.shown(name, mode)

    def test_is_seen_in_a_file_just_opened(self, tree, name, segment):
        for mode in MODES:
            os.stat(tree.path(name))
            fd = os.open(tree.path(name), os.O_WRONLY)
            os.chmod(tree.space / segment, mode)
            status = os.fstat(fd)
            os.close(fd)
            assert mode_of(status) == self.shown(name, mode)

    def test_is_seen_in_an_open_file_whose_name_was_looked_up(
            self, tree, name, segment):
        fd = os.open(tree.path(name), os.O_WRONLY)
        for mode in MODES:
            os.stat(tree.path(name))
            os.chmod(tree.space / segment, mode)
            assert mode_of(os.fstat(fd)) == self.shown(name, mode)
        os.close(fd)


def test_growth_is_seen_by_the_next_stat(tree, native):
    n = native(tree)
    queue, table = n.open("p/q.queue"), n.open("p/t.table")
    for i in range(1, 21):
        n.push(queue, b"123")
        assert os.stat(tree.path("p/q.queue")).st_size == 4 * i
        n.put(table, b"k", b"x" * i)
        assert os.stat(tree.path("p/t/k")).st_size == i + 1


def test_a_queue_that_grows_long_and_short_again_has_its_size(tree, native):
    n = native(tree)
    queue = n.open("p/q.queue")
    for count in (10, 1000, 10):
        for _ in range(count):
            n.push(queue, b"123")
        for _ in range(3):
            assert os.stat(tree.path("p/q.queue")).st_size == 4 * count
        n.drain(queue)


def test_coming_and_going_is_seen_by_the_next_stat(tree, native):
    n = native(tree)
    for _ in range(20):
        with pytest.raises(FileNotFoundError):
            os.stat(tree.path("p/new.queue"))
        n.create("p/new.queue", type="utf8")
        os.stat(tree.path("p/new.queue"))
        n.remove("p/new.queue")


def test_a_program_in_the_place_of_another_is_the_new_one(tree, native):
    n = native(tree)
    for i in range(5):
        os.stat(tree.path("p/q.queue"))
        os.rename(tree.space / "p", tree.space / f"old{i}")
        n.program("p")
        n.create(f"p/new{i}.queue", type="utf8")
        n.create("p/q.queue", type="utf8")
        # the name of a directory is forgotten when the server hears of it
        until(lambda: os.path.exists(tree.path(f"p/new{i}.queue")))
        assert os.path.exists(tree.path("p/q.queue"))


def test_what_is_removed_is_in_the_directory_that_is_open(tree, native):
    n = native(tree)
    for i in range(5):
        os.stat(tree.path("p/q.queue"))
        directory = os.open(tree.path("p"), os.O_RDONLY)
        os.rename(tree.space / "p", tree.space / f"old{i}")
        n.program("p")
        n.create("p/q.queue", type="utf8")
        os.unlink("q.queue", dir_fd=directory)
        os.close(directory)
        assert not os.path.exists(tree.space / f"old{i}" / "q.queue")
        assert os.path.exists(tree.space / "p" / "q.queue")
        until(lambda: os.path.exists(tree.path("p/q.queue")))


WAITING_WRITER = """
import os, sys, threading
path = sys.argv[1]
os.stat(path)
fd = os.open(path, os.O_WRONLY)
def write():
    try:
        os.write(fd, b"y\\n")
    except OSError:  # its queue was removed
        pass
writer = threading.Thread(target=write, daemon=True)
writer.start()
def waits():
    with open(f"/proc/self/task/{writer.native_id}/stack") as stack:
        return "request_wait_answer" in stack.read()
while not waits():
    pass
"""


@pytest.mark.parametrize("call", (
    "os.stat(path)", "os.chmod(path, 0o600)", "os.utime(path)",
    "os.truncate(path, 0)", "os.close(os.open(path, os.O_WRONLY))",
    "os.rename(path, path + '.queue')", "os.unlink(path)"))
def test_a_writer_that_waits_does_not_hold_up_its_own_process(
        mount, native, call):
    n = native(mount)
    n.create("p/q.queue", type="utf8", capacity=4)
    queue = n.open("p/q.queue")
    with pytest.raises(BlockingIOError):
        while True:
            n.push(queue, b"x")
    code = f"{WAITING_WRITER}{call}\nos._exit(0)\n"
    process = mount.start_command(
        [sys.executable, "-c", code, mount.path("p/q.queue")])
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"", b"")
