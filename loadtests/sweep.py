"""Refresh-ahead and sweeps, measured: who waits for the origin when popular answers expire, and what asking about
10,000 stored answers costs.

python -m loadtests.sweep"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, Settings, before, running
from tests.support.origin import Connection, Origin

PAGES = 10_000
CHANGED = 100
GONE = 10
CLIENTS = 8
POPULAR = 20
LIFETIME = 3
"""Seconds that a popular answer is fresh."""
ROUNDS = 6
ORIGIN_SECONDS = 0.03
WARM_UP = 4.0
"""Seconds that are not counted."""


@dataclass
class Shop:
    """An origin whose pages have versions."""

    max_age: int
    seconds: float = 0.0
    changed: frozenset[bytes] = frozenset()
    gone: frozenset[bytes] = frozenset()
    whole: int = 0
    confirmed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, connection: Connection) -> None:
        """Answer, with 304 what has not changed."""
        while (asked := connection.request()) is not None:
            time.sleep(self.seconds)
            target = asked.target
            tag = b'"%d"' % (target in self.changed)
            common = b"ETag: %b\r\nCache-Control: max-age=%d\r\n" % (tag, self.max_age)
            if target in self.gone:
                connection.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            elif asked.one(b"if-none-match") == tag:
                self.confirmed += 1
                connection.send(b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % common)
            else:
                self.whole += 1
                content = (target + tag) * 100
                connection.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (common, len(content), content))


def settings(url: str, **cache: Any) -> Settings:
    """A gateway with two workers."""
    return before(url) | {"plugins": [{"cache": cache}], "workers": 2}


def at_once(count: int, work: Any) -> None:
    """Run `work(number)` in so many threads."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- refresh-ahead ---------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What one client saw, but for the beginning, in which everything is fetched."""

    answers: int = 0
    waited: int = 0
    longest: float = 0.0


@dataclass(frozen=True)
class Popular:
    """Popular answers through several lifetimes."""

    label: str
    origin_seconds: float = ORIGIN_SECONDS
    cache: dict[str, Any] = field(default_factory=dict)
    rounds: float = ROUNDS
    with_tier: bool = False

    def run(self, folder: Path) -> Seen:
        """All that the clients saw; prints it."""
        folder.mkdir()
        shop = Shop(LIFETIME, self.origin_seconds)
        with Origin(shop) as origin:
            said = settings(origin.url, **self.cache)
            if self.with_tier:
                said["tiers"] = {"host": str(folder / "tier")}
            with running(said, folder) as gateway:
                begin = time.monotonic()
                clients = [Seen() for _ in range(CLIENTS)]
                at_once(CLIENTS, lambda number: self._ask(gateway, number, begin, clients[number]))
        total = Seen(
            sum(seen.answers for seen in clients),
            sum(seen.waited for seen in clients),
            max(seen.longest for seen in clients),
        )
        print(
            f"| {self.label} | {self.origin_seconds * 1000:.0f} ms | {total.answers:,} | {total.waited} "
            f"| {total.longest * 1000:.0f} ms | {shop.whole + shop.confirmed} | {shop.confirmed} |",
            flush=True,
        )
        return total

    def _ask(self, gateway: Gateway, number: int, begin: float, seen: Seen) -> None:
        at = number
        while (now := time.monotonic()) < begin + WARM_UP + self.rounds * LIFETIME:
            with gateway.client() as client:
                for _ in range(200):
                    at += 1
                    asked = time.monotonic()
                    answer = client.get(f"/{at % POPULAR}")
                    if now > begin + WARM_UP:
                        seen.answers += 1
                        seen.waited += b"; hit" not in (answer.one(b"cache-status") or b"")
                        seen.longest = max(seen.longest, time.monotonic() - asked)


# ---- sweep -----------------------------------------------------------------------------------------------------------


def sweep(folder: Path, pages: int = PAGES, changed: int = CHANGED, gone: int = GONE) -> tuple[Any, Shop]:
    """Ask about everything that two workers hold; the report, and what the origin saw."""
    folder.mkdir()
    shop = Shop(max_age=3600)
    with Origin(shop) as origin, running(settings(origin.url), folder) as gateway:
        at_once(CLIENTS, lambda number: _fill(gateway, number, pages))
        print(f"{pages:,} pages are stored; the origin gave {shop.whole:,} answers for that")
        shop.changed = frozenset(b"/%d" % number for number in range(changed))
        shop.gone = frozenset(b"/%d" % number for number in range(changed, changed + gone))
        shop.whole = shop.confirmed = 0
        ordered = admin(gateway, "POST", "/api/sweeps", {"rate": 100_000, "concurrency": 16, "batch": 200}).json()
        report = ordered
        while report["ended_at"] is None:
            progress = report["progress"]
            print(f"{report['state']}: {progress['done']:,} of {progress['total']:,}, {progress['per_second']:,.0f}/s")
            time.sleep(0.5)
            report = admin(gateway, "GET", f"/api/sweeps/{ordered['id']}").json()
        print(json.dumps({name: report[name] for name in ("state", "seconds", "report")}, indent=2))
        print(f"the origin saw {shop.confirmed:,} questions that 304 answered, and gave {shop.whole:,} whole answers")
    return report, shop


def _fill(gateway: Gateway, number: int, pages: int) -> None:
    for turn in range(2):
        for first in range(number * 50, pages, CLIENTS * 50):
            with gateway.client() as client:
                for page in range(first, min(pages, first + 50)):
                    assert client.get(f"/{page}").status == 200, turn


def admin(gateway: Gateway, method: str, path: str, document: Any = None) -> Answer:
    """One request to the admin application, with JSON if there is any."""
    body = None if document is None else json.dumps(document).encode()
    host = f"127.0.0.1:{gateway.admin_port}"
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request(method, path, "Connection: close", host=host, body=body))
        return client.answer(method)


def main() -> None:
    """Measure and print."""
    on: dict[str, Any] = {"refresh_ahead": {}}
    runs = (
        Popular("off"),
        Popular("on", cache=on),
        Popular("on", 0.1, on),
        Popular("on, host tier", cache=on, with_tier=True),
    )
    with tempfile.TemporaryDirectory() as folder:
        print(f"{POPULAR} popular answers, fresh for {LIFETIME} s, through {ROUNDS} lifetimes; two workers\n")
        print("| refresh-ahead | origin takes | answers | waited for the origin | longest | origin asked | of it 304 |")
        print("| ------------- | -----------: | ------: | --------------------: | ------: | -----------: | --------: |")
        for number, each in enumerate(runs):
            each.run(Path(folder) / str(number))
        print()
        sweep(Path(folder) / "sweep")


if __name__ == "__main__":
    main()
