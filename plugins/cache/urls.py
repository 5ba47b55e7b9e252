"""Which keys go on after their URL, so that invalidating a URL costs what it removes and not what is stored.

A key that is just a URL finds itself and is not here."""

from __future__ import annotations

from plugins.cache.key import LINE, url_of
from plugins.cache.sizes import DISTINCT_KEY, DISTINCT_URL


class UrlIndex:
    """URL → the keys that begin with it and go on."""

    __slots__ = ("_longer", "octets")

    def __init__(self) -> None:
        self._longer: dict[bytes, set[bytes]] = {}
        self.octets = 0
        """Memory of the index."""

    def add(self, key: bytes) -> None:
        """Take in a key that is new in the store."""
        if LINE in key:
            url = url_of(key)
            known = self._longer.get(url)
            if known is None:
                self._longer[url] = {key}
                self.octets += DISTINCT_URL + len(url) + DISTINCT_KEY
            else:
                known.add(key)
                self.octets += DISTINCT_KEY

    def discard(self, key: bytes) -> None:
        """Forget a key that has gone from the store."""
        if LINE in key:
            url = url_of(key)
            known = self._longer[url]
            known.remove(key)
            self.octets -= DISTINCT_KEY
            if not known:
                del self._longer[url]
                self.octets -= DISTINCT_URL + len(url)

    def keys(self, url: bytes) -> list[bytes]:
        """The keys of a URL that go on after it, in no order."""
        return list(self._longer.get(url, ()))
