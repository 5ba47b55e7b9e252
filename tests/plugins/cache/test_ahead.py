import math
import random
from collections.abc import Callable

import pytest

from gateway.api import WallTime
from gateway.figures.registry import Figures
from plugins.cache.ahead import FIRST_TOKENS, NAME, Ahead, AheadRules, Granted, alone_until, fresh_until
from plugins.cache.stored import StoredResponse
from tests.support.stored_responses import freshening, stored_response

START = WallTime(1000.0)


class Route:
    """One route, with numbers that are no accident."""

    def __init__(self, drawn: Callable[[], float] = lambda: math.exp(-1.0), **rules: float) -> None:
        self.hits = Figures.in_memory().counter("hits", "Hits")
        self.ahead = Ahead(AheadRules(**rules), self.hits, drawn)  # type: ignore[arg-type]  # whole ones as well


def popular(uses: int = 6000, lifetime: float = 60.0, origin_seconds: float = 0.1) -> StoredResponse:
    """What was stored at the start and is used as often as that in its lifetime, from the start on."""
    stored = stored_response(at=START, origin_seconds=origin_seconds)
    stored.lifetime = lifetime
    Route().ahead.is_due(stored, START)
    stored.uses += int(0.9 * uses)
    return stored


def moment(stored: StoredResponse, ahead: Ahead) -> float:
    """When it is to be refreshed, in seconds before its end, as the first use in the last tenth has it."""
    until = fresh_until(stored)
    ahead.is_due(stored, WallTime(until - 0.1 * stored.lifetime))
    return until - alone_until(stored)


def test_a_popular_response_is_due_once_before_its_end() -> None:
    route, stored = Route(), popular()
    assert not route.ahead.is_due(stored, WallTime(1054.0)), "the moment has only been drawn"
    at = alone_until(stored)
    assert 1054.0 < at < 1060.0
    assert not route.ahead.is_due(stored, WallTime(at - 0.001))
    assert route.ahead.is_due(stored, at)
    assert not route.ahead.is_due(stored, at)


def test_one_in_vain_is_tried_again_a_little_later() -> None:
    route, stored = Route(), popular(lifetime=600.0, origin_seconds=1.0)
    first = fresh_until(stored) - moment(stored, route.ahead)
    assert route.ahead.is_due(stored, WallTime(first))
    again = alone_until(stored)
    assert first + 1.0 <= again <= first + 2.1
    assert route.ahead.is_due(stored, again)


@pytest.mark.parametrize("uses", [0, 1, 19])
def test_what_is_used_rarely_expires(uses: int) -> None:
    stored = popular(uses=uses)
    assert moment(stored, Route().ahead) == 0.0
    assert not Route().ahead.is_due(stored, WallTime(1059.9))


def test_the_moment_follows_the_law_of_drawing_at_each_use() -> None:
    """Ten thousand lifetimes with a draw at each of 60 uses a second, against ours: the same mean and spread."""
    numbers = random.Random(7)
    rate, mean, window = 60.0, 0.3, 6.0
    drawn: list[float] = []
    while len(drawn) < 4000:
        left = window
        while left > 0.0:
            left -= numbers.expovariate(rate)
            if mean * numbers.expovariate(1.0) >= left > 0.0:
                drawn.append(left)
                break
    route = Route(numbers.random, beta=3.0, share=0.1)
    ours: list[float] = []
    while len(ours) < 4000:
        stored = popular(uses=3600)
        ours.append(moment(stored, route.ahead))
    assert math.isclose(sum(ours) / 4000, sum(drawn) / 4000, rel_tol=0.05)
    middle = sorted(ours)[400::400]
    for own, theirs in zip(middle, sorted(drawn)[400::400], strict=True):
        assert math.isclose(own, theirs, rel_tol=0.1)


def test_the_slower_the_origin_the_earlier_it_is_asked() -> None:
    quick, slow = popular(origin_seconds=0.05), popular(origin_seconds=0.5)
    assert moment(quick, Route().ahead) < moment(slow, Route().ahead)


def test_no_more_than_its_share_of_a_lifetime_is_given_up() -> None:
    unlucky = Route(lambda: 1.0, share=0.05)
    stored = popular(origin_seconds=0.6)
    assert moment(stored, unlucky.ahead) == pytest.approx(3.0)


def test_an_origin_that_takes_longer_than_that_is_given_its_time() -> None:
    stored = popular(lifetime=10.0, origin_seconds=3.0)
    assert fresh_until(stored) - alone_until(stored) == pytest.approx(5.0)
    assert Route(lambda: 1.0).ahead.is_due(stored, alone_until(stored))


@pytest.mark.parametrize("drawn", [0.0, 1.0])
def test_no_number_is_out_of_reach(drawn: float) -> None:
    assert 0.0 < moment(popular(), Route(lambda: drawn).ahead) <= 6.0


def test_somebody_is_expected_to_come_by_before_the_end() -> None:
    stored = popular(uses=120, origin_seconds=0.001)
    assert moment(stored, Route(lambda: 0.0).ahead) == pytest.approx(5.0 / 2.0)


def test_a_part_is_left_alone() -> None:
    stored = popular()
    stored.status = 206
    assert moment(stored, Route().ahead) == 0.0


def test_a_validation_begins_another_lifetime() -> None:
    stored = popular()
    assert stored.derived(NAME) is not None
    stored.freshen(freshening())
    assert stored.derived(NAME) is None
    assert alone_until(stored) == fresh_until(stored)


def test_the_short_ways_end_where_the_last_part_of_a_lifetime_begins() -> None:
    stored = stored_response(at=START)
    assert alone_until(stored) == fresh_until(stored) == 1060.0
    Route().ahead.is_due(stored, START)
    assert alone_until(stored) == 1054.0


@pytest.mark.parametrize(("drawn", "before"), [(0.75, 5.25), (0.5, 4.5), (0.0, 3.0)])
def test_moments_that_would_all_be_the_earliest_are_spread(drawn: float, before: float) -> None:
    """The first number drawn is for the law, which would have the refresh six seconds before the end, or sooner."""
    assert moment(popular(), Route(iter((1.0, drawn)).__next__).ahead) == pytest.approx(before)


def test_what_is_first_used_late_is_looked_at_for_a_while_first() -> None:
    route, stored = Route(lambda: 1.0), stored_response(at=START)
    assert not route.ahead.is_due(stored, WallTime(1057.0))
    assert alone_until(stored) == 1058.0
    stored.uses += 100
    assert route.ahead.is_due(stored, WallTime(1058.0))


def test_refreshes_are_a_share_of_the_hits() -> None:
    route = Route(budget=0.1, concurrency=1000)
    granted = [route.ahead.grant(popular(), WallTime(1055.0)) for _ in range(int(FIRST_TOKENS) + 1)]
    assert granted == [Granted.YES] * int(FIRST_TOKENS) + [Granted.BUDGET]
    route.hits.inc(10)
    assert route.ahead.grant(popular(), WallTime(1055.0)) is Granted.YES
    assert route.ahead.grant(popular(), WallTime(1055.0)) is Granted.BUDGET


def test_only_so_many_are_under_way_at_once() -> None:
    route = Route(concurrency=2)
    stored = popular()
    granted = [route.ahead.grant(stored, WallTime(1055.0)) for _ in range(3)]
    assert granted == [Granted.YES, Granted.YES, Granted.CONCURRENCY]
    route.ahead.end()
    assert route.ahead.grant(stored, WallTime(1055.0)) is Granted.YES


def test_what_was_refused_is_due_again_before_its_end() -> None:
    route, stored = Route(concurrency=0), popular()
    route.ahead.grant(stored, WallTime(1056.0))
    assert alone_until(stored) == pytest.approx(1057.0)
