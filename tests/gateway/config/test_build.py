from typing import Any

from gateway.config import Configuration
from gateway.config.build import build
from tests.gateway.config.standins import PaintSettings, resolve

ONE: dict[str, Any] = {"upstreams": {"app": {"servers": "http://a", "timeouts": {"total": "9s"}}}}
TWO: dict[str, Any] = {"upstreams": {"app": {"servers": "http://a"}, "api": {"servers": "http://b"}}}


def built(**data: Any) -> Configuration:
    result = build({**ONE, **data}, resolve)
    assert isinstance(result, Configuration), result
    return result


def wrong(data: Any) -> list[tuple[Any, str]]:
    result = build(data, resolve)
    assert isinstance(result, list)
    return [(problem.path, problem.message) for problem in result]


def test_without_routes_everything_goes_to_the_only_upstream() -> None:
    (plan,) = built(plugins=[{"paint": {"coats": 2}}, {"fence": "off"}]).routes
    assert (plan.name, plan.upstream, plan.match.is_everything) == ("default", "app", True)
    assert [(use.name, use.settings) for use in plan.plugins] == [("paint", PaintSettings(coats=2))]


def test_several_upstreams_need_routes() -> None:
    assert wrong(TWO) == [(("routes",), "several upstreams need routes that say which requests go where")]


def test_routes_keep_their_order_and_name_themselves() -> None:
    routes = [
        {"match": "/a", "name": "first"},
        {"match": "/b"},
        {"match": {"path": "/b", "method": "GET"}},
        {"match": "/" + "x" * 70},
        {"match": "/é"},
        {"match": {}},
    ]
    assert [plan.name for plan in built(routes=routes[1::-1]).routes] == ["/b", "first"]
    routes[1:3] = [routes[2], routes[1]]
    names = [plan.name for plan in built(routes=routes).routes]
    assert names == ["first", "/b", "/b#2", "route-3", "route-4", "*"]


def test_a_route_says_its_upstream_where_there_are_several() -> None:
    routes = [{"match": "/a", "upstream": "api"}, {"match": "/*"}, {"match": "/b", "upstream": "apy"}]
    assert wrong({**TWO, "routes": routes})[:2] == [
        (("routes", 1, "upstream"), "is missing"),
        (("routes", 2, "upstream"), "there is no such upstream"),
    ]


def test_a_route_changes_time_outs() -> None:
    (plan,) = built(routes=[{"match": "/*", "timeouts": {"first_byte": "1s"}}]).routes
    assert (plan.timeouts.first_byte, plan.timeouts.total, plan.timeouts.connect) == (1.0, 9.0, 2.0)


def test_a_route_below_one_that_takes_everything_is_a_mistake() -> None:
    routes = [{"match": "/a"}, {"match": "/*"}, {"match": "/b"}]
    assert wrong({**ONE, "routes": routes}) == [
        (("routes", 2, "match"), "no request gets here, because routes[1] takes them all")
    ]


def test_the_same_match_twice_is_a_mistake() -> None:
    assert wrong({**ONE, "routes": [{"match": "/a"}, {"match": {"path": "/a"}}]}) == [
        (("routes", 1, "match"), "no request gets here, because routes[0] takes them all")
    ]


def test_a_name_can_be_given_once() -> None:
    routes = [{"match": "/a", "name": "x"}, {"match": "/b", "name": "x"}]
    assert wrong({**ONE, "routes": routes}) == [(("routes", 1, "name"), "routes[0] has this name already")]


def test_settings_plugins_and_routes_are_checked_together() -> None:
    data: dict[str, Any] = {
        "workers": "two",
        "upstreams": {"app": {"servers": "http://a"}},
        "plugins": [{"paint": {"coats": 9}}],
        "routes": [{"match": "a", "upstream": "b", "plugins": {"pain": {}}}],
    }
    assert [path for path, _ in wrong(data)] == [
        ("workers",),
        ("routes", 0, "match"),
        ("plugins", 0, "paint", "coats"),
        ("routes", 0, "plugins", "pain"),
        ("routes", 0, "upstream"),
    ]


def test_a_sweep_of_a_route_that_does_not_exist_is_a_mistake() -> None:
    routes = [{"match": "/api/*", "name": "api"}, {"match": "/*"}]
    assert built(routes=routes, sweeps={"nightly": {"routes": ["api", "/*"]}}).settings.sweeps
    assert built(sweeps={"nightly": {"routes": "default"}}).settings.sweeps
    assert wrong({**ONE, "routes": routes, "sweeps": {"nightly": {"routes": ["api", "apl"]}}}) == [
        (("sweeps", "nightly", "routes", 1), "there is no such route")
    ]


def test_data_of_any_shape_has_an_answer() -> None:
    shapes: list[Any] = [
        None,
        5,
        "x",
        [],
        {},
        {"upstreams": 5, "routes": 5, "plugins": 5},
        {"routes": [5], "plugins": [5]},
    ]
    for data in shapes:
        assert wrong(data)
