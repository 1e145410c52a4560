"""A queue in the mounted tree."""

import errno
import os
import re
import signal
import subprocess
import time

import pytest


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def queue(mount):
    """The mount, with the queue p/q.queue of type utf8."""
    mount.out("touch p/q.queue")
    return mount


def waits(process, seconds=0.3):
    """Whether the process is still there, asleep, after a moment."""
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        state = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2]
        return state.split()[0] == "S"


def test_lines_written_are_messages_and_are_shown(queue):
    queue.out("echo one > p/q.queue; seq 2 3 >> p/q.queue")
    assert queue.out("cat p/q.queue") == "one\n2\n3\n"
    assert queue.out("cat p/q.queue") == "one\n2\n3\n"


def test_many_lines_come_in_order(queue, native):
    queue.out("seq 1000 > p/q.queue")
    n = native(queue)
    assert n.drain(n.open("p/q.queue")) == [
        str(i).encode() for i in range(1, 1001)]


def test_a_line_cut_by_two_writes_is_one_message(queue):
    fd = os.open(queue.path("p/q.queue"), os.O_WRONLY)
    os.write(fd, b"half ")
    assert queue.out("cat p/q.queue") == ""
    os.write(fd, b"a line\nand")
    assert queue.out("cat p/q.queue") == "half a line\n"
    os.close(fd)
    assert queue.out("cat p/q.queue") == "half a line\nand\n"


def test_an_unfinished_line_counts_at_close(queue):
    queue.out("printf x > p/q.queue; cat p/q.queue") == "x\n"


def test_children_of_a_shell_write_one_line_together(queue):
    queue.out("{ /usr/bin/printf a; /usr/bin/printf 'b\\n'; } > p/q.queue")
    assert queue.out("cat p/q.queue") == "ab\n"


def test_pop_takes_one_message_and_is_empty_without_one(queue):
    queue.out("printf 'a\\nb\\n' > p/q.queue")
    assert queue.out("cat p/.q.queue/pop") == "a\n"
    assert queue.out("cat p/q.queue") == "b\n"
    assert queue.out("cat p/.q.queue/pop") == "b\n"
    assert queue.out("cat p/.q.queue/pop") == ""


def test_pop_gives_a_long_message_in_pieces(queue):
    text = "x" * 50000
    queue.run("cat > p/q.queue", input=text.encode())
    assert queue.out("dd bs=777 if=p/.q.queue/pop 2>/dev/null") == text + "\n"
    assert queue.out("cat p/.q.queue/pop") == ""


def test_a_message_half_read_is_put_back(queue):
    queue.out("printf 'abcdef\\nnext\\n' > p/q.queue")
    fd = os.open(queue.path("p/.q.queue/pop"), os.O_RDONLY)
    assert os.read(fd, 3) == b"abc"
    assert queue.out("cat p/q.queue") == "next\n"
    os.close(fd)
    until(lambda: queue.out("cat p/.q.queue/pop") == "abcdef\n")
    assert queue.out("cat p/.q.queue/pop") == "next\n"


def test_pipe_waits_for_each_message(queue):
    reader = queue.start_command("cat p/.q.queue/pipe")
    assert waits(reader)
    queue.out("echo first > p/q.queue")
    assert reader.stdout.readline() == b"first\n"
    assert waits(reader)
    queue.out("echo second > p/q.queue")
    assert reader.stdout.readline() == b"second\n"
    assert queue.out("cat p/q.queue") == ""


def test_pipe_gives_many_short_messages_in_one_read(queue):
    queue.out("seq 100 > p/q.queue")
    fd = os.open(queue.path("p/.q.queue/pipe"), os.O_RDONLY)
    assert os.read(fd, 65536) == b"".join(b"%d\n" % i for i in range(1, 101))
    os.close(fd)


def test_pipe_gives_only_whole_messages_that_fit(queue):
    queue.out("printf 'aaaa\\nbbbb\\ncccc\\n' > p/q.queue")
    fd = os.open(queue.path("p/.q.queue/pipe"), os.O_RDONLY)
    assert os.read(fd, 12) == b"aaaa\nbbbb\n"
    assert queue.out("cat p/q.queue") == "cccc\n"
    os.close(fd)


def test_a_shell_reads_lines_from_pipe(queue):
    queue.out("printf 'a\\nb\\n' > p/q.queue")
    assert queue.out(
        "exec 3< p/.q.queue/pipe; read -u3 x; read -u3 y; echo $x $y"
    ) == "a b\n"


def test_a_message_pushed_natively_wakes_a_reader(queue, native):
    reader = queue.start_command("cat p/.q.queue/pipe")
    assert waits(reader)
    n = native(queue)
    n.push(n.open("p/q.queue"), b"hello")
    assert reader.stdout.readline() == b"hello\n"


def test_tap_shows_what_comes_and_takes_nothing(queue):
    queue.out("echo before > p/q.queue")
    tap = queue.start_command("cat p/.q.queue/tap")
    assert waits(tap)
    queue.out("printf 'a\\nb\\n' > p/q.queue")
    assert tap.stdout.readline() == b"a\n"
    assert tap.stdout.readline() == b"b\n"
    assert queue.out("cat p/q.queue") == "before\na\nb\n"


def test_two_taps_see_everything(queue):
    taps = [queue.start_command("cat p/.q.queue/tap") for _ in range(2)]
    assert all(waits(tap) for tap in taps)
    queue.out("echo x > p/q.queue")
    assert [tap.stdout.readline() for tap in taps] == [b"x\n", b"x\n"]


def test_put_makes_one_message_of_all_that_is_written(queue, native):
    queue.out("{ echo a; /bin/echo b; cat /etc/hostname; } > p/.q.queue/put")
    n = native(queue)
    host = open("/etc/hostname", "rb").read().removesuffix(b"\n")
    assert n.drain(n.open("p/q.queue")) == [b"a\nb\n" + host]


def test_put_of_more_than_one_write_can_carry(mount, native):
    n = native(mount)
    n.create("p/b.queue", message_size=8 << 20)
    data = os.urandom(5 << 20)
    mount.run("cat > p/.b.queue/put", input=data)
    assert n.pop(n.open("p/b.queue"), 8 << 20) == data


@pytest.mark.parametrize("name", ["pop", "pipe"])
def test_a_long_message_is_taken_whole(mount, native, name):
    n = native(mount)
    n.create("p/b.queue", message_size=8 << 20)
    data = os.urandom(5 << 20)
    n.push(n.open("p/b.queue"), data)
    fd = os.open(mount.path(f"p/.b.queue/{name}"), os.O_RDONLY | os.O_NONBLOCK)
    taken = b""
    while len(taken) < len(data):
        taken += os.read(fd, 300000)
    assert taken == data
    os.close(fd)
    assert mount.out("cat p/.b.queue/pop") == ""


def test_an_empty_message_of_bytes_does_not_end_a_pipe(mount, native):
    n = native(mount)
    n.create("p/b.queue")
    handle = n.open("p/b.queue")
    reader = mount.start_command(["cat", "p/.b.queue/pipe"])
    for data in (b"", b"a", b"", b"b\n"):
        n.push(handle, data)
    assert reader.stdout.readline() == b"ab\n"
    assert waits(reader)


def test_put_returns_the_error_from_close(queue):
    fd = os.open(queue.path("p/.q.queue/put"), os.O_WRONLY)
    os.write(fd, b"\xff")
    with pytest.raises(OSError) as error:
        os.close(fd)
    assert error.value.errno == errno.EBADMSG
    assert "does not fit" in queue.out("cat p/.q.queue/errors")


def test_bytes_keep_the_bounds_of_writes(mount, native):
    n = native(mount)
    n.create("p/b.queue", message_size=1 << 20)
    fd = os.open(mount.path("p/b.queue"), os.O_WRONLY)
    messages = [b"a\nb", b"\0", os.urandom(1000000), b"end\n"]
    for message in messages:
        assert os.write(fd, message) == len(message)
    for size in (1000001, 1044480, 1044481, 3000000):
        with pytest.raises(OSError) as error:
            os.write(fd, bytes(size))
        assert error.value.errno == errno.EMSGSIZE
    os.close(fd)
    assert n.drain(n.open("p/b.queue")) == messages


def test_bytes_line_takes_any_byte(mount, native):
    n = native(mount)
    n.create("p/l.queue", type="bytes/line")
    mount.run("cat > p/l.queue", input=b"\xff\0\n\nx\n")
    assert mount.run("cat p/l.queue").bytes == b"\xff\0\n\nx\n"
    assert n.drain(n.open("p/l.queue")) == [b"\xff\0", b"", b"x"]


def test_a_bad_line_is_refused_and_those_before_it_stand(queue):
    fd = os.open(queue.path("p/q.queue"), os.O_WRONLY)
    data = b"good\nb\xffd\n"
    assert os.write(fd, data) == 5
    with pytest.raises(OSError) as error:
        os.write(fd, data[5:])
    assert error.value.errno == errno.EBADMSG
    os.write(fd, b"after\n")
    os.close(fd)
    assert queue.out("cat p/q.queue") == "good\nafter\n"
    line = queue.out("cat p/.q.queue/errors")
    assert re.fullmatch(
        rf"\d{{4}}-.*Z\t{os.getpid()}\t1\tvalue does not fit.*\n", line)


def test_a_line_longer_than_a_message_is_refused(queue):
    fd = os.open(queue.path("p/q.queue"), os.O_WRONLY)
    with pytest.raises(OSError) as error:
        os.write(fd, b"x" * 70000)
    assert error.value.errno == errno.EMSGSIZE
    os.write(fd, b"ok\n")
    os.close(fd)
    assert queue.out("cat p/q.queue") == "ok\n"


@pytest.fixture
def full(mount, native):
    """A mount where p/q.queue has room for four messages and holds them."""
    native(mount).create("p/q.queue", type="utf8", capacity=4)
    mount.out("seq 4 > p/q.queue")
    return mount


def test_a_full_queue_is_eagain_with_nonblock(full):
    fd = os.open(full.path("p/q.queue"), os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.write(fd, b"5\n")
    full.out("cat p/.q.queue/pop")
    assert os.write(fd, b"5\n6\n") == 2
    os.close(fd)
    assert full.out("cat p/q.queue") == "2\n3\n4\n5\n"


def test_a_writer_waits_until_there_is_room(full):
    writer = full.start_command("echo 5 > p/q.queue")
    assert waits(writer)
    assert full.out("cat p/.q.queue/pop") == "1\n"
    assert writer.wait(5) == 0
    assert full.out("cat p/q.queue") == "2\n3\n4\n5\n"


def test_a_native_pop_makes_room_for_a_waiting_writer(full, native):
    writer = full.start_command("seq 5 9 > p/q.queue")
    assert waits(writer)
    n = native(full)
    handle = n.open("p/q.queue")
    taken = []

    def all_taken():
        taken.extend(n.drain(handle))
        return len(taken) == 9

    until(all_taken)
    assert taken == [str(i).encode() for i in range(1, 10)]
    assert writer.wait(5) == 0


def test_an_unfinished_line_waits_for_room_at_close(full):
    writer = full.start_command("printf 5 > p/q.queue")
    assert waits(writer)
    full.out("cat p/.q.queue/pop")
    assert writer.wait(5) == 0
    assert full.out("cat p/q.queue") == "2\n3\n4\n5\n"


def test_put_waits_for_room_at_close(full):
    writer = full.start_command("echo big > p/.q.queue/put")
    assert waits(writer)
    full.out("cat p/.q.queue/pop")
    assert writer.wait(5) == 0
    assert full.out("cat p/q.queue") == "2\n3\n4\nbig\n"


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("command", [
    "exec /usr/bin/printf '5\\n' > p/q.queue",
    "exec /usr/bin/printf x > p/.q.queue/put",
    "exec dd status=none if=/etc/hostname of=p/q.queue",
])
def test_a_waiting_writer_dies_of_its_signals(full, command, way):
    writer = full.start_command(command)
    assert waits(writer)
    os.kill(writer.pid, way)
    assert writer.wait(5) == -way
    # what it wanted to write is not there, and will not come
    full.out("cat p/.q.queue/pop p/.q.queue/pop")
    time.sleep(0.1)
    assert full.out("cat p/q.queue") == "3\n4\n"


@pytest.mark.parametrize("name", ["q.queue", ".q.queue/put", "t/key"])
def test_of_a_killed_writer_nothing_is_stored_by_halves(queue, name):
    queue.out("touch p/t.table")
    writer = queue.start_command(["python3", "-c",
        "import os, time\n"
        f"f = os.open('p/{name}', os.O_WRONLY | os.O_CREAT)\n"
        "os.write(f, b'half')\n"
        "print('written', flush=True)\n"
        "time.sleep(100)\n"])
    assert writer.stdout.readline() == b"written\n"
    writer.kill()
    writer.wait(5)
    time.sleep(0.1)
    assert queue.out("cat p/q.queue p/t.table") == ""


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("name", ["pipe", "tap"])
def test_a_waiting_reader_dies_of_its_signals(queue, name, way):
    reader = queue.start_command(["cat", f"p/.q.queue/{name}"])
    assert waits(reader)
    os.kill(reader.pid, way)
    assert reader.wait(5) == -way
    queue.out("echo kept > p/q.queue")
    assert queue.out("cat p/q.queue") == "kept\n"


def test_a_process_that_ends_with_an_unfinished_line_ends_at_once(full):
    writer = full.start_command([
        "python3", "-c",
        "import os; f = os.open('p/q.queue', os.O_WRONLY);"
        "os.write(f, b'5'); os._exit(0)"])
    assert writer.wait(5) == 0
    full.out("cat p/.q.queue/pop")
    until(lambda: full.out("cat p/q.queue") == "2\n3\n4\n5\n")


def test_a_waiting_writer_holds_nobody_up(full):
    writers = [full.start_command("echo x > p/q.queue") for _ in range(3)]
    assert all(waits(writer) for writer in writers)
    for command in (
        "ls -la p p/.q.queue", "stat p/q.queue", "chmod 600 p/q.queue",
        "touch -d @1000 p/q.queue", "cat p/q.queue", "touch p/r.queue",
        "mkdir other", "getfattr -d p/q.queue", "mv p/r.queue p/s.queue",
        "rm p/s.queue", "rmdir other",
    ):
        full.run(command, timeout=5)
    fd = os.open(full.path("p/q.queue"), os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.write(fd, b"y\n")
    os.close(fd)
    full.out("rm p/q.queue", timeout=5)
    assert full.out("ls p") == ""
    # nobody will ever make room in what has been removed
    assert all(writer.wait(5) != 0 for writer in writers)


def test_readers_of_a_removed_queue_come_to_an_end(queue, native):
    readers = [queue.start_command(f"cat p/.q.queue/{name}")
               for name in ("pipe", "tap")]
    assert all(waits(reader) for reader in readers)
    native(queue).remove("p/q.queue")
    assert [reader.wait(5) for reader in readers] == [0, 0]


def test_five_hundred_readers_each_get_a_message(queue):
    code = (
        "import os, sys\n"
        "ends = []\n"
        "for i in range(500):\n"
        "    if os.fork() == 0:\n"
        "        fd = os.open('p/.q.queue/pipe', os.O_RDONLY)\n"
        "        os.write(1, os.read(fd, 4))\n"
        "        os._exit(0)\n"
        "print('started', flush=True)\n"
        "for i in range(500): os.wait()\n"
    )
    parent = queue.start_command(["python3", "-c", code])
    assert parent.stdout.readline() == b"started\n"
    children = f"/proc/{parent.pid}/task/{parent.pid}/children"
    reading = "fuse" # all are in a read of ours

    def all_read():
        pids = open(children).read().split()
        stacks = [open(f"/proc/{pid}/stack").read() for pid in pids]
        return len(pids) == 500 and all(reading in s for s in stacks)

    until(all_read, 30)
    assert len(os.listdir(f"/proc/{queue.server.pid}/task")) < 12
    queue.out("seq -f %03g 0 499 > p/q.queue", timeout=30)
    lines = parent.communicate(timeout=30)[0].split()
    assert sorted(lines) == [b"%03d" % i for i in range(500)]


def test_a_hundred_waiting_readers_can_be_killed(queue):
    readers = [queue.start_command(["cat", "p/.q.queue/pipe"])
               for _ in range(100)]
    assert waits(readers[-1])
    for reader in readers:
        reader.kill()
    assert [reader.wait(10) for reader in readers] == [-9] * 100
    queue.out("echo kept > p/q.queue")
    assert queue.out("cat p/q.queue") == "kept\n"


def test_a_killed_reader_never_takes_a_message_with_it(queue, native):
    n = native(queue)
    handle = n.open("p/q.queue")
    seen = []
    for i in range(100):
        reader = queue.start_command(["cat", "p/.q.queue/pipe"])
        n.push(handle, b"%d" % i)
        if i % 3:
            time.sleep(0.001 * (i % 7))
        reader.kill()
        seen += reader.stdout.read().split()
        reader.wait(5)
    until(lambda: stat_of(queue)["claims"] == 0)
    rest = n.drain(handle)
    # A message may have reached a reader that was killed before it could
    # pass it on, but none is there twice.
    assert len(set(seen + rest)) == len(seen + rest)


def stat_of(mount):
    lines = mount.out("cat p/.q.queue/holders").splitlines()
    return {"claims": sum(int(line.split("\t")[3]) for line in lines)}


def test_stat_tells_the_state(queue):
    queue.out("seq 3 > p/q.queue; cat p/.q.queue/pop")
    lines = queue.out("cat p/.q.queue/stat").splitlines()
    stat = dict(line.split("\t") for line in lines)
    assert stat["depth"] == "2"
    assert stat["pushed"] == "3"
    assert stat["popped"] == "1"
    assert stat["type"] == "utf8"


def test_holders_tell_who_has_it_open(queue, native):
    n = native(queue)
    n.open("p/q.queue")
    lines = queue.out("cat p/.q.queue/holders").splitlines()
    assert str(os.getpid()) in [line.split("\t")[1] for line in lines]


def test_the_size_shown_is_that_of_what_is_read(queue):
    assert os.stat(queue.path("p/q.queue")).st_size == 0
    queue.out("printf 'a\\nbb\\n\\n' > p/q.queue")
    assert os.stat(queue.path("p/q.queue")).st_size == 6


def test_a_snapshot_does_not_change_while_it_is_read(queue):
    queue.out("seq 3 > p/q.queue")
    fd = os.open(queue.path("p/q.queue"), os.O_RDONLY)
    assert os.read(fd, 2) == b"1\n"
    queue.out("cat p/.q.queue/pop; seq 4 9 > p/q.queue")
    assert os.read(fd, 100) == b"2\n3\n"
    os.close(fd)
