"""A configuration that passed every check."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.config.chain import SettingsResolver
from gateway.config.guard import GUARD
from gateway.config.mistakes import ConfigError, Mistake, path_text
from gateway.config.plan import PluginUse, RoutePlan
from gateway.config.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a worker needs to build its road."""

    settings: GatewaySettings
    routes: tuple[RoutePlan, ...]
    """In the order of the file, never empty."""
    source: Mapping[str, Any] = field(repr=False)
    """The data that was checked, variables replaced. Holds secrets."""

    def to_json(self) -> bytes:
        """The configuration for a worker. Secrets are in it: it is for a private socket only.

        The checked data goes over and not the settings, so nothing depends on plugins' settings surviving the way
        to JSON and back."""
        return json.dumps(self.source).encode()

    @classmethod
    def from_json(cls, data: bytes, resolve: SettingsResolver) -> "Configuration":
        """The configuration that `to_json` wrote. Raises `ConfigError` if `resolve` knows other plugins now."""
        from gateway.config.build import build  # it needs this class

        result = build(json.loads(data), resolve)
        if isinstance(result, Configuration):
            return result
        raise ConfigError(Mistake("configuration", 0, 0, path_text(p.path), p.message, p.hint) for p in result)

    def public(self) -> dict[str, Any]:
        """Every effective setting, with units and without secrets, for people to read."""
        shown = self.settings.model_dump(mode="json", exclude={"plugins", "routes"})
        shown["routes"] = [
            {
                "name": route.name,
                "match": route.match.model_dump(mode="json"),
                "upstream": route.upstream,
                "timeouts": route.timeouts.model_dump(mode="json"),
                "plugins": [{use.name: _shown(use)} for use in route.plugins],
            }
            for route in self.routes
        ]
        return shown


def _shown(use: PluginUse) -> dict[str, Any]:
    settings = use.settings.model_dump(mode="json")
    return settings if use.guard is None else settings | {GUARD: use.guard.model_dump(mode="json")}
