"""Answer from what was stored before, where RFC 9111 allows it."""

from plugins.cache.plugin import CachePlugin

PLUGIN = CachePlugin
