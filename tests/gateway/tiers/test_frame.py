import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tiers.frame import Frame, FrameError, digest, digests, read, when_of, write
from gateway.tiers.seal import Seal

FRAME = Frame(7, 100.5, 200.5, digests((b"a", b"b")), b"head ")
PLACE = b"p" * 24
SEALS = [None, Seal(b"secret")]


@pytest.mark.parametrize("seal", SEALS)
def test_what_was_written_is_read(seal: Seal | None) -> None:
    octets = write(PLACE, FRAME, b"body", seal)
    assert read(PLACE, octets, seal) == Frame(7, 100.5, 200.5, FRAME.labels, b"head body")
    assert when_of(octets) == 100.5


@pytest.mark.parametrize("seal", SEALS)
def test_any_flipped_bit_is_noticed(seal: Seal | None) -> None:
    octets = bytearray(write(PLACE, FRAME, b"body", seal))
    for at in range(len(octets)):
        octets[at] ^= 1
        with pytest.raises(FrameError):
            read(PLACE, bytes(octets), seal)
        octets[at] ^= 1
    read(PLACE, bytes(octets), seal)


@pytest.mark.parametrize("seal", SEALS)
def test_any_missing_end_is_noticed(seal: Seal | None) -> None:
    octets = write(PLACE, FRAME, b"body", seal)
    for length in range(len(octets)):
        with pytest.raises(FrameError):
            read(PLACE, octets[:length], seal)


@pytest.mark.parametrize("seal", SEALS)
def test_a_record_in_the_place_of_another_is_none(seal: Seal | None) -> None:
    with pytest.raises(FrameError):
        read(b"q" * 24, write(PLACE, FRAME, b"", seal), seal)


@pytest.mark.parametrize(("of", "by"), [(None, SEALS[1]), (SEALS[1], None), (Seal(b"one"), Seal(b"other"))])
def test_a_key_reads_only_its_own(of: Seal | None, by: Seal | None) -> None:
    with pytest.raises(FrameError):
        read(PLACE, write(PLACE, FRAME, b"", of), by)


@given(st.binary(max_size=200))
def test_any_octets_give_a_frame_or_an_error(octets: bytes) -> None:
    with pytest.raises(FrameError):
        read(PLACE, octets)


def test_the_time_of_too_little_is_an_error() -> None:
    with pytest.raises(FrameError):
        when_of(b"")


def test_digests_depend_on_the_key() -> None:
    assert digest(b"label") != digest(b"label", key=b"k")
    assert digest(b"label", 16)[:8] != digest(b"label")
    assert digests((b"a", b"b")) == digest(b"a") + digest(b"b")
