#!/usr/bin/python3
"""fuzzer.py - build the fuzzer and let it run.

    tests/fuzz/fuzzer.py run FOLDER RUNS      add what it finds to a corpus
    tests/fuzz/fuzzer.py pack FOLDER          make corpus.tar.xz of the corpus
    tests/fuzz/fuzzer.py coverage FOLDER      which lines of the library are run
    tests/fuzz/fuzzer.py types FOLDER RUNS    as run, for types.c

corpus.tar.xz is what tests replay: one input for each thing that can happen,
and inputs that once did harm, which must stay in it.
"""

import pathlib
import platform
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
         "-O2", "-g", "-fno-omit-frame-pointer",
         *(["-mcx16"] if platform.machine() == "x86_64" else [])]
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
                 HERE / "attack.c", HERE / "types.c"}
    return [path for path in library + own if path not in leave_out]


def build(program, flags=SANITIZE):
    """Compile fuzzer and library together, with clang."""
    program.parent.mkdir(parents=True, exist_ok=True)
    wrap = [f"-Wl,--wrap={name}" for name in WRAPPED]
    subprocess.run(["clang", *FLAGS, *flags, *map(str, sources()), *wrap,
                    "-lunistring", "-lpthread", "-o", str(program)],
                   check=True)


# What inputs of types.c begin with, and what they are made of.
TYPES = [
    "\nstruct{u64 ts; struct{f64 px; i32 n;} bid[2]; char sym[8];}\0"
    '{"ts":1,"bid":[{"px":1.5,"n":2},{"px":"nan","n":3}],"sym":"\\udc80"}',
    "\nlist(utf8)\0\1\0\0\0a\0\0\0\0",
    '\nmap(utf8/url,list(i16|utf8))\0{"https://a/":[1,"b"],"x:y":[]}',
    "\nmap(u8,f32)\0[[2,1e-7],[1,-0.0]]",
    "\nutf8/json\0{}", '\nutf8/csv\0a,"b"\n1,2', "\nutf8/f64\0-1e5",
    "utf8/a=^[A-Z]{3}-[0-9]+$\nutf8/a\0ABC-1",
    "utf8/b=utf8/i64 where value<5&&size>0\nutf8/b\0004",
    "bytes/c=struct{f64 bid,ask[2];} where bid<=ask[1]||!(bid>1)\nlist("
    'bytes/c)\0[{"bid":1,"ask":[2,3]}]',
    "\ni64|utf8/url/https|bytes/png\0https://a/",
]
WORDS = ["struct{", "list(", "map(", "utf8", "bytes", "/url", "/json", "/csv",
         "i8", "u64", "f32", "f64", "char", " where ", "value", "size", "&&",
         "||", "==", "nan(0x", "\\\\udc80", "\\\\ud83d\\\\ude00", "\\\"",
         "[1]", "{1,5}", "\\x00\\x00\\x00\\x01"]


def build_types(place):
    """The fuzzer of types, with its corpus and its words."""
    program, corpus = place / "types", place / "types-corpus"
    words = place / "types-words"
    library = sorted((ROOT / "lib" / "type").glob("*.c"))
    subprocess.run(["clang", *FLAGS, *SANITIZE, *map(str, library),
                    str(HERE / "types.c"), "-lunistring", "-lpthread", "-o",
                    str(program)], check=True)
    corpus.mkdir()
    for number, text in enumerate(TYPES):
        (corpus / f"seed{number}").write_text(text, "latin-1")
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    return [program, f"-dict={words}", "-timeout=60", "-rss_limit_mb=3000",
            "-detect_leaks=1", "-print_final_stats=1"], corpus


def run_types(folder, runs):
    with tempfile.TemporaryDirectory() as place:
        command, corpus = build_types(pathlib.Path(place))
        pathlib.Path(folder).mkdir(exist_ok=True)
        return subprocess.run([*command, f"-runs={runs}", folder,
                               corpus]).returncode


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
        case ["types", folder, runs]:
            sys.exit(run_types(folder, runs))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
