"""Two gateways with one Redis, measured: how soon a purge on one counts on the other, and what a herd costs the origin.

python -m loadtests.replicas [purges|herd]"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import uvloop

from loadtests.support.entry import exit_code_of
from loadtests.support.table import render
from tests.support.gateway import Gateway, before, running
from tests.support.redis import RedisServer, redis_server

WORKERS = 2
PURGES = 200
PROBES = 6
"""Connections that ask the other gateway all the time, so that each of its workers is asked."""
PAUSE = 0.002
HERD = 2_000
HERDS = 5
ORIGIN_SECONDS = 0.3
AT_ONCE = 0.050
"""Within so many seconds a purge has to count everywhere, in 99 of 100 cases."""


class Origin:
    """Answers with its version, which grows with each purge, and counts the calls for each target."""

    def __init__(self) -> None:
        self.version = 0
        self.delay = 0.0
        self.calls: dict[bytes, int] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1]
                self.calls[target] = self.calls.get(target, 0) + 1
                version = b"%d" % self.version
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nCache-Tag: all\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(version), version)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Asker:
    """A connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, target: str) -> tuple[int, bytes]:
        """Status and content."""
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
        return await self._answer()

    async def post(self, target: str, document: object, host: str) -> tuple[int, bytes]:
        """The same for a POST of JSON."""
        content = json.dumps(document).encode()
        fields = f"Host: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._writer.write(f"POST {target} HTTP/1.1\r\n{fields}".encode() + content)
        return await self._answer()

    async def _answer(self) -> tuple[int, bytes]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(length)

    def close(self) -> None:
        """Leave."""
        self._writer.close()


@asynccontextmanager
async def askers(port: int, count: int) -> AsyncIterator[list[Asker]]:
    """Connections to one gateway."""
    made: list[Asker] = []
    try:
        for _ in range(count):
            made.append(Asker(*await asyncio.open_connection("127.0.0.1", port)))
        yield made
    finally:
        for each in made:
            each.close()


async def purges(origin: Origin, here: Gateway, there: Gateway, rounds: int = PURGES) -> list[float]:
    """Seconds from the moment when a purge by tag is sent to the API of `here` to the last question for which `there`
    still knew the answer from before, for each of some purges; nothing when there was none."""
    last_stale = 0.0
    is_over = False

    async def probe(asker: Asker) -> None:
        nonlocal last_stale
        while not is_over:
            asked, wanted = time.perf_counter(), origin.version
            _, content = await asker.get("/page")
            if int(content) < wanted:
                last_stale = max(last_stale, asked)
            await asyncio.sleep(PAUSE)

    late: list[float] = []
    async with AsyncExitStack() as stack:
        probes = await stack.enter_async_context(askers(there.port, PROBES))
        (admin,) = await stack.enter_async_context(askers(here.admin_port, 1))
        asking = [asyncio.ensure_future(probe(each)) for each in probes]
        for _ in range(rounds):
            await asyncio.sleep(10 * PAUSE)  # all workers have it
            origin.version += 1
            sent = time.perf_counter()
            status, said = await admin.post("/api/purge", {"tag": "all"}, f"127.0.0.1:{here.admin_port}")
            replicas = json.loads(said).get("replicas", {})
            assert status == 200, said
            assert len(replicas["acknowledged"]) == 1, said
            await asyncio.sleep(10 * PAUSE)
            late.append(max(0.0, last_stale - sent))
        is_over = True
        await asyncio.gather(*asking)
    return sorted(late)


async def herd(origin: Origin, gateways: list[Gateway], count: int = HERD, rounds: int = HERDS) -> list[list[str]]:
    """What so many requests for one new key at once, over all gateways, come to."""
    found: list[list[str]] = []
    async with AsyncExitStack() as stack:
        clients: list[Asker] = []
        for gateway in gateways:
            clients += await stack.enter_async_context(askers(gateway.port, count // len(gateways)))
        origin.delay = ORIGIN_SECONDS
        for number in range(rounds):
            target = f"/herd/{number}"
            began = time.perf_counter()
            answers = await asyncio.gather(*(each.get(target) for each in clients))
            took = time.perf_counter() - began
            right = sum(answer == (200, b"%d" % origin.version) for answer in answers)
            calls = origin.calls[target.encode()]
            found.append([f"{number + 1}", f"{count}", f"{right}", f"{calls}", f"{took * 1000:.0f}"])
        origin.delay = 0.0
    return found


async def run(server: RedisServer, part: str | None, folder: Path) -> bool:
    """Measure and print; whether the promises were kept."""
    origin = Origin()
    listening = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    origin.port = listening.sockets[0].getsockname()[1]
    kept = True
    gateways: list[Gateway] = []
    with ExitStack() as stack:
        said = before(f"http://127.0.0.1:{origin.port}") | {
            "plugins": [{"cache": {}}, {"coalesce": {}}],
            "workers": WORKERS,
            "redis": server.url,
            "tiers": {"redis": "on"},
            "limits": {"connections_per_address": 2 * HERD},
        }
        for name in ("a", "b"):
            gateways.append(await asyncio.to_thread(stack.enter_context, running(said, folder / name)))
        if part != "herd":
            late = await purges(origin, gateways[0], gateways[1])
            at = {"p50": len(late) // 2, "p99": len(late) * 99 // 100, "most": len(late) - 1}
            kept = late[at["p99"]] <= AT_ONCE
            cells = [f"{late[place] * 1000:.1f}" for place in at.values()]
            header = ["purges by tag on one", "counts on the other after, ms: p50", "p99", "at most"]
            print(render(header, [[f"{len(late)}", *cells]]), flush=True)
        if part != "purges":
            rows = await herd(origin, gateways)
            kept = kept and all(row[2] == row[1] and row[3] == "1" for row in rows)
            print(render(["round", "requests at once", "right answers", "upstream calls", "all answered, ms"], rows))
        listening.close()
        await asyncio.to_thread(stack.close)
    print("kept" if kept else "NOT KEPT")
    return kept


def measure() -> int:
    """Measure and print; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.replicas", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("purges", "herd"))
    part = parser.parse_args().part
    with redis_server() as server, tempfile.TemporaryDirectory() as folder:
        return 0 if uvloop.run(run(server, part, Path(folder))) else 1


if __name__ == "__main__":
    raise SystemExit(exit_code_of(measure))
