"""How several messages become frames: the promise that every format keeps, and the one that joins nothing."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

MOST_RECORDS = 1000
"""Messages in one batch."""


class Item(NamedTuple):
    """A message that waits."""

    opcode: int
    """1 for text, 2 for binary."""
    payload: bytes
    priority: int = 0
    key: object = None
    """Under which only the newest counts."""


class Frame(NamedTuple):
    """A frame with so many messages in it."""

    opcode: int
    payload: bytes
    messages: int


Items = Mapping[int, Item]
"""Messages in the order in which they go, each under its number of arrival."""


class Format(Protocol):
    """Makes frames of messages."""

    numbers: bool
    """Whether a receiver can restore the order of arrival."""

    def encode(self, items: Items) -> list[Frame]:
        """Frames with all of `items`, in order. Never more than `MOST_RECORDS` messages in a frame."""


class Plain:
    """Every message is a frame of its own, as the application means it."""

    numbers = False

    def encode(self, items: Items) -> list[Frame]:
        """One frame each."""
        return [Frame(item.opcode, item.payload, 1) for item in items.values()]
