"""Responses as a strict client reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.wire import Field, MalformedError, Wire, framing

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
NO_CONTENT = frozenset({204, 304})


@dataclass
class Answer:
    """One response with everything that came for it."""

    status: int
    reason: bytes
    fields: list[Field]
    body: bytes = b""
    trailers: list[Field] = field(default_factory=list)
    interim: list[Answer] = field(default_factory=list)
    """1xx responses that came before it, in order."""
    raw_head: bytes = b""

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field; the name in lower case."""
        return [value for key, value in self.fields if key == name]

    def one(self, name: bytes) -> bytes | None:
        """The value of a field that must not come twice, `None` without one."""
        values = self.all(name)
        assert len(values) < 2, f"{name!r} came {len(values)} times"
        return values[0] if values else None

    @property
    def closes(self) -> bool:
        """Whether the response says that the connection ends with it (RFC 9112 §9.6)."""
        return b"close" in [member.strip().lower() for value in self.all(b"connection") for member in value.split(b",")]

    def json(self) -> Any:
        """The content, decoded."""
        return json.loads(self.body)


def read_answer(
    wire: Wire,
    method: str = "GET",
    *,
    minor: int = 1,
    sink: Callable[[bytes], object] | None = None,
    on_head: Callable[[Answer], object] | None = None,
) -> Answer:
    """Read one final response to a request of that method and minor version, and any interim ones before it.

    With a `sink` the content goes there piece by piece and not into the answer; `on_head` gets the final answer
    before its content is read."""
    interim: list[Answer] = []
    while (answer := _read_head(wire)).status < 200:
        if minor == 0:
            raise MalformedError("an interim response to a client of HTTP/1.0 (RFC 9110 §15.2)")
        if framing(answer.fields) is not None:
            raise MalformedError("an interim response that frames content")
        interim.append(answer)
        if answer.status == 101:
            break
    if on_head is not None:
        on_head(answer)
    answer.interim = interim if answer.status != 101 else interim[:-1]
    if answer.status == 101:
        return answer
    collected = bytearray()
    _read_content(wire, answer, method, minor, sink or collected.extend)
    answer.body = bytes(collected)
    wire.mark()
    return answer


def _read_head(wire: Wire) -> Answer:
    line = wire.line()
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise MalformedError(f"not a status line: {line[:80]!r}")
    answer = Answer(int(match[1]), match[2], wire.fields())
    answer.raw_head = wire.mark()
    return answer


def _read_content(wire: Wire, answer: Answer, method: str, minor: int, sink: Callable[[bytes], object]) -> None:
    length = framing(answer.fields)
    if answer.status == 204 and length is not None:
        raise MalformedError("204 with framing fields (RFC 9110 §8.6)")
    if minor == 0 and length == -1:
        raise MalformedError("chunked to a client of HTTP/1.0 (RFC 9112 §6.1)")
    if method == "HEAD" or answer.status in NO_CONTENT:
        return
    if length is None:
        if minor == 1 and not answer.closes:
            raise MalformedError("content that ends with the connection, without Connection: close")
        pieces = wire.until_close()
    else:
        pieces = wire.chunks(answer.trailers) if length < 0 else wire.exactly(length)
    for piece in pieces:
        sink(piece)
