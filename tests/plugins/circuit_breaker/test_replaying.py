"""Refusals are given again by the replay lane while all circuits stay open, and not a moment longer."""

import math
from typing import Any

import pytest

from gateway.api import Handler, Plugin, Request, Response
from gateway.api import Settings as NoSettings
from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.group import Group, Refusal
from plugins.circuit_breaker.replaying import HELD_SECONDS, RefusalReplay, retry_seconds
from plugins.circuit_breaker.rules import Rules
from plugins.retry import PLUGIN as RETRY
from tests.support.plugins import ManualClock
from tests.support.refusing import Refusing
from tests.support.roads import get

REFUSED = {"route": "default", "outcome": "circuit_open"}
FALLBACK = {"response": {"status": 503, "body": "later\n"}}


def a_breaker() -> Breaker:
    return Breaker("server:app/http://10.0.0.7:80", Rules(), Epochs(), lambda: 0.0)


@pytest.mark.parametrize(
    ("until", "seconds"), [(103.2, 4.0), (100.1, 1.0), (100.0, 1.0), (-math.inf, 1.0), (math.inf, HELD_SECONDS)]
)
def test_retry_after_is_when_another_request_has_a_chance(until: float, seconds: float) -> None:
    assert retry_seconds(Refusal(until, a_breaker(), is_ramping=False), 100.0) == seconds


def shut(clock: ManualClock, seconds: float | None) -> tuple[Group, RefusalReplay]:
    """A group whose only circuit is open for so long, and what gives its refusals again."""
    group = Group("server:app", Rules(), lambda: 0.0, per_server=True)
    group.breaker("http://a").hold_open(clock.monotonic(), seconds)
    assert isinstance(group.admit(clock.monotonic(), ["http://a"]), Refusal)
    return group, RefusalReplay(group, clock.wall, lambda times: None, says_when=True)


def test_when_to_come_back_and_the_date_are_right_until_one_of_them_changes() -> None:
    clock = ManualClock(wall=1_700_000_000.25)
    _, replay = shut(clock, 3.5)
    lines, until = replay.lines(clock.monotonic())
    assert lines == b"Retry-After: 4\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    assert until == clock.monotonic() + 0.5, "then there are three seconds left"
    clock.advance(0.5)
    assert replay.lines(clock.monotonic()) == (lines.replace(b"4\r\nDate", b"3\r\nDate"), clock.monotonic() + 0.25)


def test_a_circuit_that_is_held_open_says_the_same_until_the_date_changes() -> None:
    clock = ManualClock(wall=1_700_000_000.25)
    _, replay = shut(clock, None)
    lines, until = replay.lines(clock.monotonic())
    assert lines.startswith(b"Retry-After: 60\r\n")
    assert until == clock.monotonic() + 0.75


def test_it_ends_with_any_change_and_waits_for_a_look_when_there_may_be_another_server() -> None:
    clock = ManualClock()
    group, replay = shut(clock, 30.0)
    assert (replay.alive, replay.until) == (True, clock.monotonic() + 1.0)
    clock.advance(1.0)
    group.admit(clock.monotonic(), ["http://a"])
    assert (replay.alive, replay.until) == (True, clock.monotonic() + 1.0)
    group.breakers["http://a"].close(clock.monotonic())
    assert not replay.alive
    assert replay.until == -math.inf


def test_it_ends_when_another_circuit_is_the_one_to_wait_for() -> None:
    clock = ManualClock()
    group, replay = shut(clock, 30.0)
    group.breaker("http://b").hold_open(clock.monotonic(), 20.0)
    group.admit(clock.monotonic(), ["http://a", "http://b"])
    assert not replay.alive


@pytest.mark.parametrize("settings", [{}, {"fallback": FALLBACK}])
async def test_the_lane_refuses_with_the_words_of_the_chain_and_all_of_it_is_counted(
    settings: dict[str, Any],
) -> None:
    refusing = Refusing((RETRY, {}), **settings)
    lane = await refusing.begin()
    for _ in range(6):
        lane.send(get("/a"))
    answers = lane.answers(*["GET"] * 6)
    assert len({(answer.status, answer.body, answer.reason) for answer in answers}) == 1
    assert answers[0].status == 503
    names = [sorted(name.lower() for name, _ in answer.fields) for answer in answers]
    assert all(each == names[0] for each in names)
    assert {b"retry-after", b"date", b"proxy-status"} <= {name.lower() for name, _ in answers[-1].fields}
    outcome = "fallback_response" if settings else "circuit_open"
    assert refusing.count("circuit_breaker_requests_total", route="default", outcome=outcome) == 6
    assert refusing.count("http_requests_total", method="GET", route="default", status_class="5xx") == 6
    assert refusing.count("replays_total") > 0
    errors = 0 if settings else 6
    assert refusing.count("http_errors_total", reason="circuit_open") == errors
    assert refusing.upstream.requests == []


async def test_the_first_request_after_the_circuit_was_closed_gets_through() -> None:
    refusing = Refusing(ramp=0)
    lane = await refusing.begin()
    for _ in range(4):
        lane.send(get("/a"))
    assert refusing.replays == 1
    refusing.order("reset")
    lane.send(get("/a"))
    assert [answer.status for answer in lane.answers(*["GET"] * 5)] == [503] * 4 + [200]
    assert len(refusing.upstream.requests) == 1


async def test_a_probe_gets_through_when_its_time_has_come() -> None:
    refusing = Refusing(ramp=0, probes=1)
    lane = await refusing.begin()
    for _ in range(4):
        lane.send(get("/a"))
    refusing.order("open", 0.0)
    lane.send(get("/a"))
    assert lane.answers(*["GET"] * 5)[-1].status == 200


async def test_heads_that_are_never_the_same_fill_no_table_unless_what_differs_is_cut_out() -> None:
    refusing = Refusing()
    lane = await refusing.begin()
    for number in range(20):
        lane.send(get(f"/{number}"))
    assert refusing.replays == 0
    for number in range(20):
        lane.send(get("/a", f"X-Request-Id: {number}"))
    assert refusing.replays == 1
    assert refusing.count("circuit_breaker_requests_total", **REFUSED) == 40


async def test_who_asks_for_json_gets_json_from_the_lane_as_well() -> None:
    refusing = Refusing()
    lane = await refusing.begin()
    for _ in range(4):
        lane.send(get("/a"))
        lane.send(get("/a", "Accept: application/json"))
    answers = lane.answers(*["GET"] * 8)
    assert [answer.body[:1] for answer in answers] == [b"5", b"{"] * 4
    assert refusing.replays == 2


class Counting(Plugin):
    """Wants to see every request."""

    seen = 0

    def __init__(self, settings: object, runtime: object) -> None:
        """Nothing to know."""

    class Settings(NoSettings):
        """Nothing to say."""

    def wrap(self, inner: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            Counting.seen += 1
            return await inner(request)

        return handle


async def test_nothing_is_given_again_past_a_plugin_that_wants_to_see_every_request() -> None:
    Counting.seen = 0
    refusing = Refusing((Counting, {}))
    lane = await refusing.begin()
    for _ in range(5):
        lane.send(get("/a"))
    assert (Counting.seen, refusing.replays) == (5, 0)
    assert [answer.status for answer in lane.answers(*["GET"] * 5)] == [503] * 5


async def test_with_the_lane_off_the_short_way_says_the_same() -> None:
    refusing = Refusing(lane=False)
    lane = await refusing.begin()
    for _ in range(5):
        lane.send(get("/a"))
    assert {answer.status for answer in lane.answers(*["GET"] * 5)} == {503}
    assert refusing.count("circuit_breaker_requests_total", **REFUSED) == 5
