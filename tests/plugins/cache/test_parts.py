from dataclasses import replace
from pathlib import Path

from plugins.cache.parts import parts_of
from plugins.cache.selection import ByTag
from plugins.cache.settings import CacheSettings
from tests.support.cached import Cached
from tests.support.tiering import tiers_in


def test_without_tiers_there_is_nothing_to_mark_or_purge() -> None:
    parts = parts_of(CacheSettings(), Cached().runtime)
    assert (parts.tiered, parts.marks(), parts.purge_tiers([ByTag(b"a")])) == (None, (), None)


def test_routes_share_one_store() -> None:
    runtime = Cached().runtime
    one, two = parts_of(CacheSettings(), runtime), parts_of(CacheSettings(), runtime)
    assert one.shared is two.shared


async def test_routes_share_what_deals_with_the_tiers(tmp_path: Path) -> None:
    async with tiers_in(tmp_path) as (tiers, host):
        runtime = replace(Cached().runtime, tiers=tiers)
        one, two = parts_of(CacheSettings(), runtime), parts_of(CacheSettings(), runtime)
        assert one.tiered is two.tiered is not None
        assert one.marks() == (host.mark,)
        noted = one.purge_tiers([ByTag(b"a")], {"soft": True})
        assert noted is not None
        await noted
        assert host.mark > 0
