"""Names that were to be held against Redis in vain: they are as doubtful as before once it answers again. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

MOST = 10_000
"""Names. With more, everything is doubtful."""


class Unanswered:
    """Names."""

    __slots__ = ("_names", "_tell")

    def __init__(self, tell: Callable[[Sequence[bytes] | None], None]) -> None:
        self._tell = tell
        self._names: dict[bytes, None] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def note(self, name: bytes) -> None:
        """It was not answered for this one."""
        if len(self._names) <= MOST:
            self._names[name] = None

    def flush(self) -> None:
        """It answers again."""
        names, self._names = self._names, {}
        if names:
            self._tell(None if len(names) > MOST else list(names))
