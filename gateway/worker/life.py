"""A worker's life: build the road, say that it is ready, follow the supervisor, drain, end.

The supervisor asks over the control channel:

    configure     first of all: the row, the sockets, the configuration. The answer means ready
    prepare       compile another configuration beside the one in use
    commit        put it in use; `discard` forgets it instead
    certificates  read the listeners' TLS files again
    reopen        open the access log anew
    status        what the road knows about itself
    drain         accept nothing more, finish, end

It ends in the same way when the supervisor is gone."""

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
import uvloop

from gateway.chain.registry import settings_of
from gateway.config import Configuration
from gateway.figures import Figures
from gateway.figures.layout import PREFIX
from gateway.figures.slab import Row
from gateway.worker.access_log import AccessLog
from gateway.worker.control import Channel, Message, open_channel
from gateway.worker.orphan import end_with
from gateway.worker.pulse import Pulse

CLOSE_SECONDS = 5.0
"""How long the road may take to close after it was drained."""

_FULL_COLLECTIONS_AFTER = 1000
"""Collections of the second generation before a full one."""

ORPHAN_SECONDS = 5.0
"""How much longer than its drain time a worker may outlive its supervisor."""


class Road(Protocol):
    """What a worker drives: `gateway.worker.road.Road`, or another one in tests."""

    async def prepare(self, configuration: Configuration) -> Any:
        """Compile a configuration; changes nothing. Raises with words for the user."""

    async def commit(self, prepared: Any) -> None:
        """Put what was prepared in use."""

    async def discard(self, prepared: Any) -> None:
        """Let go of what was prepared and will not be used."""

    def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept connections: one socket for each entry of `listen`, in its order."""

    def stop_accepting(self) -> None:
        """Accept no more connections."""

    async def drain(self, timeout: float) -> int:
        """Let running exchanges end for `timeout` seconds; how many were cut."""

    async def reload_certificates(self) -> list[str]:
        """Read TLS files again; what is wrong with them."""

    async def close(self) -> None:
        """Let go of everything."""

    def status(self) -> dict[str, object]:
        """For /api/status; JSON."""


RoadMaker = Callable[[Figures, Channel, AccessLog], Road]


class Life:
    """One worker from its first message to its end."""

    def __init__(self, channel: Channel, make_road: RoadMaker) -> None:
        self._channel = channel
        self._make_road = make_road
        self._log = structlog.get_logger("slipstream.worker")
        self._road: Road | None = None
        self._access_log: AccessLog | None = None
        self._pulse: Pulse | None = None
        self._configuration: Configuration | None = None
        self._prepared: tuple[int, Configuration, Any] | None = None
        self._ending = asyncio.Event()
        self._drain_seconds: float | None = None
        for kind, handler in (
            ("configure", self._configure),
            ("prepare", self._prepare),
            ("commit", self._commit),
            ("discard", self._discard),
            ("certificates", self._certificates),
            ("reopen", self._reopen),
            ("status", self._status),
            ("drain", self._drain),
        ):
            channel.on(kind, handler)
        channel.listen()

    async def live(self) -> None:
        """Return when the worker has drained."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.end)
        gone = asyncio.ensure_future(self._supervisor_gone())
        await self._ending.wait()
        gone.cancel()
        await self._finish()

    def end(self, drain_seconds: float | None = None) -> None:
        """Begin to drain, for as long as the configuration says unless told otherwise. Once is enough."""
        if not self._ending.is_set():
            self._drain_seconds = drain_seconds
            self._ending.set()

    async def _supervisor_gone(self) -> None:
        await asyncio.shield(self._channel.closed)
        self._log.warning("the supervisor is gone: draining")
        self.end()

    async def _configure(self, message: Message) -> None:
        configuration = decode(message["configuration"])
        row = Row(message["slab"], message["row"], message["columns"])
        figures = Figures(row.cells, lambda layout: self._channel.send("layout", **layout.to_message())).scope(PREFIX)
        self._pulse = Pulse(figures)
        self._access_log = AccessLog(configuration.settings.access_log, figures)
        self._road = self._make_road(figures, self._channel, self._access_log)
        await self._road.commit(await self._road.prepare(configuration))
        self._configuration = configuration
        end_with(message["supervisor"], configuration.settings.drain + ORPHAN_SECONDS)
        quiet_collector()
        self._road.serve([listening_socket(descriptor) for descriptor in message["sockets"]])

    async def _prepare(self, message: Message) -> None:
        road = self._built()
        await self._discard(message)
        configuration = decode(message["configuration"])
        self._prepared = message["generation"], configuration, await road.prepare(configuration)

    async def _commit(self, message: Message) -> None:
        road = self._built()
        prepared, self._prepared = self._prepared, None
        if prepared is None or prepared[0] != message["generation"]:
            raise LookupError(f"generation {message['generation']} was not prepared")
        _, configuration, compiled = prepared
        await road.commit(compiled)
        target = configuration.settings.access_log
        if self._access_log and self._configuration and target != self._configuration.settings.access_log:
            self._access_log.reopen(target)
        self._configuration = configuration

    async def _discard(self, message: Message) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await self._built().discard(prepared[2])

    async def _certificates(self, message: Message) -> Message:
        return {"errors": await self._built().reload_certificates()}

    def _reopen(self, message: Message) -> None:
        if self._access_log and self._configuration:
            self._access_log.reopen(self._configuration.settings.access_log)

    def _status(self, message: Message) -> Message:
        return {"pid": os.getpid(), **self._built().status()}

    def _drain(self, message: Message) -> None:
        self.end(float(message["seconds"]))

    def _built(self) -> Road:
        if self._road is None:
            raise RuntimeError("the worker has not been configured yet")
        return self._road

    async def _finish(self) -> None:
        if self._road is not None:
            self._road.stop_accepting()
            if self._drain_seconds is None:
                self._drain_seconds = self._configuration.settings.drain if self._configuration else 0.0
            cut = await self._road.drain(self._drain_seconds)
            self._channel.send("drained", cut=cut)
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._road.close()
            except Exception as error:  # the end comes all the same
                self._log.error("the road did not close cleanly", exc_info=error)
        if self._pulse is not None:
            self._pulse.stop()
        if self._access_log is not None:
            self._access_log.close()
        self._channel.close()
        await asyncio.sleep(0)


def decode(text: str) -> Configuration:
    """A configuration as the supervisor sends it."""
    return Configuration.from_json(text.encode(), settings_of)


def listening_socket(descriptor: int) -> socket.socket:
    """An inherited socket, not blocking."""
    inherited = socket.socket(fileno=descriptor)
    inherited.setblocking(False)
    return inherited


def quiet_collector() -> None:
    """Keep the cycle collector away from what lives as long as the worker.

    Some 44,000 objects exist when the road is built. Looking at them in a full collection stops the loop for 13 ms;
    frozen they cost nothing. 61,000 requests passed through caused 4 collections of 0.6 ms in all, as exchanges are
    freed by their reference counts. What a store holds is looked at only in full collections: with 100,000 stored
    responses one takes 65 ms, so they are a hundred times rarer than usual."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_COLLECTIONS_AFTER)


def log_everything_uncaught() -> None:
    """No error of this process ends unseen: not in the loop, not in a thread, not at the end of all."""
    log = structlog.get_logger("slipstream.worker")
    faulthandler.enable()

    def in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.error("uncaught in the loop", what=context.get("message"), exc_info=context.get("exception"))

    def in_thread(details: threading.ExceptHookArgs) -> None:
        log.error("uncaught in a thread", exc_info=details.exc_value)

    threading.excepthook = in_thread
    sys.excepthook = lambda kind, error, trace: log.error("uncaught", exc_info=error)
    asyncio.get_running_loop().set_exception_handler(in_loop)


def run(channel_descriptor: int, make_road: RoadMaker) -> int:
    """Live a worker's life over the control channel inherited as that descriptor; the exit code."""

    async def live() -> None:
        log_everything_uncaught()
        channel = await open_channel(socket.socket(fileno=channel_descriptor))
        await Life(channel, make_road).live()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    with contextlib.suppress(AttributeError, OSError):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())
    return os.EX_OK
