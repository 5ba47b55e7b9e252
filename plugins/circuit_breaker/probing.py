"""What a probe's answer is worth while its content is still on its way: nothing yet. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import BodyStream, StreamEnd
from plugins.circuit_breaker.judge import Judge

PATIENCE_SECONDS = 1.0
"""A body that goes on for so long without breaking off is good enough: some never end."""


class Probing:
    """Tells once how the body of a probe's answer ended."""

    __slots__ = ("_body", "_judge", "_tell")

    def __init__(self, body: BodyStream, judge: Judge) -> None:
        self._body = body
        self._judge = judge
        self._tell: Callable[[bool | None], None] | None = None

    def watch(self, tell: Callable[[bool | None], None]) -> None:
        """`tell` hears whether the body broke off, in this call if it has ended already; `None` when its end proves
        nothing: the client left."""
        self._tell = tell
        self._body.on_end(self._ended)

    def be_content(self) -> None:
        """It has gone on for long enough."""
        self._settle(False)

    def _ended(self, end: StreamEnd) -> None:
        if end is StreamEnd.FINISHED:
            self._settle(False)
        else:
            broke_off = end is StreamEnd.FAILED and self._judge.of_body(self._body.error)
            self._settle(True if broke_off else None)

    def _settle(self, failed: bool | None) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(failed)
