"""What is not stored, and not to be had, is refused without a look into the cache, as long as nothing is stored."""

import math
from typing import Any, cast

import pytest

from gateway.api import Counter, Plugin, Replayable
from gateway.figures import Figures
from plugins.cache import PLUGIN as CACHE
from plugins.cache.missing import LOOK_SECONDS, MissReplay
from plugins.cache.plugin import CachePlugin
from plugins.cache.store import Absence
from plugins.coalesce import PLUGIN as COALESCE
from plugins.compress import PLUGIN as COMPRESS
from plugins.concurrency import PLUGIN as CONCURRENCY
from plugins.retry import PLUGIN as RETRY
from tests.support.plugins import make_request
from tests.support.refusing import Refusing
from tests.support.roads import get
from tests.support.stored_responses import stored_response

REFUSED = {"route": "default", "outcome": "circuit_open"}


class Inner:
    """Who refuses behind the cache."""

    alive = True
    until = 107.0

    def __init__(self) -> None:
        self.reads = frozenset({b"accept"})
        self.times = 0

    def lines(self, now: float) -> tuple[bytes, float]:
        return b"Date: now\r\n", now + 1.0

    def used(self, times: int) -> None:
        self.times += times


def outcomes() -> Counter:
    return Figures.in_memory().counter("outcomes_total", "")


def test_a_refusal_lasts_as_long_as_its_giver_and_the_absence() -> None:
    inner, absence, counter = Inner(), Absence(), outcomes()
    replay = MissReplay(cast(Replayable, inner), absence, counter, math.inf, frozenset({b"x-tenant"}))
    assert replay.alive
    assert replay.until == 107.0
    assert replay.reads == {b"accept", b"x-tenant"}
    assert replay.lines(5.0) == (b"Date: now\r\n", 6.0)
    replay.used(3)
    assert inner.times == 3


@pytest.mark.parametrize("ends", ["absence", "giver"])
def test_it_ends_with_either(ends: str) -> None:
    inner, absence = Inner(), Absence()
    replay = MissReplay(cast(Replayable, inner), absence, outcomes(), math.inf, frozenset())
    absence.holds, inner.alive = ends != "absence", ends != "giver"
    assert not replay.alive


def test_somebody_looks_again_in_time_where_other_workers_store_too() -> None:
    replay = MissReplay(cast(Replayable, Inner()), Absence(), outcomes(), 100.0 + LOOK_SECONDS, frozenset())
    assert replay.until == 101.0


def default_chain(*more: tuple[type[Plugin], dict[str, Any]], lane: bool = True, **cache: Any) -> Refusing:
    between = ((COALESCE, {}), *more, (RETRY, {}))
    return Refusing((COMPRESS, {}), (CACHE, cache), *between, lane=lane, ramp=0)


def counted(refusing: Refusing, outcome: str) -> float:
    return refusing.count("cache_requests_total", route="default", outcome=outcome)


@pytest.mark.parametrize("lane", [True, False])
async def test_refusals_pass_the_whole_chain_by_lane_and_short_way_and_each_is_counted(lane: bool) -> None:
    refusing = default_chain(lane=lane)
    connection = await refusing.begin()
    for _ in range(8):
        connection.send(get("/a"))
    answers = connection.answers(*["GET"] * 8)
    assert {(answer.status, answer.body) for answer in answers} == {(503, answers[0].body)}
    assert counted(refusing, "uri_miss") == 8
    assert refusing.count("circuit_breaker_requests_total", **REFUSED) == 8
    assert refusing.count("http_errors_total", reason="circuit_open") == 8
    assert (refusing.count("replays_total") > 0) is lane
    assert refusing.upstream.requests == []


@pytest.mark.parametrize("lane", [True, False])
async def test_what_is_stored_meanwhile_answers_at_once(lane: bool) -> None:
    refusing = default_chain(lane=lane)
    connection = await refusing.begin()
    for _ in range(4):
        connection.send(get("/a"))
    store(refusing, b"/a")
    connection.send(get("/a"))
    assert [answer.status for answer in connection.answers(*["GET"] * 5)] == [503] * 4 + [200]


def store(refusing: Refusing, target: bytes) -> None:
    """Something is stored for a target, as by an exchange that began before the circuit opened."""
    (cache,) = [plugin for plugin in refusing.plugins if isinstance(plugin, CachePlugin)]
    key = cache._keyer.key(make_request("GET", target.decode()))
    assert isinstance(key, bytes)
    now = cache._now()
    cache._shared.store.put(stored_response(key, at=now))


@pytest.mark.parametrize("lane", [True, False])
async def test_once_the_circuit_is_closed_the_upstream_is_asked_and_its_answer_stored(lane: bool) -> None:
    refusing = default_chain(lane=lane)
    connection = await refusing.begin()
    for _ in range(4):
        connection.send(get("/a"))
    refusing.order("reset")
    for _ in range(3):
        connection.send(get("/a"))
    assert [answer.status for answer in connection.answers(*["GET"] * 7)] == [503] * 4 + [200] * 3
    assert len(refusing.upstream.requests) == 1


async def test_requests_that_the_cache_lets_by_are_refused_by_the_chain() -> None:
    refusing = default_chain()
    connection = await refusing.begin()
    for _ in range(4):
        connection.send(get("/a", method="POST", body=b"x"))
        connection.send(get("/a", "Authorization: Basic x"))
    assert {answer.status for answer in connection.answers(*["POST", "GET"] * 4)} == {503}
    assert refusing.replays == 0


async def test_nothing_is_given_again_past_a_plugin_that_counts_what_is_under_way() -> None:
    refusing = default_chain((CONCURRENCY, {"limit": 4}))
    connection = await refusing.begin()
    for _ in range(4):
        connection.send(get("/a"))
    assert refusing.replays == 0
    assert {answer.status for answer in connection.answers(*["GET"] * 4)} == {503}


async def test_what_is_known_not_to_be_storable_is_counted_as_such() -> None:
    refusing = default_chain()
    connection = await refusing.begin()
    refusing.order("reset")
    refusing.control = "no-store"
    connection.send(get("/a"))
    refusing.order("open")
    for _ in range(6):
        connection.send(get("/a"))
    assert {answer.status for answer in connection.answers(*["GET"] * 7)[1:]} == {503}
    assert counted(refusing, "uncacheable") == 6
    assert refusing.replays == 1
