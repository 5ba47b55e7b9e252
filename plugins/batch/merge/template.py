"""From the path of a single request to its id, and from ids to the target of a bulk request.

A client chooses the id, and it must not be able to say anything in the bulk request but an id. Whatever is put in is
decoded and encoded again, everything but letters, digits and `-._~`; and what could still be taken for several ids or
for a step along the path is not put in at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]").search
LONGEST = 256
"""Octets of an id or of another part of the path."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a path asks for."""

    id: str
    """The id as it is meant, nothing encoded."""
    others: tuple[str, ...]
    """The values of the other placeholders, as they are meant."""


class Template:
    """`match` and `bulk` of a rule, compiled."""

    def __init__(self, match: str, bulk: str, separator: str) -> None:
        names = _PLACEHOLDER.findall(match)
        literals = _PLACEHOLDER.split(match)[::2]
        self.beginning = literals[0].encode()
        """What every path that could match begins with."""
        self._pattern = re.compile(b"([^/?]+)".join(re.escape(part.encode()) for part in literals)).fullmatch
        self._at = names.index("id")
        self._names = tuple(name for name in names if name != "id")
        self._bulk = bulk
        self._separator = separator.encode()
        self._splits = unquote_to_bytes(separator).decode("utf-8", "replace")
        self._joins = b"&" if "?" in bulk else b"?"
        self.parameters = parameter_names(bulk.partition("?")[2].encode()) | parameter_names(
            b"x" + separator.encode() if separator.startswith("&") else b""
        ) - {"x"}
        """Names that the bulk request's own query uses."""

    def matches(self, path: bytes) -> bool:
        """Whether the path is one of this rule, whatever its id."""
        return path.startswith(self.beginning) and self._pattern(path) is not None

    def read(self, path: bytes) -> Asked | None:
        """What a path that matches asks for; `None` when it must not stand in a bulk request."""
        found = self._pattern(path)
        if found is None:
            return None
        values = [_meant(part) for part in found.groups()]
        known = [value for value in values if value is not None]
        if len(known) != len(values):
            return None
        wanted = known.pop(self._at)
        if self._splits in wanted or "," in wanted:
            return None
        return Asked(wanted, tuple(known))

    def room(self, wanted: str) -> int:
        """Octets that an id takes in a bulk target."""
        return len(quote(wanted, safe="")) + len(self._separator)

    def target(self, ids: list[str], others: tuple[str, ...], query: bytes | None) -> bytes:
        """The bulk target for these ids."""
        values = dict(zip(self._names, (quote(value, safe="") for value in others), strict=True))
        values["ids"] = self._separator.decode().join(quote(wanted, safe="") for wanted in ids)
        target = _PLACEHOLDER.sub(lambda found: values[found.group(1)], self._bulk).encode()
        return target if not query else b"%b%b%b" % (target, self._joins, query)


def _meant(part: bytes) -> str | None:
    """A part of a path as it is meant; `None` when it is not clear what that is, or it is not for a query."""
    if _BROKEN(part):
        return None
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return None
    if text in (".", "..") or len(part) > LONGEST or _CONTROLS(text):
        return None
    return text


def parameter_names(query: bytes) -> frozenset[str]:
    """The names of a query's parameters as servers read them: decoded, in lower case, without brackets behind."""
    parts = re.split(rb"[&;]", query)
    names = (unquote_to_bytes(part.partition(b"=")[0].replace(b"+", b" ")).decode("utf-8", "replace") for part in parts)
    return frozenset(name.partition("[")[0].strip().lower() for name in names) - {""}
