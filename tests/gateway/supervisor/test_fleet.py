import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gateway.figures.layout import PREFIX
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.told import Telling
from tests.gateway.supervisor.harness import ask, config_text, supervising, until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def requests(supervisor: Supervisor) -> float:
    for family in supervisor.ledger.snapshot():
        if family.name == f"{PREFIX}_http_requests_total":
            return sum(sample.values[0] for sample in family.samples)
    return 0.0


async def test_a_killed_worker_is_replaced_while_the_others_serve(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        killed, other = (worker.pid for worker in supervisor.fleet.ready)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: killed not in {worker.pid for worker in supervisor.fleet.ready})
        assert (await ask(supervisor))[1] != killed
        await until(lambda: len(supervisor.fleet.ready) == 2)
        assert other in {worker.pid for worker in supervisor.fleet.ready}
        assert [(slot.restarts, slot.last_end) for slot in supervisor.fleet.slots] == [(1, "SIGKILL"), (0, None)]
        assert supervisor.figures.value("worker_restarts_total", reason="SIGKILL") == 1


async def test_what_a_worker_counted_outlives_it(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        for _ in range(3):
            _, pid = await ask(supervisor)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: supervisor.fleet.ready and supervisor.fleet.ready[0].pid != pid)
        await ask(supervisor)
        await until(lambda: requests(supervisor) == 4)


async def test_a_connection_made_while_no_worker_lives_is_answered_by_the_next_one(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        pid = supervisor.fleet.ready[0].pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not supervisor.fleet.ready)
        assert (await ask(supervisor))[1] != pid


async def test_a_worker_whose_loop_stands_still_is_replaced(path: Path) -> None:
    async with supervising(path, config_text(), blocked_seconds=0.7) as supervisor:
        pid = supervisor.fleet.ready[0].pid
        blocked = asyncio.create_task(ask(supervisor, "/block"))
        await until(lambda: supervisor.fleet.ready and supervisor.fleet.ready[0].pid != pid)
        assert supervisor.fleet.slots[0].last_end == "blocked"
        assert (await ask(supervisor))[1] != pid
        await asyncio.wait([blocked])
        assert blocked.exception() is not None


async def test_all_ready_workers_are_asked_and_those_that_answer_are_heard(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        answers = await supervisor.fleet.broadcast("status")
        assert {answer["pid"] for answer in answers} == {worker.pid for worker in supervisor.fleet.ready}
        assert await supervisor.fleet.broadcast("no-such-kind") == []


async def test_what_each_worker_told_is_known_by_its_name(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        told = await supervisor.fleet.ask("purge", timeout=0.2, tag="silent")
        assert [(each.worker, each.telling) for each in told] == [("0", Telling.ANSWERED), ("1", Telling.SILENT)]
        assert told[0].answer == {"count": 2, "octets": 50}
        told = await supervisor.fleet.ask("no-such-kind")
        assert {each.telling for each in told} == {Telling.UNKNOWN}


async def test_how_many_workers_are_ready_is_shown(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        await until(lambda: supervisor.figures.value("workers_ready") == 2)
        supervisor.fleet.resize(1)
        await until(lambda: supervisor.figures.value("workers_ready") == 1)


async def test_what_a_worker_tells_the_others_has_reached_them_when_it_is_answered(path: Path) -> None:
    async with supervising(path, config_text(workers=3)) as supervisor:
        _, sender = await ask(supervisor, "/tell/1")
        noted = {answer["pid"]: answer["noted"] for answer in await _noted(supervisor)}
        assert noted == {worker.pid: [] if worker.pid == sender else ["/tell/1"] for worker in supervisor.fleet.ready}


async def test_the_others_know_at_once_that_a_worker_has_ended(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        killed, other = (worker.pid for worker in supervisor.fleet.ready)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: len(supervisor.fleet.ready) == 2 and killed not in {w.pid for w in supervisor.fleet.ready})
        noted = {answer["pid"]: answer["noted"] for answer in await _noted(supervisor)}
        assert noted[other] == ["worker_ended"]


async def _noted(supervisor: Supervisor) -> list[dict[str, Any]]:
    told = await supervisor.fleet.ask("noted")
    return [{"pid": each.pid, **each.answer} for each in told]
