"""Time-outs and groups of tasks in a light task, on asyncio's loop and on uvloop's."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from gateway.chain.eager import Waiter
from tests.support.light_tasks import LOOPS, Run, outcome, runner_on, started, turns
from tests.support.transports import as_callback


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test's coroutine."""
    return runner_on(request.param)


def test_a_time_out_ends_a_wait_and_leaves_no_cancellation_behind(run: Run) -> None:
    async def main() -> None:
        async def patient(waiter: Awaitable[object]) -> str:
            try:
                async with asyncio.timeout(0):
                    await waiter
            except TimeoutError:
                await asyncio.sleep(0)
                task = asyncio.current_task()
                assert task is not None
                return f"timed out, {task.cancelling()} pending"
            return "in time"

        for waiting in (Waiter[None](), asyncio.get_running_loop().create_future(), asyncio.Event().wait()):
            assert await outcome(started(patient(waiting))) == "timed out, 0 pending"

    run(main)


def test_a_time_out_that_is_not_needed_does_nothing(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[int] = Waiter()

        async def patient() -> int:
            async with asyncio.timeout(3600), asyncio.timeout(None):
                return await waiter

        task = started(patient())
        with as_callback():
            waiter.set_result(1)
        assert task.outcome == 1

    run(main)


def test_of_two_time_outs_the_one_that_passed_speaks(run: Run) -> None:
    async def main() -> None:
        async def nested() -> str:
            try:
                async with asyncio.timeout(0):
                    try:
                        async with asyncio.timeout(3600):
                            await Waiter()
                    except TimeoutError:
                        return "inner"
            except TimeoutError:
                return "outer"
            return "none"

        assert await outcome(started(nested())) == "outer"

    run(main)


def test_a_cancellation_from_outside_is_no_time_out(run: Run) -> None:
    async def main() -> None:
        async def patient() -> None:
            async with asyncio.timeout(3600):
                await Waiter()

        task = started(patient())
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)

    run(main)


def test_wait_for_works_with_waiters(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[int] = Waiter()
        task = started(asyncio.wait_for(waiter, 3600))
        await turns()
        waiter.set_result(7)
        assert await outcome(task) == 7
        silent: Waiter[int] = Waiter()
        assert isinstance(await outcome(started(asyncio.wait_for(silent, 0.001))), TimeoutError)
        assert silent.cancelled()

    run(main)


def test_a_group_of_tasks_belongs_to_the_light_task(run: Run) -> None:
    async def main() -> None:
        ends: list[str] = []

        async def child(name: str, waiter: Waiter[Any]) -> Any:
            try:
                return await waiter
            except asyncio.CancelledError:
                ends.append(name)
                raise

        async def grouped(*waiters: Waiter[Any]) -> list[Any]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(child(f"child {at}", waiter)) for at, waiter in enumerate(waiters)]
            return [task.result() for task in tasks]

        first, second = Waiter[int](), Waiter[int]()
        task = started(grouped(first, second))
        await turns()
        first.set_result(1)
        second.set_result(2)
        assert await outcome(task) == [1, 2]

        broken = Waiter[int]()
        task = started(grouped(broken, Waiter()))
        await turns()
        broken.set_exception(ValueError("x"))
        error = await outcome(task)
        assert isinstance(error, ExceptionGroup)
        assert ends == ["child 1"]
        broken = Waiter[int]()
        ordinary = asyncio.ensure_future(grouped(broken, Waiter()))
        await turns()
        broken.set_exception(ValueError("x"))
        with pytest.raises(ExceptionGroup):
            await ordinary
        assert task.cancelling() == ordinary.cancelling()
        ends.clear()

        task = started(grouped(Waiter(), Waiter()))
        await turns()
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        assert sorted(ends) == ["child 0", "child 1"]

    run(main)
