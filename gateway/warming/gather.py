"""From sources to the list of a run: reads files, sitemaps and other gateways, in order, within bounds.

A source that fails is noted with its reason, and the others are read all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, assert_never

from gateway.warming.entries import MOST_PAGES, PAGE_ROWS, Entries
from gateway.warming.files import lines_of, ranking_of
from gateway.warming.inflating import Inflating
from gateway.warming.order import AccessLog, OtherGateway, Sitemap, Source, UrlFile, UrlList
from gateway.warming.sitemap import Page, SitemapReader
from gateway.warming.urls import UrlError, clean, host_of, is_among, join, shown

LARGEST_SITEMAP = 50 * 1024 * 1024
"""Octets of one sitemap, inflated: what the protocol of sitemaps allows."""
MOST_SITEMAPS = 1000
"""Sitemaps of one source."""
DEEPEST_SITEMAP = 3
"""Indexes within indexes. The protocol knows one level; some sites have two."""
MOST_REDIRECTIONS = 3
_STEP = 64 * 1024
"""Octets of a sitemap that are read in one turn of the loop."""
_TURN = 1000
"""URLs that are looked at in one."""


class SourceError(Exception):
    """A source cannot be read; the text says why."""


class Ways(Protocol):
    """How sources are reached."""

    def read(self, url: str) -> AsyncGenerator[bytes, None]:
        """The content of a URL that this gateway serves. Raises SourceError, or Moved for a redirection."""

    async def entries(self, source: OtherGateway, offset: int) -> Mapping[str, Any]:
        """A page of what another gateway has stored, by uses. Raises SourceError."""

    def own_log(self) -> Path | None:
        """The file of this gateway's access log, if there is one."""


class Moved(SourceError):
    """A list is somewhere else."""

    def __init__(self, location: str) -> None:
        super().__init__(f"leads to {shown(location)}")
        self.location = location


@dataclass(slots=True)
class SourceReport:
    """What became of one source."""

    source: str
    state: str = "waiting"
    """`waiting`, `reading`, `read` or `failed`."""
    found: int = 0
    """URLs that it gave."""
    notes: list[str] = field(default_factory=list)
    """What was left out, and what went wrong."""

    def note(self, text: str) -> None:
        """Remember, up to a bound."""
        if len(self.notes) < 20:
            self.notes.append(text)

    def to_json(self) -> dict[str, Any]:
        """For the admin API."""
        return {"source": self.source, "state": self.state, "found": self.found, "notes": self.notes}


class Gathering:
    """The list of one run while it grows: every URL once, in the order of the sources."""

    def __init__(self, most: int, hosts: tuple[str, ...], ways: Ways) -> None:
        self._most = most
        self._hosts = hosts
        self._ways = ways
        self._urls: dict[str, None] = {}
        self.left_out = 0
        """URLs beyond `most`."""

    @property
    def urls(self) -> list[str]:
        """The list."""
        return list(self._urls)

    async def gather(self, source: Source, report: SourceReport) -> None:
        """Take in a source. What goes wrong is in its report afterwards."""
        report.state = "reading"
        before = len(self._urls)
        try:
            await self._gather(source, report)
            report.state = "read"
        except (SourceError, ValueError, OSError) as error:
            report.state = "failed"
            report.note(str(error) or type(error).__name__)
        report.found = len(self._urls) - before

    async def _gather(self, source: Source, report: SourceReport) -> None:
        match source:
            case UrlList(urls):
                await self._add_all(urls, report)
            case UrlFile(path):
                await self._add_all(await asyncio.to_thread(lines_of, path), report)
            case Sitemap(url):
                await self._sitemap(clean(url), report)
            case AccessLog(path, top, base):
                file = path or self._ways.own_log()
                if file is None:
                    raise SourceError("this gateway writes no access log to a file")
                ranking = await asyncio.to_thread(ranking_of, file, base)
                await self._add_all(ranking.top(top), report)
                report.note(f"{ranking.requests} requests counted, {ranking.passed_over} lines passed over")
            case OtherGateway():
                await self._entries(source, report)
            case _:
                assert_never(source)

    async def _add_all(self, urls: Sequence[str], report: SourceReport) -> None:
        wrong = foreign = 0
        for number, text in enumerate(urls):
            if number % _TURN == 0:
                await asyncio.sleep(0)
            try:
                foreign += not self._add(clean(text))
            except UrlError:
                wrong += 1
        if wrong:
            report.note(f"{wrong} lines are no URLs")
        if foreign:
            report.note(f"{foreign} URLs are of hosts that are not to be warmed")

    def _add(self, url: str, own: str = "") -> bool:
        """Whether its host is to be warmed: one of those in the settings, or `own` where there are none."""
        if self._hosts:
            if not is_among(url, self._hosts):
                return False
        elif own and host_of(url) != own:
            return False
        if url not in self._urls:
            if len(self._urls) < self._most:
                self._urls[url] = None
            else:
                self.left_out += 1
        return True

    # --- sitemaps -----------------------------------------------------------------------------------

    async def _sitemap(self, url: str, report: SourceReport) -> None:
        waiting = [(url, 0)]
        seen = {url}
        pages: list[tuple[float, str]] = []
        foreign = 0
        while waiting:
            at, depth = waiting.pop(0)
            try:
                at, reader = await self._read(at)
            except (SourceError, ValueError) as error:
                if at == url:
                    raise
                report.note(f"{shown(at)}: {error}")
                continue
            own = host_of(at)
            for number, page in enumerate(reader.pages):
                if number % _TURN == 0:
                    await asyncio.sleep(0)
                foreign += self._page(page, at, own, pages)
            for number, reference in enumerate(reader.sitemaps):
                if number % _TURN == 0:
                    await asyncio.sleep(0)
                try:
                    further = join(at, reference)
                except UrlError as error:
                    report.note(f"{shown(at)} names {reference[:100]!r}, which {error}")
                    continue
                if further in seen:
                    continue
                allowed = is_among(further, self._hosts) if self._hosts else host_of(further) == own
                if not allowed or depth >= DEEPEST_SITEMAP or len(seen) >= MOST_SITEMAPS:
                    report.note(f"{shown(further)}: left out, {'of another host' if not allowed else 'too many'}")
                    continue
                seen.add(further)
                waiting.append((further, depth + 1))
            if reader.left_out:
                report.note(f"{shown(at)}: {reader.left_out} URLs left out")
            report.found = len(pages)
        for _, found in sorted(pages, key=lambda page: -page[0]):
            self._add(found, "")
        if foreign:
            report.note(f"{foreign} URLs are of hosts that are not to be warmed")

    def _page(self, page: Page, at: str, own: str, pages: list[tuple[float, str]]) -> int:
        try:
            url = join(at, page.url)
        except UrlError:
            return 0
        if not (is_among(url, self._hosts) if self._hosts else host_of(url) == own):
            return 1
        if len(pages) < self._most:
            pages.append((page.priority, url))
        else:
            self.left_out += 1
        return 0

    async def _read(self, url: str) -> tuple[str, SitemapReader]:
        """A sitemap, and the URL at which it was found in the end."""
        for _ in range(MOST_REDIRECTIONS + 1):
            try:
                return url, await self._read_at(url)
            except Moved as moved:
                url = join(url, moved.location)
        raise SourceError("leads from one place to another, again and again")

    async def _read_at(self, url: str) -> SitemapReader:
        reader, inflating = SitemapReader(self._most), Inflating(LARGEST_SITEMAP)
        async with aclosing(self._ways.read(url)) as pieces:
            async for piece in pieces:
                for data in inflating.feed(piece):
                    for begin in range(0, len(data), _STEP):
                        reader.feed(data[begin : begin + _STEP])
                        await asyncio.sleep(0)  # a thousand pages take some milliseconds
        reader.feed(inflating.finish())
        reader.finish()
        return reader

    # --- other gateways -------------------------------------------------------------------------------

    async def _entries(self, source: OtherGateway, report: SourceReport) -> None:
        entries = Entries()
        for page in range(MOST_PAGES):
            document = await self._ways.entries(source, page * PAGE_ROWS)
            rows = document.get("entries")
            if not isinstance(rows, list):
                raise SourceError("what answers there lists no entries")
            entries.add(rows)
            report.found = len(entries)
            if not rows or document.get("next_offset") is None:
                break
        await self._add_all(entries.top(source.top), report)
        if entries.not_urls:
            report.note(f"{entries.not_urls} rows are no answers to a GET")
