"""Heaps: the smallest priority comes first.

A priority is a number from 0 to 2**64 - 1; of messages with the same one the
first that was pushed is popped first. What comes out is a Ranked: a pair of
priority and message. Looking and waiting are those of every sequence.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Optional

from ._library import WRITABLE, HeapItem, call_waiting, failure, lib, until
from .object import Buffer, Data, Value
from .stack import Numbered

PUSH = lib.agora_object_push_priority


class Ranked(NamedTuple):
    """A message and its priority."""

    priority: int
    message: Value


def number(priority: int) -> int:
    """A priority that C can hold: ctypes would cut it off."""
    if not 0 <= priority < 1 << 64:
        raise ValueError(f"priority is out of range: {priority}")
    return priority


class Heap(Numbered):
    """Priority queue, many producers and many consumers."""

    # ---- push

    def push(self, priority: int,  # type: ignore[override]
             message: Data) -> None:
        """Insert a message; BlockingIOError when there is no room."""
        data = self._encode(message)
        code = PUSH(self._handle, number(priority), data, len(data))
        if code:
            raise failure(code, self.path)

    def push_wait(self, priority: int,  # type: ignore[override]
                  message: Data, timeout: Optional[float] = None) -> None:
        """Insert a message, waiting for room; TimeoutError."""
        data, end, handle = self._encode(message), until(timeout), self._handle
        rank = number(priority)
        code = call_waiting(
            lambda stop: lib.agora_object_push_priority_wait(
                handle, rank, data, len(data), stop), end)
        if code:
            raise failure(code, self.path)

    async def push_async(self, priority: int,  # type: ignore[override]
                         message: Data) -> None:
        """Insert a message, waiting for room in an event loop."""
        data = self._encode(message)
        while True:
            code = PUSH(self._handle, number(priority), data, len(data))
            if code != -errno.EAGAIN:
                break
            await self._async(WRITABLE)
        if code:
            raise failure(code, self.path)

    def _items(self, messages: Iterable[tuple[int, Data]]) -> Any:
        pairs = [(number(rank), self._encode(one)) for rank, one in messages]
        items = (HeapItem * len(pairs))()
        for item, (rank, data) in zip(items, pairs):
            item.priority = rank
            item.data = data  # which ctypes keeps
            item.size = len(data)
        return items

    def push_batch(  # type: ignore[override]
            self, messages: Iterable[tuple[int, Data]]) -> int:
        """Insert pairs of priority and message, in order; returns how many.

        Fewer than given when there was no room for more, or the next is
        refused; the error of the first, when none was inserted.
        """
        items = self._items(messages)
        code = lib.agora_heap_push_batch(self._handle, items, len(items))
        if code < 0:
            raise failure(code, self.path)
        return code

    def push_batch_wait(  # type: ignore[override]
            self, messages: Iterable[tuple[int, Data]],
            timeout: Optional[float] = None) -> int:
        """As push_batch, waiting for room for one at least; TimeoutError."""
        items, end, handle = self._items(messages), until(timeout), \
            self._handle
        code = call_waiting(lambda stop: lib.agora_heap_push_batch_wait(
            handle, items, len(items), stop), end)
        if code < 0:
            raise failure(code, self.path)
        return code

    async def push_batch_async(  # type: ignore[override]
            self, messages: Iterable[tuple[int, Data]]) -> int:
        """As push_batch, waiting for room in an event loop."""
        items = self._items(messages)
        while True:
            code = lib.agora_heap_push_batch(self._handle, items, len(items))
            if code != -errno.EAGAIN:
                break
            await self._async(WRITABLE)
        if code < 0:
            raise failure(code, self.path)
        return code

    # ---- what comes out: the verbs are those of sequences

    def _decode(self, buffer: Buffer, raw: bool) -> Any:
        return Ranked(buffer.raw.priority, super()._decode(buffer, raw))

    def pop(self, *, raw: bool = False) -> Any:
        """Take the first message, a Ranked; BlockingIOError when there is
        none.
        """
        return super().pop(raw=raw)

    def pop_wait(self, timeout: Optional[float] = None, *,
                 raw: bool = False) -> Any:
        """Take the first message, waiting for one; TimeoutError."""
        return super().pop_wait(timeout, raw=raw)

    async def pop_async(self, *, raw: bool = False) -> Any:
        """Take the first message, waiting for one in an event loop."""
        return await super().pop_async(raw=raw)

    def pop_batch(self, count: int, *, raw: bool = False) -> Any:
        """Take up to count messages, a list of Ranked, in order, and not
        more than 1024; BlockingIOError when there is none.
        """
        return super().pop_batch(count, raw=raw)

    def peek(self, *, raw: bool = False) -> Any:
        """Copy the first message, a Ranked; BlockingIOError."""
        return super().peek(raw=raw)

    def walk(self, *, raw: bool = False) -> Iterator[Any]:
        """Look at all messages of one moment, each a Ranked, in order."""
        return super().walk(raw=raw)

    def __iter__(self) -> Iterator[Any]:
        return self.walk()
