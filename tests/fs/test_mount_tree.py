"""Directories, names and attributes of the mounted tree."""

import os
import stat
import time

import pytest

import drivers


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_root_lists_programs_and_a_page_to_read(mount):
    assert sorted(os.listdir(mount.point)) == [".events", "README", "p"]
    assert mount.out("head -1 README").startswith("agora")


def test_the_mount_is_of_type_fuse_agora(mount):
    line = [line for line in open("/proc/self/mounts")
            if line.split()[1] == str(mount.point)][0]
    assert line.split()[0] == "agora"
    assert line.split()[2] == "fuse.agora"
    assert "default_permissions" in line and "allow_other" in line


def test_mkdir_makes_a_program_and_rmdir_removes_it(mount):
    mount.out("mkdir -m 700 new")
    assert stat.S_IMODE((mount.space / "new").stat().st_mode) == 0o700
    mount.out("rmdir new")
    assert not (mount.space / "new").exists()


def test_touch_makes_an_object_and_rm_removes_it(mount):
    mount.out("umask 027; touch p/q.queue")
    assert stat.S_IMODE((mount.space / "p/q.queue").stat().st_mode) == 0o640
    mount.out("touch p/q.queue; rm p/q.queue")
    assert not (mount.space / "p/q.queue").exists()


def test_objects_made_by_writing_are_of_type_utf8(mount):
    mount.out("echo x > p/new.queue")
    assert mount.out("getfattr --only-values -n user.agora.type p/new.queue"
                     ) == "utf8"


def test_the_dot_folder_is_there_and_not_listed(mount):
    mount.out("touch p/q.queue")
    assert sorted(os.listdir(mount.path("p"))) == [".program", "q.queue"]
    assert sorted(os.listdir(mount.path("p/.q.queue"))) == [
        "errors", "holders", "pipe", "pop", "put", "stat", "tap"]


def test_what_is_no_object_is_not_shown(mount):
    folder = mount.space / "p"
    (folder / "notes.txt").write_text("x")
    (folder / "link.queue").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fifo.queue")
    (folder / "dir.queue").mkdir()
    (mount.space / "file").write_text("x")
    (mount.space / "away").symlink_to("/etc")
    assert os.listdir(mount.path("p")) == [".program"]
    assert "away" not in os.listdir(mount.point)
    for name in ("p/notes.txt", "p/link.queue", "p/fifo.queue", "p/dir.queue",
                 "file", "away", "away/passwd"):
        assert "No such file" in mount.err(f"cat {name}"), name


def test_a_damaged_segment_can_be_seen_and_removed_but_not_read(mount):
    segment = mount.space / "p/bad.queue"
    segment.write_bytes(b"this is not a segment" * 1000)
    mount.out("ls -l p; stat p/bad.queue p/.bad.queue/pop")
    for name in ("bad.queue", ".bad.queue/pop", ".bad.queue/stat"):
        assert "Structure needs cleaning" in mount.err(f"cat p/{name}")
    assert "Structure needs" in mount.err("echo x > p/bad.queue")
    mount.out("rm p/bad.queue")
    assert not segment.exists()


def test_a_segment_truncated_under_a_reader_does_no_harm(mount):
    mount.out("seq 1000 > p/q.queue; echo x > p/r.queue")
    os.truncate(mount.space / "p/q.queue", 4096)
    assert "Structure needs cleaning" in mount.err("cat p/q.queue")
    mount.out("ls -l p")
    assert mount.out("cat p/r.queue") == "x\n"


def test_mv_renames_objects_and_programs(mount):
    mount.out("echo x > p/q.queue; mv p/q.queue p/r.queue")
    assert mount.out("cat p/r.queue") == "x\n"
    mount.out("mkdir other; mv p/r.queue other/; mv other another")
    assert mount.out("cat another/r.queue") == "x\n"
    assert (mount.space / "another/r.queue").exists()
    assert os.listdir(mount.path("p")) == [".program"]


def test_mv_never_replaces(mount):
    mount.out("echo a > p/a.queue; echo b > p/b.queue; mkdir other")
    assert "File exists" in mount.err("mv -f p/a.queue p/b.queue")
    assert mount.out("cat p/a.queue p/b.queue") == "a\nb\n"
    with pytest.raises(FileExistsError):
        os.rename(mount.path("p"), mount.path("other"))


def test_an_open_file_goes_on_after_its_object_is_renamed(mount):
    mount.out("touch p/q.queue")
    fd = os.open(mount.path("p/q.queue"), os.O_WRONLY)
    mount.out("mv p/q.queue p/r.queue")
    os.write(fd, b"x\n")
    os.fchmod(fd, 0o600)
    os.close(fd)
    assert mount.out("cat p/r.queue") == "x\n"


def test_chmod_chown_and_touch_change_the_segment(mount):
    mount.out("touch p/q.queue; chmod 604 p/q.queue; chown 1:2 p/q.queue")
    mount.out("touch -d @86400 p/q.queue; chmod 711 p; chown 3 p")
    status = (mount.space / "p/q.queue").stat()
    assert stat.S_IMODE(status.st_mode) == 0o604
    assert (status.st_uid, status.st_gid) == (1, 2)
    assert status.st_mtime == 86400
    status = (mount.space / "p").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o711, 3)


def test_what_belongs_to_an_object_has_bits_that_follow_from_its_own(mount):
    mount.out("touch p/q.queue; chmod 642 p/q.queue")
    modes = {name: stat.S_IMODE(os.stat(mount.path(f"p/{name}")).st_mode)
             for name in ("q.queue", ".q.queue", ".q.queue/pop",
                          ".q.queue/pipe", ".q.queue/tap", ".q.queue/put",
                          ".q.queue/stat")}
    assert modes == {
        "q.queue": 0o642, ".q.queue": 0o551, ".q.queue/pop": 0o400,
        ".q.queue/pipe": 0o400, ".q.queue/tap": 0o440, ".q.queue/put": 0o202,
        ".q.queue/stat": 0o440}


def test_inode_numbers_stay_the_same(mount):
    mount.out("touch p/q.queue")
    names = ["p", "p/q.queue", "p/.q.queue", "p/.q.queue/pop"]
    first = [os.stat(mount.path(name)).st_ino for name in names]
    assert [os.stat(mount.path(name)).st_ino for name in names] == first
    assert len(set(first)) == len(first)
    listed = {entry.name: entry.inode() for entry in os.scandir(mount.path("p"))}
    assert listed["q.queue"] == first[1]


def test_df_tells_about_the_space(mount):
    there, here = os.statvfs(mount.space), os.statvfs(mount.point)
    assert (here.f_blocks, here.f_bsize) == (there.f_blocks, there.f_bsize)


def test_options_are_extended_attributes(mount, native):
    native(mount).create("p/q.queue", capacity=77, message_size=100)
    values = {name: os.getxattr(mount.path("p/q.queue"), name).decode()
              for name in os.listxattr(mount.path("p/q.queue"))}
    assert values["user.agora.kind"] == "queue"
    assert values["user.agora.capacity"] == "77"
    assert values["user.agora.message-size"] == "100"
    assert values["user.agora.type"] == "bytes"


def test_native_changes_show_at_once(mount, native):
    # Directories that the kernel caches are forgotten as soon as the server
    # learns of it, not before: hence until().
    n = native(mount)
    for i in range(20):
        n.program(f"prog{i}")
        assert os.path.isdir(mount.path(f"prog{i}"))
        assert f"prog{i}" in os.listdir(mount.point)
        n.create(f"prog{i}/q.queue")
        assert os.path.exists(mount.path(f"prog{i}/q.queue"))
        n.rename(f"prog{i}/q.queue", f"prog{i}/r.queue")
        assert os.listdir(mount.path(f"prog{i}")) == [".program", "r.queue"]
        until(lambda: not os.path.exists(mount.path(f"prog{i}/.q.queue/stat")))
        assert os.path.exists(mount.path(f"prog{i}/.r.queue/stat"))
        n.remove(f"prog{i}/r.queue")
        assert not os.path.exists(mount.path(f"prog{i}/r.queue"))
        os.rename(mount.space / f"prog{i}", mount.space / f"new{i}")
        until(lambda: not os.path.exists(mount.path(f"prog{i}")))
        assert os.path.isdir(mount.path(f"new{i}"))


def test_native_chmod_of_a_program_shows_at_once(mount):
    path = mount.path("p")
    assert os.stat(path).st_mode & 0o777 == 0o755
    os.chmod(mount.space / "p", 0o700)
    until(lambda: os.stat(path).st_mode & 0o777 == 0o700)


def test_an_object_replaced_natively_is_the_new_one(mount, native):
    n = native(mount)
    for i in range(20):
        n.create("p/q.queue", type="utf8")
        n.push(n.open("p/q.queue"), b"%d" % i)
        assert mount.out("cat p/q.queue") == f"{i}\n"
        n.remove("p/q.queue")


def test_events_tell_what_came_and_went(mount, native):
    n = native(mount)
    for step, path, event in (
        (n.program, "new", "program-added\tnew"),
        (n.create, "new/q.queue", "object-added\tnew/q.queue"),
        (n.remove, "new/q.queue", "object-removed\tnew/q.queue"),
    ):
        step(path)
        until(lambda: event in mount.out("cat .events").splitlines())


def test_follow_waits_for_events(mount):
    reader = mount.start_command("cat .follow")
    with pytest.raises(Exception):
        reader.wait(0.3)
    mount.out("mkdir later")
    assert reader.stdout.readline() == b"program-added\tlater\n"


def test_a_program_tells_about_itself(mount):
    lines = mount.out("cat p/.program").splitlines()
    assert lines[0] == "name\tp"
    assert "alive\tno" in lines


def test_names_may_hold_any_character(mount):
    name = "a b'\"*?\\é日"
    os.mkdir(mount.path(name))
    with open(mount.path(f"{name}/{name}.queue"), "w") as file:
        file.write("x\n")
    assert os.listdir(mount.path(name)) == [".program", f"{name}.queue"]
    with open(mount.path(f"{name}/.{name}.queue/pop")) as file:
        assert file.read() == "x\n"


def test_the_working_directory_survives_a_rename(mount):
    mount.out("touch p/q.queue")
    shell = mount.start_command("cd p/.q.queue; read; cat stat | head -1",
                                stdin=-1)
    until(lambda: os.readlink(f"/proc/{shell.pid}/cwd").endswith(".q.queue"))
    os.rename(mount.space / "p", mount.space / "moved")
    out, _ = shell.communicate(b"\n", 5)
    assert out == b"kind\tqueue\n"


def test_many_programs_are_listed(mount):
    for i in range(1000):
        os.mkdir(mount.space / f"prog{i}")
    listed = os.listdir(mount.point)
    assert len(listed) == len(set(listed)) == 1003


def test_the_readme_tells_how_each_kind_looks(mount):
    said = mount.err(f"{drivers.BUILD}/fs/tool/agora stat x/y.none")
    kinds = said.split("one of the kinds ")[1].split()
    assert ".queue" in kinds and ".table" in kinds
    page = mount.out("cat README")
    assert all(f"\n  {kind} " in page for kind in kinds)
    assert all(line.isprintable() for line in page.splitlines())
