from pathlib import Path

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
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
