from pathlib import Path

import pytest

from gateway.chain.plugin import Plugin
from gateway.chain.registry import find, is_foreign, rooms, settings_of


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Name of a module of somebody else, whose source is the test's parameter."""
    name = f"stranger_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(request.param)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_every_room_has_a_plugin_with_settings() -> None:
    assert {"cors", "headers"} <= set(rooms())
    for name in rooms():
        assert issubclass(find(name), Plugin)
        assert settings_of(name) is find(name).Settings


def test_rooms_are_in_alphabetical_order() -> None:
    assert list(rooms()) == sorted(rooms())


def test_a_misspelt_room_is_met_with_the_right_one() -> None:
    with pytest.raises(LookupError, match=r"unknown plugin 'header'; did you mean 'headers'\?"):
        find("header")


def test_a_name_like_no_other_is_met_with_all_there_are() -> None:
    with pytest.raises(LookupError, match=r"unknown plugin 'zzzz'; there are .*headers"):
        find("zzzz")


@pytest.mark.parametrize(
    "stranger",
    [
        "from gateway.api import Plugin, Settings\nclass Mine(Plugin):\n    class Settings(Settings):\n        pass\n",
    ],
    indirect=True,
)
def test_a_plugin_from_outside_is_found_by_module_and_class(stranger: str) -> None:
    assert find(f"{stranger}:Mine").__name__ == "Mine"
    assert settings_of(f"{stranger}:Mine").__qualname__ == "Mine.Settings"


@pytest.mark.parametrize(
    ("stranger", "complaint"),
    [
        ("", "has no Mine"),
        ("Mine = 3", "not a subclass of gateway.api.Plugin"),
        ("class Mine: pass", "not a subclass of gateway.api.Plugin"),
        ("from gateway.api import Plugin\nclass Mine(Plugin): pass", "does not say what its Settings are"),
        (
            "from gateway.api import Plugin, Settings\n"
            "class Mine(Plugin):\n    class Settings(Settings):\n        guard: int = 1\n",
            "its Settings have 'guard', which every plugin has already",
        ),
        ("import no_such_library", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
        ("import os\nos.no_such_thing", "cannot be imported: AttributeError: module 'os' has no"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("def", "cannot be imported: SyntaxError"),
    ],
    indirect=["stranger"],
)
def test_what_is_wrong_with_a_plugin_from_outside_is_said_in_words(stranger: str, complaint: str) -> None:
    with pytest.raises(LookupError, match=complaint):
        find(f"{stranger}:Mine")


def test_plugins_from_outside_are_known_by_their_names() -> None:
    assert [is_foreign(name) for name in ("cors", "package.module:Class")] == [False, True]


@pytest.mark.parametrize("name", [":", ":Mine", "json:", "..up:Mine", "no_such_module:Mine", ""])
def test_an_odd_name_is_a_mistake_of_the_user_and_no_crash(name: str) -> None:
    with pytest.raises(LookupError, match="plugin"):
        find(name)
