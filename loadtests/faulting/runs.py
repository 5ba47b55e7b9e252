"""The fault runs: what breaks, for how long, and what is measured meanwhile.

Each run has three parts: all is well, the outage, and the time after it until whoever was bad answers again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from loadtests.faulting.clients import Crowd, Told, percentile, success
from loadtests.faulting.gateway import Front, Plugins, fronting
from loadtests.faulting.origin import Fault, FaultyOrigin
from loadtests.support.cores import Placement
from loadtests.support.name_server import NameServer
from loadtests.support.ports import LOOPBACK

WELL_SECONDS = 2.0
RECOVERY_SECONDS = 10.0
"""How long is waited for bad servers to get requests again. A circuit that opened several times may stay open longer,
while clients are long well."""
FLAP_SECONDS = 0.5
RESTART_SECONDS = 0.7
CHAIN: Plugins = ({"retry": {}}, {"circuit_breaker": {}})
CACHED: Plugins = ({"cache": {"serve_stale_on_disconnect": "1h"}}, *CHAIN)
NAME = "app.faults.example"


@dataclass(frozen=True, slots=True)
class Run:
    """What is done to whom."""

    name: str
    disturb: Callable[[Sequence[FaultyOrigin], float], Awaitable[None]]
    """Makes the outage, for so many seconds, and ends it."""
    bad: Sequence[int] = (0,)
    """Which of three origins it is about."""
    plugins: Plugins = CHAIN
    targets: Sequence[str] = ("/",)
    by_name: bool = False
    """Whether the servers are learnt from DNS: the first address is replaced by the third."""
    upstream: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen."""

    run: Run
    told: Sequence[Told]
    outage: tuple[float, float]
    detected: float | None
    """Seconds from the outage until every bad server was left out."""
    recovered: float | None
    """Seconds from its end until every bad server answered a request again."""
    bad_calls: int
    """Requests that bad servers saw during the outage."""
    calls: int
    """Requests that all servers saw during the outage."""

    def part(self, begin: float, end: float) -> list[Told]:
        """What clients were told who asked then."""
        return [each for each in self.told if begin <= each.at < end]

    @property
    def normal(self) -> list[Told]:
        """Before the outage."""
        return self.part(0.0, self.outage[0])

    @property
    def during(self) -> list[Told]:
        """In the outage."""
        return self.part(*self.outage)

    @property
    def after_detection(self) -> list[Told]:
        """In the outage, once it had been seen."""
        return self.part(self.outage[0] + (self.detected or 0.0), self.outage[1])

    @property
    def well(self) -> float:
        """Seconds from the end of the outage until the last client was told of a failure."""
        failed = [each.at + each.seconds for each in self.told if each.at >= self.outage[0] and not each.is_good]
        return max(0.0, max(failed, default=0.0) - self.outage[1])

    @property
    def row(self) -> tuple[str, ...]:
        """For the table."""
        return (
            self.run.name,
            f"{len(self.told):,}",
            f"{success(self.during):.2%}",
            f"{success(self.after_detection):.2%}",
            f"{percentile(self.normal, 0.99) * 1000:.0f}",
            f"{percentile(self.after_detection, 0.99) * 1000:.0f}",
            f"{sum(each.is_stale for each in self.during):,}",
            f"{self.bad_calls:,} of {self.calls:,}",
            _seconds(self.detected),
            f"{self.well:.2f}",
            _seconds(self.recovered),
        )


HEADER = (
    "fault",
    "requests",
    "success in outage",
    "after detection",
    "p99 ms before",
    "p99 ms after detection",
    "stale",
    "calls at bad servers",
    "s to detect",
    "s until clients are well",
    "s until bad servers work",
)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def steady(fault: Fault, bad: Sequence[int] = (0,)) -> Callable[[Sequence[FaultyOrigin], float], Awaitable[None]]:
    """The same fault all the time."""

    async def disturb(origins: Sequence[FaultyOrigin], seconds: float) -> None:
        for index in bad:
            origins[index].behave(fault)
        await asyncio.sleep(seconds)
        for index in bad:
            origins[index].behave(Fault.NONE)

    return disturb


async def flapping(origins: Sequence[FaultyOrigin], seconds: float) -> None:
    """Bad, good, bad, good …"""
    for number in range(int(seconds / FLAP_SECONDS)):
        origins[0].behave(Fault.NONE if number % 2 else Fault.ERROR)
        await asyncio.sleep(FLAP_SECONDS)
    origins[0].behave(Fault.NONE)


async def restarts(origins: Sequence[FaultyOrigin], seconds: float) -> None:
    """One after the other is gone for a moment, as in a rolling update without a drain."""
    for origin in origins:
        origin.behave(Fault.REFUSE)
        await asyncio.sleep(RESTART_SECONDS)
        origin.behave(Fault.NONE)
        await asyncio.sleep(max(0.1, seconds / len(origins) - RESTART_SECONDS))


ALL = (0, 1, 2)
RUNS: tuple[Run, ...] = (
    Run("one of three refuses", steady(Fault.REFUSE)),
    Run("one of three hangs", steady(Fault.HANG)),
    Run("one of three is slow (400 ms)", steady(Fault.SLOW), upstream={"balance": "ewma"}),
    Run("one of three resets mid-body", steady(Fault.RESET)),
    Run("one of three answers 503", steady(Fault.ERROR)),
    Run("one of three flaps", flapping),
    Run("all refuse", steady(Fault.REFUSE, ALL), ALL),
    Run("all hang", steady(Fault.HANG, ALL), ALL),
    Run("all answer 503", steady(Fault.ERROR, ALL), ALL),
    Run("all refuse, warm cache", steady(Fault.REFUSE, ALL), ALL, CACHED, [f"/page/{n}" for n in range(50)]),
    Run("all hang, warm cache", steady(Fault.HANG, ALL), ALL, CACHED, [f"/page/{n}" for n in range(50)]),
    Run("restart of all, one by one", restarts, ALL),
    Run("DNS names another server", steady(Fault.REFUSE), by_name=True),
)


async def carry_out(run: Run, placement: Placement, rate: float, seconds: float) -> Outcome:
    """Do one run."""
    with ExitStack() as stack:
        origins = [stack.enter_context(FaultyOrigin("0"))] if not run.by_name else _at_addresses(stack)
        if not run.by_name:
            origins += [stack.enter_context(FaultyOrigin(name)) for name in ("1", "2")]
        more: dict[str, Any] = dict(run.upstream)
        servers, names = [origin.url for origin in origins], None
        if run.by_name:
            names = stack.enter_context(NameServer())
            names.ttl = 1
            names.records[NAME, "A"] = [origin.host for origin in origins[:2]]
            servers, more["dns_servers"] = [f"dns+http://{NAME}:{origins[0].port}"], [names.address]
        gateway = stack.enter_context(fronting(placement, servers, run.plugins, **more))
        crowd = Crowd(gateway.port, run.targets, rate)
        crowd.start()
        try:
            return await _measure(run, gateway, crowd, origins, names, seconds)
        finally:
            await crowd.stop()


def _at_addresses(stack: ExitStack) -> list[FaultyOrigin]:
    """Three origins with one port and an address each."""
    first = stack.enter_context(FaultyOrigin("0", LOOPBACK))
    others = [FaultyOrigin(str(n), f"127.0.0.{n + 1}", first.port) for n in (1, 2)]
    return [first, *(stack.enter_context(each) for each in others)]


async def _measure(
    run: Run, gateway: Front, crowd: Crowd, origins: Sequence[FaultyOrigin], names: NameServer | None, seconds: float
) -> Outcome:
    await asyncio.sleep(WELL_SECONDS)
    bad = [origins[index] for index in run.bad]
    calls_before, bad_before = _calls(origins), _calls(bad)
    begun = time.monotonic()
    if names is not None:
        names.records[NAME, "A"] = [origin.host for origin in origins[1:]]
    detecting = asyncio.ensure_future(_detected(gateway, bad, seconds))
    await run.disturb(origins, seconds)
    ended = time.monotonic()
    calls, bad_calls = _calls(origins) - calls_before, _calls(bad) - bad_before
    detected = await detecting
    answered = {origin.name: origin.answers for origin in bad}
    recovered: float | None = None
    if names is None:
        recovered = await crowd.until(
            lambda: all(origin.answers > answered[origin.name] for origin in bad), RECOVERY_SECONDS
        )
    await asyncio.sleep(0.5)
    return Outcome(run, await crowd.stop(), (begun, ended), detected, recovered, bad_calls, calls)


def _calls(origins: Sequence[FaultyOrigin]) -> int:
    return sum(origin.calls for origin in origins)


async def _detected(gateway: Front, bad: Sequence[FaultyOrigin], seconds: float) -> float | None:
    """Seconds until each bad server has been left out at least once."""
    begun = time.monotonic()
    waiting = {origin.url for origin in bad}
    while time.monotonic() - begun < seconds:
        waiting -= {url for url in list(waiting) if await asyncio.to_thread(gateway.is_left_out, url)}
        if not waiting:
            return time.monotonic() - begun
        await asyncio.sleep(0.02)
    return None
