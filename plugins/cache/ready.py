"""What a fresh stored response answers to a head that came before, kept ready: the short way of a hit.

The first hit takes the long way, through key, selection and plan, and leaves word beside the fields of its head, which
all requests with the same octets share. The next one asks only what may have changed since: whether the stored response
is still what it was, and still fresh. Nothing here decides anything that the long way has not decided before."""

from __future__ import annotations

from gateway.api import Fields, Request, Response, WallTime
from plugins.cache.ahead import fresh_until
from plugins.cache.answer import Heads
from plugins.cache.freshness import age_seconds, current_age, remaining_seconds
from plugins.cache.status import CacheStatus
from plugins.cache.stored import StoredResponse

READY_OCTETS = 700
"""What it takes beside its stored response, but for the copy of head and content, ready to be written, that the
listener keeps of answers up to `COPIED`."""
COPIED = 64 * 1024
"""Octets of content."""
DECIDES = frozenset(
    {
        *(b"cache-control", b"pragma", b"range", b"if-range"),
        *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
    }
)
"""Request fields whose meaning depends on the time, or that ask for something other than the whole."""


class Ready:
    """A stored response as one route answers with it, until it ends or is changed."""

    __slots__ = (
        "_from",
        "_heads",
        "_response",
        "_status",
        "_stored",
        "_to",
        "alive",
        "made_by",
        "until",
    )

    def __init__(self, stored: StoredResponse, heads: Heads, status: CacheStatus | None, made_by: object) -> None:
        """`made_by` knows it again: others (after a reload, say) make their own."""
        self._stored: StoredResponse | None = stored
        self._heads = heads
        self._status = status
        self.made_by = made_by
        self.alive = True
        """Whether the stored response is in its store, is what it was, and is the one that answers."""
        self.until = fresh_until(stored)
        """When the long way has to be asked: it is no longer fresh, or is to be refreshed."""
        self._response = Response(stored.status, Fields(), stored.body, stored.reason)
        self._from = self._to = 0.0

    def end(self, stored: StoredResponse) -> None:
        """For `on_end` of the stored response: a head that remembers this must not keep its content in memory."""
        self.alive = False
        self._stored = None
        self._response = Response(204, Fields())

    def use(self, now: WallTime) -> Response:
        """The answer as of `now`, shared by all who get it meanwhile. It counts as a use."""
        stored = self._stored
        assert stored is not None, "it is alive"
        stored.uses += 1
        stored.last_used = now
        if not self._from <= now <= self._to:
            self._write(stored, now)
        return self._response

    def _write(self, stored: StoredResponse, now: WallTime) -> None:
        age = current_age(stored, now)
        remaining = remaining_seconds(stored, age)
        fields = self._heads.at(age_seconds(age), None if self._status is None else self._status.fresh(remaining))
        self._response = Response(stored.status, fields, stored.body, stored.reason)
        self._response.dated = self._response.shared = True
        self._response.stored = stored
        self._from = now
        self._to = lines_hold_until(stored, age)


def octets_of_ready(stored: StoredResponse) -> int:
    """What a `Ready` of that response takes."""
    length = len(stored.body)
    return READY_OCTETS + (length + len(stored.fields.encode()) if length <= COPIED else 0)


def lines_hold_until(stored: StoredResponse, age: float) -> float:
    """Until when, on the wall clock, a response that is `age` seconds old has the Age and the `ttl` it has now."""
    oldest = min(age_seconds(age), stored.lifetime - remaining_seconds(stored, age))
    return stored.response_time + oldest - stored.corrected_initial_age


def may_be_known(request: Request) -> bool:
    """Whether the answer to `request` depends on nothing but its head and the stored response, as long as that is fresh
    and its very octets are expected again."""
    fields = request.fields
    return fields.notes is not None and request.method == "GET" and not fields.has_any(DECIDES)
