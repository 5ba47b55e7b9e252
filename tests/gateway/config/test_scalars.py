import pytest

from gateway.config.scalars import typed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.5", 1.5),
        ("-.5e3", -500.0),
        ("1e3", 1000.0),
        ("0123", 123),
    ],
)
def test_plain_scalars_have_the_types_of_yaml_1_2(text: str, expected: object) -> None:
    value = typed(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "text",
    ["no", "off", "yes", "On", "tRUE", "1:30", "1_000", "0b1", "0o8", ".inf", "-.inf", ".nan", "1e999", ".", "٣"],
)
def test_everything_else_is_a_text(text: str) -> None:
    assert typed(text) == text


def test_endless_digits_stay_a_text() -> None:
    assert typed("9" * 5000) == "9" * 5000
