from typing import Any

import pytest
from pydantic import ValidationError

from plugins.retry.settings import HedgeSettings, RetryOn, RetrySettings


def test_without_a_word_safe_requests_get_three_attempts_and_nothing_is_hedged() -> None:
    settings = RetrySettings()
    assert settings.attempts == 3
    assert settings.on == (RetryOn.CONNECT, RetryOn.CLOSED, RetryOn.TIMEOUT, RetryOn.BROKEN)
    assert settings.statuses == (502, 503, 504)
    assert (settings.budget.share, settings.budget.floor, settings.budget.window) == (0.2, 1.0, 10.0)
    assert settings.hedge is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"attempts": 1}, "greater than or equal to 2"),
        ({"attempts": 11}, "less than or equal to 10"),
        ({"statuses": [200]}, "greater than or equal to 400"),
        ({"on": ["status"]}, "Input should be"),
        ({"longest_backoff": "1ms"}, "is shorter than backoff"),
        ({"attempt_timeout": "40s"}, "is longer than total"),
        ({"budget": {"share": 0}}, "greater than 0"),
        ({"hedge": {"quantile": 1}}, "less than or equal to 0.999"),
        ({"hedge": None}, "has no value"),
        ({"attempt": 2}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_a_mistake(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RetrySettings.model_validate(settings)
    assert complaint in str(refused.value)


def test_hedging_is_switched_on_by_a_mapping_that_may_be_empty() -> None:
    assert RetrySettings.model_validate({"hedge": {}}).hedge == HedgeSettings()


def test_settings_survive_their_way_to_a_worker() -> None:
    settings = RetrySettings.model_validate(
        {"on": "connect", "statuses": 503, "total": "off", "attempt_timeout": "1s", "hedge": {"most": 0.1}}
    )
    assert RetrySettings.model_validate(settings.model_dump(mode="json")) == settings
