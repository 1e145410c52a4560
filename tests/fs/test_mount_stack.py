"""A stack and a list in the mounted tree."""

import errno
import os

import pytest

from fs.conftest import until

KINDS = ["stack", "list"]


@pytest.fixture(params=KINDS)
def kind(request, mount):
    mount.out(f"touch p/x.{request.param}")
    return request.param


def in_order(kind, lines):
    """As reading shows and popping takes what was pushed in this order."""
    return lines[::-1] if kind == "stack" else lines


def shown(kind, lines):
    return "".join(f"{line}\n" for line in in_order(kind, lines))


def test_reading_shows_what_popping_takes_first_and_takes_nothing(mount, kind):
    mount.out(f"seq 5 > p/x.{kind}; echo more > p/x.{kind}")
    lines = [1, 2, 3, 4, 5, "more"]
    for _ in range(2):
        assert mount.out(f"cat p/x.{kind}") == shown(kind, lines)
    assert os.stat(mount.path(f"p/x.{kind}")).st_size == len("1\n" * 5) + 5
    taken = [mount.out(f"cat p/.x.{kind}/pop").strip() for _ in range(6)]
    assert taken == [str(line) for line in in_order(kind, lines)]
    assert mount.out(f"cat p/x.{kind} p/.x.{kind}/pop") == ""


def test_a_pipe_takes_each_as_it_comes(mount, kind):
    pipe = mount.start_command(f"cat p/.x.{kind}/pipe")
    for word in ("one", "two", "three"):
        mount.out(f"echo {word} > p/x.{kind}")
        assert pipe.stdout.readline() == word.encode() + b"\n"
    assert mount.out(f"cat p/x.{kind}") == ""


def test_what_a_pipe_did_not_deliver_whole_is_put_back(mount, kind):
    lines = [f"message {i}" for i in range(10)]
    mount.out(f"cat > p/x.{kind}", input="\n".join(lines).encode())
    fd = os.open(mount.path(f"p/.x.{kind}/pipe"), os.O_RDONLY)
    first = os.read(fd, 5)
    os.close(fd)
    assert first == b"messa"
    assert mount.out(f"cat p/x.{kind}") == shown(kind, lines)


def test_a_tap_shows_what_is_pushed_and_takes_nothing(mount, kind):
    mount.out(f"echo before > p/x.{kind}")
    tap = mount.start_command(f"cat p/.x.{kind}/tap")
    until(lambda: any("tap" in os.readlink(f"/proc/{tap.pid}/fd/{fd}")
                      for fd in os.listdir(f"/proc/{tap.pid}/fd")))
    mount.out(f"echo one > p/x.{kind}")
    assert tap.stdout.readline() == b"one\n"
    mount.out(f"echo two > p/x.{kind}")
    assert tap.stdout.readline() == b"two\n"
    assert mount.out(f"cat p/x.{kind}") == shown(kind, ["before", "one", "two"])


def test_put_takes_one_message_of_any_size(mount, kind):
    data = os.urandom(30000).hex().encode()
    mount.run(f"{{ cat; echo; echo more; }} > p/.x.{kind}/put", input=data)
    assert mount.run(f"cat p/.x.{kind}/pop").bytes == data + b"\nmore\n"


def test_a_full_one_lets_writers_wait_or_says_so(mount, kind, native):
    native(mount).create(f"p/small.{kind}", type="utf8", capacity=2)
    mount.out(f"seq 2 > p/small.{kind}")
    fd = os.open(mount.path(f"p/small.{kind}"), os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.write(fd, b"x\n")
    os.close(fd)
    writer = mount.start_command(f"echo late > p/small.{kind}")
    until(lambda: "small" in " ".join(
        os.readlink(f"/proc/{writer.pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{writer.pid}/fd")))
    mount.out(f"cat p/.small.{kind}/pop")
    assert writer.wait(10) == 0
    assert "late\n" in mount.out(f"cat p/small.{kind}")


def test_what_does_not_fit_the_type_is_refused(mount, kind):
    assert "Bad message" in mount.err(f"printf 'a\\xff\\n' > p/x.{kind}")
    assert "\t1\tvalue does not fit" in mount.out(f"cat p/.x.{kind}/errors")


def test_messages_of_bytes_are_writes(mount, kind, native):
    n = native(mount)
    n.create(f"p/raw.{kind}", message_size=1 << 20)
    fd = os.open(mount.path(f"p/raw.{kind}"), os.O_WRONLY)
    os.write(fd, b"a\nb")
    os.write(fd, b"c\n")
    os.close(fd)
    assert mount.out(f"cat p/raw.{kind}") == "".join(
        in_order(kind, ["a\nb", "c\n"]))
    handle = n.open(f"p/raw.{kind}")
    assert n.drain(handle) == in_order(kind, [b"a\nb", b"c\n"])


def test_it_has_what_a_sequence_has(mount, kind):
    assert sorted(os.listdir(mount.path(f"p/.x.{kind}"))) == [
        "errors", "holders", "pipe", "pop", "put", "stat", "tap"]
    stat = dict(line.split("\t") for line in
                mount.out(f"cat p/.x.{kind}/stat").splitlines())
    assert (stat["kind"], stat["depth"]) == (kind, "0")
    assert not {"version", "readers", "order", "rank-bound", "keys",
                "writers", "spsc"} & set(stat)
    with pytest.raises(OSError) as error:
        os.getxattr(mount.path(f"p/x.{kind}"), "user.agora.order")
    assert error.value.errno == errno.ENODATA
    assert os.getxattr(mount.path(f"p/x.{kind}"), "user.agora.kind") == (
        kind.encode())


def test_the_third_line_of_a_list_is_its_third_element(mount):
    mount.out("touch p/n.list; printf 'a\\nb\\nc\\nd\\n' > p/n.list")
    assert mount.out("sed -n 3p p/n.list") == "c\n"
    assert mount.out("tail -n 1 p/n.list; grep -c . p/n.list") == "d\n4\n"


def test_readers_see_whole_messages_while_others_push_and_pop(mount, kind):
    worker = mount.start_command(
        f"while :; do seq -f 'line %g' 50 > p/x.{kind}; for i in $(seq 50); "
        f"do cat p/.x.{kind}/pop; done > /dev/null; done")
    for _ in range(40):
        for line in mount.out(f"cat p/x.{kind}").splitlines():
            assert line.startswith("line ")
    assert worker.poll() is None
