"""How one answer comes to all who share it: by one exchange, and for those who are too slow for it by further ones.

Whoever is let go by one spread is taken by another that still has what comes next. Where there is none, one more
exchange is asked for, for all who are waiting then: so there are as many exchanges as there are paces, and not as many
as there are slow readers. When no more are allowed, the slowest spread waits for its slowest reader."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from gateway.api import BodyStream, Response, StreamAbortedError
from plugins.coalesce.budget import Budget
from plugins.coalesce.continuation import Head, head_of
from plugins.coalesce.flight import Cancellable
from plugins.coalesce.spread import Branch, Spread
from plugins.coalesce.window import Window


class Course:
    """The content of one answer."""

    def __init__(
        self,
        body: BodyStream,
        response: Response,
        *,
        buffer: int,
        budget: Budget,
        most: int,
        ask: Callable[[Course], Cancellable],
        closed: Callable[[Course], None],
        lost: Callable[[int], None],
    ) -> None:
        """`response` has the head, and nobody changes it. `most` further exchanges may be under way; `ask` begins one,
        and what it returns is cancelled when nobody wants it any more. `closed` is called when nobody can join any
        more, `lost` with the number of readers whose body broke off because there was no way to go on."""
        self._response = response
        self._head: Head | None = None
        self.behind: dict[Branch, int] = {}
        """Readers that no spread has now, and how many octets they have had."""
        self._length = body.length
        self._buffer = buffer
        self._budget = budget
        self._most = most
        self._ask = ask
        self._closed: Callable[[Course], None] | None = closed
        self._lost = lost
        self._asked: Cancellable | None = None
        self._first = Spread(body, Window(), buffer, budget, self)
        self._spreads = [self._first]

    @property
    def head(self) -> Head:
        """What another exchange has to match. Seldom asked for."""
        if self._head is None:
            self._head = head_of(self._response, self._length)
        return self._head

    # --- readers -----------------------------------------------------------------------------------

    def branch(self) -> BodyStream:
        """The body for one more reader, from its beginning. Only while `may_join`, or before `begin`."""
        branch = Branch(self._length)
        first = self._first
        first.add(branch)
        window = first.window
        if len(first.branches) == 2 and window.digest is None and self.head.must_compare:
            window.digest = blake2b(digest_size=20)
        return branch.stream

    def begin(self, *, for_newcomers: bool) -> None:
        """Let the content come."""
        if for_newcomers:
            self._first.keep_all()
        self._first.begin()
        if not for_newcomers:
            self.close()

    def join(self) -> BodyStream:
        """The body for a newcomer. Only while `may_join`."""
        stream = self.branch()
        self._first.catch_up(self._first.branches[-1])
        return stream

    @property
    def readers(self) -> int:
        """How many read in step with the exchange that came first."""
        return len(self._first.branches)

    @property
    def may_join(self) -> bool:
        """Whether everything from the beginning is still at hand."""
        return self._first.keeps_all

    def close(self) -> None:
        """Nobody may join any more."""
        closed, self._closed = self._closed, None
        if closed is not None:
            closed(self)
        self._first.release()

    # --- what spreads say ----------------------------------------------------------------------------

    def paces(self, spread: Spread) -> bool:
        """Whether a spread has to wait for its slowest reader: no further exchange is allowed, and no other one is
        behind this one."""
        if self._live < 1 + self._most or not self.head.may_continue:
            return False
        here = spread.window.offset
        return not any(other.takes(here) for other in self._spreads if other is not spread)

    def fell_behind(self, branches: list[Branch], offset: int, digest: bytes | None) -> None:
        """Find another way for readers that are too slow for a spread. They had everything up to `offset`, and those
        that still had to skip octets there even more."""
        if not self.head.may_continue:
            self._lose(branches)
            return
        for branch in branches:
            if not branch.skip and branch.check is None:
                branch.check = digest
            self.behind[branch] = offset + branch.skip
            branch.waits = self
        self._place()
        self._ask_if_wanted()

    def leave(self, branch: Branch) -> None:
        """A reader that was waiting has left."""
        self.behind.pop(branch, None)
        if not self.behind and self._asked is not None:
            asked, self._asked = self._asked, None
            asked.cancel()

    def ended(self, spread: Spread) -> None:
        """A spread's source has ended, or its last reader has gone."""
        if spread is self._first and self._closed is not None:
            self.close()
        if not spread.branches and spread in self._spreads:
            self._spreads.remove(spread)

    # --- further exchanges ------------------------------------------------------------------------------

    @property
    def wanted_from(self) -> int | None:
        """Where the next exchange should begin, `None` when nobody waits for one."""
        return min(self.behind.values(), default=None)

    def go_on(self, body: BodyStream, offset: int) -> Spread:
        """A further exchange brings the content from `offset` on."""
        window = Window(offset)
        if self.head.must_compare:
            window.digest = blake2b(digest_size=20)
        spread = Spread(body, window, self._buffer, self._budget, self)
        self._spreads.append(spread)
        self._asked = None
        self._place()
        if spread.branches:
            spread.begin()
        else:  # they have left meanwhile, or found another way
            self._spreads.remove(spread)
            body.abort()
        self._ask_if_wanted()
        return spread

    def expire(self, spread: Spread) -> None:
        """It has had its time: whoever still waits there for what it has not had would wait for ever."""
        if not spread.is_over:
            self._lose(spread.let_go_waiting())

    def give_up(self) -> None:
        """There is no further exchange for those who wait."""
        self._asked = None
        behind, self.behind = list(self.behind), {}
        self._lose(behind)

    def _place(self) -> None:
        """Give those who wait to spreads that have what they want next, the most advanced first."""
        for branch, offset in tuple(self.behind.items()):
            fitting = [spread for spread in self._spreads if spread.takes(offset)]
            if fitting:
                del self.behind[branch]
                branch.waits = None
                max(fitting, key=lambda spread: spread.window.offset).adopt(branch, offset)

    def _lose(self, branches: list[Branch]) -> None:
        if not branches:
            return
        self._lost(len(branches))
        for branch in branches:
            branch.waits = None
            branch.stream.fail(StreamAbortedError("too slow for the answer it shares, and there is no way to go on"))

    @property
    def _live(self) -> int:
        return sum(not spread.is_over for spread in self._spreads) + (self._asked is not None)

    def _ask_if_wanted(self) -> None:
        if self.behind and self._asked is None:
            self._asked = self._ask(self)
