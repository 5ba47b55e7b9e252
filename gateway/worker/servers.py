"""What the supervisor knows about the servers of upstreams, on its way to the upstreams of this worker.

It sends all of it whenever something changes, and a worker asks for it before it uses a configuration: a server that
was found bad is not tried anew by each worker that starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.upstream.forward import Upstream
from gateway.worker.answering import Switchboard
from gateway.worker.control import CallRefusedError

ASK_SECONDS = 5.0
"""How long the supervisor may take for an answer. Without one, servers are taken for good ones."""


class ServerNews:
    """The last that was heard, handed on to upstreams."""

    def __init__(self, channel: Switchboard | None) -> None:
        self._channel = channel
        self._news: dict[str, Any] = {}
        self._log = structlog.get_logger("slipstream.upstream")
        self.upstreams: Mapping[str, Upstream] = {}
        """Those in use, which hear everything at once."""
        if channel is not None:
            channel.on("servers", self._hear)

    async def ask(self) -> None:
        """Ask for the latest."""
        if self._channel is None:
            return
        try:
            self._news = await self._channel.call("servers", timeout=ASK_SECONDS)
        except (TimeoutError, ConnectionError, CallRefusedError) as error:
            self._log.warning("nothing was heard about servers", reason=str(error))

    async def _hear(self, message: dict[str, Any]) -> None:
        self._news = message
        self.tell(self.upstreams)

    def tell(self, upstreams: Mapping[str, Upstream]) -> None:
        """Tell upstreams what was heard last about the servers that their settings name."""
        if not self._news:
            return
        key = bytes.fromhex(self._news["key"])
        for news in self._news["upstreams"]:
            upstream = upstreams.get(news["name"])
            if upstream is not None and upstream.lists(news["listed"]):
                upstream.tell(news, key)
