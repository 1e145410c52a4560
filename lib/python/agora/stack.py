"""Stacks: who was pushed last is popped first.

They have the verbs of every sequence: push(), pop(), acquire(), peek(), tap().
A message that was acquired and not released comes back on top. walk() and
iterating look at all messages, the top first, as they lay at one moment.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Optional

from ._library import SnapshotHandle, failure, lib, output
from .object import Value
from .queue import Sequence, Tap


class Numbered(Sequence):
    """Messages whose numbers have gaps, and that no cursor can name."""

    def walk(self, *, raw: bool = False) -> Iterator[Value]:
        """Look at all messages of one moment, in order; they stay there.

        Those that others take before it comes to them are left out.
        """
        handle, snapshot = self._handle, SnapshotHandle()
        code = lib.agora_object_snapshot(handle, output(snapshot))
        if code:
            raise failure(code, self.path)
        return self._walk(snapshot, raw)

    def _walk(self, snapshot: SnapshotHandle, raw: bool) -> Iterator[Value]:
        while True:
            # Closing the object meanwhile takes effect behind this.
            handle, buffer = self._handle, self._borrow()
            try:
                code = self._fill(buffer, lambda room:
                                  lib.agora_snapshot_next(snapshot, room))
                if code == -errno.EAGAIN:
                    return
                if code:
                    raise failure(code, self.path)
                value = self._decode(buffer, raw)
            finally:
                self._give_back(buffer)
            del handle
            yield value

    def tap(self, timeout: Optional[float] = None, *,
            cursor: Optional[int] = None, raw: bool = False) -> Tap:
        """Follow what is pushed, from now on, without taking it.

        What others push and take between two looks is missed, and not
        counted. Ends when nothing came for timeout seconds; None: never.
        cursor: start with this number; 0: with all that is there.
        """
        return Follow(self, timeout, cursor, raw)


class Follow(Tap):
    """A tap that cannot know what it missed."""

    def _next(self) -> Optional[Value]:
        message = super()._next()
        self.missed = 0
        return message


class Stack(Numbered):
    """LIFO of messages, many producers and many consumers."""
