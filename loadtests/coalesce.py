"""What coalescing promises, over sockets: crowds on one slow page, leaders that are cut off, many identities, and
readers of different speeds on one large stream. Origin and clients are of this process; the gateway has one worker.

Ends with 1 when a promise is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from loadtests.coalescing.content import checksum
from loadtests.coalescing.origin import DRIP_SIZE, Calls, OriginProtocol, page
from loadtests.coalescing.reader import Reader
from loadtests.support.cores import Placement, pinned, place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.footprint import forget_peak, read_peak_rss_kib, read_rss_kib
from loadtests.support.gateway import GatewayOptions, configuration
from loadtests.support.ports import LOOPBACK, MeasuringError, free_port
from loadtests.support.proc import read_workers
from loadtests.support.processes import Running, start
from loadtests.support.table import render

MOST_LONGER_SECONDS = 0.030
MIB = 1024 * 1024
SLOW_MS = 1000
ROOM_FOR_EACH_CONNECTION = 512 * 1024
"""Octets that may be on their way to one connection, beside what the plugin's setting allows: write buffers and what
was just received."""
_OPTIONS = GatewayOptions(
    limits={"connections": 10_000, "connections_per_address": 10_000}, pool={"connections": 1000, "wait": "10s"}
)


@dataclass(frozen=True, slots=True)
class Result:
    """One promise and what became of it."""

    what: str
    figure: str
    promise: str
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway with the plugin before an origin."""

    port: int
    calls: Calls
    running: Running

    @property
    def worker(self) -> int:
        (worker,) = read_workers(self.running.pid)
        return worker

    async def crowd(self, size: int, rates: list[float] | None = None) -> list[Reader]:
        """So many clients, connected."""
        readers = [Reader(rates[number] if rates else None) for number in range(size)]
        for some in range(0, size, 100):
            await asyncio.gather(*(reader.connect(self.port) for reader in readers[some : some + 100]))
        return readers


@asynccontextmanager
async def front(placement: Placement, **settings: Any) -> AsyncIterator[Front]:
    """For a block."""
    loop, calls = asyncio.get_running_loop(), Calls()
    server = await loop.create_server(lambda: OriginProtocol(calls), LOOPBACK, 0, backlog=2000)
    port, origin_port = free_port(), server.sockets[0].getsockname()[1]
    with TemporaryDirectory(prefix="slipstream-coalesce-") as directory:
        document = configuration(port, origin_port, _OPTIONS) | {"plugins": [{"coalesce": settings}]}
        path = Path(directory) / "gateway.yaml"
        path.write_text(json.dumps(document))
        argv = [sys.executable, "-m", "gateway", "run", "-c", str(path)]
        running = start("slipstream", argv, directory=Path(directory), cores=placement.proxy)
        try:
            await asyncio.to_thread(running.wait_until_answers, port, "/unmarked/0")
            calls.forget()
            yield Front(port, calls, running)
        finally:
            await asyncio.to_thread(running.stop)
            server.close()


async def ended(readers: list[Reader], seconds: float = 120.0) -> None:
    """Wait until all have what they get."""
    _, waiting = await asyncio.wait([reader.ended for reader in readers], timeout=seconds)
    if waiting:
        raise MeasuringError(f"{len(waiting)} of {len(readers)} clients are still waiting after {seconds:g} s")
    for reader in readers:
        reader.close()


def right(readers: list[Reader], content: bytes) -> int:
    """How many have exactly that page."""
    return sum(
        reader.is_whole and reader.head.startswith(b"HTTP/1.1 200") and reader.first == content[:64]
        for reader in readers
    )


async def one_page(placement: Placement, clients: int, rounds: int) -> list[Result]:
    """Many clients, one slow page that nobody may store."""
    longer: list[float] = []
    behind: list[float] = []
    calls = answered = 0
    async with front(placement) as running:
        for _ in range(rounds):
            readers = await running.crowd(clients)
            for reader in readers:
                reader.ask(f"/slow/{SLOW_MS}")
            await ended(readers)
            leader, *followers = readers
            longer.append(p99([reader.seconds for reader in followers]) - leader.seconds)
            behind.append(p99([reader.ended_at - leader.ended_at for reader in followers]))
            answered += right(readers, page(b""))
        calls = running.calls.total
    excess = statistics.median(longer)
    return [
        Result(f"{clients:,} GETs of one page, {rounds} times: calls", f"{calls}", f"{rounds}", calls == rounds),
        Result("  right answers", f"{answered:,}", f"{clients * rounds:,}", answered == clients * rounds),
        Result(
            f"  followers' p99 minus the leader's own time ({milliseconds(longer)})",
            f"{excess * 1000:.0f} ms",
            f"<= {MOST_LONGER_SECONDS * 1000:.0f} ms",
            excess <= MOST_LONGER_SECONDS,
        ),
        Result(
            f"  p99 of the ends, after the leader's ({milliseconds(behind)})",
            f"{statistics.median(behind) * 1000:.0f} ms",
            "",
            is_kept=True,
        ),
    ]


def p99(values: list[float]) -> float:
    """The value that 99 of 100 do not exceed."""
    return sorted(values)[int(len(values) * 0.99)]


def milliseconds(values: list[float]) -> str:
    """Each round's value."""
    return ", ".join(f"{value * 1000:.0f}" for value in values)


async def cut_leader(placement: Placement, clients: int) -> list[Result]:
    """The first client is cut off while it waits, and in the middle of a body."""
    results = []
    async with front(placement) as running:
        for target, what in ((f"/slow/{SLOW_MS}", "waits"), (f"/drip/{SLOW_MS}", "gets its content")):
            before = running.calls.total
            leader, *followers = readers = await running.crowd(clients)
            leader.ask(target)
            await asyncio.sleep(0.05)
            for reader in followers:
                reader.ask(target)
            await asyncio.sleep(SLOW_MS / 2000)
            leader.leave()
            await ended(readers)
            calls = running.calls.total - before
            if what == "waits":
                got = right(followers, page(b""))
            else:
                expected = checksum(DRIP_SIZE)
                got = sum(reader.is_whole and reader.checksum == expected for reader in followers)
            results += [
                Result(f"leader cut off while it {what}: calls", f"{calls}", "1", calls == 1),
                Result("  others with the right answer", f"{got:,}", f"{clients - 1:,}", got == clients - 1),
            ]
    return results


async def identities(placement: Placement, users: int, each: int) -> list[Result]:
    """Many users on one page that is different for each."""
    async with front(placement) as running:
        readers = await running.crowd(users * each)
        for number, reader in enumerate(readers):
            reader.ask(f"/slow/{SLOW_MS}", f"Cookie: id={number % users}\r\n")
        await ended(readers)
        own = sum(right([reader], page(b"id=%d" % (number % users))) for number, reader in enumerate(readers))
        calls, most = running.calls.total, max(running.calls.by_who.values())
    return [
        Result(f"{users} identities, {each} requests each: calls", f"{calls}", f"{users}", calls == users),
        Result("  most calls for one identity", f"{most}", "1", most == 1),
        Result("  answers that are their own", f"{own:,}", f"{users * each:,}", own == users * each),
    ]


async def stream(placement: Placement, kind: str, size: int, readers: int, slowest: float) -> list[Result]:
    """Readers of different speeds, from `slowest` octets a second to as fast as they can, on one stream."""
    rates = [slowest * 60 ** (number / (readers - 1)) for number in range(readers)]
    memory = 64 * MIB
    async with front(placement, memory=memory) as running:
        crowd = await running.crowd(readers, rates)
        worker = running.worker
        forget_peak(worker)
        before = read_rss_kib(worker) * 1024
        for reader in crowd:
            reader.ask(f"/{kind}/{size}")
        await ended(crowd, 240.0)
        grown = read_peak_rss_kib(worker) * 1024 - before
        calls = running.calls.total
    expected = checksum(size)
    whole = sum(reader.is_whole for reader in crowd)
    good = sum(reader.is_whole and reader.checksum == expected for reader in crowd)
    times = sorted(reader.seconds for reader in crowd)
    allowed = memory + readers * ROOM_FOR_EACH_CONNECTION
    return [
        Result(f"{size // MIB} MiB /{kind}, {readers} readers: complete", f"{whole}", f"{readers}", whole == readers),
        Result("  of them right", f"{good}", f"{whole}", good == whole),
        Result(
            f"  memory of the worker (setting {memory // MIB} MiB, connections "
            f"{readers * ROOM_FOR_EACH_CONNECTION // MIB} MiB)",
            f"{grown / MIB:.0f} MiB",
            f"<= {allowed // MIB} MiB",
            grown <= allowed,
        ),
        Result(
            f"  calls; fastest {times[0]:.1f} s, slowest {times[-1]:.1f} s",
            f"{calls}",
            f"< {readers}",
            calls < readers,
        ),
    ]


async def measure(options: argparse.Namespace, placement: Placement) -> list[Result]:
    """Everything that was asked for."""
    size, slowest = options.mebibytes * MIB, options.slowest * MIB
    parts: dict[str, Callable[[], Awaitable[list[Result]]]] = {
        "page": lambda: one_page(placement, options.clients, options.rounds),
        "leader": lambda: cut_leader(placement, options.clients // 4),
        "identities": lambda: identities(placement, options.identities, 5),
        "stream": lambda: stream(placement, "large", size, options.readers, slowest),
        "unmarked": lambda: stream(placement, "unmarked", size, options.readers, slowest),
    }
    results: list[Result] = []
    for name, part in parts.items():
        if not options.only or name in options.only:
            results += await part()
    return results


def table(results: list[Result]) -> str:
    """One row for each promise."""
    rows = [(each.what, each.figure, each.promise, "kept" if each.is_kept else "BROKEN") for each in results]
    return render(("what", "figure", "promise", "verdict"), rows)


def main() -> int:
    """Measure; 0 when every promise was kept."""
    options = _arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the gateway inherits it
    placement = place_here()
    with pinned(placement.load):
        results = uvloop.run(measure(options, placement))
    print(placement.describe())
    print(table(results))
    return 0 if all(result.is_kept for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.coalesce", description=__doc__)
    parser.add_argument("--clients", type=int, default=2000, help="clients on one page (2000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often they ask; the median counts (5)")
    parser.add_argument("--identities", type=int, default=200, help="users with five requests each (200)")
    parser.add_argument("--mebibytes", type=int, default=100, help="size of the stream (100)")
    parser.add_argument("--readers", type=int, default=50, help="readers of the stream (50)")
    parser.add_argument("--slowest", type=float, default=5.0, help="MiB a second of the slowest reader (5)")
    parser.add_argument(
        "--only", action="append", choices=("page", "leader", "identities", "stream", "unmarked"), help="one part only"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
