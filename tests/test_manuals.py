"""What the manual of the cache says must be true, and nothing may be missing."""

import re
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.chain.registry import settings_of
from gateway.config import load_text
from plugins.cache import reasons
from plugins.cache.settings import CacheSettings, KeySettings

ROOT = Path(__file__).parents[1]
MANUAL = ROOT / "docs" / "caching.md"
ROOM = ROOT / "plugins" / "cache" / "README.md"
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"


def examples() -> list[str]:
    return [text for page in (MANUAL, ROOM) for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]


@pytest.mark.parametrize("example", examples())
def test_an_example_of_its_configuration_is_valid(example: str) -> None:
    (route,) = load_text(UPSTREAM + example, settings_of, environ={}).routes
    assert [use.name for use in route.plugins] == ["cache"]


def test_there_are_examples() -> None:
    assert len(examples()) >= 3


@pytest.mark.parametrize(
    "kind",
    [
        reasons.HitReason,
        reasons.StaleReason,
        reasons.MissReason,
        reasons.BypassReason,
        reasons.RefuseReason,
        reasons.NotStoredReason,
    ],
)
def test_every_reason_is_explained(kind: type[Enum]) -> None:
    rows = [line.split("|")[1] for line in MANUAL.read_text().splitlines() if line.startswith("|")]
    prose = "".join(line for line in MANUAL.read_text().splitlines() if not line.startswith("|"))
    explained = set(re.findall(r"`(\w+)`", "".join(rows) + prose))
    assert {str(member.value) for member in kind} <= explained


def names_of(settings: type[BaseModel], prefix: str = "") -> set[str]:
    return {f"{prefix}{name}" for name in settings.model_fields}


def test_every_setting_is_in_the_table_with_its_name() -> None:
    rows = [line.split("|")[1] for line in ROOM.read_text().splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert (names_of(CacheSettings) - {"key"}) | names_of(KeySettings, "key.") <= told


@pytest.mark.parametrize("page", [MANUAL, ROOM], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^):#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
