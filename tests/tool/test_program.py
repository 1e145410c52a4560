"""register, ls, stat and watch: programs that come, live and go."""

import json
import os
import re
import signal
import subprocess


def ready(process):
    """Wait until agora register says that it stands behind a name."""
    line = process.stdout.readline()
    assert line.startswith(b"registered\t"), process.stderr.read()


def test_register_keeps_a_program_alive_until_a_signal(agora):
    process = agora.start("register", "weather", "--tag", "city=Bern",
                          "-t", "live", "--doc", "Storm warnings")
    ready(process)
    assert agora.ok("ls") == (
        f"weather\tyes\t{process.pid}\t0\tStorm warnings\n")
    process.terminate()
    assert process.wait(10) == 0
    assert agora.ok("ls").startswith("weather\tno\t")


def test_a_program_is_described_in_lines(agora):
    process = agora.start("register", "weather", "--tag", "city=Bern",
                          "-t", "live", "--doc", "Storm warnings")
    ready(process)
    lines = agora.ok("stat", "weather").splitlines()
    since = lines.pop(3)
    assert re.fullmatch(r"since\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", since)
    assert lines == ["name\tweather", f"pid\t{process.pid}", "alive\tyes",
                     "tag\tcity=Bern", "tag\tlive", "doc\tStorm warnings"]


def test_a_program_is_described_as_json(agora):
    ready(agora.start("register", "weather", "-t", "a", "-t", "b=c"))
    told = json.loads(agora.ok("stat", "--json", "weather"))
    assert told["name"] == "weather" and told["alive"] is True
    assert told["tag"] == ["a", "b=c"] and isinstance(told["pid"], int)


def test_a_killed_register_is_not_alive_and_can_be_taken_over(agora):
    process = agora.start("register", "weather")
    ready(process)
    process.kill()
    process.wait(10)
    assert agora.ok("ls").startswith("weather\tno\t")
    again = agora.start("register", "weather")
    ready(again)
    assert agora.ok("ls").startswith(f"weather\tyes\t{again.pid}\t")


def test_a_name_that_is_alive_is_refused_with_its_process(agora):
    process = agora.start("register", "weather")
    ready(process)
    line = agora.no("register", "weather")
    assert line.startswith("agora: weather: ") and str(process.pid) in line


def test_register_runs_a_command_that_finds_its_name_and_space(agora):
    out = agora.ok("register", "weather", "--", "sh", "-c",
                   f"echo $AGORA_PROGRAM $AGORA_SPACE; {agora.program} ls")
    lines = out.splitlines()
    assert lines[0] == f"weather {agora.space}"
    assert lines[1].startswith("weather\tyes\t")
    assert agora.ok("ls").startswith("weather\tno\t")


def test_register_exits_as_its_command_did(agora):
    done = agora("register", "weather", "--", "sh", "-c", "exit 7")
    assert (done.returncode, done.error) == (7, "")
    done = agora("register", "weather", "--", "sh", "-c", "kill -9 $$")
    assert (done.returncode, done.error) == (128 + 9, "")


def test_a_command_that_cannot_be_run_is_named(agora, tmp_path):
    assert "/no/such" in agora.no("register", "weather", "--", "/no/such",
                                  status=127)
    assert str(tmp_path) in agora.no("register", "weather", "--", tmp_path,
                                     status=126)


def test_register_passes_signals_on(agora):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = agora.start(
            "register", "weather", "--", "/usr/bin/python3", "-c",
            "import signal, sys\n"
            f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
            "print('up', flush=True)\n"
            "while True: signal.pause()\n")
        assert process.stdout.readline() == b"up\n"
        process.send_signal(number)
        assert process.wait(10) == 42


def test_the_name_dies_with_register_though_its_command_lives(agora):
    process = agora.start("register", "weather", "--", "sh", "-c",
                          "echo up; exec cat", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.kill()
    process.wait(10)
    assert agora.ok("ls").startswith("weather\tno\t")


def test_the_command_gets_default_signals(agora):
    out = agora.ok("register", "weather", "--", "sh", "-c",
                   "grep -E 'Sig(Blk|Ign)' /proc/self/status")
    assert set(re.findall(r"[0-9a-f]{16}", out)) == {"0" * 16}


def test_a_tag_or_doc_with_a_line_break_is_refused(agora):
    agora.no("register", "weather", "--tag", "a\nb", status=2)
    agora.no("register", "weather", "--doc", "a\nb", status=2)
    assert agora.ok("ls") == ""


def test_ls_tells_all_with_l(agora):
    agora.ok("create", "weather", "--mode", "0750")
    fields = agora.ok("ls", "-l").rstrip("\n").split("\t")
    assert fields[:6] == ["weather", "no", "-", "0", "-", "0750"]
    assert fields[7:] == ["-", ""]


def test_ls_prints_json(agora, queue):
    told = json.loads(agora.ok("ls", "--json"))
    assert [program["name"] for program in told] == ["weather"]
    assert told[0]["objects"] == 1 and told[0]["alive"] is False
    told = json.loads(agora.ok("ls", "--json", "weather"))
    assert told[0]["name"] == "alerts.queue" and told[0]["depth"] == 0


def test_ls_of_an_empty_space_is_empty(agora):
    assert agora.ok("ls") == ""
    assert json.loads(agora.ok("ls", "--json")) == []


def test_ls_shows_columns_with_a_head_on_a_terminal(agora, queue):
    ours, theirs = os.openpty()
    done = agora("ls", "weather", stdout=theirs)
    os.close(theirs)
    assert done.returncode == 0
    head, row = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    assert head.split() == ["NAME", "KIND", "TYPE", "COUNT", "CAPACITY"]
    assert row.split() == ["alerts.queue", "queue", "utf8", "0", "1024"]
    assert head.index("TYPE") == row.index("utf8")
    assert head.index("COUNT") == row.index("0 ")


def seen(process):
    """The next event that is not about what wait_until_watching() made."""
    while True:
        event = process.stdout.readline().decode().rstrip("\n").split("\t")
        if not event[1].startswith("sync"):
            return event


def test_watch_prints_what_comes_and_goes(agora):
    agora.ok("create", "weather")
    process = agora.start("watch")
    wait_until_watching(agora, process)
    agora.ok("create", "weather/x.queue")
    assert seen(process) == ["object-added", "weather/x.queue"]
    agora.ok("rm", "weather/x.queue")
    assert seen(process) == ["object-removed", "weather/x.queue"]


def wait_until_watching(agora, process):
    """Make objects until one is reported, and read all that are."""
    os.set_blocking(process.stdout.fileno(), False)
    made = 0
    while not (line := process.stdout.readline()):
        made += 1
        agora.ok("create", "-p", f"sync/s{made}.queue")
    os.set_blocking(process.stdout.fileno(), True)
    while line.decode().split("\t")[1] != f"sync/s{made}.queue\n":
        line = process.stdout.readline()


def test_watch_of_one_object_prints_nothing_else(agora):
    agora.ok("create", "weather")
    process = agora.start("watch", "-n", "1", "weather/x.queue", "--json")
    while process.poll() is None:
        agora.ok("create", "-p", "weather/y.queue")
        agora.ok("create", "-p", "weather/x.queue")
        agora.ok("rm", "weather/x.queue", "weather/y.queue")
    event = json.loads(process.stdout.read())
    assert event["path"] == "weather/x.queue"
    assert event["event"] in ("object-added", "object-removed")


def test_an_interrupt_ends_watch_with_130(agora):
    agora.ok("create", "weather")
    process = agora.start("watch")
    wait_until_watching(agora, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
