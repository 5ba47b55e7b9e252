from typing import Any

import pytest
from pydantic import ValidationError

from plugins.circuit_breaker.settings import CircuitBreakerSettings, FailureKind, Per


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        CircuitBreakerSettings.model_validate(settings)
    return str(refused.value)


def test_without_a_word_each_server_has_a_circuit_and_half_of_ten_failures_open_it() -> None:
    settings = CircuitBreakerSettings()
    assert settings.per is Per.SERVER
    assert (settings.window, settings.minimum_calls, settings.failure_rate) == (10.0, 10, 0.5)
    assert set(settings.failures) == set(FailureKind)
    assert settings.failure_statuses == (500, 502, 503, 504)
    assert (settings.open_for, settings.longest_open, settings.probes) == (1.0, 30.0, 3)
    assert settings.fallback.upstream is None
    assert settings.fallback.response is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"failure_statuses": [404]}, "greater than or equal to 500"),
        ({"failure_rate": 0}, "greater than 0"),
        ({"failure_rate": 50}, "less than or equal to 1"),
        ({"failure_rate": "off", "consecutive_failures": "off"}, "nothing opens the circuit"),
        ({"window_calls": 5}, "no rate would ever open"),
        ({"longest_open": "500ms"}, "is shorter than open_for"),
        ({"failures": ["client"]}, "Input should be"),
        ({"per": "host"}, "Input should be"),
        ({"fallback": {"response": {"status": 204}}}, "without content"),
        ({"fallback": {"response": {"fields": {"Content-Length": "3"}}}}, "written by the gateway itself"),
        ({"fallback": {"response": {"fields": {"A b": "3"}}}}, "not the name of a field"),
        ({"fallback": {"response": {"fields": {"A": "1\n2"}}}}, "may not stand in a field"),
        ({"open_fro": "5s"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_a_mistake(settings: dict[str, Any], complaint: str) -> None:
    assert complaint in mistakes(**settings)


def test_settings_survive_their_way_to_a_worker() -> None:
    settings = CircuitBreakerSettings.model_validate(
        {
            "per": "route",
            "window_calls": 50,
            "failure_rate": "off",
            "slow_call": "250ms",
            "failures": "timeout",
            "fallback": {"upstream": "spare", "response": {"status": 200, "body": "{}", "fields": {"X-A": "b"}}},
        }
    )
    assert CircuitBreakerSettings.model_validate(settings.model_dump(mode="json")) == settings
