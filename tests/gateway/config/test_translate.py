from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, field_validator

from gateway.config.base import SettingError, Settings
from gateway.config.mistakes import Problem
from gateway.config.translate import problems_of


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(Settings):
    size: int = 1
    weight: float = 1.0


class Tree(Settings):
    number: Annotated[int, Field(gt=0, le=10)] = 1
    low: Annotated[int, Field(ge=1, lt=5)] = 1
    ratio: float = 1.0
    flag: bool = False
    text: Annotated[str, Field(min_length=2, max_length=4)] = "ab"
    word: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    items: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    listed: list[int] = Field(default_factory=list)
    either: str | list[str] = "a"
    choice: Literal["x", "y"] = "x"
    colour: Colour = Colour.RED
    leaves: dict[str, Leaf] = Field(default_factory=dict)
    leaf: Leaf = Leaf()
    address: IPv4Address | None = None
    even: int = 2
    odd: int = 1

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    @field_validator("odd")
    @classmethod
    def _is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise SettingError("must be odd", hint="add one")
        return value


def found(data: dict[str, Any], base: tuple[str | int, ...] = ()) -> list[Problem]:
    with pytest.raises(ValidationError) as refused:
        Tree.model_validate(data)
    return problems_of(refused.value, data, Tree, base)


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        ("number", 0, "must be above zero", None),
        ("number", 11, "must be at most 10", None),
        ("number", "5", "must be a whole number", "remove the quotes"),
        ("number", "five", "must be a whole number", None),
        ("number", 1.5, "must be a whole number", None),
        ("number", None, "has no value", "remove the key to get its default"),
        ("low", 0, "must be at least 1", None),
        ("low", 5, "must be below 5", None),
        ("ratio", "x", "must be a number", None),
        ("flag", "yes", "must be true or false", None),
        ("text", "a", "must have at least 2 characters", None),
        ("text", "abcde", "must have at most 4 characters", None),
        ("text", 12, "must be a text", "put it in quotes"),
        ("text", ["a"], "must be a text", None),
        ("word", "A", "does not have the form ^[a-z]+$", None),
        ("items", [], "must not be empty", None),
        ("items", "a", "must be a list", None),
        ("listed", {}, "must be a list", None),
        ("choice", "z", "must be 'x' or 'y'", None),
        ("colour", "green", "must be 'red' or 'blue'", None),
        ("leaves", [], "must be a mapping of keys to values", None),
        ("leaf", 5, "must be a mapping of keys to values", None),
        ("even", 3, "must be even", None),
        ("odd", 2, "must be odd", "add one"),
        ("address", "x", "is not a valid IPv4 address", None),
        ("either", 5, "must be a text or a list", "put it in quotes"),
    ],
)
def test_errors_are_said_in_plain_words(key: str, value: object, message: str, hint: str | None) -> None:
    assert found({key: value}) == [Problem((key,), message, hint)]


def test_no_error_of_pydantic_shows_through() -> None:
    data = {name: object() for name in Tree.model_fields}
    for problem in found(data):
        assert "nput" not in problem.message


def test_the_branch_of_a_union_that_got_further_was_meant() -> None:
    assert found({"either": ["a", 5]}) == [Problem(("either", 1), "must be a text", "put it in quotes")]


def test_a_list_with_a_wrong_item_is_not_called_too_short() -> None:
    assert found({"items": ["x"]}) == [Problem(("items", 0), "must be a whole number")]


def test_problems_stand_below_their_base() -> None:
    assert found({"leaf": {"size": "x"}}, ("plugins", 0))[0].path == ("plugins", 0, "leaf", "size")


def test_unknown_keys_are_compared_with_those_of_their_place() -> None:
    assert found({"nubmer": 1}) == [Problem(("nubmer",), "unknown key", "did you mean 'number'?", at_key=True)]
    assert found({"leaves": {"oak": {"number": 1}}}) == [
        Problem(("leaves", "oak", "number"), "unknown key", "known keys: size, weight", at_key=True)
    ]


def test_a_missing_key_is_named() -> None:
    class Needy(Settings):
        must: int

    with pytest.raises(ValidationError) as refused:
        Needy.model_validate({})
    assert problems_of(refused.value, {}, Needy) == [Problem(("must",), "is missing")]


def test_a_problem_that_says_its_place_is_believed_as_far_as_the_place_exists() -> None:
    class Pair(Settings):
        low: tuple[int, ...] = ()

        @field_validator("low")
        @classmethod
        def _refuse(cls, value: object) -> object:
            raise SettingError("is wrong", at=(0, "deeper"))

    with pytest.raises(ValidationError) as refused:
        Pair.model_validate({"low": [1]})
    assert problems_of(refused.value, {"low": [1]}, Pair)[0].path == ("low", 0)
