"""What a field value means, remembered: values that come again are read once.

Only for values that are no secret. Long values are read each time, and a full memo forgets everything: the common
values are soon back, and there is nothing to keep in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K", bytes, str)
V = TypeVar("V")

LONGEST = 256
"""Octets of a value worth remembering."""
MOST = 1024
"""Values remembered at once."""


class Memo(dict[K, V]):
    """`memo[value]` is what `make` made of it. What was made is shared, so it must not change afterwards.

    A subscript of a dictionary costs a hit less than a call would."""

    __slots__ = ("_make",)
    _make: Callable[[K], V]

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: K) -> V:
        made = self._make(value)
        if len(value) <= LONGEST:
            if len(self) >= MOST:
                self.clear()
            self[value] = made
        return made
