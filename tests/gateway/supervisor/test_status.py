import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from gateway.figures import Figures
from gateway.figures.layout import PREFIX, Layout
from gateway.figures.ledger import Ledger
from gateway.supervisor.process import State, Worker
from gateway.supervisor.slot import Slot
from gateway.supervisor.status import resident_bytes, slot_status, status_of, worker_status
from tests.gateway.supervisor.harness import config_text, supervising


def ledger_with(connections: int, in_flight: int) -> Ledger:
    ledger = Ledger()
    cells = memoryview(bytearray(1024)).cast("d")
    ledger.open(3, cells)

    def learn(layout: Layout) -> None:
        assert ledger.learn(3, layout)

    figures = Figures(cells, learn).scope(PREFIX)
    figures.gauge("http_downstream_connections", "Connections").set(connections)
    figures.gauge("http_requests_in_flight", "Exchanges").set(in_flight)
    return ledger


def worker() -> Any:
    return SimpleNamespace(pid=os.getpid(), row=3, state=State.READY, started=0.0, generation=2)


def test_a_worker_shows_what_it_counts_without_being_asked() -> None:
    status = worker_status(cast(Worker, worker()), ledger_with(connections=5, in_flight=2))
    assert status["connections"] == 5
    assert status["in_flight"] == 2
    assert status["generation"] == 2
    assert status["state"] == "ready"
    assert status["rss_bytes"] > 1_000_000


def test_a_slot_between_two_workers_says_so() -> None:
    slot = SimpleNamespace(name="0", restarts=4, last_end="SIGKILL", worker=None)
    assert slot_status(cast(Slot, slot), Ledger(), {}) == {
        "name": "0",
        "restarts": 4,
        "last_end": "SIGKILL",
        "pid": None,
        "state": "waiting",
    }


def test_what_a_worker_told_is_part_of_its_entry() -> None:
    slot = SimpleNamespace(name="0", restarts=0, last_end=None, worker=worker())
    told = {os.getpid(): {"pid": os.getpid(), "upstreams": {"app": "fine"}}, 1: {"pid": 1, "upstreams": {}}}
    assert slot_status(cast(Slot, slot), ledger_with(0, 0), told)["upstreams"] == {"app": "fine"}


def test_memory_of_a_process_that_is_gone_is_not_known() -> None:
    assert resident_bytes(2**22 + 1) is None


async def test_the_page_is_put_together_for_a_running_gateway(tmp_path: Path) -> None:
    async with supervising(tmp_path / "config.yaml", config_text()) as supervisor:
        page = status_of(supervisor, await supervisor.told_by_workers(), supervisor.started + 2.5)
    assert page["ready"] is True
    assert page["uptime_seconds"] == 2.5
    assert page["pid"] == os.getpid()
    assert [each["upstreams"] for each in page["workers"]] == [{"app": "fine"}]
