from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.tiers import TierSettings
from gateway.supervisor.client import AdminAnswer, AdminClient, AdminError
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.warming_ways import FleetWays, surroundings, token_of
from gateway.warming.gather import Moved, SourceError
from gateway.warming.order import OtherGateway
from tests.gateway.supervisor.harness import config_text, supervising, until


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    async with supervising(tmp_path / "config.yaml", config_text()) as supervisor:
        yield supervisor


def ways(supervisor: Supervisor) -> FleetWays:
    return FleetWays(supervisor.fleet, lambda: supervisor.configuration.settings)


async def test_a_list_is_read_through_a_worker_piece_by_piece(supervisor: Supervisor) -> None:
    pieces = [piece async for piece in ways(supervisor).read("http://a/list")]
    assert pieces == [b"http://a/1\n", b"http://a/2\n"]


async def test_who_wants_no_more_says_so(supervisor: Supervisor) -> None:
    reading = ways(supervisor).read("http://a/list")
    assert await anext(reading) == b"http://a/1\n"
    await reading.aclose()
    worker = supervisor.fleet.ready[0]
    assert (await worker.call("noted"))["noted"] == [False, True]


async def test_a_list_may_be_elsewhere_or_nowhere_or_broken(supervisor: Supervisor) -> None:
    with pytest.raises(Moved) as moved:
        await anext(ways(supervisor).read("http://a/old"))
    assert moved.value.location == "/list"
    with pytest.raises(SourceError, match="answered with 404"):
        await anext(ways(supervisor).read("http://a/nowhere"))
    with pytest.raises(SourceError, match="broke off"):
        await anext(ways(supervisor).read("http://a/broken"))


async def test_without_a_worker_nothing_is_read(supervisor: Supervisor) -> None:
    supervisor.fleet.resize(0)
    await until(lambda: not supervisor.fleet.ready)
    with pytest.raises(SourceError, match="no worker"):
        await anext(ways(supervisor).read("http://a/list"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [(AdminAnswer(404, {"detail": "there is no store"}), "no store"), (AdminError("not there.\nmore"), "not there.")],
)
async def test_another_gateway_that_refuses_is_a_source_that_fails(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, answer: AdminAnswer | AdminError, words: str
) -> None:
    async def get(*_: object) -> AdminAnswer:
        if isinstance(answer, AdminError):
            raise answer
        return answer

    monkeypatch.setattr(AdminClient, "get", get)
    with pytest.raises(SourceError) as failed:
        await ways(supervisor).entries(OtherGateway("192.0.2.1:9900"), 0)
    assert str(failed.value).endswith(words)


async def test_another_gateway_is_asked_with_its_token(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    async def get(self: AdminClient, path: str, parameters: object) -> AdminAnswer:
        asked.extend([self._token, path, dict(parameters)])  # type: ignore[call-overload]  # pairs
        return AdminAnswer(200, {"entries": []})

    monkeypatch.setattr(AdminClient, "get", get)
    monkeypatch.setenv("OTHER_TOKEN", "secret")
    assert await ways(supervisor).entries(OtherGateway("192.0.2.1:9900", variable="OTHER_TOKEN"), 500) == {
        "entries": []
    }
    wanted = {"order": "uses", "descending": "true", "offset": "500", "most": "500"}
    assert asked == ["secret", "/api/entries", wanted]


def test_a_variable_that_is_not_set_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER_TOKEN", raising=False)
    with pytest.raises(SourceError, match="OTHER_TOKEN is not set"):
        token_of(OtherGateway("192.0.2.1:9900", variable="OTHER_TOKEN"))
    assert token_of(OtherGateway("192.0.2.1:9900", "given")) == "given"


@pytest.mark.parametrize(("target", "path"), [(None, None), ("stdout", None), ("/var/a.log", Path("/var/a.log"))])
async def test_the_own_log_is_a_file_or_nothing(supervisor: Supervisor, target: str | None, path: Path | None) -> None:
    settings = supervisor.configuration.settings.model_copy(update={"access_log": target})
    assert FleetWays(supervisor.fleet, lambda: settings).own_log() == path


async def test_workers_share_where_there_is_a_tier(supervisor: Supervisor) -> None:
    settings = supervisor.configuration.settings
    assert not surroundings(supervisor.fleet, lambda: settings).shares()
    tiers = TierSettings.model_validate({"host": "/nowhere"})
    shared = settings.model_copy(update={"tiers": tiers})
    found = surroundings(supervisor.fleet, lambda: shared)
    assert found.shares()
    assert found.workers() == supervisor.fleet.ready
    assert found.settings() == settings.warming
