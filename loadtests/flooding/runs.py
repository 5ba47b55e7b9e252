"""Every flood in turn against one gateway with twenty bystanders: close codes, memory, how long their echoes take."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from loadtests.flooding.attackers import HANDSHAKE
from loadtests.flooding.attacks import ATTACKS, Attack
from loadtests.flooding.bystanders import Bystander, stand_by
from loadtests.support.footprint import forget_peak, read_peak_rss_kib, read_rss_kib
from loadtests.support.processes import ROOT
from loadtests.support.table import render

ATTACKERS = 5
BYSTANDERS = 20
MOST_MIB = 32.0
"""Memory that a flood may cost the worker."""
HALF_OPEN = 1000
HEADER = ("flood", "ends", "wanted", "memory MiB", "p50 ms", "p99 ms")


@dataclass(frozen=True, slots=True)
class Flood:
    """What a flood came to."""

    name: str
    ends: dict[str, int]
    """By close code."""
    wanted: str
    mebibytes: float
    """Memory of the worker at its most, above what it was before."""
    seconds: list[float]
    """Of the bystanders' echoes meanwhile."""

    @property
    def is_well(self) -> bool:
        """Whether all ended as they should, in bounded memory."""
        return set(self.ends) == {self.wanted} and self.mebibytes <= MOST_MIB and bool(self.seconds)

    def row(self) -> tuple[str, ...]:
        """For the table."""
        ends = ", ".join(f"{code} × {count}" for code, count in sorted(self.ends.items()))
        p50, p99 = (percentile(self.seconds, share) * 1000 for share in (0.5, 0.99))
        return self.name, ends, self.wanted, f"{self.mebibytes:.1f}", f"{p50:.1f}", f"{p99:.1f}"


def percentile(values: list[float], share: float) -> float:
    """The value that so many of them do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Attackers:
    """The process that floods."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def attack(self, what: Attack, seconds: float) -> dict[str, int]:
        """Let all attack for so long; how often each code was heard."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds} {ATTACKERS} {what.name}\n".encode())
        codes: dict[str, int] = json.loads(await self._process.stdout.readline())
        return codes


@asynccontextmanager
async def attackers(port: int) -> AsyncIterator[Attackers]:
    """The process that floods, ready for orders."""
    argv = [sys.executable, "-m", "loadtests.flooding.attackers", "--port", str(port)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, cwd=ROOT)
    try:
        yield Attackers(process)
    finally:
        process.kill()
        await process.wait()


async def flood(port: int, pid: int, seconds: float) -> bool:
    """Every flood for so long; whether all is well. `pid` is the worker's."""
    heard: list[float] = []
    bystanders = await stand_by(port, BYSTANDERS, heard)
    floods: list[Flood] = []
    async with attackers(port) as crowd:
        await asyncio.sleep(0.5)
        heard.clear()
        await asyncio.sleep(seconds)
        quiet = Flood("quiet", {"-": 0}, "-", 0.0, list(heard))
        for what in ATTACKS:
            before = _begin(pid, heard)
            ends = await crowd.attack(what, seconds)
            floods.append(Flood(what.name, ends, str(what.code), _grown(pid, before), list(heard)))
    for name, count, text in (
        ("half a handshake each", HALF_OPEN, "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: webso"),
        ("handshakes nobody answers", HALF_OPEN, HANDSHAKE.format(target="/silent", more="")),
    ):
        before = _begin(pid, heard)
        ends = await half_open(port, count, text, seconds)
        floods.append(Flood(f"{count} × {name}", ends, "open", _grown(pid, before), list(heard)))
    print(render(HEADER, [quiet.row(), *(each.row() for each in floods)], left=2))
    return _judge(floods, bystanders)


def _begin(pid: int, heard: list[float]) -> int:
    heard.clear()
    forget_peak(pid)
    return read_rss_kib(pid)


def _grown(pid: int, before: int) -> float:
    return (read_peak_rss_kib(pid) - before) / 1024


async def half_open(port: int, number: int, text: str, seconds: float) -> dict[str, int]:
    """Connections that send `text` and then stay; what became of them after a while."""
    streams = []
    for at in range(0, number, 100):
        streams += await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", port) for _ in range(min(100, number - at)))
        )
    for _, writer in streams:
        writer.write(text.encode())
    await asyncio.sleep(seconds)
    ends = Counter("gone" if reader.at_eof() else "open" for reader, _ in streams)
    for _, writer in streams:
        writer.transport.abort()
    return ends


def _judge(floods: list[Flood], bystanders: list[Bystander]) -> bool:
    bad = [each.name for each in floods if not each.is_well]
    lost = sum(each.is_lost for each in bystanders)
    missing = sum(each.said - each.heard > 2 for each in bystanders if not each.is_lost)
    print(f"not as wanted: {', '.join(bad) or 'none'}; bystanders lost {lost}, without their echo {missing}")
    for each in bystanders:
        each.stop()
        each.transport.abort()
    return not bad and not lost and not missing
