"""A table in the mounted tree: the file, and the folder of its keys."""

import errno
import os
import time

import pytest


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def table(mount):
    """The mount, with the table p/t.table of type utf8."""
    mount.out("touch p/t.table")
    return mount


@pytest.fixture
def raw(mount, native):
    """A table p/r.table of type bytes and a native handle: (put, get)."""
    n = native(mount)
    n.create("p/r.table", key_size=1000)
    handle = n.open("p/r.table")

    def put(key, value):
        n.put(handle, key, value)

    def get(key):
        return n.get(handle, key)

    put.get, put.mount = get, mount
    return put


def test_lines_written_are_entries_and_are_shown_sorted(table):
    table.out(r"printf 'b\t2\na\t1\nc\t3 3\n' > p/t.table")
    assert table.out("cat p/t.table") == "a\t1\nb\t2\nc\t3 3\n"
    table.out(r"printf 'b\ttwo\n' >> p/t.table")
    assert table.out("cat p/t.table") == "a\t1\nb\ttwo\nc\t3 3\n"


def test_keys_are_sorted_by_their_bytes(raw):
    for key in (b"b", b"a\xff", b"a", b"", b"A", b"ab"):
        raw(key, b"")
    assert raw.mount.run("cut -f1 p/r.table").bytes == (
        b"\nA\na\nab\na\\xFF\nb\n")


def test_unprintable_bytes_are_escaped_and_come_back(raw):
    key, value = b"k\t\n\\\x01\xff", b"\x00v\r\xc3\xa9"
    raw(key, value)
    line = raw.mount.run("cat p/r.table").bytes
    assert line == b"k\\t\\n\\\\\\x01\\xFF\t\\x00v\\r\xc3\xa9\n"
    raw(key, b"")
    raw.mount.out("cat > p/r.table", input=line)
    assert raw.get(key) == value


def test_a_bad_line_is_refused_and_those_before_it_stand(table):
    fd = os.open(table.path("p/t.table"), os.O_WRONLY)
    data = b"a\t1\nno tab\nb\t2\n"
    assert os.write(fd, data) == 4
    for rest, offset in ((b"no tab\nb\t2\n", 6), (b"x\\y\tz\n", 1),
                         (b"k\tb\xff\n", 3)):
        with pytest.raises(OSError) as error:
            os.write(fd, rest)
        assert error.value.errno == errno.EBADMSG
        line = table.out("tail -1 p/.t.table/errors")
        assert int(line.split("\t")[2]) == offset
    os.close(fd)
    assert table.out("cat p/t.table") == "a\t1\n"


def test_the_folder_has_a_file_for_each_key(table):
    table.out(r"printf 'b\t2\na\t1\n' > p/t.table")
    assert sorted(os.listdir(table.path("p/t"))) == ["a", "b"]
    assert table.out("cat p/t/a; head p/t/b") == "1\n2\n"
    assert sorted(os.listdir(table.path("p"))) == [".program", "t", "t.table"]


def test_a_value_is_what_was_written_between_open_and_close(table):
    table.out("echo 1 > p/t/a; cat p/t/a; cat p/t.table") == "1\na\t1\n"
    fd = os.open(table.path("p/t/a"), os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"half ")
    assert table.out("cat p/t/a") == "1\n"
    os.write(fd, b"and half\n")
    os.close(fd)
    assert table.out("cat p/t/a") == "half and half\n"
    assert os.stat(table.path("p/t/a")).st_size == 14


def test_one_newline_at_the_end_of_text_is_dropped(table, native):
    table.out(r"printf 'x\n\n' > p/t/a; printf y > p/t/b")
    n = native(table)
    handle = n.open("p/t.table")
    assert (n.get(handle, b"a"), n.get(handle, b"b")) == (b"x\n", b"y")
    assert table.out("cat p/t/a") == "x\n\n"


def test_values_of_bytes_are_as_they_are(raw):
    raw(b"k", b"x\n")
    assert raw.mount.out("cat p/r/k") == "x\n"
    data = os.urandom(1 << 20)
    raw.mount.run("cat > p/r/k", input=data)
    assert raw.get(b"k") == data
    assert raw.mount.run("cat p/r/k").bytes == data
    assert os.stat(raw.mount.path("p/r/k")).st_size == 1 << 20


def test_a_value_too_large_is_refused_and_the_old_one_stays(raw):
    raw(b"k", b"old")
    done = raw.mount.run("head -c 2000000 /dev/zero > p/r/k")
    assert "Message too long" in done.err
    assert raw.get(b"k") == b"old"


def test_a_value_that_cannot_be_text_is_refused_when_written(table):
    assert "Bad message" in table.err(r"printf 'x\xffyyyy' > p/t/a")
    assert table.out("cat p/t.table") == ""


def test_a_value_that_is_no_text_is_refused_on_close(table):
    fd = os.open(table.path("p/t/a"), os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"x\xff")
    with pytest.raises(OSError) as error:
        os.close(fd)
    assert error.value.errno == errno.EBADMSG
    assert table.out("cat p/t.table") == ""
    assert "\t1\tvalue does not fit" in table.out("cat p/.t.table/errors")


def test_appending_and_writing_in_place_change_the_value(table):
    table.out("echo abc > p/t/k; echo def >> p/t/k")
    assert table.out("cat p/t/k") == "abc\ndef\n"
    table.out("printf X | dd of=p/t/k bs=1 seek=1 conv=notrunc 2>/dev/null")
    assert table.out("cat p/t/k") == "aXc\ndef\n"
    table.out("truncate -s 2 p/t/k")
    assert table.out("cat p/t/k") == "aX\n"


def test_touch_and_an_empty_redirection_make_an_empty_value(table, native):
    n = native(table)
    handle = n.open("p/t.table")
    table.out("touch p/t/a; : > p/t/b; echo full > p/t/c; : > p/t/c")
    assert [n.get(handle, key) for key in (b"a", b"b", b"c")] == [b""] * 3
    table.out("echo full > p/t/c; touch p/t/c")
    assert n.get(handle, b"c") == b"full"


def test_a_new_value_is_never_seen_empty(table, native):
    n = native(table)
    handle = n.open("p/t.table")
    writer = table.start_command(
        "for i in $(seq 300); do echo value > p/t/$i; done")
    for i in range(1, 301):
        key = str(i).encode()
        while True:
            try:
                assert n.get(handle, key) == b"value"
                break
            except FileNotFoundError:
                assert writer.poll() in (None, 0)
    assert writer.wait(5) == 0


def test_rm_deletes_a_key(table):
    table.out("echo 1 > p/t/a; echo 2 > p/t/b; rm p/t/a")
    assert table.out("cat p/t.table") == "b\t2\n"
    assert "No such file" in table.err("rm p/t/a")
    assert "No such file" in table.err("cat p/t/a")


def test_a_key_deleted_natively_is_gone_at_once(raw, native):
    n = native(raw.mount)
    handle = n.open("p/r.table")
    for _ in range(20):
        raw(b"k", b"x")
        assert raw.mount.out("cat p/r/k") == "x"
        n.call("agora_object_delete", handle, b"k", 1)
        assert not os.path.exists(raw.mount.path("p/r/k"))


@pytest.mark.parametrize("key, name", [
    (b"a/b", r"a\x2Fb"),
    (b".", r"\x2E"),
    (b"..", r"\x2E."),
    (b".hidden", ".hidden"),
    (b"new\nline", r"new\nline"),
    (b"\0", r"\x00"),
    (b"back\\slash", r"back\\slash"),
    ("é日".encode(), "é日"),
    (b"\xff", r"\xFF"),
    (b" ", " "),
    (b"", r"\e"),
    pytest.param(b"x" * 255, "x" * 255, id="long"),
])
def test_each_key_has_a_name_that_leads_back_to_it(raw, key, name):
    raw(key, b"one")
    assert os.listdir(raw.mount.path("p/r")) == [name]
    path = raw.mount.path(f"p/r/{name}")
    with open(path, "rb") as file:
        assert file.read() == b"one"
    with open(path, "wb") as file:
        file.write(b"two")
    assert raw.get(key) == b"two"
    os.unlink(path)
    with pytest.raises(FileNotFoundError):
        raw.get(key)


@pytest.mark.parametrize("name", [r"\x61", "a\\", r"\q", "tab\there"])
def test_names_that_are_no_key_are_refused(table, name):
    with pytest.raises(FileNotFoundError):
        open(table.path(f"p/t/{name}"))
    with pytest.raises(OSError) as error:
        open(table.path(f"p/t/{name}"), "w")
    assert error.value.errno == errno.EINVAL


def test_keys_are_not_renamed_nor_linked(table):
    table.out("echo 1 > p/t/a")
    assert "not supported" in table.err("mv p/t/a p/t/b")
    assert "not permitted" in table.err("ln p/t/a p/t/b")
    assert table.out("cat p/t.table") == "a\t1\n"


def test_a_table_of_one_writer_is_busy_for_others(mount, native):
    n = native(mount)
    n.create("p/one.table", writers=2)
    handle = n.open("p/one.table")
    n.put(handle, b"k", b"v")
    assert mount.out("cat p/one.table") == "k\tv\n"
    assert "busy" in mount.err(r"printf 'a\tb\n' > p/one.table")
    assert "busy" in mount.err("rm p/one/k")


def test_a_full_table_says_so(mount, native):
    native(mount).create("p/s.table", type="utf8", capacity=2)
    said = mount.err("seq 20000 | sed 's/$/\tx/' > p/s.table")
    assert "No space left" in said
    assert "No space left" in mount.err("/bin/echo x > p/s/new")


def test_many_keys_are_listed_and_read(raw, native):
    n = native(raw.mount)
    handle = n.open("p/r.table")
    for i in range(20000):
        n.put(handle, b"key%d" % i, b"value%d" % i)
    names = os.listdir(raw.mount.path("p/r"))
    assert sorted(names) == sorted(f"key{i}" for i in range(20000))
    lines = raw.mount.out("cat p/r.table").splitlines()
    assert lines == sorted(f"key{i}\tvalue{i}" for i in range(20000))
    assert raw.mount.out("cat p/r/key777") == "value777"


def test_the_size_shown_is_that_of_what_is_read(raw):
    raw(b"a\xff", b"\n")
    raw(b"b", b"")
    shown = raw.mount.run("cat p/r.table").bytes
    assert os.stat(raw.mount.path("p/r.table")).st_size == len(shown)


def test_a_table_has_no_files_to_take_from(table):
    assert sorted(os.listdir(table.path("p/.t.table"))) == [
        "errors", "holders", "stat"]
    assert table.out("head -1 p/.t.table/stat") == "kind\ttable\n"


def test_the_folder_goes_with_the_table(table):
    table.out("echo 1 > p/t/a; mv p/t.table p/u.table")
    assert sorted(os.listdir(table.path("p"))) == [".program", "u", "u.table"]
    assert table.out("cat p/u/a") == "1\n"
    table.out("rm p/u.table")
    assert not os.path.exists(table.path("p/u"))
