"""The compress plugin between requests and a scripted upstream, with the cache behind it where a test wants one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.api import Derivable, Fields, Monotonic, Request, Response
from gateway.chain.runtime import Runtime
from gateway.figures.registry import Figures
from gateway.http.fields import Wire
from plugins.cache import PLUGIN as CACHE
from plugins.compress import PLUGIN
from tests.support.cached import Got
from tests.support.coded import content_of, text_of
from tests.support.plugins import (
    Answer,
    FieldsLike,
    ManualClock,
    ScriptedUpstream,
    fields_of,
    make_request,
    make_response,
    make_runtime,
)

BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
PAGE = text_of(5_000)
HTML = {"Content-Type": "text/html", "ETag": '"a"', "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}
FRESH = {**HTML, "Cache-Control": "max-age=600"}


def page(fields: FieldsLike = HTML, body: bytes = PAGE, status: int = 200) -> Callable[[Request], Response]:
    """An answer made anew for each request."""
    return lambda request: make_response(status, fields, b"" if request.method == "HEAD" else body)


class Origin(ScriptedUpstream):
    """Also remembers the fields as they were when a request came."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(*answers)
        self.seen: list[Fields] = []

    async def __call__(self, request: Request) -> Response:
        self.seen.append(request.fields)
        return await super().__call__(request)


class Stored:
    """A stored response that keeps what it is given, up to `room` octets."""

    def __init__(self, body: bytes = PAGE, fields: FieldsLike = FRESH, room: int = 1 << 20) -> None:
        self.body = body
        self.fields = fields_of(fields)
        self.room = room
        self.shelf: dict[str, tuple[Any, int, bool]] = {}
        self.replay = Replay()
        self.waiting: list[Callable[[Any], None]] = []

    def derived(self, name: str) -> Any:
        return self.shelf[name][0] if name in self.shelf else None

    def keep(self, name: str, made: object, size: int, *, of_body: bool = False) -> bool:
        if sum(each[1] for key, each in self.shelf.items() if key != name) + size > self.room:
            return False
        self.shelf[name] = (made, size, of_body)
        return True

    def on_end(self, callback: Callable[[Any], None]) -> None:
        self.waiting.append(callback)

    def end(self) -> None:
        """It is no longer what it was."""
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback(self)

    def answer(self) -> Response:
        """An answer from it, with fields that are written once."""
        fields = self.fields
        wire = fields.wire or Wire(fields.encode_with_length(len(self.body)), len(self.body))
        self.fields = Fields.received(fields.entries, fields.encode(), wire)
        response = Response(200, self.fields.copy(), self.body)
        response.stored = self
        response.replay = self.replay
        return response


def _is_derivable(stored: Stored) -> Derivable:
    return stored


class Replay:
    """A replay as a store gives it."""

    def __init__(self) -> None:
        self.alive = True
        self.until = Monotonic(2_000.0)
        self.reads: frozenset[bytes] = frozenset({b"accept-language"})
        self.uses = 0

    def lines(self, now: float) -> tuple[bytes, float]:
        return b"Age: 1\r\n", now + 1

    def used(self, times: int) -> None:
        self.uses += times


class Compressing:
    """A chain of compress and, unless told otherwise, cache."""

    def __init__(
        self, *answers: Answer, caches: bool = True, beside: Compressing | None = None, **settings: Any
    ) -> None:
        """`beside` is a chain of the same worker: the one before a reload."""
        self.origin: Origin = beside.origin if beside else Origin(*answers)
        self.clock: ManualClock = beside.clock if beside else ManualClock()
        self.figures: Figures = beside.figures if beside else Figures.in_memory()
        self.runtime: Runtime = beside.runtime if beside else make_runtime(clock=self.clock, figures=self.figures)
        self.plugin = PLUGIN(PLUGIN.Settings.model_validate(settings), self.runtime)
        self.cache = CACHE(CACHE.Settings.model_validate({"cache_status": False}), self.runtime) if caches else None
        self.handle = self.plugin.wrap(self.cache.wrap(self.origin) if self.cache else self.origin)
        self.trail: list[str] = []
        """What was decided about the latest request."""

    async def __aenter__(self) -> Compressing:
        if self.cache is not None:
            await self.cache.open()
        await self.plugin.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.plugin.close()
        if self.cache is not None:
            await self.cache.close()
        await self.settle()

    async def ask(self, fields: FieldsLike = BROWSER, target: str = "/", method: str = "GET", **how: Any) -> Got:
        """One request."""
        request = make_request(method, target, fields, **how)
        request.offers_replay = 1
        try:
            return Got(await self.handle(request))
        finally:
            self.trail = [str(decision.reason.value) for decision in request.trail]

    async def settle(self) -> None:
        """Let background work end, threads included."""
        for _ in range(10_000):
            if not len(self.runtime.tasks):
                return
            await asyncio.sleep(0.001)
        raise AssertionError("background work does not end")

    def counted(self, outcome: str) -> float:
        """How many answers ended so."""
        return self.figures.value("compress_responses_total", route="default", outcome=outcome)

    def sent(self, name: str) -> str | None:
        """A field of the latest request that went upstream."""
        value = self.origin.seen[-1].get(name.lower().encode())
        return value.decode() if value is not None else None


def is_replayed(response: Response) -> bool:
    """Whether the replay lane would give this answer again now."""
    return response.replay is not None and response.replay.alive


def decoded(got: Got) -> bytes:
    """The content of an answer at hand, by a decoder that is not ours."""
    return content_of(got.response)
