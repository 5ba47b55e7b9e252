from typing import Any

import pytest
from pydantic import ValidationError

from plugins.rate_limit.settings import RateLimitSettings, Shown, Without


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        RateLimitSettings.model_validate(settings)
    return str(refused.value)


def test_a_rate_is_enough() -> None:
    settings = RateLimitSettings.model_validate({"limits": {"rate": "100/m"}})
    (limit,) = settings.limits
    assert (limit.name, limit.key, limit.size, limit.cost, limit.dry_run) == ("default", ("address",), 100, 1, False)
    assert (limit.without_key, settings.fields, settings.ipv6_prefix) == (Without.ADDRESS, Shown.ALWAYS, 64)


def test_nothing_is_limited_by_accident() -> None:
    assert "limits" in mistakes()
    assert "at least 1 item" in mistakes(limits=[])
    assert "rate" in mistakes(limits=[{"name": "x"}])


@pytest.mark.parametrize(
    ("limit", "complaint"),
    [
        ({"rate": "100"}, "must be a rate"),
        ({"rate": "10/s", "key": []}, "at least 1 item"),
        ({"rate": "10/s", "key": "ip"}, "must be address, route"),
        ({"rate": "10/s", "key": "header:"}, "must be address, route"),
        ({"rate": "10/s", "key": "header:a b"}, "must be address, route"),
        ({"rate": "10/s", "key": "claim:"}, "must be address, route"),
        ({"rate": "10/s", "cost": 11}, "more than the burst of 10"),
        ({"rate": "100/m", "burst": 5, "costs": {"POST": 6}}, "more than the burst of 5"),
        ({"rate": "10/s", "burst": 0}, "greater than or equal to 1"),
        ({"rate": "10/s", "name": "Not this"}, "should match pattern"),
        ({"rate": "10/s", "dry_run": "yes"}, "valid boolean"),
        ({"rate": "10/s", "rates": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_a_mistake(limit: dict[str, Any], complaint: str) -> None:
    assert complaint in mistakes(limits=limit)


def test_two_limits_of_one_name_could_not_be_told_apart() -> None:
    assert "2 limits named 'a'" in mistakes(limits=[{"rate": "1/s", "name": "a"}, {"rate": "9/m", "name": "a"}])


def test_a_short_secret_is_refused_and_no_secret_is_shown() -> None:
    assert "at least 16" in mistakes(limits={"rate": "1/s"}, token={"secret": "short"})
    settings = RateLimitSettings.model_validate({"limits": {"rate": "1/s"}, "token": {"secret": "0123456789abcdef"}})
    assert "0123456789abcdef" not in settings.model_dump_json()
    assert "0123456789abcdef" not in repr(settings)


def test_settings_survive_their_way_through_json() -> None:
    settings = RateLimitSettings.model_validate(
        {
            "limits": [{"rate": "20/30s", "key": ["claim:org.id", "route"], "costs": {"POST": 3}, "cost_field": "X-C"}],
            "exempt": ["10.0.0.0/8", "2001:db8::/32"],
            "fields": "refused",
        }
    )
    assert RateLimitSettings.model_validate(settings.model_dump(mode="json")) == settings
