"""How often a client may ask: GCRA over addresses, fields, token claims and routes (RFC 6585 §4)."""

from plugins.rate_limit.plugin import RateLimitPlugin

PLUGIN = RateLimitPlugin
