from datetime import UTC
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.sweeps import Order, SweepSettings, zone_of


def test_a_sweep_needs_to_say_nothing() -> None:
    settings = SweepSettings()
    assert (settings.schedule, settings.routes, settings.order, settings.fetch) == (None, (), Order.SAVES, False)


def test_one_tag_is_a_list_of_one() -> None:
    assert SweepSettings.model_validate({"tags": "shop", "within": "10m"}).tags == ("shop",)


@pytest.mark.parametrize("schedule", ["30 4 * * *", "*/5 * * * 1-5", "0 0 1 jan *"])
def test_schedules_are_those_of_cron(schedule: str) -> None:
    assert SweepSettings.model_validate({"schedule": schedule}).schedule == schedule


@pytest.mark.parametrize(
    "said",
    [
        {"schedule": "every day"},
        {"schedule": "61 * * * *"},
        {"schedule": "0 0 31 2 *"},
        {"schedule": "* * * * * * *"},
        {"schedule": "0 4 * * *", "time_zone": "Mars/Olympus"},
        {"schedule": "0 4 * * *", "time_zone": "../../etc/passwd"},
        {"time_zone": "Europe/Vienna"},
        {"prefixes": ["/images/"]},
        {"prefixes": ["http://sh\u00f6p.example/"]},
        {"prefixes": ["http://shop.example/a b"]},
        {"prefixes": ["http://shop.example/\n"]},
        {"rate": 0},
        {"concurrency": 0},
        {"order": "fastest"},
        {"priority": -1},
        {"tags": [""]},
        {"unknown": 1},
    ],
)
def test_what_makes_no_sense_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SweepSettings.model_validate(said)


def test_there_is_always_a_clock_that_shows_utc() -> None:
    assert zone_of("UTC") is UTC
    with pytest.raises(ValueError, match="Mars"):
        zone_of("Mars/Olympus")
