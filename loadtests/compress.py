"""Content codings measured one by one: `python -m loadtests.compress`.

Three tables: what each level costs and gives; from which size on a thread pays; and, through a real gateway, what a
hit in a coding costs beside plain ones, and how long events are on their way."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop

from loadtests.origin.content import KIB, json_content
from loadtests.support.cores import place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.gateway import GatewayOptions, start_gateway
from loadtests.support.ports import LOOPBACK, free_port
from loadtests.support.proc import read_cpu_seconds
from loadtests.support.stage import stage
from loadtests.support.table import render
from loadtests.support.wrk import Load, run
from plugins.compress.codecs import compress
from plugins.compress.settings import Coding, CompressSettings

SIZES = (KIB, 10 * KIB, 100 * KIB, 1000 * KIB)
_LEVELS = {Coding.GZIP: (1, 2, 3, 6, 9), Coding.BR: (1, 2, 4, 5, 11), Coding.ZSTD: (1, 3, 6, 19)}
_LONGEST = 0.3
"""Seconds that one figure may take."""


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes, the least of many tries."""
    work()
    begun = time.perf_counter()
    work()
    once = max(time.perf_counter() - begun, 1e-7)
    times = [once]
    for _ in range(max(1, min(500, int(_LONGEST / once)))):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def level_rows(sizes: Iterable[int] = SIZES) -> list[list[str]]:
    """Microseconds and octets of every level for every size."""
    rows = []
    for coding, levels in _LEVELS.items():
        for level in levels:
            row = [coding.value, str(level)]
            for size in sizes:
                content = json_content(size)
                coded = compress(coding, level, content) or b""
                seconds = timed(lambda: compress(coding, level, content))  # noqa: B023  # called at once
                row += [f"{seconds * 1e6:,.0f}", f"{len(coded):,}"]
            rows.append(row)
    return rows


def crossover_rows(sizes: Iterable[int]) -> list[list[str]]:
    """For each size, what an answer takes at once and by a thread, and how long others are held up by the latter."""
    settings = CompressSettings()
    levels = {Coding.GZIP: settings.gzip.level, Coding.BR: settings.br.level, Coding.ZSTD: settings.zstd.level}
    rows = []
    for size in sizes:
        for coding, level in levels.items():
            content = json_content(size)
            inline = timed(lambda: compress(coding, level, content))  # noqa: B023  # called at once
            threaded, held_up = uvloop.run(_threaded(coding, level, content))
            rows.append(
                [f"{size // KIB}", coding.value, *(f"{each * 1e6:,.0f}" for each in (inline, threaded, held_up))]
            )
    return rows


async def _threaded(coding: Coding, level: int, content: bytes) -> tuple[float, float]:
    """Seconds by a thread, and the longest that a busy loop was held up meanwhile, both in the median."""
    loop = asyncio.get_running_loop()
    took, held = [], []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(60):
            begun = time.perf_counter()
            work = loop.run_in_executor(pool, compress, coding, level, content)
            longest, before = 0.0, begun
            while not work.done():
                await asyncio.sleep(0)
                now = time.perf_counter()
                longest, before = max(longest, now - before), now
            took.append(time.perf_counter() - begun)
            held.append(longest)
    return statistics.median(took), statistics.median(held)


def hit_rows(seconds: float, rounds: int) -> list[list[str]]:
    """CPU of a hit in each coding, of plain ones with the same content, and of a plain one with 1 KB."""
    placement = place_here()
    rows = []
    with stage("compress", GatewayOptions(plugins=("compress", "cache")), placement) as stand:
        codings = ("identity", "gzip", "br", "zstd")
        for size, wanted in (("1k", codings[:1]), ("10k", codings), ("100k", codings)):
            for coding in wanted:
                load = Load(
                    url=f"http://{LOOPBACK}:{stand.port}/cacheable/{size}/86400",
                    connections=64,
                    fields={"Accept-Encoding": coding},
                )
                run(load, 1, directory=stand.directory, cores=placement.load)
                time.sleep(1.0)  # what is popular has its best form by now
                costs, octets = [], 0.0
                for _ in range(rounds):
                    before = read_cpu_seconds(stand.gateway.pid)
                    figures = run(load, seconds, directory=stand.directory, cores=placement.load)
                    used = read_cpu_seconds(stand.gateway.pid) - before
                    costs.append(used / figures.requests * 1e6)
                    octets = figures.octets / figures.requests
                rows.append([size, coding, f"{octets:,.0f}", f"{statistics.median(costs):.1f}"])
    return rows


async def event_delays(number: int, coding: str, *, compresses: bool) -> list[float]:
    """Seconds from an event's writing at an origin to its reading by a client, one by one."""
    sent: asyncio.Queue[float] = asyncio.Queue()
    go_on = asyncio.Event()

    async def origin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"GET /events" not in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for count in range(number):
            await go_on.wait()
            go_on.clear()
            event = b'id: %d\ndata: {"price": %d}\n\n' % (count, count * 7)
            sent.put_nowait(time.perf_counter())
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
        writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(origin, LOOPBACK, 0)
    port = free_port()
    plugins = ("compress",) if compresses else ()
    options = GatewayOptions(plugins=plugins)
    with tempfile.TemporaryDirectory(prefix="slipstream-compress-") as directory:
        gateway = start_gateway(port, server.sockets[0].getsockname()[1], options, directory=Path(directory))
        try:
            await asyncio.to_thread(gateway.wait_until_answers, port, "/")
            return await _read_events(port, number, coding, sent, go_on)
        finally:
            gateway.stop()
            server.close()


async def _read_events(
    port: int, number: int, coding: str, sent: "asyncio.Queue[float]", go_on: asyncio.Event
) -> list[float]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {coding}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    decoder = zlib.decompressobj(31) if b"Content-Encoding: gzip" in head else None
    delays = []
    for count in range(number):
        go_on.set()
        seen = b""
        while not seen.endswith(b"\n\n"):
            size = int(await reader.readuntil(b"\r\n"), 16)
            chunk = (await reader.readexactly(size + 2))[:-2]
            seen += chunk if decoder is None else decoder.decompress(chunk)
        now = time.perf_counter()
        assert seen.startswith(b"id: %d\n" % count)
        delays.append(now - await sent.get())
    writer.close()
    return delays


def event_rows(number: int) -> list[list[str]]:
    """Milliseconds that events are on their way, as they are and compressed."""
    rows = []
    for title, coding, compresses in (
        ("no plugin", "identity", False),
        ("compress, identity", "identity", True),
        ("compress, gzip", "gzip", True),
    ):
        delays = sorted(uvloop.run(event_delays(number, coding, compresses=compresses)))
        figures = (delays[len(delays) // 2], delays[int(len(delays) * 0.99)], delays[-1])
        rows.append([title, *(f"{each * 1000:.2f}" for each in figures)])
    return rows


def main() -> int:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.compress", description=__doc__)
    tables = ("levels", "threads", "hits", "events")
    parser.add_argument("--only", action="append", choices=tables, help="repeatable; all of them without")
    parser.add_argument("--seconds", type=float, default=2, help="length of each run of hits (2)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind of hit (3)")
    options = parser.parse_args()
    wanted = options.only or tables
    if "levels" in wanted:
        header = ["coding", "level", *(f"{size // KIB} KB: {what}" for size in SIZES for what in ("µs", "octets"))]
        print(render(header, level_rows(), left=1), end="\n\n", flush=True)
    if "threads" in wanted:
        header = ["KB", "coding", "at once, µs", "by a thread, µs", "others held up, µs"]
        sizes = [size * KIB for size in (16, 32, 64, 128, 256, 512)]
        print(render(header, crossover_rows(sizes), left=2), end="\n\n", flush=True)
    if "hits" in wanted:
        header = ["document", "coding", "octets/answer", "CPU µs/hit"]
        print(render(header, hit_rows(options.seconds, options.rounds), left=2), end="\n\n", flush=True)
    if "events" in wanted:
        print(render(["events", "median ms", "p99 ms", "max ms"], event_rows(500)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
