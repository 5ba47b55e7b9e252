"""Who gets batches, and how they ask (RFC 6455 §1.9, §4): by subprotocol, by field, by query. Values only, no I/O.

Each leg is agreed on by itself. A client that offers `NAME+batch.v1` speaks NAME in batches; the upstream hears of
NAME alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.http.fields import Fields, is_token

PROTOCOLS = b"sec-websocket-protocol"
FIELD = b"x-gateway-batch"
_SHORT = {b"v1": "batch.v1", b"json": "batch-json.v1"}
"""What field and query call the formats."""
_SHORT_OF = {form: short for short, form in _SHORT.items()}
MOST_PROTOCOLS = 64
"""Subprotocols in one offer."""


class OfferError(ValueError):
    """The client's offer makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client asked for, taken apart."""

    protocols: tuple[bytes, ...]
    """Subprotocols for the upstream, in the client's order, without anything about batches."""
    plain: frozenset[bytes]
    """Those that the client would speak without batches."""
    batched: dict[bytes, str]
    """Format in which it would speak each of them; under the empty name, without any."""
    by_field: str | None = None
    """Format asked for by field."""
    by_query: str | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was settled with both."""

    protocol: bytes | None
    """For the client's `Sec-WebSocket-Protocol`."""
    field: bytes | None
    """For the client's `X-Gateway-Batch`."""
    downstream: str | None
    """Format towards the client."""
    upstream: str | None
    """Format towards the upstream."""


def split(protocol: bytes) -> tuple[bytes, str | None]:
    """Name and format of a subprotocol: `chat+batch.v1` is chat in batches, `batch.v1` is nothing but batches."""
    for form in _SHORT_OF:
        token = form.encode()
        if protocol == token:
            return b"", form
        if protocol.endswith(b"+" + token):
            return protocol[: -len(token) - 1], form
    return protocol, None


def read_offer(fields: Fields, query: bytes | None, forms: Sequence[str], parameter: str | None) -> Offer:
    """The offer in a handshake. Formats that are not among `forms` are not taken. Raises OfferError."""
    value = fields.get(PROTOCOLS)
    named = [part.strip(b" \t") for part in value.split(b",")] if value else []
    if len(named) > MOST_PROTOCOLS or not all(map(is_token, named)):
        raise OfferError("Sec-WebSocket-Protocol is not a list of names")
    protocols: dict[bytes, None] = {}
    plain: set[bytes] = set()
    batched: dict[bytes, str] = {}
    for each in named:
        name, form = split(each)
        if form is None:
            plain.add(name)
        elif form in forms:
            batched.setdefault(name, form)
        else:
            continue  # not spoken here: to the upstream it would be a name like any other
        if name:
            protocols[name] = None
    by_field = _SHORT.get((fields.get(FIELD) or b"").strip(b" \t").lower())
    by_query = _SHORT.get(_parameter(query, parameter)) if parameter is not None and query is not None else None
    return Offer(
        tuple(protocols),
        frozenset(plain),
        batched,
        by_field if by_field in forms else None,
        by_query if by_query in forms else None,
    )


def _parameter(query: bytes, name: str) -> bytes:
    for part in query.split(b"&"):
        key, _, value = part.partition(b"=")
        if key == name.encode():
            return value
    return b""


def without_parameter(target: bytes, name: str) -> bytes:
    """A target without a query parameter."""
    path, mark, query = target.partition(b"?")
    if not mark:
        return target
    kept = [part for part in query.split(b"&") if part.partition(b"=")[0] != name.encode()]
    return b"%b?%b" % (path, b"&".join(kept)) if kept else path


def upstream_protocols(offer: Offer, form: str | None) -> bytes | None:
    """What the upstream is offered; each name in batches first when `form` is to be offered."""
    if form is None:
        names: list[bytes] = list(offer.protocols)
    elif offer.protocols:
        names = [each for name in offer.protocols for each in (b"%b+%b" % (name, form.encode()), name)]
    else:
        names = [form.encode()]
    return b", ".join(names) if names else None


def agree(offer: Offer, selected: bytes | None, offered_form: str | None) -> Agreed | None:
    """What follows from the upstream's choice; `None` when it chose what nobody had offered."""
    name, upstream = split(selected) if selected is not None else (b"", None)
    if selected is not None:
        if (upstream is not None and upstream != offered_form) or (name and name not in offer.protocols):
            return None
        if not name and (upstream is None or offer.protocols):
            return None
    form = offer.batched.get(name)
    if form is not None:
        return Agreed(b"%b+%b" % (name, form.encode()) if name else form.encode(), None, form, upstream)
    field = offer.by_field or offer.by_query
    return Agreed(name or None, _SHORT_OF[offer.by_field] if offer.by_field else None, field, upstream)
