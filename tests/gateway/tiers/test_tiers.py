import asyncio
from pathlib import Path

from gateway.config.tiers import TierSettings
from gateway.figures.registry import Figures
from gateway.tiers.host import HostTier
from gateway.tiers.tier import Changed, Entry, Found, PurgeOrder
from gateway.tiers.tiers import Tiers, tiers_for
from tests.support.redis import redis_client
from tests.support.redis_script import scripted_redis
from tests.support.tiering import host_tier, record, tiers_in, written


class FarAway:
    """A tier that has to be waited for, in memory."""

    def __init__(self) -> None:
        self.mark = 5
        self.entries: list[Entry] = []
        self.dropped: list[bytes] = []
        self.orders: list[PurgeOrder] = []
        self.changed: list[Changed] = []
        self.settings: object = None
        self.client: object = None

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

    def on_change(self, changed: Changed) -> None:
        self.changed.append(changed)

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


class Lease:
    key, token, name = b"k", b"t", b"n"

    def __init__(self) -> None:
        self.told: list[bool] = []

    def written(self, *, stored: bool) -> None:
        self.told.append(stored)


async def test_what_was_found_far_away_is_put_near_alone(tmp_path: Path) -> None:
    far = FarAway()
    async with host_tier(tmp_path) as near:
        tiers = Tiers(TierSettings(host=near.settings), near, far)
        tiers.put_near(record(b"a", marks=tiers.marks))
        await written(near)
        assert len(tiers.find(b"a")) == 1
        tiers.drop_near(b"a", b"")
        assert tiers.find(b"a") == []
        assert (far.entries, far.dropped) == ([], [])
    alone = Tiers(TierSettings(), far=far)
    alone.put_near(record(b"a"))
    alone.drop_near(b"a", b"")


async def test_without_a_far_tier_a_lease_hears_that_others_have_nothing(tmp_path: Path) -> None:
    lease = Lease()
    async with tiers_in(tmp_path) as (tiers, _):
        tiers.put(record(b"a", lease=lease))
        tiers.on_change(print)
    assert lease.told == [False]


async def test_changes_far_away_are_told() -> None:
    far = FarAway()
    Tiers(TierSettings(), far=far).on_change(print)
    assert far.changed == [print]


async def test_work_is_done_in_slices() -> None:
    left = 3

    def step() -> bool:
        nonlocal left
        left -= 1
        return left > 0

    Tiers(TierSettings()).in_turns(step)
    assert left == 2
    for _ in range(5):
        await asyncio.sleep(0)
    assert left == 0


async def test_the_file_stays_open_while_redis_comes_and_goes(tmp_path: Path) -> None:
    both = TierSettings.model_validate({"host": str(tmp_path), "redis": "on"})
    host_alone = TierSettings.model_validate({"host": str(tmp_path)})
    async with scripted_redis() as server, redis_client(server.url) as redis:
        figures = Figures.in_memory()
        first = await tiers_for(both, figures, None, redis)
        assert first is not None
        assert await tiers_for(both, figures, first, redis) is first
        second = await tiers_for(host_alone, figures, first, None)
        assert second is not None
        assert (second.near, second.far) == (first.near, None)
        await first.close()
        second.put(record(b"a", marks=second.marks))
        assert isinstance(second.near, HostTier)
        await written(second.near)
        assert len(second.find(b"a")) == 1
        third = await tiers_for(both, figures, second, redis)
        assert third is not None
        assert third.near is second.near
        assert third.has_far
        await second.close()
        assert len(third.find(b"a")) == 1
        await third.close()
        assert third.find(b"a") == []
        only_far = await tiers_for(TierSettings.model_validate({"redis": "on"}), figures, None, redis)
        assert only_far is not None
        assert only_far.near is None
        await only_far.close()
