"""References: text, and following them."""

import pytest

import agora
from agora import Reference


@pytest.fixture
def resolver(space):
    with agora.Resolver(space) as opened:
        yield opened


def test_text_and_reference_are_the_same(program):
    for key in (None, b"", b"k", b"a#b@c%/\0\n\xff", "grün".encode(),
                bytes(range(256))):
        for version in (0, 1, (1 << 64) - 1):
            reference = Reference("p/x y#.table", key, version)
            assert Reference.parse(str(reference)) == reference
            assert Reference.parse(bytes(reference)) == reference
    assert str(Reference("p/t.table", b"a b", 3)) == "p/t.table#a%20b@3"


def test_what_is_no_reference_is_a_value_error(program):
    for text in ("", "x", "p/x", "p/x.table#a#b", "p/x.table@0", b"\xff"):
        with pytest.raises(ValueError):
            Reference.parse(text)
    for bad in (Reference("p"), Reference("p/" + "x" * 600 + ".table"),
                Reference("p/x.table", b"k" * 4097)):
        with pytest.raises(ValueError):
            str(bad)


def test_a_reference_is_followed_until_the_value_changes(program, resolver):
    mode = program.string("mode.string")
    mode.store(b"on")
    reference = Reference.to(mode, version=mode.version)
    assert resolver.follow(reference) == agora.Entry(b"on", 1)
    assert resolver.follow(str(reference)).value == b"on"
    mode.store(b"x" * 10000)
    with pytest.raises(agora.StaleError) as error:
        resolver.follow(reference)
    assert error.value.version == 2
    assert error.value.value == b"x" * 10000
    mode.clear()
    with pytest.raises(LookupError):
        resolver.follow(reference)


def test_a_message_leads_to_a_value_of_a_table(program, resolver):
    prices = program.table("prices.table", type="utf8")
    jobs = program.queue("jobs.queue", type="utf8/reference", check=True)
    prices["umbrella"] = "12.50"
    jobs.push(str(Reference.to(prices, "umbrella",
                               prices.version("umbrella"))))
    with pytest.raises(OSError):
        jobs.push("no reference")
    assert resolver.follow(jobs.pop()).value == b"12.50"
    del prices["umbrella"]
    with pytest.raises(LookupError):
        resolver.follow(Reference.to(prices, "umbrella"))


def test_what_has_no_values_cannot_be_referred_to(program, resolver):
    queue = program.queue("a.queue")
    table = program.table("a.table")
    for call in (lambda: Reference.to(queue), lambda: Reference.to(table),
                 lambda: Reference.to(program.string("a.string"), "k")):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(OSError):
        resolver.follow("test/a.queue")
    resolver.close()
    resolver.close()
    with pytest.raises(ValueError):
        resolver.follow("test/a.table#k")
