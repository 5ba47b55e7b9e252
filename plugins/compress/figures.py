"""What is counted about content in other forms. Children are looked up once for each value of their labels."""

from __future__ import annotations

from gateway.api import Counter, Decision, Figures, Request
from plugins.compress.forms import Form
from plugins.compress.reasons import CompressReason

NAME = "compress"
"""Who decides, on the trail."""


class _OfForm:
    """The counters of one form."""

    __slots__ = ("after", "before", "improved", "seconds")

    def __init__(self, figures: Figures, route: str, form: Form) -> None:
        labels = {"route": route, "coding": form.value}
        text = "Octets of content that changed its form, before and after"
        self.before = figures.counter("compress_bytes_total", text, side="before", **labels)
        self.after = figures.counter("compress_bytes_total", text, side="after", **labels)
        text = "Time that changing the form of content took, in the loop and in threads"
        self.seconds = figures.counter("compress_seconds_total", text, **labels)
        text = "Stored responses compressed once more, at a higher level"
        self.improved = figures.counter("compress_improved_total", text, **labels)


class CompressFigures:
    """Figures of one route, and the trail's entries for its reasons."""

    __slots__ = ("_decisions", "_figures", "_forms", "_reasons", "_route")

    def __init__(self, figures: Figures, route: str) -> None:
        self._figures = figures
        self._route = route
        self._decisions = {reason: Decision(NAME, reason) for reason in CompressReason}
        self._reasons: dict[CompressReason, Counter] = {}
        self._forms: dict[Form, _OfForm] = {}

    def outcome(self, reason: CompressReason) -> tuple[Counter, Decision]:
        """The counter of answers that ended so, and the decision for their trail."""
        counter = self._reasons.get(reason)
        if counter is None:
            text = "Answers by what became of their content"
            counter = self._reasons[reason] = self._figures.counter(
                "compress_responses_total", text, route=self._route, outcome=reason.value
            )
        return counter, self._decisions[reason]

    def note(self, request: Request, reason: CompressReason) -> None:
        """Put a reason on a request's trail, and count it."""
        counter, decision = self.outcome(reason)
        counter.inc()
        request.trail.append(decision)

    def of(self, form: Form) -> _OfForm:
        """The counters of a form."""
        found = self._forms.get(form)
        if found is None:
            found = self._forms[form] = _OfForm(self._figures, self._route, form)
        return found

    def made(self, form: Form, before: int, after: int, seconds: float) -> None:
        """Content was made: octets before and after, and how long that took."""
        of = self.of(form)
        of.before.inc(before)
        of.after.inc(after)
        of.seconds.inc(max(0.0, seconds))

    def given(self, form: Form, before: int, after: int, times: int = 1) -> None:
        """What was made before was given so many times more."""
        of = self.of(form)
        of.before.inc(before * times)
        of.after.inc(after * times)
