"""Host tiers in a folder of their own, and records for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.config.tiers import HostTierSettings, TierSettings
from gateway.figures.registry import Figures
from gateway.tiers.host import HostTier
from gateway.tiers.tier import Entry
from gateway.tiers.tiers import Tiers

PATIENCE = 30.0
"""Seconds after which something that should happen is said not to."""


def record(name: bytes = b"http://a/", body: bytes = b"body", **changes: Any) -> Entry:
    """A record that is good for an hour."""
    now = time.time()
    given: dict[str, Any] = {"head": b"head ", "when": now, "until": now + 3600.0, "marks": (2**62,), **changes}
    return Entry(name=name, body=body, **given)


async def until(condition: Any) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.005)


async def written(tier: HostTier) -> None:
    """Wait until nothing waits to be written."""
    await until(lambda: tier._waiting.is_empty)


@asynccontextmanager
async def host_tier(folder: Path, figures: Figures | None = None, **settings: Any) -> AsyncIterator[HostTier]:
    """An open host tier."""
    wanted = HostTierSettings.model_validate({"path": str(folder), **settings})
    tier = HostTier(wanted, figures or Figures.in_memory())
    await tier.open()
    try:
        yield tier
    finally:
        await tier.close()


@asynccontextmanager
async def tiers_in(folder: Path, figures: Figures | None = None) -> AsyncIterator[tuple[Tiers, HostTier]]:
    """All tiers of a worker, of which the host tier is the only one."""
    async with host_tier(folder, figures) as host:
        yield Tiers(TierSettings(host=host.settings), host), host
