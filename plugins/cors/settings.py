"""Settings of the `cors` plugin."""

from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.api import Duration, OneOrMany, SettingError, Settings, Token, seconds
from plugins.cors.origins import normal_origin


class Preflight(Enum):
    """Who answers a preflight."""

    ANSWER = "answer"
    FORWARD = "forward"


class OtherOrigins(Enum):
    """What happens to requests from pages of origins that are not allowed."""

    PASS = "pass"
    REFUSE = "refuse"


def _check_origin(text: str) -> str:
    try:
        return normal_origin(text)
    except ValueError as error:
        raise SettingError(str(error)) from None


Origin = Annotated[str, AfterValidator(_check_origin)]
Tokens = OneOrMany[Token]


class CorsSettings(Settings):
    """Settings of the `cors` plugin."""

    allow_origins: Annotated[OneOrMany[Origin], Field(min_length=1)]
    """Origins whose pages may read answers: `https://app.example.com`, all subdomains of a domain
    (`https://*.example.com`, not the domain itself), `"*"` for every page there is, `"null"` for pages without an
    origin of their own (files, sandboxed frames)."""
    allow_methods: Tokens = ("GET", "HEAD", "POST")
    """Methods that pages may use; case matters. `"*"` allows whatever a preflight asks for."""
    allow_headers: Tokens = ()
    """Request fields that pages may set beyond the few that the Fetch standard always allows. `"*"` allows
    whatever a preflight asks for, `Authorization` included."""
    expose_headers: Tokens = ()
    """Response fields that pages may read beyond the few that the Fetch standard always allows. `"*"` means all of
    them, but `Authorization`, and only without `allow_credentials`."""
    allow_credentials: bool = False
    """Let pages send cookies and read the answers. Needs origins by name: with `"*"` every page on the web could
    read what belongs to whoever is logged in."""
    max_age: Annotated[Duration, Field(ge=0, le=86400)] = seconds(600)
    """How long a browser may remember the answer to a preflight. 10 minutes save a page that calls once a second
    599 of 600 preflights and let a change arrive within 10 minutes; Chromium caps it at 2 hours."""
    allow_private_network: bool = False
    """Let pages from the internet reach this address in a private network, when the browser asks first."""
    preflight: Preflight = Preflight.ANSWER
    """`answer` preflights here, so that the upstream never sees one; or `forward` them, for an upstream whose
    answers have something to add. Its own CORS fields are replaced in either case."""
    other_origins: OtherOrigins = OtherOrigins.PASS
    """What happens to requests from other origins: `pass` them on, since a browser does not show the answer to the
    page anyway; or `refuse` them with 403, which also keeps pages from sending forms and opening WebSockets."""

    @model_validator(mode="after")
    def _credentials_need_names(self) -> Self:
        if self.allow_credentials:
            if "*" in self.allow_origins:
                raise SettingError(
                    "cannot be true while allow_origins holds '*'",
                    hint="name the origins that may send credentials",
                    at=("allow_credentials",),
                )
            if "null" in self.allow_origins:
                raise SettingError(
                    "cannot be true while allow_origins holds 'null'",
                    hint="any page can put itself into a frame whose origin is null",
                    at=("allow_credentials",),
                )
            if "*" in self.expose_headers:
                raise SettingError(
                    "cannot hold '*' while allow_credentials is true",
                    hint="browsers take it as the name of a field then: name the fields",
                    at=("expose_headers",),
                )
        return self

    @model_validator(mode="after")
    def _star_stands_alone(self) -> Self:
        for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            values = getattr(self, name)
            if "*" in values and len(values) > 1:
                raise SettingError("holds '*', which makes the others meaningless", hint='write just "*"', at=(name,))
        return self
