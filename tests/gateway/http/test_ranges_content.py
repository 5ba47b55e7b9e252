from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.ranges import (
    ByteRange,
    ContentRange,
    content_range,
    multipart_byteranges,
    multipart_content_type,
    parse_content_range,
    unsatisfied_content_range,
)

POSITION = st.integers(0, 10**17)


def test_content_range_counts_the_last_octet_in() -> None:
    assert content_range(ByteRange(0, 500), 1234) == b"bytes 0-499/1234"
    assert content_range(ByteRange(42, 43), None) == b"bytes 42-42/*"
    assert unsatisfied_content_range(0) == b"bytes */0"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"bytes 0-499/1234", ContentRange(0, 500, 1234)),
        (b"bytes 42-1233/1234", ContentRange(42, 1234, 1234)),
        (b"bytes 42-1233/*", ContentRange(42, 1234, None)),
        (b"Bytes 00-0/01", ContentRange(0, 1, 1)),
    ],
)
def test_a_content_range_is_read(value: bytes, expected: ContentRange) -> None:
    assert parse_content_range(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(None, b"", b"bytes */1234", b"bytes 0-499", b"bytes 0-499/", b"bytes=0-499/1234", b"bytes 1-0/10"),
        *(b"bytes 0-10/10", b"bytes  0-1/2", b"bytes 0-1/2 ", b"bytes -1/2", b"bytes 0-/2", b"items 0-1/2", b"0-1/2"),
        *(
            b"bytes 0-1/2, bytes 0-1/2",
            b"bytes +0-1/2",
            b"bytes 0-1/-",
            b"bytes 0 - 1/2",
            b"bytes 0-" + b"9" * 5000 + b"/*",
        ),
    ],
)
def test_a_content_range_that_is_malformed_or_contradicts_itself_is_none(value: bytes | None) -> None:
    assert parse_content_range(value) is None


@given(POSITION, st.integers(1, 10**6), st.none() | st.integers(0, 10**6))
def test_what_is_written_is_read(start: int, size: int, more: int | None) -> None:
    length = None if more is None else start + size + more
    value = content_range(ByteRange(start, start + size), length)
    assert parse_content_range(value) == ContentRange(start, start + size, length)


@given(st.binary(max_size=40) | st.text("bytes 0123456789-/*", max_size=30).map(lambda text: b"bytes " + text.encode()))
def test_any_content_range_is_one_or_none(value: bytes) -> None:
    found = parse_content_range(value)
    if found is not None:
        assert 0 <= found.start < found.end
        assert found.length is None or found.end <= found.length


def test_each_part_says_its_type_and_its_range() -> None:
    ranges = [ByteRange(0, 2), ByteRange(5, 6)]
    content = multipart_byteranges(b"0123456789", ranges, content_type=b"text/plain", boundary=b"B")
    assert content == (
        b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
        b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-5/10\r\n\r\n5\r\n"
        b"--B--\r\n"
    )


def test_a_representation_without_a_type_has_parts_without_one() -> None:
    content = multipart_byteranges(b"ab", [ByteRange(1, 2)], content_type=None, boundary=b"B")
    assert content == b"--B\r\nContent-Range: bytes 1-1/2\r\n\r\nb\r\n--B--\r\n"


def test_parts_can_be_cut_from_what_is_itself_a_part() -> None:
    ranges = [ByteRange(100, 101), ByteRange(103, 105)]
    content = multipart_byteranges(b"abcde", ranges, content_type=None, boundary=b"B", offset=100, length=900)
    assert b"Content-Range: bytes 100-100/900\r\n\r\na\r\n" in content
    assert b"Content-Range: bytes 103-104/900\r\n\r\nde\r\n" in content


@pytest.mark.parametrize("outside", [ByteRange(99, 101), ByteRange(104, 106), ByteRange(0, 1), ByteRange(101, 101)])
def test_parts_that_are_not_there_are_a_mistake(outside: ByteRange) -> None:
    with pytest.raises(ValueError, match="outside"):
        multipart_byteranges(b"abcde", [outside], content_type=None, boundary=b"B", offset=100, length=900)


@pytest.mark.parametrize("boundary", [b"", b"a b", b"x" * 71, b'a"b', b"a\r\nb", b"\xff", b"B\n"])
def test_a_boundary_that_cannot_be_one_is_a_mistake(boundary: bytes) -> None:
    with pytest.raises(ValueError, match="boundary"):
        multipart_content_type(boundary)
    with pytest.raises(ValueError, match="boundary"):
        multipart_byteranges(b"a", [ByteRange(0, 1)], content_type=None, boundary=boundary)


@given(
    st.text("abc0123\t ", min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 39), st.integers(1, 40)), min_size=1, max_size=4),
)
def test_a_reader_of_multipart_finds_every_part(text: str, cuts: list[tuple[int, int]]) -> None:
    content = text.encode()
    ranges = [ByteRange(start % len(content), min(start % len(content) + size, len(content))) for start, size in cuts]
    boundary = b"x'()+_,-./:=?9"
    octets = multipart_byteranges(content, ranges, content_type=b"text/x-part", boundary=boundary)
    head = b"Content-Type: %b\r\n\r\n" % multipart_content_type(boundary)
    message = BytesParser(policy=HTTP).parsebytes(head + octets)
    assert not message.defects
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_payload(decode=True) for part in parts] == [content[start:end] for start, end in ranges]
    assert [part["Content-Range"].encode() for part in parts] == [content_range(part, len(content)) for part in ranges]
    assert {part.get_content_type() for part in parts} == {"text/x-part"}
