"""Fewer calls: many requests in one from clients, one bulk call for many upstream, arrays of calls taken apart."""

from plugins.batch.plugin import BatchPlugin

PLUGIN = BatchPlugin
