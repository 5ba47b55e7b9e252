"""What the manual of upstreams says must be true, and nothing may be missing."""

import re
from pathlib import Path

import pytest

from gateway.chain.registry import settings_of
from gateway.config import UpstreamSettings, load_text
from gateway.config.health import EjectionSettings, HealthSettings, LagSettings, WroteSettings

TEXT = (Path(__file__).parents[1] / "docs" / "upstreams.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
ELSEWHERE = {"host", "timeouts", "pool", "tls", "retry"}
"""Settings of upstreams that other pages explain."""


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_manual_is_valid(example: str) -> None:
    assert load_text(example, settings_of, environ={}).settings.upstreams


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("setting", sorted(UpstreamSettings.model_fields.keys() - ELSEWHERE))
def test_every_setting_is_told(setting: str) -> None:
    assert re.search(rf"\b{setting}\b", TEXT)


@pytest.mark.parametrize(
    "setting",
    sorted(
        (EjectionSettings.model_fields.keys() - {"interval", "requests"})
        | (HealthSettings.model_fields.keys() & {"rise", "fall", "recheck", "jitter", "status", "body"})
        | LagSettings.model_fields.keys() - {"header"}
        | WroteSettings.model_fields.keys() & {"window", "key"}
    ),
)
def test_settings_that_decide_are_told_by_name(setting: str) -> None:
    assert f"`{setting}`" in TEXT
