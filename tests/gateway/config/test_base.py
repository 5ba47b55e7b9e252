import pytest
from pydantic import Field, ValidationError

from gateway.config.base import SettingError, Settings


class Inner(Settings):
    count: int = 1


class Outer(Settings):
    """Settings with everything in them that could be guessed."""

    count: int = 1
    """How many."""
    ratio: float = 0.5
    is_open: bool = False
    name: str = ""
    items: tuple[int, ...] = ()
    inner: Inner = Inner()
    by_status: dict[int, str] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "data",
    [
        {"count": "5"},
        {"count": 5.0},
        {"count": True},
        {"ratio": "0.5"},
        {"is_open": "yes"},
        {"is_open": 1},
        {"name": 5},
        {"items": [1, "2"]},
        {"inner": {"count": "5"}},
    ],
)
def test_a_scalar_of_another_type_is_refused_at_any_depth(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Outer.model_validate(data)


def test_a_list_becomes_a_tuple_and_a_key_becomes_a_number() -> None:
    settings = Outer.model_validate({"items": [1, 2], "by_status": {"404": "gone"}, "ratio": 1})
    assert settings.items == (1, 2)
    assert settings.by_status == {404: "gone"}
    assert settings.ratio == 1.0


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="cuont"):
        Outer.model_validate({"cuont": 1})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Outer().count = 2


def test_the_text_under_a_setting_is_its_description() -> None:
    assert Outer.model_fields["count"].description == "How many."


def test_a_setting_error_keeps_its_remedy_and_place() -> None:
    error = SettingError("is wrong", hint="make it right", at=["a", 0])
    assert (str(error), error.message, error.hint, error.at) == ("is wrong", "is wrong", "make it right", ("a", 0))
