"""Values with placeholders: taken apart once, put together for each message."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.api import Request
from gateway.http.fields import is_field_value

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_NOT_IN_VALUES = bytes(octet for octet in range(256) if not is_field_value(bytes((octet,))))


@dataclass(slots=True)
class Moment:
    """What the placeholders of a message speak of."""

    request: Request
    request_id: bytes = b""
    status: int = 0
    """Of the response; 0 on the way in."""


PLACEHOLDERS: Mapping[str, Callable[[Moment], bytes]] = {
    "client": lambda moment: moment.request.client.encode(),
    "scheme": lambda moment: moment.request.scheme.encode(),
    "host": lambda moment: moment.request.authority,
    "method": lambda moment: moment.request.method.encode(),
    "path": lambda moment: moment.request.path,
    "query": lambda moment: moment.request.query or b"",
    "route": lambda moment: b"",
    "upstream": lambda moment: b"",
    "request_id": lambda moment: moment.request_id,
    "status": lambda moment: b"%d" % moment.status,
}
"""Name → its octets. Those of the route and the upstream are known before any request, and filled in by `bind`."""


class Template:
    """A value as it is written in the configuration. Raises ValueError with words when it cannot be one."""

    def __init__(self, text: str) -> None:
        self._parts: list[tuple[str, bool]] = []
        for match in _PART.finditer(text):
            part, name = match[0], match[1]
            if part in ("{", "}"):
                raise ValueError(f"has a brace that belongs to no placeholder in {text!r}")
            if name is not None and name not in PLACEHOLDERS:
                raise ValueError(f"uses the unknown placeholder {{{name}}}")
            self._parts.append(
                (part[0] if part in ("{{", "}}") else name if name is not None else part, name is not None)
            )
        literal = "".join(part for part, is_placeholder in self._parts if not is_placeholder)
        if not is_field_value(literal.encode()):
            raise ValueError("has a control character")

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the placeholders in it."""
        return frozenset(part for part, is_placeholder in self._parts if is_placeholder)

    def bind(self, constants: Mapping[str, str]) -> "bytes | Composed":
        """The octets when they are always the same, else what puts them together. `constants` are known now."""
        pieces: list[bytes | Callable[[Moment], bytes]] = []
        for part, is_placeholder in self._parts:
            if is_placeholder and part not in constants:
                pieces.append(PLACEHOLDERS[part])
                continue
            octets = _clean((constants[part] if is_placeholder else part).encode())
            if pieces and isinstance(pieces[-1], bytes):
                pieces[-1] += octets
            else:
                pieces.append(octets)
        if all(isinstance(piece, bytes) for piece in pieces):
            return b"".join(piece for piece in pieces if isinstance(piece, bytes)).strip(b" \t")
        return Composed(pieces)


class Composed:
    """A value that depends on the message."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: list[bytes | Callable[[Moment], bytes]]) -> None:
        self._pieces = tuple(pieces)

    def __call__(self, moment: Moment) -> bytes:
        """The value; octets that may not stand in one are left out, whoever sent them."""
        octets = b"".join([piece if isinstance(piece, bytes) else piece(moment) for piece in self._pieces])
        return _clean(octets).strip(b" \t")


def _clean(octets: bytes) -> bytes:
    return octets.translate(None, _NOT_IN_VALUES)
