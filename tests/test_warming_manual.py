"""What the manual of warming says must be true, and nothing may be missing."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.chain.registry import settings_of
from gateway.cli import app
from gateway.config import load_text
from gateway.config.warming import WarmingSettings, WarmingSourceSettings
from gateway.warming.progress import State
from gateway.warming.run import Run
from tests.support.warming import around, order

MANUAL = Path(__file__).parents[1] / "docs" / "warming.md"
UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"


def words() -> set[str]:
    """All that stands in code somewhere on the page."""
    text = MANUAL.read_text()
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return set(re.findall(r"[\w-]+", " ".join([*re.findall(r"`([^`\n]+)`", text), *blocks])))


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", MANUAL.read_text(), re.DOTALL))
def test_an_example_of_its_configuration_is_valid(example: str) -> None:
    assert load_text(UPSTREAM + example, settings_of, environ={}).settings.warming != WarmingSettings()


def test_every_setting_is_named() -> None:
    assert {*WarmingSettings.model_fields, *WarmingSourceSettings.model_fields} <= words()


async def test_every_member_of_a_report_that_people_look_for_is_named() -> None:
    report = set(Run("1", order(1), around()).to_json())
    assert report - {"id", "why", "left_out", "already_done", "seconds", "cursor"} <= words()
    assert {state.value for state in State} <= words()


def test_every_option_of_the_command_is_named() -> None:
    shown = CliRunner().invoke(app, ["warm", "--help"], env={"COLUMNS": "200"}).stdout
    usual = {"--admin", "--token", "--json", "--help", "--entries-token"}
    assert set(re.findall(r"--[a-z-]+", shown)) - usual <= {word for word in words() if word.startswith("--")}
