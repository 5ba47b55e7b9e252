"""Structured field values (RFC 9651): strict reading, and the few forms the gateway writes.

A value is right or it is not: there is no salvage, so every reader of a field understands the same by it. The reading
itself is http-sf's; here it gets a memo, types that cannot be changed by accident, and one error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

import http_sf
from http_sf import DisplayString, Token

from gateway.http.memo import Memo

__all__ = [
    "BareItem",
    "Dictionary",
    "DisplayString",
    "InnerList",
    "Item",
    "List",
    "Member",
    "Parameters",
    "StructuredFieldError",
    "Token",
    "parse_dictionary",
    "parse_item",
    "parse_list",
    "parse_strings",
    "serialize_string",
    "serialize_token",
]

BareItem = bool | int | Decimal | str | Token | bytes | datetime | DisplayString
"""`str` is a String, `bytes` a Byte Sequence, `Decimal` a Decimal (RFC 9651 §3.3)."""
Parameters = Mapping[str, BareItem]
Item = tuple[BareItem, Parameters]
InnerList = tuple[tuple[Item, ...], Parameters]
Member = Item | InnerList
List = tuple[Member, ...]
Dictionary = Mapping[str, Member]

T = TypeVar("T")


class StructuredFieldError(ValueError):
    """The value is not of the type asked for (RFC 9651 §4.2). The field is then to be ignored as a whole."""


def parse_dictionary(value: bytes) -> Dictionary:
    """A Dictionary; of equal keys the last one counts. Raises StructuredFieldError."""
    return _right(_dictionaries[value])


def parse_list(value: bytes) -> List:
    """A List. Raises StructuredFieldError."""
    return _right(_lists[value])


def parse_item(value: bytes) -> Item:
    """An Item. Raises StructuredFieldError."""
    return _right(_items[value])


def parse_strings(value: bytes) -> tuple[str, ...]:
    """A List of Strings, parameters left aside, as Cache-Groups is one (RFC 9875 §2). Raises StructuredFieldError."""
    strings = []
    for member, _ in parse_list(value):
        if not isinstance(member, str):
            raise StructuredFieldError("a member of the list is no String")
        strings.append(member)
    return tuple(strings)


def serialize_string(text: str) -> bytes:
    """A String (RFC 9651 §4.1.6). Raises ValueError for what is not printable ASCII."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"not printable ASCII: {text!r}")
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")


def serialize_token(text: str) -> bytes:
    """A Token (RFC 9651 §4.1.7). Raises ValueError for what cannot be one."""
    if not _is_token(text):
        raise ValueError(f"not a Token: {text!r}")
    return text.encode("ascii")


_is_token = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*").fullmatch


def _right(reading: T | str) -> T:
    if isinstance(reading, str):
        raise StructuredFieldError(reading)
    return reading


def _reader(top_level: str, freeze: Callable[[Any], T]) -> Callable[[bytes], T | str]:
    """Reads a value, or says what is wrong with it: an error object kept in a memo would keep its traceback."""

    def read(value: bytes) -> T | str:
        try:
            return freeze(http_sf.parse(value, tltype=top_level))
        except http_sf.StructuredFieldError as error:
            return str(error)

    return read


def _frozen_member(member: Any) -> Member:
    value, parameters = member
    if isinstance(value, list):
        return tuple(_frozen_item(item) for item in value), MappingProxyType(parameters)
    return value, MappingProxyType(parameters)


def _frozen_item(item: Any) -> Item:
    value, parameters = item
    return value, MappingProxyType(parameters)


def _frozen_list(members: Any) -> List:
    return tuple(_frozen_member(member) for member in members)


def _frozen_dictionary(members: Any) -> Dictionary:
    return MappingProxyType({key: _frozen_member(member) for key, member in members.items()})


_dictionaries: Memo[bytes, Dictionary | str] = Memo(_reader("dictionary", _frozen_dictionary))
_lists: Memo[bytes, List | str] = Memo(_reader("list", _frozen_list))
_items: Memo[bytes, Item | str] = Memo(_reader("item", _frozen_item))
