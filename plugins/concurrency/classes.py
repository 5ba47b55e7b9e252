"""How important a request is, and whose."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import Request
from plugins.concurrency.settings import ConcurrencySettings, Priority

CRITICAL = -1
"""The level that never waits."""
LEVEL_OF = {Priority.CRITICAL: CRITICAL, Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}

LevelOf = Callable[[Request], int]
KeyOf = Callable[[Request], bytes]


def level_reader(settings: ConcurrencySettings) -> LevelOf:
    """The function that finds a request's level."""
    own = LEVEL_OF[settings.priority]
    field = settings.priority_field
    if field is None:
        return lambda request: own
    name = field.name.lower().encode()
    levels = {value.lower().encode(): LEVEL_OF[priority] for value, priority in field.values.items()}

    def read(request: Request) -> int:
        value = request.fields.get(name)
        said = levels.get(value.lower()) if value is not None else None
        if said is None or (said < own and not request.downstream.trusted):
            return own
        return said

    return read


def key_reader(settings: ConcurrencySettings) -> KeyOf:
    """The function that finds whose a request is: who shares a turn."""
    by = settings.fair_by
    if by is None:
        return lambda request: b""
    if by == "address":
        return lambda request: request.client.encode("utf-8", "replace")
    name = by.partition(":")[2].lower().encode()
    return lambda request: (request.fields.get(name) or request.client.encode("utf-8", "replace"))[:256]
