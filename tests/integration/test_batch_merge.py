"""Merged requests at a real gateway: many clients, few calls, and nobody gets what is another's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.answer import Answer
from tests.support.gateway import Gateway, before, running
from tests.support.origin import Connection, Origin, Received

MISSING = {13, 26}


def users(connection: Connection) -> None:
    """Users singly and in bulk, each with the name of who asks. `/users/0` is answered when the test allows it; what is
    special about an answer is in the query."""
    while (asked := connection.request()) is not None:
        path, _, query = asked.target.decode().partition("?")
        if path == "/users/0" and not connection.origin.release.wait(30):
            return
        connection.send(_reply(asked, path, query))


def _reply(asked: Received, path: str, query: str) -> bytes:
    who = (asked.one(b"authorization") or b"nobody").decode()
    if path == "/users":
        if "broken" in query:
            return b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
        wanted = [int(number) for number in unquote(query).partition("=")[2].partition("&")[0].split(",")]
        found = [{"id": number, "for": who} for number in wanted if number not in MISSING]
        content = json.dumps({"data": found[::-1]}).encode()
    elif int(path.rpartition("/")[2]) in MISSING:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    else:
        content = json.dumps({"id": int(path.rpartition("/")[2]), "for": who}).encode()
    fields = b'Content-Type: application/json\r\nETag: "all"\r\n'
    fields += b"Cache-Control: max-age=600%b\r\n" % (b", public" if "public" in query else b"")
    if "cookie" in query:
        fields += b"Set-Cookie: trace=1\r\n"
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (fields, len(content), content)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(users) as origin:
        yield origin


@pytest.fixture
def gateway(origin: Origin, tmp_path: Path) -> Iterator[Gateway]:
    rule = {"match": "/users/{id}", "bulk": "/users?ids={ids}", "items": "/data", "window": "1s", "max": 10}
    settings = before(origin.url) | {"plugins": [{"cache": {}}, {"batch": {"merge": rule}}]}
    with running(settings, tmp_path) as gateway:
        yield gateway


def ask_together(
    gateway: Gateway, origin: Origin, targets: list[tuple[str, str]], lone_target: str = "/users/0"
) -> list[Answer]:
    """Ask for all of them while a call that nobody could share is under way for each user."""
    origin.release.clear()
    names = sorted({who for who, _ in targets})
    got: dict[int, Answer] = {}

    def ask(place: int, who: str, target: str) -> None:
        got[place] = gateway.get(target, f"Authorization: {who}")

    lone = [threading.Thread(target=ask, args=(-1 - place, who, lone_target)) for place, who in enumerate(names)]
    others = [threading.Thread(target=ask, args=(place, who, target)) for place, (who, target) in enumerate(targets)]
    for thread in lone:
        thread.start()
    assert origin.wait_for(lambda: sum(asked.target == lone_target.encode() for asked in origin.requests) == len(names))
    for thread in others:
        thread.start()
    for thread in others:
        thread.join(30)
    origin.release.set()
    for thread in lone:
        thread.join(30)
    return [got[place] for place in range(len(targets))]


def bulk_calls(origin: Origin) -> int:
    return sum(asked.target.startswith(b"/users?") for asked in origin.requests)


def test_many_clients_share_few_calls_and_each_gets_its_own(gateway: Gateway, origin: Origin) -> None:
    numbers = [number % 30 + 1 for number in range(60)]
    got = ask_together(gateway, origin, [("ann", f"/users/{number}") for number in numbers])
    for number, answer in zip(numbers, got, strict=True):
        if number in MISSING:
            assert answer.status == 404
        else:
            assert answer.json() == {"id": number, "for": "ann"}
            assert answer.one(b"cache-control") == b"max-age=600"
    assert len(origin.requests) <= 30
    assert gateway.metric("slipstream_batch_upstream_calls_saved_total", part="merge") >= 30


def test_users_never_share_a_call(gateway: Gateway, origin: Origin) -> None:
    targets = [(who, f"/users/{number}") for number in range(1, 13) for who in ("ann", "bob", "cid")]
    for (who, _), answer in zip(targets, ask_together(gateway, origin, targets), strict=True):
        assert answer.json()["for"] == who
    assert bulk_calls(origin) >= 3


def test_a_bulk_call_that_fails_harms_nobody(gateway: Gateway, origin: Origin) -> None:
    got = ask_together(
        gateway, origin, [("ann", f"/users/{number}?broken") for number in range(1, 11)], "/users/0?broken"
    )
    assert [answer.json()["id"] for answer in got] == list(range(1, 11))
    assert gateway.metric("slipstream_batch_requests_total", outcome="bulk_failed") >= 2


def test_each_answer_is_stored_under_its_own_url(gateway: Gateway, origin: Origin) -> None:
    """Whoever comes too late to share on a slow machine is asked for again under another number."""
    for first in range(1, 12, 3):
        origin.forget()
        numbers = range(first, first + 3)
        ask_together(gateway, origin, [("ann", f"/users/{number}?public") for number in numbers], "/users/0?public")
        if bulk_calls(origin):
            break
    calls = len(origin.requests)
    for number in numbers:
        got = gateway.get(f"/users/{number}?public", "Authorization: ann")
        assert got.json()["id"] == number
        assert b"; hit" in (got.one(b"cache-status") or b"")
    assert len(origin.requests) == calls
    entries = gateway.admin("GET", "/api/entries").json()["entries"]
    assert not [entry for entry in entries if "ids=" in json.dumps(entry)], "the bulk answer itself is stored nowhere"


def test_what_came_with_a_cookie_is_kept_for_nobody(gateway: Gateway, origin: Origin) -> None:
    got = ask_together(
        gateway, origin, [("ann", f"/users/{number}?cookie") for number in range(1, 11)], "/users/0?cookie"
    )
    assert bulk_calls(origin) >= 1
    shared = [answer for answer in got if answer.one(b"etag") is None]
    assert shared
    for answer in shared:
        assert (answer.all(b"set-cookie"), answer.one(b"cache-control")) == ([], b"no-store")
