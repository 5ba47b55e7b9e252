from collections import Counter

import pytest

from loadtests.store.traces import TRACES, drift, scan, sizes, zipf


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_has_its_length_and_is_the_same_each_time(name: str) -> None:
    trace = TRACES[name](500, 5000)
    assert len(trace) == 5000
    assert trace == TRACES[name](500, 5000)


def test_what_is_popular_is_asked_for_most() -> None:
    asked = Counter(zipf(100, 20_000))
    assert asked[0] > 3 * asked[9] > 3 * asked[99]


def test_a_scan_brings_things_that_are_asked_for_once() -> None:
    asked = Counter(scan(500, 5000))
    strangers = [count for thing, count in asked.items() if thing >= 500]
    assert len(strangers) > 500
    assert set(strangers) == {1}


def test_popularity_moves_on() -> None:
    trace = drift(500, 20_000)
    first, last = Counter(trace[:5000]), Counter(trace[-5000:])
    assert first.most_common(1) != last.most_common(1)
    assert not {thing for thing, _ in first.most_common(20)} & {thing for thing, _ in last.most_common(20)}


def test_everything_has_a_size_and_sizes_differ() -> None:
    trace = zipf(500, 5000)
    octets = sizes(trace)
    assert octets.keys() == set(trace)
    assert min(octets.values()) >= 200
    assert max(octets.values()) > 10 * min(octets.values())
