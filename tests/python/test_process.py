"""Processes that fork, die, are interrupted; threads that close."""

import os
import signal
import threading

import pytest

import agora


def test_kill_redelivers_what_was_acquired(program, child):
    queue = program.queue("a.queue")
    queue.push(b"work")
    worker = child("""
with space.queue("test/a.queue").acquire() as view:
    say("ready")
    time.sleep(100)
""")
    assert len(queue) == 0
    assert [c.pid for c in queue.clients() if c.claims] == [worker.pid]
    worker.kill()
    worker.wait()
    assert queue.pop_wait(20) == b"work"
    assert queue.stat().redelivered == 1 and queue.check(repair=True).sound


def test_kills_lose_and_repeat_nothing(space, program, child):
    """Workers claim, record, release; some are killed: all is recorded."""
    queue = program.queue("a.queue", capacity=4096)
    done = program.table("done.table")
    for number in range(3000):
        queue.push(b"%d" % number)
    code = """
queue, done = space.queue("test/a.queue"), space.table("test/done.table")
say("ready")
while True:
    with queue.acquire_wait() as view:
        if done.add(bytes(view)) and int(bytes(view)) % 50 == 49:
            say("done")
            time.sleep(0.001)
"""
    for _ in range(12):
        worker = child(code)
        worker.stdout.readline()
        worker.kill()
        worker.wait()
    for message in queue.take(0.3):
        done.add(message)
    counts = {key: done.counter(key) for key in done}
    assert len(counts) == 3000
    # Only what was recorded and not yet released is delivered again.
    assert sum(count - 1 for count in counts.values()) <= 12
    report = queue.check(repair=True)
    assert report.sound and report.free == report.blocks


def test_killed_program_is_not_alive_and_can_be_taken_over(space, child):
    process = child("""
program = space.register("other")
say("ready")
time.sleep(100)
""")
    assert space.info("other").alive
    with pytest.raises(FileExistsError):
        space.register("other")
    process.kill()
    process.wait()
    assert not space.info("other").alive
    with space.register("other"):
        assert space.info("other").pid == os.getpid()


@pytest.mark.parametrize("wait", [
    "queue.pop_wait()", "queue.acquire_wait()", "next(queue.take())",
    "next(queue.tap())", "agora.wait([queue])", "next(space.watch())",
    "full.push_wait(b'')"])
def test_keyboard_interrupt_ends_a_wait(program, child, wait):
    program.queue("a.queue")
    program.queue("full.queue", capacity=1).push(b"")
    process = child(f"""
queue = space.queue("test/a.queue")
full = space.queue("test/full.queue")
def interrupt():
    # Asleep is: more than a moment in the futex or in poll.
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
say("ready")
try:
    {wait}
except KeyboardInterrupt:
    say("interrupted")
""")
    assert process.stdout.readline() == "interrupted\n"
    assert process.wait(20) == 0


def test_wait_goes_on_after_a_signal_that_was_handled(program, child):
    queue = program.queue("a.queue")
    process = child("""
signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
queue = space.queue("test/a.queue")
say("ready")
say(queue.pop_wait().decode())
""")
    for _ in range(3):
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == "handled\n"
    queue.push(b"message")
    assert process.stdout.readline() == "message\n"


def test_signal_does_not_prolong_a_timeout(program, child):
    program.queue("a.queue")
    process = child("""
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
queue = space.queue("test/a.queue")
say("ready")
start = time.monotonic()
try:
    queue.pop_wait(0.5)
except TimeoutError:
    say(0.5 <= time.monotonic() - start < 10)
""")
    assert process.stdout.readline() == "True\n"


def test_handles_are_refused_in_a_forked_child(program, child):
    program.queue("a.queue").push(b"x")
    process = child("""
import errno, gc
queue = space.queue("test/a.queue")
table = space.table("test/t.table", "c")
watch = space.watch()
queue.push(b"y")
claim = queue.acquire()
pid = os.fork()
if pid == 0:
    refused = 0
    for call in (queue.pop, queue.peek, lambda: table["k"], claim.release,
                 lambda: watch.next(0), lambda: queue.pop_wait(1)):
        try:
            call()
        except ChildProcessError as error:
            refused += error.errno == errno.ECHILD
    del claim, queue, table, watch
    gc.collect()
    with space.queue("test/a.queue") as mine:
        refused += mine.pop() == b"y"
    os._exit(refused)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
say("ready")
say(status)
say(bytes(claim.view).decode())
claim.release()
say(len(queue))
""")
    assert [process.stdout.readline() for _ in range(3)] == [
        "7\n", "x\n", "0\n"]
    assert process.wait(20) == 0


def test_multiprocessing_is_given_objects(program, child):
    queue = program.queue("a.queue", type="utf8")
    process = child("""
import multiprocessing
say("ready")
queue = space.queue("test/a.queue")
context = multiprocessing.get_context("spawn")
# What is pickled must not stand in this script.
process = context.Process(target=agora.Queue.push, args=(queue, "hello"))
process.start()
process.join()
""")
    assert queue.pop_wait(60) == "hello"
    assert process.wait(60) == 0


def test_close_while_another_thread_waits_is_safe(program):
    queue = program.queue("a.queue")
    results = []

    def wait():
        try:
            results.append(queue.pop_wait(60))
        except Exception as error:
            results.append(error)

    with program.queue("a.queue") as other:
        thread = threading.Thread(target=wait)
        thread.start()
        while not any(client.waiting for client in other.clients()):
            pass
        queue.close()
        assert len(other.clients()) == 2
        other.push(b"late")
        thread.join()
        assert results == [b"late"]
        assert len(other.clients()) == 1


def test_other_threads_run_while_one_waits(program):
    queue = program.queue("a.queue")
    thread = threading.Thread(target=queue.pop_wait)
    thread.start()
    assert sum(range(100000)) == 4999950000
    queue.push(b"x")
    thread.join()


def test_interpreter_ends_while_a_loop_thread_waits(program, child):
    program.queue("a.queue")
    process = child("""
import asyncio
queue = space.queue("test/a.queue")
async def main():
    asyncio.get_running_loop().call_later(0.1, sys.exit, 3)
    say("ready")
    await queue.pop_async()
asyncio.run(main())
""")
    assert process.wait(20) == 3
    assert process.stderr.read() == ""


def test_missing_library_is_an_import_error_that_names_it(tmp_path):
    import subprocess
    import sys
    result = subprocess.run(
        [sys.executable, "-c", "import agora"], capture_output=True,
        text=True, timeout=60,
        env=os.environ | {"AGORA_LIBRARY": str(tmp_path / "none.so"),
                          "PYTHONDONTWRITEBYTECODE": "1",
                          "PYTHONPATH": os.path.dirname(
                              os.path.dirname(agora.__file__))})
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: agora: ") and "none.so" in last
