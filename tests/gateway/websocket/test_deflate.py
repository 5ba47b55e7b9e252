import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.websocket.close_codes import WebSocketError
from gateway.websocket.deflate import Deflate, Deflater, Inflater, agree_deflate

WANTED = Deflate(own_window=12, peer_window=12)
TAKEOVER = Deflate(own_window=15, peer_window=15, own_takeover=True, peer_takeover=True)
NO_TAKEOVER = b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (b"permessage-deflate", NO_TAKEOVER + b"; server_max_window_bits=12"),
        (
            b"permessage-deflate; client_max_window_bits",
            NO_TAKEOVER + b"; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            b'Permessage-Deflate ; client_max_window_bits=10; server_max_window_bits="9"',
            NO_TAKEOVER + b"; server_max_window_bits=9; client_max_window_bits=10",
        ),
        (b"permessage-deflate; server_max_window_bits=15", NO_TAKEOVER + b"; server_max_window_bits=12"),
        (b"x-other; a=1, permessage-deflate", NO_TAKEOVER + b"; server_max_window_bits=12"),
        (b"permessage-deflate; strange, permessage-deflate", NO_TAKEOVER + b"; server_max_window_bits=12"),
        (
            b"permessage-deflate; client_max_window_bits=8",
            NO_TAKEOVER + b"; server_max_window_bits=12; client_max_window_bits=9",
        ),
    ],
)
def test_an_offer_is_answered_with_what_will_be_done(offer: bytes, answer: bytes) -> None:
    taken = agree_deflate(offer, WANTED)
    assert taken is not None
    assert taken[1] == answer


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"x-webkit-deflate-frame",
        b"permessage-deflate; server_max_window_bits=8",
        b"permessage-deflate; server_max_window_bits=16",
        b"permessage-deflate; server_max_window_bits=07",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; client_max_window_bits=7",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        b"permessage-deflate; level=9",
        b"permessage-deflate; =",
    ],
)
def test_an_offer_that_cannot_be_kept_is_declined(offer: bytes) -> None:
    assert agree_deflate(offer, WANTED) is None


def test_takeover_is_used_where_both_want_it() -> None:
    taken = agree_deflate(b"permessage-deflate; client_no_context_takeover", TAKEOVER)
    assert taken is not None
    assert (taken[0].own_takeover, taken[0].peer_takeover) == (True, False)
    assert taken[1] == b"permessage-deflate; client_no_context_takeover"


@given(st.lists(st.binary(max_size=300), max_size=6), st.booleans(), st.integers(9, 15))
def test_what_is_deflated_can_be_inflated(messages: list[bytes], takeover: bool, window: int) -> None:
    agreed = Deflate(window, window, takeover, takeover, threshold=0)
    deflater, inflater = Deflater(agreed), Inflater(agreed)
    for message in messages:
        packed = deflater.deflate(message)
        assert message == (inflater.inflate(packed, 1000) if packed is not None else message)


def test_small_messages_and_noise_go_as_they_are() -> None:
    deflater = Deflater(Deflate(threshold=256))
    assert deflater.deflate(b"a" * 255) is None
    assert deflater.deflate(b"a" * 256) is not None
    assert deflater.deflate(os.urandom(600)) is None


def test_a_message_may_end_with_a_final_block() -> None:
    packer = zlib.compressobj(wbits=-15)
    final = packer.compress(b"first ") + packer.flush()  # Z_FINISH: BFINAL is set
    more = zlib.compressobj(wbits=-15)
    rest = (more.compress(b"second") + more.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
    inflater = Inflater(Deflate())
    assert inflater.inflate(final + b"\x00", 100) == b"first "
    assert inflater.inflate(final + rest, 100) == b"first second"


@pytest.mark.parametrize("most", [999, 1000])
def test_the_limit_counts_inflated_octets(most: int) -> None:
    packed = Deflater(Deflate(threshold=0)).deflate(bytes(1000))
    assert packed is not None
    if most == 1000:
        assert len(Inflater(Deflate()).inflate(packed, most)) == 1000
    else:
        with pytest.raises(WebSocketError) as refused:
            Inflater(Deflate()).inflate(packed, most)
        assert refused.value.code == 1009
