"""The type hints hold, in the package and for who uses it."""

import os
import subprocess
import sys

import pytest

from drivers import ROOT

pytest.importorskip("mypy")

PACKAGE = ROOT / "lib" / "python"

USER = """
import agora

async def main(space: agora.Space) -> None:
    with space.queue("a/b.queue", capacity=5) as queue:
        message: bytes | str = queue.pop_wait(timeout=1.5)
        with queue.acquire() as view:
            size: int = view.nbytes
        with await queue.acquire_async() as view:
            message = bytes(view)
        with queue.reserve(5) as view:
            view[:] = b"hello"
        room: agora.Reservation = await queue.reserve_async(10)
        room.commit(size)
        messages: list[bytes | str] = queue.pop_batch(5)
        count: int = await queue.push_batch_async(messages)
        if not queue.arm(agora.READABLE):
            count = queue.descriptor()
        async for message in queue.take_async():
            await queue.push_async(message)
    with space.table("a/b.table") as table:
        table["key"] = b"value"
        total: int = table.add("n", 5)
        for key, value in table.items():
            message = value
    with space.stack("a/b.stack") as stack:
        message = stack.pop()
    with space.list("a/b.list") as row:
        element: agora.Element = row.push_front(b"x")
        behind: agora.Element | None = row.next(element)
        for element in row.elements():
            message = row.get(element)
    async for event in space.watch():
        print(event.type.upper(), event.path)
"""


def mypy(tmp_path, *arguments):
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache",
         "--disallow-untyped-defs", "--warn-unused-ignores", *arguments],
        capture_output=True, text=True, timeout=110, cwd=PACKAGE,
        env=os.environ | {"MYPYPATH": str(PACKAGE)})
    return result.stdout


def test_package_and_a_user_of_it_are_typed(tmp_path):
    user = tmp_path / "user.py"
    user.write_text(USER)
    assert mypy(tmp_path, "agora", user).startswith("Success")
    user.write_text(USER.replace('"n", 5', '"n", "five"'))
    assert 'incompatible type "str"; expected "int"' in mypy(tmp_path, user)
