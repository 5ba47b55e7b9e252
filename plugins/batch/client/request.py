"""From an item of a batch to the request that its client could have sent by itself."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api import Fields, Monotonic, Request
from plugins.batch.client.items import ALWAYS_INHERITED, Item

MARK = "batch.item"
"""Among a request's attributes: it is an item of a batch."""
_NDJSON = (b"application/x-ndjson", b"application/jsonl", b"application/ndjson")


def is_item(request: Request) -> bool:
    """Whether a request came out of a batch, so that it must not be one itself."""
    return request.attributes is not None and MARK in request.attributes


class Inheritance:
    """Says what items have of their batch."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = ALWAYS_INHERITED | {name.lower().encode() for name in names}

    def of(self, batch: Request) -> Fields:
        """The fields of a batch that its items inherit, its Host among them."""
        names = self._names
        return Fields(pair for pair in batch.fields if pair[0].lower() in names or pair[0].lower() == b"host")

    def request(
        self, item: Item, batch: Request, inherited: Fields, started: Monotonic, deadline: Monotonic
    ) -> Request:
        """The request of an item. It comes by the connection of its batch; `deadline` is that of the whole batch."""
        fields = inherited.copy()
        for name, value in item.fields:
            fields.set(name, value)
        request = Request(
            item.method, item.target, fields, item.body, batch.authority, batch.downstream, started, batch.minor
        )
        request.scheme = batch.scheme
        request.client = batch.client
        request.deadline = deadline if batch.deadline is None else min(deadline, batch.deadline)
        request.attributes = {MARK: True}
        return request


def wants_lines(batch: Request) -> bool:
    """Whether the client would rather have each answer on a line of its own, as soon as it is there."""
    accept = (batch.fields.get(b"accept") or b"").lower()
    for member in accept.split(b","):
        name, _, weight = member.replace(b" ", b"").replace(b"\t", b"").partition(b";q=")
        if name in _NDJSON and (not weight or weight.strip(b"0.")):
            return True
    return False
