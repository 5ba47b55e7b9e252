"""What the manuals say must be true, and nothing may be missing."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.chain.registry import settings_of
from gateway.config import load_text
from plugins.batch.common.reasons import ClientReason, MergeReason, RpcReason
from plugins.batch.settings import ClientSettings, MergeSettings, RpcSettings

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "docs" / "batching.md"
ROOM = ROOT / "plugins" / "batch" / "README.md"
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"
EXAMPLES = [text for page in (MANUAL, ROOM) for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_its_configuration_is_valid(example: str) -> None:
    (route,) = load_text(UPSTREAM + example, settings_of, environ={}).routes
    assert "batch" in [use.name for use in route.plugins]


def test_there_are_examples_of_every_part() -> None:
    assert all(any(f"{part}:" in example for example in EXAMPLES) for part in ("client", "merge", "rpc"))


@pytest.mark.parametrize("reason", [*ClientReason, *MergeReason, *RpcReason])
def test_every_reason_is_explained(reason: ClientReason | MergeReason | RpcReason) -> None:
    rows = [line.split("|")[1] for line in MANUAL.read_text().splitlines() if line.startswith("|")]
    assert any(f"`{reason.value}`" in row for row in rows)


@pytest.mark.parametrize(
    ("part", "settings"), [("client", ClientSettings), ("merge", MergeSettings), ("rpc", RpcSettings)]
)
def test_every_setting_is_in_the_table(part: str, settings: type[BaseModel]) -> None:
    rows = [line.split("|")[1] for line in ROOM.read_text().splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([\w.]+)`", row) if name.startswith(f"{part}.")}
    assert told == {f"{part}.{name}" for name in settings.model_fields}


@pytest.mark.parametrize("page", [MANUAL, ROOM], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^):#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
