import asyncio
import math
import time

from gateway.websocket.due import DueLine


class Sleeper:
    """Somebody who waits."""

    def __init__(self) -> None:
        self.due_at = math.inf
        self.woken = asyncio.Event()
        self.times = 0

    def wait(self, line: DueLine, seconds: float) -> None:
        self.due_at = time.monotonic() + seconds
        line.join(self, self.due_at)

    def due(self, now: float) -> None:
        self.due_at = math.inf
        self.times += 1
        self.woken.set()


async def test_all_who_wait_are_called_once_their_time_has_come() -> None:
    line = DueLine(asyncio.get_running_loop())
    sleepers = [Sleeper() for _ in range(5)]
    for each in sleepers:
        each.wait(line, 0.01)
    async with asyncio.timeout(10):
        for each in sleepers:
            await each.woken.wait()
    assert [each.times for each in sleepers] == [1] * 5


async def test_who_was_served_meanwhile_is_passed_over_and_may_wait_again() -> None:
    line = DueLine(asyncio.get_running_loop())
    first, second = Sleeper(), Sleeper()
    first.wait(line, 0.01)
    first.due_at = math.inf  # served
    first.wait(line, 0.02)
    second.wait(line, 0.02)
    async with asyncio.timeout(10):
        await second.woken.wait()
        await first.woken.wait()
    assert (first.times, second.times) == (1, 1)


async def test_one_that_fails_does_not_hold_up_the_others() -> None:
    raised: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: raised.append(context["exception"]))

    class Failing(Sleeper):
        def due(self, now: float) -> None:
            self.due_at = math.inf
            raise ValueError("of a plugin")

    line = DueLine(loop)
    failing, fine = Failing(), Sleeper()
    failing.wait(line, 0.01)
    fine.wait(line, 0.01)
    async with asyncio.timeout(10):
        await fine.woken.wait()
    assert [str(error) for error in raised] == ["of a plugin"]
