"""The compiled-to-be shape of a configuration: which requests meet which plugins with which settings."""

from dataclasses import dataclass

from gateway.config.base import Settings
from gateway.config.guard import GuardSettings
from gateway.config.routes import MatchSettings
from gateway.config.upstreams import TimeoutSettings


@dataclass(frozen=True, slots=True)
class PluginUse:
    """A plugin in the chain of a route."""

    name: str
    settings: Settings
    """Checked for this route: the global settings with the route's own laid over them."""
    guard: GuardSettings | None = None
    """What happens when it fails, where the file says so."""


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A route with everything decided."""

    name: str
    match: MatchSettings
    upstream: str
    plugins: tuple[PluginUse, ...]
    """The chain, outermost first. Plugins that are off are not in it."""
    timeouts: TimeoutSettings
    """The upstream's, with those the route changes."""
