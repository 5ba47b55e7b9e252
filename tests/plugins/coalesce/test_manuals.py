"""What the manuals say must be true, and nothing may be missing."""

import re
from pathlib import Path

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from plugins.coalesce.reasons import ApartReason, SharedReason
from plugins.coalesce.settings import CoalesceSettings

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "docs" / "coalescing.md"
ROOM = ROOT / "plugins" / "coalesce" / "README.md"
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"
EXAMPLES = [text for page in (MANUAL, ROOM) for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]


def told(page: Path) -> set[str]:
    """What stands in the first column of tables."""
    rows = [line.split("|")[1] for line in page.read_text().splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_its_configuration_is_valid(example: str) -> None:
    (route,) = load_text(UPSTREAM + example, settings_of, environ={}).routes
    assert route.plugins[-1].name == "coalesce"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_every_setting_is_in_the_table() -> None:
    assert set(CoalesceSettings.model_fields) <= told(ROOM)


def test_every_reason_is_explained() -> None:
    assert {str(reason.value) for reason in ApartReason} <= told(MANUAL)
    assert all(f"coalesce:{reason.value}" in ROOM.read_text() for reason in SharedReason)


def test_every_metric_is_in_the_table() -> None:
    names = {
        name
        for path in (ROOT / "plugins" / "coalesce").glob("*.py")
        for name in re.findall(r'"(coalesce_\w+)"', path.read_text())
    }
    assert len(names) >= 9
    assert names <= told(ROOM)


@pytest.mark.parametrize("page", [MANUAL, ROOM], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^):#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
