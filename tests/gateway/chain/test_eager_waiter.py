"""A `Waiter` without a light task: an ordinary future."""

import asyncio
import contextvars
from typing import Any

import pytest

from gateway.chain.eager import Waiter

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_what_was_set_first_stays() -> None:
    waiter: Waiter[int] = Waiter()
    assert (waiter.done(), waiter.cancelled()) == (False, False)
    waiter.set_result(1)
    waiter.set_result(2)
    waiter.set_exception(ValueError())
    assert not waiter.cancel()
    assert (waiter.done(), waiter.cancelled(), waiter.result(), waiter.exception()) == (True, False, 1, None)


def test_none_is_a_result() -> None:
    waiter: Waiter[None] = Waiter()
    waiter.set_result(None)
    assert waiter.done()
    assert waiter.result() is None


def test_an_error_is_raised_or_handed_out() -> None:
    waiter: Waiter[int] = Waiter()
    error = ValueError("x")
    waiter.set_exception(error)
    waiter.set_result(1)
    assert waiter.exception() is error
    with pytest.raises(ValueError, match="x"):
        waiter.result()


def test_before_anything_is_set_there_is_nothing_to_read() -> None:
    waiter: Waiter[int] = Waiter()
    with pytest.raises(asyncio.InvalidStateError):
        waiter.result()
    with pytest.raises(asyncio.InvalidStateError):
        waiter.exception()


def test_a_cancelled_one_says_so_with_its_message() -> None:
    waiter: Waiter[int] = Waiter()
    assert waiter.cancel("enough")
    assert waiter.cancelled()
    with pytest.raises(asyncio.CancelledError, match="enough"):
        waiter.result()


async def test_an_ordinary_task_waits_for_it() -> None:
    waiter: Waiter[int] = Waiter()
    task = asyncio.ensure_future(asyncio.wait_for(waiter, 30))
    await asyncio.sleep(0)
    waiter.set_result(5)
    assert await task == 5
    assert await waiter == 5


async def test_an_ordinary_task_gets_its_error() -> None:
    waiter: Waiter[int] = Waiter()
    task = asyncio.ensure_future(asyncio.wait_for(waiter, 30))
    await asyncio.sleep(0)
    waiter.set_exception(KeyError("k"))
    with pytest.raises(KeyError):
        await task


async def test_cancelling_an_ordinary_task_cancels_it() -> None:
    async def waits() -> None:
        await waiter

    waiter: Waiter[int] = Waiter()
    task = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiter.cancelled()


async def test_it_works_in_gather_wait_and_shield() -> None:
    waiters: list[Waiter[int]] = [Waiter() for _ in range(3)]
    loop = asyncio.get_running_loop()
    for number, waiter in enumerate(waiters):
        loop.call_soon(waiter.set_result, number)
    futures: list[Any] = list(waiters)
    assert await asyncio.gather(*futures[:2]) == [0, 1]
    done, pending = await asyncio.wait(futures)
    assert (len(done), len(pending)) == (3, 0)
    assert await asyncio.shield(futures[2]) == 2


async def test_callbacks_come_at_the_loops_next_turn_in_their_context() -> None:
    seen: list[tuple[str, str]] = []

    def note(name: str) -> Any:
        return lambda waiter: seen.append((name, VARIABLE.get()))

    context = contextvars.copy_context()
    context.run(VARIABLE.set, "theirs")
    waiter: Waiter[int] = Waiter()
    forgotten = note("forgotten")
    waiter.add_done_callback(note("first"), context=context)
    waiter.add_done_callback(forgotten)
    assert waiter.remove_done_callback(forgotten) == 1
    assert waiter.remove_done_callback(forgotten) == 0
    waiter.set_result(1)
    assert seen == []
    await asyncio.sleep(0)
    waiter.add_done_callback(note("late"))
    await asyncio.sleep(0)
    assert seen == [("first", "theirs"), ("late", "unset")]


async def test_it_belongs_to_the_running_loop() -> None:
    assert Waiter[int]().get_loop() is asyncio.get_running_loop()
