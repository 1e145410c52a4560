"""A string in the mounted tree: the file is the value."""

import ctypes
import errno
import os
import threading

import pytest

from fs.conftest import Buffer, until


class Strings:
    """The mount with p/s.string (utf8) and p/b.string (bytes), natively."""

    def __init__(self, mount, native):
        self.mount, self.native = mount, native(mount)
        mount.out("touch p/s.string")
        self.native.create("p/b.string", message_size=2 << 20)
        self.handles = {name: self.native.open(f"p/{name}.string")
                        for name in "sb"}

    def store(self, value, name="s"):
        self.native.call("agora_object_store", self.handles[name], value,
                         ctypes.c_size_t(len(value)))

    def load(self, name="s", size=4 << 20):
        """(value or None, version)"""
        data = ctypes.create_string_buffer(size)
        buffer = Buffer(ctypes.addressof(data), size)
        try:
            self.native.call("agora_object_load", self.handles[name],
                             ctypes.byref(buffer))
        except FileNotFoundError:
            return None, buffer.version
        return data.raw[:buffer.size], buffer.version


@pytest.fixture
def strings(mount, native):
    return Strings(mount, native)


def test_the_file_is_the_value(strings):
    strings.mount.out("echo on > p/s.string")
    assert strings.load() == (b"on", 1)
    assert strings.mount.out("cat p/s.string") == "on\n"
    strings.store(b"off")
    assert strings.mount.out("cat p/s.string; wc -c < p/s.string") == (
        "off\n4\n")
    assert os.stat(strings.mount.path("p/s.string")).st_size == 4


def test_a_string_without_a_value_is_an_empty_file(strings):
    assert strings.mount.out("cat p/s.string; ls -s p/s.string | wc -l") == "1\n"
    assert os.stat(strings.mount.path("p/s.string")).st_size == 0
    assert strings.load() == (None, 0)
    strings.mount.out("touch p/s.string; : >> p/s.string")
    assert strings.load() == (None, 0)


def test_an_empty_redirection_stores_the_empty_value(strings):
    strings.store(b"full")
    strings.mount.out(": > p/s.string")
    assert strings.load() == (b"", 2)
    assert strings.mount.out("cat p/s.string") == ""


def test_a_value_is_what_was_written_between_open_and_close(strings):
    strings.store(b"old")
    fd = os.open(strings.mount.path("p/s.string"), os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"half ")
    assert strings.load() == (b"old", 1)
    assert strings.mount.out("cat p/s.string") == "old\n"
    os.write(fd, b"and half\n")
    os.close(fd)
    assert strings.load() == (b"half and half", 2)


def test_of_a_writer_that_is_killed_nothing_is_stored(strings):
    strings.store(b"old")
    writer = strings.mount.start_command(
        "{ echo new; read; } > p/s.string", stdin=-1)
    until(lambda: "p/s.string" in " ".join(
        os.readlink(f"/proc/{writer.pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{writer.pid}/fd")))
    writer.kill()
    writer.wait(10)
    strings.mount.out("cat p/.s.string/stat")
    assert strings.load() == (b"old", 1)


def test_bytes_are_as_they_are_whatever_their_size(strings):
    for data in (b"x\n", b"\0", os.urandom(1 << 20)):
        strings.mount.run("cat > p/b.string", input=data)
        assert strings.load("b")[0] == data
        assert strings.mount.run("cat p/b.string").bytes == data
        assert os.stat(strings.mount.path("p/b.string")).st_size == len(data)


def test_appending_makes_a_new_line_of_text_and_goes_on_in_bytes(strings):
    strings.mount.out("for i in 1 2 3; do echo $i >> p/s.string; done")
    assert strings.load() == (b"1\n2\n3", 3)
    assert strings.mount.out("cat p/s.string") == "1\n2\n3\n"
    strings.mount.out(r"printf 'ab' >> p/b.string; printf 'c\n' >> p/b.string")
    assert strings.load("b") == (b"abc\n", 2)


def test_appending_newlines_does_what_it_does_to_a_file(strings, tmp_path):
    for piece in ("a", r"a\n", r"\n", r"\n\n", "", "b", r"\n"):
        for file in ("p/s.string", f"{tmp_path}/f"):
            strings.mount.out(f"printf '{piece}' >> {file}")
        # a file of text ends with a newline
        strings.mount.out(f"sed -i -e '$a\\' {tmp_path}/f; "
                          f"cmp p/s.string {tmp_path}/f")


def test_nothing_is_lost_when_many_append(strings):
    strings.mount.out("for i in $(seq 8); do (for j in $(seq 25); do "
                      "echo line $i $j >> p/s.string; done) & done; wait")
    lines = strings.mount.out("cat p/s.string").splitlines()
    assert sorted(lines) == sorted(
        f"line {i} {j}" for i in range(1, 9) for j in range(1, 26))
    assert strings.load()[1] == 200


def test_writing_in_place_and_truncating_change_the_value(strings):
    strings.store(b"abc\ndef")
    strings.mount.out(
        "printf X | dd of=p/s.string bs=1 seek=1 conv=notrunc 2>/dev/null")
    assert strings.load()[0] == b"aXc\ndef"
    strings.mount.out("truncate -s 2 p/s.string")
    assert strings.load()[0] == b"aX"
    fd = os.open(strings.mount.path("p/s.string"), os.O_RDWR | os.O_APPEND)
    os.write(fd, b"more")
    os.ftruncate(fd, 4)
    os.close(fd)
    assert strings.load()[0] == b"aX\nm"


def test_a_value_too_large_or_no_text_is_refused_and_the_old_one_stays(strings):
    strings.store(b"old")
    assert "Bad message" in strings.mount.err(r"printf 'x\xffyyyy' > p/s.string")
    assert "too long" in strings.mount.err(
        "head -c 3000000 /dev/zero > p/b.string")
    assert strings.load() == (b"old", 1)
    fd = os.open(strings.mount.path("p/s.string"), os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"x\xff")
    with pytest.raises(OSError) as error:
        os.close(fd)
    assert error.value.errno == errno.EBADMSG
    assert strings.load() == (b"old", 1)
    assert "\t1\tvalue does not fit" in strings.mount.out(
        "tail -1 p/.s.string/errors")


def test_a_reader_sees_one_whole_value(strings):
    stop = threading.Event()

    def write():
        i = 0
        while not stop.is_set():
            i += 1
            strings.store(b"%d " % (i % 10) * (1 + i % 3000), "b")

    writer = threading.Thread(target=write)
    strings.store(b"0 ", "b")
    writer.start()
    try:
        for _ in range(300):
            with open(strings.mount.path("p/b.string"), "rb") as file:
                words = set(file.read().split())
            assert len(words) == 1
    finally:
        stop.set()
        writer.join()


def test_a_tap_shows_each_new_value(strings):
    strings.store(b"old")
    tap = strings.mount.start_command("cat p/.s.string/tap")
    until(lambda: "tap" in " ".join(os.readlink(f"/proc/{tap.pid}/fd/{fd}")
                                    for fd in os.listdir(f"/proc/{tap.pid}/fd")))
    for value in (b"one", b"", b"two\nlines"):
        strings.store(value)
        assert tap.stdout.readline() == value.split(b"\n")[0] + b"\n"
    assert tap.stdout.readline() == b"lines\n"


def test_a_tap_of_who_may_only_read_waits_too(strings):
    strings.mount.out("chmod 755 p; chmod 644 p/s.string; echo a > p/s.string")
    tap = strings.mount.start_command("exec head -1 p/.s.string/tap", user=1234)
    until(lambda: any("tap" in os.readlink(f"/proc/{tap.pid}/fd/{fd}")
                      for fd in os.listdir(f"/proc/{tap.pid}/fd")))
    strings.store(b"new")
    assert tap.communicate(timeout=20)[0] == b"new\n"


def test_a_string_has_what_a_value_needs(strings):
    mount = strings.mount
    assert sorted(os.listdir(mount.path("p/.s.string"))) == [
        "errors", "holders", "stat", "tap"]
    assert "s" not in os.listdir(mount.path("p"))
    strings.store(b"four")
    stat = dict(line.split("\t") for line in
                mount.out("cat p/.s.string/stat").splitlines())
    assert (stat["kind"], stat["version"], stat["bytes"]) == ("string", "1", "4")
    assert stat["value-size"] == "1048576" and stat["writers"] == "many"
    assert not {"depth", "keys", "capacity", "pushed", "popped", "fixed",
                "spsc", "readers", "order"} & set(stat)
    names = {name.removeprefix("user.agora.")
             for name in os.listxattr(mount.path("p/s.string"))}
    assert names == {"kind", "type", "value-size", "memory-max", "writers",
                     "format"}


def test_the_only_writer_lets_others_write_after_him(mount, native):
    n = native(mount)
    n.create("p/one.string", type="utf8", writers=2)
    handle = n.open("p/one.string")
    mount.out("echo through the mount > p/one.string")
    n.call("agora_object_store", handle, b"native", ctypes.c_size_t(6))
    assert mount.out("cat p/one.string") == "native\n"
    assert "busy" in mount.err("/bin/echo x > p/one.string")
    n.call("agora_object_yield", handle)
    mount.out("echo x > p/one.string; cat p/one.string") == "x\n"


def test_poll_says_when_a_tap_has_a_value(strings):
    import select
    fd = os.open(strings.mount.path("p/.s.string/tap"),
                 os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert poll.poll(0) == []
    with pytest.raises(BlockingIOError):
        os.read(fd, 100)
    strings.store(b"x")
    assert poll.poll(10000)
    assert os.read(fd, 100) == b"x\n"
    os.close(fd)
