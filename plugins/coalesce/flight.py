"""One upstream exchange and all who wait for its answer. Everything that changes who waits is in this file.

    ASKING     the request is upstream; others may follow
    UNDER_WAY  the head is there, the content is still coming; others may join as long as all of it is at hand
    OVER       nobody can follow or join any more

The exchange runs in the task of the request that came first, or in a task of its own. If that request's client leaves,
the task goes on as long as others wait: it belongs to nobody. It ends when the last one has left."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, Protocol

from gateway.api import BodyStream, Fields, Monotonic, Request
from plugins.coalesce.asked import Asked, asked_by
from plugins.coalesce.key import Parts
from plugins.coalesce.reasons import ApartReason


class State(Enum):
    """How far an exchange has come."""

    ASKING = "asking"
    UNDER_WAY = "under_way"
    OVER = "over"


class Cancellable(Protocol):
    """The part of a task that a flight needs."""

    def cancel(self) -> object: ...


class Member:
    """A request that waits for another one's answer."""

    __slots__ = ("asked", "due", "joined", "leads", "outcome", "parts", "request", "waiter")

    def __init__(
        self,
        request: Request,
        asked: Asked,
        parts: Parts | None,
        joined: Monotonic,
        due: Monotonic,
        waiter: Any,
        *,
        leads: bool = False,
    ) -> None:
        self.request = request
        self.asked = asked
        self.parts = parts
        """`None` when it is like the one it follows, to the octet."""
        self.joined = joined
        self.due = due
        """When it stops waiting."""
        self.waiter = waiter
        self.leads = leads
        """Whether the exchange is made for it, in a task of its own: it gets the answer whatever that is."""
        self.outcome: Any = None
        """What became of its wait, as soon as that is decided: it may hear of it a turn of the loop later."""


class Flight:
    """An exchange that others may come to share. It is the keeper of the task it runs in."""

    # Defaults on the class: one is made for every request, and most of them need only what changes.
    state = State.ASKING
    key: Any = None
    """Where others find it; `None` as long as there is no other request for its target."""
    parts: Parts | None = None
    answer: Any = None
    """What those who join get, once the head is there."""
    task: Cancellable | None = None
    timer: Any = None
    """Ends the wait of those whose time is up."""
    timer_at = Monotonic(0.0)
    members: dict[Member, None] | None = None
    """Those who follow, in the order they came; `None` until the first one comes."""
    followers = 0
    """How many have ever followed."""
    has_leader = True
    """Whether the request that came first still waits itself."""
    is_own = False
    """Whether it runs in a task of its own, with a request of its own."""
    attributes: dict[str, Any] | None = None
    """The word that plugins in front had left on the request."""
    interims: list[tuple[int, Fields]] | None = None
    led_interim: Any = None

    def __init__(self, request: Request, begun: int) -> None:
        self.request = request
        """What goes upstream. Plugins behind may have changed it."""
        self.asked = asked_by(request)
        """What it was when it came."""
        self.begun = begun
        """Changes that had been made by then."""
        if request.attributes is not None:
            self.attributes = dict(request.attributes)

    # --- who waits ------------------------------------------------------------------------------

    def follow(self, member: Member) -> None:
        """A request waits for the answer from here on."""
        if self.members is None:
            self.members = {}
            if not self.is_own:
                self.led_interim = self.request.interim
                self.request.interim = self.relay
        self.members[member] = None
        self.followers += 1
        if self.interims and member.request.interim is not None:
            for status, fields in self.interims:
                member.request.interim(status, fields)

    def leave(self, member: Member) -> None:
        """A request waits no longer. The exchange is given up when nobody is left."""
        if self.members is not None and self.members.pop(member, self) is None and self.is_deserted:
            self.give_up()

    @property
    def is_deserted(self) -> bool:
        """Whether nobody waits for the head any more."""
        return self.state is State.ASKING and not self.has_leader and not self.members

    def give_up(self) -> None:
        """Nobody wants the answer."""
        self.state = State.OVER
        if self.task is not None:
            self.task.cancel()

    def keeps(self) -> bool:
        """The client of the first request has left: whether the exchange goes on for others."""
        if self.state is State.ASKING and self.members:
            self.has_leader = False
            return True
        return False

    # --- what comes -----------------------------------------------------------------------------

    def relay(self, status: int, fields: Fields) -> None:
        """A 1xx response on its way: for all who wait, and for those still to come (RFC 9110 §15.2)."""
        if self.state is not State.ASKING:
            return
        if self.led_interim is not None and self.has_leader:
            self.led_interim(status, fields)
        if self.interims is None:
            self.interims = []
        self.interims.append((status, fields))
        for member in self.members or ():
            if member.request.interim is not None:
                member.request.interim(status, fields)

    def land(self, state: State) -> list[Member]:
        """The wait for the head is over. Returns those who waited; they are nobody's members any more."""
        self.state = state
        if self.led_interim is not None:
            self.request.interim, self.led_interim = self.led_interim, None
        members, self.members = self.members, {} if self.members is not None else None
        return [] if members is None else list(members)

    # --- time -----------------------------------------------------------------------------------

    @property
    def due_at(self) -> Monotonic | None:
        """When the next one stops waiting."""
        return min((member.due for member in self.members or ()), default=None)

    def overdue(self, now: Monotonic) -> list[Member]:
        """Those whose time is up; they wait no longer. It may be that nobody is left: see `is_deserted`."""
        members = self.members or {}
        late = [member for member in members if member.due <= now]
        for member in late:
            del members[member]
        return late

    def lies_apart(self) -> None:
        """The exchange gets a task and a request of its own."""
        self.is_own, self.has_leader = True, False
        self.request.interim = self.relay


class Given(NamedTuple):
    """The outcome of a wait that was worth it."""

    answer: Any
    """A `SharedAnswer`."""
    body: BodyStream | bytes
    at: Monotonic
    """When the head came."""


class Turned(NamedTuple):
    """The outcome of a wait for an answer that did not come, or is not shared with whoever waited."""

    reason: ApartReason
    error: Exception | None = None
    """What the exchange failed with."""
    said: Any = None
    """What plugins behind said about it, a `SharedAnswer` without a response."""

    def say(self, request: Request) -> None:
        """Leave that with a request which the error ends as well."""
        if self.said is not None:
            self.said.tell(request)
