import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.config.settings import SweepSettings
from gateway.figures.registry import Figures
from gateway.supervisor import sweep_keeper, sweep_run
from gateway.supervisor.sweep_keeper import MOST_REMEMBERED, MOST_WAITING, FullError, Sweeps
from gateway.supervisor.sweep_run import State
from tests.gateway.supervisor.harness import until
from tests.gateway.supervisor.sweeping import HoldingWorker, order

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Keeping:
    """Sweeps over one worker."""

    def __init__(self) -> None:
        self.worker = HoldingWorker("a")
        self.figures = Figures.in_memory()
        self.configured: dict[str, SweepSettings] = {}
        self.sweeps = Sweeps(lambda: self.configured, lambda: [self.worker], self.figures)


@pytest.fixture
async def keeping(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keeping]:
    monkeypatch.setattr(sweep_run, "LOOK_SECONDS", 0.001)
    keeping = Keeping()
    yield keeping
    await keeping.sweeps.close()


async def test_a_sweep_runs_and_its_report_is_remembered(keeping: Keeping) -> None:
    run = keeping.sweeps.start(order())
    await until(lambda: run.state is State.DONE)
    assert keeping.sweeps.find(run.id) is run
    assert keeping.sweeps.find("other") is None
    assert keeping.sweeps.to_json()["runs"][0]["report"]["confirmed"] == 1
    assert keeping.figures.value("sweep_runs_total", state="done") == 1
    assert keeping.figures.value("sweep_entries_total", outcome="confirmed") == 1
    assert keeping.figures.value("sweep_running") == 0


async def test_one_runs_at_a_time_and_the_most_important_is_next(keeping: Keeping) -> None:
    gate = keeping.worker.gate = asyncio.Event()
    runs = [keeping.sweeps.start(order(priority=priority)) for priority in (0, 1, 5)]
    await until(lambda: len(keeping.worker.asked) == 1)
    assert keeping.figures.value("sweep_running") == 1
    late = keeping.sweeps.start(order(priority=9))
    assert [run.state for run in (*runs, late)] == [State.QUEUED, State.QUEUED, State.RUNNING, State.QUEUED]
    gate.set()
    await until(lambda: all(run.state.is_over for run in (*runs, late)))
    assert keeping.worker.runs == [runs[2].id, late.id, runs[1].id, runs[0].id]


async def test_a_queue_has_an_end(keeping: Keeping) -> None:
    keeping.worker.gate = asyncio.Event()
    keeping.sweeps.start(order())
    await until(lambda: len(keeping.worker.asked) == 1)
    for _ in range(MOST_WAITING):
        keeping.sweeps.start(order())
    with pytest.raises(FullError):
        keeping.sweeps.start(order())


async def test_old_reports_are_forgotten(keeping: Keeping) -> None:
    for _ in range(MOST_REMEMBERED + 5):
        run = keeping.sweeps.start(order())
        await until(lambda run=run: run.state.is_over)  # type: ignore[misc]  # of this turn
    assert len(keeping.sweeps.runs) <= MOST_REMEMBERED + 1
    assert keeping.sweeps.runs[0] is run
    assert keeping.sweeps.find("1") is None


async def test_a_sweep_that_fails_does_not_keep_the_next_one_waiting(keeping: Keeping) -> None:
    keeping.worker.fails["sweep_scan"] = RuntimeError("boom")
    first = keeping.sweeps.start(order())
    await until(lambda: first.state is State.FAILED)
    keeping.worker.fails.clear()
    second = keeping.sweeps.start(order())
    await until(lambda: second.state is State.DONE)


async def test_the_clock_orders_what_is_due(keeping: Keeping) -> None:
    keeping.configured = {"often": SweepSettings.model_validate({"schedule": "*/10 * * * *", "rate": 1000})}
    keeping.sweeps.look(NOON)
    assert keeping.sweeps.runs == []
    assert keeping.sweeps.to_json()["configured"][0]["next_at"] == (NOON + timedelta(minutes=10)).timestamp()
    keeping.sweeps.look(NOON + timedelta(minutes=10))
    (run,) = keeping.sweeps.runs
    assert (run.order.name, run.order.trigger) == ("often", "schedule")
    await until(lambda: run.state is State.DONE)


async def test_what_is_still_under_way_is_not_ordered_again(keeping: Keeping) -> None:
    keeping.configured = {"often": SweepSettings.model_validate({"schedule": "*/10 * * * *", "rate": 1000})}
    keeping.worker.gate = asyncio.Event()
    keeping.sweeps.look(NOON)
    keeping.sweeps.look(NOON + timedelta(minutes=10))
    keeping.sweeps.look(NOON + timedelta(minutes=20))
    assert len(keeping.sweeps.runs) == 1


async def test_a_schedule_that_cannot_be_read_does_not_end_the_watch(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_keeper, "LOOK_SECONDS", 0.001)
    looks = 0

    def look(now: datetime) -> None:
        nonlocal looks
        looks += 1
        raise ValueError("no time zone 'Atlantis' on this machine")

    monkeypatch.setattr(keeping.sweeps, "look", look)
    watching = asyncio.ensure_future(keeping.sweeps.watch())
    await until(lambda: looks >= 2)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_the_end_of_the_gateway_ends_what_runs(keeping: Keeping) -> None:
    keeping.worker.gate = asyncio.Event()
    running, waiting = keeping.sweeps.start(order()), keeping.sweeps.start(order())
    await until(lambda: len(keeping.worker.asked) == 1)
    await keeping.sweeps.close()
    assert (running.state, waiting.state) == (State.CANCELLED, State.CANCELLED)
    with pytest.raises(FullError):
        keeping.sweeps.start(order())
