"""Every response of the table from a scripted origin, and what the client got of it.

The pool holds a single connection, so a connection that must not be used again is met again at once if it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.conformance.faults import RESPONSE_FAULTS, VALID
from tests.conformance.response_case import Broken, Case, Failed, Outcome, Passed, Then
from tests.conformance.responses import CASES
from tests.support.answer import Answer, read_answer
from tests.support.client import Client
from tests.support.gateway import Gateway, before, running
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer as reply
from tests.support.replies import described
from tests.support.sending import BYTE_BY_BYTE, WHOLE
from tests.support.wire import TruncatedError

_BY_NAME = {case.name.encode(): case for case in CASES}
_PATIENCE = 8.0


class Stage:
    """The origin's script, and what it knows about the case it played last."""

    def __init__(self) -> None:
        self.played = threading.Event()
        self.connections: list[int] = []

    def __call__(self, connection: Connection) -> None:
        while (request := connection.request()) is not None:
            case = _BY_NAME.get(request.target.rpartition(b"/")[2])
            if case is None:
                connection.send(reply(described(request), b"Content-Type: application/json"))
            elif not self._play(connection, request, case):
                return

    def _play(self, connection: Connection, request: Received, case: Case) -> bool:
        self.connections.append(connection.number)
        if case.pause:
            for octet in case.sent:
                if not connection.send(bytes([octet])):
                    break
                time.sleep(case.pause)
        else:
            connection.send(case.sent, BYTE_BY_BYTE if request.target.startswith(b"/byte-by-byte/") else WHOLE)
        if case.then is Then.RESET:
            time.sleep(0.02)  # so that the octets arrive before the reset
            connection.reset()
        elif case.then is Then.HANG:
            connection.left()
        self.played.set()
        return case.then is Then.STAY


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def origin(stage: Stage) -> Iterator[Origin]:
    with Origin(stage) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    timeouts = {"connect": "1s", "first_byte": "600ms", "idle": "600ms", "total": "1200ms"}
    settings = before(origin.url, timeouts=timeouts, pool={"connections": 1, "wait": "5s"})
    with running(settings, tmp_path_factory.mktemp("responses")) as gateway:
        yield gateway


@pytest.mark.parametrize("step", ["whole", "byte-by-byte"])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_a_response_has_its_one_right_outcome(
    case: Case, step: str, gateway: Gateway, origin: Origin, stage: Stage
) -> None:
    stage.played.clear()
    stage.connections.clear()
    target = f"/{step}/{case.name}".encode()
    with gateway.client(patience=_PATIENCE) as client:
        client.send(case.request.replace(b"<target>", target))
        outcome, kept = _outcome(client, case)
        _check(outcome, case)
        assert stage.played.wait(_PATIENCE), "the gateway holds on to a connection that is of no more use"
        time.sleep(0.01)  # what came last has been read
        if kept:
            _check_good(client)
        else:
            assert client.closed()
    with gateway.client(patience=_PATIENCE) as another:
        connection = _check_good(another)
    assert len(stage.connections) <= _times(case), "asked the origin too often"
    if case.reused is not None:
        assert (connection in stage.connections) is case.reused
    assert origin.violations == []


def _times(case: Case) -> int:
    """How often the origin may be asked: twice for a GET when a kept connection ended without an octet."""
    died = case.then in (Then.CLOSE, Then.RESET) and not case.sent
    return 2 if died and case.request.startswith(b"GET ") else 1


def test_every_class_of_fault_has_a_case() -> None:
    assert {case.fault for case in CASES} == {*RESPONSE_FAULTS, VALID}


def test_every_case_has_its_own_name() -> None:
    assert len(_BY_NAME) == len(CASES) >= 50


def _outcome(client: Client, case: Case) -> tuple[Outcome, bool]:
    """What became of the response, and whether the client's connection stays."""
    seen = bytearray()
    heads: list[Answer] = []
    try:
        got = read_answer(client.wire, case.method, minor=case.minor, sink=seen.extend, on_head=heads.append)
    except TruncatedError:
        assert heads, "the client was dropped without a word"
        return Broken(), False
    kept = not got.closes and case.minor == 1
    status = got.one(b"proxy-status")
    if status is not None and b"error=" in status:
        assert seen
        return Failed(frozenset({got.status})), kept
    trailers = dict(got.trailers)
    return Passed(got.status, bytes(seen), dict(got.fields), trailers, _interim(got), got.reason), kept


def _interim(got: Answer) -> tuple[int, ...]:
    return tuple(each.status for each in got.interim)


def _check(outcome: Outcome, case: Case) -> None:
    assert any(_fits(outcome, right) for right in case.outcomes), outcome


def _fits(outcome: Outcome, right: Outcome) -> bool:
    match outcome, right:
        case Broken(), Broken():
            return True
        case Failed(), Failed():
            return outcome.statuses <= right.statuses
        case Passed(), Passed():
            return (
                (outcome.status, outcome.body) == (right.status, right.body)
                and all(outcome.fields.get(name) == value for name, value in right.fields.items())
                and all(outcome.trailers.get(name) == value for name, value in right.trailers.items())
                and (right.interim is None or outcome.interim == right.interim)
                and (right.reason is None or outcome.reason == right.reason)
                and b"x-smuggled" not in outcome.fields
                and b"x-evil" not in outcome.fields
            )
        case _:
            return False


def _check_good(client: Client) -> int:
    """Ask for something else; it must be answered by itself. Returns the number of the origin's connection."""
    got = client.get("/good")
    assert (got.status, got.json()["target"]) == (200, "/good")
    return int(got.json()["connection"])
