import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.ranges import (
    IGNORE,
    MOST_RANGES,
    UNSATISFIABLE,
    NoRanges,
    parse_range,
    requested_ranges,
    resolve,
)


def selected(value: bytes, length: int) -> list[tuple[int, int]]:
    """First and last octet of each range, as the field counts them."""
    ranges = requested_ranges(value, length)
    assert not isinstance(ranges, NoRanges), ranges
    return [(part.start, part.end - 1) for part in ranges]


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"bytes=0-499", [(0, 499)]),
        (b"bytes=500-999", [(500, 999)]),
        (b"bytes=-500", [(9500, 9999)]),
        (b"bytes=9500-", [(9500, 9999)]),
        (b"bytes=0-0,-1", [(0, 0), (9999, 9999)]),
        (b"bytes= 0-999, 4500-5499, -1000", [(0, 999), (4500, 5499), (9000, 9999)]),
        (b"BYTES=0-0", [(0, 0)]),
        (b"bytes=,0-0 ,\t, 5-5,", [(0, 0), (5, 5)]),
        (b"bytes=0-", [(0, 9999)]),
        (b"bytes=0-99999", [(0, 9999)]),
        (b"bytes=9999-9999", [(9999, 9999)]),
        (b"bytes=-10000", [(0, 9999)]),
        (b"bytes=-10001", [(0, 9999)]),
        (b"bytes=0007-0008", [(7, 8)]),
        (b"bytes=1-" + b"9" * 5000, [(1, 9999)]),
        (b"bytes=-" + b"9" * 5000, [(0, 9999)]),
        (b"bytes=" + b"0" * 5000 + b"-1", [(0, 1)]),
    ],
)
def test_ranges_of_ten_thousand_octets(value: bytes, parts: list[tuple[int, int]]) -> None:
    assert selected(value, 10_000) == parts


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"bytes=0-4,2-6", [(0, 6)]),
        (b"bytes=0-4,5-6", [(0, 6)]),
        (b"bytes=0-4,6-6", [(0, 4), (6, 6)]),
        (b"bytes=5-6,0-1", [(5, 6), (0, 1)]),
        (b"bytes=8-9,0-1,2-3", [(8, 9), (0, 3)]),
        (b"bytes=2-3,8-9,0-1", [(0, 3), (8, 9)]),
        (b"bytes=0-0,4-4,8-8,1-7", [(0, 8)]),
        (b"bytes=0-9,2-3", [(0, 9)]),
        (b"bytes=3-3,3-3,3-3", [(3, 3)]),
        (b"bytes=-3,0-7", [(0, 9)]),
    ],
)
def test_ranges_that_overlap_or_touch_become_one_in_the_place_of_the_first(
    value: bytes, parts: list[tuple[int, int]]
) -> None:
    assert selected(value, 10) == parts


@pytest.mark.parametrize(
    "value", [b"bytes=10-", b"bytes=10-20", b"bytes=-0", b"bytes=-0,11-12", b"bytes=" + b"9" * 5000 + b"-"]
)
def test_ranges_that_miss_are_unsatisfiable_unless_another_hits(value: bytes) -> None:
    assert requested_ranges(value, 10) is UNSATISFIABLE
    assert selected(value + b",2-3", 10) == [(2, 3)]


def test_an_empty_representation_has_no_part_but_all_of_it() -> None:
    assert requested_ranges(b"bytes=0-0", 0) is UNSATISFIABLE
    assert requested_ranges(b"bytes=0-", 0) is UNSATISFIABLE
    assert requested_ranges(b"bytes=-0", 0) is UNSATISFIABLE
    assert requested_ranges(b"bytes=-1", 0) is IGNORE
    assert requested_ranges(b"bytes=0-0, -1", 0) is IGNORE


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            b"",
            b"bytes",
            b"bytes=",
            b"bytes=,",
            b"bytes=-",
            b"bytes=--1",
            b"bytes=1",
            b"bytes=1-0",
            b"bytes=0-1;",
        ),
        *(b"bytes =0-1", b"bytes: 0-1", b"byte=0-1", b"items=0-1", b"0-1", b"bytes=a-b", b"bytes=0x1-2", b"bytes=+0-1"),
        *(b"bytes=0 -1", b"bytes=0- 1", b"bytes=1.0-2", b"bytes=0-1-2", b"bytes=0-1 2-3", b"bytes=*", b"bytes=0-1,x"),
        *(b"bytes=0-1,5-4", b"bytes=5-4,0-1", b"bytes=0-1, bytes=2-3", b"bytes=\xb2-", b"bytes=0-1\n", b"none"),
    ],
)
def test_what_is_malformed_or_of_another_unit_is_ignored(value: bytes | None) -> None:
    assert requested_ranges(value, 10) is IGNORE


def test_more_ranges_than_are_looked_at_are_ignored() -> None:
    ranges = [b"%d-%d" % (at, at) for at in range(0, 4 * MOST_RANGES, 2)]
    assert len(selected(b"bytes=" + b",".join(ranges[:MOST_RANGES]), 1000)) == MOST_RANGES
    assert len(selected(b"bytes=" + b", ,".join(ranges[:MOST_RANGES]), 1000)) == MOST_RANGES
    assert requested_ranges(b"bytes=" + b",".join(ranges[: MOST_RANGES + 1]), 1000) is IGNORE
    assert requested_ranges(b"bytes=" + b",".join([b"0-"] * (MOST_RANGES + 1)), 1000) is IGNORE
    assert requested_ranges(b"bytes=" + b"0-," * 20_000, 1000) is IGNORE
    assert requested_ranges(b"bytes=0-1" + b"," * 60_000, 1000) is IGNORE


SPEC = st.one_of(
    st.tuples(st.integers(0, 14), st.none() | st.integers(0, 14)),
    st.tuples(st.none(), st.integers(0, 14)),
)


def written(specs: list[tuple[int | None, int | None]]) -> bytes:
    return b"bytes=" + b",".join(
        b"-".join(b"" if position is None else b"%d" % position for position in spec) for spec in specs
    )


def octets_of(spec: tuple[int | None, int | None], length: int) -> set[int]:
    first, last = spec
    if first is None:
        return set(range(length)[-last:]) if last else set()
    return {octet for octet in range(length) if octet >= first and (last is None or octet <= last)}


@given(st.lists(SPEC, min_size=1, max_size=MOST_RANGES), st.integers(1, 12))
def test_any_ranges_select_what_a_naive_reading_selects(
    specs: list[tuple[int | None, int | None]], length: int
) -> None:
    found = requested_ranges(written(specs), length)
    if any(first is not None and last is not None and last < first for first, last in specs):
        assert found is IGNORE
        return
    wanted = [octets_of(spec, length) for spec in specs]
    if not any(wanted):
        assert found is UNSATISFIABLE
        return
    assert not isinstance(found, NoRanges)
    parts = [set(range(start, end)) for start, end in found]
    assert set().union(*parts) == set().union(*wanted)
    assert sum(map(len, parts)) == len(set().union(*parts)) <= length
    for part in parts:
        assert part
        assert not any({octet - 1 for octet in part} & other for other in parts if other is not part)
    firsts = [min(place for place, octets in enumerate(wanted) if octets & part) for part in parts]
    assert firsts == sorted(firsts)


@given(st.binary(max_size=40) | st.text("bytes=0123456789-, ", max_size=30).map(lambda text: b"bytes=" + text.encode()))
def test_any_value_selects_parts_of_what_is_there(value: bytes) -> None:
    for length in (0, 1, 1000):
        found = requested_ranges(value, length)
        if not isinstance(found, NoRanges):
            assert all(0 <= start < end <= length for start, end in found)


def test_what_was_parsed_once_fits_any_length() -> None:
    specs = parse_range(b"bytes=5-, -2")
    assert specs is not None
    assert resolve(specs, 4) == [(2, 4)]
    assert resolve(specs, 10) == [(5, 10)]
