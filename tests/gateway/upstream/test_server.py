import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.chain.deadlines import Deadlines
from gateway.chain.runtime import Tasks
from gateway.config import ServerSettings, UpstreamSettings, UpstreamTlsSettings
from gateway.errors import OverloadedError, UpstreamConnectError, UpstreamConnectTimeoutError, UpstreamTlsError
from gateway.figures import Figures
from gateway.upstream.endpoint import endpoint_of
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.server import Server, upstream_context
from tests.support.certificates import Authority
from tests.support.loopback import listening, until_end
from tests.support.ports import free_port

LATER = 1e12


def make_server(url: str, **more: object) -> Server:
    settings = UpstreamSettings.model_validate({"servers": [url], **more})
    tls = upstream_context(settings.tls) if url.startswith("https") else None
    deadlines = Deadlines(asyncio.get_running_loop())
    figures = UpstreamFigures(Figures.in_memory(), "app")
    return Server(endpoint_of(ServerSettings(url=url)), settings, tls, deadlines, Tasks(), figures)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening(until_end) as port:
        yield port


async def connected(server: Server) -> bool:
    connection = await server.pool.acquire(LATER)
    peer = connection.transport.get_extra_info("socket")
    connection.close()
    await asyncio.sleep(0)
    return peer is not None and server.pool.size == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_and_a_name_are_connected_to(port: int, host: str) -> None:
    assert await connected(make_server(f"http://{host}:{port}"))


async def test_a_unix_socket_is_connected_to(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with listening(until_end, path):
        assert await connected(make_server(f"unix:{path}"))


async def test_what_a_host_field_says() -> None:
    assert make_server("http://app.example:81").authority == b"app.example:81"
    assert make_server("unix:/run/app").authority == b"localhost"


@pytest.mark.parametrize("where", ["http", "unix"])
async def test_a_refused_connection_names_the_server(where: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}" if where == "http" else f"unix:{tmp_path}/nobody"
    server = make_server(url)
    with pytest.raises(UpstreamConnectError, match=url):
        await server.pool.acquire(LATER)
    assert server.pool.size == 0


async def test_a_name_without_an_address_is_an_error_of_its_own() -> None:
    server = make_server("http://nobody.invalid:80")
    with pytest.raises(UpstreamConnectError) as failed:
        await server.pool.acquire(LATER)
    assert failed.value.reason == "dns"


async def test_a_server_that_never_speaks_tls_is_given_up_in_time(port: int) -> None:
    server = make_server(f"https://127.0.0.1:{port}", timeouts={"connect": "50ms"})
    with pytest.raises(UpstreamConnectTimeoutError):
        await server.pool.acquire(LATER)
    await asyncio.sleep(0.01)
    assert server.pool.size == 0


async def test_no_file_descriptor_left_is_our_own_failure(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server(f"http://127.0.0.1:{port}")

    async def none_left(*_: object, **__: object) -> None:
        raise OSError(24, os.strerror(24))

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", none_left)
    with pytest.raises(OverloadedError):
        await server.pool.acquire(LATER)
    assert server.pool.size == 0


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path / "authority")

    async def test_a_server_is_trusted_by_its_authority_and_name(self, authority: Authority) -> None:
        context = authority.issue("origin", "origin.example", "127.0.0.1").server_context()
        async with listening(until_end, ssl=context) as port:
            url = f"https://127.0.0.1:{port}"
            assert await connected(make_server(url, tls={"ca": str(authority.file)}))
            assert await connected(make_server(url, tls={"ca": str(authority.file), "server_name": "origin.example"}))

    @pytest.mark.parametrize("trusts", [False, True])
    async def test_a_stranger_is_not_trusted(self, authority: Authority, trusts: bool) -> None:
        context = authority.issue("origin", "another.example").server_context()
        async with listening(until_end, ssl=context) as port:
            url = f"https://127.0.0.1:{port}"
            server = make_server(url, tls={"ca": str(authority.file)} if trusts else {})
            with pytest.raises(UpstreamTlsError, match=url):
                await server.pool.acquire(LATER)
            assert server.pool.size == 0
            assert await connected(make_server(url, tls={"verify": False}))

    def test_files_that_cannot_be_used_are_told_at_once(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        for settings in (
            UpstreamTlsSettings(ca=tmp_path / "missing"),
            UpstreamTlsSettings(certificate=empty, key=empty),
        ):
            with pytest.raises((OSError, ssl.SSLError)):
                upstream_context(settings)
