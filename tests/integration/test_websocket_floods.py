"""Attackers on real sockets: the right close code, bounded memory, and others go on as if nothing had been."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loadtests.flooding.attackers import HANDSHAKE, attack_for
from loadtests.flooding.attacks import ATTACKS, DRIP, SETTINGS, Attack
from loadtests.flooding.bystanders import stand_by
from loadtests.support.footprint import forget_peak, read_peak_rss_kib, read_rss_kib
from loadtests.support.processes import start
from tests.support.framed import until
from tests.support.gateway import Gateway, before, running
from tests.support.ports import free_port

MOST_KIB = 64 * 1024
HALF_OPEN = 200
ADMITTED = 20


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory, port = tmp_path_factory.mktemp("floods"), free_port()
    argv = [sys.executable, "-m", "loadtests.websocket_origin", "--port", str(port)]
    origin = start("origin", argv, directory=directory)
    settings = before(f"http://127.0.0.1:{port}", pool={"connections": 1000}, timeouts={"first_byte": "2s"}) | {
        "plugins": [{"websocket_batch": SETTINGS}],
        "limits": {"head_timeout": "2s"},
        "routes": [
            {"match": "/silent", "plugins": {"websocket_batch": {"connections": ADMITTED}}},
            {"match": DRIP, "plugins": {"websocket_batch": {"idle": "2s"}}},
            {"match": "/*"},
        ],
    }
    try:
        origin.wait_until_answers(port, "/json/1k")
        with running(settings, directory) as gateway:
            yield gateway
    finally:
        origin.stop()


@asynccontextmanager
async def unharmed(gateway: Gateway) -> AsyncIterator[None]:
    """Others are connected before, during and after, and each word of theirs comes back; memory stays bounded."""
    (pid,) = gateway.workers()
    bystanders = await stand_by(gateway.port, 3, [])
    forget_peak(pid)
    resident = read_rss_kib(pid)
    try:
        yield
        assert read_peak_rss_kib(pid) - resident < MOST_KIB
        said = [each.said for each in bystanders]
        await until(lambda: all(each.heard > past for each, past in zip(bystanders, said, strict=True)))
        assert not any(each.is_lost for each in bystanders)
    finally:
        for each in bystanders:
            each.stop()
            each.transport.abort()


@pytest.mark.parametrize("what", ATTACKS, ids=lambda each: each.name)
async def test_an_attacker_hears_why_it_has_to_go(gateway: Gateway, what: Attack) -> None:
    async with unharmed(gateway):
        assert await attack_for(gateway.port, what, 2, 0.0) == {what.code: 2}


async def status_of(port: int, text: str) -> int:
    """What a connection is answered that sends this and then waits; 0 for none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text.encode())
        async with asyncio.timeout(60):
            line = await reader.readline()
        return int(line.split()[1]) if line else 0
    finally:
        writer.transport.abort()


async def test_heads_that_never_end_cost_nobody_anything(gateway: Gateway) -> None:
    half = HANDSHAKE.format(target="/echo", more="")[:-30]
    async with unharmed(gateway):
        found = await asyncio.gather(*(status_of(gateway.port, half) for _ in range(HALF_OPEN)))
    assert Counter(found) == {408: HALF_OPEN}


async def test_handshakes_that_the_origin_does_not_answer_are_bounded_and_end(gateway: Gateway) -> None:
    whole = HANDSHAKE.format(target="/silent", more="")
    async with unharmed(gateway):
        found = await asyncio.gather(*(status_of(gateway.port, whole) for _ in range(HALF_OPEN)))
    assert Counter(found) == {504: ADMITTED, 503: HALF_OPEN - ADMITTED}


def test_the_worker_is_the_one_it_was(gateway: Gateway, tmp_path: Path) -> None:
    (worker,) = gateway.status()["workers"]
    assert (worker["state"], worker["restarts"]) == ("ready", 0)
