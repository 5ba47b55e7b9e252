from typing import Any

import pytest

from gateway.api import BodyStream, StreamEnd
from plugins.coalesce.asked import asked_by
from plugins.coalesce.continuation import Head, content_of, head_of
from tests.support.plugins import make_request, make_response, pairs

TAGGED = {"ETag": '"a"', "Content-Type": "text/plain"}


def head(fields: dict[str, str], length: int | None = 100, status: int = 200) -> Head:
    return head_of(make_response(status, fields), length)


def asked(**how: Any) -> Any:
    return asked_by(make_request(**how))


def test_the_rest_is_asked_for_where_a_strong_validator_says_that_it_belongs_to_the_beginning() -> None:
    fields = head(TAGGED).fields(asked(fields={"X-A": "1", "If-None-Match": '"old"', "Range": "bytes=0-"}), 40)
    assert pairs(fields) == [("X-A", "1"), ("Range", "bytes=40-"), ("If-Range", '"a"')]


@pytest.mark.parametrize(
    ("known", "how", "offset"),
    [
        (head({}), {}, 40),
        (head({"ETag": 'W/"a"'}), {}, 40),
        (head(TAGGED, status=206), {"fields": {"Range": "bytes=0-99"}}, 40),
        (head(TAGGED), {"method": "QUERY", "body": b"x"}, 40),
        (head(TAGGED), {}, 0),
    ],
)
def test_otherwise_the_whole_once_more(known: Head, how: dict[str, Any], offset: int) -> None:
    assert pairs(known.fields(asked(**how), offset)) == pairs(make_request(**how).fields)


def test_what_may_be_compared_only_by_its_octets() -> None:
    assert not head(TAGGED).must_compare
    assert head({"ETag": 'W/"a"'}).must_compare
    assert head({}).must_compare


@pytest.mark.parametrize("kind", ["text/event-stream", "Text/Event-Stream; charset=utf-8", "multipart/x-mixed-replace"])
def test_what_has_no_end_cannot_go_on(kind: str) -> None:
    assert not head({"Content-Type": kind}).may_continue
    assert not head({"Content-Type": kind}).must_compare


@pytest.mark.parametrize(
    ("status", "fields", "body", "begins"),
    [
        (206, {**TAGGED, "Content-Range": "bytes 40-99/100"}, b"x" * 60, 40),
        (206, {**TAGGED, "Content-Range": "BYTES  40-99/100"}, b"x" * 60, 40),
        (206, {**TAGGED, "Content-Range": "bytes 41-99/100"}, b"x" * 59, None),
        (206, {**TAGGED, "Content-Range": "bytes 40-98/100"}, b"x" * 59, None),
        (206, {**TAGGED, "Content-Range": "bytes 40-99/*"}, b"x" * 60, None),
        (206, {**TAGGED, "Content-Range": "bytes 40-100/101"}, b"x" * 61, None),
        (206, {**TAGGED, "Content-Range": "bytes 40-99/100"}, b"x" * 59, None),
        (206, {**TAGGED, "ETag": '"b"', "Content-Range": "bytes 40-99/100"}, b"x" * 60, None),
        (206, {"Content-Range": "bytes 40-99/100"}, b"x" * 60, None),
        (206, TAGGED, b"x" * 60, None),
        (200, TAGGED, b"x" * 100, 0),
        (200, {**TAGGED, "X-Other": "1"}, b"x" * 100, 0),
        (200, TAGGED, b"x" * 99, None),
        (200, {**TAGGED, "Content-Encoding": "gzip"}, b"x" * 100, None),
        (200, {"Content-Type": "text/plain"}, b"x" * 100, None),
        (404, TAGGED, b"x" * 100, None),
    ],
)
def test_only_the_same_content_goes_on(status: int, fields: dict[str, str], body: bytes, begins: int | None) -> None:
    assert head(TAGGED).begins_at(make_response(status, fields, body), 40) == begins


def test_a_part_goes_on_by_the_same_part() -> None:
    part = {**TAGGED, "Content-Range": "bytes 10-109/1000"}
    assert head(part, status=206).begins_at(make_response(206, part, b"x" * 100), 40) == 0
    other = {**TAGGED, "Content-Range": "bytes 11-110/1000"}
    assert head(part, status=206).begins_at(make_response(206, other, b"x" * 100), 40) is None


def test_a_length_that_only_the_end_told_is_no_obstacle() -> None:
    fields = {**TAGGED, "Content-Range": "bytes 40-99/100"}
    assert head(TAGGED, None).begins_at(make_response(206, fields, b"x" * 60), 40) == 40
    assert head({}, None).begins_at(make_response(200, {}, BodyStream()), 40) == 0


async def test_content_at_hand_comes_as_a_stream_and_its_end_is_told() -> None:
    told: list[bool] = []
    response = make_response(200, (), b"whole")
    response.on_sent(told.append)
    stream = content_of(response)
    assert told == [True]
    assert stream.length == 5
    assert await stream.read(100) == b"whole"


def test_the_end_of_content_on_its_way_is_told_when_it_comes() -> None:
    told: list[bool] = []
    body = BodyStream()
    response = make_response(200, (), body)
    response.on_sent(told.append)
    stream = content_of(response)
    assert stream is body
    assert told == []
    stream.abort()
    assert stream.end is StreamEnd.ABORTED
    assert told == [False]
