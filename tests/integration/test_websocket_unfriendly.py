"""Peers who break their word, leave in the middle or never answer; and reloads and ends at the worst of times."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.client import request
from tests.support.frames import Seen, close, frame, read_frames
from tests.support.gateway import Gateway, before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import well_behaved
from tests.support.socket_errors import GONE
from tests.support.websockets import KEY, Socket, switch, talk

BATCHES, JSON_BATCHES = "Sec-WebSocket-Protocol: batch.v1", "Sec-WebSocket-Protocol: batch-json.v1"
HELLO = frame(2, b"\x01\x00\x00\x05hello")
"""A batch of one message."""


class Told:
    """What clients said to the acts of an origin."""

    def __init__(self) -> None:
        self.frames: list[Seen] = []

    def note(self, connection: Connection, received: Received) -> bool:
        """Switch, and keep what comes; a Close is answered."""
        switch(connection, received)
        buffer = b""
        while octets := connection.wire.some():
            frames, buffer = read_frames(buffer + octets)
            self.frames += frames
            if frames and frames[-1].opcode == 8:
                connection.send(frame(8, frames[-1].payload, masked=False))
                return False
        return False


def leave(connection: Connection, received: Received) -> bool:
    """Switch, say goodbye, and wait for the other to go."""
    switch(connection, received, close(4001, masked=False))
    while connection.wire.some():
        continue
    return False


def deaf(connection: Connection, received: Received) -> bool:
    """Switch, and never say a word."""
    switch(connection, received)
    while connection.wire.some():
        continue
    return False


def dawdle(connection: Connection, received: Received) -> bool:
    """Do not answer a handshake before the test allows it."""
    connection.content(received)
    connection.origin.release.wait(60)
    return False


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def origin(told: Told) -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        for act in (talk, leave, deaf, dawdle):
            origin.acts[act.__name__.encode()] = act
        origin.acts[b"note"] = told.note
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(origin.url) | {
        "plugins": [{"websocket_batch": {"close_timeout": "300ms", "max_delay": "50ms"}}],
        "routes": [
            {"match": "/few/*", "plugins": {"websocket_batch": {"connections": 1}}, "name": "few"},
            {"match": "/*"},
        ],
    }
    with running(settings, tmp_path_factory.mktemp("unfriendly")) as gateway:
        yield gateway


def is_idle(gateway: Gateway) -> bool:
    """Whether nobody is connected."""
    return bool(gateway.admin("GET", "/api/connections").json()["count"] == 0)


def reload(gateway: Gateway, settings: dict[str, Any]) -> None:
    generation = gateway.status()["generation"]
    gateway.write(settings)
    gateway.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.status()["generation"] > generation, "the new configuration is in use")


@pytest.mark.parametrize(
    ("asked", "first", "plain", "code"),
    [
        (BATCHES, HELLO, frame(1, b"plain"), 1002),
        (BATCHES, HELLO, frame(2, b"plain"), 1002),
        (BATCHES, HELLO, frame(2), 1002),
        (JSON_BATCHES, frame(1, b'{"v":1,"s":0,"t":["hello"]}'), frame(1, b"plain"), 1007),
        (JSON_BATCHES, frame(1, b'{"v":1,"s":0,"t":["hello"]}'), frame(1, b'{"v":2,"s":0,"m":[1]}'), 1007),
        (JSON_BATCHES, frame(1, b'{"v":1,"s":0,"t":["hello"]}'), frame(1, b"[1, 2]"), 1007),
    ],
)
def test_who_asked_for_batches_and_sends_other_things_hears_so_and_what_came_before_counts(
    gateway: Gateway, told: Told, asked: str, first: bytes, plain: bytes, code: int
) -> None:
    told.frames.clear()
    with Socket(gateway, asked, target="/act/note") as socket:
        socket.say(first, plain, first)
        assert socket.next().code == code
        wait_until(lambda: len(told.frames) == 2, "the origin has heard")
        assert [(each.opcode, each.payload) for each in told.frames[:1]] == [(1, b"hello")]
        assert told.frames[1].code == 1001
    wait_until(lambda: is_idle(gateway), "nothing is left of it")


def test_a_goodbye_in_the_middle_of_a_batch_is_heard_and_half_a_batch_is_none(gateway: Gateway, told: Told) -> None:
    told.frames.clear()
    with Socket(gateway, BATCHES, target="/act/note") as socket:
        socket.say(HELLO, frame(2, b"\x01\x01\x00\x04half", fin=False), close(4000, b"enough"))
        ended = socket.next()
        assert (ended.code, ended.payload[2:]) == (4000, b"enough")
        assert [each.payload for each in told.frames] == [b"hello", close(4000, b"enough", masked=False)[2:]]


def test_a_client_that_does_not_answer_a_goodbye_is_cut(gateway: Gateway) -> None:
    with Socket(gateway, BATCHES, target="/act/leave") as socket:
        assert socket.next().code == 4001
        assert socket.client.closed()
    wait_until(lambda: is_idle(gateway), "nothing is left of it")


def test_a_goodbye_that_the_origin_does_not_answer_is_answered_in_its_place(gateway: Gateway) -> None:
    with Socket(gateway, BATCHES, target="/act/deaf") as socket:
        socket.say(close(4002, b"bye"))
        assert socket.next().code == 4002
        assert socket.client.closed()
    wait_until(lambda: is_idle(gateway), "nothing is left of it")


@pytest.mark.parametrize("target", ["/act/dawdle", "/few/act/dawdle"])
def test_a_client_that_leaves_while_its_handshake_waits_leaves_nothing_behind(
    gateway: Gateway, origin: Origin, target: str
) -> None:
    origin.release.clear()
    origin.forget()
    handshake = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
    with gateway.client() as client:
        client.send(request("GET", target, *handshake))
        assert origin.wait_for(lambda: len(origin.requests) == 1)
    wait_until(lambda: gateway.status()["workers"][0]["in_flight"] == 0, "nobody waits any more")
    with Socket(gateway, target="/few/act/talk") as socket:  # the only place is free again
        assert socket.answer.status == 101
    origin.release.set()
    wait_until(lambda: is_idle(gateway), "nothing is left of it")


def test_a_reload_without_the_plugin_leaves_alone_who_is_connected(
    origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plugin = {"plugins": [{"websocket_batch": {"max_delay": "50ms"}}], "drain": "2s"}
    with running(before(origin.url) | plugin, tmp_path_factory.mktemp("removed")) as gateway, ExitStack() as stack:
        batched = stack.enter_context(Socket(gateway, BATCHES))
        reload(gateway, gateway.settings | {"plugins": []})
        batched.say(HELLO)
        assert batched.next().payload == b"\x01\x00\x00\x05hello"
        later = stack.enter_context(Socket(gateway, BATCHES))
        assert later.answer.one(b"sec-websocket-protocol") == b"batch.v1"  # it is the origin's to choose
        later.say(HELLO)
        assert later.next().payload == b"\x01\x00\x00\x05hello"
        rows = gateway.admin("GET", "/api/connections").json()["connections"]
        assert [row["mode"] for row in rows] == ["batch.v1", "tunnel"]
        with Origin(well_behaved) as other:
            other.acts[b"talk"] = talk
            reload(gateway, gateway.settings | before(other.url) | {"plugins": []})
            for socket in (batched, later):
                socket.say(frame(9, b"still there?"))
                assert socket.next().payload == b"still there?"
            with Socket(gateway) as third:
                assert third.answer.status == 101
                assert other.requests
        gateway.send_signal(signal.SIGTERM)
        assert batched.next().code == 1012
        batched.say(close(1012))
        assert later.client.closed()
        assert batched.client.closed()
        assert gateway.wait() == 0


def test_a_worker_that_is_killed_takes_nobody_else_along(
    origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = before(origin.url) | {"workers": 2, "plugins": [{"websocket_batch": {"max_delay": "50ms"}}]}
    with running(settings, tmp_path_factory.mktemp("killed")) as gateway, ExitStack() as stack:
        sockets = [stack.enter_context(Socket(gateway, BATCHES)) for _ in range(40)]
        rows = gateway.admin("GET", "/api/connections").json()["connections"]
        victim, other = gateway.workers()
        of_other = {row["id"] for row in rows if row["id"].startswith(f"{other:x}-")}
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in gateway.workers() and len(gateway.workers()) == 2, "there is another worker")
        wait_until(lambda: gateway.is_ready(), "it is ready")
        alive = 0
        for socket in sockets:
            with contextlib.suppress(*GONE):
                if socket.client.send(HELLO) and (octets := socket.client.wire.some()):
                    assert read_frames(octets)[0][0].payload == b"\x01\x00\x00\x05hello"
                    alive += 1
        assert alive == len(of_other)
        assert gateway.metric("slipstream_websocket_connections", mode="batch.v1") == alive
        again = [stack.enter_context(Socket(gateway, BATCHES)) for _ in range(40 - alive)]
        assert all(each.answer.status == 101 for each in again)
        listed = gateway.admin("GET", "/api/connections").json()
        assert listed["count"] == 40
        assert of_other <= {row["id"] for row in listed["connections"]}
