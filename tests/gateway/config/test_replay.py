import pytest
from pydantic import ValidationError

from gateway.config.replay import ReplaySettings
from gateway.config.units import mebibytes


def test_the_lane_is_open_and_ignores_what_tracing_puts_into_every_request() -> None:
    settings = ReplaySettings()
    assert settings.memory == mebibytes(32)
    assert {"X-Request-Id", "traceparent"} <= set(settings.ignore)


def test_off_closes_it() -> None:
    assert ReplaySettings.model_validate({"memory": "off"}).memory is None


def test_what_is_ignored_are_field_names() -> None:
    with pytest.raises(ValidationError):
        ReplaySettings.model_validate({"ignore": ["not a name"]})
