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


def path_of(text, key):
    return good(text("path", data=key)).split(b"/")


def find(text, parts):
    """(whether it is a folder, its bytes), or None."""
    out, error = text("find", data=b"".join(part + b"\0" for part in parts))
    assert error in ("", "EINVAL 0")
    return None if error else (out[:1] == b"1", out[1:])


@pytest.mark.parametrize("key, name", [
    (b"AAPL", b"AAPL"),
    (b"a/b/", b"a\\x2Fb\\x2F"),
    (b"/", b"\\x2F"),
    (b"", b"\\e"),
    (b"\\e", b"\\\\e"),
    (b".", b"\\x2E"),
    (b"..", b"\\x2E."),
    (b"...", b"..."),
    (b".hidden", b".hidden"),
    (b"tab\t", b"tab\\t"),
    (b"\0", b"\\x00"),
    (b"a+", b"a+"),
    (b"a\\+", b"a\\\\+"),
    pytest.param(b"k" * 255, b"k" * 255, id="255"),
    pytest.param(b"/" * 63, b"\\x2F" * 63, id="63 slashes"),
])
def test_a_key_becomes_a_file_name_and_comes_back(text, key, name):
    assert path_of(text, key) == [name]
    assert find(text, [name]) == (False, key)


@pytest.mark.parametrize("key, path", [
    (b"k" * 256, [b"k" * 253 + b"\\+", b"kkk"]),
    (b"/" * 64, [b"\\x2F" * 63 + b"\\+", b"\\x2F"]),
    (b"k" * 252 + "語".encode() + b"k", [b"k" * 252 + b"\\+", "語k".encode()]),
    (b"k" * 253 + b"\n/..", [b"k" * 253 + b"\\+", b"\\n\\x2F.."]),
    (b"k" * 253 + b"...", [b"k" * 253 + b"\\+", b"..."]),
    (b"\xff" * 62 + b"kkkk.." + b"k" * 250 + b"...",
     [b"\\xFF" * 62 + b"kkkk..k"[:5] + b"\\+", b"." + b"k" * 250 + b"..."]),
    (b"k" * 1000, [b"k" * 253 + b"\\+"] * 3 + [b"k" * 241]),
], ids=range(7))
def test_a_long_key_has_a_path_that_leads_back_to_it(text, key, path):
    assert path_of(text, key) == path
    assert find(text, path) == (False, key)
    for i in range(1, len(path)):
        folder, start = find(text, path[:i])
        assert folder and key.startswith(start)


def random_key(rng):
    """Bytes that are often special, and often near a cut."""
    pieces = [b"a", b"/", b".", b"\\", b"+", b"e", b"\0", b"\n", b"\xff",
              "é".encode(), "語".encode(), CLOCK, b"\xe8\xaa", b"\xf0\x9f"]
    size = rng.choice([0, 1, 2, 3, 50, 60, 120, 250, 253, 255, 256, 500, 900])
    if rng.random() < 0.5:
        start = rng.choice(pieces[:1] + pieces[-5:]) * rng.randrange(size + 1)
        return start[:size] + b"".join(rng.choices(pieces, k=8))
    return b"".join(rng.choices(pieces, k=size))


def test_any_key_has_one_path_of_names_that_files_can_have(text):
    rng = random.Random(2)
    seen = {}
    for _ in range(300):
        key = random_key(rng)
        path = path_of(text, key)
        assert all(1 <= len(part) <= 255 for part in path)
        assert not {b".", b".."} & set(path) and b"\0" not in b"".join(path)
        assert all(part.endswith(b"\\+") for part in path[:-1])
        assert find(text, path) == (False, key)
        assert seen.setdefault(tuple(path), key) == key


def test_no_two_names_lead_to_the_same_key(text):
    """Whatever a name is found to be is written as that name."""
    rng = random.Random(3)
    words = [b"a", b"\\x61", b"\\x2F", b"\\x2f", b"\\e", b"\\+", b"\\\\", b"+",
             b".", b"\\x2E", b"\\n", b"\\x0A", b"\xff", b"\\xFF", "é".encode(),
             b"\\xC3", b"\\xA9", b"\xa9", b"a" * 249, b"a" * 252, b"a" * 253,
             b"a" * 255, b"\\", b"x"]
    found = 0
    for _ in range(800):
        parts = [b"".join(rng.choices(words, k=rng.randrange(1, 4)))
                 for _ in range(rng.randrange(1, 3))]
        got = find(text, parts)
        if got is None:
            continue
        found += 1
        folder, key = got
        path = path_of(text, key + b"\1\1\1" * folder)
        assert path[:len(parts)] == parts
        assert folder or len(path) == len(parts)
    assert found > 50


@pytest.mark.parametrize("parts", [
    [b"\\x61"], [b"a\\"], [b"\\q"], [b"tab\there"], [b"\\x2e"], [b"\\ee"],
    [b"."], [b""], [b"\\+"], [b"short\\+"], [b"k" * 249 + b"\\+"],
    [b"k" * 254 + b"\\+"], [b"k" * 256],
    [b"k" * 253 + b"\\+", b"kk"], [b"k" * 253 + b"\\+", b"\\e"],
    [b"k" * 251 + b"\\+", b"kkkkk"],
    [b"k" * 245 + b"\\xE8\\xAA\\+", b"\\x9E" + b"k" * 20],
], ids=range(17))
def test_what_is_no_path_of_a_key_is_refused(text, parts):
    assert find(text, parts) is None


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


def test_values_of_line_types_end_with_a_newline_unless_empty(text):
    assert good(text("value", "utf8", data=b"a")) == b"a\n"
    assert good(text("value", "utf8", data=b"a\n")) == b"a\n\n"
    assert good(text("value", "utf8", data=b"")) == b""
    assert good(text("value", "bytes", data=b"a")) == b"a"


@pytest.mark.parametrize("member", [
    b"", b"plain", b"a\tb\n", b"\\", b"\xff", "é".encode()])
def test_a_member_is_one_line_and_comes_back(text, member):
    line = good(text("member", data=member))
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert b"\t" not in line
    assert good(text("parse-member", data=line[:-1])) == member


def test_a_member_with_a_bad_escape_tells_where(text):
    assert text("parse-member", data=b"ab\\q") == (b"", "EBADMSG 2")
    assert good(text("parse-member", data=b"a\tb")) == b"a\tb"


@pytest.mark.parametrize("priority, message", [
    (0, b"x"), (7, b""), (2**64 - 1, b"a\tb"), (10, b"\xff")])
def test_a_message_with_a_priority_is_a_line_and_comes_back(
        text, priority, message):
    line = good(text("message", "utf8", str(priority), data=message))
    assert line == b"%d\t%s\n" % (priority, message)
    assert good(text("parse-message", data=line[:-1])) == (
        b"%d\0%s" % (priority, message))


def test_a_priority_may_have_zeros_before_it(text):
    assert good(text("parse-message", data=b"0007\tx")) == b"7\0x"


@pytest.mark.parametrize("line, offset", [
    (b"", 0),
    (b"no number", 0),
    (b"\tx", 0),
    (b"-1\tx", 0),
    (b"+1\tx", 0),
    (b" 1\tx", 0),
    (b"12 x", 2),
    (b"12", 2),
    (b"1.5\tx", 1),
    (b"0x1\tx", 1),
    (b"18446744073709551616\tx", 19),
    (b"99999999999999999999999\tx", 19),
])
def test_a_line_without_a_priority_tells_where(text, line, offset):
    assert text("parse-message", data=line) == (b"", f"EBADMSG {offset}")


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
