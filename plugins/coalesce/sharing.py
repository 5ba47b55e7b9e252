"""Who may get an answer beside the client whose request brought it. Judged when its head is known."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gateway.api import Fields, Response
from gateway.http.cache_control import parse_cache_control
from gateway.http.fields import is_token
from gateway.http.hop_by_hop import list_members
from gateway.http.memo import Memo
from plugins.coalesce.reasons import ApartReason

ABOUT_THE_CLIENT = frozenset({400, 401, 403, 407, 408, 413, 414, 417, 421, 425, 426, 428, 429, 431, 451})
"""Statuses that may be due to what is ignored in comparing requests, the client's address above all: a client that is
locked out must not lock out others."""
_FOR_ONE_CLIENT = (
    b"set-cookie",
    b"set-cookie2",
    b"clear-site-data",
    b"authentication-info",
    b"proxy-authentication-info",
)
_CONTROLS = (b"cache-control", b"cdn-cache-control", b"surrogate-control")

Names = tuple[bytes, ...]


class Audience(Enum):
    """Who may get an answer."""

    EVERYBODY = "everybody"
    """All who ask for the same: the answer could be stored for all (RFC 9111 §3)."""
    SAME_IDENTITY = "same_identity"
    """Those of them who show the same credentials and cookies, or like the first show none."""
    NOBODY = "nobody"
    """Only the one client."""


class Verdict(NamedTuple):
    """What a head says about who else may get the answer."""

    audience: Audience
    reason: ApartReason | None = None
    """Why nobody else may; `None` when others may."""
    vary: Names = ()
    """Lower-case names of the fields that the answer depends on."""


def judge(response: Response, *, has_identity: bool, has_credentials: bool) -> Verdict:
    """Who may get `response`, which answers a request with or without an identity, with or without credentials."""
    fields = response.fields
    if response.upgraded is not None:
        return Verdict(Audience.NOBODY, ApartReason.UPGRADED)
    for name in _FOR_ONE_CLIENT:
        if name in fields:
            return Verdict(Audience.NOBODY, ApartReason.SET_COOKIE)
    names = _names_of(fields)
    if names is None:
        return Verdict(Audience.NOBODY, ApartReason.VARY_STAR)
    if response.status in ABOUT_THE_CLIENT:
        return Verdict(Audience.NOBODY, ApartReason.STATUS)
    if is_private(fields):
        if has_identity:
            return Verdict(Audience.SAME_IDENTITY, vary=names)
        return Verdict(Audience.NOBODY, ApartReason.PRIVATE)
    if is_for_everybody(fields, has_credentials=has_credentials):
        return Verdict(Audience.EVERYBODY, vary=names)
    return Verdict(Audience.SAME_IDENTITY, vary=names)


def is_private(fields: Fields) -> bool:
    """Whether the answer is for one user, or a part of it is: it is shared whole or not at all."""
    for name in _CONTROLS:
        if name in fields:
            control = parse_cache_control(fields.get(name))
            if control.private or control.private_fields:
                return True
    return False


def is_for_everybody(fields: Fields, *, has_credentials: bool) -> bool:
    """Whether the answer says so itself: explicitly fresh, or public. With credentials it needs a word that allows it
    in spite of them (RFC 9111 §3.5)."""
    value = fields.get(b"cache-control")
    if value is None:
        return False
    control = parse_cache_control(value)
    if control.no_store or control.no_cache or control.no_cache_fields:
        return False
    if has_credentials:
        return control.public or bool(control.s_maxage)
    if control.s_maxage is not None:
        return control.s_maxage > 0
    return control.public or bool(control.max_age)


def _names(value: bytes) -> Names | None:
    members = sorted(set(list_members(value)))
    if b"*" in members or not all(is_token(name) for name in members):
        return None
    return tuple(members)


_parsed: Memo[bytes, Names | None] = Memo(_names)


def _names_of(fields: Fields) -> Names | None:
    value = fields.get(b"vary")
    return () if value is None else _parsed[value]
