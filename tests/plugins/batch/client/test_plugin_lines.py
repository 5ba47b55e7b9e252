"""Answers that are sent line by line, as they come."""

import asyncio
import json
from typing import Any

from gateway.api import BodyStream, Request, Response, StreamAbortedError, StreamEnd
from tests.support.batching import batch_of, client_of, until
from tests.support.plugins import make_response
from tests.support.streams import RecordingSink

LINES = {"Accept": "application/x-ndjson"}


class Gates:
    """An upstream that answers each path when the test lets it."""

    def __init__(self) -> None:
        self.events: dict[bytes, asyncio.Event] = {}
        self.cancelled: list[bytes] = []

    def __getitem__(self, path: bytes) -> asyncio.Event:
        return self.events.setdefault(path, asyncio.Event())

    async def __call__(self, request: Request) -> Response:
        try:
            await self[request.target].wait()
        except asyncio.CancelledError:
            self.cancelled.append(request.target)
            raise
        return make_response(200, {"Set-Cookie": "a=b"}, request.target)


def lines(sink: RecordingSink) -> list[Any]:
    return [json.loads(line) for line in sink.data.splitlines()]


def stream_in(response: Response) -> BodyStream:
    assert isinstance(response.body, BodyStream)
    return response.body


async def test_answers_come_as_they_are_ready_with_their_place() -> None:
    gates, sink = Gates(), RecordingSink()
    handler, _ = client_of(gates)
    response = await handler(batch_of({"id": "x", "path": "/1"}, {"path": "/2"}, {"path": "nowhere"}, fields=LINES))
    assert response.fields.get(b"content-type") == b"application/x-ndjson"
    stream_in(response).attach(sink)
    await until(lambda: len(sink.pieces) == 1)
    gates[b"/2"].set()
    await until(lambda: len(sink.pieces) == 2)
    gates[b"/1"].set()
    await until(lambda: sink.ends)
    assert [(each["index"], each.get("id"), each["status"]) for each in lines(sink)] == [
        (2, None, 400),
        (1, None, 200),
        (0, "x", 200),
    ]
    assert sink.ends == ["finish"]
    assert b"Set-Cookie" not in sink.data


async def test_a_client_that_leaves_ends_what_is_under_way() -> None:
    gates, sink = Gates(), RecordingSink()
    handler, tasks = client_of(gates, concurrency=2)
    stream = stream_in(await handler(batch_of(*[{"path": f"/{number}"} for number in range(9)], fields=LINES)))
    stream.attach(sink)
    await until(lambda: len(gates.events) == 2)
    stream.abort()
    await until(lambda: len(tasks) == 0)
    assert (sorted(gates.cancelled), stream.end, sink.pieces) == ([b"/0", b"/1"], StreamEnd.ABORTED, [])


async def test_a_slow_client_slows_its_batch_down() -> None:
    begun: list[bytes] = []

    async def upstream(request: Request) -> Response:
        begun.append(request.target)
        await asyncio.sleep(0)
        return make_response(200, {}, b"x" * 50_000)

    handler, tasks = client_of(upstream, concurrency=1)
    stream = stream_in(await handler(batch_of(*[{"path": f"/{number}"} for number in range(20)], fields=LINES)))
    for _ in range(200):  # nobody reads, so it gets no further than what may wait
        await asyncio.sleep(0)
    assert len(begun) == 2
    sink = RecordingSink()
    stream.attach(sink)
    await until(lambda: sink.ends)
    assert (len(begun), len(lines(sink))) == (20, 20)
    await until(lambda: len(tasks) == 0)


async def test_items_that_take_too_long_end_as_504_and_the_stream_in_order() -> None:
    gates, sink = Gates(), RecordingSink()
    gates[b"/1"].set()
    handler, _ = client_of(gates, timeout="100ms")
    stream_in(await handler(batch_of({"path": "/1"}, {"path": "/2"}, fields=LINES))).attach(sink)
    await until(lambda: sink.ends)
    assert [(each["index"], each["status"]) for each in lines(sink)] == [(0, 200), (1, 504)]
    assert sink.ends == ["finish"]


async def test_a_worker_that_ends_breaks_the_stream_off() -> None:
    gates, sink = Gates(), RecordingSink()
    handler, tasks = client_of(gates)
    stream_in(await handler(batch_of({"path": "/1"}, fields=LINES))).attach(sink)
    await until(lambda: gates.events)
    await tasks.close()
    assert sink.ends == ["fail"]
    assert isinstance(sink.error, StreamAbortedError)
