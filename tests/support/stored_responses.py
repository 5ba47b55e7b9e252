"""Stored responses to fill a store with."""

from collections.abc import Callable, Iterable

from gateway.api import Fields, WallTime
from gateway.http.cache_control import NO_DIRECTIVES
from plugins.cache.store import MemoryStore
from plugins.cache.stored import Freshening, StoredResponse


def stored_response(
    key: bytes = b"http://shop.example/",
    *,
    variant: bytes = b"",
    octets: int = 100,
    tags: Iterable[bytes] = (),
    route: str = "",
    status: int = 200,
    at: float = 0.0,
    origin_seconds: float = 0.0,
    fields: Iterable[tuple[bytes, bytes]] = ((b"Content-Type", b"text/plain"),),
) -> StoredResponse:
    """A response with `octets` of content that was asked for, answered and stored at second `at`."""
    return StoredResponse(
        key=key,
        variant=variant,
        route=route,
        status=status,
        fields=Fields(fields),
        body=bytes(octets),
        request_time=WallTime(at),
        response_time=WallTime(at),
        stored_at=WallTime(at),
        lifetime=60.0,
        tags=frozenset(tags),
        origin_seconds=origin_seconds,
    )


def freshening(
    *, fields: Iterable[tuple[bytes, bytes]] = (), at: float = 0.0, lifetime: float = 60.0, tags: Iterable[bytes] = ()
) -> Freshening:
    """What a validation at second `at` says."""
    return Freshening(
        fields=Fields(fields),
        request_time=WallTime(at),
        response_time=WallTime(at),
        corrected_initial_age=0.0,
        lifetime=lifetime,
        why="",
        etag=None,
        last_modified=None,
        cache_control=NO_DIRECTIVES,
        tags=frozenset(tags),
    )


def contents(store: MemoryStore) -> set[tuple[bytes, bytes]]:
    """Key and secondary key of everything in the store."""
    return {(stored.key, stored.variant) for stored in store}


def ends_of(stored: StoredResponse) -> list[StoredResponse]:
    """A list that the response is put into when it ends."""
    ended: list[StoredResponse] = []
    note: Callable[[StoredResponse], None] = ended.append
    stored.on_end(note)
    return ended
