"""URLs as warming takes them: whole ones, as a client would ask the gateway for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urljoin

from gateway.http.redaction import redact_target

LONGEST_URL = 8 * 1024
"""Octets of a URL: more than listeners take by default."""

_URL = re.compile(r"(?i:(https?))://([^/?#\\@\x00-\x20\x7f]+)([/?][^#]*)?(?:#.*)?", re.DOTALL).fullmatch
_AUTHORITY = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?").fullmatch
_SAFE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class UrlError(ValueError):
    """That is no URL to warm; the text says why."""


def clean(text: str) -> str:
    """The URL in `text` as requests name it: no fragment, host in lower case (RFC 3986 §6.2.2.1), what is not ASCII in
    percent-encoding (RFC 3987 §3.1). Path and query stay as they are. Raises UrlError."""
    text = text.strip()
    found = _URL(text) if len(text) <= LONGEST_URL else None
    if found is None:
        raise UrlError("is no URL: write http://host/path")
    rest = found.group(3) or "/"
    if any(character < " " or character == "\x7f" for character in rest):
        raise UrlError("has control characters")
    try:
        target = quote(rest if rest.startswith("/") else "/" + rest, safe=_SAFE)
    except UnicodeEncodeError:
        raise UrlError("has half a character") from None
    return f"{found.group(1).lower()}://{_host(found.group(2))}{target}"


def _host(authority: str) -> str:
    host = authority.lower()
    if not host.isascii():
        name, colon, port = host.rpartition(":") if ":" in host else (host, "", "")
        try:
            host = name.encode("idna").decode() + colon + port
        except UnicodeError:
            raise UrlError("has no valid host") from None
    if not _AUTHORITY(host):
        raise UrlError("has no valid host")
    return host


def join(base: str, reference: str) -> str:
    """What `reference` means in a document at `base` (RFC 3986 §5). Raises UrlError."""
    try:
        return clean(urljoin(base, reference.strip()))
    except UrlError:
        raise
    except ValueError as error:
        raise UrlError(str(error)) from None


def authority_of(url: str) -> str:
    """Host and port of a clean URL."""
    return url.split("/", 3)[2]


def host_of(url: str) -> str:
    """The host of a clean URL, without its port."""
    authority = authority_of(url)
    return authority.partition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]


def is_among(url: str, hosts: Iterable[str]) -> bool:
    """Whether the host of a clean URL is one of `hosts`, of which `*.shop.example` means every name below that one."""
    host = host_of(url)
    return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in hosts)


def shown(url: str) -> str:
    """A URL for people: what looks like a secret is masked, and it is not long."""
    text = redact_target(url)
    return text if len(text) <= 300 else text[:299] + "…"


def lines(text: Iterable[str]) -> Iterator[str]:
    """The lines of a list of URLs that are not empty and no comment."""
    for line in text:
        line = line.strip().lstrip("\ufeff")
        if line and not line.startswith("#"):
            yield line
