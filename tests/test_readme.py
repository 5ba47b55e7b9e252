"""What the README shows must be true."""

import re
from pathlib import Path

from gateway.chain.registry import settings_of
from gateway.cli import app
from gateway.config import load_text

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_its_configuration_has_no_mistakes() -> None:
    (example,) = blocks("yaml")
    assert len(load_text(example, settings_of, environ={}).routes) == 2


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for block in blocks("sh") for target in re.findall(r"^make ([a-z]+)", block, re.MULTILINE)}
    assert named
    assert named <= targets


def test_its_commands_of_slipstream_exist() -> None:
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    named = {word for block in blocks("sh") for word in re.findall(r"/slipstream ([a-z]+)", block)}
    assert named
    assert named <= commands
