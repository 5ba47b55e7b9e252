import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config import UpstreamSettings
from gateway.figures import Figures
from gateway.supervisor.health_watch import Watch
from tests.gateway.supervisor.harness import until
from tests.support.loopback import listening
from tests.support.ports import free_port

CHECK = {"path": "/healthz", "every": "20ms", "recheck": "20ms", "timeout": "20s"}


class Server:
    """A server whose health is what a test says."""

    def __init__(self) -> None:
        self.status = 200
        self.lag = "0"
        self.checks = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.checks += 1
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nX-Lag: {self.lag}\r\n\r\n".encode())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Changes:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with listening(server.serve) as server.port:
        yield server


@asynccontextmanager
async def watching(before: Watch | None = None, **settings: Any) -> AsyncIterator[tuple[Watch, Changes, Figures]]:
    changes, figures = Changes(), Figures.in_memory()
    watch = Watch("app", UpstreamSettings.model_validate(settings), figures, changes, before)
    await watch.find_all()
    watch.start()
    try:
        yield watch, changes, figures
    finally:
        await watch.close()


def state(watch: Watch) -> Callable[[str], bool]:
    return lambda wanted: [each["state"] for each in watch.table.status()["servers"]] == [wanted]


async def test_a_server_is_found_bad_and_good_again(server: Server) -> None:
    with capture_logs() as logs:
        async with watching(servers=[server.url], health=CHECK) as (watch, changes, figures):
            is_now = state(watch)
            await until(lambda: server.checks > 1)
            server.status = 500
            await until(lambda: is_now("unhealthy"))
            labels = {"upstream": "app", "server": server.url}
            assert figures.value("upstream_server_healthy", **labels) == 0
            server.status = 200
            await until(lambda: is_now("healthy"))
            assert figures.value("upstream_server_healthy", **labels) == 1
            assert figures.value("upstream_health_checks_total", **labels, result="failed") >= 3
            assert changes.count == 2
    assert [log["event"] for log in logs] == ["server is unhealthy", "server is healthy again"]
    assert logs[0]["reason"] == "status 500"


async def test_a_server_that_was_never_good_is_bad_after_one_check() -> None:
    async with watching(servers=[f"http://127.0.0.1:{free_port()}"], health=CHECK) as (watch, _, figures):
        await until(lambda: state(watch)("unhealthy"))
        failed = figures.value(
            "upstream_health_checks_total",
            upstream="app",
            server=watch.table.status()["servers"][0]["url"],
            result="failed",
        )
        assert failed == 1


async def test_a_replica_that_lags_is_known(server: Server) -> None:
    settings: dict[str, Any] = {
        "servers": ["unix:/nobody"],
        "replicas": [server.url],
        "lag": {"header": "X-Lag", "most": "1s"},
    }
    async with watching(**settings, health=CHECK) as (watch, _, _):
        server.lag = "9"
        await until(lambda: watch.table.status()["servers"][1]["state"] == "lagging")
        server.lag = "0.5"
        await until(lambda: watch.table.status()["servers"][1]["state"] == "healthy")


async def test_a_server_that_was_bad_stays_so_through_a_reload(server: Server) -> None:
    server.status = 500
    async with watching(servers=[server.url], health=CHECK) as (before, _, _):
        await until(lambda: state(before)("unhealthy"))
    async with watching(before, servers=[server.url], health=CHECK | {"path": "/other"}) as (after, _, _):
        assert state(after)("unhealthy")


async def test_nothing_is_checked_after_the_end(server: Server) -> None:
    async with watching(servers=[server.url], health=CHECK) as (watch, _, _):
        await until(lambda: server.checks > 0)
    assert not watch._tasks
    assert not watch._checks


async def test_a_file_is_followed_and_its_servers_are_checked(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "servers.yaml"
    file.write_text(f"servers: {server.url}")
    async with watching(servers=f"file:{file}", health=CHECK) as (watch, changes, _):
        await until(lambda: server.checks > 0)
        told = changes.count
        file.unlink()
        await until(lambda: "no such file" in watch.table.status()["sources"][f"file:{file}"])
        assert len(watch.table.status()["servers"]) == 1
        beside = tmp_path / "new"
        beside.write_text("servers: []")
        beside.replace(file)
        await until(lambda: not watch.table.status()["servers"])
        assert changes.count > told
        assert not watch._checks


async def test_a_source_that_fails_is_logged_once() -> None:
    with capture_logs() as logs:
        async with watching(servers="file:/nonexistent/servers.yaml") as (watch, _, _):
            await watch.find_all()
            await watch.find_all()
    assert [log["event"] for log in logs] == ["servers cannot be learnt: those known stay"]


async def test_draining_is_news_only_once(server: Server) -> None:
    async with watching(servers=[server.url]) as (watch, changes, figures):
        entry = watch.table.entry(server.url)
        assert entry is not None
        for is_draining in (True, True, False, False):
            watch.drain(entry, is_draining)
        assert changes.count == 2
        watch.drain(entry, True)
        assert figures.value("upstream_server_draining", upstream="app", server=server.url) == 1
