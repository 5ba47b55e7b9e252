import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests import websocket
from loadtests.support.cores import Placement
from loadtests.websocket import MEASUREMENTS, _command, _configuration


@pytest.mark.parametrize("websocket", [None, {}, {"strategy": "adaptive"}])
def test_the_gateway_takes_its_configuration(websocket: dict[str, object] | None) -> None:
    text = _configuration("slipstream", 1, 2, 3, Path("/nowhere"), websocket, "5s")
    (route,) = load_text(text, settings_of).routes
    assert [use.name for use in route.plugins] == ([] if websocket is None else ["websocket_batch"])


@pytest.mark.parametrize("peer", ["nginx", "haproxy"])
def test_others_listen_and_ask_where_they_are_told(peer: str) -> None:
    text = _configuration(peer, 1111, 2222, 3333, Path("/nowhere"), None, "5s")
    assert "127.0.0.1:1111" in text
    assert "127.0.0.1:3333" in text
    assert _command(peer, Path("/nowhere/x"), Path("/nowhere"))[0] == peer


def test_every_measurement_is_explained() -> None:
    assert all(measure.__doc__ for measure in MEASUREMENTS.values())


def test_origin_proxy_and_clients_have_their_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.sched_getaffinity(0)
    load = frozenset({min(mine)})
    started: dict[str, frozenset[int]] = {}

    class Started:
        def stop(self) -> None: ...

        def wait_until_answers(self, port: int, path: str) -> None: ...

    def start(name: str, argv: list[str], *, directory: Path, cores: frozenset[int]) -> Any:
        started[name] = cores
        return Started()

    monkeypatch.setattr(websocket, "start", start)
    monkeypatch.setattr(websocket, "place_here", lambda: Placement(frozenset({70}), frozenset({71}), load))
    with websocket.ground("slipstream"):
        assert os.sched_getaffinity(0) == load
    assert os.sched_getaffinity(0) == mine
    assert started == {"origin": {71}, "slipstream": {70}}


def test_cores_are_given_away_while_all_of_them_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    async def look(options: argparse.Namespace) -> bool:
        await asyncio.sleep(0)
        seen.append(os.sched_getaffinity(0))
        return True

    monkeypatch.setattr(websocket, "MEASUREMENTS", {"tunnel": look})
    monkeypatch.setattr(sys, "argv", ["websocket", "tunnel"])
    before = os.sched_getaffinity(0)
    assert websocket.main() == 0
    assert seen == [before]
