"""The stories of the cache's rules, played by the plugin itself with any combination of tiers behind its memory.

Where there are tiers every request of a story is answered by a worker that has just started: whatever it knows of what
came before, it has from the tiers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.api import Request, Response, Sharing, Tiers
from gateway.errors import GatewayError, UpstreamConnectError
from tests.support.cache_stories import NO_ANSWER, Step
from tests.support.cached import Cached, Got
from tests.support.caching import START
from tests.support.plugins import ManualClock, make_response


class Stage:
    """Where stories are played: the tiers, and the time on the clocks of everybody."""

    def __init__(
        self,
        tiers: Tiers | None,
        sharing: Sharing | None,
        written: Callable[[], Awaitable[None]],
        patch: pytest.MonkeyPatch,
    ) -> None:
        """`written` waits until the tiers have what was given to them."""
        self.tiers = tiers
        self._sharing = sharing
        self._written = written
        self._clock = ManualClock(0.0, START)
        self._worker: Cached | None = None
        self._step: Step
        self._sent: list[Request] = []
        patch.setattr(time, "time", self._clock.wall)

    async def play(self, settings: dict[str, Any], steps: list[Step]) -> None:
        """Play a story; every step has to go as it says."""
        for step in steps:
            self._step = step
            self._sent.clear()
            worker = await self._arrive(settings)
            await self._judge(worker, step)
            await worker.settle()
            await self._written()

    async def _arrive(self, settings: dict[str, Any]) -> Cached:
        """Who answers the next request."""
        if self._worker is None or self.tiers is not None:
            self._worker = Cached(
                origin=self._origin, clock=self._clock, tiers=self.tiers, sharing=self._sharing, **settings
            )
            await self._worker.plugin.open()
        return self._worker

    async def _origin(self, request: Request) -> Response:
        step = self._step
        self._sent.append(request)
        if step.origin is None or step.status == NO_ANSWER:
            raise UpstreamConnectError("nobody is there")
        body = b"" if step.status == 304 or request.method == "HEAD" else step.body
        return make_response(step.status, dict(step.origin), body)

    async def _judge(self, worker: Cached, step: Step) -> None:
        got: Got | None = None
        before = worker.not_stored(step.not_stored or "no_store")
        try:
            got = await worker.ask(step.target, step.asked, at=step.at, method=step.method, body=step.content)
            status = got.status
            got.response.sent(True)
        except GatewayError as error:
            status = error.status
        sent = list(self._sent)
        assert self._is_meant(worker.trail, step.expect), (worker.trail, step)
        wanted = {step.gets if step.gets is not None else step.status}
        if step.status == NO_ANSWER and wanted == {504}:
            wanted.add(502)  # what the road says of a server out of reach says more (RFC 9111 §5.2.2.2)
        assert status in wanted, step
        assert (step.origin is None) == (not sent), step
        if step.not_stored is not None and step.method == "GET":
            assert worker.not_stored(step.not_stored) == before + 1, step
        for name, value in step.sends.items():
            field = sent[0].fields.get(name.lower().encode())
            assert (field.decode() if field is not None else None) == value, (name, step)
        if got is not None:
            for name, value in step.has.items():
                if (name, value) == ("ETag", None):
                    continue  # what was just stored has a tag of our own already
                assert got[name] == value, (name, step)
            if step.received is not None:
                assert got.body == step.received, step

    def _is_meant(self, trail: list[str], word: str) -> bool:
        """Whether what was decided is what the rules call so. Tiers do not keep what has expired and cannot be
        confirmed: then it is as if it had never been there."""
        also = {"uri_miss": "uncacheable", "stale": "uri_miss" if self.tiers is not None else "stale"}
        return word in trail or also.get(word) in trail
