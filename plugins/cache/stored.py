"""A stored response: what an origin answered, what the rules made of it, and what was derived from it.

What it says is changed in one place, `freshen`. After that, after a soft purge, and when it leaves the store, whoever
made something of it hears so once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.api import Fields, Reason, WallTime
from gateway.http.cache_control import NO_DIRECTIVES, CacheControl
from gateway.http.flow import call_all
from plugins.cache.s3fifo import Queued
from plugins.cache.sizes import octets_of, size_of, size_of_derived

if TYPE_CHECKING:
    from gateway.http.validators import EntityTag

T = TypeVar("T")

NEVER = WallTime(0.0)

RequestFields = tuple[tuple[bytes, bytes | None], ...]
"""Lower-case name and value (lines joined, `None` where absent) of each request field that Vary names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshening:
    """All that a successful validation changes (RFC 9111 §4.3.4)."""

    fields: Fields
    """The updated fields, complete."""
    request_time: WallTime
    response_time: WallTime
    corrected_initial_age: float
    lifetime: float
    why: Reason | str
    etag: EntityTag | None
    last_modified: WallTime | None
    cache_control: CacheControl
    tags: frozenset[bytes]


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class StoredResponse(Queued):
    """One stored response. What finds it and its content never change; `uses` and `last_used` do with each use."""

    key: bytes
    """The primary key."""
    variant: bytes = b""
    """The secondary key: names and normalised values of the request fields that Vary names; empty without Vary."""
    request_fields: RequestFields = ()
    """What stood in those fields (RFC 9111 §4.1)."""
    route: str = ""
    """Name of the route it was stored for."""

    status: int
    reason: bytes | None = None
    fields: Fields
    """Without the fields that must not be stored (RFC 9111 §3.1)."""
    body: bytes

    request_time: WallTime
    """When the request that brought it, or confirmed it last, was sent (RFC 9111 §4.2.3)."""
    response_time: WallTime
    """When its response arrived."""
    stored_at: WallTime
    """When it was stored; confirmations do not change it."""
    corrected_initial_age: float = 0.0
    """Its age at `response_time`, in seconds."""
    lifetime: float = 0.0
    """Freshness lifetime in seconds (RFC 9111 §4.2.1)."""
    why: Reason | str = ""
    """Where the lifetime comes from."""
    etag: EntityTag | None = None
    last_modified: WallTime | None = None
    cache_control: CacheControl = NO_DIRECTIVES
    """The directives that count for us: those of a targeted field where there is one (RFC 9213)."""
    tags: frozenset[bytes] = frozenset()
    """What it can be purged by."""
    origin_seconds: float = 0.0
    """How long the origin took: what each use saves."""

    last_used: WallTime = NEVER
    """When it was used last, or `NEVER`."""
    soft_purged: bool = field(default=False, init=False)
    """Stale whatever its lifetime says, until it is freshened."""
    doubted: bool = field(default=False, init=False)
    """Another gateway may have changed it: to be held against the far tier before it is used again."""

    rival_fields: frozenset[bytes] = field(default=frozenset(), init=False)
    """Lower-case names of the request fields by which this one or another of its key is selected, when there are, or
    were, several: an origin may name others in Vary each time. For whoever answers without selecting."""
    _derived: dict[str, tuple[Any, int, bool]] | None = field(default=None, init=False)
    _dependents: list[Callable[[StoredResponse], None]] | None = field(default=None, init=False)
    account: Callable[[StoredResponse, int], bool] | None = field(default=None, init=False)
    """For the store that holds it: takes note that it grew by so many octets, or refuses that."""

    def __repr__(self) -> str:
        return f"<StoredResponse {self.key!r} {self.status}, {self.size} octets>"

    @property
    def names(self) -> tuple[bytes, ...]:
        """Of the request fields that Vary names, in lower case."""
        return tuple([name for name, _ in self.request_fields])

    @property
    def is_stored(self) -> bool:
        """Whether a store holds it."""
        return self.place is not None

    def use(self, now: WallTime) -> None:
        """Note that it answered a request."""
        self.uses += 1
        self.last_used = now

    # ---- what is derived ---------------------------------------------------------------------------------------------

    def derive(
        self,
        name: str,
        make: Callable[[StoredResponse], T],
        size: Callable[[T], int] = octets_of,
        *,
        of_body: bool = False,
    ) -> T:
        """What `make` gives for this response: made once, kept beside it, gone with it.

        It counts in the response's size with the octets that `size` gives. Freshening forgets it, unless it is
        `of_body`: made of nothing but the content, which a validation does not change. What would make the response
        too large is made again each time."""
        if self._derived is not None and (found := self._derived.get(name)) is not None:
            kept: T = found[0]
            return kept
        made = make(self)
        self.keep(name, made, size(made), of_body=of_body)
        return made

    def derived(self, name: str) -> Any:
        """What is kept under that name, `None` when nothing is."""
        if self._derived is None or (found := self._derived.get(name)) is None:
            return None
        return found[0]

    def keep(self, name: str, made: object, size: int, *, of_body: bool = False) -> bool:
        """Keep what was made of this response elsewhere (in a thread, say) as `derive` does; whether there was room."""
        shelf = {} if self._derived is None else self._derived
        before = shelf.get(name)
        shelf[name] = (made, size, of_body)
        self._derived = shelf
        growth = self.measure() - self.size
        if self.account is None:
            self.size += growth
        elif not self.account(self, growth):
            if before is not None:
                shelf[name] = before
            else:
                del shelf[name]
                self._derived = shelf or None
            return False
        return True

    def measure(self) -> int:
        """Octets of memory that it takes now, the places in the store's tables included."""
        derived = self._derived
        return size_of(self) if derived is None else size_of(self) + size_of_derived(derived.values())

    # ---- changes -----------------------------------------------------------------------------------------------------

    def freshen(self, by: Freshening) -> None:
        """Take over what a validation says, as `MemoryStore.freshen` wants it: only there is the index kept right."""
        self.fields = by.fields
        self.request_time = by.request_time
        self.response_time = by.response_time
        self.corrected_initial_age = by.corrected_initial_age
        self.lifetime = by.lifetime
        self.why = by.why
        self.etag = by.etag
        self.last_modified = by.last_modified
        self.cache_control = by.cache_control
        self.tags = by.tags
        self.soft_purged = self.doubted = False
        if self._derived is not None:
            self._derived = {name: made for name, made in self._derived.items() if made[2]} or None

    def on_end(self, callback: Callable[[StoredResponse], None]) -> None:
        """Call back once when the response is no longer what it is now: it left the store, was freshened or made stale,
        or another one came for its key, which may now answer in its place.

        At once if no store holds it. What answers without looking here again (a replay) belongs to this."""
        if self.place is None:
            callback(self)
        elif self._dependents is None:
            self._dependents = [callback]
        else:
            self._dependents.append(callback)

    def end(self) -> None:
        """Call back whoever waits for the end of what it was. For the store."""
        callbacks, self._dependents = self._dependents, None
        if callbacks is not None:
            call_all(callbacks, self)
