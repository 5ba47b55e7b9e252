"""What a worker has beside its memory: tiers, the client of Redis, and what it does by that as one with others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.config.settings import GatewaySettings
from gateway.figures import Figures
from gateway.redis.wanted import redis_for
from gateway.sharing.wanted import sharing_for
from gateway.tiers.tiers import Tiers, tiers_for

if TYPE_CHECKING:
    from gateway.redis.client import Redis
    from gateway.sharing.sharing import Hand, Sharing


@dataclass(slots=True)
class Stores:
    """Those of one configuration. What does not change is the same in the next one."""

    redis: Redis | None = None
    sharing: Sharing | None = None
    tiers: Tiers | None = None

    async def prepare(self, settings: GatewaySettings, figures: Figures, hand: Hand | None, current: Stores) -> None:
        """Make ready what a configuration wants, or take it over from `current`. What was made stays here to be closed
        when this fails."""
        self.redis = await redis_for(settings.redis, figures, current.redis)
        self.sharing = sharing_for(settings, self.redis, figures, hand, current.sharing)
        book = None if self.sharing is None else self.sharing.purges
        self.tiers = await tiers_for(settings.tiers, figures, current.tiers, self.redis, book)

    async def begin(self) -> None:
        """The configuration is in use: hear what others purge, and for a moment what they have purged."""
        if self.sharing is not None:
            await self.sharing.open()

    async def sibling_ended(self) -> None:
        """Another worker of this gateway is no more."""
        if self.sharing is not None:
            await self.sharing.bury_kin()

    async def close(self, used: Stores) -> None:
        """Let go of all that is not `used` by another configuration."""
        if self.sharing is not None and self.sharing is not used.sharing:
            await self.sharing.close()
        if self.tiers is not None and self.tiers is not used.tiers:
            await self.tiers.close()
        if self.redis is not None and self.redis is not used.redis:
            await self.redis.close()
