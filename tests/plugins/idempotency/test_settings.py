from typing import Any

import pytest
from pydantic import ValidationError

from plugins.idempotency.settings import Anonymous, Fingerprint, IdempotencySettings


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        IdempotencySettings.model_validate(settings)
    return str(refused.value)


def test_it_works_without_any_setting() -> None:
    settings = IdempotencySettings()
    assert (settings.field, settings.methods, settings.keep) == ("Idempotency-Key", ("POST", "PATCH"), 86400)
    assert settings.identity == ("Authorization", "X-Api-Key", "Cookie")
    assert (settings.anonymous, settings.fingerprint) == (Anonymous.ADDRESS, Fingerprint.CONTENT)
    assert (settings.mark, settings.store, settings.required) == ("Idempotency-Replayed", "auto", False)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"field": "a b"}, "must be a token"),
        ({"identity": ["cookie:"]}, "must be a token"),
        ({"discard": ["6xx"]}, "must be a status or a class"),
        ({"discard": [True]}, "must be a status or a class"),
        ({"keep": "0s"}, "greater than 0"),
        ({"memory": "1KiB"}, "greater than or equal to 4096"),
        ({"store": "files"}, "absolute path"),
        ({"running": 0}, "greater than or equal to 1"),
        ({"ttl": "1h"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_a_mistake(settings: dict[str, Any], complaint: str) -> None:
    assert complaint in mistakes(**settings)


def test_settings_survive_their_way_through_json() -> None:
    settings = IdempotencySettings.model_validate(
        {"discard": [500, "4xx"], "identity": ["cookie:sid"], "mark": "off", "store": "/var/lib/answers", "keep": "1h"}
    )
    assert IdempotencySettings.model_validate(settings.model_dump(mode="json")) == settings
