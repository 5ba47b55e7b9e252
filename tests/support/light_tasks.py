"""Light tasks that remember how they ended, and both loops to run them on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvloop

from gateway.chain.eager import EagerTask
from tests.support.transports import as_callback

Main = Callable[[], Coroutine[Any, Any, None]]
Run = Callable[[Main], None]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Recorded(EagerTask):
    """Remembers every end it comes to, which must be one."""

    def __init__(self, coro: Coroutine[Any, Any, Any]) -> None:
        super().__init__(coro, asyncio.get_running_loop())
        self.ends: list[Any] = []
        self.ended = asyncio.Event()

    def succeeded(self, result: Any) -> None:
        self._end(result)

    def failed(self, error: BaseException) -> None:
        self._end(error)

    def _end(self, how: Any) -> None:
        current: Any = asyncio.current_task()
        assert current is not self
        self.ends.append(how)
        self.ended.set()

    @property
    def outcome(self) -> Any:
        """The result or the error."""
        (end,) = self.ends
        return end


def started(coro: Coroutine[Any, Any, Any]) -> Recorded:
    """A task that has taken its first step, as in a protocol's callback."""
    task = Recorded(coro)
    with as_callback():
        task.resume()
    return task


async def outcome(task: Recorded) -> Any:
    """How the task ended, once it has."""
    await asyncio.wait_for(task.ended.wait(), 30)
    return task.outcome


async def turns(number: int = 6) -> None:
    """Let the loop do what it was asked to do soon."""
    for _ in range(number):
        await asyncio.sleep(0)


async def value_of(awaitable: Awaitable[Any]) -> Any:
    """The value, in a coroutine of its own."""
    return await awaitable


def runner_on(loop: str) -> Run:
    """Runs a coroutine on a loop of that kind. What callbacks raise fails the test."""

    def run(main: Main) -> None:
        raised: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.get_loop().set_exception_handler(lambda loop, context: raised.append(context))
            runner.run(main())
        assert not raised, raised

    return run
