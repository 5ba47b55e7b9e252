"""Slipstream: a performance sidecar in front of a service that already exists."""

__version__ = "0.1.0"
