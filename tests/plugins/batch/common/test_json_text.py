import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.common.json_text import (
    JsonError,
    elements,
    find,
    is_json,
    is_pointer,
    members,
    steps,
    text_of,
    value_in,
    whole,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
spaces = st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n\t", " :\n")])


@given(st.lists(values), spaces)
def test_elements_are_found_where_they_stand(array: list[object], separators: tuple[str, str]) -> None:
    text = json.dumps(array, separators=separators)
    found = list(elements(text, 0))
    assert [value for value, _, _ in found] == array
    assert [json.loads(text[begin:end]) for _, begin, end in found] == array


@given(st.dictionaries(st.text(), values), spaces)
def test_members_are_found_where_they_stand(mapping: dict[str, object], separators: tuple[str, str]) -> None:
    text = json.dumps(mapping, separators=separators)
    found = [(name, value, json.loads(text[begin:end])) for name, value, begin, end in members(text, 0)]
    assert found == [(name, value, value) for name, value in mapping.items()]


@given(st.text(alphabet='[]{},:"\\ \n10aeNtrufls.-'))
def test_any_text_is_read_as_the_decoder_reads_it_or_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(JsonError):
            whole(text)
        return
    if "NaN" not in text:
        assert whole(text) == expected


def test_every_digit_stays() -> None:
    text = '[ {"id": 123456789012345678901234567890, "price": 1.10} , 2]'
    (first, begin, end), _ = elements(text, 0)
    assert first["id"] == 123456789012345678901234567890
    assert text[begin:end] == '{"id": 123456789012345678901234567890, "price": 1.10}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,]",
        "{",
        '{"a"',
        '{"a":',
        '{"a":1',
        '{"a":1,',
        "{a:1}",
        "[NaN]",
        "[1]x",
        "[" * 99_999,
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        whole(text)


@pytest.mark.parametrize("text", ["[1 2]", "[1,", "[1,]", "5", "{}"])
def test_an_array_that_breaks_off_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        list(elements(text, 0))


@pytest.mark.parametrize("text", ['{"a":1 "b":2}', '{"a" 1}', "{1:2}", '{"a":1,}', "[]"])
def test_an_object_that_breaks_off_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        list(members(text, 0))


def test_octets_that_are_no_text_are_refused() -> None:
    assert text_of("é".encode()) == "é"
    with pytest.raises(JsonError):
        text_of(b"\xff")


def test_a_pointer_leads_into_objects_and_arrays() -> None:
    text = '{"a/b": [10, {"~": {"": [true]}}]}'
    assert text[find(text, steps("/a~1b/1/~0/")) :].startswith("[true]")
    assert find(text, steps("")) == 0
    assert value_in(json.loads(text), steps("/a~1b/1/~0//0")) is True
    for nowhere in ("/a", "/a~1b/2", "/a~1b/0/x", "/a~1b/-1"):
        assert value_in(json.loads(text), steps(nowhere)) is None
        with pytest.raises(JsonError):
            find(text, steps(nowhere))


def test_of_members_with_one_name_the_last_counts() -> None:
    text = '{"a": 1, "a": 2}'
    assert text[find(text, ("a",))] == "2"


@pytest.mark.parametrize(
    ("text", "is_one"), [("", True), ("/a", True), ("/a~0~1//", True), ("a", False), ("/~2", False)]
)
def test_what_a_pointer_is(text: str, is_one: bool) -> None:
    assert is_pointer(text) is is_one


@pytest.mark.parametrize(
    ("content_type", "is_one"),
    [
        (b"application/json", True),
        (b"Application/JSON ; charset=utf-8", True),
        (b"application/vnd.api+json", True),
        (b"text/json5", False),
        (b"application/json5", False),
        (b"text/plain; x=application/json", False),
        (None, False),
    ],
)
def test_what_json_is_called(content_type: bytes | None, is_one: bool) -> None:
    assert is_json(content_type) is is_one
