"""Lists: messages in an order, changed at both ends and in between.

push() is push_back() and pop() is pop_front(), as for every sequence. Each
insertion gives an Element, which names what was inserted as long as that is
in the list, and nothing afterwards: StaleError.

    for element in prices.elements():
        if prices.get(element) == "0":
            prices.remove(element)
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from ctypes import byref, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, Optional

from ._library import Element as RawElement
from ._library import ObjectHandle, bytes_of, call_waiting
from ._library import Options as RawOptions
from ._library import failure, lib, until
from .hold import Claim
from .object import Data, Value, open_failure
from .stack import Numbered
from .table import StaleError

if TYPE_CHECKING:
    from .space import Space


class Element:
    """Names an element of a list; two are equal if they name the same."""

    __slots__ = ("_raw",)

    def __init__(self, raw: RawElement) -> None:
        self._raw = raw

    def _words(self) -> tuple[int, ...]:
        return tuple(self._raw.word)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and self._words() == other._words()

    def __hash__(self) -> int:
        return hash(self._words())

    def __repr__(self) -> str:
        return f"<agora.Element {self._raw.word[1]}>"


def raw_of(element: Optional[Element]) -> RawElement:
    """What C is given for an element; None: the ends."""
    return element._raw if element is not None else RawElement()


class List(Numbered):
    """An ordered sequence of messages."""

    def _open(self, space: Space, flags: int,
              options: RawOptions) -> ObjectHandle:
        made = c_void_p()
        code = lib.agora_list_open(space._handle, bytes_of(self.path), flags,
                                   byref(options), byref(made))
        if code:
            raise open_failure(code, self.path, options)
        handle = ObjectHandle(lib.agora_list_object(made))
        handle.list = made
        return handle

    def _raise(self, code: int) -> None:
        if code == -errno.ESTALE:
            raise StaleError(errno.ESTALE, "the element was removed",
                             self.path)
        if code:
            raise failure(code, self.path)

    # ---- insert

    def _insert(self, message: Data,
                call: Callable[[c_void_p, bytes, int, Any], int]) -> Element:
        data, element, handle = self._encode(message), RawElement(), \
            self._handle
        self._raise(call(handle.list, data, len(data), byref(element)))
        return Element(element)

    def push_front(self, message: Data) -> Element:
        """Insert before all others; BlockingIOError when there is no room."""
        return self._insert(message, lib.agora_list_push_front)

    def push_back(self, message: Data) -> Element:
        """Insert behind all others; BlockingIOError when there is no room."""
        return self._insert(message, lib.agora_list_push_back)

    def push_front_wait(self, message: Data,
                        timeout: Optional[float] = None) -> Element:
        """As push_front, waiting for room; TimeoutError."""
        end = until(timeout)
        return self._insert(message, lambda made, data, size, out:
                            call_waiting(lambda stop:
                                         lib.agora_list_push_front_wait(
                                             made, data, size, stop, out),
                                         end))

    def push_back_wait(self, message: Data,
                       timeout: Optional[float] = None) -> Element:
        """As push_back, waiting for room; TimeoutError."""
        end = until(timeout)
        return self._insert(message, lambda made, data, size, out:
                            call_waiting(lambda stop:
                                         lib.agora_list_push_back_wait(
                                             made, data, size, stop, out),
                                         end))

    def insert_before(self, element: Element, message: Data) -> Element:
        """Insert directly before an element; StaleError."""
        return self._insert(message, lambda made, data, size, out:
                            lib.agora_list_insert_before(
                                made, byref(element._raw), data, size, out))

    def insert_after(self, element: Element, message: Data) -> Element:
        """Insert directly behind an element; StaleError."""
        return self._insert(message, lambda made, data, size, out:
                            lib.agora_list_insert_after(
                                made, byref(element._raw), data, size, out))

    # ---- take

    def _take_one(self, call: Callable[[Any], int], raw: bool) -> Value:
        buffer = self._borrow()
        try:
            self._raise(self._fill(buffer, call))
            return self._decode(buffer, raw)
        finally:
            self._give_back(buffer)

    def pop_front(self, *, raw: bool = False) -> Value:
        """Take the first message; BlockingIOError when there is none."""
        return self.pop(raw=raw)

    def pop_back(self, *, raw: bool = False) -> Value:
        """Take the last message; BlockingIOError when there is none."""
        handle = self._handle
        return self._take_one(lambda room: lib.agora_list_pop_back(
            handle.list, room), raw)

    def pop_front_wait(self, timeout: Optional[float] = None, *,
                       raw: bool = False) -> Value:
        """Take the first message, waiting for one; TimeoutError."""
        return self.pop_wait(timeout, raw=raw)

    def pop_back_wait(self, timeout: Optional[float] = None, *,
                      raw: bool = False) -> Value:
        """Take the last message, waiting for one; TimeoutError."""
        handle, end = self._handle, until(timeout)
        return self._take_one(lambda room: call_waiting(
            lambda stop: lib.agora_list_pop_back_wait(
                handle.list, stop, room), end), raw)

    def acquire_back(self) -> Claim:
        """Claim the last message; BlockingIOError when there is none.

        acquire() claims the first one. What is restored, or was not released
        before the process died, comes back at its end.
        """
        handle = self._handle
        claim = Claim(handle, self.path)
        self._raise(lib.agora_list_acquire_back(handle.list,
                                                byref(claim._raw)))
        return claim

    def remove(self, element: Element) -> None:
        """Remove an element; StaleError if somebody else did."""
        handle = self._handle
        self._raise(lib.agora_list_remove(handle.list, byref(element._raw)))

    # ---- look

    def __len__(self) -> int:
        handle, length = self._handle, c_uint64()
        self._raise(lib.agora_list_length(handle.list, byref(length)))
        return length.value

    def _step(self, call: Callable[..., int],
              element: Optional[Element]) -> Optional[Element]:
        handle, found = self._handle, RawElement()
        code = call(handle.list, byref(raw_of(element)), byref(found))
        if code == -errno.EAGAIN:
            return None
        self._raise(code)
        return Element(found)

    def next(self, element: Optional[Element] = None) -> Optional[Element]:
        """The element behind another one, or the first one; None: no more.

        StaleError when the other one was removed: go on from one that was
        passed before it, or start anew.
        """
        return self._step(lib.agora_list_next, element)

    def previous(self, element: Optional[Element] = None
                 ) -> Optional[Element]:
        """The element before another one, or the last one; None: no more."""
        return self._step(lib.agora_list_previous, element)

    def get(self, element: Element, *, raw: bool = False) -> Value:
        """The message of an element; StaleError when it was removed."""
        handle = self._handle
        return self._take_one(lambda room: lib.agora_list_get(
            handle.list, byref(element._raw), room), raw)

    def peek_back(self, *, raw: bool = False) -> Value:
        """Copy the last message; BlockingIOError when there is none."""
        handle = self._handle
        return self._take_one(lambda room: lib.agora_list_peek_back(
            handle.list, room), raw)

    def elements(self) -> Iterator[Element]:
        """Walk over all elements; what is walked from may be removed."""
        passed: list[Element] = []
        while True:
            try:
                element = self.next(passed[-1] if passed else None)
            except StaleError:
                passed.pop()
                continue
            if element is None:
                return
            passed.append(element)
            yield element
