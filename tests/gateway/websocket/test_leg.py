from tests.support.framed import Framed
from tests.support.frames import frame


async def test_much_at_once_is_written_in_portions() -> None:
    framed = Framed()
    framed.answers(b"".join(frame(2, bytes(30_000), masked=False) for _ in range(6)))
    assert [len(each) for each in framed.client.writes] == [3 * 30_004, 3 * 30_004]


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
