"""How long a batch takes to fill, and so how long the connection it comes from may rest unread. Rules only.

A read and a write are all that a batch should cost, however many pieces it comes in. So once something has come, the
connection rests until the batch should be full, as far as the last ones tell; what comes all at once is read at once.
Nobody waits longer for it: a rest ends before the batch's time is up.

A rest that was long enough is a little shorter the next time, and ever more so, until one is too short: then the batch
itself has told how long it takes. What takes much longer than usual counts when it happens twice in a row."""

_MORE = 1.25
"""Part of the time in which a batch should be full, so that mostly it is."""
_LEAST = 0.004
"""Seconds below which a rest is none."""
_LONGEST = 0.25
"""Seconds of one rest: a Close frame or a ping waits with the messages."""
_MARGIN = 0.012
"""Seconds before its time is up in which a batch waits for nothing any more: for timers, and for who reads."""
_ROUND = 0.002
"""Seconds within which the first pieces of a batch have come."""
_STEP = 0.02
"""Part by which the first rest after one that was too short is shorter than that took; each next one twice as much."""
_LARGEST_STEP = 0.25
_CAUTION = 4.0
"""Times as long as a batch has taken so far may its connection rest while nobody knows how long the others took."""
_AGAIN = 20
"""Batches after which what is left of one waits for company again, when nothing had come to it."""


class Pace:
    """Of one connection. `until` is when its rest is over."""

    __slots__ = ("_alone", "_doubts", "_fill", "_had", "_is_short", "_rested", "_step", "_wait", "came", "until")

    def __init__(self, wait: float, fill: float = 0.0) -> None:
        self._wait = wait - _MARGIN
        self._fill = fill  # seconds in which a batch fills
        self._doubts = True  # whether the last batch took much longer than those before it; of the first nobody knows
        self._alone = 0  # how often what is left of a batch goes as well, since nothing came to it
        self._had = 0.0  # what there was of the batch when it began
        self._rested = False
        self._is_short = False  # whether a read has left the batch unfilled
        self._step = _STEP
        self.came = 0.0
        """Since when there may have been something to read; 0 while nobody knows."""
        self.until = 0.0

    def comes(self, since: float, now: float) -> float:
        """Something has come since then, and nothing else waits. When it is worth reading; in the past for at once."""
        self.came = since
        until = since + (self._fill if self._fill < self._wait else self._wait)
        if until - now < _LEAST:
            until = 0.0
        else:
            self._rested = True
            if until > now + _LONGEST:
                until = now + _LONGEST
        self.until = until
        return until

    def follows(self, since: float, now: float, share: float, due_at: float) -> float:
        """The same, while a `share` of the batch waits, which is `due_at`."""
        self.came = since
        self._rest(min(now + self._fill * (1.0 - share), due_at - _MARGIN), now)
        return self.until

    def wait(self, now: float, since: float, share: float, due_at: float) -> bool:
        """Only a `share` of the batch is there, in which the first has waited `since` then. Whether it shall go all the
        same: it rested, and its time is nearly up."""
        if self._rested and due_at - now < _MARGIN + _LEAST:
            return True
        self._is_short = True
        took = max(now - since, _ROUND)
        until = now + max(took / max(share - self._had, 0.01), self._fill) * _MORE * (1.0 - share)
        if not self._fill:
            until = min(until, now + _CAUTION * took)
        self._rest(min(until, due_at - _MARGIN), now)
        if self.until:
            self.came = now
        return False

    def leave(self, now: float, share: float, due_at: float) -> bool:
        """A batch went, and a `share` of the next one is left. Whether that shall go as well, as what it lacks would
        not come in time."""
        self._had = share
        if self._alone:
            self._alone -= 1
            return True
        until = now + self._fill * (1.0 - share)
        if self._fill and until > due_at - _MARGIN:
            return True
        self._rest(until, now)
        if self.until:
            self.came = now
        return False

    def much(self) -> None:
        """So much was read at once that a rest would only slow the source down."""
        self.until = self.came = self._fill = 0.0

    def vain(self, now: float, due_at: float) -> bool:
        """Nothing has come in a rest. Whether what waits shall go, its time being nearly up; otherwise the next message
        will be told of."""
        self.until = self.came = 0.0
        return due_at - now < _MARGIN + _LEAST

    def _rest(self, until: float, now: float) -> None:
        if until - now < _LEAST:
            self.until = 0.0
        else:
            self.until = min(until, now + _LONGEST)
            self._rested = True

    def gone(self, now: float, since: float, share: float) -> None:
        """A batch went whose first message had waited `since` then, `share` times as much as makes one."""
        if self._had and share <= self._had:
            self._alone = _AGAIN
        took = max(now - since, 0.0) / max(share - self._had, 0.01)
        if share >= 1.0 and not self._is_short:
            self._doubts = False
            if self._fill:
                fill = min(self._fill, took) * (1.0 - self._step)
                self._fill = fill if fill >= _LEAST else 0.0
                self._step = min(2.0 * self._step, _LARGEST_STEP)
        elif took > 2.0 * self._fill and not self._doubts and took * _MORE >= _LEAST:
            self._doubts = True
        else:
            self._doubts = False
            self._fill = took * _MORE if took * _MORE >= _LEAST else 0.0
            self._step = _STEP
        self._rested = self._is_short = False
        self.until = self._had = 0.0
