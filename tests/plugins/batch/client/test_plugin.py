import asyncio
import json
from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    BodyTooLargeError,
    GatewayError,
    Handler,
    RefusedError,
    Request,
    Response,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from gateway.figures.registry import Figures
from tests.support.batching import batch_of, client_of, entries, until
from tests.support.plugins import make_request, make_response, without_waiting
from tests.support.streams import RecordingSource, stream_of


async def echo(request: Request) -> Response:
    content = request.body if isinstance(request.body, bytes) else b""
    return make_response(200, {"Content-Type": "text/plain"}, request.method.encode() + request.target + content)


async def test_items_are_answered_in_their_order_and_cost_no_task_when_they_need_not_wait() -> None:
    figures = Figures.in_memory()
    handler, _ = client_of(echo, figures)
    batch = batch_of({"id": "b", "path": "/1"}, {"path": "/2", "method": "PUT", "body": "!"}, {"id": 3, "path": "/3"})
    response = without_waiting(handler(batch))
    assert (response.status, response.fields.get(b"cache-control")) == (200, b"no-store")
    assert response.fields.get(b"content-type") == b"application/json"
    got = json.loads(response.body)
    assert [(each.get("id"), each["status"], each["body"]) for each in got] == [
        ("b", 200, "GET/1"),
        (None, 200, "PUT/2!"),
        (3, 200, "GET/3"),
    ]
    assert [decision.reason.value for decision in batch.trail] == ["answered"]
    assert figures.value("batch_items_total", route="default", part="client", status="2xx") == 3
    assert figures.value("batch_size", route="default", part="client") == 1


async def test_items_run_side_by_side_within_the_bound() -> None:
    under_way, most, gate = 0, 0, asyncio.Event()

    async def slow(request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            gate.set()
        await gate.wait()
        await asyncio.sleep(0)
        under_way -= 1
        return make_response()

    handler, _ = client_of(slow, concurrency=3)
    got = await entries(handler, *[{"path": f"/{number}"} for number in range(20)])
    assert ([each["status"] for each in got], most) == ([200] * 20, 3)


async def test_other_paths_pass_and_what_is_asked_for_the_path_itself_never_reaches_the_upstream() -> None:
    async def upstream(request: Request) -> Response:
        return make_response(418)

    handler, _ = client_of(echo, inner=upstream)
    for target in ("/", "/batches", "/batch/", "/x/batch"):
        assert (await handler(make_request(target=target))).status == 418
    refused = await handler(make_request(target="/batch?x"))
    assert (refused.status, refused.fields.values(b"allow")) == (405, [b"POST"])


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"[]", 415),
        ({}, b"[]", 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"[]", 415),
        ({"Content-Type": "application/json"}, b"{}", 400),
        ({"Content-Type": "application/json"}, b'[{"path":"/"},{"path":"/"},{"path":"/"},{"path":"/"}]', 413),
        ({"Content-Type": "application/json"}, b" " * 2000, 413),
        ({"Content-Type": "application/json"}, stream_of(b" " * 2000), 413),
        ({"Content-Type": "application/json"}, stream_of(b" " * 2000, length=2000), 413),
    ],
)
async def test_what_is_no_batch_is_refused(fields: dict[str, str], body: Any, status: int) -> None:
    handler, _ = client_of(echo, items=3, max_body=1000)
    with pytest.raises((RefusedError, BodyTooLargeError)) as refused:
        await handler(make_request("POST", "/batch", fields, body))
    assert refused.value.status == status


async def test_a_batch_without_items_has_no_answers() -> None:
    handler, _ = client_of(echo)
    assert await entries(handler) == []


async def test_a_bad_item_is_one_bad_answer() -> None:
    handler, _ = client_of(echo)
    got = await entries(handler, {"path": "/1"}, {"id": "x", "path": "nowhere"}, 7, {"path": "/2"})
    assert [each["status"] for each in got] == [200, 400, 400, 200]
    assert (got[1]["id"], got[1]["body"]["status"]) == ("x", 400)


@pytest.mark.parametrize(
    ("error", "status"), [(UpstreamConnectError(), 502), (UpstreamTimeoutError(), 504), (RefusedError("no", 403), 403)]
)
async def test_an_error_is_the_answer_that_the_client_would_have_got_alone(error: GatewayError, status: int) -> None:
    async def failing(request: Request) -> Response:
        if request.target == b"/bad":
            raise error
        return make_response()

    handler, _ = client_of(failing)
    accept = {"Accept": "application/json"}
    good, bad = await entries(handler, {"path": "/"}, {"path": "/bad", "headers": accept})
    assert (good["status"], bad["status"], bad["body"]["detail"]) == (200, status, error.detail)
    assert bad["headers"]["Proxy-Status"].startswith("slipstream; error=")


async def test_a_mistake_of_ours_is_500_for_its_item_alone() -> None:
    async def broken(request: Request) -> Response:
        if request.target == b"/bad":
            raise ZeroDivisionError
        return make_response()

    handler, _ = client_of(broken)
    assert [each["status"] for each in await entries(handler, {"path": "/bad"}, {"path": "/"})] == [500, 200]


async def test_an_answer_that_is_too_large_is_given_up_and_says_so() -> None:
    source = RecordingSource()

    async def large(request: Request) -> Response:
        if request.target == b"/stream":
            body = stream_of(b"x" * 2000)
            body._source = source
            return make_response(body=body)
        return make_response(body=b"x" * (2000 if request.target == b"/large" else 400))

    handler, _ = client_of(large, max_answer=1000, max_answers=1000)
    got = await entries(handler, {"path": "/stream"}, {"path": "/large"}, *[{"path": "/"}] * 4)
    assert [each["status"] for each in got] == [502, 502, 200, 200, 502, 502]


async def test_answers_that_are_read_at_the_same_time_are_not_too_large_together_either() -> None:
    begun: list[bytes] = []

    async def upstream(request: Request) -> Response:
        begun.append(request.target)
        source = RecordingSource()
        body = BodyStream(60, source)

        async def bring() -> None:
            await until(lambda: len(begun) == 3)
            body.feed(b"x" * 60)
            body.finish()

        bringing.append(asyncio.ensure_future(bring()))
        return make_response(body=body)

    bringing: list[asyncio.Future[None]] = []
    handler, _ = client_of(upstream, max_answers=130)
    got = await entries(handler, *[{"path": "/"}] * 3)
    assert sorted(each["status"] for each in got) == [200, 200, 502]
    await asyncio.gather(*bringing)


async def test_when_nothing_more_may_be_held_answers_without_content_still_pass() -> None:
    async def upstream(request: Request) -> Response:
        return make_response(body=b"x" * 100 if request.target == b"/full" else b"")

    handler, _ = client_of(upstream, max_answers=100)
    got = await entries(handler, {"path": "/full"}, {"path": "/full"}, {"path": "/empty"})
    assert [each["status"] for each in got] == [200, 502, 200]


async def test_answers_without_content_have_none() -> None:
    sent: list[bool] = []

    async def upstream(request: Request) -> Response:
        response = make_response(304 if request.target == b"/304" else 200, {"ETag": '"a"'}, b"hello")
        if request.target == b"/stream":
            response.body = stream_of(b"hello!", length=6)
        elif request.target == b"/described":
            response.body, response.described_length = b"", 7
        response.on_sent(sent.append)
        return response

    handler, _ = client_of(upstream)
    paths = ["/", "/stream", "/described"]
    got = await entries(handler, *[{"method": "HEAD", "path": path} for path in paths], {"path": "/304"})
    assert [each["body"] for each in got] == [None] * 4
    assert [each["headers"].get("Content-Length") for each in got[:3]] == ["5", "6", "7"]
    assert sent == [True] * 4


async def test_cookies_of_items_are_set_by_the_batch() -> None:
    async def upstream(request: Request) -> Response:
        return make_response(200, {"Set-Cookie": f"at={request.target.decode()}; HttpOnly"})

    handler, _ = client_of(upstream)
    response = await handler(batch_of({"path": "/1"}, {"path": "/2"}))
    assert response.fields.values(b"set-cookie") == [b"at=/1; HttpOnly", b"at=/2; HttpOnly"]
    assert b"HttpOnly" not in bytes(response.body)  # type: ignore[arg-type]  # not a stream


async def test_items_that_take_too_long_are_504_and_the_others_are_answered() -> None:
    cancelled: list[bytes] = []

    async def upstream(request: Request) -> Response:
        if request.target == b"/hangs":
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(request.target)
        return make_response()

    handler, _ = client_of(upstream, timeout="100ms")
    got = await entries(handler, {"path": "/"}, {"id": "h", "path": "/hangs"}, {"path": "/"})
    assert [each["status"] for each in got] == [200, 504, 200]
    assert (got[1]["id"], cancelled) == ("h", [b"/hangs"])


async def test_a_client_that_leaves_takes_its_items_along() -> None:
    begun, cancelled, all_begun = 0, 0, asyncio.Event()

    async def upstream(request: Request) -> Response:
        nonlocal begun, cancelled
        begun += 1
        if begun == 2:
            all_begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return make_response()

    handler, tasks = client_of(upstream, concurrency=2)
    work = asyncio.ensure_future(handler(batch_of(*[{"path": "/"}] * 5)))
    await all_begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await until(lambda: len(tasks) == 0)
    assert (begun, cancelled) == (2, 2)


async def test_a_batch_that_comes_out_of_a_batch_is_refused_wherever_it_goes() -> None:
    handlers: list[Handler] = []

    async def other_route(request: Request) -> Response:
        request.target = b"/batch"  # as a plugin in front may have it
        request.fields.set(b"Content-Type", b"application/json")
        return await handlers[0](request)

    handler, _ = client_of(other_route)
    handlers.append(handler)
    (got,) = await entries(
        handler, {"path": "/x", "method": "POST", "body": "[]", "headers": {"Accept": "application/json"}}
    )
    assert (got["status"], got["body"]["detail"]) == (400, "A batch within a batch is not taken apart.")
