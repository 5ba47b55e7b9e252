"""Questions to the gateway's admin address."""

import asyncio
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from gateway.demo.scrape import Scrape, parse

_PATIENCE = ClientTimeout(total=2.0)
_AGAIN_AFTER = 0.05


class Probe:
    """Asks one gateway. Without an answer it gives `None`: the next question may fare better."""

    def __init__(self, session: ClientSession, admin: str) -> None:
        self._session = session
        self._base = f"http://{admin}"

    async def until_ready(self) -> None:
        """Return once the gateway is ready for traffic."""
        while True:
            try:
                async with self._session.get(f"{self._base}/ready", timeout=_PATIENCE) as answer:
                    if answer.status == 200:
                        return
            except (ClientError, TimeoutError):
                pass
            await asyncio.sleep(_AGAIN_AFTER)

    async def figures(self) -> Scrape | None:
        """What `/metrics` says."""
        try:
            async with self._session.get(f"{self._base}/metrics", timeout=_PATIENCE) as answer:
                return parse(await answer.text()) if answer.status == 200 else None
        except (ClientError, TimeoutError, ValueError):
            return None

    async def status(self) -> dict[str, Any] | None:
        """What `/api/status` says."""
        return await self._document("/api/status")

    async def circuits(self) -> dict[str, Any] | None:
        """What `/api/breakers` says."""
        return await self._document("/api/breakers")

    async def _document(self, path: str) -> dict[str, Any] | None:
        try:
            async with self._session.get(f"{self._base}{path}", timeout=_PATIENCE) as answer:
                document = await answer.json() if answer.status == 200 else None
                return document if isinstance(document, dict) else None
        except (ClientError, TimeoutError, ValueError):
            return None
