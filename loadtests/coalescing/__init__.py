"""Crowds that want the same at the same time."""
