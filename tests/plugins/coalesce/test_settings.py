from typing import Any

import pytest
from pydantic import ValidationError

from plugins.coalesce.settings import CoalesceSettings, OnFailure


def read(**settings: Any) -> CoalesceSettings:
    return CoalesceSettings.model_validate(settings)


def test_nothing_has_to_be_said() -> None:
    settings = read()
    assert settings.on_failure is OnFailure.ELECT
    assert settings.cookies is None
    assert "User-Agent" in settings.ignore


def test_values_as_people_write_them() -> None:
    settings = read(
        identity="X-Api-Key", cookies=["session"], join_for="off", wait="5s", buffer="1MiB", memory="1MiB", ignore="X-*"
    )
    assert settings.identity == ("X-Api-Key",)
    assert settings.cookies == ("session",)
    assert settings.join_for is None
    assert (settings.wait, settings.buffer) == (5.0, 1024 * 1024)
    assert CoalesceSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("name", ["Cookie", "authorization", "Auth*", "*", "Proxy-A*", "co*"])
def test_who_asks_cannot_be_ignored(name: str) -> None:
    with pytest.raises(ValidationError):
        read(ignore=[name])


@pytest.mark.parametrize(
    "wrong",
    [
        {"identity": ["X Key"]},
        {"ignore": ["X-*-Id"]},
        {"ignore": [""]},
        {"cookies": ["a b"]},
        {"wait": "0s"},
        {"followers": 0},
        {"apart_at_once": 0},
        {"buffer": "1KiB"},
        {"buffer": "2MiB", "memory": "1MiB"},
        {"on_failure": "retry"},
        {"unknown": 1},
    ],
)
def test_mistakes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**wrong)
