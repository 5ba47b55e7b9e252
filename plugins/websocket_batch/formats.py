"""How several messages become frames: the promise that every format keeps, and the one that joins nothing."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

MOST_RECORDS = 1000
"""Messages in one batch."""


Item = tuple[int, bytes, int, object]
"""A message that waits: its opcode, 1 for text and 2 for binary; its content; its priority; and the key under which
only the newest counts, `None` for none. A plain tuple, as one is made for every message."""


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
        return [Frame(item[0], item[1], 1) for item in items.values()]
