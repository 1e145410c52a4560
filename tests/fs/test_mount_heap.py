"""A heap in the mounted tree: each line begins with its priority."""

import errno
import os

import pytest

from fs.conftest import until

RELAXED = 4


@pytest.fixture
def heap(mount):
    """The mount, with the heap p/h.heap of type utf8."""
    mount.out("touch p/h.heap")
    return mount


def test_reading_shows_what_is_most_urgent_first_and_takes_nothing(heap):
    heap.out(r"printf '5\tsweep\n1\tfire\n' > p/h.heap")
    heap.out(r"printf '3\twater\n1\tflood\n' >> p/h.heap")
    for _ in range(2):
        assert heap.out("cat p/h.heap") == (
            "1\tfire\n1\tflood\n3\twater\n5\tsweep\n")
    assert os.stat(heap.path("p/h.heap")).st_size == 31


def test_what_was_read_can_be_written_back(heap):
    heap.out("touch p/copy.heap; seq 300 | awk '{ print $1 * 7919 % 100 "
             "\"\\tjob \" $1 }' > p/h.heap; cat p/h.heap > p/copy.heap")
    assert heap.out("cmp p/h.heap p/copy.heap; wc -l < p/copy.heap") == "300\n"


def test_pop_takes_the_least_priority(heap):
    heap.out(r"printf '5\ta\n0\tb\n18446744073709551615\tc\n' > p/h.heap")
    assert [heap.out("cat p/.h.heap/pop") for _ in range(4)] == [
        "0\tb\n", "5\ta\n", "18446744073709551615\tc\n", ""]


def test_a_pipe_takes_each_as_it_comes(heap):
    pipe = heap.start_command("cat p/.h.heap/pipe")
    for line in (b"9\tone\n", b"3\ttwo\n"):
        heap.out("cat > p/h.heap", input=line)
        assert pipe.stdout.readline() == line
    assert heap.out("cat p/h.heap") == ""


def test_what_a_pipe_did_not_deliver_whole_keeps_its_place(heap):
    heap.out(r"printf '2\tb\n1\tfirst of all\n3\tc\n' > p/h.heap")
    fd = os.open(heap.path("p/.h.heap/pipe"), os.O_RDONLY)
    assert os.read(fd, 5) == b"1\tfir"
    os.close(fd)
    assert heap.out("cat p/h.heap") == "1\tfirst of all\n2\tb\n3\tc\n"


def test_a_pipe_gives_no_more_than_fits(heap):
    heap.out("seq 100 199 | sed 's/$/\tx/' > p/h.heap")
    fd = os.open(heap.path("p/.h.heap/pipe"), os.O_RDONLY)
    got = os.read(fd, 100)
    os.close(fd)
    assert got and got.endswith(b"\n") and len(got) <= 100
    left = heap.run("cat p/h.heap").bytes
    assert got + left == b"".join(b"%d\tx\n" % i for i in range(100, 200))


def test_a_tap_shows_what_is_pushed_and_takes_nothing(heap):
    tap = heap.start_command("cat p/.h.heap/tap")
    until(lambda: any("tap" in os.readlink(f"/proc/{tap.pid}/fd/{fd}")
                      for fd in os.listdir(f"/proc/{tap.pid}/fd")))
    heap.out(r"printf '7\tseven\n' > p/h.heap")
    assert tap.stdout.readline() == b"7\tseven\n"
    heap.out(r"printf '3\tthree\n' > p/h.heap")
    assert tap.stdout.readline() == b"3\tthree\n"
    assert heap.out("wc -l < p/h.heap") == "2\n"


@pytest.mark.parametrize("line, offset", [
    (r"no number\n", 0), (r"\n", 0), (r"-1\tx\n", 0), (r"12 x\n", 2),
    (r"18446744073709551616\tx\n", 19), (r"1\ta\xff\n", 3)])
def test_a_bad_line_is_refused_and_those_before_it_stand(heap, line, offset):
    assert "Bad message" in heap.err(rf"printf '1\tgood\n{line}' > p/h.heap")
    assert heap.out("cat p/h.heap") == "1\tgood\n"
    assert heap.out("tail -1 p/.h.heap/errors | cut -f3") == f"{offset}\n"


def test_put_takes_a_priority_and_one_message_of_any_size(heap):
    data = os.urandom(30000).hex()
    heap.out("{ printf '44\\t'; cat; echo; echo more; } > p/.h.heap/put",
             input=data.encode())
    assert heap.out("cat p/.h.heap/pop") == f"44\t{data}\nmore\n"
    assert "Bad message" in heap.err("echo no number > p/.h.heap/put")
    assert "Bad message" in heap.err("printf '5\\txx\\xffyyyy' > p/.h.heap/put")
    assert heap.out("cat p/h.heap; cut -f3 p/.h.heap/errors") == "0\n0\n"


def test_the_limit_is_that_of_the_message_alone(heap, native):
    native(heap).create("p/s.heap", type="utf8", message_size=4)
    heap.out(r"printf '18446744073709551615\t1234\n' > p/s.heap")
    heap.out(r"printf '18446744073709551615\tabcd\n' > p/.s.heap/put")
    for file in ("p/s.heap", "p/.s.heap/put"):
        fd = os.open(heap.path(file), os.O_WRONLY)
        with pytest.raises(OSError) as error:
            try:
                os.write(fd, b"1\t12345\n")
            finally:
                os.close(fd)
        assert error.value.errno == errno.EMSGSIZE
    assert heap.out("wc -l < p/s.heap") == "2\n"


def test_a_write_of_bytes_is_a_priority_and_one_message(heap, native):
    n = native(heap)
    n.create("p/b.heap", message_size=100)
    fd = os.open(heap.path("p/b.heap"), os.O_WRONLY)
    os.write(fd, b"7\ta\nb")
    os.write(fd, b"6\t\0\xff")
    with pytest.raises(OSError):
        os.write(fd, b"no")
    os.close(fd)
    assert heap.run("cat p/b.heap").bytes == b"6\t\0\xff7\ta\nb"
    assert heap.run("cat p/.b.heap/pop").bytes == b"6\t\0\xff"
    assert n.drain(n.open("p/b.heap")) == [b"a\nb"]


def test_a_full_heap_lets_writers_wait_or_says_so(heap, native):
    native(heap).create("p/s.heap", type="utf8", capacity=2)
    heap.out(r"printf '1\ta\n2\tb\n' > p/s.heap")
    fd = os.open(heap.path("p/s.heap"), os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.write(fd, b"3\tx\n")
    os.close(fd)
    writer = heap.start_command(r"printf '0\tlate\n' > p/s.heap")
    until(lambda: "s.heap" in " ".join(
        os.readlink(f"/proc/{writer.pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{writer.pid}/fd")))
    assert heap.out("cat p/.s.heap/pop") == "1\ta\n"
    assert writer.wait(10) == 0
    assert heap.out("cat p/s.heap") == "0\tlate\n2\tb\n"


def test_a_heap_is_described_by_its_own_words(heap, native):
    native(heap).create("p/r.heap", flags=RELAXED)
    assert sorted(os.listdir(heap.path("p/.r.heap"))) == [
        "errors", "holders", "pipe", "pop", "put", "stat", "tap"]
    for name, order in (("h", "strict"), ("r", "relaxed")):
        stat = dict(line.split("\t") for line in
                    heap.out(f"cat p/.{name}.heap/stat").splitlines())
        assert (stat["order"], stat["depth"]) == (order, "0")
        assert ("rank-bound" in stat) == (order == "relaxed")
        assert os.getxattr(heap.path(f"p/{name}.heap"), "user.agora.order") == (
            order.encode())
    assert int(stat["rank-bound"]) > 0


def test_a_relaxed_heap_shows_and_gives_all_that_is_in_it(heap, native):
    native(heap).create("p/r.heap", type="utf8", flags=RELAXED)
    heap.out("seq 200 | sed 's/$/\tx/' > p/r.heap")
    lines = [f"{i}\tx" for i in range(1, 201)]
    assert sorted(heap.out("cat p/r.heap").splitlines()) == sorted(lines)
    taken = heap.out("for i in $(seq 200); do cat p/.r.heap/pop; done")
    assert sorted(taken.splitlines()) == sorted(lines)
    assert heap.out("cat p/.r.heap/pop") == ""


def test_a_large_heap_shows_the_size_0_and_is_read_whole(heap, native):
    native(heap).create("p/l.heap", type="utf8", capacity=20000)
    heap.out("seq 17000 | sed 's/$/\tx/' > p/l.heap")
    assert os.stat(heap.path("p/l.heap")).st_size == 0
    assert heap.out("wc -l < p/l.heap") == "17000\n"
