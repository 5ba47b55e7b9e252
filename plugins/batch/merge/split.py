"""A bulk answer taken apart: which of its elements belongs to which id (compared as texts), octet for octet.

Nothing is ever assigned by its place. What is not clear is left to single calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.api import Response
from plugins.batch.common.json_text import JsonError, elements, find, is_json, members, text_of, value_in, whole


@dataclass(slots=True)
class Split:
    """What a bulk answer says."""

    found: dict[str, bytes] = field(default_factory=dict)
    """Ids and the elements that belong to them."""
    unsure: set[str] = field(default_factory=set)
    """Ids with two elements that differ."""
    has_strangers: bool = False
    """Whether there are elements nobody asked for: then it is no answer to these ids alone, and an id that it does not
    hold may exist all the same."""


def why_unusable(response: Response) -> str | None:
    """Why an answer cannot be taken apart, judged by its head; `None` when it may be."""
    if response.status != 200:
        return f"it has status {response.status}"
    if not is_json(response.fields.get(b"content-type")):
        return "it is not JSON"
    coding = response.fields.get(b"content-encoding")
    if coding is not None and coding.lower() != b"identity":
        return "its content is coded"
    return None


def split(body: bytes, items: tuple[str, ...], by: tuple[str, ...], wanted: Collection[str]) -> Split:
    """Take a bulk answer apart. `items` leads to its list, `by` to an element's id. Raises JsonError."""
    text = text_of(body)
    whole(text)
    result = Split()
    for name, begin, end in _named(text, find(text, items), by):
        if name is None or name not in wanted:
            result.has_strangers = True
            continue
        octets = text[begin:end].encode()
        if result.found.setdefault(name, octets) != octets:
            result.unsure.add(name)
    for name in result.unsure:
        del result.found[name]
    return result


def _named(text: str, at: int, by: tuple[str, ...]) -> Iterator[tuple[str | None, int, int]]:
    """Each element that is not null: its id as text, `None` when it has none, where it begins and ends."""
    if text[at : at + 1] == "{":
        for name, value, begin, end in members(text, at):
            if value is not None:
                yield name, begin, end
    elif text[at : at + 1] == "[":
        for value, begin, end in elements(text, at):
            if value is not None:
                yield id_text(value_in(value, by)), begin, end
    else:
        raise JsonError("there is neither a list nor an object")


def id_text(value: Any) -> str | None:
    """An id as text: `7` and `"7"` are the same; `None` for what is no id."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
