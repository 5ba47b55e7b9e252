"""Cancelling a light task: before, during and after its steps, and always as an ordinary task would take it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chain.eager import Waiter
from tests.support.light_tasks import LOOPS, Recorded, Run, runner_on, started, turns
from tests.support.transports import as_callback


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test's coroutine."""
    return runner_on(request.param)


def kinds(task: Recorded) -> list[Any]:
    """The results it came to, errors by their name."""
    return [type(end).__name__ if isinstance(end, BaseException) else end for end in task.ends]


async def waits(on: Awaitable[Any], log: list[str]) -> str:
    log.append("waits")
    try:
        await on
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    return "done"


def test_before_its_first_step_nothing_of_it_runs(run: Run) -> None:
    async def main() -> None:
        log: list[str] = []
        task = Recorded(waits(Waiter(), log))
        assert task.cancel()
        with as_callback():
            task.resume()
        assert (kinds(task), log, task.done()) == (["CancelledError"], [], True)

    run(main)


@pytest.mark.parametrize("kind", ["waiter", "future", "task", "event", "pause", "time"])
def test_while_it_waits_the_wait_ends(run: Run, kind: str) -> None:
    async def main() -> None:
        log: list[str] = []
        waits_on: dict[str, Callable[[], Any]] = {
            "waiter": Waiter,
            "future": asyncio.get_running_loop().create_future,
            "task": lambda: asyncio.ensure_future(asyncio.sleep(3600)),
            "event": lambda: asyncio.Event().wait(),
            "pause": lambda: asyncio.sleep(0),
            "time": lambda: asyncio.sleep(3600),
        }
        task = started(waits(waits_on[kind](), log))
        assert task.cancel()
        assert task.ends == []
        await turns()
        assert (kinds(task), log) == (["CancelledError"], ["waits", "cancelled"])
        assert not task.cancel()

    run(main)


def test_a_waiter_whose_task_was_cancelled_takes_no_result_any_more(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[int] = Waiter()
        task = started(waits(waiter, []))
        task.cancel()
        assert waiter.cancelled()
        with as_callback():
            waiter.set_result(1)
            waiter.set_exception(ValueError())
        await turns()
        assert kinds(task) == ["CancelledError"]

    run(main)


def test_between_being_woken_and_running_the_cancellation_has_the_word(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[int] = Waiter()
        task = started(waits(waiter, []))
        waiter.set_result(1)  # from within a task: the step comes at the next turn
        assert task.cancel()
        await turns()
        assert kinds(task) == ["CancelledError"]

    run(main)


def test_from_within_its_own_step_it_takes_effect_at_the_next_wait(run: Run) -> None:
    async def main() -> None:
        for waiting in (Waiter[int], asyncio.get_running_loop().create_future, lambda: asyncio.sleep(0)):
            log: list[str] = []

            async def cancels_itself(make: Callable[[], Any] = waiting, log: list[str] = log) -> None:
                own = asyncio.current_task()
                assert own is not None
                own.cancel()
                log.append("goes on")
                await waits(make(), log)

            task = started(cancels_itself())
            await turns()
            assert (kinds(task), log) == (["CancelledError"], ["goes on", "waits", "cancelled"])

    run(main)


def test_one_that_is_swallowed_lets_the_task_go_on(run: Run) -> None:
    async def main() -> None:
        waiter: Waiter[str] = Waiter()

        async def stubborn() -> str:
            try:
                await Waiter()
            except asyncio.CancelledError:
                own = asyncio.current_task()
                assert own is not None
                assert (own.cancelling(), own.uncancel()) == (1, 0)
            return await waiter

        task = started(stubborn())
        task.cancel()
        await turns()
        assert task.ends == []
        with as_callback():
            waiter.set_result("after all")
        assert task.ends == ["after all"]

    run(main)


def test_cancelling_twice_at_once_is_cancelling_once(run: Run) -> None:
    async def main() -> None:
        log: list[str] = []

        async def swallows_one() -> str:
            try:
                await waits(Waiter(), log)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
            return "went on"

        task = started(swallows_one())
        task.cancel()
        task.cancel()
        await turns()
        assert (kinds(task), log) == (["went on"], ["waits", "cancelled"])

    run(main)


def test_a_task_may_cancel_another_from_within_its_step(run: Run) -> None:
    async def main() -> None:
        other = started(waits(Waiter(), []))

        async def cancels() -> bool:
            return other.cancel()

        assert started(cancels()).ends == [True]
        await turns()
        assert kinds(other) == ["CancelledError"]

    run(main)


# --- the same as an ordinary task -------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.sampled_from(["waiter", "future", "pause", "shield", "task"]), st.booleans()), max_size=4)
EVENTS = st.lists(st.sampled_from(["turns", "cancel", "set", "fail", "cancel twice", "set and cancel"]), max_size=8)


class Program:
    """A coroutine made of waits, some of which swallow a cancellation, and what happens to it from outside."""

    def __init__(self, steps: list[tuple[str, bool]]) -> None:
        self.steps = steps
        self.log: list[str] = []
        self.waiting: Any = None

    async def run(self) -> str:
        for at, (kind, swallows) in enumerate(self.steps):
            try:
                self.log.append(f"{at}: {await self._wait(kind)}")
            except asyncio.CancelledError:
                self.log.append(f"{at}: cancelled")
                if not swallows:
                    raise
            except ValueError:
                self.log.append(f"{at}: failed")
        return "done"

    async def _wait(self, kind: str) -> Any:
        future: Any = asyncio.get_running_loop().create_future() if kind != "waiter" else Waiter()
        if kind == "pause":
            return await asyncio.sleep(0)
        self.waiting = future
        if kind == "shield":
            return await asyncio.shield(future)
        if kind == "task":
            return await asyncio.ensure_future(asyncio.wait_for(future, None))
        return await future

    def happens(self, event: str, cancel: Callable[[], object]) -> None:
        waiting = self.waiting
        if waiting is not None and not waiting.done() and event in ("set", "set and cancel"):
            waiting.set_result("set")
        elif waiting is not None and not waiting.done() and event == "fail":
            waiting.set_exception(ValueError())
        for _ in range({"cancel": 1, "cancel twice": 2, "set and cancel": 1}.get(event, 0)):
            cancel()


async def played(steps: list[tuple[str, bool]], events: list[str], *, eager: bool) -> tuple[list[str], list[Any]]:
    """What the program logged and how it ended, the rest of its waits cancelled."""
    program = Program(steps)
    ends: list[Any] = []
    if eager:
        task: Any = started(program.run())
    else:
        task = asyncio.ensure_future(program.run())
    await turns()
    for event in [*events, *["cancel"] * (len(steps) + 1)]:
        program.happens(event, task.cancel)
        await turns()
    if eager:
        ends = kinds(task)
    else:
        ends = ["CancelledError" if task.cancelled() else task.result()]
    if program.waiting is not None:
        program.waiting.cancel()
    await turns()
    return program.log, ends


@pytest.mark.parametrize("loop", LOOPS)
@given(STEPS, EVENTS)
def test_whatever_happens_it_ends_as_an_ordinary_task_does(
    loop: str, steps: list[tuple[str, bool]], events: list[str]
) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)  # shielded futures nobody reads
        light = runner.run(played(steps, events, eager=True))
        ordinary = runner.run(played(steps, events, eager=False))
    assert light == ordinary
    assert len(light[1]) == 1


class Waiting:
    """A keeper for whom so many wait beside the one the task runs for."""

    def __init__(self, others: int) -> None:
        self.others = others
        self.asked = 0

    def keeps(self) -> bool:
        self.asked += 1
        return self.others > 0


@pytest.mark.parametrize("others", [None, 0])
def test_it_ends_when_whoever_it_runs_for_leaves(run: Run, others: int | None) -> None:
    async def main() -> None:
        log: list[str] = []
        task = started(waits(Waiter(), log))
        task.keeper = None if others is None else Waiting(others)
        task.leave()
        await turns()
        assert kinds(task) == ["CancelledError"]

    run(main)


def test_it_goes_on_when_its_keeper_says_that_others_wait(run: Run) -> None:
    async def main() -> None:
        log: list[str] = []
        waiter: Waiter[None] = Waiter()
        task = started(waits(waiter, log))
        task.keeper = keeper = Waiting(others=1)
        task.leave()
        await turns()
        assert (kinds(task), keeper.asked) == ([], 1)
        with as_callback():
            waiter.set_result(None)
        assert kinds(task) == ["done"]

    run(main)


def test_a_keeper_keeps_nobody_from_cancelling_it(run: Run) -> None:
    async def main() -> None:
        task = started(waits(Waiter(), []))
        task.keeper = keeper = Waiting(others=1)
        task.cancel()
        await turns()
        assert (kinds(task), keeper.asked) == (["CancelledError"], 0)

    run(main)
