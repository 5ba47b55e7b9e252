"""What was purged, as one worker knows it: a row for each label that was ever named, with the number of the last time.

A record that lies in Redis is held against the rows of its own labels only, so neither many purges nor many records
make a look-up dear. When there are too many rows the oldest go, and records from before those are not believed."""

from __future__ import annotations

from gateway.tiers.frame import DIGEST, digest
from gateway.tiers.tier import PurgeOrder

MOST_ROWS = 65_536
"""Labels remembered, some 150 octets each."""
MOST_PREFIXES = 256
"""Prefixes remembered: each record that is found after a purge is held against all of them."""

_Numbers = tuple[int, int]
"""Number of the last hard purge, and of the last soft one."""


class PurgeRows:
    """Labels and prefixes, the one named longest ago first."""

    __slots__ = ("_most", "_most_prefixes", "_names", "_prefixes", "_rows", "floor", "latest")

    def __init__(self, names: bytes = b"", most: int = MOST_ROWS, most_prefixes: int = MOST_PREFIXES) -> None:
        """`names` is the key of digests, the same as that of the records."""
        self._names = names
        self._most = most
        self._most_prefixes = most_prefixes
        self._rows: dict[bytes, _Numbers] = {}
        self._prefixes: dict[bytes, _Numbers] = {}
        self.latest = 0
        """Number of the last purge."""
        self.floor = 0
        """Records that were asked for before this one are not believed."""

    def note(self, order: PurgeOrder, number: int) -> None:
        """Remember a purge."""
        for label in order.labels:
            _renew(self._rows, digest(label, key=self._names), number, soft=order.soft)
        for prefix in order.prefixes:
            _renew(self._prefixes, prefix, number, soft=order.soft)
        self.latest = max(self.latest, number)
        self._trim(self._rows, self._most)
        self._trim(self._prefixes, self._most_prefixes)

    def believe_none_before(self, number: int) -> None:
        """Nothing is known of the purges before this one."""
        self.floor = max(self.floor, number)
        self.latest = max(self.latest, number)

    def _trim(self, rows: dict[bytes, _Numbers], most: int) -> None:
        while len(rows) > most:
            self.floor = max(self.floor, *rows.pop(next(iter(rows))))

    def hit(self, labels: bytes, name: bytes, mark: int) -> bool | None:
        """Whether a purge after `mark` means a record: True for a hard one, False for a soft one, `None` for none.

        `labels` are the digests of its labels, `DIGEST` octets each, and `name` is its own."""
        if mark < self.floor:
            return True
        if mark >= self.latest:
            return None
        found: bool | None = None
        rows = self._rows
        for begin in range(0, len(labels), DIGEST):
            numbers = rows.get(labels[begin : begin + DIGEST])
            if numbers is not None:
                if numbers[0] > mark:
                    return True
                if numbers[1] > mark:
                    found = False
        for prefix, numbers in self._prefixes.items():
            if max(numbers) > mark and name.startswith(prefix):
                if numbers[0] > mark:
                    return True
                found = False
        return found


def _renew(rows: dict[bytes, _Numbers], row: bytes, number: int, *, soft: bool) -> None:
    hard_number, soft_number = rows.pop(row, (0, 0))
    rows[row] = (hard_number, number) if soft else (number, soft_number)
