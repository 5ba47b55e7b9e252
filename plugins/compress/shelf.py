"""The forms that are kept beside stored responses: found again, given, replayed, and made better when they prove
popular."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import Derivable, Fields, Request, Response
from gateway.http.fields import Wire
from plugins.compress.client import Client
from plugins.compress.figures import CompressFigures
from plugins.compress.forms import Form
from plugins.compress.kept import Kept
from plugins.compress.making import Levels
from plugins.compress.marking import described
from plugins.compress.policy import Leave, Make
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import CompressSettings

NOT_SMALLER = Leave(CompressReason.NOT_SMALLER, varies=True)


class Shelf:
    """What one route keeps."""

    __slots__ = ("_best_up_to", "_figures", "_levels", "_names", "_popular", "_popular_after")

    def __init__(
        self, settings: CompressSettings, route: str, figures: CompressFigures, popular: Callable[[Kept], None]
    ) -> None:
        """`popular` is called for what deserves a better form, until it has one or `improves` is set."""
        self._levels = Levels(settings)
        self._popular_after = settings.popular_after
        self._best_up_to = settings.best_up_to
        self._names = {form: f"compress {route} {form.value}" for form in Form}
        self._figures = figures
        self._popular = popular

    # --- for a form by its client --------------------------------------------------------------------

    def give_shared(self, request: Request, client: Client, came: Response) -> Response | None:
        """What became of a shared answer before, for another of those clients who share it. `None`: nothing yet."""
        stored = came.stored
        if stored is None:
            return None
        kept: Kept | None = stored.derived(self._names[client.forms[0] if client.forms else Form.AS_IS])
        if kept is None or kept.made_by is not self or (shared := kept.shared(came)) is None:
            return None
        verdict = kept.verdict
        if isinstance(verdict, Make):
            self._figures.note(request, CompressReason.KEPT)
            self.given(kept, 1)
        else:
            self._figures.note(request, verdict.reason)
        return shared

    def share(self, client: Client, came: Response, response: Response) -> None:
        """Let others share what became of a shared answer, if that is a kept form."""
        stored = came.stored
        if stored is None:
            return
        kept: Kept | None = stored.derived(self._names[client.forms[0] if client.forms else Form.AS_IS])
        if kept is not None and kept.made_by is self and response.body is kept.body and not response.has_callbacks:
            kept.share(came, response)

    def give_again(self, request: Request, client: Client, response: Response, stored: Derivable) -> bool:
        """Answer with what this client got before, if the fields are the very same: nothing is left to judge then."""
        kept: Kept | None = stored.derived(self._names[client.forms[0] if client.forms else Form.AS_IS])
        if kept is None or kept.made_by is not self or not kept.fits(response.fields):
            return False
        verdict = kept.verdict
        is_other = isinstance(verdict, Make)
        self._figures.note(request, CompressReason.KEPT if is_other else verdict.reason)
        response.fields = kept.dressed()
        response.body = kept.body
        if verdict.varies:
            kept.let_replay(response)
        if is_other:
            self.given(kept, 1)
        return True

    def keep_as_it_is(
        self, client: Client, response: Response, stored: Derivable, verdict: Leave, before: Wire | None
    ) -> None:
        """Remember that this client gets the stored content as it is, with these fields, which were `before`."""
        form = client.forms[0] if client.forms else Form.AS_IS
        kept = Kept(self._names[form], stored, verdict, stored.body, 0, self, self.given)
        kept.dress(before, response.fields)
        stored.keep(kept.name, kept, kept.octets(response.fields))

    # --- by the form ------------------------------------------------------------------------------

    def find(self, stored: Derivable, form: Form) -> Kept | None:
        """What is kept of a form."""
        kept: Kept | None = stored.derived(self._names[form])
        return kept

    def add(self, stored: Derivable, wanted: Make, made: bytes, level: int, fields: Fields) -> tuple[Kept, bool]:
        """Keep what was made of a stored response; whether there was room."""
        kept = Kept(self._names[wanted.form], stored, wanted, made, level, self, self.given)
        return kept, stored.keep(kept.name, kept, kept.octets(fields), of_body=True)

    def give(self, request: Request, response: Response, kept: Kept, reason: CompressReason) -> None:
        """Answer in a kept form, with fields that nobody has dressed before."""
        stored, wanted = kept.stored, kept.verdict
        if kept.made_by is not self and isinstance(wanted, Make):  # of the chain before a reload
            kept.end()
            kept, _ = self.add(stored, wanted, kept.body, kept.level, response.fields)
        self._figures.note(request, reason)
        fields = response.fields
        before = None if b"content-encoding" in fields else fields.wire
        response.fields = fields = described(fields, kept.form)
        response.body = kept.body
        response.described_length = None
        kept.let_replay(response)
        kept.dress(before, fields)
        self.given(kept, 1)

    # --- popular ones -----------------------------------------------------------------------------

    def given(self, kept: Kept, times: int) -> None:
        """A kept form was given so many times, by replays too."""
        kept.uses += times
        if not isinstance(kept.verdict, Make):
            return
        self._figures.given(kept.form, len(kept.stored.body), len(kept.body), times)
        after = self._popular_after
        if after is not None and kept.uses >= after and not kept.improves and self._deserves(kept, kept.verdict):
            self._popular(kept)

    def _deserves(self, kept: Kept, wanted: Make) -> bool:
        if wanted.coding is None or len(kept.stored.body) > self._best_up_to:
            return False
        return kept.level < self._levels.best[wanted.coding]

    def improve(self, kept: Kept, made: bytes | None, level: int) -> bool:
        """Put what was made at a higher level in the place of `kept`; whether it is better.

        What was replayed of the old one is replayed no more."""
        stored, wanted = kept.stored, kept.verdict
        assert isinstance(wanted, Make), "what is as it came has no level"
        if made is None or len(made) >= len(kept.body) or stored.derived(kept.name) is not kept:
            return False
        better = Kept(kept.name, stored, wanted, made, level, self, self.given)
        better.uses, better.improves = kept.uses, True
        if not stored.keep(kept.name, better, better.octets(stored.fields), of_body=True):
            return False
        kept.end()
        self._figures.of(kept.form).improved.inc()
        return True
