"""What the manuals of the four limits say must be true, and nothing may be missing."""

import re
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.chain.registry import settings_of
from gateway.config import load_text
from plugins.concurrency.gate import ConcurrencyReason
from plugins.concurrency.settings import AdaptiveSettings, ConcurrencySettings, QueueSettings
from plugins.idempotency.reasons import IdempotencyReason, KeptReason
from plugins.idempotency.settings import IdempotencySettings
from plugins.rate_limit.limits import RateLimitReason
from plugins.rate_limit.settings import LimitSettings, RateLimitSettings
from plugins.timeout.budget import TimeoutReason
from plugins.timeout.settings import TimeoutSettings

ROOT = Path(__file__).parents[1]
OVERVIEW = ROOT / "docs" / "limits.md"
ROOMS = ["rate_limit", "concurrency", "timeout", "idempotency"]
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"


def manual(room: str) -> Path:
    return ROOT / "plugins" / room / "README.md"


PAGES = [OVERVIEW, *map(manual, ROOMS)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_an_example_of_a_configuration_is_valid(page: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert examples
    for example in examples:
        assert load_text(UPSTREAM + example, settings_of, environ={}).routes


@pytest.mark.parametrize(
    ("room", "settings", "prefix"),
    [
        ("rate_limit", RateLimitSettings, ""),
        ("rate_limit", LimitSettings, ""),
        ("concurrency", ConcurrencySettings, ""),
        ("concurrency", QueueSettings, "queue."),
        ("concurrency", AdaptiveSettings, ""),
        ("timeout", TimeoutSettings, ""),
        ("idempotency", IdempotencySettings, ""),
    ],
)
def test_every_setting_is_in_the_manual_of_its_room(room: str, settings: type[BaseModel], prefix: str) -> None:
    told = set(re.findall(r"`([\w.]+)`", manual(room).read_text()))
    groups = {"queue", "token"}  # told one by one
    assert {f"{prefix}{name}" for name in settings.model_fields} - groups <= told


@pytest.mark.parametrize(
    ("room", "reasons"),
    [
        ("rate_limit", RateLimitReason),
        ("concurrency", ConcurrencyReason),
        ("timeout", TimeoutReason),
        ("idempotency", IdempotencyReason),
        ("idempotency", KeptReason),
    ],
)
def test_every_reason_is_in_the_manual_of_its_room(room: str, reasons: type[Enum]) -> None:
    text = manual(room).read_text()
    missing = {reason.value for reason in reasons if f"`{reason.value}`" not in text}
    assert missing <= {"exempt"}  # a counter of its own, without a reason
    assert "exempt" not in missing or "exempt_total" in text


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):#]+)", OVERVIEW.read_text())
    assert len(links) == len(ROOMS)
    assert [link for link in links if not (OVERVIEW.parent / link).exists()] == []
