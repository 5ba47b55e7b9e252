"""Under random traffic before a fickle origin, with two workers, purges, changes and reloads, nobody is shown what is
another's, nor what was purged or changed before the request was sent."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.fickle import ANY, NAMES, Content, Fickle
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.socket_errors import GONE
from tests.support.wire import WireError

CLIENTS = 6
REQUESTS = 250
TARGETS = [f"/page/{number}" for number in range(4)] + ["/me/a", "/me/b"]
CONFIGURATIONS: list[Settings] = [
    {"plugins": [{"cache": {"memory": "64MiB"}}]},
    {"plugins": [{"cache": {"memory": "1MiB", "key": {"query": "sort"}}}]},
    {"plugins": [{"cache": {"memory": "64MiB", "variants": 2}}], "replay": {"ignore": ["X-User"]}},
    {"plugins": [{"cache": {"memory": "64MiB"}}], "replay": {"memory": "off"}},
]


class Traffic:
    """What several clients and two administrators do at once, and what was wrong with it."""

    def __init__(self, gateway: Gateway, origin: Fickle, seed: int) -> None:
        self.gateway = gateway
        self.origin = origin
        self.seed = seed
        self.is_calm = seed % 2 == 1
        """Whether few things happen, so that answers live long enough to be given again."""
        self.wrong: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self._purged: defaultdict[str, int] = defaultdict(int)
        """The version that a target had when a purge began that has ended: nothing older may be seen any more."""
        self._over = threading.Event()

    def run(self) -> None:
        """Everybody at once, until the clients have had enough."""
        clients = [self._thread(self._client, number) for number in range(CLIENTS)]
        others = [self._thread(self._purge, 100), self._thread(self._reload, 200)]
        for thread in clients:
            thread.join(120)
        self._over.set()
        for thread in others:
            thread.join(60)

    def _thread(self, work: Callable[[random.Random], None], number: int) -> threading.Thread:
        def guarded() -> None:
            try:
                work(random.Random(1000 * self.seed + number))
            except Exception as error:
                self.wrong.append(f"{work.__name__}: {error!r}")

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    # --- clients ------------------------------------------------------------------------------------

    def _client(self, draw: random.Random) -> None:
        left = REQUESTS
        while left > 0:
            changed: dict[str, int] = {}
            tags: dict[str, str] = {}
            try:
                with self.gateway.client() as client:
                    while left > 0:
                        left -= 1
                        self._turn(client, draw, changed, tags)
            except (WireError, ConnectionError, *GONE):
                self.outcomes["broken"] += 1  # as the origin's answer was

    def _turn(self, client: Client, draw: random.Random, changed: dict[str, int], tags: dict[str, str]) -> None:
        target = draw.choice(TARGETS)
        if draw.random() < (0.005 if self.is_calm else 0.04):
            self._change(client, draw.choice([target, "/all"]), changed)
            return
        target, given, asked = self._question(draw, target, tags)
        for _ in range(draw.choice([1, 1, 3])):  # the same again and again, as a page that is reloaded
            least = max(self._purged[target], changed.get(target, 0), changed.get("/all " + target, 0))
            got = client.get(target, *(f"{name}: {value}" for name, value in asked.items()))
            self._judge(target, given, got, least)
            tag = got.one(b"etag")
            if tag is not None:
                tags[target] = tag.decode()

    def _question(
        self, draw: random.Random, target: str, tags: dict[str, str]
    ) -> tuple[str, dict[str, str], dict[str, str]]:
        """A target, what tells this client from others, and all fields of the request."""
        given = {}
        if draw.random() < 0.5:
            given["X-User"] = draw.choice("12")
        if draw.random() < 0.3:
            given["Accept-Language"] = draw.choice(["de", "en"])
        if draw.random() < 0.5:
            given["X-Request-Id"] = draw.choice("123")
        if target.startswith("/me/"):
            name, value = draw.choice([("Authorization", "Basic "), ("Cookie", "session=")])
            given[name] = value + draw.choice("12")
        asked = dict(given)
        if draw.random() < 0.1 and target in tags:
            asked["If-None-Match"] = tags[target]
        elif draw.random() < 0.05:
            asked["Range"] = "bytes=0-5"
        return target, given, asked

    def _change(self, client: Client, target: str, changed: dict[str, int]) -> None:
        raised = {f"/all {each}": self.origin.version(each.encode()) + 1 for each in TARGETS}
        client.send(request("POST" if target == "/all" else "PUT", target, body=b"new"))
        got = client.answer("PUT")
        if got.status != 204:
            return
        self.outcomes["changed"] += 1
        if target == "/all":
            changed.update(raised)
        else:
            changed[target] = int(got.one(b"x-version") or b"0")

    def _judge(self, target: str, given: dict[str, str], got: Answer, least: int) -> None:
        status = got.one(b"cache-status") or b""
        self.outcomes[f"{got.status} {'hit' if b'; hit' in status else 'asked'}"] += 1
        told = f"{target} {given}: {got.status} {got.body[:60]!r} {got.raw_head!r}"
        if got.status == 206:
            if int(got.body) < least:
                self.wrong.append(f"older than {least}: {told}")
            return
        if got.status == 304:
            content = Content.read((got.one(b"etag") or b"").strip(b'"'))
        elif got.status == 200:
            content = Content.read(got.body)
        else:
            return
        if content.version < least:
            self.wrong.append(f"older than {least}: {told}")
        mine = {name.lower().encode(): value.encode() for name, value in given.items()}
        if any(value not in (ANY, mine.get(name, b"-")) for name, value in zip(NAMES, content.values, strict=True)):
            self.wrong.append(f"for other requests: {told}")
        if content.owner not in (ANY, mine.get(b"authorization", mine.get(b"cookie"))):
            self.wrong.append(f"for somebody else: {told}")

    # --- administrators -----------------------------------------------------------------------------

    def _purge(self, draw: random.Random) -> None:
        while not self._over.wait(0.2 if self.is_calm else 0.02):
            target = draw.choice(TARGETS)
            purges: list[tuple[list[str], dict[str, object]]] = [
                ([target], {"url": f"http://shop.test{target}"}),
                (TARGETS, {"tag": "all"}),
                (TARGETS, {"all": True}),
            ]
            meant, document = draw.choice(purges)
            versions = {each: self.origin.version(each.encode()) for each in TARGETS}
            soft = draw.random() < 0.3
            self._acknowledged({**document, "soft": soft})
            if not soft:
                for each in meant:
                    self._purged[each] = max(self._purged[each], versions[each])

    def _acknowledged(self, document: dict[str, object]) -> None:
        port = self.gateway.admin_port
        with Client(("127.0.0.1", port)) as client:
            body = json.dumps(document).encode()
            client.send(request("POST", "/api/purge", "Connection: close", host=f"127.0.0.1:{port}", body=body))
            got = client.answer("POST")
        if got.status != 200 or got.json()["acknowledged"] != 2:
            self.wrong.append(f"a purge was not acknowledged: {got.body!r}")

    def _reload(self, draw: random.Random) -> None:
        while not self._over.wait(0.3):
            self.gateway.write(self.gateway.settings | draw.choice(CONFIGURATIONS))
            got = self.gateway.admin("POST", "/api/reload", "Content-Length: 0")
            if got.json()["result"] != "applied":
                self.wrong.append(f"a reload was not applied: {got.body!r}")
            self.outcomes["reloaded"] += 1


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_shown_what_is_anothers_or_what_is_over(seed: int, tmp_path: Path) -> None:
    with Fickle(seed) as origin, running(before(origin.url) | {"workers": 2} | CONFIGURATIONS[0], tmp_path) as gateway:
        traffic = Traffic(gateway, origin, seed)
        traffic.run()
        assert traffic.wrong == []
        assert traffic.outcomes["200 hit"] > 50, traffic.outcomes
        assert traffic.outcomes["changed"] > 0
        wait_until(lambda: gateway.metric("slipstream_replays_total") > 0, "there were replays")
