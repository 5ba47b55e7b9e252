"""Cache directives (RFC 9111 §5.2, RFC 5861, RFC 8246) and fields aimed at one cache (RFC 9213).

Nothing here raises: what a sender got wrong is read so that less is stored, and for less long.

- Names in any case, arguments as token or in quotes, empty members skipped.
- An argument that should be delta-seconds and is not (a float, a sign, nothing at all) counts as 0: a lifetime of 0 is
  stale, which RFC 9111 §4.2.1 encourages, and a permission of 0 seconds permits nothing.
- Of several equal directives with seconds the first counts, one of the two ways of RFC 9111 §4.2.1.
- A directive that restricts counts whatever stands behind its name, `no-store; max-age=60` too. One that permits
  (public, immutable, must-understand) counts only as it should be written.
- From a quotation on that does not end where its member does, nothing is believed but what restricts.
- A list of field names counts only in quotes, well-formed and not empty. Otherwise the directive covers the whole
  response, as people mean who write `private=true`."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.http.fields import is_token
from gateway.http.hop_by_hop import list_members
from gateway.http.memo import Memo
from gateway.http.structured import Dictionary, StructuredFieldError, Token, parse_dictionary

MAX_DELTA_SECONDS = 2**31
"""What larger numbers of seconds count as (RFC 9111 §1.2.2): 68 years."""
ANY_AGE = 2**62
"""A `max-stale` without argument: stale for however long (RFC 9111 §5.2.1.2)."""


@dataclass(frozen=True, slots=True)
class CacheControl:
    """Directives of a request or a response. Seconds are `None` where the directive is absent."""

    max_age: int | None = None
    s_maxage: int | None = None
    stale_while_revalidate: int | None = None
    stale_if_error: int | None = None
    min_fresh: int | None = None
    max_stale: int | None = None
    """`ANY_AGE` for the directive without argument."""
    no_store: bool = False
    no_cache: bool = False
    """The whole response needs validation; False when only `no_cache_fields` do."""
    private: bool = False
    """The whole response is for one user; False when only `private_fields` are."""
    public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    no_transform: bool = False
    immutable: bool = False
    only_if_cached: bool = False
    no_cache_fields: frozenset[bytes] = frozenset()
    """Lower-case names of `no-cache="…"` (RFC 9111 §5.2.2.4)."""
    private_fields: frozenset[bytes] = frozenset()
    """Lower-case names of `private="…"` (RFC 9111 §5.2.2.7)."""


NO_DIRECTIVES = CacheControl()


def parse_cache_control(value: bytes | None) -> CacheControl:
    """What a Cache-Control field says, all its lines joined; `None` for a message without one."""
    return NO_DIRECTIVES if value is None else _readings[value]


def parse_targeted(value: bytes | None) -> CacheControl | None:
    """What a field such as CDN-Cache-Control says; `None` when it is to be ignored (RFC 9213 §2.1).

    That is when it is absent, empty, or no Dictionary of RFC 9651. A member of a wrong type spoils only itself."""
    return None if value is None else _targeted_readings[value]


def delta_seconds(octets: bytes) -> int | None:
    """A number of seconds, never above `MAX_DELTA_SECONDS` (RFC 9111 §1.2.2); `None` for anything but digits."""
    if not octets.isdigit():
        return None
    digits = octets.lstrip(b"0")
    if len(digits) > 10:  # a number with thousands of digits must cost no more than that
        return MAX_DELTA_SECONDS
    return min(int(digits or b"0"), MAX_DELTA_SECONDS)


class _Form(enum.Enum):
    """How the argument of a directive was written."""

    ABSENT = enum.auto()
    TOKEN = enum.auto()
    QUOTED = enum.auto()
    BROKEN = enum.auto()


_Directive = tuple[bytes, _Form, bytes]
"""Lower-case name, form of the argument, the argument without quotes."""

_SECONDS = {
    b"max-age": "max_age",
    b"s-maxage": "s_maxage",
    b"stale-while-revalidate": "stale_while_revalidate",
    b"stale-if-error": "stale_if_error",
    b"min-fresh": "min_fresh",
    b"max-stale": "max_stale",
}
_RESTRICTING = {
    b"no-store": "no_store",
    b"must-revalidate": "must_revalidate",
    b"proxy-revalidate": "proxy_revalidate",
    b"no-transform": "no_transform",
    b"only-if-cached": "only_if_cached",
}
_PERMITTING = {b"public": "public", b"immutable": "immutable", b"must-understand": "must_understand"}
_NAMING = {b"no-cache": "no_cache", b"private": "private"}

# Matches everywhere but at the end. Possessive and with commas passed only once, so that no value takes long.
_NAME = re.compile(rb"(?!\Z)[ \t,]*+([!#$%&'*+\-.^_`|~0-9A-Za-z]*+)(=?)").match
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"[ \t]*+(?:,|\Z)', re.DOTALL).match
_unescape = re.compile(rb"\\(.)", re.DOTALL).sub


def _collect(directives: Iterable[_Directive]) -> CacheControl:
    found: dict[str, Any] = {}
    for name, form, argument in directives:
        if attribute := _SECONDS.get(name):
            found.setdefault(attribute, _seconds(name, form, argument))
        elif attribute := _RESTRICTING.get(name):
            found[attribute] = True
        elif attribute := _PERMITTING.get(name):
            if form is _Form.ABSENT:
                found[attribute] = True
        elif attribute := _NAMING.get(name):
            names = _field_names(argument) if form is _Form.QUOTED else frozenset()
            if names:
                found[f"{attribute}_fields"] = names | found.get(f"{attribute}_fields", frozenset())
            else:
                found[attribute] = True
    return CacheControl(**found)


def _seconds(name: bytes, form: _Form, argument: bytes) -> int:
    if form is _Form.ABSENT and name == b"max-stale":
        return ANY_AGE
    if form is _Form.TOKEN or form is _Form.QUOTED:
        return delta_seconds(argument) or 0
    return 0


def _field_names(argument: bytes) -> frozenset[bytes]:
    """The names of a list, none at all when one of them is no field name."""
    names = list_members(argument)
    return frozenset(names) if all(is_token(name) for name in names) else frozenset()


def _directives(value: bytes) -> Iterator[_Directive]:
    """The members of a Cache-Control field in one pass from left to right, whatever its octets."""
    at = 0
    are_quotes_sound = True
    while (name := _NAME(value, at)) is not None:
        lower, at = name[1].lower(), name.end()
        if lower and name[2] and are_quotes_sound and value.startswith(b'"', at):
            if quoted := _QUOTED(value, at):
                yield lower, _Form.QUOTED, _unescape(rb"\1", quoted[1])
                at = quoted.end()
                continue
            # Where it ends is anybody's guess. Guessing again at each later quote would also take quadratic time.
            are_quotes_sound = False
        comma = _comma(value, at)
        argument = value[at:comma].rstrip(b" \t")
        at = comma + 1
        if not lower:
            continue
        if not are_quotes_sound:
            yield lower, _Form.BROKEN, b""
        elif name[2]:
            yield lower, _Form.TOKEN if is_token(argument) else _Form.BROKEN, argument
        else:
            yield lower, _Form.BROKEN if argument else _Form.ABSENT, b""


def _comma(value: bytes, start: int) -> int:
    comma = value.find(b",", start)
    return comma if comma >= 0 else len(value)


def _parse_targeted(value: bytes) -> CacheControl | None:
    try:
        members = parse_dictionary(value)
    except StructuredFieldError:
        return None
    return _collect(_targeted_directives(members)) if members else None


def _targeted_directives(members: Dictionary) -> Iterator[_Directive]:
    """Types as RFC 9213 §2.1 maps them: no argument is Boolean true, delta-seconds an Integer, field names a String."""
    for key, (value, _) in members.items():
        name = key.encode("ascii")
        if value is True:
            yield name, _Form.ABSENT, b""
        elif value is False:
            continue  # said in so many words that it does not apply
        elif type(value) is int:
            yield name, _Form.TOKEN, b"%d" % value
        elif isinstance(value, Token):
            yield name, _Form.TOKEN, str(value).encode("ascii")
        elif isinstance(value, str) and name not in _SECONDS:
            yield name, _Form.QUOTED, value.encode("ascii")
        else:
            yield name, _Form.BROKEN, b""


_readings: Memo[bytes, CacheControl] = Memo(lambda value: _collect(_directives(value)))
_targeted_readings: Memo[bytes, CacheControl | None] = Memo(_parse_targeted)
