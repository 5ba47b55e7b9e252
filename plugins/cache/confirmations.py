"""What the origin has confirmed to one worker, as the others take it over.

Workers that hold the same response, with the same validators, would ask the origin the same question: one of them asks,
and the rest hear the answer. Only what is held and unchanged is freshened so; news of anything else is dropped, and
whoever needs it asks."""

from __future__ import annotations

from collections.abc import Iterable

from plugins.cache.codec import CodecError, decode, encode
from plugins.cache.store import MemoryStore
from plugins.cache.stored import Freshening, StoredResponse

MOST_OCTETS = 1024 * 1024
"""Octets that may gather while earlier news is under way; what comes beyond that is not told."""


class Confirmations:
    """News of this worker. One sends it, as long as there is some."""

    __slots__ = ("_octets", "_records", "_sending")

    def __init__(self) -> None:
        self._records: list[str] = []
        self._octets = 0
        self._sending = False

    def add(self, stored: StoredResponse, shift: float) -> bool:
        """Take in what was just confirmed; `shift` is what wall time is ahead of the store's. Whether the caller has to
        see to it that it is sent: nobody does it yet."""
        record = encode(stored, shift).decode("latin-1")
        if self._octets + len(record) > MOST_OCTETS:
            return False
        self._records.append(record)
        self._octets += len(record)
        begins, self._sending = not self._sending, True
        return begins

    def take(self) -> list[str] | None:
        """What has gathered. `None` when nothing has: then nobody sends any more."""
        records, self._records, self._octets = self._records, [], 0
        self._sending = bool(records)
        return records or None

    def stop(self) -> None:
        """Whoever was sending does so no more."""
        self._sending = False


def take_over(records: Iterable[str], store: MemoryStore, shift: float) -> int:
    """Freshen what `store` holds of what another worker had confirmed; how many responses that were."""
    return sum(_take(record, store, shift) for record in records)


def _take(record: str, store: MemoryStore, shift: float) -> bool:
    try:
        news = decode(record.encode("latin-1"), shift)
    except (CodecError, UnicodeEncodeError):
        return False
    for stored in store.get(news.key) or ():
        if stored.variant == news.variant and _is_about(news, stored):
            return store.freshen(stored, freshening_of(news))
    return False


def _is_about(news: StoredResponse, stored: StoredResponse) -> bool:
    """Whether the origin would have told `stored` the same: it has the same validators, and came before the question.

    What was purged softly has to be asked about: nobody knows which of the two came first."""
    if stored.soft_purged or news.request_time < stored.response_time or news.status != stored.status:
        return False
    if news.etag is None and news.last_modified is None:
        return False
    return news.etag == stored.etag and news.last_modified == stored.last_modified


def freshening_of(news: StoredResponse) -> Freshening:
    """All that a validation has changed, from what it was changed to."""
    return Freshening(
        fields=news.fields,
        request_time=news.request_time,
        response_time=news.response_time,
        corrected_initial_age=news.corrected_initial_age,
        lifetime=news.lifetime,
        why=news.why,
        etag=news.etag,
        last_modified=news.last_modified,
        cache_control=news.cache_control,
        tags=news.tags,
    )
