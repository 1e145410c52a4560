"""A grid of call x case -> errno, for all that is in the tree.

Each row is a call on a path; each column that matters is a kind of node. The
paths stand for: the root, a program, an object, a keyed folder, a key, a dot
folder, files in it, and names that are not there.
"""

import errno
import os

import pytest

OK = 0

NODES = {
    "root": "",
    "readme": "README",
    "program": "p",
    "manifest": "p/.program",
    "queue": "p/q.queue",
    "table": "p/t.table",
    "folder": "p/t",
    "key": "p/t/k",
    "dot": "p/.q.queue",
    "pop": "p/.q.queue/pop",
    "put": "p/.q.queue/put",
    "stat": "p/.q.queue/stat",
    "nothing": "p/none.queue",
    "deep": "none/x.queue",
}


@pytest.fixture
def tree(mount):
    mount.out("touch p/q.queue p/t.table; echo v > p/t/k; mkdir other;"
              "touch other/o.queue")
    return mount


def opened(path, flags):
    os.close(os.open(path, flags | os.O_NONBLOCK, 0o644))


CALLS = {
    "lstat": os.lstat,
    "listdir": os.listdir,
    "read": lambda path: opened(path, os.O_RDONLY),
    "write": lambda path: opened(path, os.O_WRONLY),
    "rdwr": lambda path: opened(path, os.O_RDWR),
    "create": lambda path: opened(path, os.O_WRONLY | os.O_CREAT),
    "excl": lambda path: opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    "mkdir": os.mkdir,
    "rmdir": os.rmdir,
    "unlink": os.unlink,
    "symlink": lambda path: os.symlink("x", path),
    "link": lambda path: os.link(path, path + "2"),
    "mkfifo": os.mkfifo,
    "chmod": lambda path: os.chmod(path, 0o700),
    "chown": lambda path: os.chown(path, 1, 1),
    "utime": lambda path: os.utime(path, (1, 1)),
    "truncate": lambda path: os.truncate(path, 0),
    "statvfs": os.statvfs,
    "listxattr": os.listxattr,
    "setxattr": lambda path: os.setxattr(path, "user.agora.kind", b"x"),
    "setother": lambda path: os.setxattr(path, "user.other", b"x"),
    "rename": lambda path: os.rename(path, path + "2"),
}

E = errno
GRID = {
    #            root        readme     program     manifest    queue
    #            table       folder     key         dot         pop
    #            put         stat       nothing     deep
    "lstat": [OK] * 12 + [E.ENOENT] * 2,
    "listdir": [OK, E.ENOTDIR, OK, E.ENOTDIR, E.ENOTDIR,
                E.ENOTDIR, OK, E.ENOTDIR, OK, E.ENOTDIR,
                E.ENOTDIR, E.ENOTDIR, E.ENOENT, E.ENOENT],
    "read": [OK, OK, OK, OK, OK,
             OK, OK, OK, OK, OK,
             E.EACCES, OK, E.ENOENT, E.ENOENT],
    "write": [E.EISDIR, E.EACCES, E.EISDIR, E.EACCES, OK,
              OK, E.EISDIR, OK, E.EISDIR, E.EACCES,
              OK, E.EACCES, E.ENOENT, E.ENOENT],
    "rdwr": [E.EISDIR, E.EACCES, E.EISDIR, E.EACCES, OK,
             OK, E.EISDIR, OK, E.EISDIR, E.EACCES,
             E.EACCES, E.EACCES, E.ENOENT, E.ENOENT],
    "create": [E.EISDIR, E.EACCES, E.EISDIR, E.EACCES, OK,
               OK, E.EISDIR, OK, E.EISDIR, E.EACCES,
               OK, E.EACCES, OK, E.ENOENT],
    "excl": [E.EEXIST] * 12 + [OK, E.ENOENT],
    "mkdir": [E.EEXIST] * 12 + [E.EPERM, E.ENOENT],
    "rmdir": [E.EBUSY, E.ENOTDIR, E.ENOTEMPTY, E.ENOTDIR, E.ENOTDIR,
              E.ENOTDIR, E.ENOTEMPTY, E.ENOTDIR, E.EPERM, E.ENOTDIR,
              E.ENOTDIR, E.ENOTDIR, E.ENOENT, E.ENOENT],
    "unlink": [E.EISDIR, E.EPERM, E.EISDIR, OK, OK,
               OK, E.EISDIR, OK, E.EISDIR, E.EPERM,
               E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "symlink": [E.EEXIST] * 12 + [E.EPERM, E.ENOENT],
    "link": [None, E.EPERM, E.EPERM, E.EPERM, E.EPERM,
             E.EPERM, E.EPERM, E.EPERM, E.EPERM, E.EPERM,
             E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "mkfifo": [E.EEXIST] * 12 + [E.EPERM, E.ENOENT],
    # The table has that mode and owner by now, and so has its folder.
    "chmod": [OK, E.EPERM, OK, E.EPERM, OK,
              OK, OK, E.EPERM, E.EPERM, E.EPERM,
              E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "chown": [OK, E.EPERM, OK, E.EPERM, OK,
              OK, OK, OK, E.EPERM, E.EPERM,
              E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "utime": [OK, E.EPERM, OK, E.EPERM, OK,
              OK, OK, OK, E.EPERM, E.EPERM,
              E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "truncate": [E.EISDIR, E.EPERM, E.EISDIR, E.EPERM, OK,
                 OK, E.EISDIR, OK, E.EISDIR, E.EPERM,
                 OK, E.EPERM, E.ENOENT, E.ENOENT],
    "statvfs": [OK] * 12 + [E.ENOENT] * 2,
    "listxattr": [OK] * 12 + [E.ENOENT] * 2,
    "setxattr": [E.EPERM] * 12 + [E.ENOENT] * 2,
    "setother": [E.EOPNOTSUPP] * 12 + [E.ENOENT] * 2,
    "rename": [None, E.EPERM, OK, E.EPERM, E.EPERM,
               E.EPERM, E.EPERM, E.EOPNOTSUPP, E.EPERM, E.EPERM,
               E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
}


def outcome(call, *arguments):
    try:
        call(*arguments)
        return OK
    except OSError as error:
        return error.errno


def name_of(number):
    return "OK" if number == OK else errno.errorcode[number]


@pytest.mark.parametrize("call", GRID)
def test_each_call_has_its_answer_on_each_node(tree, call):
    found, wanted = {}, {}
    for (node, path), number in zip(NODES.items(), GRID[call]):
        if number is None:
            continue
        wanted[node] = name_of(number)
        found[node] = name_of(outcome(CALLS[call], tree.path(path)))
        repair(tree)
    assert found == wanted


KEYS = "p/t/" + "k" * 253 + r"\+"

KINDS = {
    "string": "p/s.string",
    "heap": "p/h.heap",
    "log": "p/l.log",
    "set": "p/m.set",
    "members": "p/m",
    "member": "p/m/x",
    "keys": KEYS,
    "long key": KEYS + "/kkk",
    "tap": "p/.l.log/tap",
    "put": "p/.h.heap/put",
    "no member": "p/m/none",
    "no long key": KEYS + "/none",
}

KINDS_GRID = {
    #            string      heap       log         set
    #            members     member     keys        long key
    #            tap         put        no member   no long key
    "lstat": [OK] * 10 + [E.ENOENT] * 2,
    "listdir": [E.ENOTDIR, E.ENOTDIR, E.ENOTDIR, E.ENOTDIR,
                OK, E.ENOTDIR, OK, E.ENOTDIR,
                E.ENOTDIR, E.ENOTDIR, E.ENOENT, E.ENOENT],
    "read": [OK] * 9 + [E.EACCES, E.ENOENT, E.ENOENT],
    "write": [OK, OK, OK, OK,
              E.EISDIR, OK, E.EISDIR, OK,
              E.EACCES, OK, E.ENOENT, E.ENOENT],
    "create": [OK, OK, OK, OK,
               E.EISDIR, OK, E.EISDIR, OK,
               E.EACCES, OK, OK, OK],
    "excl": [E.EEXIST] * 10 + [OK, OK],
    "mkdir": [E.EEXIST] * 10 + [E.EPERM] * 2,
    "rmdir": [E.ENOTDIR, E.ENOTDIR, E.ENOTDIR, E.ENOTDIR,
              E.ENOTEMPTY, E.ENOTDIR, E.ENOTEMPTY, E.ENOTDIR,
              E.ENOTDIR, E.ENOTDIR, E.ENOENT, E.ENOENT],
    "unlink": [OK, OK, OK, OK,
               E.EISDIR, OK, E.EISDIR, OK,
               E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "symlink": [E.EEXIST] * 10 + [E.EPERM] * 2,
    "mkfifo": [E.EEXIST] * 10 + [E.EPERM] * 2,
    # a longer name than that of the folder of keys is none
    "link": [E.EPERM] * 6 + [E.ENAMETOOLONG] + [E.EPERM] * 3 + [E.ENOENT] * 2,
    "chmod": [OK, OK, OK, OK,
              OK, E.EPERM, E.EPERM, E.EPERM,
              E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "utime": [OK, OK, OK, OK,
              OK, OK, OK, OK,
              E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
    "truncate": [OK, OK, OK, OK,
                 E.EISDIR, OK, E.EISDIR, OK,
                 E.EPERM, OK, E.ENOENT, E.ENOENT],
    "listxattr": [OK] * 10 + [E.ENOENT] * 2,
    "setxattr": [E.EPERM] * 10 + [E.ENOENT] * 2,
    "rename": [E.EPERM, E.EPERM, E.EPERM, E.EPERM,
               E.EPERM, E.EOPNOTSUPP, E.ENAMETOOLONG, E.EOPNOTSUPP,
               E.EPERM, E.EPERM, E.ENOENT, E.ENOENT],
}


@pytest.mark.parametrize("call", KINDS_GRID)
def test_each_call_has_its_answer_on_what_each_kind_has(tree, call):
    folder = "'" + KEYS + "'"
    found, wanted = {}, {}
    for (node, path), number in zip(KINDS.items(), KINDS_GRID[call]):
        tree.out("touch p/s.string p/h.heap p/l.log p/t.table p/m.set; "
                 f"touch p/m/x; echo v > {folder}/kkk; "
                 f"rm -f p/m/none {folder}/none")
        wanted[node] = name_of(number)
        found[node] = name_of(outcome(CALLS[call], tree.path(path)))
    assert found == wanted


def repair(tree):
    """Put back what a call of the grid took away."""
    for name in ("p2", "p3"):
        if os.path.exists(tree.path(name)):
            os.rename(tree.path(name), tree.path("p"))
    if os.path.exists(tree.path("p/none.queue")):
        os.unlink(tree.path("p/none.queue"))
    os.chown(tree.path(), 0, 0)
    os.chmod(tree.path(), 0o755)
    for name in ("p/q.queue", "p/t.table"):
        if not os.path.exists(tree.path(name)):
            opened(tree.path(name), os.O_WRONLY | os.O_CREAT)
    if not os.path.exists(tree.path("p/t/k")):
        tree.out("echo v > p/t/k")


LONG = "x" * 201


def short(value):
    """How a name shows in the name of a test."""
    return f"{len(value)} bytes" if hasattr(value, "__len__") and (
        len(value) > 30) else None


@pytest.mark.parametrize("name, wanted", [
    ("plain", E.EPERM),
    ("x.heap9", E.EPERM),
    ("x.queue.swp", E.EPERM),
    (".x.queue", E.EPERM),
    (".queue", E.EPERM),
    ("sedAbCdEf", E.EPERM),
    ("a\nb.queue", E.EINVAL),
    ("a\x7f.queue", E.EINVAL),
    (b"\xff.queue", E.EINVAL),
    (LONG + ".queue", E.ENAMETOOLONG),
    ("x" * 256, E.ENAMETOOLONG),
    ("x" * 200 + ".queue", OK),
    ("t.queue", OK),
], ids=short)
def test_which_names_objects_may_have(tree, name, wanted):
    folder = os.fsencode(tree.path("p"))
    path = os.path.join(folder, os.fsencode(name))
    assert name_of(outcome(opened, path, os.O_CREAT | os.O_WRONLY)) == (
        name_of(wanted))
    assert os.path.exists(path) == (wanted == OK)


@pytest.mark.parametrize("name, wanted", [
    ("ok", OK),
    ("with space", OK),
    (".hidden", E.EINVAL),
    ("a\nb", E.EINVAL),
    (b"\xff", E.EINVAL),
    (LONG, E.ENAMETOOLONG),
    ("x" * 256, E.ENAMETOOLONG),
    ("README", E.EEXIST),
    ("p", E.EEXIST),
    ("p/sub", E.EPERM),
    ("p/q.queue/sub", E.ENOTDIR),
    ("p/t/sub", E.EPERM),
], ids=short)
def test_which_names_programs_may_have(tree, name, wanted):
    path = os.path.join(os.fsencode(tree.path()), os.fsencode(name))
    assert name_of(outcome(os.mkdir, path)) == name_of(wanted)


@pytest.mark.parametrize("old, new, wanted", [
    ("p/q.queue", "p/r.queue", OK),
    ("p/q.queue", "other/q.queue", OK),
    ("p/q.queue", "other/o.queue", E.EEXIST),
    ("p/q.queue", "p/q.table", E.EINVAL),
    ("p/q.queue", "p/plain", E.EPERM),
    ("p/q.queue", "p/.q2.queue", E.EPERM),
    ("p/q.queue", "q.queue", E.EPERM),
    ("p/q.queue", "p/t/q", E.EOPNOTSUPP),
    ("p/q.queue", f"p/{LONG}.queue", E.ENAMETOOLONG),
    ("p", "fresh", OK),
    ("p", "other", E.EEXIST),
    ("p", "README", E.ENOTDIR),
    ("p", ".hidden", E.EINVAL),
    ("p", "other/p", E.EPERM),
    ("p/t/k", "p/t/l", E.EOPNOTSUPP),
    ("p/t", "p/u", E.EPERM),
    ("p/.q.queue/pop", "p/.q.queue/pup", E.EPERM),
    ("p/none.queue", "p/x.queue", E.ENOENT),
], ids=short)
def test_what_may_be_renamed_to_what(tree, old, new, wanted):
    assert name_of(outcome(os.rename, tree.path(old), tree.path(new))) == (
        name_of(wanted))
    assert os.path.exists(tree.path(new)) == (
        wanted in (OK, E.EEXIST, E.ENOTDIR))


def test_a_keyed_folder_and_a_second_keyed_object_do_not_collide(tree):
    # t.table opens as the folder t
    assert outcome(opened, tree.path("p/t/new"), os.O_CREAT | os.O_WRONLY) == OK
    assert outcome(os.mkdir, tree.path("p/t")) == E.EEXIST


def test_a_living_program_is_busy(tree, native):
    import ctypes
    n = native(tree)
    held = ctypes.c_void_p()
    n.call("agora_program_register", n.space, b"alive", None,
           ctypes.byref(held))
    assert "alive\tyes\n" in tree.out("cat alive/.program")
    assert name_of(outcome(os.rmdir, tree.path("alive"))) == "EBUSY"
    n.lib.agora_program_unregister(held)
    assert "alive\tno\n" in tree.out("cat alive/.program")
    assert outcome(os.rmdir, tree.path("alive")) == OK


def test_what_other_calls_answer(tree):
    fd = os.open(tree.path("p/q.queue"), os.O_RDWR)
    assert "not supported" in tree.err("fallocate -l 10 p/q.queue")
    assert outcome(os.fsync, fd) == OK
    assert outcome(os.ftruncate, fd, 0) == OK
    assert os.lseek(fd, 0, os.SEEK_END) == 0
    os.close(fd)
    os.sync()
