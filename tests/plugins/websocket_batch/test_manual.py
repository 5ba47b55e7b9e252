"""What the manuals say must be true, and nothing may be missing."""

import re
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.chain.registry import settings_of
from gateway.config import load_text
from plugins.websocket_batch.binary import unpack_numbered
from plugins.websocket_batch.outbox import Strategy
from plugins.websocket_batch.settings import CompressionSettings, QueueSettings, WebSocketBatchSettings

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "docs" / "websocket.md"
ROOM = ROOT / "plugins" / "websocket_batch" / "README.md"
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"


@pytest.mark.parametrize("page", [MANUAL, ROOM], ids=lambda page: page.name)
def test_examples_of_its_configuration_are_valid(page: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert examples
    for example in examples:
        (route,) = load_text(UPSTREAM + example, settings_of, environ={}).routes
        assert [use.name for use in route.plugins] == ["websocket_batch"]


def names_of(settings: type[BaseModel], prefix: str = "") -> set[str]:
    return {f"{prefix}{name}" for name in settings.model_fields}


def test_every_setting_is_in_the_table() -> None:
    told: set[str] = set()
    for line in ROOM.read_text().splitlines():
        if line.startswith("| `"):
            group = ""
            for name in re.findall(r"`([\w.]+)`", line.split("|")[1]):
                group = name.partition(".")[0] if not name.startswith(".") else group
                told.add(group + name if name.startswith(".") else name)
    wanted = names_of(WebSocketBatchSettings) - {"compression", "queue"}
    wanted |= names_of(CompressionSettings, "compression.") | names_of(QueueSettings, "queue.")
    assert wanted <= told


def test_every_metric_is_in_the_table() -> None:
    sources = [ROOT / "gateway" / "websocket" / "figures.py", ROOT / "plugins" / "websocket_batch" / "plugin.py"]
    names = {name for source in sources for name in re.findall(r'"(websocket_\w+)"', source.read_text())}
    told = {name for line in ROOM.read_text().splitlines() for name in re.findall(r"`(websocket_\w+)`", line)}
    assert names - {"websocket_batch"} == told - {"websocket_batch"}


@pytest.mark.parametrize("kind", [Strategy])
def test_every_strategy_is_explained(kind: type[Enum]) -> None:
    assert all(f"| `{member.value}` |" in MANUAL.read_text() for member in kind)


@pytest.mark.parametrize("page", [MANUAL, ROOM], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^):#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_format_is_what_the_manual_says() -> None:
    octets = bytes([1, 0xAC, 0x02, 0b0, 2]) + b"hi" + bytes([0b1011, 1, 0, 0b100000, 0xB6, 0x02, 0])
    assert unpack_numbered(octets) == [(300, (1, b"hi")), (301, (2 | 5 << 4, b"\x00")), (310, (1, b""))]
