"""Access logs as a source: which URLs save the origin the most time, by how often they were asked for.

Two formats are read, line by line and whichever a line has: this gateway's own (a JSON object), and the combined format
of other servers, with the seconds an answer took behind it if they log that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.http.redaction import MASK
from gateway.warming.marks import CLIENT
from gateway.warming.urls import UrlError, clean

MOST_URLS = 200_000
"""Different URLs that are counted at once. Of more, the rarest are forgotten now and then."""
LONGEST_LINE = 64 * 1024

_WORTH_IT = frozenset({200, 203, 206, 300, 301, 304, 308, 404, 410})
"""Statuses of answers that a cache may have, or nearly (RFC 9110 §15.1)."""
_COMBINED = re.compile(
    r'[^\[]*\[[^\]]*\] "(?:GET|HEAD) (\S+) HTTP/[0-9.]+" ([0-9]{3}) (?:[0-9]+|-)'
    r'(?: "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"(.*))?\s*',
    re.DOTALL,
).fullmatch
_SECONDS = re.compile(r"(?:^|[ =])([0-9]{1,6}\.[0-9]{1,9})(?=\s|$)").search


@dataclass(slots=True)
class _Seen:
    """One URL so far."""

    count: int = 0
    origin_seconds: float = 0.0
    fetched: int = 0


class Ranking:
    """Counts requests, and puts first what saves the most: how often it was asked for, times what the origin takes.

    What the origin takes is the mean of those requests for which it was asked; where it never was, that of them all."""

    def __init__(self, base: str = "", most_urls: int = MOST_URLS) -> None:
        """`base` is scheme and host for lines that do not name them, such as `https://shop.example`."""
        self._base = base.rstrip("/")
        self._scheme = self._base.partition("://")[0] or "http"
        self._most = most_urls
        self._seen: dict[str, _Seen] = {}
        self.requests = 0
        """Requests that counted."""
        self.passed_over = 0
        """Lines that say nothing about what to warm: other methods, errors, our own requests, no log lines."""

    def add(self, line: str) -> None:
        """Take in a line."""
        found = self._own(line) if line.lstrip()[:1] == "{" else self._combined(line)
        if found is None:
            self.passed_over += 1
            return
        text, seconds = found
        try:
            url = clean(text)
        except UrlError:
            self.passed_over += 1
            return
        self.requests += 1
        seen = self._seen.get(url)
        if seen is None:
            if len(self._seen) >= self._most:
                self._forget()
            seen = self._seen[url] = _Seen()
        seen.count += 1
        if seconds > 0:
            seen.origin_seconds += seconds
            seen.fetched += 1

    def top(self, most: int) -> list[str]:
        """The URLs that save the most, best first."""
        fetched = sum(seen.fetched for seen in self._seen.values())
        usual = sum(seen.origin_seconds for seen in self._seen.values()) / fetched if fetched else 1.0

        def saved(url: str) -> float:
            seen = self._seen[url]
            return seen.count * (seen.origin_seconds / seen.fetched if seen.fetched else usual)

        return sorted(self._seen, key=lambda url: (-saved(url), url))[:most]

    def _forget(self) -> None:
        """Make room for a quarter: what was asked for least often goes."""
        kept = sorted(self._seen, key=lambda url: -self._seen[url].count)[: self._most * 3 // 4]
        self._seen = {url: self._seen[url] for url in kept}

    def _own(self, line: str) -> tuple[str, float] | None:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(record, Mapping) or record.get("client") == CLIENT:
            return None
        target, host = record.get("target"), record.get("host")
        if record.get("method") not in ("GET", "HEAD") or record.get("status") not in _WORTH_IT:
            return None
        if not isinstance(target, str) or not isinstance(host, str) or MASK in target:
            return None
        scheme = record.get("scheme") or self._scheme
        base = f"{scheme}://{host}" if host else self._base
        return base + target, _seconds(record.get("upstream_seconds"))

    def _combined(self, line: str) -> tuple[str, float] | None:
        found = _COMBINED(line)
        if found is None or int(found.group(2)) not in _WORTH_IT:
            return None
        target = found.group(1)
        if target.startswith("/"):
            target = self._base + target
        took = _SECONDS(found.group(3) or "")
        return target, _seconds(float(took.group(1))) if took else 0.0


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 86_400 else 0.0
