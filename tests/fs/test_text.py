"""How bytes look in lines, and how what is written becomes lines."""

import random
import re
import subprocess
import sys
import unicodedata

import pytest

from drivers import EMULATOR

UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}
CLOCK = "\U0001f550".encode()


@pytest.fixture
def text(driver):
    """Run the driver; returns (output, error)."""
    path = driver("text")

    def run(*args, data=b""):
        done = subprocess.run([*EMULATOR, path, *args], input=data,
                              capture_output=True, timeout=60)
        assert done.returncode in (0, 1)
        assert (done.returncode == 0) == (not done.stderr)
        return done.stdout, done.stderr.decode().strip()

    return run


def good(result):
    assert result[1] == ""
    return result[0]


@pytest.mark.parametrize("data, shown", [
    (b"", b""),
    (b"plain ~ text", b"plain ~ text"),
    (b"back\\slash", b"back\\\\slash"),
    (b"a\tb\nc\rd", b"a\\tb\\nc\\rd"),
    (b"\x00\x01\x1b\x7f", b"\\x00\\x01\\x1B\\x7F"),
    ("é ß 語".encode(), "é ß 語".encode()),
    (CLOCK, CLOCK),
    (b"\xff\xfe", b"\\xFF\\xFE"),
    ("\u0085".encode(), b"\\xC2\\x85"),
    ("\u2028".encode(), b"\\xE2\\x80\\xA8"),
    ("\u200b".encode(), b"\\xE2\\x80\\x8B"),
    ("x\u200dy".encode(), "x\u200dy".encode()),
    ("\u202e".encode(), b"\\xE2\\x80\\xAE"),
    (b"\xc3", b"\\xC3"),
    (b"\xc3A", b"\\xC3A"),
    (b"\xe2\x82", b"\\xE2\\x82"),
    (b"\xc0\x80", b"\\xC0\\x80"),
    (b"\xed\xa0\x80", b"\\xED\\xA0\\x80"),
])
def test_escape_shows_what_can_be_shown(text, data, shown):
    assert good(text("escape", data=data)) == shown
    assert good(text("unescape", data=shown)) == data


def test_any_bytes_come_back_from_one_printable_line(text):
    rng = random.Random(1)
    for size in (1, 2, 100, 5000):
        data = rng.randbytes(size)
        shown = good(text("escape", data=data))
        assert UNSEEN.isdisjoint(map(unicodedata.category, shown.decode()))
        assert good(text("unescape", data=shown)) == data
    every = bytes(range(256)) * 3
    assert good(text("unescape", data=good(text("escape", data=every)))) == every


def test_unescape_takes_small_and_capital_digits_and_raw_bytes(text):
    assert good(text("unescape", data=b"\\xaF\\xFa\xff\t")) == b"\xaf\xfa\xff\t"


@pytest.mark.parametrize("line, offset", [
    (b"\\", 0),
    (b"ab\\q", 2),
    (b"ab\\\\\\0", 4),
    (b"\\x", 0),
    (b"1\\x4", 1),
    (b"1\\x4g", 1),
    (b"\\x-1", 0),
    (b"\\\x00", 0),
])
def test_unescape_tells_where_a_bad_escape_is(text, line, offset):
    assert text("unescape", data=line) == (b"", f"EBADMSG {offset}")


@pytest.mark.parametrize("key, name", [
    (b"AAPL", b"AAPL"),
    (b"a/b/", b"a\\x2Fb\\x2F"),
    (b"/", b"\\x2F"),
    (b".", b"\\x2E"),
    (b"..", b"\\x2E."),
    (b"...", b"..."),
    (b".hidden", b".hidden"),
    (b"tab\t", b"tab\\t"),
])
def test_a_key_becomes_a_file_name_and_comes_back(text, key, name):
    assert good(text("name", data=key)) == name
    assert good(text("unescape", data=name)) == key


def test_a_key_that_cannot_be_a_file_name_is_refused(text):
    assert text("name", data=b"") == (b"", "EINVAL 0")
    assert text("name", data=b"k" * 256) == (b"", "ENAMETOOLONG 0")
    assert text("name", data=b"/" * 64) == (b"", "ENAMETOOLONG 0")
    assert good(text("name", data=b"/" * 63)) == b"\\x2F" * 63


@pytest.mark.parametrize("key, value", [
    (b"key", b"value"), (b"", b""), (b"a\tb", b"c\td\n"), (b"\\", b"\xff")])
def test_an_entry_is_one_line_and_comes_back(text, key, value):
    line = good(text("entry", data=key + b"\0" + value))
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert line.count(b"\t") == 1
    assert good(text("parse", data=line[:-1])) == key + b"\0" + value


def test_an_entry_is_cut_at_its_first_tab(text):
    assert good(text("parse", data=b"k\tv\tw")) == b"k\0v\tw"
    assert good(text("parse", data=b"\t")) == b"\0"


@pytest.mark.parametrize("line, offset", [
    (b"", 0), (b"no tab", 6), (b"k\\\tv", 1), (b"k\tv\\z", 3)])
def test_a_line_that_is_no_entry_tells_where(text, line, offset):
    assert text("parse", data=line) == (b"", f"EBADMSG {offset}")


def test_messages_of_line_types_end_with_a_newline(text):
    assert good(text("message", "utf8", data=b"a")) == b"a\n"
    assert good(text("message", "utf8", data=b"a\nb\n")) == b"a\nb\n\n"
    assert good(text("message", "bytes/line", data=b"")) == b"\n"
    assert good(text("message", "bytes", data=b"a")) == b"a"
    assert good(text("message", "bytes", data=b"")) == b""


def lines_of(data):
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return b"".join(line + b"\n" for line in lines)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 100000])
@pytest.mark.parametrize("refusals", [0, 1, 3])
def test_lines_are_the_same_however_writes_cut_them(text, piece, refusals):
    data = re.sub(b"[a-f]", b"\n", random.Random(piece).randbytes(3000).hex().encode())
    for stream in (data, data + b"\n", data + b"end", b"\n\n", b"one", b""):
        out = good(text("lines", str(piece), str(refusals), data=stream))
        assert out == lines_of(stream)


def test_a_line_longer_than_the_limit_is_refused(text):
    for piece in ("1", "3", "100"):
        out, error = text("lines", piece, "0", "5", data=b"12345\n123456\n1\n")
        assert (out, error) == (b"12345\n", "EMSGSIZE 0")


@pytest.mark.parametrize("kind, message, shown", [
    ("bytes", b"a\n\xff", b"a\n\xff"),
    ("utf8", b"hello", b"hello\n"),
    ("bytes/line", b"\xff", b"\xff\n"),
    ("i16", b"\x01\x02", str(int.from_bytes(b"\1\2", sys.byteorder)).encode()
     + b"\n"),
    ("struct{u8 a; char s[3];}", b"\x07hi\0", b'{"a":7,"s":"hi"}\n'),
    ("list(utf8)", b"", b"[]\n"),
])
def test_messages_are_shown_and_read_as_their_type_says(
        text, kind, message, shown):
    assert good(text("typed", kind, data=message)) == shown
    written = shown if kind == "bytes" else shown.removesuffix(b"\n")
    assert good(text("untyped", kind, data=written)) == message


@pytest.mark.parametrize("kind, line, offset", [
    ("utf8", b"ab\xff", 2),
    ("struct{u8 a;}", b'{"a":256}', 5),
    ("utf8/json", b"[1] x", 5),
])
def test_what_does_not_fit_is_ebadmsg_with_its_place(text, kind, line, offset):
    assert text("untyped", kind, data=line) == (b"", f"EBADMSG {offset}")


def test_a_long_message_is_shown_whole(text):
    kind = "struct{u64 a[5000];}"
    shown = good(text("typed", kind, data=b"\xff" * 40000))
    assert shown.count(b"18446744073709551615") == 5000
    assert good(text("untyped", kind, data=shown)) == b"\xff" * 40000
