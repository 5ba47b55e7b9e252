import time

from loadtests.websocket_clients import Listening, Tally, percentile
from loadtests.websocket_origin import a_message
from plugins.websocket_batch.binary import Binary
from tests.support.batches import item
from tests.support.frames import close, frame
from tests.support.transports import FakeTransport

HEAD = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: %b\r\n\r\n"


def client(protocol: bytes) -> tuple[Listening, Tally, FakeTransport]:
    tally = Tally()
    transport, listening = FakeTransport(), Listening(tally, "/push")
    transport.connect(listening)
    transport.receive(HEAD % protocol)
    return listening, tally, transport


async def test_messages_are_counted_whatever_the_pieces() -> None:
    _, tally, transport = client(b"chat")
    message = a_message(time.monotonic_ns(), 0, 200)
    octets = frame(1, message, masked=False) * 3
    for at in range(0, len(octets), 7):
        transport.receive(octets[at : at + 7])
    assert (tally.messages, tally.frames, len(tally.seconds)) == (3, 3, 3)


async def test_batches_are_opened() -> None:
    _, tally, transport = client(b"batch.v1")
    items = {at: item(1, a_message(time.monotonic_ns(), 9 * (at == 1), 200)) for at in range(4)}
    (batch,) = Binary().encode(items)
    transport.receive(frame(2, batch.payload, masked=False))
    assert (tally.messages, tally.frames, len(tally.urgent_seconds)) == (4, 1, 1)


async def test_a_close_is_answered_and_counted() -> None:
    _, tally, transport = client(b"chat")
    transport.receive(close(1012, masked=False))
    transport.lose()
    assert (tally.codes, tally.lost) == ({1012: 1}, 1)
    assert bytes(transport.sent).endswith(b"\x88\x82\x00\x00\x00\x00\x03\xf4")


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([], 0.99) == 0.0
