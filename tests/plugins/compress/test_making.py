import pytest

from plugins.compress.decoding import DecodeLimits
from plugins.compress.errors import ContentCodingError
from plugins.compress.forms import FORM_OF, Form
from plugins.compress.making import Levels, make
from plugins.compress.policy import Make
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, CompressSettings
from tests.support.coded import noise_of, reference_decode, reference_encode, text_of

LIMITS = DecodeLimits(1 << 20, 100)
TEXT = text_of(4_000)


def wanted(coding: Coding | None, decodes: Coding | None = None) -> Make:
    form = Form.PLAIN if coding is None else FORM_OF[coding]
    return Make(form, coding, decodes, CompressReason.COMPRESSED)


@pytest.mark.parametrize("coding", list(Coding))
def test_content_is_coded(coding: Coding) -> None:
    made = make(TEXT, wanted(coding), 1, LIMITS)
    assert made is not None
    assert reference_decode(coding.value, made) == TEXT


def test_content_that_gets_no_smaller_stays() -> None:
    assert make(noise_of(4_000), wanted(Coding.GZIP), 1, LIMITS) is None
    assert make(b"", wanted(Coding.GZIP), 1, LIMITS) is None


def test_a_coding_is_taken_off_or_replaced() -> None:
    came = reference_encode(Coding.BR, TEXT)
    assert make(came, wanted(None, Coding.BR), 0, LIMITS) == TEXT
    made = make(came, wanted(Coding.GZIP, Coding.BR), 1, LIMITS)
    assert reference_decode("gzip", made or b"") == TEXT


def test_what_had_to_be_decoded_is_given_in_any_size() -> None:
    noise = noise_of(4_000)
    made = make(reference_encode(Coding.BR, noise), wanted(Coding.GZIP, Coding.BR), 1, LIMITS)
    assert made is not None
    assert len(made) > len(noise)


def test_broken_content_is_an_error() -> None:
    with pytest.raises(ContentCodingError):
        make(TEXT, wanted(None, Coding.GZIP), 0, LIMITS)


def test_nothing_is_made_that_nobody_wants() -> None:
    assert make(text_of(200_000), wanted(Coding.BR), 1, LIMITS, lambda: False) is None


def test_levels_are_those_of_the_settings_and_a_busy_worker_takes_the_lowest() -> None:
    levels = Levels(CompressSettings.model_validate({"br": {"level": 5, "best": 9}, "zstd": {"level": 1}}))
    assert levels.now(Coding.BR, is_busy=False) == 5
    assert levels.now(Coding.BR, is_busy=True) == 1
    assert levels.now(Coding.ZSTD, is_busy=True) == 1
    assert levels.best[Coding.BR] == 9
    lowest = Levels(CompressSettings.model_validate({"br": {"level": 0}}))
    assert lowest.now(Coding.BR, is_busy=True) == 0
