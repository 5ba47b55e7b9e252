"""Requests that are sent again, to a real gateway with two workers."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.answer import Answer
from tests.support.client import request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin

_keys = count()


@pytest.fixture(scope="module")
def gateway(shared_origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("idempotency")
    settings = before(shared_origin.url) | {
        "workers": 2,
        "plugins": [{"idempotency": {"store": str(directory / "answers")}}],
    }
    with running(settings, directory) as gateway:
        yield gateway


@pytest.fixture
def key() -> str:
    return f"key-{next(_keys)}"


def post(gateway: Gateway, key: str, target: str = "/orders", body: bytes = b"{}") -> Answer:
    with gateway.client() as client:
        client.send(request("POST", target, f'Idempotency-Key: "{key}"', body=body))
        return client.answer("POST")


def test_whichever_worker_is_asked_again_the_first_answer_comes(gateway: Gateway, origin: Origin, key: str) -> None:
    answers = [post(gateway, key) for _ in range(12)]
    assert len(origin.requests) == 1
    assert {answer.body for answer in answers} == {answers[0].body}
    assert [answer.one(b"idempotency-replayed") for answer in answers] == [None] + [b"true"] * 11
    assert {post(gateway, key, body=b"[]").status for _ in range(4)} == {422}


def test_of_many_at_once_one_is_carried_out(gateway: Gateway, origin: Origin, key: str) -> None:
    statuses: Counter[int] = Counter()

    def ask() -> None:
        statuses[post(gateway, key, "/hold").status] += 1

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: statuses[409] == 15, "all others are told that it is under way")
    origin.release.set()
    for thread in threads:
        thread.join(30)
    assert (len(origin.requests), statuses) == (1, Counter({409: 15, 200: 1}))
    assert post(gateway, key, "/hold").body == b"held"
    assert len(origin.requests) == 1


def test_a_client_that_leaves_finds_its_answer(gateway: Gateway, origin: Origin, key: str) -> None:
    with gateway.client() as client:
        client.send(request("POST", "/hold", f"Idempotency-Key: {key}", body=b"{}"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        client.reset()
    assert post(gateway, key, "/hold").status == 409
    origin.release.set()
    wait_until(lambda: post(gateway, key, "/hold").status == 200, "its answer is there")
    assert len(origin.requests) == 1


def test_large_uploads_and_downloads_are_the_same_ones(gateway: Gateway, origin: Origin, key: str) -> None:
    body = b"x" * 300_000
    first, second = [post(gateway, key, "/size/200000", body) for _ in range(2)]
    assert (len(first.body), first.body) == (200_000, second.body)
    assert (len(origin.requests), origin.requests[0].size) == (1, 300_000)
    assert origin.requests[0].one(b"content-length") == b"300000"
    assert post(gateway, key, "/size/200000", body + b"x").status == 422


def test_a_worker_that_dies_takes_no_key_with_it(gateway: Gateway, origin: Origin, key: str) -> None:
    before = gateway.workers()
    with gateway.client() as client:
        client.send(request("POST", "/hold", f"Idempotency-Key: {key}", body=b"{}"))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        origin.release.set()
        wait_until(lambda: len(set(gateway.workers()) - set(before)) == 2, "there are new workers")
    wait_until(lambda: post(gateway, key, "/hold").status == 200, "it is carried out again")
    assert len(origin.requests) == 2


def test_a_reload_and_errors(gateway: Gateway, origin: Origin, key: str) -> None:
    assert [post(gateway, key, "/status/503").status for _ in range(2)] == [503, 503]
    assert post(gateway, key).status == 200
    assert gateway.admin("POST", "/api/reload", "Content-Length: 0").json()["result"] == "applied"
    assert post(gateway, key).one(b"idempotency-replayed") == b"true"
    assert len(origin.requests) == 3


def test_by_itself_it_shares_answers_between_workers_and_leaves_nothing_behind(origin: Origin, tmp_path: Path) -> None:
    settings = before(origin.url) | {"workers": 2, "plugins": [{"idempotency": {}}]}
    with running(settings, tmp_path) as gateway:
        for _ in range(8):
            assert post(gateway, "k").status == 200
        assert len(origin.requests) == 1
        supervisor = gateway.process.pid
    left = [
        path
        for parent in (Path("/dev/shm"),)
        if parent.is_dir()
        for path in parent.glob(f"*-{os.getuid()}-{supervisor}")
    ]
    assert left == []
