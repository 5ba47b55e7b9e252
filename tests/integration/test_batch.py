"""Batches of clients and arrays of calls at a real gateway: what clients and the origin see of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin, Received

JSON = "Content-Type: application/json"


def reply(asked: Received) -> bytes:
    """What the origin answers to a request."""
    if asked.target.startswith(b"/rpc"):
        call = json.loads(asked.body)
        content = json.dumps({"jsonrpc": "2.0", "result": call["method"], "id": call["id"]}).encode()
        return response(b"application/json", content)
    if asked.target == b"/binary":
        return response(b"image/png", b"\x00\xff")
    if asked.target == b"/fresh":
        return response(b"text/plain", b"fresh", b"Cache-Control: max-age=600")
    if asked.target == b"/login":
        return response(b"text/plain", b"in", b"Set-Cookie: sid=1; HttpOnly")
    told = {name: (asked.one(name.encode()) or b"").decode() for name in ("host", "cookie", "x-forwarded-for", "x-own")}
    told |= {"method": asked.method, "body": asked.body.decode()}
    return response(b"application/json", json.dumps(told).encode())


def response(kind: bytes, content: bytes, *fields: bytes) -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        kind,
        lines,
        len(content),
        content,
    )


def answering(connection: Connection) -> None:
    """Answer, `/slow` when the test allows it."""
    while (asked := connection.request()) is not None:
        if asked.target == b"/slow" and not connection.origin.release.wait(30):
            return
        connection.send(reply(asked))


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(answering) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    batch = {"client": {"max_answer": "64KiB"}, "rpc": {"safe": ["get*"]}}
    routes = [
        {"name": "closed", "match": "/closed/*", "upstream": "down"},
        {"match": "/*", "name": "rest", "upstream": "app"},
    ]
    settings = before(origin.url) | {"plugins": [{"cache": {}}, {"batch": batch}], "routes": routes}
    settings["upstreams"]["down"] = {"servers": ["http://127.0.0.1:1"]}
    with running(settings, tmp_path_factory.mktemp("batch")) as gateway:
        yield gateway


def posted(gateway: Gateway, target: str, document: Any, *fields: str) -> Answer:
    with gateway.client() as client:
        client.send(request("POST", target, JSON, *fields, body=json.dumps(document).encode()))
        return client.answer("POST")


def test_one_round_trip_answers_all_items_in_order_each_by_its_own_route(gateway: Gateway) -> None:
    items = [
        {"id": "a", "path": "/a", "headers": {"X-Own": "yes"}},
        {"id": "b", "method": "PUT", "path": "/b", "body": "text"},
        {"id": "c", "path": "/binary"},
        {"id": "d", "path": "/closed/d"},
        {"id": "e", "path": "http://elsewhere/"},
        {"id": "f", "path": "/closed/f", "headers": {"Accept": "application/json"}},
    ]
    got = posted(gateway, "/batch", items, "Cookie: sid=7", "X-Own: no")
    assert got.status == 200
    a, b, c, d, e, f = got.json()
    assert [each["id"] for each in (a, b, c, d, e, f)] == list("abcdef")
    assert a["body"] == {
        "host": "shop.test",
        "cookie": "sid=7",
        "x-forwarded-for": "127.0.0.1",
        "x-own": "yes",
        "method": "GET",
        "body": "",
    }
    assert (b["body"]["method"], b["body"]["body"], b["body"]["x-own"]) == ("PUT", "text", "")
    assert (c["encoding"], base64.b64decode(c["body"])) == ("base64", b"\x00\xff")
    assert [each["status"] for each in (d, e, f)] == [502, 400, 502]
    alone = gateway.get("/closed/f", "Accept: application/json")
    assert f["body"] == alone.json()
    assert f["headers"]["Proxy-Status"].encode() == alone.one(b"proxy-status")


def test_items_are_answered_by_the_cache_of_their_route(gateway: Gateway, origin: Origin) -> None:
    for _ in range(3):
        (entry,) = posted(gateway, "/batch", [{"path": "/fresh"}]).json()
        assert entry["body"] == "fresh"
    assert "hit" in entry["headers"]["Cache-Status"]
    assert sum(asked.target == b"/fresh" for asked in origin.requests) == 1


def test_cookies_are_set_for_the_browser_and_hidden_from_scripts(gateway: Gateway) -> None:
    got = posted(gateway, "/batch", [{"path": "/login"}])
    assert got.one(b"set-cookie") == b"sid=1; HttpOnly"
    assert b"sid=1" not in got.body


@pytest.mark.parametrize(
    ("target", "field", "body", "status"),
    [
        ("/batch", "Content-Type: text/plain", b"[]", 415),
        ("/batch", JSON, b"{}", 400),
        ("/batch", JSON, b"[" + b"0," * 100 + b"0]", 413),
        ("/batch", JSON, b"[" + b" " * (1 << 20) + b"]", 413),
    ],
)
def test_what_is_no_batch_is_refused_whole(gateway: Gateway, target: str, field: str, body: bytes, status: int) -> None:
    with gateway.client() as client, client.sending(request("POST", target, field, body=body)):
        assert client.answer("POST").status == status


def test_the_path_of_batches_is_for_posting(gateway: Gateway) -> None:
    got = gateway.get("/batch")
    assert (got.status, got.all(b"allow")) == (405, [b"POST"])


def read_line(client: Client) -> Any:
    """The next answer of a chunked stream of lines; each line is a chunk of its own."""
    size = int(client.wire.line(), 16)
    (chunk,) = [b"".join(client.wire.exactly(size + 2))]
    return json.loads(chunk) if size else None


def test_lines_come_as_they_are_ready(gateway: Gateway, origin: Origin) -> None:
    origin.release.clear()
    items = [{"id": "slow", "path": "/slow"}, {"id": "quick", "path": "/quick"}]
    with gateway.client() as client:
        client.send(request("POST", "/batch", JSON, "Accept: application/x-ndjson", body=json.dumps(items).encode()))
        while client.wire.line():
            pass
        first = read_line(client)
        origin.release.set()
        second = read_line(client)
        assert read_line(client) is None
    assert [(each["index"], each["id"], each["status"]) for each in (first, second)] == [
        (1, "quick", 200),
        (0, "slow", 200),
    ]


def busy(gateway: Gateway) -> float:
    return gateway.metric("slipstream_upstream_connections", upstream="app", state="busy")


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_client_that_leaves_takes_its_items_along(gateway: Gateway, origin: Origin, accept: str) -> None:
    origin.release.clear()
    origin.forget()
    with gateway.client() as client:
        client.send(
            request("POST", "/batch", JSON, f"Accept: {accept}", body=json.dumps([{"path": "/slow"}] * 8).encode())
        )
        assert origin.wait_for(lambda: len(origin.requests) == 8)
        wait_until(lambda: busy(gateway) == 8, "each item holds a connection")
        client.reset()
    wait_until(lambda: busy(gateway) == 0, "the calls of the items are given up")
    origin.release.set()


def test_equal_calls_of_an_array_are_made_once(gateway: Gateway, origin: Origin) -> None:
    origin.forget()
    calls = [
        {"jsonrpc": "2.0", "method": method, "id": number}
        for number, method in enumerate(["getA", "set", "getB", "getB", "set"])
    ]
    got = posted(gateway, "/rpc", calls).json()
    assert [(each["id"], each["result"]) for each in got] == [
        (number, call["method"]) for number, call in enumerate(calls)
    ]
    assert len(origin.requests) == 4


def test_it_says_what_it_would_do(gateway: Gateway) -> None:
    told = gateway.admin("GET", "/api/explain?url=http://shop.test/batch&method=POST").json()
    said = [plugin for worker in told["workers"] for plugin in worker["plugins"] if plugin["plugin"] == "batch"]
    assert [plugin["reason"] for plugin in said] == ["answered"]


def test_a_reload_does_not_disturb_a_batch_that_is_under_way(origin: Origin, tmp_path: Path) -> None:
    origin.release.clear()
    origin.forget()
    with running(before(origin.url) | {"plugins": [{"batch": {"client": {}}}]}, tmp_path) as gateway:
        with gateway.client() as client:
            client.send(request("POST", "/batch", JSON, body=json.dumps([{"path": "/slow"}, {"path": "/a"}]).encode()))
            assert origin.wait_for(lambda: any(asked.target == b"/slow" for asked in origin.requests))
            gateway.write(gateway.settings | {"plugins": []})
            assert gateway.admin("POST", "/api/reload", "Content-Length: 0").json()["result"] == "applied"
            origin.release.set()
            assert [each["status"] for each in client.answer("POST").json()] == [200, 200]
        assert posted(gateway, "/batch", []).json()["method"] == "POST"
