"""poll and epoll on files of the mounted tree."""

import contextlib
import os
import select

import pytest


@pytest.fixture
def queue(mount, native):
    native(mount).create("p/q.queue", type="utf8", capacity=4)
    return mount


@contextlib.contextmanager
def opened(mount, name, flags=os.O_RDONLY):
    fd = os.open(mount.path(name), flags | os.O_NONBLOCK)
    yield fd
    os.close(fd)


def ready(fd, events, milliseconds=0):
    poll = select.poll()
    poll.register(fd, events)
    return dict(poll.poll(milliseconds)).get(fd, 0)


@pytest.mark.parametrize("name", ["pipe", "pop"])
def test_taking_is_readable_while_there_are_messages(queue, name):
    with opened(queue, f"p/.q.queue/{name}") as fd:
        assert ready(fd, select.POLLIN, 50) == 0
        queue.out("echo x > p/q.queue")
        assert ready(fd, select.POLLIN, 5000) == select.POLLIN
        assert os.read(fd, 100) == b"x\n"
        assert ready(fd, select.POLLIN, 50) == 0


def test_pipe_without_messages_is_eagain_with_nonblock(queue):
    with opened(queue, "p/.q.queue/pipe") as fd:
        with pytest.raises(BlockingIOError):
            os.read(fd, 100)


def test_a_sleeping_poll_is_woken_by_a_native_push(queue, native):
    n = native(queue)
    handle = n.open("p/q.queue")
    sleeper = queue.start_command([
        "python3", "-c",
        "import os, select\n"
        "fd = os.open('p/.q.queue/pipe', os.O_RDONLY)\n"
        "p = select.poll()\n"
        "p.register(fd, select.POLLIN)\n"
        "print('ready', flush=True)\n"
        "p.poll()\n"
        "print(os.read(fd, 100))\n"])
    assert sleeper.stdout.readline() == b"ready\n"
    n.push(handle, b"hello")
    assert sleeper.stdout.readline() == b"b'hello\\n'\n"


def test_a_full_queue_is_not_writable(queue):
    with opened(queue, "p/q.queue", os.O_WRONLY) as fd:
        assert ready(fd, select.POLLOUT) == select.POLLOUT
        os.write(fd, b"1\n2\n3\n4\n")
        assert ready(fd, select.POLLOUT, 50) == 0
        queue.out("cat p/.q.queue/pop")
        assert ready(fd, select.POLLOUT, 5000) == select.POLLOUT


def test_a_snapshot_is_always_readable(queue):
    with opened(queue, "p/q.queue") as fd:
        assert ready(fd, select.POLLIN) == select.POLLIN


def test_tap_is_readable_when_a_message_came(queue):
    queue.out("echo before > p/q.queue")
    with opened(queue, "p/.q.queue/tap") as fd:
        assert ready(fd, select.POLLIN, 50) == 0
        queue.out("echo x > p/q.queue")
        assert ready(fd, select.POLLIN, 5000) == select.POLLIN
        assert os.read(fd, 100) == b"x\n"
        assert ready(fd, select.POLLIN, 50) == 0


def test_follow_is_readable_when_something_came(queue):
    with opened(queue, ".follow") as fd:
        assert ready(fd, select.POLLIN, 50) == 0
        queue.out("mkdir new")
        assert ready(fd, select.POLLIN, 5000) == select.POLLIN
        assert b"program-added\tnew\n" in os.read(fd, 100)


@pytest.mark.parametrize("mode", [0, select.EPOLLET], ids=["level", "edge"])
def test_epoll_tells_each_message(queue, native, mode):
    n = native(queue)
    handle = n.open("p/q.queue")
    with opened(queue, "p/.q.queue/pipe") as fd, select.epoll() as epoll:
        epoll.register(fd, select.EPOLLIN | mode)
        assert epoll.poll(0.05) == []
        for i in range(200):
            n.push(handle, b"%d" % i)
            assert epoll.poll(5) == [(fd, select.EPOLLIN)], i
            assert os.read(fd, 100) == b"%d\n" % i
            with pytest.raises(BlockingIOError):
                os.read(fd, 100)


def test_closing_a_polled_file_is_fine(queue):
    for _ in range(50):
        with opened(queue, "p/.q.queue/pipe") as fd, select.epoll() as epoll:
            epoll.register(fd, select.EPOLLIN)
            assert epoll.poll(0) == []
    queue.out("echo x > p/q.queue")
    assert queue.out("cat p/q.queue") == "x\n"
