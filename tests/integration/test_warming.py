"""Warming by command, by API and before the gateway is ready, with real workers."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin

PAGES = 60


def sitemap(*names: str) -> bytes:
    urls = "".join(f"<url><loc>http://shop.example{name}</loc></url>" for name in names)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode()


INDEX = b"<sitemapindex><sitemap><loc>/pages.xml.gz</loc></sitemap></sitemapindex>"
LISTS = {
    b"/sitemap.xml": INDEX,
    b"/pages.xml.gz": gzip.compress(sitemap(*(f"/page/{number}" for number in range(PAGES)))),
}


def shop(connection: Connection) -> None:
    """Lists, and pages that are fresh for ten minutes."""
    while (asked := connection.request()) is not None:
        content = LISTS.get(asked.target, asked.target)
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % len(content)
        connection.send(head + content)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(shop) as origin:
        yield origin


def settings(origin: Origin, **more: Any) -> dict[str, Any]:
    routes = [{"match": {"host": "shop.example"}, "name": "shop"}]
    return before(origin.url) | {"workers": 2, "plugins": [{"cache": {}}], "routes": routes} | more


def posted(gateway: Gateway, path: str, document: Any) -> Answer:
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        host = f"127.0.0.1:{gateway.admin_port}"
        client.send(request("POST", path, "Connection: close", host=host, body=json.dumps(document).encode()))
        return client.answer("POST")


def warmed(gateway: Gateway, *sources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Begin a run and wait for its end."""
    answer = posted(gateway, "/api/warm", {"sources": sources, "rate": "off", **more})
    assert answer.status == 202, answer.body
    return ended(gateway, answer.json()["id"])


def ended(gateway: Gateway, run: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(gateway.admin("GET", f"/api/warm/{run}").json())
        return found["state"] in ("done", "failed", "cancelled")

    wait_until(is_over, "the run is over", 30.0)
    return found


def asked_for(origin: Origin, begin: bytes = b"/page/") -> list[bytes]:
    return [each.target for each in origin.requests if each.target.startswith(begin)]


def are_stored(gateway: Gateway, *targets: str) -> bool:
    """Whether each of several connections, of whichever worker, gets all of them from the store."""
    for _ in range(8):
        with gateway.client() as client:
            for target in targets:
                client.send(request("GET", target, host="shop.example"))
                if b"; hit" not in (client.answer("GET").one(b"cache-status") or b""):
                    return False
    return True


def test_without_a_tier_every_worker_fetches_for_itself(origin: Origin, tmp_path: Path) -> None:
    with running(settings(origin), tmp_path) as gateway:
        run = warmed(gateway, {"sitemap": "http://shop.example/sitemap.xml"})
        assert (run["state"], run["stored"], run["requests"]) == ("done", PAGES, 2 * PAGES)
        assert are_stored(gateway, "/page/0", f"/page/{PAGES - 1}")
        assert len(asked_for(origin)) == 2 * PAGES


def test_with_a_host_tier_once_is_enough(origin: Origin, tmp_path: Path) -> None:
    with running(settings(origin, tiers={"host": str(tmp_path / "tier")}), tmp_path) as gateway:
        run = warmed(gateway, {"sitemap": "http://shop.example/sitemap.xml"})
        assert (run["stored"], run["requests"], len(asked_for(origin))) == (PAGES, PAGES, PAGES)
        wait_until(lambda: are_stored(gateway, "/page/0", f"/page/{PAGES - 1}"), "all workers find everything")
        assert gateway.metric("slipstream_warming_requests_total", outcome="stored") == PAGES


def test_only_what_a_route_takes_is_asked_for(origin: Origin, tmp_path: Path) -> None:
    with running(settings(origin), tmp_path) as gateway:
        run = warmed(gateway, {"urls": ["http://evil.example/", "http://shop.example/a"]})
        assert (run["stored"], run["skipped"], run["reasons"]["skipped"]) == (1, 1, {"no_route": 1})
        foreign = warmed(gateway, {"sitemap": "http://evil.example/sitemap.xml"})
        assert (foreign["state"], asked_for(origin, b"/sitemap")) == ("failed", [])


def test_the_best_of_the_own_access_log_and_of_another_gateway(origin: Origin, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with running(settings(origin, access_log=str(log)), tmp_path / "first") as first:
        for target in ("/page/1", "/page/2", "/page/2", "/page/3", "/page/3", "/page/3"):
            with first.client() as client:
                client.send(request("GET", target, host="shop.example"))
                assert client.answer("GET").status == 200
        wait_until(lambda: log.exists() and log.read_text().count("\n") == 6, "the log is written")
        again = warmed(first, {"access_log": True, "top": 2})
        assert again["total"] == 2
        with running(settings(origin), tmp_path / "second") as second:
            run = warmed(second, {"entries": f"127.0.0.1:{first.admin_port}"})
            assert (run["state"], run["stored"]) == ("done", 3)
            assert are_stored(second, "/page/1", "/page/2", "/page/3")


def test_ready_only_once_it_is_warm(origin: Origin, tmp_path: Path) -> None:
    sources = [{"sitemap": "http://shop.example/sitemap.xml"}, {"urls": str(tmp_path / "is-not-there")}]
    warming = {"rate": "off", "before_ready": {"within": "60s", "sources": sources}}
    with running(settings(origin, warming=warming), tmp_path) as gateway:
        (run,) = gateway.admin("GET", "/api/warm").json()["runs"]
        assert (run["state"], run["stored"]) == ("done", PAGES)
        assert [source["state"] for source in run["sources"]] == ["read", "failed"]


def test_an_origin_that_hangs_holds_the_start_no_longer_than_it_may(tmp_path: Path) -> None:
    def silent(connection: Connection) -> None:
        while connection.request() is not None:
            pass

    with Origin(silent) as origin:
        before_ready = {"within": "200ms", "sources": [{"sitemap": "http://shop.example/sitemap.xml"}]}
        with running(settings(origin, warming={"before_ready": before_ready}), tmp_path) as gateway:
            assert gateway.admin("GET", "/api/warm").json()["runs"][0]["state"] == "gathering"


class Slow:
    """A shop that lets the test see how far it is before it goes on."""

    def __init__(self, may_go_on: Callable[[], bool]) -> None:
        self._may_go_on = may_go_on

    def __call__(self, connection: Connection) -> None:
        while (asked := connection.request()) is not None:
            if asked.target.startswith(b"/page/"):
                wait_until(self._may_go_on, "the test goes on", 30.0)
            content = LISTS.get(asked.target, asked.target)
            head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % len(content)
            connection.send(head + content)


@pytest.fixture
def gate() -> Iterator[list[bool]]:
    gate = [False]
    yield gate
    gate[0] = True


def test_cancelled_in_the_middle_and_resumed(tmp_path: Path, gate: list[bool]) -> None:
    with Origin(Slow(lambda: gate[0])) as origin, running(settings(origin), tmp_path) as gateway:
        order = {"sources": [{"sitemap": "http://shop.example/sitemap.xml"}], "rate": "off"}
        run = posted(gateway, "/api/warm", order).json()["id"]
        wait_until(lambda: len(asked_for(origin)) > 0, "pages are asked for")
        assert posted(gateway, "/api/warm", order).status == 409
        assert posted(gateway, f"/api/warm/{run}/cancel", {}).json()["state"] == "cancelled"
        gate[0] = True
        assert posted(gateway, f"/api/warm/{run}/resume", {}).status == 202
        assert (ended(gateway, run)["done"], ended(gateway, run)["failed"]) == (PAGES, 0)


def test_a_reload_and_a_killed_worker_in_the_middle_cost_nothing(tmp_path: Path, gate: list[bool]) -> None:
    with Origin(Slow(lambda: gate[0])) as origin, running(settings(origin), tmp_path) as gateway:
        order = {"sources": [{"sitemap": "http://shop.example/sitemap.xml"}], "rate": "off"}
        run = posted(gateway, "/api/warm", order).json()["id"]
        wait_until(lambda: len(asked_for(origin)) > 0, "pages are asked for")
        assert posted(gateway, "/api/reload", {}).status == 200
        os.kill(gateway.workers()[0], signal.SIGKILL)
        gate[0] = True
        report = ended(gateway, run)
        assert (report["state"], report["done"], report["failed"]) == ("done", PAGES, 0), report


def test_the_command_shows_progress_and_goes_on_from_its_cursor(origin: Origin, tmp_path: Path) -> None:
    urls = [f"http://shop.example/page/{number}" for number in range(PAGES)]
    (tmp_path / "urls").write_text("# everything\n" + "\n".join(urls))
    cursor = tmp_path / "cursor"
    with running(settings(origin), tmp_path) as gateway:
        first = warmed(gateway, {"urls": urls[:20]})
        cursor.write_text(json.dumps({"cursor": first["cursor"]}))
        command = [sys.executable, "-m", "gateway", "warm", "--admin", f"127.0.0.1:{gateway.admin_port}"]
        command += ["--urls", str(tmp_path / "urls"), "--cursor", str(cursor), "--rate", "off"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr
        assert f"done: {PAGES} of {PAGES} URLs; 40 stored" in result.stdout
        assert "20 URLs were done before" in result.stdout
        assert not cursor.exists()
