"""How a framed pair ends, and what each peer hears then."""

import pytest

from tests.support.framed import Framed
from tests.support.frames import close, frame
from tests.support.roads import turns


async def test_messages_pass_both_ways_as_they_are() -> None:
    framed = Framed()
    framed.says(frame(1, "grüße".encode()), frame(2, b"\x00\xff"))
    framed.answers(frame(1, b"down", masked=False), frame(2, bytes(70_000), masked=False))
    assert [(each.opcode, each.payload, each.masked) for each in framed.told] == [
        (1, "grüße".encode(), True),
        (2, b"\x00\xff", True),
    ]
    assert [(each.opcode, len(each.payload), each.masked) for each in framed.heard] == [
        (1, 4, False),
        (2, 70_000, False),
    ]


async def test_what_came_behind_the_heads_goes_first() -> None:
    framed = Framed(behind_head=frame(1, b"welcome", masked=False), behind_request=frame(1, b"eager"))
    framed.text("then")
    framed.news("later")
    assert framed.told_texts == ["eager", "then"]
    assert framed.heard_texts == ["welcome", "later"]


async def test_a_close_of_the_client_is_the_upstreams_to_answer() -> None:
    framed = Framed()
    framed.says(close(4001, b"bye"))
    assert [(each.code, each.payload[2:]) for each in framed.told] == [(4001, b"bye")]
    assert framed.heard == []
    framed.news("last words")
    framed.answers(close(4002, b"so long", masked=False))
    await turns()
    assert [(each.opcode, each.payload[-7:]) for each in framed.heard] == [(1, b"t words"), (8, b"so long")]
    assert framed.codes() == (4002, 4001)
    assert framed.is_over
    assert framed.figures.value("websocket_close_total", route="live", code="private", by="client") == 1


async def test_a_close_of_the_upstream_is_the_clients_to_answer() -> None:
    framed = Framed()
    framed.answers(close(1000, masked=False))
    framed.says(close(1000))
    await turns()
    assert framed.codes() == (1000, 1000)
    assert framed.is_over


async def test_a_close_without_a_code_stays_without_one() -> None:
    framed = Framed()
    framed.says(close())
    assert [each.payload for each in framed.told] == [b""]
    framed.answers(close(masked=False))
    await turns()
    assert [each.payload for each in framed.heard] == [b""]
    assert framed.is_over


@pytest.mark.parametrize("code", [1004, 1005, 1006, 1015, 999, 2000, 5000])
async def test_a_code_that_must_not_be_sent_is_answered_with_1002_and_goes_no_further(code: int) -> None:
    framed = Framed()
    framed.says(close(code))
    assert framed.codes() == (1002, 1001)


async def test_a_clients_mistake_is_told_to_it_and_the_upstream_hears_that_it_is_gone() -> None:
    framed = Framed()
    framed.text("fine")
    framed.says(frame(1, b"\xff"))
    assert framed.told_texts == ["fine"]
    assert framed.codes() == (1007, 1001)
    assert framed.client.has_ended  # it may read why before it leaves
    framed.says(frame(1, b"more"))
    assert framed.told_texts == ["fine"]
    framed.client.end()
    framed.answers(close(1001, masked=False))
    await turns()
    assert framed.is_over
    assert framed.figures.value("websocket_protocol_errors_total", route="live", kind="utf8") == 1


async def test_an_upstreams_mistake_is_a_bad_gateway_to_the_client() -> None:
    framed = Framed()
    framed.answers(frame(3, masked=False))
    assert framed.codes() == (1014, 1002)


@pytest.mark.parametrize("code", [1014, 1011])
async def test_an_upstream_that_is_gone_without_a_close_is_a_bad_gateway(code: int) -> None:
    framed = Framed(bad_gateway_code=code)
    framed.news("last words")
    framed.upstream.lose(ConnectionResetError())
    assert framed.heard_texts == ["last words"]
    assert framed.codes() == (code, None)
    framed.says(close(code))
    await turns()
    assert framed.is_over
    assert framed.figures.value("websocket_close_total", route="live", code="none", by="upstream") == 1


async def test_a_client_that_is_gone_without_a_close_is_going_away() -> None:
    framed = Framed()
    framed.client.lose()
    assert framed.codes() == (None, 1001)
    framed.answers(close(1001, masked=False))
    await turns()
    assert framed.is_over


async def test_a_client_that_says_goodbye_and_leaves_at_once_is_no_failure() -> None:
    framed = Framed()
    framed.says(close(1000))
    framed.client.lose()
    assert framed.codes() == (None, 1000)
    framed.answers(close(1000, masked=False))
    await turns()
    assert framed.is_over
    assert framed.figures.value("websocket_close_total", route="live", code="1000", by="client") == 1


async def test_both_saying_goodbye_at_once_is_fine() -> None:
    framed = Framed()
    framed.pair.close(1012, "restart")
    framed.say_goodbye(1000)
    await turns()
    assert framed.codes() == (1012, 1001)
    assert framed.is_over


async def test_who_does_not_answer_a_close_is_cut() -> None:
    framed = Framed()
    framed.pair.close(1012, "restart")
    framed.pair.close(1001, "again")
    await turns()
    assert framed.ended == []
    framed.expire()
    await turns()
    assert framed.client.was_aborted
    assert framed.is_over
    assert framed.codes() == (1012, 1001)


@pytest.mark.parametrize("code", [1000, 4321, None])
async def test_who_says_goodbye_is_answered_though_the_other_is_not_there_to_do_so(code: int | None) -> None:
    framed = Framed()
    framed.says(close(code))
    framed.expire()
    await turns()
    assert framed.upstream.was_aborted
    assert not framed.client.was_aborted
    assert [each.payload for each in framed.heard] == [close(code, masked=False)[2:]]
    assert framed.is_over


async def test_who_does_not_take_the_answer_to_its_goodbye_is_cut_in_the_end() -> None:
    framed = Framed()
    framed.client.is_stalled = True
    framed.news("x" * 70_000)
    framed.says(close(1000))
    framed.expire()
    await turns()
    assert not framed.is_over
    framed.expire()
    await turns()
    assert framed.client.was_aborted
    assert framed.is_over


async def test_nothing_is_sent_behind_a_close() -> None:
    framed = Framed()
    framed.pair.close(1012, "restart")
    framed.text("late")
    framed.news("late")
    framed.says(frame(9, b"late"))
    assert framed.told_texts == framed.heard_texts == []
    assert [each.opcode for each in framed.told] == [8]


async def test_an_idle_pair_is_closed_and_a_used_one_is_not() -> None:
    framed = Framed(idle=60.0, ping_every=None)
    framed.text("x")
    framed.expire()
    assert framed.codes() == (None, None)
    framed.expire(later=60.0)
    assert framed.codes() == (1001, 1001)


async def test_pings_of_a_peer_keep_a_pair_and_those_of_the_gateway_do_not() -> None:
    framed = Framed(idle=60.0, ping_every=30.0)
    first = framed.pair.up.active
    framed.expire()
    framed.says(frame(10, framed.heard[0].payload))  # of the gateway
    assert framed.pair.up.active == first
    framed.says(frame(9, b"still there?"))
    assert framed.told[-1].payload == b"still there?"
    assert framed.pair.up.active > first


async def test_a_silent_peer_is_asked_and_its_answer_goes_no_further() -> None:
    framed = Framed(ping_every=30.0, ping_timeout=20.0)
    framed.expire(later=0.5)
    (to_client,) = framed.heard
    (to_upstream,) = framed.told
    assert (to_client.opcode, to_upstream.opcode) == (9, 9)
    framed.says(frame(10, to_client.payload))
    framed.answers(frame(10, to_upstream.payload, masked=False))
    assert len(framed.heard) == len(framed.told) == 1
    framed.says(frame(10, b"of its own"))
    assert [each.payload for each in framed.told[1:]] == [b"of its own"]


async def test_a_peer_that_stays_silent_is_cut_and_the_other_is_told() -> None:
    framed = Framed(ping_every=30.0, ping_timeout=20.0)
    framed.expire(later=0.5)
    framed.answers(frame(10, framed.told[0].payload, masked=False))
    framed.pair.upstream.heard += 1000.0
    framed.expire(later=1.0)
    await turns()
    assert framed.client.was_aborted
    assert framed.codes() == (None, 1001)


async def test_aborting_ends_both_at_once() -> None:
    framed = Framed()
    framed.pair.abort()
    await turns()
    assert framed.is_over


async def test_a_pair_describes_itself() -> None:
    framed = Framed(mode="batch.v1")
    framed.text("x")
    framed.news("y", "z")
    told = framed.pair.describe()
    assert framed.pair.mode == "batch.v1"
    assert told["messages"] == {"down": 2, "up": 1}
    assert told["queue"] == {"down": {"messages": 0, "octets": 0}, "up": {"messages": 0, "octets": 0}}
    assert (told["paused"], told["blocked"], told["closing"]) == ([], [], False)
