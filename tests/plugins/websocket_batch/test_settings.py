import pytest
from pydantic import ValidationError

from plugins.websocket_batch.settings import WebSocketBatchSettings


def test_the_defaults_are_those_of_the_design() -> None:
    settings = WebSocketBatchSettings()
    assert (settings.max_messages, settings.max_delay, settings.priority_threshold) == (10, 0.1, 3)
    assert (settings.adaptive_min, settings.adaptive_max) == (2, 50)
    assert settings.strategy.value == "hybrid"
    assert settings.upstream_batching.value == "off"
    assert settings.query is None


def test_settings_survive_the_way_to_a_worker() -> None:
    settings = WebSocketBatchSettings.model_validate(
        {
            "origins": "https://app.example.com",
            "connections": 100,
            "idle": "off",
            "messages_per_second": 2.5,
            "conflate": "/symbol",
            "priority_field": "/p",
            "priority_prefixes": {"!": 9},
            "formats": ["batch-json.v1"],
            "queue": {"slow": "drop_oldest"},
        }
    )
    assert WebSocketBatchSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"priority_field": "priority"}, "must be a pointer"),
        ({"conflate": ["symbol"]}, "must be a pointer"),
        ({"origins": ["app.example.com"]}, "must be an origin"),
        ({"max_octets": "2MiB"}, "must not be above max_message"),
        ({"adaptive_min": 60}, "must not be above adaptive_max"),
        ({"query": "a b"}, "must be a name"),
        ({"shim": "x.js"}, "must be a path"),
        ({"shim": "/x.js?y"}, "must be a path"),
        ({"queue": {"go_on_below": "2MiB"}}, "must not be above stop_above"),
        ({"max_messages": 1001}, "less than or equal to 1000"),
        ({"strategy": "fast"}, "Input should be"),
    ],
)
def test_what_cannot_work_is_refused_with_words(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WebSocketBatchSettings.model_validate(wrong)
