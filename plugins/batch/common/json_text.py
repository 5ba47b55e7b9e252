"""JSON taken apart without rewriting it: what is handed on keeps every digit and every space it came with.

Values are read by the standard library's decoder, which says where each ends; the text between is a slice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

_space = re.compile(r"[ \t\n\r]*").match
_POINTER = re.compile(r"(?:/(?:[^/~]|~[01])*)*").fullmatch


class JsonError(ValueError):
    """The text is not JSON, or not of the shape that was looked for."""


def _refuse(constant: str) -> NoReturn:
    raise JsonError(f"{constant} is not JSON")


_read = json.JSONDecoder(parse_constant=_refuse).raw_decode


def is_json(content_type: bytes | None) -> bool:
    """Whether a Content-Type is JSON (RFC 8259, or a type with the suffix of RFC 6839 §3.1)."""
    media_type = (content_type or b"").partition(b";")[0].strip().lower()
    return media_type == b"application/json" or media_type.endswith(b"+json")


def text_of(octets: bytes) -> str:
    """`octets` as text (RFC 8259 §8.1). Raises JsonError."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonError("it is not UTF-8") from None


def skip_space(text: str, at: int) -> int:
    """Where the next thing after `at` begins."""
    found = _space(text, at)
    return at if found is None else found.end()


def value_at(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends. Raises JsonError."""
    try:
        return _read(text, at)
    except (ValueError, RecursionError):
        raise JsonError("it is not JSON") from None


def whole(text: str) -> Any:
    """The one value that is all of `text`. Raises JsonError."""
    value, end = value_at(text, skip_space(text, 0))
    if skip_space(text, end) != len(text):
        raise JsonError("something follows behind the value")
    return value


def elements(text: str, at: int) -> Iterator[tuple[Any, int, int]]:
    """Each element of the array that begins at `at`, where it begins and where it ends. Raises JsonError."""
    if text[at : at + 1] != "[":
        raise JsonError("there is no array")
    at = skip_space(text, at + 1)
    if text[at : at + 1] == "]":
        return
    while True:
        value, end = value_at(text, at)
        yield value, at, end
        at = skip_space(text, end)
        if text[at : at + 1] == "]":
            return
        at = _past(text, at, ",")


def members(text: str, at: int) -> Iterator[tuple[str, Any, int, int]]:
    """Each member of the object that begins at `at`: name, value, where that begins and ends. Raises JsonError."""
    if text[at : at + 1] != "{":
        raise JsonError("there is no object")
    at = skip_space(text, at + 1)
    if text[at : at + 1] == "}":
        return
    while True:
        if text[at : at + 1] != '"':
            raise JsonError("a member has no name")
        name, at = value_at(text, at)
        at = _past(text, skip_space(text, at), ":")
        value, end = value_at(text, at)
        yield name, value, at, end
        at = skip_space(text, end)
        if text[at : at + 1] == "}":
            return
        at = _past(text, at, ",")


def _past(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise JsonError(f"a {mark} is missing")
    return skip_space(text, at + 1)


def is_pointer(text: str) -> bool:
    """Whether `text` is a JSON Pointer (RFC 6901 §3)."""
    return _POINTER(text) is not None


def steps(pointer: str) -> tuple[str, ...]:
    """The names a JSON Pointer goes along; nothing for the whole document (RFC 6901 §4)."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def find(text: str, path: tuple[str, ...]) -> int:
    """Where the value that `path` leads to begins. Raises JsonError when there is none.

    Of members with the same name the last counts, as it does to most parsers."""
    at = skip_space(text, 0)
    for step in path:
        if text[at : at + 1] == "[":
            places = {str(index): begin for index, (_, begin, _) in enumerate(elements(text, at))}
        else:
            places = {name: begin for name, _, begin, _ in members(text, at)}
        if step not in places:
            raise JsonError(f"there is no {step!r} on the way")
        at = places[step]
    return at


def value_in(value: Any, path: tuple[str, ...]) -> Any:
    """What `path` leads to inside a value that has been read; `None` when it leads nowhere."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
