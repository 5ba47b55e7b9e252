"""One body for many readers: the source runs as fast as the fastest of them.

What the others have not had yet waits here once for all of them. Who falls behind by more than the buffer is let go:
the rest comes to it by another exchange (see `course.py`), and nobody waits for it."""

from __future__ import annotations

from typing import Protocol

from gateway.api import BodyStream, Fields, StreamAbortedError, StreamEnd, Waiter
from plugins.coalesce.budget import Budget
from plugins.coalesce.window import Window


class Branch:
    """The source of one reader's body."""

    __slots__ = ("at", "check", "is_busy", "paused", "skip", "spread", "stream", "waits")

    def __init__(self, length: int | None) -> None:
        self.stream = BodyStream(length, self)
        self.spread: Spread | None = None
        self.waits: Waits | None = None
        """Who looks for another spread for it."""
        self.at = 0
        """Number of the next piece."""
        self.skip = 0
        """Octets from there on that the reader has had already."""
        self.check: bytes | None = None
        """The digest of what it has had, where what goes on must be compared."""
        self.paused = False
        self.is_busy = False

    def pause(self) -> None:
        """The reader takes no more for now."""
        self.paused = True
        if self.spread is not None:
            self.spread.steer()

    def resume(self) -> None:
        """The reader takes more again."""
        self.paused = False
        if self.spread is not None:
            self.spread.catch_up(self)

    def cancel(self) -> None:
        """The reader has left."""
        if self.spread is not None:
            self.spread.leave(self)
        elif self.waits is not None:
            self.waits.leave(self)

    def waiter(self) -> Waiter[None]:
        """For readers that are coroutines."""
        return Waiter()


class Waits(Protocol):
    """Keeps readers that have no spread at the moment."""

    def leave(self, branch: Branch) -> None: ...


class Owner(Waits, Protocol):
    """What a spread asks of the answer it belongs to."""

    def fell_behind(self, branches: list[Branch], offset: int, digest: bytes | None) -> None:
        """Those were let go. They have had everything up to `offset` but for what they skip, with that digest."""

    def paces(self, spread: Spread) -> bool:
        """Whether the spread has to wait for its slowest reader, because nothing else could."""

    def ended(self, spread: Spread) -> None:
        """The source has ended, or nobody reads any more."""


class Spread:
    """The sink of one source."""

    def __init__(self, stream: BodyStream, window: Window, buffer: int, budget: Budget, owner: Owner) -> None:
        self.branches: list[Branch] = []
        self.window = window
        self.is_over = False
        """Whether the source has ended."""
        self.keeps_all = False
        """Whether everything is kept for newcomers."""
        self._stream = stream
        self._buffer = buffer
        self._budget = budget
        self._owner = owner
        self._held = 0
        self._stopped = False
        self._error: Exception | None = None
        self._trailers: Fields | None = None

    def begin(self) -> None:
        """Take what there is and what comes. The first readers must be there."""
        self._stream.attach(self)
        self._stream.on_end(self._source_ended)

    # --- readers ---------------------------------------------------------------------------------

    def add(self, branch: Branch) -> None:
        """A reader that wants everything that is kept here."""
        branch.spread = self
        branch.at = self.window.first
        self.branches.append(branch)

    def adopt(self, branch: Branch, offset: int) -> None:
        """A reader that has had everything up to `offset`, which must not lie in front of what is kept here."""
        branch.spread = self
        branch.at, branch.skip = self.window.find(offset)
        self.branches.append(branch)
        self.catch_up(branch)

    def takes(self, offset: int) -> bool:
        """Whether a reader can go on here that has had everything up to `offset`."""
        return self._error is None and self.window.offset <= offset

    def catch_up(self, branch: Branch) -> None:
        """Give a reader what is kept for it."""
        self._deliver(branch)
        self._settle()

    def leave(self, branch: Branch) -> None:
        """A reader has left."""
        branch.spread = None
        self.branches.remove(branch)
        self._settle()

    def let_go_waiting(self) -> list[Branch]:
        """Let go those for whom nothing new has come yet."""
        end = self.window.end
        waiting = [branch for branch in self.branches if branch.skip and branch.at == end]
        self.branches = [branch for branch in self.branches if branch not in waiting]
        for branch in waiting:
            branch.spread = None
        if waiting:
            self._settle()
        return waiting

    def release(self) -> None:
        """Keep nothing for newcomers any more."""
        if self.keeps_all:
            self.keeps_all = False
            self._budget.spare_no_more(self)
            self._settle()

    def keep_all(self) -> None:
        """Keep everything from the beginning for newcomers, as long as there is room."""
        self.keeps_all = True
        self._budget.spare(self)

    # --- the sink of the source ------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """The next octets: for those who can take them at once, and kept for those who cannot."""
        window, branches = self.window, self.branches
        if len(branches) == 1 and window.digest is None:
            branch = branches[0]
            if branch.at == window.end and not (branch.paused or branch.skip or branch.check):  # nearly always
                if self.keeps_all:
                    window.push(data)
                else:
                    window.pass_by(len(data))
                branch.at = window.end
                branch.stream.feed(data)
                if self.keeps_all:
                    self._settle()
                return
        window.push(data)
        for branch in tuple(branches):
            self._deliver(branch)
        self._settle()

    def finish(self, trailers: Fields | None) -> None:
        """The body is complete."""
        self._trailers = trailers
        self._end()

    def fail(self, error: Exception) -> None:
        """The body broke off."""
        self._error = error
        self._end()

    def _source_ended(self, end: StreamEnd) -> None:
        if end is StreamEnd.ABORTED and not self.is_over:
            self.fail(StreamAbortedError("the body was aborted"))

    def _end(self) -> None:
        self.is_over = True
        self.keeps_all = False
        self._budget.spare_no_more(self)
        for branch in tuple(self.branches):
            self._deliver(branch)
        self._settle()
        self._owner.ended(self)

    # --- how it goes on --------------------------------------------------------------------------

    def _deliver(self, branch: Branch) -> None:
        if branch.is_busy:  # what wakes it is about to go on by itself
            return
        window = self.window
        branch.is_busy = True
        try:
            while branch.spread is self and branch.at < window.end:
                piece = window[branch.at]
                if branch.skip >= len(piece):
                    branch.skip -= len(piece)
                    branch.at += 1
                    continue
                if branch.paused:
                    break
                if branch.check is not None and not self._is_same(branch):
                    return
                if branch.skip:
                    piece = piece[branch.skip :]
                    branch.skip = 0
                branch.at += 1
                branch.stream.feed(piece)
        finally:
            branch.is_busy = False
        if self.is_over and branch.spread is self and branch.at == window.end:
            self._finish(branch)

    def _is_same(self, branch: Branch) -> bool:
        """Whether what it has had is what stands here in front of what it gets now; otherwise its body breaks off."""
        check, branch.check = branch.check, None
        if self.window.digest_at(branch.at, branch.skip) in (check, None):
            return True
        branch.spread = None
        self.branches.remove(branch)
        branch.stream.fail(StreamAbortedError("the rest of the answer is not that of the answer that began"))
        return False

    def _finish(self, branch: Branch) -> None:
        branch.spread = None
        self.branches.remove(branch)
        if self._error is not None:
            branch.stream.fail(self._error)
        elif branch.skip or branch.check is not None:
            branch.stream.fail(StreamAbortedError("the rest of the answer is shorter than what has come of it"))
        else:
            branch.stream.finish(self._trailers)

    def _settle(self) -> None:
        """Drop what nobody needs, let go who is too far behind, and tell the source."""
        branches, window = self.branches, self.window
        if not branches:
            self._forsaken()
            return
        if not self.keeps_all:
            window.drop(branches[0].at if len(branches) == 1 else min([branch.at for branch in branches]))
        self._account()
        if window.octets and (window.octets > self._buffer or self._budget.is_full):
            self._make_room()
        self.steer()

    def _account(self) -> None:
        held, self._held = self._held, self.window.octets
        if held != self._held:
            self._budget.hold(self._held - held)

    def _make_room(self) -> None:
        window = self.window
        if window.octets <= self._buffer:
            self._budget.make_room()
        if self.keeps_all and (window.octets > self._buffer or self._budget.is_full):
            self.keeps_all = False
            self._budget.spare_no_more(self)
            window.drop(min([branch.at for branch in self.branches]))
            self._account()
        while window.octets > self._buffer or self._budget.is_full:
            places = {branch.at for branch in self.branches}
            if len(places) < 2 or self.is_over or self._owner.paces(self):
                return
            slowest = min(places)
            late = [branch for branch in self.branches if branch.at == slowest]
            self.branches = [branch for branch in self.branches if branch.at != slowest]
            for branch in late:
                branch.spread = None
            offset, digest = window.offset, window.digest_at(slowest, 0)
            window.drop(min([branch.at for branch in self.branches]))
            self._account()
            self._owner.fell_behind(late, offset, digest)

    def steer(self) -> None:
        """Let the source go on if somebody wants more and nobody has to be waited for."""
        if self.is_over or not self.branches:
            return
        end, octets = self.window.end, self.window.octets
        wanted = any(not branch.paused or (branch.skip and branch.at == end) for branch in self.branches)
        if wanted and octets and (octets > self._buffer or self._budget.is_full) and self._owner.paces(self):
            wanted = False
        if wanted is self._stopped:
            self._stopped = not wanted
            if wanted:
                self._stream.resume()
            else:
                self._stream.pause()

    def _forsaken(self) -> None:
        self.window.drop(self.window.end)
        self._account()
        self.keeps_all = False
        self._budget.spare_no_more(self)
        was_over, self.is_over = self.is_over, True
        self._owner.ended(self)
        if not was_over:
            self._stream.abort()
