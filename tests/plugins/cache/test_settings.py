from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.load import load_text
from gateway.config.mistakes import ConfigError
from plugins.cache.settings import CacheSettings, Query, SetCookie


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        CacheSettings.model_validate(settings)
    return str(refused.value)


def test_nothing_said_is_the_rfc_and_nothing_beyond_it() -> None:
    settings = CacheSettings()
    assert (settings.default_freshness, settings.override_freshness, settings.negative) == (None, None, {})
    assert (settings.stale_while_revalidate, settings.stale_if_error) == (None, None)
    assert settings.set_cookie is SetCookie.NEVER
    assert settings.honour_request_directives
    assert settings.key.query is Query.KEEP


def test_settings_survive_their_way_to_a_worker() -> None:
    settings = CacheSettings.model_validate(
        {
            "memory": "64MiB",
            "default_freshness": "30s",
            "heuristic_limit": "off",
            "serve_stale_on_disconnect": "off",
            "negative": {404: "10s", "5xx": "1s"},
            "set_cookie": "strip",
            "bypass_cookies": "session",
            "key": {"query": "sort", "only": ["page", "filter_*"], "cookies": ["currency"], "fields": "X-Tenant"},
        }
    )
    assert CacheSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert settings.heuristic_limit is None
    assert settings.negative == {"404": 10.0, "5xx": 1.0}
    assert settings.bypass_cookies == ("session",)


@pytest.mark.parametrize("status", [99, "600", "1xx", "ok", True, "4x"])
def test_what_is_no_status_has_no_lifetime(status: Any) -> None:
    assert "must be a status" in mistakes(negative={status: "1s"})


@pytest.mark.parametrize("pattern", ["", "*tm", "u*m", "a=b", "a&b", "#x", "a**"])
def test_what_is_no_name_of_a_parameter_is_refused(pattern: str) -> None:
    assert "name of a query parameter" in mistakes(key={"drop": [pattern]})
    assert "name of a query parameter" in mistakes(key={"only": [pattern]})


@pytest.mark.parametrize("pattern", ["", "*x", "a b", "a*b", "a;b"])
def test_what_is_no_name_of_a_cookie_is_refused(pattern: str) -> None:
    assert "name of a cookie" in mistakes(bypass_cookies=[pattern])


def test_dropping_beside_keeping_only_some_says_nothing() -> None:
    assert "says nothing beside `only`" in mistakes(key={"drop": ["a"], "only": ["b"]})


@pytest.mark.parametrize("name", ["Cookie", "set-cookie"])
def test_a_whole_cookie_field_is_no_part_of_a_key(name: str) -> None:
    assert "must not be the whole Cookie field" in mistakes(key={"fields": [name]})


@pytest.mark.parametrize("name", ["Cache-Control", "expires", "Pragma"])
def test_a_field_that_is_read_anyway_is_not_targeted(name: str) -> None:
    assert "is read anyway" in mistakes(targeted=[name])


@pytest.mark.parametrize(
    "settings", [{"memory": "10KiB"}, {"max_entry": 0}, {"variants": 0}, {"key": {"max_body": 0}}, {"memory": "off"}]
)
def test_a_limit_that_leaves_no_room_is_refused(settings: dict[str, Any]) -> None:
    mistakes(**settings)


def test_a_duration_needs_a_unit_and_off_is_a_word() -> None:
    assert "needs a unit" in mistakes(default_freshness=30)
    assert "has no value" in mistakes(stale_if_error=None)


def test_mistakes_point_at_their_place() -> None:
    text = """\
upstreams: {app: {servers: ["http://127.0.0.1:8000"]}}
plugins:
  - cache:
      negative: {9xx: 1s}
      set_cookie: sometimes
      key: {quary: sort}
"""
    with pytest.raises(ConfigError) as refused:
        load_text(text, lambda name: CacheSettings, environ={})
    assert [(mistake.line, mistake.path) for mistake in refused.value.mistakes] == [
        (4, "plugins.cache.negative.9xx"),
        (5, "plugins.cache.set_cookie"),
        (6, "plugins.cache.key.quary"),
    ]
