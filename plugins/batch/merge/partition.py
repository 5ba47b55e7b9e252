"""Which requests one bulk request may stand for: those that an origin could not tell apart but by the id.

Every field counts unless it is known not to matter. What nobody thought of keeps requests apart, never together."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api import Fields, Request
from gateway.http.hop_by_hop import list_members
from plugins.batch.common.reasons import MergeReason
from plugins.batch.merge.template import Asked, Template, parameter_names

Partition = tuple[object, ...]

_CONDITIONS = frozenset(
    {b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range"}
)


class Partitioner:
    """Says which requests may be merged, by the rule's list of fields that do not matter."""

    def __init__(self, ignore: Iterable[str], *, client_address: bool = False) -> None:
        names = [name.lower().encode() for name in ignore]
        self._names = frozenset(name for name in names if not name.endswith(b"*"))
        self._beginnings = tuple(name[:-1] for name in names if name.endswith(b"*"))
        self._client_address = client_address

    def of(self, request: Request, asked: Asked) -> Partition:
        """What two requests must have in common."""
        names, beginnings = self._names, self._beginnings
        return (
            asked.others,
            request.query,
            request.scheme,
            request.authority,
            request.downstream.trusted,
            request.client if self._client_address else None,
            *[
                (entry[0], entry[2])
                for entry in request.fields.entries
                if entry[0] not in names and not entry[0].startswith(beginnings)
            ],
        )


def why_not(request: Request, template: Template) -> MergeReason | None:
    """Why a request for a path that matches cannot be merged, if it cannot."""
    if request.method != "GET":
        return MergeReason.METHOD
    if request.body or request.upgrade is not None:
        return MergeReason.CONTENT
    fields = request.fields
    if any(name in fields for name in _CONDITIONS):
        return MergeReason.CONDITION
    if refuses_identity(fields):
        return MergeReason.CODING
    if request.query and not template.parameters.isdisjoint(parameter_names(request.query)):
        return MergeReason.QUERY
    return None


def refuses_identity(fields: Fields) -> bool:
    """Whether the client will not take content without a coding (RFC 9110 §12.5.3)."""
    accepted = fields.get(b"accept-encoding")
    if accepted is None or b"q=0" not in accepted.lower():
        return False
    members = [_plain(member) for member in list_members(accepted)]
    if b"identity;q=0" in members:
        return True
    return b"*;q=0" in members and not any(member.startswith(b"identity") for member in members)


def _plain(member: bytes) -> bytes:
    """A member without white space and with a weight of nothing written one way."""
    name, _, weight = member.replace(b" ", b"").replace(b"\t", b"").partition(b";q=")
    return name + b";q=0" if weight and not weight.strip(b"0.") else name


def differs(vary: bytes | None, one: Fields, other: Fields) -> bool:
    """Whether a `Vary` makes an answer to a request with the fields `one` unfit for one with `other` (RFC 9111 §4.1).

    The coding does not count: bulk requests ask for none."""
    if vary is None:
        return False
    for name in list_members(vary):
        if name == b"*" or (name != b"accept-encoding" and one.get(name) != other.get(name)):
            return True
    return False
