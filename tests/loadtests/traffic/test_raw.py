"""Octets over a connection of their own."""

import pytest

from loadtests.traffic.raw import get, unless_status, until_closed


async def test_everything_until_the_close_is_returned(origin_port: int) -> None:
    octets = await until_closed(origin_port, get("/json/1k", "Connection: close\r\n"))
    assert octets.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(octets.partition(b"\r\n\r\n")[2]) == 1024


async def test_a_reset_ends_with_what_came_before_it(origin_port: int) -> None:
    assert await until_closed(origin_port, get("/reset")) == b""


async def test_nobody_listening_is_an_error(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        await until_closed(unused_tcp_port, b"")


def test_only_the_status_wanted_passes() -> None:
    assert unless_status(b"HTTP/1.1 400 Bad Request\r\nA: b\r\n", 400, "x") is None
    assert unless_status(b"HTTP/1.1 500 Oops\r\n", 400, "x") == "x: 'HTTP/1.1 500 Oops' instead of 400"
