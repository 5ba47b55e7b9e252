from typing import Any

from gateway.config.chain import read_chain, uses_of_route
from tests.gateway.config.standins import FenceSettings, PaintSettings, resolve


def names_and_problems(items: object) -> tuple[list[str], list[str]]:
    chain, problems = read_chain(items, resolve)
    return [name for name, link in chain.items() if link], [problem.message for problem in problems]


def route(items: object, overrides: object) -> tuple[list[Any], list[str]]:
    chain, _ = read_chain(items, resolve)
    uses, problems = uses_of_route(chain, overrides, ("here",))
    return [use.settings for use in uses], [f"{problem.path[1:]} {problem.message}" for problem in problems]


def test_the_chain_keeps_the_order_of_the_list() -> None:
    assert names_and_problems([{"fence": {"height": 1}}, {"paint": None}]) == (["fence", "paint"], [])


def test_a_plugin_can_be_in_the_list_once() -> None:
    assert names_and_problems([{"paint": {}}, {"paint": {}}]) == (["paint"], ["is in the list twice"])


def test_an_unknown_plugin_is_a_mistake_with_the_message_of_the_registry() -> None:
    assert names_and_problems([{"pant": {}}]) == ([], ["there is no plugin 'pant'"])


def test_items_of_another_shape_are_passed_over() -> None:
    assert names_and_problems("x") == ([], [])
    assert names_and_problems(["paint", {}, {"a": 1, "b": 2}, 5]) == ([], [])


def test_settings_in_the_list_are_checked() -> None:
    assert names_and_problems([{"paint": {"coats": 9}}, {"fence": {}}])[1] == ["must be at most 5", "is missing"]


def test_without_changes_a_route_has_the_whole_chain() -> None:
    assert route([{"paint": {"coats": 2}}], None) == ([PaintSettings(coats=2)], [])


def test_a_route_changes_settings_key_by_key() -> None:
    items = [{"paint": {"coats": 2, "colour": "red"}}]
    assert route(items, {"paint": {"coats": 3}}) == ([PaintSettings(coats=3, colour="red")], [])


def test_a_route_leaves_a_plugin_out() -> None:
    items = [{"paint": {}}, {"fence": {"height": 1}}]
    assert route(items, {"paint": "off"}) == ([FenceSettings(height=1)], [])


def test_a_plugin_that_is_off_in_the_list_is_switched_on_by_a_route_in_its_place() -> None:
    items = [{"fence": "off"}, {"paint": {}}]
    assert route(items, None) == ([PaintSettings()], [])
    assert route(items, {"fence": {"height": 2}}) == ([FenceSettings(height=2), PaintSettings()], [])
    assert route(items, {"fence": None}) == ([PaintSettings()], ["('fence', 'height') is missing"])


def test_a_plugin_that_is_not_in_the_list_has_no_place() -> None:
    problem = "is not in the global list of plugins, so its place in the chain is unknown"
    chain, _ = read_chain([{"paint": {}}], resolve)
    hints = [uses_of_route(chain, {name: {}}, ())[1][0].hint for name in ("fence", "pain")]
    assert route([{"paint": {}}], {"fence": {}})[1] == [f"('fence',) {problem}"]
    assert hints == ["add `fence: off` to plugins where it belongs", "did you mean 'paint'?"]


def test_a_mistake_of_the_list_is_not_told_again_for_every_route() -> None:
    items = [{"paint": {"coats": 9, "colr": "red"}}]
    assert route(items, {"paint": {"colour": "red"}})[1] == []
    assert route(items, {"paint": {"coats": 8}})[1] == ["('paint', 'coats') must be at most 5"]


def test_a_mistake_that_only_the_combination_makes_is_told_at_the_route() -> None:
    assert route([{"paint": {"coats": 2}}], {"paint": {"colour": "gold"}})[1] == [
        "('paint', 'coats') gold is for one coat"
    ]


def test_a_plugin_the_registry_does_not_know_can_be_named_by_routes_without_a_second_mistake() -> None:
    assert route([{"pant": {}}], {"pant": {"x": 1}}) == ([], [])
