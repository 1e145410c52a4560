"""Objects in an event loop: the loop itself watches their descriptors.

An object that is awaited has a bell: who awaits it, in the loops of any
threads. Whichever loop finds the descriptor readable looks for all of them,
since arming takes down what the descriptor shows. Of several coroutines that
await the same event in one loop, one is woken at a time, in order; behind
its step it is looked again for the others. What nobody awaits is not armed.

A user has 128 descriptors of this sort, as a rule. Of more objects, the rest
is looked at every 20 milliseconds.
"""

from __future__ import annotations

import asyncio
import collections
import errno
import os
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Optional

from ._library import ADVANCED, WRITE
from ._library import ObjectHandle, Timespec, Wait, failure, lib
from .object import FLAGS, Object
from .waiter import open_waiter

Loop = asyncio.AbstractEventLoop

# How often an object without a descriptor is looked at, and for how long:
# at the end of a sleep the library also looks for the dead.
PERIOD = 0.02
MOMENT = 50_000


class Sleeper:
    """A coroutine that awaits something; woken: it has its turn."""

    __slots__ = ("future", "events", "cursor", "woken")

    def __init__(self, loop: Loop, events: int, cursor: int) -> None:
        self.future: asyncio.Future[None] = loop.create_future()
        self.events = events
        self.cursor = cursor
        self.woken = False


class Bell:
    """Who awaits one object."""

    def __init__(self, fd: Optional[int]) -> None:
        self.fd = fd
        self.lock = threading.RLock()
        self.loops: dict[Loop, collections.deque[Sleeper]] = {}

    async def wait(self, handle: ObjectHandle, events: int,
                   cursor: int) -> None:
        loop = asyncio.get_running_loop()
        sleeper = Sleeper(loop, events, cursor)
        self.add(loop, handle, sleeper)
        try:
            self.look(handle)
            await sleeper.future
        finally:
            self.remove(loop, sleeper)
            # An error in it leads back to this frame, which has the handle.
            del sleeper

    def add(self, loop: Loop, handle: ObjectHandle,
            sleeper: Sleeper) -> None:
        with self.lock:
            first = loop not in self.loops
            self.loops.setdefault(loop, collections.deque()).append(sleeper)
        if first and self.fd is not None:
            loop.add_reader(self.fd, self.look, handle)
        elif first:
            loop.call_later(PERIOD, self.poll, loop, handle)

    def remove(self, loop: Loop, sleeper: Sleeper) -> None:
        with self.lock:
            sleepers = self.loops.get(loop)
            if sleepers is None:
                return
            if sleeper in sleepers:
                sleepers.remove(sleeper)
            if sleepers:
                return
            del self.loops[loop]
        if self.fd is not None and not loop.is_closed():
            loop.remove_reader(self.fd)

    def poll(self, loop: Loop, handle: ObjectHandle) -> None:
        """Look now and then, in place of a descriptor."""
        if loop in self.loops:
            self.look(handle)
            loop.call_later(PERIOD, self.poll, loop, handle)

    def look(self, handle: ObjectHandle) -> None:
        """Wake those who have something to do, and arm for the others."""
        with self.lock:
            # Nobody awaits anything in a loop that was closed.
            for loop in [loop for loop in self.loops if loop.is_closed()]:
                del self.loops[loop]
            while True:
                waiting = list(self.turns())
                if not waiting:
                    return
                events, cursors = 0, [0]
                for _, sleeper in waiting:
                    events |= sleeper.events
                    if sleeper.events & ADVANCED:
                        cursors.append(sleeper.cursor)
                cursor = min(cursors[1:] or cursors)
                code = self.ready(handle, events, cursor)
                if not code:
                    return
                for loop, sleeper in waiting:
                    if code < 0 or sleeper.events & code:
                        self.wake(loop, handle, sleeper, code)

    def turns(self) -> Iterator[tuple[Loop, Sleeper]]:
        """Who is next in each loop, for each event; all who only look."""
        for loop, sleepers in self.loops.items():
            taken = 0
            for sleeper in sleepers:
                if not sleeper.events & taken and not sleeper.woken:
                    yield loop, sleeper
                taken |= sleeper.events & ~ADVANCED

    def ready(self, handle: ObjectHandle, events: int, cursor: int) -> int:
        if self.fd is not None:
            return lib.agora_object_arm(handle, events, cursor)
        item = Wait(handle.value, events, 0, cursor)
        end = divmod(time.monotonic_ns() + MOMENT, 1_000_000_000)
        code = lib.agora_waiter_wait(open_waiter(), item, 1, Timespec(*end))
        if code in (-errno.ETIMEDOUT, -errno.EINTR):
            return 0
        return item.ready if code > 0 else code

    def wake(self, loop: Loop, handle: ObjectHandle, sleeper: Sleeper,
             code: int) -> None:
        sleeper.woken = True
        error = failure(code) if code < 0 else None
        try:
            if running() is loop:
                self.finish(loop, handle, sleeper, error)
            else:
                loop.call_soon_threadsafe(self.finish, loop, handle, sleeper,
                                          error)
        except RuntimeError:
            pass  # the loop is closed, and its coroutine never runs again

    def finish(self, loop: Loop, handle: ObjectHandle, sleeper: Sleeper,
               error: Optional[Exception]) -> None:
        """Called in the loop of a coroutine: let it go on."""
        finish(sleeper.future, error)
        # Behind its step: the others have their turn.
        loop.call_soon(self.look, handle)

    def fail(self, error: Exception) -> None:
        with self.lock:
            for loop, sleepers in self.loops.items():
                for sleeper in sleepers:
                    try:
                        loop.call_soon_threadsafe(finish, sleeper.future,
                                                  error)
                    except RuntimeError:
                        pass  # closed


def finish(future: asyncio.Future[None], error: Optional[Exception]) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def running() -> Optional[Loop]:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


bells: weakref.WeakSet[Bell] = weakref.WeakSet()
making = threading.Lock()


def after_fork() -> None:
    """In a forked child the loops are those of the parent."""
    global making
    making = threading.Lock()
    for bell in list(bells):
        bell.lock = threading.RLock()
        bell.loops = {}


os.register_at_fork(after_in_child=after_fork)


def bell_of(handle: ObjectHandle, path: str) -> Bell:
    with making:
        if handle.bell is None:
            code = lib.agora_object_descriptor(handle)
            if code < 0 and code not in (-errno.EMFILE, -errno.ENOSPC):
                raise failure(code, path)
            handle.bell = Bell(code if code >= 0 else None)
            bells.add(handle.bell)
        return handle.bell


async def wait(object: Object, events: int, cursor: int) -> None:
    """Wait until one of the events of an object may hold."""
    handle = object._handle
    if not FLAGS[object._flag] & WRITE:
        raise failure(-errno.EACCES, object.path)
    bell = bell_of(handle, object.path)
    handle.awaited = True
    await bell.wait(handle, events, cursor)


def forget(handle: ObjectHandle, path: str) -> None:
    """An object was closed: whoever awaits it gets ValueError."""
    if handle.bell is not None:
        handle.bell.fail(ValueError(f"closed: {path}"))
