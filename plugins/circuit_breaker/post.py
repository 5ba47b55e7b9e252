"""What one worker tells others of its circuits: those of its gateway, and those of other gateways where that is wanted.

Beside `plugin.py` this is a file of the room that awaits. It starts nothing but through the runtime."""

from __future__ import annotations

import random
from typing import Any

from gateway.api import Runtime, Sharing
from plugins.circuit_breaker.board import Board

REMINDERS = 8
"""About so many of the other workers tell a new one which circuits are open."""


class Post:
    """Tells the other workers what changed, one message under way at a time, and answers them and the administrator."""

    def __init__(self, board: Board, runtime: Runtime) -> None:
        self._board = board
        self._runtime = runtime
        self._task: Any = None
        self._is_new = True
        self._far: dict[object, Sharing] = {}
        board.wake = self._wake

    def answer_by(self, runtime: Runtime) -> None:
        """Speak and listen by the control channel of this runtime from here on."""
        self._runtime = runtime
        control = runtime.control
        assert control is not None
        control.on("circuit", self._hear)
        control.on("circuits", self._list)
        control.on("circuit_order", self._carry_out)
        if self._is_new and runtime.workers > 1:
            runtime.at_each_sweep.append(self._ask)

    def tell_by(self, plugin: object, sharing: Sharing) -> None:
        """Speak to other gateways as well, and listen to them, while that plugin is there."""
        self._far[plugin] = sharing
        sharing.news.kinds.add("circuit")

    def tell_no_more(self, plugin: object) -> None:
        """It is there no more, if it ever was."""
        sharing = self._far.pop(plugin, None)
        if sharing is not None and sharing not in self._far.values():
            sharing.news.kinds.discard("circuit")

    def stop_asking(self, runtime: Runtime) -> None:
        """The plugin of this runtime closes."""
        if self._ask in runtime.at_each_sweep:
            runtime.at_each_sweep.remove(self._ask)

    def _ask(self) -> None:
        """Ask the others once, when this worker is at work, which circuits are open."""
        self.stop_asking(self._runtime)
        if self._is_new:
            self._is_new = False
            self._wake(ask=True)

    def _wake(self, *, ask: bool = False) -> None:
        if self._runtime.control is not None and (ask or self._task is None or self._task.done()):
            self._task = self._runtime.tasks.spawn(self._deliver(ask=ask), name="circuit_breaker.tell")

    async def _deliver(self, *, ask: bool) -> None:
        control, monotonic = self._runtime.control, self._runtime.clock.monotonic
        assert control is not None
        news: list[dict[str, Any]] = [{"ask": True}] if ask else self._board.take_news(monotonic())
        while news:
            if not ask:
                for sharing in set(self._far.values()):
                    sharing.news.tell("circuit", news)
            try:
                await control.call("relay", to="circuit", news=news)
            except Exception as error:  # each worker finds out by itself, too
                self._runtime.log.info("the other workers were not told of a circuit", reason=str(error))
                return
            news, ask = self._board.take_news(monotonic()), False

    async def _hear(self, message: dict[str, Any]) -> dict[str, Any]:
        news = message["news"]
        if news and news[0].get("ask"):
            if random.random() * (self._runtime.workers - 1) < REMINDERS:
                self._board.remind()
        else:
            self._board.hear(news, self._runtime.clock.monotonic())
        return {}

    async def _list(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"circuits": self._board.listing(self._runtime.clock.monotonic())}

    async def _carry_out(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"count": self._board.carry_out(message, self._runtime.clock.monotonic())}
