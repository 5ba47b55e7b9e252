"""The host tier, measured: what a look-up costs, and how soon a killed gateway has its hits back.

python -m loadtests.tiers"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway.config.tiers import HostTierSettings
from gateway.figures.registry import Figures
from gateway.http.fields import Fields
from gateway.http.message import WallTime
from gateway.tiers.host import HostTier
from gateway.tiers.tier import Entry
from plugins.cache.codec import decode, encode, glimpse
from plugins.cache.stored import StoredResponse
from tests.support.gateway import Gateway, before
from tests.support.origin import Connection, Origin
from tests.support.wire import TruncatedError

RECORDS = 2_000
LOOKUPS = 20_000
TARGETS = 500
SECONDS = 2.0
"""From the moment when the gateway is ready again: by then the hits have to be back."""


def stored(number: int, octets: int) -> StoredResponse:
    """A typical answer."""
    now = WallTime(time.time())
    names = (b"Content-Type", b"Date", b"Cache-Control", b"ETag", b"Server", b"Vary", b"X-Request-Id", b"Link")
    return StoredResponse(
        key=b"http://shop.example/%d" % number,
        status=200,
        fields=Fields((name, b"some value of a field") for name in names),
        body=os.urandom(octets),
        request_time=now,
        response_time=now,
        stored_at=now,
        lifetime=3600.0,
    )


def per_call(function: Callable[[int], object], calls: int = LOOKUPS) -> float:
    """Microseconds of this process's CPU for one call."""
    begin = time.process_time()
    for number in range(calls):
        function(number % RECORDS)
    return (time.process_time() - begin) / calls * 1e6


async def lookups(folder: Path, octets: int, secret: str | None) -> tuple[float, float, float]:
    """Microseconds to find a record; to find it and read what a first use needs; to find it and make a stored response
    of it."""
    said = {"path": str(folder), "queue": "1GiB"} | ({"secret": secret} if secret else {})
    tier = HostTier(HostTierSettings.model_validate(said), Figures.in_memory())
    await tier.open()
    now = time.time()
    for number in range(RECORDS):
        each = stored(number, octets)
        until, marks = now + 3600, (tier.mark,)
        tier.put(Entry(name=each.key, head=encode(each, 0.0), body=each.body, when=now, until=until, marks=marks))
    await tier.close()
    tier = HostTier(tier.settings, Figures.in_memory())
    await tier.open()
    names = [b"http://shop.example/%d" % number for number in range(RECORDS)]
    assert all(tier.find(name) for name in names), "everything was written"
    found = per_call(lambda number: tier.find(names[number]))
    seen = per_call(lambda number: glimpse(tier.find(names[number])[0].record, names[number]))
    whole = per_call(lambda number: decode(tier.find(names[number])[0].record, 0.0))
    await tier.close()
    return found, seen, whole


def pages(connection: Connection) -> None:
    """Pages that are fresh for ten minutes."""
    while (asked := connection.request()) is not None:
        content = asked.target * 100
        head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % len(content)
        connection.send(head + content)


def hits(gateway: Gateway, seconds: float, results: dict[str, int]) -> None:
    """Ask for targets for so long; counts answers, those from the store, and wrong ones."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with gateway.client() as client:  # each connection some times, so that both workers answer
            for at in range(TARGETS):
                target = f"/{at * 7919 % TARGETS}"
                answer = client.get(target)
                results["answers"] += 1
                results["hits"] += b"; hit" in (answer.one(b"cache-status") or b"")
                results["wrong"] += answer.body != target.encode() * 100


def restart(folder: Path) -> None:
    """Kill a gateway under load with all its workers and start it again; print the shares of hits."""
    with Origin(pages) as origin:
        said = before(origin.url) | {"plugins": [{"cache": {}}], "workers": 2, "tiers": {"host": str(folder / "tier")}}
        for name in ("cold", "warm"):
            (folder / name).mkdir()
            gateway = Gateway(said, folder / name)
            try:
                gateway.wait_until_ready()
                rounds = [("first 2 s", SECONDS), ("then", SECONDS)]
                for label, seconds in rounds:
                    count = {"answers": 0, "hits": 0, "wrong": 0}
                    hits(gateway, seconds, count)
                    share = 100 * count["hits"] / count["answers"]
                    print(f"{name}, {label}: {count['answers']} answers, {share:.1f} % hits, {count['wrong']} wrong")
                under_load = threading.Thread(target=_until_it_dies, args=(gateway,))
                under_load.start()
                time.sleep(0.5)
                gateway.kill()
                under_load.join(30)
            finally:
                gateway.kill()


def _until_it_dies(gateway: Gateway) -> None:
    try:
        hits(gateway, 30.0, {"answers": 0, "hits": 0, "wrong": 0})
    except (OSError, TruncatedError):
        return


def main() -> None:
    """Measure and print."""
    os.environ["LOADTEST_TIER_SECRET"] = "x" * 40
    print("| record | encrypted | look-up, µs of CPU | with what a first use needs | with a stored response of it |")
    print("| ------ | --------- | -----------------: | --------------------------: | ---------------------------: |")
    for octets in (1024, 102_400):
        for secret in (None, "LOADTEST_TIER_SECRET"):
            with tempfile.TemporaryDirectory() as folder:
                found, seen, whole = asyncio.run(lookups(Path(folder), octets, secret))
            kind = f"{octets // 1024} KiB | {'yes' if secret else 'no'}"
            print(f"| {kind} | {found:.1f} | {seen:.1f} | {whole:.1f} |")
    with tempfile.TemporaryDirectory() as folder:
        restart(Path(folder))


if __name__ == "__main__":
    main()
