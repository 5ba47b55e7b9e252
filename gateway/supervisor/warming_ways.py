"""How warming reaches its sources: lists through the gateway's own workers, other gateways by their admin address."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from gateway.config import GatewaySettings
from gateway.supervisor.client import AdminClient, AdminError
from gateway.supervisor.fleet import Fleet
from gateway.supervisor.process import Worker
from gateway.warming.entries import PAGE_ROWS
from gateway.warming.gather import Moved, SourceError
from gateway.warming.order import OtherGateway
from gateway.warming.run import Surroundings
from gateway.worker.control import CallRefusedError

STDOUT = "stdout"


class FleetWays:
    """Ways over the workers of a gateway."""

    def __init__(self, fleet: Fleet, settings: Callable[[], GatewaySettings]) -> None:
        self._fleet = fleet
        self._settings = settings

    async def read(self, url: str) -> AsyncGenerator[bytes, None]:
        """The content of a URL that this gateway serves: no request leaves it but along its own routes.

        Raises SourceError."""
        workers = self._fleet.ready
        if not workers:
            raise SourceError("no worker is ready")
        worker, settings = workers[0], self._settings().warming
        fields = [*settings.fields.items()]
        try:
            told = await worker.call(
                "warm_read",
                timeout=settings.timeout + 5.0,
                url=url,
                fields=[(name, value) for name, value in fields if name.lower() != "accept-encoding"],
                seconds=settings.timeout,
            )
            if told["status"] != 200:
                if told.get("location") and told["status"] in (301, 302, 303, 307, 308):
                    raise Moved(told["location"])
                raise SourceError(f"answered with {told['status']}")
            async with aclosing(self._pieces(worker, told["handle"], settings.timeout)) as pieces:
                async for piece in pieces:
                    yield piece
        except (CallRefusedError, TimeoutError, ConnectionError) as error:
            raise SourceError(str(error)) from None

    async def _pieces(self, worker: Worker, handle: int, seconds: float) -> AsyncGenerator[bytes, None]:
        last = False
        try:
            while not last:
                more = await worker.call("warm_more", timeout=seconds + 5.0, handle=handle, seconds=seconds)
                last = more["last"]
                yield base64.b64decode(more["data"])
        finally:
            if not last:
                worker.tell("warm_more", handle=handle, enough=True)

    async def entries(self, source: OtherGateway, offset: int) -> Mapping[str, Any]:
        """A page of another gateway's list. Raises SourceError."""
        wanted = {"order": "uses", "descending": "true", "offset": str(offset), "most": str(PAGE_ROWS)}
        token = token_of(source)
        try:
            client = AdminClient(source.address, token, may_be_link_local=False)
            answer = await client.get("/api/entries", list(wanted.items()))
        except AdminError as error:
            raise SourceError(str(error).partition("\n")[0]) from None
        if answer.is_refusal:
            raise SourceError(answer.detail)
        return answer.document

    def own_log(self) -> Path | None:
        """Where this gateway writes its access log."""
        target = self._settings().access_log
        return None if target is None or target == STDOUT else Path(target)


def surroundings(fleet: Fleet, settings: Callable[[], GatewaySettings]) -> Surroundings:
    """What runs of this gateway need."""

    def shares() -> bool:
        tiers = settings().tiers
        return any(getattr(tiers, name) is not None for name in type(tiers).model_fields)

    return Surroundings(
        settings=lambda: settings().warming,
        workers=lambda: fleet.ready,
        shares=shares,
        ways=FleetWays(fleet, settings),
        refused=CallRefusedError,
    )


def token_of(source: OtherGateway) -> str | None:
    """The token for another gateway. Raises SourceError when its variable is not set."""
    if source.variable is None:
        return source.token
    token = os.environ.get(source.variable)
    if not token:
        raise SourceError(f"the environment variable {source.variable} is not set")
    return token
