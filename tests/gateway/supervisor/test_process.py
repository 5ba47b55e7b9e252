import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.figures.ledger import Ledger
from gateway.figures.slab import Slab
from gateway.supervisor.process import Inheritance, Order, State, Worker, environment, how, start_worker
from gateway.supervisor.source import UpstreamSource
from gateway.worker.control import CallRefusedError, ChannelClosedError
from tests.gateway.supervisor.harness import FAKE_WORKER, lives

Start = Callable[[], Awaitable[Worker]]
ORDER = Order(1, UpstreamSource(["http://127.0.0.1:1"]).load().to_json().decode(), drain=1.0)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    slab = Slab(rows=4)
    started: list[Worker] = []

    async def one() -> Worker:
        started.append(await start_worker("0", Inheritance(FAKE_WORKER, (), slab, Ledger())))
        return started[-1]

    yield one
    for worker in started:
        worker.signal(signal.SIGKILL)
        await worker.ended
    slab.close()


async def test_a_worker_is_ready_once_it_is_configured_and_drains_to_exit_0(start: Start) -> None:
    worker = await start()
    await worker.configure(ORDER)
    assert worker.generation == 1
    assert worker.heartbeat > 0
    worker.drain(1.0)
    assert await worker.ended == "exit 0"
    assert not lives(worker.pid)


async def test_another_configuration_is_adopted_in_two_steps(start: Start) -> None:
    worker = await start()
    await worker.configure(ORDER)
    await worker.adopt(Order(2, ORDER.configuration, 1.0))
    assert worker.generation == 2


async def test_what_was_not_prepared_cannot_be_committed(start: Start) -> None:
    worker = await start()
    await worker.configure(ORDER)
    await worker.prepare(Order(2, ORDER.configuration, 1.0))
    with pytest.raises(CallRefusedError, match="generation 3 was not prepared"):
        await worker.commit(Order(3, ORDER.configuration, 1.0))
    worker.discard()
    with pytest.raises(CallRefusedError, match="generation 2 was not prepared"):
        await worker.commit(Order(2, ORDER.configuration, 1.0))


async def test_a_configuration_it_cannot_decode_is_refused(start: Start) -> None:
    worker = await start()
    with pytest.raises(CallRefusedError, match="unknown key"):
        await worker.configure(Order(1, '{"upstreams": {}, "wrokers": 2}', 1.0))


async def test_a_worker_that_dies_ends_what_it_was_asked(start: Start) -> None:
    worker = await start()
    await worker.configure(ORDER)
    asked = asyncio.ensure_future(worker.call("prepare", generation=2, configuration=ORDER.configuration))
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(ChannelClosedError):
        await asked
    assert await worker.ended == "SIGKILL"
    assert worker.state is State.ENDED


async def test_a_row_is_free_again_when_its_worker_has_ended(start: Start) -> None:
    rows = set()
    for _ in range(5):  # one more than the slab has
        worker = await start()
        rows.add(worker.row)
        worker.kill("test")
        await worker.ended
    assert len(rows) == 1


async def test_a_worker_that_was_told_to_drain_while_it_starts_ends(start: Start) -> None:
    worker = await start()
    worker.drain(0.0)
    await worker.ended
    assert not lives(worker.pid)


@pytest.mark.parametrize(
    ("code", "text"), [(0, "exit 0"), (3, "exit 3"), (-9, "SIGKILL"), (-6, "SIGABRT"), (-63, "signal 63")]
)
def test_how_a_process_ended_is_said_in_words(code: int, text: str) -> None:
    assert how(code) == text


def test_a_worker_can_import_what_its_supervisor_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", ["", str(tmp_path)])
    assert environment()["PYTHONPATH"] == f"{os.getcwd()}{os.pathsep}{tmp_path}"
