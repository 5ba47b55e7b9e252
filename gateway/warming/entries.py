"""What another gateway has stored, as its admin application lists it: which of it to fetch, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.warming.urls import UrlError, clean

PAGE_ROWS = 500
"""Rows of each of its workers on one page."""
MOST_PAGES = 20
"""Pages that are asked for: a gateway gives no more than 10,000 rows of a worker in one order."""


class Entries:
    """Rows → URLs, those that save the origin the most time first."""

    def __init__(self) -> None:
        self._saved: dict[str, float] = {}
        self.not_urls = 0
        """Rows that are no answer to a simple GET."""

    def add(self, rows: Iterable[Any]) -> None:
        """Take in the rows of a page. The same response, stored by several workers, counts for each of them."""
        for row in rows:
            url = url_of(row) if isinstance(row, Mapping) else None
            if url is None:
                self.not_urls += 1
                continue
            self._saved[url] = self._saved.get(url, 0.0) + _number(row, "uses") * _number(row, "origin_seconds")

    def __len__(self) -> int:
        return len(self._saved)

    def top(self, most: int) -> list[str]:
        """The URLs, best first; those that were never used stand last, in the order in which they came."""
        return sorted(self._saved, key=lambda url: -self._saved[url])[:most]


def url_of(row: Mapping[str, Any]) -> str | None:
    """The URL that a GET for the stored response has, `None` where something else was asked."""
    url, _, rest = str(row.get("key") or "").partition("\n")
    if any(line.startswith(("POST ", "QUERY ")) for line in rest.split("\n")):
        return None
    try:
        return clean(url)
    except UrlError:
        return None


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e12 else 0.0
