"""The admin application over real HTTP: what it tells, and whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import parser as plain_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin
from tests.support.replies import well_behaved

_TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(origin.url) | {"routes": [{"match": "/shop/*"}, {"match": "/*", "name": "rest"}]}
    with running(settings, tmp_path_factory.mktemp("admin")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def guarded(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose admin application wants a token."""
    directory = tmp_path_factory.mktemp("guarded")
    with running(before(origin.url), directory, token=_TOKEN) as gateway:
        yield gateway


def test_it_lives_and_is_ready(gateway: Gateway) -> None:
    assert gateway.admin("GET", "/live").status == 200
    ready = gateway.admin("GET", "/ready")
    assert (ready.status, ready.json()["ready"]) == (200, True)


def test_the_status_tells_of_workers_and_configuration(gateway: Gateway) -> None:
    status = gateway.status()
    assert status["generation"] >= 1
    assert status["last_reload"]["result"] == "applied"
    assert [worker["pid"] for worker in status["workers"]] == gateway.workers()
    assert status["listeners"] == [f"127.0.0.1:{gateway.port}"]
    assert status["pid"] == gateway.process.pid


def test_the_configuration_is_told_with_its_defaults(gateway: Gateway, origin: Origin) -> None:
    told = gateway.admin("GET", "/api/config").json()
    text = json.dumps(told)
    assert origin.url in text
    assert "requests_per_connection" in text
    assert "keep_alive_timeout" in text


def _families(parser: Any, text: bytes) -> dict[str, Any]:
    return {family.name: family for family in parser.text_string_to_metric_families(text.decode())}


def test_metrics_can_be_read_as_text(gateway: Gateway) -> None:
    for _ in range(3):
        assert gateway.get("/shop/a?secret=1").status == 200
    wait_until(lambda: gateway.metric("slipstream_http_requests_total", method="GET") >= 3, "they are counted")
    got = gateway.admin("GET", "/metrics")
    assert (got.one(b"content-type") or b"").startswith(b"text/plain")
    families = _families(plain_parser, got.body)
    samples = families["slipstream_http_requests"].samples
    assert sum(sample.value for sample in samples if sample.labels["method"] == "GET") >= 3
    assert "secret" not in got.body.decode()
    assert "/shop/a" not in got.body.decode(), "the raw path is a label"


def test_metrics_can_be_read_as_openmetrics(gateway: Gateway) -> None:
    gateway.get("/")
    got = gateway.admin("GET", "/metrics", "Accept: application/openmetrics-text; version=1.0.0")
    assert (got.one(b"content-type") or b"").startswith(b"application/openmetrics-text")
    text = got.body.decode()
    assert text.endswith("# EOF\n")
    assert _families(openmetrics_parser, got.body)


@pytest.mark.parametrize(
    "name",
    [
        "slipstream_http_requests_total",
        "slipstream_http_request_duration_seconds_count",
        "slipstream_http_gateway_seconds_count",
        "slipstream_http_upstream_first_byte_seconds_count",
        "slipstream_http_requests_in_flight",
        "slipstream_http_downstream_bytes_total",
        "slipstream_http_downstream_connections",
        "slipstream_http_downstream_connections_accepted_total",
        "slipstream_upstream_connections",
        "slipstream_upstream_connections_opened_total",
        "slipstream_upstream_requests_total",
        "slipstream_event_loop_lag_seconds_count",
        "slipstream_workers_ready",
        "slipstream_config_generation",
        "slipstream_config_reloads_total",
        "slipstream_config_last_reload_timestamp_seconds",
    ],
)
def test_every_figure_is_there(gateway: Gateway, name: str) -> None:
    gateway.get("/")

    def is_there() -> bool:
        lines = gateway.admin("GET", "/metrics").body.decode().splitlines()
        return any(line.startswith((name + "{", name + " ")) for line in lines)

    wait_until(is_there, f"{name} is told")


def test_a_method_nobody_knows_makes_no_label_of_its_own(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.send(request("NEVERHEARDOF", "/"))
        assert client.answer().status == 200
    assert b"NEVERHEARDOF" not in gateway.admin("GET", "/metrics").body


def test_errors_are_counted_by_reason(gateway: Gateway) -> None:
    counted = gateway.metric("slipstream_http_errors_total")
    with gateway.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.answer().status == 400
    assert gateway.metric("slipstream_http_errors_total") == counted + 1


def test_what_is_not_there_is_told_as_a_problem(gateway: Gateway) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("POST", "/metrics", 405), ("GET", "/api/reload", 405)):
        got = gateway.admin(method, path, "Content-Length: 0")
        assert got.status == status
        assert (got.one(b"content-type") or b"").startswith(b"application/problem+json")
        assert got.json()["status"] == status


def test_a_page_lists_what_there_is(gateway: Gateway) -> None:
    got = gateway.admin("GET", "/")
    assert (got.one(b"content-type") or b"").startswith(b"text/html")
    for path in (b"/metrics", b"/api/status", b"/api/config", b"/ready", b"/live"):
        assert path in got.body


def test_a_reload_is_done_when_asked_for(gateway: Gateway) -> None:
    got = gateway.admin("POST", "/api/reload", "Content-Length: 0")
    assert (got.status, got.json()["result"]) == (200, "applied")


@pytest.mark.parametrize("path", ["/api/status", "/api/config", "/metrics"])
def test_a_name_that_was_pointed_here_is_refused(gateway: Gateway, path: str) -> None:
    assert gateway.admin("GET", path, host="evil.test").status == 403
    assert gateway.admin("GET", path, host="localhost").status == 200


@pytest.mark.parametrize("origin_field", ["Origin: http://evil.test", "Origin: null", "Sec-Fetch-Site: cross-site"])
def test_a_page_of_another_site_may_change_nothing(gateway: Gateway, origin_field: str) -> None:
    assert gateway.admin("POST", "/api/reload", "Content-Length: 0", origin_field).status == 403


@pytest.mark.parametrize("path", ["/metrics", "/api/status", "/api/config", "/", "/nothing"])
@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer wrong", f"Basic {_TOKEN}", f"Bearer {_TOKEN}x", "Bearer \xff"]
)
def test_a_token_is_asked_for(guarded: Gateway, path: str, authorization: str | None) -> None:
    fields = [] if authorization is None else [f"Authorization: {authorization}"]
    got = guarded.admin("GET", path, *fields)
    assert got.status == 401
    assert (got.one(b"www-authenticate") or b"").startswith(b"Bearer")


def test_the_token_opens(guarded: Gateway) -> None:
    bearer = f"Authorization: Bearer {_TOKEN}"
    assert guarded.admin("GET", "/api/status", bearer).status == 200
    assert guarded.admin("POST", "/api/reload", bearer, "Content-Length: 0").status == 200


def test_health_needs_no_token(guarded: Gateway) -> None:
    assert guarded.admin("GET", "/live").status == 200
    assert guarded.admin("GET", "/ready").status == 200


def test_the_token_is_told_nowhere(guarded: Gateway) -> None:
    bearer = f"Authorization: Bearer {_TOKEN}"
    for path in ("/api/config", "/api/status", "/metrics", "/"):
        assert _TOKEN.encode() not in guarded.admin("GET", path, bearer).body
    assert _TOKEN not in guarded.output()


def test_many_scrapes_at_once_cost_no_request(gateway: Gateway) -> None:
    scrapers = [Client(("127.0.0.1", gateway.admin_port)) for _ in range(20)]
    try:
        for scraper in scrapers:
            scraper.send(request("GET", "/metrics", host=f"127.0.0.1:{gateway.admin_port}") * 3)
        assert gateway.get("/").status == 200
        for scraper in scrapers:
            assert [scraper.answer().status for _ in range(3)] == [200] * 3
    finally:
        for scraper in scrapers:
            scraper.close()
