"""Who may use the admin application. Plain values in, a refusal or nothing out; no I/O.

With a token, everything but the health checks wants it. Without one the address is loopback, and what has
to be kept out are web pages in a browser on this machine: pages whose name was pointed at 127.0.0.1 (DNS
rebinding) send a foreign `Host`, and pages that post across sites send a foreign `Origin`."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

OPEN_PATHS = frozenset({"/live", "/ready"})
"""Health checks: they tell nothing worth protecting, and probes carry no tokens."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says about who sends it. Fields that are missing are `None`."""

    method: str
    path: str
    host: str | None
    origin: str | None = None
    authorization: str | None = None
    fetch_site: str | None = None
    """`Sec-Fetch-Site`, which a page cannot forge."""
    is_preflight: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Status and words for a request that is not let through."""

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Guard:
    """What the settings say about who may come in."""

    token: str | None
    bound_host: str | None
    """The host the application listens on; `None` for a Unix socket."""
    origins: Collection[str] = ()
    """Origins whose pages may use the API (CORS)."""

    def refusal(self, asked: Asked) -> Refusal | None:
        """Why the request is refused, or `None` when it may pass."""
        if asked.path in OPEN_PATHS and asked.method in _SAFE_METHODS:
            return None
        if self.token is not None:
            return None if asked.is_preflight else self._without_token(asked.authorization, self.token)
        if self.bound_host is not None and not self._is_own_host(asked.host):
            return Refusal(403, "the Host field names neither loopback nor the admin address")
        if asked.method not in _SAFE_METHODS and self._is_cross_site(asked):
            return Refusal(403, "changes are not accepted from pages of another origin")
        return None

    def _without_token(self, authorization: str | None, token: str) -> Refusal | None:
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and _are_equal(given.strip(), token):
            return None
        return Refusal(401, "a bearer token is required" if authorization is None else "the bearer token is wrong")

    def _is_own_host(self, host: str | None) -> bool:
        name = host_name(host)
        if name is None:
            return False
        if name == "localhost" or name.endswith(".localhost") or name == (self.bound_host or "").lower():
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return False

    def _is_cross_site(self, asked: Asked) -> bool:
        if asked.origin is None:
            return asked.fetch_site in ("cross-site", "same-site")
        if asked.origin.lower() in self.origins:
            return False
        return asked.origin.lower() != f"http://{(asked.host or '').lower()}"


def _are_equal(given: str, token: str) -> bool:
    """Compared in the same time wherever they differ; `given` may hold octets that are no UTF-8."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def host_name(host: str | None) -> str | None:
    """The name or address in a `Host` field, without port and brackets, in lower case; `None` if it has none."""
    try:
        name = urlsplit(f"//{host or ''}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None
