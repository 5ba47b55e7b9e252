import contextlib
from typing import Any

import pytest

from gateway.api import CircuitOpenError, GatewayError, OverloadedError, UpstreamConnectError, WallTime
from gateway.http.validators import EntityTag
from plugins.cache.store import MemoryStore
from plugins.cache.sweeping import Scan, Wanted
from plugins.cache.sweeping_batch import (
    FAILURES_IN_A_ROW,
    MOST_FAILURES,
    MOST_REST,
    Batch,
    Heard,
    Outcome,
    UnusableError,
)
from tests.support.caching import date
from tests.support.plugins import make_response
from tests.support.stored_responses import stored_response

WALL = WallTime(1_700_000_000.0)


def scan_of(count: int) -> Scan:
    store = MemoryStore(2**22)
    for number in range(count):
        stored = stored_response(b"http://shop.example/%d" % number)
        stored.etag = EntityTag(b"v", False)
        store.put(stored)
    scan = Scan("1", store, Wanted.of({}), WallTime(0.0))
    while scan.step():
        pass
    return scan


def taken(batch: Batch) -> list[int]:
    numbers = []
    while (item := batch.next()) is not None:
        numbers.append(item[0])
    return numbers


def test_a_batch_goes_in_the_order_that_was_asked_for() -> None:
    assert taken(Batch(scan_of(5), [3, 1, 4])) == [3, 1, 4]


@pytest.mark.parametrize("number", [-1, 5, 10**9])
def test_a_number_that_was_never_given_means_nothing(number: int) -> None:
    assert taken(Batch(scan_of(5), [number, 2])) == [2]


def test_the_result_says_how_many_ended_how_and_what_changed() -> None:
    batch = Batch(scan_of(4), range(4))
    for number, outcome in enumerate((Outcome.CONFIRMED, Outcome.CHANGED, Outcome.GONE, Outcome.RECENT)):
        batch.note(number, outcome, saved=10, fetched=5, seconds=0.5)
    result = batch.result()
    assert result["counts"] == {"confirmed": 1, "changed": 1, "gone": 1, "recent": 1}
    assert result["changed"] == [1, 2]
    assert (result["octets_saved"], result["octets_fetched"], result["origin_seconds"]) == (40, 20, 2.0)


def test_an_origin_that_wants_to_rest_gets_no_further_question() -> None:
    batch = Batch(scan_of(5), range(5))
    batch.next()
    batch.next()
    batch.put_back(1, 30.0)
    batch.put_back(0, 20.0)
    assert batch.next() is None
    assert batch.result()["rest"] == 30.0
    assert batch.result()["left"] == [0, 1, 2, 3, 4]


def test_an_origin_that_fails_again_and_again_is_left_alone() -> None:
    batch = Batch(scan_of(20), range(20))
    for number in range(FAILURES_IN_A_ROW):
        assert batch.next() is not None
        batch.fail(number, "connect")
    assert batch.next() is None
    assert batch.rest is not None


def test_a_failure_now_and_then_stops_nothing() -> None:
    batch = Batch(scan_of(20), range(20))
    for number in range(0, 20, 2):
        batch.fail(number, "status 500")
        batch.note(number + 1, Outcome.CONFIRMED)
    assert batch.rest is None
    result = batch.result()
    assert result["counts"]["failed"] == 10
    assert len(result["failures"]) == MOST_FAILURES
    assert result["failures"][0]["why"] == "status 500"
    assert result["failures"][0]["url"].startswith("http://shop.example/")


def heard(status: int = 200, error: GatewayError | None = None, **fields: str) -> Heard:
    found = Heard()
    if error is not None:
        found.failed(error)
        return found
    with contextlib.suppress(UnusableError):
        found.answered(make_response(status, {name.replace("_", "-"): value for name, value in fields.items()}))
    return found


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (heard(503, Retry_After="17"), 17.0),
        (heard(429, Retry_After="17"), 17.0),
        (heard(503, Retry_After="0"), 0.5),
        (heard(503, Retry_After="9999999"), MOST_REST),
        (heard(503), 5.0),
        (heard(503, Retry_After="soon"), 5.0),
        (heard(error=CircuitOpenError("open", retry_after=8.0)), 8.0),
        (heard(error=OverloadedError("full")), 1.0),
    ],
)
def test_how_long_an_origin_wants_to_be_left_alone(said: Heard, seconds: float) -> None:
    assert said.rest(WALL) == seconds


def test_it_may_name_the_moment() -> None:
    assert heard(503, Retry_After=date(60)).rest(WALL) == 60.0


@pytest.mark.parametrize("said", [heard(200), heard(304), heard(500), heard(error=UpstreamConnectError("refused"))])
def test_otherwise_it_is_not_left_alone(said: Heard) -> None:
    assert said.rest(WALL) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (heard(200), None),
        (heard(304), None),
        (heard(301), None),
        (heard(404), None),
        (heard(410), None),
        (heard(401), "status 401"),
        (heard(500), "status 500"),
        (heard(error=UpstreamConnectError("refused")), "connect"),
        (Heard(), "status 0"),
    ],
)
def test_why_it_was_in_vain(said: Heard, why: Any) -> None:
    assert said.why_failed() == why


def test_the_last_answer_counts() -> None:
    found = heard(error=UpstreamConnectError("refused"))
    found.answered(make_response(304))
    assert found.why_failed() is None
