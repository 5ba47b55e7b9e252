import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.lines import (
    LONGEST_REMEMBERED,
    MARKS,
    MOST_REMEMBERED,
    REMEMBERED,
    FieldLines,
    LineError,
    field_lines,
    split_section,
)
from tests.support.heads import INSERTED, mutated

SECRET = (
    b"authorization",
    b"proxy-authorization",
    b"cookie",
    b"set-cookie",
    b"x-api-key",
    b"x-auth-token",
    b"location",
)


def test_a_line_is_name_value_mark_and_itself() -> None:
    assert field_lines[b"X-A:\t b c \t"] == (b"x-a", b"X-A", b"b c", 0, b"X-A:\t b c \t")
    assert field_lines[b"HOST:a"] == (b"host", b"HOST", b"a", MARKS[b"host"], b"HOST:a")
    assert field_lines[b"X:"] == (b"x", b"X", b"", 0, b"X:")
    assert field_lines[b"X: a:b"][2] == b"a:b"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"", "no colon"),
        (b"abc", "no colon"),
        (b": a", "not a token"),
        (b"X : a", "not a token"),
        (b" X: a", "not a token"),
        (b"X\xe9: a", "not a token"),
        (b"X: a\x00", "control octet"),
        (b"X: a\r", "control octet"),
        (b"X: a\nY: b", "control octet"),
        (b"Host: \x1b", "control octet"),
    ],
)
def test_what_is_no_field_line_is_refused_every_time(line: bytes, complaint: str) -> None:
    for _ in range(2):
        with pytest.raises(LineError, match=complaint):
            field_lines[line]


def test_lines_that_everybody_sends_are_remembered() -> None:
    lines = FieldLines()
    assert lines[b"Accept: */*"] is lines[b"Accept: */*"]
    assert list(lines) == [b"Accept: */*"]


@pytest.mark.parametrize("name", SECRET)
def test_nothing_that_may_be_secret_is_remembered(name: bytes) -> None:
    lines = FieldLines()
    assert lines[name.title() + b": s3cr3t"][2] == b"s3cr3t"
    assert len(lines) == 0
    assert name not in REMEMBERED


def test_what_is_remembered_is_bounded_in_number_and_length() -> None:
    lines = FieldLines()
    for number in range(MOST_REMEMBERED + 10):
        assert lines[b"Accept: a/%d" % number][2] == b"a/%d" % number
        assert len(lines) <= MOST_REMEMBERED
    assert len(lines) == 10
    lines.clear()
    assert lines[b"Accept: " + b"a" * LONGEST_REMEMBERED][0] == b"accept"
    assert len(lines) == 0


def test_more_names_than_are_remembered_are_read_all_the_same() -> None:
    lines = FieldLines()
    for number in range(3_000):
        assert lines[b"X-%d: 1" % number][0] == b"x-%d" % number
    assert lines[b"N" * 1_000 + b": 1"][0] == b"n" * 1_000


def test_marks_and_remembered_names_are_in_lower_case() -> None:
    assert all(name == name.lower() for name in MARKS.keys() | REMEMBERED)


def test_a_section_is_its_lines_in_order() -> None:
    assert split_section(b"") == []
    assert [entry[1:3] for entry in split_section(b"B: 1\r\nA:2\r\nB: 3\r\n")] == [
        (b"B", b"1"),
        (b"A", b"2"),
        (b"B", b"3"),
    ]
    with pytest.raises(LineError):
        split_section(b"\r\n")


@given(mutated([b"Host: a", b"Accept: */*", b"X-A:\tb ", b"Cookie: a=b; c=d", b"Via: 1.1 x"], INSERTED))
def test_any_line_is_an_entry_that_reads_back_or_an_error(line: bytes) -> None:
    lines = FieldLines()
    try:
        lower, name, value, mark, whole = lines[line]
    except LineError:
        assert line not in lines
        return
    assert whole == line
    assert lower == name.lower()
    assert line.startswith(name + b":")
    assert value == line[len(name) + 1 :].strip(b" \t")
    assert mark == MARKS.get(lower, 0)
    assert not set(line) & set(b"\r\n\x00")


@given(st.binary(max_size=60))
def test_any_section_is_entries_or_an_error(octets: bytes) -> None:
    try:
        entries = split_section(octets + b"\r\n")
    except LineError:
        return
    assert b"".join(entry[4] + b"\r\n" for entry in entries) == octets + b"\r\n"
