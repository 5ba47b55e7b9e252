"""Sweeps and refresh-ahead in a real gateway with two workers: ordered by API, asked about once, seen by everybody."""

import json
from pathlib import Path
from typing import Any

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin

PAGES = 40


class Shop:
    """Pages with a version for all of them."""

    def __init__(self) -> None:
        self.version = 1
        self.confirmed: list[bytes] = []
        self.whole: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        while (asked := connection.request()) is not None:
            tag = b'"%d"' % self.version
            common = b"ETag: %b\r\nCache-Control: max-age=600\r\nCache-Tag: pages\r\n" % tag
            if asked.one(b"if-none-match") == tag:
                self.confirmed.append(asked.target)
                connection.send(b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % common)
            else:
                self.whole.append(asked.target)
                content = b"%b %d" % (asked.target, self.version)
                connection.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (common, len(content), content))


def admin(gateway: Gateway, method: str, path: str, document: Any = None) -> Answer:
    """One request to the admin application, with JSON if there is any."""
    host = f"127.0.0.1:{gateway.admin_port}"
    body = None if document is None else json.dumps(document).encode()
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request(method, path, "Connection: close", host=host, body=body))
        return client.answer(method)


def swept(gateway: Gateway, **order: Any) -> Any:
    """The report of a sweep, when it is over."""
    answer = admin(gateway, "POST", "/api/sweeps", {"rate": 100_000, **order})
    assert answer.status == 202, answer.body
    path = f"/api/sweeps/{answer.json()['id']}"
    wait_until(lambda: admin(gateway, "GET", path).json()["ended_at"] is not None, "the sweep is over")
    return admin(gateway, "GET", path).json()


def held(gateway: Gateway) -> list[int]:
    """How much each worker has stored."""
    return [worker.get("count", 0) for worker in admin(gateway, "GET", "/api/entries").json()["workers"]]


def fill(gateway: Gateway) -> None:
    """Ask until both workers have everything."""

    def ask() -> bool:
        with gateway.client() as client:
            for page in range(PAGES):
                assert client.get(f"/{page}").status == 200
        return held(gateway) == [PAGES, PAGES]

    wait_until(ask, "both workers have everything", 30.0)


def test_what_two_workers_hold_is_asked_about_once_and_a_change_reaches_both(tmp_path: Path) -> None:
    shop = Shop()
    with (
        Origin(shop) as origin,
        running(before(origin.url) | {"plugins": [{"cache": {}}], "workers": 2}, tmp_path) as gateway,
    ):
        fill(gateway)
        report = swept(gateway, tags=["pages"])
        assert report["state"] == "done"
        assert (report["report"]["held"], report["report"]["looked_at"]) == (2 * PAGES, PAGES)
        assert report["report"]["confirmed"] == PAGES
        assert len(shop.confirmed) == PAGES
        shop.version = 2
        shop.confirmed.clear()
        report = swept(gateway)
        assert (report["report"]["changed"], shop.confirmed) == (2 * PAGES, [])
        for _ in range(20):
            with gateway.client() as client:
                assert client.get("/7").body == b"/7 2"
        assert gateway.metric("slipstream_sweep_runs_total", state="done") == 2
        assert swept(gateway, routes=["default"], within="1m")["report"]["looked_at"] == 0


def test_with_a_host_tier_what_has_changed_is_fetched_once(tmp_path: Path) -> None:
    shop = Shop()
    with Origin(shop) as origin:
        said = before(origin.url) | {
            "plugins": [{"cache": {}}],
            "workers": 2,
            "tiers": {"host": str(tmp_path / "tier")},
        }
        with running(said, tmp_path) as gateway:
            fill(gateway)
            shop.version = 2
            shop.whole.clear()
            report = swept(gateway, concurrency=1)["report"]
            assert report["changed"] + report["recent"] == 2 * PAGES
            for _ in range(20):
                with gateway.client() as client:
                    assert client.get("/7").body == b"/7 2"


def test_a_sweep_by_the_clock_is_announced(tmp_path: Path) -> None:
    with Origin(Shop()) as origin:
        said = before(origin.url) | {"plugins": [{"cache": {}}], "sweeps": {"nightly": {"schedule": "30 4 * * *"}}}
        with running(said, tmp_path) as gateway:

            def announced() -> bool:
                (nightly,) = admin(gateway, "GET", "/api/sweeps").json()["configured"]
                return bool(nightly["next_at"])

            wait_until(announced, "the clock has been looked at")
            assert swept(gateway, name="nightly")["name"] == "nightly"
