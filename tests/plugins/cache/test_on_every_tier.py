"""The rules hold whatever is behind the memory of a worker: each story, on each combination of tiers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.plugins.cache import test_rules_answering, test_rules_keys, test_rules_storing
from tests.support.tier_stories import Stage
from tests.support.tiering import tiers_in, written

STORIES = {**test_rules_answering.STORIES, **test_rules_keys.STORIES, **test_rules_storing.STORIES}
IN_MEMORY_ALONE = {
    "request max-stale",  # tiers do not keep what has expired and cannot be confirmed
    "a clock set back keeps nothing younger than it was",  # what seems to come from the future is not believed
    "POST for GET",  # what it invalidates is noted in the tiers after it was asked for
}
"""Stories that go otherwise, and safely so, when a worker begins with nothing in memory."""


TIERS = ("memory", "host")
CASES = [
    pytest.param(tiers, name, id=f"{tiers}-{name}")
    for tiers in TIERS
    for name in STORIES
    if tiers == "memory" or name not in IN_MEMORY_ALONE
]


@asynccontextmanager
async def staged(tiers: str, folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async def nothing() -> None:
        pass

    if tiers == "memory":
        yield Stage(None, nothing, patch)
    else:
        async with tiers_in(folder) as (behind, host):
            yield Stage(behind, lambda: written(host), patch)


@pytest.mark.parametrize(("tiers", "name"), CASES)
async def test_the_story_goes_as_the_rules_have_it(
    tiers: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, steps = STORIES[name]
    async with staged(tiers, tmp_path, monkeypatch) as stage:
        await stage.play(settings, steps)
