"""What is shown: a stampede, a purge among other requests, a reload, and a memory limit that changes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from statistics import median

from loadtests.cache.clients import PATIENCE_SECONDS, Steady, ask_all, connect, percentile
from loadtests.cache.front import Front
from loadtests.cache.shelf import BRIEF, LARGE, LARGE_OCTETS, LIFETIME_SECONDS, TAG, TAGGED
from loadtests.store.speed import Speed
from loadtests.support.footprint import read_peak_rss_kib
from loadtests.support.ports import MeasuringError

PURGE_SECONDS = 1.0
WORSE_MILLISECONDS = 2.0
"""What a purge may add to the 99th percentile of other requests, over the worst of as long a time without it: four of
its steps, of half a millisecond each."""
MOST_MEMORY = 1.35
"""Memory of the whole worker, as a multiple of a setting of 256 MiB."""
MEBIBYTE = 2**20
_FILLING_CONNECTIONS = 64
_STEADY_CONNECTIONS = 40
_RATE = 2000.0
_LEAST_SECONDS = 0.2
"""A purge of little is over before anybody has asked for something."""


async def stampede(front: Front, connections: int) -> AsyncIterator[Speed]:
    """Everybody asks for one stale page at once, while the origin answers nobody: who waited would wait for ever."""
    target = f"{BRIEF}page"
    clients = await connect(front.port, connections)
    await clients[0].ask(target)
    await asyncio.sleep(LIFETIME_SECONDS + 0.1)
    before = front.shelf.asked[target]
    front.shelf.may_answer.clear()
    front.shelf.was_asked.clear()
    start = time.perf_counter()
    answers = await asyncio.gather(*(client.ask(target) for client in clients))
    spent = time.perf_counter() - start
    async with asyncio.timeout(PATIENCE_SECONDS):
        await front.shelf.was_asked.wait()
    await asyncio.gather(*(client.ask(target) for client in clients))  # whoever else would ask the origin has done so
    calls = front.shelf.asked[target] - before
    front.shelf.may_answer.set()
    for client in clients:
        client.close()
    stale = sum(b"detail=stale_while_revalidate" in answer.cache_status for answer in answers)
    yield Speed(f"stampede of {connections:,}: answered before the origin answers", stale, connections, "requests")
    yield Speed(f"stampede of {connections:,}: calls of the origin", calls, 1, "calls", more_is_better=False)
    yield Speed(f"stampede of {connections:,}: until the last one has it", spent, 60.0, "s", more_is_better=False)


async def purge(front: Front, entries: int, seconds: float) -> AsyncIterator[Speed]:
    """Purge by tag, while others get other pages at a steady rate; and the same others without the purge."""
    others = [f"/other/{number}" for number in range(200)]
    filling = await connect(front.port, _FILLING_CONNECTIONS)
    await ask_all(filling, (f"{TAGGED}{number}" for number in range(entries)))
    await ask_all(filling, others)
    for client in filling:
        client.close()
    steady = Steady(await connect(front.port, _STEADY_CONNECTIONS), others, _RATE)
    steady.start()
    await asyncio.sleep(seconds)
    quiet_until = time.perf_counter()
    told = await front.purge(tag=TAG)
    purged_at = time.perf_counter()
    await asyncio.sleep(0.5)
    await steady.stop()
    if told["count"] != entries:
        raise MeasuringError(f"{told['count']:,} stored responses were purged, not {entries:,}")
    if not all(answer.is_hit for _, answer in steady.samples):
        raise MeasuringError("others were not answered from the cache")
    window = max(purged_at - quiet_until, _LEAST_SECONDS)
    count = max(int(seconds / window), 1)
    windows = [_p99(steady, quiet_until - (number + 1) * window, window) for number in range(count)]
    during = _p99(steady, quiet_until, window)
    what = f"purge by tag of {entries:,}"
    yield Speed(f"{what}, acknowledged after", purged_at - quiet_until, PURGE_SECONDS, "s", more_is_better=False)
    text = f"p99 of others without it, {len(windows)} times as long,"
    yield Speed(f"{text} median", median(windows), 60.0, "ms", more_is_better=False)
    yield Speed(f"{text} worst", max(windows), 60.0, "ms", more_is_better=False)
    bound = max(windows) + WORSE_MILLISECONDS
    yield Speed("p99 of others during it", during, bound, "ms", more_is_better=False)


def _p99(steady: Steady, begin: float, window: float) -> float:
    return 1000 * percentile((answer.seconds for answer in steady.between(begin, begin + window)), 0.99)


async def memory(front: Front, mebibytes: int) -> AsyncIterator[Speed]:
    """A trace far larger than the store, some of it asked for again and again: what the worker takes in all."""
    (worker,) = front.workers()
    pages = 3 * mebibytes * MEBIBYTE // LARGE_OCTETS
    popular = [f"{LARGE}{number}" for number in range(pages // 100)]
    draw = random.Random(1)
    targets = (draw.choice(popular) if turn % 2 else f"{LARGE}{turn}" for turn in range(2 * pages))
    clients = await connect(front.port, _FILLING_CONNECTIONS)
    await ask_all(clients, targets)
    for client in clients:
        client.close()
    limit = mebibytes * MEBIBYTE
    used = await front.until_metric("slipstream_cache_bytes", limit / 2, limit)
    peak = 1024 * read_peak_rss_kib(worker)
    what = f"with {mebibytes} MiB and a trace of {3 * mebibytes:,} MiB:"
    yield Speed(f"{what} octets in use", used / limit, 1.0, "of the setting", more_is_better=False)
    yield Speed(f"{what} whole worker", peak / limit, MOST_MEMORY, "of the setting", more_is_better=False)


async def reload(front: Front, entries: int) -> AsyncIterator[Speed]:
    """A reload, a smaller limit, a larger limit: what is stored stays as far as it fits."""
    targets = [f"{LARGE}{number}" for number in range(entries)]
    clients = await connect(front.port, 16)
    await ask_all(clients, targets)
    calls = front.shelf.asked.total()
    await front.configure(memory="256MiB", default_freshness="1m")
    answers = await ask_all(clients, targets)
    hits = sum(answer.is_hit for answer in answers)
    yield Speed(f"after a reload: hits of {entries:,}", hits, entries, "hits")
    yield Speed(
        "after a reload: calls of the origin", front.shelf.asked.total() - calls, 0, "calls", more_is_better=False
    )

    small = 16
    await front.configure(memory=f"{small}MiB")
    used = await front.until_metric("slipstream_cache_bytes", 1, small * MEBIBYTE)
    kept = await front.metric("slipstream_cache_entries")
    yield Speed(f"with {small} MiB: octets in use, at most", used, small * MEBIBYTE, "octets", more_is_better=False)
    yield Speed(f"with {small} MiB: octets in use, at least", used, small * MEBIBYTE - 4 * LARGE_OCTETS, "octets")

    await front.configure(memory="256MiB")
    calls = front.shelf.asked.total()
    yield Speed("with 256 MiB again: stored responses", await front.metric("slipstream_cache_entries"), kept, "entries")
    answers = await ask_all(clients, targets)
    hits = sum(answer.is_hit for answer in answers)
    yield Speed("with 256 MiB again: hits", hits, kept, "hits")
    for client in clients:
        client.close()
