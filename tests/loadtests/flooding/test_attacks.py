import zlib
from itertools import islice

import pytest

from gateway.websocket.close_codes import is_sendable
from loadtests.flooding.attacks import ATTACKS, FIN, MIB, TEXT, Attack, deflated, frame
from tests.support.frames import Seen, all_frames, read_frames


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_are_those_of_a_client(size: int) -> None:
    assert all_frames(frame(FIN | TEXT, b"x" * size)) == [Seen(True, 0, 1, b"x" * size, masked=True)]


def test_a_frame_may_lie() -> None:
    assert frame(FIN | TEXT, b"abc", announced=1 << 62)[1:10] == b"\xff\x40" + bytes(7)


@pytest.mark.parametrize("size", [1000, MIB, 3 * MIB + 5])
def test_a_bomb_is_as_large_as_it_says_and_small_on_the_wire(size: int) -> None:
    packed = deflated(size)
    assert zlib.decompressobj(-12).decompress(packed + b"\0\0\xff\xff") == bytes(size)
    assert len(packed) < size // 500 + 100


@pytest.mark.parametrize("what", ATTACKS, ids=lambda each: each.name)
def test_every_attack_begins_with_a_frame_and_has_an_end_that_can_be_told(what: Attack) -> None:
    octets = b"".join(islice(what.pieces(), 3))
    assert octets
    read_frames(octets[:1000])
    assert is_sendable(what.code)


def test_each_attack_has_a_name_of_its_own() -> None:
    assert len({each.name for each in ATTACKS}) == len(ATTACKS)
