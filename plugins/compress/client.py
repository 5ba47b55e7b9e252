"""What one Accept-Encoding means on one route: which coding is made for it, and what the origin gets to see."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.http.content_coding import Accepted, parse_accept_encoding, ranked
from gateway.http.memo import Memo
from plugins.compress.forms import FORM_OF, Form
from plugins.compress.settings import Coding, OriginSees

_DICTIONARIES = (b"dcb", b"dcz")
"""Codings with a dictionary that client and origin share (RFC 9842). They are between those two."""


class Client:
    """All requests with one Accept-Encoding."""

    __slots__ = ("accepted", "codings", "forms", "inward", "refuses_identity")

    def __init__(
        self, accepted: Accepted, codings: Sequence[Coding], inward: bytes | None, *, refuses_identity: bool
    ) -> None:
        self.accepted = accepted
        self.codings = tuple(codings)
        """Codings that we can make and it would rather have than none, the best one first."""
        self.forms = tuple(FORM_OF[coding] for coding in codings)
        """The forms they give."""
        self.inward = inward
        """What goes inward in place of its Accept-Encoding; `None` to leave that as it is."""
        self.refuses_identity = refuses_identity
        """Whether it wants nothing as it is. What cannot be coded it gets all the same: better than an error."""

    @property
    def wants(self) -> tuple[Coding, Form] | None:
        """The best coding and its form."""
        return (self.codings[0], self.forms[0]) if self.codings else None

    def can_read(self, coding: bytes) -> bool:
        """Whether it accepts a coding."""
        return self.accepted.weight(coding) > 0


class Clients:
    """Finds the client of an Accept-Encoding; each is worked out once."""

    __slots__ = ("_known", "_offered", "_sees", "_silent")

    def __init__(self, offered: Sequence[Coding], sees: OriginSees) -> None:
        """`offered` are the codings that can be made, the preferred one first."""
        self._offered = {coding.value.encode(): coding for coding in offered}
        self._sees = sees
        self._known: Memo[bytes, Client] = Memo(self._read)
        self._silent = Client(parse_accept_encoding(None), (), None, refuses_identity=False)

    def of(self, value: bytes | None) -> Client:
        """The client behind an Accept-Encoding; `None` for a request without one."""
        return self._silent if value is None else self._known[value]

    def _read(self, value: bytes) -> Client:
        accepted = parse_accept_encoding(value)
        codings = [self._offered[name] for name in ranked(accepted, tuple(self._offered))]
        inward = self._inward(accepted)
        return Client(
            accepted,
            codings,
            None if inward == value else inward,
            refuses_identity=bool(codings) and not accepted.identity,
        )

    def _inward(self, accepted: Accepted) -> bytes:
        """One way of writing for all that comes to the same, so that a cache inside keeps few variants."""
        if self._sees is OriginSees.IDENTITY:
            return b"identity"
        names = [name for name in self._offered if accepted.weight(name) and accepted.weight(name) >= accepted.identity]
        names += [name for name in _DICTIONARIES if accepted.weights.get(name)]
        return b", ".join(names) or b"identity"
