"""Content codings: which ones a client accepts, and which ones content has (RFC 9110 §8.4, §12.5.3).

Nothing here raises. A member of a list that cannot be read counts as if it were not there, so less is coded for it; of
a coding that is named twice the lower weight counts. Names are in lower case, and `x-gzip` is `gzip` (§8.4.1.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.http.fields import Fields
from gateway.http.hop_by_hop import list_members
from gateway.http.memo import Memo

IDENTITY = b"identity"
"""The name of content as it is."""
MOST_MEMBERS = 32
"""Members of an Accept-Encoding that are read. Browsers send four, and seven codings are registered."""
FULL = 1000
"""The weight of what is named without one, in thousandths (§12.4.2)."""

_ALIASES = {b"x-gzip": b"gzip"}
_MEMBER = re.compile(
    rb"[ \t]*([!#$%&'*+\-.^_`|~0-9a-z]+)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
).fullmatch


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an Accept-Encoding says. Weights are thousandths; 0 means not acceptable."""

    weights: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))
    """Of each coding named, `identity` among them."""
    others: int = 0
    """Of every coding not named: that of `*`, 0 without it."""
    has_star: bool = False

    def weight(self, coding: bytes) -> int:
        """The weight of a coding other than `identity`."""
        return self.weights.get(coding, self.others)

    @property
    def identity(self) -> int:
        """The weight of content as it is: 1 where nothing is said of it, for then anything else that is accepted goes
        before it, and 0 where it is refused by name or by `*` (§12.5.3)."""
        if (said := self.weights.get(IDENTITY)) is not None:
            return said
        return self.others if self.has_star else 1


NOTHING_SAID = Accepted()
"""For a request without Accept-Encoding. It would allow any coding, but is what clients send that know of none."""


def _parse(value: bytes) -> Accepted:
    weights: dict[bytes, int] = {}
    star: int | None = None
    for member in value.lower().split(b",", MOST_MEMBERS)[:MOST_MEMBERS]:
        found = _MEMBER(member)
        if found is None:
            continue
        weight = FULL if found[2] is None else _thousandths(found[2])
        name = _ALIASES.get(found[1], found[1])
        if name == b"*":
            star = weight if star is None else min(star, weight)
        else:
            weights[name] = min(weight, weights.get(name, FULL))
    return Accepted(MappingProxyType(weights), star or 0, star is not None)


def _thousandths(digits: bytes) -> int:
    whole, _, rest = digits.partition(b".")
    return int(whole) * FULL + int((rest + b"000")[:3])


_readings: Memo[bytes, Accepted] = Memo(_parse)


def parse_accept_encoding(value: bytes | None) -> Accepted:
    """What an Accept-Encoding accepts; `None` for a request without one."""
    return NOTHING_SAID if value is None else _readings[value]


def ranked(accepted: Accepted, offered: Sequence[bytes]) -> list[bytes]:
    """The codings of `offered` that a client would rather have than `identity`, the best one first.

    `offered` is in the order of our own preference, which decides among equal weights. Content as it is goes only
    before what weighs less."""
    identity = accepted.identity
    wanted = [(accepted.weight(coding), coding) for coding in offered]
    wanted = [(weight, coding) for weight, coding in wanted if weight and weight >= identity]
    wanted.sort(key=_heaviest_first)
    return [coding for _, coding in wanted]


def _heaviest_first(weighed: tuple[int, bytes]) -> int:
    return -weighed[0]


def content_codings(fields: Fields) -> tuple[bytes, ...]:
    """The codings of a message's content in the order in which they were applied, `identity` left out (§8.4)."""
    value = fields.get(b"content-encoding")
    if value is None:
        return ()
    return tuple(_ALIASES.get(name, name) for name in list_members(value) if name != IDENTITY)


def add_vary(fields: Fields, name: bytes) -> bool:
    """Have Vary name a request field, unless it does or says `*` (§12.5.5); whether it had to be changed."""
    present = fields.get(b"vary")
    if present is None:
        fields.add(b"Vary", name)
        return True
    known = list_members(present)
    if b"*" in known or name.lower() in known:
        return False
    fields.set(b"Vary", b"%b, %b" % (present, name) if known else name)
    return True
