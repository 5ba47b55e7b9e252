from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.routes import MatchSettings, RouteSettings


def test_a_text_alone_is_the_path() -> None:
    assert MatchSettings.model_validate("/api/*") == MatchSettings(path="/api/*")


def test_a_match_may_have_several_conditions() -> None:
    match = MatchSettings.model_validate(
        {"path": "/x", "host": "*.Example.COM", "method": "GET", "header": {"X-Tenant": "a*"}}
    )
    assert (match.host, match.method, match.header) == ("*.example.com", ("GET",), {"X-Tenant": "a*"})
    assert MatchSettings.model_validate({"method": ["GET", "PURGE"]}).method == ("GET", "PURGE")


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ("api", "must start with a slash"),
        ("", "must not be empty"),
        ("/" + "*" * 9, "has more than 8 stars"),
        ("/" + "x" * 1024, "is longer than 1024 characters"),
        ("/x?y", "must be a path without a query"),
        ({"host": "http://x"}, "must be a host"),
        ({"host": " x"}, "must be a host"),
        ({"method": "get"}, "is a method in small letters, and methods are case-sensitive"),
        ({"method": "G T"}, "must be a token"),
        ({"header": {"a b": "x"}}, "must be a token"),
        ({"header": {"a": ""}}, "must not be empty"),
    ],
)
def test_a_match_that_cannot_be_meant_is_refused(match: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MatchSettings.model_validate(match)


def test_eight_stars_are_still_cheap() -> None:
    assert MatchSettings.model_validate("/" + "*" * 8).path == "/********"


@pytest.mark.parametrize(
    ("match", "is_everything"),
    [
        ({}, True),
        ({"path": "/*", "host": "*"}, True),
        ({"path": "/api/*"}, False),
        ({"host": "*.x"}, False),
        ({"method": "GET"}, False),
        ({"header": {"a": "*"}}, False),
    ],
)
def test_a_match_without_conditions_takes_everything(match: dict[str, Any], is_everything: bool) -> None:
    assert MatchSettings.model_validate(match).is_everything is is_everything


@pytest.mark.parametrize("use", [{}, None, "off", {"a": 1}])
def test_a_route_may_change_a_plugin_or_leave_it_out(use: object) -> None:
    assert RouteSettings.model_validate({"match": "/", "plugins": {"paint": use}}).plugins == {"paint": use}


@pytest.mark.parametrize(
    "settings",
    [
        {"plugins": {"paint": "on"}},
        {"plugins": {"paint": False}},
        {"plugins": {"paint": [1]}},
        {"name": ""},
        {"name": "a b"},
        {"name": "x" * 65},
        {"timeouts": {"connect": "1s"}},
        {"timeouts": {"total": 0}},
        {"upstream": 5},
        {"match": None},
    ],
)
def test_senseless_routes_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RouteSettings.model_validate({"match": "/", **settings})
