"""Every setting of every room is in its README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from gateway.chain.registry import rooms, settings_of

ROOMS = Path(__file__).parents[2] / "plugins"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _names(model: type[BaseModel], above: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in _models(field.annotation):
            if inner not in above:
                yield from _names(inner, (*above, inner))


@pytest.mark.parametrize("room", sorted(rooms()))
def test_a_readme_has_every_setting_of_its_room(room: str) -> None:
    text = (ROOMS / room / "README.md").read_text(encoding="utf-8")
    code = " ".join(re.findall(r"```.*?```|`[^`]*`", text, re.DOTALL))
    assert set(_names(settings_of(room))) <= set(re.findall(r"[a-z_0-9]+", code))
