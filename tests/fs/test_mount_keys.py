"""Any bytes are keys, and each key has one path in the folder.

Keys whose name would be too long for a file are in folders of the folder.
"""

import errno
import os
import random

import pytest

SPECIAL = [
    b"", b".", b"..", b"...", b".hidden", b"/", b"a/b", b"\0", b"\n", b"\\",
    b"\\e", b"\\+", b"\xff", "é".encode(), b" ", b"-rf", b"*", b"~",
]
LONG = [
    b"k" * 256, b"k" * 257, b"k" * 1000, b"/" * 64, b"\xff" * 500,
    b"k" * 253 + b"/..", b"k" * 253 + b"...", b"k" * 252 + "語".encode() + b"k",
    b"k" * 250 + b"\n\n\n", b"k" * 4096, b"\xe8\xaa" * 2048,
]


@pytest.fixture
def keys(mount, native):
    """The mount with empty tables p/k.table and p/copy.table of bytes."""
    n = native(mount)
    for name in ("k", "copy"):
        n.create(f"p/{name}.table", key_size=4096, capacity=4096)
    mount.n = n
    mount.handle = n.open("p/k.table")
    mount.copy = n.open("p/copy.table")
    return mount


def files_of(folder):
    """All files below a folder, by their path in it, with their contents."""
    found = {}
    for here, _, names, fd in os.fwalk(os.fsencode(folder)):
        for name in names:
            with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as file:
                path = os.path.join(here, name)
                found[os.path.relpath(path, os.fsencode(folder))] = file.read()
    return found


def has(keys, handle, key, value):
    try:
        return keys.n.get(handle, key) == value
    except FileNotFoundError:
        return False


def fill(keys, some):
    for key in some:
        keys.n.put(keys.handle, key, b"value of " + key[:20])


def test_every_key_is_one_file_with_its_value(keys):
    fill(keys, SPECIAL + LONG)
    found = files_of(keys.path("p/k"))
    assert sorted(found.values()) == sorted(
        b"value of " + key[:20] for key in SPECIAL + LONG)
    assert rb"\e" in found and b"k" * 253 + rb"\+/kkk" in found


@pytest.mark.parametrize("command", [
    r"cp -r p/k/. p/copy/",
    r"tar -C p/k -cf - . | tar -C p/copy -xf -",
    r"cp -rp p/k/. p/copy/",
    r"rsync -r --inplace p/k/ p/copy/",
    r"cp p/k.table p/copy.table",
])
def test_tools_copy_all_keys_from_table_to_table(keys, command):
    if command.startswith("rsync") and keys.run("which rsync").status:
        pytest.skip("no rsync")
    some = SPECIAL + [key for key in LONG if len(key) <= 1000]
    fill(keys, some)
    keys.out(command)
    for key in some:
        assert has(keys, keys.copy, key, b"value of " + key[:20]), key
    assert keys.out("cmp p/k.table p/copy.table") == ""


def test_keys_go_through_a_disk_and_come_back(keys, tmp_path):
    some = SPECIAL + [key for key in LONG if len(key) <= 1000]
    fill(keys, some)
    keys.out(f"cp -r p/k {tmp_path}/; cp -r {tmp_path}/k/. p/copy/")
    assert files_of(tmp_path / "k") == files_of(keys.path("p/copy"))
    assert keys.out("cmp p/k.table p/copy.table") == ""


def test_many_random_keys_are_found_under_their_names(keys):
    rng = random.Random(4)
    alphabet = [b"a", b"/", b".", b"\\", b"\xff", "é".encode(), b"\0", b"+"]
    some = {b"".join(rng.choices(alphabet, k=rng.choice([1, 9, 60, 300])))
            for _ in range(300)}
    fill(keys, some)
    found = files_of(keys.path("p/k"))
    assert len(found) == len(some)
    for path in found:
        os.unlink(os.path.join(os.fsencode(keys.path("p/k")), path))
    assert keys.out("cat p/k.table; ls -A p/k") == ""


def test_a_long_key_is_read_written_and_removed(keys):
    folder = keys.path("p/k") + "/" + "k" * 253 + r"\+"
    path = os.path.join(folder, "kkk")
    with open(path, "wb") as file:
        file.write(b"one")
    assert keys.n.get(keys.handle, b"k" * 256) == b"one"
    assert os.stat(path).st_size == 3
    keys.n.put(keys.handle, b"k" * 256, b"longer")
    assert (os.stat(path).st_size, open(path, "rb").read()) == (6, b"longer")
    assert os.listdir(folder) == ["kkk"]
    with pytest.raises(OSError) as error:
        os.rmdir(folder)
    assert error.value.errno == errno.ENOTEMPTY
    os.unlink(path)
    assert not os.path.exists(path)
    os.rmdir(folder)
    assert os.listdir(keys.path("p/k")) == []


def test_a_folder_of_keys_is_always_there_and_listed_when_it_has_one(keys):
    folder = keys.path("p/k") + "/" + "k" * 253 + r"\+"
    assert os.path.isdir(folder) and os.listdir(folder) == []
    assert os.listdir(keys.path("p/k")) == []
    with pytest.raises(FileExistsError):
        os.mkdir(folder)
    fill(keys, [b"k" * 300, b"k" * 301, b"k" * 900])
    assert os.listdir(keys.path("p/k")) == ["k" * 253 + r"\+"]
    assert sorted(os.listdir(folder)) == sorted(
        ["k" * 47, "k" * 48, "k" * 253 + r"\+"])


def test_folders_that_begin_alike_have_their_own_keys(keys):
    """Where a name is cut depends on what follows."""
    fill(keys, [b"k" * 250 + b"\xff\xff", b"k" * 256])
    assert sorted(os.listdir(keys.path("p/k"))) == sorted(
        ["k" * 250 + r"\+", "k" * 253 + r"\+"])
    assert os.listdir(keys.path("p/k") + "/" + "k" * 250 + r"\+") == [r"\xFF\xFF"]
    assert os.listdir(keys.path("p/k") + "/" + "k" * 253 + r"\+") == ["kkk"]


def test_find_and_rm_go_through_all_of_them(keys):
    some = SPECIAL + [key for key in LONG if len(key) <= 1000]
    fill(keys, some)
    assert keys.out("find p/k -type f | wc -l") == f"{len(some)}\n"
    keys.out("rm -r p/k/*  p/k/.h* p/k/...")
    assert keys.out("cat p/k.table") == ""
    fill(keys, some)
    keys.out("rm -r p")
    assert not os.path.exists(keys.path("p"))


@pytest.mark.parametrize("name", [
    r"short\+", r"\+", "k" * 249 + r"\+", "k" * 254 + r"\+",
    "k" * 253 + r"\+/kk", "k" * 253 + r"\+/\e", "k" * 251 + r"\+/kkkkk",
    r"\x61", r"\x2f", r"\ee", "a\\", r"\q",
], ids=range(12))
def test_a_name_that_is_not_the_one_of_its_key_is_none(keys, name):
    path = keys.path(f"p/k/{name}")
    fill(keys, [b"a", b"/", b"k" * 255, b"k" * 253, b"k" * 256])
    with pytest.raises(OSError) as error:
        os.lstat(path)
    assert error.value.errno in (errno.ENOENT, errno.ENAMETOOLONG)
    with pytest.raises(OSError) as error:
        open(path, "w")
    assert error.value.errno in (errno.EINVAL, errno.ENAMETOOLONG)


def test_a_name_longer_than_a_key_may_be_is_too_long(mount, native):
    native(mount).create("p/s.table", type="utf8", key_size=8)
    mount.out("echo x > p/s/12345678")
    assert "too long" in mount.err("echo x > p/s/123456789")
    assert "No such file" in mount.err(f"ls 'p/s/{'k' * 253}\\+'")
    assert mount.out("ls p/s") == "12345678\n"


def test_a_key_made_by_mknod_has_an_empty_value(keys):
    os.mknod(keys.path("p/k/made"), 0o644)
    assert keys.n.get(keys.handle, b"made") == b""


def test_who_may_look_may_look_into_folders_of_keys(keys):
    fill(keys, [b"k" * 300])
    folder = "p/k/" + "k" * 253 + r"\\+"
    keys.out("chmod 755 p; chmod 640 p/k.table")
    assert "Permission denied" in keys.err(f"ls {folder}", user=1234)
    keys.out("chmod 644 p/k.table")
    assert keys.out(f"ls {folder}", user=1234) == "k" * 47 + "\n"
    assert "Permission denied" in keys.err(f"touch {folder}/new", user=1234)
