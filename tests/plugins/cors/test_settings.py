from typing import Any

import pytest
from pydantic import ValidationError

from plugins.cors.settings import CorsSettings, OtherOrigins, Preflight


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        CorsSettings.model_validate(settings)
    return str(refused.value)


def test_one_origin_is_enough_and_nothing_more_is_allowed_by_itself() -> None:
    settings = CorsSettings.model_validate({"allow_origins": "https://App.example.com:443"})
    assert settings.allow_origins == ("https://app.example.com",)
    assert (settings.allow_credentials, settings.allow_private_network, settings.allow_headers) == (False, False, ())
    assert (settings.preflight, settings.other_origins) == (Preflight.ANSWER, OtherOrigins.PASS)


def test_nobody_is_allowed_by_accident() -> None:
    assert "allow_origins" in mistakes()
    assert "at least 1 item" in mistakes(allow_origins=[])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"allow_origins": ["*"], "allow_credentials": True}, "allow_origins holds '*'"),
        ({"allow_origins": ["null"], "allow_credentials": True}, "allow_origins holds 'null'"),
        (
            {"allow_origins": ["https://a.example"], "allow_credentials": True, "expose_headers": "*"},
            "cannot hold '*' while allow_credentials is true",
        ),
        ({"allow_origins": ["*", "https://a.example"]}, "makes the others meaningless"),
        ({"allow_origins": "https://a.example", "allow_headers": ["*", "X-A"]}, "makes the others meaningless"),
        ({"allow_origins": "https://a.example/"}, "without a path or a slash"),
        ({"allow_origins": "https://a.example", "allow_methods": "GET, PUT"}, "must be a token"),
        ({"allow_origins": "https://a.example", "max_age": "2d"}, "less than or equal to 86400"),
        ({"allow_origins": "https://a.example", "allow_origin": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_or_would_open_a_door_is_a_mistake(settings: dict[str, Any], complaint: str) -> None:
    assert complaint in mistakes(**settings)


def test_settings_survive_their_way_to_a_worker() -> None:
    settings = CorsSettings.model_validate(
        {"allow_origins": ["https://*.a.example:443"], "max_age": "5m", "preflight": "forward", "allow_methods": "*"}
    )
    assert CorsSettings.model_validate(settings.model_dump(mode="json")) == settings
