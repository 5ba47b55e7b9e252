import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Fields
from plugins.cache.cookies import CookieMatcher, cookie_values
from tests.support.plugins import fields_of


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([], []),
        (["a=1; b=2"], [b"1"]),
        (["b=2;a=1;  a = 3 "], [b"1", b"3"]),
        (["b=2", "a=x=y"], [b"x=y"]),
        (["A=1", "a"], []),
        (["a="], [b""]),
        (["a=1,2; b=3"], [b"1,2"]),
    ],
)
def test_every_cookie_of_a_name_is_found_in_order(lines: list[str], values: list[bytes]) -> None:
    assert cookie_values(fields_of([("Cookie", line) for line in lines]), b"a") == values


@pytest.mark.parametrize(
    ("patterns", "line", "matches"),
    [
        (["session"], "a=1; session=x", True),
        (["session"], "sessions=x; my_session=y", False),
        (["wp_*"], "wp_logged_in=1", True),
        (["wp_*"], "a=wp_x", False),
        (["*"], "anything=1", True),
        (["session"], "session", True),
        (["session"], "a=1, session=x", True),
        (["session", "wp_*"], "a=1", False),
    ],
)
def test_a_matcher_sees_the_cookies_it_was_made_for(patterns: list[str], line: str, matches: bool) -> None:
    assert CookieMatcher(patterns).matches(fields_of({"Cookie": line})) is matches


def test_no_cookie_is_no_match_even_for_any() -> None:
    assert not CookieMatcher(["*"]).matches(Fields())


@given(st.lists(st.binary(max_size=12).filter(lambda value: not any(c < 32 or c == 127 for c in value)), max_size=3))
def test_whatever_is_in_the_field_a_cookie_that_is_found_is_also_matched(lines: list[bytes]) -> None:
    fields = Fields((b"Cookie", b"s=" + line) for line in lines)
    assert CookieMatcher(["s"]).matches(fields) is bool(lines)
    assert len(cookie_values(fields, b"s")) >= len(lines)
