import asyncio
import time

from gateway.figures import Figures
from gateway.figures.layout import HEARTBEAT
from gateway.worker.pulse import Pulse


async def test_the_heart_beats_while_the_loop_turns_and_stops_when_told() -> None:
    figures = Figures.in_memory()
    before = time.monotonic()
    pulse = Pulse(figures)
    first = figures.row[HEARTBEAT]
    assert before <= first <= time.monotonic()
    async with asyncio.timeout(10):
        while figures.row[HEARTBEAT] == first:  # noqa: ASYNC110  # the row sets no event
            await asyncio.sleep(0.01)
    pulse.stop()
    assert figures.value("event_loop_lag_seconds") >= 2


async def test_a_turn_that_takes_long_is_seen_as_lag() -> None:
    figures = Figures.in_memory()
    pulse = Pulse(figures)
    beats = figures.value("event_loop_lag_seconds")
    time.sleep(0.4)  # noqa: ASYNC251  # this is what stands in the way
    async with asyncio.timeout(10):
        while figures.value("event_loop_lag_seconds") == beats:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)
    pulse.stop()
    histogram = pulse._lag
    assert histogram.row[histogram.total] >= 0.2
