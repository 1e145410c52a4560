"""Wait for several objects at one time."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from typing import Optional

from ._library import READABLE, WRITABLE, Wait, WaiterHandle
from ._library import call_waiting, failure, lib, output, until
from .object import Object

Item = tuple[Object, int, int]


def open_waiter() -> WaiterHandle:
    """A thread's place to wait."""
    handle = WaiterHandle()
    code = lib.agora_waiter_open(output(handle))
    if code:
        raise failure(code)
    return handle


def wait_for_items(items: Sequence[Item], end: Optional[int]) -> list[int]:
    """The events that hold for each item; all 0 when the time is over."""
    waiter = open_waiter()
    # Objects closed meanwhile by other threads live until this returns.
    handles = [object._handle for object, _, _ in items]
    array = (Wait * len(items))()
    for entry, handle, (_, events, cursor) in zip(array, handles, items):
        entry.object = handle.value
        entry.events = events
        entry.cursor = cursor
    code = call_waiting(
        lambda stop: lib.agora_waiter_wait(waiter, array, len(array), stop),
        end)
    if code < 0 and code != -errno.ETIMEDOUT:
        raise failure(code, ", ".join(object.path for object, _, _ in items))
    return [entry.ready if code > 0 else 0 for entry in array]


def wait_for(object: Object, events: int, cursor: int,
             end: Optional[int]) -> bool:
    """Wait for events of one object; False when the time is over."""
    return bool(wait_for_items([(object, events, cursor)], end)[0])


def wait(readable: Iterable[Object] = (), writable: Iterable[Object] = (),
         timeout: Optional[float] = None) -> tuple[list[Object],
                                                   list[Object]]:
    """Wait until a pop would find something, or a push room.

    Returns those of the objects of which it is true, as select.select()
    does: empty lists when the timeout is over. They must be open for
    writing. Somebody else may be faster, so use what never waits after it.
    """
    readers, writers = list(readable), list(writable)
    items = [(object, READABLE, 0) for object in readers]
    items += [(object, WRITABLE, 0) for object in writers]
    ready = wait_for_items(items, until(timeout))
    return ([object for object, bits in zip(readers, ready) if bits],
            [object for object, bits in zip(writers, ready[len(readers):])
             if bits])
