"""Attempts beyond the first one, counted where they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import request
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer, well_behaved


@pytest.fixture
def origins() -> Iterator[tuple[Origin, Origin]]:
    with Origin(well_behaved) as first, Origin(well_behaved) as second:
        yield first, second


def act(origin: Origin, does: Any) -> None:
    """What `/act/page` does from here on: a status line, or nothing but the end of the connection."""

    def acting(connection: Connection, received: Received) -> bool:
        connection.content(received)
        if does is None:
            return False
        connection.send(answer(origin.url.encode(), status=does))
        return True

    origin.acts[b"page"] = acting


def retrying(*origins: Origin, **retry: Any) -> Settings:
    upstream = before(*(origin.url for origin in origins), ejection="off", balance="round_robin")
    return upstream | {"plugins": [{"retry": {"budget": {"floor": 1000}, "backoff": "1ms", **retry}}]}


def seen(origin: Origin) -> int:
    return sum(each.target == b"/act/page" for each in origin.requests)


def ask(gateway: Gateway, method: str = "GET", *fields: str, body: bytes | None = None) -> tuple[int, bytes]:
    with gateway.client() as client:
        client.send(request(method, "/act/page", *fields, body=body))
        got = client.answer(method)
        return got.status, got.body


@pytest.mark.parametrize("does", [b"503 Service Unavailable", None], ids=["503", "closed"])
def test_a_bad_server_is_answered_for_by_a_good_one(origins: tuple[Origin, Origin], does: Any, tmp_path: Path) -> None:
    bad, good = origins
    act(bad, does)
    act(good, b"200 OK")
    with running(retrying(bad, good), tmp_path) as gateway:
        assert {ask(gateway) for _ in range(10)} == {(200, good.url.encode())}
        assert seen(bad) > 0
        assert seen(good) == 10
        assert gateway.metric("slipstream_retry_rescued_total") == seen(bad)


def test_a_server_that_refuses_connections_costs_no_request_of_any_method(
    origins: tuple[Origin, Origin], tmp_path: Path
) -> None:
    bad, good = origins
    bad.stop_listening()
    act(good, b"200 OK")
    with running(retrying(bad, good), tmp_path) as gateway:
        for _ in range(6):
            assert ask(gateway, "POST", body=b"pay")[0] == 200
        assert [each.body for each in good.requests] == [b"pay"] * 6


def test_what_may_not_be_repeated_arrives_once_and_with_a_key_it_is_repeated_whole(
    origins: tuple[Origin, Origin], tmp_path: Path
) -> None:
    origin, _ = origins
    act(origin, b"503 Service Unavailable")
    with running(retrying(origin), tmp_path) as gateway:
        assert ask(gateway, "POST", body=b"pay")[0] == 503
        assert [each.body for each in origin.requests] == [b"pay"]
        origin.forget()
        assert ask(gateway, "POST", 'Idempotency-Key: "7"', body=b"pay")[0] == 503
        assert [each.body for each in origin.requests] == [b"pay"] * 3
        origin.forget()
        assert ask(gateway, "PUT", body=b"x" * 3_000_000)[0] == 503
        assert seen(origin) == 1, "longer than what is kept to be sent again"


def test_an_origin_that_fails_always_sees_no_more_than_the_budget_allows(
    origins: tuple[Origin, Origin], tmp_path: Path
) -> None:
    origin, _ = origins
    act(origin, None)
    with running(retrying(origin, budget={"share": 0.2, "floor": 0, "window": "10s"}), tmp_path) as gateway:
        for _ in range(50):
            assert ask(gateway)[0] == 502
        assert 55 <= seen(origin) <= 60
        assert gateway.metric("slipstream_retry_stopped_total", reason="budget") >= 40


def test_behind_it_an_open_circuit_ends_the_attempts(origins: tuple[Origin, Origin], tmp_path: Path) -> None:
    origin, _ = origins
    act(origin, b"503 Service Unavailable")
    settings = retrying(origin)
    settings["plugins"].append({"circuit_breaker": {"open_for": "1h", "longest_open": "1h", "minimum_calls": 5}})
    with running(settings, tmp_path) as gateway:
        wait_until(lambda: seen(origin) >= 5 or ask(gateway)[0] == 0, "the circuit is open")
        origin.forget()
        assert {ask(gateway)[0] for _ in range(10)} == {503}
        assert seen(origin) == 0


def test_a_server_that_hangs_is_given_up_for_another_one(origins: tuple[Origin, Origin], tmp_path: Path) -> None:
    hanging, good = origins

    def hang(connection: Connection, received: Received) -> bool:
        connection.content(received)
        connection.origin.release.wait(30)
        return False

    hanging.acts[b"page"] = hang
    act(good, b"200 OK")
    with running(retrying(hanging, good, attempt_timeout="200ms"), tmp_path) as gateway:
        assert {ask(gateway) for _ in range(6)} == {(200, good.url.encode())}
        assert seen(hanging) > 0


def test_hedges_answer_for_a_server_that_is_late_and_leave_no_connection_behind_that_is_of_no_use(
    origins: tuple[Origin, Origin], tmp_path: Path
) -> None:
    late, quick = origins
    act(late, b"200 OK")
    act(quick, b"200 OK")
    settings = retrying(late, quick, hedge={"learn": 20, "most": 0.5, "at_least": "50ms"}, budget={"share": 1.0})
    with running(settings, tmp_path) as gateway:
        for _ in range(64):
            assert ask(gateway)[0] == 200

        def wait(connection: Connection, received: Received) -> bool:
            connection.content(received)
            connection.origin.release.wait(30)
            connection.send(answer(b"too late"))
            return True

        late.acts[b"page"] = wait
        assert {ask(gateway)[1] for _ in range(8)} == {quick.url.encode()}
        assert gateway.metric("slipstream_retry_hedges_won_total") > 0
        late.release.set()
        act(late, b"200 OK")
        assert {ask(gateway)[1] for _ in range(20)} <= {late.url.encode(), quick.url.encode()}
