"""The JSON Schema of the file, for editors that complete and check while one writes."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema

from gateway.config.base import Settings
from gateway.config.guard import GUARD, GuardSettings
from gateway.config.settings import GatewaySettings
from gateway.config.units import InSeconds, format_duration

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_OUTSIDE_PLUGIN = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


class _Generator(GenerateJsonSchema):
    """Shows default durations as they are written in the file."""

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, InSeconds) else super().encode_default(dft)


def json_schema(plugins: Mapping[str, type[Settings]]) -> dict[str, object]:
    """The schema (draft 2020-12) of a file that may use `plugins`, by name.

    Shorthand forms are in it, and every value that is not a free text may also be a text with a variable."""
    mode: JsonSchemaMode = "validation"
    models: list[tuple[type[Settings], JsonSchemaMode]] = [(GatewaySettings, mode)]
    models += [(GuardSettings, mode), *[(model, mode) for model in plugins.values()]]
    references, whole = models_json_schema(models, schema_generator=_Generator)
    definitions = whole["$defs"]
    uses = {
        name: {"anyOf": [references[model, mode], {"const": "off"}, {"type": "null"}]}
        for name, model in plugins.items()
    }
    for model in plugins.values():
        reference = references[model, mode]["$ref"].rpartition("/")[2]
        definitions[reference].setdefault("properties", {})[GUARD] = references[GuardSettings, mode]
    gateway = definitions.pop("GatewaySettings")
    item = _plugin_mapping(uses)
    gateway["properties"]["plugins"]["items"] = {**item, "minProperties": 1, "maxProperties": 1}
    definitions["RouteSettings"]["properties"]["plugins"] |= _plugin_mapping(uses)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **gateway,
        "title": "Slipstream configuration",
        "$defs": definitions,
    }
    result: dict[str, Any] = _with_variables(schema)
    return _without_loose_ends(result)


def _without_loose_ends(schema: dict[str, Any]) -> dict[str, object]:
    """`schema` without definitions that nothing refers to: types whose values are written as texts leave such."""
    text = json.dumps(schema)
    used = {name: part for name, part in schema["$defs"].items() if f'"#/$defs/{name}"' in text}
    return {**schema, "$defs": used}


def _plugin_mapping(uses: JsonSchemaValue) -> JsonSchemaValue:
    outside = {_OUTSIDE_PLUGIN: {"anyOf": [{"type": "object"}, {"const": "off"}, {"type": "null"}]}}
    return {"type": "object", "properties": uses, "patternProperties": outside, "additionalProperties": False}


def _with_variables(schema: Any) -> Any:
    """`schema` with a variable allowed wherever one scalar of a certain form is asked for."""
    if not isinstance(schema, dict):
        return schema
    copy = {key: _inner(key, part) for key, part in schema.items()}
    is_scalar = copy.get("type") in ("boolean", "integer", "number") or "enum" in copy or "const" in copy
    is_formed = copy.get("type") == "string" and not copy.keys().isdisjoint(("pattern", "minLength"))
    if not is_scalar and not is_formed:
        return copy
    about = {key: copy.pop(key) for key in ("title", "description", "default", "examples") if key in copy}
    return {**about, "anyOf": [copy, _VARIABLE]}


def _inner(key: str, part: Any) -> Any:
    """The part under `key` of a schema, changed where it holds schemas."""
    if key in ("properties", "patternProperties", "$defs"):
        return {name: _with_variables(schema) for name, schema in part.items()}
    if key in ("items", "additionalProperties"):
        return _with_variables(part)
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [_with_variables(schema) for schema in part]
    return part
