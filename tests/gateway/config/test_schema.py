import json
from typing import Any

import pytest

from gateway.config import json_schema
from tests.gateway.config.standins import PLUGINS


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(json_schema(PLUGINS))


def follow(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: dict[str, Any] = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return found


def test_it_is_json_of_the_current_draft(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    text = json.dumps(schema)
    names = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert names <= set(schema["$defs"])


def test_every_setting_has_a_description(schema: dict[str, Any]) -> None:
    for name, definition in [("", schema), *schema["$defs"].items()]:
        mapping = definition if "properties" in definition else definition["anyOf"][-1]
        for key, part in mapping.get("properties", {}).items():
            if not name.startswith("Fence"):
                assert "description" in part or "$ref" in part, f"{name}.{key}"


def test_shorthand_forms_are_in_it(schema: dict[str, Any]) -> None:
    forms = follow(schema, {"$ref": "#/$defs/ListenSettings"})["anyOf"]
    assert [form["type"] for form in forms] == ["string", "object"]


def test_a_variable_may_stand_for_a_number(schema: dict[str, Any]) -> None:
    retry = schema["$defs"]["UpstreamSettings"]["properties"]["retry"]
    assert retry["anyOf"] == [{"type": "boolean"}, {"type": "string", "pattern": r"\$\{"}]
    assert retry["default"] is True


def test_a_default_duration_is_shown_as_it_is_written(schema: dict[str, Any]) -> None:
    assert schema["properties"]["drain"]["default"] == "15s"


def test_settings_of_plugins_are_in_the_list_and_in_routes(schema: dict[str, Any]) -> None:
    for mapping in (
        schema["properties"]["plugins"]["items"],
        schema["$defs"]["RouteSettings"]["properties"]["plugins"],
    ):
        assert set(mapping["properties"]) == {"paint", "fence"}
        paint = mapping["properties"]["paint"]["anyOf"][0]
        assert "coats" in follow(schema, paint)["properties"]
        assert mapping["additionalProperties"] is False


def test_an_item_of_the_list_has_one_key(schema: dict[str, Any]) -> None:
    item = schema["properties"]["plugins"]["items"]
    assert (item["minProperties"], item["maxProperties"]) == (1, 1)
    assert list(item["patternProperties"]) == [r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"]


def test_it_needs_no_plugins() -> None:
    assert json_schema({})["title"] == "Slipstream configuration"
