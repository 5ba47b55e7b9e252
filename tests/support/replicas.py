"""Workers of several replicas in one process, each with a client of the same real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from gateway.sharing.members import Member
from gateway.sharing.place_file import PlaceFile
from gateway.sharing.sharing import Sharing
from tests.support.redis import RedisServer


class Worker:
    """One worker: its client, what it shares, and what it was handed by others."""

    def __init__(self, redis: Redis, sharing: Sharing, heard: list[tuple[str, Any]], figures: Figures) -> None:
        self.redis = redis
        self.sharing = sharing
        self.heard = heard
        self.figures = figures

    @property
    def purged(self) -> list[str]:
        """The labels of purges that came from others, in their order."""
        return [label for kind, news in self.heard if kind == "purge_news" for label in news["labels"]]


@asynccontextmanager
async def worker(
    server: RedisServer, replica: str = "A", name: str = "0", place_file: PlaceFile | None = None, **settings: Any
) -> AsyncIterator[Worker]:
    """A worker that takes part."""
    figures = Figures.in_memory()
    redis = Redis(RedisSettings.model_validate({"url": server.url, "timeout": "1s", **settings}), figures)
    await redis.open()
    heard: list[tuple[str, Any]] = []

    async def hand(kind: str, message: dict[str, Any]) -> None:
        heard.append((kind, message["news"]))

    sharing = Sharing(redis, figures, hand, place_file, member=Member(replica, name, redis.prefix))
    await sharing.open()
    try:
        yield Worker(redis, sharing, heard, figures)
    finally:
        await sharing.close()
        await redis.close()


@asynccontextmanager
async def workers(server: RedisServer, *names: str) -> AsyncIterator[list[Worker]]:
    """Workers by names such as `A/0`."""
    async with AsyncExitStack() as stack:
        pairs = [name.split("/") for name in names]
        yield [await stack.enter_async_context(worker(server, replica, name)) for replica, name in pairs]
