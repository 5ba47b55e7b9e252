"""Limits of a real gateway: what clients see of them, over several workers and a reload."""

from __future__ import annotations

from pathlib import Path

from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin


def limiting(origin: Origin, rate: str, **more: object) -> dict[str, object]:
    return before(origin.url) | {"plugins": [{"rate_limit": {"limits": {"rate": rate}} | more}]}


def test_who_asks_too_often_is_told_when_to_come_again(origin: Origin, tmp_path: Path) -> None:
    with running(limiting(origin, "3/h"), tmp_path) as gateway, gateway.client() as client:
        left = [client.get("/").one(b"ratelimit") for _ in range(3)]
        assert left[0] == b'"default";r=2;t=1200'
        refused = client.get("/", "Accept: application/json")
        assert (refused.status, refused.json()["status"]) == (429, 429)
        assert 1190 <= int(refused.one(b"retry-after") or b"0") <= 1200
        assert refused.one(b"ratelimit-policy") == b'"default";q=3;w=3600'
        assert not refused.closes
    assert len(origin.requests) == 3


def test_workers_count_together(origin: Origin, tmp_path: Path) -> None:
    with running(limiting(origin, "10/h") | {"workers": 2}, tmp_path) as gateway:

        def all_refuse() -> bool:
            return all(gateway.get("/").status == 429 for _ in range(8))

        wait_until(all_refuse, "every worker knows that the limit is used up", 30)
        wait_until(lambda: len(gateway.workers()) == 2, "both are there")
        assert 10 <= len(origin.requests) <= 20  # each worker may let a burst through before it has heard of the other


def test_a_reload_keeps_the_count(origin: Origin, tmp_path: Path) -> None:
    with running(limiting(origin, "2/h"), tmp_path) as gateway:
        assert [gateway.get("/").status for _ in range(3)] == [200, 200, 429]
        gateway.write(gateway.settings | {"plugins": [{"rate_limit": {"limits": {"rate": "2/h"}, "keys": 50}}]})
        _reload(gateway)
        assert gateway.get("/").status == 429
        gateway.write(gateway.settings | {"plugins": [{"rate_limit": {"limits": {"rate": "3/h"}}}]})
        _reload(gateway)
        assert gateway.get("/").status == 200


def test_refusals_are_counted_and_explained(origin: Origin, tmp_path: Path) -> None:
    settings = limiting(origin, "1/h", limits={"rate": "1/h", "key": "header:X-Api-Key", "name": "keys"})
    with running(settings, tmp_path) as gateway:
        statuses = [gateway.get("/", f"X-Api-Key: {key}").status for key in "aab"]
        assert statuses == [200, 429, 200]
        wait_until(
            lambda: gateway.metric("slipstream_rate_limit_requests_total", limit="keys", outcome="refused") == 1,
            "the refusal is counted",
        )
        told = gateway.admin("GET", "/api/explain?url=http://shop.test/&header=X-Api-Key:%20a").json()
        (said,) = told["workers"][0]["plugins"]
        assert (said["plugin"], said["decision"], said["reason"]) == ("rate_limit", "refuse", "refused")


def _reload(gateway: Gateway) -> None:
    assert gateway.admin("POST", "/api/reload", "Content-Length: 0").json()["result"] == "applied"
