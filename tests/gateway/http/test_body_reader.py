import asyncio
import gc
from collections.abc import Callable

import pytest

from gateway.chain.eager import EagerTask, Waiter
from gateway.errors import StreamAbortedError, UpstreamBrokenError
from gateway.http.body import HIGH_WATER, BodyStream, StreamEnd
from tests.support.streams import RecordingSource, stream_of


class WaiterSource(RecordingSource):
    """A source whose readers wake inside the call that feeds them, as they do on the road."""

    def waiter(self) -> Waiter[None]:
        return Waiter()


class Task(EagerTask):
    """Keeps the result."""

    outcome: object = None

    def succeeded(self, result: object) -> None:
        self.outcome = result

    def failed(self, error: BaseException) -> None:
        self.outcome = error


async def collect(stream: BodyStream) -> list[bytes]:
    return [piece async for piece in stream]


async def hand_over(stream: BodyStream, take: Callable[[bytes], object]) -> None:
    async for piece in stream:
        take(piece)


async def test_pieces_come_one_by_one() -> None:
    assert await collect(stream_of(b"a", b"b")) == [b"a", b"b"]


def test_a_reader_woken_inside_a_call_of_the_source_gets_everything_once() -> None:
    loop = asyncio.new_event_loop()
    stream = BodyStream(None, WaiterSource())
    task = Task(collect(stream), loop)
    steps: list[object] = []

    def deliver() -> None:
        task.resume()
        for piece in (b"a", b"b", b"c"):
            stream.feed(piece)
        steps.append(task.outcome)
        stream.finish()
        steps.append(task.outcome)

    loop.call_soon(deliver)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert steps == [None, [b"a", b"b", b"c"]]


async def test_leaving_the_loop_early_aborts_the_rest_at_once() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.feed(b"a")
    gc.disable()
    try:
        async for _ in stream:
            break
        assert (source.told, stream.end) == (["cancel"], StreamEnd.ABORTED)
    finally:
        gc.enable()


async def test_an_error_in_the_loop_aborts_the_rest_at_once() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    stream.feed(b"a")
    with pytest.raises(ZeroDivisionError):
        await hand_over(stream, lambda piece: 1 / 0)
    assert source.told == ["cancel"]


async def test_a_cancelled_reader_aborts_the_rest() -> None:
    source = RecordingSource()
    reading = asyncio.ensure_future(collect(BodyStream(None, source)))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert source.told == ["cancel"]


async def test_a_stream_aborted_by_somebody_else_does_not_leave_its_reader_waiting() -> None:
    stream = BodyStream(None, RecordingSource())
    reading = asyncio.ensure_future(collect(stream))
    await asyncio.sleep(0)
    stream.abort()
    with pytest.raises(StreamAbortedError):
        await asyncio.wait_for(reading, 5)


async def test_an_aborted_stream_does_not_read_as_an_empty_one() -> None:
    stream = BodyStream(None, RecordingSource())
    stream.abort()
    with pytest.raises(StreamAbortedError):
        await collect(stream)


async def test_what_came_before_a_failure_is_read_first() -> None:
    stream = BodyStream(None, RecordingSource())
    stream.feed(b"half")
    stream.fail(UpstreamBrokenError("reset"))
    pieces: list[bytes] = []
    with pytest.raises(UpstreamBrokenError):
        await hand_over(stream, pieces.append)
    assert pieces == [b"half"]


async def test_a_slow_reader_pauses_the_source_and_resumes_it_when_it_has_caught_up() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    pieces = aiter(stream)
    for _ in range(5):
        stream.feed(b"x" * (HIGH_WATER // 2))
    assert source.told == ["pause"]
    for _ in range(3):
        await anext(pieces)
    assert source.told == ["pause", "resume"]


async def test_a_body_is_iterated_once_only() -> None:
    stream = stream_of(b"a")
    await collect(stream)
    with pytest.raises(RuntimeError, match="already has a reader"):
        await collect(stream)
