"""What is done with an answer on its way out, as far as nobody has to wait for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import randbelow

from gateway.api import BodyStream, Derivable, Request, Response
from gateway.http.content_coding import add_vary
from gateway.http.validators import parse_entity_tag
from plugins.compress.alike import Alike
from plugins.compress.client import Clients
from plugins.compress.codecs import make_encoder
from plugins.compress.conditions import tag_of_304
from plugins.compress.decoding import DecodeLimits, Decoder
from plugins.compress.figures import CompressFigures
from plugins.compress.forms import Form
from plugins.compress.kept import ACCEPT_ENCODING, Kept
from plugins.compress.making import Levels, make
from plugins.compress.marking import ACCEPT_ENCODING as VARIES
from plugins.compress.marking import described, retag
from plugins.compress.planning import Plan
from plugins.compress.policy import Leave, Make, Policy
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, CompressSettings
from plugins.compress.shelf import NOT_SMALLER, Shelf
from plugins.compress.streaming import Flush, FormStream, Later
from plugins.compress.workshop import Lateness

_GROWS = 8
"""How many times larger than it came decoded content is taken to be, when it is asked whether a thread pays."""


@dataclass(slots=True)
class Whole:
    """The content is at hand, and large enough for a thread."""

    wanted: Make
    level: int


@dataclass(slots=True)
class First:
    """The answer is only good once something of the stream could be decoded."""

    stream: FormStream


Pending = Whole | First


class Dresser:
    """Gives answers of one route the form that their clients should get."""

    def __init__(
        self,
        settings: CompressSettings,
        route: str,
        offered: Sequence[Coding],
        figures: CompressFigures,
        lateness: Lateness,
        clock: Callable[[], float],
        later: Later,
        popular: Callable[[Kept], None],
    ) -> None:
        """`offered`: the codings that can be made. `popular` is called for what deserves a better form."""
        self.clients = Clients(offered, settings.origin_sees)
        self.policy = Policy(settings)
        self.levels = Levels(settings)
        self.limits = DecodeLimits(settings.decode_up_to, settings.decode_ratio)
        self._inline_up_to = settings.inline_up_to
        self._jitter = settings.jitter
        self._busy_after = settings.busy_after
        self._flush_after = settings.flush_after
        self._alike = Alike()
        self.shelf = Shelf(settings, route, figures, popular)
        self._figures = figures
        self._lateness = lateness
        self._clock = clock
        self._later = later

    def finish(self, request: Request, plan: Plan, response: Response, *, may_wait: bool = True) -> Pending | None:
        """Give `response` its form. What is returned has to be waited for, and is only returned where that may be.

        Raises ContentCodingError for content that had to be decoded and cannot be."""
        stored = response.stored
        if stored is not None and response.body is not stored.body:
            stored = None  # without its content, or somebody has changed it
        if stored is not None and plan.leaves is None and self.shelf.give_again(request, plan.client, response, stored):
            return None
        if response.status == 304:
            self._not_modified(request, plan, response)
            return None
        body = response.body
        if isinstance(body, BodyStream):
            length = body.length if response.described_length is None else response.described_length
        else:
            length = response.described_length if request.method == "HEAD" else len(body)
        if length is not None and self._alike.give_again(request, plan, response, length):
            return None
        verdict = self.policy.judge(plan.client, plan.leaves, response.status, response.fields, length)
        if isinstance(verdict, Leave):
            came = response.fields.again() if response.fields.notes is not None else None
            self._leave(request, plan, response, stored, verdict)
            if came is not None and length is not None:
                told = self._figures.outcome(verdict.reason)
                self._alike.remember(request, plan, response, length, came, told)
        elif request.method == "HEAD":
            self._describe_only(request, response, verdict)
        elif isinstance(body, BodyStream):
            return self._stream(request, plan, response, body, verdict, may_wait=may_wait)
        else:
            return self._whole(request, plan, response, stored, body, verdict, may_wait=may_wait)
        return None

    # --- as it is --------------------------------------------------------------------------------

    def _leave(
        self, request: Request, plan: Plan, response: Response, stored: Derivable | None, verdict: Leave
    ) -> None:
        self._figures.note(request, verdict.reason)
        fields = response.fields
        before = fields.wire
        if verdict.varies:
            add_vary(fields, VARIES)
            widen(response)
        retag(fields, Form.AS_IS)
        if stored is not None and plan.leaves is None and b"content-encoding" not in fields:
            self.shelf.keep_as_it_is(plan.client, response, stored, verdict, before)

    def leave_for_now(self, request: Request, response: Response, reason: CompressReason = CompressReason.BUSY) -> None:
        """Leave the content as it is, this time."""
        self._figures.note(request, reason)
        add_vary(response.fields, VARIES)
        retag(response.fields, Form.AS_IS)
        response.replay = None

    def _not_modified(self, request: Request, plan: Plan, response: Response) -> None:
        """304: the tag that the client knows."""
        self._figures.note(request, CompressReason.NOT_MODIFIED)
        fields, stored = response.fields, response.stored
        forms, varies = plan.client.forms, False
        certain = None if forms else Form.AS_IS
        if stored is not None:
            verdict = self.policy.judge(plan.client, plan.leaves, 200, stored.fields, len(stored.body))
            varies = verdict.varies
            certain = Form.AS_IS if isinstance(verdict, Leave) else None
        tag = parse_entity_tag(fields.get(b"etag"))
        if tag is not None:
            marked, form = tag_of_304(request.fields, tag, forms, certain)
            if marked != tag:
                fields.set(b"ETag", marked.encode())
            varies = varies or (form is not None and form is not Form.AS_IS)
        if varies:
            add_vary(fields, VARIES)
            widen(response)
            response.described_length = None

    # --- another form ----------------------------------------------------------------------------

    def _describe_only(self, request: Request, response: Response, wanted: Make) -> None:
        """HEAD: the fields that GET would have. Its length is known only if somebody has asked."""
        stored = response.stored
        kept = self.shelf.find(stored, wanted.form) if stored is not None else None
        if kept is not None and isinstance(kept.verdict, Leave):
            self.leave_for_now(request, response, kept.verdict.reason)
            return
        self._figures.note(request, wanted.reason)
        response.fields = described(response.fields, wanted.form)
        response.described_length = len(kept.body) if kept is not None else None
        response.replay = None

    def _whole(
        self,
        request: Request,
        plan: Plan,
        response: Response,
        stored: Derivable | None,
        body: bytes,
        wanted: Make,
        *,
        may_wait: bool,
    ) -> Pending | None:
        if stored is not None and self._give_kept(request, plan, response, stored, wanted):
            return None
        if self._must_leave(plan, wanted):
            self.leave_for_now(request, response)
            return None
        level = self.level(wanted)
        if len(body) > (self._inline_up_to if wanted.decodes is None else self._inline_up_to // _GROWS):
            if may_wait:
                return Whole(wanted, level)
            self.leave_for_now(request, response)
            return None
        began = self._clock()
        made = make(body, wanted, level, self.limits)
        self.use(request, plan, response, wanted, made, level, self._clock() - began)
        return None

    def _must_leave(self, plan: Plan, wanted: Make) -> bool:
        if wanted.decodes is not None or plan.client.refuses_identity:
            return False
        return self._lateness.is_overrun(self._busy_after)

    def level(self, wanted: Make) -> int:
        """The level for an answer that somebody waits for now."""
        if wanted.coding is None:
            return 0
        return self.levels.now(wanted.coding, is_busy=self._lateness.is_busy(self._busy_after))

    def use(
        self,
        request: Request,
        plan: Plan,
        response: Response,
        wanted: Make,
        made: bytes | None,
        level: int,
        seconds: float,
    ) -> None:
        """Give `response` the content that was made of its own, and keep it where that may come again."""
        body, stored = response.body, response.stored
        assert isinstance(body, bytes), "streams are not made whole"
        if stored is not None and body is not stored.body:
            stored = None
        if made is None:
            self._leave(request, plan, response, stored, NOT_SMALLER)
            return
        if stored is not None and self._give_kept(request, plan, response, stored, wanted):
            return  # somebody else who waited for it was here before
        if stored is None:
            self._figures.made(wanted.form, len(body), len(made), seconds)
            self._figures.note(request, wanted.reason)
            response.body = made
            self._describe(response, wanted.form)
            return
        kept, is_kept = self.shelf.add(stored, wanted, made, level, response.fields)
        if not is_kept:
            response.replay = None  # what cannot be kept cannot be given again
        self._figures.made(wanted.form, 0, 0, seconds)  # its octets count with each answer, this one included
        self.shelf.give(request, response, kept, wanted.reason)

    def _give_kept(self, request: Request, plan: Plan, response: Response, stored: Derivable, wanted: Make) -> bool:
        """Answer with what is kept, if anything is."""
        kept = self.shelf.find(stored, wanted.form)
        if kept is None:
            return False
        if kept.verdict == NOT_SMALLER:
            self._leave(request, plan, response, stored, NOT_SMALLER)
        elif kept.verdict == wanted:
            self.shelf.give(request, response, kept, CompressReason.KEPT)
        else:
            return False
        return True

    def _describe(self, response: Response, form: Form) -> None:
        response.fields = described(response.fields, form)
        response.described_length = None
        response.replay = None
        if self._jitter and response.stored is None:
            response.fields.add(b"X-Padding", b"-" * (1 + randbelow(self._jitter)))

    def _stream(
        self, request: Request, plan: Plan, response: Response, body: BodyStream, wanted: Make, *, may_wait: bool
    ) -> Pending | None:
        if self._must_leave(plan, wanted):
            self.leave_for_now(request, response)
            return None
        fields, form, figures = response.fields, wanted.form, self._figures
        is_live = fields.get(b"content-type") in self.policy.flushes
        stream = FormStream(
            body,
            None if wanted.decodes is None else Decoder(wanted.decodes, self.limits),
            None if wanted.coding is None else make_encoder(wanted.coding, self.level(wanted)),
            Flush(self._flush_after, self._later, is_live=is_live),
            self._clock,
            lambda before, after, seconds: figures.made(form, before, after, seconds),
        )
        self._figures.note(request, wanted.reason)
        self._describe(response, form)
        response.body = changed = stream.begin()
        if wanted.decodes is None:
            return None
        if changed.error is not None:
            raise changed.error
        return First(stream) if may_wait and not stream.has_begun else None


def widen(response: Response) -> None:
    """Let a replay of this answer know that Accept-Encoding decided about it."""
    replay = response.replay
    if replay is not None and not replay.reads >= ACCEPT_ENCODING:
        replay.reads |= ACCEPT_ENCODING
