"""A plugin that writes down its life, for tests of what builds and closes chains."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.chain.plugin import Handler, Plugin
from gateway.chain.runtime import Runtime
from gateway.config import Settings
from gateway.http.message import Request, Response

EVENTS: list[str] = []
"""What all of them did, in order. A test clears it first."""
runtimes: dict[str, Runtime] = {}
"""What each of them was given to live by, by label."""
gates: dict[str, asyncio.Event] = {}
"""Requests to the plugin with that label wait for its gate, where there is one."""


class NotingSettings(Settings):
    """Settings of the plugin."""

    label: str
    """What it calls itself."""
    fails_to_open: bool = False
    """Whether it refuses to open."""


class NotingPlugin(Plugin):
    """Says in a field of the response that it was there."""

    Settings = NotingSettings

    def __init__(self, settings: NotingSettings, runtime: Runtime) -> None:
        self._settings = settings
        self._control = runtime.control
        runtimes[settings.label] = runtime

    async def open(self) -> None:
        """Note it, or fail."""
        if self._settings.fails_to_open:
            raise ValueError("the store is not there")
        EVENTS.append(f"open {self._settings.label}")
        if self._control is not None:
            self._control.on("label", self._tell)

    async def _tell(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"label": self._settings.label}

    def explain(self, request: Request) -> dict[str, Any] | None:
        """Say what it calls itself and what it sees; `quiet` has nothing to say."""
        label = self._settings.label
        return None if label == "quiet" else {"label": label, "sees": request.target.decode()}

    def wrap(self, inner: Handler) -> Handler:
        """Sign the response."""
        label = self._settings.label

        async def handle(request: Request) -> Response:
            if label in gates:
                EVENTS.append(f"request {label}")
                await gates[label].wait()
            response = await inner(request)
            response.fields.add(b"X-Label", label.encode())
            return response

        return handle

    async def close(self) -> None:
        """Note it."""
        EVENTS.append(f"close {self._settings.label}")


class SecondNotingPlugin(NotingPlugin):
    """The same, since no plugin may stand in a chain twice."""
