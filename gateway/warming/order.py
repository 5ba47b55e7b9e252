"""What a run is to do, as an administrator orders it or the configuration does. Read and checked; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from gateway.config.addresses import Address, TcpAddress
from gateway.config.base import SettingError, Settings
from gateway.config.units import OrOff, Secret
from gateway.config.warming import (
    MOST_URLS,
    Base,
    BeforeReadySettings,
    Concurrency,
    FieldName,
    FieldValue,
    Most,
    Rate,
    Url,
    WarmingSettings,
    WarmingSourceSettings,
    only_one_of,
)
from gateway.warming.cursor import Cursor, CursorError
from gateway.warming.pace import Speed
from gateway.warming.urls import shown

USUAL_TOP = 1000


class OrderError(ValueError):
    """What was ordered makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class UrlList:
    """URLs at hand."""

    urls: tuple[str, ...]

    def describe(self) -> str:
        return "urls"


@dataclass(frozen=True, slots=True)
class UrlFile:
    """A file with URLs."""

    path: Path

    def describe(self) -> str:
        return f"urls of {self.path}"


@dataclass(frozen=True, slots=True)
class Sitemap:
    """A sitemap, by its URL."""

    url: str

    def describe(self) -> str:
        return f"sitemap {shown(self.url)}"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """An access log."""

    path: Path | None
    """`None` for the one that this gateway writes."""
    top: int = USUAL_TOP
    base: str = ""

    def describe(self) -> str:
        return f"access log {self.path or 'of this gateway'}"


@dataclass(frozen=True, slots=True)
class OtherGateway:
    """What another gateway has stored."""

    address: str
    token: str | None = None
    """The token itself."""
    variable: str | None = None
    """The environment variable that has it."""
    top: int = USUAL_TOP

    def describe(self) -> str:
        return f"entries of {self.address}"


Source = UrlList | UrlFile | Sitemap | AccessLog | OtherGateway


@dataclass(frozen=True, slots=True)
class Order:
    """A run that makes sense."""

    sources: tuple[Source, ...]
    speed: Speed
    fields: tuple[tuple[str, str], ...] = ()
    """Of the requests."""
    cursor: Cursor | None = None
    """Where to go on in the same list."""


class _SourceDocument(Settings):
    """A source as the API takes it. No paths: whoever may use the API may not read files with it."""

    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_URLS)] | None = None
    sitemap: Url | None = None
    access_log: bool | None = None
    entries: Address | None = None
    token: Secret | None = None
    top: Most | None = None
    base: Base | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        only_one_of(self, ("urls", "sitemap", "access_log", "entries"))
        if self.access_log is False:
            raise SettingError("is true: the log that this gateway writes", at=("access_log",))
        if self.entries is not None and not isinstance(self.entries, TcpAddress):
            raise SettingError("is host and port; only the configuration may name files", at=("entries",))
        return self


def _check_cursor(text: str) -> str:
    try:
        Cursor.parse(text)
    except CursorError as error:
        raise SettingError(str(error)) from None
    return text


class _OrderDocument(Settings):
    """A run as the API takes it."""

    sources: Annotated[tuple[_SourceDocument, ...], Field(min_length=1, max_length=100)]
    rate: Annotated[Rate | None, OrOff(), Field(validate_default=False)] = None
    concurrency: Concurrency | None = None
    fields: Annotated[dict[FieldName, FieldValue], Field(max_length=32)] | None = None
    cursor: Annotated[str, AfterValidator(_check_cursor)] | None = None


def read_order(document: Any, settings: WarmingSettings) -> Order:
    """The run that a JSON document orders. What it does not say the settings do. Raises OrderError."""
    if not isinstance(document, Mapping):
        raise OrderError(
            'a run is a JSON object, such as {"sources": [{"sitemap": "http://shop.example/sitemap.xml"}]}'
        )
    try:
        order = _OrderDocument.model_validate(document)
    except ValidationError as error:
        raise OrderError("; ".join(_words(mistake) for mistake in _telling(error)[:5])) from None
    return Order(
        sources=tuple(_ordered(source) for source in order.sources),
        speed=Speed(
            order.rate if "rate" in document else settings.rate,
            order.concurrency or settings.concurrency,
        ),
        fields=_laid_over(settings.fields, order.fields or {}),
        cursor=None if order.cursor is None else Cursor.parse(order.cursor),
    )


def before_ready(before: BeforeReadySettings, settings: WarmingSettings) -> Order:
    """The run that the configuration wants before the gateway is ready."""
    sources = tuple(_configured(source) for source in before.sources)
    return Order(sources, Speed(settings.rate, settings.concurrency), tuple(settings.fields.items()))


def _laid_over(usual: Mapping[str, str], ordered: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The usual fields, but those that were ordered otherwise."""
    named = {name.lower() for name in ordered}
    return (*((name, value) for name, value in usual.items() if name.lower() not in named), *ordered.items())


def _telling(error: ValidationError) -> list[Any]:
    """The mistakes, without those that only follow from others: a list is not too short, its items are wrong."""
    mistakes = error.errors()
    return [mistake for mistake in mistakes if mistake["type"] != "too_short"] or mistakes


def _words(mistake: Any) -> str:
    place = ".".join(str(part) for part in mistake["loc"])
    text = mistake["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else text


def _ordered(source: _SourceDocument) -> Source:
    top = source.top or USUAL_TOP
    if source.urls is not None:
        return UrlList(source.urls)
    if source.sitemap is not None:
        return Sitemap(source.sitemap)
    if source.entries is not None:
        token = None if source.token is None else source.token.get_secret_value()
        return OtherGateway(str(source.entries), token, top=top)
    return AccessLog(None, top, source.base or "")


def _configured(source: WarmingSourceSettings) -> Source:
    top = source.top or USUAL_TOP
    if source.urls is not None:
        return UrlFile(source.urls)
    if source.sitemap is not None:
        return Sitemap(source.sitemap)
    if source.entries is not None:
        return OtherGateway(str(source.entries), variable=source.token, top=top)
    return AccessLog(source.access_log, top, source.base or "")
