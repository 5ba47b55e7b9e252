"""Requests for the same before a real gateway: one call at the origin, whatever clients do meanwhile."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from tests.support.client import Client, request
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer, content, digest, well_behaved

CROWD = 20
_numbers = count()


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin
        assert origin.violations == []


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(origin.url) | {
        "limits": {"body": "off"},
        "plugins": [{"cache": {}}, {"coalesce": {"join_for": "10s", "buffer": "256KiB"}}],
        "routes": [
            {"match": "/cached/*", "name": "cached"},
            {"match": "/*", "name": "rest", "plugins": {"cache": "off"}},
        ],
    }
    with running(settings, tmp_path_factory.mktemp("coalesce")) as gateway:
        yield gateway


class Held:
    """A target whose answer comes when the test says so."""

    def __init__(self, origin: Origin, prefix: str = "/held") -> None:
        self.name = b"held%d" % next(_numbers)
        self.target = f"{prefix}/act/{self.name.decode()}"
        self.release = threading.Event()
        self.reply = answer(b"at last", b"Cache-Control: no-store")
        self.hint = b""
        self.left = threading.Event()
        self._origin = origin
        origin.acts[self.name] = self._act

    def _act(self, connection: Connection, received: Received) -> bool:
        connection.content(received)
        connection.send(self.hint)
        self.release.wait(30)
        return connection.send(self.reply)

    @property
    def calls(self) -> int:
        """How often the origin has been asked."""
        return len([each for each in list(self._origin.requests) if each.target == self.target.encode()])


@pytest.fixture
def held(origin: Origin) -> Iterator[Held]:
    held = Held(origin)
    yield held
    held.release.set()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def crowd(gateway: Gateway, held: Held, stack: ExitStack, *fields: str, size: int = CROWD) -> list[Client]:
    """So many clients, all of whom wait: the first one upstream and the others for it."""
    wait_until(lambda: gateway.metric("slipstream_coalesce_waiting") == 0, "those of the last test have gone")
    clients = [stack.enter_context(gateway.client()) for _ in range(size)]
    clients[0].send(request("GET", held.target, *fields))
    wait_until(lambda: held.calls > 0, "the first request is upstream")
    for client in clients[1:]:
        client.send(request("GET", held.target, *fields))
    wait_until(lambda: gateway.metric("slipstream_coalesce_waiting") == size - 1, "all the others wait")
    return clients


def test_a_crowd_makes_one_call(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    saved = gateway.metric("slipstream_coalesce_upstream_calls_saved_total")
    clients = crowd(gateway, held, stack)
    held.release.set()
    answers = [client.answer() for client in clients]
    assert {each.body for each in answers} == {b"at last"}
    assert {each.one(b"cache-control") for each in answers} == {b"no-store"}
    assert held.calls == 1
    wait_until(
        lambda: gateway.metric("slipstream_coalesce_upstream_calls_saved_total") == saved + CROWD - 1,
        "the calls are counted",
    )


def test_nobody_notices_that_the_first_client_is_cut_off(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    leader, *others = crowd(gateway, held, stack)
    leader.reset()
    late = stack.enter_context(gateway.client())
    late.send(request("GET", held.target))
    wait_until(lambda: gateway.metric("slipstream_coalesce_waiting") == CROWD, "the late one waits with the others")
    held.release.set()
    assert {client.answer().body for client in (*others, late)} == {b"at last"}
    assert held.calls == 1


def test_when_all_have_left_the_origin_is_left_as_well(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    clients = crowd(gateway, held, stack, size=5)
    (connection,) = held_connections(held)
    for client in clients:
        client.reset()
    assert connection.left()
    wait_until(lambda: gateway.metric("slipstream_coalesce_waiting") == 0, "nobody waits")


def test_who_comes_after_a_purge_does_not_get_what_was_asked_for_before(
    gateway: Gateway, origin: Origin, stack: ExitStack
) -> None:
    held, versions = Held(origin, "/cached"), count()

    def versioned(connection: Connection, received: Received) -> bool:
        version = next(versions)
        connection.content(received)
        held.release.wait(30)
        return connection.send(answer(b"version %d" % version, b"Cache-Control: max-age=600000000"))

    origin.acts[held.name] = versioned
    (leader,) = crowd(gateway, held, stack, size=1)
    purge(gateway, held.target)
    followers = [stack.enter_context(gateway.client()) for _ in range(5)]
    for follower in followers:
        follower.send(request("GET", held.target))
    wait_until(lambda: gateway.metric("slipstream_coalesce_waiting") == len(followers), "they wait")
    held.release.set()
    assert leader.answer().body == b"version 0"
    assert {follower.answer().body for follower in followers} == {b"version 1"}
    assert gateway.get(held.target).body == b"version 1"
    assert held.calls == 2


def test_who_comes_after_a_purge_does_not_join_what_is_still_streaming(
    gateway: Gateway, origin: Origin, stack: ExitStack
) -> None:
    held, versions = Held(origin, "/cached"), count()

    def versioned(connection: Connection, received: Received) -> bool:
        version = next(versions)
        connection.content(received)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600000000\r\nContent-Length: 9\r\n\r\npage")
        return (version > 0 or held.release.wait(30)) and connection.send(b" of %d" % version)

    origin.acts[held.name] = versioned
    first = stack.enter_context(gateway.client())
    first.send(request("GET", held.target))
    assert b"".join(first.wire.exactly(4)) == b"HTTP"
    purge(gateway, held.target)
    assert {gateway.get(held.target).body for _ in range(3)} == {b"page of 1"}
    held.release.set()
    assert held.calls == 2


def purge(gateway: Gateway, target: str) -> None:
    asked = json.dumps({"url": f"http://shop.test{target}"}).encode()
    with Client(("127.0.0.1", gateway.admin_port)) as admin:
        host = f"127.0.0.1:{gateway.admin_port}"
        admin.send(request("POST", "/api/purge", "Connection: close", host=host, body=asked))
        assert admin.answer("POST").status == 200


def held_connections(held: Held) -> list[Connection]:
    return held._origin.serving(held.target.encode())


def test_early_hints_reach_everybody(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    clients = crowd(gateway, held, stack, size=5)
    held.reply = hint + held.reply
    held.release.set()
    for client in clients:
        found = client.answer()
        assert [interim.status for interim in found.interim] == [103]
        assert found.body == b"at last"


def test_cookies_of_an_answer_are_one_clients(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    numbers = count()

    def each_its_own(connection: Connection, received: Received) -> bool:
        connection.content(received)
        held.release.wait(30)
        return connection.send(answer(b"hello", b"Set-Cookie: id=%d" % next(numbers)))

    held._origin.acts[held.name] = each_its_own
    clients = crowd(gateway, held, stack)
    held.release.set()
    cookies = [client.answer().one(b"set-cookie") for client in clients]
    assert len(set(cookies)) == CROWD
    assert held.calls == CROWD


def test_users_get_their_own(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    def greets(connection: Connection, received: Received) -> bool:
        connection.content(received)
        held.release.wait(30)
        return connection.send(answer(received.one(b"cookie") or b"nobody", b"Cache-Control: private"))

    held._origin.acts[held.name] = greets
    clients = [stack.enter_context(gateway.client()) for _ in range(30)]
    for number, client in enumerate(clients):
        client.send(request("GET", held.target, f"Cookie: id={number % 10}"))
    wait_until(lambda: gateway.metric("slipstream_coalesce_waiting") == 20, "three ask for each of ten")
    held.release.set()
    assert [client.answer().body for client in clients] == [b"id=%d" % (number % 10) for number in range(30)]
    assert held.calls == 10


def test_a_stream_with_trailers_reaches_those_who_came_before_it_and_later(
    gateway: Gateway, held: Held, stack: ExitStack
) -> None:
    size = 100_000
    go_on = threading.Event()

    def streams(connection: Connection, received: Received) -> bool:
        connection.content(received)
        held.release.wait(30)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        first, *rest = content(size)
        connection.send(b"%x\r\n%b\r\n" % (len(first), first))
        go_on.wait(30)
        for piece in rest:
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        return connection.send(b"0\r\nX-Digest: %b\r\n\r\n" % digest(size).encode())

    held._origin.acts[held.name] = streams
    clients = crowd(gateway, held, stack, "TE: trailers", "Connection: TE", size=5)
    joined = gateway.metric("slipstream_coalesce_requests_total", outcome="joined")
    held.release.set()
    for client in clients:
        assert client.wire.line() == b"HTTP/1.1 200 OK"
    late = stack.enter_context(gateway.client())
    late.send(request("GET", held.target, "TE: trailers", "Connection: TE"))
    wait_until(
        lambda: gateway.metric("slipstream_coalesce_requests_total", outcome="joined") == joined + 1,
        "the late one joins",
    )
    go_on.set()
    found = late.answer()
    assert found.body == b"".join(content(size))
    assert found.trailers == [(b"x-digest", digest(size).encode())]
    assert held.calls == 1


def test_what_a_cache_in_front_has_to_fetch_is_fetched_once(gateway: Gateway, origin: Origin, stack: ExitStack) -> None:
    held = Held(origin, "/cached")
    held.reply = answer(b"for all", b"Cache-Control: max-age=999999999")  # its Date is old
    clients = crowd(gateway, held, stack)
    held.release.set()
    assert {client.answer().body for client in clients} == {b"for all"}
    assert gateway.get(held.target).body == b"for all"
    assert held.calls == 1


def test_a_reload_loses_nobody_who_waits(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    clients = crowd(gateway, held, stack, size=5)
    earlier = gateway.status()["last_reload"]["at"]
    gateway.write(gateway.settings | {"access_log": "off"})
    gateway.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.status()["last_reload"]["at"] != earlier, "the reload is reported")
    newcomer = stack.enter_context(gateway.client())
    newcomer.send(request("GET", held.target))
    wait_until(lambda: held.calls == 2, "the new chain has exchanges of its own")
    held.release.set()
    assert {client.answer().body for client in (*clients, newcomer)} == {b"at last"}


def test_it_can_be_explained(gateway: Gateway, held: Held, stack: ExitStack) -> None:
    crowd(gateway, held, stack, size=3)
    found = gateway.admin("GET", f"/api/explain?url=http://shop.test{held.target}")
    assert found.status == 200
    assert '"reason":"followed"' in found.body.decode().replace(" ", "")
