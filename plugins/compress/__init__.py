"""Content coded on its way to clients: zstd, br and gzip (RFC 9110 §8.4)."""

from plugins.compress.plugin import CompressPlugin

PLUGIN = CompressPlugin
