"""Runs the drivers of the benchmark, alternating, and collects records."""

import dataclasses
import json
import os
import signal
import subprocess

# Where a cache line goes from CPU to CPU within one complex, or farther: the
# hypervisor moves them, and everything that moves lines follows.
NEAR = 60  # ns for a hop, below it

# Who has survived as many is not killed any more, except agora.
PEERS_KILLS = 2000


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing that a driver can measure."""
    workload: str
    name: str
    row: str
    driver: str


def drivers_file(build):
    return build / "tests" / "bench" / "drivers.txt"


def lacks_peers(build):
    """Whether peers were missing when it was built."""
    file = drivers_file(build)
    return file.exists() and "not installed" in file.read_text()


class Drivers:
    """What was built: the drivers that can run, and those that cannot."""

    def __init__(self, build):
        self.folder = build / "tests" / "bench"
        self.cases, self.missing = [], []
        lines = drivers_file(build).read_text().splitlines()
        for driver, state, title in (line.split("\t") for line in lines):
            if state == "ready":
                self.cases += self.list(driver)
            else:
                self.missing.append((title, state))

    def list(self, driver):
        out = subprocess.run([self.folder / driver, "--list"], check=True,
                             capture_output=True, text=True).stdout
        for workload, row, name in map(lambda x: x.split("\t"),
                                       out.splitlines()):
            yield Case(workload, name, row, driver)

    def run(self, case, seconds, timeout, environment):
        """One repetition: (records, what went wrong or "")."""
        process = subprocess.Popen(
            [self.folder / case.driver, case.workload, case.row, case.name,
             str(seconds)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | environment)
        try:
            out, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return [], f"no end after {timeout} s"
        if process.returncode:
            lines = errors.strip().splitlines()
            return [], lines[0] if lines else f"exit {process.returncode}"
        return [json.loads(line) for line in out.splitlines()], ""


def in_turn(cases, order):
    """The cases in the order of one repetition: rows of one case follow each
    other, so that what is compared was measured at nearly one time."""
    first = {}
    for number, case in enumerate(cases):
        first.setdefault((case.workload, case.name), number)
    cases = sorted(cases, key=lambda c: (c.workload[0], int(c.workload[1:]),
                                         first[c.workload, c.name]))
    return cases[::-1] if order % 2 else cases


def measure(drivers, cases, repeat, seconds, kills, tell):
    """Run everything: (records, failures). seconds: of a workload."""
    records, failures, survived = [], {}, set()
    for repetition in range(repeat):
        for case in in_turn(cases, repetition):
            if case in failures or case in survived:
                continue
            tell(repetition, case)
            ours = case.row.startswith("agora")
            limit = kills if ours else min(kills, PEERS_KILLS)
            found, wrong = drivers.run(
                case, seconds(case.workload), timeout=240,
                environment={"BENCH_KILLS": str(limit)})
            if wrong:
                failures[case] = wrong
            for record in found:
                record["repetition"] = repetition
                record["regime"] = "near" if record["hop"] < NEAR else "far"
                if record["unit"] == "kills" and record["value"] == limit:
                    survived.add(case)
            records += found
    return records, failures
