"""Durations, sizes and secrets as they are written in a configuration file."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, SecretStr
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from gateway.config.base import SettingError

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_DURATION = rf"(?:({_NUMBER})d)?(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?(?:({_NUMBER})ms)?"
_DURATION_UNITS = (Decimal(86400), Decimal(3600), Decimal(60), Decimal(1), Decimal("0.001"))
_LONGEST_DURATION = 3650 * 86400.0
_SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
    "TB": 10**12,
    "TiB": 2**40,
}
_SIZE = rf"({_NUMBER})({'|'.join(_SIZE_UNITS)})?"
_LARGEST_SIZE = 2**60
_DURATION_PATTERN = re.compile(_DURATION)
_SIZE_PATTERN = re.compile(_SIZE)


class InSeconds(float):
    """A duration made in Python, whose unit is known. Validated settings hold plain floats."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.float_schema()


def seconds(amount: float) -> float:
    """A duration of so many seconds, for defaults and for settings made in Python."""
    return InSeconds(amount)


def kibibytes(amount: int) -> int:
    """So many times 1,024 octets."""
    return amount * 2**10


def mebibytes(amount: int) -> int:
    """So many times 1,048,576 octets."""
    return amount * 2**20


def parse_duration(value: object) -> float:
    """Seconds meant by `250ms`, `1s`, `5m`, `2h`, `1d`, `1m30s`, or the number 0.

    Raises `SettingError` for anything else: a number alone does not say whether it means seconds or milliseconds.
    """
    if isinstance(value, InSeconds):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == 0:
            return 0.0
        raise SettingError("needs a unit", hint=f"write {value:.15g}s or {value:.15g}ms")
    if not isinstance(value, str):
        raise SettingError("must be a duration such as 250ms, 10s or 1m30s")
    match = _DURATION_PATTERN.fullmatch(value) if len(value) <= 80 else None
    if value == "0" or (match is not None and value):
        amounts = match.groups() if match is not None else ()
        total = float(sum(Decimal(n) * unit for n, unit in zip(amounts, _DURATION_UNITS, strict=False) if n))
        if total > _LONGEST_DURATION:
            raise SettingError("is too long", hint="the longest duration is 3650d")
        return total
    if re.fullmatch(_NUMBER, value):
        raise SettingError("needs a unit", hint=f"write {value}s or {value}ms")
    raise SettingError("must be a duration such as 250ms, 10s or 1m30s", hint="the units are ms, s, m, h and d")


def parse_size(value: object) -> int:
    """Octets meant by `512`, `64KiB`, `1.5GiB` or `10MB`.

    `KiB` counts in 1,024, `KB` in 1,000. Raises `SettingError` for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        octets = Decimal(value)
    elif isinstance(value, str) and (match := _SIZE_PATTERN.fullmatch(value)):
        octets = Decimal(match[1]) * _SIZE_UNITS[match[2] or "B"]
    else:
        hint = _size_hint(value) if isinstance(value, str) else None
        raise SettingError("must be a size such as 512, 64KiB or 10MB", hint=hint)
    if octets < 0:
        raise SettingError("must not be below zero")
    if octets > _LARGEST_SIZE:
        raise SettingError("is too large", hint="the largest size is 1048576TiB")
    if octets != int(octets):
        raise SettingError("is not a whole number of octets")
    return int(octets)


def _size_hint(text: str) -> str:
    """The unit that was probably meant, or the list of units."""
    match = re.fullmatch(rf"({_NUMBER})\s*([A-Za-z]{{1,3}})", text)
    if match is not None:
        letter = match[2][0].upper()
        spelled = {"B": "B", "K": "KiB", "M": "MiB", "G": "GiB", "T": "TiB"}.get(letter)
        if spelled is not None:
            return f"did you mean {match[1]}{spelled}?"
    return "the units are B, KiB, MiB, GiB, TiB, KB, MB, GB and TB"


def format_duration(amount: float) -> str:
    """`amount` seconds with units, as `parse_duration` reads them: `250ms`, `1.5s`, `1m30s`, `2h`."""
    exact = Decimal(repr(float(amount)))
    if exact == 0:
        return "0s"
    if exact < 1:
        return f"{_plain(exact * 1000)}ms"
    parts, rest = [], exact
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{int(count)}{name}")
    if rest:
        parts.append(f"{_plain(rest)}s")
    return "".join(parts)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_size(octets: int) -> str:
    """`octets` in the largest unit that divides them, as `parse_size` reads it: `8KiB`, `10MB`, `513B`."""
    for names in (("TiB", "GiB", "MiB", "KiB"), ("TB", "GB", "MB", "KB")):
        for name in names:
            if octets and octets % _SIZE_UNITS[name] == 0:
                return f"{octets // _SIZE_UNITS[name]}{name}"
    return f"{octets}B"


def _check_secret(value: object) -> object:
    if not isinstance(value, str | SecretStr):
        raise SettingError("must be a text", hint="put it in quotes")
    return value


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^(0|(?=.){_DURATION.replace('(?:(', '((?:')})$"}),
]
"""Seconds. Written with a unit: `250ms`, `10s`, `5m`, `2h`, `1d`, `1m30s`; only 0 needs none."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{_SIZE}$"}]}),
]
"""Octets. Written as a number, or with a unit: `64KiB` (1,024 octets each), `10MB` (1,000,000 each)."""

PositiveDuration = Annotated[Duration, Field(gt=0)]
"""A `Duration` above zero."""

PositiveSize = Annotated[Size, Field(gt=0)]
"""A `Size` above zero."""

Secret = Annotated[SecretStr, BeforeValidator(_check_secret)]
"""A text that is shown as `**********` wherever it is printed; `get_secret_value()` reveals it."""


class OrOff:
    """Annotates `X | None`: the text `off` in the file is `None` here, and is shown as `off` again.

    An empty value is refused: forgetting a value must not switch a limit off.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if value is None:
                raise SettingError("has no value", hint="write off to switch it off")
            if value is False:
                raise SettingError("must not be false", hint="write off to switch it off")
            return None if value == "off" else inner(value)

        def show(value: Any, inner: core_schema.SerializerFunctionWrapHandler) -> Any:
            return "off" if value is None else inner(value)

        inner = handler(source)
        return core_schema.no_info_wrap_validator_function(
            read,
            inner,
            serialization=core_schema.wrap_serializer_function_ser_schema(show, schema=inner, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        inner = handler(schema)
        branches = [branch for branch in inner.get("anyOf", [inner]) if branch != {"type": "null"}]
        return {"anyOf": [{"const": "off"}, *branches]}
