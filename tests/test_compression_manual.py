"""What the manual of compression says must be true, and nothing may be missing."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.chain.registry import settings_of
from gateway.config import load_text
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import BrotliSettings, CompressSettings, GzipSettings, ZstdSettings

ROOT = Path(__file__).parents[1]
MANUAL = ROOT / "docs" / "compression.md"
ROOM = ROOT / "plugins" / "compress" / "README.md"
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"
CODECS: dict[str, type[BaseModel]] = {"zstd": ZstdSettings, "br": BrotliSettings, "gzip": GzipSettings}


def examples() -> list[str]:
    return [text for page in (MANUAL, ROOM) for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]


@pytest.mark.parametrize("example", examples())
def test_an_example_of_its_configuration_is_valid(example: str) -> None:
    configuration = load_text(UPSTREAM + example, settings_of, environ={})
    used = [use.name for route in configuration.routes for use in route.plugins]
    assert "compress" in used


def test_there_are_examples() -> None:
    assert len(examples()) >= 4


def test_every_reason_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", MANUAL.read_text(), re.MULTILINE)
    assert set(rows) == {reason.value for reason in CompressReason}


def test_every_setting_is_in_the_table_with_its_name() -> None:
    rows = [line.split("|")[1] for line in ROOM.read_text().splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    wanted = (set(CompressSettings.model_fields) - set(CODECS)) | {
        f"{codec}.{name}" for codec, settings in CODECS.items() for name in settings.model_fields
    }
    assert wanted <= told


def test_the_defaults_in_the_table_are_the_real_ones() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", ROOM.read_text(), re.MULTILINE))
    for name, shown in CompressSettings().model_dump(mode="json").items():
        if isinstance(shown, bool | int) or name in ("busy_after", "flush_after", "decode_up_to", "inline_up_to"):
            wanted = {str(shown).lower(), str(shown), str(shown).removesuffix("B")}
            assert table[name].strip() in wanted, name
