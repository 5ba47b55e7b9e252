"""Circuits on a real gateway: opened by a failing origin, told to all workers, commanded, and closed again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import well_behaved

LONG: dict[str, Any] = {"open_for": "1h", "longest_open": "1h", "minimum_calls": 5}
"""Long enough for nothing to happen by itself."""
SHORT: dict[str, Any] = {"open_for": "50ms", "longest_open": "50ms", "minimum_calls": 5, "ramp": "50ms"}


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        failing_with(origin, b"200 OK")
        yield origin


def failing_with(origin: Origin, status: bytes) -> None:
    """Answer `/act/page` so from here on."""

    def act(connection: Connection, received: Received) -> bool:
        connection.content(received)
        fields = b'Cache-Control: max-age=0\r\nETag: "1"\r\nContent-Length: 4\r\n\r\n'
        connection.send(b"HTTP/1.1 " + status + b"\r\n" + fields + b"page")
        return True

    origin.acts[b"page"] = act


def guarded(origin: Origin, *plugins: dict[str, Any], workers: int = 1, **breaker: Any) -> Settings:
    return before(origin.url, ejection="off") | {
        "plugins": [*plugins, {"circuit_breaker": breaker}],
        "workers": workers,
    }


def order(gateway: Gateway, **document: Any) -> Answer:
    content = json.dumps(document).encode()
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        head = request(
            "POST",
            "/api/breakers",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            host=f"127.0.0.1:{gateway.admin_port}",
        )
        client.send(head + content)
        return client.answer("POST")


def states(gateway: Gateway) -> dict[str, list[str]]:
    """How each circuit stands, worker by worker."""
    listed = gateway.admin("GET", "/api/breakers").json()["circuits"]
    return {each["circuit"]: [worker["state"] for worker in each["workers"]] for each in listed}


def break_it(gateway: Gateway, origin: Origin) -> None:
    failing_with(origin, b"503 Service Unavailable")
    wait_until(
        lambda: b"destination_unavailable" in (gateway.get("/act/page").one(b"proxy-status") or b""),
        "the circuit is open",
    )


def test_an_origin_that_fails_is_left_alone_and_clients_are_told_why_at_once(origin: Origin, tmp_path: Path) -> None:
    with running(guarded(origin, **LONG), tmp_path) as gateway:
        assert gateway.get("/act/page").status == 200
        break_it(gateway, origin)
        origin.forget()
        for _ in range(20):
            got = gateway.get("/act/page", "Accept: application/json")
            assert got.status == 503
            assert int(got.one(b"retry-after") or 0) > 3000
            assert got.json()["detail"].startswith("the upstream is not asked for the time being: ")
        assert origin.requests == []
        assert gateway.metric("slipstream_circuit_breaker_state") == 2
        assert gateway.metric("slipstream_circuit_breaker_changes_total", to="open", cause="failure_rate") == 1
        refused = partial(gateway.metric, "slipstream_circuit_breaker_requests_total", outcome="circuit_open")
        wait_until(lambda: refused() >= 20, "all refusals are counted")
        assert "circuit open" in gateway.output()


def test_once_the_origin_is_well_again_so_is_everything(origin: Origin, tmp_path: Path) -> None:
    with running(guarded(origin, **SHORT), tmp_path) as gateway:
        break_it(gateway, origin)
        failing_with(origin, b"200 OK")
        wait_until(lambda: gateway.get("/act/page").status == 200, "a request is let through")
        wait_until(
            lambda: (
                gateway.get("/act/page").status == 200 and states(gateway) == {f"server:app/{origin.url}": ["closed"]}
            ),
            "the circuit is closed",
        )
        wait_until(lambda: all(gateway.get("/act/page").status == 200 for _ in range(20)), "everything passes")
        assert gateway.metric("slipstream_circuit_breaker_changes_total", cause="recovered") >= 1


def test_a_circuit_that_opens_in_one_worker_is_open_in_all(origin: Origin, tmp_path: Path) -> None:
    with running(guarded(origin, workers=3, **LONG), tmp_path) as gateway:
        name = f"server:app/{origin.url}"
        break_it(gateway, origin)
        wait_until(lambda: states(gateway)[name] == ["open"] * 3, "all workers know")
        opened = gateway.metric("slipstream_circuit_breaker_changes_total", to="open")
        assert opened == 3, "told once to each, and nobody told it back"
        assert order(gateway, circuit="server:app", action="reset").json()["count"] == 3
        failing_with(origin, b"200 OK")
        assert [gateway.get("/act/page").status for _ in range(30)] == [200] * 30


def test_a_worker_that_starts_anew_hears_what_is_open(origin: Origin, tmp_path: Path) -> None:
    with running(guarded(origin, workers=2, **LONG), tmp_path) as gateway:
        name = f"server:app/{origin.url}"
        break_it(gateway, origin)
        wait_until(lambda: states(gateway)[name] == ["open"] * 2, "both workers know")
        first, second = gateway.workers()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(set(gateway.workers()) - {first, second}) == 1, "another one is started")
        wait_until(gateway.is_ready, "it is ready")
        wait_until(lambda: states(gateway).get(name) == ["open"] * 2, "it knows as well", patience=20)


def test_an_administrator_opens_and_closes_it_in_every_worker(origin: Origin, tmp_path: Path) -> None:
    with running(guarded(origin, workers=2, per="upstream"), tmp_path) as gateway:
        assert order(gateway, circuit="upstream:app", action="open").json()["count"] == 2
        assert {gateway.get("/act/page").status for _ in range(10)} == {503}
        (listed,) = gateway.admin("GET", "/api/breakers").json()["circuits"]
        assert (listed["state"], listed["cause"], listed["is_held"]) == ("open", "manual", True)
        assert order(gateway, all=True, action="close").status == 200
        assert {gateway.get("/act/page").status for _ in range(10)} == {200}
        assert order(gateway, circuit="upstream:other", action="open").status == 404


def test_a_reload_keeps_an_open_circuit_open(origin: Origin, tmp_path: Path) -> None:
    settings = guarded(origin, **LONG)
    with running(settings, tmp_path) as gateway:
        break_it(gateway, origin)
        gateway.write(gateway.settings | {"limits": {"pipelined": 3}})
        assert gateway.admin("POST", "/api/reload").status == 200
        assert gateway.get("/act/page").status == 503
        gateway.write(gateway.settings | {"plugins": [{"circuit_breaker": {"fallback": {"upstream": "nobody"}}}]})
        assert gateway.admin("POST", "/api/reload").status == 422
        assert gateway.get("/act/page").status == 503


def test_what_is_stored_answers_for_an_origin_whose_circuit_is_open_and_says_so(origin: Origin, tmp_path: Path) -> None:
    fallback = {"response": {"status": 200, "body": "back soon"}}
    with running(guarded(origin, {"cache": {}}, fallback=fallback, **LONG), tmp_path) as gateway:
        assert gateway.get("/act/page").body == b"page"
        failing_with(origin, b"503 Service Unavailable")
        wait_until(lambda: gateway.get("/other/act/page").body == b"back soon", "the circuit is open")
        origin.forget()
        got = gateway.get("/act/page")
        assert (got.status, got.body) == (200, b"page")
        assert b"detail=circuit_open" in (got.one(b"cache-status") or b"")
        assert b'details="fallback"' in (gateway.get("/third/act/page").one(b"proxy-status") or b"")
        assert origin.requests == []


def test_another_upstream_answers_in_its_place(origin: Origin, tmp_path: Path) -> None:
    with Origin(well_behaved) as spare:
        settings = guarded(origin, fallback={"upstream": "spare"}, **LONG)
        settings["upstreams"]["spare"] = {"servers": [spare.url]}
        settings["routes"] = [{"match": "/*", "upstream": "app"}]
        with running(settings, tmp_path) as gateway:
            failing_with(origin, b"503 Service Unavailable")
            failing_with(spare, b"200 OK")
            wait_until(lambda: gateway.get("/act/page").status == 200, "the other one answers")
            origin.forget()
            assert gateway.get("/act/page").body == b"page"
            assert origin.requests == []
