"""Random traffic that tries to get answers across: clients of all kinds, an origin that changes its mind, and in the
end nobody has what was not his.

Every answer says in its content what it was made of. What a client may be shown follows from that by a rule of its own,
which knows nothing of how the plugin decides."""

from __future__ import annotations

import json
from itertools import count
from random import Random
from typing import Any

import pytest

from gateway.api import BodyStream, Request, UpstreamClosedError
from tests.support.coalescing import Call, Client, Coalesced, turns
from tests.support.plugins import make_request

STEPS = 400
USERS: list[dict[str, str]] = [
    {},
    {},
    {"Cookie": "id=alice"},
    {"Cookie": "id=bob"},
    {"Cookie": "lang=de"},
    {"Authorization": "Bearer alice"},
    {"Authorization": "Bearer bob", "Cookie": "id=bob"},
    {"X-Tenant": "a"},
    {"X-Tenant": "b", "Cookie": "id=alice"},
]
AGENTS = ["firefox", "curl", "evil"]
LANGUAGES = ["de", "en"]
TARGETS = ["/a", "/b"]
WHO = ("cookie", "authorization", "x-tenant")


def seen(request: Request, *names: str) -> dict[str, str]:
    """What the origin reads of a request."""
    return {name: (request.fields.get(name.encode()) or b"").decode() for name in names}


class Origin:
    """Answers each call in one of its ways, truthfully: what the content depends on is said by the fields."""

    WAYS = ("plain", "secret", "everybody", "private", "session", "agent", "locked", "star")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count()

    def answer(self, request: Request, way: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, fields, and what the content is made of."""
        made: dict[str, Any] = {"way": way, "target": request.target.decode(), **seen(request, "accept-language")}
        number = next(self._numbers)
        match way:
            case "plain":
                return 200, {}, made | seen(request, *WHO)
            case "secret":
                return 200, {"Cache-Control": "no-store"}, made | seen(request, *WHO)
            case "everybody":
                return 200, {"Cache-Control": self._random.choice(["public", "s-maxage=9, max-age=9"])}, made
            case "private":
                known = seen(request, *WHO)
                made |= known if any(known.values()) else {"only": number}
                return 200, {"Cache-Control": self._random.choice(["private", "private, max-age=9"])}, made
            case "session":
                return 200, {"Set-Cookie": f"id={number}"}, made | {"only": number}
            case "agent":
                return 200, {"Vary": "User-Agent"}, made | seen(request, *WHO, "user-agent")
            case "locked":
                locked = seen(request, "user-agent")["user-agent"] == "evil"
                return (403 if locked else 200), {}, made | seen(request, *WHO) | {"locked": locked}
        return 200, {"Vary": "*"}, made | {"only": number}


def assert_his(client: Client, body: bytes, owners: dict[int, int]) -> None:
    """Whether `body` could have been made for this client."""
    made = json.loads(body)
    request = client.request
    assert made["target"] == request.target.decode()
    for name in (*WHO, "user-agent", "accept-language"):
        if name in made:
            assert made[name] == seen(request, name)[name], (made, list(request.fields))
    if "locked" in made:
        assert not made["locked"] or seen(request, "user-agent")["user-agent"] == "evil"
    if "only" in made:
        assert owners.setdefault(made["only"], id(client)) == id(client), "two clients have what was for one"


class Traffic:
    """Random steps."""

    def __init__(self, seed: int, *, light: bool) -> None:
        self.random = Random(seed)
        self.room = Coalesced(
            light=light,
            identity=["X-Tenant"],
            followers=self.random.choice([3, 1000]),
            apart_at_once=self.random.choice([1, 3, 100]),
            on_failure=self.random.choice(["elect", "share"]),
            remember=self.random.choice(["0s", "5s"]),
            remember_shared=self.random.choice(["0s", "60s"]),
        )
        self.origin = Origin(self.random)
        self.ways = {target: self.random.choice(Origin.WAYS) for target in TARGETS}
        self.open: list[Call] = []
        self.streams: list[tuple[BodyStream, bytes]] = []
        self._known = 0

    def ask(self) -> None:
        random = self.random
        fields = {
            **random.choice(USERS),
            "User-Agent": random.choice(AGENTS),
            "Accept-Language": random.choice(LANGUAGES),
            "X-Request-Id": str(random.random()),
        }
        method = "POST" if random.random() < 0.03 else "GET"
        self.room.ask(random.choice(TARGETS), fields, method=method, peer=f"192.0.2.{random.randrange(3)}")

    def calls(self) -> list[Call]:
        """Calls that wait for an answer."""
        new = self.room.calls[self._known :]
        self._known += len(new)
        self.open = [call for call in self.open if not call.given_up] + [call for call in new if not call.given_up]
        return self.open

    def answer(self) -> None:
        calls = self.calls()
        if not calls:
            return
        call = calls.pop(self.random.randrange(len(calls)))
        if self.random.random() < 0.1:
            call.fail(UpstreamClosedError("down"))
            return
        status, fields, made = self.origin.answer(call.request, self.ways[call.request.target.decode()])
        body = json.dumps(made).encode()
        if self.random.random() < 0.5:
            call.answer(body, fields, status)
        else:
            half = len(body) // 2
            stream = call.stream(fields, status=status)
            stream.feed(body[:half])
            self.streams.append((stream, body[half:]))

    def finish(self) -> None:
        if self.streams:
            stream, rest = self.streams.pop(self.random.randrange(len(self.streams)))
            stream.feed(rest)
            stream.finish()

    @property
    def waiting(self) -> list[Client]:
        return [client for client in self.room.clients if client.is_waiting and not client.has_left]

    def leave(self) -> None:
        if self.waiting:
            self.random.choice(self.waiting).leave()

    async def step(self) -> None:
        kind = self.random.random()
        if kind < 0.55:
            self.ask()
        elif kind < 0.75:
            self.answer()
        elif kind < 0.85:
            self.finish()
        elif kind < 0.90:
            self.leave()
        elif kind < 0.94:
            self.ways[self.random.choice(TARGETS)] = self.random.choice(Origin.WAYS)
        elif kind < 0.97:
            self.room.clock.advance(self.random.choice([0.1, 2.0, 10.0]))
        else:
            await turns()

    async def settle(self) -> None:
        """Answer everybody."""
        for _ in range(10_000):
            await turns(40)
            self.answer()
            self.finish()
            if not self.calls() and not self.streams and not self.waiting:
                return
        raise AssertionError(f"{len(self.waiting)} clients are never answered")


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
@pytest.mark.parametrize("seed", range(40))
async def test_nobody_has_what_was_not_his(seed: int, light: bool) -> None:
    traffic = Traffic(seed, light=light)
    for _ in range(STEPS):
        await traffic.step()
    await traffic.settle()
    owners: dict[int, int] = {}
    answered = [client for client in traffic.room.clients if client.response is not None and not client.has_left]
    for client in answered:
        if isinstance(client.got.body, bytes) or client.is_whole:
            assert_his(client, client.body, owners)
    assert len(answered) > STEPS // 4


async def test_the_traffic_does_share() -> None:
    """Otherwise the test above would pass for nothing."""
    saved = 0.0
    kinds: set[str] = set()
    for seed in range(10):
        traffic = Traffic(seed, light=True)
        for _ in range(STEPS):
            await traffic.step()
        await traffic.settle()
        saved += traffic.room.counted("upstream_calls_saved_total")
        kinds |= {word for client in traffic.room.clients for word in client.why}
    assert saved > 200
    assert kinds >= {"led", "followed", "joined", "set_cookie", "private", "identity", "vary", "vary_star", "status"}
    assert kinds >= {"failed", "full", "write"}


def test_the_rule_sees_a_leak() -> None:
    """Nor would it find anything wrong if its own rule could not."""
    client = Client.__new__(Client)
    client.request = make_request(target="/a", fields={"Cookie": "id=alice", "User-Agent": "firefox"})
    for wrong in ({"cookie": "id=bob"}, {"user-agent": "curl"}, {"target": "/b"}):
        with pytest.raises(AssertionError):
            assert_his(client, json.dumps({"target": "/a", **wrong}).encode(), {})
    with pytest.raises(AssertionError):
        assert_his(client, b'{"target": "/a", "only": 1}', {1: 0})
