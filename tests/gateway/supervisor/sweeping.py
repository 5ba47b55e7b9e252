"""Workers that hold what a test says, and do with a sweep what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.config.settings import SweepSettings
from gateway.supervisor.sweep_order import SweepOrder
from gateway.worker.control import Message

Answer = Callable[[list[int]], dict[str, Any]]


def all_of(outcome: str) -> Answer:
    """Every question ends so."""
    return lambda numbers: {"counts": {outcome: len(numbers)}}


class HoldingWorker:
    """A worker with pages of those names, on one route."""

    def __init__(self, *names: str, pid: int = 10, answer: Answer | None = None) -> None:
        self.name = str(pid)
        self.pid = pid
        self.names = names
        self.answer = answer or all_of("confirmed")
        self.asked: list[list[int]] = []
        """The batches that came."""
        self.runs: list[str] = []
        self.ended: list[str] = []
        self.meant: dict[str, Any] = {}
        self.fails: dict[str, Exception] = {}
        """Errors by kind of message."""
        self.gate: asyncio.Event | None = None
        """Batches wait for it."""

    async def call(self, kind: str, *, timeout: float, **fields: Any) -> Message:
        if (error := self.fails.get(kind)) is not None:
            raise error
        match kind:
            case "sweep_scan":
                self.runs.append(fields["run"])
                self.meant = fields
                return {"count": len(self.names), "unconfirmable": 0}
            case "sweep_rows":
                offset = fields["offset"]
                rows = [[number, name, "shop", 0.0, 9.0, 1, 1.0, 100] for number, name in enumerate(self.names)]
                return {"rows": rows[offset : offset + 2], "page": 2}
            case "sweep shop":
                self.asked.append(fields["numbers"])
                if self.gate is not None:
                    await self.gate.wait()
                nothing = {"octets_saved": 0, "octets_fetched": 0, "origin_seconds": 0.0, "counts": {}}
                return {
                    **nothing,
                    "changed": [],
                    "left": [],
                    "rest": None,
                    "failures": [],
                    **self.answer(fields["numbers"]),
                }
        raise AssertionError(f"nobody asks a worker for {kind}")

    def tell(self, kind: str, **fields: Any) -> None:
        assert kind == "sweep_end"
        self.ended.append(fields["run"])


def order(name: str = "test", trigger: str = "api", **said: Any) -> SweepOrder:
    """An order, at full speed unless told otherwise."""
    return SweepOrder(name, SweepSettings.model_validate({"rate": 100_000, **said}), trigger)
