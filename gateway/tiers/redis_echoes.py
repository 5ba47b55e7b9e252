"""Which of the changes that Redis tells of are this worker's own. No I/O, no clock.

Redis does not tell a connection of what its own commands change, but it does tell it of what its scripts change: right
behind the script's answer. Whatever else was told of the key in the meantime was done by somebody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LATE = 1.0
"""Seconds after the answer to a script in which its echo must come."""
MOST = 4096


class Echo:
    """What was told of one key while a script of ours changed it."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told = 0


class Echoes:
    """Echoes that are expected."""

    __slots__ = ("_changed", "_expected", "_under_way")

    def __init__(self, changed: Callable[[Sequence[bytes]], None]) -> None:
        """`changed` is told of keys that turn out to have been changed by somebody else."""
        self._changed = changed
        self._under_way: dict[bytes, Echo] = {}
        self._expected: dict[bytes, float] = {}

    def expect(self, tag: bytes) -> Echo:
        """A script that may change a key is on its way."""
        echo = self._under_way[tag] = Echo()
        return echo

    def settle(self, tag: bytes, echo: Echo, now: float, *, changed: bool, was_late: bool) -> None:
        """Its answer has come: whether it changed the key, or found that somebody else was there later."""
        if self._under_way.get(tag) is echo:
            del self._under_way[tag]
        if was_late or echo.told > changed:
            self._changed([tag])
        elif changed and not echo.told:
            self._expected[tag] = now
            while len(self._expected) > MOST:
                del self._expected[next(iter(self._expected))]

    def is_foreign(self, tag: bytes, now: float) -> bool:
        """A key is told as changed; whether by somebody else. While a script is on its way that is seen later."""
        echo = self._under_way.get(tag)
        if echo is not None:
            echo.told += 1
            return False
        at = self._expected.pop(tag, None)
        return at is None or now - at > LATE

    def forget(self) -> None:
        """The connection is gone, and with it what it would have told."""
        self._expected.clear()
