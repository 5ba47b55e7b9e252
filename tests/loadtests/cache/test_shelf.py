"""The origin of the cache's load test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.cache.clients import Client, connect
from loadtests.cache.shelf import BRIEF, LARGE, LARGE_OCTETS, TAG, TAGGED, Shelf, page


@pytest.fixture
async def shelf() -> AsyncIterator[tuple[Shelf, Client]]:
    shelf = Shelf()
    (client,) = await connect(await shelf.open(), 1)
    yield shelf, client
    client.close()
    await shelf.close()


@pytest.mark.parametrize("target", [f"{BRIEF}x", f"{TAGGED}x", f"{LARGE}x", "/other"])
def test_every_page_is_whole_and_may_be_stored(target: str) -> None:
    head, _, content = page(target).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    assert b"max-age=" in head
    assert content.startswith(target.encode())
    assert (b"stale-while-revalidate" in head) is target.startswith(BRIEF)
    assert (f"Cache-Tag: {TAG}".encode() in head) is target.startswith(TAGGED)
    assert (len(content) == LARGE_OCTETS) is target.startswith(LARGE)


async def test_it_counts_what_it_is_asked(shelf: tuple[Shelf, Client]) -> None:
    origin, client = shelf
    for target in ("/a", "/b", "/a"):
        assert (await client.ask(target)).status == 200
    assert origin.asked == {"/a": 2, "/b": 1}


async def test_it_can_hold_its_answers_back(shelf: tuple[Shelf, Client]) -> None:
    origin, client = shelf
    origin.may_answer.clear()
    assert not origin.was_asked.is_set()
    asking = asyncio.create_task(client.ask("/a"))
    await origin.was_asked.wait()
    assert not asking.done()
    origin.may_answer.set()
    assert (await asking).status == 200
