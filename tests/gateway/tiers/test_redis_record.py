import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tiers.frame import FrameError
from gateway.tiers.redis_record import SECTION, grow, section, sections, shrink


@given(st.lists(st.tuples(st.binary(min_size=8, max_size=8), st.floats(0, 1e10), st.binary(max_size=50)), max_size=5))
def test_sections_are_read_as_they_were_written(given_: list[tuple[bytes, float, bytes]]) -> None:
    value = b"".join(section(variant, when, when + 1, frame) for variant, when, frame in given_)
    assert [(each.variant, each.when, bytes(each.frame)) for each in sections(value)] == given_


@given(st.binary(max_size=200))
def test_nonsense_is_read_or_refused(value: bytes) -> None:
    try:
        list(sections(value))
    except FrameError:
        pass


def test_a_value_that_ends_in_the_middle_is_refused() -> None:
    value = section(bytes(8), 1.0, 2.0, b"frame")
    for length in range(1, len(value)):
        with pytest.raises(FrameError):
            list(sections(value[:length]))
    assert SECTION.size == 28


@given(st.binary(max_size=5000), st.one_of(st.none(), st.integers(0, 100)))
def test_a_record_is_the_same_afterwards(record: bytes, above: int | None) -> None:
    assert grow(shrink(record, above), 5000) == record


def test_text_becomes_smaller_and_noise_stays_as_it_is() -> None:
    text, noise = b"the same again and " * 1000, os.urandom(20_000)
    assert len(shrink(text, 1024)) < len(text) // 10
    assert len(shrink(noise, 1024)) == len(noise) + 1
    assert len(shrink(text, None)) == len(text) + 1
    assert len(shrink(text[:1000], 1024)) == 1001


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"\x07what",
        b"\x01\x00\x00\x00\x05not zstd",
        b"\x01\x7f\xff\xff\xff" + shrink(b"a" * 5000, 1)[5:],
        b"\x01\x00\x00\x00\x05" + shrink(b"a" * 5000, 1)[5:],
        shrink(b"a" * 5000, 1)[:-3],
    ],
)
def test_what_was_not_written_so_is_refused_and_never_grows_beyond_what_it_says(kept: bytes) -> None:
    with pytest.raises(FrameError):
        grow(kept, 10_000)
