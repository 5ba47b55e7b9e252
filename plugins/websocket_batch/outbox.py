"""What waits for a peer, and when it goes: the strategies. Rules only; whoever holds an outbox keeps the time.

All strategies share the bounds: nothing waits longer than `max_delay`, and no batch has more than `max_octets` unless a
single message has."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gateway.api import Flush, Sending, WebSocketMessage
from plugins.websocket_batch.adaptive import Adaptive
from plugins.websocket_batch.formats import MOST_RECORDS, Format, Frame, Item
from plugins.websocket_batch.marks import Mark

_NEVER_URGENT = 16


class Strategy(Enum):
    """What makes a batch go before its time is up."""

    TIME = "time"
    SIZE = "size"
    PRIORITY = "priority"
    ADAPTIVE = "adaptive"
    HYBRID = "hybrid"


class Urgent(Enum):
    """What an urgent message does with those that wait."""

    FLUSH = "flush"
    OVERTAKE = "overtake"


@dataclass(frozen=True, slots=True)
class Rules:
    """When batches go; copied from the settings."""

    strategy: Strategy = Strategy.HYBRID
    max_delay: float = 0.1
    max_messages: int = 10
    max_octets: int = 64 * 1024
    threshold: int = 3
    urgent: Urgent = Urgent.FLUSH
    least: int = 2
    most: int = 50
    mark: Callable[[int, bytes], Mark] | None = None

    @property
    def urgent_from(self) -> int:
        """Priority from which on a message does not wait; more than there is where none is urgent."""
        return self.threshold if self.strategy in (Strategy.PRIORITY, Strategy.HYBRID) else _NEVER_URGENT

    @property
    def full(self) -> int:
        """Messages that make a batch full, whatever comes."""
        return MOST_RECORDS if self.strategy is Strategy.TIME else self.max_messages

    def adaptive(self) -> Adaptive | None:
        """What finds out how many messages are worth waiting for, where that is asked for."""
        return Adaptive(self.least, self.most, self.max_delay) if self.strategy is Strategy.ADAPTIVE else None


class BatchOutbox:
    """The queue towards one peer."""

    __slots__ = (
        "_adaptive",
        "_encode",
        "_keys",
        "_mark",
        "_may_overtake",
        "_most",
        "_next",
        "_rules",
        "_since",
        "_urgent",
        "_waiting",
        "conflated",
        "due_at",
        "messages",
        "octets",
    )

    def __init__(self, rules: Rules, form: Format) -> None:
        self._rules = rules
        self._encode = form.encode
        self._mark = rules.mark
        self._adaptive = rules.adaptive()
        self._urgent = rules.urgent_from
        self._may_overtake = form.numbers and rules.urgent is Urgent.OVERTAKE
        self._most = rules.full
        self._waiting: dict[int, Item] = {}
        self._keys: dict[object, int] = {}
        self._next = 0
        self._since = 0.0
        self.messages = 0
        self.octets = 0
        self.due_at = math.inf
        self.conflated = 0

    @property
    def target(self) -> int:
        """Messages a batch aims for."""
        return self._most if self._adaptive is None else self._adaptive.target

    def accept(self, messages: list[WebSocketMessage], now: float, blocked: bool) -> list[Sending]:
        """Take messages in; what goes at once."""
        rules, waiting = self._rules, self._waiting
        out: list[Sending] = []
        adaptive = self._adaptive
        if adaptive is not None:
            adaptive.arrived(len(messages), now)
            self._most = MOST_RECORDS if adaptive.is_quiet else rules.most
        most, most_octets, mark, urgent = self._most, rules.max_octets, self._mark, self._urgent
        number, octets = self._next, self.octets  # in local variables, as this is done for every message there is
        key: object = None
        for opcode, payload in messages:
            priority, size, is_first = opcode >> 4, len(payload), not waiting
            if mark is not None:
                priority, key = mark(opcode, payload)
                if key is not None:
                    octets -= self._replace(key, number)
            if octets + size > most_octets and waiting and not blocked:
                out += self._go(Flush.BYTES, number, octets, now)
                waiting, octets, is_first = self._waiting, 0, True
            if is_first:  # one that takes another's place takes its time over as well
                self._since = now
                self.due_at = now + rules.max_delay
            waiting[number] = (opcode & 0xF, payload, priority, key)
            octets += size
            number += 1
            if blocked:
                continue
            if priority >= urgent:
                if self._may_overtake:
                    self.octets = octets
                    out += self._overtake(number - 1, now)
                    octets = self.octets
                else:
                    out += self._go(Flush.PRIORITY, number, octets, now)
                    waiting, octets = self._waiting, 0
            elif len(waiting) >= most:
                out += self._go(Flush.SIZE if adaptive is None else Flush.ADAPTIVE, number, octets, now)
                waiting, octets = self._waiting, 0
            elif octets >= most_octets:
                out += self._go(Flush.BYTES, number, octets, now)
                waiting, octets = self._waiting, 0
        self._next, self.octets = number, octets
        self.messages = len(waiting)
        if adaptive is not None and waiting and not blocked:  # what has come together goes together
            if adaptive.is_quiet:
                out += self.take(Flush.IDLE, now)
            elif len(waiting) >= adaptive.target:
                out += self.take(Flush.ADAPTIVE, now)
        return out

    def _go(self, reason: Flush, number: int, octets: int, now: float) -> list[Sending]:
        self._next, self.octets = number, octets
        return self.take(reason, now)

    def _replace(self, key: object, number: int) -> int:
        """The newest message of a key is the only one that counts: an older one goes unsent. Returns its octets."""
        older = self._keys.get(key)
        self._keys[key] = number
        item = self._waiting.pop(older, None) if older is not None else None
        if item is None:
            return 0
        self.conflated += 1
        return len(item[1])

    def _overtake(self, number: int, now: float) -> list[Sending]:
        """The urgent one alone; the others wait on."""
        item = self._forget(number)
        self.octets -= len(item[1])
        if not self._waiting:
            self.due_at = math.inf
        return self._sendings({number: item}, Flush.PRIORITY, 0.0)

    def take(self, reason: Flush, now: float) -> list[Sending]:
        """All that waits."""
        waiting, octets = self._waiting, self.octets
        if not waiting:
            return []
        self._waiting = {}
        if self._keys:
            self._keys = {}
        self.messages = self.octets = 0
        self.due_at = math.inf
        waited = max(0.0, now - self._since)
        if octets <= self._rules.max_octets or len(waiting) == 1:
            return self._sendings(waiting, reason, waited)
        out: list[Sending] = []  # so much waits only while the peer is blocked
        part: dict[int, Item] = {}
        size = 0
        for number, item in waiting.items():
            if part and size + len(item[1]) > self._rules.max_octets:
                out += self._sendings(part, reason, waited)
                part, size = {}, 0
            part[number] = item
            size += len(item[1])
        return out + self._sendings(part, reason, waited)

    def _sendings(self, items: dict[int, Item], reason: Flush, waited: float) -> list[Sending]:
        frames: list[Frame] = self._encode(items)
        return [Sending(opcode, payload, count, waited, reason) for opcode, payload, count in frames]

    def drop_oldest(self) -> int:
        """Give up the message that has waited longest; its octets."""
        number = next(iter(self._waiting))
        size = len(self._forget(number)[1])
        self.messages = len(self._waiting)
        self.octets -= size
        return size

    def _forget(self, number: int) -> Item:
        item = self._waiting.pop(number)
        key = item[3]
        if key is not None and self._keys.get(key) == number:
            del self._keys[key]
        return item

    def pressure(self, is_high: bool, now: float) -> None:
        """Sending falls behind."""
        if is_high and self._adaptive is not None:
            self._adaptive.press()
