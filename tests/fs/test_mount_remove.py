"""rm -r: a whole program goes, unless somebody stands behind it."""

import signal
import subprocess

import pytest

import drivers


@pytest.fixture
def register(mount):
    """Start processes that register as programs."""
    started = []

    def start(name):
        process = subprocess.Popen(
            [drivers.BUILD / "fs/tool/agora", "register", "--space",
             mount.space, name, "--", "sh", "-c", "echo; exec sleep 60"],
            stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"\n"
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def test_rm_r_removes_a_program_with_all_that_is_in_it(mount):
    mount.out("touch p/q.queue p/t.table; echo x > p/q.queue")
    mount.out(r"printf 'k\tv\nk2\tv\n' > p/t.table; rm -r p")
    assert not (mount.space / "p").exists()


def test_rm_r_of_a_living_program_is_refused(mount, register):
    register("living")
    assert "busy" in mount.err("rm -r living")
    assert "alive\tyes" in mount.out("cat living/.program")


def test_a_folder_with_keys_is_not_empty(mount):
    mount.out("touch p/t.table; echo v > p/t/k")
    assert "not empty" in mount.err("rmdir p/t")
    mount.out("rm p/t/k; rmdir p/t")
    assert mount.out("ls p") == "t\nt.table\n"


def test_rm_of_the_manifest_forgets_who_registered(mount, register):
    process = register("once")
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert "pid" in mount.out("cat once/.program")
    mount.out("rm once/.program")
    assert mount.out("cat once/.program") == "name\tonce\nalive\tno\n"
