"""What would happen to a request now, in words."""

from __future__ import annotations

from typing import Any

from gateway.api import Monotonic
from plugins.coalesce.answer import SharedAnswer
from plugins.coalesce.flight import State
from plugins.coalesce.reasons import ApartReason, SharedReason
from plugins.coalesce.table import Place


def explained(place: Place | None, bar: ApartReason | None, now: Monotonic) -> dict[str, Any]:
    """Words for `slipstream explain`. `place` is what is known about the request, `None` when it shares nothing by its
    nature; `bar` is what keeps it from sharing the exchange that is under way."""
    if place is None:
        why = "Only GET, HEAD, OPTIONS and QUERY without an upgrade share exchanges."
        return {"decision": "pass", "reason": "method", "why": why}
    fact, flight = place.fact, place.flight
    words: dict[str, Any] = {}
    if place.parts is not None:
        words["has_identity"] = bool(place.parts.identity)
    if fact.vary:
        words["depends_on"] = ", ".join(name.decode() for name in fact.vary)
    if fact.apart is not None or fact.for_everybody or fact.vary:
        words["remembered_for_seconds"] = round(fact.until - now, 3)
    if fact.apart is not None:
        return {"decision": "pass", "reason": fact.apart.value, "why": fact.apart.sentence, **words}
    if fact.for_everybody:
        words["last_answer"] = "for everybody"
    if flight is None or (flight.state is State.UNDER_WAY and not may_join(flight.answer, now)):
        return {"decision": "lead", "reason": "alone", "why": "No request for the same is under way.", **words}
    if bar is not None:
        return {"decision": "lead", "reason": bar.value, "why": bar.sentence, **words}
    reason = SharedReason.JOINED if flight.state is State.UNDER_WAY else SharedReason.FOLLOWED
    words["followers"] = flight.followers
    return {"decision": "share", "reason": reason.value, "why": reason.sentence, **words}


def may_join(answer: SharedAnswer | None, now: Monotonic) -> bool:
    """Whether a newcomer would still get an answer whose content is under way."""
    return (
        answer is not None
        and answer.joinable_until >= now
        and not isinstance(answer.body, bytes)
        and answer.body.may_join
    )
