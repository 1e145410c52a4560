"""Spaces, programs and objects of any kind."""

import errno
import os
import pickle
import subprocess
import time

import pytest

import agora


def test_space_lists_programs_and_objects(space):
    space.create_program("b", doc="the second", tags=["x", "y=1"])
    with space.register("a") as program:
        program.queue("q.queue").close()
        program.table("t.table").close()
        assert list(space) == space.programs() == ["a", "b"]
        assert space.objects("a") == program.objects() == [
            "q.queue", "t.table"]
    assert "b" in space and "c" not in space


def test_default_space_is_that_of_the_environment(root, monkeypatch):
    monkeypatch.setenv("AGORA_SPACE", str(root))
    with agora.register("test") as program:
        program.queue("a.queue", type="utf8").push("x")
        assert agora.open("test/a.queue").pop() == "x"
        assert agora.Space().path == str(root)


@pytest.mark.parametrize("make, error", [
    (lambda path: None, FileNotFoundError),
    (lambda path: path.write_text(""), NotADirectoryError),
])
def test_space_that_is_none_is_an_error_that_names_it(tmp_path, make, error):
    path = tmp_path / "space"
    make(path)
    with pytest.raises(error) as caught:
        agora.Space(path)
    assert caught.value.filename == str(path)


def test_manifest_tells_what_was_registered(space):
    before = time.time()
    with space.register("test", doc="a test", tags=["x", "y=1"]) as program:
        info = space.info("test")
        assert info == program.info()
        assert (info.name, info.doc, info.tags) == (
            "test", "a test", ("x", "y=1"))
        assert info.pid == os.getpid() and info.alive
        assert before - 1 < info.since < time.time() + 1
        program.declare(doc="again")
        assert space.info("test").doc == "again"
        with pytest.raises(FileExistsError) as caught:
            space.register("test")
        assert caught.value.filename == "test"
    assert not space.info("test").alive


def test_registration_ends_once_and_for_all(space):
    program = space.register("test")
    program.unregister()
    program.unregister()
    with pytest.raises(ValueError, match="test"):
        program.declare(doc="x")
    with space.register("test"):
        pass


def test_remove_and_rename_take_objects_and_programs(space):
    space.create_program("a")
    space.create("a/x.queue")
    space.rename("a/x.queue", "a/y.queue")
    assert space.objects("a") == ["y.queue"]
    space.rename("a", "b")
    with pytest.raises(OSError) as caught:
        space.remove("b")
    assert (caught.value.errno, caught.value.filename) == (
        errno.ENOTEMPTY, "b")
    space.remove("b/y.queue")
    space.remove("b")
    assert not list(space)
    with pytest.raises(FileNotFoundError) as caught:
        space.rename("a/x.queue", "a/y.queue")
    assert caught.value.filename2 == "a/y.queue"


def test_open_gives_the_class_of_the_kind(program, space):
    program.queue("a.queue")
    program.table("b.table")
    assert type(space.open("test/a.queue")) is agora.Queue
    assert type(space.open("test/b.table")) is agora.Table
    assert isinstance(space.open("test/a.queue"), agora.Sequence)
    with pytest.raises(TypeError, match="test/b.table"):
        space.queue("test/b.table")


@pytest.mark.parametrize("path, code", [
    ("test/none.queue", errno.ENOENT),
    ("none/a.queue", errno.ENOENT),
    ("test/a.unknown", errno.EINVAL),
    ("a.queue", errno.EINVAL),
    ("test/.a.queue", errno.EINVAL),
    ("test/b/a.queue", errno.EINVAL),
    ("test/" + "a" * 201 + ".queue", errno.ENAMETOOLONG),
])
def test_bad_paths_are_os_errors_that_name_them(program, space, path, code):
    with pytest.raises(OSError) as caught:
        space.open(path)
    assert (caught.value.errno, caught.value.filename) == (code, path)


def test_nul_in_a_name_is_value_error(space, program):
    for call in (lambda: space.open("test/a\0b.queue"),
                 lambda: space.register("a\0b"),
                 lambda: agora.Space("/dev\0/shm")):
        with pytest.raises(ValueError, match="null"):
            call()


def test_flags_say_what_must_be_there(space, program):
    with pytest.raises(FileNotFoundError):
        space.queue("test/a.queue")
    space.queue("test/a.queue", "x").close()
    with pytest.raises(FileExistsError):
        space.queue("test/a.queue", "x")
    space.queue("test/a.queue", "c").close()
    with pytest.raises(ValueError, match="flag"):
        space.queue("test/a.queue", "rw")


def test_options_count_at_creation(space, program):
    program.queue("a.queue", capacity=17, message_size=100, type="utf8",
                  mode=0o640)
    with space.open("test/a.queue", "r") as queue:
        stat = queue.stat()
        assert (stat.capacity, stat.message_size, stat.type, stat.kind) == (
            17, 100, "utf8", "queue")
        assert os.fstat(queue.fileno()).st_mode & 0o777 == 0o640
        assert queue.type == "utf8" and queue.kind == "queue"


@pytest.mark.parametrize("options, error", [
    ({"capacity": -1}, ValueError),
    ({"capacity": 1 << 64}, ValueError),
    ({"clients": 1 << 32}, ValueError),
    ({"capacity": 1 << 40}, OSError),
    ({"writers": "two"}, ValueError),
    ({"colour": 1}, TypeError),
    ({"type": "nonsense"}, OSError),
    ({"reserved": 1}, TypeError),
])
def test_bad_options_make_nothing(program, options, error):
    with pytest.raises(error):
        program.queue("a.queue", **options)
    assert program.objects() == []


def test_bad_option_is_named(space, program):
    for call in (lambda: program.queue("a.queue", capacity=1 << 40),
                 lambda: space.create("test/a.table", capacity=1 << 40)):
        with pytest.raises(OSError, match="capacity: 1 to ") as caught:
            call()
        assert caught.value.errno == errno.EINVAL
        assert caught.value.filename in ("test/a.queue", "test/a.table")


def test_forgotten_program_keeps_its_objects(space):
    with space.register("test", doc="x") as program:
        program.queue("a.queue").close()
        with pytest.raises(OSError) as caught:
            space.forget("test")
        assert caught.value.errno == errno.EBUSY
    space.forget("test")
    space.sweep()
    info = space.info("test")
    assert (info.doc, info.pid, info.alive) == ("", 0, False)
    assert space.objects("test") == ["a.queue"]


def test_closed_handles_are_value_errors(space, program):
    queue, table = program.queue("a.queue"), program.table("b.table")
    for object in queue, table:
        with object:
            assert not object.closed
        assert object.closed
        object.close()
        assert object.path in repr(object) and "closed" in repr(object)
        with pytest.raises(ValueError, match=object.path):
            object.stat()
        with pytest.raises(ValueError):
            with object:
                pass
    for call in queue.pop, lambda: list(queue), lambda: table["k"]:
        with pytest.raises(ValueError, match="closed"):
            call()
    other = agora.Space(space.path)
    other.close()
    with pytest.raises(ValueError, match="closed"):
        other.programs()


def test_closed_handle_gives_its_slot_back(program):
    queue = program.queue("a.queue")
    for _ in range(10):
        program.queue("a.queue").push(b"x")
    assert [client.pid for client in queue.clients()] == [os.getpid()]


def test_objects_outlive_their_space(root):
    with agora.Space(root) as space, space.register("test") as program:
        queue = program.queue("a.queue")
    queue.push(b"x")
    assert queue.pop() == b"x"


def test_check_reports_and_repairs(program):
    queue = program.queue("a.queue")
    queue.push(b"x")
    report = queue.check(repair=True)
    assert report.sound and report.published == 1
    assert report.blocks == report.free + 1


def test_damaged_segment_is_euclean(space, program):
    program.queue("a.queue").close()
    path = os.path.join(space.path, "test", "a.queue")
    os.truncate(path, 5000)
    with pytest.raises(OSError) as caught:
        space.open("test/a.queue")
    assert caught.value.errno == errno.EUCLEAN


def test_segment_truncated_under_a_handle_is_euclean(space, program):
    queue = program.queue("a.queue")
    queue.push(b"x")
    os.truncate(os.path.join(space.path, "test", "a.queue"), 0)
    with pytest.raises(OSError) as caught:
        queue.pop()
    assert caught.value.errno == errno.EUCLEAN


def test_pickled_object_is_opened_again(space, program):
    queue = program.queue("a.queue", type="utf8")
    again = pickle.loads(pickle.dumps(queue))
    assert again is not queue and len(queue.clients()) == 2
    again.push("x")
    assert queue.pop() == "x"
    with space.table("test/t.table", "c") as table:
        table["k"] = b"v"
        assert pickle.loads(pickle.dumps(table))["k"] == b"v"
    assert pickle.loads(pickle.dumps(space)).programs() == ["test"]


def test_what_python_stores_the_command_shows(build, space, program):
    program.table("a.table", type="utf8")["k"] = "v"
    result = subprocess.run(
        [build / "fs/tool/agora", "get", "--space", space.path,
         "test/a.table", "k"], capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr) == ("v\n", "")


def test_version_is_that_of_the_library():
    assert agora.version() == "0.1"
