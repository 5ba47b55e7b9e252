"""A thousand contents, in every coding, in pieces as chance has it: what comes out is what went in."""

import random
from collections.abc import Callable

import pytest

from gateway.api import BodyStream
from plugins.compress.codecs import compress, make_encoder
from plugins.compress.decoding import DecodeLimits, Decoder, decode
from plugins.compress.settings import Coding
from plugins.compress.streaming import Flush, FormStream
from tests.support.coded import cut, reference_decode, reference_encode
from tests.support.library import content_of_text
from tests.support.streams import RecordingSink, RecordingSource

NUMBER = 1_000
LIMITS = DecodeLimits(1 << 24, 1_000)
LEVELS = {Coding.ZSTD: (1, 3, 6), Coding.BR: (0, 1, 2, 5), Coding.GZIP: (1, 2, 3, 6)}


class Timers:
    """Timers that go off when chance says so."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._callback: Callable[[], None] | None = None

    def later(self, seconds: float, callback: Callable[[], None]) -> "Timers":
        self._callback = callback
        return self

    def cancel(self) -> None:
        self._callback = None

    def perhaps(self) -> None:
        if self._callback is not None and self._chance.random() < 0.4:
            callback, self._callback = self._callback, None
            callback()


def streamed(content: bytes, coding: Coding, number: int, *, takes_off: bool) -> bytes:
    """What a client gets of a stream; with `takes_off`, of one that came in gzip."""
    chance = random.Random(number)
    timers, stream, sink = Timers(chance), BodyStream(None, RecordingSource()), RecordingSink()
    decoder = Decoder(Coding.GZIP, LIMITS) if takes_off else None
    encoder = make_encoder(coding, chance.choice(LEVELS[coding]))
    flush = Flush(chance.choice([0.0, 0.02]), timers.later, is_live=chance.random() < 0.3)
    form = FormStream(stream, decoder, encoder, flush, lambda: 0.0, lambda *_: None)
    attached = chance.random() < 0.8
    if attached:
        form.begin().attach(sink)
    came = reference_encode(Coding.GZIP, content) if takes_off else content
    for piece in cut(came, [chance.choice([1, 7, 100, 4_000, 70_000]) for _ in range(chance.randrange(12))]):
        stream.feed(piece)
        timers.perhaps()
    stream.finish()
    if not attached:
        form.begin().attach(sink)
    assert sink.ends == ["finish"]
    return sink.data


@pytest.mark.parametrize("coding", list(Coding))
def test_streams(coding: Coding) -> None:
    for number in range(NUMBER):
        content = content_of_text(number)
        assert reference_decode(coding.value, streamed(content, coding, number, takes_off=number % 4 == 0)) == content


@pytest.mark.parametrize("coding", list(Coding))
def test_whole_contents_both_ways(coding: Coding) -> None:
    chance = random.Random(1)
    for number in range(NUMBER):
        content = content_of_text(number)
        coded = compress(coding, chance.choice(LEVELS[coding]), content)
        assert coded is not None
        assert reference_decode(coding.value, coded) == content
        assert decode(coding, coded, LIMITS) == content
