"""What was begun before a reload leaves nothing behind for the lane after it."""

import asyncio

import pytest

from gateway.http.fields import Fields
from gateway.http.message import Monotonic, Request, Response
from tests.support.roads import Lane, make_front

HEAD = b"GET /things HTTP/1.1\r\nHost: app.test\r\n\r\n"


class Stored:
    """A stored response that lives for ever."""

    alive = True
    until = Monotonic(2e9)
    reads: frozenset[bytes] = frozenset()

    def lines(self, now: float) -> tuple[bytes, float]:
        return b"Age: 1\r\n", 2e9

    def used(self, times: int) -> None:
        """Nothing."""


class Waiting:
    """A chain whose answers wait for a word, as behind a plugin that asks somebody."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.asked += 1
        await self.may_answer.wait()
        response = Response(200, Fields([(b"Date", b"x"), (b"Age", b"0")]), b"content")
        response.replay, response.replay_lines = Stored(), b"Age: 0\r\n"
        return response


@pytest.mark.parametrize(("limit", "reloads"), [(1 << 20, 1), (1 << 20, 2), (0, 1)])
async def test_an_answer_that_was_begun_before_a_reload_is_not_kept_after_it(limit: int, reloads: int) -> None:
    chain = Waiting()
    front, _, log = make_front(chain)
    log.enabled = False
    route = front.router(Request("GET", b"/", Fields()))
    assert route is not None
    route.may_replay = True
    lane = Lane(chain, front=front)
    lane.send(HEAD)
    assert chain.asked == 1
    for _ in range(reloads):
        front.lane.configure(limit, ())
    chain.may_answer.set()
    while not lane.sent:  # noqa: ASYNC110  # the answer sets no event
        await asyncio.sleep(0)
    assert len(front.lane) == 0
    lane.send(HEAD)
    assert (chain.asked, len(front.lane)) == (2, 1 if limit else 0)
