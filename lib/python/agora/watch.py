"""Learn when programs and objects come, go and change."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ._library import Event as RawEvent
from ._library import WatchHandle, bytes_of, call_waiting, failure, lib
from ._library import output, text_of, until

if TYPE_CHECKING:
    from .space import Space


class Event(NamedTuple):
    """What happened: type is a word such as "program-added"."""

    type: str
    program: str
    object: str  #: "" for events of the program itself

    @property
    def path(self) -> str:
        """"PROGRAM" or "PROGRAM/NAME.KIND"."""
        return "/".join(filter(None, (self.program, self.object)))


class Watch:
    """The events of a space, from the moment it was made.

    An iterator that waits, an asynchronous iterator, a context manager.
    """

    _handle: WatchHandle

    def __init__(self, space: Space, program: Optional[str] = None) -> None:
        self._name = program or space.path
        self._sleepers: list[asyncio.Future[None]] = []
        self._handle = WatchHandle()
        code = lib.agora_watch_open(
            space._handle, None if program is None else bytes_of(program),
            output(self._handle))
        if code:
            raise failure(code, self._name)

    def __getattr__(self, name: str) -> Any:
        if name == "_handle":
            raise ValueError(f"closed: watch of {self._name}")
        raise AttributeError(f"'Watch' object has no attribute {name!r}")

    def close(self) -> None:
        """Stop watching."""
        self._wake(ValueError(f"closed: watch of {self._name}"))
        self.__dict__.pop("_handle", None)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fileno(self) -> int:
        """A descriptor that polls readable when an event may be there."""
        return lib.agora_watch_fd(self._handle)

    def _take(self) -> Optional[Event]:
        raw = RawEvent()
        code = lib.agora_watch_next(self._handle, raw)
        if code == -errno.EAGAIN:
            return None
        return self._event(code, raw)

    def _event(self, code: int, raw: RawEvent) -> Event:
        if code:
            raise failure(code, self._name)
        return Event(text_of(lib.agora_event_name(raw.type)),
                     text_of(raw.program), text_of(raw.object))

    def next(self, timeout: Optional[float] = None) -> Event:
        """Take the next event, waiting for it; TimeoutError."""
        handle, raw = self._handle, RawEvent()
        code = call_waiting(
            lambda stop: lib.agora_watch_next_wait(handle, stop, raw),
            until(timeout))
        return self._event(code, raw)

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Event:
        return self.next()

    # ---- in an event loop

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Event:
        event = self._take()
        while event is None:
            await self._sleep()
            event = self._take()
        return event

    async def _sleep(self) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._sleepers.append(future)
        loop.add_reader(self.fileno(), self._wake)
        try:
            await future
        finally:
            if future in self._sleepers:
                self._sleepers.remove(future)
                if not self._sleepers and "_handle" in self.__dict__:
                    loop.remove_reader(self.fileno())
            del future  # an error in it leads back to this frame

    def _wake(self, error: Optional[Exception] = None) -> None:
        """Let all who wait look again."""
        sleepers, self._sleepers = self._sleepers, []
        for future in sleepers:
            future.get_loop().remove_reader(self.fileno())
            if future.done():
                continue
            if error:
                future.set_exception(error)
            else:
                future.set_result(None)
