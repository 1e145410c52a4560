"""doctor: what it finds and what it does about it."""

import json
import os


def states(agora, *args, status=0):
    done = agora("doctor", *args)
    assert done.returncode == status, (done.out, done.error)
    rows = [line.split("\t") for line in done.out.splitlines()]
    return {row[0]: row[1] for row in rows}


def test_a_sound_space_is_sound(agora, queue, table):
    agora.ok("push", queue, "a", "b")
    agora.ok("put", table, "k", "v")
    expected = {"weather": "sound", queue: "sound", table: "sound"}
    assert states(agora) == expected
    assert states(agora, "--check") == expected
    assert states(agora, queue) == {queue: "sound"}
    assert states(agora, "weather") == expected


def test_an_empty_space_is_sound(agora):
    assert states(agora) == {}


def test_doctor_prints_json(agora, queue):
    told = json.loads(agora.ok("doctor", "--json"))
    assert told[1]["path"] == queue and told[1]["state"] == "sound"


def claim_and_die(agora, queue):
    """Leave a message that a dead process has claimed."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        while True:
            os.write(theirs, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(theirs, True)
    pop = agora.start("pop", queue, stdout=theirs)
    while agora.stat(queue)["depth"] != "0" or not claimed(agora, queue):
        os.sched_yield()
    pop.kill()
    pop.wait(10)
    os.close(ours)
    os.close(theirs)


def claimed(agora, queue):
    rows = agora.ok("stat", "-H", queue).splitlines()
    return any(row.split("\t")[3] == "1" for row in rows)


def test_what_the_dead_have_claimed_is_given_back(agora, queue):
    agora.ok("push", queue, "a")
    claim_and_die(agora, queue)
    assert "dead" in agora.ok("stat", "--holders", queue)
    assert states(agora, "--check", status=1)[queue] == "leftover"
    assert states(agora)[queue] == "repaired"
    assert states(agora)[queue] == "sound"
    assert agora.ok("pop", queue) == "a\n"
    assert agora.stat(queue)["recovered"] == "1"


def test_a_truncated_object_is_reported_and_left(agora, queue, table):
    os.truncate(f"{agora.space}/{queue}", 100)
    found = states(agora, status=1)
    assert found[queue] == "damaged" and found[table] == "sound"
    assert "damaged" in agora.no("stat", queue)
    done = agora("ls", "weather")
    assert done.returncode == 1 and queue in done.error
    assert done.out.startswith("alerts.queue\tqueue\t-\t-\t-\n")
    assert os.path.getsize(f"{agora.space}/{queue}") == 100


def test_a_damaged_manifest_is_reported(agora, queue):
    for name in os.listdir(f"{agora.space}/weather"):
        if name.startswith(".program"):
            os.unlink(f"{agora.space}/weather/{name}")
    with open(f"{agora.space}/weather/.program", "w") as file:
        file.write("\0\0\0")
    assert states(agora, status=1)["weather"] == "damaged"


def test_what_the_dead_left_of_a_program_goes(agora):
    leftover = f"{agora.space}/.new-0123456789abcdef"
    os.mkdir(leftover)
    assert states(agora, "--check", status=1) == {
        ".new-0123456789abcdef": "leftover"}
    assert os.path.exists(leftover)
    assert states(agora) == {".new-0123456789abcdef": "repaired"}
    assert not os.path.exists(leftover)


def test_a_file_that_is_no_object_is_mentioned(agora, queue):
    with open(f"{agora.space}/weather/notes.txt", "w"):
        pass
    assert states(agora)["weather/notes.txt"] == "foreign"
