"""A log in the mounted tree: what was written stays, for all who read."""

import ctypes
import errno
import os
import select

import pytest

from fs.conftest import until

RELIABLE, FIXED = 8, 1


@pytest.fixture
def log(mount):
    """The mount, with the log p/f.log of type utf8."""
    mount.out("touch p/f.log")
    return mount


def is_tapped(process):
    return any("tap" in os.readlink(f"/proc/{process.pid}/fd/{fd}")
               for fd in os.listdir(f"/proc/{process.pid}/fd"))


def test_reading_shows_the_history_from_the_oldest(log):
    log.out("seq 3 > p/f.log; echo more >> p/f.log")
    for _ in range(2):
        assert log.out("cat p/f.log") == "1\n2\n3\nmore\n"
    assert os.stat(log.path("p/f.log")).st_size == 11
    assert log.out("tail -n 2 p/f.log") == "3\nmore\n"


def test_old_records_make_room_and_nobody_waits(log, native):
    native(log).create("p/s.log", type="utf8", capacity=16)
    log.out("seq 1000 > p/s.log")
    lines = log.out("cat p/s.log").splitlines()
    assert lines == [str(i) for i in range(1001 - len(lines), 1001)]
    assert 15 <= len(lines) <= 17


def test_nobody_can_take_from_a_log(log):
    assert sorted(os.listdir(log.path("p/.f.log"))) == [
        "errors", "holders", "put", "stat", "tap"]
    assert "No such file" in log.err("cat p/.f.log/pop")


def test_each_tap_follows_at_a_place_of_its_own(log):
    log.out("echo before > p/f.log")
    taps = [log.start_command("cat p/.f.log/tap") for _ in range(3)]
    until(lambda: all(map(is_tapped, taps)))
    for word in (b"one", b"two", b"three"):
        log.out(f"echo {word.decode()} > p/f.log")
        for tap in taps:
            assert tap.stdout.readline() == word + b"\n"
    assert log.out("cat p/f.log") == "before\none\ntwo\nthree\n"


def test_a_tap_that_is_lapped_is_told_and_goes_on_with_the_oldest(log, native):
    native(log).create("p/s.log", type="utf8", capacity=16)
    fd = os.open(log.path("p/.s.log/tap"), os.O_RDONLY | os.O_NONBLOCK)
    log.out("seq 3 > p/s.log")
    assert os.read(fd, 2) == b"1\n"
    assert os.read(fd, 100) == b"2\n3\n"
    log.out("seq 4 103 > p/s.log")
    with pytest.raises(OSError) as error:
        os.read(fd, 100)
    assert error.value.errno == errno.EPIPE
    lines = os.read(fd, 1000).decode().splitlines()
    assert lines == log.out("cat p/s.log").splitlines()
    when, pid, missed, why = log.out("cat p/.s.log/errors").strip().split("\t")
    assert (int(pid), int(missed)) == (os.getpid(), 100 - len(lines))
    assert why == "messages missed: read too late"
    with pytest.raises(BlockingIOError):
        os.read(fd, 100)
    os.close(fd)


def test_a_tap_that_is_lapped_before_its_first_read_is_told_too(log, native):
    native(log).create("p/s.log", type="utf8", capacity=16)
    log.out("seq 7 > p/s.log")
    fd = os.open(log.path("p/.s.log/tap"), os.O_RDONLY | os.O_NONBLOCK)
    log.out("seq 8 107 > p/s.log")
    with pytest.raises(OSError) as error:
        os.read(fd, 100)
    assert error.value.errno == errno.EPIPE
    lines = os.read(fd, 1000).decode().splitlines()
    assert log.out("cut -f3 p/.s.log/errors") == f"{100 - len(lines)}\n"
    os.close(fd)


def test_what_was_not_missed_comes_before_the_error(log, native):
    native(log).create("p/s.log", type="bytes/line", capacity=16)
    fd = os.open(log.path("p/.s.log/tap"), os.O_RDONLY | os.O_NONBLOCK)
    log.out("printf 'one\\n' > p/s.log")
    got, failed = b"", 0
    log.out("seq 200 > p/s.log")
    for _ in range(4):
        try:
            got += os.read(fd, 1000)
        except OSError as error:
            failed += error.errno == errno.EPIPE
    assert failed == 1
    assert got.decode() == log.out("cat p/s.log")
    os.close(fd)


def test_poll_tells_when_a_tap_has_something(log):
    fd = os.open(log.path("p/.f.log/tap"), os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert poll.poll(0) == []
    log.out("echo x > p/f.log")
    assert poll.poll(10000)
    assert os.read(fd, 100) == b"x\n"
    os.close(fd)


def test_put_appends_one_record_of_any_size(log):
    log.out("{ echo a; echo b; } > p/.f.log/put")
    assert log.out("cat p/f.log") == "a\nb\n"
    assert "depth\t1\n" in log.out("cat p/.f.log/stat")


def test_a_registered_reader_holds_writers_back(log, native):
    n = native(log)
    n.create("p/r.log", type="utf8", capacity=4, flags=RELIABLE)
    handle = n.open("p/r.log")
    cursor = ctypes.c_uint64(0)
    n.call("agora_log_register", handle, ctypes.byref(cursor))
    assert "readers\t1\n" in log.out("cat p/.r.log/stat")
    fd = os.open(log.path("p/r.log"), os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        for i in range(100):
            os.write(fd, b"x\n")
    os.close(fd)
    writer = log.start_command("echo late > p/r.log")
    until(lambda: "r.log" in " ".join(
        os.readlink(f"/proc/{writer.pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{writer.pid}/fd")))
    n.call("agora_log_unregister", handle)
    assert writer.wait(10) == 0
    assert log.out("tail -n1 p/r.log") == "late\n"
    assert "readers\t0\n" in log.out("cat p/.r.log/stat")


def test_a_log_is_described_by_its_own_words(log, native):
    native(log).create("p/o.log", writers=2, message_size=8, flags=FIXED)
    stat = dict(line.split("\t") for line in
                log.out("cat p/.o.log/stat").splitlines())
    assert (stat["writers"], stat["fixed"], stat["reliable"]) == (
        "one", "yes", "no")
    assert not {"popped", "redelivered", "spsc", "order"} & set(stat)
    names = {name.removeprefix("user.agora.")
             for name in os.listxattr(log.path("p/o.log"))}
    assert names == {"kind", "type", "capacity", "message-size", "memory-max",
                     "writers", "reliable", "fixed", "format"}
    assert os.getxattr(log.path("p/o.log"), "user.agora.writers") == b"one"


def test_the_mount_is_one_writer_among_others(log, native):
    n = native(log)
    n.create("p/one.log", type="utf8", writers=2)
    log.out("echo through the mount > p/one.log")
    handle = n.open("p/one.log")
    n.push(handle, b"native")
    assert "busy" in log.err("/bin/echo x > p/one.log")
    n.call("agora_object_yield", handle)
    log.out("echo again > p/one.log")
    assert log.out("cat p/one.log") == "through the mount\nnative\nagain\n"


def test_who_may_only_read_follows_too(log):
    log.out("chmod 755 p; chmod 644 p/f.log")
    tap = log.start_command("exec head -1 p/.f.log/tap", user=1234)
    until(lambda: is_tapped(tap))
    log.out("echo new > p/f.log")
    assert tap.communicate(timeout=20)[0] == b"new\n"


def test_readers_of_the_history_see_whole_records_in_order(log, native):
    native(log).create("p/s.log", type="utf8", capacity=64)
    writer = log.start_command("while :; do seq -w 10000 > p/s.log; done")
    until(lambda: log.out("cat p/s.log"))
    for _ in range(60):
        lines = [int(line) for line in log.out("cat p/s.log").splitlines()]
        assert all(b == a % 10000 + 1 for a, b in zip(lines, lines[1:]))
    assert writer.poll() is None
