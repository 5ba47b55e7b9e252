from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.structured import (
    DisplayString,
    StructuredFieldError,
    Token,
    parse_dictionary,
    parse_item,
    parse_list,
    parse_strings,
    serialize_string,
    serialize_token,
)

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


def test_a_dictionary_has_members_with_parameters() -> None:
    read = parse_dictionary(b'a=1, b;x;y="z", c=(1 t;q=0.5);p, d=?0')
    assert dict(read) == {
        "a": (1, {}),
        "b": (True, {"x": True, "y": "z"}),
        "c": (((1, {}), (Token("t"), {"q": Decimal("0.5")})), {"p": True}),
        "d": (False, {}),
    }
    assert list(read) == ["a", "b", "c", "d"]


def test_the_last_of_equal_keys_counts() -> None:
    assert dict(parse_dictionary(b"a=1, b, a=2")) == {"a": (2, {}), "b": (True, {})}


def test_a_list_has_items_and_inner_lists() -> None:
    assert parse_list(b'1, "a";b, ("c" d)') == ((1, {}), ("a", {"b": True}), ((("c", {}), (Token("d"), {})), {}))


@pytest.mark.parametrize(
    ("value", "item"),
    [
        (b"-5", -5),
        (b"1.50", Decimal("1.5")),
        (b'"a\\"\\\\"', 'a"\\'),
        (b"*a/b:c", Token("*a/b:c")),
        (b":aGk=:", b"hi"),
        (b"?1", True),
        (b"@0", datetime(1970, 1, 1, tzinfo=UTC)),
        (b'%"f%c3%bc"', DisplayString("fü")),
        (b"  7 ", 7),
    ],
)
def test_each_type_of_item_is_read(value: bytes, item: object) -> None:
    read, parameters = parse_item(value)
    assert (read, type(read), dict(parameters)) == (item, type(item), {})


def test_an_empty_field_is_an_empty_list_or_dictionary_but_no_item() -> None:
    assert parse_list(b"") == ()
    assert parse_dictionary(b"") == {}
    with pytest.raises(StructuredFieldError):
        parse_item(b"")


WRONG: list[tuple[Any, bytes]] = [
    *[(parse_dictionary, value) for value in (b"A=1", b"a=1,", b"a=1 b", b"a = 1", b"a=&", b"a=1,,b", b"a=\xff", b"'")],
    *[(parse_list, value) for value in (b"1,", b",1", b"1 2", b'"a', b"(1", b"\t1", b'"\x7f"', b"1.2345", b"1" * 16)],
    *[(parse_item, value) for value in (b"1, 2", b"a b", b"?2", b":a", b"1;A", b"@1.5", b"@" + b"9" * 15, b'%"%FF"')],
]


@pytest.mark.parametrize(("parse", "value"), WRONG)
def test_what_is_not_quite_right_is_wrong_each_time_it_comes(parse: Any, value: bytes) -> None:
    with pytest.raises(StructuredFieldError) as first:
        parse(value)
    with pytest.raises(StructuredFieldError) as second:
        parse(value)
    assert first.value is not second.value
    assert str(first.value) == str(second.value) != ""


def test_what_was_read_cannot_be_changed() -> None:
    read: Any = parse_dictionary(b"a=1;p, b=(1;q)")
    inner, parameters = read["b"]
    for target in (read, read["a"][1], parameters, inner[0][1]):
        with pytest.raises(TypeError):
            target["x"] = 1
    assert isinstance(parse_list(b"1, 2"), tuple)
    assert isinstance(inner, tuple)


def test_equal_values_are_one_reading() -> None:
    assert parse_dictionary(b"equal=1") is parse_dictionary(b"equal" + b"=1")


def test_a_list_of_strings_is_nothing_else() -> None:
    assert parse_strings(b'"a", "b c";x=1, "a"') == ("a", "b c", "a")
    assert parse_strings(b"") == ()
    for value in (b"a", b'"a", 1', b'("a")', b'"a" "b"', b'%"a"'):
        with pytest.raises(StructuredFieldError):
            parse_strings(value)


@given(st.binary(max_size=60) | st.text('ab1=,;:?@%"().*- ', max_size=40).map(str.encode))
def test_any_value_is_read_or_refused(value: bytes) -> None:
    for parse in (parse_dictionary, parse_list, parse_item, parse_strings):
        try:
            parse(value)
        except StructuredFieldError:
            pass


@given(PRINTABLE)
def test_a_string_reads_back_as_its_text(text: str) -> None:
    octets = serialize_string(text)
    assert octets == http_sf.ser(text).encode()
    assert parse_item(octets) == (text, {})


@pytest.mark.parametrize("text", ["\n", "\x00", "\x7f", "é", "a\tb", "\u2028"])
def test_a_string_is_printable_ascii(text: str) -> None:
    with pytest.raises(ValueError, match="not printable ASCII"):
        serialize_string(text)


@given(st.text(max_size=8) | st.from_regex(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*", fullmatch=True))
def test_a_token_is_written_when_it_can_be_read_back(text: str) -> None:
    try:
        expected = http_sf.ser(Token(text)).encode()
    except ValueError:
        with pytest.raises(ValueError, match="not a Token"):
            serialize_token(text)
    else:
        assert serialize_token(text) == expected
        assert parse_item(expected) == (Token(text), {})
