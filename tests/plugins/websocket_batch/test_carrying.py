from typing import Any

from gateway.api import Deflate, Flush
from plugins.websocket_batch.binary import unpack_numbered
from plugins.websocket_batch.carrying import Terms, rules_of, tunnel_terms, wanted_deflate
from plugins.websocket_batch.negotiation import Agreed
from plugins.websocket_batch.outbox import BatchOutbox
from plugins.websocket_batch.records import RecordOutbox
from plugins.websocket_batch.settings import WebSocketBatchSettings

PLAIN = Agreed(None, None, None, None)
BATCHED = Agreed(b"batch.v1", None, "batch.v1", None)


def settings(**given: Any) -> WebSocketBatchSettings:
    return WebSocketBatchSettings.model_validate(given)


def test_who_asked_for_nothing_gets_messages_as_they_are() -> None:
    terms = Terms(settings()).of(PLAIN, None)
    assert (terms.mode, terms.join) == ("framed", True)
    assert terms.downstream.outbox is None
    assert terms.downstream.unpack is None
    assert terms.upstream.outbox is None
    assert not Terms(settings(coalesce="off")).of(PLAIN, None).join


def test_who_asked_for_batches_gets_and_sends_them() -> None:
    terms = Terms(settings(max_messages=2)).of(BATCHED, None)
    assert terms.mode == "batch.v1"
    assert terms.downstream.outbox is not None
    assert terms.downstream.unpack is not None
    assert terms.upstream.outbox is None
    (sending,) = terms.downstream.outbox().accept([(1, b"a"), (1, b"b")], 1.0, False)
    assert unpack_numbered(sending.payload) == [(0, (1, b"a")), (1, (1, b"b"))]
    assert terms.downstream.outbox() is not terms.downstream.outbox()


def test_json_is_a_format_of_its_own() -> None:
    terms = Terms(settings()).of(Agreed(None, b"json", "batch-json.v1", "batch.v1"), None)
    assert terms.mode == "batch-json.v1"
    assert terms.downstream.unpack is not None
    assert terms.downstream.unpack(1, b'{"v":1,"s":0,"m":[1]}') == [(1, b"1")]
    assert terms.upstream.unpack is not None
    assert terms.upstream.unpack(2, b"\x01\x00\x00\x01x") == [(1, b"x")]


def test_frames_may_wait_for_each_other_without_becoming_batches_and_none_is_left_out() -> None:
    terms = Terms(settings(coalesce="strategy", conflate="/k", max_messages=2)).of(PLAIN, None)
    assert terms.downstream.outbox is not None
    outbox = terms.downstream.outbox()
    assert outbox.accept([(1, b'{"k":1}')], 1.0, False) == []
    sent = outbox.accept([(1, b'{"k":1}')], 1.0, False)
    assert [(each.payload, each.reason) for each in sent] == [(b'{"k":1}', Flush.SIZE)] * 2


def test_equal_handshakes_share_their_terms() -> None:
    terms = Terms(settings())
    assert terms.of(BATCHED, None) is terms.of(BATCHED, None)
    assert terms.of(BATCHED, Deflate()) is not terms.of(BATCHED, None)


def test_limits_are_those_of_the_settings() -> None:
    given = settings(
        max_message="2KiB", max_octets="1KiB", idle="off", ping_every="off", messages_per_second=5.0, burst=7
    )
    terms = Terms(given).of(PLAIN, None)
    assert (terms.max_message, terms.ping_every, terms.messages_per_second, terms.burst) == (2048, None, 5.0, 7)
    assert terms.idle > 86400


def test_compression_is_offered_as_the_settings_say() -> None:
    assert wanted_deflate(settings(compression={"enabled": False})) is None
    wanted = wanted_deflate(settings(compression={"window": 10, "context_takeover": True, "threshold": 1}))
    assert wanted is not None
    assert (wanted.own_window, wanted.own_takeover, wanted.threshold) == (10, True, 1)


def test_tunnels_have_their_own_idle_time() -> None:
    assert tunnel_terms(settings(idle="5s")).idle == 5.0


def test_rules_read_marks_only_where_there_are_some() -> None:
    assert rules_of(settings(), joins=True).mark is None
    assert rules_of(settings(conflate="/k"), joins=True).mark is not None
    assert rules_of(settings(conflate="/k"), joins=False).mark is None


def test_messages_that_nobody_need_look_at_wait_as_records() -> None:
    def box(**given: Any) -> object:
        make = Terms(settings(**given)).of(BATCHED, None).downstream.outbox
        assert make is not None
        return type(make())

    assert box() is RecordOutbox
    assert box(strategy="adaptive") is RecordOutbox
    for looked_at in ({"priority_field": "/p"}, {"conflate": "/k"}, {"priority_mode": "overtake"}):
        assert box(**looked_at) is BatchOutbox
