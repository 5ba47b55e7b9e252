"""Settings of warming: how fast, how much, and what before the gateway says that it is ready."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.config.addresses import Address
from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import FilePath, OneOrMore, check_token
from gateway.config.units import OrOff, PositiveDuration, PositiveSize, mebibytes, seconds

MOST_URLS = 1_000_000
MOST_AT_ONCE = 256
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_NOT_IN_VALUES = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_FRAMING = frozenset(
    {"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)


def _check_host(name: str) -> str:
    if not _HOST.fullmatch(name.lower()):
        raise SettingError("is no host", hint="write shop.example, or *.shop.example for every name below it")
    return name.lower()


def _check_field_name(name: str) -> str:
    if name.lower() in _FRAMING:
        raise SettingError("cannot be chosen: the gateway writes it itself")
    return check_token(name)


def _check_field_value(value: str) -> str:
    if _NOT_IN_VALUES.search(value) or value != value.strip():
        raise SettingError("is no value of a field")
    return value


def check_url(value: str) -> str:
    """`value` if it begins as a URL does. Raises SettingError."""
    if not re.fullmatch(r"(?i:https?)://[^/?#\s]+(?:[/?][^\s]*)?", value):
        raise SettingError("must be a URL", hint="write https://shop.example/sitemap.xml")
    return value


def _check_base(value: str) -> str:
    if not re.fullmatch(r"(?i:https?)://[^/?#\s]+/?", value):
        raise SettingError("must be scheme and host", hint="write https://shop.example")
    return value.rstrip("/")


def _check_rate(value: object) -> object:
    """Whole numbers as well; the strict reading of settings takes them for no floats."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Rate = Annotated[float, Field(gt=0, le=100_000), BeforeValidator(_check_rate)]
"""Requests a second."""
Concurrency = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]
Most = Annotated[int, Field(ge=1, le=MOST_URLS)]
Host = Annotated[str, AfterValidator(_check_host)]
FieldName = Annotated[str, AfterValidator(_check_field_name)]
FieldValue = Annotated[str, Field(max_length=4096), AfterValidator(_check_field_value)]
Base = Annotated[str, AfterValidator(_check_base)]
Url = Annotated[str, AfterValidator(check_url)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def only_one_of(settings: Any, names: tuple[str, ...]) -> str:
    """The one of these settings that is there. Raises SettingError."""
    given = [name for name in names if getattr(settings, name) is not None]
    if len(given) != 1:
        raise SettingError(f"a source has exactly one of {', '.join(names)}")
    return given[0]


class WarmingSourceSettings(Settings):
    """Where URLs come from: exactly one of `urls`, `sitemap`, `access_log` and `entries`."""

    urls: FilePath | None = None
    """A file with a URL on each line; `#` begins a comment. It may be gzipped."""
    sitemap: Url | None = None
    """The URL of a sitemap, or of an index of sitemaps. It is asked for through the gateway's own routes."""
    access_log: FilePath | None = None
    """The file of an access log: this gateway's own format, or the combined one of other servers."""
    entries: Address | None = None
    """The admin address of another gateway: what it has stored is fetched here."""
    token: Variable | None = None
    """With `entries`: the environment variable that has the token of that gateway's admin application."""
    top: Most | None = None
    """With `access_log` and `entries`: how many URLs, those that save the origin the most time. 1000 without it."""
    base: Base | None = None
    """With `access_log`: scheme and host for a format that logs neither, such as `https://shop.example`."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        kind = only_one_of(self, ("urls", "sitemap", "access_log", "entries"))
        for name, kinds in (("token", ("entries",)), ("top", ("access_log", "entries")), ("base", ("access_log",))):
            if getattr(self, name) is not None and kind not in kinds:
                raise SettingError(f"goes with {' and '.join(kinds)} alone", at=(name,))
        return self


class BeforeReadySettings(Settings):
    """What to warm after the start, before `/ready` says yes."""

    within: PositiveDuration = seconds(30)
    """How long at most. After it the gateway is ready however far it came, and the rest is warmed behind. Orchestrators
    have a time-out of their own: stay below it."""
    sources: OneOrMore[WarmingSourceSettings]
    """Where URLs come from, the most important ones first."""


def _usual_fields() -> dict[str, str]:
    return {"Accept-Encoding": "gzip, deflate, br, zstd", "User-Agent": "slipstream-warming"}


class WarmingSettings(Settings):
    """Requests that the gateway makes itself so that clients find their answers stored."""

    rate: Annotated[Rate | None, OrOff()] = 100.0
    """Requests a second, over all workers; `off` for as many as `concurrency` lets through. 100 a second fetch 10,000
    URLs in 100 s."""
    concurrency: Concurrency = 8
    """Requests at once, for each upstream. Fewer when the origin gets slow."""
    most: Most = 100_000
    """URLs of one run at most. A URL takes some 200 octets of the supervisor's memory while it runs."""
    timeout: PositiveDuration = seconds(30)
    """How long one answer may take, content included."""
    patience: PositiveDuration = seconds(300)
    """How long an upstream may refuse everything before a run gives its URLs up."""
    largest: PositiveSize = mebibytes(64)
    """Octets of content that are waited for. What is larger is given up."""
    fields: dict[FieldName, FieldValue] = Field(default_factory=_usual_fields, max_length=32)
    """Fields of the requests. Stored answers may depend on them: this Accept-Encoding is the one of browsers."""
    hosts: tuple[Host, ...] = ()
    """The only hosts that are asked for, `*.shop.example` for every name below. Without any: a sitemap gives URLs of
    its own host, everything else whatever a route takes."""
    before_ready: Annotated[BeforeReadySettings | None, OrOff(), Field(validate_default=False)] = None
    """What to warm before the gateway is ready, or `off`."""
