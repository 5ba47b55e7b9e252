import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.chain.compile import ChainError
from gateway.chain.registry import settings_of
from gateway.config import Configuration, load_text
from gateway.figures import Figures
from gateway.worker.control import CallRefusedError, Channel, UnknownKindError, open_channel, socket_pair
from gateway.worker.road import NO_LIMIT, Road, limits_of, shortest_timeout
from tests.support.certificates import Authority, Certificate
from tests.support.loopback import listening
from tests.support.noting import EVENTS, gates
from tests.support.roads import get

NOTING = "tests.support.noting:NotingPlugin"
SECOND = "tests.support.noting:SecondNotingPlugin"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Origin:
    """Answers everything, and counts its connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.left = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        finally:
            self.left += 1


class Running:
    """A road that serves one socket, and a client of it."""

    def __init__(self, origin: Origin, channel: Channel | None = None) -> None:
        self.origin = origin
        self.figures = Figures.in_memory(columns=16_384)
        self.road = Road(self.figures, channel, None)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.clients: list[asyncio.StreamWriter] = []

    def configuration(self, *labels: str, more: str = "", upstream: str = "", fails: str = "") -> Configuration:
        """A file with plugins of these labels; the one called `fails` does not open."""
        names = (NOTING, SECOND)
        plugins = [
            f"{{'{name}': {{label: {label}, fails_to_open: {str(label == fails).lower()}}}}}"
            for name, label in zip(names, labels, strict=False)
        ]
        servers = f"servers: [http://127.0.0.1:{self.origin.port}]"
        text = f"listen: 127.0.0.1:1\nupstreams: {{app: {{{servers}{upstream}}}}}\nplugins: [{', '.join(plugins)}]\n"
        return load_text(text + more, settings_of)

    async def take(self, *labels: str, **options: Any) -> None:
        """Prepare and commit a configuration."""
        await self.road.commit(await self.road.prepare(self.configuration(*labels, **options)))

    async def connect(self, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        streams = await asyncio.open_connection(*self.socket.getsockname(), **options)
        self.clients.append(streams[1])
        return streams

    async def get(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> str:
        """Which plugins signed the answer to a request, the innermost first."""
        reader, writer = streams
        writer.write(get("/"))
        return self.labels(await reader.readuntil(b"\r\n\r\nok"))

    def labels(self, answer: bytes) -> str:
        assert answer.startswith(b"HTTP/1.1 200 ")
        return "".join(line[9:].decode() for line in answer.split(b"\r\n") if line.startswith(b"X-Label: "))

    async def settle(self) -> None:
        """Let what a commit left behind be closed."""
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr("gateway.worker.road._SETTLE_SECONDS", 0.0)
    EVENTS.clear()
    gates.clear()
    origin = Origin()
    async with listening(origin.serve) as origin.port:
        running = Running(origin)
        yield running
        gates.clear()
        await running.road.drain(0)
        await running.road.close()
        for writer in running.clients:
            writer.close()
        running.socket.close()
        await running.settle()


async def test_requests_take_the_road_that_was_committed(running: Running) -> None:
    await running.take("a", "b")
    running.road.serve([running.socket])
    client = await running.connect()
    assert await running.get(client) == "ba"
    assert EVENTS == ["open a", "open b"]
    status = running.road.status()
    assert (status["connections"], status["in_flight"], status["draining"]) == (1, 0, False)


async def test_without_a_configuration_nothing_is_served(running: Running) -> None:
    with pytest.raises(RuntimeError):
        running.road.serve([running.socket])


async def test_the_next_request_of_an_open_connection_takes_the_new_road(running: Running) -> None:
    await running.take("a")
    running.road.serve([running.socket])
    client = await running.connect()
    assert await running.get(client) == "a"
    await running.take("b")
    assert await running.get(client) == "b"
    await running.settle()
    assert EVENTS == ["open a", "open b", "close a"]


async def test_what_was_prepared_is_not_used_before_it_is_committed(running: Running) -> None:
    await running.take("a")
    running.road.serve([running.socket])
    await running.road.prepare(running.configuration("b"))
    assert await running.get(await running.connect()) == "a"


async def test_what_was_prepared_and_discarded_is_closed_and_the_rest_goes_on(running: Running) -> None:
    await running.take("a")
    running.road.serve([running.socket])
    await running.road.discard(await running.road.prepare(running.configuration("b", upstream=", retry: false")))
    assert EVENTS == ["open a", "open b", "close b"]
    client = await running.connect()
    assert await running.get(client) == "a"
    assert await running.get(client) == "a"
    assert running.origin.connections == 1


async def test_plugins_are_closed_after_the_last_request_of_the_old_road(running: Running) -> None:
    await running.take("a")
    gates["a"] = asyncio.Event()
    running.road.serve([running.socket])
    reader, writer = await running.connect()
    writer.write(get("/"))
    while "request a" not in EVENTS:
        await running.settle()
    await running.take("b")
    await running.settle()
    assert "close a" not in EVENTS
    gates["a"].set()
    assert running.labels(await reader.readuntil(b"\r\n\r\nok")) == "a"
    await running.settle()
    assert EVENTS[-1] == "close a"


async def test_a_request_on_the_new_road_does_not_keep_the_old_one_open(running: Running) -> None:
    await running.take("a")
    running.road.serve([running.socket])
    client = await running.connect()
    await running.take("b")
    await running.settle()
    gates["b"] = asyncio.Event()
    client[1].write(get("/"))
    while "request b" not in EVENTS:
        await running.settle()
    assert "close a" in EVENTS
    gates["b"].set()


class TestUpstreams:
    async def test_one_that_did_not_change_keeps_its_connections(self, running: Running) -> None:
        await running.take("a")
        running.road.serve([running.socket])
        client = await running.connect()
        await running.get(client)
        await running.take("b")
        await running.get(client)
        assert (running.origin.connections, running.origin.left) == (1, 0)

    @pytest.mark.parametrize("change", [{"upstream": ", retry: false"}, {"more": "name: other"}])
    async def test_one_that_changed_begins_anew_and_lets_its_connections_go(
        self, running: Running, change: dict[str, str]
    ) -> None:
        await running.take("a")
        running.road.serve([running.socket])
        client = await running.connect()
        await running.get(client)
        await running.take("a", **change)
        assert await running.get(client) == "a"
        assert (running.origin.connections, running.origin.left) == (2, 1)


class TestFailure:
    """A configuration that cannot be used changes nothing."""

    async def test_of_a_plugin_closes_those_opened_before_it(self, running: Running) -> None:
        await running.take("a")
        with pytest.raises(ChainError, match="store is not there"):
            await running.road.prepare(running.configuration("b", "c", fails="c"))
        running.road.serve([running.socket])
        assert await running.get(await running.connect()) == "a"
        assert "close b" in EVENTS
        assert "close a" not in EVENTS

    async def test_on_a_later_route_closes_the_plugins_of_the_earlier_ones(self, running: Running) -> None:
        routes = f"""
routes:
  - {{name: good, match: /good, upstream: app}}
  - {{name: bad, match: /*, upstream: app, plugins: {{'{NOTING}': {{fails_to_open: true}}}}}}
"""
        with pytest.raises(ChainError, match="route bad"):
            await running.road.prepare(running.configuration("b", more=routes))
        assert EVENTS[0] == "open b"
        assert EVENTS.count("close b") == 2

    async def test_leaves_no_upstream_behind_that_would_show_figures_of_its_own(self, running: Running) -> None:
        await running.take("a")
        running.road.serve([running.socket])
        await running.get(await running.connect())
        looks = running.road._deadlines.at_each_sweep
        before = list(looks)
        with pytest.raises(ChainError):
            await running.road.prepare(running.configuration("b", upstream=", retry: false", fails="b"))
        assert looks == before

    async def test_of_tls_files_names_them(self, running: Running, tmp_path: Path) -> None:
        bad = tmp_path / "bad.pem"
        bad.write_text("nonsense")
        await running.take("a")
        for options in (
            {"upstream": f", tls: {{ca: {bad}}}, servers: [https://127.0.0.1:1]"},
            {"more": f"listen: {{address: 127.0.0.1:1, tls: {{certificate: {bad}, key: {bad}}}}}"},
        ):
            text = _replaced(running, **options)
            with pytest.raises(ChainError, match=r"TLS|certificate"):
                await running.road.prepare(load_text(text, settings_of))
        running.road.serve([running.socket])
        assert await running.get(await running.connect()) == "a"


def _replaced(running: Running, upstream: str = "", more: str = "listen: 127.0.0.1:1") -> str:
    servers = upstream.lstrip(", ") or f"servers: [http://127.0.0.1:{running.origin.port}]"
    return f"{more}\nupstreams: {{app: {{{servers}}}}}\n"


class TestCertificates:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    async def _serve(self, running: Running, certificate: Certificate) -> None:
        tls = f"tls: {{certificate: {certificate.certificate}, key: {certificate.key}}}"
        text = _replaced(running, more=f"listen: {{address: 127.0.0.1:1, {tls}}}")
        await running.road.commit(await running.road.prepare(load_text(text, settings_of)))
        running.road.serve([running.socket])

    async def _subject(self, running: Running, authority: Authority) -> str:
        _, writer = await running.connect(ssl=authority.client_context())
        subject: str = writer.get_extra_info("peercert")["subject"][0][0][1]
        return subject

    async def test_files_that_changed_are_read_again(self, running: Running, authority: Authority) -> None:
        served = authority.issue("served", "127.0.0.1")
        await self._serve(running, served)
        assert await self._subject(running, authority) == "served"
        renewed = authority.issue("renewed", "127.0.0.1")
        renewed.certificate.replace(served.certificate)
        renewed.key.replace(served.key)
        assert await self._subject(running, authority) == "served"
        assert await running.road.reload_certificates() == []
        assert await self._subject(running, authority) == "renewed"

    async def test_bad_files_change_nothing_and_are_told(self, running: Running, authority: Authority) -> None:
        served = authority.issue("served", "127.0.0.1")
        await self._serve(running, served)
        served.key.write_text("nonsense")
        (error,) = await running.road.reload_certificates()
        assert str(served.certificate) in error
        assert await self._subject(running, authority) == "served"

    async def test_without_a_configuration_there_are_none(self, running: Running) -> None:
        assert await running.road.reload_certificates() == []


class TestEnd:
    async def test_idle_connections_end_at_once_and_nobody_is_accepted_any_more(self, running: Running) -> None:
        await running.take("a")
        running.road.serve([running.socket])
        client = await running.connect()
        await running.get(client)
        running.road.stop_accepting()
        assert await client[0].read() == b""
        assert await running.road.drain(1.0) == 0
        await running.connect()
        await running.settle()
        assert running.road.status()["connections"] == 0

    async def test_requests_under_way_get_their_answers(self, running: Running) -> None:
        await running.take("a")
        gates["a"] = asyncio.Event()
        running.road.serve([running.socket])
        reader, writer = await running.connect()
        writer.write(get("/"))
        while "request a" not in EVENTS:
            await running.settle()
        running.road.stop_accepting()
        draining = asyncio.ensure_future(running.road.drain(5.0))
        await running.settle()
        gates["a"].set()
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Connection: close" in answer
        assert await draining == 0

    async def test_requests_that_take_too_long_are_cut_and_counted(self, running: Running) -> None:
        await running.take("a")
        gates["a"] = asyncio.Event()
        running.road.serve([running.socket])
        reader, writer = await running.connect()
        writer.write(get("/"))
        while "request a" not in EVENTS:
            await running.settle()
        running.road.stop_accepting()
        assert await running.road.drain(0.0) == 1
        assert await reader.read() == b""

    async def test_closing_closes_every_plugin_those_of_an_old_road_too(self, running: Running) -> None:
        await running.take("a")
        gates["a"] = asyncio.Event()
        running.road.serve([running.socket])
        _, writer = await running.connect()
        writer.write(get("/"))
        while "request a" not in EVENTS:
            await running.settle()
        await running.take("b")
        await running.settle()
        await running.road.close()
        assert sorted(event for event in EVENTS if event.startswith("close")) == ["close a", "close b"]


class TestQuestions:
    """What the supervisor asks over the control channel."""

    @pytest.fixture
    async def supervisor(self, running: Running) -> AsyncIterator[Channel]:
        ends = [await open_channel(end) for end in socket_pair()]
        for end in ends:
            end.listen()
        await running.road.close()
        running.road = Road(running.figures, ends[1], None)
        yield ends[0]
        for end in ends:
            end.close()

    ROUTES = f"""
routes:
  - name: shop
    match: /shop/*
    upstream: app
    plugins: {{'{NOTING}': {{label: shop}}, '{SECOND}': {{label: quiet}}}}
  - {{name: rest, match: /rest/*, upstream: app}}
"""

    async def test_what_would_happen_is_told_by_the_route_and_its_plugins(
        self, running: Running, supervisor: Channel
    ) -> None:
        await running.take("a", "b", more=self.ROUTES)
        told = await supervisor.call("explain", url="http://shop.example/shop/1?q")
        assert told == {
            "route": "shop",
            "upstream": "app",
            "plugins": [{"plugin": NOTING, "label": "shop", "sees": "/shop/1?q"}],
        }
        told = await supervisor.call("explain", url="http://shop.example/rest/")
        assert (told["route"], [said["label"] for said in told["plugins"]]) == ("rest", ["a", "b"])
        told = await supervisor.call("explain", url="http://shop.example/")
        assert told == {"route": None, "upstream": None, "plugins": []}
        assert running.origin.connections == 0

    async def test_a_question_that_makes_no_sense_is_refused_with_words(
        self, running: Running, supervisor: Channel
    ) -> None:
        with pytest.raises(CallRefusedError, match="no configuration"):
            await supervisor.call("explain", url="http://shop.example/")
        await running.take("a")
        with pytest.raises(CallRefusedError, match="not a URL"):
            await supervisor.call("explain", url="shop.example")

    async def test_plugins_answer_while_their_configuration_is_in_use(
        self, running: Running, supervisor: Channel
    ) -> None:
        await running.take("a")
        assert await supervisor.call("label") == {"label": "a"}
        prepared = await running.road.prepare(running.configuration("b"))
        assert await supervisor.call("label") == {"label": "a"}
        await running.road.discard(prepared)
        assert await supervisor.call("label") == {"label": "a"}
        await running.take("c")
        assert await supervisor.call("label") == {"label": "c"}
        await running.take()
        with pytest.raises(UnknownKindError):
            await supervisor.call("label")


def test_a_body_without_a_limit_has_a_very_large_one() -> None:
    upstreams = "upstreams: {app: {servers: [http://127.0.0.1:1]}}\n"
    settings = load_text(upstreams + "limits: {body: off, head: 16KiB}", settings_of).settings
    assert (limits_of(settings).body, limits_of(settings).head) == (NO_LIMIT, 16 * 1024)


def test_the_shortest_time_out_may_be_an_upstreams() -> None:
    upstreams = "upstreams: {app: {servers: [http://127.0.0.1:1], timeouts: {idle: 2s}}}\n"
    assert shortest_timeout(load_text(upstreams, settings_of).settings) == 2.0
