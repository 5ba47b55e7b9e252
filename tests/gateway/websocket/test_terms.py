from gateway.websocket.plain import PlainOutbox
from gateway.websocket.terms import FrameTerms, Outbox, TunnelTerms, Upgraded
from gateway.websocket.tunnel import UpgradedUpstream
from tests.support.transports import FakeTransport


async def test_what_the_engine_makes_keeps_what_plugins_are_promised() -> None:
    upgraded: Upgraded = UpgradedUpstream(FakeTransport(), b"", lambda: None)
    assert upgraded.terms is None
    upgraded.terms = TunnelTerms(idle=5.0)
    outbox: Outbox = PlainOutbox()
    assert (outbox.messages, outbox.octets, outbox.target) == (0, 0, 1)


def test_the_defaults_are_bounded() -> None:
    terms = FrameTerms()
    assert terms.queue.go_on_below < terms.queue.stop_above < terms.queue.octets <= terms.queued_total
    assert terms.downstream.outbox is None
    assert terms.upstream.deflate is None
