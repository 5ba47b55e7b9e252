import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.message import Response
from gateway.listener.encode import StatusLines, has_no_content, interim_head, response_head, upgrade_head
from tests.support.heads import on_response
from tests.support.plugins import fields_of, make_response


def head(
    response: Response,
    length: int | None = None,
    *,
    chunked: bool = False,
    close: bool = False,
    minor: int = 1,
    date: bytes | None = None,
) -> bytes:
    return response_head(response, length, chunked=chunked, close=close, minor=minor, date=date)


@pytest.mark.parametrize(
    ("status", "reason", "line"),
    [
        (200, None, b"HTTP/1.1 200 OK\r\n"),
        (404, b"Nope", b"HTTP/1.1 404 Nope\r\n"),
        (204, b"", b"HTTP/1.1 204 \r\n"),
        (413, None, b"HTTP/1.1 413 Content Too Large\r\n"),
        (599, None, b"HTTP/1.1 599 \r\n"),
    ],
)
def test_a_status_line_has_the_reason_that_came_or_the_usual_one(
    status: int, reason: bytes | None, line: bytes
) -> None:
    assert StatusLines()[status, reason] == line


def test_a_bounded_number_of_status_lines_is_remembered() -> None:
    lines = StatusLines()
    for number in range(1_000):
        assert lines[200, b"%d" % number] == b"HTTP/1.1 200 %d\r\n" % number
    assert len(lines) <= 256


@pytest.mark.parametrize(
    ("method", "status", "none"),
    [
        ("HEAD", 200, True),
        ("GET", 304, True),
        ("GET", 204, True),
        ("GET", 103, True),
        ("GET", 200, False),
        ("POST", 205, False),
        ("head", 200, False),
    ],
)
def test_which_answers_never_have_content(method: str, status: int, none: bool) -> None:
    assert has_no_content(method, status) is none


def test_a_length_is_written_behind_the_fields() -> None:
    response = make_response(200, {"X": "1"})
    assert head(response, 5) == b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 5\r\n\r\n"
    assert head(response, 0, date=b"now") == b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 0\r\nDate: now\r\n\r\n"


def test_chunked_and_neither_are_written_as_they_are_meant() -> None:
    assert head(make_response(), chunked=True) == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert head(make_response(204)) == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("close", "minor", "end"),
    [
        (False, 1, b"0\r\n\r\n"),
        (True, 1, b"0\r\nConnection: close\r\n\r\n"),
        (True, 0, b"0\r\nConnection: close\r\n\r\n"),
        (False, 0, b"0\r\nConnection: keep-alive\r\n\r\n"),
    ],
)
def test_the_connection_is_mentioned_where_it_is_not_what_the_version_implies(
    close: bool, minor: int, end: bytes
) -> None:
    assert head(make_response(), 0, close=close, minor=minor).endswith(end)


def test_an_interim_head_is_a_status_line_and_fields() -> None:
    assert interim_head(103, b"Link: </a>\r\n") == b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert interim_head(100, b"") == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_an_upgrade_head_hands_the_connection_over() -> None:
    expected = b"HTTP/1.1 101 Switching Protocols\r\nX: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert upgrade_head(make_response(101, {"X": "1"}), b"websocket") == expected


@given(
    st.integers(200, 599).filter(lambda status: status not in (204, 304)),
    st.lists(
        st.tuples(st.sampled_from(["X-A", "Set-Cookie", "Server"]), st.sampled_from(["", "a", "b, c"])), max_size=4
    ),
    st.binary(max_size=20),
    st.booleans(),
    st.sampled_from([0, 1]),
    st.sampled_from([None, b"Sun, 06 Nov 1994 08:49:37 GMT"]),
)
def test_whatever_is_written_llhttp_reads_as_meant(
    status: int, lines: list[tuple[str, str]], body: bytes, close: bool, minor: int, date: bytes | None
) -> None:
    response = Response(status, fields_of(lines), body)
    opinion = on_response(head(response, len(body), close=close, minor=minor, date=date) + body)
    assert (opinion.error, opinion.complete, opinion.content) == ("", True, body)
    framing = {b"content-length", b"connection", b"date"}
    assert [line for line in opinion.fields if line[0].lower() not in framing] == list(response.fields)


def test_a_426_nominates_the_protocol_that_it_names() -> None:
    wanted = make_response(426, {"Upgrade": "websocket"})
    assert head(wanted, 0).endswith(b"Connection: Upgrade\r\n\r\n")
    assert head(wanted, 0, close=True).endswith(b"Connection: Upgrade\r\nConnection: close\r\n\r\n")
    assert b"Connection" not in head(make_response(426), 0)
