"""The strict reader must be able to refuse, or nothing it lets pass means anything."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.answer import Answer, read_answer
from tests.support.wire import MalformedError, TruncatedError, Wire


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Wire]]:
    left, right = socket.socketpair()
    right.settimeout(5)
    with left, right:
        yield left, Wire(right)


def read(pair: tuple[socket.socket, Wire], data: bytes, method: str = "GET", minor: int = 1) -> Answer:
    pair[0].sendall(data)
    pair[0].shutdown(socket.SHUT_WR)
    return read_answer(pair[1], method, minor=minor)


def test_a_sized_answer_is_read_whole(pair: tuple[socket.socket, Wire]) -> None:
    answer = read(pair, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A:  b c \r\n\r\nabc")
    assert (answer.status, answer.body, answer.one(b"x-a")) == (200, b"abc", b"b c")


def test_a_chunked_answer_comes_with_its_trailers(pair: tuple[socket.socket, Wire]) -> None:
    head = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = read(pair, head + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n")
    assert (answer.body, answer.trailers, len(answer.interim)) == (b"abc0123456789", [(b"x-t", b"v")], 1)


def test_two_answers_are_kept_apart(pair: tuple[socket.socket, Wire]) -> None:
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    first = read(pair, one + b"a" + one + b"b")
    assert (first.body, read_answer(pair[1]).body, pair[1].at_end()) == (b"a", b"b", True)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nwithout Connection: close",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_no_sender_may_send_is_refused(pair: tuple[socket.socket, Wire], data: bytes) -> None:
    with pytest.raises(MalformedError):
        read(pair, data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_not_whole(pair: tuple[socket.socket, Wire], data: bytes) -> None:
    with pytest.raises(TruncatedError):
        read(pair, data)


def test_a_client_of_the_old_version_gets_neither_chunks_nor_interim_answers(pair: tuple[socket.socket, Wire]) -> None:
    with pytest.raises(MalformedError):
        read(pair, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", minor=0)
