"""One body for two: the sink behind `BodyStream.tee`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.errors import StreamAbortedError
from gateway.http.fields import Fields
from gateway.http.flow import StreamEnd, Waitable

if TYPE_CHECKING:
    from gateway.http.body import BodyStream

_ORDER = (1, 0)


class Tee:
    """One source, two streams. The source runs as fast as the faster branch; the slower may lag.

    What a branch has not taken waits here, never more than `max_lag` octets and one piece. The second
    branch is served before the first: who keeps a copy has the last octet before the one it was sent to,
    who may come back at once and ask for it, and elsewhere."""

    __slots__ = ("_behind", "_keep_first", "_max_lag", "_paused", "_stream", "_waiting", "branches")

    def __init__(self, stream: BodyStream, max_lag: int, keep_first: bool) -> None:
        self._stream = stream
        self._max_lag = max_lag
        self._keep_first = keep_first
        self.branches: tuple[BodyStream, ...] = ()
        self._paused = [False, False]
        self._waiting: tuple[deque[bytes], deque[bytes]] = (deque(), deque())
        self._behind = [0, 0]

    # --- the sink of the one stream ---------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Give `data` to the branches that can take it, and keep it for one that cannot."""
        for which in _ORDER:
            branch = self.branches[which]
            if branch.end is not None:
                continue
            if not self._paused[which] and not self._waiting[which]:
                branch.feed(data)
                continue
            self._waiting[which].append(data)
            self._behind[which] += len(data)
            if self._behind[which] > self._max_lag:
                if not (self._keep_first and which == 0):
                    self._forget(which)
                    branch.fail(StreamAbortedError(f"fell more than {self._max_lag} octets behind"))
                self._steer()

    def finish(self, trailers: Fields | None) -> None:
        """Give both branches what they lack, and their end."""
        for which in _ORDER:
            self._catch_up(which, to_the_end=True)
            self.branches[which].finish(trailers)

    def fail(self, error: Exception) -> None:
        """Give both branches what they lack, and the error."""
        for which in _ORDER:
            self._catch_up(which, to_the_end=True)
            self.branches[which].fail(error)

    def ended(self, end: StreamEnd) -> None:
        """Fail what still lives when somebody else aborted the one stream."""
        if end is StreamEnd.ABORTED:
            for which, branch in enumerate(self.branches):
                self._forget(which)
                branch.fail(StreamAbortedError("the body was aborted"))

    # --- the source of the two -----------------------------------------------------------------

    def pause(self, which: int) -> None:
        """A branch cannot take more for now."""
        self._paused[which] = True
        self._steer()

    def resume(self, which: int) -> None:
        """A branch can take more again: first what waits here."""
        self._paused[which] = False
        self._catch_up(which)
        self._steer()

    def cancel(self, which: int) -> None:
        """A branch is not wanted any more."""
        self._forget(which)
        self._steer()

    def waiter(self) -> Waitable:
        """Something a reader of a branch can sleep on."""
        return self._stream.waiter()

    def _catch_up(self, which: int, to_the_end: bool = False) -> None:
        waiting, branch = self._waiting[which], self.branches[which]
        while waiting and (to_the_end or not self._paused[which]):
            piece = waiting.popleft()
            self._behind[which] -= len(piece)
            branch.feed(piece)

    def _forget(self, which: int) -> None:
        self._waiting[which].clear()
        self._behind[which] = 0

    def _steer(self) -> None:
        """Pause the source when every live branch is paused; drop it when none lives."""
        live = [which for which, branch in enumerate(self.branches) if branch.end is None]
        if not live:
            self._stream.abort()
        elif all(self._paused[which] for which in live) or (self._keep_first and self._behind[0] > self._max_lag):
            self._stream.pause()
        else:
            self._stream.resume()


class Branch:
    """The source of one of the two."""

    __slots__ = ("_tee", "_which")

    def __init__(self, tee: Tee, which: int) -> None:
        self._tee = tee
        self._which = which

    def pause(self) -> None:
        self._tee.pause(self._which)

    def resume(self) -> None:
        self._tee.resume(self._which)

    def cancel(self) -> None:
        self._tee.cancel(self._which)

    def waiter(self) -> Waitable:
        return self._tee.waiter()
