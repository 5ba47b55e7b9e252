"""Steady traffic with faults mixed in, and readings of the workers meanwhile."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable

from loadtests.origin.routes import FIXED
from loadtests.support.footprint import read_descriptors, read_rss_kib
from loadtests.support.proc import read_workers
from loadtests.traffic.client import Client
from loadtests.traffic.exchanges import MIX
from loadtests.traffic.faults import FAULTS, Fault
from loadtests.traffic.growth import Reading
from loadtests.traffic.pacer import Pacer
from loadtests.traffic.raw import get, until_closed

FAULT_SHARE = 0.05
_CONNECTIONS = 64
_FAULT_TIMEOUT_SECONDS = 30.0
_FAULTS_AT_ONCE = 400
_TICK_SECONDS = 0.02
_PROBE = "/json/10k"
_PROBE_TIMEOUT_SECONDS = 5.0


class Soak:
    """One run against a gateway that is already answering on `port`."""

    def __init__(self, port: int, supervisor: int, say: Callable[[str], None]) -> None:
        self.client = Client(port, MIX, _CONNECTIONS)
        self.readings: list[Reading] = []
        self.wrong: Counter[str] = Counter()
        self.faults_played = 0
        self.probes = 0
        self._port = port
        self._say = say
        self._supervisor = supervisor
        self._workers = set(read_workers(supervisor))
        self._playing: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, *, capacity_seconds: float = 5.0) -> None:
        """Measure capacity for `capacity_seconds`, then send half of it for `seconds`."""
        await self.client.open()
        capacity = await self.client.run_at_full_speed(capacity_seconds)
        rate = capacity / 2
        self._say(f"capacity of this arrangement {capacity:,.0f} requests/s; soaking at {rate:,.0f}")
        every = max(0.5, min(5.0, seconds / 100))
        await asyncio.gather(
            self.client.run_at(rate * (1 - FAULT_SHARE), seconds),
            self._play_faults(rate * FAULT_SHARE, seconds),
            self._watch(every, seconds),
            self._probe(seconds),
        )
        await asyncio.gather(*self._playing)
        await self.client.close()

    async def _play_faults(self, rate: float, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        pacer = Pacer(rate, loop.time(), most=_FAULTS_AT_ONCE)
        faults = itertools.cycle(FAULTS)
        end = loop.time() + seconds
        while loop.time() < end:
            for _ in range(min(pacer.due(loop.time()), _FAULTS_AT_ONCE - len(self._playing))):
                task = loop.create_task(self._play(next(faults)))
                self._playing.add(task)
                task.add_done_callback(self._playing.discard)
            await asyncio.sleep(_TICK_SECONDS)

    async def _play(self, fault: Fault) -> None:
        self.faults_played += 1
        try:
            async with asyncio.timeout(_FAULT_TIMEOUT_SECONDS):
                wrong = await fault(self._port)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            wrong = f"{fault.__name__}: {error!r}"
        if wrong is not None:
            self.wrong[wrong] += 1

    async def _watch(self, every: float, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while (elapsed := loop.time() - start) < seconds:
            workers = set(read_workers(self._supervisor))
            for pid in self._workers - workers:
                self.wrong[f"worker {pid} is gone"] += 1
            self._workers = workers
            for pid in workers:
                self.readings.append(Reading(elapsed, pid, read_rss_kib(pid), read_descriptors(pid)))
            await asyncio.sleep(every)

    async def _probe(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            self.probes += 1
            try:
                async with asyncio.timeout(_PROBE_TIMEOUT_SECONDS):
                    octets = await until_closed(self._port, get(_PROBE, "Connection: close\r\n"))
            except (OSError, TimeoutError) as error:
                self.wrong[f"probe: {error!r}"] += 1
            else:
                if not (octets.startswith(b"HTTP/1.1 200 ") and octets.endswith(b"\r\n\r\n" + FIXED[_PROBE])):
                    self.wrong[f"probe: {octets[:40]!r} … ({len(octets)} octets)"] += 1
            await asyncio.sleep(1.0)
