"""The settings of a route as values that need no further thought."""

from __future__ import annotations

from plugins.idempotency.key import namer
from plugins.idempotency.reasons import IdempotencyReason
from plugins.idempotency.record import Record
from plugins.idempotency.settings import IdempotencySettings


class Policy:
    """What the road reads for each request."""

    __slots__ = (
        "_classes",
        "_statuses",
        "buffer",
        "by",
        "field",
        "mark",
        "max_response",
        "methods",
        "name_of",
        "required",
        "running",
    )

    def __init__(self, settings: IdempotencySettings) -> None:
        self.field = settings.field.lower().encode()
        self.methods = frozenset(settings.methods)
        self.required = settings.required
        self.name_of = namer(settings)
        self.by = settings.fingerprint
        self.mark = settings.mark.encode() if settings.mark is not None else None
        self.max_response = settings.max_response
        self.buffer = settings.buffer
        self.running = settings.running
        self._statuses = frozenset(int(text) for text in settings.discard if not text.endswith("xx"))
        self._classes = frozenset(int(text[0]) for text in settings.discard if text.endswith("xx"))

    def keeps(self, status: int) -> bool:
        """Whether an answer with this status is one to give again."""
        return status >= 200 and status not in self._statuses and status // 100 not in self._classes


def judge(record: Record, fingerprint: bytes) -> IdempotencyReason:
    """What a request with this fingerprint gets, whose key was used before: `REPLAYED`, `MISMATCH` or `GONE`."""
    if record.fingerprint != fingerprint:
        return IdempotencyReason.MISMATCH
    return IdempotencyReason.REPLAYED if record.answer is not None else IdempotencyReason.GONE
