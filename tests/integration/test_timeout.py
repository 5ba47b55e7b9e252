"""Budgets of a real gateway: what clients and the origin see when time is up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin
from tests.support.wire import WireError


@pytest.fixture
def gateway(origin: Origin, tmp_path: Path) -> Iterator[Gateway]:
    field = {"name": "X-Timeout-Ms"}
    settings = before(origin.url) | {
        "trusted_proxies": ["127.0.0.1"],
        "plugins": [{"timeout": {"total": "60s", "upstream_field": field, "downstream_field": field}}],
        "routes": [
            {"match": "/hold", "plugins": {"timeout": {"total": "100ms"}}},
            {"match": "/events", "plugins": {"timeout": {"body": "100ms"}}},
            {"match": "/*"},
        ],
    }
    with running(settings, tmp_path) as gateway:
        yield gateway


def test_when_time_is_up_the_client_gets_504_and_the_origin_is_left(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        late = client.get("/hold")
        assert late.status == 504
        assert b"error=http_response_timeout" in (late.one(b"proxy-status") or b"")
        assert client.get("/").status == 200
    first, second = origin.requests
    assert first.connection != second.connection  # the one that was given up carries nothing else
    wait_until(
        lambda: gateway.metric("slipstream_timeout_requests_total", route="/hold", reason="total") == 1, "it is counted"
    )


def test_a_body_that_does_not_end_in_time_is_cut(gateway: Gateway, origin: Origin) -> None:
    with gateway.client() as client:
        client.send(request("GET", "/events"))
        with pytest.raises((WireError, ConnectionError)):
            client.answer()


def test_the_origin_is_told_what_is_left(gateway: Gateway, origin: Origin) -> None:
    for said, most in (("5000", 5000), ("999999", 60_000), ("soon", 60_000)):
        assert gateway.get("/", f"X-Timeout-Ms: {said}").status == 200
        assert most - 1000 < int(origin.requests[-1].one(b"x-timeout-ms") or b"0") <= most
    assert gateway.get("/", "X-Timeout-Ms: 0").status == 504
    assert len(origin.requests) == 3


def test_a_deadline_of_the_downstream_ends_the_exchange(gateway: Gateway) -> None:
    assert gateway.get("/slow/60000", "X-Timeout-Ms: 100").status == 504
