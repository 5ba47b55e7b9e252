"""The light task and its future, on asyncio's loop and on uvloop's."""

import asyncio
import contextvars
from collections.abc import Generator
from typing import Any

import pytest

from gateway.chain.eager import Waiter
from tests.support.light_tasks import LOOPS, Recorded, Run, outcome, runner_on, started, turns, value_of
from tests.support.transports import as_callback

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test's coroutine."""
    return runner_on(request.param)


# --- steps -----------------------------------------------------------------------------------------


def test_what_never_waits_ends_in_the_call_that_began_it(run: Run) -> None:
    async def answer() -> int:
        tasks.append(asyncio.current_task())
        return 42

    async def main() -> None:
        own = asyncio.current_task()
        task = Recorded(answer())
        assert not task.done()
        with as_callback():
            task.resume()
            assert (task.outcome, task.done(), asyncio.current_task()) == (42, True, None)
        assert tasks == [task]
        assert asyncio.current_task() is own

    tasks: list[Any] = []
    run(main)


def test_a_waiter_set_in_a_callback_resumes_there_and_then(run: Run) -> None:
    async def main() -> None:
        first: Waiter[int] = Waiter()
        second: Waiter[int] = Waiter()

        async def add() -> int:
            return await first + await second

        task = started(add())
        with as_callback():
            first.set_result(1)
            assert not task.done()
            second.set_result(2)
            assert task.outcome == 3

    run(main)


def test_a_waiter_that_is_set_already_is_not_waited_for(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[str] = Waiter()
        waiter.set_result("ready")
        assert started(value_of(waiter)).outcome == "ready"
        broken: Waiter[str] = Waiter()
        broken.set_exception(ValueError("broken"))
        assert isinstance(started(value_of(broken)).outcome, ValueError)

    run(main)


def test_an_error_is_raised_where_it_was_waited_for(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[int] = Waiter()

        async def rescued() -> str:
            try:
                await waiter
            except ValueError as error:
                return f"rescued from {error}"
            return "nothing happened"

        task = started(rescued())
        with as_callback():
            waiter.set_exception(ValueError("x"))
            assert task.outcome == "rescued from x"

    run(main)


def test_a_waiter_set_from_within_another_task_resumes_at_the_next_turn(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[int] = Waiter()
        task = started(value_of(waiter))

        async def sets() -> None:
            waiter.set_result(1)
            assert not task.done()

        assert started(sets()).outcome is None
        assert not task.done()
        await turns()
        assert task.outcome == 1

        other: Waiter[int] = Waiter()
        task = started(value_of(other))
        other.set_result(2)  # from within the test's own task
        assert not task.done()
        assert await outcome(task) == 2

    run(main)


def test_a_task_whose_answer_wakes_another_lets_that_one_run_at_once(run: Run) -> None:
    async def main() -> None:
        first: Waiter[int] = Waiter()
        second: Waiter[int] = Waiter()

        class Chained(Recorded):
            def succeeded(self, result: Any) -> None:
                super().succeeded(result)
                second.set_result(result + 1)

        after = started(value_of(second))
        before = Chained(value_of(first))
        with as_callback():
            before.resume()
            first.set_result(1)
            assert (before.outcome, after.outcome) == (1, 2)

    run(main)


def test_futures_tasks_and_pauses_are_waited_for_as_usual(run: Run) -> None:
    async def main() -> None:
        async def everything() -> list[Any]:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            loop.call_soon(future.set_result, "future")
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            gathered = await asyncio.gather(asyncio.sleep(0, "a"), loop.create_task(asyncio.sleep(0, "b")))
            return [await future, *gathered, await asyncio.shield(asyncio.sleep(0, "c"))]

        assert await outcome(started(everything())) == ["future", "a", "b", "c"]

    run(main)


def test_what_the_coroutine_raises_is_told_once(run: Run) -> None:
    async def main() -> None:
        async def fails(pause: bool) -> None:
            if pause:
                await asyncio.sleep(0)
            raise KeyError("lost")

        assert isinstance(started(fails(pause=False)).outcome, KeyError)
        assert isinstance(await outcome(started(fails(pause=True))), KeyError)

    run(main)


def test_what_is_raised_by_whoever_takes_the_result_is_not_the_coroutines_failure(run: Run) -> None:
    async def main() -> None:
        class Careless(Recorded):
            def succeeded(self, result: Any) -> None:
                super().succeeded(result)
                raise ZeroDivisionError

        task = Careless(asyncio.sleep(0, "x"))
        with as_callback():
            task.resume()
        task = Careless(value_of(_ready("y")))
        with as_callback(), pytest.raises(ZeroDivisionError):
            task.resume()
        assert (task.outcome, task.done()) == ("y", True)

    async def quiet() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await main()
        await turns()

    run(quiet)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_passes(run: Run, stop: type[BaseException]) -> None:
    async def main() -> None:
        async def ends() -> None:
            raise stop

        task = Recorded(ends())
        with as_callback(), pytest.raises(stop):
            task.resume()
        assert (task.done(), task.ends, task.cancel()) == (True, [], False)

    run(main)


# --- context ---------------------------------------------------------------------------------------


def test_context_variables_last_from_step_to_step_and_no_further(run: Run) -> None:
    async def main() -> None:
        waiters: list[Waiter[None]] = [Waiter(), Waiter()]

        async def sets(name: str, waiter: Waiter[None]) -> list[str]:
            seen = [VARIABLE.get()]
            VARIABLE.set(name)
            await waiter
            seen.append(VARIABLE.get())
            await asyncio.sleep(0)
            return [*seen, VARIABLE.get()]

        VARIABLE.set("caller")
        tasks = [started(sets(name, waiter)) for name, waiter in zip("ab", waiters, strict=True)]
        VARIABLE.set("caller, later")
        for waiter in reversed(waiters):
            with as_callback():
                waiter.set_result(None)
        assert [await outcome(task) for task in tasks] == [["caller", name, name] for name in "ab"]
        assert VARIABLE.get() == "caller, later"
        assert [task.get_context()[VARIABLE] for task in tasks] == ["a", "b"]

    run(main)


# --- misuse ------------------------------------------------------------------------------------------


class Odd:
    def __await__(self) -> Generator[Any, None, None]:
        yield "not a future"


def test_awaiting_what_asyncio_does_not_know_is_an_error_that_names_it(run: Run) -> None:
    async def main() -> None:
        cleaned: list[str] = []

        async def careful() -> None:
            try:
                await Odd()
            finally:
                cleaned.append(VARIABLE.get())

        async def stubborn() -> None:
            try:
                await Odd()
            finally:
                await asyncio.sleep(0)

        VARIABLE.set("own")
        error = await outcome(started(careful()))
        assert isinstance(error, RuntimeError)
        assert "'not a future'" in str(error)
        assert cleaned == ["own"]
        task = started(stubborn())
        assert isinstance(await outcome(task), RuntimeError)
        assert task.done()

    run(main)


def test_a_task_says_of_itself_what_libraries_ask(run: Run) -> None:
    async def main() -> None:
        coro = asyncio.sleep(0)
        task = Recorded(coro)
        assert task.get_loop() is asyncio.get_running_loop()
        assert task.get_coro() is coro
        assert task.get_name() == "request"
        assert (task.done(), task.cancelling(), task.uncancel()) == (False, 0, 0)
        with as_callback():
            task.resume()
        await outcome(task)

    run(main)


def _ready(value: str) -> Waiter[str]:
    waiter: Waiter[str] = Waiter()
    waiter.set_result(value)
    return waiter
