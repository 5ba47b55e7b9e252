from typing import Any

import pytest
from pydantic import ValidationError

from plugins.timeout.settings import Format, TimeoutSettings, Trust


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        TimeoutSettings.model_validate(settings)
    return str(refused.value)


def test_a_total_is_enough_and_nobody_is_told() -> None:
    settings = TimeoutSettings.model_validate({"total": "2s"})
    assert (settings.total, settings.body, settings.margin) == (2.0, None, 0.0)
    assert (settings.upstream_field, settings.downstream_field, settings.trust) == (None, None, Trust.TRUSTED)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "total"),
        ({"total": "0s"}, "greater than or equal to 0.005"),
        ({"total": "1s", "margin": "1s"}, "leaves nothing of total"),
        ({"total": "1s", "upstream_field": {"name": "a b"}}, "must be a token"),
        ({"total": "1s", "upstream_field": {"name": "a", "format": "hours"}}, "'grpc' or 'unix'"),
        ({"total": "1s", "trust": "nobody"}, "'trusted' or 'everybody'"),
        ({"total": 5}, "needs a unit"),
    ],
)
def test_what_cannot_work_is_a_mistake(settings: dict[str, Any], complaint: str) -> None:
    assert complaint in mistakes(**settings)


def test_settings_survive_their_way_through_json() -> None:
    settings = TimeoutSettings.model_validate(
        {"total": "2s", "body": "1m", "upstream_field": {"name": "grpc-timeout", "format": "grpc"}, "margin": "20ms"}
    )
    assert TimeoutSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert settings.upstream_field is not None
    assert settings.upstream_field.format is Format.GRPC
