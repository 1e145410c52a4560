"""Real mounts of private spaces, which leave nothing behind.

A mount is taken down in an order in which nothing can wedge: first what the
test started is killed, then the server is asked to end, and if it does not,
its connection is aborted through fusectl before anything else is touched.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import drivers

SERVER = drivers.BUILD / "fs" / "mount" / "agora-mount"
LIBRARY = drivers.BUILD / "lib" / "libagora.so"


def until(condition, seconds=10):
    """Wait for what another process does; returns the true value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s")


def threads():
    """The folders of all threads; they come and go meanwhile."""
    for process in os.listdir("/proc"):
        tasks = pathlib.Path("/proc", process, "task")
        try:
            names = os.listdir(tasks) if process.isdigit() else []
        except OSError:
            continue
        yield from (tasks / name for name in names)


def stuck_in_fuse():
    """Who sleeps uninterruptibly in a file system in user space, and where."""
    found = {}
    for entry in threads():
        try:
            stat = (entry / "stat").read_text()
            if stat.rpartition(")")[2].split()[0] != "D":
                continue
            stack = (entry / "stack").read_text()
        except OSError:
            continue
        if "fuse" in stack:
            found[entry] = f"{stat.split('(')[1]}\n{stack}"
    return found


class Done:
    """How a command ended."""

    def __init__(self, status, out, err):
        self.status, self.bytes, self.err = status, out, err.decode()

    @property
    def out(self):
        return self.bytes.decode()


class Mount:
    """A mounted space and what runs on it."""

    def __init__(self, space, point):
        self.space, self.point = pathlib.Path(space), pathlib.Path(point)
        self.processes = []
        self.server = None
        self.log = tempfile.TemporaryFile()

    # ---- the server

    def start(self, *options, user=None):
        command = [SERVER, "--space", self.space, "--foreground", *options,
                   self.point]
        self.server = subprocess.Popen(
            as_user(user) + [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)
        until(lambda: self.is_alive() or self.server.poll() is not None)
        assert self.server.poll() is None, self.complaints()
        return self

    def is_alive(self):
        """Whether a tree is mounted here and its server is there."""
        if self.mount_id() is None:
            return False
        try:
            os.statvfs(self.point)
        except PermissionError:
            return True  # the mount of a user, who keeps it for himself
        except OSError:
            return False
        return True

    def mount_id(self):
        """The device number of what is mounted here, or None."""
        for line in open("/proc/self/mountinfo"):
            words = line.split()
            if words[4] == str(self.point) and " - fuse.agora " in line:
                return words[2].split(":")[1]
        return None

    def complaints(self):
        return drivers.read_text(self.log)

    def kill_server(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.wait(10)

    def detach(self):
        subprocess.run(["umount", "-l", self.point], check=True)

    def stop_server(self):
        self.server.terminate()
        assert self.server.wait(10) == 0

    # ---- what runs on it

    def start_command(self, command, user=None, groups=(), **more):
        """Start a shell command (or a list) in the mounted directory."""
        words = ["bash", "-c", command] if isinstance(command, str) else command
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(as_user(user, groups) + words,
                                   cwd=self.point, start_new_session=True,
                                   **more)
        self.processes.append(process)
        return process

    def run(self, command, user=None, groups=(), input=None, timeout=20):
        pipe = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = self.start_command(command, user, groups, stdin=pipe)
        out, err = process.communicate(input, timeout)
        return Done(process.returncode, out, err)

    def out(self, command, **more):
        """Run what must succeed and be silent; returns its output."""
        done = self.run(command, **more)
        assert (done.status, done.err) == (0, ""), (command, done.out)
        return done.out

    def err(self, command, **more):
        """Run what must fail; returns the last line it said."""
        done = self.run(command, **more)
        assert done.status not in (0, None), (command, done.out)
        return done.err.strip().splitlines()[-1]

    def path(self, name=""):
        return str(self.point / name)

    # ---- the end

    def end_processes(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        for process in self.processes:
            process.wait(10)

    def abort(self):
        """Make all requests fail, whatever the server does."""
        minor = self.mount_id()
        if minor is None:
            return
        control = tempfile.mkdtemp(prefix="agora-ctl-")
        subprocess.run(["mount", "-t", "fusectl", "none", control], check=True)
        try:
            with contextlib.suppress(OSError):
                pathlib.Path(control, minor, "abort").write_text("1")
        finally:
            subprocess.run(["umount", control], check=True)
            os.rmdir(control)

    def end(self):
        wedged = None
        try:
            self.end_processes()
        except subprocess.TimeoutExpired as error:
            wedged = error
        if self.server and self.server.poll() is None and not wedged:
            self.server.terminate()
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired as error:
                wedged = error
        if wedged:
            self.abort()
        if self.server and self.server.poll() is None:
            self.server.kill()
            self.server.wait(10)
        while self.mount_id() is not None:
            self.detach()
        assert not wedged, wedged
        said = self.complaints()
        assert not drivers.COMPLAINT.search(said), said


def as_user(user, groups=()):
    """The words to put before a command to run it as somebody else."""
    if user is None:
        return []
    words = ["setpriv", f"--reuid={user}", f"--regid={user}"]
    if groups:
        return words + ["--groups=" + ",".join(map(str, groups))]
    return words + ["--clear-groups"]


@pytest.fixture
def make_mount():
    """Make mounts; each ends with the test."""
    if not SERVER.exists():
        pytest.fail(f"{SERVER} is not built")
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    mounts, folders = [], []

    def make(space=None, mode=0o755):
        folder = tempfile.mkdtemp(prefix="agora-test-", dir="/dev/shm")
        os.chmod(folder, 0o755)
        folders.append(folder)
        if space is None:
            space = os.path.join(folder, "space")
            os.mkdir(space)
            os.chmod(space, mode)
        point = os.path.join(folder, "mnt")
        os.mkdir(point)
        mounts.append(Mount(space, point))
        return mounts[-1]

    yield make
    try:
        for mount in reversed(mounts):
            mount.end()
        # Others may use mounts of their own meanwhile: stuck is who stays.
        stuck = stuck_in_fuse()
        deadline = time.monotonic() + 2
        while stuck and time.monotonic() < deadline:
            time.sleep(0.05)
            stuck = {k: v for k, v in stuck_in_fuse().items() if k in stuck}
        assert not stuck
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mount(make_mount):
    """A mounted space with the program "p"."""
    made = make_mount().start()
    os.mkdir(made.path("p"))
    return made


@pytest.fixture
def shared(make_mount):
    """A space for all users, with the program "p" where all may create."""
    made = make_mount(mode=0o1777).start()
    os.mkdir(made.path("p"))
    os.chmod(made.path("p"), 0o1777)
    return made


# ---- the native door --------------------------------------------------------


class Options(ctypes.Structure):
    """struct agora_options"""

    _fields_ = [
        ("type", ctypes.c_char_p),
        ("capacity", ctypes.c_uint64),
        ("message_size", ctypes.c_uint64),
        ("key_size", ctypes.c_uint64),
        ("memory", ctypes.c_uint64),
        ("writers", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("inline_size", ctypes.c_uint32),
        ("clients", ctypes.c_uint32),
        ("mode", ctypes.c_uint32),
        ("reserved", ctypes.c_uint64 * 4),
    ]


class Buffer(ctypes.Structure):
    """struct agora_buffer"""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("capacity", ctypes.c_size_t),
        ("size", ctypes.c_size_t),
        ("version", ctypes.c_uint64),
        ("priority", ctypes.c_uint64),
    ]


class Native:
    """A space as programs see it; each call that fails raises OSError."""

    def __init__(self, space):
        self.lib = ctypes.CDLL(str(LIBRARY))
        self.handles = []
        self.space = ctypes.c_void_p()
        self.call("agora_space_open", str(space).encode(),
                  ctypes.byref(self.space))

    def call(self, name, *arguments):
        result = getattr(self.lib, name)(*arguments)
        if result < 0:
            raise OSError(-result, f"{name}: {os.strerror(-result)}")
        return result

    def create(self, path, **options):
        if "type" in options:
            options["type"] = options["type"].encode()
        self.call("agora_object_create", self.space, path.encode(),
                  ctypes.byref(Options(**options)))

    def program(self, name):
        self.call("agora_program_create", self.space, name.encode(), None)

    def remove(self, path):
        self.call("agora_object_remove", self.space, path.encode())

    def rename(self, old, new):
        self.call("agora_object_rename", self.space, old.encode(),
                  new.encode())

    def open(self, path, flags=1):
        handle = ctypes.c_void_p()
        self.call("agora_object_open", self.space, path.encode(), flags, None,
                  ctypes.byref(handle))
        self.handles.append(handle)
        return handle

    def push(self, handle, data):
        self.call("agora_object_push", handle, data, ctypes.c_size_t(len(data)))

    def pop(self, handle, size=1 << 20):
        data = ctypes.create_string_buffer(size)
        buffer = Buffer(ctypes.addressof(data), size)
        self.call("agora_object_pop", handle, ctypes.byref(buffer))
        return data.raw[:buffer.size]

    def drain(self, handle):
        taken = []
        with contextlib.suppress(BlockingIOError):
            while True:
                taken.append(self.pop(handle))
        return taken

    def put(self, handle, key, value):
        self.call("agora_object_put", handle, key, ctypes.c_size_t(len(key)),
                  value, ctypes.c_size_t(len(value)))

    def get(self, handle, key, size=1 << 20):
        data = ctypes.create_string_buffer(size)
        buffer = Buffer(ctypes.addressof(data), size)
        self.call("agora_object_get", handle, key, ctypes.c_size_t(len(key)),
                  ctypes.byref(buffer))
        return data.raw[:buffer.size]

    def close(self):
        for handle in self.handles:
            self.lib.agora_object_close(handle)
        self.lib.agora_space_close(self.space)


@pytest.fixture
def native(request):
    """Open spaces natively: native(mount) gives a Native."""
    opened = []

    def open_space(mount):
        opened.append(Native(mount.space))
        return opened[-1]

    yield open_space
    for one in opened:
        one.close()
