"""The agora command, run in the test's own space."""

import os
import shutil
import subprocess
import tempfile

import pytest


class Tool:
    """Runs agora. What it starts is ended with the test."""

    def __init__(self, program, space):
        self.program = str(program)
        self.space = str(space)
        self.env = dict(os.environ, AGORA_SPACE=self.space)
        self.started = []

    def __call__(self, *args, input=None, **more):
        if input is None and "stdin" not in more:
            more["stdin"] = subprocess.DEVNULL
        done = subprocess.run([self.program, *map(str, args)], input=input,
                              env=self.env, timeout=60,
                              stdout=more.pop("stdout", subprocess.PIPE),
                              stderr=subprocess.PIPE, **more)
        if done.stdout is not None:
            done.out = done.stdout.decode()
        done.error = done.stderr.decode()
        assert "==" not in done.error, done.error
        return done

    def ok(self, *args, input=None, **more):
        """Run it, expect success and silence on standard error."""
        done = self(*args, input=input, **more)
        assert (done.returncode, done.error) == (0, "")
        return done.out

    def no(self, *args, status=1, input=None):
        """Run it, expect a refusal of one line; returns that line."""
        done = self(*args, input=input)
        assert done.returncode == status, (done.out, done.error)
        assert done.error.count("\n") == 1 and done.error.endswith("\n")
        assert done.error.startswith("agora")
        return done.error[:-1]

    def start(self, *args, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([self.program, *map(str, args)],
                                   env=self.env, start_new_session=True,
                                   **more)
        self.started.append(process)
        return process

    def stat(self, path):
        """What agora stat tells, as a dictionary of strings."""
        lines = self.ok("stat", path).splitlines()
        return dict(line.split("\t", 1) for line in lines)

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


@pytest.fixture
def space():
    """A space that is removed with the test."""
    path = tempfile.mkdtemp(prefix="agora-test-", dir="/dev/shm")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def agora(build, space):
    tool = Tool(build / "fs" / "tool" / "agora", space)
    yield tool
    tool.end()


@pytest.fixture
def queue(agora):
    agora.ok("create", "-p", "weather/alerts.queue")
    return "weather/alerts.queue"


@pytest.fixture
def table(agora):
    agora.ok("create", "-p", "weather/prices.table")
    return "weather/prices.table"
