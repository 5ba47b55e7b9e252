"""A wrong answer is noticed before it is measured."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from loadtests.bench.scenarios import SCENARIOS, Scenario
from loadtests.bench.verify import Answer, WrongAnswerError, decoded, differences, verify
from loadtests.support.ports import LOOPBACK
from plugins.compress.settings import Coding
from tests.support.coded import reference_encode

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


class _Proxy:
    """Hands requests on to the origin, but for those it has stored, when it stores any."""

    def __init__(self, origin_port: int, *, stores: bool) -> None:
        self._origin_port, self._stores = origin_port, stores
        self._stored: dict[bytes, bytes] = {}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                key = head.partition(b"\r\n")[0] + str(b"If-None-Match" in head).encode()
                if key not in self._stored or not self._stores:
                    self._stored[key] = await self._fetch(head)
                writer.write(self._stored[key])
        writer.close()

    async def _fetch(self, head: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(LOOPBACK, self._origin_port)
        writer.write(head[:-2] + b"Connection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def proxy_port(origin_port: int, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The port of a proxy that stores what it fetched (True) or does not (False)."""
    server = await asyncio.start_server(_Proxy(origin_port, stores=request.param).handle, LOOPBACK, 0)
    port: int = server.sockets[0].getsockname()[1]
    yield port
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("proxy_port", [True], indirect=True)
@pytest.mark.parametrize("name", ["hit-1k", "hit-1k-unique", "hit-304"])
async def test_a_cache_that_does_not_ask_again_is_right(origin_port: int, proxy_port: int, name: str) -> None:
    await asyncio.to_thread(verify, BY_NAME[name], proxy_port, origin_port)


@pytest.mark.parametrize("proxy_port", [False], indirect=True)
async def test_a_right_answer_that_is_no_hit_is_noticed(origin_port: int, proxy_port: int) -> None:
    with pytest.raises(WrongAnswerError, match="the origin was asked 2 times for what should be stored"):
        await asyncio.to_thread(verify, BY_NAME["hit-1k"], proxy_port, origin_port)


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


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_content_is_compared_without_its_coding(coding: str) -> None:
    coded = reference_encode(Coding(coding), b"content")
    assert decoded(coding, coded) == b"content"
    with pytest.raises(WrongAnswerError, match=f"not in {coding}"):
        decoded(coding, b"content")


@pytest.mark.parametrize("name", ["code-10k-gzip", "hit-10k-br"])
async def test_an_answer_that_was_not_coded_is_noticed(origin_port: int, name: str) -> None:
    with pytest.raises(WrongAnswerError, match="the content is not in"):
        await asyncio.to_thread(verify, BY_NAME[name], origin_port, origin_port)


async def test_content_as_it_is_is_right_where_it_is_asked_for(origin_port: int) -> None:
    await asyncio.to_thread(verify, BY_NAME["code-10k-plain"], origin_port, origin_port)
