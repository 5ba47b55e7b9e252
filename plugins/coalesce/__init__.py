"""Let concurrent identical requests share one upstream exchange."""

from plugins.coalesce.plugin import CoalescePlugin

PLUGIN = CoalescePlugin
