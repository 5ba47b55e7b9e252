from typing import Any

import pytest
from pydantic import ValidationError

from plugins.concurrency.settings import ConcurrencySettings, HeldUntil, Order, Per, Priority


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        ConcurrencySettings.model_validate(settings)
    return str(refused.value)


def test_the_defaults_are_a_fixed_limit_and_a_short_queue() -> None:
    settings = ConcurrencySettings()
    assert (settings.limit, settings.per, settings.adaptive, settings.queue.size) == (100, Per.ROUTE, None, 100)
    assert (settings.queue.wait, settings.queue.target, settings.queue.order) == (1.0, 0.1, Order.ADAPTIVE)
    assert (settings.priority, settings.fair_by, settings.held_until) == (Priority.NORMAL, "address", HeldUntil.BODY)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"limit": 0}, "greater than or equal to 1"),
        ({"limit": 5, "adaptive": {"min": 6}}, "is not between adaptive.min and adaptive.max"),
        ({"adaptive": {"min": 9, "max": 8}}, "is more than max"),
        ({"adaptive": {"tolerance": 0.9}}, "greater than or equal to 1"),
        ({"queue": {"wait": "0s"}}, "greater than 0"),
        ({"queue": {"size": -1}}, "greater than or equal to 0"),
        ({"queue": {"order": "random"}}, "'fifo', 'lifo' or 'adaptive'"),
        ({"priority": "urgent"}, "'critical', 'high', 'normal' or 'low'"),
        ({"priority_field": {"name": "X-P", "values": {}}}, "at least 1 item"),
        ({"priority_field": {"name": "X P", "values": {"a": "low"}}}, "must be a token"),
        ({"fair_by": "cookie:a"}, "must be address, header:NAME or off"),
        ({"fair_by": "header:"}, "must be address, header:NAME or off"),
        ({"limits": 3}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_a_mistake(settings: dict[str, Any], complaint: str) -> None:
    assert complaint in mistakes(**settings)


def test_settings_survive_their_way_through_json() -> None:
    settings = ConcurrencySettings.model_validate(
        {
            "limit": 20,
            "per": "upstream",
            "adaptive": {"max": 50},
            "queue": {"size": 0, "order": "fifo"},
            "priority_field": {"name": "X-Priority", "values": {"batch": "low"}},
            "fair_by": "off",
        }
    )
    assert ConcurrencySettings.model_validate(settings.model_dump(mode="json")) == settings
