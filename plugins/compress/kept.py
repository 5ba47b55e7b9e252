"""One form of a stored response, kept beside it: its content, its fields as they are this second, its replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.api import Derivable, Fields, Monotonic, Replayable, Response
from gateway.http.fields import Wire
from plugins.compress.forms import Form
from plugins.compress.policy import Make, Verdict

ACCEPT_ENCODING = frozenset({b"accept-encoding"})
_OBJECTS = 900
"""What the objects take beside the octets of content and fields."""
_SECTIONS = 6
"""How often the octets of the fields are there: in lines, as sections, in heads."""
_COPIED = 64 * 1024
"""Octets of content up to which there may be a copy behind a head, ready to be written."""


class FormReplay:
    """The replay of a stored response in one form. It ends with the stored response, and with the form."""

    __slots__ = ("_counted", "_inner", "alive", "lines", "reads", "until")

    def __init__(self, inner: Replayable, counted: Callable[[int], None]) -> None:
        self._inner = inner
        self._counted = counted
        self.alive = inner.alive
        self.until: Monotonic = inner.until
        self.reads = inner.reads | ACCEPT_ENCODING
        self.lines = inner.lines

    def end(self, stored: Any) -> None:
        """Let it not be given again: for `on_end` of the stored response."""
        self.alive = False

    def used(self, times: int) -> None:
        """It was given again, so many times lately."""
        self._inner.used(times)
        self._counted(times)


class Kept:
    """A stored response in one form, which may be the one in which it is stored."""

    __slots__ = (
        "_counted",
        "_fields",
        "_inner",
        "_replay",
        "_shared",
        "_shared_from",
        "_wire",
        "body",
        "improves",
        "level",
        "made_by",
        "name",
        "stored",
        "uses",
        "verdict",
    )

    def __init__(
        self,
        name: str,
        stored: Derivable,
        verdict: Verdict,
        body: bytes,
        level: int,
        made_by: object,
        counted: Callable[[Kept, int], None],
    ) -> None:
        """`counted` is called with how often a replay was given. `made_by` knows its own: others may dress the fields
        otherwise."""
        self.name = name
        """What it is kept under."""
        self.stored = stored
        self.verdict = verdict
        self.body = body
        """The content in this form."""
        self.level = level
        self.made_by = made_by
        self._counted = counted
        self.uses = 0
        """How often it was given."""
        self.improves = False
        """Whether a better one is being made, or no better one is to be had."""
        self._wire: Wire | None = None
        self._fields: Fields | None = None
        self._inner: Replayable | None = None
        self._replay: FormReplay | None = None
        self._shared: Response | None = None
        self._shared_from: Response | None = None

    @property
    def form(self) -> Form:
        """The form of its content."""
        return self.verdict.form if isinstance(self.verdict, Make) else Form.AS_IS

    @property
    def is_other(self) -> bool:
        """Whether it is another form than the stored one."""
        return isinstance(self.verdict, Make)

    def octets(self, fields: Fields) -> int:
        """What it takes beside the stored response, when its fields are like these."""
        length = len(self.body)
        copied = length if length <= _COPIED else 0
        return _OBJECTS + _SECTIONS * len(fields.encode()) + copied + (length if self.is_other else 0)

    def fits(self, fields: Fields) -> bool:
        """Whether an answer with these very fields was dressed before."""
        wire = fields.wire
        return wire is not None and wire is self._wire

    def dressed(self) -> Fields:
        """The fields of this form, for an answer whose fields fit: the caller's own."""
        assert self._fields is not None, "they fit"
        return self._fields.copy()

    def dress(self, before: Wire | None, fields: Fields) -> None:
        """Remember what became of fields that were `before`."""
        if before is None:
            return
        block, length = fields.encode(), len(self.body)
        wire = Wire(fields.encode_with_length(length), length)
        self._fields = Fields.received(fields.entries, block, wire)
        self._wire = before

    def shared(self, came: Response) -> Response | None:
        """The answer in this form for all who get the shared `came`, `None` if none was made of it."""
        return self._shared if came is self._shared_from else None

    def share(self, came: Response, response: Response) -> None:
        """Let `response` be what becomes of the shared `came`."""
        response.shared = True
        self._shared = response
        self._shared_from = came

    def _replayed(self, times: int) -> None:
        self._counted(self, times)

    def let_replay(self, response: Response) -> None:
        """Let the answer be given again in this form, if it may be at all."""
        inner = response.replay
        if inner is None:
            return
        replay = self._replay
        if replay is None or not replay.alive or self._inner is not inner:
            replay = self._replay = FormReplay(inner, self._replayed)
            self._inner = inner
            self.stored.on_end(replay.end)
        response.replay = replay

    def end(self) -> None:
        """A better one took its place: what was replayed of this one is replayed no more."""
        if self._replay is not None:
            self._replay.alive = False
            self._replay = None
