"""What a message says about itself: how urgent it is, and which earlier one it replaces."""

from collections.abc import Callable, Sequence

from plugins.websocket_batch.pointers import Pointer, read

Mark = tuple[int, object]
"""Priority, 0 to 15; and the key under which only the newest counts, `None` for none."""
MOST_PRIORITY = 15


class Marks:
    """Reads priorities and keys as the settings say."""

    __slots__ = ("_keys", "_prefixes", "_priority")

    def __init__(
        self, priority: Pointer | None, prefixes: Sequence[tuple[bytes, int]], keys: Sequence[Pointer]
    ) -> None:
        self._priority = priority
        self._prefixes = tuple(prefixes)
        self._keys = tuple(keys)

    @property
    def reader(self) -> Callable[[int, bytes], Mark] | None:
        """The function that reads a message's mark; `None` when no message has one."""
        return self.read if self._priority or self._prefixes or self._keys else None

    def read(self, opcode: int, payload: bytes) -> Mark:
        """The mark of a message; what its sender has said beside it (in `opcode`) counts unless it says more itself."""
        priority, key = opcode >> 4, None
        for prefix, worth in self._prefixes:
            if payload.startswith(prefix):
                priority = max(priority, worth)
                break
        pointer, keys = self._priority, self._keys
        looks = pointer is not None and pointer.may_be_in(payload)
        if opcode & 0xF == 1 and (looks or any(each.may_be_in(payload) for each in keys)):
            document = read(payload)
            if pointer is not None and looks:
                priority = max(priority, _priority(pointer.find(document)))
            for at, each in enumerate(keys):
                value = each.find(document)
                if isinstance(value, str | int | float | bool):
                    key = (at, type(value), value)
                    break
        return priority, key


def _priority(value: object) -> int:
    """What is not a whole number from 0 to 15 is no priority."""
    return value if type(value) is int and 0 <= value <= MOST_PRIORITY else 0
