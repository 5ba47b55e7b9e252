"""What the other workers have to be told: which URLs and groups of theirs an unsafe request has made unusable.

News that comes while other news is under way gathers here and goes along with the next; each URL and group once. What
has gathered is bounded: when the others cannot be told fast enough, they are told to let go of everything instead."""

from __future__ import annotations

from typing import Any

from plugins.cache.invalidation import Invalidation
from plugins.cache.selection import EVERYTHING, ByPrefix, ByRoute, ByTag, ByUrl, Selector

MOST_NAMES = 4096
"""URLs and groups that may gather: some seconds' worth of a supervisor that stands still."""
MOST_OCTETS = 512 * 1024
"""Octets of them: in JSON six times as much at worst, a fifth of what the control channel takes."""

News = dict[str, Any]
"""As JSON has it."""


class Outbox:
    """News of this worker. One sends it, as long as there is some."""

    __slots__ = ("_octets", "_overflowed", "_sending", "_tags", "_urls")

    def __init__(self) -> None:
        self._urls: set[bytes] = set()
        self._tags: set[bytes] = set()
        self._octets = 0
        self._sending = False
        self._overflowed = False

    def add(self, found: Invalidation) -> bool:
        """Take in what has to go. Whether the caller has to see to it that it is sent: nobody does it yet."""
        if not self._overflowed:
            self._octets += sum(map(len, found.urls)) + sum(map(len, found.tags))
            self._urls.update(found.urls)
            self._tags.update(found.tags)
            if len(self._urls) + len(self._tags) > MOST_NAMES or self._octets > MOST_OCTETS:
                self._clear()
                self._overflowed = True
        begins, self._sending = not self._sending, True
        return begins

    def take(self) -> News | None:
        """What has gathered. `None` when nothing has: then nobody sends any more."""
        news: News = {}
        if self._overflowed:
            news["all"] = True
        if self._urls:
            news["urls"] = [url.decode("latin-1") for url in self._urls]
        if self._tags:
            news["tags"] = [tag.decode("latin-1") for tag in self._tags]
        self._clear()
        self._overflowed = False
        self._sending = bool(news)
        return news or None

    def stop(self) -> None:
        """Whoever was sending does so no more. News that is left goes with the next that comes."""
        self._sending = False

    def _clear(self) -> None:
        self._urls.clear()
        self._tags.clear()
        self._octets = 0


def selectors_of(news: News) -> list[Selector]:
    """What has to go because of another worker's news, or by the labels and prefixes that another gateway names."""
    if news.get("all"):
        return [EVERYTHING]
    if "labels" in news:
        prefixes = [ByPrefix(prefix.encode("latin-1")) for prefix in news["prefixes"]]
        return [*map(_by_label, news["labels"]), *prefixes]
    urls = [ByUrl(url.encode("latin-1")) for url in news.get("urls", ())]
    return [*urls, *(ByTag(tag.encode("latin-1")) for tag in news.get("tags", ()))]


def _by_label(label: str) -> Selector:
    """What a label of the tiers means (`tiered.labels_of`); everything when this gateway does not know such labels."""
    kind, _, name = label.partition(" ")
    match kind:
        case "url":
            return ByUrl(name.encode("latin-1"))
        case "tag":
            return ByTag(name.encode("latin-1"))
        case "route":
            return ByRoute(name.encode("latin-1").decode("utf-8", "replace"))
        case _:
            return EVERYTHING
