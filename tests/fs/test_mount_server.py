"""The server: starting it, ending it, killing it."""

import os
import signal
import subprocess
import time

import pytest

import drivers

SERVER = drivers.BUILD / "fs" / "mount" / "agora-mount"


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def refuse(*words, status=1):
    """Run the server, which must say why it does not start, in one line."""
    done = subprocess.run([SERVER, *map(str, words)], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("agora-mount: ")
    return done.stderr


@pytest.fixture
def unmounted(make_mount):
    return make_mount()


@pytest.mark.parametrize("foreground", [[], ["--foreground"]])
def test_a_missing_space_is_named(unmounted, foreground):
    said = refuse("--space", "/no/space", *foreground, unmounted.point)
    assert "/no/space" in said and unmounted.mount_id() is None


@pytest.mark.parametrize("foreground", [[], ["--foreground"]])
def test_a_space_that_is_a_file_is_named(unmounted, foreground):
    said = refuse("--space", "/etc/passwd", *foreground, unmounted.point)
    assert "/etc/passwd" in said and "directory" in said.lower()


def test_a_missing_mount_point_is_named(unmounted):
    said = refuse("--space", unmounted.space, "/no/point")
    assert said == "agora-mount: /no/point: No such file or directory\n"


def test_a_mount_point_that_is_a_file_is_named(unmounted):
    said = refuse("--space", unmounted.space, "/etc/passwd")
    assert said == "agora-mount: /etc/passwd: Not a directory\n"


def test_a_busy_mount_point_is_named(mount):
    said = refuse("--space", mount.space, mount.point)
    assert said == (f"agora-mount: {mount.point}: "
                    "an agora tree is mounted there already\n")


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--what"]])
def test_wrong_use_shows_the_usage(words):
    done = subprocess.run([SERVER, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage: agora-mount" in done.stderr


def test_it_becomes_a_daemon_when_the_tree_is_there(unmounted):
    done = subprocess.run([SERVER, "--space", unmounted.space,
                           unmounted.point], capture_output=True, text=True,
                          timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert unmounted.out("head -c 5 README") == "agora"
    subprocess.run(["umount", unmounted.point], check=True)
    assert unmounted.mount_id() is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts_and_ends_it(mount, how):
    mount.server.send_signal(how)
    assert mount.server.wait(5) == 0
    assert mount.mount_id() is None


def test_umount_ends_it(mount):
    subprocess.run(["umount", mount.point], check=True)
    assert mount.server.wait(5) == 0


def test_a_signal_ends_it_while_files_are_open_and_readers_wait(mount):
    mount.out("touch p/q.queue")
    readers = [mount.start_command(["cat", "p/.q.queue/pipe"])
               for _ in range(10)]
    fd = os.open(mount.path("p/q.queue"), os.O_WRONLY)
    time.sleep(0.2)
    mount.server.terminate()
    assert mount.server.wait(5) == 0
    assert [reader.wait(5) != 0 for reader in readers] == [True] * 10
    with pytest.raises(OSError):
        os.write(fd, b"x\n")
    with pytest.raises(OSError):
        os.close(fd)


def test_a_lazy_umount_ends_it_when_the_last_reader_is_gone(mount):
    mount.out("touch p/q.queue")
    reader = mount.start_command(["cat", "p/.q.queue/pipe"])
    time.sleep(0.2)
    subprocess.run(["umount", "-l", mount.point], check=True)
    reader.kill()
    reader.wait(5)
    assert mount.server.wait(5) == 0


def test_after_a_kill_a_new_server_shows_the_same_tree(mount, native):
    n = native(mount)
    mount.out("seq 3 > p/q.queue")
    handle = n.open("p/q.queue")
    half = os.open(mount.path("p/.q.queue/pop"), os.O_RDONLY)
    assert os.read(half, 1) == b"1"
    mount.kill_server()
    # native clients did not notice, and what was half delivered is back
    n.push(handle, b"4")
    assert "not connected" in mount_error(mount)
    mount.start()
    n.open("p/q.queue")
    assert n.drain(handle) == [b"1", b"2", b"3", b"4"]
    mount.out("echo again > p/q.queue")
    assert mount.out("cat p/q.queue") == "again\n"
    with pytest.raises(OSError):
        os.read(half, 1)


def mount_error(mount):
    with pytest.raises(OSError) as error:
        os.listdir(mount.point)
    return error.value.strerror


def test_a_killed_server_lets_waiting_readers_go(mount):
    mount.out("touch p/q.queue")
    readers = [mount.start_command(["cat", "p/.q.queue/pipe"])
               for _ in range(10)]
    time.sleep(0.2)
    mount.kill_server()
    assert [reader.wait(5) for reader in readers] == [1] * 10


def test_a_killed_server_loses_nothing_that_was_not_delivered(mount, native):
    n = native(mount)
    mount.out("touch p/q.queue")
    handle = n.open("p/q.queue")
    sent, seen = 0, []
    for _ in range(5):
        reader = mount.start_command("exec cat p/.q.queue/pipe")
        for _ in range(200):
            n.push(handle, b"%d" % sent)
            sent += 1
        mount.kill_server()
        seen += reader.stdout.read().split()
        reader.wait(5)
        mount.start()
    rest = n.drain(handle)
    assert len(set(seen + rest)) == len(seen + rest)
    # what a reader had taken out of the kernel when its server was killed
    # may have been delivered to it; nothing else is missing
    assert set(seen + rest) == {b"%d" % i for i in range(sent)}


def test_servers_for_two_spaces_live_side_by_side(make_mount):
    first, second = make_mount().start(), make_mount().start()
    first.out("mkdir a")
    second.out("mkdir b")
    assert "a" in os.listdir(first.point)
    assert "a" not in os.listdir(second.point)


def test_two_mounts_of_one_space_show_the_same(mount, make_mount):
    other = make_mount(space=str(mount.space)).start()
    other.out("echo x > p/q.queue")
    assert mount.out("cat p/.q.queue/pop") == "x\n"
    assert other.out("cat p/q.queue") == ""


def test_the_server_lets_go_of_what_nobody_uses(mount):
    mount.out("for i in $(seq 50); do echo x > p/q$i.queue; done")
    folder = f"/proc/{mount.server.pid}/map_files"
    maps = f"/proc/{mount.server.pid}/maps"
    assert os.path.isdir(folder)
    until(lambda: ".queue" not in open(maps).read(), 20)


def test_options_of_the_mount_add_up(unmounted):
    os.mkdir(unmounted.space / "p")
    unmounted.start("-o", "ro", "-o", "noexec,nosuid")
    line = [line for line in open("/proc/self/mounts")
            if line.split()[1] == str(unmounted.point)][0]
    assert {"ro", "noexec", "allow_other"} <= set(line.split()[3].split(","))
    assert "Read-only" in unmounted.err("touch p/q.queue")


def test_a_wrong_option_of_the_mount_is_named(unmounted):
    said = refuse("--space", unmounted.space, "-o", "nonsense",
                  unmounted.point)
    assert "nonsense" in said
    assert unmounted.mount_id() is None


def test_help_is_no_complaint():
    done = subprocess.run([SERVER, "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: agora-mount" in done.stdout
