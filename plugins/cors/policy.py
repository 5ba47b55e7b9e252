"""What to say to a page of another origin, compiled from the settings (Fetch standard, "CORS protocol")."""

from dataclasses import dataclass

from gateway.api import Fields, Reason, Request
from gateway.http.fields import is_token
from gateway.http.hop_by_hop import list_members
from plugins.cors.origins import Origins, own_origin
from plugins.cors.settings import CorsSettings, OtherOrigins, Preflight

Pairs = tuple[tuple[bytes, bytes], ...]

CORS_FIELDS = frozenset(
    {
        b"access-control-allow-credentials",
        b"access-control-allow-headers",
        b"access-control-allow-methods",
        b"access-control-allow-origin",
        b"access-control-allow-private-network",
        b"access-control-expose-headers",
        b"access-control-max-age",
    }
)
"""Response fields that are ours alone to say."""

MOST_REFLECTED = 1024
"""Octets of field names that a preflight may ask for and get back."""


class CorsReason(Reason):
    """What a request looked like to this plugin."""

    ALLOWED = "allowed"
    SAME_ORIGIN = "same_origin"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    FIELD_NOT_ALLOWED = "field_not_allowed"


@dataclass(frozen=True, slots=True)
class Pass:
    """Let the request go on, and put `fields` on its answer."""

    fields: Pairs
    vary: bytes | None
    reason: CorsReason | None
    """`None` when there was nothing to decide: no `Origin`."""
    is_preflight: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the preflight with `fields`, 204, no content."""

    fields: Pairs
    vary: bytes
    reason: CorsReason


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse the request, 403."""

    detail: str
    vary: bytes | None
    reason: CorsReason
    is_preflight: bool


Plan = Pass | Answer | Refuse


class Policy:
    """The settings of one route as values that need no further thought."""

    def __init__(self, settings: CorsSettings) -> None:
        self._origins = Origins(settings.allow_origins)
        self._methods = frozenset(method.encode() for method in settings.allow_methods) | {b"GET", b"HEAD", b"POST"}
        self._names = frozenset(name.lower().encode() for name in settings.allow_headers)
        self._reflects_methods = "*" in settings.allow_methods
        self._reflects_names = "*" in settings.allow_headers
        self._refuses = settings.other_origins is OtherOrigins.REFUSE
        self._forwards = settings.preflight is Preflight.FORWARD
        self._credentials = settings.allow_credentials
        self._private_network = settings.allow_private_network
        self._static_actual = _when(settings.expose_headers, b"Access-Control-Expose-Headers", settings.expose_headers)
        self._static_methods = ", ".join(settings.allow_methods).encode()
        self._static_names = ", ".join(settings.allow_headers).encode()
        self._max_age = b"%d" % int(settings.max_age)
        self._vary = None if self._origins.any else b"Origin"
        self._vary_preflight = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        if settings.allow_private_network:
            self._vary_preflight += b", Access-Control-Request-Private-Network"
        everybody = ((b"Access-Control-Allow-Origin", b"*"), *self._static_actual) if self._origins.any else ()
        self._nobody = Pass(everybody, self._vary, None)
        """For requests without `Origin`: the same answer may be stored and shown to a page later."""
        self._known = {origin: self._actual(origin) for origin in self._origins.exact}
        self._stranger = Pass((), self._vary, CorsReason.ORIGIN_NOT_ALLOWED)
        self._same = Pass((), self._vary, CorsReason.SAME_ORIGIN)

    def plan(self, request: Request) -> Plan:
        """What to do with `request`."""
        fields = request.fields
        origin = fields.get(b"origin")
        if origin is None:
            return self._nobody
        method = fields.get(b"access-control-request-method") if request.method == "OPTIONS" else None
        if origin not in self._origins:
            return self._plan_stranger(request, origin, method is not None)
        if method is not None:
            return self._plan_preflight(fields, origin, method)
        return self._known.get(origin) or self._actual(origin)

    def _actual(self, origin: bytes) -> Pass:
        return Pass((*self._allow(origin), *self._static_actual), self._vary, CorsReason.ALLOWED)

    def _plan_stranger(self, request: Request, origin: bytes, is_preflight: bool) -> Plan:
        own = own_origin(request.scheme, request.authority)
        if origin == own and not is_preflight:
            return self._same
        if self._refuses:
            detail = (
                f"pages of {origin.decode('ascii', 'replace')[:80]} may not call {own.decode('ascii', 'replace')[:80]}"
            )
            return Refuse(detail, self._vary, CorsReason.ORIGIN_NOT_ALLOWED, is_preflight)
        if not is_preflight:
            return self._stranger
        if self._forwards:
            return Pass((), self._vary_preflight, CorsReason.ORIGIN_NOT_ALLOWED, True)
        return Answer((), self._vary_preflight, CorsReason.ORIGIN_NOT_ALLOWED)

    def _plan_preflight(self, fields: Fields, origin: bytes, method: bytes) -> Plan:
        wanted = list_members(fields.get(b"access-control-request-headers") or b"")
        reason = self._judge(method, wanted)
        methods = method if self._reflects_methods and is_token(method) else self._static_methods
        names = _reflected(wanted) if self._reflects_names else self._static_names
        said = [*self._allow(origin), (b"Access-Control-Allow-Methods", methods)]
        if names:
            said.append((b"Access-Control-Allow-Headers", names))
        said.append((b"Access-Control-Max-Age", self._max_age))
        if self._private_network and fields.get(b"access-control-request-private-network") == b"true":
            said.append((b"Access-Control-Allow-Private-Network", b"true"))
        if self._forwards:
            return Pass(tuple(said), self._vary_preflight, reason, True)
        return Answer(tuple(said), self._vary_preflight, reason)

    def _judge(self, method: bytes, wanted: list[bytes]) -> CorsReason:
        """Whether the browser will go on; it decides, this is for whoever wonders why not."""
        if not self._reflects_methods and method not in self._methods:
            return CorsReason.METHOD_NOT_ALLOWED
        names_allowed = (
            bool(_reflected(wanted) or not wanted) if self._reflects_names else self._names.issuperset(wanted)
        )
        if not names_allowed:
            return CorsReason.FIELD_NOT_ALLOWED
        return CorsReason.ALLOWED

    def _allow(self, origin: bytes) -> Pairs:
        if self._origins.any:
            return ((b"Access-Control-Allow-Origin", b"*"),)
        if self._credentials:
            return ((b"Access-Control-Allow-Origin", origin), (b"Access-Control-Allow-Credentials", b"true"))
        return ((b"Access-Control-Allow-Origin", origin),)


def put(fields: Fields, pairs: Pairs, vary: bytes | None) -> None:
    """Make `pairs` the only CORS fields of an answer, and have `Vary` say what they depend on (RFC 9110 §12.5.5)."""
    fields.remove_any(CORS_FIELDS)
    if vary is not None:
        add_vary(fields, vary)
    for name, value in pairs:
        fields.add(name, value)


def add_vary(fields: Fields, names: bytes) -> None:
    """Add to `Vary` what it does not name yet; `*` names everything."""
    present = fields.get(b"vary")
    if present is None:
        fields.add(b"Vary", names)
        return
    known = list_members(present)
    if b"*" in known:
        return
    missing = [name for name in names.split(b", ") if name.lower() not in known]
    if missing:
        fields.set(b"Vary", b", ".join([present, *missing] if known else missing))


def _when(condition: object, name: bytes, values: tuple[str, ...]) -> Pairs:
    return ((name, ", ".join(values).encode()),) if condition else ()


def _reflected(wanted: list[bytes]) -> bytes:
    """The names that a preflight asks for, as far as they are names."""
    return b", ".join(name for name in wanted if is_token(name)) if sum(map(len, wanted)) <= MOST_REFLECTED else b""
