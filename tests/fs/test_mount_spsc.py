"""A queue with one producer and one consumer in the mounted tree."""

import errno
import os

import pytest

SPSC = 2


@pytest.fixture
def peer(mount, native):
    """A native program beside the mount, with the queue p/s.queue."""
    n = native(mount)
    n.create("p/s.queue", flags=SPSC, type="utf8", capacity=100)
    return n


def test_both_doors_take_turns(mount, peer):
    handle = peer.open("p/s.queue")
    for i in range(20):
        mount.out(f"echo {i} > p/s.queue")
        assert mount.out("cat p/s.queue") == f"{i}\n"
        assert mount.out("cat p/.s.queue/pop") == f"{i}\n"
    mount.out("seq 50 > p/s.queue")
    assert peer.drain(handle) == [b"%d" % i for i in range(1, 51)]
    peer.push(handle, b"native")
    assert mount.out("cat p/s.queue") == "native\n"


def test_beside_a_native_consumer_writing_works_and_taking_is_busy(mount, peer):
    handle = peer.open("p/s.queue")
    mount.out("seq 3 > p/s.queue")
    assert peer.pop(handle) == b"1"
    mount.out("echo 4 > p/s.queue")
    with pytest.raises(OSError) as caught:
        os.open(mount.path("p/.s.queue/pop"), os.O_RDONLY)
        with open(mount.path("p/.s.queue/pop"), "rb", buffering=0) as pop:
            pop.read()
    assert caught.value.errno == errno.EBUSY
    assert mount.out("cat p/s.queue") == "2\n3\n4\n"
    assert peer.drain(handle) == [b"2", b"3", b"4"]


def test_beside_a_native_producer_taking_works_and_writing_is_busy(mount, peer):
    handle = peer.open("p/s.queue")
    peer.push(handle, b"a")
    assert mount.out("cat p/.s.queue/pop") == "a\n"
    fd = os.open(mount.path("p/s.queue"), os.O_WRONLY)
    with pytest.raises(OSError) as caught:
        os.write(fd, b"b\n")
        os.close(fd)
    assert caught.value.errno == errno.EBUSY
    peer.push(handle, b"c")
    assert mount.out("cat p/s.queue") == "c\n"


def test_writers_through_the_mount_at_one_time_lose_nothing(mount, peer):
    writers = [mount.start_command(
        f"for i in `seq 50`; do echo {w}; done > p/s.queue")
        for w in range(4)]
    got = []
    while len(got) < 200:
        out = mount.run("cat p/.s.queue/pop").out
        got += out.split()
    for writer in writers:
        assert writer.wait(10) == 0
    assert sorted(got) == sorted("0123" * 50)


def test_its_attribute_tells(mount, peer):
    path = mount.path("p/s.queue")
    assert os.getxattr(path, "user.agora.spsc") == b"yes"
    assert "user.agora.spsc" in os.listxattr(path)
    mount.out("touch p/m.queue")
    assert os.getxattr(mount.path("p/m.queue"), "user.agora.spsc") == b"no"
