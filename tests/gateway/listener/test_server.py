import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.listener.server import Acceptor, Listening
from tests.support.certificates import Authority, Certificate
from tests.support.roads import answering, get, make_front

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place:
    """A listening socket, its acceptor, and clients."""

    def __init__(
        self, tls: ssl.SSLContext | None, path: Path | None, *, proxy_protocol: bool = False, **limits: object
    ) -> None:
        self.front, self.figures, _ = make_front(answering(b"hello"), **limits)
        self.path = path
        if path is None:
            self.socket = socket.create_server(("127.0.0.1", 0))
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
            self.socket.listen()
        self.socket.setblocking(False)
        self.acceptor = Acceptor(self.front, Listening(self.socket, tls, proxy_protocol))
        self.front.room = self._room
        self._has_room = asyncio.Event()
        self._clients: list[asyncio.StreamWriter] = []

    def _room(self) -> None:
        self.acceptor.start()
        self._has_room.set()

    async def connect(self, **options: object) -> Streams:
        if self.path is not None:
            streams = await asyncio.open_unix_connection(self.path)
        else:
            streams = await asyncio.open_connection(*self.socket.getsockname(), **options)  # type: ignore[arg-type]  # any
        self._clients.append(streams[1])
        return streams

    async def get(self, streams: Streams, before: bytes = b"") -> bytes:
        """What comes back for a request: empty when the connection is refused."""
        reader, writer = streams
        writer.write(before + get("/"))
        try:
            return (await reader.readuntil(b"hello"))[-5:]
        except (asyncio.IncompleteReadError, OSError):
            return b""

    async def until_free(self) -> None:
        """Everybody has gone and left no place taken."""
        async with asyncio.timeout(5):
            while self.front.occupied or self.front.by_address:
                self._has_room.clear()
                await self._has_room.wait()

    async def close(self) -> None:
        self.acceptor.close()
        for writer in self._clients:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await self.until_free()
        self.socket.close()

    def limit_hits(self, name: str) -> float:
        return self.figures.value("limits_hit_total", limit=name)


@contextlib.asynccontextmanager
async def serving(
    tls: ssl.SSLContext | None = None, path: Path | None = None, *, proxy: bool = False, **limits: object
) -> AsyncIterator[Place]:
    place = Place(tls, path, proxy_protocol=proxy, **limits)
    place.acceptor.start()
    try:
        yield place
    finally:
        await place.close()


async def test_connections_are_accepted_counted_and_served() -> None:
    async with serving() as place:
        for _ in range(3):
            assert await place.get(await place.connect()) == b"hello"
        assert place.front.occupied == 3
        assert place.front.by_address == {"127.0.0.1": 3}
        assert place.figures.value("http_downstream_connections_accepted_total") == 3


async def test_a_unix_socket_has_no_address_to_limit(tmp_path: Path) -> None:
    async with serving(path=tmp_path / "s", connections_per_address=1) as place:
        for _ in range(2):
            assert await place.get(await place.connect()) == b"hello"
        assert place.front.by_address == {"unix": 2}


async def test_at_the_limit_of_connections_others_wait_for_their_turn() -> None:
    async with serving(connections=2) as place:
        clients = [await place.connect() for _ in range(2)]
        for client in clients:
            assert await place.get(client) == b"hello"
        third = asyncio.ensure_future(place.get(await place.connect()))
        await asyncio.sleep(0.02)
        assert not third.done()
        assert place.front.occupied == 2
        assert place.limit_hits("connections") == 1
        clients[0][1].close()
        assert await third == b"hello"


async def test_the_limit_of_connections_holds_in_a_burst() -> None:
    async with serving(connections=2) as place:
        place.acceptor.pause()
        for _ in range(6):
            await place.connect()
        place.acceptor.start()
        for _ in range(10):
            await asyncio.sleep(0)
            assert place.front.occupied <= 2


async def test_an_address_may_have_so_many_connections_and_more_are_refused() -> None:
    async with serving(connections_per_address=1) as place:
        first = await place.connect()
        assert await place.get(first) == b"hello"
        assert await place.get(await place.connect()) == b""
        assert place.limit_hits("connections_per_address") == 1
        assert place.front.occupied == 1
        first[1].close()
        await place.until_free()
        assert await place.get(await place.connect()) == b"hello"


async def test_out_of_descriptors_accepting_pauses_and_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        """A listening socket in a process that has no descriptor left, once."""

        def __init__(self, real: socket.socket) -> None:
            self._real = real
            self.failures = 0

        def fileno(self) -> int:
            return self._real.fileno()

        def accept(self) -> tuple[socket.socket, object]:
            if not self.failures:
                self.failures += 1
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return self._real.accept()

    async with serving() as place:
        place.acceptor.pause()
        failing = Failing(place.socket)
        listening = Listening(failing, None, False)  # type: ignore[arg-type]  # as far as an acceptor looks
        place.acceptor = Acceptor(place.front, listening)
        monkeypatch.setattr("gateway.listener.server._PAUSE_SECONDS", 0.0)
        place.acceptor.start()
        assert await place.get(await place.connect()) == b"hello"
        assert (failing.failures, place.limit_hits("file_descriptors")) == (1, 1)


async def test_once_closed_nothing_is_accepted_and_the_socket_stays_open() -> None:
    async with serving() as place:
        place.acceptor.close()
        place.acceptor.start()
        await place.connect()
        await asyncio.sleep(0.01)
        assert place.front.occupied == 0
        assert place.socket.fileno() >= 0


class TestProxyProtocol:
    async def test_the_balancer_says_whose_connection_it_is(self) -> None:
        async with serving(proxy=True) as place:
            preamble = b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 80\r\n"
            assert await place.get(await place.connect(), preamble) == b"hello"
            assert place.front.by_address == {"192.0.2.7": 1}

    async def test_the_header_may_come_in_pieces(self) -> None:
        async with serving(proxy=True) as place:
            streams = await place.connect()
            for piece in (b"PRO", b"XY TCP4 192.0.2.7 127.0", b".0.1 1234 80\r"):
                streams[1].write(piece)
                await asyncio.sleep(0.005)
            assert await place.get(streams, b"\n") == b"hello"

    @pytest.mark.parametrize("preamble", [b"", b"PROXY nonsense\r\n"])
    async def test_a_connection_without_it_is_refused(self, preamble: bytes) -> None:
        async with serving(proxy=True) as place:
            assert await place.get(await place.connect(), preamble) == b""
            await place.until_free()
            assert place.figures.value("http_errors_total", reason="proxy_protocol") == 1

    async def test_a_peer_that_leaves_before_it_gives_its_place_back(self) -> None:
        async with serving(proxy=True) as place:
            _, writer = await place.connect()
            await asyncio.sleep(0.005)
            assert place.front.occupied == 1
            writer.close()
            await place.until_free()

    async def test_a_peer_that_says_nothing_is_refused_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gateway.listener.server._PREAMBLE_SECONDS", 0.01)
        async with serving(proxy=True) as place:
            reader, _ = await place.connect()
            assert await reader.read() == b""
            await place.until_free()


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    @pytest.fixture
    def certificate(self, authority: Authority) -> Certificate:
        return authority.issue("gateway", "127.0.0.1")

    async def test_http_is_spoken_inside(self, authority: Authority, certificate: Certificate) -> None:
        async with serving(certificate.server_context()) as place:
            assert await place.get(await place.connect(ssl=authority.client_context())) == b"hello"

    async def test_another_certificate_is_shown_to_the_next_connection(
        self, authority: Authority, certificate: Certificate
    ) -> None:
        async with serving(certificate.server_context()) as place:
            place.acceptor.use_tls(authority.issue("renewed", "127.0.0.1").server_context())
            _, writer = await place.connect(ssl=authority.client_context())
            subject = writer.get_extra_info("peercert")["subject"]
            assert subject == ((("commonName", "renewed"),),)

    async def test_a_handshake_that_fails_gives_its_place_back(self, certificate: Certificate) -> None:
        async with serving(certificate.server_context()) as place:
            reader, writer = await place.connect()
            writer.write(get("/"))
            await reader.read()
            await place.until_free()
            assert place.figures.value("http_errors_total", reason="tls_handshake") == 1
