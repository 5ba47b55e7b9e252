"""An origin that remembers what it said, and a naive reading of RFC 9111 that judges what a cache made of it.

Every answer has a number in the field X-Id, also a 304, whose fields replace those of what it confirms. So the number
in what a client gets tells which answer its fields are from, and whether that one may be used for this client now."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from gateway.api import BodyStream, Fields, Request, Response, UpstreamConnectError
from gateway.http.dates import format_date
from tests.support.caching import START
from tests.support.plugins import make_response
from tests.support.streams import RecordingSource

Directives = Mapping[str, int | None]
"""Directives of Cache-Control; `None` for those without an argument."""

FORBIDDING_STALE = frozenset({"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage"})
DECOY: Directives = {"max-age": 99999}
"""What Cache-Control says beside a targeted field."""
ERRORS = frozenset({500, 502, 503, 504})
LONGEST_WITHOUT_ORIGIN = 3600
"""Seconds that the cache may stand in for an origin out of reach: its default."""


def written(directives: Directives) -> str:
    """The field that says so."""
    return ", ".join(name if value is None else f"{name}={value}" for name, value in directives.items())


@dataclass(frozen=True)
class Manner:
    """How the origin answers next."""

    control: Directives = field(default_factory=dict)
    targeted: bool = False
    """Whether they stand in CDN-Cache-Control, with a decoy in Cache-Control."""
    status: int = 200
    """0 when it cannot be reached."""
    vary: tuple[str, ...] = ()
    set_cookie: bool = False
    age: int = 0
    expires_in: int | None = None
    modified_ago: int | None = None
    has_tag: bool = True
    streams: bool = False
    breaks_off: bool = False
    pauses: int = 0
    """Turns of the loop that it takes."""

    @property
    def governing(self) -> Directives:
        """The directives that count: those of a targeted field unless it is empty (RFC 9213 §2.2)."""
        return DECOY if self.targeted and not self.control else self.control


@dataclass
class Said:
    """One answer, and for whom it was."""

    manner: Manner
    target: bytes
    method: str
    status: int
    at: float
    asked: int
    """Number of the event at which the request came."""
    request: Fields
    content: bytes
    modified: float
    """When the content came about, by its own account."""
    trail: object
    """The trail of the client's request; of a refresh its own."""


@dataclass(frozen=True)
class Removal:
    """Something that made stored responses unusable, or with `soft` stale."""

    number: int
    target: bytes | None
    """`None` for all."""
    soft: bool = False


class ModelOrigin:
    """Answers in the manner it was told last. Content depends on target, version, language and user."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.manner = Manner()
        self.said: list[Said] = []
        self.removals: list[Removal] = []
        self.events = 0
        self._versions: dict[bytes, int] = {}

    def event(self) -> int:
        """The number of the next event."""
        self.events += 1
        return self.events

    def change(self, target: bytes) -> None:
        """A resource is not any more what it was."""
        self._versions[target] = self._versions.get(target, 0) + 1

    async def __call__(self, request: Request) -> Response:
        """Answer."""
        manner, asked = self.manner, self.event()
        for _ in range(manner.pauses):
            await asyncio.sleep(0)
        if manner.status == 0:
            self._note(request, manner, 0, b"", asked)
            raise UpstreamConnectError("refused")
        if request.method not in ("GET", "HEAD"):
            return self._change(request, manner, asked)
        content = self._content(request)
        tag = b'"%b"' % content[:24].replace(b" ", b"-")
        modified = _modified(manner, content)
        status = 304 if manner.status == 200 and _is_known(request, manner, tag, modified) else manner.status
        fields = self._fields(manner, tag, modified)
        wanted = request.fields.get(b"range")
        body = content if status == 200 and request.method == "GET" else b""
        if status == 200 and wanted is not None and request.method == "GET":
            start, end = (int(number) for number in wanted.removeprefix(b"bytes=").split(b"-"))
            status, body = 206, content[start : end + 1]
            fields["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        number = self._note(request, manner, status, content, asked)
        response = make_response(status, {**fields, "X-Id": str(number)}, body)
        if request.method == "HEAD" and status == 200:
            response.described_length = len(content)
        if body and manner.streams:
            response.body = _streamed(body, manner)
        return response

    def _content(self, request: Request) -> bytes:
        version = self._versions.get(request.target, 0)
        language = request.fields.get(b"accept-language") or b"--"
        user = request.fields.get(b"authorization") or b"nobody"
        return b"%b %d %b %b" % (request.target, version, language, user) + b"." * 40

    def _fields(self, manner: Manner, tag: bytes, modified: float) -> dict[str, str]:
        now = START + self._now()
        fields = {"Date": format_date(now).decode()}
        if manner.targeted:
            fields |= {"CDN-Cache-Control": written(manner.control), "Cache-Control": written(DECOY)}
        elif manner.control:
            fields["Cache-Control"] = written(manner.control)
        if manner.has_tag:
            fields["ETag"] = tag.decode()
        if manner.vary:
            fields["Vary"] = ", ".join(manner.vary)
        if manner.set_cookie:
            fields["Set-Cookie"] = "session=1"
        if manner.age:
            fields["Age"] = str(manner.age)
        if manner.expires_in is not None:
            fields["Expires"] = format_date(now + manner.expires_in).decode()
        if manner.modified_ago is not None:
            fields["Last-Modified"] = format_date(START + modified).decode()
        return fields

    def _change(self, request: Request, manner: Manner, asked: int) -> Response:
        status = manner.status
        number = self._note(request, manner, status, b"", asked)
        if status < 400:
            self.change(request.target)
            self.removals.append(Removal(self.event(), request.target))
        return make_response(status, {"X-Id": str(number), "Date": format_date(START + self._now()).decode()})

    def _note(self, request: Request, manner: Manner, status: int, content: bytes, asked: int) -> int:
        self.said.append(
            Said(
                manner,
                request.target,
                request.method,
                status,
                self._now(),
                asked,
                request.fields.copy(),
                content,
                _modified(manner, content),
                request.trail,
            )
        )
        return len(self.said) - 1


def _modified(manner: Manner, content: bytes) -> float:
    """Another time for every content: two that share a validator must be the same."""
    return -float(manner.modified_ago or 0) - crc32(content) % 1000


def _is_known(request: Request, manner: Manner, tag: bytes, modified: float) -> bool:
    """Whether the cache that asks has it (RFC 9110 §13.2.2)."""
    tags = request.fields.get(b"if-none-match")
    if tags is not None:
        return manner.has_tag and tag in tags.split(b", ")
    since = request.fields.get(b"if-modified-since")
    return manner.modified_ago is not None and since == format_date(START + modified)


def _streamed(body: bytes, manner: Manner) -> BodyStream:
    stream = BodyStream(len(body), RecordingSource())
    stream.feed(body[:5])
    if manner.breaks_off:
        stream.fail(UpstreamConnectError("broken off"))
    else:
        stream.feed(body[5:])
        stream.finish()
    return stream


@dataclass
class Asked:
    """A request of a client, and the directives it has."""

    fields: Fields
    target: bytes
    wants: Directives
    at: float
    number: int
    """Of the event at which it came."""
    trail: object


def why_not(origin: ModelOrigin, asked: Asked, number: int, got: Response) -> str | None:
    """Why RFC 9111 does not allow that a client gets the fields of answer `number`; `None` if it does."""
    said = origin.said[number]
    own = [each for each in origin.said if each.trail is asked.trail]
    if any(each is said for each in own):
        return None
    failed = [each for each in own if each.status == 0 or each.status in ERRORS]
    control, wants = said.manner.governing, asked.wants
    if b"set-cookie" in got.fields:
        return "somebody else's cookie"
    reason = _never(said, asked)
    if reason is not None:
        return reason
    for removal in origin.removals:
        if said.asked < removal.number < asked.number and removal.target in (None, said.target):
            if not removal.soft:
                return "it was removed"
            if FORBIDDING_STALE & control.keys():
                return "it was made stale, and may not be used stale"
    if "no-cache" in control or "no-cache" in wants:
        return "it had to be confirmed"
    age = said.manner.age + asked.at - said.at
    lifetime = _lifetime(said)
    if not failed:
        if _seconds(wants, "max-age", age) < age and "max-stale" not in wants:
            return "it is older than the client wants"
        if lifetime - age < _seconds(wants, "min-fresh", lifetime - age):
            return "it will be stale too soon for the client"
    staleness = age - lifetime
    if staleness < 0:
        return None
    if FORBIDDING_STALE & control.keys():
        return "it is stale, and may not be used stale"
    if failed:
        allowed = max(_seconds(control, "stale-if-error", -1), _seconds(wants, "stale-if-error", -1))
        if any(each.status == 0 for each in failed):
            allowed = max(allowed, LONGEST_WITHOUT_ORIGIN)
    else:
        allowed = max(_seconds(control, "stale-while-revalidate", -1), _seconds(wants, "max-stale", -1))
    return None if staleness <= allowed else f"it is {staleness} s stale"


def _never(said: Said, asked: Asked) -> str | None:
    """What keeps an answer from being used for this request whatever the time is."""
    control = said.manner.governing
    if "no-store" in control or "private" in control:
        return "it was not to be stored"
    if b"no-store" in (said.request.get(b"cache-control") or b""):
        return "its client did not want it stored"
    if said.manner.breaks_off and said.manner.streams and said.method == "GET" and said.status in (200, 206):
        return "it broke off"
    if said.manner.set_cookie and said.status != 304 and said.method == "GET":
        return "it set a cookie"
    if b"authorization" in said.request and not {"public", "must-revalidate", "s-maxage"} & control.keys():
        return "it was for somebody with credentials"
    if said.target != asked.target:
        return "it was for another target"
    for name in said.manner.vary:
        if said.request.get(name.lower().encode()) != asked.fields.get(name.lower().encode()):
            return f"it was for another {name}"
    if "*" in said.manner.vary:
        return "it was for that request alone"
    return None


def _lifetime(said: Said) -> float:
    manner = said.manner
    for name in ("s-maxage", "max-age"):
        if name in manner.governing:
            return _seconds(manner.governing, name, 0)
    if manner.expires_in is not None and not manner.targeted:
        return max(0, manner.expires_in)
    return (said.at - said.modified) / 10 if manner.modified_ago is not None else 0


def _seconds(directives: Directives, name: str, otherwise: float) -> float:
    if name not in directives:
        return otherwise
    value = directives[name]
    return float("inf") if value is None else value
