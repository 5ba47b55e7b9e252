import time

from tests.support.framed import Framed, until
from tests.support.frames import frame


async def test_much_at_once_is_written_in_portions() -> None:
    framed = Framed()
    framed.answers(b"".join(frame(2, bytes(30_000), masked=False) for _ in range(6)))
    assert [len(each) for each in framed.client.writes] == [3 * 30_004, 3 * 30_004]


async def test_a_burst_leaves_in_one_write_and_loses_nothing() -> None:
    framed = Framed(hold=0.001)
    framed.pair.upstream.heard = time.monotonic() + 3600.0  # however slow the machine: it came just now
    framed.pair.downstream.heard -= 1.0
    for text in "abc":
        framed.news(text)
    assert framed.client.writes == []
    assert not framed.upstream.is_reading()
    await until(lambda: framed.heard_texts == ["a", "b", "c"])
    assert len(framed.client.writes) < 3


async def test_what_waits_for_company_goes_before_a_close() -> None:
    framed = Framed(hold=0.001)
    framed.pair.upstream.heard = time.monotonic() + 3600.0
    framed.pair.downstream.heard -= 1.0
    framed.news("last words")
    assert framed.client.writes == []
    framed.pair.close(1012, "restart")
    assert framed.heard_texts == ["last words"]
    assert framed.codes()[0] == 1012


async def test_a_peer_without_half_close_is_not_asked_for_one() -> None:
    framed = Framed(tls=True)
    framed.says(frame(3))
    assert framed.codes() == (1002, 1001)
    assert not framed.client.is_closing()


async def test_only_one_close_frame_is_ever_sent() -> None:
    framed = Framed()
    framed.pair.downstream.send_close(1000)
    framed.pair.downstream.send_close(1001)
    assert framed.codes() == (1000, None)
