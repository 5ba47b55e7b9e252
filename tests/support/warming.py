"""Workers and sources in memory, for tests of warming."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.config.warming import WarmingSettings
from gateway.warming.order import Order, OtherGateway, UrlList
from gateway.warming.outcome import Kind, Outcome
from gateway.warming.pace import Speed
from gateway.warming.run import Surroundings


class RefusedError(Exception):
    """What a worker could not do."""


class FakeWorker:
    """Stores what it is asked for. `answers` may have another outcome ready for a URL, or an error."""

    def __init__(self, name: str = "0") -> None:
        self.name = name
        self.asked: list[str] = []
        self.stored: set[str] = set()
        self.answers: dict[str, list[Outcome | Exception]] = {}
        self.upstream_of: Callable[[str], str | None] = lambda url: "app"
        self.gate: asyncio.Event | None = None
        """While it is set and not open, nobody gets an answer."""
        self.at_once = self.most_at_once = 0

    async def call(self, kind: str, *, timeout: float, **fields: Any) -> dict[str, Any]:
        if kind == "warm_routes":
            return {"upstreams": [self.upstream_of(url) for url in fields["urls"]]}
        url = fields["url"]
        self.asked.append(url)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.at_once -= 1
        planned = self.answers.get(url)
        if planned:
            outcome = planned.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome.fields()
        if url in self.stored:
            return Outcome(Kind.HIT).fields()
        self.stored.add(url)
        return Outcome(Kind.STORED, "uri_miss", 10, 0.001).fields()


class NoWays:
    """Sources that are not there."""

    def read(self, url: str) -> AsyncGenerator[bytes, None]:
        raise OSError("there is no way")

    async def entries(self, source: OtherGateway, offset: int) -> Mapping[str, Any]:
        raise OSError("there is no way")

    def own_log(self) -> Path | None:
        return None


def around(*workers: FakeWorker, shares: bool = False, **settings: Any) -> Surroundings:
    """What a run needs, with these workers."""
    found = WarmingSettings.model_validate({"rate": "off", "patience": "1s", **settings})
    return Surroundings(lambda: found, lambda: workers, lambda: shares, NoWays(), RefusedError)


def order(count: int = 10, concurrency: int = 4, rate: float | None = None, **more: Any) -> Order:
    """A run over so many URLs."""
    return Order((UrlList(urls(count)),), Speed(rate, concurrency), **more)


def urls(count: int) -> tuple[str, ...]:
    """So many URLs."""
    return tuple(f"http://a/{number}" for number in range(count))
