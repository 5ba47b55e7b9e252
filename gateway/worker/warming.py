"""Warming, in a worker: requests that the supervisor wants made, through the chain of the route that takes them.

    warm_routes   which upstream the route of each URL leads to
    warm          ask for one URL, take what comes and drop it; how it ended
    warm_read     ask for one URL and keep the content, to be fetched with `warm_more` piece by piece

No client is behind these requests: they count in figures of their own, and their lines in the access log say so."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.chain.runtime import Clock
from gateway.errors import GatewayError, NoRouteError
from gateway.figures import Figures
from gateway.http.body import BodyStream
from gateway.http.dates import parse_date
from gateway.http.message import Decision, Monotonic, Request, Response, WallTime
from gateway.listener.forwarded import scheme_of
from gateway.listener.front import Front
from gateway.listener.record import access_record
from gateway.warming.drain import Drain, Ended
from gateway.warming.marks import BY, CLIENT, WarmingReason
from gateway.warming.outcome import REST, TRY_AGAIN, Kind, Outcome, judge
from gateway.worker.answering import Switchboard
from gateway.worker.explain import QuestionError, read_question

PIECE_OCTETS = 512 * 1024
"""Of a list that is read, in one message."""
MOST_READINGS = 4
READING_SECONDS = 60.0
"""How long nobody may ask for more of a list before it is let go of."""

Dispatch = Callable[[Request], Awaitable[Response]]

_NUMBER = frozenset(b"0123456789")
_CUT_SHORT = 499
"""Status in the log for what the end of the worker cut short."""


@dataclass(slots=True)
class Asked:
    """A request of this kind, for the access log."""

    request: Request
    error: GatewayError | None = None


@dataclass(slots=True)
class _Reading:
    """A list on its way to the supervisor."""

    response: Response
    pieces: AsyncIterator[bytes]
    timer: asyncio.TimerHandle


class Warmer:
    """Answers the supervisor."""

    def __init__(
        self, front: Front, clock: Clock, figures: Figures, upstream_of: Callable[[str], str], dispatch: Dispatch
    ) -> None:
        """`upstream_of` says to which upstream a route leads, by their names; `dispatch` is the road."""
        self._front = front
        self._clock = clock
        self._upstream_of = upstream_of
        self._dispatch = dispatch
        self.under_way: set[Request] = set()
        """Requests that are being answered now."""
        self._readings: dict[int, _Reading] = {}
        self._numbers = itertools.count(1)
        text = "Requests that the gateway made itself to warm its stores, by how they ended"
        self._outcomes = {kind: figures.counter("warming_requests_total", text, outcome=kind.value) for kind in Kind}
        self._octets = figures.counter("warming_octets_total", "Octets of content that warming has fetched or found")

    def listen(self, channel: Switchboard) -> None:
        """Answer on that channel from here on."""
        channel.on("warm", self.ask)
        channel.on("warm_routes", self.routes)
        channel.on("warm_read", self.read)
        channel.on("warm_more", self.more)

    async def routes(self, message: dict[str, Any]) -> dict[str, Any]:
        """The name of the upstream behind each URL; `None` where no route takes it, or where it is no request."""
        return {"upstreams": [self._upstream(url, message["fields"]) for url in message["urls"]]}

    def _upstream(self, url: str, fields: list[list[str]]) -> str | None:
        try:
            route = self._front.router(self._request(url, fields))
        except (GatewayError, QuestionError):
            return None
        return None if route is None else self._upstream_of(route.name)

    def _request(self, url: str, fields: list[list[str]]) -> Request:
        now = self._clock.monotonic()
        request = read_question({"url": url, "fields": fields}, self._front.heads, now, trusted=True)
        request.scheme = scheme_of(request.fields, request.downstream.scheme)
        return request

    # --- one URL ----------------------------------------------------------------------------------

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Ask for `url` with `fields`, for at most `seconds`, and drop what comes, at most `largest` octets."""
        try:
            request = self._request(message["url"], message["fields"])
        except (GatewayError, QuestionError) as error:
            return self._count(Outcome(Kind.SKIPPED, getattr(error, "reason", "no_request")))
        outcome = await self._asked(request, message["seconds"], message["largest"])
        return self._count(outcome)

    def _count(self, outcome: Outcome) -> dict[str, Any]:
        self._outcomes[outcome.kind].inc()
        self._octets.inc(outcome.octets)
        return outcome.fields()

    async def _asked(self, request: Request, timeout: float, largest: int) -> Outcome:
        asked = Asked(request)
        status, drain = _CUT_SHORT, Drain(largest)
        try:
            async with asyncio.timeout(timeout):
                response = await self._answer(request, timeout, WarmingReason.ASKED)
                status = response.status
                end = await drain.take(response)
        except TimeoutError:
            status = 504
            return Outcome(Kind.FAILED, "timeout", drain.octets, request.upstream_wait, may_retry=True, wants_rest=True)
        except NoRouteError as error:
            return Outcome(Kind.SKIPPED, error.reason)
        except GatewayError as error:
            status, asked.error = error.status, error
            return self._failed(error, request)
        finally:
            self._log(asked, status, drain.octets)
        return self._outcome(request, response, drain.octets, end)

    async def _answer(self, request: Request, timeout: float, why: WarmingReason) -> Response:
        request.note(Decision(BY, why))
        request.deadline = Monotonic(request.started + timeout)
        self.under_way.add(request)
        try:
            return await self._dispatch(request)
        finally:
            self.under_way.discard(request)

    def _outcome(self, request: Request, response: Response, octets: int, end: Ended) -> Outcome:
        said = response.fields.get(b"cache-status")
        kind, reason = judge(response.status, said, self._front.name)
        if end is Ended.TOO_LARGE:
            kind, reason = Kind.NOT_STORED, "too_large"
        elif end is Ended.BROKEN:
            kind, reason = Kind.FAILED, "broken"
        failed = kind is Kind.FAILED
        return Outcome(
            kind,
            reason,
            octets,
            request.upstream_wait,
            retry_after=self._retry_after(response) if failed else None,
            may_retry=failed and (response.status in TRY_AGAIN or end is Ended.BROKEN),
            wants_rest=failed and response.status in TRY_AGAIN,
        )

    def _failed(self, error: GatewayError, request: Request) -> Outcome:
        again = error.status in TRY_AGAIN
        wait = request.upstream_wait
        return Outcome(Kind.FAILED, error.reason, 0, wait, error.retry_after, may_retry=again, wants_rest=again)

    def _retry_after(self, response: Response) -> float | None:
        value = response.fields.get(b"retry-after")
        if value is None or response.status not in REST:
            return None
        return seconds_of(value, self._clock.wall())

    def _log(self, asked: Asked, status: int, octets: int) -> None:
        log = self._front.access_log
        if log is None or not log.enabled:
            return
        request = asked.request
        now = self._clock.monotonic()
        own = now - request.started - request.upstream_wait
        record = access_record(asked, status, now, own, octets, False, self._clock.wall())
        log.write({**record, "client": CLIENT})

    # --- lists --------------------------------------------------------------------------------------

    async def read(self, message: dict[str, Any]) -> dict[str, Any]:
        """Ask for a list. Answers with its `status`, where it leads if it is a redirection, and, if there is content,
        the `handle` to fetch that with. Raises GatewayError, QuestionError, TimeoutError: the call is refused then."""
        if len(self._readings) >= MOST_READINGS:
            raise QuestionError("too many lists are being read")
        request = self._request(message["url"], message["fields"])
        async with asyncio.timeout(message["seconds"]):
            response = await self._answer(request, message["seconds"], WarmingReason.LIST)
        if response.status != 200:
            response.discard()
            where = response.fields.get(b"location")
            return {"status": response.status, "location": None if where is None else where.decode("latin-1")}
        number = next(self._numbers)
        timer = asyncio.get_running_loop().call_later(READING_SECONDS, self._let_go, number)
        pieces = aiter(response.body) if isinstance(response.body, BodyStream) else _of(response.body)
        self._readings[number] = _Reading(response, pieces, timer)
        return {"status": 200, "handle": number}

    async def more(self, message: dict[str, Any]) -> dict[str, Any]:
        """The next octets of a list, in base64, and whether they are the last ones."""
        number = message["handle"]
        reading = self._readings.get(number)
        if reading is None:
            raise QuestionError("the list was not fetched in time")
        if message.get("enough"):
            self._let_go(number)
            return {"data": "", "last": True}
        pieces, size, last = [], 0, True
        try:
            async with asyncio.timeout(message["seconds"]):
                async for piece in reading.pieces:
                    pieces.append(piece)
                    size += len(piece)
                    if size >= PIECE_OCTETS:
                        last = False
                        break
        except BaseException:
            self._let_go(number)
            raise
        reading.timer.cancel()
        if last:
            del self._readings[number]
            reading.response.sent(True)
        else:
            reading.timer = asyncio.get_running_loop().call_later(READING_SECONDS, self._let_go, number)
        return {"data": base64.b64encode(b"".join(pieces)).decode(), "last": last}

    def _let_go(self, number: int) -> None:
        reading = self._readings.pop(number, None)
        if reading is not None:
            reading.timer.cancel()
            reading.response.discard()


async def _of(body: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(body), PIECE_OCTETS):
        yield body[begin : begin + PIECE_OCTETS]


def seconds_of(value: bytes, now: WallTime) -> float | None:
    """Seconds that a Retry-After means (RFC 9110 §10.2.3), `None` for nonsense."""
    if value and len(value) < 10 and _NUMBER.issuperset(value):
        return float(value)
    date = parse_date(value, now)
    return None if date is None else max(0.0, date - now)
