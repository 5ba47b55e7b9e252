import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Configuration
from gateway.figures import Figures
from gateway.figures.layout import HEARTBEAT, Layout
from gateway.figures.slab import Slab
from gateway.supervisor.source import UpstreamSource
from gateway.worker import life
from gateway.worker.access_log import AccessLog
from gateway.worker.control import CallRefusedError, Channel, open_channel, socket_pair
from gateway.worker.life import Life

PLAIN = UpstreamSource(["http://127.0.0.1:1"]).load().to_json().decode()


def named(name: str, more: str = "") -> str:
    return PLAIN.replace("{", f'{{"name": "{name}", {more}', 1)


class Recorder:
    """A road that notes what is done to it."""

    def __init__(self, figures: Figures, channel: Channel, access_log: AccessLog) -> None:
        self.figures = figures
        self.access_log = access_log
        self.did: list[Any] = []
        self.fails_to_close = False

    async def prepare(self, configuration: Configuration) -> str:
        if configuration.settings.name == "bad":
            raise ValueError("the store is not there")
        self.did.append(f"prepare {configuration.settings.name}")
        return configuration.settings.name

    async def commit(self, prepared: str) -> None:
        self.did.append(f"commit {prepared}")

    async def discard(self, prepared: str) -> None:
        self.did.append(f"discard {prepared}")

    def serve(self, sockets: Sequence[socket.socket]) -> None:
        self.did.append(f"serve {len(sockets)}")
        for each in sockets:
            assert not each.getblocking()
            each.close()

    def stop_accepting(self) -> None:
        self.did.append("stop")

    async def drain(self, timeout: float) -> int:
        self.did.append(f"drain {timeout:g}")
        return 2

    async def reload_certificates(self) -> list[str]:
        return ["a.pem: expired"]

    async def close(self) -> None:
        self.did.append("close")
        if self.fails_to_close:
            raise RuntimeError("no")

    def status(self) -> dict[str, object]:
        return {"upstreams": {}}


class Worker:
    """A life inside this loop, and the supervisor's end of its channel."""

    def __init__(self, supervisor: Channel, channel: Channel) -> None:
        self.channel = supervisor
        self.layouts: list[Layout] = []
        self.cut: list[int] = []
        self.slab = Slab(rows=1)
        self.row = self.slab.take()
        supervisor.on("layout", lambda message: self.layouts.append(Layout.from_message(message)))
        supervisor.on("drained", lambda message: self.cut.append(message["cut"]))
        supervisor.listen()
        self.roads: list[Recorder] = []
        self.living = asyncio.create_task(Life(channel, self._make_road).live())

    def _make_road(self, *given: Any) -> Recorder:
        self.roads.append(Recorder(*given))
        return self.roads[0]

    @property
    def did(self) -> list[Any]:
        return self.roads[0].did

    async def configure(self, configuration: str, sockets: Sequence[int] = ()) -> None:
        await self.channel.call(
            "configure",
            generation=1,
            configuration=configuration,
            slab=self.slab.descriptor,
            row=self.row,
            columns=self.slab.columns,
            sockets=list(sockets),
            supervisor=os.getppid(),
        )


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    # What concerns a whole process stays out of this one.
    monkeypatch.setattr(life, "end_with", lambda supervisor, after: True)
    monkeypatch.setattr(life, "quiet_collector", lambda: None)
    here, there = socket_pair()
    made = Worker(await open_channel(here), await open_channel(there))
    yield made
    made.channel.close()
    async with asyncio.timeout(10):
        await made.living
    made.slab.close()


async def test_the_answer_to_its_configuration_means_that_it_serves(worker: Worker) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    await worker.configure(named("one"), [listening.detach()])
    assert worker.did == ["prepare one", "commit one", "serve 1"]


async def test_what_it_counts_is_announced_and_its_heart_beats(worker: Worker) -> None:
    await worker.configure(named("one"))
    worker.roads[0].figures.counter("calls_total", "Calls").inc()
    await worker.channel.call("status")
    (layout,) = (each for each in worker.layouts if each.family == "slipstream_calls_total")
    assert worker.slab.cells(worker.row)[layout.cell] == 1
    assert worker.slab.cells(worker.row)[HEARTBEAT] > 0


async def test_a_configuration_that_cannot_be_built_is_refused_with_its_reason(worker: Worker) -> None:
    with pytest.raises(CallRefusedError, match="the store is not there"):
        await worker.configure(named("bad"))


@pytest.mark.parametrize("kind", ["prepare", "certificates", "status"])
async def test_before_it_is_configured_there_is_nothing_to_ask(worker: Worker, kind: str) -> None:
    with pytest.raises(CallRefusedError, match="not been configured"):
        await worker.channel.call(kind, generation=2, configuration=PLAIN)


async def test_another_configuration_comes_in_two_steps(worker: Worker) -> None:
    await worker.configure(named("one"))
    await worker.channel.call("prepare", generation=2, configuration=named("two"))
    assert worker.did[-1] == "prepare two"
    await worker.channel.call("commit", generation=2)
    assert worker.did[-1] == "commit two"


async def test_what_was_prepared_is_let_go_when_it_will_not_be_used(worker: Worker) -> None:
    await worker.configure(named("one"))
    await worker.channel.call("prepare", generation=2, configuration=named("two"))
    await worker.channel.call("prepare", generation=3, configuration=named("three"))
    await worker.channel.call("discard")
    assert worker.did[-4:] == ["prepare two", "discard two", "prepare three", "discard three"]
    with pytest.raises(CallRefusedError, match="not prepared"):
        await worker.channel.call("commit", generation=3)


async def test_a_refused_configuration_leaves_the_one_in_use(worker: Worker) -> None:
    await worker.configure(named("one"))
    with pytest.raises(CallRefusedError, match="the store is not there"):
        await worker.channel.call("prepare", generation=2, configuration=named("bad"))
    assert worker.did[-1] == "serve 0"


async def test_the_access_log_follows_the_configuration_and_is_opened_anew_when_asked(
    worker: Worker, tmp_path: Path
) -> None:
    path, rotated = tmp_path / "access.log", tmp_path / "rotated.log"
    await worker.configure(named("one"))
    log = worker.roads[0].access_log
    states = [log.enabled]
    with_log = named("two", f'"access_log": "{path}", ')
    await worker.channel.call("prepare", generation=2, configuration=with_log)
    await worker.channel.call("commit", generation=2)
    states.append(log.enabled)
    assert states == [False, True]
    log._writer.close(10)  # the file is there now
    path.rename(rotated)
    await worker.channel.call("reopen")
    log.write({"n": 1})
    log.close(10)
    assert path.read_text() == '{"n":1}\n'


async def test_status_and_certificates_are_the_roads(worker: Worker) -> None:
    await worker.configure(named("one"))
    assert await worker.channel.call("status") == {"pid": os.getpid(), "upstreams": {}}
    assert await worker.channel.call("certificates") == {"errors": ["a.pem: expired"]}


async def test_it_drains_as_long_as_it_is_told_says_what_was_cut_and_ends(worker: Worker) -> None:
    await worker.configure(named("one"))
    worker.roads[0].fails_to_close = True  # and the end comes all the same
    await worker.channel.call("drain", seconds=3)
    async with asyncio.timeout(10):
        await worker.living
        await worker.channel.closed
    assert worker.did[-3:] == ["stop", "drain 3", "close"]
    assert worker.cut == [2]


async def test_it_drains_as_configured_when_its_supervisor_is_gone(worker: Worker) -> None:
    await worker.configure(named("one", '"drain": "7s", '))
    worker.channel.close()
    async with asyncio.timeout(10):
        await worker.living
    assert worker.did[-3:] == ["stop", "drain 7", "close"]


async def test_it_ends_at_once_when_nothing_was_built(worker: Worker) -> None:
    worker.channel.send("drain", seconds=60)
    async with asyncio.timeout(10):
        await worker.living
    assert worker.roads == []


def test_what_lives_as_long_as_the_worker_is_kept_from_the_collector() -> None:
    kept: list[object] = [[]]
    try:
        life.quiet_collector()
        assert gc.get_freeze_count() > 0
        assert not any(each is kept for each in gc.get_objects())
    finally:
        gc.unfreeze()
