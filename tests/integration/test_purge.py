"""Purges, lists and explanations, asked of a gateway whose two workers each have a store of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin

_numbers = count()


def shop(connection: Connection) -> None:
    """Products with tags, fresh for a minute and good for a while more; `/private/` is for one person."""
    while (asked := connection.request()) is not None:
        page = asked.target.split(b"/")[-1]
        if asked.target.startswith(b"/private/"):
            fields = [b"Cache-Control: private"]
        else:
            fields = [b"Cache-Control: max-age=60, stale-while-revalidate=60", b"Cache-Tag: shop, p-" + page]
        head = b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(fields)
        connection.send(head + b"\r\nContent-Length: 4\r\n\r\nshop")


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(shop) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(origin.url) | {
        "workers": 2,
        "plugins": [{"cache": {}}],
        "routes": [
            {"match": "/api/*", "name": "api"},
            {"match": "/bare/*", "name": "bare", "plugins": {"cache": "off"}},
            {"match": "/*", "name": "rest"},
        ],
    }
    with running(settings, tmp_path_factory.mktemp("purge")) as gateway:
        yield gateway


@pytest.fixture
def place() -> str:
    """A path that no other test uses."""
    return f"/place-{next(_numbers)}/"


def asked(gateway: Gateway, document: Any, *, path: str = "/api/purge") -> Answer:
    host = f"127.0.0.1:{gateway.admin_port}"
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request("POST", path, "Connection: close", host=host, body=json.dumps(document).encode()))
        return client.answer("POST")


def purged(gateway: Gateway, **document: Any) -> int:
    """How many stored responses a purge was about; every worker must have acknowledged it."""
    got = asked(gateway, document)
    assert got.status == 200, got.body
    told = got.json()
    assert told["acknowledged"] == 2
    assert [worker["worker"] for worker in told["workers"]] == ["0", "1"]
    assert sum(worker["count"] for worker in told["workers"]) == told["count"]
    assert (told["octets"] > 0) is (told["count"] > 0)
    return int(told["count"])


def entries(gateway: Gateway, **query: str) -> Any:
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return gateway.admin("GET", f"/api/entries?{text}").json()


def url(path: str) -> str:
    return f"http://shop.test{path}"


def stored_everywhere(gateway: Gateway, *targets: str) -> None:
    """Ask, each time on another connection, until both workers have stored an answer for each target."""
    for target in targets:

        def have_both(target: str = target) -> bool:
            assert gateway.get(target).status == 200
            return bool(entries(gateway, url=url(target))["count"] == 2)

        wait_until(have_both, f"both workers have {target}")


def calls(origin: Origin, target: str) -> int:
    return sum(kept.target == target.encode() for kept in origin.requests)


def explained(gateway: Gateway, target: str, *fields: str, method: str = "GET") -> list[dict[str, Any]]:
    """What the only plugin of the route says in each worker."""
    query = "".join(f"&header={quote(field, safe='')}" for field in fields)
    got = gateway.admin("GET", f"/api/explain?method={method}&url={quote(url(target), safe='')}{query}")
    assert got.status == 200, got.body
    found = [plugin for worker in got.json()["workers"] for plugin in worker["plugins"]]
    assert len(found) == 2
    return found


def slipstream(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


SELECTORS: list[tuple[str, Callable[[str], dict[str, Any]]]] = [
    ("url", lambda place: {"url": url(place + "1")}),
    ("prefix", lambda place: {"prefix": url(place)}),
    ("tag", lambda place: {"tag": "shop"}),
    ("route", lambda place: {"route": "rest"}),
    ("all", lambda place: {"all": True}),
]


@pytest.mark.parametrize("selector", [make for _, make in SELECTORS], ids=[name for name, _ in SELECTORS])
def test_what_is_purged_is_asked_for_again_in_every_worker(
    gateway: Gateway, origin: Origin, place: str, selector: Callable[[str], dict[str, Any]]
) -> None:
    target = place + "1"
    stored_everywhere(gateway, target)
    known = calls(origin, target)
    assert purged(gateway, **selector(place)) >= 2
    assert entries(gateway, url=url(target))["count"] == 0
    stored_everywhere(gateway, target)
    assert calls(origin, target) == known + 2


def test_a_purge_leaves_alone_what_it_does_not_name(gateway: Gateway, place: str) -> None:
    stored_everywhere(gateway, place + "1", place + "11", "/api" + place + "1")
    assert purged(gateway, url=url(place + "1")) == 2
    assert purged(gateway, prefix=url(place)) == 2
    assert purged(gateway, tag="p-nobody") == 0
    assert purged(gateway, prefix=url("/api" + place), dry_run=True) == 2


def test_a_dry_run_counts_and_changes_nothing(gateway: Gateway, origin: Origin, place: str) -> None:
    stored_everywhere(gateway, place + "1", place + "2")
    known = len(origin.requests)
    for _ in range(2):
        assert purged(gateway, prefix=url(place), dry_run=True) == 4
    for _ in range(8):
        assert b"hit" in (gateway.get(place + "1").one(b"cache-status") or b"")
    assert len(origin.requests) == known


def test_what_is_purged_softly_answers_once_more_and_is_fetched_behind(
    gateway: Gateway, origin: Origin, place: str
) -> None:
    target = place + "1"
    stored_everywhere(gateway, target)
    known = calls(origin, target)
    assert purged(gateway, url=url(target), soft=True) == 2
    assert {said["decision"] for said in explained(gateway, target)} == {"stale"}
    stale = gateway.get(target)
    assert b"detail=soft_purged" in (stale.one(b"cache-status") or b"")
    assert origin.wait_for(lambda: calls(origin, target) == known + 1)
    wait_until(
        lambda: "hit" in {said["decision"] for said in explained(gateway, target)}, "the worker that was asked is fresh"
    )


def test_replays_end_with_the_purge(gateway: Gateway, place: str) -> None:
    target = place + "1"
    with gateway.client() as client:
        for _ in range(4):
            client.get(target)
        before_purge = gateway.metric("slipstream_replays_total")
        client.get(target)
        wait_until(
            lambda: gateway.metric("slipstream_replays_total") > before_purge, "the answer is given by the replay lane"
        )
        purged(gateway, url=url(target))
        assert b"fwd=uri-miss" in (client.get(target).one(b"cache-status") or b"")


def test_what_would_happen_is_told_without_asking_the_origin(gateway: Gateway, origin: Origin, place: str) -> None:
    target = place + "1"
    known = len(origin.requests)
    assert {(said["decision"], said["reason"]) for said in explained(gateway, target)} == {("miss", "uri_miss")}
    assert len(origin.requests) == known
    stored_everywhere(gateway, target)
    known = len(origin.requests)
    for said in explained(gateway, target):
        assert (said["plugin"], said["decision"], said["reason"]) == ("cache", "hit", "fresh")
        assert said["stored"]["lifetime_from"] == "The directive max-age."
        assert said["stored"]["tags"] == ["p-1", "shop"]
        assert 0 < said["stored"]["ttl_seconds"] <= 60
    assert {said["reason"] for said in explained(gateway, target, "Cache-Control: no-cache")} == {"request_no_cache"}
    assert {said["decision"] for said in explained(gateway, target, method="POST")} == {"bypass"}
    assert len(origin.requests) == known


def test_why_an_answer_was_not_stored_is_told(gateway: Gateway) -> None:
    target = f"/private/{next(_numbers)}"
    gateway.get(target)
    reasons = [said.get("last_answer", {}).get("reason") for said in explained(gateway, target)]
    assert sorted(reasons, key=str) == [None, "private"]


def test_the_command_line_says_the_same(gateway: Gateway, place: str) -> None:
    stored_everywhere(gateway, place + "1")
    admin = f"127.0.0.1:{gateway.admin_port}"
    told = slipstream("explain", url(place + "1"), "--admin", admin)
    assert "  cache: hit (fresh): The stored response is fresh.\n" in told.stdout
    told = slipstream("purge", "--prefix", url(place), "--admin", admin)
    assert told.stdout.startswith("removed 2 stored responses (")
    assert "; acknowledged by 2 of 2 workers\n" in told.stdout
    assert (told.returncode, told.stderr) == (0, "")


def test_stored_responses_are_listed_in_pages(gateway: Gateway, place: str) -> None:
    stored_everywhere(gateway, *(f"{place}{number}" for number in range(3)))
    query = {"prefix": url(place), "order": "key", "descending": "false", "most": "2"}
    first = entries(gateway, **query)
    assert (first["count"], first["next_offset"], len(first["entries"])) == (6, 2, 4)
    second = entries(gateway, **query, offset="2")
    assert (second["next_offset"], len(second["entries"])) == (None, 2)
    listed = sorted((row["key"], row["worker"]) for row in first["entries"] + second["entries"])
    assert listed == [(url(f"{place}{number}"), worker) for number in range(3) for worker in ("0", "1")]


def test_a_question_that_makes_no_sense_is_refused_with_words(gateway: Gateway) -> None:
    got = asked(gateway, {"url": "nonsense"})
    assert (got.status, got.one(b"content-type")) == (422, b"application/problem+json; charset=utf-8")
    assert "'nonsense' is not a URL" in got.json()["detail"]
    got = gateway.admin("GET", "/api/explain?url=nonsense")
    assert (got.status, "not a URL" in got.json()["detail"]) == (422, True)


def test_a_route_without_a_cache_has_nothing_to_explain(gateway: Gateway) -> None:
    got = gateway.admin("GET", f"/api/explain?url={url('/bare/1')}").json()
    assert [(worker["route"], worker["plugins"]) for worker in got["workers"]] == [("bare", [])] * 2


def test_when_the_cache_goes_there_is_nothing_to_purge(
    origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("without")
    with running(before(origin.url) | {"plugins": [{"cache": {}}]}, directory) as gateway:
        assert asked(gateway, {"all": True}).status == 200
        gateway.write(gateway.settings | {"plugins": []})
        assert gateway.admin("POST", "/api/reload", "Content-Length: 0").status == 200
        got = asked(gateway, {"all": True})
        assert (got.status, "no store" in got.json()["detail"]) == (404, True)
