"""The guard of a plugin: settings that every plugin has beside its own."""

from typing import Literal

from gateway.config.base import Settings
from gateway.config.units import PositiveDuration

GUARD = "guard"
"""The key among a plugin's settings."""


class GuardSettings(Settings):
    """What happens when this plugin fails, whichever plugin it is."""

    on_failure: Literal["refuse", "pass"] = "refuse"
    """`refuse` answers 500; `pass` goes on as if the plugin were not there, where nothing is lost by it."""
    time: PositiveDuration | None = None
    """How long the plugin may take for a request, what is behind it not counted. Without it, as long as it likes."""
