import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.config.settings import SweepSettings
from gateway.figures.registry import Figures
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.sweep_admin import SweepAdmin
from gateway.supervisor.sweep_keeper import MOST_WAITING, Sweeps
from tests.gateway.supervisor.harness import until
from tests.gateway.supervisor.sweeping import HoldingWorker

NIGHTLY = {"nightly": SweepSettings.model_validate({"schedule": "0 4 * * *", "tags": ["shop"]})}


class Desk:
    """The application over the sweeps of one worker."""

    def __init__(
        self, client: "TestClient[web.Request, web.Application]", sweeps: Sweeps, worker: HoldingWorker
    ) -> None:
        self.client = client
        self.sweeps = sweeps
        self.worker = worker

    async def post(self, path: str, document: Any = None) -> tuple[int, Any]:
        async with self.client.post(path, json=document) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.client.get(path) as answer:
            return answer.status, await answer.json(content_type=None) if answer.status == 200 else None


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    worker = HoldingWorker("a", "b")
    sweeps = Sweeps(lambda: NIGHTLY, lambda: [worker], Figures.in_memory())
    configuration = SimpleNamespace(settings=SimpleNamespace(sweeps=NIGHTLY), routes=[SimpleNamespace(name="shop")])
    admin = SweepAdmin(cast(Supervisor, SimpleNamespace(sweeps=sweeps, configuration=configuration)))
    application = web.Application()
    application.router.add_post("/api/sweeps", admin.start)
    application.router.add_get("/api/sweeps", admin.list)
    application.router.add_get("/api/sweeps/{run}", admin.show)
    for order in ("pause", "resume", "cancel"):
        application.router.add_post(f"/api/sweeps/{{run}}/{order}", getattr(admin, order))
    async with TestClient(TestServer(application)) as client:
        yield Desk(client, sweeps, worker)
        await sweeps.close()


async def test_a_sweep_is_ordered_and_watched(desk: Desk) -> None:
    status, begun = await desk.post("/api/sweeps", {"routes": ["shop"]})
    assert (status, begun["state"], begun["trigger"]) == (202, "queued", "api")
    run = desk.sweeps.find(begun["id"])
    assert run is not None
    await until(lambda: run.state.is_over)
    status, report = await desk.get(f"/api/sweeps/{begun['id']}")
    assert (status, report["state"], report["report"]["confirmed"]) == (200, "done", 2)
    _, everything = await desk.get("/api/sweeps")
    assert [each["id"] for each in everything["runs"]] == [begun["id"]]
    assert [each["name"] for each in everything["configured"]] == ["nightly"]


async def test_a_sweep_of_the_configuration_is_ordered_by_its_name(desk: Desk) -> None:
    _, begun = await desk.post("/api/sweeps", {"name": "nightly"})
    assert begun["name"] == "nightly"
    await until(lambda: bool(desk.worker.meant))
    assert desk.worker.meant["tags"] == ["shop"]


async def test_a_sweep_is_paused_resumed_and_cancelled(desk: Desk) -> None:
    desk.worker.gate = asyncio.Event()
    _, begun = await desk.post("/api/sweeps", {"batch": 1})
    path = f"/api/sweeps/{begun['id']}"
    await until(lambda: desk.worker.asked)
    status, paused = await desk.post(f"{path}/pause")
    assert (status, paused["state"]) == (200, "paused")
    status, resumed = await desk.post(f"{path}/resume")
    assert (status, resumed["state"]) == (200, "running")
    assert (await desk.post(f"{path}/cancel"))[0] == 200
    desk.worker.gate.set()
    run = desk.sweeps.find(begun["id"])
    assert run is not None
    await until(lambda: run.state.is_over)
    status, refused = await desk.post(f"{path}/cancel")
    assert (status, refused["run"]["state"]) == (409, "cancelled")


@pytest.mark.parametrize(
    ("document", "words"),
    [({"routes": ["other"]}, "no route is called 'other'"), ({"name": "weekly"}, "nightly"), ({"rate": -1}, "rate")],
)
async def test_what_makes_no_sense_is_refused(desk: Desk, document: Any, words: str) -> None:
    status, refused = await desk.post("/api/sweeps", document)
    assert status == 422
    assert words in refused["detail"]


async def test_what_is_no_json_is_refused(desk: Desk) -> None:
    async with desk.client.post("/api/sweeps", data=b"{") as answer:
        assert answer.status == 400


async def test_a_queue_that_is_full_takes_no_more(desk: Desk) -> None:
    desk.worker.gate = asyncio.Event()
    await desk.post("/api/sweeps", {})
    await until(lambda: desk.worker.asked)
    for _ in range(MOST_WAITING):
        assert (await desk.post("/api/sweeps", {}))[0] == 202
    assert (await desk.post("/api/sweeps", {}))[0] == 409


@pytest.mark.parametrize("order", ["pause", "resume", "cancel"])
async def test_a_run_that_nobody_remembers_is_not_found(desk: Desk, order: str) -> None:
    assert (await desk.get("/api/sweeps/77"))[0] == 404
    async with desk.client.post(f"/api/sweeps/77/{order}") as answer:
        assert answer.status == 404
