"""Files as sources: lists of URLs and access logs, gzipped or not, bounded, line by line. They block: for a thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from gateway.warming.access_log import LONGEST_LINE, Ranking
from gateway.warming.inflating import Inflating
from gateway.warming.urls import lines

LARGEST_FILE = 4 * 1024 * 1024 * 1024
"""Octets of a file, inflated."""
MOST_LINES = 2_000_000
"""Of a list of URLs."""
_PIECE = 256 * 1024


def lines_of(path: Path) -> list[str]:
    """The lines of a list of URLs, comments left out. Raises OSError, and ValueError for what cannot be inflated."""
    with path.open("rb") as file:
        return read_lines(file)


def read_lines(file: BinaryIO) -> list[str]:
    """The same of an open file."""
    found: list[str] = []
    for line in lines(_in_lines(file)):
        found.append(line)
        if len(found) >= MOST_LINES:
            break
    return found


def ranking_of(path: Path, base: str = "") -> Ranking:
    """An access log, counted. Raises as `lines_of` does."""
    ranking = Ranking(base)
    with path.open("rb") as file:
        for line in _in_lines(file):
            ranking.add(line)
    return ranking


def _in_lines(file: BinaryIO) -> Iterator[str]:
    rest, is_too_long = b"", False
    for piece in _pieces(file):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if not is_too_long:
                yield line.decode("utf-8", "replace")
            is_too_long = False
        if len(rest) > LONGEST_LINE:
            rest, is_too_long = b"", True
    if rest and not is_too_long:
        yield rest.decode("utf-8", "replace")


def _pieces(file: BinaryIO) -> Iterable[bytes]:
    inflating = Inflating(LARGEST_FILE)
    while piece := file.read(_PIECE):
        yield from inflating.feed(piece)
    yield inflating.finish()
