from typing import Any

import pytest

from gateway.config.chain import read_chain, uses_of_route
from gateway.config.guard import GuardSettings
from gateway.config.schema import json_schema
from tests.gateway.config.standins import PaintSettings, loaded, resolve


def guarded(raw: object, change: object = None) -> tuple[list[Any], list[str]]:
    chain, problems = read_chain([{"paint": raw}], resolve)
    uses, more = uses_of_route(chain, None if change is None else {"paint": change}, ("here",))
    told = [f"{'.'.join(str(part) for part in each.path)}: {each.message}" for each in [*problems, *more]]
    return [(use.settings, use.guard) for use in uses], told


def test_a_guard_stands_among_the_settings_of_any_plugin() -> None:
    raw = {"coats": 2, "guard": {"on_failure": "pass", "time": "50ms"}}
    assert guarded(raw) == (
        [(PaintSettings(coats=2), GuardSettings.model_validate({"on_failure": "pass", "time": "50ms"}))],
        [],
    )


@pytest.mark.parametrize("raw", [None, {}, {"guard": None}])
def test_without_one_there_is_none(raw: object) -> None:
    assert guarded(raw) == ([(PaintSettings(), None)], [])


def test_a_route_has_its_own_or_that_of_the_list() -> None:
    raw = {"guard": {"on_failure": "pass"}}
    assert guarded(raw, {"coats": 2})[0] == [(PaintSettings(coats=2), GuardSettings(on_failure="pass"))]
    assert guarded(raw, {"guard": {"time": "1s"}})[0] == [
        (PaintSettings(), GuardSettings.model_validate({"time": "1s"}))
    ]


@pytest.mark.parametrize(
    ("guard", "told"),
    [
        ("pass", "plugins.0.paint.guard: must be a mapping of keys to values"),
        ({"on_failure": "open"}, "plugins.0.paint.guard.on_failure: must be 'refuse' or 'pass'"),
        ({"time": "0s"}, "plugins.0.paint.guard.time: must be above zero"),
        ({"times": "1s"}, "plugins.0.paint.guard.times: unknown key"),
    ],
)
def test_what_is_wrong_with_it_is_told_where_it_stands(guard: object, told: str) -> None:
    assert guarded({"guard": guard})[1] == [told]
    both = guarded({"coats": 9, "guard": guard})[1]
    assert len(both) == 2
    assert told in both


def test_it_is_among_the_effective_settings_and_goes_to_workers() -> None:
    configuration = loaded("plugins: [{paint: {guard: {time: 50ms}}}]")
    shown = configuration.public()["routes"][0]["plugins"][0]["paint"]
    assert shown["guard"] == {"on_failure": "refuse", "time": "50ms"}
    assert configuration.from_json(configuration.to_json(), resolve).routes == configuration.routes


def test_editors_know_it() -> None:
    schema: Any = json_schema({"paint": PaintSettings})
    paint = schema["$defs"]["PaintSettings"]["properties"]
    assert paint["guard"]["$ref"] == "#/$defs/GuardSettings"
    assert set(schema["$defs"]["GuardSettings"]["properties"]) == {"on_failure", "time"}
