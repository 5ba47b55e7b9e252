"""Which stored responses carry a tag, so that a purge by tag costs what it removes and not what is stored."""

from __future__ import annotations

from plugins.cache.sizes import DISTINCT_TAG
from plugins.cache.stored import StoredResponse


class TagIndex:
    """Tag → the stored responses that carry it."""

    __slots__ = ("_carriers", "octets")

    def __init__(self) -> None:
        self._carriers: dict[bytes, set[StoredResponse]] = {}
        self.octets = 0
        """Memory of the index that is not a response's own."""

    def add(self, stored: StoredResponse) -> None:
        """Take in a response under all its tags."""
        carriers = self._carriers
        for tag in stored.tags:
            known = carriers.get(tag)
            if known is None:
                carriers[tag] = {stored}
                self.octets += DISTINCT_TAG + len(tag)
            else:
                known.add(stored)

    def discard(self, stored: StoredResponse) -> None:
        """Forget a response that was taken in with the tags it has."""
        carriers = self._carriers
        for tag in stored.tags:
            known = carriers[tag]
            known.remove(stored)
            if not known:
                del carriers[tag]
                self.octets -= DISTINCT_TAG + len(tag)

    def carriers(self, tag: bytes) -> list[StoredResponse]:
        """The responses with that tag, in no order."""
        return list(self._carriers.get(tag, ()))

    def counts(self) -> list[tuple[bytes, int]]:
        """Every tag and how many responses carry it, in no order."""
        return [(tag, len(carriers)) for tag, carriers in self._carriers.items()]
