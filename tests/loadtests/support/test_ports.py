"""Free ports, and waiting for an answer."""

import asyncio
import socket

import pytest

from loadtests.support.ports import LOOPBACK, NotReadyError, free_port, wait_until_answers, wait_until_connected


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server((LOOPBACK, free_port())) as server:
        assert server.getsockname()[1] > 0


def test_whoever_accepts_connections_ends_the_wait_for_that() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        wait_until_connected(server.getsockname()[1])
    with pytest.raises(NotReadyError, match="nobody accepts"):
        wait_until_connected(free_port(), timeout=0.1)


async def test_a_200_ends_the_wait(origin_port: int) -> None:
    await asyncio.to_thread(wait_until_answers, origin_port, "/json/1k")


async def test_another_status_does_not_count_as_ready(origin_port: int) -> None:
    with pytest.raises(NotReadyError, match="last: status 404"):
        await asyncio.to_thread(wait_until_answers, origin_port, "/nowhere", timeout=0.1)


def test_a_program_that_ended_ends_the_wait_at_once() -> None:
    with pytest.raises(NotReadyError, match="ended with 3"):
        wait_until_answers(free_port(), "/", timeout=3600, still_running=lambda: "ended with 3")
