"""A batch as a client posts it: octets in, items out, and one verdict for each item that is none."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from gateway.api import Fields
from gateway.http.fields import is_field_value, is_token
from gateway.http.hop_by_hop import FRAMING, HOP_BY_HOP
from gateway.http.lines import FORWARDING, MARKS
from plugins.batch.common.names import Names
from plugins.batch.settings import ClientSettings

Id = str | int
"""What a client may call an item."""

CLIENT_FIELDS = frozenset(name for name, mark in MARKS.items() if mark & FORWARDING)
"""What proxies say about the client."""
ALWAYS_INHERITED = CLIENT_FIELDS | {b"origin", b"sec-fetch-site"}
"""Fields an item has from its batch whatever the settings say: who asks, as proxies and browsers have it."""
_NOT_FOR_ITEMS = (
    ALWAYS_INHERITED | FRAMING | HOP_BY_HOP | {b"host", b"expect", b"cookie", b"via", b"trailer", b"accept-encoding"}
)
"""A browser would not let a page set most of these, so a batch must not let it either."""
_KNOWN = frozenset({"id", "method", "path", "headers", "body", "encoding"})
_TARGET = re.compile(rb"/[!-\"$-~]*").fullmatch
_LONGEST_TARGET = 8192
_LONGEST_ID = 256
_STEPS = frozenset({".", ".."})
_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"


class MalformedError(ValueError):
    """It is no batch, or no item; the text says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch."""

    id: Id | None
    method: str
    target: bytes
    fields: Fields
    """Its own, with a content type when it has content."""
    body: bytes


@dataclass(frozen=True, slots=True)
class BadItem:
    """What a client takes for an item."""

    id: Id | None
    detail: str
    status: int = 400


class Items:
    """Reads batches by the settings of a route."""

    def __init__(self, settings: ClientSettings) -> None:
        self.most = settings.items
        self._methods = frozenset(settings.methods)
        self._paths = Names(settings.paths)
        self._own_path = settings.path

    def read(self, body: bytes) -> list[Item | BadItem]:
        """The items of a batch, in order; the caller looks how many they are. Raises MalformedError."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise MalformedError("a batch is a JSON array of items, and this is not JSON") from None
        if not isinstance(document, list):
            raise MalformedError("a batch is a JSON array of items")
        seen: set[Id] = set()
        return [self._item(entry, seen) for entry in document[: self.most + 1]]

    def _item(self, entry: Any, seen: set[Id]) -> Item | BadItem:
        known = entry.get("id") if isinstance(entry, dict) else None
        name = known if _is_id(known) else None
        try:
            if not isinstance(entry, dict):
                raise MalformedError("an item is an object with a method and a path")
            if known is not None:
                if name is None:
                    raise MalformedError(f"an id is a text of up to {_LONGEST_ID} characters or a whole number")
                if name in seen:
                    raise MalformedError("another item of the batch has the same id")
                seen.add(name)
            unknown = sorted(entry.keys() - _KNOWN)
            if unknown:
                raise MalformedError(f"an item has no member {unknown[0][:80]!r}")
            method, target = entry.get("method", "GET"), self._target(entry.get("path"))
            if not isinstance(method, str) or method not in self._methods:
                return BadItem(name, "items may not have this method", 405)
            path = target.partition(b"?")[0].decode("ascii")
            if path == self._own_path:
                raise MalformedError("a batch within a batch")
            if path not in self._paths:
                return BadItem(name, "items may not have this path", 403)
            fields = _fields(entry.get("headers"))
            return Item(name, method, target, fields, _content(entry, fields))
        except MalformedError as error:
            return BadItem(name, str(error))

    def _target(self, path: Any) -> bytes:
        octets = path.encode("utf-8", "surrogatepass") if isinstance(path, str) else b""
        if not _TARGET(octets) or len(octets) > _LONGEST_TARGET:
            raise MalformedError("a path begins with a slash, and what is not ASCII is percent-encoded")
        if any(_step(segment) in _STEPS for segment in octets.partition(b"?")[0].decode("ascii").split("/")):
            raise MalformedError("a path has no segments of dots")  # they would lead past the list of paths
        return octets


def _is_id(value: Any) -> TypeGuard[Id]:
    if isinstance(value, str):
        return len(value) <= _LONGEST_ID
    return isinstance(value, int) and not isinstance(value, bool)


def _step(segment: str) -> str:
    """A segment as a careless server might read it: dots decoded, backslashes taken for slashes, parameters cut."""
    plain = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
    plain = re.sub(r"%5c|%2f", "/", plain, flags=re.IGNORECASE).replace("\\", "/").partition(";")[0]
    return next((step for step in plain.split("/") if step in _STEPS), "")


def _fields(headers: Any) -> Fields:
    if headers is None:
        return Fields()
    if not isinstance(headers, dict):
        raise MalformedError("headers are an object of names and texts")
    fields = Fields()
    for name, value in headers.items():
        octets = name.encode("utf-8", "replace"), value.encode() if isinstance(value, str) else b"\n"
        if not is_token(octets[0]) or not is_field_value(octets[1]):
            raise MalformedError(f"headers hold something that is no field: {name[:80]!r}")
        if octets[0].lower() in _NOT_FOR_ITEMS or octets[0].lower().startswith((b"sec-", b"proxy-")):
            raise MalformedError(f"an item cannot say {name[:80]}: it has that of its batch, or none")
        if octets[0].lower() in fields:
            raise MalformedError(f"headers name {name[:80]} twice")
        fields.add(*octets)
    return fields


def _content(entry: dict[str, Any], fields: Fields) -> bytes:
    """The content of an item; its type is added to `fields` where they do not say it."""
    body, encoding = entry.get("body"), entry.get("encoding")
    if encoding is not None and (encoding != "base64" or not isinstance(body, str)):
        raise MalformedError("the only encoding of a body is base64, of a text")
    if body is None:
        return b""
    if encoding is not None:
        try:
            return base64.b64decode(body, validate=True)
        except ValueError:
            raise MalformedError("the body is not base64") from None
    if b"content-type" not in fields:
        fields.add(b"Content-Type", _TEXT if isinstance(body, str) else _JSON)
    if isinstance(body, str):
        return body.encode()
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise MalformedError("the body is nested too deeply to be written again: send it as a text") from None
