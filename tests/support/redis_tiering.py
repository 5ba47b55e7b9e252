"""Redis tiers of several gateways over one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.config.tiers import RedisTierSettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from gateway.tiers.redis import RedisTier
from gateway.tiers.redis_book import PurgeBook
from gateway.tiers.tier import PurgeOrder
from tests.support.redis import RedisServer, redis_client, until


class Book:
    """Purges as a test says."""

    def __init__(self) -> None:
        self.mark = 1
        self.is_current = True
        self.answer: bool | None = None
        self.asked: list[tuple[bytes, int]] = []
        self.orders: list[PurgeOrder] = []

    def hit(self, labels: bytes, name: bytes, mark: int) -> bool | None:
        """What the test says."""
        self.asked.append((name, mark))
        return self.answer

    async def purge(self, order: PurgeOrder) -> None:
        """Note it."""
        self.orders.append(order)


class Replica:
    """The tier of one gateway, and what it was told."""

    def __init__(self, tier: RedisTier, redis: Redis, figures: Figures) -> None:
        self.tier = tier
        self.redis = redis
        self.figures = figures
        self.changed: list[Sequence[bytes] | None] = []
        tier.on_change(self.changed.append)

    async def written(self) -> None:
        """Wait until nothing waits to be written, and until all that Redis tells about it has come."""
        await until(lambda: not self.tier.unwritten)
        await self.redis.tell("PING", "done")

    def counted(self, name: str, **labels: str) -> float:
        """A counter of the tier."""
        counter = self.figures.counter(name, "", tier="redis", **labels)
        return counter.row[counter.cell]


@asynccontextmanager
async def replica(server: RedisServer, book: PurgeBook | None = None, **more: Any) -> AsyncIterator[Replica]:
    """An open one. `more` are settings of the tier, and of the client what stands under `client`."""
    client = more.pop("client", {})
    figures = Figures.in_memory()
    async with redis_client(server, figures, **client) as redis:
        tier = RedisTier(RedisTierSettings.model_validate(more), redis, figures, book)
        await tier.open()
        try:
            yield Replica(tier, redis, figures)
        finally:
            await tier.close()


async def turns(count: int = 5) -> None:
    """Let others have their turn."""
    for _ in range(count):
        await asyncio.sleep(0)
