import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.chain.compile import ChainError
from gateway.chain.registry import settings_of
from gateway.config import load_text
from gateway.worker.road import NO_LIMIT, limits_of, shortest_timeout
from tests.support.certificates import Authority, Certificate
from tests.support.noting import EVENTS, gates, runtimes
from tests.support.roads import get
from tests.support.running_road import NOTING, Running, running_road


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr("gateway.worker.road._SETTLE_SECONDS", 0.0)
    async with running_road() as running:
        yield running


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


async def test_plugins_know_how_many_workers_there_are_and_hear_every_sweep(running: Running) -> None:
    await running.take("a", more="workers: 3")
    swept = asyncio.Event()
    runtimes["a"].at_each_sweep.append(swept.set)
    assert runtimes["a"].workers == 3
    async with asyncio.timeout(10):
        await swept.wait()


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
            {"upstream": f", tls: {{ca: {bad}}}, servers: [https://127.0.0.1:9]"},
            {"more": f"listen: {{address: 127.0.0.1:1, tls: {{certificate: {bad}, key: {bad}}}}}"},
        ):
            text = _replaced(running, **options)
            with pytest.raises(ChainError, match=f"tls: {bad}.*: no PEM that can be used"):
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


def test_a_body_without_a_limit_has_a_very_large_one() -> None:
    upstreams = "upstreams: {app: {servers: [http://127.0.0.1:1]}}\n"
    settings = load_text(upstreams + "limits: {body: off, head: 16KiB}", settings_of).settings
    assert (limits_of(settings).body, limits_of(settings).head) == (NO_LIMIT, 16 * 1024)


def test_the_shortest_time_out_may_be_an_upstreams() -> None:
    upstreams = "upstreams: {app: {servers: [http://127.0.0.1:1], timeouts: {idle: 2s}}}\n"
    assert shortest_timeout(load_text(upstreams, settings_of).settings) == 2.0
