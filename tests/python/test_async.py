"""Objects and watches in an event loop."""

import asyncio
import os
import threading

import pytest

import agora


def run(coroutine):
    async def limited():
        async with asyncio.timeout(60):
            return await coroutine
    return asyncio.run(limited())


async def asleep(queue):
    """Return when somebody waits for an object."""
    while not queue._handle.awaited:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)


def test_pop_async_takes_what_is_there_and_what_comes(program):
    queue = program.queue("a.queue", type="utf8")

    async def main():
        queue.push("first")
        assert await queue.pop_async() == "first"
        task = asyncio.create_task(queue.pop_async())
        await asleep(queue)
        queue.push("second")
        assert await task == "second"
    run(main())


def test_message_of_another_process_wakes_the_loop(program, child):
    queue = program.queue("a.queue")
    process = child("""
queue = space.queue("test/a.queue")
say("ready")
sys.stdin.readline()
queue.push(b"from afar")
""")

    async def main():
        task = asyncio.create_task(queue.pop_async(raw=True))
        await asleep(queue)
        process.stdin.write("\n")
        process.stdin.flush()
        assert await task == b"from afar"
    run(main())


def test_many_coroutines_share_one_queue_in_order(program):
    queue = program.queue("a.queue", capacity=4096)
    before = threading.active_count()
    taken = []

    async def consume():
        while (message := await queue.pop_async()) != b"end":
            taken.append(int(message))

    async def main():
        tasks = [asyncio.create_task(consume()) for _ in range(50)]
        for number in range(2000):
            await queue.push_async(b"%d" % number)
            if number % 100 == 0:
                await asyncio.sleep(0.001)
        for _ in tasks:
            await queue.push_async(b"end")
        await asyncio.gather(*tasks)
        assert threading.active_count() == before
    run(main())
    assert sorted(taken) == list(range(2000))


def test_waiting_coroutines_are_served_in_turn(program):
    queue = program.queue("a.queue")

    async def main():
        tasks = []
        for _ in range(3):
            tasks.append(asyncio.create_task(queue.pop_async()))
            await asyncio.sleep(0)
        await asleep(queue)
        for number in range(3):
            queue.push(b"%d" % number)
        assert await asyncio.gather(*tasks) == [b"0", b"1", b"2"]
    run(main())


def test_push_async_waits_for_room(program):
    queue = program.queue("a.queue", capacity=1)

    async def main():
        await queue.push_async(b"a")
        task = asyncio.create_task(queue.push_async(b"b"))
        await asleep(queue)
        assert not task.done()
        assert queue.pop() == b"a"
        await task
        assert queue.pop() == b"b"
    run(main())


def test_acquire_async_gives_a_claim(program):
    queue = program.queue("a.queue")

    async def main():
        task = asyncio.create_task(queue.acquire_async())
        await asleep(queue)
        queue.push(b"work")
        with await task as view:
            assert view == b"work"
    run(main())
    assert len(queue) == 0


def test_cancelled_coroutine_takes_nothing_and_others_go_on(program):
    queue = program.queue("a.queue")

    async def main():
        first = asyncio.create_task(queue.pop_async())
        second = asyncio.create_task(queue.pop_async())
        await asleep(queue)
        first.cancel()
        queue.push(b"x")
        assert await second == b"x"
        third = asyncio.create_task(queue.pop_async())
        fourth = asyncio.create_task(queue.pop_async())
        await asyncio.sleep(0.05)
        queue.push(b"y")
        # Woken, perhaps, and cancelled before it could try.
        third.cancel()
        assert await fourth == b"y"
    run(main())
    assert len(queue) == 0


def test_timeout_bounds_a_wait_and_takes_nothing(program):
    queue = program.queue("a.queue")

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await queue.pop_async()
        queue.push(b"x")
        assert await queue.pop_async() == b"x"
    run(main())


def test_take_async_and_tap_iterate(program):
    queue = program.queue("a.queue")

    async def follow(tap):
        return [await anext(tap) for _ in range(3)]

    async def main():
        task = asyncio.create_task(follow(queue.tap()))
        taken = []
        await asyncio.sleep(0.05)
        for data in b"a", b"b", b"c":
            queue.push(data)
        async for message in queue.take_async():
            taken.append(message)
            if len(taken) == 3:
                break
        assert taken == await task == [b"a", b"b", b"c"]
    run(main())


def test_closed_queue_wakes_who_awaits_it(program):
    queue = program.queue("a.queue")

    async def main():
        task = asyncio.create_task(queue.pop_async())
        await asleep(queue)
        queue.close()
        with pytest.raises(ValueError, match="closed: test/a.queue"):
            await task
        del task  # its exception knows the handle
        # The loop has let it go as well.
        other = program.queue("a.queue")
        while len(other.clients()) > 1:
            await asyncio.sleep(0.01)
    run(main())


def test_reader_cannot_be_awaited(space, program):
    program.queue("a.queue")

    async def main():
        with space.queue("test/a.queue", "r") as queue:
            with pytest.raises(PermissionError):
                await queue.pop_async()
            with pytest.raises(PermissionError):
                await anext(queue.tap())
    run(main())


def test_what_is_awaited_no_more_is_not_watched(program):
    queue = program.queue("a.queue")

    async def main():
        for _ in range(2):
            task = asyncio.create_task(queue.pop_async())
            await asleep(queue)
            queue.push(b"x")
            await task
            loop = asyncio.get_running_loop()
            assert not loop.remove_reader(queue.descriptor())
    run(main())


def test_without_a_descriptor_it_is_looked_now_and_then(program, child):
    import resource
    queue = program.queue("a.queue")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main():
        # All that is there is in use: there are no three more.
        free = os.open("/dev/null", os.O_RDONLY)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        task = asyncio.create_task(queue.pop_async())
        await asleep(queue)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert queue._handle.bell.fd is None
        queue.push(b"x")
        assert await task == b"x"
        process = child("""
queue = space.queue("test/a.queue")
queue.push(b"claimed")
claim = queue.acquire()
say("ready")
sys.stdin.readline()
""")
        task = asyncio.create_task(queue.pop_async())
        await asyncio.sleep(0.05)
        process.kill()
        assert await task == b"claimed"
    run(main())


def test_claim_of_a_dead_process_wakes_the_loop(program, child):
    queue = program.queue("a.queue")
    process = child("""
queue = space.queue("test/a.queue")
queue.push(b"claimed")
claim = queue.acquire()
say("ready")
sys.stdin.readline()
""")

    async def main():
        task = asyncio.create_task(queue.pop_async())
        await asleep(queue)
        process.kill()
        assert await task == b"claimed"
    run(main())


def test_loop_that_was_left_in_the_middle_is_in_nobodys_way(program):
    queue = program.queue("a.queue")
    loop = asyncio.new_event_loop()
    left = loop.create_task(queue.pop_async())
    loop.run_until_complete(asyncio.sleep(0.01))
    assert not left.done()
    loop.close()

    async def main():
        for data in b"a", b"b":
            task = asyncio.create_task(queue.pop_async())
            await asleep(queue)
            queue.push(data)
            assert await task == data
        assert loop not in queue._handle.bell.loops
    left._log_destroy_pending = False
    run(main())


def test_loop_that_is_stuck_is_in_nobodys_way(program):
    queue = program.queue("a.queue", capacity=4)
    stuck, go = threading.Event(), threading.Event()

    async def stop():
        task = asyncio.create_task(queue.pop_async())
        await asleep(queue)
        stuck.set()
        go.wait(60)
        await task

    async def main():
        tasks = [asyncio.create_task(queue.pop_async()) for _ in range(3)]
        await asyncio.sleep(0.01)
        for number in range(3):
            queue.push(b"%d" % number)
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
    thread = threading.Thread(target=run, args=(stop(),))
    thread.start()
    stuck.wait(60)
    run(main())
    go.set()
    queue.push(b"last")
    thread.join()


def test_loops_of_several_threads_share_a_queue(program):
    queue = program.queue("a.queue", capacity=4096)
    taken = []

    async def consume():
        while (message := await queue.pop_async()) != b"end":
            taken.append(int(message))

    threads = [threading.Thread(target=run, args=(consume(),))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1000):
        queue.push_wait(b"%d" % number, 60)
    for _ in threads:
        queue.push_wait(b"end", 60)
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1000))


def test_watch_is_an_asynchronous_iterator(space):
    async def main():
        seen = []
        with space.watch() as watch:
            task = asyncio.create_task(collect(watch, seen))
            await asyncio.sleep(0.05)
            with space.register("test") as program:
                program.queue("a.queue").close()
                await task
        assert agora.Event("object-added", "test", "a.queue") in seen
        assert seen[-1].path == "test/a.queue"

    async def collect(watch, seen):
        async for event in watch:
            seen.append(event)
            if event.type == "object-added":
                return
    run(main())


def test_cancelled_watch_leaves_the_loop_clean(space):
    async def main():
        watch = space.watch()
        task = asyncio.create_task(anext(watch))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not asyncio.get_running_loop().remove_reader(watch.fileno())
        space.create_program("test")
        assert (await anext(watch)).type == "program-added"
        task = asyncio.create_task(drain(watch))
        await asyncio.sleep(0.05)
        watch.close()
        with pytest.raises(ValueError, match="closed"):
            await task

    async def drain(watch):
        async for _ in watch:
            pass
    run(main())
