"""Which stored responses a purge or a search means."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.cache.key import url_of
from plugins.cache.stored import StoredResponse


@dataclass(frozen=True, slots=True)
class ByKey:
    """Every variant of one primary key."""

    key: bytes

    def matches(self, stored: StoredResponse) -> bool:
        """Whether that response is meant."""
        return stored.key == self.key


@dataclass(frozen=True, slots=True)
class ByUrl:
    """Every variant of every key that is one URL or begins with it and goes on (see `key.py`)."""

    url: bytes

    def matches(self, stored: StoredResponse) -> bool:
        """Whether that response is meant."""
        return url_of(stored.key) == self.url


@dataclass(frozen=True, slots=True)
class ByPrefix:
    """Every key that begins so."""

    prefix: bytes

    def matches(self, stored: StoredResponse) -> bool:
        """Whether that response is meant."""
        return stored.key.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class ByTag:
    """What carries a tag."""

    tag: bytes

    def matches(self, stored: StoredResponse) -> bool:
        """Whether that response is meant."""
        return self.tag in stored.tags


@dataclass(frozen=True, slots=True)
class ByRoute:
    """What was stored for a route."""

    route: str

    def matches(self, stored: StoredResponse) -> bool:
        """Whether that response is meant."""
        return stored.route == self.route


@dataclass(frozen=True, slots=True)
class Everything:
    """All there is."""

    def matches(self, stored: StoredResponse) -> bool:
        """Whether that response is meant: always."""
        return True


Selector = ByKey | ByUrl | ByPrefix | ByTag | ByRoute | Everything

EVERYTHING = Everything()
