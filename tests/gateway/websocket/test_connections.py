import asyncio
from typing import Any

import pytest

from gateway.websocket.bridge import Bridge
from gateway.websocket.terms import QueueLimits, TunnelTerms
from tests.support.framed import Framed
from tests.support.frames import close, frame
from tests.support.roads import turns


async def test_a_list_tells_who_is_connected_and_names_no_secrets() -> None:
    framed = Framed(mode="batch.v1")
    other = Framed(TunnelTerms(), connections=framed.connections)
    framed.text("x")
    other.client.receive(b"octets")
    first, second = framed.connections.table().rows
    assert (first["mode"], second["mode"]) == ("batch.v1", "tunnel")
    assert first["id"] != second["id"]
    assert (first["route"], first["client"], first["target"]) == ("live", "192.0.2.7", "/socket")
    assert first["server"] == "http://127.0.0.1:8000"
    assert first["messages"] == {"down": 0, "up": 1}
    assert second["octets"] == {"down": 0, "up": 6}
    assert second["octets_per_second"] == {"down": 0, "up": 6}
    assert [row["id"] for row in framed.connections.table("live").rows] == [first["id"], second["id"]]
    assert framed.connections.table("other") == (0, [])


async def test_what_is_not_told_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    framed = Framed()
    others = [Framed(connections=framed.connections) for _ in range(9)]
    others[4].client.is_stalled = True
    for _ in range(3):
        others[4].news("x" * 70_000)
    described: list[Bridge] = []
    describe = Bridge.describe

    def noted(bridge: Bridge) -> dict[str, Any]:
        described.append(bridge)
        return describe(bridge)

    monkeypatch.setattr(Bridge, "describe", noted)
    assert framed.connections.table(most=2).number == 10
    assert described == [framed.pair, others[0].pair]
    assert framed.connections.table(most=1, by_queue=True).number == 10
    assert described[2:] == [others[4].pair]


async def test_one_of_them_can_be_ended() -> None:
    framed = Framed()
    other = Framed(connections=framed.connections)
    (name, _) = [row["id"] for row in framed.connections.table().rows]
    assert framed.connections.close(name, 4000, "go away")
    assert not framed.connections.close("nobody", 4000, "go away")
    assert framed.codes() == (4000, 1001)
    assert other.codes() == (None, None)


async def test_connections_are_counted_by_mode_until_they_are_over() -> None:
    framed = Framed()
    assert framed.figures.value("websocket_connections", route="live", mode="framed") == 1
    framed.pair.abort()
    await turns()
    assert framed.is_over
    assert len(framed.connections) == 0
    assert framed.figures.value("websocket_connections", route="live", mode="framed") == 0
    assert framed.deadlines._members == set()


async def test_draining_tells_everybody_and_ends_when_all_have_gone() -> None:
    first = Framed()
    rest = [Framed(connections=first.connections) for _ in range(9)]
    tunnel = Framed(TunnelTerms(), connections=first.connections)
    async with asyncio.timeout(10):
        await first.connections.drain(0.4)
    assert [each.codes() for each in (first, *rest)] == [(1012, 1001)] * 10
    for each in (first, *rest):
        each.says(close(1012))
        each.answers(close(1001, masked=False))
    await turns()
    assert tunnel.is_over
    assert len(first.connections) == 0


async def test_who_is_upgraded_while_the_others_leave_is_told_as_well() -> None:
    first = Framed()
    await first.connections.drain(0.0)
    late = Framed(connections=first.connections, behind_head=frame(1, b"welcome", masked=False))
    await turns()
    assert late.heard_texts == ["welcome"]
    assert [each.codes() for each in (first, late)] == [(1012, 1001)] * 2


async def test_draining_nobody_takes_no_time() -> None:
    framed = Framed()
    framed.pair.abort()
    await turns()
    async with asyncio.timeout(10):
        await framed.connections.drain(3600.0)


async def test_when_all_queues_together_are_too_much_the_largest_goes() -> None:
    queue = QueueLimits()
    framed = Framed(queue=queue, queued_total=300_000)
    other = Framed(queue=queue, queued_total=300_000, connections=framed.connections)
    for each in (framed, other):
        each.client.is_stalled = True
        each.news("x" * 70_000)
    framed.news("x" * 100_000)
    for _ in range(4):
        other.news("x" * 70_000)
    await turns()
    assert other.is_over
    assert not framed.is_over
    assert 0 < framed.connections.queued <= 300_000
