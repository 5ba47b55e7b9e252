import asyncio
from collections.abc import Sequence

import pytest

from gateway.redis.errors import RedisDownError
from gateway.redis.reads import Reads


class Server:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []
        self.answers: list[asyncio.Future[list[bytes | None]]] = []
        self.error: Exception | None = None

    def fetch(self, names: Sequence[bytes]) -> asyncio.Future[list[bytes | None]]:
        if self.error is not None:
            raise self.error
        self.asked.append(list(names))
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_is_wanted_in_one_turn_is_asked_for_together() -> None:
    server = Server()
    reads = Reads(server.fetch)
    values = [reads.get(b"a"), reads.get(b"b"), reads.get(b"a")]
    await turn()
    assert server.asked == [[b"a", b"b"]]
    server.answers[0].set_result([b"1", None])
    assert await asyncio.gather(*values) == [b"1", None, b"1"]


async def test_the_next_turn_asks_anew() -> None:
    server = Server()
    reads = Reads(server.fetch)
    reads.get(b"a")
    await turn()
    reads.get(b"a")
    await turn()
    assert server.asked == [[b"a"], [b"a"]]


async def test_who_has_left_is_not_asked_for_and_keeps_no_others_waiting() -> None:
    server = Server()
    reads = Reads(server.fetch)
    gone, stays = reads.get(b"a"), reads.get(b"b")
    gone.cancel()
    await turn()
    assert server.asked == [[b"b"]]
    reads.get(b"c").cancel()
    await turn()
    assert server.asked == [[b"b"]]
    server.answers[0].set_result([b"2"])
    assert await stays == b"2"


async def test_all_hear_of_a_failure() -> None:
    server = Server()
    reads = Reads(server.fetch)
    late = reads.get(b"a")
    await turn()
    server.answers[0].set_exception(RedisDownError("gone"))
    with pytest.raises(RedisDownError):
        await late
    server.error = RedisDownError("still gone")
    with pytest.raises(RedisDownError, match="still"):
        await reads.get(b"a")


async def test_a_fetch_that_is_cancelled_lets_all_go() -> None:
    server = Server()
    reads = Reads(server.fetch)
    waiting = reads.get(b"a")
    await turn()
    server.answers[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
