import pytest
from pydantic import ValidationError

from gateway.config.limits import LimitSettings


def test_every_limit_has_its_documented_default() -> None:
    assert LimitSettings().model_dump(mode="json") == {
        "target": "8KiB",
        "field": "8KiB",
        "head": "32KiB",
        "fields": 100,
        "chunk_overhead": "16KiB",
        "body": "100MiB",
        "buffered_body": "1MiB",
        "head_timeout": "10s",
        "body_idle_timeout": "30s",
        "keep_alive_timeout": "1m15s",
        "write_timeout": "30s",
        "tunnel_idle_timeout": "1h",
        "tunnel_join": "off",
        "pipelined": 32,
        "requests_per_connection": 10_000,
        "connections": 10_000,
        "connections_per_address": 500,
    }


def test_the_body_may_be_unlimited_and_may_be_forbidden() -> None:
    assert LimitSettings.model_validate({"body": "off"}).body is None
    assert LimitSettings.model_validate({"body": 0}).body == 0


@pytest.mark.parametrize("name", [name for name in LimitSettings.model_fields if name not in {"body", "tunnel_join"}])
def test_no_other_limit_can_be_switched_off_or_be_zero(name: str) -> None:
    for value in ("off", 0, None):
        with pytest.raises(ValidationError):
            LimitSettings.model_validate({name: value})


@pytest.mark.parametrize("name", ["target", "field"])
def test_a_part_of_the_head_cannot_be_larger_than_the_head(name: str) -> None:
    with pytest.raises(ValidationError, match=r"must not be above limits\.head"):
        LimitSettings.model_validate({name: "33KiB"})
    LimitSettings.model_validate({name: "33KiB", "head": "64KiB"})


def test_tunnels_join_for_a_moment_or_not_at_all() -> None:
    assert LimitSettings.model_validate({"tunnel_join": "5ms"}).tunnel_join == 0.005
    assert LimitSettings.model_validate({"tunnel_join": "100ms"}).tunnel_join == 0.1
    assert LimitSettings.model_validate({"tunnel_join": "off"}).tunnel_join is None
    for value in ("0.5ms", "101ms", 0):
        with pytest.raises(ValidationError):
            LimitSettings.model_validate({"tunnel_join": value})
