"""What workers tell each other about what they let through: when, and how much at a time."""

from __future__ import annotations

from typing import Any

from gateway.api import Monotonic
from plugins.rate_limit.store import MemoryStore

KIND = "rate_limit"
"""The kind of the messages."""
MOST = 5000
"""Keys in one message, some 60 octets each."""


class Shared:
    """The store of one worker, which all routes and all configurations have in common."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.is_telling = False
        """Whether a message is on its way, or about to be: there is never more than one."""
        self.lost = 0
        """Messages that did not arrive: then workers know less of each other for a while, and let through more."""

    def hear(self, message: dict[str, Any], now: Monotonic) -> None:
        """Take over what another worker says."""
        self.store.hear(message["news"], now)

    def next_news(self) -> list[tuple[str, str, int]] | None:
        """What to tell now; `None` when that was all, and the next charge begins anew."""
        if self.store.has_news:
            return self.store.news(MOST)
        self.is_telling = False
        return None
