import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import GatewaySettings
from gateway.figures import Figures
from gateway.supervisor import health_keeper
from gateway.supervisor.health_keeper import Keeper
from tests.gateway.supervisor.harness import until

A, B = "http://127.0.0.1:1", "http://127.0.0.1:2"


def settings(**upstreams: Any) -> GatewaySettings:
    return GatewaySettings.model_validate({"upstreams": upstreams})


class Told:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def __call__(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def keeper(told: Told) -> AsyncIterator[Keeper]:
    keeper = Keeper(Figures.in_memory(), told)
    yield keeper
    await keeper.close()


async def use(keeper: Keeper, wanted: GatewaySettings) -> None:
    await keeper.prepare(wanted)
    await keeper.adopt()


def urls(message: dict[str, Any]) -> dict[str, list[str]]:
    return {each["name"]: [server["url"] for server in each["servers"]] for each in message["upstreams"]}


async def test_workers_are_told_once_about_all_that_changes_at_once(keeper: Keeper, told: Told) -> None:
    await use(keeper, settings(app={"servers": [A, B]}))
    await asyncio.sleep(0)
    told.messages.clear()
    keeper.drain("app", A, True)
    keeper.drain("app", B, True)
    await until(lambda: told.messages)
    assert len(told.messages) == 1
    assert [server["is_draining"] for server in told.messages[0]["upstreams"][0]["servers"]] == [True, True]


async def test_every_message_has_the_same_key(keeper: Keeper) -> None:
    await use(keeper, settings(app={"servers": A}))
    assert keeper.message()["key"] == keeper.message()["key"]
    assert len(bytes.fromhex(keeper.message()["key"])) == 32


async def test_while_a_configuration_is_prepared_both_are_told(keeper: Keeper) -> None:
    await use(keeper, settings(app={"servers": A}, same={"servers": A}))
    await keeper.prepare(settings(app={"servers": B}, same={"servers": A}))
    listed = [(each["name"], each["servers"][0]["url"]) for each in keeper.message()["upstreams"]]
    assert listed == [("app", A), ("same", A), ("app", B)]
    keeper.discard()
    assert urls(keeper.message()) == {"app": [A], "same": [A]}


async def test_after_a_reload_drained_servers_that_stay_are_still_drained(keeper: Keeper) -> None:
    await use(keeper, settings(app={"servers": [A, B]}))
    keeper.drain("app", A, True)
    await use(keeper, settings(app={"servers": [A], "balance": "round_robin"}))
    assert keeper.status()["app"]["servers"][0]["state"] == "draining"


async def test_an_upstream_that_did_not_change_is_watched_on(keeper: Keeper) -> None:
    await use(keeper, settings(app={"servers": A, "health": "/healthz"}))
    before = keeper._watches["app"]
    await use(keeper, settings(app={"servers": A, "health": "/healthz"}, more={"servers": B}))
    assert keeper._watches["app"] is before
    assert before._tasks


async def test_what_is_left_out_is_watched_no_more(keeper: Keeper) -> None:
    await use(keeper, settings(app={"servers": A, "health": "/healthz"}, more={"servers": B}))
    before = keeper._watches["app"]
    await use(keeper, settings(more={"servers": B}))
    assert not before._tasks
    assert list(keeper.status()) == ["more"]


async def test_a_source_that_takes_its_time_does_not_hold_up_a_start(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(health_keeper, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr("gateway.supervisor.health_discovery.ServerFile.find", never)
    await use(keeper, settings(app={"servers": [A, f"file:{tmp_path}/servers.yaml"]}))
    assert urls(keeper.message()) == {"app": [A]}


@pytest.mark.parametrize(
    ("upstream", "url", "words"),
    [("other", A, "there is no upstream 'other'; there are app"), ("app", B, f"has no server '{B}'; it has {A}")],
)
async def test_a_server_that_is_not_there_cannot_be_drained(
    keeper: Keeper, upstream: str, url: str, words: str
) -> None:
    await use(keeper, settings(app={"servers": A}))
    with pytest.raises(LookupError, match=words):
        keeper.drain(upstream, url, True)
