"""The demonstration's client, in a process of its own: sends visits at a gentle rate and reports how they went.

Reports go to standard output, one line each; see `gateway.demo.reports`."""

import argparse
import asyncio
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from gateway.demo import traffic
from gateway.demo.reports import BROKEN, Prices, Report, Sample
from gateway.websocket.client import connect

REPORT_EVERY = 0.25
AT_ONCE = 64
"""Visits under way at most; the next one waits."""
WATCHERS = 2
"""WebSocket connections kept open, and as many event streams."""
PATIENCE = ClientTimeout(total=30, connect=5)
AGAIN_AFTER = 1.0
"""Seconds before a watcher whose connection ended comes back."""
NOT_ANSWERED = (ClientError, TimeoutError, OSError)


class Client:
    """Sends visits to the gateway, and every tenth straight to the origin."""

    def __init__(self, gateway: str, origin: str, rate: float, tell: Callable[[Report], None]) -> None:
        self._gateway = gateway
        self._origin = origin
        self._rate = rate
        self._tell = tell
        self._random = random.Random()
        self._samples: list[Sample] = []
        self._messages = 0
        self._single: list[float] = []
        self._batched: list[float] = []
        self._in_flight = 0
        self._validators: dict[tuple[str, str, bool], str] = {}
        """By target, codings, and whether it was the origin itself: each form has its own (RFC 9110 §8.8.1)."""

    async def run(self) -> None:
        """Send visits and report until cancelled."""
        connector = TCPConnector(limit=0)
        plain = {"Accept-Encoding": "identity"}
        async with (
            ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                timeout=PATIENCE,
                auto_decompress=False,
                headers=plain,
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(WATCHERS):
                group.create_task(self._again_and_again(self._watch_ticker, session))
                group.create_task(self._again_and_again(self._watch_events, session))
            group.create_task(self._again_and_again(self._watch_prices, session))
            group.create_task(self._again_and_again(self._watch_batched_prices, session))
            group.create_task(self._report())
            await self._send(session, group)

    async def _send(self, session: ClientSession, group: asyncio.TaskGroup) -> None:
        free = asyncio.Semaphore(AT_ONCE)
        due = time.monotonic()
        for visit in traffic.visits(self._random):
            due = max(due + traffic.pause(self._random, self._rate), time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await free.acquire()
            group.create_task(self._visit(session, visit)).add_done_callback(lambda _: free.release())

    async def _visit(self, session: ClientSession, visit: traffic.Visit) -> None:
        started = time.monotonic()
        seconds: float | None = None
        status, octets = BROKEN, 0
        fields = {**dict(visit.fields), "Accept-Encoding": visit.codings}
        form = visit.target, visit.codings, visit.direct
        if visit.conditional and (validator := self._validators.get(form)):
            fields["If-None-Match"] = validator
        self._in_flight += 1
        try:
            base = self._origin if visit.direct else self._gateway
            async with session.request(
                visit.method, base + visit.target, headers=fields, data=visit.content, allow_redirects=False
            ) as response:
                seconds = time.monotonic() - started
                octets = len(await response.read())
                status = response.status
                if (validator := response.headers.get("ETag")) is not None:
                    self._validators[form] = validator
        except NOT_ANSWERED:
            seconds = time.monotonic() - started if seconds is None else seconds
        finally:
            self._in_flight -= 1
        self._samples.append(Sample(visit.kind, status, seconds, octets, visit.direct))

    async def _again_and_again(
        self, watch: Callable[[ClientSession], Coroutine[Any, Any, None]], session: ClientSession
    ) -> None:
        while True:
            with suppress(*NOT_ANSWERED):
                await watch(session)
            await asyncio.sleep(AGAIN_AFTER)

    async def _watch_ticker(self, session: ClientSession) -> None:
        async with session.ws_connect(f"{self._gateway}/ws") as connection:
            await connection.send_str("hello")
            async for message in connection:
                if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                    self._messages += 1

    async def _watch_prices(self, session: ClientSession) -> None:
        async with session.ws_connect(f"{self._gateway}/ws/prices") as connection:
            async for message in connection:
                self._single.append(_under_way(message.data))

    async def _watch_batched_prices(self, session: ClientSession) -> None:
        async with connect(session, f"{self._gateway}/ws/prices/batched") as connection:
            async for message in connection:
                self._batched.append(_under_way(message.data))

    async def _watch_events(self, session: ClientSession) -> None:
        async with session.get(f"{self._gateway}/api/events", timeout=ClientTimeout(connect=5)) as response:
            async for line in response.content:
                self._messages += line.startswith(b"data:")

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY)
            prices = Prices(tuple(self._single), tuple(self._batched))
            report = Report(tuple(self._samples), self._messages, self._in_flight, prices)
            self._samples, self._messages = [], 0
            self._single, self._batched = [], []
            self._tell(report)


def _under_way(message: str) -> float:
    """Seconds since a price was told; the origin's clock is this machine's."""
    return max(0.0, time.time() - float(orjson.loads(message)["at"]) / 1000)


def _write(report: Report) -> None:
    sys.stdout.buffer.write(report.to_line())
    sys.stdout.buffer.flush()


async def _until_told(gateway: str, origin: str, rate: float) -> None:
    running = asyncio.ensure_future(Client(gateway, origin, rate, _write).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def main() -> None:
    """Visit `--gateway` and `--origin` with `--rate` requests a second until SIGTERM."""
    arguments = argparse.ArgumentParser(prog="gateway.demo.client", description=main.__doc__)
    arguments.add_argument("--gateway", required=True)
    arguments.add_argument("--origin", required=True)
    arguments.add_argument("--rate", type=float, required=True)
    given = arguments.parse_args()
    try:
        asyncio.run(_until_told(given.gateway, given.origin, given.rate))
    except* BrokenPipeError:
        pass  # the view is gone


if __name__ == "__main__":
    main()
