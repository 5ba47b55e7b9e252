"""A plugin that fails or hangs, in a real gateway: with a guard the service goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin

PLUGIN = "tests.support.unreliable:Unreliable"
MISTAKE = "ZeroDivisionError: a mistake of the plugin"
FAILURES = ["raise", "raise after", "hang", "hang after"]


@pytest.fixture(scope="module")
def gateway(shared_origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    guard = {"time": "50ms", "on_failure": "pass"}
    settings = before(shared_origin.url) | {
        "plugins": [{PLUGIN: {"guard": guard}}],
        "upstreams": {"app": {"servers": [shared_origin.url], "pool": {"connections": 2}}},
        "routes": [
            {"match": "/refused/*", "plugins": {PLUGIN: {"guard": {"time": "50ms"}}}},
            {"match": "/*"},
        ],
    }
    with running(settings, tmp_path_factory.mktemp("guard"), mistake=MISTAKE) as gateway:
        yield gateway


@pytest.mark.parametrize("failure", FAILURES)
def test_the_service_answers_without_the_plugin(gateway: Gateway, origin: Origin, failure: str) -> None:
    for _ in range(5):  # more than there are connections to the upstream: none is kept by the plugin
        answer = gateway.get("/size/100000", f"X-Fail: {failure}")
        assert (answer.status, len(answer.body), answer.one(b"x-seen")) == (200, 100_000, None)
    assert len(origin.requests) == 5
    assert gateway.get("/").one(b"x-seen") == b"1"


@pytest.mark.parametrize("failure", FAILURES)
def test_where_it_must_not_be_missing_the_request_is_refused_and_nothing_leaks(gateway: Gateway, failure: str) -> None:
    for _ in range(5):
        answer = gateway.get("/refused/size", f"X-Fail: {failure}")
        assert answer.status == 500
        assert (b"took longer than 0.05 s" in answer.body) is failure.startswith("hang")
    assert gateway.get("/refused/size").one(b"x-seen") == b"1"


def test_figures_and_settings_tell_of_it(gateway: Gateway) -> None:
    for reason in ("plugin_failed", "plugin_overdue"):
        about = {"plugin": PLUGIN, "route": "/*", "reason": reason, "outcome": "passed"}
        before = gateway.metric("slipstream_plugin_failures_total", **about)
        gateway.get("/", f"X-Fail: {'raise' if reason == 'plugin_failed' else 'hang'}")
        wait_until(lambda: gateway.metric("slipstream_plugin_failures_total", **about) == before + 1, "it is counted")  # noqa: B023
    shown = gateway.admin("GET", "/api/config").json()["routes"][1]["plugins"][0][PLUGIN]
    assert shown["guard"] == {"on_failure": "pass", "time": "50ms"}
