import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.compress import decoding
from plugins.compress.decoding import FREE, MOST_MEMBERS, DecodeLimits, Decoder, can_decode, decode
from plugins.compress.errors import ContentCodingError
from plugins.compress.libraries import zstd
from plugins.compress.settings import Coding
from tests.support.coded import bomb_of, cut, noise_of, reference_encode, text_of

LIMITS = DecodeLimits(octets=8 << 20, ratio=100)
EVERY = pytest.mark.parametrize("coding", list(Coding))


@EVERY
@pytest.mark.parametrize("size", [0, 1, 1_000, 65_536, 65_537, 700_000])
def test_a_whole_content_comes_back(coding: Coding, size: int) -> None:
    for content in (text_of(size), noise_of(size)):
        assert decode(coding, reference_encode(coding, content), LIMITS) == content


@EVERY
@given(st.lists(st.integers(1, 5_000), max_size=20), st.integers(0, 30_000), st.integers(0, 3))
def test_it_does_not_matter_in_which_pieces_it_comes(coding: Coding, sizes: list[int], size: int, seed: int) -> None:
    content = text_of(size, seed)
    decoder = Decoder(coding, LIMITS)
    decoded = b"".join(decoder.feed(piece) for piece in cut(reference_encode(coding, content), sizes))
    assert decoded + decoder.finish() == content
    assert decoder.octets_out == size


@EVERY
def test_octet_by_octet(coding: Coding) -> None:
    content = text_of(3_000)
    decoder = Decoder(coding, LIMITS)
    coded = reference_encode(coding, content)
    assert b"".join(decoder.feed(coded[at : at + 1]) for at in range(len(coded))) + decoder.finish() == content


@EVERY
def test_what_is_cut_short_is_no_content(coding: Coding) -> None:
    coded = reference_encode(coding, text_of(3_000))
    for length in (1, 5, len(coded) // 2, len(coded) - 1):
        with pytest.raises(ContentCodingError):
            decode(coding, coded[:length], LIMITS)


@EVERY
def test_no_octets_are_no_content_in_any_coding(coding: Coding) -> None:
    assert decode(coding, b"", LIMITS) == b""


@EVERY
@given(st.binary(min_size=1, max_size=200))
def test_any_octets_give_a_content_or_the_one_error(coding: Coding, octets: bytes) -> None:
    try:
        decode(coding, octets, LIMITS)
    except ContentCodingError:
        pass


@EVERY
def test_damage_in_the_middle_is_found(coding: Coding) -> None:
    coded = bytearray(reference_encode(coding, noise_of(50_000)))
    coded[:12] = b"\x00" * 12
    with pytest.raises(ContentCodingError):
        decode(coding, bytes(coded), LIMITS)


def test_gzip_and_zstd_may_have_several_members() -> None:
    parts = [text_of(1_000, seed=number) for number in range(5)]
    for coding in (Coding.GZIP, Coding.ZSTD):
        coded = b"".join(reference_encode(coding, part) for part in parts)
        assert decode(coding, coded, LIMITS) == b"".join(parts)
        decoder = Decoder(coding, LIMITS)
        found = b"".join(decoder.feed(coded[at : at + 1]) for at in range(len(coded)))
        assert found + decoder.finish() == b"".join(parts)


@pytest.mark.parametrize("coding", [Coding.GZIP, Coding.ZSTD])
def test_octets_behind_the_end_are_nobodys(coding: Coding) -> None:
    coded = reference_encode(coding, b"content")
    assert decode(coding, coded + b"\0" * 100, LIMITS) == b"content"
    decoder = Decoder(coding, LIMITS)
    assert decoder.feed(coded) + decoder.feed(b"junk") + decoder.feed(b"more") + decoder.finish() == b"content"


def test_behind_the_end_of_brotli_nobody_puts_any() -> None:
    coded = reference_encode(Coding.BR, b"content")
    with pytest.raises(ContentCodingError):
        decode(Coding.BR, coded + b"junk", LIMITS)
    decoder = Decoder(Coding.BR, LIMITS)
    assert decoder.feed(coded) == b"content"
    with pytest.raises(ContentCodingError, match="behind the end"):
        decoder.feed(b"junk")


def test_thousands_of_members_are_refused_before_they_cost_much() -> None:
    empty = zlib.compress(b"", 9, 31)
    assert decode(Coding.GZIP, empty * MOST_MEMBERS, LIMITS) == b""
    with pytest.raises(ContentCodingError, match="members"):
        decode(Coding.GZIP, empty * (MOST_MEMBERS + 1), LIMITS)


@EVERY
def test_a_bomb_is_found_out_before_it_takes_memory(coding: Coding) -> None:
    coded = bomb_of(coding, 100)
    decoder = Decoder(coding, DecodeLimits(octets=1 << 30, ratio=100))

    def feed_all() -> None:
        for piece in cut(coded, [16_384] * (len(coded) // 16_384)):
            decoder.feed(piece)

    tracemalloc.start()
    try:
        with pytest.raises(ContentCodingError, match="times what came"):
            feed_all()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
    assert decoder.octets_out < 100 * 16_384 + FREE + decoding.STEP


@EVERY
def test_an_honest_content_may_not_grow_past_the_limit_either(coding: Coding) -> None:
    content = text_of(300_000)
    coded = reference_encode(coding, content)
    assert decode(coding, coded, DecodeLimits(len(content), 100)) == content
    with pytest.raises(ContentCodingError, match="299999"):
        decode(coding, coded, DecodeLimits(len(content) - 1, 100))


def test_small_content_may_repeat_itself_as_much_as_it_likes() -> None:
    for coding in Coding:
        assert decode(coding, reference_encode(coding, bytes(FREE)), LIMITS) == bytes(FREE)


def test_windows_beyond_what_clients_must_offer_are_refused() -> None:
    parameter = zstd.CompressionParameter
    packer = zstd.ZstdCompressor(options={parameter.window_log: 27})
    coded = packer.compress(noise_of(10_000)) + packer.flush()
    with pytest.raises(ContentCodingError):
        decode(Coding.ZSTD, coded, LIMITS)


def test_what_can_be_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_decode(b"gzip") is Coding.GZIP
    assert can_decode(b"br") is Coding.BR
    assert can_decode(b"deflate") is None
    assert can_decode(b"dcz") is None
    monkeypatch.setattr("plugins.compress.codecs.brotli", None)
    assert can_decode(b"br") is None


def test_zlib_stands_in_for_isal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "isal_zlib", None)
    content = text_of(200_000)
    assert decode(Coding.GZIP, reference_encode(Coding.GZIP, content), LIMITS) == content
    with pytest.raises(ContentCodingError):
        decode(Coding.GZIP, b"no gzip at all", LIMITS)
