"""Caches of several gateways, each with a client of the same real Redis, in front of one origin."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from gateway.api import Handler
from gateway.config.tiers import TierSettings
from gateway.figures.registry import Figures
from gateway.sharing.members import Member
from gateway.sharing.sharing import Sharing
from gateway.tiers.tiers import tiers_for
from tests.support.cached import Cached
from tests.support.plugins import ManualClock
from tests.support.redis import RedisServer, redis_client, until


@asynccontextmanager
async def replica(
    server: RedisServer, origin: Handler, name: str, skew: float = 0.0, **settings: Any
) -> AsyncIterator[Cached]:
    """The cache of one worker; `name` is that of its gateway, whose clock is so many seconds ahead."""
    async with redis_client(server) as redis:
        figures = Figures.in_memory()

        async def hand(kind: str, message: dict[str, Any]) -> Any:
            return await cached.control.handlers[kind]({"kind": kind, **message})

        sharing = Sharing(redis, figures, hand, member=Member(name, "0", redis.prefix))
        wanted = TierSettings.model_validate({"redis": "on"})
        tiers = await tiers_for(wanted, figures, None, redis, sharing.purges)
        clock = ManualClock(monotonic=0.0, wall=time.time() + skew)
        cached = Cached(origin=origin, tiers=tiers, clock=clock, sharing=sharing, figures=figures, **settings)
        await cached.plugin.open()
        await sharing.open()
        try:
            yield cached
        finally:
            await cached.tasks.close()
            await cached.plugin.close()
            await sharing.close()
            if tiers is not None:
                await tiers.close()


@asynccontextmanager
async def replicas(server: RedisServer, origin: Handler, *names: str, **settings: Any) -> AsyncIterator[list[Cached]]:
    """Caches of several gateways."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(replica(server, origin, name, **settings)) for name in names]


async def waits(cached: Cached) -> None:
    """Return when a request there waits for another gateway, as Redis knows."""
    sharing = cached.runtime.sharing
    assert sharing is not None
    channel = sharing.member.channel

    async def is_known() -> bool:
        keys = await sharing.redis.call("KEYS", "slipstream:lease:*", key=b"")
        return any([await sharing.redis.call("HEXISTS", key, b"w:" + channel) for key in keys])

    while not await is_known():
        pass


async def written(cached: Cached, count: int = 1) -> None:
    """Return when so many answers of this gateway lie in Redis."""
    await until(lambda: leases_are_over(cached))
    sharing = cached.runtime.sharing
    assert sharing is not None
    while len(await sharing.redis.call("KEYS", "slipstream:e:*", key=b"")) < count:
        pass


def leases_are_over(cached: Cached) -> bool:
    """Whether nothing is fetched for all."""
    sharing = cached.runtime.sharing
    assert sharing is not None
    return not len(sharing.leases)
