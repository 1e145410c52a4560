"""mount and umount: what they check, and which server they start."""

import os
import stat
import subprocess

import pytest


@pytest.fixture
def server(agora, tmp_path):
    """A stand-in for the server that prints its arguments."""
    path = tmp_path / "server"
    path.write_text('#!/bin/sh\nfor i in "$@"; do echo "$i"; done\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    agora.env["AGORA_MOUNT"] = str(path)
    return path


@pytest.fixture
def point(tmp_path):
    path = tmp_path / "a mount point"
    path.mkdir()
    return path


def test_mount_starts_the_server_with_the_space(agora, server, point):
    assert agora.ok("mount", point).splitlines() == [
        "--space", agora.space, str(point)]
    assert agora.ok("mount", "-f", "-o", "allow_other", "-o", "ro",
                    point).splitlines() == [
        "--space", agora.space, "--foreground", "-o", "allow_other,ro",
        str(point)]


def test_a_missing_mount_point_is_named(agora, server, tmp_path):
    missing = tmp_path / "none"
    assert agora.no("mount", missing) == (
        f"agora: {missing}: there is no such directory")
    assert "no such directory" in agora.no("umount", missing)


def test_a_mount_point_that_is_a_file_is_named(agora, server, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert agora.no("mount", file) == f"agora: {file}: not a directory"


def test_a_missing_space_is_named_before_mounting(agora, server, point):
    assert "no such space" in agora.no("mount", "--space", "/none", point)


def test_a_missing_server_is_named(agora, point):
    agora.env["AGORA_MOUNT"] = "/no/such/server"
    assert "/no/such/server" in agora.no("mount", point)


def test_a_mount_point_in_use_is_refused(agora, server):
    assert "mounted here already" in agora.no("mount", "/proc")
    assert "mounted here already (tmpfs)" in agora.no("mount", "/dev/shm/")


def test_umount_refuses_what_is_no_agora_tree(agora, point):
    assert agora.no("umount", point) == (
        f"agora: {point}: nothing is mounted here")
    line = agora.no("umount", "/dev/shm")
    assert line == "agora: /dev/shm: not an agora tree: tmpfs is mounted here"
    os.stat("/dev/shm")


@pytest.fixture
def tree(agora, build, point):
    if not (build / "fs" / "mount" / "agora-mount").exists():
        pytest.skip("no FUSE server was built")
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    agora.ok("mount", point)
    yield point
    subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)


def test_a_tree_is_mounted_and_taken_away(agora, queue, tree):
    assert (tree / queue).exists()
    assert "mounted here already (fuse.agora)" in agora.no("mount", tree)
    agora.ok("umount", tree)
    assert os.listdir(tree) == []
    assert "nothing is mounted" in agora.no("umount", tree)


def test_umount_works_by_a_relative_name_and_a_link(agora, tree, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tree)
    agora.ok("umount", link)
    agora.ok("mount", tree)
    agora.ok("umount", f"./{tree.name}/", cwd=tree.parent)
    assert not os.path.ismount(tree)


def test_a_tree_in_use_is_taken_away_only_with_lazy(agora, tree):
    handle = os.open(tree, os.O_RDONLY)
    assert "--lazy" in agora.no("umount", tree)
    agora.ok("umount", "--lazy", tree)
    os.close(handle)
    assert not os.path.ismount(tree)


def test_tree_and_command_show_the_same_words(agora, queue, tree):
    agora.ok("push", queue, "a")
    program, name = queue.split("/")
    shown = (tree / program / f".{name}" / "stat").read_text()
    assert shown.splitlines()[:5] == agora.ok("stat", queue).splitlines()[:5]
    assert (tree / program / ".program").read_text() == agora.ok(
        "stat", program)
