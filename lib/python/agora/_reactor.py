"""Objects in an event loop: one thread waits for all that a loop awaits.

The thread sleeps in agora_waiter_wait(). A coroutine that finds nothing to
do puts its object into the set of what is awaited and kicks the thread; the
thread takes what is ready out of the set and tells the loop. Of several
coroutines that await the same, one is woken at a time, in order; after it
has tried, the object is awaited again for the others. The thread ends when
nothing was awaited for a while, or when its loop has gone.
"""

from __future__ import annotations

import asyncio
import collections
import errno
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Optional

from ._library import ADVANCED, WRITE, ObjectHandle, Timespec, Wait
from ._library import failure, lib
from .object import FLAGS, Object
from .waiter import open_waiter

# How long an idle thread stays, and how often it looks for its loop.
PATIENCE = 1_000_000_000

# The object, the event, and for ADVANCED the cursor.
Key = tuple[ObjectHandle, int, int]


class Reactor:
    """What one event loop awaits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._futures: dict[Key, collections.deque[asyncio.Future[None]]]
        self._futures = collections.defaultdict(collections.deque)
        self._waiter = waiter = open_waiter()
        # Nobody can await anything in a loop that has gone.
        self._loop = weakref.ref(
            loop, lambda _: lib.agora_waiter_kick(waiter))
        # Shared with the thread, under the lock:
        self._lock = threading.Lock()
        self._awaited: dict[Key, None] = {}
        self._running = False

    # ---- called in the loop

    async def wait(self, key: Key) -> None:
        future = asyncio.get_running_loop().create_future()
        futures = self._futures[key]
        futures.append(future)
        self._await(key)
        try:
            await future
        finally:
            if future in futures:
                futures.remove(future)
            if not futures:
                self._drop(key)
            # An error in it leads back to this frame, which has the handle.
            del future

    def _await(self, key: Key) -> None:
        """Have the thread wait for key, if anybody still does."""
        if not self._futures.get(key):
            return
        with self._lock:
            if key in self._awaited:
                return
            self._awaited[key] = None
            start, self._running = not self._running, True
        if start:
            threading.Thread(target=self._run, name="agora",
                             daemon=True).start()
        else:
            lib.agora_waiter_kick(self._waiter)

    def _drop(self, key: Key) -> None:
        """Nobody awaits key any more: let its object go."""
        if self._futures.get(key):
            return
        self._futures.pop(key, None)
        with self._lock:
            if self._awaited.pop(key, self) is self:
                return
        lib.agora_waiter_kick(self._waiter)

    def _ready(self, keys: list[Key]) -> None:
        for key in keys:
            futures = self._futures.get(key)
            while futures:
                future = futures.popleft()
                if not future.done():
                    future.set_result(None)
                    break
            # Behind the step of the coroutine that was woken now.
            loop = self._loop()
            if futures and loop is not None:
                loop.call_soon(self._await, key)

    def fail(self, error: Exception,
             handle: Optional[ObjectHandle] = None) -> None:
        """Tell those who await an object, or anything, what went wrong."""
        for key in list(self._futures):
            if handle is None or key[0] is handle:
                for future in list(self._futures[key]):
                    if not future.done():
                        future.set_exception(error)

    def post(self, function: Callable[..., None],
             *arguments: object) -> bool:
        """Have the loop call a function; False when it has gone."""
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(function, *arguments)
                return True
        except RuntimeError:
            pass  # closed
        return False

    # ---- called in the thread

    def _run(self) -> None:
        while self._round():
            pass

    def _round(self) -> bool:
        """Wait once; False when the thread is to end."""
        with self._lock:
            keys = list(self._awaited)
        code, ready = self._sleep(keys)
        return self._tell(ready) if code >= 0 else self._go_on(code)

    def _sleep(self, keys: list[Key]) -> tuple[int, list[Key]]:
        array = (Wait * len(keys))()
        for entry, (handle, events, cursor) in zip(array, keys):
            entry.object = handle.value
            entry.events = events
            entry.cursor = cursor
        end = divmod(time.monotonic_ns() + PATIENCE, 1_000_000_000)
        code = lib.agora_waiter_wait(self._waiter, array, len(keys),
                                     Timespec(*end))
        if code <= 0:
            return code, []
        return code, [key for key, entry in zip(keys, array) if entry.ready]

    def _tell(self, ready: list[Key]) -> bool:
        with self._lock:
            for key in ready:
                self._awaited.pop(key, None)
        return self.post(self._ready, ready) or self._end()

    def _go_on(self, code: int) -> bool:
        """Whether to wait again after a wait that brought nothing."""
        loop = self._loop()
        if loop is None or loop.is_closed():
            return self._end()
        if code in (-errno.ECANCELED, -errno.EINTR):
            return True
        if code != -errno.ETIMEDOUT:
            self.post(self.fail, failure(code))
            return self._end()
        with self._lock:
            if not self._awaited:
                self._running = False
            return self._running

    def _end(self) -> bool:
        with self._lock:
            self._awaited.clear()
            self._running = False
        return False


reactors: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Reactor]
reactors = weakref.WeakKeyDictionary()

# In a forked child there is no thread behind them.
os.register_at_fork(after_in_child=reactors.clear)


async def wait(object: Object, events: int, cursor: int) -> None:
    """Wait until one of the events of an object may hold."""
    handle = object._handle
    if not FLAGS[object._flag] & WRITE:
        raise failure(-errno.EACCES, object.path)
    loop = asyncio.get_running_loop()
    reactor = reactors.get(loop)
    if reactor is None:
        reactor = reactors[loop] = Reactor(loop)
    handle.awaited = True
    await reactor.wait((handle, events, cursor if events == ADVANCED else 0))


def forget(handle: ObjectHandle, path: str) -> None:
    """An object was closed: whoever awaits it gets ValueError."""
    for reactor in list(reactors.values()):
        reactor.post(reactor.fail, ValueError(f"closed: {path}"), handle)
