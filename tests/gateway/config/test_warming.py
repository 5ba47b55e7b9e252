from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import ConfigError, load_text
from gateway.config.warming import WarmingSettings, WarmingSourceSettings

UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"


def test_without_settings_nothing_happens_before_ready() -> None:
    settings = WarmingSettings()
    assert (settings.rate, settings.concurrency, settings.before_ready) == (100.0, 8, None)
    assert settings.fields["User-Agent"] == "slipstream-warming"


def test_a_whole_section_is_read() -> None:
    text = """
warming:
  rate: off
  concurrency: 32
  most: 5000
  timeout: 5s
  patience: 1m
  largest: 1MiB
  fields: {Accept: text/html}
  hosts: [Shop.example, "*.cdn.example"]
  before_ready:
    within: 10s
    sources:
      sitemap: https://shop.example/sitemap.xml
"""
    settings = load_text(UPSTREAM + text, lambda name: None).settings.warming  # type: ignore[arg-type, return-value]  # no plugin is asked for
    assert (settings.rate, settings.hosts) == (None, ("shop.example", "*.cdn.example"))
    assert settings.before_ready is not None
    assert settings.before_ready.within == 10.0
    assert settings.before_ready.sources == (WarmingSourceSettings(sitemap="https://shop.example/sitemap.xml"),)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({}, "exactly one"),
        ({"urls": "/a", "entries": "127.0.0.1:9"}, "exactly one"),
        ({"sitemap": "sitemap.xml"}, "must be a URL"),
        ({"access_log": "/a", "base": "shop.example"}, "scheme and host"),
        ({"urls": "/a", "top": 5}, "goes with access_log and entries alone"),
        ({"urls": "/a", "token": "TOKEN"}, "goes with entries alone"),
        ({"entries": "127.0.0.1:9", "base": "http://a"}, "goes with access_log alone"),
        ({"entries": "127.0.0.1:9", "token": "not a variable"}, "token"),
    ],
)
def test_a_source_is_one_thing(source: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        WarmingSourceSettings.model_validate(source)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": 0},
        {"rate": -1.0},
        {"rate": "fast"},
        {"rate": True},
        {"concurrency": 0},
        {"concurrency": 257},
        {"most": 0},
        {"timeout": "0s"},
        {"hosts": ["http://shop.example"]},
        {"hosts": ["*"]},
        {"fields": {"Host": "a"}},
        {"fields": {"A b": "c"}},
        {"fields": {"A": "b\nC: d"}},
        {"before_ready": {"within": "1s"}},
        {"before_ready": {"sources": []}},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WarmingSettings.model_validate(settings)


def test_a_mistake_names_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(UPSTREAM + "warming:\n  before_ready:\n    sources: [{sitemap: x}]\n", lambda name: None)  # type: ignore[arg-type, return-value]  # as above
    assert ":4:" in str(refused.value)
    assert "must be a URL" in str(refused.value)
