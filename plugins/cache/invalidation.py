"""What an answer to an unsafe request makes unusable (RFC 9111 §4.4, RFC 9875 §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

from gateway.api import SAFE_METHODS, Fields, Request, Response
from plugins.cache.key import site
from plugins.cache.labels import group_label, strings_of
from plugins.cache.policy import Policy
from plugins.cache.selection import ByTag, ByUrl, Selector


@dataclass(frozen=True, slots=True)
class Invalidation:
    """What has to go."""

    urls: tuple[bytes, ...]
    """Every stored response of these URLs, whatever else is in its key."""
    tags: tuple[bytes, ...]
    """Groups of the same site, as the tags of stored responses have them."""

    @property
    def selectors(self) -> list[Selector]:
        """The same for a purge."""
        return [*map(ByUrl, self.urls), *map(ByTag, self.tags)]


def invalidated(
    request: Request, response: Response, forms: Callable[[bytes], Iterable[bytes]], policy: Policy
) -> Invalidation | None:
    """What goes because of `response`; `None` for safe methods and for errors. `forms` gives the forms that a target
    takes in keys: the same URL may be stored by several routes.

    A method nobody knows is not safe. Location and Content-Location count for the site of the request alone: no one may
    clear another's stored responses. POST on a route where it only asks changes nothing."""
    method = request.method
    if method in SAFE_METHODS or not 200 <= response.status < 400 or (method == "POST" and policy.answers_post):
        return None
    if not request.target.startswith(b"/"):
        return None
    targets = [request.target]
    for name in (b"location", b"content-location"):
        for value in response.fields.values(name):
            target = same_site_target(request, value)
            if target is not None and target not in targets:
                targets.append(target)
    of_site = site(request.scheme, request.authority)
    urls = dict.fromkeys([of_site + form for target in targets for form in forms(target)])
    groups = response.fields.get(b"cache-group-invalidation")
    tags = tuple(group_label(request, group) for group in strings_of(groups)) if groups is not None else ()
    return Invalidation(tuple(urls), tags)


def same_site_target(request: Request, reference: bytes) -> bytes | None:
    """Path and query that a URL or a relative reference means, seen from `request`; `None` for another site's, and for
    what is no reference (RFC 3986 §5)."""
    own = site(request.scheme, request.authority).decode("latin-1")
    try:
        joined = urljoin(own + request.target.decode("latin-1"), reference.decode("latin-1"), allow_fragments=False)
        joined = joined.partition("#")[0]
        scheme, separator, rest = joined.partition("://")
        authority, slash, path = rest.partition("/")
        if not slash:  # a query may follow the authority at once
            authority, mark, query = authority.partition("?")
            path = mark + query
    except ValueError:  # brackets that hold no address
        return None
    if not separator or "@" in authority or site(scheme.lower(), authority.encode("latin-1")).decode("latin-1") != own:
        return None
    return b"/" + path.encode("latin-1")


def names_target(request: Request, fields: Fields) -> bool:
    """Whether Content-Location names the target of the request itself (RFC 9110 §9.3.3)."""
    lines = fields.values(b"content-location")
    return len(lines) == 1 and same_site_target(request, lines[0]) == request.target
