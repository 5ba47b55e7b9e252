"""What a look-up in Redis costs: CPU of this process and of the server, and how many commands it takes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from gateway.config.tiers import RedisTierSettings
from gateway.figures.registry import Figures
from gateway.tiers.redis import RedisTier
from gateway.tiers.tier import Entry
from loadtests.support.proc import read_cpu_seconds
from loadtests.tiers import stored
from plugins.cache.codec import decode, encode
from tests.support.redis import RedisServer, redis_client, until

RECORDS = 1_000
LOOKUPS = 6_400
SECRET = "LOADTEST_TIER_SECRET"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one look-up."""

    ours: float
    """Microseconds of CPU of this process."""
    theirs: float
    """Microseconds of CPU of the server."""
    commands: float


async def measure(server: RedisServer, look: Callable[[int], Awaitable[object]], at_once: int) -> Cost:
    """Look up so many at a time."""
    assert server.process is not None
    calls, theirs = server.calls("mget") + server.calls("get"), read_cpu_seconds(server.process.pid)
    begin = time.process_time()
    for number in range(0, LOOKUPS, at_once):
        if at_once == 1:
            await look(number % RECORDS)
        else:
            await asyncio.gather(*[look((number + more) % RECORDS) for more in range(at_once)])
    ours = (time.process_time() - begin) / LOOKUPS * 1e6
    theirs = (read_cpu_seconds(server.process.pid) - theirs) / LOOKUPS * 1e6
    calls = server.calls("mget") + server.calls("get") - calls
    return Cost(ours, theirs, calls / LOOKUPS)


async def table(server: RedisServer) -> list[list[str]]:
    """Rows: by the tier with the stored response made of what is found, and a plain GET by redis-py beside it."""
    os.environ[SECRET] = "x" * 40
    rows = []
    for octets, more in ((1024, {}), (1024, {"secret": SECRET}), (102_400, {})):
        server.do("FLUSHALL")
        async with redis_client(server) as client:
            said = {"queue": "1GiB", **more}
            tier = RedisTier(RedisTierSettings.model_validate(said), client, Figures.in_memory())
            await tier.open()
            now = time.time()
            for number in range(RECORDS):
                each = stored(number, octets)
                tier.put(Entry(name=each.key, head=encode(each, 0.0), body=each.body, when=now, until=now + 3600))
            await until(partial(_is_written, tier))
            names = [b"http://shop.example/%d" % number for number in range(RECORDS)]

            async def look(number: int, tier: RedisTier = tier, names: list[bytes] = names) -> None:
                decode((await tier.find(names[number]))[0].record, 0.0)

            for at_once in (1, 16, 64):
                kind = f"{octets // 1024} KiB{', encrypted' if more else ''}"
                rows.append(_row(f"tier, {kind}", at_once, await measure(server, look, at_once)))
            await tier.close()
    rows += await _beside(server)
    return rows


async def _beside(server: RedisServer) -> list[list[str]]:
    """The same by another client: the octets alone, nothing is made of them."""
    import redis.asyncio

    server.do("FLUSHALL")
    async with redis.asyncio.Redis(port=server.port, protocol=3) as other:
        for number in range(RECORDS):
            await other.set(str(number), os.urandom(1200))

        async def look(number: int) -> None:
            await other.get(str(number))

        return [_row("redis-py: GET, 1.2 KB", at_once, await measure(server, look, at_once)) for at_once in (1, 16, 64)]


def _row(what: str, at_once: int, cost: Cost) -> list[str]:
    return [what, str(at_once), f"{cost.ours:.1f}", f"{cost.theirs:.1f}", f"{cost.commands:.3f}"]


def _is_written(tier: RedisTier) -> bool:
    return not tier.unwritten
