"""A wrong answer is noticed before it is measured."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from loadtests.bench.scenarios import SCENARIOS, Scenario
from loadtests.bench.verify import Answer, WrongAnswerError, differences, verify
from loadtests.support.ports import LOOPBACK

RIGHT = Answer(200, {"ETag": '"a"', "Vary": None}, b"content")
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def test_the_same_answer_has_no_differences() -> None:
    assert differences(RIGHT, RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(RIGHT, status=502), "status 502 instead of 200"),
        (replace(RIGHT, fields={"Vary": None}), 'ETag: None instead of "a"'),
        (replace(RIGHT, fields={"ETag": '"a"', "Vary": "Accept"}), "Vary: Accept instead of None"),
        (replace(RIGHT, content=b"cont"), "content of 4 octets differs from the 7 expected"),
        (replace(RIGHT, content=b"CONTENT"), "content of 7 octets differs from the 7 expected"),
    ],
)
def test_each_difference_is_said(wrong: Answer, said: str) -> None:
    assert differences(RIGHT, wrong) == [said]


@pytest.mark.parametrize("name", ["get-1k", "get-100k", "post-1k", "post-1m"])
async def test_the_origin_passes_for_itself(name: str, origin_port: int) -> None:
    await asyncio.to_thread(verify, BY_NAME[name], origin_port, origin_port)


async def test_a_target_the_origin_does_not_know_is_no_scenario(origin_port: int) -> None:
    with pytest.raises(WrongAnswerError, match="the origin itself answers 404"):
        await asyncio.to_thread(verify, Scenario("x", "X", "/nowhere"), origin_port, origin_port)


@pytest.fixture
async def babbler_port() -> AsyncIterator[int]:
    """The port of a server that says something that is not HTTP."""

    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, LOOPBACK, 0)
    port: int = server.sockets[0].getsockname()[1]
    yield port
    server.close()
    await server.wait_closed()


async def test_what_is_not_http_is_a_wrong_answer(origin_port: int, babbler_port: int) -> None:
    with pytest.raises(WrongAnswerError, match="BadStatusLine"):
        await asyncio.to_thread(verify, BY_NAME["get-1k"], babbler_port, origin_port)
