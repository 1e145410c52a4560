"""Segments that somebody attacks, and the server of a mount.

Whatever happens to a segment: requests on it end, with an error perhaps, and
the server goes on to serve the others.
"""

import pathlib
import random
import subprocess
import sys

import pytest

import drivers

sys.path.insert(0, str(drivers.ROOT / "tests" / "fuzz"))

import fuzzer  # noqa: E402

ROUNDS = 6
SEGMENTS = 40
SECONDS = 30  # in which a command must end, however hostile the memory
MEMORY_MOST = 1 << 20  # of the server, in KiB

# What people do, of which each may fail. What waits is told to end.
LOOKS = [
    "ls -l p p/.any.queue",
    "cat p/*.queue p/*.table",
    "grep -r x p",
    "stat p/*",
    "getfattr -d p/*",
    "cat p/.any.queue/stat p/.many.table/stat p/.any.queue/holders",
    "ls -l p/many p/one; head -c 100 p/many/*",
    "tar cf - . | wc -c",
    "timeout 0.3 cat p/.any.queue/tap",
]

CHANGES = [
    "cat p/.any.queue/pop p/.short.queue/pop p/.fixed.queue/pop",
    "timeout 0.3 cat p/.any.queue/pipe",
    "timeout 0.3 bash -c 'seq 100 > p/any.queue'",
    "timeout 0.3 bash -c 'echo 8 bytes > p/.short.queue/put'",
    "printf '1\\tvalue\\n' > p/many.table; echo x > p/many/5; rm p/many/12",
    "echo x > p/one/5; cat p/one/5",
]


def memory_of(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def is_well(mount):
    """The same server still serves another object."""
    assert mount.server.poll() is None, mount.complaints()
    mount.out("echo well > h/ok.queue; grep -q well h/.ok.queue/pop",
              timeout=SECONDS)
    assert memory_of(mount.server) < MEMORY_MOST


def try_all(mount, commands):
    """Returns how often damage was noticed."""
    return sum(mount.run(command, timeout=SECONDS).err.count("needs cleaning")
               for command in commands)


@pytest.fixture
def prepared(make_mount):
    mount = make_mount().start()
    mount.out("mkdir h; touch h/ok.queue")
    return mount


@pytest.fixture
def attacker(prepared):
    """Attacks all objects of the program p, until the test ends."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    process = subprocess.Popen(
        [drivers.driver_path("fuzz-attack"), prepared.space, str(seed)],
        stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield process
    assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.timeout(400)
def test_a_server_outlives_attacks_on_its_segments(prepared, attacker):
    for _ in range(ROUNDS):
        try_all(prepared, LOOKS + CHANGES)
        is_well(prepared)


def write_segments(space, work):
    """Segments with which inputs of the fuzzer begin, as objects of x."""
    inputs = fuzzer.unpack(work)
    random.shuffle(inputs)
    target = pathlib.Path(space, "x")
    target.mkdir()
    subprocess.run([drivers.driver_path("fuzz-replay"), "--write", target,
                    *inputs[:SEGMENTS]], check=True, timeout=100)
    return sorted(f"x/{path.name}" for path in target.iterdir())


@pytest.mark.timeout(400)
def test_damaged_segments_are_shown_or_refused(prepared, tmp_path):
    for path in write_segments(prepared.space, tmp_path):
        name, kind = path.split("/")[1].rsplit(".", 1)
        prepared.run(f"ls -l {path}; cat {path} x/.{name}.{kind}/stat "
                     f"x/.{name}.{kind}/holders x/.{name}.{kind}/pop; "
                     f"ls -l x/{name}; getfattr -d {path}", timeout=SECONDS)
        prepared.run(f"timeout 0.2 bash -c 'echo 1 > {path}; echo 2 > "
                     f"x/{name}/1'", timeout=SECONDS)
    is_well(prepared)
    prepared.run("ls -lR .; grep -r x .", timeout=SECONDS)
    is_well(prepared)


@pytest.mark.timeout(400)
def test_the_command_survives_damaged_segments(prepared, tmp_path):
    agora = [drivers.BUILD / "fs" / "tool" / "agora"]

    def run(*words):
        done = subprocess.run(
            [*agora, *words], capture_output=True, timeout=SECONDS,
            env={"AGORA_SPACE": str(prepared.space)},
            stdin=subprocess.DEVNULL)
        assert done.returncode in (0, 1, 2), (words, done)

    for path in write_segments(prepared.space, tmp_path):
        run("stat", path)
        run("doctor", "--check", path)
        run("tail" if path.endswith("queue") else "get", path)
        run("doctor", path)
    run("doctor")
    run("ls", "-l")


# ---- every kind --------------------------------------------------------------

# Somebody who has the files mapped, and writes where he likes: mostly small
# numbers and bits, now and then all as it was.
SCRIBBLER = """
import mmap, os, random, sys, time
rng = random.Random(int(sys.argv[1]))
files = []
for path in sys.argv[2:]:
    with open(path, "r+b") as file:
        whole = mmap.mmap(file.fileno(), 0)
    used = min(len(whole), 1 << 20)
    files.append((whole, whole[:used], used))
print("ready", flush=True)
while True:
    whole, sound, used = rng.choice(files)
    if rng.random() < 0.02:
        whole[:used] = sound
    for _ in range(rng.randrange(8)):
        at = rng.randrange(512, used - 8) & ~7
        old = int.from_bytes(whole[at:at + 8], "little")
        new = rng.choice([rng.getrandbits(64), rng.randrange(64), old + 1,
                          old ^ 1 << rng.randrange(64), 2**64 - 1, 0])
        whole[at:at + 8] = (new % 2**64).to_bytes(8, "little")
    time.sleep(0.0002)
"""

KINDS = ["x.heap", "r.heap", "x.stack", "x.list", "x.log", "x.map", "y.set",
         "x.string", "t.string"]

KIND_LOOKS = [
    "ls -lR k; stat k/* > /dev/null",
    "cat k/*.* k/x/* k/y/*; getfattr -d k/*",
    "head -c 100 k/.*.*/stat k/.*.*/holders k/.*.*/errors",
    "timeout 0.2 cat k/.x.log/tap; timeout 0.2 cat k/.x.string/tap",
    "timeout 0.2 cat k/.x.heap/tap; timeout 0.2 cat k/.x.list/tap",
]

KIND_CHANGES = [
    "for k in heap stack list; do cat k/.x.$k/pop; done; cat k/.r.heap/pop",
    "timeout 0.2 cat k/.x.heap/pipe; timeout 0.2 cat k/.x.stack/pipe",
    "timeout 0.2 bash -c 'seq 50 | sed s/$/\\\\tx/ > k/x.heap'",
    "timeout 0.2 bash -c 'seq 50 > k/x.stack; seq 50 > k/x.list'",
    "timeout 0.2 bash -c 'seq 500 > k/x.log; echo 1 > k/.x.log/put'",
    "echo x > k/x/5; echo y >> k/x/6; rm k/x/7; touch k/y/8; rm k/y/9",
    "echo on > k/x.string; echo more >> k/x.string; truncate -s 2 k/t.string",
]


def fill(mount):
    mount.out("mkdir k; touch k/x.stack k/x.list k/x.log k/x.map k/y.set "
              "k/x.string k/x.heap k/r.heap k/t.string")
    mount.out("seq 100 | sed 's/$/\\tmessage/' | tee k/x.heap k/r.heap "
              "> k/x.map; seq 100 | tee k/x.stack k/x.list k/x.log > k/y.set; "
              "seq 500 > k/x.string; seq 9 > k/t.string")


@pytest.mark.timeout(400)
def test_a_server_outlives_scribbles_on_every_kind(prepared):
    fill(prepared)
    seed = random.randrange(1 << 32)
    print("seed", seed)
    scribbler = subprocess.Popen(
        [sys.executable, "-c", SCRIBBLER, str(seed),
         *(prepared.space / "k" / name for name in KINDS)],
        stdout=subprocess.PIPE)
    try:
        assert scribbler.stdout.readline() == b"ready\n"
        noticed = 0
        for _ in range(ROUNDS):
            noticed += try_all(prepared, KIND_LOOKS + KIND_CHANGES)
            is_well(prepared)
        assert noticed and scribbler.poll() is None
    finally:
        scribbler.kill()
        scribbler.wait()
        scribbler.stdout.close()
    prepared.run("rm -r k", timeout=SECONDS)
    is_well(prepared)
