"""What would happen to a request here, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api import Monotonic, Request
from plugins.batch.common.reasons import ClientReason, MergeReason, RpcReason
from plugins.batch.merge.rule import Rule
from plugins.batch.rpc.endpoint import Endpoint, takes


def explained_batch(request: Request) -> dict[str, Any]:
    """A request for the path of batches."""
    if request.method != "POST":
        return {"decision": "refuse", "reason": ClientReason.METHOD.value, "why": ClientReason.METHOD.sentence}
    return {"decision": "take apart", "reason": ClientReason.ANSWERED.value, "why": ClientReason.ANSWERED.sentence}


def explained_calls(request: Request, endpoint: Endpoint | None) -> dict[str, Any] | None:
    """A request for an endpoint of calls."""
    if endpoint is None or request.method != "POST" or not takes(request):
        return None
    reason = RpcReason.REDUCED if endpoint.sends_arrays else RpcReason.TAKEN_APART
    return {"decision": "take apart", "reason": reason.value, "why": f"If it is an array: {reason.sentence}"}


def explained_merge(request: Request, rules: Sequence[Rule], now: Monotonic) -> dict[str, Any] | None:
    """A request that a rule of merging may match."""
    for rule in rules:
        if not rule.template.matches(request.path):
            continue
        asked = rule.judge(request, now)
        words: dict[str, Any] = {"rule": rule.name, "window": rule.gatherer.window}
        if isinstance(asked, MergeReason):
            return {"decision": "pass", "reason": asked.value, "why": asked.sentence, **words}
        if rule.gatherer.is_idle(rule.partitioner.of(request, asked)):
            reason = MergeReason.LONE
            return {"decision": "pass", "reason": reason.value, "why": reason.sentence, **words, "id": asked.id}
        why = "A call that it could share is under way, so it would wait for company."
        return {"decision": "gather", "reason": MergeReason.MERGED.value, "why": why, **words, "id": asked.id}
    return None
