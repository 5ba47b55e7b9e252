import pytest

from gateway.config.base import SettingError
from gateway.config.environment import substitute

ENVIRON = {"HOST": "app", "EMPTY": "", "NESTED": "${HOST}", "_9": "ok"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${HOST}", "app"),
        ("http://${HOST}:80/${HOST}", "http://app:80/app"),
        ("${NOPE:-x}", "x"),
        ("${NOPE:-127.0.0.1:80}", "127.0.0.1:80"),
        ("${NOPE:-}", ""),
        ("${HOST:-x}", "app"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY}", ""),
        ("${_9}", "ok"),
        ("$$", "$"),
        ("$${HOST}", "${HOST}"),
        ("$$${HOST}", "$app"),
        ("a$b $ 5$", "a$b $ 5$"),
        ("plain", "plain"),
    ],
)
def test_variables_are_replaced(text: str, expected: str) -> None:
    assert substitute(text, ENVIRON) == expected


def test_what_a_variable_holds_is_not_looked_into() -> None:
    assert substitute("${NESTED}", ENVIRON) == "${HOST}"


def test_a_variable_that_is_not_set_is_named_with_the_remedy() -> None:
    with pytest.raises(SettingError) as refused:
        substitute("${NOPE}", ENVIRON)
    assert refused.value.message == "the environment variable NOPE is not set"
    assert refused.value.hint == "set it, or write ${NOPE:-default}"


@pytest.mark.parametrize("text", ["${", "${}", "${HOST", "${9}", "${A-x}", "${A:x}", "${A B}"])
def test_half_a_reference_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="without a name"):
        substitute(text, ENVIRON)
