"""One connection judges each answer."""

import asyncio
from typing import cast
from unittest.mock import Mock

from loadtests.traffic.connection import Connection
from loadtests.traffic.exchanges import Exchange

ASKED = Exchange(b"GET / HTTP/1.1\r\n\r\n", 200, 5)
RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Told:
    """A connection over a transport that goes nowhere, and what it said."""

    def __init__(self) -> None:
        self.answers: list[str | None] = []
        self.ends = 0
        self.transport = Mock(spec=asyncio.Transport)
        self.connection = Connection(lambda _, wrong: self.answers.append(wrong), self.end)
        self.connection.connection_made(cast(asyncio.Transport, self.transport))

    def end(self, connection: Connection) -> None:
        self.ends += 1


def test_a_right_answer_leaves_it_open_for_the_next() -> None:
    told = Told()
    for _ in range(2):
        told.connection.ask(ASKED)
        for position in range(len(RIGHT)):
            told.connection.data_received(RIGHT[position : position + 1])
    assert told.answers == [None, None]
    assert told.connection.is_open
    assert told.transport.write.call_count == 2


def test_a_wrong_status_or_length_is_said() -> None:
    told = Told()
    for answer in (RIGHT.replace(b"200 OK", b"502 No"), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhe"):
        told.connection.ask(ASKED)
        told.connection.data_received(answer)
    assert told.answers == ["status 502 with 5 octets", "status 200 with 2 octets"]


def test_an_answer_that_breaks_off_is_wrong() -> None:
    told = Told()
    told.connection.ask(ASKED)
    told.connection.data_received(RIGHT[:-2])
    told.connection.connection_lost(None)
    assert told.answers == ["connection lost after 3 octets"]
    assert told.ends == 1
    assert not told.connection.is_open


def test_an_idle_connection_that_ends_is_no_fault() -> None:
    told = Told()
    told.connection.connection_lost(None)
    assert (told.answers, told.ends) == ([], 1)


def test_a_right_answer_that_asks_to_close_is_right_and_the_last() -> None:
    told = Told()
    told.connection.ask(ASKED)
    told.connection.data_received(RIGHT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert told.answers == [None]
    assert not told.connection.is_open
    told.transport.close.assert_called_once_with()


def test_nonsense_is_wrong_and_ends_the_connection() -> None:
    told = Told()
    told.connection.ask(ASKED)
    told.connection.data_received(b"\x00\x01\r\n\r\n")
    (wrong,) = told.answers
    assert wrong is not None
    assert wrong.startswith("not HTTP")
    told.transport.abort.assert_called_once_with()


def test_an_answer_nobody_asked_for_is_wrong() -> None:
    told = Told()
    told.connection.data_received(RIGHT)
    assert told.answers == ["an answer nobody asked for"]


def test_closing_says_nothing_about_what_was_going_on() -> None:
    told = Told()
    told.connection.ask(ASKED)
    told.connection.close()
    told.connection.connection_lost(None)
    assert (told.answers, told.ends) == ([], 1)
