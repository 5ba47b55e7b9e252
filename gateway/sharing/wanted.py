"""What is shared under a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config.settings import GatewaySettings
from gateway.figures import Figures
from gateway.sharing.place_file import PlaceFile
from gateway.tiers.seal import Seal, SealError

if TYPE_CHECKING:
    from gateway.redis.client import Redis
    from gateway.sharing.sharing import Hand, Sharing


async def nobody(kind: str, message: dict[str, object]) -> None:
    """For a worker without a supervisor: nothing in it answers. Raises LookupError."""
    raise LookupError(kind)


def sharing_for(
    settings: GatewaySettings, redis: Redis | None, figures: Figures, hand: Hand | None, current: Sharing | None
) -> Sharing | None:
    """What is shared by that client, not open yet; what is in use where it fits. `None` without Redis."""
    if redis is None:
        return None
    names = _names(settings)
    if current is not None and current.redis is redis and current.names == names:
        return current
    from gateway.sharing.sharing import Sharing  # its libraries are for those who want them

    host = settings.tiers.host
    place_file = None if host is None else PlaceFile(host.path)
    return Sharing(redis, figures, hand or nobody, place_file, names)


def _names(settings: GatewaySettings) -> bytes:
    """The key of digests that the Redis tier has."""
    far = settings.tiers.redis
    if far is None or far.secret is None:
        return b""
    try:
        return Seal.from_environment(far.secret).names
    except SealError:
        return b""  # the tier is off, and says so
