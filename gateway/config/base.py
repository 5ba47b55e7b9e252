"""The base of every settings class, the gateway's and the plugins'."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

_SCALARS = frozenset({"bool", "float", "int", "str"})
_NOT_SCHEMAS = frozenset({"cls", "config", "default", "keys_schema", "metadata", "serialization"})


def _strict(schema: Any) -> Any:
    """`schema` with every number, boolean and text in it strict, wherever it is nested."""
    if isinstance(schema, list | tuple):
        return [_strict(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    copy = {key: part if key in _NOT_SCHEMAS else _strict(part) for key, part in schema.items()}
    if copy.get("type") in _SCALARS:
        copy.setdefault("strict", True)
    return copy


class SettingError(ValueError):
    """A mistake that a validator of settings found.

    A plain `ValueError` does as well; this one can also say a remedy, and where below the settings object the
    mistake sits, for checks that compare several settings.
    """

    def __init__(self, message: str, *, hint: str | None = None, at: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = tuple(at)


class Settings(BaseModel):
    """Frozen settings: unknown keys are refused, and nothing is guessed.

    Guessing is what `5` for `"5"`, `1` for `true` or `"yes"` for a boolean would be. Lists become tuples, and
    texts become what they spell (addresses, paths, enums), because YAML has no other way to write those.
    Defaults are checked like any other value. The docstring under a setting is its manual, and its description in
    the JSON Schema.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """Pydantic's own schema with strict scalars (pydantic's `strict` would refuse lists for tuples as well)."""
        strict: CoreSchema = _strict(handler(source))
        return strict
