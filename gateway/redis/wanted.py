"""The client for a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config.redis import RedisSettings
from gateway.figures import Figures

if TYPE_CHECKING:
    from gateway.redis.client import Redis


async def redis_for(settings: RedisSettings | None, figures: Figures, current: Redis | None) -> Redis | None:
    """The client for a configuration, connected if that is possible; the one in use where it fits. `None` without."""
    if settings is None:
        return None
    if current is not None and current.settings == settings:
        return current
    from gateway.redis.client import Redis  # its library is for those who want it

    redis = Redis(settings, figures)
    await redis.open()
    return redis
