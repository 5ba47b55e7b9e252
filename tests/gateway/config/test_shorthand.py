from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import FilePath, OneOrMany, ShorthandSettings, check_token


class Door(ShorthandSettings):
    """A door."""

    shorthand: ClassVar[str] = "colour"

    colour: str
    """Its colour."""
    is_open: bool = False


class House(Settings):
    door: Door
    plan: FilePath | None = None


def test_a_text_alone_is_the_main_setting() -> None:
    assert House.model_validate({"door": "red"}).door == Door(colour="red")


def test_a_mapping_says_the_rest() -> None:
    assert House.model_validate({"door": {"colour": "red", "is_open": True}}).door.is_open


def test_a_number_alone_is_a_mistake_in_the_main_setting() -> None:
    with pytest.raises(ValidationError) as refused:
        House.model_validate({"door": 5})
    assert refused.value.errors()[0]["loc"] == ("door", "colour")


def test_the_schema_has_both_forms() -> None:
    text, mapping = House.model_json_schema()["$defs"]["Door"]["anyOf"]
    assert text["type"] == "string"
    assert mapping["required"] == ["colour"]


class Street(Settings):
    houses: OneOrMany[Door] = ()


def test_one_becomes_a_list_of_one_and_a_list_stays() -> None:
    one = Street.model_validate({"houses": "red"})
    assert one == Street.model_validate({"houses": ["red"]}) == Street.model_validate({"houses": {"colour": "red"}})
    assert Street.model_validate({"houses": ["red", "blue"]}).houses == (Door(colour="red"), Door(colour="blue"))


def test_the_schema_allows_one_or_many() -> None:
    one, many = Street.model_json_schema()["properties"]["houses"]["anyOf"]
    assert many == {"type": "array", "items": one}


@pytest.mark.parametrize("text", ["GET", "x-y", "a!#$%&'*+.^_`|~9"])
def test_a_token_is_let_through(text: str) -> None:
    assert check_token(text) == text


@pytest.mark.parametrize("text", ["", "a b", "a:b", "é", "a\n", '"a"'])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="must be a token"):
        check_token(text)


def test_a_file_path_is_not_looked_up() -> None:
    assert House.model_validate({"door": "red", "plan": "/no/such/file"}).plan == Path("/no/such/file")


@pytest.mark.parametrize("path", ["", 5, "a\0b"])
def test_what_cannot_be_a_path_is_refused(path: object) -> None:
    with pytest.raises(ValidationError, match="must be the path of a file"):
        House.model_validate({"door": "red", "plan": path})
