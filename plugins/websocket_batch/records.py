"""What waits for a peer that takes `batch.v1`, as records: most messages come as such and are never looked at.

For the common case: no message says how urgent it is in its content, and none replaces another. The rest is in
`outbox.py`; what the strategies mean is the same. Rules only."""

import math

from gateway.api import Flush, MessageRun, Sending, WebSocketMessage, walk_run
from plugins.websocket_batch.adaptive import Adaptive
from plugins.websocket_batch.binary import varint
from plugins.websocket_batch.formats import MOST_RECORDS
from plugins.websocket_batch.outbox import Rules, Strategy
from plugins.websocket_batch.pace import Pace

_NEVER_URGENT = 16
_NOTHING: list[Sending] = []


class RecordOutbox:
    """The queue towards one peer. First in, first out."""

    __slots__ = (
        "_adaptive",
        "_gone",
        "_most",
        "_number",
        "_pace",
        "_parts",
        "_rules",
        "_since",
        "_urgent",
        "conflated",
        "due_at",
        "messages",
        "octets",
    )

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        strategy = rules.strategy
        self._adaptive = Adaptive(rules.least, rules.most, rules.max_delay) if strategy is Strategy.ADAPTIVE else None
        self._urgent = rules.threshold if strategy in (Strategy.PRIORITY, Strategy.HYBRID) else _NEVER_URGENT
        self._most = MOST_RECORDS if strategy is Strategy.TIME else rules.max_messages
        self._pace = Pace(rules.max_delay)
        self._parts: list[bytes | bytearray] = []
        self._gone = 0  # octets of the first part that were given up
        self._number = 0  # of the first message that waits
        self._since = 0.0
        self.messages = 0
        self.octets = 0
        self.due_at = math.inf
        self.conflated = 0

    @property
    def target(self) -> int:
        """Messages a batch aims for."""
        return self._most if self._adaptive is None else self._adaptive.target

    @property
    def rests_until(self) -> float:
        """When the connection it comes from is worth reading again; in the past for always."""
        return self._pace.until

    def accept_run(self, run: MessageRun, now: float, blocked: bool) -> list[Sending]:
        """Take a run in; what goes at once."""
        adaptive = self._adaptive
        if adaptive is not None:
            self._look(adaptive, run.messages, now)
        messages, octets, rules = self.messages + run.messages, self.octets + run.octets, self._rules
        if blocked:
            self._keep(run, now)
            return _NOTHING
        if not self.messages:
            self._begin(self._pace.begin(now))
        self._pace.reads += 1
        since = self._since
        if messages > self._most or octets >= rules.max_octets:
            out = self._fill(run.records, now)
            if adaptive is not None and adaptive.is_quiet:
                out += self._go(Flush.IDLE, now)
        else:
            self._parts.append(run.records)
            self.messages, self.octets = messages, octets
            if messages == self._most:
                out = self._go(self._full, now)
            elif adaptive is not None and adaptive.is_quiet:
                out = self._go(Flush.IDLE, now)
            else:
                share = max(messages / self._most, octets / rules.max_octets)
                if not self._pace.wait(now, 1.0 - share, self.due_at):
                    return _NOTHING
                out = self._go(Flush.TIME, now)
        self._pace.gone(now, since, max(messages / self._most, octets / rules.max_octets))
        return out

    def _keep(self, run: MessageRun, now: float) -> None:
        """Of a peer that takes nothing now."""
        if not self.messages:
            self._begin(now)
        self._parts.append(run.records)
        self.messages += run.messages
        self.octets += run.octets

    def accept(self, messages: list[WebSocketMessage], now: float, blocked: bool) -> list[Sending]:
        """Take messages in; what goes at once."""
        adaptive = self._adaptive
        if adaptive is not None:
            self._look(adaptive, len(messages), now)
        out: list[Sending] = []
        for opcode, payload in messages:
            size, priority = len(payload), opcode >> 4
            record = b"%c%b%b" % ((opcode & 0xF) >> 1 | priority << 1, varint(size), payload)
            self._add(record, size, priority >= self._urgent, now, blocked, out)
        if adaptive is not None and adaptive.is_quiet and self.messages and not blocked:
            out += self._go(Flush.IDLE, now)
        return out

    def _look(self, adaptive: Adaptive, messages: int, now: float) -> None:
        adaptive.arrived(messages, now)
        self._most = MOST_RECORDS if adaptive.is_quiet else adaptive.target

    @property
    def _full(self) -> Flush:
        return Flush.SIZE if self._adaptive is None else Flush.ADAPTIVE

    def _begin(self, now: float) -> None:
        self._since = now
        self.due_at = now + self._rules.max_delay

    def _fill(self, records: bytes | bytearray, now: float) -> list[Sending]:
        """A run in which at least one batch ends."""
        out: list[Sending] = []
        begin = 0
        for end, size in walk_run(records):
            self._add(records[begin:end], size, False, now, False, out)
            begin = end
        return out

    def _add(
        self, record: bytes | bytearray, size: int, is_urgent: bool, now: float, blocked: bool, out: list[Sending]
    ) -> None:
        most_octets = self._rules.max_octets
        if self.messages and self.octets + size > most_octets and not blocked:
            out += self._go(Flush.BYTES, now)
        if not self.messages:
            self._begin(now)
        self._parts.append(record)
        self.messages += 1
        self.octets += size
        if blocked:
            return
        if is_urgent:
            out += self._go(Flush.PRIORITY, now)
        elif self.messages >= self._most:
            out += self._go(self._full, now)
        elif self.octets >= most_octets:
            out += self._go(Flush.BYTES, now)

    def take(self, reason: Flush, now: float) -> list[Sending]:
        """All that waits."""
        if self.messages:
            share = max(self.messages / self._most, self.octets / self._rules.max_octets)
            self._pace.gone(now, self._since, share)
        return self._go(reason, now)

    def _go(self, reason: Flush, now: float) -> list[Sending]:
        messages, octets = self.messages, self.octets
        if not messages:
            return _NOTHING
        parts, self._parts = self._parts, []
        if self._gone:
            parts[0] = parts[0][self._gone :]
            self._gone = 0
        self.messages = self.octets = 0
        self.due_at = math.inf
        waited = max(0.0, now - self._since)
        if messages <= MOST_RECORDS and (octets <= self._rules.max_octets or messages == 1):
            return [self._batch(parts, messages, waited, reason)]
        return self._batches(b"".join(parts), waited, reason)

    def _batch(self, parts: list[bytes | bytearray], messages: int, waited: float, reason: Flush) -> Sending:
        head = b"\x01%b" % varint(self._number)
        self._number += messages
        return Sending(2, head + b"".join(parts), messages, waited, reason)

    def _batches(self, records: bytes, waited: float, reason: Flush) -> list[Sending]:
        """So much waits only while the peer is blocked."""
        out: list[Sending] = []
        begin = at = count = octets = 0
        for end, size in walk_run(records):
            if count and (octets + size > self._rules.max_octets or count == MOST_RECORDS):
                out.append(self._batch([records[begin:at]], count, waited, reason))
                begin, count, octets = at, 0, 0
            count += 1
            octets += size
            at = end
        out.append(self._batch([records[begin:]], count, waited, reason))
        return out

    def drop_oldest(self) -> int:
        """Give up the message that has waited longest; its octets."""
        first, at = self._parts[0], self._gone
        end, size = next(walk_run(first, at))
        if end == len(first):
            del self._parts[0]
            end = 0
        self._gone = end
        self._number += 1
        self.messages -= 1
        self.octets -= size
        if not self.messages:
            self.due_at = math.inf
        return size

    def pressure(self, is_high: bool, now: float) -> None:
        """Sending falls behind."""
        if is_high and self._adaptive is not None:
            self._adaptive.press()
