"""The primary key of a request (RFC 9111 §2), compiled from the settings of its route.

A key begins with the URL: scheme, host in lower case without the scheme's own port, path as it came, and the query
parameters that count. What else tells requests apart follows in lines of its own. Nothing of the path is decoded or
normalised: where the origin would not do the same, two resources would share a stored response: web cache deception."""

from __future__ import annotations

import re
from hashlib import blake2b

from gateway.api import Fields, Request
from gateway.http.memo import Memo
from plugins.cache.cookies import CookieMatcher, cookie_values
from plugins.cache.reasons import BypassReason
from plugins.cache.settings import KeySettings, Query

LINE = b"\n"
"""Between the parts of a key: no octet of a target, a name or a value."""

_READING = frozenset({"GET", "HEAD"})
_FORWARDED = (
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-scheme",
    b"x-forwarded-server",
    b"x-forwarded-ssl",
    b"x-original-url",
    b"x-rewrite-url",
)
"""What a trusted proxy may have set and an origin may build its answer from. Strangers' never come this far."""
_forwarded_host = re.compile(rb'(?:^|[;,\s])(?:host|proto)=(?:"[^"]*"|[^;,\s]*)', re.IGNORECASE).findall


def _site(value: bytes) -> bytes:
    """Scheme and authority as a URL begins with them; `value` is both with a space between."""
    scheme, _, authority = value.partition(b" ")
    host = authority.lower()
    own_port = b":443" if scheme == b"https" else b":80"
    if host.endswith(own_port):
        host = host[: -len(own_port)]
    elif host.endswith(b":"):
        host = host[:-1]
    return b"%b://%b" % (scheme, host)


_sites: Memo[bytes, bytes] = Memo(_site)
_schemes = {"http": b"http ", "https": b"https "}


def site(scheme: str, authority: bytes) -> bytes:
    """The origin of a request as its URL begins with it: `http://shop.example` (RFC 9110 §4.3.1)."""
    return _sites[(_schemes.get(scheme) or b"%b " % scheme.encode()) + authority]


def url_of(key: bytes) -> bytes:
    """The URL that a key begins with."""
    return key.partition(LINE)[0]


def split_url(text: str) -> tuple[bytes, bytes]:
    """Site and target of a URL, octet for octet as a request would have them. Raises ValueError."""
    try:
        octets = text.encode("ascii")
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} is not a URL in ASCII") from None
    scheme, separator, rest = octets.partition(b"://")
    rest = rest.partition(b"#")[0]
    authority = re.split(rb"[/?]", rest, maxsplit=1)[0]
    target = rest[len(authority) :]
    if scheme.lower() not in (b"http", b"https") or not separator or not authority or LINE in octets:
        raise ValueError(f"{text!r} is not a URL: write http://host/path")
    return site(scheme.lower().decode(), authority), target if target.startswith(b"/") else b"/" + target


class Keyer:
    """Finds the keys of requests, and why a request has none."""

    __slots__ = (
        "_body",
        "_cookies",
        "_drop",
        "_drop_prefixes",
        "_fields",
        "_keep",
        "_keep_prefixes",
        "_mark",
        "_matcher",
        "_only",
        "_plain",
        "_sort",
        "changes_query",
        "max_body",
    )

    def __init__(
        self, settings: KeySettings, bypass_cookies: CookieMatcher | None = None, *, mark: bytes = b""
    ) -> None:
        """`mark` is part of every key, for upstreams that have the same URLs."""
        self._sort = settings.query is Query.SORT
        self._drop, self._drop_prefixes = _compiled(settings.drop)
        self._only = settings.only is not None
        self._keep, self._keep_prefixes = _compiled(settings.only or ())
        self._fields = tuple(name.lower().encode() for name in settings.fields)
        self._cookies = tuple(name.encode() for name in settings.cookies)
        self._body = settings.body
        self._mark = mark
        self._matcher = bypass_cookies
        self._plain = not (self._fields or self._cookies or mark)
        self.max_body: int = settings.max_body
        """Octets of content that may be read for a key."""
        self.changes_query: bool = self._sort or self._only or bool(settings.drop)
        """Whether targets may go upstream other than they came, see `target`."""

    def reads_content(self, method: str) -> bool:
        """Whether the key of such a request needs its content, which is then to be read, up to `max_body`, before."""
        return method == "QUERY" or (method == "POST" and self._body)

    def key(self, request: Request) -> bytes | BypassReason:
        """The primary key, or why the request has nothing to do with what is stored.

        Content that counts must be at hand as `bytes`; content still on its way is too large."""
        method = request.method
        if method not in _READING:
            if not self.reads_content(method):
                return BypassReason.METHOD
            if not isinstance(request.body, bytes) or len(request.body) > self.max_body:
                return BypassReason.CONTENT_TOO_LARGE
        elif request.body != b"":
            return BypassReason.CONTENT
        if request.upgrade is not None:
            return BypassReason.UPGRADE
        if not request.target.startswith(b"/"):
            return BypassReason.TARGET
        if self._matcher is not None and self._matcher.matches(request.fields):
            return BypassReason.COOKIE
        key = self.url(request)
        if self._plain and method in _READING and not request.downstream.trusted:
            return key
        return self._extended(key, request)

    def get_key(self, request: Request) -> bytes:
        """The key that a GET with the fields of `request` would have: where an answer to POST may be stored."""
        key = self.url(request)
        return key if self._plain and not request.downstream.trusted else self._with_parts(key, request)

    def url(self, request: Request) -> bytes:
        """The URL that the key of `request` begins with."""
        target = request.target
        if self.changes_query:
            target = self.target(target)
        return site(request.scheme, request.authority) + target

    def target(self, target: bytes) -> bytes:
        """Path and query with only the parameters that count, in their order: for the key, and for upstream.

        What does not count in the key must not reach the origin either: its answer might show it to everybody."""
        path, mark, query = target.partition(b"?")
        if not mark or not self.changes_query:
            return target
        parameters = [parameter for parameter in query.split(b"&") if self._counts(parameter)]
        if self._sort:
            parameters.sort(key=_name)
        return b"%b?%b" % (path, b"&".join(parameters)) if parameters else path

    def _counts(self, parameter: bytes) -> bool:
        name = _name(parameter)
        if self._only:
            return name in self._keep or name.startswith(self._keep_prefixes)
        return name not in self._drop and not name.startswith(self._drop_prefixes)

    def _extended(self, key: bytes, request: Request) -> bytes:
        key = self._with_parts(key, request)
        if request.method not in _READING:
            key += LINE + request.method.encode() + b" " + _digest(request)
        return key

    def _with_parts(self, key: bytes, request: Request) -> bytes:
        fields = request.fields
        parts = [key, self._mark] if self._mark else [key]
        for name in self._fields:
            value = fields.get(name)
            if value is not None:
                parts.append(b"%b: %b" % (name, value))
        for name in self._cookies:
            parts.extend(b"cookie %b=%b" % (name, value) for value in cookie_values(fields, name))
        if request.downstream.trusted:
            parts.extend(_reported(fields, request.authority))
        return LINE.join(parts)


def _compiled(patterns: tuple[str, ...]) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    given = [pattern.encode() for pattern in patterns]
    return (
        frozenset(pattern for pattern in given if not pattern.endswith(b"*")),
        tuple(pattern[:-1] for pattern in given if pattern.endswith(b"*")),
    )


def _name(parameter: bytes) -> bytes:
    return parameter.partition(b"=")[0]


def _reported(fields: Fields, authority: bytes) -> list[bytes]:
    """What a trusted proxy says about the request before it came to the proxy, where it says more than `authority`."""
    parts = []
    for name in _FORWARDED:
        value = fields.get(name)
        if value is not None and not (name == b"x-forwarded-host" and value.lower() == authority.lower()):
            parts.append(b"%b: %b" % (name, value))
    forwarded = fields.get(b"forwarded")
    if forwarded is not None and (found := _forwarded_host(forwarded)):
        parts.append(b"forwarded: " + b"".join(found).lower())
    return parts


def _digest(request: Request) -> bytes:
    """Stands for the content and for what says how to read it (RFC 10008 §2.7)."""
    digest = blake2b(digest_size=20)
    for name in (b"content-type", b"content-encoding", b"content-language"):
        value = request.fields.get(name) or b""
        digest.update(b"%d " % len(value))
        digest.update(value)
    assert isinstance(request.body, bytes)
    digest.update(request.body)
    return digest.hexdigest().encode()
