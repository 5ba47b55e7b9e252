from hypothesis import given
from hypothesis import strategies as st

from gateway.websocket.frames import MaskKeys, apply_mask, encode, encode_masked
from tests.support.frames import Seen, all_frames

SIZES = st.one_of(st.integers(0, 300), st.sampled_from([125, 126, 127, 65535, 65536, 70000]))


@given(SIZES, st.sampled_from([0x81, 0x82, 0xC1, 0x01, 0x00, 0x88]))
def test_what_is_written_is_what_another_reader_reads(size: int, first: int) -> None:
    payload = bytes(at % 251 for at in range(size))
    expected = (bool(first & 0x80), first >> 4 & 7, first & 0xF, payload)
    assert all_frames(encode(first, payload)) == [Seen(*expected, masked=False)]
    assert all_frames(encode_masked(first, payload)) == [Seen(*expected, masked=True)]


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
def test_a_mask_is_one_exclusive_or_for_each_octet_and_undoes_itself(data: bytes, key: bytes) -> None:
    masked = apply_mask(data, key)
    assert masked == bytes(octet ^ key[at % 4] for at, octet in enumerate(data))
    assert apply_mask(masked, key) == data


def test_every_frame_has_a_key_of_its_own() -> None:
    keys = MaskKeys()
    taken = [keys.next() for _ in range(3000)]
    assert all(len(key) == 4 for key in taken)
    assert len(set(taken)) > 2990
