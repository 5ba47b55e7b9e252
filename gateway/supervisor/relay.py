"""What one worker has to tell all the others, handed on.

A worker calls `relay` with the kind of a message in `to` and the message in `news`. It is handed to every other worker,
and answered when each one that is ready has done what it does about it: so whoever sends one at a time never has more
than one under way, however slow the others are."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from gateway.supervisor.process import State, Worker
from gateway.worker.control import CallRefusedError, ChannelClosedError, Message, UnknownKindError

RELAY_SECONDS = 2.0
"""How long a worker may take over what another one tells it. It is told in any case, and the sender waits no longer."""


class Relay:
    """Hands messages of workers on to the others."""

    def __init__(self, workers: Callable[[], Iterable[Worker]]) -> None:
        """`workers` gives all there are now, whatever they are doing."""
        self._workers = workers
        self._log = structlog.get_logger("slipstream.supervisor")

    async def pass_on(self, sender: Worker, message: Message) -> Message:
        """Tell the others; how many were `told`, and how many of those are ready and have done it.

        One that starts or drains may already, or still, answer requests: it is told, and nobody waits for it."""
        others = [worker for worker in self._workers() if worker is not sender and worker.state is not State.ENDED]
        asked: list[Worker] = []
        for worker in others:
            if worker.state is State.READY:
                asked.append(worker)
            else:
                worker.tell(message["to"], news=message["news"])
        calls = (worker.call(message["to"], timeout=RELAY_SECONDS, news=message["news"]) for worker in asked)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        done = [self._is_done(worker, message["to"], outcome) for worker, outcome in zip(asked, outcomes, strict=True)]
        return {"told": len(others), "done": sum(done)}

    def _is_done(self, worker: Worker, kind: str, outcome: Any) -> bool:
        match outcome:
            case UnknownKindError() | ChannelClosedError():  # it has nothing of the kind, or nothing at all any more
                return False
            case CallRefusedError() | TimeoutError():
                self._log.warning("news was not taken over", worker=worker.name, kind=kind, reason=str(outcome))
                return False
            case BaseException():
                raise outcome
        return True
