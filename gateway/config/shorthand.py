"""Settings that may be written as one text instead of a mapping, and texts that several settings share."""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from gateway.config.base import SettingError, Settings

_STATUS = re.compile(r"[2-5]xx|[2-5][0-9]{2}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ShorthandSettings(Settings):
    """Settings for which a scalar alone means the mapping with one key: `:8080` is `{address: ":8080"}`."""

    shorthand: ClassVar[str]
    """The setting that the scalar stands for."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return {cls.shorthand: value} if isinstance(value, str | int | float) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        reference = handler(schema)
        mapping = handler.resolve_ref_schema(reference)
        long_form = dict(mapping)
        text = {"description": f"The same as a mapping with `{cls.shorthand}` alone.", "type": "string"}
        mapping.clear()
        mapping["anyOf"] = [text, long_form]
        return reference


def check_token(text: str) -> str:
    """`text` if it is a token (RFC 9110 §5.6.2), as names of fields and methods are. Raises `SettingError`."""
    if not _TOKEN.fullmatch(text):
        raise SettingError("must be a token", hint="letters, digits and !#$%&'*+.^_`|~- are allowed")
    return text


def _check_status(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _STATUS.fullmatch(text):
        raise SettingError("must be a status or a class of them", hint="write 404 or 5xx")
    return text


def _check_file_path(value: object) -> object:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise SettingError("must be the path of a file")
    return value


class _AsList:
    """Annotates a list: anything else that the file has is a list of one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any) -> Any:
            return value if isinstance(value, list | tuple) else [value]

        return core_schema.no_info_before_validator_function(read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


Item = TypeVar("Item")
OneOrMany = Annotated[tuple[Item, ...], _AsList()]
"""A list in which a single item needs no dash and no brackets; it may be empty."""
OneOrMore = Annotated[tuple[Item, ...], Field(min_length=1), _AsList()]
"""The same, but never empty."""

Token = Annotated[str, AfterValidator(check_token)]
"""The name of a field, a method or a cookie (RFC 9110 §5.6.2)."""
StatusPattern = Annotated[str, BeforeValidator(_check_status, json_schema_input_type=int | str)]
"""A final status or a class of them: `404`, `5xx`."""
FilePath = Annotated[Path, BeforeValidator(_check_file_path)]
"""The path of a file. Whether it exists is found out where it is read."""
