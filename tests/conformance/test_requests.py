"""Every request of the tables against one gateway over real sockets, and what the origin got of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conformance.faults import REQUEST_FAULTS, VALID
from tests.conformance.request_case import ADMIN_PORT, Case, Reaches
from tests.conformance.requests import CASES
from tests.support.answer import Answer
from tests.support.client import Client
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Origin, Received
from tests.support.replies import well_behaved
from tests.support.sending import BYTE_BY_BYTE, WHOLE

_PATIENCE = 8.0
_AFTER = Reaches(b"/after")


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("requests")
    limits = {
        "body": "1MiB",
        "head_timeout": "700ms",
        "body_idle_timeout": "700ms",
        "requests_per_connection": 100_000,
    }
    settings = before(origin.url) | {"limits": limits, "access_log": str(directory / "access.log")}
    with running(settings, directory) as gateway:
        yield gateway


@pytest.mark.parametrize("step", [pytest.param(WHOLE, id="whole"), pytest.param(BYTE_BY_BYTE, id="byte-by-byte")])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_a_request_has_its_one_right_outcome(case: Case, step: int, gateway: Gateway, origin: Origin) -> None:
    case = _with_port(case, gateway.admin_port)
    origin.forget()
    expected = _send(case, step, gateway)
    if case.begins:
        assert origin.wait_for(lambda: not _unfinished(origin)), "a request that was given up still waits for its end"
    else:
        assert origin.begun() == []
        assert origin.unclaimed() == []
    assert origin.violations == []
    _check_reached([*expected, _AFTER], origin.requests)
    assert not case.never or not any(case.never in received.raw_head for received in origin.requests)


def test_every_class_of_fault_has_a_case() -> None:
    assert {case.fault for case in CASES} == {*REQUEST_FAULTS, VALID}


def test_every_case_has_its_own_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80


def test_whatever_was_asked_every_line_of_the_access_log_is_json(gateway: Gateway) -> None:
    log = gateway.directory / "access.log"
    evil = b'GET /evil"},%0a{" HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: "}\\u000a\xff\xfe\r\n\r\n'
    with gateway.client() as client:
        client.send(evil)
        assert client.answer().status == 200
        assert client.get("/last-of-the-log").status == 200
    wait_until(lambda: b"/last-of-the-log" in log.read_bytes(), "the log holds the last request")
    records = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert all(isinstance(record, dict) for record in records)
    assert any('/evil"},%0a{"' in json.dumps(record).replace('\\"', '"') for record in records)


def _with_port(case: Case, port: int) -> Case:
    text = str(port).encode()
    reaches = tuple(
        replace(each, fields={name: value and value.replace(ADMIN_PORT, text) for name, value in each.fields.items()})
        for each in case.reaches
    )
    return replace(case, sent=case.sent.replace(ADMIN_PORT, text), reaches=reaches)


def _send(case: Case, step: int, gateway: Gateway) -> list[Reaches]:
    """Send the case and a good request after it. Returns what must have reached the origin for the answers given."""
    expected: list[Reaches] = []
    with gateway.client(patience=_PATIENCE) as client:
        closes = case.closes
        with client.sending(case.sent, step):
            for index, statuses in enumerate(case.statuses):
                method = case.methods[index] if index < len(case.methods) else "GET"
                answer = client.answer(method, minor=case.minor)
                assert answer.status in statuses, (answer.status, answer.fields, answer.body)
                if answer.status < 400 and index >= len(case.reaches):
                    assert answer.one(b"allow"), "only what is allowed is answered here"
                elif answer.status < 400:
                    _check_served(answer, case.reaches[index], method)
                    expected.append(case.reaches[index])
                elif _is_ours(answer):
                    closes = True
                    break
            if closes:
                assert answer.closes, "the last answer does not say that the connection ends"
                assert client.closed(), "the connection stays open, or carries more than it should"
        if not closes:
            _check_good(client)
    if closes:
        with gateway.client(patience=_PATIENCE) as another:
            _check_good(another)
    return expected


def _is_ours(answer: Answer) -> bool:
    """Checks an answer in which the gateway refuses a request; True, so that it reads well in a condition."""
    assert b"error=" in (answer.one(b"proxy-status") or b""), answer.fields
    assert answer.one(b"content-length") is not None
    assert answer.body
    return True


def _check_served(answer: Answer, reaches: Reaches, method: str) -> None:
    if method != "HEAD" and not reaches.target.startswith(b"/chunked/"):
        told = answer.json()
        assert (told["method"], told["target"].encode("latin-1")) == (reaches.method, reaches.target)


def _check_good(client: Client) -> None:
    answer = client.get("/after")
    assert (answer.status, answer.json()["target"]) == (200, "/after")


def _unfinished(origin: Origin) -> bool:
    return any(connection.begun and not connection.ended.is_set() for connection in origin.connections)


def _check_reached(expected: list[Reaches], received: list[Received]) -> None:
    wanted = sorted(expected, key=lambda each: (each.method, each.target))
    got = sorted(received, key=lambda each: (each.method, each.target))
    assert [(each.method, each.target, each.body) for each in got] == [
        (each.method, each.target, each.body) for each in wanted
    ]
    for request, reaches in zip(got, wanted, strict=True):
        for name, value in reaches.fields.items():
            assert request.all(name) == ([] if value is None else [value]), name
        for name, value in reaches.trailers.items():
            assert [held for key, held in request.trailers if key == name] == ([] if value is None else [value]), name
