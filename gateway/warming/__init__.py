"""Warming: the gateway asks itself for what clients will want, before they do."""
