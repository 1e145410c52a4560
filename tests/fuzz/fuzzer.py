#!/usr/bin/python3
"""fuzzer.py - build the fuzzer and let it run.

    tests/fuzz/fuzzer.py run FOLDER RUNS      add what it finds to a corpus
    tests/fuzz/fuzzer.py pack FOLDER          make corpus.tar.xz of the corpus
    tests/fuzz/fuzzer.py coverage FOLDER      which lines of the library are run

corpus.tar.xz is what tests replay: one input for each thing that can happen,
and inputs that once did harm, which must stay in it.
"""

import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORPUS = HERE / "corpus.tar.xz"
BYTES_MOST = 600

WRAPPED = ("mmap", "munmap", "getrandom")

# Budgets that are there for the hostile are spent soon, or each input that
# makes a circle would take most of a second.
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-DAGORA_CRASH_POINTS",
         "-DBUDGET(n)=((n)/1000+2)", f"-I{ROOT}/include", f"-I{ROOT}/lib",
         "-O2", "-g", "-fno-omit-frame-pointer"]
SANITIZE = ["-fsanitize=fuzzer,address,undefined",
            "-fno-sanitize-recover=undefined",
            "-fno-sanitize-coverage=trace-cmp"]

# The library has its own handler of SIGBUS. Leaks are for other tests.
OPTIONS = ["-handle_bus=0", "-detect_leaks=0", f"-max_len={BYTES_MOST}",
           "-timeout=120", "-rss_limit_mb=3000", "-print_final_stats=1"]


def sources():
    library = [path for folder in ("base", "type", "shm", "data")
               for path in sorted((ROOT / "lib" / folder).glob("*.c"))]
    own = [path for path in sorted(HERE.glob("*.c"))]
    leave_out = {ROOT / "lib/base/crash.c", HERE / "replay.c",
                 HERE / "attack.c"}
    return [path for path in library + own if path not in leave_out]


def build(program, flags=SANITIZE):
    """Compile fuzzer and library together, with clang."""
    program.parent.mkdir(parents=True, exist_ok=True)
    wrap = [f"-Wl,--wrap={name}" for name in WRAPPED]
    subprocess.run(["clang", *FLAGS, *flags, *map(str, sources()), *wrap,
                    "-lunistring", "-lpthread", "-o", str(program)],
                   check=True)


def unpack(folder):
    """The committed corpus as files; returns their paths."""
    with tarfile.open(CORPUS) as archive:
        archive.extractall(folder)
    return sorted(pathlib.Path(folder).iterdir())


def run(folder, runs):
    with tempfile.TemporaryDirectory() as place:
        program = pathlib.Path(place) / "fuzz"
        build(program)
        pathlib.Path(folder).mkdir(exist_ok=True)
        return subprocess.run([program, *OPTIONS, f"-runs={runs}",
                               folder]).returncode


def smallest(folder, place):
    """The fewest inputs that reach all that the corpus reaches."""
    program, target = place / "fuzz", place / "merged"
    build(program)
    target.mkdir()
    subprocess.run([program, *OPTIONS, "-merge=1", "-use_value_profile=0",
                    target, folder], check=True, stderr=subprocess.DEVNULL)
    return sorted(target.iterdir())


def pack(folder, most=300):
    kept = []
    with tempfile.TemporaryDirectory() as place:
        if CORPUS.exists():
            kept = [path for path in unpack(pathlib.Path(place))
                    if not re.fullmatch("[0-9a-f]{40}", path.name)]
        work = pathlib.Path(place) / "work"
        work.mkdir()
        found = smallest(folder, work)
        step = max(1, len(found) // most)
        with tarfile.open(CORPUS, "w:xz", preset=9) as archive:
            for path in kept + found[::step]:
                info = tarfile.TarInfo(path.name)
                info.size = path.stat().st_size
                with open(path, "rb") as source:
                    archive.addfile(info, source)
    print(f"{len(found)} inputs, every {step}. of them kept, and {len(kept)}")


def coverage(folder):
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        program, profile = place / "fuzz", place / "profile"
        build(program, ["-fsanitize=fuzzer", "-fprofile-instr-generate",
                        "-fcoverage-mapping"])
        subprocess.run([program, *OPTIONS, "-runs=0", folder], check=True,
                       stderr=subprocess.DEVNULL,
                       env={"LLVM_PROFILE_FILE": f"{place}/raw"})
        subprocess.run(["llvm-profdata-14", "merge", f"{place}/raw", "-o",
                        profile], check=True)
        for part in ("data", "shm"):
            files = sorted((ROOT / "lib" / part).glob("*.c"))
            subprocess.run(["llvm-cov-14", "report", program,
                            f"-instr-profile={profile}", *files], check=True)


def main():
    match sys.argv[1:]:
        case ["run", folder, runs]:
            sys.exit(run(folder, runs))
        case ["pack", folder]:
            pack(folder)
        case ["coverage", folder]:
            coverage(folder)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
