"""What people are told who ask what would happen to a request here."""

from __future__ import annotations

from typing import Any

from plugins.compress.planning import Plan
from plugins.compress.reasons import SENTENCES, CompressReason


def explained(plan: Plan) -> dict[str, Any]:
    """What would become of an answer's content, as far as the request decides. The answer decides the rest."""
    reason = plan.leaves
    if reason is None and not plan.client.codings:
        reason = CompressReason.NOT_ACCEPTED
    inward = None if plan.inward is None else plan.inward.get(b"accept-encoding")
    told: dict[str, Any]
    if reason is None:
        told = {"decision": plan.client.forms[0].value, "reason": CompressReason.COMPRESSED.value}
        told["why"] = SENTENCES[CompressReason.COMPRESSED]
    else:
        told = {"decision": "as it is", "reason": reason.value, "why": SENTENCES[reason]}
    told["codings"] = [form.value for form in plan.client.forms]
    if inward is not None:
        told["origin_sees"] = inward.decode("latin-1")
    return told
