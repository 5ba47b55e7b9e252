from loadtests.websocket_engines import Own
from tests.support.frames import all_frames, frame
from tests.support.transports import FakeTransport


async def test_our_own_engine_echoes_a_burst_in_one_write() -> None:
    transport = FakeTransport()
    transport.connect(Own())
    transport.receive(b"GET / HTTP/1.1\r\n\r\n")
    before = len(transport.sent)
    transport.receive(frame(1, b"a") + frame(1, b"b"))
    assert [each.payload for each in all_frames(bytes(transport.sent[before:]))] == [b"a", b"b"]
    assert len(transport.writes) == 2
