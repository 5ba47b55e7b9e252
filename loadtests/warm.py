"""Warming, measured: 10,000 URLs of a gzipped sitemap, stopped in the middle and resumed; an origin that gets slow and
one whose circuit opens; and a start that is ready once it is warm.

python -m loadtests.warm"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.client import Client
from tests.support.client import request as request_octets
from tests.support.gateway import Gateway, before
from tests.support.origin import Connection, Origin

URLS = 10_000
IN_A_SITEMAP = 2_500
HOST = "shop.example"
CONTENT_OCTETS = 2_000


class Shop:
    """What the origin has: a sitemap of everything, and pages that are fresh for ten minutes."""

    def __init__(self, urls: int = URLS) -> None:
        self.asked: Counter[bytes] = Counter()
        self.pause = 0.0
        """Seconds that a page takes."""
        self.is_down = False
        """Whether pages answer 503."""
        self._pages = {b"/sitemap.xml": self._index(urls)}
        for begin in range(0, urls, IN_A_SITEMAP):
            self._pages[b"/sitemap-%d.xml.gz" % begin] = self._sitemap(begin, min(urls, begin + IN_A_SITEMAP))

    def _index(self, urls: int) -> bytes:
        names = (f"/sitemap-{begin}.xml.gz" for begin in range(0, urls, IN_A_SITEMAP))
        return _xml("sitemapindex", "".join(f"<sitemap><loc>http://{HOST}{name}</loc></sitemap>" for name in names))

    def _sitemap(self, begin: int, end: int) -> bytes:
        urls = (f"<url><loc>http://{HOST}/page/{number}</loc></url>" for number in range(begin, end))
        return gzip.compress(_xml("urlset", "".join(urls)))

    @property
    def fetched(self) -> int:
        """Answers to pages so far."""
        return sum(count for target, count in self.asked.items() if target.startswith(b"/page/"))

    def __call__(self, connection: Connection) -> None:
        """Serve one connection."""
        while (asked := connection.request()) is not None:
            page = self._pages.get(asked.target)
            if page is None and self.is_down:
                connection.send(b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n")
                continue
            if page is None:
                time.sleep(self.pause)
                page = (asked.target * CONTENT_OCTETS)[:CONTENT_OCTETS]
            self.asked[asked.target] += 1
            head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % len(page)
            connection.send(head + page)


def _xml(root: str, content: str) -> bytes:
    namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{namespace}">{content}</{root}>'.encode()


def settings_for(origin: Origin, folder: Path, **more: Any) -> dict[str, Any]:
    """Two workers before the shop, which share the host tier in `folder`."""
    plugins: list[dict[str, Any]] = [{"cache": {}}, {"circuit_breaker": {"open_for": "1s"}}]
    tiers = {"host": str(folder / "tier")}
    return before(origin.url) | {"workers": 2, "plugins": plugins, "tiers": tiers} | more


def warm(gateway: Gateway, *arguments: str) -> subprocess.Popen[str]:
    """Start the command; what it prints is for whoever reads its output."""
    command = [sys.executable, "-m", "gateway", "warm", "--admin", f"127.0.0.1:{gateway.admin_port}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def printed(process: subprocess.Popen[str]) -> int:
    """Print what the command prints until it ends; its exit code."""
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            print(f"    {line.rstrip()}")
    return process.wait(60)


def latest(gateway: Gateway) -> Mapping[str, Any]:
    """The last run, as the API has it."""
    runs = gateway.admin("GET", "/api/warm").json()["runs"]
    return runs[0] if runs else {"done": 0, "state": "none", "upstreams": {}}


def hits(gateway: Gateway, urls: int) -> tuple[int, int]:
    """How many of all pages clients get from the store, over two connections; and how many were not right."""
    found = wrong = 0
    with Client(gateway.address) as first, Client(gateway.address) as second:
        for number in range(urls):
            client = first if number % 2 else second
            client.send(request_octets("GET", f"/page/{number}", host=HOST))
            answer = client.answer("GET")
            found += b"; hit" in (answer.one(b"cache-status") or b"")
            target = b"/page/%d" % number
            wrong += answer.body != (target * CONTENT_OCTETS)[:CONTENT_OCTETS]
    return found, wrong


def show_progress(folder: Path) -> None:
    """10,000 URLs, stopped in the middle by Ctrl-C, and resumed by the cursor in a file."""
    shop = Shop()
    with Origin(shop) as origin, Running(settings_for(origin, folder), folder) as gateway:
        cursor = folder / "cursor"
        order = ("--sitemap", f"http://{HOST}/sitemap.xml", "--rate", "1000", "--cursor", str(cursor))
        print(
            f"\n{URLS:,} URLs of a sitemap index with {URLS // IN_A_SITEMAP} gzipped sitemaps, stopped in the middle:"
        )
        process = warm(gateway, *order)
        reader = threading.Thread(target=printed, args=(process,))
        reader.start()
        while latest(gateway)["done"] < URLS * 0.4:
            time.sleep(0.05)
        process.send_signal(2)
        reader.join(60)
        print(f"  pages fetched from the origin so far: {shop.fetched}; the cursor: {json.loads(cursor.read_text())}")
        print("the same command again:")
        begun = time.monotonic()
        code = printed(warm(gateway, *order))
        print(f"  exit code {code} after {time.monotonic() - begun:.1f} s; the cursor is gone: {not cursor.exists()}")
        twice = sum(count > 1 for target, count in shop.asked.items() if target.startswith(b"/page/"))
        print(f"  pages fetched from the origin: {shop.fetched}, {twice} of them twice")
        found, wrong = hits(gateway, URLS)
        print(f"  clients of both workers: {found} of {URLS} answers from the store, {wrong} wrong")


def show_pace(folder: Path) -> None:
    """An origin that gets slow, and one whose circuit opens."""
    shop = Shop(URLS // 2)
    with Origin(shop) as origin, Running(settings_for(origin, folder), folder) as gateway:
        print(f"\n{URLS // 2:,} URLs of an origin that gets slow, then fails, then is well again:")
        print("| s | origin | done | /s | at once | rests, s | why |")
        print("| -: | --- | ---: | ---: | ---: | ---: | --- |")
        process = warm(gateway, "--sitemap", f"http://{HOST}/sitemap.xml", "--rate", "400", "--concurrency", "16")
        begun = time.monotonic()
        shop.pause = 0.01
        while True:
            now = time.monotonic() - begun
            run = latest(gateway)
            if run["state"] in ("done", "failed"):
                break
            shop.pause = 0.15 if 4 < now < 8 else 0.01
            shop.is_down = 10 < now < 13
            words = "down" if shop.is_down else f"{shop.pause * 1000:.0f} ms"
            for lane in run["upstreams"].values():
                told = f"{lane['at_once']} | {lane['rests_seconds']:.1f} | {lane['why']}"
                print(f"| {now:.1f} | {words} | {run['done']} | {run['rate']:.0f} | {told} |")
            time.sleep(1.0)
        printed(process)


def show_before_ready(folder: Path) -> None:
    """A start that is ready once it is warm, and one that has less time than that takes."""
    print("\nwarm before ready:")
    for within in ("60s", "1s"):
        shop, here = Shop(), folder / within
        here.mkdir()
        sources = [{"sitemap": f"http://{HOST}/sitemap.xml"}, {"urls": str(here / "is-not-there")}]
        warming = {"rate": "off", "concurrency": 16, "before_ready": {"within": within, "sources": sources}}
        with Origin(shop) as origin:
            begun = time.monotonic()
            with Running(settings_for(origin, here, warming=warming), here) as gateway:
                run = latest(gateway)
                took = time.monotonic() - begun
                print(f"  within {within}: ready after {took:.1f} s with {run['done']} of {run['total']} URLs done")


class Running:
    """A gateway for the length of a block."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        self._gateway = Gateway(settings, folder)

    def __enter__(self) -> Gateway:
        self._gateway.wait_until_ready()
        return self._gateway

    def __exit__(self, *_: object) -> None:
        self._gateway.stop()


def main() -> None:
    """Measure and print."""
    for show in (show_progress, show_pace, show_before_ready):
        with tempfile.TemporaryDirectory() as folder:
            show(Path(folder))


if __name__ == "__main__":
    main()
