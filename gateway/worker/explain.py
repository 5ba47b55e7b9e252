"""What would happen to a request now: its route, and what the plugins of that route say. Nobody upstream is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gateway.chain.plugin import Plugin
from gateway.config.plan import RoutePlan
from gateway.http.fields import is_field_value, is_token
from gateway.http.message import Downstream, Monotonic, Request
from gateway.http.request_head import RequestHeads

_URL = re.compile(r"(?i:(https?))://([^/?#\x00-\x20]+)([^#\x00-\x20]*)(?:#.*)?").fullmatch


LAST_WORDS = frozenset({"answer", "hit", "refuse"})
"""Decisions after which a request goes no further."""


class QuestionError(ValueError):
    """What was asked is no request; the text says why."""


def read_question(message: dict[str, Any], heads: RequestHeads, now: float = 0.0, *, trusted: bool = False) -> Request:
    """The request that `message` is about: `method`, `url`, and `fields` as a list of names and values.

    It is read as if a stranger had sent it, or a trusted proxy, so what listeners refuse is refused here. `Host` is
    that of the URL unless the fields name another. Raises QuestionError, and DownstreamError for what a listener would
    refuse."""
    found = _URL(str(message["url"]))
    if found is None:
        raise QuestionError(f"{message['url']!r} is not a URL: write http://host/path")
    scheme, authority, rest = found.group(1).lower(), found.group(2), found.group(3)
    method = str(message.get("method") or "GET")
    if not is_token(method.encode()):
        raise QuestionError(f"{method!r} is not a method")
    lines = [f"{method} {rest if rest.startswith('/') else '/' + rest} HTTP/1.1".encode()]
    named = [_line(name, value) for name, value in message.get("fields") or ()]
    if not any(line.lower().startswith(b"host:") for line in named):
        lines.append(f"Host: {authority}".encode())
    head = b"\r\n".join((*lines, *named, b"", b""))
    request, _ = heads.parse(head, Downstream("unknown", scheme, trusted), Monotonic(now))
    return request


def _line(name: str, value: str) -> bytes:
    octets = name.encode(), value.encode()
    if not is_token(octets[0]) or not is_field_value(octets[1]):
        raise QuestionError(f"{name!r} with {value!r} is not a field: write a name and a value on one line")
    return b"%b: %b" % octets


def explained(request: Request, plan: RoutePlan | None, plugins: Sequence[Plugin]) -> dict[str, Any]:
    """The route of a request and what its plugins say about it, the outermost first, up to the one that answers; those
    that say nothing are left out. Without a `plan` no route takes the request."""
    if plan is None:
        return {"route": None, "upstream": None, "plugins": []}
    told: list[dict[str, Any]] = []
    for use, plugin in zip(plan.plugins, plugins, strict=True):
        words = plugin.explain(request)
        if words is not None:
            told.append({"plugin": use.name, **words})
            if words.get("decision") in LAST_WORDS:
                break
    return {"route": plan.name, "upstream": plan.upstream, "plugins": told}
