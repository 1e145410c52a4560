"""agora follow: values that are named by references."""

import json


def test_follow_prints_the_value_of_a_string_or_a_key(agora):
    agora.ok("create", "-p", "weather/mode.string")
    agora.ok("create", "weather/prices.table")
    agora.ok("put", "weather/mode.string", "storm")
    agora.ok("put", "weather/prices.table", "a b", "5")
    assert agora.ok("follow", "weather/mode.string") == "storm\n"
    assert agora.ok("follow", "weather/mode.string@1") == "storm\n"
    assert agora.ok("follow", "--raw", "weather/mode.string") == "storm"
    assert agora.ok("follow", "weather/prices.table#a%20b") == "5\n"


def test_a_stale_reference_tells_the_present_version(agora):
    agora.ok("create", "-p", "w/mode.string")
    for value in ("on", "off"):
        agora.ok("put", "w/mode.string", value)
    line = agora.no("follow", "w/mode.string@1")
    assert line == "agora: w/mode.string@1: stale: its version is 2 now"
    assert agora.ok("follow", "--latest", "w/mode.string@1") == "off\n"
    assert json.loads(agora.ok("follow", "--json", "w/mode.string@2")) == {
        "version": 2, "value": "off"}


def test_a_message_can_be_followed(agora):
    agora.ok("create", "-p", "w/mode.string")
    agora.ok("create", "w/jobs.queue", "--type", "utf8/reference")
    agora.ok("put", "w/mode.string", "on")
    agora.ok("push", "w/jobs.queue", "w/mode.string@1", "w/mode.string")
    agora.no("push", "w/jobs.queue", "no reference")
    jobs = agora.ok("pop", "-n", "all", "w/jobs.queue")
    assert agora.ok("follow", input=jobs.encode()) == "on\non\n"


def test_each_line_is_followed_also_behind_one_that_fails(agora):
    agora.ok("create", "-p", "w/mode.string")
    agora.ok("put", "w/mode.string", "on")
    done = agora("follow", input=b"w/mode.string@7\nw/mode.string@1")
    assert (done.returncode, done.out) == (1, "on\n")
    assert "stale" in done.error


def test_what_cannot_be_followed_is_refused(agora):
    agora.ok("create", "-p", "w/mode.string")
    agora.ok("create", "w/t.table")
    agora.ok("create", "w/q.queue")
    assert "no such value" in agora.no("follow", "w/mode.string")
    assert "no such value" in agora.no("follow", "w/t.table#k")
    assert "not a reference" in agora.no("follow", "w", status=2)
    assert "needs a key" in agora.no("follow", "w/t.table", status=2)
    assert "has no keys" in agora.no("follow", "w/mode.string#k", status=2)
    agora.no("follow", "w/q.queue", status=2)
    agora.no("follow", "w/none.string")
