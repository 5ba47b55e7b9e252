import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.api import Request, Response
from tests.support.batching import Merged, Users, until
from tests.support.plugins import FieldsLike, make_request, make_response, without_waiting


def ask(merged: Merged, *wanted: Any, fields: FieldsLike = ()) -> list[asyncio.Future[Response]]:
    return [asyncio.ensure_future(_ask(merged, f"/users/{name}", fields)) for name in wanted]


async def _ask(merged: Merged, target: str, fields: FieldsLike = ()) -> Response:
    return await merged.handle(make_request(target=target, fields=fields))


async def answers(asked: Sequence[asyncio.Future[Response]]) -> list[tuple[int, Any]]:
    got = await asyncio.gather(*asked)
    return [(each.status, json.loads(each.body).get("id")) for each in got if isinstance(each.body, bytes)]


async def test_a_lone_request_goes_at_once_and_without_a_task() -> None:
    merged = Merged(Users())
    request = make_request(target="/users/7")
    response = without_waiting(merged.handle(request))
    assert json.loads(response.body) == {"id": 7, "single": True}
    assert [decision.reason.value for decision in request.trail] == ["lone"]
    assert len(merged.tasks) == 0


async def test_those_who_come_while_it_is_under_way_share_a_call_when_their_window_closes() -> None:
    users = Users(waits=True)
    merged = Merged(users)
    asked = ask(merged, 1, 2, 3, 4)
    await until(lambda: merged.plugin_waits() == 3)
    assert users.targets == ["/users/1"]
    merged.clock.advance(0.002)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    assert await answers(asked) == [(200, 1), (200, 2), (200, 3), (200, 4)]
    assert users.targets == ["/users/1", "/users?ids=2,3,4"]
    assert (merged.counted("lone"), merged.counted("merged"), merged.saved) == (1, 3, 2)
    await until(lambda: len(merged.tasks) == 0)


async def test_enough_of_them_do_not_wait() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=3)
    asked = ask(merged, *range(8))
    await until(lambda: len(users.targets) == 3)
    users.gate.set()
    await until(lambda: asked[0].done())
    merged.clock.advance(0.002)
    assert await answers(asked) == [(200, number) for number in range(8)]
    assert users.targets[:3] == ["/users/0", "/users?ids=1,2,3", "/users?ids=4,5,6"]


async def test_equal_ids_share_an_element_and_each_has_an_answer_of_its_own() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=2)
    asked = ask(merged, 0, 1, 1, 1, 2)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    got = await asyncio.gather(*asked)
    assert users.targets[1] == "/users?ids=1,2"
    assert [json.loads(bytes(each.body))["id"] for each in got] == [0, 1, 1, 1, 2]  # type: ignore[arg-type]  # bytes
    assert len({id(each) for each in got}) == len({id(each.fields) for each in got}) == 5
    assert merged.saved == 3


async def test_who_waited_for_company_that_did_not_come_goes_alone() -> None:
    users = Users(waits=True)
    merged = Merged(users)
    asked = ask(merged, 1, 2)
    await until(lambda: merged.plugin_waits() == 1)
    merged.clock.advance(0.002)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    assert await answers(asked) == [(200, 1), (200, 2)]
    assert (users.targets, merged.counted("no_company"), merged.saved) == (["/users/1", "/users/2"], 1, 0)


async def test_users_never_share_a_call() -> None:
    users = Users(waits=True)
    merged = Merged(users)
    names = ["ann", "bob"]
    asked = [future for name in names for future in ask(merged, 1, 2, 3, fields={"Authorization": name})]
    await until(lambda: merged.plugin_waits() == 4)
    merged.clock.advance(0.002)
    await until(lambda: len(users.targets) == 4)
    users.gate.set()
    got = await asyncio.gather(*asked)
    assert [each.fields.get(b"server") for each in got] == [b"for ann"] * 3 + [b"for bob"] * 3


async def test_what_cannot_be_merged_goes_as_it_is() -> None:
    users = Users()
    merged = Merged(users)
    for method, target, fields, reason in (
        ("HEAD", "/users/7", {}, "method"),
        ("GET", "/users/7?ids=8", {}, "query"),
        ("GET", "/users/1,2", {}, "id"),
        ("GET", "/users/7", {"If-None-Match": '"a"'}, "condition"),
    ):
        request = make_request(method, target, fields)
        await merged.handle(request)
        assert users.targets[-1] == target
        assert [decision.reason.value for decision in request.trail] == [reason]


async def test_other_paths_are_none_of_its_business() -> None:
    merged = Merged(Users())
    request = make_request(target="/users/7/posts")
    assert (await merged.handle(request)).status == 404
    assert request.trail == []


async def test_a_missing_id_is_404_for_whoever_asked_for_it() -> None:
    users = Users(waits=True, missing={3})
    merged = Merged(users, max=3)
    asked = ask(merged, 1, 2, 3, 4)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    assert [(await each).status for each in asked] == [200, 200, 404, 200]
    assert (merged.counted("missing"), merged.saved) == (1, 2)


async def test_a_missing_id_is_asked_for_alone_if_the_settings_say_so() -> None:
    users = Users(waits=True, missing={3})
    merged = Merged(users, max=3, missing="single")
    asked = ask(merged, 1, 2, 3, 4)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    assert await answers(asked) == [(200, 1), (200, 2), (200, 3), (200, 4)]
    assert users.targets[2:] == ["/users/3"]


async def test_the_window_is_shown() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=2, window="8ms")
    asked = ask(merged, 1, 2, 3)
    await until(lambda: len(users.targets) == 2)
    users.gate.set()
    await answers(asked)
    assert merged.figures.value("batch_window_seconds", route="default", rule="/users/{id}") == pytest.approx(0.004)
    assert merged.figures.value("batch_size", route="default", part="merge") == 1


async def test_the_time_spent_waiting_is_the_upstreams() -> None:
    users = Users(waits=True)
    merged = Merged(users, max=2)
    requests = [make_request(target=f"/users/{number}") for number in range(3)]
    asked = [asyncio.ensure_future(_handle(merged, request)) for request in requests]
    await until(lambda: len(users.targets) == 2)
    merged.clock.advance(5.0)
    users.gate.set()
    await asyncio.gather(*asked)
    assert [request.upstream_wait for request in requests[1:]] == [5.0, 5.0]
    assert [request.served_by for request in requests[1:]] == ["http://app"] * 2


async def _handle(merged: Merged, request: Request) -> Response:
    return await merged.handle(request)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_is_asked_by_whom_in_whatever_order_everybody_gets_their_own(seed: int) -> None:
    chance = random.Random(seed)

    async def upstream(request: Request) -> Response:
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        return users.answer(request)

    users = Users(missing=set(range(0, 30, 7)))
    merged = Merged(upstream, max=chance.randrange(2, 8))
    asked = []
    for _ in range(120):
        user, number = chance.choice(["ann", "bob", "cid"]), chance.randrange(30)
        (future,) = ask(merged, number, fields={"Cookie": user, "User-Agent": str(chance.random())})
        asked.append((user, number, future))
        if chance.random() < 0.3:
            merged.clock.advance(0.001)
            await asyncio.sleep(0)
        if chance.random() < 0.1:
            chance.choice(asked)[2].cancel()
    for _ in range(200):
        merged.clock.advance(0.001)
        await asyncio.sleep(0)
    await merged.until(lambda: all(future.done() for _, _, future in asked))
    for user, number, future in asked:
        if future.cancelled():
            continue
        got = future.result()
        if got.status == 404:
            assert number in users.missing
        else:
            assert json.loads(bytes(got.body))["id"] == number  # type: ignore[arg-type]  # bytes, as Users makes them
            assert got.fields.get(b"server") == f"for {user}".encode()
    await until(lambda: len(merged.tasks) == 0)
    assert merged.rule.gatherer.due_at == float("inf")
    assert len(merged.rule.gatherer) == 0


async def test_answers_of_two_rules_do_not_meet() -> None:
    targets = []

    async def upstream(request: Request) -> Response:
        targets.append(request.target.decode())
        await asyncio.sleep(0)
        return make_response(200, {"Content-Type": "application/json"}, b'{"1":{"id":1},"2":{"id":2},"3":{"id":3}}')

    merged = Merged(upstream, more=[{"match": "/shops/{id}", "bulk": "/shops/{ids}"}], items="", max=2)
    asked = [
        asyncio.ensure_future(_ask(merged, f"/{kind}/{number}")) for number in (1, 2, 3) for kind in ("users", "shops")
    ]
    await merged.until(lambda: all(each.done() for each in asked))
    assert sorted(targets)[-2:] == ["/users/1", "/users?ids=2,3"]
    assert "/shops/2,3" in targets
