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

MUCH = 64 * 1024
"""Octets that the kernel keeps of one source at least. Whoever said half as much in one read, or nearly as many small
messages as it has room for, is not let rest."""
_PIECE = 512
"""Octets that the kernel needs for a message beside what it says."""
_NOTHING: list[Sending] = []


class RecordOutbox:
    """The queue towards one peer. First in, first out."""

    __slots__ = (
        "_adaptive",
        "_enough",
        "_full",
        "_gone",
        "_is_quiet",
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
        self._adaptive = rules.adaptive()
        self._urgent = rules.urgent_from
        self._most = self._enough = rules.full
        self._full = Flush.SIZE if self._adaptive is None else Flush.ADAPTIVE
        self._is_quiet = False
        self._pace = Pace(rules.max_delay, rules.max_delay if rules.strategy is Strategy.TIME else 0.0)
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
        return self._enough if self._adaptive is None else self._adaptive.target

    @property
    def rests_until(self) -> float:
        """When the connection it comes from is worth reading again; in the past for always."""
        return self._pace.until

    def comes(self, since: float, now: float) -> float:
        """Something has come since then: when it is worth reading."""
        adaptive = self._adaptive
        if adaptive is not None and adaptive.is_quiet:
            return 0.0
        if not self.messages:
            return self._pace.comes(since, now)
        return self._pace.follows(since, now, self._share, self.due_at)

    def vain(self, now: float) -> list[Sending]:
        """Nothing has come in a rest; what goes all the same."""
        return self.take(Flush.TIME, now) if self._pace.vain(now, self.due_at) and self.messages else _NOTHING

    @property
    def _share(self) -> float:
        """How much there is of what makes a batch."""
        return max(self.messages / self._enough, self.octets / self._rules.max_octets)

    def accept_run(self, run: MessageRun, now: float, blocked: bool) -> list[Sending]:
        """Take a run in; what goes at once."""
        adaptive, pace = self._adaptive, self._pace
        if adaptive is not None:
            self._look(adaptive, run.messages, now)
        if blocked:
            self._keep(run, now)
            return _NOTHING
        arrived = pace.came or now
        pace.came = 0.0
        rules, messages = self._rules, self.messages
        if not messages:
            self._since = arrived
            self.due_at = arrived + rules.max_delay
        messages += run.messages
        octets, since = self.octets + run.octets, self._since
        share = messages / self._enough
        if octets / rules.max_octets > share:
            share = octets / rules.max_octets
        if messages > self._most or octets >= rules.max_octets:
            out = self._fill(run, arrived, now)
            if self.messages >= self._enough or self._is_quiet:
                out += self._go(self._full, now)
            pace.gone(now, since, share)
            if self.messages and pace.leave(now, self._share, self.due_at):
                out += self._go(Flush.TIME, now)
        else:
            self._parts.append(run.records)
            self.messages, self.octets = messages, octets
            is_enough = messages >= self._enough or self._is_quiet
            if is_enough or pace.wait(now, since, share, self.due_at):
                pace.gone(now, since, share)
                out = self._go(self._full if is_enough else Flush.TIME, now)
            else:
                out = _NOTHING
        if 2 * run.size + _PIECE * run.messages > MUCH:
            pace.much()
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
        if adaptive is not None and self.messages and not blocked and (self.messages >= self._enough or self._is_quiet):
            out += self._go(self._full, now)
        return out

    def _look(self, adaptive: Adaptive, messages: int, now: float) -> None:
        adaptive.arrived(messages, now)
        self._is_quiet = adaptive.is_quiet
        self._full = Flush.IDLE if self._is_quiet else Flush.ADAPTIVE
        self._enough = MOST_RECORDS if self._is_quiet else adaptive.target
        self._most = MOST_RECORDS if self._is_quiet else self._rules.most

    def _begin(self, now: float) -> None:
        self._since = now
        self.due_at = now + self._rules.max_delay

    def _fill(self, run: MessageRun, arrived: float, now: float) -> list[Sending]:
        """A run in which at least one batch ends."""
        out: list[Sending] = []
        records, step, most, most_octets = run.records, run.step, self._most, self._rules.max_octets
        if not step:
            return self._fill_one_by_one(records, arrived, now)
        size, left, at = run.octets // run.messages, run.messages, 0
        while left:
            room = most_octets - self.octets
            fits = room // size if size else left if room >= 0 else 0
            if self.messages:
                if fits <= 0:
                    out += self._go(Flush.BYTES, now)
                    continue
            else:
                if left >= most and fits >= most:  # many batches of one kind
                    span, number, waited, reason = most * step, self._number, now - arrived, self._full
                    for _ in range(left // most):
                        head = b"\x01%b" % varint(number)
                        out.append(Sending(2, head + records[at : at + span], most, waited, reason))
                        number += most
                        at += span
                    self._number = number
                    left %= most
                    continue
                self._begin(arrived)
            taken = max(1, min(most - self.messages, fits, left))
            self._parts.append(records[at : at + taken * step])
            self.messages += taken
            self.octets += taken * size
            left -= taken
            at += taken * step
            if self.messages >= most:
                out += self._go(self._full, now)
            elif self.octets >= most_octets:
                out += self._go(Flush.BYTES, now)
        return out

    def _fill_one_by_one(self, records: bytes | bytearray, arrived: float, now: float) -> list[Sending]:
        out: list[Sending] = []
        most, most_octets = self._most, self._rules.max_octets
        begin = at = 0
        for end, size in walk_run(records):
            if self.messages and self.octets + size > most_octets:
                self._parts.append(records[begin:at])
                begin = at
                out += self._go(Flush.BYTES, now)
            if not self.messages:
                self._begin(arrived)
            self.messages += 1
            self.octets += size
            at = end
            if self.messages >= most or self.octets >= most_octets:
                self._parts.append(records[begin:at])
                begin = at
                out += self._go(self._full if self.messages >= most else Flush.BYTES, now)
        if begin < at:
            self._parts.append(records[begin:])
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
            self._pace.gone(now, self._since, self._share)
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
        parts.insert(0, b"\x01%b" % varint(self._number))
        self._number += messages
        return Sending(2, b"".join(parts), messages, waited, reason)

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
