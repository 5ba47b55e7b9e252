"""Which origins are meant (RFC 6454 §6.2: scheme, host, and a port that is not the scheme's own)."""

import re
from collections.abc import Iterable

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\*\.)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
_LABEL = re.compile(rb"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def normal_origin(text: str) -> str:
    """`text` as browsers write it: lower case, without the scheme's own port. `*` and `null` stay.

    Raises ValueError with words for what is no origin, or would mean more than one registered domain."""
    if text in ("*", "null"):
        return text
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        if re.fullmatch(r"[^/]+://[^/]+/.*", text):
            raise ValueError("must be an origin, without a path or a slash at the end")
        raise ValueError("must be an origin such as https://app.example.com or https://*.example.com")
    scheme, star, host, port = match.groups()
    labels = host.split(".")
    if not host.startswith("[") and "" in labels:
        raise ValueError("has an empty part in its host")
    if star and (host.startswith("[") or len(labels) < 2 or all(label.isdigit() for label in labels)):
        raise ValueError("needs a domain with a dot after the star, so that it cannot mean everybody's")
    if port is not None and not 0 < int(port) < 65536:
        raise ValueError("has a port outside 1 to 65535")
    shown = "" if port is None or str(int(port)) == _DEFAULT_PORTS.get(scheme) else f":{int(port)}"
    return f"{scheme}://{star or ''}{host}{shown}"


class Origins:
    """A set of origins, some of them all subdomains of a domain."""

    __slots__ = ("_subdomains", "any", "exact")

    def __init__(self, origins: Iterable[str]) -> None:
        exact: set[bytes] = set()
        subdomains: list[tuple[bytes, bytes]] = []
        self.any = False
        """Whether `*` is among them."""
        for text in origins:
            origin = normal_origin(text)
            if origin == "*":
                self.any = True
            elif "*" in origin:
                scheme, _, rest = origin.partition("*")
                subdomains.append((scheme.encode(), rest.encode()))
            else:
                exact.add(origin.encode())
        self.exact = frozenset(exact)
        """Those that are one origin each."""
        self._subdomains = tuple(subdomains)

    def __contains__(self, origin: bytes) -> bool:
        """Whether an `Origin` field with this value is meant. Compared octet by octet, as the Fetch standard does."""
        if self.any or origin in self.exact:
            return True
        for beginning, ending in self._subdomains:
            if origin.startswith(beginning) and origin.endswith(ending):
                middle = origin[len(beginning) : len(origin) - len(ending)]
                if len(origin) <= 512 and _LABEL.fullmatch(middle):
                    return True
        return False


def own_origin(scheme: str, authority: bytes) -> bytes:
    """The origin of the address that a request was sent to."""
    host, colon, port = authority.lower().rpartition(b":")
    if colon and port == _DEFAULT_PORTS.get(scheme, "").encode():
        return b"%b://%b" % (scheme.encode(), host)
    return b"%b://%b" % (scheme.encode(), authority.lower())
