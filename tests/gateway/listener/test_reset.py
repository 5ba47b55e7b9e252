import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from gateway.http.body import BodyStream
from gateway.http.message import Request, Response
from gateway.listener.http1 import Http1Connection
from gateway.listener.reset import reset_on_close, set_reset
from tests.support.plugins import make_response
from tests.support.roads import CLIENT, get, make_front
from tests.support.streams import RecordingSource

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def on(loop: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_transport_ends_with_a_reset(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def work() -> None:
        near, far = await _pair()
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, near)
        reset_on_close(transport)
        transport.abort()
        with pytest.raises(ConnectionResetError):
            await asyncio.get_running_loop().sock_recv(far, 1)
        far.close()

    on(loop, work)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("minor", ["0", "1"])
def test_half_an_answer_never_looks_whole_to_a_client(
    loop: Callable[[], asyncio.AbstractEventLoop], minor: str
) -> None:
    async def work() -> None:
        stream = BodyStream(None, RecordingSource())

        async def handle(request: Request) -> Response:
            return make_response(body=stream)

        front, _, _ = make_front(handle)
        front.by_address[CLIENT] = front.occupied = 1
        near, far = await _pair()
        running = asyncio.get_running_loop()
        await running.connect_accepted_socket(lambda: Http1Connection(front, "http", CLIENT), near)
        await running.sock_sendall(far, get("/", version=f"1.{minor}"))
        head = await running.sock_recv(far, 1000)
        stream.feed(b"half of it")
        received = await running.sock_recv(far, 1000)
        stream.fail(ConnectionError("the origin is gone"))
        try:
            while piece := await running.sock_recv(far, 1000):
                received += piece
            assert b"chunked" in head
            assert not received.endswith(b"0\r\n\r\n")
        except ConnectionResetError:
            assert b"chunked" not in head
        far.close()
        assert front.occupied == 0

    on(loop, work)


def test_a_socket_that_is_gone_cannot_be_reset_and_nobody_minds() -> None:
    gone = socket.socket()
    gone.close()
    set_reset(gone)


async def _pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far = socket.create_connection(listening.getsockname())
        near, _ = listening.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far
