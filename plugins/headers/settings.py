"""Settings of the `headers` plugin."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.api import OneOrMany, SettingError, Settings
from gateway.http.fields import is_token
from gateway.http.hop_by_hop import FRAMING, HOP_BY_HOP
from plugins.headers.template import PLACEHOLDERS, Template

_RESERVED = {b"host": "the setting `host` of the upstream says which Host it gets"}
_GATEWAYS_OWN = FRAMING | HOP_BY_HOP | {b"expect"}
_STATUS = re.compile(r"[1-5]xx|[1-5][0-9]{2}")


def _check_name(text: str) -> str:
    name = text.lower().encode("utf-8", "replace")
    if not is_token(name):
        raise SettingError("must be the name of a field", hint="letters, digits and !#$%&'*+-.^_`|~ are allowed")
    if name in _RESERVED:
        raise SettingError(f"{text} cannot be changed here", hint=_RESERVED[name])
    if name in _GATEWAYS_OWN:
        raise SettingError(f"{text} belongs to one connection and is written by the gateway itself")
    return text


def _check_pattern(text: str) -> str:
    if not text.endswith("*"):
        return _check_name(text)
    prefix = text[:-1].lower().encode("utf-8", "replace")
    if not is_token(prefix) or b"*" in prefix:
        raise SettingError("must be the name of a field, or its beginning and one star", hint="write X-Internal-*")
    for kept in (*_RESERVED, b"expect"):
        if kept.startswith(prefix):
            raise SettingError(f"would remove {kept.decode().title()}", hint="name more of the beginning")
    return text


def _check_template(text: str) -> str:
    try:
        Template(text)
    except ValueError as error:
        raise SettingError(str(error), hint=f"there are {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}") from None
    return text


def _check_status(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _STATUS.fullmatch(text):
        raise SettingError("must be a status or a class of them", hint="write 404 or 5xx")
    return text


Name = Annotated[str, AfterValidator(_check_name)]
NamePattern = Annotated[str, AfterValidator(_check_pattern)]
Text = Annotated[str, AfterValidator(_check_template)]
Texts = OneOrMany[Text]
Status = Annotated[str, BeforeValidator(_check_status, json_schema_input_type=int | str)]
Statuses = OneOrMany[Status]


class Changes(Settings):
    """Changes of one message, made in this order: remove, set, add, default.

    A value may hold placeholders in braces: `{client}`, `{scheme}`, `{host}`, `{method}`, `{path}`, `{query}`,
    `{route}`, `{upstream}`, `{request_id}`, on responses also `{status}`. A brace itself is written twice."""

    remove: tuple[NamePattern, ...] = ()
    """Fields to take away: names, or the beginning of names and a star (`X-Internal-*`)."""
    set: dict[Name, Text] = Field(default_factory=dict)
    """Fields that get exactly this value, whatever the message said."""
    add: dict[Name, Texts] = Field(default_factory=dict)
    """Lines added to those there are: one value or a list of them."""
    default: dict[Name, Text] = Field(default_factory=dict)
    """Fields that get this value when the message has none of that name."""

    def texts(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every value and where it stands."""
        for group, values in (("set", self.set), ("default", self.default)):
            for name, text in values.items():
                yield (group, name), text
        for name, texts in self.add.items():
            for index, text in enumerate(texts):
                yield (("add", name, index) if len(texts) > 1 else ("add", name)), text

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for group, values in (("set", self.set), ("add", self.add), ("default", self.default)):
            seen: dict[str, str] = {}
            for name in values:
                if name.lower() in seen:
                    raise SettingError(f"is the same field as {seen[name.lower()]}", at=(group, name))
                seen[name.lower()] = name
        return self


class ResponseChanges(Changes):
    """Changes of responses, of all or of some."""

    status: Statuses = ()
    """Only responses with one of these: `404`, `5xx`, or a list. Without it, all."""


class RequestIdSettings(Settings):
    """An id for every request, so that its traces in several logs can be found together."""

    header: Name = "X-Request-Id"
    """The field that carries it."""
    trust: bool = False
    """Keep a well-formed id (1 to 128 letters, digits and `-._~:+/=@`) from anybody. Without it only one of
    `trusted_proxies` may bring its own; everybody else gets a new one."""
    respond: bool = True
    """Put it on the response as well, errors included."""


Responses = OneOrMany[ResponseChanges]


class HeadersSettings(Settings):
    """Settings of the `headers` plugin. A route that says `request` or `response` replaces the whole of it."""

    request: Changes = Changes()
    """What changes on the way to the upstream."""
    response: Responses = ()
    """What changes on the way back: one set of changes, or a list of them, each perhaps for some statuses only."""
    request_id: RequestIdSettings | None = None
    """Give every request an id. `{}` is enough to have it in `X-Request-Id`."""

    @model_validator(mode="after")
    def _placeholders_have_a_value(self) -> Self:
        for where, text in self._texts():
            names = Template(text).placeholders
            if "request_id" in names and self.request_id is None:
                raise SettingError("uses {request_id}, but there is none", hint="add `request_id: {}`", at=where)
            if "status" in names and where[0] == "request":
                raise SettingError("uses {status}, which a request does not have", at=where)
        return self

    def _texts(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for where, text in self.request.texts():
            yield ("request", *where), text
        for index, changes in enumerate(self.response):
            for where, text in changes.texts():
                yield ("response", index, *where), text
