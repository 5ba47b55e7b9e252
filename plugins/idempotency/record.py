"""An answer as it is kept, and as octets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from gateway.api import Fields, Response

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """All of an answer but its trailers."""

    status: int
    reason: bytes | None
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def of(cls, response: Response, body: bytes) -> Answer:
        """The answer that `response` is, with its whole content."""
        return cls(response.status, response.reason, tuple(response.fields), body)

    def respond(self, mark: bytes | None) -> Response:
        """The answer again, marked."""
        fields = Fields(self.fields)
        if mark is not None:
            fields.set(mark, b"true")
        return Response(self.status, fields, self.body, self.reason)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a request that was carried out."""

    fingerprint: bytes
    answer: Answer | None
    """`None` when it was too large."""

    @property
    def octets(self) -> int:
        """About what it takes in memory."""
        if self.answer is None:
            return 300
        return 600 + len(self.answer.body) + sum(len(name) + len(value) + 150 for name, value in self.answer.fields)


def encode(record: Record) -> bytes:
    """A record as octets: a line of JSON, and the content."""
    answer = record.answer
    head: dict[str, Any] = {"format": _FORMAT, "fingerprint": record.fingerprint.hex()}
    if answer is not None:
        head["status"] = answer.status
        head["reason"] = None if answer.reason is None else answer.reason.decode("latin-1")
        head["fields"] = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.fields]
        head["length"] = len(answer.body)
    return orjson.dumps(head) + b"\n" + (b"" if answer is None else answer.body)


def decode(octets: bytes) -> Record | None:
    """The record in `octets`; `None` for what is no whole record of this format."""
    line, end, body = octets.partition(b"\n")
    try:
        head = orjson.loads(line)
        if not end or head["format"] != _FORMAT:
            return None
        fingerprint = bytes.fromhex(head["fingerprint"])
        if "status" not in head:
            return Record(fingerprint, None)
        if head["length"] != len(body):
            return None
        reason = None if head["reason"] is None else head["reason"].encode("latin-1")
        fields = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in head["fields"])
        Fields(fields)
        return Record(fingerprint, Answer(int(head["status"]), reason, fields, body))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
