"""From the settings and what was agreed on in a handshake to the terms that a connection is carried by."""

from collections.abc import Callable
from functools import partial

from gateway.api import Deflate, FrameTerms, LegTerms, Outbox, QueueLimits, TunnelTerms, Unpack
from plugins.websocket_batch import binary, text
from plugins.websocket_batch.formats import Format, Plain
from plugins.websocket_batch.marks import Marks
from plugins.websocket_batch.negotiation import Agreed
from plugins.websocket_batch.outbox import BatchOutbox, Rules, Urgent
from plugins.websocket_batch.pointers import Pointer
from plugins.websocket_batch.records import RecordOutbox
from plugins.websocket_batch.settings import Coalesce, WebSocketBatchSettings

_FORMS: dict[str, tuple[Callable[[], Format], Unpack]] = {
    binary.TOKEN: (binary.Binary, binary.unpack),
    text.TOKEN: (text.Json, text.unpack),
}
NEVER = 10.0 * 365 * 86400


def rules_of(settings: WebSocketBatchSettings, *, joins: bool) -> Rules:
    """When batches go, or, without `joins`, messages that leave together and stay what they are: none of them may be
    left out, whoever else is newer."""
    marks = Marks(
        Pointer(settings.priority_field) if settings.priority_field is not None else None,
        [(prefix.encode(), priority) for prefix, priority in settings.priority_prefixes.items()],
        [Pointer(each) for each in settings.conflate] if joins else [],
    )
    return Rules(
        settings.strategy,
        settings.max_delay,
        settings.max_messages,
        settings.max_octets,
        settings.priority_threshold,
        settings.priority_mode,
        settings.adaptive_min,
        settings.adaptive_max,
        marks.reader,
    )


def wanted_deflate(settings: WebSocketBatchSettings) -> Deflate | None:
    """What a client's offer to compress may become."""
    own = settings.compression
    if not own.enabled:
        return None
    takeover = own.context_takeover
    return Deflate(
        own_window=own.window,
        peer_window=own.window,
        own_takeover=takeover,
        peer_takeover=takeover,
        memory_level=own.memory_level,
        level=own.level,
        threshold=own.threshold,
    )


def tunnel_terms(settings: WebSocketBatchSettings) -> TunnelTerms:
    """Of a route that passes octets unread."""
    return TunnelTerms(NEVER if settings.idle is None else settings.idle)


class Terms:
    """Makes terms; those of equal handshakes are the same object."""

    __slots__ = ("_known", "_plain_rules", "_rules", "_settings")

    def __init__(self, settings: WebSocketBatchSettings) -> None:
        self._settings = settings
        self._rules = rules_of(settings, joins=True)
        self._plain_rules = rules_of(settings, joins=False)
        self._known: dict[tuple[str | None, str | None, Deflate | None], FrameTerms] = {}

    def of(self, agreed: Agreed, deflate: Deflate | None) -> FrameTerms:
        """The terms of a connection."""
        key = (agreed.downstream, agreed.upstream, deflate)
        terms = self._known.get(key)
        if terms is None:
            terms = self._known[key] = self._make(agreed, deflate)
        return terms

    def _make(self, agreed: Agreed, deflate: Deflate | None) -> FrameTerms:
        settings, queue = self._settings, self._settings.queue
        return FrameTerms(
            downstream=self._leg(agreed.downstream, deflate),
            upstream=self._leg(agreed.upstream, None),
            mode=agreed.downstream or agreed.upstream or "framed",
            max_message=settings.max_message,
            queue=QueueLimits(
                queue.messages, queue.octets, queue.stop_above, queue.go_on_below, queue.slow, queue.slow_after
            ),
            queued_total=queue.total,
            max_delay=settings.max_delay,
            join=settings.coalesce is not Coalesce.OFF,
            idle=NEVER if settings.idle is None else settings.idle,
            ping_every=settings.ping_every,
            ping_timeout=settings.ping_timeout,
            messages_per_second=settings.messages_per_second,
            burst=settings.burst,
            close_timeout=settings.close_timeout,
            bad_gateway_code=settings.bad_gateway_code,
        )

    def _leg(self, form: str | None, deflate: Deflate | None) -> LegTerms:
        make: Callable[[], Outbox] | None = None
        unpack: Unpack | None = None
        if form is not None:
            make_format, unpack = _FORMS[form]
            if form == binary.TOKEN and self._rules.mark is None and self._rules.urgent is Urgent.FLUSH:
                make = partial(RecordOutbox, self._rules)
            else:
                make = partial(BatchOutbox, self._rules, make_format())
        elif self._settings.coalesce is Coalesce.STRATEGY:
            make = partial(BatchOutbox, self._plain_rules, Plain())
        return LegTerms(make, unpack, deflate)
