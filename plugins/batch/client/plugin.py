"""The client's batches on the road. The only file of this part that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.api import (
    BodyStream,
    BodyTooLargeError,
    Fields,
    GatewayError,
    Handler,
    Monotonic,
    RefusedError,
    Request,
    Response,
    Runtime,
    StreamAbortedError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
    error_response,
    internal_error,
)
from plugins.batch.client.answer import NO_CONTENT, Answered, array, rendered
from plugins.batch.client.items import BadItem, Item, Items, MalformedError
from plugins.batch.client.lines import LineSource
from plugins.batch.client.request import Inheritance, is_item, wants_lines
from plugins.batch.common.figures import BatchFigures
from plugins.batch.common.json_text import is_json
from plugins.batch.common.plugin import content_of, side_by_side
from plugins.batch.common.reasons import ClientReason
from plugins.batch.settings import ClientSettings

_READS_JSON = Request("POST", b"/", Fields([(b"Accept", b"application/json")]))
"""Stands for whoever reads the answer to an item that never became a request."""


class _Batch:
    """A client's batch while it is answered."""

    __slots__ = ("deadline", "inherited", "left", "lines", "request", "waited")

    def __init__(self, request: Request, inherited: Fields, deadline: Monotonic, left: int, *, lines: bool) -> None:
        self.request = request
        self.inherited = inherited
        self.deadline = deadline
        self.left = left
        self.lines = lines
        self.waited = 0.0


class ClientPart:
    """Answers batches of clients: each item runs through the gateway as if it had come alone."""

    def __init__(self, settings: ClientSettings, runtime: Runtime, dispatch: Handler) -> None:
        self._settings = settings
        self._runtime = runtime
        self._dispatch = dispatch
        self._items = Items(settings)
        self._inheritance = Inheritance(settings.inherit)
        self._figures = BatchFigures(runtime.figures, runtime.route, "client")
        self._sending: set[asyncio.Task[None]] = set()

    def wrap(self, inner: Handler) -> Handler:
        """`inner`, but for the path of batches."""
        path = self._settings.path.encode()
        with_query = path + b"?"

        def handle(request: Request) -> Awaitable[Response]:
            target = request.target
            if target == path or target.startswith(with_query):
                return self._batch(request)
            return inner(request)

        return handle

    async def _batch(self, request: Request) -> Response:
        settings = self._settings
        items = await self._read(request)
        if isinstance(items, Response):
            return items
        self._figures.decide(request, ClientReason.ANSWERED)
        self._figures.sizes.observe(len(items))
        now = self._runtime.clock.monotonic()
        inherited, until = self._inheritance.of(request), Monotonic(now + settings.timeout)
        batch = _Batch(request, inherited, until, settings.max_answers, lines=wants_lines(request))
        fields = Fields([(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store")])
        if batch.lines:
            fields.set(b"Content-Type", b"application/x-ndjson")
            return Response(200, fields, self._lines(batch, items))
        answers: dict[int, Answered] = {}

        def take(place: int, answered: Answered) -> None:
            answers[place] = answered

        await self._run(batch, items, take)
        request.upstream_wait += batch.waited
        in_order = [answers[place] for place in range(len(items))]
        for answered in in_order:
            for cookie in answered.cookies:
                fields.add(b"Set-Cookie", cookie)
        return Response(200, fields, array(in_order))

    async def _read(self, request: Request) -> list[Item | BadItem] | Response:
        """The items of a batch. Raises a GatewayError when it is none."""
        if is_item(request):
            raise self._refusal(request, ClientReason.NESTED, 400)
        if request.method != "POST":
            error = self._refusal(request, ClientReason.METHOD, 405)
            response = error_response(error, request, self._runtime.name)
            response.fields.set(b"Allow", b"POST")
            return response
        if not is_json(request.fields.get(b"content-type")) or b"content-encoding" in request.fields:
            raise self._refusal(request, ClientReason.TYPE, 415)  # and no page of another site gets by its preflight
        limit = self._settings.max_body
        body = request.body if isinstance(request.body, bytes) else await request.body.read(limit)
        if len(body) > limit:
            raise BodyTooLargeError(f"a batch has at most {limit} octets")
        try:
            items = self._items.read(body)
        except MalformedError as error:
            self._figures.decide(request, ClientReason.MALFORMED)
            raise RefusedError(str(error), status=400) from None
        if len(items) > self._items.most:
            raise self._refusal(request, ClientReason.TOO_MANY, 413)
        return items

    def _refusal(self, request: Request, reason: ClientReason, status: int) -> RefusedError:
        self._figures.decide(request, reason)
        return RefusedError(reason.sentence, status=status)

    async def _run(
        self, batch: _Batch, items: list[Item | BadItem], take: Callable[[int, Answered], None], room: Any = None
    ) -> None:
        """Answer all items. `take` gets each answer with its place, in the order they come."""
        left = set(range(len(items)))

        async def work(place: int) -> None:
            if room is not None:
                await room()
            answered = await self._answer(batch, items[place], place)
            left.discard(place)
            take(place, answered)

        try:
            async with asyncio.timeout(self._settings.timeout):
                tasks, at_once = self._runtime.tasks, self._settings.concurrency
                await side_by_side(tasks, work, range(len(items)), at_once, "batch.items")
        except TimeoutError:
            late = UpstreamTimeoutError("the batch took too long")
            for place in sorted(left):
                take(place, self._told(batch, items[place], place, error_response(late, _READS_JSON, self._name)))

    @property
    def _name(self) -> str:
        return self._runtime.name

    async def _answer(self, batch: _Batch, item: Item | BadItem, place: int) -> Answered:
        if isinstance(item, BadItem):
            error = RefusedError(item.detail, status=item.status)
            return self._told(batch, item, place, error_response(error, _READS_JSON, self._name))
        now = self._runtime.clock.monotonic()
        request = self._inheritance.request(item, batch.request, batch.inherited, now, batch.deadline)
        described = None
        try:
            response = await self._dispatch(request)
            if item.method == "HEAD" or response.status in NO_CONTENT:
                described = _without_content(response)
            else:
                content = await content_of(response, min(self._settings.max_answer, batch.left))
                if len(content) > batch.left:  # of those that were read at the same time the first counts
                    raise UpstreamProtocolError("the answers to the batch are too large together")
                batch.left -= len(content)
                response.body = content
        except GatewayError as error:
            response = error_response(error, request, self._name)
        except Exception as error:
            self._runtime.log.error("an item of a batch failed", exc_info=error, target=request.target)
            response = internal_error(request, self._name)
        batch.waited = max(batch.waited, request.upstream_wait)
        return self._told(batch, item, place, response, described)

    def _told(
        self, batch: _Batch, item: Item | BadItem, place: int, response: Response, described: int | None = None
    ) -> Answered:
        self._figures.answered(response.status)
        content = response.body if isinstance(response.body, bytes) else b""
        return rendered(item.id, response, content, index=place if batch.lines else None, described=described)

    def _lines(self, batch: _Batch, items: list[Item | BadItem]) -> BodyStream:
        """The answers as they come, each on a line."""
        loop, room = asyncio.get_running_loop(), asyncio.Event()
        task: asyncio.Task[None]
        source = LineSource(loop.create_future, room.set, lambda: task.cancel())
        stream = BodyStream(None, source)

        async def has_room() -> None:
            while source.paused:
                room.clear()
                await room.wait()

        async def send() -> None:
            try:
                await self._run(batch, items, lambda place, answered: stream.feed(answered.octets + b"\n"), has_room)
                stream.finish()
            finally:
                stream.fail(StreamAbortedError("the batch was given up"))  # nothing happens after its end

        task = self._runtime.tasks.spawn(send(), name="batch.lines")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return stream

    def close(self) -> None:
        """Give up what is still being sent."""
        for task in self._sending:
            task.cancel()


def _without_content(response: Response) -> int | None:
    """Take the content off an answer that has none for its reader; the length it would have (RFC 9110 §8.6)."""
    length, body = response.described_length, response.body
    if isinstance(body, BodyStream):
        length = body.length if length is None else length
        body.abort()
    elif length is None and body:
        length = len(body)
    response.body = b""
    response.sent(True)
    return length
