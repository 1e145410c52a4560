"""get, put, del and ls, on a table."""

import json
import os
import subprocess


def output_of(agora, *args):
    return subprocess.run([agora.program, *args], env=agora.env,
                          capture_output=True, check=True).stdout


def test_get_prints_what_put_stored(agora, table):
    agora.ok("put", table, "umbrella", "12.50")
    assert agora.ok("get", table, "umbrella") == "12.50\n"
    assert agora.ok("get", "--raw", table, "umbrella") == "12.50"
    agora.ok("put", table, "umbrella", "13")
    assert agora.ok("get", table, "umbrella") == "13\n"


def test_put_reads_standard_input(agora, table):
    agora.ok("put", table, "a", input=b"one\ntwo\n")
    assert agora.ok("get", table, "a") == "one\ntwo\n"
    assert agora.ok("get", "-r", table, "a") == "one\ntwo"
    agora.ok("put", "-r", table, "a", input=b"kept\n")
    assert agora.ok("get", "-r", table, "a") == "kept\n"
    agora.ok("put", table, "a", input=b"")
    assert agora.ok("get", "-r", table, "a") == ""


def test_bytes_are_stored_and_printed_as_they_are(agora):
    agora.ok("create", "-p", "w/b.table", "--type", "bytes")
    data = os.urandom(1 << 20)
    agora.ok("put", "w/b.table", "k", input=data)
    assert output_of(agora, "get", "w/b.table", "k") == data


def test_a_missing_key_exits_1_and_is_named(agora, table):
    for command in ("get", "del"):
        assert agora.no(command, table, "none") == (
            f"agora: {table}: there is no key 'none'")


def test_del_removes_a_key(agora, table):
    agora.ok("put", table, "k", "v")
    agora.ok("del", table, "k")
    agora.no("get", table, "k")
    assert agora.stat(table)["keys"] == "0"


def test_keys_are_listed_sorted_and_escaped_as_get_takes_them(agora, table):
    keys = ["b", "a", "a b", "\\\\", "t\\tab", "\\xFF\\x00", "é", ""]
    for key in keys:
        agora.ok("put", table, key, f"value of {key}")
    listed = agora.ok("ls", table).split("\n")[:-1]
    assert listed == ["", "\\\\", "a", "a b", "b", "t\\tab", "é",
                      "\\xFF\\x00"]
    for key in listed:
        assert agora.ok("get", table, key) == f"value of {key}\n"
    told = json.loads(agora.ok("ls", "-l", "--json", table))
    assert [entry["key"] for entry in told] == listed
    assert told[2] == {"key": "a", "size": 10}


def test_ls_l_tells_the_size_of_each_value(agora, table):
    agora.ok("put", table, "k", "12345")
    agora.ok("put", table, "big", input=b"x" * 100000)
    assert agora.ok("ls", "-l", table) == "big\t100000\nk\t5\n"


def test_a_value_or_key_that_does_not_fit_is_refused(agora):
    agora.ok("create", "-p", "w/s.table", "--key-size", "4",
             "--message-size", "8")
    agora.ok("put", "w/s.table", "1234", "12345678")
    assert "9 bytes, and the limit is 8" in agora.no(
        "put", "w/s.table", "k", "123456789")
    for args in (["put", "w/s.table", "12345", "v"],
                 ["get", "w/s.table", "12345"],
                 ["del", "w/s.table", "12345"]):
        assert "key of 5 bytes is too long" in agora.no(*args)
    assert "utf8 at byte 2" in agora.no("put", "w/s.table", "k",
                                        input=b"ab\xff")


def test_a_table_is_described_by_its_own_words(agora, table):
    agora.ok("put", table, "key", "value")
    stat = agora.stat(table)
    assert (stat["kind"], stat["keys"], stat["bytes"]) == ("table", "1", "8")
    assert stat["writers"] == "many"
    assert "depth" not in stat and "pushed" not in stat
    agora.ok("create", "weather/one.table", "--writers", "one",
             "--capacity", "100")
    stat = agora.stat("weather/one.table")
    assert (stat["writers"], stat["capacity"]) == ("one", "100")


def test_ls_of_a_program_shows_its_objects(agora, table, queue):
    agora.ok("put", table, "k", "v")
    rows = agora.ok("ls", "weather").splitlines()
    assert rows[0] == "alerts.queue\tqueue\tutf8\t0\t1024"
    assert rows[1].startswith("prices.table\ttable\tutf8\t1\t")
    assert agora.ok("ls", queue).startswith(f"{queue}\tqueue\t")
