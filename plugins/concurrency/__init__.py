"""How much may be under way at a time, and who waits when it is too much."""

from plugins.concurrency.plugin import ConcurrencyPlugin

PLUGIN = ConcurrencyPlugin
