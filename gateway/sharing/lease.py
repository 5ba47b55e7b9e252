"""The right of one worker to fetch one thing for all, while it lasts. No I/O.

All requests of the worker that fetch that thing have the lease in common. It ends with the first answer that is stored,
with the first that shows that others have no use for it, or when the last of them has left without either."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

Ended = Callable[["Lease", "End", float], None]


class End(Enum):
    """How a lease ends."""

    STORED = "stored"
    """The answer lies where all can find it."""
    APART = "apart"
    """The answer is of no use for others: each has to fetch its own."""
    FREE = "free"
    """No answer came: somebody else may try."""


class Lease:
    """Held until `end`."""

    __slots__ = ("_ended", "began", "end", "is_lost", "is_used", "key", "name", "renewed", "token", "users")

    def __init__(self, name: bytes, key: bytes, token: bytes, now: float, ended: Ended) -> None:
        """`ended` is told once."""
        self.name = name
        self.key = key
        """In Redis."""
        self.token = token
        """Greater than that of every lease for the same thing before."""
        self.began = self.renewed = now
        """Monotonic seconds."""
        self.users = 0
        """Requests that fetch under it."""
        self.end: End | None = None
        self.is_used = False
        """An answer is on its way to where others find it: no other one needs to be written."""
        self.is_lost = False
        """Somebody else may have it: what comes now is not written."""
        self._ended = ended

    def join(self) -> None:
        """One more has to do with it."""
        self.users += 1

    def leave(self) -> None:
        """One of those who fetch is no longer there, or has nothing."""
        self.users -= 1
        if self.users <= 0:
            self._finish(End.FREE, 0.0)

    def set_apart(self, seconds: float) -> None:
        """The answer is not for others. During `seconds` nobody needs to ask for a lease."""
        self._finish(End.APART, seconds)

    def written(self, *, stored: bool) -> None:
        """The answer has been written where others find it, or could not be."""
        self._finish(End.STORED if stored else End.FREE, 0.0)

    def lose(self) -> None:
        """Somebody else has it."""
        self.is_lost = True

    def _finish(self, end: End, seconds: float) -> None:
        if self.end is None:
            self.end = end
            self._ended(self, end, seconds)
