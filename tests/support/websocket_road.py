"""A worker's road with one plugin, on the test's own loop, before an origin that listens already."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.chain.registry import settings_of
from gateway.config import load_text
from gateway.figures import Figures
from gateway.worker.road import Road


@dataclass(frozen=True, slots=True)
class RoadBefore:
    """Where it listens, and what it counts."""

    port: int
    figures: Figures


@asynccontextmanager
async def road_before(origin_port: int, plugins: Mapping[str, object]) -> AsyncIterator[RoadBefore]:
    """The road, for the length of a block."""
    text = {
        "listen": "127.0.0.1:1",
        "upstreams": {"app": {"servers": [f"http://127.0.0.1:{origin_port}"]}},
        "plugins": [{name: settings} for name, settings in plugins.items()],
    }
    figures = Figures.in_memory(columns=16_384)
    road = Road(figures, None, None)
    await road.commit(await road.prepare(load_text(json.dumps(text), settings_of)))
    listener = socket.create_server(("127.0.0.1", 0))
    road.serve([listener])
    try:
        yield RoadBefore(listener.getsockname()[1], figures)
    finally:
        road.stop_accepting()
        await road.drain(5.0)
        await road.close()
        listener.close()
