"""The gate of a real gateway: who is let in, who waits, who is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin

GATE = {"per": "upstream", "queue": {"size": 1, "wait": "60s", "interval": "60s"}}


@pytest.fixture
def gateway(origin: Origin, tmp_path: Path) -> Iterator[Gateway]:
    settings = before(origin.url) | {
        "plugins": [{"concurrency": GATE | {"limit": 1}}],
        "routes": [{"match": "/health", "plugins": {"concurrency": {"priority": "critical"}}}, {"match": "/*"}],
    }
    with running(settings, tmp_path) as gateway:
        yield gateway


def waiting(gateway: Gateway) -> float:
    return gateway.metric("slipstream_concurrency_waiting", gate="upstream:app")


def under_way(gateway: Gateway) -> float:
    return gateway.metric("slipstream_concurrency_under_way", gate="upstream:app")


def test_one_is_let_in_one_waits_one_is_refused_and_health_checks_pass(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as first, gateway.client() as second:
        first.send(request("GET", "/hold"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        second.send(request("GET", "/second"))
        wait_until(lambda: waiting(gateway) == 1, "the second waits")
        refused = gateway.get("/third")
        assert (refused.status, refused.one(b"retry-after")) == (503, b"1")
        assert b"as many wait as may" in refused.body
        assert gateway.get("/health").status == 200
        assert [asked.target for asked in origin.requests] == [b"/hold", b"/health"]
        origin.release.set()
        assert (first.answer().body, second.answer().status) == (b"held", 200)
    wait_until(lambda: (under_way(gateway), waiting(gateway)) == (0, 0), "all places are free")


def test_those_who_leave_give_their_places_back(gateway: Gateway, origin: Origin) -> None:
    for target in ("/hold", "/endless"):
        with gateway.client() as first, gateway.client() as second:
            first.send(request("GET", target))
            wait_until(lambda: under_way(gateway) == 1, "it is under way")
            second.send(request("GET", "/never"))
            wait_until(lambda: waiting(gateway) == 1, "the second waits")
            second.reset()
            wait_until(lambda: waiting(gateway) == 0, "it has left the queue")
            first.reset()
        wait_until(lambda: under_way(gateway) == 0, "its place is free")
    assert gateway.get("/").status == 200
    assert b"/never" not in [asked.target for asked in origin.requests]


def test_a_new_limit_lets_in_those_who_wait(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as first, gateway.client() as second:
        first.send(request("GET", "/hold"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        second.send(request("GET", "/second"))
        wait_until(lambda: waiting(gateway) == 1, "the second waits")
        gateway.write(gateway.settings | {"plugins": [{"concurrency": GATE | {"limit": 9}}]})
        assert gateway.admin("POST", "/api/reload", "Content-Length: 0").json()["result"] == "applied"
        assert gateway.get("/third").status == 200
        assert second.answer().status == 200
        origin.release.set()
        assert first.answer().body == b"held"
    wait_until(lambda: under_way(gateway) == 0, "nobody of the old chain is counted for ever")
