"""The `batch` plugin: three parts, each where it is wanted and nowhere else."""

from __future__ import annotations

from typing import Any

from gateway.api import Handler, Plugin, Request, Runtime
from plugins.batch.client.plugin import ClientPart
from plugins.batch.explaining import explained_batch, explained_calls, explained_merge
from plugins.batch.merge.plugin import MergePart
from plugins.batch.rpc.plugin import RpcPart
from plugins.batch.settings import BatchSettings


class BatchPlugin(Plugin):
    """Fewer calls: batches of clients, bulk calls upstream, arrays of calls taken apart."""

    Settings = BatchSettings
    after = ("cache", "coalesce")  # each of those who share a bulk call stores an answer of its own
    before = ("circuit_breaker",)  # a bulk call that fails is one failure, however many waited for it

    def __init__(self, settings: BatchSettings, runtime: Runtime) -> None:
        self._clock = runtime.clock
        self._path = b"" if settings.client is None else settings.client.path.encode()
        self._client: ClientPart | None = None
        if settings.client is not None and runtime.dispatch is not None:
            self._client = ClientPart(settings.client, runtime, runtime.dispatch)
        self.merge = MergePart(settings.merge, runtime) if settings.merge else None
        """The part that merges, if it is wanted."""
        self._rpc = RpcPart(settings.rpc, runtime) if settings.rpc else None

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind those parts that are wanted; `inner` itself when none is."""
        for part in (self.merge, self._rpc, self._client):
            if part is not None:
                inner = part.wrap(inner)
        return inner

    def explain(self, request: Request) -> dict[str, Any] | None:
        """What would happen to `request` now, and why."""
        path = request.path
        if self._client is not None and path == self._path:
            return explained_batch(request)
        told = None if self._rpc is None else explained_calls(request, self._rpc.endpoint(path))
        if told is None and self.merge is not None:
            told = explained_merge(request, self.merge.rules, self._clock.monotonic())
        return told

    async def close(self) -> None:
        """Let go of what is under way."""
        for part in (self._client, self.merge):
            if part is not None:
                part.close()
