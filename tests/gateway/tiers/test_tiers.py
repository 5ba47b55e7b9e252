from pathlib import Path

from gateway.config.tiers import TierSettings
from gateway.figures.registry import Figures
from gateway.tiers.tier import Entry, Found, PurgeOrder
from gateway.tiers.tiers import Tiers, tiers_for
from tests.support.tiering import host_tier, record, tiers_in, written


class FarAway:
    """A tier that has to be waited for, in memory."""

    def __init__(self) -> None:
        self.mark = 5
        self.entries: list[Entry] = []
        self.dropped: list[bytes] = []
        self.orders: list[PurgeOrder] = []

    async def find(self, name: bytes, known: object = ()) -> list[Found]:
        return [Found(each.head, each.when, each.until, False) for each in self.entries if each.name == name]

    def put(self, entry: Entry) -> bool:
        self.entries.append(entry)
        return True

    def drop(self, name: bytes, variant: bytes) -> None:
        self.dropped.append(name)

    def used(self, name: bytes, variant: bytes, uses: int) -> None: ...

    async def purge(self, order: PurgeOrder) -> None:
        self.orders.append(order)

    async def open(self) -> None: ...

    async def close(self) -> None: ...


async def test_each_tier_gets_everything_with_its_own_mark(tmp_path: Path) -> None:
    far = FarAway()
    async with host_tier(tmp_path) as near:
        tiers = Tiers(TierSettings(host=near.settings), near, far)
        assert tiers.marks == (near.mark, 5)
        tiers.put(record(b"a", marks=tiers.marks))
        await written(near)
        assert len(tiers.find(b"a")) == len(await tiers.find_far(b"a")) == 1
        assert far.entries[0].marks == (5,)
        await tiers.purge(PurgeOrder(labels=(b"x",)))
        tiers.drop(b"a")
        tiers.used(b"a", b"", 1)
        assert tiers.find(b"a") == []
        assert (far.dropped, len(far.orders)) == ([b"a"], 1)


async def test_without_a_far_tier_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    async with tiers_in(tmp_path) as (tiers, _):
        assert not tiers.has_far
        assert await tiers.find_far(b"a") == []


async def test_without_a_near_tier_nothing_is_found_at_once() -> None:
    assert Tiers(TierSettings(), far=FarAway()).find(b"a") == []


async def test_a_configuration_without_tiers_has_none() -> None:
    assert await tiers_for(TierSettings(), Figures.in_memory(), None) is None


async def test_tiers_in_use_go_on_where_the_file_is_the_same(tmp_path: Path) -> None:
    one = TierSettings.model_validate({"host": str(tmp_path / "1")})
    same = TierSettings.model_validate({"host": {"path": str(tmp_path / "1"), "size": "8MiB"}})
    other = TierSettings.model_validate({"host": str(tmp_path / "2")})
    first = await tiers_for(one, Figures.in_memory(), None)
    assert first is not None
    assert await tiers_for(same, Figures.in_memory(), first) is first
    second = await tiers_for(other, Figures.in_memory(), first)
    assert second is not None
    assert second is not first
    await first.close()
    await second.close()
