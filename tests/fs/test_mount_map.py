"""A map and a set in the mounted tree: sorted, a file for each key."""

import errno
import os

import pytest


@pytest.fixture
def map(mount):
    """The mount, with the map p/m.map of type utf8."""
    mount.out("touch p/m.map")
    return mount


@pytest.fixture
def set(mount):
    """The mount, with the set p/s.set of type utf8."""
    mount.out("touch p/s.set")
    return mount


# ---- a map ------------------------------------------------------------------


def test_a_map_is_a_sorted_file_of_entries(map):
    map.out(r"printf 'b\t2\na\t1\nc\t3 3\n' > p/m.map")
    assert map.out("cat p/m.map") == "a\t1\nb\t2\nc\t3 3\n"
    map.out(r"printf 'b\ttwo\n' >> p/m.map")
    assert map.out("cat p/m.map") == "a\t1\nb\ttwo\nc\t3 3\n"
    assert os.stat(map.path("p/m.map")).st_size == 16


def test_a_map_opens_as_a_folder_of_values(map):
    map.out("echo 1 > p/m/a; echo 2 > p/m/b; echo more >> p/m/a; touch p/m/c")
    assert map.out("cat p/m.map") == "a\t1\\nmore\nb\t2\nc\t\n"
    assert map.out("ls p/m; cat p/m/a") == "a\nb\nc\n1\nmore\n"
    map.out("rm p/m/a")
    assert map.out("cat p/m.map") == "b\t2\nc\t\n"
    assert sorted(os.listdir(map.path("p"))) == [".program", "m", "m.map"]


def test_keys_of_a_map_are_sorted_by_their_bytes(map, native):
    n = native(map)
    n.create("p/r.map", key_size=4096)
    handle = n.open("p/r.map")
    keys = [b"", b"A", b"a", b"a\0", b"ab", b"b", b"k" * 300, b"k" * 301,
            b"\xff", b"\xff\xff"]
    for key in reversed(keys):
        n.put(handle, key, b"v")
    lines = map.run("cut -f1 p/r.map").bytes.split(b"\n")[:-1]
    assert lines == [b"", b"A", b"a", b"a\\x00", b"ab", b"b", b"k" * 300,
                     b"k" * 301, b"\\xFF", b"\\xFF\\xFF"]
    assert map.out("find p/r -type f | wc -l") == f"{len(keys)}\n"
    folder = map.path("p/r") + "/" + "k" * 253 + r"\+"
    assert sorted(os.listdir(folder)) == ["k" * 47, "k" * 48]


def test_folders_of_long_keys_that_interleave_are_listed_once(map, native):
    n = native(map)
    n.create("p/r.map", key_size=4096)
    handle = n.open("p/r.map")
    for end in (b"\x01", b"a", b"b", b"\xff"):
        for tail in (b"1", b"2"):
            n.put(handle, b"k" * 250 + end * 6 + tail, b"v")
    names = os.listdir(map.path("p/r"))
    assert sorted(names) == sorted(["k" * 250 + r"\+",
                                    "k" * 250 + r"aaa\+",
                                    "k" * 250 + r"bbb\+"])
    assert sorted(os.listdir(map.path("p/r/" + "k" * 250 + r"\+"))) == sorted(
        [r"\x01" * 6 + "1", r"\x01" * 6 + "2", r"\xFF" * 6 + "1",
         r"\xFF" * 6 + "2"])


def test_many_keys_of_a_map_are_listed_and_read_in_order(map, native):
    n = native(map)
    handle = n.open("p/m.map")
    for i in range(20000):
        n.put(handle, b"key%05d" % (i * 7919 % 20000), b"value")
    assert map.out("cut -f1 p/m.map") == "".join(
        f"key{i:05}\n" for i in range(20000))
    assert len(os.listdir(map.path("p/m"))) == 20000


def test_a_bad_line_of_a_map_is_refused(map):
    assert "Bad message" in map.err(r"printf 'a\t1\nno tab\n' > p/m.map")
    assert map.out("cat p/m.map; cut -f3 p/.m.map/errors") == "a\t1\n6\n"


def test_a_map_is_described_by_its_own_words(map):
    map.out("echo v > p/m/key")
    stat = dict(line.split("\t") for line in
                map.out("cat p/.m.map/stat").splitlines())
    assert (stat["kind"], stat["keys"], stat["bytes"]) == ("map", "1", "4")
    assert not {"depth", "version", "pushed", "order", "spsc"} & stat.keys()
    assert sorted(os.listdir(map.path("p/.m.map"))) == [
        "errors", "holders", "stat"]
    assert os.getxattr(map.path("p/m.map"), "user.agora.key-size") == b"512"


def test_a_table_and_a_map_cannot_share_a_folder(map):
    with pytest.raises(FileExistsError):
        os.close(os.open(map.path("p/m.table"), os.O_CREAT | os.O_WRONLY))
    with pytest.raises(FileExistsError):
        os.close(os.open(map.path("p/m.set"), os.O_CREAT | os.O_WRONLY))


# ---- a set ------------------------------------------------------------------


def test_touch_adds_rm_deletes_and_test_tells(set):
    assert set.out("[ -e p/s/bob ] || echo no") == "no\n"
    set.out("touch p/s/bob p/s/alice")
    assert set.out("[ -e p/s/bob ] && echo yes; ls p/s") == "yes\nalice\nbob\n"
    assert set.out("cat p/s.set") == "alice\nbob\n"
    set.out("rm p/s/bob")
    assert set.out("[ -e p/s/bob ] || cat p/s.set") == "alice\n"
    assert "No such file" in set.err("rm p/s/bob")


def test_a_member_is_an_empty_file(set):
    set.out("touch p/s/bob; : > p/s/eve")
    for name in ("bob", "eve"):
        assert os.stat(set.path(f"p/s/{name}")).st_size == 0
        assert set.out(f"cat p/s/{name}") == ""


@pytest.mark.parametrize("command", [
    "/bin/echo x > p/s/new", "/bin/echo x >> p/s/old", "truncate -s 3 p/s/old",
    "cp /etc/hostname p/s/new"])
def test_a_member_cannot_be_written_to(set, command):
    set.out("touch p/s/old")
    assert "not supported" in set.err(command)
    assert set.out("cat p/s.set") == "old\n"


def test_a_line_that_is_written_adds_a_member(set):
    set.out(r"printf 'b\na\nb\ntab\\there\n\n' > p/s.set")
    assert set.out("cat p/s.set") == "\na\nb\ntab\\there\n"
    assert sorted(os.listdir(set.path("p/s"))) == sorted(
        ["a", "b", r"tab\there", r"\e"])
    assert os.stat(set.path("p/s.set")).st_size == 15
    assert "Bad message" in set.err(r"printf 'ok\nb\\q\n' > p/s.set")
    assert set.out("cut -f3 p/.s.set/errors; grep -c ok p/s.set") == "1\n1\n"


def test_a_set_is_copied_as_a_folder_and_as_a_file(set, tmp_path):
    set.out("touch p/c.set p/d.set; seq 100 | sed 's|$|/x|' > p/s.set; "
            "cp p/s.set p/c.set; cp -r p/s/. p/d/")
    for copy in ("c", "d"):
        assert set.out(f"cmp p/s.set p/{copy}.set; wc -l < p/{copy}.set") == (
            "100\n")


def test_members_fit_the_type_of_the_set(set, native):
    assert "Bad message" in set.err(r"printf 'a\\xFF\n' > p/s.set")
    with pytest.raises(OSError) as error:
        os.close(os.open(set.path(r"p/s/\xFF"), os.O_CREAT | os.O_WRONLY))
    assert error.value.errno == errno.EBADMSG
    assert set.out("cat p/s.set") == ""
    native(set).create("p/b.set")
    set.out(r"touch 'p/b/\xFF'; printf 'a\\xFE\n' > p/b.set")
    assert set.out("cat p/b.set") == "a\\xFE\n\\xFF\n"


def test_what_is_added_natively_shows_at_once(set, native):
    n = native(set)
    handle = n.open("p/s.set")
    for i in range(20):
        n.put(handle, b"m%d" % i, b"")
        assert os.path.exists(set.path(f"p/s/m{i}"))
        n.call("agora_object_delete", handle, b"m%d" % i, 2 + (i > 9))
        assert not os.path.exists(set.path(f"p/s/m{i}"))


def test_a_set_is_described_by_its_own_words(set):
    set.out("touch p/s/four")
    stat = dict(line.split("\t") for line in
                set.out("cat p/.s.set/stat").splitlines())
    assert (stat["kind"], stat["keys"], stat["bytes"]) == ("set", "1", "4")
    assert not {"value-size", "message-size", "depth"} & stat.keys()
    names = {name.removeprefix("user.agora.")
             for name in os.listxattr(set.path("p/s.set"))}
    assert {"key-size", "capacity"} <= names
    assert not {"value-size", "message-size", "spsc", "order"} & names
