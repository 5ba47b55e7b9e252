import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.chain.deadlines import LONGEST_PAUSE, NEVER, SHORTEST_PAUSE, Deadlines


class Loop:
    """Holds what was asked for later until a test says that later has come."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> "Loop":
        self.asked.append((delay, callback))
        return self

    def cancel(self) -> None:
        self.asked.clear()

    def come(self) -> None:
        (_, callback), *self.asked = self.asked
        callback()


class Member:
    def __init__(self, deadline: float, then: Callable[["Member"], None] | None = None) -> None:
        self.deadline = deadline
        self.expired: list[float] = []
        self._then = then

    def expire(self, now: float) -> None:
        self.expired.append(now)
        self.deadline = NEVER
        if self._then is not None:
            self._then(self)


PAST, FAR = 0.0, math.inf


def sweeping(*members: Member) -> tuple[Deadlines, Loop]:
    loop: Any = Loop()
    deadlines = Deadlines(loop)
    for member in members:
        deadlines.watch(member)
    deadlines.start()
    return deadlines, loop


def test_what_is_due_expires_once_and_the_rest_is_left_alone() -> None:
    due, later, never = Member(PAST), Member(time.monotonic() + 3600), Member(FAR)
    _, loop = sweeping(due, later, never)
    before = time.monotonic()
    loop.come()
    loop.come()
    assert len(due.expired) == 1
    assert before <= due.expired[0] <= time.monotonic()
    assert later.expired == never.expired == []


def test_a_deadline_that_was_moved_on_counts_from_where_it_is_now() -> None:
    member = Member(PAST)
    _, loop = sweeping(member)
    member.deadline = time.monotonic() + 3600
    loop.come()
    assert member.expired == []
    member.deadline = PAST
    loop.come()
    assert len(member.expired) == 1


def test_what_is_forgotten_expires_no_more_not_even_in_the_sweep_that_forgets_it() -> None:
    def forget_the_other(member: Member) -> None:
        deadlines.forget(second if member is first else first)

    first, second = Member(PAST, forget_the_other), Member(PAST, forget_the_other)
    deadlines, loop = sweeping(first, second)
    deadlines.forget(Member(PAST))
    loop.come()
    assert len(first.expired) + len(second.expired) == 1


def test_one_that_fails_is_logged_and_forgotten_and_keeps_no_other_from_its_time_out() -> None:
    def fail(member: Member) -> None:
        member.deadline = PAST
        raise ValueError("broken")

    broken, sound = [Member(PAST, fail) for _ in range(3)], Member(PAST)
    with capture_logs() as logs:
        _, loop = sweeping(*broken, sound)
        loop.come()
        loop.come()
    assert [len(member.expired) for member in (*broken, sound)] == [1, 1, 1, 1]
    assert [entry["event"] for entry in logs] == ["a time-out could not be carried out"] * 3


def test_every_sweep_looks_at_what_else_there_is_though_one_look_fails() -> None:
    looks: list[str] = []
    deadlines, loop = sweeping()

    def broken() -> None:
        raise ValueError("broken")

    def leaves() -> None:
        looks.append("once")
        deadlines.at_each_sweep.remove(leaves)

    deadlines.at_each_sweep += [broken, leaves, lambda: looks.append("always")]
    with capture_logs() as logs:
        loop.come()
        loop.come()
    assert looks == ["once", "always", "always"]
    assert len(logs) == 2


@pytest.mark.parametrize(
    ("shortest", "pause"), [(0.4, 0.1), (1e-9, SHORTEST_PAUSE), (0.0, SHORTEST_PAUSE), (3600.0, LONGEST_PAUSE)]
)
def test_sweeps_are_as_frequent_as_the_shortest_time_out_needs_within_bounds(shortest: float, pause: float) -> None:
    deadlines, loop = sweeping()
    deadlines.adapt(shortest)
    loop.come()
    assert [delay for delay, _ in loop.asked] == [pytest.approx(pause)]


def test_the_latest_time_is_not_past_before_the_next_sweep_is_due() -> None:
    deadlines, loop = sweeping()
    assert deadlines.latest > time.monotonic()
    loop.come()
    assert deadlines.latest >= time.monotonic() + deadlines.pause / 2


def test_starting_twice_is_starting_once_and_closing_ends_it() -> None:
    deadlines, loop = sweeping()
    deadlines.start()
    assert len(loop.asked) == 1
    deadlines.close()
    deadlines.close()
    assert loop.asked == []
    deadlines.start()
    assert len(loop.asked) == 1


def test_what_closes_in_the_middle_of_a_sweep_stays_closed() -> None:
    deadlines, loop = sweeping(Member(PAST, lambda member: deadlines.close()))
    loop.come()
    assert loop.asked == []


async def test_on_a_real_loop_the_sweep_comes_round() -> None:
    expired = asyncio.Event()
    deadlines = Deadlines(asyncio.get_running_loop())
    deadlines.adapt(0.0)
    deadlines.watch(Member(time.monotonic(), lambda member: expired.set()))
    deadlines.start()
    await asyncio.wait_for(expired.wait(), 30)
    deadlines.close()
