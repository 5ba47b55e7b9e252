from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.health import (
    EjectionSettings,
    HashSettings,
    HealthSettings,
    LagSettings,
    StickySettings,
    WroteSettings,
)


def health(**settings: Any) -> HealthSettings:
    return HealthSettings.model_validate({"path": "/healthz", **settings})


def test_a_path_alone_is_a_whole_check() -> None:
    assert HealthSettings.model_validate("/healthz") == health()


@pytest.mark.parametrize(
    ("written", "meant", "shown"),
    [
        (200, (200, 200), "200"),
        ("204", (204, 204), "204"),
        ("2xx", (200, 299), "2xx"),
        ("200-399", (200, 399), "200-399"),
        ("200-299", (200, 299), "2xx"),
    ],
)
def test_good_statuses_are_numbers_classes_and_spans(written: Any, meant: tuple[int, int], shown: str) -> None:
    settings = health(status=written)
    assert settings.status == (meant,)
    assert settings.model_dump(mode="json")["status"] == [shown]


def test_several_statuses_may_be_good() -> None:
    assert health(status=[200, "3xx"]).status == ((200, 200), (300, 399))


@pytest.mark.parametrize("status", ["2x", 99, 600, "300-200", True, "200-", [], 200.5, "6xx", "200-700"])
def test_what_is_no_status_is_refused(status: Any) -> None:
    with pytest.raises(ValidationError):
        health(status=status)


@pytest.mark.parametrize(
    "settings",
    [
        {"path": "healthz"},
        {"path": "/a b"},
        {"path": "/a#b"},
        {"path": "/a\r\nX: y"},
        {"path": "/é"},
        {"every": 0},
        {"jitter": 1.5},
        {"rise": 0},
        {"method": "POST"},
        {"method": "HEAD", "body": "ok"},
        {"host": "a b"},
        {"port": 0},
        {"body": ""},
    ],
)
def test_senseless_checks_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        health(**settings)


def test_a_query_belongs_to_the_path() -> None:
    assert health(path="/health?full=1").path == "/health?full=1"


@pytest.mark.parametrize("settings", [{}, {"header": "A", "path": True}, {"cookie": "a", "header": "B"}])
def test_a_hash_goes_by_exactly_one_thing(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        HashSettings.model_validate(settings)


@pytest.mark.parametrize("settings", [{"cookie": "server"}, {"header": "X-Client"}, {"address": True}])
def test_clients_of_upgrades_are_known_in_one_of_three_ways(settings: dict[str, Any]) -> None:
    assert StickySettings.model_validate(settings).load == 1.25
    with pytest.raises(ValidationError):
        StickySettings.model_validate({**settings, "load": 1})


def test_a_load_below_the_share_of_a_server_is_refused() -> None:
    with pytest.raises(ValidationError):
        HashSettings.model_validate({"path": True, "load": 1.0})


def test_each_cause_of_ejection_can_be_switched_off() -> None:
    settings = EjectionSettings.model_validate({"failures": "off", "errors": "off", "deviation": "off"})
    assert (settings.failures, settings.errors, settings.deviation) == (None, None, None)


def test_a_token_needs_something_that_carries_it() -> None:
    with pytest.raises(ValidationError, match="needs a cookie or a header"):
        WroteSettings.model_validate({"cookie": "off"})
    assert WroteSettings.model_validate({"cookie": "off", "header": "X-Wrote"}).header == "X-Wrote"


def test_a_short_key_signs_nothing() -> None:
    with pytest.raises(ValidationError):
        WroteSettings.model_validate({"key": "short"})


def test_the_key_is_not_shown() -> None:
    assert "0123456789abcdef" not in repr(WroteSettings.model_validate({"key": "0123456789abcdef"}))


def test_a_replica_may_have_to_be_level() -> None:
    assert LagSettings.model_validate({"header": "X-Lag", "most": 0}).most == 0
