"""The purges that a host tier remembers: one row for each thing that was ever purged, with the number of the last time.

A record is held against the rows of its own labels only, so neither many purges nor many records make either dear. When
there are too many rows the oldest go, and records from before those are no longer believed."""

from __future__ import annotations

from struct import Struct
from typing import Any

from gateway.tiers.frame import DIGEST, digest
from gateway.tiers.host_file import HostFile
from gateway.tiers.seal import Seal, SealError
from gateway.tiers.tier import PurgeOrder

MOST_ROWS = 65_536
"""Labels remembered."""
MOST_PREFIXES = 256
"""Prefixes remembered: each record that is found after a purge is held against all of them."""

ROW = Struct(">QQ")
"""Number of the last hard purge and of the last soft one."""
NUMBER = Struct(">Q")

Prefixes = list[tuple[bytes, int, int]]


def note(file: HostFile, txn: Any, order: PurgeOrder, seal: Seal | None, names: bytes) -> int:
    """Write a purge down; its number."""
    number: int = NUMBER.unpack(txn.get(b"number", db=file.state))[0] + 1
    for label in order.labels:
        row = digest(label, key=names)
        _renew(file, txn, row, txn.get(row, db=file.purges), number, order.soft, b"", file.purges)
    for prefix in order.prefixes:
        row = digest(b"\0prefix\0" + prefix, key=names)
        written = prefix if seal is None else seal.close(prefix, row)
        _renew(file, txn, row, txn.get(row, db=file.prefixes), number, order.soft, written, file.prefixes)
    _trim(file, txn)
    txn.put(b"number", NUMBER.pack(number), db=file.state)
    return number


def _renew(
    file: HostFile, txn: Any, row: bytes, before: bytes | None, number: int, soft: bool, content: bytes, db: Any
) -> None:
    hard_number, soft_number = ROW.unpack_from(before) if before is not None else (0, 0)
    if before is not None:
        txn.delete(NUMBER.pack(max(hard_number, soft_number)) + row, db=file.order)
    numbers = (hard_number, number) if soft else (number, soft_number)
    txn.put(row, ROW.pack(*numbers) + content, db=db)
    txn.put(NUMBER.pack(number) + row, b"", db=file.order)


def _trim(file: HostFile, txn: Any) -> None:
    """Forget the oldest rows of what there is too much of."""
    surplus = txn.stat(file.order)["entries"] - MOST_ROWS
    many_prefixes = txn.stat(file.prefixes)["entries"] - MOST_PREFIXES
    if surplus <= 0 and many_prefixes <= 0:
        return
    floor = 0
    cursor = txn.cursor(file.order)
    going = cursor.first()
    while going and (surplus > 0 or many_prefixes > 0):
        key = cursor.key()
        number, row = NUMBER.unpack_from(key)[0], key[NUMBER.size :]
        is_prefix = txn.delete(row, db=file.prefixes)
        if not is_prefix:
            txn.delete(row, db=file.purges)
        many_prefixes -= is_prefix
        surplus -= 1
        floor = number
        going = cursor.delete()
    txn.put(b"floor", NUMBER.pack(floor), db=file.state)


def read_prefixes(file: HostFile, txn: Any, seal: Seal | None) -> Prefixes:
    """All prefixes. What cannot be read is every prefix there is."""
    prefixes = []
    for row, value in txn.cursor(file.prefixes):
        prefix = value[ROW.size :]
        if seal is not None:
            try:
                prefix = seal.open(prefix, row)
            except SealError:
                prefix = b""
        prefixes.append((prefix, *ROW.unpack_from(value)))
    return prefixes


def hit(file: HostFile, txn: Any, labels: bytes, mark: int, name: bytes, prefixes: Prefixes) -> bool | None:
    """Whether a purge after `mark` means a record: True for a hard one, False for a soft one, `None` for none."""
    found: bool | None = None
    if mark < NUMBER.unpack(txn.get(b"floor", db=file.state))[0]:
        return True
    for begin in range(0, len(labels), DIGEST):
        row = txn.get(labels[begin : begin + DIGEST], db=file.purges)
        if row is not None:
            hard_number, soft_number = ROW.unpack(row)
            if hard_number > mark:
                return True
            if soft_number > mark:
                found = False
    for prefix, hard_number, soft_number in prefixes:
        if name.startswith(prefix):
            if hard_number > mark:
                return True
            if soft_number > mark:
                found = False
    return found
