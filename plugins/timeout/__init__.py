"""How long a route may take for an answer, and who is told."""

from plugins.timeout.plugin import TimeoutPlugin

PLUGIN = TimeoutPlugin
