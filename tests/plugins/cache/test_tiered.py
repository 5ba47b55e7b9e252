"""The cache with a host tier behind it: two workers of a machine, restarts, purges, clocks. `restarted` is a worker
with nothing in memory and the same tier."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.api import Request, Response, Tiers
from gateway.figures.registry import Figures
from gateway.tiers.host import HostTier
from plugins.cache.selection import EVERYTHING, ByKey, ByPrefix, ByRoute, ByTag, ByUrl
from plugins.cache.tiered import labels_of, order_of
from tests.support.cached import FRESH, TAGGED, Cached, page
from tests.support.plugins import ManualClock, make_response
from tests.support.stored_responses import stored_response
from tests.support.tiering import record, tiers_in, written


class Machine:
    """Workers that share a tier, on the machine's time."""

    def __init__(self, tiers: Tiers, host: HostTier, figures: Figures) -> None:
        self.tiers = tiers
        self.host = host
        self._figures = figures

    @property
    def looks(self) -> float:
        """How often anybody has looked into the tier."""
        outcomes = ("hit", "miss", "error")
        return sum(self._figures.value("tier_lookups_total", tier="host", outcome=each) for each in outcomes)

    async def worker(self, *answers: Any, ahead: float = 0.0, **settings: Any) -> Cached:
        """A worker with nothing in memory, whose clocks are `ahead` of the machine's."""
        cache = Cached(*answers, clock=ManualClock(0.0, time.time() + ahead), tiers=self.tiers, **settings)
        await cache.plugin.open()
        return cache

    async def written(self) -> None:
        await written(self.host)


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    figures = Figures.in_memory()
    async with tiers_in(folder, figures) as (tiers, host):
        yield Machine(tiers, host, figures)


def now_page(fields: dict[str, str], body: bytes = b"content", status: int = 200) -> Any:
    """An answer without a Date, so that it is as old as it is."""
    return lambda request: make_response(status, fields, body)


async def test_what_is_fresh_by_a_guess_is_in_the_tier_too(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page({"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}))
        assert (await one.ask("/a")).status == 200
        await m.written()
        two = await m.worker()
        assert ((await two.ask("/a")).body, two.trail) == (b"content", ["fresh"])


async def test_a_restarted_worker_answers_from_the_tier_without_a_wait(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(FRESH))
        await one.ask("/a")
        await m.written()
        two = await m.worker(now_page(FRESH, b"new"))
        got = await two.ask("/a")
        assert (got.body, two.trail) == (b"content", ["fresh"])
        await two.calls(0)
        assert got["Content-Type"] == (await one.ask("/a"))["Content-Type"]


async def test_what_was_found_in_the_tier_twice_is_in_memory_then(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        await (await m.worker(now_page(FRESH))).ask("/a")
        await m.written()
        two = await m.worker(now_page(FRESH))
        await two.ask("/a")
        await two.ask("/a")
        assert two.shown("cache_entries") == 1


async def test_a_record_of_an_earlier_version_is_a_miss_and_replaced(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        now, name = time.time(), b"http://shop.example/a"
        m.host.find(name)
        m.host.put(record(name, head=b"\x01\x00\x00\x00\x02\x00\x00\x00\x00[]", marks=(m.host.mark,), until=now + 60))
        await m.written()
        for body in (b"new", b"newer"):
            got = await (await m.worker(now_page(FRESH, body))).ask("/a")
            assert got.body == b"new"
            await m.written()


async def test_time_goes_on_while_nothing_runs(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        await (await m.worker(now_page(FRESH))).ask("/a")
        await m.written()
        later = await m.worker(now_page(FRESH, b"new"), ahead=59.0)
        assert int((await later.ask("/a"))["Age"] or 0) in (59, 60)
        much_later = await m.worker(now_page(FRESH, b"new"), ahead=61.0)
        assert (await much_later.ask("/a")).body == b"new"


async def test_what_comes_from_the_future_is_not_believed(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        await (await m.worker(now_page(FRESH), ahead=100.0)).ask("/a")
        await m.written()
        assert (await (await m.worker(now_page(FRESH, b"new"))).ask("/a")).body == b"new"


async def test_what_must_not_be_stored_is_not_in_the_tier_either(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page({"Cache-Control": "private, max-age=60"}))
        await one.ask("/a")
        await m.written()
        assert (await (await m.worker(now_page(FRESH, b"new"))).ask("/a")).body == b"new"


async def test_variants_of_two_workers_come_together(tmp_path: Path) -> None:
    def origin(request: Request) -> Response:
        return make_response(200, {**FRESH, "Vary": "Accept"}, request.fields.get(b"accept") or b"")

    async with machine(tmp_path) as m:
        one, two = await m.worker(origin), await m.worker(origin)
        await one.ask("/a", {"Accept": "text/a"})
        await two.ask("/a", {"Accept": "text/b"})
        await m.written()
        assert (await one.ask("/a", {"Accept": "text/b"})).body == b"text/b"
        await one.calls(1)


async def test_what_another_worker_has_confirmed_need_not_be_confirmed_again(tmp_path: Path) -> None:
    def origin(request: Request) -> Response:
        return make_response(304 if b"if-none-match" in request.fields else 200, TAGGED, b"")

    async with machine(tmp_path) as m:
        one, two = await m.worker(origin), await m.worker(origin)
        await one.ask("/a")
        await m.written()
        await two.ask("/a")
        await two.ask("/a", at=61.0)
        await m.written()
        one.to(61.0)
        await one.ask("/a")
        assert one.trail == ["fresh"]
        await one.calls(1)


@pytest.mark.parametrize(
    "purge",
    [
        {"url": "http://shop.example/a"},
        {"prefix": "http://shop.example/"},
        {"tag": "shop"},
        {"route": "default"},
        {"all": True},
    ],
)
async def test_purges_hold_in_the_tier(tmp_path: Path, purge: dict[str, Any]) -> None:
    fields = {**FRESH, "Surrogate-Key": "shop"}
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(fields))
        await one.ask("/a")
        await m.written()
        await one.control.ask("purge", **purge)
        assert (await (await m.worker(now_page(fields, b"new"))).ask("/a")).body == b"new"


async def test_a_dry_run_purges_nothing(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(FRESH))
        await one.ask("/a")
        await one.control.ask("purge", all=True, dry_run=True)
        await m.written()
        assert (await (await m.worker(now_page(FRESH, b"new"))).ask("/a")).body == b"content"


async def test_a_soft_purge_makes_it_stale_in_the_tier_too(tmp_path: Path) -> None:
    fields = {"Cache-Control": "max-age=60, stale-while-revalidate=60"}
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(fields))
        await one.ask("/a")
        await m.written()
        await one.control.ask("purge", all=True, soft=True)
        two = await m.worker(now_page(fields, b"new"))
        assert (await two.ask("/a")).body == b"content"
        assert two.trail == ["soft_purged"]
        await two.settle()
        assert (await two.ask("/a")).body == b"new"


async def test_an_unsafe_request_makes_it_unusable_in_the_tier_too(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(FRESH))
        await one.ask("/a")
        await m.written()
        await one.ask("/a", method="PUT")
        await m.written()
        assert (await (await m.worker(now_page(FRESH, b"new"))).ask("/a")).body == b"new"


async def test_an_answer_that_may_not_be_stored_takes_the_old_one_out_of_the_tier(tmp_path: Path) -> None:
    answers = [now_page(FRESH), now_page({"Cache-Control": "no-store"}, b"secret")]

    async with machine(tmp_path) as m:
        one = await m.worker(*answers)
        await one.ask("/a")
        await m.written()
        await one.ask("/a", {"Cache-Control": "no-cache"})
        await m.written()
        assert (await (await m.worker(now_page(FRESH, b"new"))).ask("/a")).body == b"new"


async def test_what_leaves_memory_for_want_of_room_stays_in_the_tier(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(FRESH, b"x" * 300_000), memory="1MiB", max_entry="512KiB")
        for number in range(8):
            await one.ask(f"/{number}")
        await m.written()
        assert one.shown("cache_entries") < 8
        for number in range(8):
            await one.ask(f"/{number}")
        await one.calls(8)


async def test_what_is_used_in_memory_is_reported_now_and_then(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(FRESH))
        reported: list[bytes] = []
        m.tiers.used = lambda name, variant, uses: reported.append(name)  # type: ignore[method-assign]  # looks on
        await one.ask("/a", at=1.0)
        await one.ask("/a", at=2.0)
        one.shown("cache_entries")
        assert reported == [b"http://shop.example/a"]
        one.to(3.0)
        one.shown("cache_entries")
        assert len(reported) == 1


def test_selectors_mean_in_tiers_what_they_mean_in_memory() -> None:
    stored = stored_response(b"http://shop.example/a\nmark", tags=(b"t",), route="r")
    labels = {*labels_of(stored), b"*"}
    for selector in (ByUrl(b"http://shop.example/a"), ByKey(stored.key), ByTag(b"t"), ByRoute("r"), EVERYTHING):
        assert selector.matches(stored)
        assert set(order_of([selector]).labels) <= labels
    for selector in (ByUrl(b"http://shop.example/"), ByTag(b"u"), ByRoute("s")):
        assert not selector.matches(stored)
        assert not set(order_of([selector]).labels) & labels
    assert order_of([ByPrefix(b"http://")], soft=True).prefixes == (b"http://",)


async def test_without_a_tier_nothing_changes() -> None:
    cache = Cached(page(FRESH))
    await cache.plugin.open()
    await cache.ask("/a")
    await cache.ask("/a")
    await cache.calls(1)
