"""Which route takes a request: globs matched in linear time, whatever their stars."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config.settings import MatchSettings
from gateway.http.message import Request

Matcher = Callable[[Request], bool]
BytesMatcher = Callable[[bytes], bool]


def compile_glob(glob: bytes) -> BytesMatcher:
    """A matcher for `glob`, in which `*` stands for any run of octets. Each part is looked for once, leftmost first."""
    first, *rest = glob.split(b"*")
    if not rest:
        return first.__eq__
    *middle, last = rest
    parts = [part for part in middle if part]
    if not parts and not last:
        return lambda octets: octets.startswith(first)
    shortest = len(first) + len(last) + sum(map(len, parts))

    def matches(octets: bytes) -> bool:
        if len(octets) < shortest or not octets.startswith(first) or not octets.endswith(last):
            return False
        at, end = len(first), len(octets) - len(last)
        for part in parts:
            found = octets.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return matches


def host_of(authority: bytes) -> bytes:
    """The host of an authority without its port and without the dot of the root, in lower case.

    `shop.example.` is the host that `shop.example` is (RFC 3986 §3.2.2): nobody gets around a route by a dot."""
    host = authority.lower()
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0].removesuffix(b".")


def compile_match(settings: MatchSettings) -> Matcher | None:
    """A matcher for a route's conditions, `None` when it takes every request."""
    conditions: list[Matcher] = []
    if settings.path not in (None, "/*", "*"):
        conditions.append(_path(compile_glob(str(settings.path).encode())))
    if settings.host not in (None, "*"):
        conditions.append(_host(compile_glob(str(settings.host).encode())))
    if settings.method:
        conditions.append(_method(frozenset(settings.method)))
    for name, glob in settings.header.items():
        conditions.append(_field(name.lower().encode(), compile_glob(glob.encode())))
    if not conditions:
        return None
    if len(conditions) == 1:
        return conditions[0]
    return lambda request: all(condition(request) for condition in conditions)


def _path(glob: BytesMatcher) -> Matcher:
    return lambda request: glob(request.target.partition(b"?")[0])


def _host(glob: BytesMatcher) -> Matcher:
    return lambda request: glob(host_of(request.authority))


def _method(methods: frozenset[str]) -> Matcher:
    return lambda request: request.method in methods


def _field(name: bytes, glob: BytesMatcher) -> Matcher:
    def matches(request: Request) -> bool:
        value = request.fields.get(name)
        return value is not None and glob(value)

    return matches
