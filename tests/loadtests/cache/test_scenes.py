"""The scenes themselves, small: what they show does not depend on how fast the machine is."""

import pytest

from loadtests.cache.front import front
from loadtests.cache.scenes import memory, purge, reload, stampede
from loadtests.store.speed import Speed
from loadtests.support.cores import Placement

ANYWHERE = Placement(frozenset(), frozenset(), frozenset())


async def test_of_a_stampede_one_request_reaches_the_origin_and_nobody_waits() -> None:
    async with front(ANYWHERE, memory="8MiB") as running:
        answered, calls, _ = [figure async for figure in stampede(running, 100)]
    assert (answered.figure, calls.figure) == (100, 1)


async def test_a_purge_by_tag_counts_what_it_removed_while_others_are_answered() -> None:
    async with front(ANYWHERE, memory="64MiB") as running:
        purged, *others = [figure async for figure in purge(running, 1000, 0.3)]
    assert "1,000" in purged.what
    assert all(figure.figure > 0 for figure in others)


async def test_a_trace_larger_than_the_store_fills_it_and_no_more() -> None:
    async with front(ANYWHERE, memory="2MiB") as running:
        used, whole = [figure async for figure in memory(running, 2)]
    assert used.is_within
    assert whole.figure > used.figure > 0.5


async def test_reloads_lose_nothing_that_fits() -> None:
    async with front(ANYWHERE, memory="256MiB") as running:
        figures: list[Speed] = [figure async for figure in reload(running, 2000)]
    assert [figure for figure in figures if not figure.is_within] == []


@pytest.mark.parametrize("figure", [Speed("x", 1.0, 1.0, "s"), Speed("x", 1.0, 1.0, "s", more_is_better=False)])
def test_a_figure_may_reach_its_bound(figure: Speed) -> None:
    assert figure.is_within
