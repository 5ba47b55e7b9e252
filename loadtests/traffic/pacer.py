"""How many requests are due, without a clock of its own."""


class Pacer:
    """Spreads `rate` requests a second evenly; what could not be sent in time is forgiven, not sent in a burst."""

    def __init__(self, rate: float, now: float, *, most: int) -> None:
        """`most` bounds what one call of `due` may ask for."""
        self._rate = rate
        self._most = most
        self._then = now
        self._owed = 0.0

    def due(self, now: float) -> int:
        """How many to send at `now`, in seconds of any clock that only goes forward."""
        self._owed += (now - self._then) * self._rate
        self._then = now
        count = min(int(self._owed), self._most)
        self._owed = min(self._owed - count, 1.0)
        return count
