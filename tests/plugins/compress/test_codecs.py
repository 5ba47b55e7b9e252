import threading
import zlib

import pytest

from plugins.compress import codecs, libraries
from plugins.compress.codecs import FASTEST, STEP, compress, make_encoder, unavailable
from plugins.compress.settings import Coding
from tests.support.coded import reference_decode, text_of

LEVELS = {Coding.ZSTD: [1, 3, 19], Coding.BR: [0, 1, 5, 9], Coding.GZIP: [1, 2, 3, 4, 9]}
EVERY_LEVEL = [(coding, level) for coding, levels in LEVELS.items() for level in levels]


@pytest.mark.parametrize(("coding", "level"), EVERY_LEVEL)
@pytest.mark.parametrize("size", [0, 1, 1_000, STEP, STEP + 1, 3 * STEP])
def test_a_whole_content_comes_back(coding: Coding, level: int, size: int) -> None:
    content = text_of(size)
    coded = compress(coding, level, content)
    assert coded is not None
    assert reference_decode(coding.value, coded) == content
    if size >= 1_000:
        assert len(coded) < size / 2


@pytest.mark.parametrize(("coding", "level"), EVERY_LEVEL)
def test_a_stream_can_be_read_as_far_as_it_was_flushed(coding: Coding, level: int) -> None:
    encoder = make_encoder(coding, level)
    content, coded = b"", b""
    for number in range(5):
        piece = text_of(700, seed=number)
        content += piece
        coded += encoder.feed(piece)
        coded += encoder.flush()
        assert partly_decoded(coding, coded) == content
    coded += encoder.finish()
    assert reference_decode(coding.value, coded) == content


def partly_decoded(coding: Coding, coded: bytes) -> bytes:
    if coding is Coding.GZIP:
        return zlib.decompressobj(31).decompress(coded)
    if coding is Coding.BR:
        return bytes(libraries.brotli.Decompressor().process(coded))
    return bytes(libraries.zstd.ZstdDecompressor().decompress(coded))


@pytest.mark.parametrize("coding", list(Coding))
def test_streams_side_by_side_and_one_behind_the_other_do_not_mix(coding: Coding) -> None:
    for _ in range(3):
        encoders = [make_encoder(coding, FASTEST[coding]) for _ in range(12)]
        coded = [b""] * 12
        for part in range(3):
            for number, encoder in enumerate(encoders):
                coded[number] += encoder.feed(text_of(500, seed=100 * part + number))
        for number, encoder in enumerate(encoders):
            whole = coded[number] + encoder.finish()
            wanted = b"".join(text_of(500, seed=100 * part + number) for part in range(3))
            assert reference_decode(coding.value, whole) == wanted


def test_a_given_up_stream_is_not_used_again() -> None:
    given_up = make_encoder(Coding.ZSTD, 3)
    given_up.feed(b"secret " * 100)
    del given_up
    fresh = make_encoder(Coding.ZSTD, 3)
    assert reference_decode("zstd", fresh.feed(b"public") + fresh.finish()) == b"public"


@pytest.mark.parametrize("coding", list(Coding))
def test_long_work_stops_when_nobody_wants_it(coding: Coding) -> None:
    answers = iter([True, False])
    content = text_of(4 * STEP)
    stopped = compress(coding, 1, content, lambda: next(answers, False))
    if coding is Coding.ZSTD:  # one step: all or nothing
        assert compress(coding, 1, content, lambda: False) is None
    else:
        assert stopped is None


def test_threads_do_not_share_compressors() -> None:
    contents = [text_of(20_000, seed=number) for number in range(8)]
    found: dict[int, bytes | None] = {}

    def work(number: int) -> None:
        for _ in range(20):
            found[number] = compress(Coding.ZSTD, 3, contents[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reference_decode("zstd", found[number] or b"") for number in range(8)] == contents


def test_the_same_content_gives_the_same_octets() -> None:
    content = text_of(5_000)
    for coding in Coding:
        assert compress(coding, 1, content) == compress(coding, 1, content)


def test_a_frame_of_zstd_says_its_size_and_fits_into_every_clients_window() -> None:
    whole = compress(Coding.ZSTD, 19, text_of(100_000))
    info = libraries.zstd.get_frame_info(whole)
    assert info.decompressed_size == 100_000


def test_what_is_missing_is_said_and_gzip_never_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("brotli", "zstd", "isal_zlib"):
        monkeypatch.setattr(codecs, name, None)
    assert unavailable(Coding.BR) == "brotli is not installed"
    assert "backports.zstd" in (unavailable(Coding.ZSTD) or "")
    assert unavailable(Coding.GZIP) is None
    for level in (1, 2, 9):
        coded = compress(Coding.GZIP, level, text_of(2_000))
        assert reference_decode("gzip", coded or b"") == text_of(2_000)
        encoder = make_encoder(Coding.GZIP, level)
        assert reference_decode("gzip", encoder.feed(b"abc") + encoder.flush() + encoder.finish()) == b"abc"
