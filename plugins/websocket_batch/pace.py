"""How long a batch takes to fill, and so how long the connection it comes from may rest unread. Rules only.

A steady flow of single messages costs a read for each of them, which batches cannot spare. When the last batches came
in many pieces, the next one is as far away as they took: until then there is nothing to win by reading. What comes in
one piece, or irregularly, is read as it comes. Nobody waits longer for it: a rest ends when the batch should be full,
and in any case before its time is up."""

_MANY = 3
"""Reads for one batch that make a flow steady."""
_MORE = 1.1
"""Part of the time in which a batch should be full, so that mostly it is."""
_LEAST = 0.006
"""Seconds below which a rest is none."""
_LONGEST = 0.25
"""Seconds of one rest: a Close frame or a ping waits with the messages."""
_MARGIN = 0.008
"""Seconds before its time is up in which a batch waits for nothing any more: for timers, and for who reads."""


class Pace:
    """Of one connection. `until` is when its rest is over."""

    __slots__ = ("_fill", "_gone", "_polls", "_rested", "_wait", "reads", "until")

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._fill = 0.0  # seconds in which a batch fills, 0 while nobody knows
        self._gone = 0.0  # when the last one went
        self._polls = False  # whether the next batch needs no first message to begin with
        self._rested = False
        self.reads = 0
        """Reads that the batch has taken so far."""
        self.until = 0.0

    def begin(self, now: float) -> float:
        """A batch begins; since when its first message may have waited."""
        if self._fill:
            rested, self._rested = self.until > 0.0 and now < self.until + _LEAST, False
            self._polls = rested or now - self._gone < self._fill / 2
            if rested:
                self._rested = True
                return self._gone
        return now

    def wait(self, now: float, missing: float, due_at: float) -> bool:
        """A batch is not full, so much of it is `missing`. Whether it shall go all the same: it rested, and its time is
        nearly up."""
        self.until = 0.0
        if not self._fill:
            return False
        if self._rested and due_at - now < _MARGIN + _LEAST:
            return True
        until = min(now + self._fill * missing * _MORE, due_at - _MARGIN, now + _LONGEST)
        if until - now >= _LEAST:
            self.until = until
            self._rested = True
        return False

    def gone(self, now: float, since: float, share: float) -> None:
        """A batch went whose first message had waited `since` then, `share` times as much as makes one."""
        reads = self.reads
        if reads >= _MANY or (self._rested and (reads > 1 or self._polls)):
            fill = (now - since) / share
            self._fill = fill if not self._fill else (self._fill + fill) / 2
            if self._fill < _LEAST:
                self._fill = 0.0
        else:
            self._fill = 0.0
        self.reads, self._rested, self._gone, self.until = 0, False, now, 0.0
        if self._polls and self._fill:
            self.until = now + min(self._fill * _MORE, self._wait - _MARGIN, _LONGEST)
