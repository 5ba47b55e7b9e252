import asyncio
import json
from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    Handler,
    RefusedError,
    Request,
    Response,
    UpstreamConnectError,
    UpstreamProtocolError,
)
from gateway.figures.registry import Figures
from plugins.batch import PLUGIN
from plugins.batch.client.request import MARK
from tests.support.batching import until
from tests.support.plugins import FieldsLike, chain_of, make_request, make_response, make_runtime
from tests.support.streams import RecordingSource, stream_of

JSON = {"Content-Type": "application/json"}


def call(method: str, number: Any = None, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method} | ({} if number is None else {"id": number}) | members


class Server:
    """Answers JSON-RPC calls with the name of their method, singly and in arrays."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.fields: FieldsLike = JSON

    async def __call__(self, request: Request) -> Response:
        assert isinstance(request.body, bytes)
        self.bodies.append(body := json.loads(request.body))
        await asyncio.sleep(0)
        if isinstance(body, list):
            answers = [self.answer(each) for each in reversed(body) if "id" in each]
            return make_response(200, self.fields, json.dumps(answers).encode())
        if "id" not in body:
            return make_response(204)
        return make_response(200, self.fields, json.dumps(self.answer(body)).encode())

    def answer(self, body: Any) -> Any:
        return {"jsonrpc": "2.0", "result": body["method"], "id": body["id"]}


def rpc(upstream: Handler, figures: Figures | None = None, **settings: Any) -> Handler:
    return chain_of(PLUGIN, upstream, make_runtime(figures=figures), rpc={"safe": ["get*"], **settings})


def posted(*members: Any, **how: Any) -> Request:
    return make_request("POST", "/rpc", JSON, json.dumps(members).encode(), **how)


async def answered(handler: Handler, *members: Any) -> Any:
    response = await handler(posted(*members))
    assert response.status == 200
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


@pytest.mark.parametrize("send", ["single", "array"])
async def test_equal_safe_calls_are_made_once_and_everybody_is_answered_in_order(send: str) -> None:
    server, figures = Server(), Figures.in_memory()
    handler = rpc(server, figures, send=send)
    members = [call("getA", 1), call("set", 2), call("note"), call("getA", "x"), call("getA", 1), 5, call("set", 2)]
    got = await answered(handler, *members)
    results = [(each["id"], each.get("result", "error")) for each in got]
    assert results == [(1, "getA"), (2, "set"), ("x", "getA"), (1, "getA"), (None, "error"), (2, "set")]
    flat = [each for body in server.bodies for each in (body if isinstance(body, list) else [body])]
    assert [each["method"] for each in flat] == ["getA", "set", "note", "getA", "set"]
    assert len(server.bodies) == (1 if send == "array" else 5)
    assert figures.value("batch_upstream_calls_saved_total", route="default", part="rpc") == 1


async def test_an_array_in_which_nothing_can_be_left_out_passes_as_it_came() -> None:
    server = Server()
    request = posted(call("getA", 1), call("getB", 1))
    body = request.body
    response = await rpc(server, send="array")(request)
    assert request.body is body
    assert response.status == 200
    assert [decision.reason.value for decision in request.trail] == ["unchanged"]


@pytest.mark.parametrize(
    ("method", "fields", "body", "reason"),
    [
        ("POST", JSON, b'{"jsonrpc":"2.0","method":"getA","id":1}', ["not_an_array"]),
        ("POST", JSON, b"nonsense", ["not_an_array"]),
        ("POST", JSON, b" " * 2000, ["too_large"]),
        ("POST", {"Content-Type": "text/plain"}, b"[1]", []),
        ("PUT", JSON, b"[1]", []),
    ],
)
async def test_what_is_no_array_passes_untouched(
    method: str, fields: FieldsLike, body: bytes, reason: list[str]
) -> None:
    seen: list[Any] = []

    async def upstream(request: Request) -> Response:
        seen.append(request.body)
        return make_response(418)

    request = make_request(method, "/rpc", fields, body)
    assert (await rpc(upstream, max_body=1000)(request)).status == 418
    assert ([decision.reason.value for decision in request.trail], seen) == (reason, [body])


async def test_a_body_that_is_known_to_be_too_large_is_not_read() -> None:
    body = BodyStream(2000, RecordingSource())

    async def upstream(request: Request) -> Response:
        assert request.body is body
        return make_response()

    await rpc(upstream, max_body=1000)(make_request("POST", "/rpc", JSON, body))


async def test_a_streamed_array_is_read_and_taken_apart() -> None:
    request = make_request("POST", "/rpc", JSON, stream_of(b'[{"jsonrpc":"2.0",', b'"method":"getA","id":1}]'))
    assert json.loads((await rpc(Server())(request)).body) == [{"jsonrpc": "2.0", "result": "getA", "id": 1}]  # type: ignore[arg-type]  # bytes


async def test_notifications_alone_are_sent_and_answered_by_nothing() -> None:
    server = Server()
    response = await rpc(server)(posted(call("note"), call("getA")))
    assert (response.status, response.body, len(server.bodies)) == (204, b"", 2)


async def test_too_many_calls_and_arrays_within_batches_are_refused() -> None:
    handler = rpc(Server(), max=2)
    with pytest.raises(RefusedError) as refused:
        await handler(posted(1, 2, 3))
    assert refused.value.status == 413
    item = posted(call("getA", 1))
    item.attributes = {MARK: True}
    with pytest.raises(RefusedError) as refused:
        await handler(item)
    assert refused.value.status == 400


async def test_what_goes_wrong_with_one_call_is_the_answer_to_that_call() -> None:
    async def upstream(request: Request) -> Response:
        body = json.loads(request.body)  # type: ignore[arg-type]  # bytes, as the plugin made it
        match body["method"]:
            case "down":
                raise UpstreamConnectError
            case "bug":
                raise ZeroDivisionError
            case "late":
                return make_response(503, {}, b"<html>")
            case "odd":
                return make_response(200, JSON, b'{"jsonrpc":"2.0","result":1,"id":"another"}')
            case "large":
                return make_response(200, JSON, b" " * 5000)
            case "refused":
                return make_response(400, JSON, b'{"jsonrpc":"2.0","error":{"code":-32602,"message":"no"},"id":6}')
        return make_response(200, JSON, b'{"jsonrpc":"2.0","result":1,"id":%d}' % body["id"])

    names = ["fine", "down", "bug", "late", "odd", "large", "refused"]
    got = await answered(rpc(upstream, max_answer="4KiB"), *[call(name, number) for number, name in enumerate(names)])
    assert [each["id"] for each in got] == list(range(7))
    assert got[0]["result"] == 1
    assert [each["error"].get("data", {}).get("status") for each in got[1:]] == [502, 500, 503, 502, 502, None]
    assert got[6]["error"]["code"] == -32602


async def test_calls_that_take_too_long_fail_and_the_others_are_answered() -> None:
    async def upstream(request: Request) -> Response:
        if b"hangs" in request.body:  # type: ignore[operator]  # bytes, as the plugin made it
            await asyncio.Event().wait()
        return await server(request)

    server = Server()
    got = await answered(rpc(upstream, timeout="50ms"), call("getA", 1), call("hangs", 2))
    assert (got[0]["result"], got[1]["error"]["data"]["status"]) == ("getA", 504)


async def test_cookies_of_single_answers_are_set_by_the_array() -> None:
    server = Server()
    server.fields = {**JSON, "Set-Cookie": "a=b"}
    response = await rpc(server)(posted(call("a", 1), call("b", 2)))
    assert response.fields.values(b"set-cookie") == [b"a=b", b"a=b"]


async def test_a_client_that_leaves_takes_its_calls_along() -> None:
    begun, cancelled = 0, 0

    async def upstream(request: Request) -> Response:
        nonlocal begun, cancelled
        begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return make_response()

    handler = rpc(upstream, concurrency=2)

    async def ask() -> Response:
        return await handler(posted(*[call("a", number) for number in range(5)]))

    asked = asyncio.ensure_future(ask())
    await until(lambda: begun == 2)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await until(lambda: cancelled == 2)
    assert begun == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (make_response(401, {"WWW-Authenticate": "Bearer"}, b"who?"), 401),
        (make_response(200, JSON, b'{"jsonrpc":"2.0","error":{"code":-32600},"id":null}'), 200),
    ],
)
async def test_what_is_said_about_a_reduced_array_as_a_whole_passes_as_it_is(answer: Response, status: int) -> None:
    body = answer.body

    async def upstream(request: Request) -> Response:
        return answer

    response = await rpc(upstream, send="array")(posted(call("getA", 1), call("getA", 2)))
    assert (response, response.status, response.body) == (answer, status, body)


async def test_an_answer_to_a_reduced_array_that_is_none_is_a_fault_of_the_upstream() -> None:
    async def upstream(request: Request) -> Response:
        return make_response(200, JSON, b"nonsense")

    with pytest.raises(UpstreamProtocolError):
        await rpc(upstream, send="array")(posted(call("getA", 1), call("getA", 2)))


async def test_graphql_changes_run_one_after_the_other_and_queries_between_them_side_by_side() -> None:
    order: list[str] = []
    under_way = 0

    async def upstream(request: Request) -> Response:
        nonlocal under_way
        query = json.loads(request.body)["query"]  # type: ignore[arg-type]  # bytes, as the plugin made it
        under_way += 1
        order.append(f"{query} beside {under_way - 1}")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way -= 1
        return make_response(200, JSON, json.dumps({"data": query}).encode())

    queries = ["{a}", "{b}", "{a}", "mutation {c}", "mutation {c}", "{a}"]
    got = await answered(rpc(upstream, protocol="graphql", safe=[]), *[{"query": query} for query in queries])
    assert [each["data"] for each in got] == queries
    assert order == ["{a} beside 0", "{b} beside 1", "mutation {c} beside 0", "mutation {c} beside 0", "{a} beside 0"]
