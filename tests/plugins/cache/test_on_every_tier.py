"""The rules hold whatever is behind the memory of a worker: each story, on each combination of tiers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway.config.tiers import RedisTierSettings, TierSettings
from gateway.figures import Figures
from gateway.sharing.members import Member
from gateway.sharing.sharing import Sharing
from gateway.sharing.wanted import nobody
from gateway.tiers.host import HostTier
from gateway.tiers.redis import RedisTier
from gateway.tiers.tiers import Tiers
from tests.plugins.cache import test_rules_answering, test_rules_keys, test_rules_storing
from tests.support.redis import RedisServer, needs_redis, redis_client, redis_server
from tests.support.tier_stories import Stage
from tests.support.tiering import host_tier, until
from tests.support.tiering import written as waited_for

STORIES = {**test_rules_answering.STORIES, **test_rules_keys.STORIES, **test_rules_storing.STORIES}
IN_MEMORY_ALONE = {
    "request max-stale",  # tiers do not keep what has expired and cannot be confirmed
    "a clock set back keeps nothing younger than it was",  # what seems to come from the future is not believed
    "POST for GET",  # what it invalidates is noted in the tiers after it was asked for
}
"""Stories that go otherwise, and safely so, when a worker begins with nothing in memory."""
NOT_IN_REDIS = {"huge numbers"}  # an answer is kept there for a day at most


TIERS = ("memory", "host", "redis", "host and redis")
CASES = [
    pytest.param(tiers, name, id=f"{tiers}-{name}", marks=needs_redis if "redis" in tiers else ())
    for tiers in TIERS
    for name in STORIES
    if (tiers == "memory" or name not in IN_MEMORY_ALONE) and (tiers != "redis" or name not in NOT_IN_REDIS)
]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@asynccontextmanager
async def staged(
    tiers: str, folder: Path, request: pytest.FixtureRequest, patch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        near: HostTier | None = None
        far: RedisTier | None = None
        sharing: Sharing | None = None
        if "host" in tiers:
            near = await stack.enter_async_context(host_tier(folder))
        if "redis" in tiers:
            server: RedisServer = request.getfixturevalue("server")
            server.do("FLUSHALL")
            client = await stack.enter_async_context(redis_client(server))
            sharing = Sharing(client, Figures.in_memory(), nobody, member=Member("A", "0", client.prefix))
            await sharing.open()
            stack.push_async_callback(sharing.close)
            far = RedisTier(RedisTierSettings(), client, Figures.in_memory(), sharing.purges)
            await far.open()
            stack.push_async_callback(far.close)

        async def written() -> None:
            if near is not None:
                await waited_for(near)
            if far is not None:
                await until(lambda: far.unwritten == 0)
            if sharing is not None:
                await until(lambda: len(sharing.leases) == 0)

        behind = None if near is None and far is None else Tiers(TierSettings(), near, far)
        yield Stage(behind, sharing, written, patch)


@pytest.mark.parametrize(("tiers", "name"), CASES)
async def test_the_story_goes_as_the_rules_have_it(
    tiers: str, name: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, steps = STORIES[name]
    async with staged(tiers, tmp_path, request, monkeypatch) as stage:
        await stage.play(settings, steps)
