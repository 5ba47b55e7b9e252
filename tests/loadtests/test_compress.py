"""The measurement of content codings measures what it says."""

import re

from loadtests import compress
from loadtests.origin.content import KIB


def test_every_level_has_its_figures() -> None:
    rows = compress.level_rows([KIB])
    assert len(rows) == 14
    for coding, level, microseconds, octets in rows:
        assert (coding in ("gzip", "br", "zstd"), level.isdecimal(), microseconds.isdecimal()) == (True, True, True)
        assert int(octets) < KIB


def test_threads_are_compared_with_doing_it_at_once() -> None:
    rows = compress.crossover_rows([16 * KIB])
    assert [row[:2] for row in rows] == [["16", "gzip"], ["16", "br"], ["16", "zstd"]]
    assert all(re.fullmatch(r"[0-9,]+", cell) for row in rows for cell in row[2:])


def test_the_least_of_many_tries_counts() -> None:
    calls: list[int] = []
    assert compress.timed(lambda: calls.append(1)) > 0
    assert len(calls) > 2
