import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.chain.runtime import SystemClock, Tasks


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_task_is_kept_while_it_runs_and_let_go_when_it_has_ended() -> None:
    tasks, go_on = Tasks(), asyncio.Event()
    task = tasks.spawn(asyncio.wait_for(go_on.wait(), 5), name="test.waits")
    assert (len(tasks), task.get_name()) == (1, "test.waits")
    go_on.set()
    await task
    await asyncio.sleep(0)
    assert len(tasks) == 0


async def test_a_task_that_fails_is_logged_with_its_name_and_its_error() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        tasks = Tasks()
        with pytest.raises(ZeroDivisionError):
            await tasks.spawn(fails(), name="test.fails")
        await asyncio.sleep(0)
    assert [(entry["event"], entry["task"]) for entry in logs] == [("background task failed", "test.fails")]
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


async def test_closing_cancels_what_runs_and_waits_until_it_has_cleaned_up() -> None:
    steps: list[str] = []

    async def careful() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    tasks = Tasks()
    tasks.spawn(careful(), name="test.careful")
    await asyncio.sleep(0)
    with capture_logs() as logs:
        await tasks.close()
    assert (steps, len(tasks), logs) == (["cleaned up"], 0, [])


async def test_closing_also_ends_what_an_ending_task_starts() -> None:
    tasks = Tasks()
    started: list[asyncio.Task[None]] = []

    async def replaces_itself() -> None:
        try:
            await forever()
        finally:
            started.append(tasks.spawn(forever(), name="test.second"))

    tasks.spawn(replaces_itself(), name="test.first")
    await asyncio.sleep(0)
    await tasks.close()
    assert (started[0].cancelled(), len(tasks)) == (True, 0)


async def test_a_task_may_close_the_others_without_waiting_for_itself() -> None:
    tasks = Tasks()
    other = tasks.spawn(forever(), name="test.other")
    await asyncio.wait_for(tasks.spawn(tasks.close(), name="test.closer"), 5)
    assert other.cancelled()


def test_the_two_times_are_not_the_same() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall() > 1_600_000_000
