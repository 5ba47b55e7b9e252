"""The plugin and its stores: what is kept, for how long, by whom, and what happens when it cannot be."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins.idempotency.store import StoreError
from tests.support.light_tasks import turns
from tests.support.plugins import ManualClock, ScriptedUpstream, make_request, pairs
from tests.support.repeated import Room, made, order


def files(directory: Path, pattern: str) -> list[Path]:
    return sorted(directory.glob(pattern))


@pytest.fixture
def room() -> Room:
    return Room()


async def test_answers_are_kept_for_their_time() -> None:
    clock = ManualClock()
    room = Room(clock)
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream, keep="1h")
    await handler(order())
    clock.advance(3599)
    await handler(order())
    clock.advance(2)
    await handler(order())
    assert len(upstream.requests) == 2


async def test_a_reload_keeps_the_answers(room: Room) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    await handler(order())
    before = room.plugin
    handler = await room.before(upstream, mark="off")
    await before.close()
    assert pairs((await handler(order())).fields) == [("Location", "/orders/7")]


async def test_several_workers_share_a_directory_and_the_last_takes_it_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.idempotency.placing._IN_MEMORY", tmp_path)
    upstream = ScriptedUpstream(made)
    rooms, handlers = [Room(), Room()], []
    for room in rooms:
        room.runtime = replace(room.runtime, workers=2)
        handlers.append(await room.before(upstream))
    await handlers[0](order())
    assert (await handlers[1](order())).body == b"made"
    assert len(upstream.requests) == 1
    assert len(files(tmp_path, "*/*.done")) == 1
    for room in rooms:
        await room.plugin.close()
    assert files(tmp_path, "*") == []


async def test_a_directory_that_is_named_stays(tmp_path: Path, room: Room) -> None:
    handler = await room.before(ScriptedUpstream(made), store=str(tmp_path / "answers"))
    await handler(order())
    await room.plugin.close()
    assert len(files(tmp_path / "answers", "*.done")) == 1


async def test_a_directory_that_cannot_be_used_refuses_the_configuration(tmp_path: Path, room: Room) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        await room.before(ScriptedUpstream(), store=str(tmp_path / "file"))
    await room.plugin.close()


async def test_a_store_that_fails_stops_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    store = room.plugin._store

    def fails(*arguments: Any) -> Any:
        raise StoreError("full")

    monkeypatch.setattr(store, "finish", fails)
    assert (await handler(order())).status == 201
    assert room.answers("store_failed") == 1
    monkeypatch.setattr(store, "begin", fails)
    assert (await handler(order())).status == 201
    assert room.requests("without_store") == 1


class Later:
    """A store that takes its time."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        at_once = getattr(self._store, name)

        async def call(*arguments: Any) -> Any:
            await asyncio.sleep(0)
            return at_once(*arguments)

        return call


async def test_a_store_that_answers_later_is_waited_for(room: Room) -> None:
    upstream = ScriptedUpstream(made)
    handler = await room.before(upstream)
    room.plugin._store = Later(room.plugin._store)
    handler = room.plugin.wrap(upstream)
    await handler(order())
    await turns(10)
    assert (await handler(order())).status == 201
    assert len(upstream.requests) == 1


async def test_figures_show_what_is_kept(room: Room) -> None:
    handler = await room.before(ScriptedUpstream(made))
    await handler(order())
    for look in room.runtime.at_each_sweep:
        look()
    assert room.figures.value("idempotency_records") == 1
    assert room.figures.value("idempotency_under_way", route="default") == 0
    await room.plugin.close()
    assert room.runtime.at_each_sweep == []


async def test_explain_says_what_is_known_of_a_key(room: Room) -> None:
    handler = await room.before(ScriptedUpstream(made), required=True)
    explain = room.plugin.explain
    assert explain(make_request()) is None
    assert (explain(make_request("POST")) or {})["decision"] == "refuse"
    assert (explain(order(key="a b")) or {})["reason"] == "malformed"
    assert (explain(order()) or {})["reason"] == "first"
    await handler(order())
    told = explain(order())
    assert told is not None
    assert (told["decision"], told["reason"], told["status"]) == ("answer", "replayed", 201)
