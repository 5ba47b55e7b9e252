import asyncio

import pytest

from gateway.api import BodyStream, Tasks, UpstreamClosedError, UpstreamProtocolError
from plugins.batch.common.plugin import content_of, side_by_side
from tests.support.plugins import make_response, without_waiting
from tests.support.streams import RecordingSource, stream_of


class Work:
    """Jobs that wait until the test lets them go."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done: list[int] = []
        self.cancelled: list[int] = []
        self.gate = asyncio.Event()

    async def __call__(self, job: int) -> None:
        self.begun.append(job)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(job)
            raise
        self.done.append(job)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_so_many_jobs_are_under_way_at_once() -> None:
    tasks, work = Tasks(), Work()
    all_of_them = asyncio.ensure_future(side_by_side(tasks, work, range(7), 3, "jobs"))
    await turns()
    assert work.begun == [0, 1, 2]
    work.gate.set()
    await all_of_them
    assert sorted(work.done) == list(range(7))
    await turns()
    assert len(tasks) == 0


async def test_jobs_that_need_not_wait_cost_no_task() -> None:
    tasks, done = Tasks(), []

    async def work(job: int) -> None:
        done.append(job)

    without_waiting(side_by_side(tasks, work, range(5), 3, "jobs"))
    await turns()
    assert (done, len(tasks)) == ([0, 1, 2, 3, 4], 0)


async def test_whoever_is_cancelled_takes_the_jobs_along() -> None:
    tasks, work = Tasks(), Work()
    all_of_them = asyncio.ensure_future(side_by_side(tasks, work, range(9), 3, "jobs"))
    await turns()
    all_of_them.cancel()
    with pytest.raises(asyncio.CancelledError):
        await all_of_them
    await turns()
    assert (sorted(work.cancelled), work.begun, len(tasks)) == ([0, 1, 2], [0, 1, 2], 0)


async def test_a_job_that_fails_ends_the_others() -> None:
    tasks, work = Tasks(), Work()

    async def fragile(job: int) -> None:
        if job == 1:
            raise ZeroDivisionError
        await work(job)

    work.gate.set()
    with pytest.raises(ZeroDivisionError):
        await side_by_side(tasks, fragile, range(2), 2, "jobs")
    await turns()
    assert len(tasks) == 0


async def test_content_is_read_whole_and_whoever_waits_for_its_end_is_told() -> None:
    for body in (b"hello", stream_of(b"hel", b"lo")):
        response, told = make_response(body=body), list[bool]()
        response.on_sent(told.append)
        assert (await content_of(response, 5), told) == (b"hello", [True])


@pytest.mark.parametrize("length", [None, 6])
async def test_content_above_a_limit_is_given_up(length: int | None) -> None:
    source = RecordingSource()
    body = BodyStream(length, source)
    body.feed(b"hello!")
    response, told = make_response(body=body), list[bool]()
    response.on_sent(told.append)
    with pytest.raises(UpstreamProtocolError):
        await content_of(response, 5)
    assert (source.told[-1], told) == ("cancel", [False])
    with pytest.raises(UpstreamProtocolError):
        await content_of(make_response(body=b"hello!"), 5)


async def test_content_that_breaks_off_is_an_error_and_its_permits_come_back() -> None:
    body = BodyStream(None, RecordingSource())
    response, told = make_response(body=body), list[bool]()
    response.on_sent(told.append)
    body.fail(UpstreamClosedError())
    with pytest.raises(UpstreamClosedError):
        await content_of(response, 5)
    assert told == [False]
