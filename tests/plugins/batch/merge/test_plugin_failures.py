"""What becomes of those who share a bulk call when it does not go well, or when they leave."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    CircuitOpenError,
    GatewayError,
    OverloadedError,
    Request,
    Response,
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from tests.support.batching import Merged, Users, until
from tests.support.plugins import make_request, make_response
from tests.support.streams import RecordingSource

JSON = {"Content-Type": "application/json"}
Broken = Callable[[Request], Response]


class BadBulk(Users):
    """Answers single requests, and fails at bulk ones."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(waits=True)
        self.broken = broken
        self.singles = 0
        self.most_singles = 0

    async def __call__(self, request: Request) -> Response:
        self.targets.append(request.target.decode())
        if b"?ids=" in request.target:
            return self.broken(request)
        self.singles += 1
        self.most_singles = max(self.most_singles, self.singles)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.singles -= 1
        return self.answer(request)


def failing(error: Exception) -> Broken:
    def fail(request: Request) -> Response:
        raise error

    return fail


def answering(status: int = 200, body: Any = b"{}", **fields: str) -> Broken:
    return lambda request: make_response(
        status, {**JSON, **{name.replace("_", "-"): text for name, text in fields.items()}}, body
    )


async def outcome(merged: Merged, users: BadBulk, count: int = 4) -> list[int | str]:
    """What `count` requests got that shared a bulk call: a status, or the reason of an error."""

    async def ask(number: int) -> int | str:
        try:
            return (await merged.handle(make_request(target=f"/users/{number}"))).status
        except GatewayError as error:
            return error.reason

    asked = [asyncio.ensure_future(ask(number)) for number in range(count + 1)]
    await until(lambda: any("?ids=" in target for target in users.targets))
    for _ in range(20):
        await asyncio.sleep(0)
    users.gate.set()
    return (await asyncio.gather(*asked))[1:]


@pytest.mark.parametrize(
    "broken",
    [
        answering(500),
        answering(404),
        answering(503),
        answering(206),
        answering(200, b"nonsense"),
        answering(200, b'{"data": 5}'),
        answering(200, b'{"data": []}', Content_Encoding="gzip"),
        answering(200, b'{"data": []}', Content_Type="text/html"),
        answering(200, b" " * 3000),
        failing(UpstreamClosedError()),
    ],
)
async def test_a_bulk_call_that_fails_is_stood_in_for_by_single_calls(broken: Broken) -> None:
    users = BadBulk(broken)
    merged = Merged(users, max=4, max_answer="2KiB", fallback=2)
    assert await outcome(merged, users) == [200] * 4
    assert sorted(users.targets) == ["/users/0", "/users/1", "/users/2", "/users/3", "/users/4", "/users?ids=1,2,3,4"]
    assert (merged.counted("bulk_failed"), merged.saved) == (4, 0)


async def test_single_calls_stand_in_a_few_at_a_time_and_who_finds_no_place_to_wait_is_refused() -> None:
    users = BadBulk(answering(500))
    merged = Merged(users, max=20, fallback=3, fallback_waiting=5)
    got = await outcome(merged, users, 20)
    assert (got.count(200), got.count("overloaded")) == (8, 12)
    assert users.most_singles == 1 + 3, "the lone one and those that stand in"
    assert merged.counted("refused") == 12


async def test_who_waits_too_long_to_be_stood_in_for_is_refused() -> None:
    users = BadBulk(answering(500))
    merged = Merged(users, max=4, fallback=1, timeout="30ms")
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(5)]
    await until(lambda: merged.counted("refused") == 3)
    users.gate.set()
    assert sorted(await asyncio.gather(*asked), key=str) == [200, 200, "overloaded", "overloaded", "overloaded"]


async def _status(merged: Merged, number: int) -> int | str:
    try:
        return (await merged.handle(make_request(target=f"/users/{number}"))).status
    except OverloadedError as error:
        return error.reason


@pytest.mark.parametrize(
    "error", [UpstreamConnectError(), UpstreamTimeoutError(), OverloadedError(), CircuitOpenError("open", 3.0)]
)
async def test_an_error_that_single_calls_would_meet_as_well_is_everybodys(error: GatewayError) -> None:
    users = BadBulk(failing(error))
    merged = Merged(users, max=4)
    assert await outcome(merged, users) == [error.reason] * 4
    assert len(users.targets) == 2
    assert merged.counted("bulk_error") == 4


@pytest.mark.parametrize(("status", "fields"), [(429, {}), (503, {"Retry_After": "9"})])
async def test_an_upstream_that_asks_for_calm_gets_it(status: int, fields: dict[str, str]) -> None:
    users = BadBulk(answering(status, **fields))
    merged = Merged(users, max=4)
    assert await outcome(merged, users) == [status] * 4
    assert len(users.targets) == 2


async def test_a_bulk_call_that_takes_too_long_is_504_for_everybody_and_given_up() -> None:
    source = RecordingSource()
    users = BadBulk(answering(200, BodyStream(None, source)))
    merged = Merged(users, max=4, timeout="30ms")
    assert await outcome(merged, users) == ["timeout"] * 4
    assert source.told[-1] == "cancel"


async def test_after_three_failures_in_a_row_no_bulk_call_is_tried_for_a_while() -> None:
    users = BadBulk(answering(500))
    merged = Merged(users, max=2, rest="5s")
    for _ in range(4):
        await asyncio.gather(
            *(merged.handle(make_request(target=f"/users/{number}")) for number in range(3)), _open(users)
        )
        users.gate.clear()
    assert sum("?ids=" in target for target in users.targets) == 3
    assert merged.counted("resting") == 3
    merged.clock.advance(5.0)
    await asyncio.gather(*(merged.handle(make_request(target=f"/users/{number}")) for number in range(3)), _open(users))
    assert sum("?ids=" in target for target in users.targets) == 4


async def _open(users: BadBulk) -> None:
    for _ in range(20):
        await asyncio.sleep(0)
    users.gate.set()


async def test_a_mistake_of_ours_reaches_everybody_as_one() -> None:
    users = BadBulk(failing(ZeroDivisionError()))
    merged = Merged(users, max=2)
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(3)]
    await until(lambda: asked[1].done() and asked[2].done())
    assert isinstance(asked[1].exception(), ZeroDivisionError)
    assert isinstance(asked[2].exception(), ZeroDivisionError)
    users.gate.set()
    await asked[0]


async def test_who_leaves_before_the_window_closes_is_not_asked_for() -> None:
    users = Users(waits=True)
    merged = Merged(users)
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(4)]
    await until(lambda: merged.plugin_waits() == 3)
    asked[2].cancel()
    await until(lambda: merged.plugin_waits() == 2)
    merged.clock.advance(0.002)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    assert [await asked[place] for place in (0, 1, 3)] == [200] * 3
    assert users.targets[1] == "/users?ids=1,3"


async def test_when_the_lone_request_leaves_the_others_do_not_notice() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=2)
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(3)]
    await until(lambda: len(users.targets) == 2)
    asked[0].cancel()
    users.gate.set()
    assert await asyncio.gather(*asked[1:]) == [200, 200]


async def test_a_bulk_call_goes_on_for_those_who_stay_and_ends_with_the_last() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=3)
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(4)]
    await until(lambda: len(users.targets) == 2)
    asked[1].cancel()
    asked[2].cancel()
    await until(lambda: asked[2].done())
    assert users.cancelled == []
    asked[3].cancel()
    await until(lambda: users.cancelled)
    assert users.cancelled == ["/users?ids=1,2,3"]
    users.gate.set()
    assert await asked[0] == 200
    await until(lambda: len(merged.tasks) == 0)
    assert len(merged.rule.gatherer) == 0


async def test_a_plugin_that_closes_leaves_nobody_waiting() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=2)
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(3)]
    await until(lambda: len(users.targets) == 2)
    await merged.plugin.close()
    assert await asyncio.gather(*asked[1:]) == ["overloaded"] * 2
    users.gate.set()
    assert await asked[0] == 200


async def test_a_plugin_that_closes_lets_those_go_who_wait_for_company() -> None:
    users = Users(waits=True)
    merged = Merged(users)
    asked = [asyncio.ensure_future(_status(merged, number)) for number in range(3)]
    await until(lambda: merged.plugin_waits() == 2)
    await merged.plugin.close()
    await until(lambda: len(users.targets) == 3)
    users.gate.set()
    assert [await each for each in asked] == [200] * 3
    assert users.targets == ["/users/0", "/users/1", "/users/2"]
    assert len(merged.rule.gatherer) == 0
